//! Backups, made while the server runs, and what comes back of them: hosts that saw the newer state
//! follow, and nothing that was given out is given out again as something else.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::harness::apt::AptRoot;
use crate::harness::programs::{Outcome, program};
use crate::harness::server::{TestServer, package};

mod backups;
mod hosts;

/// How long the server may take to lead hosts on. Unit: seconds.
const PATIENCE: Duration = Duration::from_secs(60);

/// A server, and a directory of its backups.
struct Place {
    server: TestServer,
    backups: String,
}

impl Place {
    fn new() -> Self {
        let server = TestServer::start();
        let backups = server.at("backups");
        Self { server, backups }
    }

    fn config(&self) -> String {
        self.server.at("data/repod.toml")
    }

    fn back_up(&self, more: &[&str]) -> Outcome {
        let config = self.config();
        let words = ["backup", &self.backups, "--config", &config];
        self.server.repod(&[&words[..], more].concat()).run()
    }

    /// Restores the last backup into the data directory; the server is stopped.
    fn restore(&self) -> Outcome {
        let data = self.server.at("data");
        self.server.repod(&["restore", &self.backups, "--data", &data]).run()
    }

    fn check(&self) -> Outcome {
        self.server.repod(&["check", "--config", &self.config()]).run()
    }

    /// The names of all whole backups.
    fn names(&self) -> Vec<String> {
        let listed = self.server.repod(&["backup", &self.backups, "--list"]).run();
        let listed = listed.expect_success().stdout;
        listed.lines().filter_map(|line| Some(line.split_once("  ")?.0.to_owned())).collect()
    }

    fn json(&self, words: &[&str]) -> Value {
        let told = self.server.repoctl(&[words, &["--json"]].concat()).expect_success();
        serde_json::from_str(&told.stdout).unwrap()
    }

    /// The number of the last generation of `stable`.
    fn last_generation(&self) -> u64 {
        self.json(&["history", "--suite", "stable"])[0]["generation"].as_u64().unwrap()
    }

    /// Waits until `stable` was published after a restoration.
    #[track_caller]
    fn led_on(&self) {
        let begun = Instant::now();
        loop {
            let last = &self.json(&["history", "--suite", "stable"])[0];
            if last["message"].as_str().is_some_and(|message| message.contains("restored")) {
                return;
            }
            assert!(begun.elapsed() < PATIENCE, "not led on: {last}\n{}", self.server.log());
            std::thread::sleep(Duration::from_millis(200));
        }
    }
}

/// Updates and upgrades with the real apt, and has what it installed of `acme-web`.
#[track_caller]
fn follow(host: &AptRoot) -> Option<String> {
    host.update().expect_success();
    host.upgrade().expect_success();
    host.installed("acme-web")
}

//! What speaks to a server from other threads while the test stops and starts it.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::harness::deb::DebBuilder;
use crate::harness::programs::{Outcome, Program, program};
use crate::harness::server::TestServer;

/// Tells other threads that it is over when it is dropped, also by a panic.
pub struct Over<'o>(pub &'o AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

/// The first operator, and one host.
pub struct Client {
    profile: String,
    debs: PathBuf,
    ca: String,
    own: String,
    url: String,
}

impl Client {
    /// Clients of a server that has issued a certificate for `host`.
    pub fn of(server: &TestServer, host: &str) -> Self {
        let debs = PathBuf::from(server.at("debs"));
        std::fs::create_dir_all(&debs).unwrap();
        Self {
            profile: server.at("data/operator/config.toml"),
            debs,
            ca: server.at("data/ca/ca.crt"),
            own: server.at(&format!("hosts/{host}/etc/apt/repod/repo.example.org")),
            url: server.url(),
        }
    }

    /// `repoctl ARGS`.
    pub fn repoctl(&self, args: &[&str]) -> Outcome {
        let repoctl = program(env!("CARGO_BIN_EXE_repoctl"));
        repoctl.env("REPOCTL_CONFIG", &self.profile).args(args).run()
    }

    /// What `repoctl ARGS --json` prints.
    #[track_caller]
    pub fn json(&self, args: &[&str]) -> serde_json::Value {
        let outcome = self.repoctl(&[args, &["--json"]].concat()).expect_success();
        serde_json::from_str(&outcome.stdout).expect("it prints JSON")
    }

    /// Builds a package and gives its path.
    pub fn deb(&self, builder: &DebBuilder) -> String {
        let path = self.debs.join(builder.file_name());
        std::fs::write(&path, builder.build()).unwrap();
        path.display().to_string()
    }

    /// `curl`, as the host; not yet told what to fetch.
    pub fn curl(&self) -> Program {
        let (certificate, key) =
            (format!("{}/client.crt", self.own), format!("{}/client.key", self.own));
        program("curl").args(["-sS", "--http1.1", "--max-time", "60", "--cacert", &self.ca]).args([
            "--cert",
            &certificate,
            "--key",
            &key,
        ])
    }

    /// The address of a path.
    pub fn address(&self, path: &str) -> String {
        format!("{}/{path}", self.url)
    }

    /// Fetches one path; fails on any answer but a good one.
    pub fn fetch(&self, path: &str) -> Outcome {
        self.curl().arg("--fail").arg(self.address(path)).run()
    }

    /// Where every version of every package stands in a suite.
    pub fn placements(&self, suite: &str) -> BTreeMap<(String, String), String> {
        let listed = self.json(&["list", "--suite", suite, "--all"]);
        let text = |one: &serde_json::Value, field: &str| {
            one[field].as_str().expect("it is text").to_owned()
        };
        let place = |one: &serde_json::Value| {
            ((text(one, "package"), text(one, "version")), text(one, "state"))
        };
        listed.as_array().expect("it is a list").iter().map(place).collect()
    }

    /// Every generation of a suite, the newest first.
    pub fn generations(&self, suite: &str) -> Vec<serde_json::Value> {
        let all = self.json(&["history", "--suite", suite, "--limit", "1000"]);
        all.as_array().expect("it is a list").clone()
    }
}

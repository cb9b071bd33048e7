//! Bad input: each is refused with the cause and the cure, with the right exit code, and leaves
//! everything as it was.

mod batches;
mod disk;
mod owned;
mod packages;
mod places;
mod serve;
mod who;
mod wire;

use std::path::{Path, PathBuf};
use std::slice::from_ref;
use std::time::{Duration, Instant};

use sha2::{Digest as _, Sha256};

use crate::check::fetch::{Curl, Source as _};
use crate::harness::programs::Outcome;
use crate::harness::server::TestServer;

/// The host through which these tests see what hosts see.
const WATCHER: &str = "watcher.example.org";

/// A server with a host that watches it and one package that is published.
fn watched() -> TestServer {
    let server = TestServer::start();
    server.upload("acme-web", "1.0").expect_success();
    server.host(WATCHER).update().expect_success();
    // The head is signed again once Contents are there, which no refusal is to blame for.
    let begun = Instant::now();
    let release = || watcher(&server).fetch(&["dists/stable/Release".to_owned()]).remove(0).body;
    while !String::from_utf8_lossy(&release()).contains("main/Contents-amd64.gz") {
        assert!(begun.elapsed() < Duration::from_secs(30), "contents are never listed");
        std::thread::sleep(Duration::from_millis(100));
    }
    server
}

/// How a suite stands: what hosts see of it, and what operators do.
#[derive(Debug, PartialEq, Eq)]
struct Standing {
    generation: u64,
    /// SHA-256 of InRelease, Release and Release.gpg together.
    heads: String,
}

impl Standing {
    fn of(server: &TestServer) -> Self {
        let names = ["InRelease", "Release", "Release.gpg"];
        let paths = names.map(|name| format!("dists/stable/{name}"));
        let mut hasher = Sha256::new();
        let watcher = watcher(server);
        // One after the other: the server gives the Release.gpg of the Release before it.
        for answer in paths.iter().flat_map(|path| watcher.fetch(from_ref(path))) {
            assert_eq!(answer.status, 200, "{:?}", answer.headers);
            hasher.update(&answer.body);
        }
        let shown = server.repoctl(&["suite", "show", "stable", "--json"]).expect_success().stdout;
        let shown: serde_json::Value = serde_json::from_str(&shown).unwrap();
        let generation = shown["generation"].as_u64().unwrap();
        Self { generation, heads: hex::encode(hasher.finalize()) }
    }
}

fn watcher(server: &TestServer) -> Curl {
    let own = PathBuf::from(server.at(&format!("hosts/{WATCHER}/etc/apt/repod/localhost")));
    Curl::new(&server.url())
        .ca(&server.data().join("ca/ca.crt"))
        .certificate(&own.join("client.crt"), &own.join("client.key"))
}

/// Does something that must change nothing.
#[track_caller]
fn unchanged<T>(server: &TestServer, act: impl FnOnce() -> T) -> T {
    let before = Standing::of(server);
    let done = act();
    assert_eq!(Standing::of(server), before, "something was changed");
    nothing_is_staged(server);
    done
}

/// Nothing is left in staging. A sender that went away is noticed within a moment.
#[track_caller]
fn nothing_is_staged(server: &TestServer) {
    let staging = server.data().join("pool/staging");
    let left = || -> Vec<_> {
        let entries = std::fs::read_dir(&staging).unwrap();
        entries.map(|entry| entry.unwrap().path()).collect()
    };
    let begun = Instant::now();
    while !left().is_empty() {
        assert!(begun.elapsed() < Duration::from_secs(20), "left in staging: {:?}", left());
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Every blob of the pool.
fn blobs(server: &TestServer) -> usize {
    let found = walkdir::WalkDir::new(server.data().join("pool/blobs")).into_iter();
    found.filter(|entry| entry.as_ref().unwrap().file_type().is_file()).count()
}

/// A file of the test's own.
fn file(server: &TestServer, name: &str, content: &[u8]) -> String {
    let path = server.at(&format!("files/{name}"));
    std::fs::create_dir_all(Path::new(&path).parent().unwrap()).unwrap();
    std::fs::write(&path, content).unwrap();
    path
}

/// A message for people: it begins with `error:`, says each of `texts`, and shows nothing that only a
/// programmer can read.
#[track_caller]
fn told(outcome: Outcome, code: i32, texts: &[&str]) -> Outcome {
    let outcome = outcome.expect_code(code);
    assert!(outcome.stdout.is_empty(), "an error is not a result: {outcome}");
    assert!(outcome.stderr.starts_with("error: "), "{outcome}");
    for text in texts {
        assert!(outcome.stderr.contains(text), "wanted {text:?} from: {outcome}");
    }
    for noise in ["panicked", "RUST_BACKTRACE", "Some(", "None", "Err(", "::", "reqwest", "hyper"] {
        assert!(!outcome.stderr.contains(noise), "{noise:?} is noise: {outcome}");
    }
    if std::env::var_os("REPOD_TEST_SHOW").is_some() {
        println!("$ {}\n{}", outcome.command, outcome.stderr);
    }
    outcome
}

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
use std::time::{Duration, Instant};

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
    server
}

/// How a suite stands: what hosts see of it, and what operators do.
#[derive(Debug, PartialEq, Eq)]
struct Standing {
    generation: u64,
    /// What InRelease, Release and Release.gpg offer. A refusal is not to blame for what follows a
    /// publish in its own time: Contents and xz are listed in a head that is signed again.
    offered: String,
}

impl Standing {
    fn of(server: &TestServer) -> Self {
        let names = ["InRelease", "Release", "Release.gpg"];
        let watcher = watcher(server);
        // One after the other: the server gives the Release.gpg of the Release before it.
        let bodies = names.map(|name| {
            let answer = watcher.fetch(&[format!("dists/stable/{name}")]).remove(0);
            assert_eq!(answer.status, 200, "{:?}", answer.headers);
            String::from_utf8(answer.body).unwrap()
        });
        let text = bodies[..2].join("\n");
        let offered: Vec<_> = text.lines().filter(|line| is_of_the_generation(line)).collect();
        assert!(offered.iter().any(|line| line.ends_with("main/binary-amd64/Packages")), "{text}");
        let shown = server.repoctl(&["suite", "show", "stable", "--json"]).expect_success().stdout;
        let shown: serde_json::Value = serde_json::from_str(&shown).unwrap();
        let generation = shown["generation"].as_u64().unwrap();
        Self { generation, offered: offered.join("\n") }
    }
}

/// Whether a line of a Release file says what the generation is, not when it was signed and by what
/// signature, nor what is listed later.
fn is_of_the_generation(line: &str) -> bool {
    let later = line.contains("/Contents-") || line.ends_with(".xz");
    let signed = ["Date:", "Valid-Until:"].iter().any(|field| line.starts_with(field));
    // Radix-64 lines have no space; every line of a Release file has one but names of lists.
    !later && !signed && line.contains(' ')
}

fn watcher(server: &TestServer) -> Curl {
    let own = PathBuf::from(server.at(&format!("hosts/{WATCHER}/etc/apt/repod/repo.example.org")));
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

/// Every file of packages in the pool.
fn blobs(server: &TestServer) -> usize {
    let found = ["blobs", "bundles"].map(|name| server.data().join("pool").join(name));
    let found = found.into_iter().flat_map(walkdir::WalkDir::new);
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

//! Enrolment and renewal with the real commands: a token, a new machine, the certificate after that.

mod clock;
mod fresh;
mod groups;
mod killed;
mod links;
mod renewals;
mod tokens;
mod wire;

use std::path::{Path, PathBuf};

use crate::harness::programs::{self, Outcome, Program};
use crate::harness::server::TestServer;

const NAME: &str = "web-01.example.org";

/// Where a host keeps what it holds for the server of a test.
const OWN: &str = "etc/apt/repod/repo.example.org";

/// A token for a host of `stable`.
fn token(server: &TestServer, name: &str, more: &[&str]) -> String {
    let args = [&["host", "token", name, "--suite", "stable"][..], more].concat();
    let told = server.repoctl(&args).expect_success();
    let token = told.stdout.trim().to_owned();
    assert!(token.starts_with("repod1:") && !token.contains('\n'), "{told}");
    token
}

/// `repoctl host ARGS --root ROOT`, without any profile.
fn on_host(root: &Path, args: &[&str]) -> Program {
    let root = root.display().to_string();
    programs::program(env!("CARGO_BIN_EXE_repoctl")).arg("host").args(args).args(["--root", &root])
}

fn enroll(root: &Path, token: &str) -> Outcome {
    on_host(root, &["enroll", token]).run()
}

/// A directory as the root of a machine.
fn empty_root() -> tempfile::TempDir {
    tempfile::Builder::new().prefix("enrol-").tempdir().unwrap()
}

/// What the server answers to the pair that the host shows now.
fn asks(server: &TestServer, root: &Path, path: &str) -> String {
    let own = root.join(OWN).display().to_string();
    let outcome = programs::program("curl")
        .args(["-sS", "--http1.1", "-o", "/dev/null", "-w", "%{http_code}"])
        .args(["--cacert", &format!("{own}/ca.crt"), "--cert", &format!("{own}/client.crt")])
        .args(["--key", &format!("{own}/client.key")])
        .arg(format!("{}/{path}", server.url()))
        .run();
    outcome.expect_success().stdout
}

/// The serial of the certificate in use.
fn serial(root: &Path) -> String {
    let certificate = root.join(OWN).join("client.crt").display().to_string();
    let told = programs::program("openssl")
        .args(["x509", "-noout", "-serial", "-in", &certificate])
        .run()
        .expect_success();
    told.stdout.trim().trim_start_matches("serial=").to_lowercase()
}

/// The directories of pairs that the host keeps.
fn pairs(root: &Path) -> Vec<PathBuf> {
    let place = root.join(OWN).join("certificates");
    std::fs::read_dir(place).unwrap().map(|entry| entry.unwrap().path()).collect()
}

/// The parts of a token.
fn parts(token: &str) -> repod::api::TokenText {
    repod::api::TokenText::parse(token).unwrap()
}

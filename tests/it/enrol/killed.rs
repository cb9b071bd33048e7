//! The command is killed, at moments all over its run: what apt finds always belongs together, and the
//! same command again goes on where it was.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use super::{OWN, asks, empty_root, enroll, on_host, pairs, token};
use crate::harness::programs;
use crate::harness::server::TestServer;

/// Starts `repoctl host ARGS` and kills it after a while; whether it had ended before.
fn kill_after(root: &Path, args: &[&str], wait: Duration) -> bool {
    let mut child = Command::new(env!("CARGO_BIN_EXE_repoctl"))
        .arg("host")
        .args(args)
        .arg("--root")
        .arg(root)
        .env_clear()
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    std::thread::sleep(wait);
    let ended = child.try_wait().unwrap().is_some();
    let _ = child.kill();
    child.wait().unwrap();
    ended
}

/// How long a command takes that nobody kills, or a little more.
fn whole_run(run: impl FnOnce()) -> Duration {
    let begun = std::time::Instant::now();
    run();
    begun.elapsed() * 5 / 4
}

fn public_key(args: &[&str], file: &Path) -> String {
    let file = file.display().to_string();
    programs::program("openssl").args(args).args(["-in", &file]).run().expect_success().stdout
}

/// The two files that apt reads are there together, and fit.
fn expect_a_pair(root: &Path) {
    let own = root.join(OWN);
    let certificate = public_key(&["x509", "-noout", "-pubkey"], &own.join("client.crt"));
    let key = public_key(&["pkey", "-pubout"], &own.join("client.key"));
    assert_eq!(certificate, key, "apt would find a key that does not fit its certificate");
}

#[test]
fn an_enrolment_that_is_killed_anywhere_goes_on_where_it_was() {
    let server = TestServer::start();
    let first = token(&server, "first.example.org", &[]);
    let (elsewhere, mut whole) = (empty_root(), 0);
    let long = whole_run(|| drop(enroll(elsewhere.path(), &first).expect_success()));
    for round in 0..40 {
        let name = format!("web-{round}.example.org");
        let (root, token) = (empty_root(), token(&server, &name, &[]));
        for _ in 0..2 {
            let wait = long * round / 40;
            whole += usize::from(kill_after(root.path(), &["enroll", &token], wait));
            if root.path().join(OWN).join("client.key").exists() {
                expect_a_pair(root.path());
            }
            if root.path().join("etc/apt/sources.list.d").exists() {
                assert_eq!(asks(&server, root.path(), "dists/stable/InRelease"), "200");
            }
        }
        enroll(root.path(), &token).expect_success();
        assert_eq!(asks(&server, root.path(), "dists/stable/InRelease"), "200");
        assert_eq!(pairs(root.path()).len(), 1, "{round}");
        let shown = server.repoctl(&["host", "show", &name, "--json"]).expect_success();
        assert_eq!(shown.stdout.matches("\"serial\"").count(), 1, "{shown}");
    }
    assert!(whole < 60, "nearly none was killed: it is too fast for this test");
}

#[test]
fn a_renewal_that_is_killed_anywhere_leaves_a_pair_that_works() {
    let server = TestServer::start();
    let (root, mut long) = (empty_root(), Duration::ZERO);
    for round in 0..40 {
        if round % 20 == 0 {
            // Before too many were issued to one name in a day.
            let name = format!("web-{round}.example.org");
            let token = token(&server, &name, &[]);
            long = whole_run(|| drop(enroll(root.path(), &token).expect_success()));
        }
        kill_after(root.path(), &["renew", "--force"], long * round / 40);
        expect_a_pair(root.path());
        assert_eq!(asks(&server, root.path(), "dists/stable/InRelease"), "200", "{round}");
    }
    on_host(root.path(), &["renew", "--force"]).run().expect_success();
    expect_a_pair(root.path());
    assert_eq!(pairs(root.path()).len(), 2);
    let own = root.path().join(OWN);
    let left: Vec<_> = std::fs::read_dir(own)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.starts_with('.'))
        .collect();
    assert!(left.is_empty(), "{left:?}");
}

//! `--upgrade-every`: what systemd runs on a host that upgrades by itself.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::harness::programs::{Outcome, program};
use crate::harness::server::{TestServer, host_files};

const UNITS: &str = "etc/systemd/system";

/// A machine with a place for units, enrolled with these arguments.
fn enrolled(server: &TestServer, name: &str, more: &[&str]) -> (tempfile::TempDir, Outcome) {
    let root = tempfile::Builder::new().prefix("timers-").tempdir().unwrap();
    std::fs::create_dir_all(root.path().join(UNITS)).unwrap();
    let token = server.repoctl(&["host", "token", name, "--suite", "stable", "--yes"]);
    let token = token.expect_success().stdout;
    let shown = root.path().display().to_string();
    let run = program(env!("CARGO_BIN_EXE_repoctl")).args(["host", "enroll", "--root", &shown]);
    let told = run.args(more).arg(token.trim()).run();
    (root, told)
}

fn unit(root: &Path, name: &str) -> PathBuf {
    root.join(UNITS).join(name)
}

fn timer(root: &Path) -> String {
    std::fs::read_to_string(unit(root, "repod-upgrade.timer")).unwrap()
}

/// When the first run is, behind the start.
fn offset(timer: &str) -> u64 {
    let line = timer.lines().find_map(|line| line.strip_prefix("OnActiveSec=")).unwrap();
    line.trim_end_matches('s').parse().unwrap()
}

#[test]
fn a_host_upgrades_as_often_as_it_was_told_at_a_time_of_its_own() {
    let server = TestServer::start();
    let (root, told) = enrolled(&server, "web-01.example.org", &["--upgrade-every", "15m"]);
    told.expect_success().expect_says("systemctl start repod-upgrade.timer");
    let link = root.path().join(UNITS).join("timers.target.wants/repod-upgrade.timer");
    assert_eq!(std::fs::read_to_string(link).unwrap(), timer(root.path()));
    assert!(timer(root.path()).contains("\nOnUnitActiveSec=15min\n"), "{}", timer(root.path()));
    let service = std::fs::read_to_string(unit(root.path(), "repod-upgrade.service")).unwrap();
    assert!(service.contains("\nExecStart=/usr/local/sbin/repod-upgrade --now\n"), "{service}");

    // Whoever reads them takes them as they are meant.
    if Path::new("/usr/bin/systemd-analyze").exists() {
        let folder = tempfile::tempdir().unwrap();
        let text = service.replace("/usr/local/sbin/repod-upgrade", "/bin/true");
        std::fs::write(folder.path().join("repod-upgrade.service"), text).unwrap();
        std::fs::write(folder.path().join("repod-upgrade.timer"), timer(root.path())).unwrap();
        for name in ["repod-upgrade.service", "repod-upgrade.timer"] {
            let verify = program("systemd-analyze").args(["verify", "--man=no"]);
            let judged = verify.arg(folder.path().join(name)).run();
            let own = judged.stderr.lines().filter(|line| line.contains("repod-upgrade"));
            assert_eq!(own.collect::<Vec<_>>(), Vec::<&str>::new());
        }
    } else {
        println!("not judged by systemd: it is not on this machine");
    }

    // The same host has always the same time, and twelve hosts do not have one.
    let (again, _) = enrolled(&server, "web-01.example.org", &["--upgrade-every", "15m"]);
    assert_eq!(timer(again.path()), timer(root.path()));
    let out = server.at("issued");
    let offsets: BTreeSet<_> = (0..12)
        .map(|n| {
            let (name, out) = (format!("db-{n}.example.org"), format!("{out}-{n}"));
            let issue = ["host", "issue", &name, "--suite", "stable", "--out", &out];
            server.repoctl(&[&issue[..], &["--upgrade-every", "15m"]].concat()).expect_success();
            let text = timer(out.as_ref());
            assert!(offset(&text) < 15 * 60, "{text}");
            offset(&text)
        })
        .collect();
    assert!(offsets.len() > 8, "{offsets:?}");

    // Without being asked, nothing of it is there.
    let (root, told) = enrolled(&server, "web-02.example.org", &[]);
    told.expect_success();
    assert!(!unit(root.path(), "repod-upgrade.timer").exists());
}

#[test]
fn what_is_issued_by_hand_has_the_same_timer_and_its_script_starts_it() {
    let server = TestServer::start();
    let name = "web-01.example.org";
    let (root, _) = enrolled(&server, name, &["--upgrade-every", "2h"]);
    for (kind, out) in [("issue", server.at("issue")), ("setup", server.at("setup"))] {
        let mut args = vec!["host", kind, name, "--suite", "stable", "--out", &out];
        args.extend(["--upgrade-every", "2h"]);
        server.repoctl(&args).expect_success();
        let files = host_files(out.as_ref());
        let found = files.iter().find(|one| one.path == "/etc/systemd/system/repod-upgrade.timer");
        let found = found.unwrap();
        assert_eq!((found.mode, found.content.clone()), (0o644, timer(root.path()).into_bytes()));
        let script = std::fs::read_to_string(format!("{out}/install.sh")).unwrap();
        assert!(script.contains("systemctl restart repod-upgrade.timer"), "{script}");
        program("sh").args(["-n", &format!("{out}/install.sh")]).run().expect_success();
    }
}

#[test]
fn how_often_is_refused_where_it_is_no_time_between_a_minute_and_a_week() {
    let server = TestServer::start();
    for every in ["0m", "30s", "15", "8d", "2w"] {
        let (root, told) = enrolled(&server, "web-01.example.org", &["--upgrade-every", every]);
        told.expect_code(2).expect_says("from 1m to 1w");
        assert!(!root.path().join("etc/apt").exists(), "{every}");
    }
}

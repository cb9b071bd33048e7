//! Origin and Label: whatever is taken is matched by apt's preferences and by unattended-upgrades as it stands there.

use std::path::Path;

use rusqlite::params;

use crate::harness::apt::AptRoot;

use crate::harness::programs::{Outcome, is_root};
use crate::harness::server::{TestServer, host_files, package};

fn create(server: &TestServer, suite: &str, more: &[&str]) -> Outcome {
    let create = ["suite", "create", suite, "--architecture", "amd64", "--owns", "acme-*"];
    server.repoctl(&[&create[..], more].concat())
}

fn upload(server: &TestServer, suite: &str, version: &str) {
    let path = server.deb(&package("acme-web", version));
    server.repoctl(&["upload", "--suite", suite, &path]).expect_success();
}

fn issue(server: &TestServer, suite: &str) -> AptRoot {
    let out = server.at(&format!("hosts/{suite}.example.org"));
    let name = format!("{suite}.example.org");
    server.repoctl(&["host", "issue", &name, "--suite", suite, "--out", &out]).expect_success();
    let host = if is_root() { AptRoot::of_this_machine() } else { AptRoot::new() };
    host.place(&host_files(Path::new(&out)));
    host
}

/// Up by unattended-upgrades where that can be run, and down by preferences.
fn follows(server: &TestServer, suite: &str, host: &AptRoot) {
    host.update().expect_success();
    host.install(&["acme-web=1.0"]).expect_success();
    upload(server, suite, "2.0");
    host.update().expect_success();
    let upgrade = || match is_root() {
        true => host.unattended_upgrade().expect_success(),
        false => host.upgrade().expect_success(),
    };
    let told = upgrade();
    assert!(!told.says("Traceback"), "{told}");
    assert_eq!(host.installed("acme-web").as_deref(), Some("2.0"), "{suite}: {told}");
    server.repoctl(&["pin", "--suite", suite, "--rollback", "acme-web"]).expect_success();
    host.update().expect_success();
    assert_eq!(host.policy("acme-web").candidate.as_deref(), Some("1.0"), "{suite}");
    upgrade();
    assert_eq!(host.installed("acme-web").as_deref(), Some("1.0"), "{suite}");
}

#[test]
fn what_origin_and_label_may_be_is_read_by_hosts() {
    let server = TestServer::start();
    // Every sign that is not refused.
    let signs: String = (' '..='~').filter(|one| !one.is_ascii_alphanumeric()).collect();
    let refused = ",=*?[]\\\"%$;{}";
    let taken: String = signs.chars().filter(|one| !refused.contains(*one)).collect();
    let origin = format!("Société{taken}x");
    create(&server, "signs", &["--origin", &origin, "--label", "# // Acme: 'Inc.'"])
        .expect_success();
    upload(&server, "signs", "1.0");
    follows(&server, "signs", &issue(&server, "signs"));
    for sign in refused.chars() {
        let origin = format!("Acme{sign} Inc.");
        let told = create(&server, "odd", &["--origin", &origin]).expect_code(2);
        told.expect_says("origin: ")
            .expect_says(&format!("'{sign}' "))
            .expect_says("cannot be told by hosts");
        let told = create(&server, "odd", &["--origin", "Acme", "--label", &origin]).expect_code(2);
        told.expect_says("label: ");
    }
}

/// An address has colons and comes into URIs in brackets, into names of files, into preferences and into the default Origin.
#[test]
fn hosts_of_a_server_that_is_known_by_its_address_follow() {
    for name in ["::1", "127.0.0.1"] {
        let server = TestServer::named(name);
        create(&server, "stable", &[]).expect_success();
        upload(&server, "stable", "1.0");
        follows(&server, "stable", &issue(&server, "stable"));
    }
}

/// An Origin that an earlier version took goes on, by patterns that match it.
#[test]
fn hosts_follow_an_origin_of_before() {
    let mut server = TestServer::start();
    for suite in ["inc", "signs"] {
        create(&server, suite, &["--origin", "Acme"]).expect_success();
    }
    assert_eq!(server.stop(), 0);
    let raw = rusqlite::Connection::open(server.data().join("catalogue.sqlite")).unwrap();
    let odd = "/[A]cme=, \"Inc\"  50%41 ${distro_id}; {*?}";
    for (suite, origin) in [("inc", "Acme, Inc."), ("signs", odd)] {
        let sql = "UPDATE suite SET spec = json_set(spec, '$.origin', ?1, '$.label', ?1) \
                   WHERE name = ?2";
        assert_eq!(raw.execute(sql, params![origin, suite]).unwrap(), 1);
    }
    drop(raw);
    server.serve();
    let log = server.log();
    for part in ["suite inc has Origin", "suite signs has Origin", "host setup"] {
        assert!(log.contains(part), "{part}: {log}");
    }
    assert!(!log.contains("suite stable has Origin"), "{log}");
    for suite in ["inc", "signs"] {
        upload(&server, suite, "1.0");
        follows(&server, suite, &issue(&server, suite));
        server.repoctl(&["suite", "edit", suite, "--description", "x"]).expect_success();
    }
}

#[test]
fn a_new_suite_is_called_by_the_servers_name_and_one_made_again_as_before() {
    let server = TestServer::start();
    let shown = |suite: &str| server.repoctl(&["suite", "show", suite]).expect_success();
    // Whatever address repoctl used.
    let there = format!("https://127.0.0.1:{}", server.port());
    let create_there = ["--server", &there, "suite", "create", "edge", "--architecture", "amd64"];
    server.repoctl(&create_there).expect_success();
    shown("edge").expect_says("repo.example.org");
    assert!(!shown("edge").says("127.0.0.1"), "{}", shown("edge"));

    create(&server, "acme", &["--origin", "Acme", "--label", "Acme Inc."]).expect_success();
    upload(&server, "acme", "1.0");
    let host = issue(&server, "acme");
    host.update().expect_success();
    server.repoctl(&["remove", "--suite", "acme", "acme-web"]).expect_success();
    server.repoctl(&["suite", "remove", "acme", "--yes"]).expect_success();
    let told = create(&server, "acme", &["--origin", "Other"]).expect_code(2);
    told.expect_says("origin: was \"Acme\" of the suite of this name that was removed");
    create(&server, "acme", &[]).expect_success().expect_says("Acme Inc.");
    upload(&server, "acme", "1.0");
    // apt would stop here, and ask.
    host.update().expect_success();
    assert_eq!(host.policy("acme-web").candidate.as_deref(), Some("1.0"));
}

//! The health of hosts: real programs in a real root say how it is, and people and other systems ask and tell.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::{Duration, SystemTime};

use serde_json::Value;

use super::{json, report, server};
use crate::harness::apt::AptRoot;
use crate::harness::programs::{Outcome, program};
use crate::harness::server::TestServer;

const HOST: &str = "web-01.example.org";

/// Puts a check on a host.
pub fn check(host: &AptRoot, name: &str, body: &str) {
    let place = host.path("/etc/repod/health.d");
    std::fs::create_dir_all(&place).unwrap();
    for directory in [place.parent().unwrap().parent().unwrap(), place.parent().unwrap(), &place] {
        std::fs::set_permissions(directory, std::fs::Permissions::from_mode(0o755)).unwrap();
    }
    let path = place.join(name);
    std::fs::write(&path, format!("#!/bin/sh\n{body}\n")).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
}

/// `repoctl health run` on a host.
pub fn run(host: &AptRoot) -> Outcome {
    let root: &Path = host.as_ref();
    let root = root.display().to_string();
    let run = ["health", "run", "--timeout", "2", "--root", &root];
    program(env!("CARGO_BIN_EXE_repoctl")).args(run).run()
}

/// Packages were altered so many seconds from now: what apt's hook leaves.
fn changed(host: &AptRoot, seconds: i64) {
    let mark = host.path("/var/lib/repoctl/report-wanted");
    std::fs::create_dir_all(mark.parent().unwrap()).unwrap();
    let span = Duration::from_secs(seconds.unsigned_abs());
    let now = SystemTime::now();
    let at = if seconds < 0 { now - span } else { now + span };
    std::fs::File::create(&mark).unwrap().set_modified(at).unwrap();
}

fn run_and_report(host: &AptRoot) {
    run(host).expect_success();
    report(host, &[]).expect_success();
}

/// The hosts that count as unhealthy.
fn unhealthy(server: &TestServer) -> Vec<String> {
    let found = json(server, &["fleet", "--unhealthy"]);
    let suites = found.as_array().unwrap().iter();
    let hosts = suites.flat_map(|suite| suite["hosts"].as_array().unwrap().clone());
    hosts.map(|host| host["host"].as_str().unwrap().to_owned()).collect()
}

fn host_with_web(server: &TestServer) -> AptRoot {
    let host = server.host(HOST);
    host.update().expect_success();
    host.install(&["acme-web"]).expect_success();
    host
}

#[test]
fn a_check_that_fails_after_a_change_is_told_with_its_host_and_one_from_before_is_not() {
    let server = server();
    let host = host_with_web(&server);
    check(&host, "10-web", "exit 0");
    check(&host, "20-db", "echo 'no route to db'; exit 1");
    check(&host, "30-hangs", "sleep 60");
    check(&host, "40-old.dpkg-old", "exit 1");
    changed(&host, -60);
    let told = run(&host).expect_success();
    told.expect_says("10-web").expect_says("not run: 40-old.dpkg-old: its name is no name");
    report(&host, &[]).expect_success();
    assert_eq!(unhealthy(&server), [HOST]);
    server.repoctl(&["fleet", "--unhealthy"]).expect_success().expect_says("20-db: no route to db");
    let shown = server.repoctl(&["host", "show", HOST]).expect_success();
    shown.expect_says("health: unhealthy").expect_says("not done after 2 s");

    // The next change finds both of them failing: it is not to blame, and one that passed before is.
    changed(&host, 5);
    run_and_report(&host);
    assert_eq!(unhealthy(&server), [""; 0]);
    let health = json(&server, &["host", "show", HOST])["health"].clone();
    let before: Vec<_> =
        health["checks"].as_array().unwrap().iter().map(|one| &one["failed_before"]).collect();
    assert_eq!((before.len(), &health["state"]), (3, &Value::from("healthy")));
    assert_eq!(before[1..], [&Value::from(true), &Value::from(true)]);
    check(&host, "10-web", "echo 503 >&2; exit 3");
    changed(&host, 0);
    run_and_report(&host);
    assert_eq!(unhealthy(&server), [HOST]);
    check(&host, "10-web", "exit 0");
    run_and_report(&host);
    assert_eq!(unhealthy(&server), [""; 0]);
}

#[test]
fn what_others_may_alter_is_not_run() {
    let server = server();
    let host = host_with_web(&server);
    check(&host, "10-web", "touch /tmp/never; exit 0");
    let place = host.path("/etc/repod/health.d");
    let out = host.path("/srv/checks");
    std::fs::create_dir_all(&out).unwrap();
    std::os::unix::fs::symlink("/bin/true", place.join("20-link")).unwrap();
    std::fs::set_permissions(place.join("10-web"), std::fs::Permissions::from_mode(0o777)).unwrap();
    let told = run(&host).expect_success();
    told.expect_says("not run: 10-web: may be written by its group or by others")
        .expect_says("not run: 20-link: is a symbolic link");
    std::fs::set_permissions(&place, std::fs::Permissions::from_mode(0o775)).unwrap();
    run(&host).expect_code(1).expect_says("no check was run").expect_says("chmod go-w");
    std::fs::remove_dir_all(&place).unwrap();
    std::os::unix::fs::symlink("/srv/checks", &place).unwrap();
    run(&host).expect_code(1).expect_says("is no directory");
}

#[test]
fn a_host_is_left_out_by_name_for_a_time_and_the_log_has_it() {
    let server = server();
    let host = host_with_web(&server);
    check(&host, "20-db", "exit 1");
    run_and_report(&host);
    assert_eq!(unhealthy(&server), [HOST]);
    let ignore = ["health", "ignore", HOST, "--for", "8h", "-m", "disk is being replaced"];
    server.repoctl(&ignore).expect_success().expect_says("do not count until");
    assert_eq!(unhealthy(&server), [""; 0]);
    assert_eq!(json(&server, &["host", "show", HOST])["health"]["state"], "ignored");
    server.repoctl(&["host", "show", HOST]).expect_success().expect_says("do not count until");
    let log = json(&server, &["audit", "--verb", "health-ignore"]);
    assert_eq!(log["message"], "disk is being replaced");
    assert!(log["detail"].as_str().unwrap().starts_with(&format!("{HOST} until ")), "{log}");
    server.repoctl(&["health", "unignore", HOST]).expect_success().expect_says("count");
    assert_eq!(unhealthy(&server), [HOST]);
    let absent = server.repoctl(&["health", "ignore", "web-09.example.org"]).expect_code(1);
    assert!(absent.stderr.contains("there is no host web-09.example.org"), "{absent}");
}

#[test]
fn an_operator_of_the_suite_says_how_a_host_is_and_nobody_else() {
    let server = server();
    let host = host_with_web(&server);
    run_and_report(&host);
    let path = |suite: &str, host: &str| format!("api/v1/suites/{suite}/hosts/{host}/health");
    let say = |path: &str, body: &str| {
        let json = ["-X", "POST", "-H", "Content-Type: application/json", "-d", body];
        server.curl_as_operator(path).args(json).run().expect_success().stdout
    };
    let own = path("stable", HOST);
    let said = say(&own, r#"{"check": "http", "result": "fail", "text": "503"}"#);
    assert!(said.contains("\"unhealthy\""), "{said}");
    assert_eq!(unhealthy(&server), [HOST]);
    let shown = json(&server, &["host", "show", HOST])["health"]["checks"][0].clone();
    assert!(shown["reporter"].as_str().is_some_and(|by| !by.is_empty()), "{shown}");
    assert!(say(&own, r#"{"check": "http", "result": "pass"}"#).contains("\"healthy\""));
    assert_eq!(unhealthy(&server), [""; 0]);
    for body in [
        r#"{"check": "a.sh", "result": "pass"}"#,
        r#"{"check": "a", "result": "pass", "text": "a\u001b[2J"}"#,
        r#"{"check": "a", "result": "well"}"#,
        r#"{"check": "a", "result": "pass", "host": "web-02.example.org"}"#,
    ] {
        assert!(say(&own, body).contains("HTTP/1.1 400"), "{body}");
    }
    let pass = r#"{"check": "http", "result": "pass"}"#;
    assert!(say(&path("stable", "web-09.example.org"), pass).contains("HTTP/1.1 404"));
    for number in 1..32 {
        let body = format!(r#"{{"check": "c{number}", "result": "pass"}}"#);
        assert!(say(&own, &body).contains("HTTP/1.1 200"), "{number}");
    }
    assert!(say(&own, r#"{"check": "one-more", "result": "pass"}"#).contains("32 checks"));
    // A host says nothing this way, not even of itself.
    let told = server.curl(HOST, &own).args(["-i", "-X", "POST", "-d", pass]).run();
    assert!(told.expect_success().stdout.contains("HTTP/1.1 403"));
}

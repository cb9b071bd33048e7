//! What hosts have installed: real hosts report it, and people ask who has what.

mod health;
mod model;
mod protocol;
mod rollouts;
mod vulnerable;

use std::path::Path;

use serde_json::Value;

use crate::harness::apt::{AptRoot, HostFile};
use crate::harness::programs::{Outcome, program};
use crate::harness::server::{TestServer, package};

/// A server that owns `acme-*`, with `acme-web` 1.0 and `acme-cron` 1.0, and a group `web` of all `web-` hosts.
fn server() -> TestServer {
    let server = TestServer::start();
    server.repoctl(&["suite", "edit", "stable", "--owns", "acme-*"]).expect_success();
    server.upload("acme-web", "1.0").expect_success();
    server.upload("acme-cron", "1.0").expect_success();
    server.repoctl(&["access", "group", "add", "web", "web-*.example.org"]).expect_success();
    server
}

/// `repoctl host report` on a host. The private root has apt's files where a real host has them.
fn report(host: &AptRoot, args: &[&str]) -> Outcome {
    let root: &Path = host.as_ref();
    let root = root.display().to_string();
    program(env!("CARGO_BIN_EXE_repoctl"))
        .args(["host", "report", "--root", &root])
        .args(args)
        .run()
}

fn json(server: &TestServer, args: &[&str]) -> Value {
    let told = server.repoctl(&[args, &["--json"]].concat()).expect_success();
    serde_json::from_str(&told.stdout).unwrap()
}

/// `HOST VERSION` of each host that has it.
fn owners(server: &TestServer, query: &str) -> Vec<String> {
    let found = json(server, &["who-has", query]);
    let owner = |one: &Value| {
        let version = one["installed"][0]["version"].as_str().unwrap();
        format!("{} {version}", one["host"].as_str().unwrap())
    };
    found["installed"].as_array().unwrap().iter().map(owner).collect()
}

#[test]
fn what_apt_and_dpkg_installed_is_known_by_host() {
    let server = server();
    let [one, two, three] = ["web-01", "web-02", "web-03"].map(|name| {
        let host = server.host(&format!("{name}.example.org"));
        host.update().expect_success();
        host.install(&["acme-web"]).expect_success();
        host
    });
    let quiet = server.host("web-04.example.org");
    quiet.update().expect_success();
    for host in [&one, &two, &three] {
        report(host, &[])
            .expect_success()
            .expect_says("reported 1 package to repo.example.org: all of it");
    }
    let said = ["web-01.example.org 1.0", "web-02.example.org 1.0", "web-03.example.org 1.0"];
    assert_eq!(owners(&server, "acme-web"), said);
    assert_eq!(owners(&server, "acme-web=1.0"), said);
    assert_eq!(owners(&server, "acme-web<1.0"), [""; 0]);
    let found = json(&server, &["who-has", "acme-web>=1.0"]);
    assert_eq!(found["unreported"][0]["host"], "web-04.example.org");
    // It asked, so that what it was offered is known, and nothing else.
    assert_eq!(found["unreported"][0]["offered"][0]["version"], "1.0");
    assert_eq!(found["without"], 0);
    let told = server.repoctl(&["fleet", "diff", "web"]).expect_success();
    told.expect_says("3 hosts of web have the same packages installed in the same versions")
        .expect_says("no report, so not compared: web-04.example.org");

    // Somebody installs by hand what no suite has, and holds what one has.
    let deb = server.deb(&package("acme-debug", "0.1"));
    dpkg(&two, &["-i", &deb]);
    let held = two.program("apt-mark").args(["hold", "acme-web"]).run().expect_success();
    drop(held);
    server.upload("acme-web", "2.0").expect_success();
    for host in [&one, &two, &three] {
        host.update().expect_success();
        host.upgrade().expect_success();
        report(host, &[]).expect_success();
    }
    assert_eq!(owners(&server, "acme-web<2.0"), ["web-02.example.org 1.0"]);
    assert_eq!(owners(&server, "acme-debug"), ["web-02.example.org 0.1"]);
    let found = json(&server, &["fleet", "diff", "web"]);
    let differences: Vec<_> = found["differences"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| {
            let (odd, all) = (&one["odd"][0], one["odd"].as_array().unwrap().len());
            format!(
                "{} {} {} {} {all}",
                one["package"], one["majority"], odd["host"], odd["version"]
            )
        })
        .collect();
    let name = r#""web-02.example.org""#;
    assert_eq!(
        differences,
        [
            format!(r#""acme-debug" null {name} "0.1" 1"#),
            format!(r#""acme-web" "2.0" {name} "1.0" 1"#),
        ]
    );
    assert_eq!(found["held"][0]["host"], "web-02.example.org");

    let fleet = json(&server, &["fleet", "--suite", "stable", "--group", "web"]);
    let states: Vec<_> =
        fleet[0]["hosts"].as_array().unwrap().iter().map(|one| &one["state"]).collect();
    assert_eq!(states, ["live", "held", "live", "behind"]);
    let told = server.repoctl(&["host", "show", "web-02.example.org"]).expect_success();
    told.expect_says("2 packages").expect_says("acme-web 1.0");
    // What only dpkg did counts as soon as it is undone.
    dpkg(&two, &["--purge", "acme-debug"]);
    two.program("apt-mark").args(["unhold", "acme-web"]).run().expect_success();
    two.upgrade().expect_success();
    report(&two, &[]).expect_success();
    let found = json(&server, &["fleet", "diff", "web"]);
    assert_eq!(found["differences"], serde_json::json!([]));
}

/// dpkg itself, as a person runs it.
fn dpkg(host: &AptRoot, args: &[&str]) {
    let root = host.seen();
    let mut all = vec!["--force-script-chrootless".to_owned(), "--force-not-root".into()];
    all.extend(["--admindir", "--instdir"].map(|option| match option {
        "--admindir" => format!("--admindir={root}/var/lib/dpkg"),
        _ => format!("--instdir={root}"),
    }));
    all.push(format!("--log={root}/var/log/dpkg.log"));
    let all: Vec<&str> = all.iter().map(String::as_str).chain(args.iter().copied()).collect();
    host.program("dpkg").args(&all).run().expect_success();
}

#[test]
fn whoever_manages_other_hosts_is_told_nothing_and_revoked_hosts_leave() {
    let server = server();
    let host = server.host("web-01.example.org");
    host.update().expect_success();
    host.install(&["acme-web"]).expect_success();
    report(&host, &[]).expect_success();
    server.repoctl(&["suite", "create", "edge"]).expect_success();
    let other = server.at("other");
    let issue = [
        "identity",
        "issue",
        "ops.example.org",
        "--role",
        "operator",
        "--suite",
        "edge",
        "--out",
        &other,
    ];
    server.repoctl(&[&issue[..], &["--yes"]].concat()).expect_success();
    let config = format!("{other}/config.toml");
    let as_other =
        |args: &[&str]| server.repoctl_program(args).env("REPOCTL_CONFIG", &config).run();
    let told = as_other(&["who-has", "acme-web", "--json"]).expect_success();
    let found: Value = serde_json::from_str(&told.stdout).unwrap();
    assert_eq!(
        (&found["installed"], &found["without"]),
        (&serde_json::json!([]), &serde_json::json!(0))
    );
    let told = as_other(&["who-has", "--vulnerable", "--json"]).expect_success();
    let found: Value = serde_json::from_str(&told.stdout).unwrap();
    assert_eq!((&found["reported"], &found["unreported"]), (&0.into(), &serde_json::json!([])));
    let group = as_other(&["fleet", "diff", "web"]).expect_code(1);
    let absent = as_other(&["fleet", "diff", "wob"]).expect_code(1);
    assert_eq!(group.stderr.replace("web", "wob"), absent.stderr);
    let suite = as_other(&["fleet", "--suite", "stable"]).expect_code(1);
    let absent = as_other(&["fleet", "--suite", "steble"]).expect_code(1);
    assert_eq!(suite.stderr.replace("stable", "steble"), absent.stderr);

    server.repoctl(&["host", "revoke", "web-01.example.org", "--yes"]).expect_success();
    assert_eq!(owners(&server, "acme-web"), [""; 0]);
    let found = json(&server, &["who-has", "acme-web", "--all"]);
    assert_eq!(found["installed"][0]["host"], "web-01.example.org");
    report(&host, &[]).expect_code(3);
}

#[test]
fn a_machine_says_what_it_would_send_and_is_switched_off_by_a_file() {
    let server = server();
    let host = server.host("web-01.example.org");
    host.update().expect_success();
    host.install(&["acme-web"]).expect_success();
    let shown = report(&host, &["--show"]).expect_success();
    let sent: Value = serde_json::from_str(&shown.stdout).unwrap();
    assert_eq!(sent["installed"], serde_json::json!(["acme-web amd64 1.0 manual"]));
    assert!(shown.stderr.contains("nothing was sent"), "{shown}");
    assert_eq!(owners(&server, "acme-web"), [""; 0]);
    let off = host.path("/etc/apt/repod/no-report");
    std::fs::write(&off, "").unwrap();
    report(&host, &[]).expect_success();
    assert_eq!(owners(&server, "acme-web"), [""; 0]);
    std::fs::rename(&off, host.path("/etc/apt/repod/repo.example.org/no-report")).unwrap();
    report(&host, &[]).expect_success();
    assert_eq!(owners(&server, "acme-web"), [""; 0]);
    std::fs::remove_file(host.path("/etc/apt/repod/repo.example.org/no-report")).unwrap();
    report(&host, &[]).expect_success();
    assert_eq!(owners(&server, "acme-web"), ["web-01.example.org 1.0"]);
}

#[test]
fn what_was_answered_is_there_after_the_server_is_killed() {
    let mut server = server();
    let host = server.host("web-01.example.org");
    host.update().expect_success();
    host.install(&["acme-web"]).expect_success();
    report(&host, &[]).expect_success();
    server.kill();
    server.serve();
    assert_eq!(owners(&server, "acme-web"), ["web-01.example.org 1.0"]);
    host.install(&["acme-cron"]).expect_success();
    report(&host, &[]).expect_success().expect_says("what differs");
    assert_eq!(owners(&server, "acme-cron"), ["web-01.example.org 1.0"]);
}

/// The hook of the package `repoctl`, run by a real apt, with a place for its mark and without one.
#[test]
fn the_hook_touches_a_file_and_never_fails() {
    let text = include_str!("../../packaging/report/90repoctl-report");
    let commands: Vec<_> = text.lines().filter(|line| !line.starts_with("//")).collect();
    assert_eq!(commands.len(), 1, "{text}");
    let server = server();
    let host = server.host("web-01.example.org");
    let place = host.path("/var/lib/repoctl");
    let hook = text.replace("/var/lib/repoctl", &place.display().to_string());
    host.place(&[HostFile::new("/etc/apt/apt.conf.d/90repoctl-report", 0o644, hook)]);
    host.update().expect_success();
    host.install(&["acme-web"]).expect_success();
    std::fs::create_dir_all(&place).unwrap();
    host.install(&["acme-cron"]).expect_success();
    assert!(place.join("report-wanted").exists());
    // What is in the way does not stop apt.
    std::fs::remove_dir_all(&place).unwrap();
    std::fs::write(&place, "no directory").unwrap();
    host.apt_get(&["-y", "remove", "acme-cron"]).expect_success();

    let script = place.with_extension("hook.sh");
    let command = commands[0].split('"').nth(1).unwrap();
    std::fs::write(&script, format!("#!/bin/sh\n{command}\n")).unwrap();
    crate::harness::programs::require("shellcheck");
    program("shellcheck").arg(&script).run().expect_success();
    // Whoever reads the units takes them as they are meant.
    let units = ["report", "health"]
        .map(|name| ["service", "path", "timer"].map(|unit| format!("repod-{name}.{unit}")));
    let units = units.concat().into_iter().map(|unit| {
        let from = format!("{}/packaging/report/{unit}", env!("CARGO_MANIFEST_DIR"));
        let text = std::fs::read_to_string(from).unwrap().replace("/usr/bin/repoctl", "/bin/true");
        let text = text.replace("/bin/systemctl", "/bin/true");
        let place = host.path(&format!("/{unit}"));
        std::fs::write(&place, text).unwrap();
        place
    });
    let units: Vec<_> = units.collect();
    let judged = program("systemd-analyze").args(["verify", "--man=no"]).args(&units).run();
    let own = judged.stderr.lines().filter(|line| line.contains("repod-"));
    assert_eq!(own.collect::<Vec<_>>(), [""; 0], "{judged}");
}

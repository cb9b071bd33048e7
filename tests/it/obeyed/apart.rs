//! `repoctl` from the suite itself: hosts go up with it whatever names the suite owns, and never down.

use super::{By, Host, server};
use crate::harness::deb::DebBuilder;
use crate::harness::programs::Outcome;
use crate::harness::server::{TestServer, package};

/// A package that is built with the server.
fn built_with_repod(server: &TestServer, name: &str, version: &str) -> String {
    server.deb(&DebBuilder::new(name, version, "amd64").field("Source", "repod"))
}

fn publish(server: &TestServer, version: &str) {
    let own = server.deb(&package("acme-web", version));
    let [client, other] =
        ["repoctl", "acme-beside"].map(|name| built_with_repod(server, name, version));
    server.repoctl(&["upload", "--suite", "stable", &own, &client, &other]).expect_success();
}

fn pin(server: &TestServer, words: &[&str]) -> Outcome {
    server.repoctl(&[&["pin", "--suite", "stable", "--yes", "-m", "bad"], words].concat())
}

const NAMES: [&str; 3] = ["acme-web", "acme-beside", "repoctl"];

#[test]
fn repoctl_comes_with_every_suite_and_stays_when_the_suite_goes_back() {
    let server = server();
    publish(&server, "1.0");
    let hosts = [By::AptGet, By::UnattendedUpgrade].map(|by| {
        let host = Host::new(&server, &format!("{by:?}.example.org").to_lowercase(), by);
        host.root.install(&NAMES).expect_success();
        host
    });
    let follow = |expected: [&str; 3]| {
        for host in &hosts {
            host.follow();
            let has = NAMES.map(|name| host.root.installed(name).unwrap_or_default());
            assert_eq!(has, expected, "{}", host.name);
        }
    };
    publish(&server, "2.0");
    follow(["2.0", "2.0", "2.0"]);

    let stays = "repoctl stays at 2.0: hosts renew their certificate by it";
    pin(&server, &["--rollback", "--all", "--dry-run"]).expect_success().expect_says(stays);
    pin(&server, &["--rollback", "--all"]).expect_success().expect_says(stays);
    follow(["1.0", "1.0", "2.0"]);
    // It is not held by the pin of its source, and goes up behind it.
    publish(&server, "3.0");
    follow(["1.0", "1.0", "3.0"]);
    server.repoctl(&["unpin", "--suite", "stable", "--all", "--yes"]).expect_success();
    follow(["3.0", "3.0", "3.0"]);
    let stays = "repoctl stays at 3.0: hosts renew their certificate by it";
    pin(&server, &["--rollback", "repod"]).expect_success().expect_says(stays);
    follow(["3.0", "1.0", "3.0"]);
}

#[test]
fn an_older_repoctl_is_offered_only_by_force_and_hosts_keep_the_newer_one() {
    let server = server();
    publish(&server, "1.0");
    publish(&server, "2.0");
    let host = Host::new(&server, "web.example.org", By::AptGet);
    host.root.install(&["repoctl"]).expect_success();
    let history = || server.repoctl(&["history", "--suite", "stable", "--json"]).stdout;
    let first = history();
    let reason = "is 2.0 and would be 1.0: hosts renew their certificate by it";
    for words in [&["repoctl=1.0"][..], &["--binary", "repoctl=1.0"], &["--rollback", "repoctl"]] {
        pin(&server, words).expect_code(1).expect_says(reason);
    }
    assert_eq!(history(), first, "nothing is half done");
    pin(&server, &["repoctl=1.0", "--force"]).expect_success();
    host.follow();
    assert_eq!(host.root.installed("repoctl").as_deref(), Some("2.0"));
    server.repoctl(&["unpin", "--suite", "stable", "repoctl"]).expect_success();
    pin(&server, &["repoctl=2.0"]).expect_success();
    server.repoctl(&["unpin", "--suite", "stable", "repoctl"]).expect_success();
    // A lower one waits, and no command is advised that would have hosts go down.
    let lower = built_with_repod(&server, "repoctl", "1.5");
    let told = server.repoctl(&["upload", "--suite", "stable", &lower]).expect_success();
    assert!(told.says("2.0 ") && !told.says("repoctl=1.5"), "{told}");
}

#[test]
fn repoctl_is_taken_from_operators_and_from_uploaders_whose_grant_names_it() {
    let server = server();
    let client = built_with_repod(&server, "repoctl", "1.0");
    let as_ci = |name: &str, words: &[&str]| {
        let profile = server.at(&format!("{name}/config.toml"));
        server.repoctl(&[&["--config", &profile], words].concat())
    };
    for name in ["ci.example.org", "client.example.org"] {
        let out = server.at(name);
        let issue =
            ["identity", "issue", name, "--role", "uploader", "--suite", "stable", "--out", &out];
        server.repoctl(&issue).expect_success();
    }
    let upload = ["upload", "--suite", "stable", &client];
    let reason = "comes to all hosts of suite stable, which does not own the name";
    as_ci("ci.example.org", &upload).expect_code(1).expect_says(reason);
    let own = server.deb(&package("acme-web", "1.0"));
    as_ci("ci.example.org", &["upload", "--suite", "stable", &own]).expect_success();
    let grant = ["access", "grant", "uploader", "client.example.org", "--suite", "stable"];
    server.repoctl(&[&grant[..], &["--package", "repoctl"]].concat()).expect_success();
    as_ci("client.example.org", &upload).expect_success();
}

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
    let keep = "hosts that have repoctl 2.0 keep it: it never goes down there";
    pin(&server, &["repoctl=1.0", "--force"]).expect_success().expect_says(keep);
    host.follow();
    assert_eq!(host.root.installed("repoctl").as_deref(), Some("2.0"));
    server.repoctl(&["unpin", "--suite", "stable", "repoctl"]).expect_success();
    pin(&server, &["repoctl=2.0"]).expect_success();
    server.repoctl(&["unpin", "--suite", "stable", "repoctl"]).expect_success();
    // A lower one waits, and no command is advised that would have hosts go down.
    let lower = built_with_repod(&server, "repoctl", "1.5");
    let told = server.repoctl(&["upload", "--suite", "stable", &lower]).expect_success();
    assert!(told.says("2.0 ") && !told.says("repoctl=1.5"), "{told}");
    // The end of its pin would list what waits above what comes now.
    pin(&server, &["repoctl=2.0"]).expect_success();
    let [highest, between] =
        ["4.0", "3.0"].map(|version| built_with_repod(&server, "repoctl", version));
    let upload = |file: &str| server.repoctl(&["upload", "--suite", "stable", file]);
    upload(&highest).expect_success().expect_says("repoctl unpin --suite stable --binary repoctl");
    let told = upload(&between).expect_success();
    told.expect_says("repoctl pin --suite stable --binary repoctl=3.0");
    // A pin of its source is none of it, and its end says so.
    pin(&server, &["repod=1.0"]).expect_success();
    server
        .repoctl(&["unpin", "--suite", "stable", "repod"])
        .expect_success()
        .expect_says("repoctl stays at 2.0: it has a pin of its own");
}

/// A suite may own a pattern that matches it. Its preferences name it before.
#[test]
fn hosts_go_down_with_no_repoctl_whatever_pattern_the_suite_owns() {
    let server = server();
    let edit = ["suite", "edit", "stable", "--owns", "acme-*,repo*", "--yes"];
    server.repoctl(&edit).expect_success();
    publish(&server, "1.0");
    publish(&server, "2.0");
    for by in [By::AptGet, By::UnattendedUpgrade] {
        let host = Host::new(&server, &format!("{by:?}.example.org").to_lowercase(), by);
        host.root.install(&["repoctl", "acme-web"]).expect_success();
        pin(&server, &["repoctl=1.0", "--force"]).expect_success();
        pin(&server, &["acme-web=1.0"]).expect_success();
        host.follow();
        let has = ["repoctl", "acme-web"].map(|name| host.root.installed(name).unwrap_or_default());
        assert_eq!(has, ["2.0", "1.0"], "{}", host.name);
        for name in ["repoctl", "acme-web"] {
            pin(&server, &[&format!("{name}=2.0")]).expect_success();
        }
    }
}

#[test]
fn repoctl_needs_what_is_removed_and_goes_only_by_its_own_name() {
    let server = server();
    let library = server.deb(&package("acme-lib", "1.0"));
    let client = DebBuilder::new("repoctl", "1.0", "amd64").field("Source", "repod");
    let client = server.deb(&client.field("Depends", "acme-lib"));
    server.repoctl(&["upload", "--suite", "stable", &library, &client]).expect_success();
    let remove = |words: &[&str]| {
        server.repoctl(&[&["remove", "--suite", "stable", "--yes", "-m", "old"], words].concat())
    };
    // No other binary of its source is there.
    let told = remove(&["acme-lib"]).expect_code(1);
    assert!(told.says("repoctl from 1.0 to none would have to move along"), "{told}");
    let beside = built_with_repod(&server, "acme-beside", "1.0");
    server.repoctl(&["upload", "--suite", "stable", &beside]).expect_success();
    let stays = "repoctl stays in the suite at 1.0: hosts renew their certificate by it";
    remove(&["repod"]).expect_success().expect_says(stays);
    remove(&["acme-lib", "--cascade"]).expect_success().expect_says("repoctl moves along");
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
    // The limit of an own grant may name it as well, and a pattern that matches nothing there may not be one.
    let issue = |name: &str, pattern: &str| {
        let out = server.at(name);
        let whose = ["identity", "issue", name, "--role", "uploader", "--suite", "stable"];
        server.repoctl(&[&whose[..], &["--package", pattern, "--out", &out]].concat())
    };
    issue("only.example.org", "repoctl").expect_success();
    issue("any.example.org", "repo*").expect_code(2).expect_says("repo* can match nothing there");
    let newer = built_with_repod(&server, "repoctl", "2.0");
    as_ci("only.example.org", &["upload", "--suite", "stable", &newer]).expect_success();
}

/// Whoever removes it first has hosts go down no more than by the pin alone.
#[test]
fn a_repoctl_that_was_removed_comes_back_in_no_older_version() {
    let server = server();
    publish(&server, "1.0");
    publish(&server, "2.0");
    let host = Host::new(&server, "web.example.org", By::AptGet);
    host.root.install(&["repoctl"]).expect_success();
    let remove = ["remove", "--suite", "stable", "--yes", "-m", "bad", "repoctl"];
    server.repoctl(&remove).expect_success();
    let reason = "was 2.0 when it was removed and would be 1.0";
    for words in [&["repoctl=1.0"][..], &["repoctl=1.0", "--dry-run"], &["--binary", "repoctl=1.0"]]
    {
        pin(&server, words).expect_code(1).expect_says(reason);
    }
    // The same one comes back, and a newer one is taken.
    pin(&server, &["repoctl=2.0"]).expect_success();
    server.repoctl(&remove).expect_success();
    let newer = built_with_repod(&server, "repoctl", "3.0");
    server.repoctl(&["upload", "--suite", "stable", &newer]).expect_success();
    server.repoctl(&remove).expect_success();
    let keep = "hosts that have repoctl 3.0 keep it: it never goes down there";
    pin(&server, &["repoctl=1.0", "--force"]).expect_success().expect_says(keep);
    host.follow();
    assert_eq!(host.root.installed("repoctl").as_deref(), Some("2.0"));
}

/// It is held by its own name alone, so that no source of others is called like it.
#[test]
fn nothing_else_has_repoctl_as_its_source() {
    let server = server();
    let other = DebBuilder::new("acme-other", "1.0", "amd64").field("Source", "repoctl");
    let other = server.deb(&other);
    let told = server.repoctl(&["upload", "--suite", "stable", &other]).expect_code(1);
    assert!(
        told.says("has Source: repoctl, and repoctl is pinned and rolled back by its own"),
        "{told}"
    );
    // repoctl may be built from a source of its own name.
    let own = server.deb(&DebBuilder::new("repoctl", "1.0", "amd64"));
    server.repoctl(&["upload", "--suite", "stable", &own]).expect_success();
}

#[test]
fn who_may_bring_repoctl_is_explained_as_it_is_done() {
    let server = server();
    let grant = |who: &str, words: &[&str]| {
        server
            .repoctl(
                &[&["access", "grant", "uploader", who, "--suite", "stable"][..], words].concat(),
            )
            .expect_success();
    };
    grant("ci.example.org", &[]);
    grant("some.example.org", &["--package", "repo*"]);
    grant("client.example.org", &["--package", "repoctl"]);
    server
        .repoctl(&["access", "grant", "operator", "ops.example.org", "--suite", "stable"])
        .expect_success();
    let explain = |who: &str, package: &str| {
        let told = server
            .repoctl(&["access", "explain", who, "stable", package, "--json"])
            .expect_success();
        let told: serde_json::Value = serde_json::from_str(&told.stdout).unwrap();
        let deeds = told["deeds"].as_array().unwrap();
        let deed = deeds.iter().find(|one| one["deed"] == "upload").unwrap();
        (deed["allowed"] == true, deed["missing"].to_string() + &deed["cure"].to_string())
    };
    for (who, may) in [
        ("ci.example.org", false),
        ("some.example.org", false),
        ("client.example.org", true),
        ("ops.example.org", true),
        ("operator", true),
    ] {
        let (allowed, why) = explain(who, "repoctl");
        assert_eq!(allowed, may, "{who}: {why}");
        if !may {
            assert!(why.contains("uploaders whose grant names it"), "{who}: {why}");
            assert!(why.contains("--package repoctl"), "{who}: {why}");
        }
    }
    assert!(explain("ci.example.org", "acme-web").0);
    server.repoctl(&["suite", "edit", "stable", "--owns", "acme-*,repoctl"]).expect_success();
    assert!(explain("ci.example.org", "repoctl").0, "the suite owns it");
}

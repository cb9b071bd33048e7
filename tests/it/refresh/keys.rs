//! Signing keys: the first of a suite is taken from the server, every other one comes signed.

use std::path::Path;

use super::{HOST, enrolled, grant, keys, preferences, refresh, server, sources, text};
use crate::harness::server::TestServer;

fn rotate(server: &TestServer) -> String {
    let told = server.repoctl(&["key", "rotate", "--json"]).expect_success();
    let told: serde_json::Value = serde_json::from_str(&told.stdout).unwrap();
    told["fingerprint"].as_str().unwrap().to_owned()
}

/// The hosts that the server counts as behind with a key.
fn behind(server: &TestServer, fingerprint: &str) -> Vec<String> {
    let told = server.repoctl(&["key", "list", "--json"]).expect_success();
    let keys: serde_json::Value = serde_json::from_str(&told.stdout).unwrap();
    let key = keys.as_array().unwrap().iter().find(|one| one["fingerprint"] == fingerprint);
    let hosts = key.unwrap()["hosts_behind"].as_array().unwrap().iter();
    hosts.map(|one| one["suite"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_new_key_for_a_suite_that_a_host_has_is_not_taken_from_the_server() {
    let server = server();
    let host = enrolled(&server, "stable");
    let root: &Path = host.as_ref();
    let before = text(&host, &keys("stable"));
    let new = rotate(&server);
    for args in [&["--dry-run"][..], &[], &["--force"]] {
        let told = refresh(root, args).expect_success();
        told.expect_says("apt-get install repod-client-repo.example.org-stable");
        assert_eq!(text(&host, &keys("stable")), before, "{args:?}");
    }
    // A suite that it gets now has both keys, and only there the host counts as having the new one.
    grant(&server, "stable,edge");
    refresh(root, &[]).expect_success();
    let read = |suite: &str| repod::signing::read_public_keys(&text(&host, &keys(suite))).unwrap();
    assert_eq!(read("stable").fingerprints.len(), 1);
    assert!(read("edge").fingerprints.contains(&new));
    super::read_by_apt(&host, |apt| apt.update().expect_success());
    assert_eq!(behind(&server, &new), ["stable"]);

    // Missing keys are not taken unasked either: whoever removes them would exchange them.
    host.remove(&keys("stable"));
    refresh(root, &[]).expect_success().expect_says("is not there, so apt believes nothing");
    assert!(host.read(&keys("stable")).is_none());
    refresh(root, &["--force"]).expect_success();
    assert!(read("stable").fingerprints.contains(&new));
}

/// What brings new keys is signed by one that the host does not believe.
#[test]
fn a_host_that_missed_all_of_a_change_of_keys_is_sent_to_an_operator() {
    let server = server();
    let host = enrolled(&server, "stable");
    let root: &Path = host.as_ref();
    let told = server.repoctl(&["key", "list", "--json"]).expect_success();
    let listed: serde_json::Value = serde_json::from_str(&told.stdout).unwrap();
    let old = listed[0]["fingerprint"].as_str().unwrap().to_owned();
    rotate(&server);
    let retire = ["key", "retire", &old, "--force", "--yes", "-m", "at once"];
    server.repoctl(&retire).expect_success();
    super::read_by_apt(&host, |apt| apt.update().expect_code(100));
    let told = refresh(root, &[]).expect_success();
    assert!(!told.stdout.contains("apt-get install"), "{told}");
    assert!(told.stdout.contains("none of the keys by which suite stable is signed now"), "{told}");
    told.expect_says("`repoctl host setup`, typed by an operator");

    let out = server.at("again");
    server.repoctl(&["host", "setup", HOST, "--out", &out]).expect_success();
    std::fs::copy(format!("{out}{}", keys("stable")), host.path(&keys("stable"))).unwrap();
    super::read_by_apt(&host, |apt| apt.update().expect_success());
    refresh(root, &[]).expect_success().expect_says_nothing();
}

#[test]
fn what_a_client_package_brings_is_left_to_it() {
    let server = server();
    for suite in ["stable", "edge"] {
        server.repoctl(&["key", "publish", "--suite", suite]).expect_success();
    }
    let host = server.host(HOST);
    host.update().expect_success();
    let client = "repod-client-repo.example.org-stable";
    host.install(&[client]).expect_success();
    let root: &Path = host.as_ref();
    refresh(root, &[]).expect_success().expect_says_nothing();
    // dpkg is the one that brings the next; nothing is told of what will come by itself.
    server.repoctl(&["suite", "edit", "stable", "--owns", "acme-*,more-*"]).expect_success();
    rotate(&server);
    refresh(root, &[]).expect_success().expect_says_nothing();
    assert!(!text(&host, &preferences("stable")).contains("more-*"));

    // Whoever purges it has removed the suite.
    host.apt_get(&["-y", "purge", client]).expect_success();
    assert!(host.read(&sources("stable")).is_none());
    let told = refresh(root, &[]).expect_success();
    told.expect_says("note: suite stable was removed from this host");
    assert!(host.read(&sources("stable")).is_none());
}

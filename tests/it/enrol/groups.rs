//! Tokens that name no suite: the host gets those that its groups and grants give when it is enrolled.

use super::{NAME, OWN, asks, empty_root, enroll, on_host, serial, token};
use crate::harness::apt::AptRoot;
use crate::harness::server::TestServer;
use crate::refresh::{create, read_by_apt, upload};

/// A token for a host, without any suite.
fn bare(server: &TestServer, name: &str) -> String {
    let told = server.repoctl(&["host", "token", name]).expect_success();
    told.stdout.trim().to_owned()
}

/// A server whose group `web` reads `stable`; `edge` is there, and nobody reads it.
fn server() -> TestServer {
    let server = TestServer::start();
    create(&server, "edge");
    server.upload("acme-web", "1.0").expect_success();
    upload(&server, "edge", "edge-tool", "1.0");
    server.repoctl(&["access", "group", "add", "web", "web-*.example.org"]).expect_success();
    server.repoctl(&["access", "grant", "host", "@web", "--suite", "stable"]).expect_success();
    server
}

#[test]
fn a_host_of_a_group_needs_no_suite_and_gets_all_that_the_group_has_by_then() {
    let server = server();
    let token = bare(&server, NAME);
    server.repoctl(&["host", "token", "--list"]).expect_success().expect_says("by its groups");
    // What the group gets between the token and its use counts too.
    server.repoctl(&["access", "grant", "host", "@web", "--suite", "edge"]).expect_success();
    let host = AptRoot::new();
    enroll(host.as_ref(), &token).expect_success();
    read_by_apt(&host, |apt| {
        apt.update().expect_success();
        apt.install(&["acme-web", "edge-tool"]).expect_success();
        assert_eq!(apt.installed("edge-tool").as_deref(), Some("1.0"));
    });
    // It has no grant of its own: what the group loses, it loses.
    let all = server.repoctl(&["access", "list", "--all"]).expect_success();
    assert!(!all.says(NAME), "{all}");
    let root: &std::path::Path = host.as_ref();
    assert_eq!(asks(&server, root, "dists/edge/InRelease"), "200");
    server.repoctl(&["access", "revoke", "host", "@web", "--suite", "edge"]).expect_success();
    assert_eq!(asks(&server, root, "dists/edge/InRelease"), "403");
    assert_eq!(asks(&server, root, "dists/stable/InRelease"), "200");
    let log = server.repoctl(&["audit", "--verb", "enrol"]).expect_success();
    log.expect_says("web-01.example.org: host of what it holds; serial");
}

#[test]
fn where_nothing_gives_a_suite_a_token_without_one_is_refused_with_the_cure() {
    let server = server();
    let refused = server.repoctl(&["host", "token", "db-01.example.org"]).expect_code(2);
    assert!(
        refused.says("suites: is empty, and nothing gives db-01.example.org a suite yet"),
        "{refused}"
    );
    assert!(
        refused.says("--suite") && refused.says("repoctl access group add GROUP db-01.example.org")
    );
    server.repoctl(&["access", "group", "add", "web", "db-01.example.org"]).expect_success();
    let token = bare(&server, "db-01.example.org");
    // What was there then may be gone.
    server.repoctl(&["access", "group", "remove", "web", "db-01.example.org"]).expect_success();
    let root = empty_root();
    let refused = enroll(root.path(), &token).expect_code(3);
    refused.expect_says("no group and no grant gives this host a suite any more");
    assert!(!root.path().join("etc/apt/sources.list.d").exists());
    // A token is for a host, whatever else the name is.
    server
        .repoctl(&["access", "grant", "uploader", "ci.example.org", "--suite", "stable"])
        .expect_success();
    server.repoctl(&["host", "token", "ci.example.org"]).expect_code(1).expect_says("is uploader");
}

#[test]
fn a_used_token_names_the_command_for_another_and_that_works() {
    let server = server();
    let (first, second) = (empty_root(), empty_root());
    let used = token(&server, "db-01.example.org", &[]);
    enroll(first.path(), &used).expect_success();
    let refused = enroll(second.path(), &used).expect_code(3);
    let command = "repoctl host token db-01.example.org";
    assert!(refused.stderr.contains(&format!(": {command}\n")), "{refused}");
    let json = on_host(second.path(), &["enroll", &used, "--json"]).run().expect_code(3);
    assert!(json.says(command), "{json}");
    // It has the grant that came with the first, and keeps it.
    let words: Vec<_> = command.split(' ').skip(1).collect();
    let again = server.repoctl(&words).expect_success();
    enroll(second.path(), again.stdout.trim()).expect_success();
    assert_eq!(asks(&server, second.path(), "dists/stable/InRelease"), "200");
    assert_ne!(serial(first.path()), serial(second.path()));
    let all = server.repoctl(&["access", "list", "--all"]).expect_success();
    assert!(all.says("db-01.example.org"), "{all}");
}

#[test]
fn a_revoked_host_of_a_group_is_let_in_again_by_its_next_token() {
    let server = server();
    let (first, second) = (empty_root(), empty_root());
    enroll(first.path(), &bare(&server, NAME)).expect_success();
    server.repoctl(&["host", "revoke", NAME, "--yes", "-m", "disk lost"]).expect_success();
    assert_eq!(asks(&server, first.path(), "dists/stable/InRelease"), "403");
    let token = bare(&server, NAME);
    // The token alone lets nobody in.
    assert_eq!(asks(&server, first.path(), "dists/stable/InRelease"), "403");
    enroll(second.path(), &token).expect_success();
    assert_eq!(asks(&server, second.path(), "dists/stable/InRelease"), "200");
    assert_eq!(asks(&server, first.path(), "dists/stable/InRelease"), "403");
    assert!(second.path().join(OWN).join("stable.asc").exists());
}

#[test]
fn an_operator_makes_and_sees_such_tokens_for_its_own_hosts_alone() {
    let server = server();
    server.repoctl(&["access", "group", "add", "db", "db-*.example.org"]).expect_success();
    server.repoctl(&["access", "grant", "host", "@db", "--suite", "edge"]).expect_success();
    let out = server.at("oncall");
    let role = ["--role", "operator", "--suite", "stable", "--out", &out];
    server.repoctl(&[&["identity", "issue", "oncall"][..], &role].concat()).expect_success();
    let as_operator = |args: &[&str]| {
        server
            .repoctl_program(args)
            .env("REPOCTL_CERT", format!("{out}/client.crt"))
            .env("REPOCTL_KEY", format!("{out}/client.key"))
            .run()
    };
    // Hosts of others are like names that are taken, whatever they read.
    as_operator(&["host", "token", "db-01.example.org"]).expect_code(3);
    let foreign = bare(&server, "db-01.example.org");
    let list = as_operator(&["host", "token", "--list"]).expect_success();
    assert!(!list.says("db-01"), "{list}");
    as_operator(&["host", "token", "db-01.example.org", "--revoke", "--yes"]).expect_code(1);
    let root = empty_root();
    enroll(root.path(), &foreign).expect_success();

    bare(&server, "web-07.example.org");
    let list = as_operator(&["host", "token", "--list"]).expect_success();
    assert!(list.says("web-07") && !list.says("db-01"), "{list}");
    as_operator(&["host", "token", "web-07.example.org", "--revoke", "--yes"]).expect_success();
    let own = as_operator(&["host", "token", NAME]).expect_success();
    // By its use the host would read more than its maker may give.
    server.repoctl(&["access", "grant", "host", "@web", "--suite", "edge"]).expect_success();
    let root = empty_root();
    let refused = enroll(root.path(), own.stdout.trim()).expect_code(3);
    refused.expect_says("who made this token may no longer give that right");
}

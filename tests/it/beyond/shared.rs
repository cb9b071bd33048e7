//! What lies in one's suites and beyond them too: its own part is there, and nothing tells of the rest.

use serde_json::Value;

use super::world::{Person, World};
use crate::harness::server::package;
use crate::walk::line::Line;

const BOTH: &str = "both.example.org";

/// A host of one's own suite and of another's, by a grant to each and by a group of both.
fn with_shared_hosts() -> World {
    let world = World::with_theirs();
    let out = world.server.at("hosts/both.example.org");
    world.admin(&["host", "issue", BOTH, "--suite", "stable,qadesh", "--out", &out]);
    for suite in ["stable", "qadesh"] {
        let read = world.server.curl(BOTH, &format!("dists/{suite}/InRelease")).run();
        read.expect_success();
    }
    world.admin(&["access", "group", "add", "spans", "span-*.example.org"]);
    world.admin(&["access", "grant", "host", "@spans", "--suite", "stable,qadesh"]);
    world
}

#[track_caller]
fn json(world: &World, line: &mut Line<'_>, path: &str) -> Value {
    let answer = line.get(&format!("api/v1/{path}"));
    assert_eq!(answer.code(), "200", "{path}: {}", answer.text());
    world.expect_silent(&answer.text(), path);
    serde_json::from_slice(&answer.body).unwrap()
}

#[test]
fn a_host_of_ones_own_suite_and_of_another_is_seen_by_its_own_part_alone() {
    let world = with_shared_hosts();
    let mut line = world.line(Person::Operator);
    let mut ask = |path: &str| json(&world, &mut line, path);
    // Who has no key of the suite yet, and who would be concerned by a change.
    let keys = ask("keys");
    let behind = keys[0]["hosts_behind"].as_array().unwrap();
    let both: Vec<_> = behind.iter().filter(|one| one["host"] == BOTH).collect();
    assert_eq!(both.len(), 1, "{keys}");
    assert_eq!(both[0]["suite"], "stable");
    assert_eq!(keys.as_array().unwrap().len(), 1, "a key of another suite alone: {keys}");
    // It can be set up anew, for the suites of who asks.
    for host in [BOTH, "span-01.example.org"] {
        let setup = ask(&format!("hosts/{host}/setup"));
        let files = setup["files"].to_string();
        assert!(files.contains("repo.example.org-stable.sources"), "{host}: {files}");
        // Why somebody may: by which grant, and of that no more than what covers the suite.
        let why = ask(&format!("access/explain?identity={host}&suite=stable"));
        let by = &why["deeds"][0]["by"][0]["grant"];
        assert_eq!(by["suites"], serde_json::json!(["stable"]), "{host}: {why}");
    }
    // The list has those that are one's own as a whole.
    let hosts = ask("hosts").to_string();
    assert!(hosts.contains("web.example.org") && !hosts.contains(BOTH), "{hosts}");
    // What it has beyond is not taken from it, nor told.
    let body = r#"{"reason": "x"}"#;
    let told = line.ask("POST", &format!("api/v1/hosts/{BOTH}/revoke"), &[], body);
    assert_eq!(told.code(), "403", "{}", told.text());
    assert!(
        told.text().contains(
            "has no host both.example.org in its own suites alone, or there is no such host"
        ),
        "{}",
        told.text()
    );
    world.expect_silent(&told.text(), "revoke");
    let body = r#"{"suites": ["stable"]}"#;
    for host in [BOTH, "span-02.example.org"] {
        let told = line.ask("PUT", &format!("api/v1/hosts/{host}"), &[], body);
        assert!(told.text().contains(&format!("may give no right to {host}")), "{}", told.text());
        world.expect_silent(&told.text(), host);
    }
    let dry = r#"{"dry_run": true, "change": {"verb": "remove", "packages": ["acme-web"]}}"#;
    let told = line.ask("POST", "api/v1/suites/stable/changes", &[], dry);
    assert!(told.text().contains(BOTH), "who reads the suite is told: {}", told.text());
    world.expect_silent(&told.text(), "dry run");
}

/// An operator does all that is an operator's, in its own suite.
#[test]
fn an_operator_of_one_suite_does_its_work_there() {
    let world = World::with_theirs();
    let own = world.server.at("op/config.toml");
    let operate = |words: &[&str]| world.server.repoctl(&[&["--config", &own], words].concat());
    let out = world.server.at("new");
    let issue = |name: &str| operate(&["host", "issue", name, "--suite", "stable", "--out", &out]);
    issue("new.example.org").expect_success();
    operate(&["host", "list"]).expect_success().expect_says("new.example.org");
    let revoke = ["host", "revoke", "new.example.org", "-m", "sold", "--yes"];
    operate(&revoke).expect_success();
    // What was revoked is still its own, though it was never seen: it is listed, explained, and may
    // come back. Another's is not.
    operate(&["host", "list", "--all"]).expect_success().expect_says("new.example.org");
    operate(&revoke).expect_success();
    operate(&["access", "explain", "new.example.org", "stable"])
        .expect_success()
        .expect_says("was revoked");
    std::fs::remove_dir_all(&out).unwrap();
    issue("new.example.org").expect_success();
    operate(&["host", "token", "late.example.org", "--suite", "stable"]).expect_success();
    operate(&["host", "token", "--list"]).expect_success().expect_says("late.example.org");
    operate(&["host", "token", "late.example.org", "--revoke", "--yes"]).expect_success();
    // Another's token that waits binds no name: it is no reason to refuse one.
    operate(&["host", "token", "db-token.example.org", "--suite", "stable"]).expect_success();
    operate(&["key", "publish", "--suite", "stable"]).expect_success();
    operate(&["unpin", "--suite", "stable", "acme-web", "--yes"]).expect_success();
    operate(&["audit", "--suite", "stable"]).expect_success().expect_says("unpin");
    let status = operate(&["status"]).expect_success();
    world.expect_silent(&status.stdout, "status");
}

/// What others did in one's own suite is told without the names of suites beyond.
#[test]
fn the_log_of_ones_own_suite_names_no_other() {
    let world = World::with_theirs();
    world.admin(&["suite", "create", "forky", "--architecture", "amd64", "--namespace", "nether"]);
    // An alias that is taken from elsewhere, and a promotion that is refused.
    let take = ["suite", "edit", "stable", "--alias", "zephyr", "--yes"];
    world.admin(&take);
    let deb = world.server.deb(&package("acme-far", "1.0"));
    let grants = ["identity", "issue", "far.example.org", "--role", "uploader", "--suite"];
    let out = world.server.at("far");
    world.admin(&[&grants[..], &["forky,stable", "--out", &out]].concat());
    world.admin(&["upload", "--suite", "forky", &deb]);
    let digest = repod::digest::Digest::of(&std::fs::read(&deb).unwrap());
    let add =
        format!(r#"{{"verb": "add", "items": [{{"component": "main", "digest": "{digest}"}}]}}"#);
    let mut far = Line::open(&world.server, &out);
    let body = format!(r#"{{"change": {add}}}"#);
    let refused = far.ask("POST", "api/v1/suites/stable/changes", &[], &body).text();
    assert!(refused.starts_with("409") && refused.contains("forky"), "{refused}");
    drop(far);
    let read = |person: Person| world.line(person).get("api/v1/audit?suite=stable").text();
    let (all, own) = (read(Person::Admin), read(Person::Operator));
    assert!(all.contains("taken from qadesh"), "{all}");
    assert!(all.contains("is in suite forky (namespace nether), and is not promoted"), "{all}");
    for name in ["forky", "nether", "qadesh"] {
        assert!(!own.contains(name), "{name}: {own}");
    }
    assert!(own.contains("taken from another suite"), "{own}");
    assert!(own.contains("is elsewhere, and is not promoted to suite stable"), "{own}");
}

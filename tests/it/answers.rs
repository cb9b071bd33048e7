//! Answers: what people ask the server with `repoctl`, by the names that they know.

use crate::harness::deb::DebBuilder;
use crate::harness::programs::Outcome;
use crate::harness::server::{TestServer, package};

/// What was printed, with blanks between columns counted once.
fn told(outcome: Outcome) -> String {
    let outcome = outcome.expect_success();
    outcome
        .stdout
        .lines()
        .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ") + "\n")
        .collect()
}

fn json(outcome: Outcome) -> serde_json::Value {
    serde_json::from_str(&outcome.expect_success().stdout).unwrap()
}

/// Several packages as one change.
fn together(server: &TestServer, packages: &[DebBuilder], why: &str) {
    let files: Vec<String> = packages.iter().map(|one| server.deb(one)).collect();
    let mut words = vec!["upload", "--suite", "stable", "-m", why];
    words.extend(files.iter().map(String::as_str));
    server.repoctl(&words).expect_success();
}

fn of_acme(name: &str, version: &str) -> DebBuilder {
    package(name, version).field("Source", "acme")
}

#[test]
fn history_and_audit_say_what_moved_and_find_a_package() {
    let server = TestServer::start();
    together(
        &server,
        &[of_acme("acme-web", "1.0"), of_acme("acme-tools", "1.0"), package("zulu", "1")],
        "one",
    );
    together(&server, &[of_acme("acme-web", "2.0"), of_acme("acme-tools", "2.0")], "two");
    let many: Vec<_> = (0..201).map(|at| package(&format!("many-{at:03}"), "1")).collect();
    together(&server, &many, "an import");
    let rollback = ["pin", "--suite", "stable", "--rollback", "acme-web", "--yes", "-m", "broken"];
    server.repoctl(&rollback).expect_success();
    let history = told(server.repoctl(&["history", "--suite", "stable"]));
    let line = |why: &str| history.lines().find(|line| line.ends_with(why)).unwrap_or_default();
    let changed = |why: &str| line(why).split_once(" operator ").unwrap().1.to_owned();
    assert_eq!(changed(" one"), "+acme-tools 1.0, +acme-web 1.0, +zulu 1 one");
    assert_eq!(changed(" two"), "acme-tools 1.0 -> 2.0, acme-web 1.0 -> 2.0 two");
    assert_eq!(changed(" import"), "+201 -0 an import");
    assert_eq!(changed(" broken"), "acme-tools 2.0 -> 1.0, acme-web 2.0 -> 1.0 broken");

    let of = |name: &str| -> Vec<u64> {
        let found =
            json(server.repoctl(&["history", "--suite", "stable", "--package", name, "--json"]));
        found.as_array().unwrap().iter().map(|one| one["generation"].as_u64().unwrap()).collect()
    };
    assert_eq!(of("acme-web"), [5, 3, 2]);
    assert_eq!(of("acme"), [5, 3, 2], "by the source");
    assert_eq!(of("zulu"), [2]);
    assert_eq!(of("many-200"), [4]);
    assert_eq!(of("absent"), [0; 0]);
    let words = [
        "history",
        "--suite",
        "stable",
        "--package",
        "acme-web",
        "--limit",
        "1",
        "--before",
        "5",
        "--json",
    ];
    let earlier = json(server.repoctl(&words));
    assert_eq!(earlier[0]["generation"], 3);
    assert_eq!(earlier[0]["moves"].as_array().unwrap().len(), 1, "its own moves alone");
    assert_eq!(earlier[0]["moves"][0]["from"], "1.0");

    let verbs = |name: &str| -> Vec<String> {
        let found = server.repoctl(&["audit", "--package", name, "--json"]).expect_success();
        let entry = |line: &str| serde_json::from_str::<serde_json::Value>(line).unwrap();
        let word = |line| entry(line)["verb"].as_str().unwrap().to_owned();
        found.stdout.lines().map(word).collect()
    };
    assert_eq!(verbs("acme-web"), ["rollback", "add", "add"]);
    assert_eq!(verbs("acme-tools"), ["rollback", "add", "add"], "it moved with its sibling");
    assert_eq!(verbs("zulu"), ["add"]);
    // The entry of the import names the first eight.
    assert_eq!(verbs("many-200"), ["add"]);
    assert_eq!(verbs("absent"), [""; 0]);
    server.repoctl(&["audit", "--verb", "rolback"]).expect_says("did you mean rollback?");
    server.repoctl(&["audit", "--package", "acme-wbe"]).expect_says("did you mean acme-web?");
    let none = server.repoctl(&["audit", "--package", "zulu", "--refused"]).expect_success();
    assert_eq!(none.stderr, "no such entries\n", "it is a package, and nothing of it was refused");
}

#[test]
fn packages_are_found_by_any_name_and_near_misses_are_named() {
    let server = TestServer::start();
    together(
        &server,
        &[of_acme("acme-web", "1.0"), of_acme("acme-tools", "1.0"), package("zulu", "1")],
        "one",
    );
    let names = |words: &[&str]| -> Vec<String> {
        let found = told(server.repoctl(words));
        found.lines().skip(1).map(|line| line.split(' ').next().unwrap().to_owned()).collect()
    };
    assert_eq!(names(&["list", "--suite", "stable", "acme-web"]), ["acme-web"]);
    assert_eq!(names(&["list", "--suite", "stable", "acme"]), ["acme-tools", "acme-web"]);
    assert_eq!(names(&["search", "tool"]), ["acme-tools"]);
    assert_eq!(names(&["search", "acme"]), ["acme-tools", "acme-web"]);
    assert_eq!(names(&["search", "*e*"]), ["acme-tools", "acme-web"]);
    assert_eq!(names(&["search", "acme*s"]), ["acme-tools"]);
    for (words, code, says) in [
        ("show acme-wbe", 1, "did you mean acme-web?"),
        ("show acme-web=9", 1, "no suite that you may read has version 9 of acme-web"),
        ("list --suite stable acme-wbe", 0, "did you mean acme-web?"),
        ("list --suite stabel", 1, "there is no suite stabel; did you mean stable?"),
        ("history --suite stabel", 1, "did you mean stable?"),
        ("pin --suite stable acme-wbe=1.0 --yes", 1, "did you mean acme-web?"),
        ("pin --suite stable --rollback acme-tool --yes", 1, "did you mean acme-tools?"),
        ("remove --suite stable zulo --yes", 1, "did you mean zulu?"),
        ("host issue web.example.org --suite stabel", 1, "did you mean stable?"),
        ("suite show quite-another", 1, "`repoctl suite list` shows them"),
    ] {
        let words: Vec<&str> = words.split(' ').collect();
        let outcome = server.repoctl(&words).expect_code(code);
        assert!(outcome.stderr.contains(says), "{words:?}: {outcome}");
    }
    // Who may not read a suite is not told its name: also who has a right to names like it.
    server.repoctl(&["suite", "create", "team-b-prod", "--architecture", "amd64"]).expect_success();
    let out = server.at("team-a");
    let issue =
        ["identity", "issue", "team-a.example.org", "--role", "uploader", "--suite", "stable"];
    server.repoctl(&[&issue[..], &["--out", &out]].concat()).expect_success();
    let grant = ["access", "grant", "uploader", "team-a.example.org", "--suite", "team-a-*"];
    server.repoctl(&grant).expect_success();
    let profile = format!("{out}/config.toml");
    let outcome =
        server.repoctl(&["--config", &profile, "history", "--suite", "team-a-prod"]).expect_code(1);
    assert!(outcome.stderr.contains("there is no suite team-a-prod"), "{outcome}");
    assert!(!outcome.stderr.contains("team-b-prod"), "{outcome}");
    let deb = server.deb(&package("acme-new", "1"));
    let outcome = server.repoctl(&["upload", "--suite", "stabel", &deb]).expect_code(1);
    assert!(outcome.stderr.contains("did you mean stable?"), "{outcome}");
}

#[test]
fn hosts_that_were_not_offered_what_is_live_are_listed_by_name() {
    let server = TestServer::start();
    server.repoctl(&["suite", "create", "edge", "--architecture", "amd64"]).expect_success();
    server.upload("acme-web", "1.0").expect_success();
    let (web, db) = (server.host("web.example.org"), server.host("db.example.org"));
    web.update().expect_success();
    db.update().expect_success();
    server.upload("acme-web", "2.0").expect_success();
    web.update().expect_success();
    server
        .repoctl(&[
            "host",
            "issue",
            "new.example.org",
            "--suite",
            "edge",
            "--out",
            &server.at("new"),
        ])
        .expect_success();
    let names = |words: &[&str]| -> Vec<String> {
        let words = [&["host", "list"], words].concat();
        let found = told(server.repoctl(&words));
        found.lines().skip(1).map(|line| line.split(' ').next().unwrap().to_owned()).collect()
    };
    let all = ["db.example.org", "new.example.org", "web.example.org"];
    assert_eq!(names(&[]), all);
    assert_eq!(names(&["--suite", "stable"]), ["db.example.org", "web.example.org"]);
    assert_eq!(names(&["--suite", "stable", "--behind"]), ["db.example.org"]);
    assert_eq!(names(&["--behind"]), ["db.example.org", "new.example.org"]);
    let offered = told(server.repoctl(&["host", "list", "--suite", "stable"]));
    let of = |host: &str| offered.lines().find(|line| line.starts_with(host)).unwrap().to_owned();
    assert!(of("db.").ends_with(" 2 of 3"), "{offered}");
    assert!(of("web.").ends_with(" 3"), "{offered}");
    // Who reads every suite is in the list as well.
    let everything = ["access", "grant", "host", "web.example.org", "--suite", "*"];
    server.repoctl(&everything).expect_success();
    let listed = told(server.repoctl(&["host", "list"]));
    let row = listed.lines().find(|line| line.starts_with("web.")).unwrap_or_default();
    assert!(row.ends_with("edge nothing, stable 3"), "{listed}");
    server
        .repoctl(&["host", "list", "--suite", "stabel"])
        .expect_code(1)
        .expect_says("did you mean stable?");
    db.update().expect_success();
    let none = server.repoctl(&["host", "list", "--suite", "stable", "--behind"]).expect_success();
    assert!(
        none.stdout.is_empty() && none.stderr.contains("no host is behind in stable"),
        "{none}"
    );
}

#[test]
fn who_was_revoked_leaves_the_lists_and_hints_name_the_right_command() {
    let server = TestServer::start();
    let _root = server.host("web-01.example.org");
    let _other = server.host("web-02.example.org");
    server.repoctl(&["host", "token", "web-03.example.org", "--suite", "stable"]).expect_success();
    let list =
        |words: &[&str]| server.repoctl(&[&["host", "list"], words].concat()).expect_success();
    server
        .repoctl(&["host", "revoke", "web-02", "--yes"])
        .expect_code(1)
        .expect_says("did you mean web-02.example.org?");
    server.repoctl(&["host", "revoke", "web-02.example.org", "--yes"]).expect_success();
    let shown = list(&[]);
    assert!(
        !shown.stdout.contains("web-02")
            && shown.stderr.contains("1 revoked name not shown: --all"),
        "{shown}"
    );
    assert!(list(&["--all"]).stdout.contains("web-02.example.org"));
    assert!(!list(&["--json"]).stdout.contains("web-02"), "for programs as for people");
    // It gets its right back, and still has no certificate.
    let granted = server.repoctl(&["host", "grant", "web-02.example.org", "--suite", "stable"]);
    granted.expect_says("web-02.example.org has no certificate that is valid: `repoctl host issue");
    for words in ["host revoke web-03.example.org", "host revoke web-03.example.org --yes"] {
        let words: Vec<&str> = words.split(' ').collect();
        server
            .repoctl(&words)
            .expect_code(1)
            .expect_says("repoctl host token web-03.example.org --revoke");
    }
    server
        .repoctl(&["host", "show", "web-03.example.org"])
        .expect_says("none until its token is used");
    let status = server.repoctl(&["status"]).expect_success();
    assert!(
        status.stdout.lines().any(|line| line == "client certificates ending soon  0"),
        "{status}"
    );
    let words = [
        "host",
        "issue",
        "short.example.org",
        "--suite",
        "stable",
        "--days",
        "5",
        "--out",
        &server.at("short"),
    ];
    server.repoctl(&words).expect_success();
    let status = server.repoctl(&["status"]).expect_success();
    let line = status.stdout.lines().find(|line| line.starts_with("client certificates")).unwrap();
    let named = "client certificates ending soon  1: short.example.org in ";
    assert!([4, 5].iter().any(|days| line == format!("{named}{days} days")), "{line}");
}

/// The verbs that `repoctl audit --verb` knows are those of the page.
#[test]
fn the_page_of_the_audit_log_has_every_verb() {
    let page = include_str!("../../docs/audit.md");
    let rows = page.lines().skip_while(|line| !line.starts_with("| verb |")).skip(2);
    let rows = rows.take_while(|line| line.starts_with('|'));
    let cells: Vec<&str> = rows.map(|line| line.split('|').nth(1).unwrap()).collect();
    let mut verbs: Vec<&str> =
        cells.iter().flat_map(|cell| cell.split('`').skip(1).step_by(2)).collect();
    verbs.sort_unstable();
    assert_eq!(verbs, repod::api::VERBS);
}

/// What every host command says of a host by its name.
fn expect_a_host(server: &TestServer, name: &str) {
    let of = |words: &[&str]| server.repoctl(words).expect_success();
    of(&["host", "list"]).expect_says(name);
    of(&["host", "show", name]).expect_says("host, and uploader");
    let all = json(of(&["host", "list", "--suite", "stable", "--json"]));
    let found = all.as_array().unwrap().iter().find(|one| one["identity"] == name).unwrap();
    assert_eq!((&found["host"], &found["role"]), (&true.into(), &"uploader".into()), "{found}");
    let listed = told(of(&["identity", "list"]));
    let row = listed.lines().find(|line| line.starts_with(name)).unwrap_or_default();
    assert!(row.contains(" uploader stable acme-web* "), "{listed}");
    let whoami = server.curl(name, "api/v1/whoami").run().expect_success();
    let limits = &serde_json::from_str::<serde_json::Value>(&whoami.stdout).unwrap()["limits"];
    assert_eq!(limits[0]["packages"], serde_json::json!(["acme-web*"]), "{limits}");
    let out = server.at(&format!("setup-{name}"));
    of(&["host", "setup", name, "--out", &out]);
    let dry = ["pin", "--suite", "stable", "--rollback", "--all", "--to", "2", "-n", "--json"];
    let hosts = json(of(&dry))["hosts"].clone();
    assert!(hosts.as_array().unwrap().iter().any(|one| one["identity"] == name), "{hosts}");
    of(&["host", "token", name]);
    of(&["host", "list", "--all"]).expect_says("token ends");
}

#[test]
fn a_host_with_a_further_role_stays_one_for_every_host_command() {
    let server = TestServer::start();
    server.upload("acme-web", "1.0").expect_success();
    server.upload("acme-web", "2.0").expect_success();
    let (one, two) = ("web-01.example.org", "web-02.example.org");
    let _roots = [one, two, "web-77.example.org"].map(|name| server.host(name));
    let limits = ["--suite", "stable", "--package", "acme-web*"];
    let grant = |to: &str| {
        let words = [&["access", "grant", "uploader", to][..], &limits].concat();
        server.repoctl(&words).expect_success();
    };
    grant(one);
    server.repoctl(&["access", "group", "add", "builds", two]).expect_success();
    grant("@builds");
    expect_a_host(&server, one);
    expect_a_host(&server, two);

    // Who operates a suite is not shown it, and is not told that it is not there.
    let out = server.at("oncall");
    let issue = "identity issue oncall.example.org --role operator --suite stable --out";
    let issue: Vec<&str> = issue.split(' ').chain([out.as_str()]).collect();
    server.repoctl(&issue).expect_success();
    let profile = format!("{out}/config.toml");
    let shown = server.repoctl(&["--config", &profile, "host", "show", one]).expect_code(1);
    assert!(
        shown.stderr.starts_with(&format!("error: {one} is not among the hosts that you")),
        "{shown}"
    );
    shown.expect_says("hint: it may be there all the same: an admin manages hosts that");
    let revoke = |name: &str| server.repoctl(&["host", "revoke", name, "--yes", "-m", "stolen"]);
    revoke(one).expect_success();
    revoke(two).expect_success();
}

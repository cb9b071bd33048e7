//! Yanks: a version that no suite offers, with the real apt.

use crate::harness::apt::AptRoot;
use crate::harness::server::{TestServer, package};

const HOST: &str = "web1.example.org";

fn follow(host: &AptRoot) {
    host.update().expect_success();
    host.upgrade().expect_success();
}

#[track_caller]
fn is_at(host: &AptRoot, version: &str) {
    assert_eq!(host.installed("acme-web").as_deref(), Some(version));
}

/// A server that lists 2.0 of a package in two suites, and a host of the first that has it.
fn two_suites() -> (TestServer, AptRoot) {
    let server = TestServer::start();
    server.repoctl(&["suite", "create", "edge"]).expect_success();
    for version in ["1.0", "2.0"] {
        server.upload("acme-web", version).expect_success();
        let promote = ["promote", "--from", "stable", "--to", "edge", "acme-web"];
        server.repoctl(&promote).expect_success();
    }
    let host = server.host(HOST);
    host.update().expect_success();
    host.install(&["acme-web"]).expect_success();
    is_at(&host, "2.0");
    (server, host)
}

fn live(server: &TestServer, suite: &str) -> String {
    let list = server.repoctl(&["list", "--suite", suite, "--json"]).expect_success();
    let list: serde_json::Value = serde_json::from_str(&list.stdout).unwrap();
    let live = list.as_array().unwrap().iter().filter(|one| one["state"] == "live");
    live.map(|one| one["version"].as_str().unwrap()).collect::<Vec<_>>().join(" ")
}

#[test]
fn a_yanked_version_leaves_every_suite_and_does_not_come_back() {
    let (server, host) = two_suites();
    let lists = host.available();
    let bad = lists.iter().find(|one| one["Package"] == "acme-web").unwrap()["Filename"].clone();
    let dry = server.repoctl(&["yank", "acme-web=2.0", "-n"]).expect_success();
    assert!(dry.says("stable") && dry.says("edge"), "{dry}");
    server.repoctl(&["yank", "acme-web=2.0"]).expect_code(2).expect_says("say --yes");
    is_at(&host, "2.0");
    let yank = ["yank", "acme-web=2.0", "-m", "löscht alles", "--yes"];
    server.repoctl(&yank).expect_success().expect_says("live as generation");
    assert_eq!((live(&server, "stable"), live(&server, "edge")), ("1.0".into(), "1.0".into()));
    // Asked for by old lists, and from an earlier state.
    for path in [bad.clone(), format!("snapshot/2/{bad}")] {
        let gone = server.curl(HOST, &path).args(["-i"]).run();
        assert!(gone.says("HTTP/1.1 410") && gone.says("löscht alles"), "{gone}");
    }
    follow(&host);
    is_at(&host, "1.0");
    assert_eq!(server.check(HOST, "stable").versions("acme-web"), ["1.0"]);
    // Nothing brings it back.
    let deb = server.deb(&package("acme-web", "2.0"));
    let again = server.repoctl(&["upload", "--suite", "stable", &deb]).expect_success();
    assert!(again.says("withdrawn") && again.says("this version was yanked"), "{again}");
    for refused in [
        &["pin", "--suite", "stable", "acme-web=2.0"][..],
        &["pin", "--suite", "stable", "--rollback", "acme-web", "--to", "3"],
    ] {
        let said = server.repoctl(refused).expect_code(1);
        assert!(said.says("was yanked") && said.says("repoctl yank --undo acme-web=2.0"), "{said}");
    }
    server
        .repoctl(&[
            "promote",
            "--from",
            "edge",
            "--to",
            "stable",
            "--generation",
            "3",
            "--all",
            "--yes",
        ])
        .expect_success();
    server.repoctl(&["pin", "--suite", "stable", "--rollback", "--all", "--to", "3", "--yes"]);
    server.repoctl(&["suite", "create", "late"]).expect_success();
    let late = server.repoctl(&["upload", "--suite", "late", &deb]).expect_success();
    assert!(late.says("this version was yanked"), "{late}");
    assert_eq!(live(&server, "stable"), "1.0");
    let told = server.repoctl(&["yanks"]).expect_success();
    assert!(told.says("acme-web") && told.says("edge,") && told.says("löscht alles"), "{told}");
    // The override: it stays out until a person names it.
    server
        .repoctl(&["yank", "--undo", "acme-web=2.0", "-m", "it was us", "--yes"])
        .expect_success();
    assert_eq!(live(&server, "stable"), "1.0");
    server.repoctl(&["yanks"]).expect_success().expect_says("nothing is yanked");
    server.repoctl(&["pin", "--suite", "stable", "acme-web=2.0"]).expect_success();
    follow(&host);
    is_at(&host, "2.0");
    server.repoctl(&["yank", "--undo", "acme-web=2.0", "--yes"]).expect_code(1);
    server.repoctl(&["yank", "acme-web=9.0", "--yes"]).expect_code(1);
}

#[test]
fn a_pin_stays_as_the_upper_bound_and_rings_lose_it_too() {
    let (server, host) = two_suites();
    let on = |args: &[&str]| server.repoctl(args).expect_success();
    on(&["pin", "--suite", "stable", "acme-web=2.0"]);
    on(&["suite", "edit", "edge", "--ring", "canary=web1.example.org"]);
    for version in ["2.5", "3.0"] {
        server.upload("acme-web", version).expect_success();
    }
    let deb = server.deb(&package("acme-web", "3.0"));
    on(&["upload", "--suite", "edge", &deb]).expect_says("rolling out");
    on(&["yank", "acme-web=3.0", "--yes"]);
    on(&["rollout", "status", "--suite", "edge"]).expect_says("nothing is under way");
    on(&["yank", "acme-web=2.0", "--yes"]);
    assert_eq!(live(&server, "stable"), "1.0", "2.5 is above the pin");
    follow(&host);
    is_at(&host, "1.0");
    on(&["unpin", "--suite", "stable", "acme-web"]);
    assert_eq!(live(&server, "stable"), "2.5");
    follow(&host);
    is_at(&host, "2.5");
}

/// The row is there, and the other suite has not followed: as a kill between two suites leaves it.
#[test]
fn what_a_kill_left_of_a_yank_is_done_after_the_start() {
    let (mut server, host) = two_suites();
    server.kill();
    let raw = rusqlite::Connection::open(server.data().join("catalogue.sqlite")).unwrap();
    let row = "INSERT INTO yank VALUES ('default', 'source', 'acme-web', '2.0', 'ops.example.org', 'bad', 1)";
    assert_eq!(raw.execute(row, []).unwrap(), 1);
    drop(raw);
    server.serve();
    let is_done = (0..100).any(|_| {
        std::thread::sleep(std::time::Duration::from_millis(200));
        live(&server, "stable") == "1.0" && live(&server, "edge") == "1.0"
    });
    assert!(is_done, "{}", server.log());
    follow(&host);
    is_at(&host, "1.0");
    let log = server.repoctl(&["audit", "--suite", "edge"]).expect_success();
    assert!(log.says("yank") && log.says("ops.example.org"), "{log}");
}

#[test]
fn it_takes_an_operator_of_every_suite_that_has_it() {
    let (server, _host) = two_suites();
    let out = server.at("op");
    let issue = ["identity", "issue", "op.example.org", "--role", "operator", "--suite", "stable"];
    server.repoctl(&[&issue[..], &["--out", &out]].concat()).expect_success();
    let own = |args: &[&str]| {
        let (certificate, key) = (format!("{out}/client.crt"), format!("{out}/client.key"));
        let program = server.repoctl_program(args);
        program.env("REPOCTL_CERT", certificate).env("REPOCTL_KEY", key).run()
    };
    let refused = own(&["yank", "acme-web=2.0", "--yes"]).expect_code(3);
    assert!(refused.says("does not operate every suite"), "{refused}");
    assert_eq!((live(&server, "stable"), live(&server, "edge")), ("2.0".into(), "2.0".into()));
    // What only a suite has that they do not read is as good as absent.
    let deb = server.deb(&package("acme-secret", "1.0"));
    server.repoctl(&["upload", "--suite", "edge", &deb]).expect_success();
    let [hidden, absent] = ["acme-secret=1.0", "acme-absent=1.0"].map(|what| {
        own(&["yank", what, "--yes"]).expect_code(1).stderr.replace("secret", "absent")
    });
    assert_eq!(hidden, absent);
    let only = server.deb(&package("acme-own", "1.0"));
    server.repoctl(&["upload", "--suite", "stable", &only]).expect_success();
    own(&["yank", "acme-own=1.0", "--yes"]).expect_success();
}

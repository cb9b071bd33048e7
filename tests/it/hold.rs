//! A suite that is held: what hosts are offered meanwhile, what builds are told, and what the release brings.

use std::time::Duration;

use crate::harness::apt::AptRoot;
use crate::harness::server::{TestServer, package};

const HOST: &str = "web1.example.org";

fn follow(host: &AptRoot) {
    host.update().expect_success();
    host.upgrade().expect_success();
}

#[track_caller]
fn is_at(host: &AptRoot, name: &str, version: &str) {
    assert_eq!(host.installed(name).as_deref(), Some(version), "{name}");
}

fn on_stable(server: &TestServer, verb: &[&str]) -> crate::harness::programs::Outcome {
    let (verb, more) = verb.split_first().unwrap();
    server.repoctl(&[&[*verb, "--suite", "stable"][..], more].concat())
}

/// A server that lists 1.0 of two packages, and a host that has them.
fn with_host() -> (TestServer, AptRoot) {
    let server = TestServer::start();
    for name in ["acme-web", "acme-db"] {
        server.upload(name, "1.0").expect_success();
    }
    let host = server.host(HOST);
    host.update().expect_success();
    host.install(&["acme-web", "acme-db"]).expect_success();
    (server, host)
}

#[test]
fn builds_go_on_and_hosts_get_what_came_with_the_release() {
    let (mut server, host) = with_host();
    server.repoctl(&["suite", "create", "edge"]).expect_success();
    on_stable(&server, &["hold", "-m", "the database is moved"])
        .expect_success()
        .expect_says("suite stable is held: what is uploaded waits");
    let again = on_stable(&server, &["hold", "-m", "me too"]).expect_success();
    assert!(again.says("held already, since ") && again.says(": the database is moved"), "{again}");

    let said = server.upload("acme-web", "2.0").expect_success();
    assert!(said.says("waiting    acme-web 2.0") && said.says(": the database is moved"), "{said}");
    assert!(said.says("`repoctl release --suite stable` makes it live"), "{said}");
    let deb = server.deb(&package("acme-new", "1.0"));
    on_stable(&server, &["upload", "--require-live", &deb]).expect_code(1);
    let deb = server.deb(&package("acme-db", "2.0"));
    let put = "api/v1/suites/stable/main/acme-db_2.0_amd64.deb";
    let put = server.curl_as_operator(put).args(["-T", &deb]).run().expect_success();
    assert!(put.says("HTTP/1.1 202"), "{put}");
    // Another suite goes on.
    server.repoctl(&["upload", "--suite", "edge", &deb]).expect_success().expect_says("published");

    follow(&host);
    is_at(&host, "acme-web", "1.0");
    is_at(&host, "acme-db", "1.0");
    host.install(&["acme-new"]).expect_code(100);
    // It stays held when the server is killed, and is told to whoever looks.
    server.kill();
    server.serve();
    let status = server.repoctl(&["status"]).expect_success();
    assert!(status.says("suite stable offers nothing new: held "), "{status}");
    assert!(status.says("the database is moved; 3 packages came meanwhile"), "{status}");
    server.repoctl(&["suite", "show", "stable"]).expect_success().expect_says("3 packages came");
    assert_eq!(server.check(HOST, "stable").versions("acme-web"), ["1.0"]);

    let dry = on_stable(&server, &["release", "-n"]).expect_success();
    assert!(dry.says("acme-new") && dry.says("acme-db"), "{dry}");
    on_stable(&server, &["release"]).expect_code(2).expect_says("say --yes");
    on_stable(&server, &["release", "--yes", "-m", "moved"])
        .expect_success()
        .expect_says("live as generation ");
    follow(&host);
    is_at(&host, "acme-web", "2.0");
    is_at(&host, "acme-db", "2.0");
    host.install(&["acme-new"]).expect_success();
    server.upload("acme-web", "3.0").expect_success().expect_says("published");
    let late = on_stable(&server, &["release", "--yes"]).expect_code(1);
    assert!(late.says("suite stable: is not held"), "{late}");
    let log = server.repoctl(&["audit", "--suite", "stable"]).expect_success();
    assert!(log.says("the database is moved") && log.says("moved"), "{log}");
}

#[test]
fn a_person_goes_back_and_forth_in_a_suite_that_is_held() {
    let (server, host) = with_host();
    server.upload("acme-web", "2.0").expect_success();
    follow(&host);
    on_stable(&server, &["hold"]).expect_success();
    server.upload("acme-web", "3.0").expect_success();
    server.upload("acme-web", "4.0").expect_success();
    on_stable(&server, &["pin", "--rollback", "acme-web"]).expect_success();
    follow(&host);
    is_at(&host, "acme-web", "1.0");
    on_stable(&server, &["pin", "acme-web=3.0"]).expect_success();
    follow(&host);
    is_at(&host, "acme-web", "3.0");
    on_stable(&server, &["unpin", "acme-web"]).expect_success();
    follow(&host);
    is_at(&host, "acme-web", "3.0");
    let told = on_stable(&server, &["release", "--yes"]).expect_success();
    assert!(told.says("hosts follow"), "{told}");
    follow(&host);
    is_at(&host, "acme-web", "4.0");
}

#[test]
fn pins_end_only_with_the_hold() {
    let mut server = TestServer::start();
    server.upload("acme-web", "1.0").expect_success();
    on_stable(&server, &["pin", "acme-web=1.0", "--for", "1h"]).expect_success();
    server.upload("acme-web", "2.0").expect_success();
    on_stable(&server, &["hold"]).expect_success();
    server.host(HOST);
    // As an hour later.
    server.kill();
    let raw = rusqlite::Connection::open(server.data().join("catalogue.sqlite")).unwrap();
    assert_eq!(raw.execute("UPDATE pin SET ends_at = pinned_at + 1", []).unwrap(), 1);
    drop(raw);
    server.serve();
    let live = |server: &TestServer| {
        let pins = on_stable(server, &["pins"]).expect_success();
        (pins.says("acme-web"), server.check(HOST, "stable").versions("acme-web").join(" "))
    };
    // What runs by itself runs at the start and every few seconds.
    std::thread::sleep(Duration::from_secs(4));
    assert_eq!(live(&server), (true, "1.0".into()), "{}", server.log());
    on_stable(&server, &["release", "--yes"]).expect_success();
    server.kill();
    server.serve();
    let ended = (0..100).any(|_| {
        std::thread::sleep(Duration::from_millis(300));
        live(&server) == (false, "2.0".into())
    });
    assert!(ended, "{:?}\n{}", live(&server), server.log());
}

#[test]
fn an_operator_of_some_packages_holds_no_suite() {
    let server = TestServer::start();
    let out = server.at("op");
    let issue = ["identity", "issue", "op.example.org", "--role", "operator", "--suite", "stable"];
    server
        .repoctl(&[&issue[..], &["--package", "acme-*", "--out", &out]].concat())
        .expect_success();
    let own = |args: &[&str]| {
        let (certificate, key) = (format!("{out}/client.crt"), format!("{out}/client.key"));
        let program = server.repoctl_program(args);
        program.env("REPOCTL_CERT", certificate).env("REPOCTL_KEY", key).run()
    };
    let refused = own(&["hold", "--suite", "stable"]).expect_code(3);
    assert!(refused.says("operator of some packages only"), "{refused}");
    on_stable(&server, &["hold"]).expect_success();
    own(&["release", "--suite", "stable", "--yes"]).expect_code(3);
    server.repoctl(&["status"]).expect_success().expect_says("suite stable offers nothing new");
}

/// What is promoted into a suite that is held waits like what is uploaded there.
#[test]
fn a_promotion_waits_in_a_suite_that_is_held() {
    let (server, host) = with_host();
    server.repoctl(&["suite", "create", "edge"]).expect_success();
    let deb = server.deb(&package("acme-web", "2.0"));
    server.repoctl(&["upload", "--suite", "edge", &deb]).expect_success();
    on_stable(&server, &["hold", "-m", "the database is moved"]).expect_success();
    let promote = ["promote", "--from", "edge", "--to", "stable", "acme-web", "--yes"];
    let told = server.repoctl(&promote).expect_success();
    assert!(told.says("waiting") && told.says(": the database is moved"), "{told}");
    assert!(told.says("`repoctl release --suite stable` makes it live"), "{told}");
    server.repoctl(&[&promote[..], &["--require-live"]].concat()).expect_code(1);
    follow(&host);
    is_at(&host, "acme-web", "1.0");
    on_stable(&server, &["release", "--yes"]).expect_success();
    follow(&host);
    is_at(&host, "acme-web", "2.0");
}

//! What a host is told that asks by old lists for what was withdrawn since.

use crate::harness::apt::AptRoot;
use crate::harness::server::TestServer;

const HOST: &str = "web1.example.org";

fn on_stable(server: &TestServer, verb: &[&str]) {
    let (verb, more) = verb.split_first().unwrap();
    server.repoctl(&[&[*verb, "--suite", "stable"][..], more].concat()).expect_success();
}

fn follow(host: &AptRoot) {
    host.update().expect_success();
    host.upgrade().expect_success();
}

/// The pool path of a package, as the lists of a host have it.
fn path_of(host: &AptRoot, name: &str) -> String {
    let available = host.available();
    let stanza = available.iter().find(|one| one["Package"] == name).unwrap();
    stanza["Filename"].clone()
}

/// apt prints the reason, installs nothing, and follows after the next update.
#[test]
fn old_lists_do_not_lead_to_a_withdrawn_package() {
    let server = TestServer::start();
    server.upload("acme-web", "1.0").expect_success();
    let host = server.host(HOST);
    host.update().expect_success();
    host.install(&["acme-web"]).expect_success();
    server.upload("acme-web", "2.0").expect_success();
    host.update().expect_success();
    let bad = path_of(&host, "acme-web");
    on_stable(&server, &["pin", "--rollback", "acme-web", "-m", "2.0 löscht alles"]);
    let told = host.upgrade().expect_code(100);
    assert!(
        told.says("410") && told.says("acme-web 2.0 was withdrawn from suite stable"),
        "{told}"
    );
    assert_eq!(host.installed("acme-web").as_deref(), Some("1.0"));
    follow(&host);
    assert_eq!(host.installed("acme-web").as_deref(), Some("1.0"));
    let curl = |path: &str| server.curl(HOST, path).args(["-i"]).run();
    let gone = curl(&bad);
    assert!(gone.says("HTTP/1.1 410") && gone.says("\"code\":\"withdrawn\""), "{gone}");
    assert!(gone.says("(2.0 löscht alles); apt-get update shows what is offered"), "{gone}");
    // An earlier state has all that it had.
    assert!(curl(&format!("snapshot/2/{bad}")).says("HTTP/1.1 200"));
    // Whoever may not read the suite hears nothing of it.
    server.repoctl(&["suite", "create", "edge"]).expect_success();
    let out = server.at("hosts/other.example.org");
    let issue = ["host", "issue", "other.example.org", "--suite", "edge", "--out", &out];
    server.repoctl(&issue).expect_success();
    let other = server.curl("other.example.org", &bad).args(["-i"]).run();
    assert!(other.says("HTTP/1.1 404"), "{other}");
    // A person brings it back.
    on_stable(&server, &["pin", "acme-web=2.0", "--force"]);
    assert!(curl(&bad).says("HTTP/1.1 200"));
    follow(&host);
    assert_eq!(host.installed("acme-web").as_deref(), Some("2.0"));
}

/// Hosts in the middle of an update get what only made way, and what another suite of theirs lists.
#[test]
fn what_was_not_withdrawn_or_is_listed_elsewhere_is_given() {
    let server = TestServer::start();
    server.repoctl(&["suite", "create", "edge"]).expect_success();
    let host = server.host(HOST);
    let out = server.at("hosts/both.example.org");
    let issue = ["host", "issue", "both.example.org", "--suite", "stable,edge", "--out", &out];
    server.repoctl(&issue).expect_success();
    for version in ["1.0", "2.0"] {
        server.upload("acme-web", version).expect_success();
        let deb = server.at(&format!("debs/acme-web_{version}_amd64.deb"));
        server.repoctl(&["upload", "--suite", "edge", &deb]).expect_success();
        host.update().expect_success();
    }
    let second = path_of(&host, "acme-web");
    server.upload("acme-web", "3.0").expect_success();
    let status = |who: &str| {
        let answer = server.curl(who, &second).args(["-i"]).run();
        answer.stdout.split(' ').nth(1).unwrap_or_default().to_owned()
    };
    assert_eq!(status(HOST), "200", "it made way for 3.0");
    on_stable(&server, &["pin", "acme-web=1.0"]);
    assert_eq!(status(HOST), "200", "3.0 was withdrawn, and 2.0 was not listed then");
    on_stable(&server, &["pin", "acme-web=2.0"]);
    on_stable(&server, &["pin", "--rollback", "acme-web"]);
    assert_eq!((status(HOST), status("both.example.org")), ("410".into(), "200".into()));
    on_stable(&server, &["remove", "acme-web"]);
    assert_eq!((status(HOST), status("both.example.org")), ("410".into(), "200".into()));
}

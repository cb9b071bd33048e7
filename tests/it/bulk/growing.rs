//! A suite that gets another architecture and another component while hosts read it.

use super::HOST;
use crate::crash::Client;
use crate::harness::deb::DebBuilder;
use crate::harness::server::TestServer;

#[test]
fn a_live_suite_takes_another_architecture_and_component() {
    let server = TestServer::start();
    server.upload("acme-web", "1.0").expect_success();
    let early = server.host(HOST);
    early.update().expect_success();
    early.install(&["acme-web"]).expect_success();
    let client = Client::of(&server, HOST);

    // Before it is added, the refusal names the command that adds it.
    let board = client.deb(&DebBuilder::new("acme-board", "1.0", "arm64"));
    let upload = |component: &str, deb: &str| {
        client.repoctl(&["upload", "--suite", "stable", "--component", component, deb])
    };
    upload("main", &board).expect_code(1).expect_says("--add-architecture arm64");
    let extra = client.deb(&DebBuilder::new("acme-extra", "1.0", "all"));
    upload("extra", &extra).expect_code(1).expect_says("has no component extra");

    let edit = ["suite", "edit", "stable", "--add-architecture", "arm64", "-m", "new boards"];
    client.repoctl(&edit).expect_success();
    client.repoctl(&["suite", "edit", "stable", "--add-component", "extra"]).expect_success();
    upload("main", &board).expect_success().expect_says("published");
    upload("extra", &extra).expect_success().expect_says("published");
    server.upload("acme-web", "2.0").expect_success();
    let report = server.check(HOST, "stable");
    assert_eq!(report.release["Architectures"], "amd64 arm64");
    assert_eq!(report.release["Components"], "main extra");

    // A host of before goes on as it was, without a question.
    let update = early.update().expect_success();
    for word in ["W:", "N:", "E:", "changed its"] {
        assert!(!update.says(word), "{update}");
    }
    early.upgrade().expect_success();
    assert_eq!(early.installed("acme-web").as_deref(), Some("2.0"));

    // A host that is set up now sees all of it.
    let late = server.host("web2.example.org");
    let both = ["-o", "APT::Architectures::=amd64", "-o", "APT::Architectures::=arm64"];
    late.apt_get(&[&both[..], &["update"]].concat()).expect_success();
    late.install(&["acme-extra"]).expect_success();
    assert_eq!(late.installed("acme-extra").as_deref(), Some("1.0"));
    let board = late.program("apt-cache").args(both).args(["policy", "acme-board:arm64"]).run();
    board.expect_success().expect_says("Candidate: 1.0");
    let plain = late.update().expect_success();
    assert!(!plain.says("E:") && !plain.says("W:"), "{plain}");
}

/// apt refuses every command when a file of preferences has a stanza without a name in it.
#[test]
fn a_host_that_is_set_up_before_the_first_package_works() {
    let server = TestServer::start();
    let host = server.host(HOST);
    host.update().expect_success();
    server.upload("acme-web", "1.0").expect_success();
    host.update().expect_success();
    host.install(&["acme-web"]).expect_success();
    assert_eq!(host.policy("acme-web").installed.as_deref(), Some("1.0"));
}

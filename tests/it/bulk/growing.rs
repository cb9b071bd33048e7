//! A suite that gets another architecture and another component while hosts read it.

use super::HOST;
use crate::crash::Client;
use crate::harness::deb::DebBuilder;
use crate::harness::server::TestServer;

fn upload_to_main(client: &Client, deb: &str) -> crate::harness::programs::Outcome {
    client.repoctl(&["upload", "--suite", "stable", deb])
}

#[test]
fn an_architecture_goes_when_its_packages_are_named_and_comes_back() {
    let server = TestServer::start();
    server.upload("acme-web", "1.0").expect_success();
    let client = Client::of(&server, HOST);
    client.repoctl(&["suite", "edit", "stable", "--add-architecture", "i386"]).expect_success();
    let board = client.deb(&DebBuilder::new("acme-board", "1.0", "i386"));
    upload_to_main(&client, &board).expect_success();
    let host = server.host(HOST);
    let both = ["-o", "APT::Architectures::=amd64", "-o", "APT::Architectures::=i386"];
    let update = || host.apt_get(&[&both[..], &["update"]].concat()).expect_success();
    update();

    let edit = ["suite", "edit", "stable", "--remove-architecture", "i386"];
    let refused = client.repoctl(&edit).expect_code(1);
    refused.expect_says("acme-board").expect_says("--with-packages");
    assert_eq!(server.check(HOST, "stable").release["Architectures"], "amd64 i386");
    let told =
        client.repoctl(&[&edit[..], &["--with-packages", "--yes"]].concat()).expect_success();
    told.expect_says("acme-board");
    let report = server.check(HOST, "stable");
    assert_eq!(report.release["Architectures"], "amd64");
    assert!(report.versions("acme-board").is_empty());
    client.repoctl(&edit).expect_says("does not list i386");

    // A host that still has it goes on with the others.
    server.upload("acme-web", "2.0").expect_success();
    update();
    host.install(&["acme-web"]).expect_success();
    assert_eq!(host.installed("acme-web").as_deref(), Some("2.0"));

    // What cannot be listed is never brought back in silence.
    let pin = ["pin", "--suite", "stable"];
    let ways: [&[&str]; 3] = [
        &["--rollback", "acme-board", "--to", "4"],
        &["--rollback", "--all", "--to", "4", "--yes"],
        &["acme-board=1.0"],
    ];
    for way in ways {
        let refused = client.repoctl(&[&pin, way].concat()).expect_code(1);
        refused
            .expect_says("acme-board")
            .expect_says("would be listed for i386")
            .expect_says("stable does not have i386 any more")
            .expect_says("repoctl suite edit stable --add-architecture i386");
        let after = server.check(HOST, "stable");
        assert_eq!(after.release["Architectures"], "amd64", "{way:?}");
        assert!(after.versions("acme-board").is_empty(), "{way:?}");
        assert_eq!(after.versions("acme-web"), ["2.0"], "{way:?}");
    }
    client.repoctl(&["suite", "edit", "stable", "--add-architecture", "i386"]).expect_success();
    upload_to_main(&client, &board).expect_success();
    assert_eq!(server.check(HOST, "stable").versions("acme-board"), ["1.0"]);
    update();
}

#[test]
fn a_live_suite_takes_another_architecture_and_component() {
    let server = TestServer::start();
    server.upload("acme-web", "1.0").expect_success();
    let early = server.host(HOST);
    early.update().expect_success();
    early.install(&["acme-web"]).expect_success();
    let client = Client::of(&server, HOST);

    // What dpkg does not know is never added.
    for (name, says) in
        [("noarch", "write 'all'"), ("x64", "write 'amd64'"), ("amd46", "did you mean 'amd64'")]
    {
        let edit = ["suite", "edit", "stable", "--add-architecture", name];
        client.repoctl(&edit).expect_says("dpkg knows no architecture").expect_says(says);
        let create = ["suite", "create", "odd", "--architectures", name];
        client.repoctl(&create).expect_says("dpkg knows no architecture").expect_says(says);
        let odd = client.deb(&DebBuilder::new("acme-odd", "1.0", name));
        let refused = upload_to_main(&client, &odd).expect_code(1).expect_says(says);
        assert!(!refused.says("--add-architecture"), "{refused}");
    }
    let edit = ["suite", "edit", "stable", "--add-architecture", "x86_64"];
    client.repoctl(&edit).expect_code(2).expect_says("write 'amd64'");

    // Before it is added, the refusal names the command that adds it.
    let board = client.deb(&DebBuilder::new("acme-board", "1.0", "arm64"));
    let upload = |component: &str, deb: &str| {
        client.repoctl(&["upload", "--suite", "stable", "--component", component, deb])
    };
    upload("main", &board).expect_code(1).expect_says("--add-architecture arm64");
    let extra = client.deb(&DebBuilder::new("acme-extra", "1.0", "all"));
    upload("extra", &extra).expect_code(1).expect_says("has no component extra");

    let edit =
        ["suite", "edit", "stable", "--add-architecture", "arm64", "--yes", "-m", "new boards"];
    client.repoctl(&edit).expect_success();
    client
        .repoctl(&["suite", "edit", "stable", "--add-component", "extra", "--yes"])
        .expect_success();
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

//! What is refused: with every reason, the field and the cure, and nothing of it is done.

use super::{built_for, command, generation, host, offered, promote, send, server};
use crate::harness::server::{TestServer, package};

#[test]
fn everything_that_the_other_suite_does_not_take_is_named_together() {
    let server = server();
    let edit = ["suite", "create", "small", "--architecture", "amd64", "--owns", "acme-*"];
    server.repoctl(&edit).expect_success();
    let arm = built_for("arm64", "acme-board", "1.0");
    send(&server, "edge", &[arm, package("other-web", "1.0"), package("acme-web", "1.0")]);
    let extra = server.deb(&package("acme-extra", "1.0"));
    let upload = ["upload", "--suite", "edge", "--component", "contrib", &extra];
    server.repoctl(&upload).expect_success();

    let all = ["promote", "--from", "edge", "--to", "small", "--all", "--yes"];
    let told = server.repoctl(&all).expect_code(1);
    for said in [
        "acme-board 1.0 arm64: suite small does not list arm64",
        "repoctl suite edit small --add-architecture arm64",
        "acme-extra 1.0 amd64: suite small has no component contrib; it has main",
        "`repoctl suite edit small --add-component contrib`",
        "other-web 1.0 amd64: suite small owns only acme-*",
        "--owns",
    ] {
        assert!(told.says(said), "{said}: {told}");
    }
    assert!(offered(&server, "small").is_empty());
    let some = ["promote", "--from", "edge", "--to", "small", "acme-extra", "--component", "main"];
    server.repoctl(&some).expect_success();
    assert_eq!(offered(&server, "small"), ["acme-extra amd64 1.0"]);

    let none = promote(&server, &["acme-wbe", "acme-x=1"]).expect_code(1);
    assert!(none.says("acme-wbe: suite edge does not list it; did you mean acme-web?"), "{none}");
    assert!(none.says("acme-x: suite edge does not list it"), "{none}");
    promote(&server, &[]).expect_code(2).expect_says("say --all for everything that edge lists");
    promote(&server, &["--all"]).expect_code(2).expect_says("everything that suite edge lists");
    let itself = ["promote", "--from", "edge", "--to", "edge", "acme-web"];
    server.repoctl(&itself).expect_code(2).expect_says("is the suite itself");
}

#[test]
fn a_promotion_from_another_namespace_is_refused_with_the_reason() {
    let server = server();
    let create = ["suite", "create", "trixie", "--namespace", "trixie"];
    server.repoctl(&create).expect_success();
    send(&server, "edge", &[package("acme-web", "1.0")]);
    for more in [&["acme-web"][..], &["--all", "--yes"]] {
        let words = [&["promote", "--from", "edge", "--to", "trixie"], more].concat();
        let told = server.repoctl(&words).expect_code(1);
        assert!(told.says("is in suite edge (namespace default)"), "{told}");
        assert!(told.says("not promoted to suite trixie (namespace trixie)"), "{told}");
        assert!(told.says("upload the file itself"), "{told}");
    }
    assert!(offered(&server, "trixie").is_empty());
}

/// `acme-app` 2.0 needs `acme-lib` 2.0, which needs the new `acme-base`; `prod` has 1.0 of the first two.
fn library_and_application() -> TestServer {
    let server = server();
    let app = |version: &str| {
        let least = format!("acme-lib (>= {version})");
        package("acme-app", version).field("Depends", &least)
    };
    send(&server, "edge", &[package("acme-lib", "1.0"), app("1.0")]);
    promote(&server, &["--all", "--yes"]).expect_success();
    let lib = package("acme-lib", "2.0").field("Depends", "acme-base");
    send(&server, "edge", &[lib, app("2.0"), package("acme-base", "1.0")]);
    server
}

#[test]
fn what_hosts_could_not_install_is_refused_and_the_command_of_the_message_cures_it() {
    let server = library_and_application();
    for suite in ["edge", "prod"] {
        let owns = ["suite", "edit", suite, "--owns", "acme-*", "--yes"];
        server.repoctl(&owns).expect_success();
    }
    let host = host(&server, "web1.example.org");
    host.update().expect_success();
    host.install(&["acme-app"]).expect_success();
    let before = generation(&server, "prod");
    let told = promote(&server, &["acme-app"]).expect_code(1);
    let why = "acme-app 2.0 (amd64): needs acme-lib (>= 2.0) and finds acme-lib 1.0";
    assert!(told.says(why) && told.says("--cascade") && told.says("--force"), "{told}");
    assert_eq!(generation(&server, "prod"), before);
    let cure = command(&told, "repoctl promote");
    let words = ["--from", "edge", "--to", "prod", "acme-app", "acme-lib", "acme-base"];
    assert_eq!(cure[1..], words, "{told}");
    server.repoctl(&[&cure[..], &["--dry-run"]].concat()).expect_success();
    // It moves more than it names, so it is confirmed.
    promote(&server, &["acme-app", "--cascade"]).expect_code(2).expect_says("does not name");
    server.repoctl(&cure).expect_success();
    host.update().expect_success();
    host.apt_get(&["-y", "--with-new-pkgs", "upgrade"]).expect_success();
    for (name, version) in [("acme-app", "2.0"), ("acme-lib", "2.0"), ("acme-base", "1.0")] {
        assert_eq!(host.installed(name).as_deref(), Some(version), "{name}");
    }
}

#[test]
fn a_cascade_brings_along_what_is_needed_and_force_goes_on_without_it() {
    let server = library_and_application();
    let told = promote(&server, &["acme-app", "--cascade", "--yes"]).expect_success();
    assert!(told.says("acme-lib moves along"), "{told}");
    assert!(offered(&server, "prod").contains(&"acme-lib amd64 2.0".to_owned()));
    let log = server.repoctl(&["audit", "--suite", "prod", "--json"]).expect_success();
    assert!(log.says("along: acme-lib"), "{log}");

    // What is pinned in the other suite cannot come along, and the message says so.
    let server = library_and_application();
    server.repoctl(&["pin", "--suite", "prod", "acme-lib=1.0"]).expect_success();
    let alone = promote(&server, &["acme-app"]).expect_code(1);
    assert!(alone.says("acme-lib 2.0 amd64: would only wait in the suite"), "{alone}");
    let told = promote(&server, &["acme-app", "acme-lib", "acme-base"]).expect_code(1);
    let why = "acme-lib 2.0 amd64: would only wait in the suite: acme-lib is pinned at 1.0";
    assert!(told.says(why), "{told}");
    assert!(told.says("nothing more that suite edge lists"), "{told}");
    let forced = promote(&server, &["acme-app", "--force"]).expect_success();
    assert!(forced.says("acme-app 2.0 (amd64) needs acme-lib (>= 2.0)"), "{forced}");
    let log = server.repoctl(&["audit", "--suite", "prod", "--json"]).expect_success();
    assert!(log.says("forced, although acme-app 2.0 (amd64) needs"), "{log}");
}

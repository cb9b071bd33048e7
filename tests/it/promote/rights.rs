//! Who may promote what: who may upload it there, and read it where it is.

use super::{generation, offered, promote, send, server};
use crate::harness::programs::Outcome;
use crate::harness::server::{TestServer, package};

/// A certificate of somebody with this right.
fn issue(server: &TestServer, name: &str, right: &[&str]) -> String {
    let out = server.at(name);
    let words = [&["identity", "issue", name, "--out", &out], right].concat();
    server.repoctl(&words).expect_success();
    out
}

fn by(server: &TestServer, who: &str, words: &[&str]) -> Outcome {
    let program = server.repoctl_program(words);
    let program = program.env("REPOCTL_CERT", format!("{who}/client.crt"));
    program.env("REPOCTL_KEY", format!("{who}/client.key")).run()
}

fn promoting<'w>(from: &'w str, more: &[&'w str]) -> Vec<&'w str> {
    [&["promote", "--from", from, "--to", "prod"], more].concat()
}

#[test]
fn an_uploader_promotes_what_they_may_upload_and_nobody_what_they_may_not_read() {
    let server = server();
    send(&server, "edge", &[package("acme-web", "1.0"), package("other-web", "1.0")]);
    let ci = issue(&server, "ci.example.org", &["--role", "uploader", "--suite", "prod"]);
    let before = generation(&server, "prod");

    // A suite that they may not read is answered like one that is not there.
    for more in [&["acme-web"][..], &["--all", "--yes"], &["acme-web", "--generation", "7"]] {
        let hidden = by(&server, &ci, &promoting("edge", more)).expect_code(3);
        let absent = by(&server, &ci, &promoting("egde", more)).expect_code(3);
        let said = |told: &Outcome| {
            let lines = told.stderr.lines().filter(|line| !line.starts_with("request "));
            lines.collect::<Vec<_>>().join("\n").replace("egde", "edge")
        };
        assert_eq!(said(&hidden), said(&absent));
        assert!(hidden.says("no right to suite edge, or there is no such suite"), "{hidden}");
    }
    let grant = ["access", "grant", "host", "ci.example.org", "--suite", "edge"];
    server.repoctl(&grant).expect_success();
    // Which hosts read the suite is told to its operators.
    let _host = super::host(&server, "web1.example.org");
    let trial = by(&server, &ci, &promoting("edge", &["acme-web", "-n"])).expect_success();
    assert!(trial.says("acme-web") && !trial.says("host"), "{trial}");
    by(&server, &ci, &promoting("edge", &["acme-web"])).expect_success();
    assert_eq!(offered(&server, "prod"), ["acme-web amd64 1.0"]);
    // To read is not to change.
    let back = ["promote", "--from", "prod", "--to", "edge", "acme-web"];
    by(&server, &ci, &back).expect_code(3).expect_says("uploader");

    let narrow = ["--role", "uploader", "--suite", "prod", "--package", "other-*"];
    let dev = issue(&server, "dev.example.org", &narrow);
    let grant = ["access", "grant", "host", "dev.example.org", "--suite", "edge"];
    server.repoctl(&grant).expect_success();
    send(&server, "edge", &[package("acme-web", "2.0")]);
    let told = by(&server, &dev, &promoting("edge", &["--all", "--yes"])).expect_code(3);
    assert!(told.says("may alter only other-* in suite prod, not acme-web"), "{told}");
    by(&server, &dev, &promoting("edge", &["other-web"])).expect_success();
    assert_eq!(offered(&server, "prod"), ["acme-web amd64 1.0", "other-web amd64 1.0"]);
    assert_eq!(generation(&server, "prod"), before + 2);
}

#[test]
fn who_may_not_read_the_first_suite_learns_nothing_of_it() {
    let server = server();
    send(&server, "edge", &[package("acme-web", "1.0")]);
    let olga = issue(&server, "olga.example.org", &["--role", "operator", "--suite", "prod"]);
    promote(&server, &["acme-web", "-m", "tested"]).expect_success();
    promote(&server, &["acme-secret"]).expect_code(1);
    let mine = ["history", "--suite", "prod"];
    server.repoctl(&mine).expect_success().expect_says("promoted from edge (generation 2): tested");
    let history = by(&server, &olga, &mine).expect_success();
    assert!(history.says("promoted from another suite: tested"), "{history}");
    let log = by(&server, &olga, &["audit", "--suite", "prod", "--json"]).expect_success();
    assert!(log.says("from another suite: acme-web 1.0 amd64 in main"), "{log}");
    for told in [&history, &log] {
        assert!(!told.says("edge") && !told.says("secret"), "{told}");
    }
    let all = server.repoctl(&["audit", "--suite", "prod", "--json"]).expect_success();
    assert!(all.says("from edge: acme-secret: acme-secret: suite edge does not list it"), "{all}");
}

#[test]
fn the_program_of_hosts_comes_along_only_from_who_may_bring_it() {
    let server = server();
    for suite in ["edge", "prod"] {
        let owns = ["suite", "edit", suite, "--owns", "acme-*", "--yes"];
        server.repoctl(&owns).expect_success();
    }
    let repoctl = || package("repoctl", "99.0").field("Source", "acme");
    send(&server, "edge", &[package("acme-web", "1.0"), repoctl()]);
    for suite in ["edge", "prod"] {
        server.repoctl(&["key", "publish", "--suite", suite]).expect_success();
    }
    let ci = issue(&server, "ci.example.org", &["--role", "uploader", "--suite", "prod,edge"]);
    let all = ["--all", "--yes"];
    let told = by(&server, &ci, &promoting("edge", &all)).expect_success();
    assert!(told.says("repoctl 99.0 is left out: it comes to all hosts of suite prod"), "{told}");
    by(&server, &ci, &promoting("edge", &["repoctl"])).expect_code(1).expect_says("operator");
    promote(&server, &["acme"]).expect_code(1).expect_says("does not list it");
    promote(&server, &all).expect_success();
    let listed = offered(&server, "prod");
    assert!(listed.contains(&"repoctl amd64 99.0".to_owned()), "{listed:?}");
    let clients = listed.iter().filter(|one| one.starts_with("repod-client-")).count();
    assert_eq!(clients, 1, "each suite has its own: {listed:?}");
    let own = offered(&server, "edge");
    let own = own.iter().find(|one| one.starts_with("repod-client-")).unwrap();
    let own = own.split(' ').next().unwrap();
    promote(&server, &[own]).expect_code(1).expect_says("only the server itself gives");
}

//! Promotion: what one suite lists is taken into another without its bytes being sent again, and comes to hosts.

mod refused;
mod rights;
mod together;

use std::path::Path;

use repod::digest::Digest;
use serde_json::Value;

use crate::harness::apt::{AptRoot, HostFile};
use crate::harness::deb::DebBuilder;
use crate::harness::programs::Outcome;
use crate::harness::server::{TestServer, host_files, package};

/// A server with suites `edge` and `prod` beside `stable`, for two architectures.
fn server() -> TestServer {
    let server = TestServer::start();
    for suite in ["edge", "prod"] {
        let kinds = ["--architecture", "amd64,arm64", "--component", "main,contrib"];
        let create = [&["suite", "create", suite], &kinds[..]].concat();
        server.repoctl(&create).expect_success();
    }
    server
}

fn built_for(architecture: &str, name: &str, version: &str) -> DebBuilder {
    let path = format!("usr/share/{name}/version");
    DebBuilder::new(name, version, architecture).file(&path, version.as_bytes())
}

fn send(server: &TestServer, suite: &str, debs: &[DebBuilder]) {
    let debs: Vec<_> = debs.iter().map(|deb| server.deb(deb)).collect();
    let mut words = vec!["upload", "--suite", suite];
    words.extend(debs.iter().map(String::as_str));
    server.repoctl(&words).expect_success();
}

fn promote(server: &TestServer, more: &[&str]) -> Outcome {
    let words = ["promote", "--from", "edge", "--to", "prod"];
    server.repoctl(&[&words[..], more].concat())
}

/// A host of `stable` and `prod` that takes packages for arm64 as well.
fn host(server: &TestServer, name: &str) -> AptRoot {
    let (root, out) = (AptRoot::new(), server.at(&format!("hosts/{name}")));
    let issue = ["host", "issue", name, "--suite", "stable,prod", "--out", &out];
    server.repoctl(&issue).expect_success();
    root.place(&host_files(Path::new(&out)));
    let both = "APT::Architectures { \"amd64\"; \"arm64\"; };\n";
    root.place(&[HostFile::new("/etc/apt/apt.conf.d/99both", 0o644, both)]);
    std::fs::write(root.path("var/lib/dpkg/arch"), "amd64\narm64\n").unwrap();
    root
}

fn follow(host: &AptRoot) {
    host.update().expect_success();
    host.upgrade().expect_success();
}

/// What hosts of a suite are offered: names, architectures and versions.
fn offered(server: &TestServer, suite: &str) -> Vec<String> {
    let list = server.repoctl(&["list", "--suite", suite, "--json"]).expect_success();
    let list: Value = serde_json::from_str(&list.stdout).unwrap();
    let live = list.as_array().unwrap().iter().filter(|one| one["state"] == "live");
    let word = |one: &Value, key: &str| one[key].as_str().unwrap().to_owned();
    let line = |one| ["package", "architecture", "version"].map(|key| word(one, key)).join(" ");
    let mut lines: Vec<_> = live.map(line).collect();
    lines.sort();
    lines
}

fn generation(server: &TestServer, suite: &str) -> u64 {
    let shown = server.repoctl(&["suite", "show", suite, "--json"]).expect_success();
    let shown: Value = serde_json::from_str(&shown.stdout).unwrap();
    shown["generation"].as_u64().unwrap()
}

/// The command that a message gives, between backticks.
fn command<'t>(told: &'t Outcome, begin: &'t str) -> Vec<&'t str> {
    let text = if told.stderr.contains(begin) { &told.stderr } else { &told.stdout };
    let (_, rest) = text.split_once(&format!("`{begin}")).unwrap_or_else(|| panic!("{told}"));
    let (rest, _) = rest.split_once('`').unwrap();
    let whole = begin.split(' ').chain(rest.split(' ')).filter(|word| !word.is_empty());
    whole.skip(1).collect()
}

#[test]
fn what_is_promoted_comes_to_hosts_by_an_upgrade_with_the_same_bytes() {
    let server = server();
    server.upload("acme-base", "1.0").expect_success();
    let both =
        |version| ["amd64", "arm64"].map(|one| built_for(one, &format!("acme-{one}"), version));
    let of_source = |version| both(version).map(|deb| deb.field("Source", "acme"));
    send(&server, "edge", &of_source("1.0"));
    promote(&server, &["acme"]).expect_success().expect_says("live as generation 2 of prod");
    let host = host(&server, "web1.example.org");
    host.update().expect_success();
    host.install(&["acme-base", "acme-amd64", "acme-arm64:arm64"]).expect_success();

    send(&server, "edge", &of_source("2.0"));
    follow(&host);
    assert_eq!(host.installed("acme-amd64").as_deref(), Some("1.0"), "edge is not prod");
    let trial = promote(&server, &["acme", "--dry-run"]).expect_success();
    for said in ["DRY RUN", "acme-arm64", "1.0", "2.0", "1 host would see it", "web1.example.org"] {
        assert!(trial.says(said), "{said}: {trial}");
    }
    promote(&server, &["acme", "-m", "a week in edge"])
        .expect_success()
        .expect_says("hosts follow");
    follow(&host);
    for (name, deb) in ["acme-amd64", "acme-arm64:arm64"].into_iter().zip(of_source("2.0")) {
        assert_eq!(host.installed(name).as_deref(), Some("2.0"), "{name}");
        let plain = name.split(':').next().unwrap();
        let listed = host.available();
        let listed = listed.iter().find(|one| one["Package"] == plain).unwrap();
        assert_eq!(listed["SHA256"], Digest::of(&deb.build()).to_string(), "{name}");
    }
    let report = server.check("web1.example.org", "prod");
    assert_eq!(report.versions("acme-arm64"), ["2.0"]);

    // What is there already is success, as often as it is asked for.
    let before = generation(&server, "prod");
    for more in [&["acme"][..], &["acme=2.0"], &["--all", "--yes"]] {
        let again = promote(&server, more).expect_success();
        assert!(again.says("no new generation"), "{again}");
    }
    assert_eq!(generation(&server, "prod"), before);
    let log = server.repoctl(&["audit", "--suite", "prod", "--json"]).expect_success();
    assert_eq!(log.stdout.matches("\"verb\":\"promote\"").count(), 2, "{log}");
    assert!(log.says("from edge, generation 3: acme-amd64 2.0 amd64 in main"), "{log}");
    let history = server.repoctl(&["history", "--suite", "prod"]).expect_success();
    assert!(history.says("promoted from edge (generation 3): a week in edge"), "{history}");
}

#[test]
fn what_was_rolled_back_does_not_come_back_with_everything() {
    let server = server();
    for version in ["1.0", "2.0"] {
        send(&server, "edge", &[package("acme-web", version), package("acme-api", version)]);
        promote(&server, &["--all", "--yes"]).expect_success();
    }
    let host = host(&server, "web1.example.org");
    host.update().expect_success();
    host.install(&["acme-web"]).expect_success();
    let back = ["pin", "--suite", "prod", "--rollback", "acme-web", "-m", "crashes"];
    server.repoctl(&back).expect_success();
    follow(&host);
    assert_eq!(host.installed("acme-web").as_deref(), Some("1.0"));

    let stays = ["acme-api amd64 2.0", "acme-web amd64 1.0"];
    for pinned in [true, false] {
        for more in [&["--all", "--yes"][..], &["acme-web"], &["acme-web=2.0"]] {
            let told = promote(&server, more).expect_success();
            let why = if pinned { "acme-web is pinned at 1.0" } else { "was rolled back from" };
            assert!(told.says(why), "{more:?}: {told}");
            assert!(told.says("1 of 1 package is not offered to hosts"), "{told}");
            promote(&server, &[more, &["--require-live"]].concat()).expect_code(1);
        }
        assert_eq!(offered(&server, "prod"), stays);
        if pinned {
            server.repoctl(&["unpin", "--suite", "prod", "acme-web"]).expect_success();
        }
    }
    follow(&host);
    assert_eq!(host.installed("acme-web").as_deref(), Some("1.0"));
    let told = promote(&server, &["acme-web"]).expect_success();
    server.repoctl(&command(&told, "repoctl pin")).expect_success();
    follow(&host);
    assert_eq!(host.installed("acme-web").as_deref(), Some("2.0"));

    // A removed version stays out as well, and a newer one comes.
    server.repoctl(&["remove", "--suite", "prod", "acme-api"]).expect_success();
    promote(&server, &["acme-api"]).expect_success().expect_says("rolled back from or removed");
    send(&server, "edge", &[package("acme-api", "3.0")]);
    promote(&server, &["acme-api"]).expect_success().expect_says("live as generation");
}

#[test]
fn what_would_only_wait_is_named_and_what_is_asked_for_is_what_comes() {
    let server = server();
    let (tools, lib) = (package("acme-tools", "1.0"), package("libacme1", "1.0"));
    send(&server, "edge", &[tools, lib].map(|deb| deb.field("Source", "acme")));
    send(&server, "prod", &[package("acme-web", "3.0")]);
    send(&server, "edge", &[package("acme-web", "2.0")]);

    let waits = promote(&server, &["acme-web"]).expect_success();
    assert!(waits.says("waiting    acme-web 2.0 amd64 (main): 3.0 is published"), "{waits}");
    assert!(waits.says("no new generation"), "{waits}");
    let json = promote(&server, &["acme-web", "--json"]).expect_success();
    let json: Value = serde_json::from_str(&json.stdout).unwrap();
    assert_eq!(json["items"][0]["state"], "waiting");
    assert_eq!(json["items"][0]["cure"], "repoctl pin --suite prod acme-web=2.0");
    let body =
        r#"{"change": {"verb": "promote", "from": "edge", "packages": [{"package": "acme-web"}]}}"#;
    let raw = server.curl_as_operator("api/v1/suites/prod/changes");
    let raw = raw.args(["-H", "content-type: application/json", "-d", body]).run();
    assert!(raw.says("HTTP/1.1 202"), "{raw}");

    // A binary stands for its source unless it is said to be meant alone.
    promote(&server, &["libacme1"]).expect_code(2).expect_says("acme-tools");
    promote(&server, &["libacme1", "--binary"]).expect_success();
    assert_eq!(offered(&server, "prod"), ["acme-web amd64 3.0", "libacme1 amd64 1.0"]);
    let expect = format!("{}", generation(&server, "prod") - 1);
    let late = promote(&server, &["acme", "--expect", &expect]).expect_code(1);
    assert!(late.says("look at what changed"), "{late}");
    let expect = format!("{}", generation(&server, "prod"));
    let component = ["acme-web=2.0", "--component", "contrib"];
    let told = promote(&server, &component).expect_code(1);
    assert!(told.says("acme-web is in component main of prod"), "{told}");
    promote(&server, &["acme", "--expect", &expect]).expect_success();

    // An earlier generation of edge, into another component of a third suite.
    send(&server, "edge", &[package("acme-web", "4.0")]);
    let add = ["suite", "edit", "stable", "--add-component", "contrib", "--yes"];
    server.repoctl(&add).expect_success();
    let earlier = ["promote", "--from", "edge", "--to", "stable", "--generation", "3", "--all"];
    let told = server.repoctl(&[&earlier[..], &["-C", "contrib", "--yes"]].concat());
    told.expect_success();
    let got = ["acme-tools amd64 1.0", "acme-web amd64 2.0", "libacme1 amd64 1.0"];
    assert_eq!(offered(&server, "stable"), got);
    let unknown = ["promote", "--from", "edge", "--to", "stable", "--generation", "99", "acme-web"];
    server.repoctl(&unknown).expect_code(1).expect_says("the last one is 4");
}

#[test]
fn of_several_listed_versions_the_highest_comes_unless_all_are_meant() {
    let server = server();
    for suite in ["edge", "prod"] {
        server.repoctl(&["suite", "edit", suite, "--versions", "all"]).expect_success();
    }
    for version in ["1.0", "2.0", "3.0"] {
        send(&server, "edge", &[package("acme-web", version)]);
    }
    promote(&server, &["acme-web=2.0"]).expect_success();
    assert_eq!(offered(&server, "prod"), ["acme-web amd64 2.0"]);
    promote(&server, &["acme-web"]).expect_success();
    assert_eq!(offered(&server, "prod"), ["acme-web amd64 2.0", "acme-web amd64 3.0"]);
    promote(&server, &["acme-web", "--all-versions"]).expect_success();
    assert_eq!(offered(&server, "prod"), offered(&server, "edge"));
    let host = host(&server, "web1.example.org");
    host.update().expect_success();
    host.install(&["acme-web=1.0"]).expect_success();
    let none = promote(&server, &["acme-web=9.0"]).expect_code(1);
    assert!(none.says("suite edge does not list 9.0; it lists 3.0, 2.0, 1.0"), "{none}");
}

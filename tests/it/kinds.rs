//! Kinds of suites: what their Release files say, and what the real apt makes of it.

use std::path::Path;

use crate::harness::apt::AptRoot;
use crate::harness::server::{TestServer, host_files, package};

fn create(server: &TestServer, suite: &str, more: &[&str]) {
    let create = ["suite", "create", suite, "--architectures", "amd64"];
    server.repoctl(&[&create[..], more].concat()).expect_success();
}

fn upload(server: &TestServer, suite: &str, name: &str, version: &str) {
    let path = server.deb(&package(name, version));
    server.repoctl(&["upload", "--suite", suite, &path]).expect_success();
}

fn release(server: &TestServer, suite: &str) -> String {
    let path = format!("dists/{suite}/Release");
    server.curl_as_operator(&path).run().expect_success().expect_says("HTTP/1.1 200").stdout
}

#[test]
fn hosts_take_from_a_suite_that_is_not_automatic_only_when_asked() {
    let server = TestServer::start();
    create(&server, "backports", &["--not-automatic", "--but-automatic-upgrades"]);
    create(&server, "edge", &["--not-automatic"]);
    server.upload("acme-web", "1.0").expect_success();
    upload(&server, "backports", "acme-web", "2.0");
    upload(&server, "backports", "acme-new", "2.0");
    upload(&server, "edge", "acme-new", "9.0");
    upload(&server, "edge", "acme-edge", "1.0");
    // Every suite takes this one for its hosts, which try nothing out by that.
    server.upload("repoctl", "1.0").expect_success();
    upload(&server, "edge", "repoctl", "9.0");

    let (host, out) = (AptRoot::new(), server.at("hosts/web1.example.org"));
    let suites = "stable,backports,edge";
    server
        .repoctl(&["host", "issue", "web1.example.org", "--suite", suites, "--out", &out])
        .expect_success();
    host.place(&host_files(Path::new(&out)));
    host.update().expect_success();
    let policy = host.program("apt-cache").arg("policy").run().expect_success();
    for (priority, suite) in [(500, "stable"), (100, "backports"), (1, "edge")] {
        let line = format!(" {priority} {} {suite}/main amd64 Packages\n", server.url());
        assert!(policy.stdout.contains(&line), "{suite} has not {priority}: {policy}");
    }

    // Of both, only what a person asked for; upgrades of it come where the suite says so.
    host.install(&["acme-web", "acme-new", "acme-edge", "repoctl"]).expect_success();
    let installed = |name: &str| host.installed(name).unwrap();
    assert_eq!((installed("acme-web"), installed("acme-new")), ("1.0".into(), "2.0".into()));
    assert_eq!((installed("acme-edge"), installed("repoctl")), ("1.0".into(), "1.0".into()));
    upload(&server, "backports", "acme-new", "2.1");
    upload(&server, "edge", "acme-edge", "2.0");
    host.update().expect_success();
    host.upgrade().expect_success();
    assert_eq!((installed("acme-web"), installed("acme-new")), ("1.0".into(), "2.1".into()));
    assert_eq!(installed("acme-edge"), "1.0");
    host.apt_get(&["-y", "-t", "edge", "install", "acme-edge"]).expect_success();
    assert_eq!(installed("acme-edge"), "2.0");
    for suite in ["stable", "backports", "edge"] {
        server.check("web1.example.org", suite);
    }
}

#[test]
fn a_suite_says_where_its_past_and_its_changelogs_are() {
    let server = TestServer::start();
    let here = format!("{}/snapshot/@SNAPSHOTID@/", server.url());
    assert!(release(&server, "stable").contains(&format!("\nSnapshots: {here}\n")));
    let shown = || {
        let shown = server.repoctl(&["suite", "show", "stable", "--json"]).expect_success();
        serde_json::from_str::<serde_json::Value>(&shown.stdout).unwrap()
    };
    let before = shown();
    assert_eq!((&before["snapshots"], &before["changelogs"]), (&here.into(), &().into()));
    for (field, expected) in [
        ("contents", true),
        ("pdiffs", true),
        ("translations", false),
        ("not_automatic", false),
        ("but_automatic_upgrades", false),
    ] {
        assert_eq!(before[field], expected, "{field}");
    }

    let there = "https://acme.example/changelogs/@CHANGEPATH@_changelog";
    let edit = ["suite", "edit", "stable", "--changelogs", there, "--no-snapshots"];
    let kinds = ["--pdiffs", "no", "--translations", "yes"];
    server.repoctl(&[&edit[..], &kinds].concat()).expect_success();
    let text = release(&server, "stable");
    assert!(text.contains(&format!("\nChangelogs: {there}\n")) && !text.contains("Snapshots"));
    let after = shown();
    assert_eq!((&after["snapshots"], &after["changelogs"]), (&().into(), &there.into()));
    assert_eq!((&after["pdiffs"], &after["translations"]), (&false.into(), &true.into()));
    let table = server.repoctl(&["suite", "show", "stable"]).expect_success();
    assert!(table.says(there) && table.says("by themselves (500)"), "{table}");
    assert!(table.says("Contents Translation-en") && !table.says("patches"), "{table}");

    create(&server, "plain", &["--no-snapshots"]);
    assert!(!release(&server, "plain").contains("Snapshots"));
    create(&server, "edge", &["--not-automatic", "--contents", "no", "--translations", "yes"]);
    let text = release(&server, "edge");
    assert!(text.contains("\nNotAutomatic: yes\n") && text.contains(" main/i18n/Translation-en\n"));
    let table = server.repoctl(&["suite", "show", "edge"]).expect_success();
    assert!(table.says("when asked to (1)"), "{table}");
}

#[test]
fn what_is_meant_for_the_installer_is_stored_and_kept_from_hosts() {
    let server = TestServer::start();
    server.upload("acme-web", "1.0").expect_success();
    let build = |name: &str, field: (&str, &str)| {
        let built = package(name, "1.0").field(field.0, field.1).build();
        let path = server.at(&format!("{name}_1.0_amd64.udeb"));
        std::fs::write(&path, &built).unwrap();
        (path, repod::digest::Digest::of(&built).short())
    };
    // As dpkg-gencontrol writes them, and as one may say it.
    let (first, digest) = build("acme-di", ("Section", "debian-installer"));
    let (second, _) = build("acme-menu", ("Package-Type", "udeb"));
    server.repoctl(&["upload", "--suite", "stable", &first, &second]).expect_success();
    let host = server.host("web1.example.org");
    let report = server.check("web1.example.org", "stable");
    assert_eq!(report.versions("acme-web"), ["1.0"]);
    assert!(report.versions("acme-di").is_empty() && report.versions("acme-menu").is_empty());
    host.update().expect_success();
    host.install(&["acme-di"]).expect_code(100);
    let status = |name: &str| {
        let path = format!("pool/a/acme-di/{digest}/{name}");
        let asked = server.curl("web1.example.org", &path);
        asked.args(["-o", "/dev/null", "-w", "%{http_code}"]).run().expect_success().stdout
    };
    assert_eq!(status("acme-di_1.0_amd64.udeb"), "200");
    assert_eq!(status("acme-di_1.0_amd64.deb"), "404");
    // Hosts that go up and down with the suite are not told of names that they never see.
    let pins = host.read("/etc/apt/preferences.d/60repod-repo.example.org-stable.pref").unwrap();
    let pins = String::from_utf8(pins).unwrap();
    assert!(pins.contains("acme-web") && !pins.contains("acme-di"), "{pins}");
}

#[test]
fn debug_symbols_are_taken_from_a_directory_that_says_what_it_leaves_out() {
    let server = TestServer::start();
    let folder = server.at("built");
    std::fs::create_dir(&folder).unwrap();
    let write =
        |name: &str, bytes: &[u8]| std::fs::write(format!("{folder}/{name}"), bytes).unwrap();
    write("acme-web_1.0_amd64.deb", &package("acme-web", "1.0").build());
    let symbols = package("acme-web-dbgsym", "1.0").field("Package-Type", "ddeb");
    write("acme-web-dbgsym_1.0_amd64.ddeb", &symbols.field("Section", "debug").build());
    write("acme-web_1.0_amd64.changes", b"Format: 1.8\n");
    let uploaded = server.repoctl(&["upload", "--suite", "stable", &folder]).expect_success();
    uploaded.expect_says("note: left out").expect_says("acme-web_1.0_amd64.changes");
    let host = server.host("web1.example.org");
    host.update().expect_success();
    host.install(&["acme-web", "acme-web-dbgsym"]).expect_success();
    assert_eq!(host.installed("acme-web-dbgsym").as_deref(), Some("1.0"));
    std::os::unix::fs::symlink("/nowhere/x.deb", format!("{folder}/gone.deb")).unwrap();
    let refused = server.repoctl(&["upload", "--suite", "stable", &folder]).expect_code(2);
    refused.expect_says("gone.deb: there is no such file");
}

#[test]
fn what_would_stop_every_host_is_refused() {
    let server = TestServer::start();
    let create = ["suite", "create", "other"];
    server
        .repoctl(&[&create[..], &["--but-automatic-upgrades"]].concat())
        .expect_code(2)
        .expect_says("--not-automatic");
    for (flag, url, says) in [
        ("--changelogs", "https://acme.example/x", "changelogs: needs the word"),
        ("--snapshots", "http://acme.example/@SNAPSHOTID@/", "snapshots: is an address"),
    ] {
        server.repoctl(&[&create[..], &[flag, url]].concat()).expect_code(2).expect_says(says);
    }
    let json = ["-X", "PATCH", "-H", "content-type: application/json", "-d"];
    server
        .curl_as_operator("api/v1/suites/stable")
        .args(json)
        .arg(r#"{"not_automatic": true}"#)
        .run()
        .expect_success()
        .expect_says("HTTP/1.1 4")
        .expect_says("create another suite");
    assert!(!release(&server, "stable").contains("NotAutomatic"));
}

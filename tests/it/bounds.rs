//! Packages at the edges of what is taken: whatever is accepted, every apt reads, downloads and installs.

use rusqlite::params;

use crate::harness::apt::AptRoot;
use crate::harness::deb::DebBuilder;
use crate::harness::programs::program;
use crate::harness::server::{TestServer, package};

/// What is left for a field in a package of these tests. Unit: bytes.
const ROOM: usize = repod::debian::LONGEST_STANZA_BYTES - 3 * 1024;

fn lines(bytes: usize) -> String {
    format!("long\n{}", " a line of text that says nothing\n".repeat(bytes / 34).trim_end())
}

/// A package whose stanza is as long as may be, by one field or another.
fn longest(name: &str, field: &str, value: &str) -> DebBuilder {
    package(name, "1.0").field(field, value)
}

#[test]
fn a_stanza_at_the_bound_is_read_by_apt() {
    let server = TestServer::start();
    server
        .repoctl(&["suite", "create", "short", "--architecture", "amd64", "--translations", "yes"])
        .expect_success();
    let notes = "z".repeat(ROOM);
    let packages = [
        longest("acme-long-text", "Description", &lines(ROOM)),
        longest("acme-long-notes", "Acme-Notes", &notes),
        package("acme-short", "1.0"),
    ];
    let paths = packages.map(|package| server.deb(&package));
    for suite in ["stable", "short"] {
        let upload = [&["upload", "--suite", suite], &paths.each_ref().map(String::as_str)[..]];
        server.repoctl(&upload.concat()).expect_success();
    }
    for suite in ["stable", "short"] {
        let host = AptRoot::new();
        let out = server.at(&format!("hosts/{suite}.example.org"));
        let name = format!("{suite}.example.org");
        server.repoctl(&["host", "issue", &name, "--suite", suite, "--out", &out]).expect_success();
        host.place(&crate::harness::server::host_files(out.as_ref()));
        host.update().expect_success();
        host.install(&["acme-long-text", "acme-long-notes", "acme-short"]).expect_success();
        host.upgrade().expect_success().expect_says("0 upgraded, 0 newly installed");
        let shown = host.program("apt-cache").args(["show", "acme-long-text"]).run();
        assert!(shown.expect_success().stdout.len() > ROOM);
    }
}

/// One package too long is refused by name of its field, and the suite stays as it was.
#[test]
fn what_no_host_could_read_or_store_is_refused_with_its_field() {
    let server = TestServer::start();
    server.upload("acme-web", "1.0").expect_success();
    let over = "z".repeat(ROOM + 4096);
    for (field, package) in [
        ("Acme-Notes", longest("acme-bad", "Acme-Notes", &over)),
        ("Description", longest("acme-bad", "Description", &lines(ROOM + 4096))),
        ("Version", package("acme-bad", &format!("1.{}", "0".repeat(240)))),
    ] {
        let path = server.at("bad.deb");
        std::fs::write(&path, package.build()).unwrap();
        let told = server.repoctl(&["upload", "--suite", "stable", &path]).expect_code(1);
        assert!(told.says(field), "{field}: {told}");
    }
    let host = server.host("web1.example.org");
    let report = server.check("web1.example.org", "stable");
    assert!(report.versions("acme-bad").is_empty());
    host.update().expect_success();
}

#[test]
fn the_longest_version_is_downloaded_and_exported() {
    let server = TestServer::start();
    // acme-web_VERSION_amd64.udeb, and `.FAILED` behind it.
    let digits = 255 - 7 - "acme-web_1%3a_amd64.udeb".len();
    let version = format!("1:{}", "1".repeat(digits));
    let path = server.at("long.deb");
    std::fs::write(&path, package("acme-web", &version).build()).unwrap();
    server.repoctl(&["upload", "--suite", "stable", &path]).expect_success();
    let host = server.host("web1.example.org");
    host.update().expect_success();
    host.apt_get(&["-y", "--download-only", "install", "acme-web"]).expect_success();
    host.install(&["acme-web"]).expect_success();
    assert_eq!(host.installed("acme-web").as_deref(), Some(version.as_str()));
    let (out, config) = (server.at("export"), server.at("data/repod.toml"));
    server.repod(&["export", "--config", &config, &out]).run().expect_success();
}

/// A data directory of an earlier version, which took both: nothing stops because of them.
#[test]
fn what_an_earlier_version_took_stops_nothing() {
    let mut server = TestServer::start();
    for name in ["acme-web", "acme-long", "acme-odd", "acme-half"] {
        server.upload(name, "1.0").expect_success();
    }
    let host = server.host("web1.example.org");
    server.stop();
    let raw = rusqlite::Connection::open(server.data().join("catalogue.sqlite")).unwrap();
    let lengthen = |name: &str, bytes: i64| {
        let sql = "UPDATE package SET stanza_bytes = ?2 WHERE name = ?1";
        assert_eq!(raw.execute(sql, params![name, bytes]).unwrap(), 1);
    };
    lengthen("acme-long", 1_048_703);
    // What clients can read stays.
    lengthen("acme-half", 600 * 1024);
    let odd = format!("1.{}", "0".repeat(240));
    let sql = "UPDATE package SET version = ?1 WHERE name = 'acme-odd'";
    assert_eq!(raw.execute(sql, params![odd]).unwrap(), 1);
    let sql =
        "UPDATE stanza SET stanza = replace(replace(stanza, 'Version: 1.0', 'Version: ' || ?1),
                   'acme-odd_1.0_', 'acme-odd_' || ?1 || '_')
               WHERE package_id = (SELECT id FROM package WHERE name = 'acme-odd')";
    assert_eq!(raw.execute(sql, params![odd]).unwrap(), 1);
    let sql = "SELECT stanza FROM stanza WHERE package_id = (SELECT id FROM package WHERE name = 'acme-odd')";
    let stanza: String = raw.query_row(sql, [], |row| row.get(0)).unwrap();
    let digest = repod::digest::Digest::of(stanza.as_bytes()).to_string();
    let sql = "UPDATE package SET stanza_digest = ?1 WHERE name = 'acme-odd'";
    assert_eq!(raw.execute(sql, params![digest]).unwrap(), 1);
    drop(raw);

    server.serve();
    server.upload("acme-web", "2.0").expect_success();
    let told = server.repoctl(&["history", "--suite", "stable"]).expect_success();
    told.expect_says("left out").expect_says("acme-long");
    assert!(server.log().contains("apt cannot read a stanza"), "{}", server.log());
    host.update().expect_success();
    assert_eq!(host.policy("acme-long").candidate, None);
    assert_eq!(host.policy("acme-web").candidate.as_deref(), Some("2.0"));
    assert_eq!(host.policy("acme-half").candidate.as_deref(), Some("1.0"));

    // A suite that is to take what no host can read refuses it, and goes on without it.
    server.repoctl(&["suite", "create", "edge", "--architectures", "amd64"]).expect_success();
    for (name, code) in [("acme-long", 1), ("acme-web", 0)] {
        let path = server.deb(&package(name, "1.0"));
        let upload = server.repoctl(&["upload", "--suite", "edge", &path]).expect_code(code);
        assert_eq!(upload.says("is more than apt reads"), code == 1, "{upload:?}");
        let listed = server.repoctl(&["list", "--suite", "edge"]).expect_success();
        assert!(!listed.says("acme-long"), "{listed:?}");
    }

    let (out, config) = (server.at("export"), server.at("data/repod.toml"));
    let export = server.repod(&["export", "--config", &config, &out]).run().expect_code(1);
    export.expect_says("acme-odd").expect_says("file name is longer");
    for name in ["acme-web_2.0_amd64.deb", "acme-half_1.0_amd64.deb", "InRelease"] {
        let found = program("find").args([&out, "-name", name]).run().expect_success();
        assert!(!found.stdout.is_empty(), "{name}");
    }
}

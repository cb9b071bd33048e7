//! What earlier builds took and this one would refuse: it stops neither the start nor a change nor an export,
//! what hosts can read stays listed, and what stops them is left out.

use std::time::{Duration, Instant};

use repod::debian::control::PackageKind;
use repod::debian::{Architecture, PackageName, Version};
use repod::digest::Digest;
use repod::domain::{Text, layout};
use rusqlite::{Connection, params};

use crate::harness::server::{TestServer, package};

const HOST: &str = "web1.example.org";

/// The catalogue of a server that is stopped, written to as the earlier build would.
struct Before(Connection);

impl Before {
    fn of(server: &TestServer) -> Self {
        Self(Connection::open(server.data().join("catalogue.sqlite")).unwrap())
    }

    fn digest(&self, name: &str, architecture: &str) -> Digest {
        let sql = "SELECT digest FROM package WHERE name = ?1 AND architecture = ?2";
        let row = self.0.query_row(sql, params![name, architecture], |row| row.get::<_, String>(0));
        row.unwrap().parse().unwrap()
    }

    /// Gives a package another version and another field, with all that follows from its stanza.
    fn rewrite(&self, digest: &Digest, version: &str, field: &str) {
        let text = digest.to_string();
        let sql = "SELECT p.name, p.architecture, p.version, s.stanza FROM package AS p \
                   JOIN stanza AS s ON s.package_id = p.id WHERE p.digest = ?1";
        let read =
            |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?));
        let (name, architecture, old, stanza): (String, String, String, String) =
            self.0.query_row(sql, [&text], read).unwrap();
        let path = |version: &str| {
            layout::pool_path(
                PackageKind::Deb,
                &PackageName::parse(&name).unwrap(),
                Version::parse(version).unwrap().without_epoch(),
                &Architecture::parse(&architecture).unwrap(),
                digest,
            )
        };
        let stanza = stanza
            .replace(&path(&old), &path(version))
            .replace(&format!("\nVersion: {old}\n"), &format!("\nVersion: {version}\n{field}"));
        let text_of = Text::of(PackageKind::Deb, &stanza).unwrap();
        let sql = "UPDATE package SET version = ?1, source_version = ?1, stanza_bytes = ?2, \
                   stanza_digest = ?3, text_mark = ?4, text_bytes = ?5 WHERE digest = ?6";
        let stanza_digest = Digest::of(stanza.as_bytes()).to_string();
        let (mark, bytes) = (text_of.mark.to_string(), text_of.bytes);
        let values =
            params![version, stanza.len() as i64, stanza_digest, mark, bytes, digest.to_string()];
        self.0.execute(sql, values).unwrap();
        let sql = "UPDATE stanza SET stanza = ?1 WHERE package_id = \
                   (SELECT id FROM package WHERE digest = ?2)";
        self.0.execute(sql, params![stanza, text]).unwrap();
    }

    fn origin(&self, suite: &str, origin: &str) {
        let sql = "UPDATE suite SET spec = json_set(spec, '$.origin', ?1, '$.label', ?1) \
                   WHERE name = ?2";
        assert_eq!(self.0.execute(sql, params![origin, suite]).unwrap(), 1);
    }
}

fn padding(bytes: usize) -> String {
    format!("X-Padding: {}\n", "x".repeat(bytes))
}

/// Waits until the server has taken out what hosts cannot read.
fn left_out(server: &TestServer) {
    let begun = Instant::now();
    let history = || server.repoctl(&["history", "--suite", "stable"]).expect_success();
    while !history().says("left out: the stanza of acme-larger 1.0") {
        assert!(begun.elapsed() < Duration::from_secs(60), "acme-larger is still listed");
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// Everything that can be is exported; what cannot be is named.
fn export(server: &TestServer) {
    let config = server.at("data/repod.toml");
    let told = server.repod(&["export", &server.at("tree"), "--config", &config]).run();
    told.expect_code(1).expect_says("acme-long 1.").expect_says("upload a shorter version");
}

/// A server of this build over what the one before has left.
fn inherited() -> TestServer {
    let mut server = TestServer::start();
    for name in ["acme-large", "acme-larger", "acme-long", "acme-web"] {
        server.upload(name, "1.0").expect_success();
    }
    let all = package("acme-both", "1.0").field("Architecture", "all");
    for deb in [all, package("acme-both", "1.1")] {
        let path = server.deb(&deb);
        server.repoctl(&["upload", "--suite", "stable", &path]).expect_success();
    }
    assert_eq!(server.stop(), 0);
    let before = Before::of(&server);
    let amd64 = |name| before.digest(name, "amd64");
    before.rewrite(&amd64("acme-large"), "1.0", &padding(600 * 1024));
    before.rewrite(&amd64("acme-larger"), "1.0", &padding(1_048_576));
    before.rewrite(&amd64("acme-long"), &format!("1.{}", "0".repeat(248)), "");
    before.rewrite(&amd64("acme-both"), "1.0", "");
    before.origin("stable", "Acme, Inc.");
    drop(before);
    export(&server);
    server.serve();
    server
}

#[test]
fn what_earlier_builds_took_stops_nothing_and_what_stops_hosts_is_left_out() {
    let server = inherited();
    // Without any change, and with a reason that an operator finds.
    left_out(&server);
    let log = server.log();
    let warned = log.lines().find(|line| line.contains("apt cannot read a stanza as long"));
    let warned = warned.unwrap_or_else(|| panic!("no warning: {log}"));
    assert!(warned.contains("acme-larger") && warned.contains("upload a version"), "{warned}");
    let warned = log.lines().find(|line| line.contains("suite stable has Origin \"Acme, Inc.\""));
    let warned = warned.unwrap_or_else(|| panic!("no warning: {log}"));
    assert!(warned.contains("repoctl host renew"), "{warned}");

    // What hosts can read stays, as it was.
    let host = server.host(HOST);
    host.update().expect_success();
    let listed = |name: &str| host.available().iter().filter(|one| one["Package"] == name).count();
    for name in ["acme-large", "acme-long", "acme-web", "acme-both"] {
        assert_eq!(listed(name), 1, "{name}");
    }
    assert_eq!(listed("acme-larger"), 0);
    host.install(&["acme-large", "acme-both"]).expect_success();

    // Changes go on: uploads, edits, with long descriptions apart.
    server.upload("acme-web", "2.0").expect_success();
    server.repoctl(&["suite", "edit", "stable", "--translations", "yes"]).expect_success();
    server.upload("acme-large", "2.0").expect_success();
    host.update().expect_success();
    host.upgrade().expect_success();
    assert_eq!(host.installed("acme-large").as_deref(), Some("2.0"));
    assert_eq!(host.policy("acme-web").candidate.as_deref(), Some("2.0"));

    // What was left out does not come back, and that is said.
    let back = server.repoctl(&["pin", "--suite", "stable", "acme-larger=1.0"]).expect_code(1);
    back.expect_says("more than apt reads").expect_says("shorter fields");
    host.update().expect_success();
    assert_eq!(listed("acme-larger"), 0);
    server.repoctl(&["pin", "--suite", "stable", "--rollback", "acme-large"]).expect_success();
    host.update().expect_success();

    // Whatever has the odd name, the others are exported.
    export(&server);
    let tree = server.at("tree");
    let mirror = crate::harness::apt::AptRoot::new();
    let source = format!("deb [signed-by={tree}/archive-key.asc] file:{tree} stable main");
    mirror.add_source("plain", &source);
    mirror.update().expect_success();
    mirror.install(&["acme-web", "acme-large"]).expect_success();
}

#[test]
fn what_earlier_builds_took_is_told_apart_when_it_is_sent_again() {
    let server = inherited();
    left_out(&server);
    let send = |deb| server.repoctl(&["upload", "--suite", "stable", &server.deb(&deb)]);
    let all = package("acme-both", "1.0").field("Architecture", "all");
    send(all).expect_success();
    send(package("acme-larger", "1.0")).expect_success().expect_says("withdrawn");
}

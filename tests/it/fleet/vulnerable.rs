//! Known to be vulnerable: real hosts report, a person gives records, and the hosts are named.

use std::io::Write;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use repod::debian::advisory::{concerns, release_key};
use repod::debian::{Version, osv};
use serde_json::{Value, json};
use zip::write::SimpleFileOptions;

use super::{report, server};
use crate::harness::apt::AptRoot;
use crate::harness::programs::program;
use crate::harness::server::TestServer;

/// A host with `acme-web` from the server, a libssl3 of this version, and a signed kernel.
fn host(server: &TestServer, name: &str, (system, libssl): (&str, &str)) -> AptRoot {
    let host = server.host(&format!("{name}.example.org"));
    host.update().expect_success();
    host.install(&["acme-web"]).expect_success();
    let status = host.path("/var/lib/dpkg/status");
    let mut text = std::fs::read_to_string(&status).unwrap();
    let mut add = |name: &str, version: &str, source: &str| {
        text.push_str(&format!(
            "\nPackage: {name}\nStatus: install ok installed\nArchitecture: amd64\nVersion: {version}\n\
             Source: {source}\nMaintainer: a <a@example.org>\nDescription: x\n"
        ));
    };
    add("libssl3", libssl, "openssl");
    add("linux-image-6.1.0-27-amd64", "6.1.115-1", "linux-signed-amd64 (6.1.115+1)");
    std::fs::write(&status, text).unwrap();
    std::fs::create_dir_all(host.path("/etc")).unwrap();
    std::fs::write(host.path("/etc/os-release"), system).unwrap();
    report(&host, &[]).expect_success();
    host
}

const BOOKWORM: &str = "ID=debian\nVERSION_ID=\"12\"\nVERSION_CODENAME=bookworm\n";
const TRIXIE: &str = "ID=debian\nVERSION_ID=\"13\"\nVERSION_CODENAME=trixie\n";
const NOBLE: &str = "ID=ubuntu\nVERSION_ID=\"24.04\"\nVERSION_CODENAME=noble\n";

fn flaw(id: &str, affected: &[(&str, &str, Option<&str>)]) -> Value {
    let affected = affected.iter().map(|(ecosystem, source, fixed)| {
        let mut events = vec![json!({ "introduced": "0" })];
        events.extend(fixed.map(|at| json!({ "fixed": at })));
        json!({
            "package": { "ecosystem": ecosystem, "name": source },
            "ranges": [{ "type": "ECOSYSTEM", "events": events }],
        })
    });
    json!({
        "id": format!("DEBIAN-{id}"), "upstream": [id], "modified": "2026-11-19T10:00:00Z",
        "affected": affected.collect::<Vec<_>>(),
    })
}

fn records() -> Vec<Value> {
    let fix = Some("3.0.11-1~deb12u2");
    let mut unimportant = flaw("CVE-2026-2", &[("Debian:12", "openssl", None)]);
    unimportant["affected"][0]["ecosystem_specific"] = json!({ "urgency": "unimportant" });
    let mut withdrawn = flaw("CVE-2026-3", &[("Debian:12", "openssl", None)]);
    withdrawn["withdrawn"] = json!("2026-11-20T10:00:00Z");
    vec![
        flaw("CVE-2026-1", &[("Debian:12", "openssl", fix), ("Debian:13", "openssl", None)]),
        unimportant,
        withdrawn,
        flaw("CVE-2026-4", &[("Debian:12", "linux", Some("6.1.119-1"))]),
        flaw("CVE-2026-5", &[("Debian:11", "openssl", None), ("Ubuntu:24.04", "openssl", None)]),
        flaw("CVE-2026-6", &[("Debian:12", "libssl3", None)]),
        flaw("CVE-2026-7", &[("Debian:12", "openssl", Some("not a version"))]),
    ]
}

fn zipped(server: &TestServer, records: &[Value]) -> String {
    let path = server.at("all.zip");
    let mut zip = zip::ZipWriter::new(std::fs::File::create(&path).unwrap());
    for record in records {
        let name = format!("{}.json", record["id"].as_str().unwrap());
        zip.start_file(name, SimpleFileOptions::default()).unwrap();
        zip.write_all(record.to_string().as_bytes()).unwrap();
    }
    zip.finish().unwrap();
    path
}

/// `HOST FLAW PACKAGE VERSION RELEASE STATE FIX`, sorted.
fn told(found: &Value) -> Vec<String> {
    let list = |value: &Value, of: &str| value[of].as_array().unwrap().clone();
    let mut lines = Vec::new();
    for one in list(found, "found") {
        for flaw in list(&one, "flaws") {
            for host in list(&one, "hosts") {
                let text = |value: &Value| value.as_str().unwrap_or("-").to_owned();
                let host = text(&host["host"]).replace(".example.org", "");
                let words = [
                    host,
                    text(&flaw["name"]),
                    text(&one["package"]),
                    text(&one["version"]),
                    text(&one["release"]),
                    text(&flaw["state"]),
                    text(&flaw["fixed_in"]),
                ];
                lines.push(words.join(" "));
            }
        }
    }
    lines.sort();
    lines
}

fn ask(server: &TestServer, args: &[&str]) -> Value {
    let told = server.repoctl(&[&["who-has", "--json", "--vulnerable"], args].concat());
    serde_json::from_str(&told.expect_success().stdout).unwrap()
}

#[test]
fn hosts_with_what_is_vulnerable_are_named_by_source_release_and_order() {
    let server = server();
    let _hosts = [
        host(&server, "web-01", (BOOKWORM, "3.0.11-1~deb12u1")),
        host(&server, "web-02", (BOOKWORM, "3.0.11-1~deb12u2")),
        host(&server, "web-03", (TRIXIE, "3.0.11-1~deb12u2")),
        host(&server, "web-04", (NOBLE, "3.0.11-1~deb12u1")),
        server.host("web-05.example.org"),
    ];
    let zip = zipped(&server, &records());
    let found = ask(&server, &["--from", &zip]);
    let one = "web-01 CVE-2026-1 openssl 3.0.11-1~deb12u1 12 fixed 3.0.11-1~deb12u2";
    let three = "web-03 CVE-2026-1 openssl 3.0.11-1~deb12u2 13 no-fix-yet -";
    let kernel = |host: &str| format!("{host} CVE-2026-4 linux 6.1.115-1 12 fixed 6.1.119-1");
    assert_eq!(told(&found), [one, &kernel("web-01"), &kernel("web-02"), three]);
    let not_judged = json!([{ "host": "web-04.example.org", "system": "ubuntu 24.04" }]);
    assert_eq!(found["not_judged"], not_judged);
    assert_eq!(found["unreported"], json!(["web-05.example.org"]));
    assert_eq!((&found["vulnerable"], &found["reported"]), (&json!(3), &json!(4)));
    assert_eq!(found["unimportant_hidden"], 1);
    assert_eq!(
        (&found["records"]["read"], &found["records"]["withdrawn"], &found["records"]["left_out"]),
        (&json!(6), &json!(1), &json!(1))
    );
    let left = &found["records"]["left_out_told"][0];
    assert_eq!(left["record"], "DEBIAN-CVE-2026-7");
    assert!(left["place"].as_str().unwrap().ends_with("all.zip: DEBIAN-CVE-2026-7.json"));
    assert!(left["problem"].as_str().unwrap().starts_with("affected.ranges.events: "), "{left}");

    // One flaw, whatever its letters; the same from the tracker; and with a VEX, which clears one release.
    assert_eq!(told(&ask(&server, &["cve-2026-1", "--from", &zip])), [one, three]);
    let tracker = server.at("tracker.json");
    let states = json!({ "openssl": { "CVE-2026-1": { "releases": {
        "bookworm": { "status": "resolved", "fixed_version": "3.0.11-1~deb12u2" },
        "trixie": { "status": "open", "urgency": "low" } } } } });
    std::fs::write(&tracker, states.to_string()).unwrap();
    assert_eq!(told(&ask(&server, &["CVE-2026-1", "--from", &tracker])), [one, three]);
    let vex = server.at("vex.json");
    let says = json!({ "timestamp": "2026-11-20T10:00:00Z", "statements": [{
        "vulnerability": { "name": "CVE-2026-1" }, "status": "not_affected",
        "products": [{ "@id": "pkg:deb/debian/openssl?arch=source&distro=trixie" }] }] });
    std::fs::write(&vex, says.to_string()).unwrap();
    let found = ask(&server, &["CVE-2026-1", "--from", &zip, "--from", &vex]);
    assert_eq!((told(&found), &found["cleared"]), (vec![one.to_owned()], &json!(1)));
    let both = ask(&server, &["CVE-2026-2", "--unimportant", "--from", &zip]);
    assert_eq!(told(&both).len(), 2);
    let told = server.repoctl(&["who-has", "--vulnerable", "CVE-2026-3", "--from", &zip]);
    told.expect_success().expect_says("DEBIAN-CVE-2026-3 was withdrawn, and concerns nothing");
}

#[test]
fn what_was_yanked_counts_without_a_file_and_on_every_system() {
    let server = server();
    let _hosts = [host(&server, "web-01", (BOOKWORM, "1")), host(&server, "web-02", (NOBLE, "1"))];
    assert_eq!(told(&ask(&server, &[])), [""; 0]);
    let why = "mail is lost (CVE-2026-1234)";
    server.upload("acme-web", "2.0").expect_success();
    server.repoctl(&["yank", "acme-web=1.0", "--yes", "--force", "-m", why]).expect_success();
    let yanked = ["web-01", "web-02"].map(|host| format!("{host} yanked acme-web 1.0 - yanked -"));
    assert_eq!(told(&ask(&server, &[])), yanked);
    assert_eq!(told(&ask(&server, &["CVE-2026-1234"])), yanked);
    let table = server.repoctl(&["who-has", "--vulnerable"]).expect_success();
    table.expect_says("mail is lost (CVE-2026-1234)");
    // Only the whole word is meant.
    server.repoctl(&["who-has", "--vulnerable", "CVE-2026-123"]).expect_code(1);
    server.repoctl(&["yank", "--undo", "acme-web=1.0", "--yes"]).expect_success();
    assert_eq!(told(&ask(&server, &[])), [""; 0]);
}

#[test]
fn what_is_no_answer_ends_with_one() {
    let server = server();
    let good = zipped(&server, &records());
    let empty = server.at("empty");
    std::fs::create_dir(&empty).unwrap();
    let text = server.at("text.json");
    std::fs::write(&text, "no record").unwrap();
    let cut = server.at("cut.zip");
    let bytes = std::fs::read(&good).unwrap();
    std::fs::write(&cut, &bytes[..bytes.len() / 2]).unwrap();
    let ask = |args: &[&str]| {
        server.repoctl(&[&["who-has", "--vulnerable"], args].concat()).expect_code(1).stderr
    };
    for (args, says) in [
        (vec!["--from", "absent.json"], "absent.json: No such file"),
        (vec!["--from", &good, "--from", &empty], "empty has no record that can be read"),
        (vec!["--from", &text], "it is no object in JSON"),
        (vec!["--from", &cut], "it is no zip that can be read"),
        (vec!["CVE-2026-99", "--from", &good], "none of 6 records is about CVE-2026-99"),
        (vec!["CVE-2026-99"], "no records were given"),
    ] {
        let stderr = ask(&args);
        assert!(stderr.contains(says), "{args:?}: {stderr}");
    }
    // One member that is damaged is named, and the others are read.
    let mut bytes = bytes;
    let at = bytes.windows(9).position(|part| part == b"DEBIAN-CV").unwrap() + 40;
    bytes[at] ^= 0xff;
    std::fs::write(&cut, &bytes).unwrap();
    let found = super::json(&server, &["who-has", "--vulnerable", "--from", &cut]);
    assert_eq!((&found["records"]["read"], &found["records"]["left_out"]), (&json!(5), &json!(2)));
    for wrong in [["--vulnerable", "CVE 1"], ["acme-web", "--unimportant"]] {
        server.repoctl(&[&["who-has"], &wrong[..]].concat()).expect_code(2);
    }
}

/// Whether a version lies in `[from, to)`, as dpkg itself says.
fn dpkg_says(from: &str, version: &str, to: &str) -> bool {
    let is = |a: &str, relation: &str, b: &str| {
        program("dpkg").args(["--compare-versions", a, relation, b]).run().succeeded()
    };
    is(version, "ge", from) && is(version, "lt", to)
}

#[test]
fn spans_of_versions_are_those_of_dpkg() {
    let part = "[0-9]{1,2}([.~+a-c][0-9a-c~+]{1,2}){0,2}";
    let version = format!("([01]:)?{part}(-{part})?");
    let of = || proptest::string::string_regex(&version).unwrap();
    let config = Config { cases: 100, failure_persistence: None, ..Config::default() };
    TestRunner::new(config)
        .run(&(of(), of(), of()), |(a, b, version): (String, String, String)| {
            let record = json!({ "id": "X-1", "affected": [{
                "package": { "ecosystem": "Debian:12", "name": "zlib" },
                "ranges": [{ "type": "ECOSYSTEM", "events": [{ "introduced": a }, { "fixed": b }] }] }] });
            let record = osv::parse(record.to_string().as_bytes()).unwrap();
            let parsed = Version::parse(&version).unwrap();
            let said = concerns(&record.affected, &[release_key("bookworm")], &parsed).is_some();
            // Events count in the order of their versions: what is fixed before it came is never fixed.
            let (low, high) = match dpkg_says(&b, &b, &a) {
                true => (a.as_str(), None),
                false => (a.as_str(), Some(b.as_str())),
            };
            let expected = high.map_or_else(
                || program("dpkg").args(["--compare-versions", &version, "ge", low]).run().succeeded(),
                |high| dpkg_says(low, &version, high),
            );
            prop_assert_eq!(said, expected, "{} in {} {}", version, a, b);
            Ok(())
        })
        .unwrap();
}

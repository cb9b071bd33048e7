//! Namespaces: suites for several releases of a distribution give one version different bytes.

mod hosts;
mod promotion;
mod race;

use std::path::Path;

use repod::digest::Digest;

use crate::check::check_suite;
use crate::check::fetch::Tree;
use crate::harness::apt::AptRoot;
use crate::harness::deb::DebBuilder;
use crate::harness::programs::Outcome;
use crate::harness::server::{SAME_ID, TestServer, host_files};

/// Suites `bookworm` and `bookworm-new` of one namespace, and `trixie` of another.
fn server() -> TestServer {
    let mut server = TestServer::init();
    server.serve();
    for (suite, namespace) in
        [("bookworm", "bookworm"), ("bookworm-new", "bookworm"), ("trixie", "trixie")]
    {
        let create = ["suite", "create", suite, "--namespace", namespace, "--owns", "acme-*"];
        server.repoctl(&create).expect_success().expect_says(namespace);
    }
    server
}

/// A package that says what it was built for.
fn built(name: &str, version: &str, release: &str) -> DebBuilder {
    let path = format!("usr/share/{name}/release");
    DebBuilder::new(name, version, "amd64").file(&path, release.as_bytes())
}

fn digest(deb: &DebBuilder) -> String {
    Digest::of(&deb.build()).to_string()
}

fn send(server: &TestServer, suite: &str, deb: &DebBuilder) -> Outcome {
    server.repoctl(&["upload", "--suite", suite, &server.deb(deb)])
}

/// Gives a root what `repoctl host issue` writes for these suites; tells what that said.
fn issue(server: &TestServer, name: &str, suites: &[&str], root: &AptRoot) -> Outcome {
    let out = server.at(&format!("hosts/{name}"));
    if Path::new(&out).exists() {
        std::fs::remove_dir_all(&out).unwrap();
    }
    let mut words = vec!["host", "issue", name, "--out", &out, "--yes"];
    suites.iter().for_each(|suite| words.extend(["--suite", suite]));
    let told = server.repoctl(&words).expect_success();
    root.place(&host_files(Path::new(&out)));
    told
}

/// A host of one suite that has read it.
fn host_of(server: &TestServer, suite: &str) -> AptRoot {
    let root = AptRoot::new();
    issue(server, &format!("{suite}.example.org"), &[suite], &root);
    root.update().expect_success();
    root
}

/// What the installed package says that it was built for.
#[track_caller]
fn has(host: &AptRoot, name: &str, release: &str) {
    let found = host.read(&format!("usr/share/{name}/release")).expect("it is installed");
    assert_eq!(String::from_utf8(found).unwrap(), release, "{name}");
}

fn json(server: &TestServer, words: &[&str]) -> serde_json::Value {
    let told = server.repoctl(&[words, &["--json"]].concat()).expect_success().stdout;
    serde_json::from_str(&told).unwrap()
}

/// The path below the repository that apt fetches a package from.
fn pool_path(host: &AptRoot, name: &str) -> String {
    let all = host.available();
    all.iter().find(|one| one["Package"] == name).expect("it is listed")["Filename"].clone()
}

/// The answer to a host: its status, and its body without what was asked for.
fn answer(server: &TestServer, suite: &str, path: &str) -> (String, String) {
    let curl = server.curl(&format!("{suite}.example.org"), path);
    let told =
        curl.args(SAME_ID).args(["-w", "\n%{http_code}"]).run().expect_success().stdout_bytes;
    let told = String::from_utf8_lossy(&told).into_owned();
    let (body, code) = told.rsplit_once('\n').unwrap();
    (code.to_owned(), body.to_owned())
}

#[test]
fn hosts_of_two_namespaces_get_their_own_bytes_of_one_version() {
    let mut server = server();
    for suite in ["bookworm", "trixie"] {
        send(&server, suite, &built("acme-web", "1.0", suite)).expect_success();
    }
    let hosts = ["bookworm", "trixie"].map(|suite| (suite, host_of(&server, suite)));
    for (suite, host) in &hosts {
        host.install(&["acme-web"]).expect_success();
        has(host, "acme-web", suite);
    }
    let [here, there] = [&hosts[0].1, &hosts[1].1].map(|host| pool_path(host, "acme-web"));
    assert_ne!(here, there);

    // What another namespace has is answered like what nobody has.
    let absent = format!("{}/0123456789abcdef/acme-web_1.0_amd64.deb", "pool/a/acme-web");
    let missing = answer(&server, "bookworm", &absent);
    assert_eq!(missing.0, "404");
    assert_eq!(answer(&server, "bookworm", &there), missing);
    assert_eq!(answer(&server, "trixie", &here), missing);
    assert_eq!(answer(&server, "bookworm", &here).0, "200");
    let index = answer(&server, "trixie", "dists/trixie/main/binary-amd64/Packages");
    assert_eq!(index.0, "200");
    let index = Digest::of(index.1.as_bytes());
    let by_hash = |suite: &str, digest: &Digest| {
        format!("dists/{suite}/main/binary-amd64/by-hash/SHA256/{digest}")
    };
    let asked =
        |suite: &str, of: &str, digest: &Digest| answer(&server, suite, &by_hash(of, digest));
    assert_eq!(asked("trixie", "trixie", &index).0, "200");
    let missing = asked("bookworm", "bookworm", &Digest::of(b"absent"));
    assert_eq!(missing.0, "404");
    assert_eq!(asked("bookworm", "bookworm", &index), missing);
    assert_eq!(asked("bookworm", "trixie", &index).0, "403");

    // The same after a restart, and each goes its own way up.
    assert_eq!(server.stop(), 0);
    server.serve();
    send(&server, "trixie", &built("acme-web", "2.0", "trixie")).expect_success();
    for (suite, host) in &hosts {
        host.update().expect_success();
        host.upgrade().expect_success();
        has(host, "acme-web", suite);
        server.check(&format!("{suite}.example.org"), suite);
    }
    assert_eq!(hosts[0].1.installed("acme-web").as_deref(), Some("1.0"));
    assert_eq!(hosts[1].1.installed("acme-web").as_deref(), Some("2.0"));
}

/// One version is one set of bytes still, in all suites of a namespace.
#[test]
fn within_a_namespace_a_version_keeps_its_bytes() {
    let server = server();
    send(&server, "bookworm", &built("acme-web", "1.0", "one")).expect_success();
    for suite in ["bookworm", "bookworm-new"] {
        let told = send(&server, suite, &built("acme-web", "1.0", "two")).expect_code(1);
        assert!(told.says("this version exists with other bytes"), "{told}");
        // Nor does another spelling, which apt takes for the same.
        let told = send(&server, suite, &built("acme-web", "0:1.0", "two")).expect_code(1);
        assert!(told.says("apt takes this version for the same as 1.0"), "{told}");
    }
    // Both are free where they are not bound; once they are, they stay so when nothing lists them any more.
    send(&server, "trixie", &built("acme-web", "1.0", "two")).expect_success();
    for suite in ["bookworm", "trixie"] {
        server.repoctl(&["remove", "--suite", suite, "acme-web", "-m", "bad"]).expect_success();
        let told = send(&server, suite, &built("acme-web", "1.0", "three")).expect_code(1);
        assert!(told.says("this version exists with other bytes"), "{told}");
    }
    send(&server, "bookworm-new", &built("acme-web", "1.0", "one")).expect_success();
}

/// What looks a package up by its name and version finds that of the suite.
#[test]
fn reports_and_incidents_keep_to_their_suite() {
    let server = server();
    for version in ["1.0", "2.0"] {
        for suite in ["bookworm", "trixie"] {
            send(&server, suite, &built("acme-web", version, suite)).expect_success();
        }
    }
    let of = |suite: &str, version: &str| digest(&built("acme-web", version, suite));
    let found = |all: serde_json::Value| -> Vec<(String, String, String)> {
        let text = |one: &serde_json::Value, key: &str| one[key].as_str().unwrap().to_owned();
        let rows = all.as_array().unwrap().iter();
        let row = |one| (text(one, "suite"), text(one, "version"), text(one, "digest"));
        let mut rows: Vec<_> = rows.map(row).collect();
        rows.sort();
        rows
    };
    let each: Vec<_> = ["bookworm", "trixie"]
        .into_iter()
        .flat_map(|suite| {
            ["1.0", "2.0"].map(|version| (suite.into(), version.into(), of(suite, version)))
        })
        .collect();
    assert_eq!(found(json(&server, &["search", "acme-web"])), each);
    assert_eq!(found(json(&server, &["show", "acme-web"])), each);
    for suite in ["bookworm", "trixie"] {
        let listed = json(&server, &["list", "--suite", suite, "--all", "acme-web"]);
        let digests: Vec<_> = listed.as_array().unwrap().iter().map(|one| &one["digest"]).collect();
        assert_eq!(digests.len(), 2, "{suite}");
        assert!(digests.iter().all(|one| **one == of(suite, "1.0") || **one == of(suite, "2.0")));
    }
    let hosts = ["bookworm", "trixie"].map(|suite| (suite, host_of(&server, suite)));
    hosts.iter().for_each(|(_, host)| drop(host.install(&["acme-web"]).expect_success()));

    // A rollback of one leaves the other alone, and goes to the bytes of its own.
    let back = ["pin", "--suite", "trixie", "--rollback", "acme-web", "-m", "bad", "--yes"];
    server.repoctl(&back).expect_success();
    for ((suite, host), version) in hosts.iter().zip(["2.0", "1.0"]) {
        host.update().expect_success();
        host.upgrade().expect_success();
        assert_eq!(host.installed("acme-web").as_deref(), Some(version), "{suite}");
        has(host, "acme-web", suite);
        let report = server.check(&format!("{suite}.example.org"), suite);
        assert_eq!(report.versions("acme-web"), [version], "{suite}");
    }

    // An export holds both.
    let (config, tree) = (server.at("data/repod.toml"), server.at("tree"));
    server.repod(&["export", &tree, "--config", &config]).run().expect_success();
    let key = server.data().join("keys/archive-key.asc");
    for (suite, version) in [("bookworm", "2.0"), ("trixie", "1.0")] {
        let report = check_suite(&Tree(tree.clone().into()), suite, &key).unwrap();
        assert_eq!(report.versions("acme-web"), [version]);
    }
}

/// A suite is made in a namespace and stays there, also under its name once it was removed.
#[test]
fn a_suite_is_in_one_namespace_for_ever() {
    let server = server();
    let namespace = |suite: &str| json(&server, &["suite", "show", suite])["namespace"].clone();
    assert_eq!(namespace("trixie"), "trixie");
    server.repoctl(&["suite", "create", "plain"]).expect_success();
    assert_eq!(namespace("plain"), "default");
    let listed = server.repoctl(&["suite", "list"]).expect_success();
    assert!(listed.says("NAMESPACE") && listed.says("trixie"), "{listed}");
    assert!(server.repoctl(&["audit", "--json"]).says("; namespace trixie"));

    // Names that are none are refused with the field and the rule.
    for wrong in ["Trixie", "a b", "a_b", "a/b"] {
        let told = server.repoctl(&["suite", "create", "other", "--namespace", wrong]);
        let told = told.expect_code(2);
        assert!(told.says("--namespace") && told.says("1 to 64 of a-z"), "{told}");
    }
    server.repoctl(&["suite", "create", "other", "--namespace", ""]).expect_code(2);
    let ask = |method: &str, path: &str, body: &str| {
        let curl = server.curl_as_operator(&format!("api/v1/{path}")).args(["-X", method]);
        curl.args(["-H", "content-type: application/json", "-d", body]).run().expect_success()
    };
    let definition = r#"{"name": "other", "components": ["main"], "architectures": ["amd64"],
        "valid_days": 7, "namespace": "No Name"}"#;
    let told = ask("POST", "suites", definition);
    assert!(told.says("HTTP/1.1 4") && told.says("namespace") && told.says("1 to 64 of"), "{told}");

    // Nobody moves one.
    server.repoctl(&["suite", "edit", "trixie", "--namespace", "sid"]).expect_code(2);
    let told = ask("PATCH", "suites/trixie", r#"{"namespace": "sid"}"#);
    assert!(told.says("HTTP/1.1 4") && told.says("is in namespace trixie for ever"), "{told}");
    let told = ask("PATCH", "suites/trixie", r#"{"namespace": "trixie", "description": "13"}"#);
    assert!(told.says("HTTP/1.1 200"), "{told}");
    let file = server.at("repo.toml");
    let apply = |text: &str| {
        std::fs::write(&file, text).unwrap();
        server.repoctl(&["apply", "-f", &file, "--yes"])
    };
    let told = apply("[suite.trixie]\nnamespace = \"sid\"\n").expect_code(1);
    assert!(told.says("suite trixie: namespace cannot be changed"), "{told}");
    apply("[suite.sid]\nnamespace = \"sid\"\n[suite.trixie]\nnamespace = \"trixie\"\n")
        .expect_success();
    assert_eq!((namespace("sid"), namespace("trixie")), ("sid".into(), "trixie".into()));

    // One that never took a package is made again anywhere; one that did, where it was.
    let remove =
        |suite: &str| server.repoctl(&["suite", "remove", suite, "--yes"]).expect_success();
    let create =
        |suite: &str, of: &str| server.repoctl(&["suite", "create", suite, "--namespace", of]);
    remove("plain");
    create("plain", "trixie").expect_success();
    send(&server, "plain", &built("acme-web", "1.0", "trixie")).expect_success();
    server.repoctl(&["remove", "--suite", "plain", "acme-web", "-m", "gone"]).expect_success();
    remove("plain");
    let told = create("plain", "default").expect_code(2);
    assert!(
        told.says("namespace: was trixie of the suite of this name that was removed"),
        "{told}"
    );
    create("plain", "trixie").expect_success();
}

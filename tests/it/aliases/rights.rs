//! Rights are those of the suite: an alias gives none, and tells nobody that it is there.

use super::{HOST, bare, create, host};
use crate::harness::apt::AptRoot;
use crate::harness::server::{SAME_ID, TestServer, host_files, package};

/// A host of a suite that is not the one with the alias.
fn foreign(server: &TestServer, name: &str) -> AptRoot {
    let out = server.at(&format!("hosts/{name}"));
    server.repoctl(&["host", "issue", name, "--suite", "other", "--out", &out]).expect_success();
    let root = AptRoot::new();
    root.place(&host_files(out.as_ref()));
    root
}

#[test]
fn an_alias_gives_no_right_and_is_absent_for_whom_the_suite_is_none() {
    let server = bare();
    create(&server, "bookworm", &["--alias", "stable"]).expect_success();
    create(&server, "other", &[]).expect_success();
    server.upload("acme-web", "1.0").expect_success();
    let _own = host(&server, HOST, "stable");
    let _foreign = foreign(&server, "web2.example.org");
    let _pattern = foreign(&server, "web3.example.org");
    // What would give the suite's name if an alias were one.
    for suite in ["stable", "stable*", "s*"] {
        let grant = ["access", "grant", "host", "web3.example.org", "--suite", suite];
        server.repoctl(&grant).expect_success();
    }
    let text = server.curl(HOST, "dists/bookworm/Release").run().expect_success().stdout;
    let listed = text.lines().find(|line| line.ends_with("main/binary-amd64/Packages")).unwrap();
    let digest = listed.split_whitespace().next().unwrap();
    let by_hash = format!("main/binary-amd64/by-hash/SHA256/{digest}");
    let ask = |host: &str, path: &str| {
        server.curl(host, path).args(SAME_ID).args(["-i"]).run().expect_success().stdout
    };
    let bare = |answer: String, name: &str| {
        let told =
            |line: &&str| !["date:", "content-length:"].iter().any(|of| line.starts_with(of));
        let kept = answer.lines().filter(told);
        kept.collect::<Vec<_>>().join("\n").replace(name, "NAME")
    };
    for file in ["InRelease", "Release", "Release.gpg", "main/binary-amd64/Packages", &by_hash] {
        for below in ["", "snapshot/2/"] {
            let of = |host: &str, name: &str| ask(host, &format!("{below}dists/{name}/{file}"));
            assert!(of(HOST, "stable").starts_with("HTTP/1.1 200"), "{file}");
            for host in ["web2.example.org", "web3.example.org"] {
                let [alias, absent, real] =
                    ["stable", "stabil", "bookworm"].map(|name| bare(of(host, name), name));
                assert!(alias.starts_with("HTTP/1.1 403"), "{host} {file}: {alias}");
                assert_eq!(alias, absent, "{host} {file}");
                assert_eq!(real, absent, "{host} {file}");
            }
        }
    }
    // The same by the API.
    for path in ["", "/packages", "/pins", "/generations"] {
        for host in ["web2.example.org", "web3.example.org"] {
            let of = |name: &str| bare(ask(host, &format!("api/v1/suites/{name}{path}")), name);
            let alias = of("stable");
            assert!(
                !alias.starts_with("HTTP/1.1 200") && !alias.contains("bookworm"),
                "{path}: {alias}"
            );
            // The pattern is a right to what is not there.
            assert_eq!(alias, of("stabil").replace("stabil", "NAME"), "{path}");
        }
        let own = ask(HOST, &format!("api/v1/suites/stable{path}"));
        assert!(own.starts_with("HTTP/1.1 200"), "{path}: {own}");
    }
}

/// A build job of the suite uploads by its alias, and one that has a right to the alias's name alone does not.
#[test]
fn an_upload_by_the_alias_takes_the_right_to_the_suite() {
    let server = bare();
    create(&server, "bookworm", &["--alias", "stable"]).expect_success();
    for (name, suite) in [("ci.example.org", "bookworm"), ("cd.example.org", "other")] {
        if suite == "other" {
            create(&server, suite, &[]).expect_success();
        }
        let issue = ["identity", "issue", name, "--role", "uploader", "--suite", suite];
        server.repoctl(&[&issue[..], &["--out", &server.at(name)]].concat()).expect_success();
    }
    let grant = ["access", "grant", "uploader", "cd.example.org", "--suite", "stable*"];
    server.repoctl(&grant).expect_success();
    let deb = server.deb(&package("acme-web", "1.0"));
    let upload = |name: &str| {
        let config = server.at(&format!("{name}/config.toml"));
        let upload = ["--config", &config, "upload", "--suite", "stable", &deb];
        crate::harness::programs::program(env!("CARGO_BIN_EXE_repoctl")).args(upload).run()
    };
    let told = upload("cd.example.org");
    assert!(told.code != 0 && !told.says("bookworm"), "{told}");
    upload("ci.example.org").expect_success().expect_says("bookworm");
    // Who asks why is told of the suite.
    let why = server.repoctl(&["access", "explain", "ci.example.org", "stable"]).expect_success();
    assert!(why.says("bookworm"), "{why}");
}

//! Names that a suite does not own: no package of such a name gets in, by whatever way, and no host is told
//! to follow it down for one.

use crate::harness::server::TestServer;

use super::{file, told, unchanged, watched};

/// A package that a distribution has too.
fn foreign(server: &TestServer, version: &str) -> String {
    let deb = crate::harness::server::package("libc6", version);
    file(server, &deb.file_name(), &deb.build())
}

fn edit(server: &TestServer, owns: &str) -> crate::harness::programs::Outcome {
    server.repoctl(&["suite", "edit", "stable", "--owns", owns])
}

#[test]
fn a_name_that_the_suite_does_not_own_is_refused_on_every_way_in() {
    let server = watched();
    edit(&server, "acme-*").expect_success();
    let path = foreign(&server, "99");
    let cure = ["libc6", "stable owns only acme-*", "repoctl suite edit stable --owns"];
    unchanged(&server, || told(server.repoctl(&["upload", "--suite", "stable", &path]), 1, &cure));
    unchanged(&server, || {
        let put = server.curl_as_operator("api/v1/suites/stable/main/libc6_99_amd64.deb");
        let answer = put.args(["-T", &path]).run();
        assert!(answer.says("HTTP/1.1 409") && answer.says("owns only acme-*"), "{answer}");
    });
    // With others the change is whole or not there.
    let own = file(&server, "own.deb", &crate::harness::server::package("acme-api", "1.0").build());
    unchanged(&server, || {
        told(server.repoctl(&["upload", "--suite", "stable", &own, &path]), 1, &cure)
    });
    server.repoctl(&["upload", "--suite", "stable", &own]).expect_success();
    server
        .repoctl(&["audit", "--refused", "--verb", "add"])
        .expect_success()
        .expect_says("owns only");
}

#[test]
fn what_was_taken_before_the_suite_named_its_own_does_not_come_back() {
    let server = watched();
    for version in ["1", "2"] {
        server
            .repoctl(&["upload", "--suite", "stable", &foreign(&server, version)])
            .expect_success();
    }
    // While it is listed, the suite cannot give the name up.
    let listed = ["libc6", "is listed", "repoctl remove"];
    unchanged(&server, || told(edit(&server, "acme-*"), 1, &listed));
    server.repoctl(&["remove", "--suite", "stable", "libc6"]).expect_success();
    edit(&server, "acme-*").expect_success();
    let cure = ["libc6", "owns only acme-*"];
    let ways: [&[&str]; 3] = [
        &["pin", "--suite", "stable", "libc6=1"],
        &["pin", "--suite", "stable", "--rollback", "libc6", "--to", "3"],
        &["pin", "--suite", "stable", "--rollback", "--all", "--to", "3", "--yes"],
    ];
    for way in ways {
        unchanged(&server, || told(server.repoctl(way), 1, &cure));
    }
    edit(&server, "acme-*,libc6").expect_success();
    server.repoctl(&["pin", "--suite", "stable", "libc6=1"]).expect_success();
}

#[test]
fn hosts_follow_down_for_owned_names_alone() {
    let server = watched();
    edit(&server, "acme-*,other-tool").expect_success();
    let out = server.at("web");
    let issue = ["host", "issue", "web.example.org", "--suite", "stable", "--out", &out];
    server.repoctl(&issue).expect_success();
    let pins = format!("{out}/etc/apt/preferences.d/60repod-repo.example.org-stable.pref");
    let pins = std::fs::read_to_string(pins).unwrap();
    let names: Vec<_> = pins.lines().filter(|line| line.starts_with("Package: ")).collect();
    assert_eq!(
        names,
        [
            "Package: repod-client-repo.example.org-stable",
            "Package: repoctl:any",
            "Package: acme-*:any other-tool:any"
        ]
    );
    // A pattern that could mean anything is none.
    for pattern in ["*", "**", "a*", "lib c", "Acme-*", "acme-?"] {
        unchanged(&server, || told(edit(&server, pattern), 2, &["no pattern of package names"]));
    }
}

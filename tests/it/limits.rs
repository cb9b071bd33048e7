//! What a certificate is limited to: an uploader or operator for some packages of its suites, from its first
//! request on.

use crate::harness::programs::{Outcome, program};
use crate::harness::server::{TestServer, package};

const CI: &str = "ci.example.org";

/// A server with the suites `stable`, which owns two kinds of names, and `edge`, which owns none.
fn server() -> TestServer {
    let server = TestServer::start();
    let owns = ["suite", "edit", "stable", "--owns", "uni-*,acme-*"];
    server.repoctl(&owns).expect_success();
    let edge = ["suite", "create", "edge", "--architecture", "amd64", "--component", "main,extra"];
    server.repoctl(&edge).expect_success();
    server
}

/// `identity issue ci.example.org ARGS` into the directory `out`.
fn issue(server: &TestServer, out: &str, args: &[&str]) -> Outcome {
    let out = server.at(out);
    server.repoctl(&[&["identity", "issue", CI, "--out", &out][..], args].concat())
}

/// What curl is answered when it sends a package with the certificate in `out`: the status, and the body.
fn sends(server: &TestServer, out: &str, suite: &str, (name, version): (&str, &str)) -> String {
    let (file, own) = (server.deb(&package(name, version)), server.at(out));
    let url = format!("{}/api/v1/suites/{suite}/main/", server.url());
    program("curl")
        .args(["-sS", "--http1.1", "-w", " %{http_code}"])
        .args(["--cacert", &format!("{own}/ca.crt"), "--cert", &format!("{own}/client.crt")])
        .args(["--key", &format!("{own}/client.key"), "-T", &file, &url])
        .run()
        .expect_success()
        .stdout
}

/// `repoctl` with the certificate in `out`.
fn by(server: &TestServer, out: &str, args: &[&str]) -> Outcome {
    let own = server.at(out);
    server
        .repoctl_program(args)
        .env("REPOCTL_CERT", format!("{own}/client.crt"))
        .env("REPOCTL_KEY", format!("{own}/client.key"))
        .run()
}

#[test]
fn a_limit_of_a_certificate_holds_from_its_first_request_on() {
    let server = server();
    let limits = ["--role", "uploader", "--suite", "stable", "--package", "uni-moodle*"];
    issue(&server, "ci", &limits).expect_success();
    // The very first request is beyond it, and nothing of it is kept.
    let refused = sends(&server, "ci", "stable", ("acme-web", "1.0"));
    assert!(
        refused.ends_with(" 403") && refused.contains("may alter only uni-moodle*"),
        "{refused}"
    );
    server
        .repoctl(&["list", "--suite", "stable"])
        .expect_success()
        .expect_says("stable holds no packages yet");
    let taken = sends(&server, "ci", "stable", ("uni-moodle-theme", "1.0"));
    assert!(taken.ends_with(" 200") || taken.ends_with(" 201"), "{taken}");
    // Who has none is limited by nothing, as before.
    let whole = ["--role", "uploader", "--suite", "edge"];
    let out = server.at("cd");
    let cd = ["identity", "issue", "cd.example.org", "--out", &out];
    server.repoctl(&[&cd[..], &whole].concat()).expect_success();
    let taken = sends(&server, "cd", "edge", ("anything", "1.0"));
    assert!(taken.ends_with(" 200") || taken.ends_with(" 201"), "{taken}");

    server.repoctl(&["identity", "list"]).expect_success().expect_says("uni-moodle*");
    let log = server.repoctl(&["audit", "--verb", "certificate-issue"]).expect_success();
    log.expect_says("ci.example.org: uploader of stable, uni-moodle*; serial");
    let why = ["access", "explain", CI, "stable", "acme-web"];
    server.repoctl(&why).expect_success().expect_says("is limited to uni-moodle*");
    // A start reads it again.
    let mut server = server;
    server.stop();
    server.serve();
    let refused = sends(&server, "ci", "stable", ("acme-web", "1.0"));
    assert!(refused.ends_with(" 403"), "{refused}");
}

#[test]
fn an_operator_of_some_packages_pins_these_alone_and_issues_no_hosts() {
    let server = server();
    for name in ["uni-moodle", "acme-web"] {
        server.upload(name, "1.0").expect_success();
    }
    let limits = ["--role", "operator", "--suite", "stable", "--package", "uni-*", "-C", "main"];
    issue(&server, "ci", &limits).expect_success();
    by(&server, "ci", &["remove", "--suite", "stable", "acme-web", "--yes"]).expect_code(3);
    by(&server, "ci", &["remove", "--suite", "stable", "uni-moodle", "--yes"]).expect_success();
    by(&server, "ci", &["host", "issue", "web-09", "--suite", "stable"])
        .expect_code(3)
        .expect_says("operator of some packages only");
}

#[test]
fn a_limit_that_can_match_nothing_is_refused_with_its_field_and_cure() {
    let server = server();
    let uploader = ["--role", "uploader", "--suite", "stable"];
    for (limit, said) in [
        (["--package", "+theme*"], "packages: +theme* matches no package"),
        (["--package", "u"], "packages: u matches no package"),
        (
            ["--package", "moodle*"],
            "packages: moodle* can match nothing there: stable owns only uni-* acme-*",
        ),
        (["--package", "Uni*"], "packages: "),
        (["--component", "mian"], "components: mian is no component of stable; did you mean main?"),
    ] {
        let refused = issue(&server, "never", &[&uploader[..], &limit].concat());
        refused.expect_code(2).expect_says(said);
        let grant = [&["identity", "grant", CI][..], &uploader, &limit].concat();
        server.repoctl(&grant).expect_code(2).expect_says(said);
    }
    for role in [&["--role", "host", "--suite", "stable"][..], &["--role", "admin", "--all-suites"]]
    {
        let refused = issue(&server, "never", &[role, &["--package", "uni-*"]].concat());
        refused.expect_code(2).expect_says("packages: limits who uploads or operates");
    }
    assert!(!std::path::Path::new(&server.at("never")).exists());
    let known = server.repoctl(&["identity", "list"]).expect_success();
    assert!(!known.says(CI), "{known}");
    // A suite that owns no names takes every pattern; of two suites, one is enough.
    let both =
        ["--role", "uploader", "--suite", "stable,edge", "--package", "moodle*", "-C", "extra"];
    issue(&server, "ci", &both).expect_success();
    // So are grants beside certificates, which may be for suites that are not there yet.
    let grant = ["access", "grant", "uploader", "@ci", "--suite", "stable", "--package", "+x*"];
    server.repoctl(&grant).expect_code(2).expect_says("packages: +x* matches no package");
}

#[test]
fn a_limit_does_not_go_unasked_with_the_next_certificate() {
    let server = server();
    let limits = ["--role", "uploader", "--suite", "stable", "--package", "uni-*"];
    issue(&server, "ci", &limits).expect_success();
    let whole = ["--role", "uploader", "--suite", "stable"];
    issue(&server, "again", &whole)
        .expect_code(2)
        .expect_says("the right of ci.example.org is for uni-*, and would be for everything");
    issue(&server, "again", &limits).expect_success();
    let refused = sends(&server, "again", "stable", ("acme-web", "1.0"));
    assert!(refused.ends_with(" 403"), "{refused}");
    let grant = [&["identity", "grant", CI][..], &whole, &["--yes"]].concat();
    server.repoctl(&grant).expect_success();
    let taken = sends(&server, "ci", "stable", ("acme-web", "1.0"));
    assert!(taken.ends_with(" 200") || taken.ends_with(" 201"), "{taken}");
}

#[test]
fn a_grant_for_a_suite_that_is_not_there_is_told() {
    let server = server();
    let near = "suite stabel; did you mean stable?";
    let issued = issue(&server, "never", &["--role", "uploader", "--suite", "stabel"]);
    issued.expect_code(1).expect_says(near);
    let grant = ["identity", "grant", CI, "--role", "uploader", "--suite", "stabel"];
    server.repoctl(&grant).expect_code(1).expect_says(near);
    for verb in ["issue", "grant", "token"] {
        server
            .repoctl(&["host", verb, "web-01", "--suite", "stabel"])
            .expect_code(1)
            .expect_says(near);
    }
    // An operator is told of the suites that it may read, and of no other.
    let role = ["--role", "operator", "--suite", "stable"];
    issue(&server, "ci", &role).expect_success();
    let told = by(&server, "ci", &["host", "token", "web-01", "--suite", "stabel"]).expect_code(3);
    told.expect_says("or there is no such suite; did you mean stable?");
    let told = by(&server, "ci", &["host", "token", "web-01", "--suite", "egde"]).expect_code(3);
    assert!(!told.says("did you mean") && !told.says(" edge"), "{told}");
    // Grants beside certificates may come before their suites.
    let grant = ["access", "grant", "host", "web-01", "--suite", "stabel"];
    server
        .repoctl(&grant)
        .expect_success()
        .expect_says("there is no suite stabel; did you mean stable?");
    let again = server.repoctl(&[&grant[..], &["--json"]].concat()).expect_success();
    let told: serde_json::Value = serde_json::from_str(&again.stdout).unwrap();
    assert!(told["notes"][0].as_str().unwrap().contains("did you mean stable?"), "{again}");
    // What is limited to parts that no suite of it has is told alike, and one that has them is not.
    server.repoctl(&["suite", "edit", "stable", "--owns", "acme-*"]).expect_success();
    let grant = ["access", "grant", "uploader", CI, "--suite", "stable"];
    let limits = ["--component", "mian", "--package", "acme-web*,widget"];
    let told = server
        .repoctl(&[&grant[..], &limits].concat())
        .expect_success()
        .expect_says("components: mian is no component of stable; did you mean main?")
        .expect_says("packages: widget can match nothing there: stable owns only acme-*");
    assert!(!told.says("acme-web* can match nothing"), "{told}");
    let limits = ["--component", "main", "--package", "acme-web*,repoctl"];
    let told = server.repoctl(&[&grant[..], &limits].concat()).expect_success();
    assert!(!told.says("note:"), "{told}");
}

#[test]
fn a_pruned_file_says_what_it_leaves() {
    let server = server();
    server.upload("uni-moodle", "1.0").expect_success();
    issue(&server, "ci", &["--role", "uploader", "--suite", "stable"]).expect_success();
    let file = server.at("repo.toml");
    std::fs::write(&file, "grant = []\n[suite.edge]\n").unwrap();
    let kept = server.repoctl(&["apply", "-f", &file, "--dry-run"]).expect_success();
    kept.expect_says("stays: 1 suite: stable (not in the file; --prune removes what is not)");
    let prune = server.repoctl(&["apply", "-f", &file, "--prune", "--yes"]).expect_success();
    for said in [
        "stays: 1 suite: stable (not in the file, and holds packages: `repoctl remove` them first)",
        "(your own, with your certificate)",
        "stays: 1 grant: uploader of stable to ci.example.org (given with a certificate",
    ] {
        assert!(prune.says(said), "{prune}");
    }
    server.repoctl(&["suite", "show", "stable"]).expect_success();
    let told = server.repoctl(&["apply", "-f", &file, "--prune", "--json"]).expect_success();
    let told: serde_json::Value = serde_json::from_str(&told.stdout).unwrap();
    let why = told["stays"].as_array().unwrap().iter();
    assert_eq!(why.filter(|one| one["count"] == 1).count(), 3, "{told}");
}

//! Advice: who comes with curl is told what to do with curl, and apt is told what to do with apt.

use super::json;
use crate::harness::apt::HostFile;
use crate::harness::programs::{Outcome, Program, program};
use crate::harness::server::{TestServer, package};

/// What curl says: the status line and the hint in the body.
fn told(outcome: &Outcome) -> (String, String) {
    let (head, body) = outcome.stdout.rsplit_once("\r\n\r\n").unwrap();
    let status = head.rsplit("HTTP/1.1 ").next().unwrap().lines().next().unwrap();
    (status.to_owned(), json(body)["hint"].as_str().unwrap_or_default().to_owned())
}

fn curl(server: &TestServer, path: &str, more: &[&str]) -> (String, String) {
    told(&server.curl_as_operator(path).args(more).run().expect_success())
}

/// curl with this pair in place of the operator's.
fn curl_as(server: &TestServer, pair: Option<[&str; 2]>, path: &str) -> Program {
    let curl = program("curl")
        .args(["-sS", "-i", "--http1.1", "--cacert", &server.at("data/ca/ca.crt")])
        .arg(format!("{}/{path}", server.url()));
    match pair {
        Some([cert, key]) => curl.args(["--cert", cert, "--key", key]),
        None => curl,
    }
}

#[test]
fn who_sends_a_package_to_the_wrong_place_is_told_the_right_one() {
    let server = TestServer::start();
    let deb = server.deb(&package("acme-web", "1.0"));
    let send = format!("curl -T FILE {}/api/v1/suites/stable/main/", server.url());
    let form = format!("file=@{deb}");
    let data = format!("@{deb}");
    let to = "api/v1/suites/stable/main";
    let file = format!("{to}/acme-web_1.0_amd64.deb");
    let cases: [(&str, &[&str], &str, &str); 10] = [
        ("api/v1/suites/stable/", &["-T", &deb], "404", "lacks the component, such as main"),
        (to, &["-T", &deb], "404", "curl adds it to an address that ends in a slash"),
        (
            &format!("{to}/"),
            &["-X", "PUT", "--data-binary", &data],
            "404",
            "lacks the name of the file",
        ),
        ("suites/stable/main/", &["-T", &deb], "405", "packages are sent to the API"),
        ("dists/stable/main/", &["-T", &deb], "405", "packages are sent to the API"),
        (&file, &[], "405", "without -T curl only asks"),
        (&format!("{to}/"), &[], "404", "without -T curl only asks"),
        (&file, &["-F", &form], "405", "with -T, not with -d, -F or --json"),
        (&file, &["--data-binary", &data], "405", "with -T, not with -d, -F or --json"),
        (&file, &["-X", "PUT", "-d", &data], "422", "curl -T FILE sends it as it is"),
    ];
    for (path, more, status, says) in cases {
        let (line, hint) = curl(&server, path, more);
        assert!(line.starts_with(status), "{path} {more:?}: {line}");
        assert!(hint.contains(says), "{path} {more:?}: {hint}");
        assert!(
            status == "422" || hint.contains(&send) || path.starts_with("dists"),
            "{path}: {hint}"
        );
        assert!(!hint.contains("apt.conf"), "{path}: {hint}");
    }
    // And that place is right.
    let (_, words) = send.split_once("FILE ").unwrap();
    let path = words.strip_prefix(&format!("{}/", server.url())).unwrap();
    let sent = server.curl_as_operator(path).args(["--fail", "-T", &deb]).run().expect_success();
    sent.expect_says("\"state\":\"published\"");
}

#[test]
fn who_asks_for_something_else_is_told_where_it_is() {
    let server = TestServer::start();
    for (path, more, says) in [
        ("api/v1", &[][..], "openapi.json describes every request"),
        ("api/v1/nothing", &[], "openapi.json describes every request"),
        ("suites", &[], "the API is below"),
        ("api/v1/suites/absent", &[], "/api/v1/suites lists the suites"),
        ("api/v1/suites/stable/changes", &["-d", "{}"], "--json"),
    ] {
        let (line, hint) = curl(&server, path, more);
        assert!(hint.contains(says), "{path}: {line}: {hint}");
    }
}

#[test]
fn who_has_no_good_certificate_is_told_what_to_give_curl() {
    let server = TestServer::with_clock();
    let other = TestServer::init();
    let path = "api/v1/suites/stable/main/x.deb";
    let (line, hint) = told(&curl_as(&server, None, path).run().expect_success());
    assert_eq!(line, "403 no client certificate");
    assert!(hint.starts_with("give curl --cert FILE and --key FILE"), "{hint}");

    let theirs = ["crt", "key"].map(|end| other.at(&format!("data/operator/client.{end}")));
    let theirs = [&*theirs[0], &*theirs[1]];
    let (line, hint) = told(&curl_as(&server, Some(theirs), path).run().expect_success());
    assert!(line.starts_with("403 certificate was issued by another CA"), "{line}");
    assert!(hint.contains("what curl --cert FILE presents"), "{hint}");

    let _host = server.host("web-01.example.org");
    let own = server.at("hosts/web-01.example.org/etc/apt/repod/repo.example.org");
    let own = ["crt", "key"].map(|end| format!("{own}/client.{end}"));
    let own = [&*own[0], &*own[1]];
    let (line, hint) = told(&curl_as(&server, Some(own), path).args(["-X", "PUT"]).run());
    assert!(line.starts_with("403 web-01.example.org is host"), "{line}");
    assert!(hint.starts_with(&format!("curl {}/api/v1/whoami with", server.url())), "{hint}");

    server.repoctl(&["host", "revoke", "web-01.example.org", "--yes"]).expect_success();
    let (line, hint) = told(&curl_as(&server, Some(own), path).run().expect_success());
    assert!(line.starts_with("403 certificate was revoked"), "{line}");
    assert!(hint.contains("what curl --cert FILE presents"), "{hint}");
}

#[test]
fn apt_and_others_are_told_in_their_own_words() {
    let server = TestServer::start();
    let why = "no client certificate: set SslCert and SslKey for this host in apt.conf";
    let as_apt = ["-A", "Debian APT-HTTP/1.3 (2.6.1)"];
    let line = |more: &[&str], path: &str| told(&curl_as(&server, None, path).args(more).run()).0;
    assert_eq!(line(&as_apt, "dists/stable/InRelease"), format!("403 {why}"));
    // The real one prints it.
    let root = server.host("web-01.example.org");
    let conf = "/etc/apt/apt.conf.d/60repod-repo.example.org-stable.conf";
    let ca = "/etc/apt/repod/repo.example.org/ca.crt";
    let bare = format!("Acquire::https::repo.example.org {{ CAInfo \"{ca}\"; }};\n");
    root.place(&[HostFile::new(conf, 0o644, bare)]);
    root.update().expect_code(100).expect_says(why);

    let (_, hint) = told(&curl_as(&server, None, "api/v1/whoami").args(["-A", "Wget/1.21"]).run());
    assert!(hint.starts_with("present a client certificate"), "{hint}");
    let source =
        server.curl_as_operator("api/v1/suites/stable/dists/stable/InRelease").args(as_apt);
    let (line, _) = told(&source.run().expect_success());
    assert!(
        line.ends_with(&format!("the URIs of the source have to be {}/", server.url())),
        "{line}"
    );
}

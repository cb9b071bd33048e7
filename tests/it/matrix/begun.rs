//! A data directory that was made for a CA that exists already, and never had one of its own.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use super::{ADMIN, HOST, Host, PATH, Pki, pki, place, told};
use crate::harness::programs::{Outcome, program};
use crate::harness::server::{TestServer, package};

/// The files of the CA, where the options of `repod init` name them.
fn begin(pki: &Pki) -> TestServer {
    let server = TestServer::unmade();
    for (folder, names) in [
        ("company", &["root.crt"][..]),
        ("company/between", &["issuing.crt", "lost.crt"]),
        ("company/crls", &["root.crl", "issuing.crl", "lost.crl"]),
    ] {
        place(pki, names, Path::new(&server.at(folder)));
    }
    server
}

fn init(server: &TestServer, more: &[&str]) -> Outcome {
    server.init_program(&["--external-ca", "--operator", ADMIN]).args(more).run()
}

/// The options that name everything.
fn whole(server: &TestServer) -> Vec<String> {
    let at = |below: &str| server.at(&format!("company/{below}"));
    ["--anchors", &at("root.crt"), "--intermediates", &at("between"), "--crls", &at("crls")]
        .map(str::to_owned)
        .to_vec()
}

/// What a company's CA does with the request: it goes by what that asks for, with such `flags`.
fn sign(server: &TestServer, pki: &Pki, flags: &str) {
    let tls = server.data().join("tls");
    let at = |name: &str| tls.join(name).display().to_string();
    pki.openssl(&format!(
        "x509 -req -in {} -CA root.crt -CAkey root.key -set_serial 0x77aa -days 30 {flags} -out {}",
        at("server.csr"),
        at("server.crt")
    ));
}

#[test]
fn a_directory_is_made_for_a_ca_that_exists() {
    let pki = pki();
    let mut server = begin(pki);
    let options = whole(&server);
    let options: Vec<_> = options.iter().map(String::as_str).collect();
    let made = init(&server, &options).expect_success();
    for said in ["CN=Root (list until ", "CN=Issuing (list until ", "tls/server.csr", ADMIN] {
        assert!(made.says(said), "{said}: {made}");
    }
    assert!(!made.says("Nothing is served"), "{made}");
    assert!(!server.data().join("ca").exists());
    let key = std::fs::metadata(server.data().join("tls/server.key")).unwrap();
    assert_eq!(key.permissions().mode() & 0o7777, 0o600);
    let config = server.at("data/repod.toml");
    let unsigned = server.repod(&["serve", "--config", &config]).run().expect_code(1);
    assert!(unsigned.says("tls/server.crt") && unsigned.says("tls/server.csr"), "{unsigned}");

    // A CA that forgets what was asked for: all of it, or the name alone.
    sign(&server, pki, "");
    let bare = server.repod(&["serve", "--config", &config]).run().expect_code(1);
    assert!(bare.says("server.crt") && bare.says("subjectAltName"), "{bare}");
    const NAMELESS: &str = "no such name in subjectAltName";
    let extensions = server.at("extensions");
    std::fs::write(&extensions, "extendedKeyUsage=serverAuth\n").unwrap();
    sign(&server, pki, &format!("-extfile {extensions}"));
    server.serve();
    assert!(server.log().contains(NAMELESS), "{}", server.log());
    assert_eq!(server.stop(), 0);
    std::fs::remove_file(server.at("log")).unwrap();

    // What it told to do, and nothing else.
    sign(&server, pki, "-copy_extensions copyall");
    let operator = server.data().join("operator");
    let (certificate, key) = pki.pair("boss");
    std::fs::copy(certificate, operator.join("client.crt")).unwrap();
    std::fs::copy(key, operator.join("client.key")).unwrap();
    server.serve();
    server.repoctl(&["whoami"]).expect_success().expect_says(ADMIN);
    assert!(!server.log().contains(NAMELESS), "{}", server.log());
    server.repoctl(&["suite", "create", "stable", "--architecture", "amd64"]).expect_success();
    let deb = server.deb(&package("acme-web", "1.0"));
    server.repoctl(&["upload", "--suite", "stable", &deb]).expect_success();
    server.repoctl(&["host", "grant", HOST, "--suite", "stable"]).expect_success();
    for args in [
        &["host", "issue", "web-02.example.org", "--suite", "stable"][..],
        &["host", "token", "web-02.example.org", "--suite", "stable"],
    ] {
        server.repoctl(args).expect_code(1).expect_says("[trust]");
    }

    // A host, with the machine's own apt-get; and who is none.
    let outside = super::Outside { server, pki };
    let host = Host::of(&outside);
    host.update(&outside, Some("by a CA below, not sent along")).expect_success();
    assert_eq!(host.root.install(&["acme-web"]).code, 0);
    host.update(&outside, Some("revoked")).expect_code(100).expect_says("revoked");
    let server = &outside.server;
    let answer = |who: Option<&str>| {
        let mut curl = program("curl").args(["-sS", "-i", "--http1.1", "--max-time", "20"]);
        curl = curl.args(["--cacert", &server.at("data/operator/ca.crt")]);
        if let Some(who) = who {
            let (certificate, key) = pki.pair(who);
            curl = curl.arg("--cert").arg(certificate).arg("--key").arg(key);
        }
        told(&curl.arg(format!("{}/{PATH}", server.url())).run())
    };
    assert_eq!(answer(Some("by the CA at the top")), "200");
    assert!(answer(Some("by another CA")).starts_with("403 certificate was issued by another CA"));
    assert!(answer(None).starts_with("403 no client certificate"));

    let mut server = outside.server;
    assert_eq!(server.stop(), 0);
    server.serve();
    let status = server.repoctl(&["status"]).expect_success();
    assert!(!status.says("embedded"), "{status}");
    server.repoctl(&["audit", "verify"]).expect_success();
}

#[test]
fn what_is_wrong_with_the_files_is_said_before_anything_is_made() {
    let pki = pki();
    let server = begin(pki);
    let at = |below: &str| server.at(&format!("company/{below}"));
    let (root, between, crls) = (at("root.crt"), at("between"), at("crls"));
    place(pki, &["boss.crt", "boss.key"], Path::new(&at("leaf")));
    let (leaf, key) = (at("leaf/boss.crt"), at("leaf/boss.key"));
    for (options, code, why) in [
        (&["--anchors", &root][..], 2, "--crls"),
        (&["--crls", &crls], 2, "--anchors"),
        (&["--anchors", &leaf, "--crls", &crls], 1, "is not a CA certificate"),
        (&["--anchors", &crls, "--crls", &crls], 1, "holds no certificate"),
        (&["--anchors", &at("none"), "--crls", &crls], 1, "company/none"),
        (&["--anchors", &at("between"), "--crls", &crls], 1, "--tls-ca"),
        (&["--anchors", &root, "--crls", &crls, "--tls-ca", &key], 1, "--tls-ca"),
        (&["--anchors", &root, "--crls", &crls, "--tls-certificate", &leaf], 2, "--tls-key"),
        (
            &["--anchors", &root, "--crls", &crls, "--tls-certificate", &root, "--tls-key", &key],
            1,
            "--tls-certificate",
        ),
        (&["--anchors", &root, "--crls", &crls, "--ca-passphrase-file", &key], 2, "cannot be used"),
    ] {
        init(&server, options).expect_code(code).expect_says(why);
        assert!(!server.data().exists(), "{options:?}");
    }
    let nobody = server.init_program(&["--external-ca", "--anchors", &root, "--crls", &crls]).run();
    nobody.expect_code(2).expect_says("--operator");

    // A list that is missing closes the gate and can be mended: it is told, and no obstacle.
    let only = at("only");
    place(pki, &["root.crl"], Path::new(&only));
    let options = ["--anchors", &root, "--intermediates", &between, "--crls", &only];
    let made = init(&server, &options).expect_success();
    assert!(made.says("Nothing is served") && made.says("CN=Issuing (no list)"), "{made}");
}

#[test]
fn the_servers_own_certificate_is_taken_as_it_is_named() {
    let pki = Pki::whole();
    pki.server("web", "root");
    let mut server = begin(&pki);
    place(&pki, &["web.crt", "web.key"], Path::new(&server.at("company/tls")));
    let mut options = whole(&server);
    for (option, below) in [
        ("--tls-certificate", "tls/web.crt"),
        ("--tls-key", "tls/web.key"),
        ("--tls-ca", "root.crt"),
    ] {
        options.extend([option.to_owned(), server.at(&format!("company/{below}"))]);
    }
    let options: Vec<_> = options.iter().map(String::as_str).collect();
    let made = init(&server, &options).expect_success();
    assert!(!made.says("server.csr"), "{made}");
    assert!(!server.data().join("tls").exists());
    server.serve();
    let (certificate, key) = pki.pair("boss");
    let operator = server.data().join("operator");
    std::fs::copy(certificate, operator.join("client.crt")).unwrap();
    std::fs::copy(key, operator.join("client.key")).unwrap();
    server.repoctl(&["whoami"]).expect_success().expect_says(ADMIN);
}

//! Authorities: what a server does itself and what it leaves to another CA, and its own certificate from files.

use std::sync::LazyLock;
use std::time::{Duration, Instant};

use super::{GOOD, until};
use crate::harness::programs::program;
use crate::matrix::Outside;
use crate::matrix::pki::{HOST, Pki};

#[test]
fn certificates_of_a_ca_of_ones_own_get_rights_and_not_certificates_here() {
    let mut outside = Outside::start("");
    let refused = outside.boss(&[
        "host",
        "issue",
        HOST,
        "--suite",
        "stable",
        "--out",
        &outside.server.at("no"),
    ]);
    refused.expect_code(1).expect_says("repoctl host grant web-01.example.org");
    let revoked = outside.boss(&["host", "revoke", HOST, "-m", "gone", "--yes"]).expect_success();
    assert!(
        revoked.says("the CA that issued its certificate should revoke that, too"),
        "{revoked}"
    );
    assert!(
        outside
            .answer(Some(GOOD))
            .starts_with("403 web-01.example.org has a valid certificate but no rights")
    );
    outside.boss(&["host", "grant", HOST, "--suite", "stable"]).expect_success();
    assert_eq!(outside.answer(Some(GOOD)), "200");
    outside.boss(&["host", "grant", HOST, "--suite", "nowhere", "--yes"]).expect_code(1);
    // While it runs, the directory is its own.
    let config = outside.server.at("data/repod.toml");
    let admin = |name: &str| outside.server.repod(&["admin", name, "--config", &config]).run();
    admin("ci.example.org").expect_code(1).expect_says("stop it first");
    assert_eq!(outside.server.stop(), 0);
    let admin = outside.server.repod(&["admin", "ci.example.org", "--config", &config]).run();
    admin.expect_success();
    outside.server.serve();
    outside.repoctl("ci", &["suite", "create", "edge", "--architecture", "amd64"]).expect_success();
}

#[test]
fn a_server_with_a_ca_of_its_own_signs_its_list_itself() {
    let server = crate::harness::server::TestServer::start();
    let list = server.at("data/ca/crl.pem");
    let refused = server.repoctl(&["crl", "put", &list]).expect_code(1);
    refused.expect_says("this server signs its revocation list itself");
    server.repoctl(&["crl", "show"]).expect_success().expect_says("CN=repo.example.org CA");
    // One that is damaged is told, does no harm to the one in force, and is written again.
    std::fs::write(&list, "garbage").unwrap();
    let begun = Instant::now();
    while std::fs::read(&list).unwrap() == b"garbage" {
        assert!(begun.elapsed() < Duration::from_secs(60), "it was not written again");
        server.repoctl(&["whoami"]).expect_success();
        std::thread::sleep(Duration::from_millis(200));
    }
    assert!(server.log().contains("not every revocation list was taken"));
}

#[test]
fn the_servers_own_certificate_is_taken_from_files_and_again_when_they_change() {
    static OWN: LazyLock<Pki> = LazyLock::new(Pki::whole);
    let mut outside = Outside::stopped("", &OWN);
    OWN.server("tls-1", "root");
    OWN.server("tls-2", "root");
    put_pair(&outside, "tls-1");
    let config = outside.server.data().join("repod.toml");
    let text = std::fs::read_to_string(&config).unwrap();
    let tls =
        "[tls]\ncertificate = \"../tls.crt\"\nkey = \"../tls.key\"\nca = \"../anchors/root.crt\"\n";
    std::fs::write(&config, text.replace("[tls]\n", tls)).unwrap();
    let shown = |outside: &Outside| {
        let address = format!("repo.example.org:{}", outside.server.port());
        let ca = OWN.path("root.crt").display().to_string();
        let said = program("openssl")
            .args(["s_client", "-connect", &address, "-CAfile", &ca, "-verify_return_error"])
            .run()
            .expect_success();
        said.stdout.split("-----").nth(2).unwrap().replace('\n', "")
    };
    let of = |name: &str| {
        String::from_utf8(OWN.read(&format!("{name}.crt")))
            .unwrap()
            .split("-----")
            .nth(2)
            .unwrap()
            .replace('\n', "")
    };
    outside.server.serve();
    assert_eq!(shown(&outside), of("tls-1"));
    put_pair(&outside, "tls-2");
    until("the new certificate", || shown(&outside) == of("tls-2"));
}

/// Puts a certificate and its key where the server is told that they are.
fn put_pair(outside: &Outside, name: &str) {
    // The key first: until the certificate is there too, the old pair stays in use.
    for end in ["key", "crt"] {
        let to = outside.server.at(&format!("tls.{end}"));
        std::fs::copy(outside.pki.path(&format!("{name}.{end}")), &to).unwrap();
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o600);
        std::fs::set_permissions(to, mode).unwrap();
    }
}

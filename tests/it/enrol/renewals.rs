//! Renewal with the real commands, with certificates that are nearly over.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use rcgen::{CertificateParams, Issuer, KeyPair};
use repod::time::{Clock, SystemClock};
use x509_parser::prelude::ASN1Time;

use super::{NAME, OWN, asks, empty_root, enroll, on_host, pairs, serial, token};
use crate::harness::programs;
use crate::harness::server::TestServer;

/// Puts a certificate of the server's CA that began and ends so many hours from now in place of the
/// present one, for the same key.
fn certify(server: &TestServer, root: &Path, begins: i64, ends: i64) {
    let ca = |name: &str| std::fs::read_to_string(server.data().join("ca").join(name)).unwrap();
    let issuer =
        Issuer::from_ca_cert_pem(&ca("ca.crt"), KeyPair::from_pem(&ca("ca.key")).unwrap()).unwrap();
    let own = root.join(OWN);
    let key = std::fs::read_to_string(own.join("client.key")).unwrap();
    let time = |hours: i64| {
        ASN1Time::from_timestamp(SystemClock.now().plus(hours * 3_600).0).unwrap().to_datetime()
    };
    let mut params = CertificateParams::new(vec![NAME.to_owned()]).unwrap();
    (params.not_before, params.not_after) = (time(begins), time(ends));
    params.use_authority_key_identifier_extension = true;
    params.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::ClientAuth];
    let made = params.signed_by(&KeyPair::from_pem(&key).unwrap(), &issuer).unwrap();
    std::fs::write(std::fs::canonicalize(own.join("client.crt")).unwrap(), made.pem()).unwrap();
}

#[test]
fn a_certificate_is_renewed_when_a_third_of_its_life_is_left_and_not_before() {
    let server = TestServer::start();
    server.upload("acme-web", "1.0").expect_success();
    let root = empty_root();
    enroll(root.path(), &token(&server, NAME, &[])).expect_success();
    let renew = |args: &[&str]| on_host(root.path(), &[&["renew"], args].concat()).run();

    certify(&server, root.path(), -19, 11);
    let short = serial(root.path());
    renew(&[]).expect_success().expect_says("not yet due");
    assert_eq!(serial(root.path()), short);

    certify(&server, root.path(), -21, 9);
    let short = serial(root.path());
    let key = std::fs::read(root.path().join(OWN).join("client.key")).unwrap();
    renew(&[]).expect_success().expect_says("renewed, the certificate ends in 397 days");
    assert_ne!(serial(root.path()), short);
    assert_ne!(std::fs::read(root.path().join(OWN).join("client.key")).unwrap(), key);
    assert_eq!(asks(&server, root.path(), "dists/stable/InRelease"), "200");
    renew(&[]).expect_success().expect_says("not yet due");
    // The old pair is there until the next renewal.
    let previous = root.path().join(OWN).join("previous/client.key");
    assert_eq!(std::fs::read(previous).unwrap(), key);
    renew(&["--force"]).expect_success();
    assert_eq!(pairs(root.path()).len(), 2);

    // What is over is not renewed by itself, and the message says what to do.
    certify(&server, root.path(), -30, -1);
    renew(&["--force"]).expect_code(1).expect_says("ended").expect_says("repoctl host token");
}

#[test]
fn a_renewed_certificate_stands_as_long_as_the_one_before() {
    let server = TestServer::start();
    let root = empty_root();
    enroll(root.path(), &token(&server, NAME, &["--days", "30"])).expect_success();
    let told = on_host(root.path(), &["renew", "--force", "--json"]).run().expect_success();
    let told: serde_json::Value = serde_json::from_str(&told.stdout).unwrap();
    let left = told[0]["not_after"].as_i64().unwrap() - SystemClock.now().0;
    assert!((30 * 86_400 - 60..=30 * 86_400).contains(&left), "{left} s");
}

#[test]
fn who_was_shut_out_renews_nothing() {
    let server = TestServer::start();
    let root = empty_root();
    enroll(root.path(), &token(&server, NAME, &[])).expect_success();
    let before = serial(root.path());
    server.repoctl(&["host", "revoke", NAME, "-m", "stolen", "--yes"]).expect_success();
    let told = on_host(root.path(), &["renew", "--force"]).run().expect_code(3);
    told.expect_says("revoked");
    assert_eq!(serial(root.path()), before);
    let nothing = empty_root();
    on_host(nothing.path(), &["renew"]).run().expect_code(1).expect_says("repoctl host enroll");
}

#[test]
fn only_hosts_renew_themselves_and_not_without_end() {
    let server = TestServer::start();
    let body = |csr: &str| serde_json::json!({ "csr_pem": csr }).to_string();
    let json = ["-H", "content-type: application/json", "-d"];
    let key = repod::trust::NewRequest::make().unwrap();
    let asked = server.curl_as_operator("api/v1/renew").args(json).arg(body(&key.csr_pem)).run();
    asked.expect_success().expect_says("HTTP/1.1 409").expect_says("is no host");

    let _host = server.host("web1.example.org");
    let renew = || {
        let asked = server.curl("web1.example.org", "api/v1/renew").args(json);
        asked.args([&body(&key.csr_pem), "-o", "/dev/null", "-w", "%{http_code}"]).run().stdout
    };
    let answers: Vec<String> = (0..48).map(|_| renew()).collect();
    assert_eq!(answers.iter().filter(|code| *code == "200").count(), 47, "{answers:?}");
    assert_eq!(answers.last().map(String::as_str), Some("409"));
}

/// What `repoctl host issue` and its script have put there: two plain files.
#[test]
fn a_host_that_was_set_up_by_hand_renews_too() {
    let server = TestServer::start();
    server.upload("acme-web", "1.0").expect_success();
    let host = server.host(NAME);
    let root: &Path = host.as_ref();
    let before = serial(root);
    assert!(!root.join(OWN).join("client.crt").is_symlink());
    on_host(root, &["renew", "--force"]).run().expect_success();
    assert_ne!(serial(root), before);
    assert!(root.join(OWN).join("client.crt").is_symlink());
    host.update().expect_success();
    host.install(&["acme-web"]).expect_success();

    // The pair of before is kept, and is whole.
    let own = root.join(OWN).join("previous");
    let mode = std::fs::metadata(own.join("client.key")).unwrap().permissions().mode();
    assert_eq!(mode & 0o7777, 0o400);
    let told = programs::program("openssl")
        .args(["x509", "-noout", "-serial", "-in", &own.join("client.crt").display().to_string()])
        .run();
    assert!(told.stdout.to_lowercase().contains(&before), "{told}");
}

/// apt reads the certificate and then the key: while it is at work neither changes.
#[test]
fn apt_at_work_is_waited_for() {
    let server = TestServer::start();
    let root = empty_root();
    enroll(root.path(), &token(&server, NAME, &[])).expect_success();
    let before = serial(root.path());
    let lists = root.path().join("var/lib/apt/lists");
    std::fs::create_dir_all(&lists).unwrap();
    let lock = std::fs::File::create(lists.join("lock")).unwrap();
    rustix::fs::fcntl_lock(&lock, rustix::fs::FlockOperation::LockExclusive).unwrap();
    std::thread::scope(|scope| {
        let run = scope.spawn(|| on_host(root.path(), &["renew", "--force"]).run());
        // It waits with the new pair beside the old one.
        let own = root.path().join(OWN).join("certificates");
        let whole = |path: &Path| path.join("client.crt").exists();
        while pairs(root.path()).iter().filter(|path| whole(path)).count() < 2 {
            assert!(!run.is_finished(), "{}", own.display());
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
        assert!(!run.is_finished());
        assert_eq!(serial(root.path()), before);
        drop(lock);
        run.join().unwrap().expect_success();
    });
    assert_ne!(serial(root.path()), before);
}

#[test]
fn a_host_that_was_revoked_is_told_so_before_its_certificate_is_due() {
    let mut server = TestServer::start();
    server.upload("acme-web", "1.0").expect_success();
    let root = empty_root();
    enroll(root.path(), &token(&server, NAME, &[])).expect_success();
    let run = |verb: &str| on_host(root.path(), &[verb]).run();
    run("renew").expect_success().expect_says("not yet due");
    server.repoctl(&["host", "revoke", NAME, "--yes", "-m", "stolen"]).expect_success();
    for verb in ["renew", "refresh"] {
        let told = run(verb).expect_code(3);
        assert!(
            told.says("revoked") && told.says("repoctl host token web-01.example.org"),
            "{told}"
        );
        assert!(!told.says("identity issue") && !told.says("not yet due"), "{told}");
    }
    // A server that is away says nothing, and the certificate is not due.
    server.stop();
    run("renew").expect_success().expect_says("not yet due");
}

#[test]
fn a_server_of_an_odd_name_does_not_keep_others_from_theirs() {
    let server = TestServer::start();
    server.upload("acme-web", "1.0").expect_success();
    let root = empty_root();
    enroll(root.path(), &token(&server, NAME, &[])).expect_success();
    let own = root.path().join(OWN);
    for odd in ["[2001:db8::1]", "odd_name"] {
        let odd = root.path().join("etc/apt/repod").join(odd);
        std::fs::create_dir(&odd).unwrap();
        for name in ["ca.crt", "client.crt", "client.key"] {
            std::fs::copy(own.join(name), odd.join(name)).unwrap();
        }
    }
    let before = serial(root.path());
    let told = on_host(root.path(), &["renew", "--force"]).run().expect_code(1);
    assert!(told.stdout.contains("repo.example.org: renewed"), "{told}");
    assert!(
        told.stderr.contains("[2001:db8::1]: ") && told.stderr.contains("odd_name: "),
        "{told}"
    );
    assert_ne!(serial(root.path()), before);
    let sources = root.path().join("etc/apt/sources.list.d/repod-repo.example.org-stable.sources");
    std::fs::remove_file(&sources).unwrap();
    let told = on_host(root.path(), &["refresh", "--force"]).run().expect_code(1);
    assert!(sources.exists(), "{told}");
}

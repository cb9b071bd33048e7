//! Who may not, and who is not there to be asked.

use std::time::{Duration, Instant};

use crate::harness::programs::Outcome;
use crate::harness::server::{TestServer, package};

use super::{WATCHER, file, told, unchanged, watched};

/// `repoctl upload` of a sound package, with other credentials than the operator's.
fn upload(server: &TestServer, credentials: &[&str]) -> Outcome {
    let good = file(server, "good.deb", &package("acme-new", "1.0").build());
    let upload = ["upload", "--suite", "stable", "--retry-seconds", "0", &good];
    server.repoctl(&[&upload, credentials].concat())
}

#[test]
fn a_wrong_certificate_uploads_nothing() {
    let server = watched();
    let other = TestServer::init();
    let host = server.at(&format!("hosts/{WATCHER}/etc/apt/repod/repo.example.org"));
    let (host_cert, host_key) = (format!("{host}/client.crt"), format!("{host}/client.key"));
    let theirs = |name: &str| other.at(&format!("data/operator/{name}"));
    let (their_cert, their_key) = (theirs("client.crt"), theirs("client.key"));
    let their_ca = theirs("ca.crt");
    let noise = file(&server, "noise.pem", b"this is no key\n");

    let cases: [(&[&str], i32, &[&str]); 7] = [
        (
            &["--cert", &host_cert, "--key", &host_key],
            3,
            &["is host", "role uploader", "repoctl whoami"],
        ),
        (
            &["--cert", &their_cert, "--key", &their_key],
            3,
            &["another CA", "repoctl identity issue"],
        ),
        (&["--ca", &their_ca], 2, &["not trusted", "another authority", "--ca"]),
        (&["--key", "/nonexistent/client.key"], 2, &["private key", "no such file", "--key"]),
        (
            &["--cert", "/nonexistent/client.crt"],
            2,
            &["client certificate", "no such file", "--cert"],
        ),
        (&["--key", &their_key], 2, &["private key does not belong to the client certificate"]),
        (&["--key", &noise], 2, &["key", "PEM"]),
    ];
    for (credentials, code, says) in cases {
        unchanged(&server, || told(upload(&server, credentials), code, says));
    }
}

#[test]
fn an_uploader_uploads_and_does_no_more() {
    let server = watched();
    let own = issue(&server, "ci.example.org", "uploader");
    let as_ci = |arguments: &[&str]| server.repoctl(&[arguments, &own_flags(&own)[..]].concat());
    upload(&server, &own_flags(&own)).expect_success();
    let cases: [&[&str]; 4] = [
        &["pin", "--suite", "stable", "--rollback", "acme-web", "-m", "x"],
        &["suite", "create", "mine", "--architectures", "amd64"],
        &["host", "revoke", WATCHER, "-m", "x", "--yes"],
        &["remove", "--suite", "stable", "acme-web", "-m", "x"],
    ];
    for arguments in cases {
        unchanged(&server, || told(as_ci(arguments), 3, &["is uploader", "needs the role"]));
    }
    server.repoctl(&["suite", "create", "other", "--architectures", "amd64"]).expect_success();
    let good = file(&server, "good.deb", &package("acme-new", "1.0").build());
    let foreign = ["upload", "--suite", "other", &good];
    unchanged(&server, || told(as_ci(&foreign), 3, &["suite other"]));

    server
        .repoctl(&["identity", "revoke", "ci.example.org", "-m", "lost", "--yes"])
        .expect_success();
    unchanged(&server, || {
        told(upload(&server, &own_flags(&own)), 3, &["was revoked", "repoctl identity issue"])
    });
}

fn issue(server: &TestServer, name: &str, role: &str) -> [String; 2] {
    let out = server.at(name);
    server
        .repoctl(&["identity", "issue", name, "--role", role, "--suite", "stable", "--out", &out])
        .expect_success();
    ["client.crt", "client.key"].map(|file| format!("{out}/{file}"))
}

fn own_flags(own: &[String; 2]) -> [&str; 4] {
    ["--cert", &own[0], "--key", &own[1]]
}

#[test]
fn a_server_that_is_not_there_is_said_so_quickly() {
    let mut server = watched();
    assert_eq!(server.stop(), 0);
    let begun = Instant::now();
    let nobody = ["cannot reach https://repo.example.org", "refused", "try again"];
    told(upload(&server, &[]), 4, &nobody);
    told(server.repoctl(&["status"]), 4, &nobody);
    let unknown = ["--server", "https://repo.invalid:8443"];
    told(upload(&server, &unknown), 4, &["cannot reach https://repo.invalid:8443"]);
    assert!(begun.elapsed() < Duration::from_secs(10), "took {:?}", begun.elapsed());
    // With patience it is tried again, until it is there.
    let good = file(&server, "good.deb", &package("acme-new", "1.0").build());
    let patient = server.repoctl_program(&["upload", "--suite", "stable", &good]);
    let uploading = std::thread::spawn(move || patient.run());
    std::thread::sleep(Duration::from_millis(300));
    server.serve();
    uploading.join().unwrap().expect_success().expect_says("published");
}

//! Promotion: who names bytes without having sent them takes them from a suite of the same namespace, or not at all.

use super::{built, digest, host_of, send, server};
use crate::harness::deb::DebBuilder;
use crate::harness::programs::{Outcome, program};
use crate::harness::server::{SAME_ID, TestServer};

/// A certificate of somebody who uploads to these suites.
fn uploader(server: &TestServer, name: &str, suites: &[&str]) -> String {
    let out = server.at(name);
    let mut words = vec!["identity", "issue", name, "--role", "uploader", "--out", &out];
    suites.iter().for_each(|suite| words.extend(["--suite", suite]));
    server.repoctl(&words).expect_success();
    out
}

fn post(server: &TestServer, who: &str, path: &str, body: &str) -> Outcome {
    program("curl")
        .args(["-sS", "-i", "--http1.1", "--max-time", "60", "--cacert", &format!("{who}/ca.crt")])
        .args(["--cert", &format!("{who}/client.crt"), "--key", &format!("{who}/client.key")])
        .args(SAME_ID)
        .args(["-H", "content-type: application/json", "-d", body])
        .arg(format!("{}/api/v1/{path}", server.url()))
        .run()
        .expect_success()
}

/// Adds a package by its digest alone.
fn add(server: &TestServer, who: &str, suite: &str, digest: &str) -> Outcome {
    let item = format!(r#"{{"component": "main", "digest": "{digest}"}}"#);
    let body = format!(r#"{{"change": {{"verb": "add", "items": [{item}]}}}}"#);
    post(server, who, &format!("suites/{suite}/changes"), &body)
}

fn is_missing(server: &TestServer, who: &str, digest: &str) -> bool {
    let told = post(server, who, "blobs/missing", &format!(r#"{{"digests": ["{digest}"]}}"#));
    assert!(told.says("HTTP/1.1 200"), "{told}");
    told.says(digest)
}

fn upload(server: &TestServer, who: &str, suite: &str, deb: &DebBuilder) -> Outcome {
    server
        .repoctl_program(&["upload", "--suite", suite, &server.deb(deb)])
        .env("REPOCTL_CERT", format!("{who}/client.crt"))
        .env("REPOCTL_KEY", format!("{who}/client.key"))
        .run()
}

const ALL: [&str; 3] = ["bookworm", "bookworm-new", "trixie"];

#[test]
fn promotion_between_namespaces_is_refused_with_the_reason() {
    let server = server();
    let [ci, dev] = ["ci.example.org", "dev.example.org"].map(|name| uploader(&server, name, &ALL));
    let web = built("acme-web", "1.0", "bookworm");
    let it = digest(&web);
    upload(&server, &ci, "bookworm", &web).expect_success();

    let told = add(&server, &dev, "trixie", &it);
    assert!(told.says("HTTP/1.1 409") && told.says("acme-web 1.0 amd64"), "{told}");
    assert!(told.says("is in suite bookworm (namespace bookworm)"), "{told}");
    assert!(told.says("not promoted to suite trixie (namespace trixie)"), "{told}");
    assert!(told.says("upload the file itself"), "{told}");
    let shown = server.repoctl(&["list", "--suite", "trixie"]).expect_success();
    assert!(!shown.says("acme-web"), "{shown}");
    // Within the namespace it is what it was.
    let told = add(&server, &dev, "bookworm-new", &it);
    assert!(told.says("HTTP/1.1 200") && told.says("published"), "{told}");
    let told = add(&server, &dev, "trixie", &it);
    assert!(told.says("suite bookworm (namespace bookworm), bookworm-new (namespace"), "{told}");

    // Who has the file uploads it; then it is bound in both, and others promote it in either.
    assert!(is_missing(&server, &dev, &it));
    upload(&server, &dev, "trixie", &web).expect_success().expect_says("published");
    assert!(!is_missing(&server, &dev, &it));
    let host = host_of(&server, "trixie");
    host.install(&["acme-web"]).expect_success();
    super::has(&host, "acme-web", "bookworm");
    let other = uploader(&server, "other.example.org", &ALL);
    assert!(!is_missing(&server, &other, &it));
    server.repoctl(&["suite", "create", "trixie-new", "--namespace", "trixie"]).expect_success();
    let more = uploader(&server, "more.example.org", &["trixie", "trixie-new"]);
    let told = add(&server, &more, "trixie-new", &it);
    assert!(told.says("HTTP/1.1 200"), "{told}");
    server.check("trixie.example.org", "trixie");

    // Who has sent the bytes uploads them by their digest as well.
    let db = built("acme-db", "1.0", "any");
    upload(&server, &ci, "bookworm", &db).expect_success();
    assert!(!is_missing(&server, &ci, &digest(&db)));
    let told = add(&server, &ci, "trixie", &digest(&db));
    assert!(told.says("HTTP/1.1 200"), "{told}");
}

#[test]
fn a_refusal_tells_nothing_of_namespaces_that_the_asker_cannot_read() {
    let server = server();
    let web = built("acme-web", "1.0", "bookworm");
    let it = digest(&web);
    send(&server, "bookworm", &web).expect_success();
    send(&server, "bookworm-new", &web).expect_success();
    let narrow = uploader(&server, "narrow.example.org", &["trixie"]);
    let plain = |told: Outcome, digest: &str| {
        let (_, body) = told.stdout.split_once("\r\n\r\n").unwrap();
        (told.says("HTTP/1.1 404"), body.replace(digest, "DIGEST"))
    };
    let unknown = digest(&built("acme-web", "1.0", "nobody"));
    let absent = plain(add(&server, &narrow, "trixie", &unknown), &unknown);
    assert!(absent.0 && absent.1.contains("send it first"), "{absent:?}");
    assert_eq!(plain(add(&server, &narrow, "trixie", &it), &it), absent);
    assert!(is_missing(&server, &narrow, &it));

    // Of the suites that have it only those are named that may be read.
    let half = uploader(&server, "half.example.org", &["trixie"]);
    let grant = ["access", "grant", "host", "half.example.org", "--suite", "bookworm-new"];
    server.repoctl(&grant).expect_success();
    let told = add(&server, &half, "trixie", &it);
    assert!(
        told.says("HTTP/1.1 409") && told.says("is in suite bookworm-new (namespace"),
        "{told}"
    );
    assert!(!told.says("suite bookworm ") && !told.says("bookworm (namespace"), "{told}");

    // Other bytes of the version are no conflict where they are not bound, whoever asks.
    let own = built("acme-web", "1.0", "trixie");
    upload(&server, &narrow, "trixie", &own).expect_success();
    // In the namespace itself what cannot be read is told as before.
    let create = ["suite", "create", "trixie-secret", "--namespace", "trixie"];
    server.repoctl(&create).expect_success();
    send(&server, "trixie-secret", &built("acme-api", "1.0", "secret")).expect_success();
    let told = upload(&server, &narrow, "trixie", &built("acme-api", "1.0", "own")).expect_code(1);
    assert!(told.says("this version is taken in this repository"), "{told}");
    assert!(!told.says("secret"), "{told}");
}

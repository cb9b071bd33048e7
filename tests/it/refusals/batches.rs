//! Batches: what is refused of one does not stop the rest, and what is no batch leaves nothing behind.

use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::harness::programs::Outcome;
use crate::harness::server::{TestServer, package};

use super::{WATCHER, blobs, file, nothing_is_staged, unchanged, watched};

fn digest(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

fn batch(packages: &[(String, Vec<u8>)]) -> Vec<u8> {
    let mut body = Vec::new();
    for (digest, bytes) in packages {
        body.extend(format!("{digest} {}\n", bytes.len()).into_bytes());
        body.extend(bytes);
    }
    body
}

fn send(server: &TestServer, body: &[u8], more: &[&str]) -> Outcome {
    let body = format!("@{}", file(server, "batch", body));
    server.curl_as_operator("api/v1/blobs").args(["--data-binary", &body]).args(more).run()
}

/// Status and JSON of an answer.
fn answer(outcome: Outcome) -> (u16, Value) {
    let text = outcome.expect_success().stdout;
    let (head, body) = text.rsplit_once("\r\n\r\n").unwrap();
    let status = head.rsplit("HTTP/1.1 ").next().unwrap().split(' ').next().unwrap();
    (status.parse().unwrap(), serde_json::from_str(body).unwrap_or(Value::Null))
}

#[test]
fn each_package_of_a_batch_has_its_own_outcome() {
    let server = watched();
    let before = blobs(&server);
    let [one, two] = ["acme-one", "acme-two"].map(|name| package(name, "1.0").build());
    let faulty = package("acme-bad", "1.0")
        .raw_control(b"Package: acme-bad\nVersion: 1.0\nArchitecture: amd64\n")
        .build();
    let of = |bytes: &Vec<u8>| (digest(bytes), bytes.clone());
    let body = batch(&[
        of(&one),
        of(&faulty),
        (digest(b"another"), two.clone()),
        of(&b"no package".to_vec()),
        of(&two),
        of(&one),
    ]);
    let (status, told) = answer(send(&server, &body, &[]));
    assert_eq!(status, 200);
    let outcomes = told["blobs"].as_array().unwrap();
    let codes: Vec<_> =
        outcomes.iter().map(|one| one["problem"]["code"].as_str().unwrap_or("taken")).collect();
    let expected = ["taken", "rejected", "digest-mismatch", "rejected", "taken", "taken"];
    assert_eq!(codes, expected);
    let reasons = outcomes[1]["problem"]["reasons"].as_array().unwrap();
    let fields: Vec<_> = reasons.iter().map(|reason| reason["field"].as_str().unwrap()).collect();
    assert_eq!(fields, ["Maintainer", "Description"]);
    assert_eq!(outcomes[0]["digest"], digest(&one));
    assert_eq!(blobs(&server), before + 2);
    nothing_is_staged(&server);

    // What was taken is there for a change, and sent again it is taken again.
    let (status, told) = answer(send(&server, &batch(&[of(&two), of(&one)]), &[]));
    assert_eq!((status, told["blobs"][1]["problem"].is_null()), (200, true));
    assert_eq!(blobs(&server), before + 2);
    let paths = [("acme-one", &one), ("acme-two", &two)]
        .map(|(name, bytes)| file(&server, &format!("{name}.deb"), bytes));
    let upload = ["upload", "--suite", "stable", &paths[0], &paths[1]];
    server.repoctl(&upload).expect_success().expect_says("published  acme-two 1.0");
    server.check(WATCHER, "stable");
}

#[test]
fn what_is_no_batch_leaves_nothing() {
    let server = watched();
    let before = blobs(&server);
    let deb = package("acme-new", "1.0").build();
    let whole = batch(&[(digest(&deb), deb.clone())]);
    let cases: [(&[u8], &[&str], u16, &str); 6] = [
        (b"", &[], 400, "invalid-request"),
        (b"not a batch", &[], 400, "invalid-request"),
        (&whole[..whole.len() - 1], &[], 400, "invalid-request"),
        (&[&whole, &b"x"[..]].concat(), &[], 400, "invalid-request"),
        (&whole, &["-H", "Transfer-Encoding: chunked"], 411, "length-required"),
        (&vec![b'x'; (8 << 20) + 1], &[], 413, "too-large"),
    ];
    for (body, more, status, code) in cases {
        let (got, told) = unchanged(&server, || answer(send(&server, body, more)));
        assert_eq!((got, told["code"].as_str()), (status, Some(code)), "{told}");
    }
    // Cut by the sender: less than its length says.
    let body = format!("@{}", file(&server, "batch", &whole));
    let longer = format!("Content-Length: {}", whole.len() + 10);
    let cut = server.curl_as_operator("api/v1/blobs").args(["--data-binary", &body, "-H", &longer]);
    unchanged(&server, || cut.args(["--max-time", "2"]).run());
    // A host may not, whatever it sends.
    let denied = server.curl(WATCHER, "api/v1/blobs").args(["-i", "--data-binary", &body]);
    let (status, told) = unchanged(&server, || answer(denied.run()));
    assert_eq!((status, told["code"].as_str()), (403, Some("denied")));
    assert_eq!(blobs(&server), before);
}

#[test]
fn a_directory_with_a_bad_package_among_many_publishes_nothing() {
    let server = watched();
    for number in 0..600 {
        let name = format!("acme-{number:03}");
        file(&server, &format!("many/{name}.deb"), &package(&name, "1.0").build());
    }
    let many = server.at("files/many");
    file(&server, "many/bad.deb", b"no package");
    let refused = server.repoctl(&["upload", "--suite", "stable", &many]);
    super::told(refused, 1, &["1 of 601 packages refused; nothing was published", "bad.deb: "]);
    std::fs::remove_file(server.at("files/many/bad.deb")).unwrap();
    let generation = |told: &str| told.contains("is live");
    let told = server.repoctl(&["upload", "--suite", "stable", &many]).expect_success().stdout;
    assert!(generation(&told) && told.lines().count() == 601, "{told}");
    assert_eq!(server.check(WATCHER, "stable").packages.len(), 601);
    nothing_is_staged(&server);
}

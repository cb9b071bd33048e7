//! Requests: what no honest client asks for is refused with the cause, and changes nothing.

use crate::harness::programs::program;
use crate::harness::server::package;

use super::{ask, ask_as_operator, paths, read_reply};
use crate::refusals::{WATCHER, blobs, file, nothing_is_staged, unchanged, watched};

#[test]
fn no_path_leads_out_of_the_repository() {
    let server = watched();
    let (pool, _) = paths(&server);
    let folder = pool.rsplit_once('/').unwrap().0;
    let paths = [
        "../../../../etc/passwd",
        "dists/../../../../etc/passwd",
        "dists/stable/../stable/InRelease",
        "dists/stable/./InRelease",
        "dists//stable/InRelease",
        "dists/stable//InRelease",
        "dists/stable/%2e%2e/stable/InRelease",
        "dists/stable/.%2e/stable/InRelease",
        "%2e%2e/%2e%2e/etc/passwd",
        "..%2f..%2fetc/passwd",
        "dists%2fstable%2fInRelease",
        "dists/stable%2fInRelease",
        "dists/stable/InRelease%00",
        "dists/stable/InRelease%0d%0aX-Injected:%20yes",
        "dists\\stable\\InRelease",
        "dists/stable/..%5cInRelease",
        "dists/stable/InRelease/",
        "dists/stable/%",
        "dists/stable/%zz",
        "dists/stable/%ff%fe",
        "pool/../catalogue.sqlite",
        "pool/../keys/signing.asc",
        "keys/signing.asc",
        "repod.toml",
        "ca/ca.key",
        "pool/",
        "dists/",
        "",
    ];
    let listing = format!("{folder}/");
    for path in paths.into_iter().chain([&*listing]) {
        let answer = ask(&server, path, &[]);
        assert_eq!(answer.status, 404, "{path:?}: {answer:?}");
        assert!(!answer.headers.contains_key("x-injected"), "{path:?}: {answer:?}");
    }
}

#[test]
fn the_tree_is_read_and_not_written() {
    let server = watched();
    let (pool, by_hash) = paths(&server);
    for method in ["POST", "PUT", "DELETE", "PATCH"] {
        for path in ["dists/stable/InRelease", "dists/stable/", &pool, &by_hash] {
            let answer = unchanged(&server, || ask(&server, path, &["-X", method, "-d", "x"]));
            assert_eq!(answer.status, 405, "{method} {path}: {answer:?}");
            assert_eq!(answer.header("allow"), "GET, HEAD", "{method} {path}");
            assert_eq!(answer.status_line, "HTTP/1.1 405 the repository is read with GET and HEAD");
        }
    }
    let answer = ask_as_operator(&server, "api/v1/whoami", &["-X", "DELETE"]);
    assert_eq!(answer.status, 405, "{answer:?}");
    assert_eq!(answer.header("content-type"), "application/problem+json");
}

#[test]
fn a_refusal_says_why_in_its_status_line() {
    let server = watched();
    let bare = program("curl")
        .args(["-sS", "-i", "--http1.1", "--cacert", &server.at("data/ca/ca.crt")])
        .arg(format!("{}/dists/stable/InRelease", server.url()));
    let bare = read_reply(&bare.run().expect_success().stdout_bytes);
    assert_eq!(bare.status_line, "HTTP/1.1 403 no client certificate");
    assert_eq!(bare.header("content-type"), "application/problem+json");
    let body: serde_json::Value = serde_json::from_slice(&bare.body).unwrap();
    assert_eq!(body["code"], "certificate-missing");
    let foreign = ask(&server, "dists/other/InRelease", &[]);
    let why =
        format!("HTTP/1.1 403 {WATCHER} has no right to suite other, or there is no such suite");
    assert_eq!(foreign.status_line, why);
    let absent = ask(&server, "pool/n/no/0000000000000000/no_1_all.deb", &[]);
    assert!(absent.status_line.starts_with("HTTP/1.1 404 there is no such package"), "{absent:?}");
}

#[test]
fn what_cannot_be_read_is_a_problem_like_every_other() {
    let server = watched();
    let json = ["-H", "Content-Type: application/json", "-d"];
    let change = "api/v1/suites/stable/changes";
    let most = file(&server, "most.json", &vec![b' '; 16_000_001]);
    let most = format!("@{most}");
    let table: [(&str, &[&str], u16, &str); 8] = [
        (change, &[json[0], json[1], json[2], "{"], 400, "invalid-request"),
        (change, &[json[0], json[1], json[2], r#"{"bogus": 1}"#], 400, "invalid-request"),
        (change, &["-d", "{}"], 400, "invalid-request"),
        (change, &[json[0], json[1], "--data-binary", &most], 413, "too-large"),
        ("api/v1/suites/stable/diff", &[], 400, "invalid-request"),
        ("api/v1/suites/stable/diff?from=one&to=2", &[], 400, "invalid-request"),
        ("api/v1/packages?limit=-1&pattern=a", &[], 400, "invalid-request"),
        ("api/v1/suites/%ff", &[], 400, "invalid-request"),
    ];
    for (path, more, status, code) in table {
        let answer = unchanged(&server, || ask_as_operator(&server, path, more));
        assert_eq!(answer.status, status, "{path} {more:?}: {answer:?}");
        assert_eq!(answer.header("content-type"), "application/problem+json", "{path}");
        let body: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
        assert_eq!(body["code"], code, "{path}: {body}");
        assert_eq!(body["status"], status, "{path}: {body}");
        assert!(!body["detail"].as_str().unwrap().is_empty(), "{path}: {body}");
    }
}

#[test]
fn only_http_1_1_is_offered() {
    let server = watched();
    let place = format!("repo.example.org:{}", server.port());
    let offer = |protocols: &str| {
        program("openssl")
            .args([
                "s_client",
                "-connect",
                &place,
                "-servername",
                "repo.example.org",
                "-alpn",
                protocols,
            ])
            .args(["-CAfile", &server.at("data/ca/ca.crt")])
            .run()
    };
    let both = offer("h2,http/1.1");
    assert!(both.says("ALPN protocol: http/1.1"), "{both}");
    let only = offer("h2");
    assert!(!only.says("ALPN protocol: h2"), "{only}");
    let own = server.at(&format!("hosts/{WATCHER}/etc/apt/repod/repo.example.org"));
    let curl = program("curl")
        .args(["-sS", "--http2", "--cacert", &server.at("data/ca/ca.crt")])
        .args(["--cert", &format!("{own}/client.crt"), "--key", &format!("{own}/client.key")])
        .args(["-o", "/dev/null", "-w", "%{http_version} %{http_code}"])
        .arg(format!("{}/dists/stable/InRelease", server.url()));
    assert_eq!(curl.run().expect_success().stdout, "1.1 200");
}

#[test]
fn bodies_that_are_not_what_was_announced_are_not_kept() {
    let server = watched();
    let stored = blobs(&server);
    let deb = package("acme-new", "1.0").build();
    let path = file(&server, "new.deb", &deb);
    let zeroes = format!("api/v1/blobs/{}", "0".repeat(64));
    let wrong = unchanged(&server, || ask_as_operator(&server, &zeroes, &["-T", &path]));
    assert_eq!(wrong.status, 422, "{wrong:?}");
    let body: serde_json::Value = serde_json::from_slice(&wrong.body).unwrap();
    assert_eq!(body["code"], "digest-mismatch");
    let detail = body["detail"].as_str().unwrap();
    let own = repod::digest::Digest::of(&deb).to_string();
    assert!(detail.contains(&own) && detail.contains("send them again"), "{detail}");

    let odd = unchanged(&server, || ask_as_operator(&server, "api/v1/blobs/xyz", &["-T", &path]));
    assert_eq!(odd.status, 400, "{odd:?}");

    // Less than announced, and then nothing: the sender gives up.
    let announced = format!("Content-Length: {}", deb.len() + 100_000);
    let operator = server.at("data/operator");
    for below in [format!("api/v1/blobs/{own}"), "api/v1/suites/stable/main/new.deb".to_owned()] {
        unchanged(&server, || {
            program("curl")
                .args(["-sS", "--http1.1", "--max-time", "1", "-X", "PUT", "-H", &announced])
                .args(["--cacert", &format!("{operator}/ca.crt")])
                .args(["--cert", &format!("{operator}/client.crt")])
                .args(["--key", &format!("{operator}/client.key"), "-H", "Expect:"])
                .args(["--data-binary", &format!("@{path}")])
                .arg(format!("{}/{below}", server.url()))
                .run()
                .expect_code(28)
        });
    }
    nothing_is_staged(&server);
    assert_eq!(blobs(&server), stored);

    // And with nothing but curl, the way it is meant.
    let put = ask_as_operator(&server, "api/v1/suites/stable/main/", &["-T", &path]);
    assert_eq!(put.status, 200, "{put:?}");
    let again = unchanged(&server, || {
        ask_as_operator(&server, "api/v1/suites/stable/main/", &["-T", &path])
    });
    assert_eq!(again.status, 200, "{again:?}");
}

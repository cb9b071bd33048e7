//! What goes over the wire, seen with curl and openssl: the answers that apt and caches rely on, and
//! requests that no honest client makes.

use std::collections::BTreeMap;

use crate::harness::deb::DebBuilder;
use crate::harness::programs::program;
use crate::harness::server::{TestServer, package};

use super::{WATCHER, blobs, file, nothing_is_staged, unchanged, watched};

/// An answer as it came, interim answers left out.
#[derive(Debug)]
struct Reply {
    /// `HTTP/1.1 403 no client certificate: …`
    status_line: String,
    status: u16,
    /// Names in lower case.
    headers: BTreeMap<String, String>,
    body: Vec<u8>,
}

impl Reply {
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }
}

/// `curl -i` of the watching host.
fn ask(server: &TestServer, path: &str, more: &[&str]) -> Reply {
    let curl = server.curl(WATCHER, path).args(["-i", "--path-as-is", "--max-time", "60"]);
    read_reply(&curl.args(more).run().expect_success().stdout_bytes)
}

/// `curl -i` of the operator.
fn ask_as_operator(server: &TestServer, path: &str, more: &[&str]) -> Reply {
    let curl = server.curl_as_operator(path).args(more);
    read_reply(&curl.run().expect_success().stdout_bytes)
}

fn read_reply(bytes: &[u8]) -> Reply {
    let mut rest = bytes;
    loop {
        let end = rest.windows(4).position(|part| part == b"\r\n\r\n").expect("a head ends");
        let head = String::from_utf8(rest[..end].to_vec()).expect("a head is ASCII");
        rest = &rest[end + 4..];
        let (status_line, lines) = head.split_once("\r\n").unwrap_or((&head, ""));
        let status = status_line.split(' ').nth(1).unwrap().parse().unwrap();
        if status == 100 {
            continue;
        }
        let header = |line: &str| {
            let (name, value) = line.split_once(':').unwrap();
            (name.to_ascii_lowercase(), value.trim().to_owned())
        };
        let headers = lines.split("\r\n").filter(|line| !line.is_empty()).map(header).collect();
        let status_line = status_line.to_owned();
        return Reply { status_line, status, headers, body: rest.to_vec() };
    }
}

/// The pool path of the one package that `watched` uploads, and the by-hash path of its index.
fn paths(server: &TestServer) -> (String, String) {
    let packages = ask(server, "dists/stable/main/binary-amd64/Packages", &[]);
    let text = String::from_utf8(packages.body).unwrap();
    let pool = text.lines().find_map(|line| line.strip_prefix("Filename: ")).unwrap().to_owned();
    let release = String::from_utf8(ask(server, "dists/stable/Release", &[]).body).unwrap();
    let line =
        release.lines().find(|line| line.ends_with(" main/binary-amd64/Packages.xz")).unwrap();
    let digest = line.split_whitespace().next().unwrap();
    (pool, format!("dists/stable/main/binary-amd64/by-hash/SHA256/{digest}"))
}

#[test]
fn heads_types_and_caching_are_what_apt_and_caches_rely_on() {
    let server = settled();
    let (pool, by_hash) = paths(&server);
    let text = "text/plain; charset=utf-8";
    let (once, always) = ("private, no-cache", "private, max-age=31536000, immutable");
    let index = "dists/stable/main/binary-amd64/Packages";
    let (gz, xz) = (format!("{index}.gz"), format!("{index}.xz"));
    let table = [
        ("dists/stable/InRelease", text, once),
        ("dists/stable/Release", text, once),
        ("dists/stable/Release.gpg", text, once),
        (index, text, once),
        (&gz, "application/gzip", once),
        (&xz, "application/x-xz", once),
        (&by_hash, "application/x-xz", always),
        (&pool, "application/vnd.debian.binary-package", always),
    ];
    for (path, kind, cache) in table {
        let whole = ask(&server, path, &["-H", "Accept-Encoding: gzip, br, zstd"]);
        assert_eq!(whole.status_line, "HTTP/1.1 200 OK", "{path}");
        assert_eq!(whole.header("content-type"), kind, "{path}");
        assert_eq!(whole.header("cache-control"), cache, "{path}");
        assert_eq!(whole.header("accept-ranges"), "bytes", "{path}");
        assert_eq!(whole.header("content-length"), whole.body.len().to_string(), "{path}");
        assert!(!whole.headers.contains_key("content-encoding"), "{path}: {whole:?}");
        assert!(!whole.header("last-modified").is_empty(), "{path}");
        let head = ask(&server, path, &["-I"]);
        assert!(head.body.is_empty(), "{path}");
        for name in ["content-type", "content-length", "last-modified", "etag", "cache-control"] {
            assert_eq!(head.header(name), whole.header(name), "{path}: {name}");
        }
    }
}

/// [`watched`], once all is published that follows an upload in its own time: what a head says of itself is the
/// same from one request to the next.
fn settled() -> TestServer {
    let server = watched();
    let begun = std::time::Instant::now();
    let ends = [" main/binary-amd64/Packages.xz", " main/Contents-amd64.gz"];
    loop {
        let release = String::from_utf8(ask(&server, "dists/stable/Release", &[]).body).unwrap();
        if ends.iter().all(|end| release.lines().any(|line| line.ends_with(end))) {
            return server;
        }
        assert!(begun.elapsed().as_secs() < 90, "{release}");
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
}

#[test]
fn conditional_requests_answer_304_only_for_the_very_same_date() {
    let server = settled();
    let (pool, by_hash) = paths(&server);
    for path in ["dists/stable/InRelease", "dists/stable/Release", &by_hash, &pool] {
        let whole = ask(&server, path, &[]);
        let date = whole.header("last-modified").to_owned();
        let since = |date: &str| ask(&server, path, &["-H", &format!("If-Modified-Since: {date}")]);
        let same = since(&date);
        assert_eq!((same.status, same.body.len()), (304, 0), "{path}: {same:?}");
        assert_eq!(same.header("last-modified"), date, "{path}");
        // A host whose file is newer than ours has another file: it must get this one.
        for other in [shifted(&date, 1), shifted(&date, -1), shifted(&date, 86_400 * 400)] {
            let answer = since(&other);
            assert_eq!(answer.status, 200, "{path} since {other}, changed {date}");
            assert_eq!(answer.body, whole.body, "{path}");
        }
        assert_eq!(since("yesterday").status, 200, "{path}");
    }
    let whole = ask(&server, &pool, &[]);
    let tag = whole.header("etag").to_owned();
    assert!(tag.len() == 66 && tag.starts_with('"'), "{whole:?}");
    assert_eq!(ask(&server, &pool, &["-H", &format!("If-None-Match: {tag}")]).status, 304);
    assert_eq!(ask(&server, &pool, &["-H", "If-None-Match: \"other\""]).status, 200);
}

/// A date some seconds later, as HTTP writes it.
fn shifted(date: &str, seconds: i64) -> String {
    let expression = format!("{date} {seconds:+} seconds");
    let run =
        program("date").args(["--utc", "-d", &expression, "+%a, %d %b %Y %H:%M:%S GMT"]).run();
    run.expect_success().stdout.trim().to_owned()
}

#[test]
fn ranges_are_parts_of_the_same_bytes() {
    let server = settled();
    let (pool, by_hash) = paths(&server);
    let xz = "dists/stable/main/binary-amd64/Packages.xz";
    for path in [&*pool, &*by_hash, xz, "dists/stable/InRelease"] {
        let whole = ask(&server, path, &[]);
        let (bytes, total) = (&whole.body, whole.body.len());
        let last = total - 1;
        let ranges = [
            ("0-9".to_owned(), 0..10),
            ("10-".to_owned(), 10..total),
            ("-7".to_owned(), total - 7..total),
            (format!("5-{}", total * 2), 5..total),
            (format!("{last}-"), last..total),
        ];
        for (range, expected) in ranges {
            let part = ask(&server, path, &["-r", &range]);
            let named = format!("bytes {}-{}/{total}", expected.start, expected.end - 1);
            assert_eq!(part.status, 206, "{path} {range}");
            assert_eq!(part.header("content-range"), named, "{path} {range}");
            assert!(part.body == bytes[expected], "{path} {range}");
        }
        let beyond = ask(&server, path, &["-r", &format!("{total}-")]);
        assert_eq!(beyond.status, 416, "{path}: {beyond:?}");
        assert_eq!(beyond.header("content-range"), format!("bytes */{total}"), "{path}");
        // A range of what is no longer there is answered with what is.
        let date = whole.header("last-modified").to_owned();
        let if_range =
            |date: &str| ask(&server, path, &["-r", "3-", "-H", &format!("If-Range: {date}")]);
        let part = if_range(&date);
        assert_eq!((part.status, &part.body[..]), (206, &bytes[3..]), "{path}");
        for other in [shifted(&date, 1), shifted(&date, -1), "\"another\"".to_owned()] {
            let answer = if_range(&other);
            assert_eq!((answer.status, &answer.body), (200, bytes), "{path} {other}");
        }
    }
}

#[test]
fn names_with_plus_and_tilde_are_found_however_they_are_escaped() {
    let server = watched();
    let deb = DebBuilder::new("acme-c++", "1:1.0~rc1+b2", "amd64");
    let path = file(&server, "plus.deb", &deb.build());
    server.repoctl(&["upload", "--suite", "stable", &path]).expect_success();
    let packages = ask(&server, "dists/stable/main/binary-amd64/Packages", &[]);
    let text = String::from_utf8(packages.body).unwrap();
    let mut names = text.lines().filter_map(|line| line.strip_prefix("Filename: "));
    let plain = names.find(|name| name.contains("acme-c++")).unwrap().to_owned();
    assert!(plain.ends_with("/acme-c++_1.0~rc1+b2_amd64.deb"), "{plain}");
    let spellings = [
        plain.clone(),
        plain.replace('+', "%2b").replace('~', "%7e"),
        plain.replace('+', "%2B").replace('~', "%7E"),
        plain.replace("acme", "%61cme"),
    ];
    for spelling in spellings {
        let answer = ask(&server, &spelling, &[]);
        assert_eq!(answer.status, 200, "{spelling}: {answer:?}");
        assert!(answer.body == std::fs::read(&path).unwrap(), "{spelling}");
    }
    // Once, not twice; and a plus is no blank.
    for other in
        [plain.replace('+', "%252b"), plain.replace('+', "%20"), plain.replace("_1.0", "_1:1.0")]
    {
        assert_eq!(ask(&server, &other, &[]).status, 404, "{other}");
    }
}

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
    let why =
        "HTTP/1.1 403 no client certificate: set SslCert and SslKey for this host in apt.conf";
    assert_eq!(bare.status_line, why);
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
    let most = file(&server, "most.json", &vec![b' '; (16 << 20) + 1]);
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

//! What goes over the wire, seen with curl: the answers that apt and caches rely on.

mod requests;
mod strict;

use std::collections::BTreeMap;

use crate::harness::deb::DebBuilder;
use crate::harness::programs::program;
use crate::harness::server::TestServer;

use super::{WATCHER, file, watched};

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

/// Whoever cannot shake hands is told of in the log once a minute, and counted each time.
#[test]
fn who_fails_at_the_handshake_again_and_again_makes_one_line() {
    use std::io::{Read as _, Write as _};
    let server = TestServer::start();
    for _ in 0..100 {
        let mut tcp = std::net::TcpStream::connect(("127.0.0.1", server.port())).unwrap();
        tcp.write_all(b"\x16\x03\x01\x00\x05hello and no more").unwrap();
        // The server's alert, and its close.
        let _ = tcp.read_to_end(&mut Vec::new());
    }
    let config = std::fs::read_to_string(server.data().join("repod.toml")).unwrap();
    let local = config.lines().find(|line| line.starts_with("local = ")).unwrap();
    let local = local.split('"').nth(1).unwrap();
    let page = program("curl").args(["-sS", &format!("http://{local}/metrics")]).run();
    let page = page.expect_success().stdout;
    let failed = "repod_connections_handshake_failed_total ";
    let failed = page.lines().find_map(|line| line.strip_prefix(failed)).unwrap();
    // And the connection by which the test waited for the server.
    assert!(failed.parse::<u32>().unwrap() >= 100, "{failed}");
    let log = server.log();
    let lines = log.lines().filter(|line| line.contains("the handshake failed")).count();
    assert!((1..=2).contains(&lines), "{lines}: {log}");
}

//! Bodies: nobody who may not send one has it read, none is longer than its route takes, and all of them have their
//! memory before they come.

mod seats;

use std::time::{Duration, Instant};

use repod::api::BASE;
use repod::http::route::{Limit, Payload, Route};
use repod::http::table;

use crate::harness::raw::{Raw, RawAnswer};
use crate::harness::server::TestServer;
use crate::routes::Certificates;

/// A server with a suite `edge` beside `stable`, and the certificates of who has no right at all, and of an
/// uploader of `stable`.
fn peopled() -> (TestServer, String, String) {
    let server = TestServer::start();
    server.repoctl(&["suite", "create", "edge", "--architectures", "amd64"]).expect_success();
    let nobody = Certificates::of(&server).make("nobody.example.org");
    let uploader = uploader(&server, "ci.example.org");
    (server, nobody, uploader)
}

/// The certificate of an uploader of `stable`, as the path of its files without their ends.
fn uploader(server: &TestServer, name: &str) -> String {
    let out = server.at(name);
    let issue =
        ["identity", "issue", name, "--role", "uploader", "--suite", "stable", "--out", &out];
    server.repoctl(&issue).expect_success();
    format!("{out}/client")
}

/// The head of a request with a body.
fn head(method: &str, path: &str, kind: &str, fields: &str) -> String {
    format!(
        "{method} {path} HTTP/1.1\r\nHost: repo.example.org\r\nContent-Type: {kind}\r\n{fields}\r\n"
    )
}

/// Every way in which a body may be announced, with its first bytes.
fn announced() -> [(String, &'static str); 6] {
    let length = |bytes: u64| format!("Content-Length: {bytes}\r\n");
    let chunked = "Transfer-Encoding: chunked\r\n";
    [
        (length(16 << 20), ""),
        (length(17), ""),
        (length(1 << 20), "{\"a\":"),
        (format!("{}Expect: 100-continue\r\n", length(1 << 20)), ""),
        (chunked.to_owned(), "5\r\n{\"a\":\r\n"),
        (format!("{chunked}Expect: 100-continue\r\n"), ""),
    ]
}

/// Asks, and sends no more of the body than its beginning.
fn ask(server: &TestServer, own: &str, head: &str, begun: &str) -> RawAnswer {
    let mut line = Raw::open(server, own);
    let since = Instant::now();
    let answer = line.send(head).send(begun).answer();
    assert!(since.elapsed() < Duration::from_secs(5), "{head}: waited for the body: {answer:?}");
    assert!(answer.head.contains("connection: close"), "{head}: {answer:?}");
    answer
}

fn kind_of(route: &Route) -> &'static str {
    match route.takes {
        Payload::Json(_) => "application/json",
        Payload::Bytes(kind) => kind,
        Payload::Nothing => "text/plain",
    }
}

fn path_of(route: &Route, suite: &str) -> String {
    let mut path = format!("{BASE}{}", route.path);
    for (part, value) in [
        ("{suite}", suite),
        ("{component}", "main"),
        ("{file}", "x.deb"),
        ("{name}", "web-01.example.org"),
        ("{digest}", &"0".repeat(64)),
        ("{fingerprint}", "00"),
    ] {
        path = path.replace(part, value);
    }
    path
}

/// Every row that takes a body.
fn rows() -> Vec<&'static Route> {
    let rows: Vec<_> = table::api().filter(|route| route.limit != Limit::Unread).collect();
    assert!(rows.len() > 18, "{}", rows.len());
    rows
}

#[test]
fn who_has_no_right_is_answered_before_any_of_the_body_however_it_is_announced() {
    let (server, nobody, _) = peopled();
    for route in rows().into_iter().filter(|route| route.needs.role().is_some()) {
        for (fields, begun) in announced() {
            let head = head(route.method, &path_of(route, "stable"), kind_of(route), &fields);
            let answer = ask(&server, &nobody, &head, begun);
            assert_eq!(answer.status, 403, "{head}{answer:?}");
        }
    }
    // Neither for a path that is not there.
    for (fields, begun) in announced() {
        let head = head("POST", "/api/v1/nothing", "application/json", &fields);
        assert_eq!(ask(&server, &nobody, &head, begun).status, 404, "{head}");
    }
}

#[test]
fn the_right_to_one_suite_has_no_body_read_for_another() {
    let (server, _, uploader) = peopled();
    for route in rows().into_iter().filter(|route| route.path.contains("{suite}")) {
        for (fields, begun) in announced() {
            let head = head(route.method, &path_of(route, "edge"), kind_of(route), &fields);
            let answer = ask(&server, &uploader, &head, begun);
            assert_eq!(answer.status, 403, "{head}{answer:?}");
        }
    }
}

#[test]
fn a_body_over_its_limit_is_refused_with_the_limit_whether_its_length_is_told_or_not() {
    let (server, _, uploader) = peopled();
    let operator = server.at("data/operator/client");
    let out = server.at("a-host");
    let issue = ["host", "issue", "web-01.example.org", "--suite", "stable", "--out", &out];
    server.repoctl(&issue).expect_success();
    let host = format!("{out}/etc/apt/repod/repo.example.org/client");
    for route in rows() {
        let Limit::Bytes(most) = route.limit else { continue };
        // A host speaks for itself alone.
        let sender = if route.name == "report" { &host } else { &operator };
        let path = path_of(route, "stable");
        let told =
            head(route.method, &path, kind_of(route), &format!("Content-Length: {}\r\n", most + 1));
        let answer = ask(&server, sender, &told, "");
        assert_eq!(answer.status, 413, "{told}{answer:?}");
        assert!(answer.body.contains(&most.to_string()), "{told}{answer:?}");
        if most > 1 << 20 || route.name == "send_blobs" {
            continue;
        }
        let untold = head(route.method, &path, kind_of(route), "Transfer-Encoding: chunked\r\n");
        let piece = format!("{:x}\r\n{}\r\n", most + 1, " ".repeat(most + 1));
        let mut line = Raw::open(&server, sender);
        let _ = line.send(&untold).try_send(piece.as_bytes());
        let answer = line.answer();
        assert_eq!(answer.status, 413, "{untold}{answer:?}");
        assert!(answer.body.contains(&most.to_string()), "{untold}{answer:?}");
    }
    let head =
        head("PUT", "/api/v1/suites/stable/main/x.deb", "x/y", "Content-Length: 5000000000\r\n");
    let answer = ask(&server, &uploader, &head, "");
    assert_eq!(answer.status, 413, "{answer:?}");
    assert!(answer.body.contains("4294967296"), "{answer:?}");
}

/// A change that names so many packages.
fn rollback(name: &str, times: usize) -> String {
    let name = format!("\"{name}\",");
    let (first, all) = (name.trim_end_matches(','), name.repeat(times));
    format!("{{\"change\":{{\"verb\":\"rollback\",\"packages\":[{all}{first}]}}}}")
}

/// The most memory that the server has had, and what it has now. Unit: KiB.
fn memory(server: &TestServer) -> (u64, u64) {
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.pid())).unwrap();
    let read = |key: &str| {
        let line = status.lines().find(|line| line.starts_with(key)).unwrap();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    };
    (read("VmHWM:"), read("VmRSS:"))
}

#[test]
fn what_is_sent_at_once_takes_no_more_memory_than_the_budget() {
    let (server, nobody, uploader) = peopled();
    let (_, before) = memory(&server);
    // Of the largest JSON that there is, and of the kind that takes most once it is parsed.
    let short = rollback("ab", 3_000_000);
    let longer = rollback(&"ab".repeat(18), 390_000);
    let send = |own: &str, path: &str, body: &str| {
        let fields = format!("Content-Length: {}\r\n", body.len());
        let head = head("POST", path, "application/json", &fields);
        let mut line = Raw::open(&server, own);
        let _ = line.send(&head).try_send(body.as_bytes());
        let answer = line.answer();
        answer.status
    };
    let at_once = |own: &str, path: &str, body: &str, statuses: &[u16]| {
        std::thread::scope(|scope| {
            let sending: Vec<_> = (0..24).map(|_| scope.spawn(|| send(own, path, body))).collect();
            for one in sending {
                let status = one.join().unwrap();
                assert!(statuses.contains(&status), "{path}: {status}");
            }
        });
    };
    let changes = "/api/v1/suites/stable/changes";
    at_once(&nobody, changes, &longer, &[403]);
    at_once(&uploader, "/api/v1/renew", &longer, &[413]);
    let (most, _) = memory(&server);
    assert!(most < before + (32 << 10), "{most} KiB, and {before} before");
    // More names than any change has; and a change for which it has not the right, which is known once all of it
    // was read.
    at_once(&uploader, changes, &short, &[413]);
    at_once(&uploader, changes, &longer, &[403, 503]);
    let (most, _) = memory(&server);
    let budget = 224 << 10;
    assert!(most < before + budget, "{most} KiB, and {before} before");
}

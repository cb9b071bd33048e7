//! Strict: what two readers of HTTP could read differently is refused with the reason, and the connection ends.

use crate::harness::raw::Raw;
use crate::harness::server::TestServer;

const HOST: &str = "Host: repo.example.org\r\n";
const GET: &str = "GET /api/v1/whoami HTTP/1.1\r\n";
const POST: &str = "POST /api/v1/blobs/missing HTTP/1.1\r\nContent-Type: application/json\r\n";

/// What is sent, and what the reason names.
fn refused() -> Vec<(String, &'static str)> {
    let get = |fields: &str| format!("{GET}{HOST}{fields}\r\n");
    let post = |fields: &str, body: &str| format!("{POST}{HOST}{fields}\r\n{body}");
    let chunked = "Transfer-Encoding: chunked\r\n";
    vec![
        (post("Transfer-Encoding: gzip, chunked\r\n", "0\r\n\r\n"), "Transfer-Encoding"),
        (post("Transfer-Encoding: chunked, gzip\r\n", "0\r\n\r\n"), "Transfer-Encoding"),
        (post("Transfer-Encoding: identity\r\n", ""), "Transfer-Encoding"),
        (post("Transfer-Encoding: xchunked\r\n", "0\r\n\r\n"), "Transfer-Encoding"),
        (post("Transfer-Encoding:\r\n", ""), "Transfer-Encoding"),
        (post("Transfer-Encoding: \"chunked\"\r\n", "0\r\n\r\n"), "Transfer-Encoding"),
        (post(&format!("{chunked}{chunked}"), "0\r\n\r\n"), "more than once"),
        (post(&format!("{chunked}Content-Length: 5\r\n"), "0\r\n\r\n"), "Content-Length"),
        (post(&format!("Content-Length: 5\r\n{chunked}"), "0\r\n\r\n"), "Content-Length"),
        (post("Content-Length: 2\r\nContent-Length: 3\r\n", "{}"), "more than once"),
        (post("Content-Length: 2\r\nContent-Length: 2\r\n", "{}"), "more than once"),
        (post("Content-Length: 2, 2\r\n", "{}"), "Content-Length"),
        (post("Content-Length: +2\r\n", "{}"), "Content-Length"),
        (post("Content-Length: -2\r\n", "{}"), "Content-Length"),
        (post("Content-Length: 0x2\r\n", "{}"), "Content-Length"),
        (post("Content-Length:\r\n", "{}"), "Content-Length"),
        (post("Content-Length: 99999999999999999999\r\n", "{}"), "Content-Length"),
        (format!("{GET}\r\n"), "Host is missing"),
        ("GET /api/v1/whoami HTTP/1.0\r\n\r\n".into(), "Host is missing"),
        (get(HOST), "more than once"),
        (get("Host: other.example.org\r\n"), "more than once"),
        (format!("{GET}Host:\r\n\r\n"), "Host"),
        (format!("{GET}Host: a b\r\n\r\n"), "Host"),
        (format!("{GET}Host: a, b\r\n\r\n"), "Host"),
        (format!("{GET}Host: user@repo.example.org\r\n\r\n"), "Host"),
        (format!("{GET}Host: repo.example.org/x\r\n\r\n"), "Host"),
        (format!("{GET}Host : repo.example.org\r\n\r\n"), "name of a header field"),
        (get("X-Odd : 1\r\n"), "name of a header field"),
        (get("X Odd: 1\r\n"), "name of a header field"),
        (get(": 1\r\n"), "name of a header field"),
        (get("no colon\r\n"), "colon"),
        (get("X-Odd: 1\r\n and more\r\n"), "several lines"),
        (get("X-Odd: 1\r\n\tand more\r\n"), "several lines"),
        (format!("{GET} X-First: 1\r\n{HOST}\r\n"), "several lines"),
        (get("X-Odd: a\rb\r\n"), "control character"),
        (get("X-Odd: a\0b\r\n"), "control character"),
        (get("").replace("\r\n", "\n"), "CR"),
        (get("X-Odd: 1\n"), "CR"),
        (format!("{GET}{HOST}\n"), "CR"),
        (get("").replacen("\r\n", "\n", 1), "CR"),
        (format!("GET  /api/v1/whoami HTTP/1.1\r\n{HOST}\r\n"), "request line"),
        (format!("GET\t/api/v1/whoami\tHTTP/1.1\r\n{HOST}\r\n"), "request line"),
        (format!("GET /api/v1/whoami HTTP/1.1 \r\n{HOST}\r\n"), "request line"),
        (format!("GET /api/v1/whoami\r\n{HOST}\r\n"), "request line"),
        (format!("GET /api/v1/whoami HTTP/1.2\r\n{HOST}\r\n"), "HTTP/1.1"),
        (format!("GET /api/v1/whoami http/1.1\r\n{HOST}\r\n"), "HTTP/1.1"),
        ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".into(), "HTTP/1.1"),
        (format!("GET http://other.example.org/api/v1/whoami HTTP/1.1\r\n{HOST}\r\n"), "Host"),
        (format!("GET https://repo.example.org@evil/ HTTP/1.1\r\n{HOST}\r\n"), "Host"),
        (format!("GET repo.example.org HTTP/1.1\r\n{HOST}\r\n"), "no path"),
        (format!("CONNECT repo.example.org:443 HTTP/1.1\r\n{HOST}\r\n"), "no path"),
        (format!("\r\n\r\n{}", get("")), "request line"),
        (post(chunked, "2\n{}\r\n0\r\n\r\n"), "CR"),
        (post(chunked, "2\r\n{}\n0\r\n\r\n"), "CR"),
        (post(chunked, "2\r\n{}X\r\n0\r\n\r\n"), "chunk"),
        (post(chunked, "2 \r\n{}\r\n0\r\n\r\n"), "chunk"),
        (post(chunked, "0x2\r\n{}\r\n0\r\n\r\n"), "chunk"),
        (post(chunked, "-1\r\n{}\r\n0\r\n\r\n"), "chunk"),
        (post(chunked, "fffffffffffffffff\r\n{}"), "chunk"),
        (post(chunked, "2\r\n{}\r\n0\r\nX-Odd : 1\r\n\r\n"), "name of a header field"),
    ]
}

#[test]
fn what_two_readers_could_read_differently_is_a_400_and_the_end_of_the_connection() {
    let server = TestServer::start();
    let own = server.at("data/operator/client");
    for (sent, why) in refused() {
        let mut line = Raw::open(&server, &own);
        // Behind it comes what a confused reader would take for the next request.
        line.send(&sent);
        let _ = line.try_send(format!("{GET}{HOST}\r\n").as_bytes());
        let answer = line.answer();
        assert_eq!(answer.status, 400, "{sent:?}: {answer:?}");
        assert!(answer.status_line.contains(why), "{sent:?}: {answer:?}");
        assert!(answer.body.contains(why), "{sent:?}: {answer:?}");
        assert!(answer.head.contains("\r\nconnection: close\r\n"), "{sent:?}: {answer:?}");
        assert_eq!(line.closed().1, 0, "{sent:?}: something was answered behind it");
    }
}

#[test]
fn what_is_refused_comes_behind_the_answers_to_what_was_sound() {
    let server = TestServer::start();
    let mut line = Raw::open(&server, &server.at("data/operator/client"));
    let sound = format!("{GET}{HOST}\r\n");
    line.send(&format!("{sound}{sound}{GET}{HOST}{HOST}\r\n{sound}"));
    let all = [line.answer().status, line.answer().status, line.answer().status];
    assert_eq!(all, [200, 200, 400]);
    assert_eq!(line.closed().1, 0);
    // The same, byte by byte.
    let mut line = Raw::open(&server, &server.at("data/operator/client"));
    for byte in format!("{sound}{GET}{HOST}{HOST}\r\n").as_bytes() {
        line.try_send(&[*byte]).unwrap();
    }
    assert_eq!([line.answer().status, line.answer().status], [200, 400]);
}

#[test]
fn what_honest_clients_send_is_taken() {
    let server = TestServer::start();
    let mut line = Raw::open(&server, &server.at("data/operator/client"));
    let get = |fields: &str| format!("{GET}{fields}\r\n");
    let chunks = "{POST}{HOST}Transfer-Encoding: Chunked\r\n\r\n\
                  b;x=y\r\n{\"digests\":\r\n3\r\n[]}\r\n0\r\nX-Sum: 1\r\n\r\n";
    let chunks = chunks.replace("{POST}", POST).replace("{HOST}", HOST);
    for sent in [
        get("host:repo.example.org:8443\r\nAccept:*/*\r\nX-Empty:\r\n"),
        get("Host: [::1]:8443\r\n"),
        get("Host: 127.0.0.1\r\nUser-Agent: Debian APT-HTTP/1.3 (2.6.1)\r\n"),
        format!("\r\n{}", get(HOST)),
        format!("GET https://repo.example.org/api/v1/whoami HTTP/1.1\r\n{HOST}\r\n"),
        format!("{POST}{HOST}Content-Length: 14\r\n\r\n{{\"digests\":[]}}"),
        chunks,
        get(HOST),
    ] {
        let answer = line.send(&sent).answer();
        assert_eq!(answer.status, 200, "{sent:?}: {answer:?}");
        assert!(!answer.head.contains("connection: close"), "{sent:?}: {answer:?}");
    }
}

//! Addresses: the client has its own behind a proxy, and only named proxies say which.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::{Fronts, GOOD, OWN};
use crate::harness::programs::program;
use crate::matrix::gate::{Line, until};
use crate::matrix::{Outside, PATH};

#[test]
fn what_is_counted_by_address_is_counted_for_the_client() {
    let fronts = Fronts::start(&OWN, "connections_per_address = 2");
    let (haproxy, nginx) = (fronts.haproxy.port, fronts.nginx.port);
    // Two of one address, and no third; another address has its own two.
    let mut held: Vec<_> =
        (0..2).map(|_| fronts.line(haproxy, Some(GOOD), &["-bind", "127.0.0.7:0"])).collect();
    for line in &mut held {
        assert!(line.ask(PATH).starts_with("200"));
    }
    let from = |port: u16, address: &str, who: Option<&str>| {
        fronts.curl(port, who, PATH).args(["--interface", address]).run()
    };
    assert!(!from(haproxy, "127.0.0.7", Some(GOOD)).succeeded());
    assert!(from(haproxy, "127.0.0.8", Some(GOOD)).succeeded());
    assert!(fronts.outside.metric("repod_connections_refused_address_total") >= 1.0);
    drop(held);
    until("its places", || from(haproxy, "127.0.0.7", Some(GOOD)).succeeded());
    // Nginx comes from one address, for many.
    let mut lines: Vec<_> = (0..5).map(|_| fronts.line(nginx, Some(GOOD), &[])).collect();
    for line in &mut lines {
        assert!(line.ask(PATH).starts_with("200"));
    }

    // In the log it is the client.
    let plain = format!("http://127.0.0.1:{haproxy}/");
    let plain = program("curl").args(["-sS", "-i", "--interface", "127.0.0.7", &plain]).run();
    assert!(plain.says("400 this port speaks https"), "{plain}");
    until("the log line", || {
        let log = fronts.outside.server.log();
        log.lines().any(|line| line.contains("handshake failed") && line.contains("127.0.0.7:"))
    });

    // Who is refused again and again is told to wait, and nobody else behind the same proxy.
    for port in [haproxy, nginx] {
        let line = || fronts.line(port, None, &["-bind", "127.0.0.9:0"]);
        let mut first = line();
        let hears = |line: &mut Line| line.ask(PATH).starts_with("403 no client certificate");
        let asked = (1..20_000).find(|_| !hears(&mut first));
        // The second front finds an address that has heard enough already.
        assert!(asked.is_some_and(|asked| (port == nginx) == (asked < 600)), "{asked:?}");
        // It earns a word again every 50 ms, so another of its address uses them up meanwhile, however long curl
        // takes to ask: two of one address, and no third.
        drop(first);
        let told = AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                while !told.load(Ordering::Relaxed) {
                    let mut line = line();
                    let goes_on = |_: &usize| !told.load(Ordering::Relaxed);
                    for _ in (0..300).take_while(goes_on) {
                        hears(&mut line);
                        std::thread::sleep(Duration::from_millis(5));
                    }
                }
            });
            let hears = || from(port, "127.0.0.9", None).says("429 too many refused requests");
            let heard = (0..200).any(|_| hears());
            told.store(true, Ordering::Relaxed);
            assert!(heard, "it was never told to wait");
        });
        assert!(from(port, "127.0.0.8", None).says("403 no client certificate"));
        assert!(from(port, "127.0.0.9", Some(GOOD)).says("200 OK"));
    }
}

#[test]
fn a_proxy_header_counts_where_it_is_expected_and_from_proxies_alone() {
    let fronts = Fronts::start(&OWN, "");
    let header =
        b"\r\n\r\n\0\r\nQUIT\n\x21\x11\x00\x0c\xc0\x00\x02\x07\x0a\x00\x00\x01\xd4\x31\x20\xfb";
    let sent = |port: u16, bytes: &[u8]| {
        let mut tcp = TcpStream::connect(("127.0.0.1", port)).unwrap();
        tcp.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        tcp.write_all(bytes).unwrap();
        let mut answer = Vec::new();
        let read = tcp.read_to_end(&mut answer);
        let closed = match read {
            Ok(_) => true,
            Err(error) => error.kind() == std::io::ErrorKind::ConnectionReset,
        };
        assert!(closed, "it was not closed");
        answer
    };
    let refused = || fronts.outside.metric("repod_connections_refused_proxy_total");
    // To an ordinary listener: noise, of which nothing is read.
    let failed = fronts.outside.metric("repod_connections_handshake_failed_total");
    assert_eq!(sent(fronts.outside.server.port(), header), b"");
    until("the count", || {
        fronts.outside.metric("repod_connections_handshake_failed_total") > failed
    });
    assert!(!fronts.outside.server.log().contains("192.0.2.7"));
    assert!(refused() < 0.5);

    // Where a proxy is expected: no header, the old text form, one that is cut, a plain request.
    for (at, bytes) in [
        &b"\x16\x03\x01\x00\x05hello"[..],
        b"PROXY TCP4 192.0.2.7 10.0.0.1 1 2\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        b"\r\n\r\n\0\r\nQUIT\n\x21\x11\x10\x00",
    ]
    .into_iter()
    .enumerate()
    {
        assert_eq!(sent(fronts.proxied, bytes), b"", "{at}");
        until("the count", || refused() > at as f64);
    }
    let through = fronts.curl(fronts.proxied, Some(GOOD), PATH).run();
    assert!(!through.succeeded(), "{through}");
    // From another address, whatever it says.
    let before = refused();
    let other = ["--interface", "127.0.0.9"];
    let curl = fronts.curl(fronts.proxied, Some(GOOD), PATH).args(other).run();
    assert!(!curl.succeeded(), "{curl}");
    until("the count", || refused() > before);
    assert!(fronts.outside.server.log().contains("it is none of listen.proxies"));
    // A good one: the plain answer of whom the header names.
    let told = sent(fronts.proxied, &[&header[..], b"GET / HTTP/1.1\r\n\r\n"].concat());
    assert!(told.starts_with(b"HTTP/1.1 400 this port speaks https"));
    until("the log line", || fronts.outside.server.log().contains("192.0.2.7:54321"));
    // Checks of haproxy's own have not been counted as anything bad.
    assert!(!fronts.outside.server.log().contains("came too late"));
}

#[test]
fn proxies_that_cannot_be_meant_are_refused_at_the_start() {
    let outside = Outside::stopped("", &OWN);
    let config = outside.server.data().join("repod.toml");
    let text = std::fs::read_to_string(&config).unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    for (lines, told) in [
        (format!("proxy_protocol = [\"{taken}\"]"), "listen.proxies is empty"),
        ("proxies = [\"0.0.0.0/0\"]".to_owned(), "listen.proxies has \"0.0.0.0/0\""),
        ("proxies = [\"balancer\"]".to_owned(), "listen.proxies has \"balancer\""),
        ("handover = [\"*.example.org\"]".to_owned(), "listen.handover has \"*.example.org\""),
        ("handovers = []".to_owned(), "did you mean `handover`?"),
    ] {
        std::fs::write(&config, text.replace("[listen]\n", &format!("[listen]\n{lines}\n")))
            .unwrap();
        let path = config.display().to_string();
        outside.server.repod(&["serve", "--config", &path]).run().expect_code(1).expect_says(told);
    }
}

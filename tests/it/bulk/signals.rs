//! A second server, a server that is told to stop, and one that is told to look again.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use repod::time::{Clock as _, SystemClock};
use repod::trust::{CertificateAuthority, Reason, Revoked};

use super::HOST;
use crate::crash::{Client, Over};
use crate::harness::programs::program;
use crate::harness::server::{TestServer, package};

#[test]
fn a_second_server_on_the_same_directory_says_why_not() {
    let server = TestServer::start();
    let config = server.at("data/repod.toml");
    let second = server.repod(&["serve", "--config", &config]).run().expect_code(1);
    let second = second.expect_says("another repod uses").expect_says(&server.at("data"));
    assert!(second.stderr.contains("stop it first"), "{second}");
    // The first one has noticed nothing.
    server.upload("acme-web", "1.0").expect_success();
}

#[test]
fn a_server_that_is_stopped_finishes_what_it_acknowledges() {
    let mut server = TestServer::start();
    let _host = server.host(HOST);
    let client = Client::of(&server, HOST);
    let (over, acknowledged) = (AtomicBool::new(false), Mutex::new(Vec::new()));
    // Bytes that do not compress, so that a stop falls into the middle of some body.
    let noise: Vec<u8> = (0..2_000_000).map(|_| rand::random()).collect();
    let uploading = |name: &'static str| {
        for number in 1.. {
            if over.load(Ordering::SeqCst) {
                return;
            }
            let version = format!("1.{number}");
            let deb = package(name, &version).file("usr/share/noise", &noise);
            let deb = client.deb(&deb);
            let upload = ["upload", "--suite", "stable", "--retry-seconds", "0", &deb];
            let outcome = client.repoctl(&upload);
            match outcome.code {
                0 => acknowledged.lock().unwrap().push((name.to_owned(), version)),
                4 => std::thread::sleep(Duration::from_millis(50)),
                _ => panic!("{outcome}"),
            }
        }
    };
    std::thread::scope(|scope| {
        let _over = Over(&over);
        let uploading = &uploading;
        let threads: Vec<_> = ["acme-one", "acme-two", "acme-three"]
            .into_iter()
            .map(|name| scope.spawn(move || uploading(name)))
            .collect();
        for milliseconds in [2500, 1100, 1700, 600] {
            std::thread::sleep(Duration::from_millis(milliseconds));
            assert_eq!(server.stop(), 0, "{}", server.log());
            server.serve();
            let acknowledged = acknowledged.lock().unwrap().clone();
            let states = client.placements("stable");
            for upload in acknowledged {
                let state = states.get(&upload).map(String::as_str);
                assert!(matches!(state, Some("live" | "superseded")), "{upload:?} is {state:?}");
            }
        }
        over.store(true, Ordering::SeqCst);
        threads.into_iter().for_each(|thread| thread.join().unwrap());
    });
    let acknowledged = acknowledged.into_inner().unwrap();
    println!("{} uploads acknowledged over four stops", acknowledged.len());
    assert!(acknowledged.len() >= 4);
    server.check(HOST, "stable");
}

/// Six requests, a second between them, on one connection; the list changes in the middle.
#[test]
fn a_renewed_list_counts_at_once_and_connections_stay() {
    let server = TestServer::start();
    let other = "web2.example.org";
    let (_one, _other) = (server.host(HOST), server.host(other));
    let clients = [Client::of(&server, HOST), Client::of(&server, other)];
    let certificate =
        server.at(&format!("hosts/{other}/etc/apt/repod/repo.example.org/client.crt"));
    let shown = program("openssl")
        .args(["x509", "-noout", "-serial", "-in", &certificate])
        .run()
        .expect_success();
    let serial = shown.stdout.trim().strip_prefix("serial=").unwrap().to_lowercase();

    let answers: Vec<Vec<String>> = std::thread::scope(|scope| {
        let reading = clients.iter().map(|client| {
            scope.spawn(move || {
                let address = client.address("dists/stable/InRelease");
                let mut curl = client.curl();
                curl = curl.args(["--rate", "60/m", "-w", "%{http_code} %{num_connects}\\n"]);
                for _ in 0..6 {
                    curl = curl.args(["-o", "/dev/null", &address]);
                }
                let said = curl.run().expect_success();
                said.stdout.lines().map(str::to_owned).collect()
            })
        });
        let reading: Vec<_> = reading.collect();
        std::thread::sleep(Duration::from_millis(2500));
        let authority = CertificateAuthority::load(&server.data().join("ca")).unwrap();
        let now = SystemClock.now();
        let revoked = Revoked { serial_hex: serial, at: now, reason: Reason::default() };
        authority.publish_crl(&[revoked], now, 86_400).unwrap();
        server.signal("HUP");
        reading.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(answers[0], ["200 1", "200 0", "200 0", "200 0", "200 0", "200 0"]);
    assert_eq!(answers[1][..2], ["200 1", "200 0"], "{answers:?}");
    let codes: Vec<_> = answers[1].iter().map(|line| &line[..3]).collect();
    assert_eq!(codes[4..], ["403", "403"], "the list counts for connections that stand");
    let log = server.log();
    assert!(log.contains("revocation list reloaded"), "{log}");
}

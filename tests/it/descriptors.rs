//! Descriptors run out: what cannot be done is refused, and all goes on once there are some again.

use std::fs;
use std::time::{Duration, Instant};

use crate::harness::programs::program;
use crate::harness::server::TestServer;

/// How many files a server has open.
fn open_files(pid: u32) -> usize {
    fs::read_dir(format!("/proc/{pid}/fd")).unwrap().count()
}

fn limit(pid: u32, files: usize) {
    let (pid, files) = (format!("--pid={pid}"), format!("--nofile={files}:"));
    program("prlimit").args([pid, files]).run().expect_success();
}

#[test]
fn a_server_without_descriptors_refuses_uploads_and_takes_them_again_later() {
    let server = TestServer::start();
    server.upload("acme-web", "1.0").expect_success();
    let host = server.host("web1.example.org");
    let pid = server.pid();
    let mut refused = 0;
    // From none that is free, for the connection alone, to enough.
    for more in [1, 4, 8] {
        limit(pid, open_files(pid) + more);
        let upload = server.upload("acme-api", &format!("1.{more}"));
        if !upload.succeeded() {
            refused += 1;
            assert!(!upload.says("writing stopped") && !upload.says("restart"), "{upload:?}");
        }
        limit(pid, 1_024);
        let begun = Instant::now();
        while !server.upload("acme-db", &format!("1.{more}")).succeeded() {
            assert!(begun.elapsed() < Duration::from_secs(20), "{more}: {}", server.log());
            std::thread::sleep(Duration::from_millis(200));
        }
    }
    assert!(refused > 0, "the limit was never met");
    assert!(!server.log().contains("writing stopped"), "{}", server.log());
    host.update().expect_success();
    assert_eq!(host.policy("acme-db").candidate.as_deref(), Some("1.8"));
}

#[test]
fn the_soft_limit_is_raised_and_fewer_connections_are_taken_than_there_are_descriptors() {
    let mut server = TestServer::init();
    server.serve();
    let limits = |server: &TestServer| {
        let limits = fs::read_to_string(format!("/proc/{}/limits", server.pid())).unwrap();
        let line = limits.lines().find(|line| line.starts_with("Max open files")).unwrap();
        let numbers = line.split_whitespace().skip(3).take(2);
        numbers.map(|number| number.parse().unwrap()).collect::<Vec<u64>>()
    };
    let both = limits(&server);
    assert_eq!(both[0], both[1], "soft and hard");
    assert_eq!(server.log().contains("raise LimitNOFILE"), both[1] < 96 + 2 * 20_000);
}

//! Long bodies: what happens to one under way when the world changes.

use std::path::Path;
use std::time::{Duration, Instant};

use crate::harness::deb::{Compression, DebBuilder};
use crate::harness::server::TestServer;

/// Far more than what sockets hold on the way. Unit: bytes.
const LARGE_BYTES: usize = 40 << 20;

/// Bytes that no program between here and there can make smaller.
fn noise() -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    };
    (0..LARGE_BYTES / 8).flat_map(|_| next()).collect()
}

fn size(path: &str) -> u64 {
    Path::new(path).metadata().map_or(0, |metadata| metadata.len())
}

#[test]
fn a_revoked_host_does_not_get_the_rest_of_a_body() {
    let server = TestServer::start();
    let large = DebBuilder::new("acme-large", "1.0", "amd64")
        .data_compression(Compression::None)
        .file("usr/share/acme-large/noise", &noise());
    let large = server.deb(&large);
    server.repoctl(&["upload", "--suite", "stable", &large]).expect_success();
    for host in ["stays.example", "goes.example"] {
        let out = server.at(&format!("hosts/{host}"));
        let issue = ["host", "issue", host, "--suite", "stable", "--out", &out];
        server.repoctl(&issue).expect_success();
    }
    let packages = server.curl("stays.example", "dists/stable/main/binary-amd64/Packages").run();
    let packages = packages.expect_success().stdout;
    let path = packages.lines().find_map(|line| line.strip_prefix("Filename: ")).unwrap();

    let (whole, part) = (server.at("whole"), server.at("part"));
    std::thread::scope(|scope| {
        let slow = server.curl("goes.example", path).args(["--limit-rate", "3M", "-o", &part]);
        let going = scope.spawn(move || slow.run());
        let begun = Instant::now();
        while size(&part) < 1 << 20 {
            assert!(begun.elapsed() < Duration::from_secs(60), "nothing comes: {}", server.log());
            std::thread::sleep(Duration::from_millis(20));
        }
        let revoke = ["host", "revoke", "goes.example", "-m", "stolen"];
        server.repoctl(&revoke).expect_success();
        let ended = going.join().unwrap();
        assert!(!ended.succeeded(), "{ended}");
    });
    assert!(size(&part) < size(&large), "all {} bytes came", size(&part));
    // The others get theirs, to the last byte.
    server.curl("stays.example", path).args(["-o", &whole]).run().expect_success();
    assert!(std::fs::read(&whole).unwrap() == std::fs::read(&large).unwrap());
}

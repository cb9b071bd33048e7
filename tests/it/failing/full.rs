//! A disk without a free byte, or without a free inode: revocations are taken, in force and kept, a start
//! serves, and what is refused says what is full.

use super::WATCHER;
use crate::harness::programs::program;
use crate::harness::server::{TestServer, package};
use crate::harness::small_disk::{Full, SmallDisk};

const GONE: [&str; 4] =
    ["gone1.example.org", "gone2.example.org", "gone3.example.org", "gone4.example.org"];

struct House {
    server: TestServer,
    disk: SmallDisk,
}

impl House {
    fn new() -> Option<Self> {
        let mut server = TestServer::init();
        let disk = SmallDisk::under(&server.data(), 64)?;
        let config = server.data().join("repod.toml");
        let text = std::fs::read_to_string(&config).unwrap();
        let text = text.replace("[limits]\n", "[limits]\nreserve_bytes = 0\n");
        std::fs::write(&config, text).unwrap();
        server.serve();
        server.repoctl(&["suite", "create", "stable", "--architectures", "amd64"]).expect_success();
        server.upload("acme-web", "1.0").expect_success();
        for host in GONE.iter().chain([&WATCHER]) {
            server.host(host).update().expect_success();
        }
        Some(Self { server, disk })
    }

    fn answer(&self, host: &str) -> String {
        self.server.curl(host, "dists/stable/InRelease").args(["-i"]).run().stdout
    }

    fn revoke(&self, host: &str) {
        self.server.repoctl(&["host", "revoke", host, "-m", "stolen", "--yes"]).expect_success();
        self.expect_gone(host);
    }

    fn expect_gone(&self, host: &str) {
        let answer = self.answer(host);
        assert!(answer.starts_with("HTTP/1.1 403 certificate was revoked"), "{host}: {answer}");
        assert!(self.answer(WATCHER).starts_with("HTTP/1.1 200 "));
    }

    fn metrics(&self) -> String {
        let config = std::fs::read_to_string(self.server.data().join("repod.toml")).unwrap();
        let local = config.lines().find_map(|line| line.strip_prefix("local = [\""));
        let address = format!("http://{}/metrics", local.unwrap().trim_end_matches("\"]"));
        program("curl").args(["-sS", &address]).run().expect_success().stdout
    }
}

/// What an upload is told.
fn told(full: Full) -> &'static str {
    match full {
        Full::Bytes => "are free on the file system of",
        Full::Inodes => "no inode is free on the file system of",
    }
}

fn revocations_are_taken_on_a_full_disk(full: Full) {
    let Some(mut house) = House::new() else { return };
    assert!(house.metrics().contains("repod_reserve_whole 1\n"));
    house.disk.fill(full);
    let path = house.server.deb(&package("acme-new", "1.0"));
    let upload = ["upload", "--suite", "stable", "--retry-seconds", "0", &path];
    let refused = house.server.repoctl(&upload).expect_code(4).expect_says(told(full));
    assert!(refused.says("data") && refused.says("nothing was half done"), "{refused}");
    // While it runs.
    house.revoke(GONE[0]);
    house.disk.fill(full);
    house.revoke(GONE[1]);
    // After a clean end, and with what that has freed used up.
    house.server.stop();
    house.disk.fill(full);
    house.server.serve();
    GONE[..2].iter().for_each(|host| house.expect_gone(host));
    house.disk.fill(full);
    house.revoke(GONE[2]);
    // After a crash.
    house.server.kill();
    house.disk.fill(full);
    house.server.serve();
    GONE[..3].iter().for_each(|host| house.expect_gone(host));
    house.revoke(GONE[3]);
    house.server.repoctl(&["status"]).expect_success().expect_says("WARNING reserve-missing");
    assert!(house.metrics().contains("repod_writable{store=\"catalogue\"} 1\n"));
    house.server.check(WATCHER, "stable");
    // With room again, without a restart.
    house.disk.empty();
    house.server.repoctl(&upload).expect_success().expect_says("published");
    super::until("the reserve", || house.metrics().contains("repod_reserve_whole 1\n"));
    let status = house.server.repoctl(&["status"]).expect_success();
    assert!(!status.says("reserve-missing") && !status.says("crl-unstored"), "{status}");
    GONE.iter().for_each(|host| house.expect_gone(host));
    assert_eq!(house.server.stop(), 0);
}

#[test]
fn revocations_are_taken_without_a_free_byte() {
    revocations_are_taken_on_a_full_disk(Full::Bytes);
}

#[test]
fn revocations_are_taken_without_a_free_inode() {
    revocations_are_taken_on_a_full_disk(Full::Inodes);
}

/// Even without the room that is kept, a revocation list is in force at once, and the server says that it is
/// not on the disk until it is.
#[test]
fn a_start_without_any_room_serves() {
    for full in [Full::Bytes, Full::Inodes] {
        let Some(mut house) = House::new() else { return };
        house.server.stop();
        std::fs::remove_dir_all(house.server.data().join("reserve")).unwrap();
        std::fs::write(house.server.data().join("reserve"), "nothing can be kept here").unwrap();
        // As after a crash: the log and its index are there.
        house.server.serve();
        house.server.kill();
        house.disk.fill(full);
        house.server.serve();
        assert!(house.answer(WATCHER).starts_with("HTTP/1.1 200 "), "{full:?}");
        let status = house.server.repoctl(&["status"]).expect_success();
        assert!(status.says("WARNING crl-unstored") && status.says(told(full)), "{status}");
        assert!(house.metrics().contains("repod_crl_unstored 1\n"));
        house.disk.empty();
        super::until("the list", || house.metrics().contains("repod_crl_unstored 0\n"));
        assert_eq!(house.server.stop(), 0);
    }
}

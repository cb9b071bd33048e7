//! Long bodies: what happens to one under way when the world changes.

use std::path::Path;
use std::time::{Duration, Instant};

use crate::harness::deb::{Compression, DebBuilder};
use crate::harness::programs::{Outcome, program};
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

/// A package that takes a while to send.
fn large(server: &TestServer, name: &str) -> String {
    let deb = DebBuilder::new(name, "1.0", "amd64")
        .data_compression(Compression::None)
        .file(&format!("usr/share/{name}/noise"), &noise());
    server.deb(&deb)
}

/// Where a suite has a package.
fn path_of(server: &TestServer, host: &str, suite: &str, name: &str) -> String {
    let packages = server.curl(host, &format!("dists/{suite}/main/binary-amd64/Packages")).run();
    let packages = packages.expect_success().stdout;
    let mut paths = packages.lines().filter_map(|line| line.strip_prefix("Filename: "));
    paths.find(|path| path.contains(&format!("/{name}/"))).expect("it is listed").to_owned()
}

fn wait_for_a_megabyte(server: &TestServer, part: &str) {
    let begun = Instant::now();
    while size(part) < 1 << 20 {
        assert!(begun.elapsed() < Duration::from_secs(60), "nothing comes: {}", server.log());
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn a_revoked_host_does_not_get_the_rest_of_a_body() {
    let server = TestServer::start();
    let large = large(&server, "acme-large");
    server.repoctl(&["upload", "--suite", "stable", &large]).expect_success();
    for host in ["stays.example", "goes.example"] {
        let out = server.at(&format!("hosts/{host}"));
        let issue = ["host", "issue", host, "--suite", "stable", "--out", &out];
        server.repoctl(&issue).expect_success();
    }
    let path = &path_of(&server, "stays.example", "stable", "acme-large");

    let (whole, part) = (server.at("whole"), server.at("part"));
    std::thread::scope(|scope| {
        let slow = server.curl("goes.example", path).args(["--limit-rate", "3M", "-o", &part]);
        let going = scope.spawn(move || slow.run());
        wait_for_a_megabyte(&server, &part);
        let revoke = ["host", "revoke", "goes.example", "-m", "stolen", "--yes"];
        server.repoctl(&revoke).expect_success();
        let ended = going.join().unwrap();
        assert!(!ended.succeeded(), "{ended}");
    });
    assert!(size(&part) < size(&large), "all {} bytes came", size(&part));
    // The others get theirs, to the last byte.
    server.curl("stays.example", path).args(["-o", &whole]).run().expect_success();
    assert!(std::fs::read(&whole).unwrap() == std::fs::read(&large).unwrap());
}

/// What a right gave ends with it, a package as well as an index; what another right gives goes on, also
/// when it is a package that both of them gave.
#[test]
fn a_right_that_is_taken_ends_the_bodies_that_it_gave_and_no_others() {
    let server = TestServer::start();
    server.repoctl(&["suite", "create", "edge", "--architectures", "amd64"]).expect_success();
    let (gone, both) = (large(&server, "acme-gone"), large(&server, "acme-both"));
    // Much to say, so that the index is long: it compresses well, and is unpacked on its way.
    let words = " much to say\n".repeat(450_000 / 13);
    let wordy: Vec<_> = (0..48)
        .map(|number| DebBuilder::new(&format!("acme-wordy{number}"), "1.0", "amd64"))
        .map(|deb| server.deb(&deb.field("Description", &format!("words\n{}", words.trim_end()))))
        .collect();
    let mut upload = vec!["upload", "--suite", "edge", &gone, &both];
    upload.extend(wordy.iter().map(String::as_str));
    server.repoctl(&upload).expect_success();
    server.repoctl(&["upload", "--suite", "stable", &both]).expect_success();
    let host = "reads.example";
    let out = server.at(&format!("hosts/{host}"));
    server.repoctl(&["host", "issue", host, "--suite", "stable", "--out", &out]).expect_success();
    let access = |verb| server.repoctl(&["access", verb, "host", host, "--suite", "edge"]);
    access("grant").expect_success();

    let index = "dists/edge/main/binary-amd64/Packages".to_owned();
    let paths = ["acme-gone", "acme-both"].map(|name| path_of(&server, host, "edge", name));
    let [gone_path, both_path] = &paths;
    std::thread::scope(|scope| {
        let (server, at) = (&server, |name: &str| server.at(name));
        let read = |path: &str, rate: &str, name: &str| {
            let slow = server.curl(host, path).args(["--limit-rate", rate, "-o", &at(name)]);
            scope.spawn(move || slow.run())
        };
        let ending = [read(gone_path, "3M", "gone"), read(&index, "3M", "index")];
        let staying = read(both_path, "8M", "both");
        for part in ["gone", "index", "both"] {
            wait_for_a_megabyte(server, &at(part));
        }
        access("revoke").expect_success();
        assert!(size(&at("both")) < size(&both), "it was over before anything changed");
        for ended in ending {
            let ended = ended.join().unwrap();
            assert_eq!(ended.code, 18, "curl: the transfer was cut: {ended}");
        }
        staying.join().unwrap().expect_success();
    });
    assert!(size(&server.at("gone")) < size(&gone), "all of the package came");
    assert!(std::fs::read(server.at("both")).unwrap() == std::fs::read(&both).unwrap());
    let status = |path: &str| {
        let asked = server.curl(host, path).args(["-o", "/dev/null", "-w", "%{http_code}"]);
        asked.run().expect_success().stdout
    };
    assert_eq!([gone_path, &index, both_path].map(|path| status(path)), ["404", "403", "200"]);
    assert!(server.log().contains("a body under way was broken off"), "{}", server.log());
}

/// How much has come of what is being sent. Unit: bytes.
fn staged_bytes(server: &TestServer) -> u64 {
    let staging = std::fs::read_dir(server.data().join("pool/staging")).unwrap();
    staging.filter_map(|entry| entry.ok()?.metadata().ok()).map(|metadata| metadata.len()).sum()
}

/// Who loses the right while a package is being sent is told so, and nothing of it is kept.
#[test]
fn what_somebody_sends_who_loses_the_right_meanwhile_is_not_taken() {
    let server = TestServer::start();
    server.repoctl(&["suite", "create", "edge", "--architectures", "amd64"]).expect_success();
    let large = large(&server, "acme-large");
    let own = server.at("ci");
    let name = "ci.example";
    let issue = ["identity", "issue", name, "--role", "host", "--suite", "stable", "--out", &own];
    server.repoctl(&issue).expect_success();
    let access = |verb| server.repoctl(&["access", verb, "uploader", name, "--suite", "edge"]);
    let revoke = || server.repoctl(&["identity", "revoke", name, "-m", "runner replaced", "--yes"]);
    // A revocation takes the right away, then the certificate: the next look may fall between them.
    let ways: [(&dyn Fn() -> Outcome, &[&str]); 2] = [
        (&|| access("revoke"), &["no right to suite edge"]),
        (&revoke, &["revoked", "no rights here"]),
    ];
    for (lose, reasons) in ways {
        access("grant").expect_success();
        let answer = server.at("answer");
        let send = program("curl")
            .args(["-sS", "--http1.1", "--cacert", &server.at("data/ca/ca.crt")])
            .args(["--cert", &format!("{own}/client.crt"), "--key", &format!("{own}/client.key")])
            .args(["-T", &large, "--limit-rate", "3M", "-o", &answer, "-w", "%{http_code}"])
            .arg(format!("{}/api/v1/suites/edge/main/acme-large_1.0_amd64.deb", server.url()));
        std::thread::scope(|scope| {
            let sending = scope.spawn(|| send.run());
            let begun = Instant::now();
            while staged_bytes(&server) < 1 << 20 {
                assert!(begun.elapsed() < Duration::from_secs(60), "nothing: {}", server.log());
                std::thread::sleep(Duration::from_millis(20));
            }
            lose().expect_success();
            let ended = sending.join().unwrap();
            assert!(begun.elapsed() < Duration::from_secs(10), "it was read to its end");
            assert!(ended.says("403"), "{ended}");
        });
        let said = std::fs::read_to_string(&answer).unwrap();
        assert!(reasons.iter().any(|reason| said.contains(reason)), "{said}");
        let listed = server.repoctl(&["list", "--suite", "edge"]).expect_success();
        assert!(!listed.says("acme-large"), "{listed}");
        assert_eq!(staged_bytes(&server), 0);
    }
    server.repoctl(&["upload", "--suite", "edge", &large]).expect_success();
}

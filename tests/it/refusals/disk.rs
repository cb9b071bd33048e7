//! A disk that is full, or nearly so: uploads are refused and said why, everything else goes on, and
//! when there is room again they are taken, without a restart.

use std::path::{Path, PathBuf};

use crate::harness::deb::{Compression, DebBuilder};
use crate::harness::programs::program;
use crate::harness::server::{TestServer, package};
use crate::harness::small_disk::{MIB, SmallDisk};

use super::{WATCHER, file, nothing_is_staged, told, unchanged, watched};

/// A package of so many MiB that no compression makes smaller.
fn large(name: &str, mib: usize) -> DebBuilder {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let noise = std::iter::repeat_with(|| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    });
    let noise: Vec<u8> = noise.flatten().take(mib * MIB).collect();
    let path = format!("usr/share/{name}/noise");
    DebBuilder::new(name, "1.0", "amd64").data_compression(Compression::None).file(&path, &noise)
}

fn reserve(server: &TestServer, bytes: u64) {
    let path = server.at("data/repod.toml");
    let config = std::fs::read_to_string(&path).unwrap();
    let kept = config.lines().filter(|line| !line.contains("reserve_bytes = "));
    let config = kept.collect::<Vec<_>>().join("\n");
    assert!(config.contains("[limits]\n"));
    let config = config.replace("[limits]\n", &format!("[limits]\nreserve_bytes = {bytes}\n"));
    std::fs::write(path, config).unwrap();
}

fn upload(server: &TestServer, path: &str) -> crate::harness::programs::Outcome {
    server.repoctl(&["upload", "--suite", "stable", "--retry-seconds", "0", path])
}

const FULL: &[&str] = &[
    "disk is full or nearly so",
    "have to stay free",
    "free some space there",
    "nothing was half done",
];

/// The reserve is what a rollback lives on when uploads have no room left.
#[test]
fn the_reserve_is_for_everything_but_uploads() {
    let mut server = watched();
    server.upload("acme-web", "2.0").expect_success();
    server.stop();
    reserve(&server, 1 << 60);
    server.serve();
    let new = file(&server, "new.deb", &package("acme-new", "1.0").build());
    unchanged(&server, || told(upload(&server, &new), 4, FULL));
    let answer = put_with_curl(&server, &new, &[]);
    assert!(answer.contains("HTTP/1.1 507 "), "{answer}");
    assert!(answer.contains("\"out-of-space\"") && answer.contains("disk is full"), "{answer}");
    nothing_is_staged(&server);

    let host = server.host("web1.example.org");
    host.update().expect_success();
    host.install(&["acme-web"]).expect_success();
    server
        .repoctl(&["pin", "--suite", "stable", "--rollback", "acme-web", "-m", "2.0 is bad"])
        .expect_success();
    host.update().expect_success();
    host.upgrade().expect_success();
    assert_eq!(host.installed("acme-web").as_deref(), Some("1.0"));
    server.check(WATCHER, "stable");

    server.stop();
    reserve(&server, 0);
    server.serve();
    upload(&server, &new).expect_success().expect_says("published");
}

/// `PUT` of a package with nothing but curl, as the operator; the answer with its head.
fn put_with_curl(server: &TestServer, path: &str, more: &[&str]) -> String {
    server
        .curl_as_operator("api/v1/suites/stable/main/")
        .args(more)
        .args(["-T", path])
        .run()
        .expect_success()
        .stdout
}

/// Fills a disk until so many bytes are free; gives the file that does.
fn fill(dir: &Path, leave_bytes: usize) -> PathBuf {
    fill_with(dir.join("filler"), leave_bytes)
}

fn fill_with(path: PathBuf, leave_bytes: usize) -> PathBuf {
    let dir = path.parent().unwrap();
    let free = program("df").args(["--output=avail", "-B1"]).arg(dir).run().expect_success();
    let free: usize = free.stdout.lines().nth(1).unwrap().trim().parse().unwrap();
    let count = free.saturating_sub(leave_bytes);
    let mut left = count;
    let mut file = std::fs::File::create(&path).unwrap();
    let zeroes = vec![0; MIB];
    while left > 0 {
        let piece = left.min(MIB);
        // The last pages may go to somebody else: as full as it gets is what was asked for.
        if std::io::Write::write_all(&mut file, &zeroes[..piece]).is_err() {
            break;
        }
        left -= piece;
    }
    path
}

/// A server whose whole data directory lies on a disk of 64 MiB, with an empty reserve or a small one.
fn on_a_small_disk(reserve_bytes: u64) -> Option<(TestServer, SmallDisk)> {
    let mut server = TestServer::init();
    let mounted = SmallDisk::under(&server.data(), 64)?;
    reserve(&server, reserve_bytes);
    server.serve();
    server.repoctl(&["suite", "create", "stable", "--architectures", "amd64"]).expect_success();
    server.upload("acme-web", "1.0").expect_success();
    server.host(WATCHER).update().expect_success();
    Some((server, mounted))
}

#[test]
fn a_nearly_full_disk_refuses_uploads_before_they_are_sent() {
    let Some((mut server, mounted)) = on_a_small_disk(16 * MIB as u64) else { return };
    let huge = file(&server, "huge.deb", &large("acme-huge", 60).build());
    let small = file(&server, "small.deb", &large("acme-small", 2).build());
    // Too much for what is left above the reserve, although it would fit.
    unchanged(&server, || told(upload(&server, &huge), 4, FULL));
    upload(&server, &small).expect_success();
    // Into the reserve by somebody else's hand: not even a small one is taken.
    let filler = fill(&mounted.0, 8 * MIB);
    let new = file(&server, "new.deb", &package("acme-new", "1.0").build());
    unchanged(&server, || told(upload(&server, &new), 4, FULL));
    let host = server.host("web1.example.org");
    host.update().expect_success();
    host.install(&["acme-web"]).expect_success();
    server.check(WATCHER, "stable");
    std::fs::remove_file(filler).unwrap();
    upload(&server, &new).expect_success().expect_says("published");
    assert_eq!(server.stop(), 0);
}

/// No reserve at all, a sender who does not say how much will come, and then not a byte left.
#[test]
fn a_full_disk_refuses_uploads_and_serves_on() {
    let Some((mut server, mounted)) = on_a_small_disk(0) else { return };
    let filler = fill(&mounted.0, 4 * MIB);
    let medium = file(&server, "medium.deb", &large("acme-medium", 10).build());
    let answer = unchanged(&server, || {
        let chunked = ["-H", "Transfer-Encoding: chunked", "-H", "Expect:"];
        put_with_curl(&server, &medium, &chunked)
    });
    assert!(answer.contains("HTTP/1.1 507 "), "{answer}");
    assert!(answer.contains("\"out-of-space\"") && answer.contains("full"), "{answer}");
    unchanged(&server, || told(upload(&server, &medium), 4, &["full", "nothing was half done"]));

    std::fs::remove_file(&filler).unwrap();
    let filler = fill(&mounted.0, 0);
    let new = file(&server, "new.deb", &package("acme-new", "1.0").build());
    unchanged(&server, || told(upload(&server, &new), 4, &["full", "nothing was half done"]));
    server.check(WATCHER, "stable");
    // Started anew without a byte: room was kept for the revocation list.
    assert_eq!(server.stop(), 0);
    let more = fill_with(mounted.0.join("filler.more"), 0);
    server.serve();
    server.check(WATCHER, "stable");
    std::fs::remove_file(more).unwrap();
    std::fs::remove_file(filler).unwrap();
    upload(&server, &new).expect_success().expect_says("published");
    upload(&server, &medium).expect_success().expect_says("published");
    server.check(WATCHER, "stable");
    assert_eq!(server.stop(), 0);
}

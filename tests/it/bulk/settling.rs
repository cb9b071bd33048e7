//! A suite that has taken many packages is read anew once there is nothing else to do.

use std::time::{Duration, Instant};

use super::HOST;
use crate::harness::server::{TestServer, package};

/// From so many on, a suite is read anew (docs/adr/0017-allocator.md).
const MANY: usize = 5_000;

/// How often the server has read its indices anew.
fn readings(server: &TestServer) -> usize {
    server.log().matches("indices are in memory").count()
}

#[test]
fn a_suite_that_took_many_packages_is_read_anew_at_rest_and_is_the_same() {
    let server = TestServer::start();
    let host = server.host(HOST);
    let folder = server.at("many");
    std::fs::create_dir_all(&folder).unwrap();
    for number in 0..MANY {
        let deb = package(&format!("acme-{number:04}"), "1.0");
        std::fs::write(format!("{folder}/{}", deb.file_name()), deb.build()).unwrap();
    }
    server.repoctl(&["upload", "--suite", "stable", &folder]).expect_success();
    assert_eq!(readings(&server), 0, "it was read anew while there was still something to do");
    let begun = Instant::now();
    while readings(&server) == 0 {
        assert!(begun.elapsed() < Duration::from_secs(120), "{}", server.log());
        std::thread::sleep(Duration::from_millis(100));
    }
    // Whatever comes next meets what was read: a new version, the way back, and one more package.
    let names = || {
        host.update().expect_success();
        let listed = host.program("apt-cache").arg("pkgnames").run().expect_success();
        listed.stdout.lines().filter(|name| name.starts_with("acme-")).count()
    };
    assert_eq!(names(), MANY);
    server.upload("acme-2500", "2.0").expect_success();
    host.update().expect_success();
    assert_eq!(host.policy("acme-2500").candidate.as_deref(), Some("2.0"));
    server.repoctl(&["pin", "--suite", "stable", "--rollback", "acme-2500"]).expect_success();
    server.upload("acme-last", "1.0").expect_success();
    assert_eq!(names(), MANY + 1);
    assert_eq!(host.policy("acme-2500").candidate.as_deref(), Some("1.0"));
    assert_eq!(readings(&server), 1, "a few changes are no reason to read all of it again");
}

//! A real server is brought into a state that needs somebody: its alert fires, and none did before.

use std::collections::BTreeSet;

use super::record::{State, play};
use super::until;
use crate::failing::inject::Injected;
use crate::harness::server::{TestServer, package};
use crate::harness::small_disk::{Full, SmallDisk};
use crate::matrix::Outside;
use crate::matrix::gate::replace;
use crate::matrix::pki::Pki;

/// Panics unless nothing fires while all is well, and these do when it is not any more.
#[track_caller]
fn expect(well: &State, ill: &State, alerts: &[&str]) {
    let [before, after] = play(well, ill);
    assert!(before.is_empty(), "fires while all is well: {before:?}");
    let wanted: BTreeSet<_> = alerts.iter().map(|alert| (*alert).to_owned()).collect();
    assert_eq!(after, wanted);
}

/// Writes lines below a heading of the configuration.
fn configure(server: &TestServer, heading: &str, lines: &str) {
    let path = server.data().join("repod.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(text.contains(heading), "{text}");
    let text = text.replacen(heading, &format!("{heading}\n{lines}"), 1);
    std::fs::write(path, text).unwrap();
}

#[test]
fn a_revocation_list_out_of_date_calls_somebody() {
    static OWN: std::sync::LazyLock<Pki> = std::sync::LazyLock::new(Pki::whole);
    let outside = Outside::start_with("", &OWN);
    let well = State::record(|| outside.server.metrics());
    OWN.list("root", "short", "-crlsec 6");
    replace(&outside, "root.crl", OWN.read("short.crl"));
    until("the end of the list", || outside.server.metrics().contains("repod_gate_open 0\n"));
    let ill = State::record(|| outside.server.metrics());
    expect(&well, &ill, &["RepodGateClosed"]);
}

#[test]
fn a_full_disk_calls_somebody() {
    for full in [Full::Bytes, Full::Inodes] {
        let mut server = TestServer::init();
        let Some(disk) = SmallDisk::under(&server.data(), 64) else { return };
        configure(&server, "[limits]", "reserve_bytes = 0\npackage_bytes = 1048576\n");
        server.serve();
        server.repoctl(&["suite", "create", "stable", "--architectures", "amd64"]).expect_success();
        server.upload("acme-web", "1.0").expect_success();
        let well = State::record(|| server.metrics());
        disk.fill(full);
        let path = server.deb(&package("acme-new", "1.0"));
        server
            .repoctl(&["upload", "--suite", "stable", "--retry-seconds", "0", &path])
            .expect_code(4);
        let ill = State::record(|| server.metrics());
        assert_eq!(ill.value("repod_uploads_total{outcome=\"failed\"}"), 1.0);
        expect(&well, &ill, &["RepodDiskFull", "RepodDiskNearlyFull"]);
        disk.empty();
    }
}

#[test]
fn a_scrub_that_cannot_go_on_calls_somebody() {
    let mut server = TestServer::start();
    server.upload("acme-web", "1.0").expect_success();
    server.stop();
    configure(&server, "[scrub]", "wait_seconds = 0\n");
    server.serve();
    let well = State::record(|| server.metrics());
    assert_eq!(well.value("repod_scrub_failing"), 0.0);
    // Its place cannot be kept.
    let aside = server.data().join("scrub.new");
    let _whichever_it_was = std::fs::remove_file(&aside);
    std::fs::create_dir(&aside).unwrap();
    let _begins_anew = std::fs::remove_file(server.data().join("scrub"));
    until("the failure", || server.metrics().contains("repod_scrub_failing 1\n"));
    let ill = State::record(|| server.metrics());
    expect(&well, &ill, &["RepodScrubFailing"]);
}

#[test]
fn a_change_that_hangs_in_the_disk_calls_somebody() {
    let server = TestServer::start();
    server.upload("acme-web", "1.0").expect_success();
    server.upload("acme-web", "2.0").expect_success();
    let well = State::record(|| server.metrics());
    let date = server.data().join("floor/.stable.new");
    let Some(hangs) = Injected::hanging(server.pid(), &date, "fsync,fdatasync") else { return };
    let back = ["pin", "--suite", "stable", "--rollback", "acme-web", "-m", "2.0 crashes"];
    std::thread::scope(|scope| {
        let asked = scope.spawn(|| server.repoctl(&back));
        let making = "repod_queue_jobs{suite=\"stable\",state=\"making\"} 1\n";
        until("the change", || server.metrics().contains(making));
        let ill = State::record(|| server.metrics());
        assert!(ill.value("repod_queue_oldest_age_seconds{suite=\"stable\"}") > 10.0);
        expect(&well, &ill, &["RepodQueueStuck"]);
        drop(hangs);
        asked.join().unwrap().expect_success();
    });
    let after = "repod_queue_oldest_age_seconds{suite=\"stable\"} 0\n";
    until("the end of the queue", || server.metrics().contains(after));
}

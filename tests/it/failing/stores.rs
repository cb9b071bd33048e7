//! A store whose disk takes nothing for a while.

use super::{local, until};
use crate::harness::server::{TestServer, package};

const HOST: &str = "web1.example.org";

/// It is told everywhere and hosts are served; and once the disk takes files again, all goes on without a
/// restart, and without anybody who writes.
fn tells_of_it_and_goes_on(store: &'static str) {
    let mut server = TestServer::start();
    let _root = server.host(HOST);
    assert_eq!(server.stop(), 0);
    server.hold_calls();
    server.serve();
    let upload = |name: &str| {
        let deb = server.deb(&package(name, "1.0"));
        server.repoctl(&["upload", "--suite", "stable", "--retry-seconds", "0", &deb])
    };
    upload("acme-web").expect_success();

    server.calls().break_syncs(Some(store));
    upload("acme-late").expect_code(4).expect_says("nothing was half done");
    let again = upload("acme-later").expect_code(4);
    assert!(
        again.says("writing stopped after") || again.says("nothing can be written to"),
        "{again}"
    );
    assert!(again.says("it goes on by itself") && !again.says("restart"), "{again}");
    let status = server.repoctl(&["status"]).expect_success();
    assert!(
        status.says("WARNING writing-stopped") && status.says(&format!("{store}: ")),
        "{status}"
    );
    assert!(local(&server, "readyz").starts_with("HTTP/1.1 503 "));
    let shut = format!("repod_writable{{store=\"{store}\"}} 0\n");
    assert!(local(&server, "metrics").contains(&shut));
    server.check(HOST, "stable");

    server.calls().break_syncs(None);
    until("that it is ready", || local(&server, "readyz").starts_with("HTTP/1.1 200 "));
    upload("acme-late").expect_success().expect_says("published");
    upload("acme-later").expect_success().expect_says("published");
    server.kill();
    server.serve();
    let listed = server.repoctl(&["list", "--suite", "stable"]).expect_success();
    for name in ["acme-web", "acme-late", "acme-later"] {
        assert!(listed.says(name), "{listed}");
    }
    server.check(HOST, "stable");
    assert_eq!(server.stop(), 0);
}

#[test]
fn a_pool_that_takes_nothing_for_a_while_says_so_and_goes_on_by_itself() {
    tells_of_it_and_goes_on("pool");
}

#[test]
fn a_floor_that_takes_nothing_for_a_while_says_so_and_goes_on_by_itself() {
    tells_of_it_and_goes_on("floor");
}

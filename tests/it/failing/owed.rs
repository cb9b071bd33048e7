//! A revocation list that is owed: what is recorded as revoked is refused and answered as done, and the list that
//! names it follows by itself.

use rusqlite::Connection;

use super::until;
use crate::harness::programs::program;
use crate::harness::server::TestServer;

/// The list as openssl reads it.
fn list(server: &TestServer) -> String {
    let file = server.at("data/ca/crl.pem");
    program("openssl").args(["crl", "-in", &file, "-noout", "-text"]).run().stdout
}

/// The serial of a host's certificate, as openssl writes it.
fn serial(server: &TestServer, host: &str) -> String {
    let catalogue = Connection::open(server.data().join("catalogue.sqlite")).unwrap();
    let sql = "SELECT serial FROM certificate WHERE identity = ?";
    let serial: String = catalogue.query_one(sql, [host], |row| row.get(0)).unwrap();
    serial.to_uppercase()
}

#[test]
fn a_revocation_is_done_where_its_list_cannot_be_made_and_the_list_follows() {
    let server = TestServer::start();
    let host = server.host("web1.example.org");
    host.update().expect_success();
    let (path, aside) = (server.data().join("ca/crl.pem"), server.at("crl.aside"));
    std::fs::rename(&path, &aside).unwrap();
    std::fs::create_dir(&path).unwrap();
    server
        .repoctl(&["host", "revoke", "web1.example.org", "-m", "stolen", "--yes"])
        .expect_success()
        .expect_says("is not made yet");
    assert!(host.update().says("403"), "the host still reads");
    server.repoctl(&["status"]).expect_says("WARNING crl-owed");
    std::fs::remove_dir(&path).unwrap();
    std::fs::rename(&aside, &path).unwrap();
    let wanted = serial(&server, "web1.example.org");
    until("the list", || list(&server).contains(&wanted));
    until("the end of the warning", || !server.repoctl(&["status"]).says("crl-owed"));
}

#[test]
fn a_revocation_that_was_recorded_before_a_kill_is_in_the_list_after_the_start() {
    let mut server = TestServer::start();
    server.host("web1.example.org");
    let wanted = serial(&server, "web1.example.org");
    server.stop();
    // The server was killed between the catalogue and the list.
    let catalogue = Connection::open(server.data().join("catalogue.sqlite")).unwrap();
    let sql = "UPDATE certificate SET revoked_at = unixepoch() WHERE identity = 'web1.example.org'";
    assert_eq!(catalogue.execute(sql, []).unwrap(), 1);
    drop(catalogue);
    assert!(!list(&server).contains(&wanted));
    server.serve();
    until("the list", || list(&server).contains(&wanted));
}

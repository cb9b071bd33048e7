//! What a builder sends late: hosts of its architecture go back with the others.

use super::{By, Host, server};
use crate::harness::deb::DebBuilder;
use crate::harness::server::TestServer;

fn upload(server: &TestServer, version: &str, architecture: &str) {
    let deb = DebBuilder::new("acme-web", version, architecture);
    server.repoctl(&["upload", "--suite", "stable", &server.deb(&deb)]).expect_success();
}

#[test]
fn hosts_of_every_architecture_go_back_to_what_was_sent_late() {
    let server = server();
    for (version, architecture) in
        [("1.0", "amd64"), ("2.0", "amd64"), ("1.0", "i386"), ("2.0", "i386")]
    {
        upload(&server, version, architecture);
    }
    let hosts = ["amd64", "i386"].map(|architecture| {
        let host = Host::new(&server, &format!("{architecture}.example.org"), By::AptGet);
        host.root.install(&[&format!("acme-web:{architecture}")]).expect_success();
        (architecture, host)
    });
    let installed = |(architecture, host): &(&str, Host)| {
        host.root.installed(&format!("acme-web:{architecture}")).unwrap_or_default()
    };
    assert_eq!(hosts.each_ref().map(installed), ["2.0", "2.0"]);
    let rollback = ["pin", "--suite", "stable", "--rollback", "acme-web", "--yes"];
    server.repoctl(&rollback).expect_success();
    for (_, host) in &hosts {
        host.root.update().expect_success();
        host.root.upgrade().expect_success();
    }
    assert_eq!(hosts.each_ref().map(installed), ["1.0", "1.0"]);
}

#[test]
fn what_hosts_are_offered_no_more_is_told() {
    let server = server();
    upload(&server, "1.0", "amd64");
    upload(&server, "2.0", "amd64");
    upload(&server, "2.0", "i386");
    let rollback = ["pin", "--suite", "stable", "--rollback", "acme-web", "--yes"];
    let note = "acme-web is offered in no version for i386 now";
    for more in [&["--dry-run"][..], &[]] {
        server.repoctl(&[&rollback[..], more].concat()).expect_success().expect_says(note);
    }
    let back = ["pin", "--suite", "stable", "acme-web=2.0", "--yes"];
    let back = server.repoctl(&back).expect_success();
    assert!(!back.says("no version"), "{back}");
}

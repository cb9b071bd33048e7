//! Packages that say that hosts must not go back from them.

use super::*;
use crate::harness::server::package;

#[test]
fn hosts_go_down_from_a_package_that_says_no_only_when_it_is_forced() {
    let server = TestServer::start();
    server.upload("acme-web", "1.0").expect_success();
    let both = |version: &str| {
        let db = package("acme-db", version).field("Source", "acme");
        let tools = package("acme-tools", version).field("Source", "acme");
        let db = if version == "2.0" { db.field("Rollback", "No") } else { db };
        let [db, tools] = [db, tools].map(|deb| server.deb(&deb));
        server.repoctl(&["upload", "--suite", "stable", &db, &tools]).expect_success();
    };
    both("1.0");
    both("2.0");
    let bad = package("acme-bad", "1.0").field("Rollback", "never");
    let bad = server.repoctl(&["upload", "--suite", "stable", &server.deb(&bad)]).expect_code(1);
    assert!(bad.says("Rollback: is 'yes' or 'no'"), "{bad}");
    server.upload("acme-web", "2.0").expect_success();
    let host = Host::new(&server, "web-01.example.org", By::AptGet);
    host.root.install(&["acme-web", "acme-db", "acme-tools"]).expect_success();
    let at = |name: &str| host.root.installed(name);

    let back = |what: &[&str]| {
        server.repoctl(&[&["pin", "--suite", "stable", "--yes"][..], what].concat())
    };
    // By its source, by name, by a sibling, and with the suite.
    for what in [
        &["--rollback", "acme"][..],
        &["--rollback", "acme-tools"],
        &["acme=1.0"],
        &["--rollback", "--all", "--to", "3"],
        &["--rollback", "acme", "-n"],
    ] {
        let told = back(what).expect_code(1);
        assert!(told.says("acme-db 2.0 amd64: says that hosts must not go back"), "{told}");
        assert!(told.says("1.0 would be offered") && told.says("or add --force"), "{told}");
    }
    // Another package goes, and so does a sibling by itself.
    back(&["--rollback", "acme-web"]).expect_success();
    back(&["--rollback", "acme-tools", "--binary"]).expect_success();
    // Up is no way down.
    both("3.0");
    server.repoctl(&["unpin", "--suite", "stable", "--all", "--yes"]).expect_success();
    host.follow();
    assert_eq!(at("acme-db").as_deref(), Some("3.0"));
    // What is removed stays on hosts, as always.
    back(&["acme=2.0"]).expect_success();
    server.repoctl(&["remove", "--suite", "stable", "acme", "--yes"]).expect_success();
    // Hosts have 2.0 all the same.
    let told = back(&["acme=1.0"]).expect_code(1);
    assert!(told.says("acme-db 2.0 amd64: says that hosts must not go back"), "{told}");
    let forced = back(&["acme=1.0", "--force"]).expect_success();
    assert!(forced.says("although the package says not to: acme-db"), "{forced}");
    host.follow();
    assert_eq!(at("acme-db").as_deref(), Some("1.0"));
}

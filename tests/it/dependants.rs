//! What depends on what: a rollback that hosts cannot follow is refused, and goes with what has to move along.

mod rules;

use crate::harness::apt::{AptRoot, HostFile};
use crate::harness::deb::DebBuilder;
use crate::harness::programs::Outcome;
use crate::harness::server::{TestServer, package};

const BACK: [&str; 6] = ["pin", "--suite", "stable", "--rollback", "-m", "bad"];

fn send(server: &TestServer, deb: &DebBuilder) -> Outcome {
    let path = server.deb(deb);
    server.repoctl(&["upload", "--suite", "stable", &path])
}

fn needs(name: &str, version: &str, depends: &str) -> DebBuilder {
    package(name, version).field("Depends", depends)
}

/// `acme-app` 2.0 needs `acme-lib` 2.0, and 1.0 does with any.
fn library_and_application() -> TestServer {
    let server = TestServer::start();
    for version in ["1.0", "2.0"] {
        send(&server, &package("acme-lib", version)).expect_success();
        let least = format!("acme-lib (>= {version})");
        send(&server, &needs("acme-app", version, &least)).expect_success();
    }
    server
}

fn installed(host: &AptRoot, name: &str, version: &str) {
    assert_eq!(host.installed(name).as_deref(), Some(version), "{name}");
}

fn follow(host: &AptRoot) {
    host.update().expect_success();
    host.upgrade().expect_success();
}

#[test]
fn a_rollback_that_hosts_cannot_follow_is_refused_and_goes_with_its_dependants() {
    let server = library_and_application();
    let host = server.host("web1.example.org");
    host.update().expect_success();
    host.install(&["acme-app"]).expect_success();
    installed(&host, "acme-lib", "2.0");

    let lib = [&BACK[..], &["acme-lib"]].concat();
    for more in [&["--dry-run"][..], &[]] {
        let refused = server.repoctl(&[&lib[..], more].concat()).expect_code(1);
        for said in [
            "acme-app 2.0 (amd64)",
            "needs acme-lib (>= 2.0) and finds acme-lib 1.0",
            "acme-app from 2.0 to 1.0 would have to move along",
            "--cascade",
            "--force",
        ] {
            assert!(refused.says(said), "{said}: {refused}");
        }
    }
    assert_eq!(server.check("web1.example.org", "stable").versions("acme-lib"), ["2.0"]);

    let would = server.repoctl(&[&lib[..], &["--cascade", "--dry-run"]].concat());
    would.expect_success().expect_says("acme-app").expect_says("1.0");
    // It moves more than it names, so it is confirmed.
    let along = [&lib[..], &["--cascade"]].concat();
    server.repoctl(&along).expect_code(2).expect_says("does not name: acme-app");
    let done = server.repoctl(&[&along[..], &["--yes"]].concat()).expect_success();
    assert!(done.says("acme-app moves along") && done.says("hosts follow"), "{done}");
    assert!(!done.says("but not those"), "{done}");
    follow(&host);
    installed(&host, "acme-lib", "1.0");
    installed(&host, "acme-app", "1.0");

    // Up again, and both together: neither can be had without the other.
    send(&server, &package("acme-lib", "3.0")).expect_success().expect_says("waiting");
    send(&server, &needs("acme-app", "3.0", "acme-lib (>= 3.0)")).expect_success();
    let up = ["unpin", "--suite", "stable", "acme-app"];
    server.repoctl(&up).expect_code(1).expect_says("acme-lib from 1.0 to 3.0");
    server.repoctl(&[&up[..], &["--cascade", "--yes"]].concat()).expect_success();
    follow(&host);
    installed(&host, "acme-lib", "3.0");
    installed(&host, "acme-app", "3.0");
    let log = server.repoctl(&["audit", "--suite", "stable", "--json"]).expect_success();
    assert!(log.says("along: acme-app") && log.says("along: acme-lib"), "{log}");
}

#[test]
fn what_is_forced_says_which_hosts_do_not_follow_and_is_in_the_log() {
    let server = library_and_application();
    let host = server.host("web1.example.org");
    host.update().expect_success();
    host.install(&["acme-app"]).expect_success();
    let other = server.host("web2.example.org");
    other.update().expect_success();
    other.install(&["acme-lib"]).expect_success();

    let forced = server.repoctl(&[&BACK[..], &["acme-lib", "--force"]].concat()).expect_success();
    assert!(forced.says("but not those that have acme-app"), "{forced}");
    assert!(forced.says("acme-app 2.0 (amd64) needs acme-lib (>= 2.0)"), "{forced}");
    follow(&host);
    installed(&host, "acme-lib", "2.0");
    follow(&other);
    installed(&other, "acme-lib", "1.0");
    let log = server.repoctl(&["audit", "--suite", "stable", "--json"]).expect_success();
    assert!(log.says("acme-lib; forced, although acme-app 2.0 (amd64) needs"), "{log}");

    // It is no worse than before from now on, and what does not concern it is not asked again.
    send(&server, &package("acme-web", "1.0")).expect_success();
    send(&server, &package("acme-web", "2.0")).expect_success();
    let back = server.repoctl(&[&BACK[..], &["acme-web"]].concat()).expect_success();
    assert!(back.says("hosts follow") && !back.says("but not"), "{back}");
}

#[test]
fn what_moves_along_goes_up_as_well_and_ends_with_the_pin() {
    let server = library_and_application();
    server.repoctl(&[&BACK[..], &["acme-lib", "--cascade", "--yes"]].concat()).expect_success();
    send(&server, &package("acme-lib", "3.0")).expect_success().expect_says("waiting");
    send(&server, &needs("acme-strict", "1.0", "acme-lib (<< 3.0)")).expect_success();
    server.repoctl(&["pin", "--suite", "stable", "acme-strict=1.0"]).expect_success();
    let up = ["pin", "--suite", "stable", "acme-lib=3.0", "--for", "24h", "--cascade", "--yes"];
    server.repoctl(&up).expect_code(1).expect_says("nothing that could move along");
    send(&server, &needs("acme-strict", "3.0", "acme-lib (>= 3.0)")).expect_says("waiting");
    server.repoctl(&up).expect_success().expect_says("acme-strict moves along");
    let pins = server.repoctl(&["pins", "--json"]).expect_success();
    let pins: serde_json::Value = serde_json::from_str(&pins.stdout).unwrap();
    let pins = pins.as_array().unwrap();
    let ends: Vec<_> = pins
        .iter()
        .map(|pin| (pin["package"].as_str(), pin["version"].as_str(), pin["until"].is_number()))
        .collect();
    let wanted =
        [("acme-app", "1.0", false), ("acme-lib", "3.0", true), ("acme-strict", "3.0", true)];
    assert_eq!(ends, wanted.map(|(name, version, ends)| (Some(name), Some(version), ends)));
}

#[test]
fn what_others_depend_on_is_not_removed_under_them() {
    let server = library_and_application();
    let remove = ["remove", "--suite", "stable", "acme-lib", "-m", "gone"];
    server.repoctl(&remove).expect_code(1).expect_says("finds no acme-lib");
    server.repoctl(&[&remove[..], &["--cascade", "--yes"]].concat()).expect_success();
    let _host = server.host("web1.example.org");
    let report = server.check("web1.example.org", "stable");
    assert!(report.versions("acme-lib").is_empty() && report.versions("acme-app").is_empty());
}

#[test]
fn an_upload_that_hosts_cannot_install_warns() {
    let server = TestServer::start();
    server
        .repoctl(&["suite", "create", "owned", "--architectures", "amd64", "--owns", "acme-*"])
        .expect_success();
    let send = |debs: &[DebBuilder]| {
        let paths: Vec<_> = debs.iter().map(|deb| server.deb(deb)).collect();
        let paths: Vec<_> = paths.iter().map(String::as_str).collect();
        server.repoctl(&[&["upload", "--suite", "owned"], &paths[..]].concat()).expect_success()
    };
    let warned = send(&[needs("acme-app", "1.0", "acme-lib (>= 1.0), libc6 (>= 2)")]);
    assert!(warned.says("acme-app 1.0 (amd64) needs acme-lib (>= 1.0) and finds no acme-lib"));
    assert!(warned.says("published") && !warned.says("libc6"), "{warned}");
    // What mends it does not warn, nor does what comes with what it needs.
    assert!(!send(&[package("acme-lib", "1.0")]).says("needs"));
    let both = [needs("acme-app", "2.0", "acme-lib (>= 2.0)"), package("acme-lib", "2.0")];
    assert!(!send(&both).says("needs"));
    // Whoever takes away what others need hears of them.
    let broken =
        send(&[needs("acme-strict", "1.0", "acme-lib (= 2.0)"), package("acme-lib", "3.0")]);
    assert!(broken.says("acme-strict 1.0 (amd64) needs acme-lib (= 2.0) and finds acme-lib 3.0"));
    let old = send(&[needs("acme-old", "1.0", "acme-lib (<< 4)")]);
    assert!(!old.says("needs"), "{old}");
    let fourth = send(&[package("acme-lib", "4.0")]);
    assert!(fourth.says("acme-old 1.0 (amd64) needs acme-lib (<< 4) and finds acme-lib 4.0"));
    assert!(!fourth.says("acme-strict"), "it could not be installed before: {fourth}");
}

/// A host of one architecture that takes packages of another, too.
fn with_foreign(host: &AptRoot) {
    let both = "APT::Architectures { \"amd64\"; \"i386\"; };\n";
    let preferences = "Package: acme-*:any\nPin: release a=stable\nPin-Priority: 1001\n";
    host.place(&[
        HostFile::new("/etc/apt/apt.conf.d/90foreign.conf", 0o644, both),
        HostFile::new("/etc/apt/preferences.d/90foreign.pref", 0o644, preferences),
        HostFile::new("/var/lib/dpkg/arch", 0o644, "amd64\ni386\n"),
    ]);
}

#[test]
fn dependants_of_a_foreign_architecture_count_and_move_along() {
    let server = TestServer::start();
    server
        .repoctl(&["suite", "edit", "stable", "--add-architecture", "i386", "--yes"])
        .expect_success();
    for version in ["1.0", "2.0"] {
        let tool = package("acme-tool", version).field("Multi-Arch", "foreign");
        send(&server, &tool).expect_success();
        let old = DebBuilder::new("acme-old", version, "i386")
            .field("Depends", &format!("acme-tool (>= {version})"))
            .file("usr/share/acme-old/version", version.as_bytes());
        let sent = send(&server, &old).expect_success();
        assert!(!sent.says("needs"), "hosts with both architectures can: {sent}");
    }
    let host = server.host("web1.example.org");
    with_foreign(&host);
    host.update().expect_success();
    host.install(&["acme-old:i386"]).expect_success();
    installed(&host, "acme-tool", "2.0");

    let tool = [&BACK[..], &["acme-tool"]].concat();
    server.repoctl(&tool).expect_code(1).expect_says("acme-old 2.0 (i386)");
    server.repoctl(&[&tool[..], &["--cascade", "--yes"]].concat()).expect_success();
    follow(&host);
    installed(&host, "acme-tool", "1.0");
    installed(&host, "acme-old", "1.0");
}

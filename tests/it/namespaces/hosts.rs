//! Hosts between namespaces: what real apt does with two copies of one version, and what people are told of it.
//! `docs/hosts.md` says the same in words.

use super::{built, has, issue, send, server};
use crate::harness::apt::AptRoot;
use crate::harness::programs::Outcome;
use crate::harness::server::TestServer;

/// Both as long as the other, so that the packages are.
const RELEASES: [(&str, &str); 2] = [("bookworm", "for deb12"), ("trixie", "for deb13")];

/// In both namespaces one version of three packages: `acme-web` of the same size and fields, `acme-big` of another
/// size, `acme-dep` with other dependencies.
fn both(server: &TestServer) {
    let [one, other] = RELEASES.map(|(_, release)| built("acme-web", "1.0", release).build());
    assert!(one.len() == other.len() && one != other);
    for (suite, release) in RELEASES {
        let mut big = built("acme-big", "1.0", release);
        let mut dep = built("acme-dep", "1.0", release);
        if suite == "trixie" {
            for n in 0..40_u8 {
                big = big.file(&format!("usr/share/acme-big/{n}"), &[n; 7]);
            }
            dep = dep.field("Depends", "acme-web");
        }
        for deb in [built("acme-web", "1.0", release), big, dep] {
            send(server, suite, &deb).expect_success();
        }
    }
}

const ALL: [&str; 3] = ["acme-web", "acme-big", "acme-dep"];

#[track_caller]
fn all_have(host: &AptRoot, releases: [&str; 3]) {
    for (name, release) in ALL.into_iter().zip(releases) {
        has(host, name, &format!("for {release}"));
    }
}

fn reinstall(host: &AptRoot) -> Outcome {
    host.apt_get(&[&["-y", "install", "--reinstall"][..], &ALL].concat()).expect_success()
}

#[test]
fn a_host_that_reads_two_namespaces_gets_one_copy_for_both() {
    let server = server();
    both(&server);
    let host = AptRoot::new();
    let told = issue(&server, "both.example.org", &["trixie", "bookworm", "bookworm-new"], &host);
    let named =
        "suites bookworm, bookworm-new (namespace bookworm) and suite trixie (namespace trixie)";
    assert!(told.says(named) && told.says("~deb12"), "{told}");
    let out = server.at("setup");
    let setup = server.repoctl(&["host", "setup", "both.example.org", "--out", &out]);
    assert!(setup.expect_success().says(named));
    // So does whoever gives the right alone, and whoever makes a token.
    let more = ["--suite", "trixie", "--suite", "bookworm", "--suite", "bookworm-new"];
    let grant = server.repoctl(&[&["host", "grant", "given.example.org"][..], &more].concat());
    let grant = grant.expect_success();
    assert!(grant.says(&format!("note: {named}")) && grant.says("~deb12"), "{grant}");
    let token = server.repoctl(&[&["host", "token", "new.example.org"][..], &more].concat());
    let token = token.expect_success();
    assert!(token.stderr.contains(&format!("note: {named}")), "{token}");
    assert_eq!(token.stdout.lines().count(), 1, "the token is alone on its side: {token}");
    for one in [["host", "grant"], ["host", "token"]] {
        let alone = [&one[..], &["alone.example.org", "--suite", "trixie"]].concat();
        let alone = server.repoctl(&alone).expect_success();
        assert!(!alone.says("namespace"), "{alone}");
    }
    host.update().expect_success();
    // The first source has it, whatever suite is asked for: for apt it is one version.
    let told = host.install(&ALL).expect_success();
    all_have(&host, ["deb12"; 3]);
    // The oldest apt writes it `supposely`; those of Debian 13 and after say nothing.
    let warns = host.apt_version().starts_with("2.");
    assert_eq!(told.says("W: Sources disagree on hashes for suppos"), warns, "{told}");
    host.forget_downloads();
    let asked = ["-y", "install", "--reinstall", "-t", "trixie", "acme-web"];
    host.apt_get(&asked).expect_success();
    has(&host, "acme-web", "for deb12");
    host.upgrade().expect_success().expect_says("0 upgraded");

    // Versions that end with the release are two versions, and the suites keep apart.
    for (suite, release) in [("bookworm", "deb12"), ("trixie", "deb13")] {
        let deb = built("acme-web", &format!("1.1~{release}"), &format!("for {release}"));
        send(&server, suite, &deb).expect_success();
    }
    host.update().expect_success();
    host.upgrade().expect_success();
    assert_eq!(host.installed("acme-web").as_deref(), Some("1.1~deb13"));
    has(&host, "acme-web", "for deb13");
    host.apt_get(&["-y", "install", "acme-web/bookworm"]).expect_success();
    assert_eq!(host.installed("acme-web").as_deref(), Some("1.1~deb12"));
    has(&host, "acme-web", "for deb12");
}

/// What the host of one namespace has downloaded and installed is taken for that of the next one, until somebody
/// clears it away.
#[test]
fn a_host_that_moves_keeps_what_it_has_until_it_is_cleaned() {
    let server = server();
    both(&server);
    let host = AptRoot::new();
    let told = issue(&server, "mover.example.org", &["bookworm"], &host);
    assert!(!told.says("namespace"), "one namespace alone: {told}");
    host.update().expect_success();
    host.install(&ALL).expect_success();
    let kept = host.path("var/cache/apt/archives/acme-web_1.0_amd64.deb");
    assert!(kept.exists());

    host.remove("/etc/apt/sources.list.d/repod-repo.example.org-bookworm.sources");
    let told = issue(&server, "mover.example.org", &["trixie"], &host);
    assert!(told.says("this host has read suite bookworm (namespace bookworm)"), "{told}");
    assert!(told.says("apt-get clean") && told.says("--reinstall"), "{told}");
    for one in [["host", "grant"], ["host", "token"]] {
        let again = [&one[..], &["mover.example.org", "--suite", "trixie"]].concat();
        let told = server.repoctl(&again).expect_success();
        assert!(told.says("this host has read suite bookworm (namespace bookworm)"), "{told}");
    }
    host.update().expect_success();
    // By itself apt exchanges what differs in its fields, and nothing else.
    host.upgrade().expect_success();
    all_have(&host, ["deb12", "deb12", "deb13"]);
    // What was downloaded is installed again where the size is the same, unchecked; else it is fetched.
    reinstall(&host);
    all_have(&host, ["deb12", "deb13", "deb13"]);
    let before = std::fs::read(&kept).unwrap();
    assert_eq!(before, built("acme-web", "1.0", "for deb12").build());
    host.forget_downloads();
    assert!(!kept.exists());
    reinstall(&host);
    all_have(&host, ["deb13"; 3]);
    host.upgrade().expect_success().expect_says("0 upgraded");
    server.check("mover.example.org", "trixie");

    // Back: of the namespaces that it has read only the other one is named.
    let told = issue(&server, "mover.example.org", &["bookworm"], &host);
    assert!(told.says("has read suite trixie (namespace trixie)"), "{told}");
    let told = issue(&server, "mover.example.org", &["bookworm", "trixie"], &host);
    assert!(!told.says("has read suite"), "{told}");
}

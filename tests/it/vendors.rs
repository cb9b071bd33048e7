//! Packages as vendors ship them: what is taken is read by the real apt and dpkg as it was meant, and reaches no further
//! than its uploader may.

use std::time::{Duration, Instant};

use crate::harness::deb::DebBuilder;
use crate::harness::programs::Outcome;
use crate::harness::server::{TestServer, package};

const HOST: &str = "web1.example.org";

fn send(server: &TestServer, deb: &DebBuilder) -> Outcome {
    // Under a name that does not depend on what is in it.
    let path = server.at("package.deb");
    std::fs::write(&path, deb.build()).unwrap();
    server.repoctl(&["upload", "--suite", "stable", &path])
}

/// apt hashes Installed-Size and relations from the index and from dpkg's database: where they differ, it takes the
/// installed package for another one, and installs it again at every upgrade.
#[test]
fn what_vendors_write_is_read_as_meant_and_never_installed_again() {
    let server = TestServer::start();
    let lib = package("acme-lib", "0:1.0").field("Multi-Arch", "Foreign");
    let odd = package("acme-odd", "1.0")
        .field("Priority", "Optional")
        .field("Section", "Amateur Radio")
        .field("Essential", "No")
        .field("Multi-Arch", "Foreign")
        .field("Installed-Size", "12.5");
    let related = package("acme-related", "01:1.0")
        .field("Installed-Size", "0012")
        .field("Static-Built-Using", "4.6.0.20260123-2, acme (>= 1) | =[")
        .field("Pre-Depends", "acme-lib(>=0:1.0)")
        .field("Depends", "acme-lib (>= 00:1.0-0)  |acme-none,\n acme-odd( >=\t1.0 )")
        .field("Breaks", "acme-old (<< 01:2), acme-older (<<0:1)")
        .field("Conflicts", "acme-foe (= 0:1.0-1)")
        .field("Replaces", "acme-old (<< 1:2),acme-older(<= 00:3~rc1)");
    for deb in [&lib, &odd, &related] {
        send(&server, deb).expect_success();
    }
    let host = server.host(HOST);
    host.update().expect_success();
    let field = |name: &str, field: &str| {
        let of = host.available().into_iter().find(|one| one["Package"] == name).unwrap();
        of[field].to_string()
    };
    assert_eq!(field("acme-odd", "Priority"), "optional");
    assert_eq!(field("acme-odd", "Section"), "Amateur-Radio");
    assert_eq!(field("acme-odd", "Installed-Size"), "12.5");
    host.install(&["acme-related", "acme-odd"]).expect_success();
    for command in
        [&["-y", "upgrade"][..], &["-y", "dist-upgrade"], &["-y", "install", "acme-related"]]
    {
        let told = host.apt_get(command).expect_success();
        told.expect_says("0 upgraded, 0 newly installed, 0 to remove");
    }
    host.update().expect_success();
    host.upgrade().expect_success().expect_says("0 upgraded, 0 newly installed");
}

#[test]
fn what_reaches_every_host_is_taken_only_where_an_operator_allows_it() {
    let server = TestServer::start();
    server.upload("acme-web", "1.0").expect_success();
    let host = server.host(HOST);
    let essential = package("acme-agent", "1.0").field("Essential", "Yes");
    let protected = package("acme-guard", "1.0").field("Protected", "yes");
    let phased = package("acme-slow", "1.0").field("Phased-Update-Percentage", "10");
    for (deb, name, effect) in [
        (&essential, "essential", "installs it at its next dist-upgrade"),
        (&protected, "protected", "refuse to remove it"),
        (&phased, "phased-updates", "a part of the hosts does not get it"),
    ] {
        let told = send(&server, deb).expect_code(1);
        told.expect_says(effect).expect_says(&format!("--allow {name}"));
    }
    let translated = package("acme-text", "1.0").field("Description-en", "another text");
    send(&server, &translated).expect_code(1).expect_says("Description-en: hides the Description");
    host.update().expect_success();
    for name in ["acme-agent", "acme-guard", "acme-slow", "acme-text"] {
        assert_eq!(host.policy(name).candidate, None, "{name}");
    }

    let allow = |what: &str| server.repoctl(&["suite", "edit", "stable", "--allow", what]);
    allow("essential,phased-updates").expect_success();
    server
        .repoctl(&["suite", "show", "stable"])
        .expect_success()
        .expect_says("essential phased-updates");
    let told = send(&server, &essential).expect_success();
    told.expect_says("every host of the suite installs it at its next dist-upgrade");
    send(&server, &phased).expect_success().expect_says("Phased-Update-Percentage");
    send(&server, &protected).expect_code(1).expect_says("--allow protected");
    host.update().expect_success();
    // This is what it does.
    host.apt_get(&["-y", "dist-upgrade"]).expect_success();
    assert_eq!(host.installed("acme-agent").as_deref(), Some("1.0"));

    // No longer allowed: what is there stays, another version is refused.
    allow("").expect_code(2);
    server.repoctl(&["suite", "edit", "stable", "--allow-nothing"]).expect_success();
    let next = package("acme-agent", "2.0").field("Essential", "yes");
    send(&server, &next).expect_code(1);
    send(&server, &essential).expect_success();
    host.update().expect_success();
    assert_eq!(host.policy("acme-agent").candidate.as_deref(), Some("1.0"));
    allow("everything").expect_code(2).expect_says("'essential', 'protected' or 'phased-updates'");
}

#[test]
fn paths_that_a_terminal_would_obey_are_escaped() {
    let server = TestServer::start();
    let deb = package("acme-odd", "1.0")
        .file("usr/share/acme-odd/a\rb", b"x")
        .file("usr/share/acme-odd/\x1b[2Jc", b"x")
        .file("usr/share/acme-odd/end\r", b"x")
        .file("usr/share/acme-odd/d\u{9b}2Je", b"x");
    send(&server, &deb).expect_success();
    let contents = || {
        let path = "dists/stable/main/Contents-amd64";
        server.curl_as_operator(path).run().expect_success().stdout
    };
    let begun = Instant::now();
    while !contents().contains("acme-odd/version") {
        assert!(begun.elapsed() < Duration::from_secs(60), "{}", contents());
        std::thread::sleep(Duration::from_millis(100));
    }
    let told = contents();
    let text = told.split_once("\r\n\r\n").unwrap().1;
    for line in ["a\\015b", "\\033[2Jc", "end\\015", "d\\302\\2332Je"] {
        let line = format!("usr/share/acme-odd/{line} misc/acme-odd\n");
        assert!(text.contains(&line), "{line:?}: {text:?}");
    }
    assert!(!text.chars().any(|one| one.is_control() && one != '\n'), "{text:?}");
    // It leaves as it came.
    server.repoctl(&["remove", "--suite", "stable", "acme-odd"]).expect_success();
    let begun = Instant::now();
    while contents().contains("acme-odd") {
        assert!(begun.elapsed() < Duration::from_secs(60), "{}", contents());
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// An index lists one package of a name: hosts would see one of the two, and it was not said which.
#[test]
fn all_beside_one_architecture_is_refused_and_the_live_one_stays() {
    let server = TestServer::start();
    let single = package("acme-both", "1.0");
    let all = package("acme-both", "1.0").field("Architecture", "all");
    send(&server, &single).expect_success();
    let told = send(&server, &all).expect_code(1);
    told.expect_says("this version is in this suite for amd64")
        .expect_says("hosts would see only one");
    let other = package("acme-all", "1.0").field("Architecture", "all");
    send(&server, &other).expect_success();
    send(&server, &package("acme-all", "1.0")).expect_code(1).expect_says("in this suite for all");
    let host = server.host(HOST);
    host.update().expect_success();
    let of = |name: &str| {
        let of = host.available().into_iter().find(|one| one["Package"] == name).unwrap();
        of["Architecture"].to_string()
    };
    assert_eq!((of("acme-both"), of("acme-all")), ("amd64".into(), "all".into()));
    host.install(&["acme-both", "acme-all"]).expect_success();
}

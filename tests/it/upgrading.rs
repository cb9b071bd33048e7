//! `repod-upgrade` with the real apt: it brings what is ours, and leaves what is of others where it is.

use std::collections::BTreeMap;
use std::fs::File;
use std::time::Duration;

use rustix::fs::{FlockOperation, fcntl_lock};

use crate::harness::apt::AptRoot;
use crate::harness::deb::DebBuilder;
use crate::harness::programs::{Outcome, Program, program};
use crate::harness::server::{NAME, TestServer, host_files, package};

/// A server whose `stable` owns its names, as pages advise.
fn server() -> TestServer {
    let server = TestServer::start();
    server.repoctl(&["suite", "edit", "stable", "--owns", "acme-*"]).expect_success();
    server
}

/// The script of the host, not yet run.
fn script(host: &AptRoot) -> Program {
    let path = format!("{}/usr/local/sbin/repod-upgrade", host.seen());
    host.program("sh").args([&path, "--now"])
}

/// A repository of others on the host itself: a plain folder, as apt-ftparchive lists it.
struct Other<'a>(&'a AptRoot);

const PLACE: &str = "/srv/debian";

impl<'a> Other<'a> {
    fn new(host: &'a AptRoot) -> Self {
        std::fs::create_dir_all(host.path(PLACE)).unwrap();
        host.add_source("debian", &format!("deb [trusted=yes] copy:{}{PLACE} ./", host.seen()));
        Self(host)
    }

    fn publish(&self, deb: &DebBuilder) {
        let place = self.0.path(PLACE);
        std::fs::write(place.join(deb.file_name()), deb.build()).unwrap();
        let listed = program("apt-ftparchive").args(["packages", "."]).dir(&place).run();
        std::fs::write(place.join("Packages"), listed.expect_success().stdout).unwrap();
    }
}

/// What apt keeps of the sources of others.
fn foreign_lists(host: &AptRoot) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in std::fs::read_dir(host.path("/var/lib/apt/lists")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        if path.is_file() && !name.starts_with(NAME) && name != "lock" {
            found.insert(name, std::fs::read(&path).unwrap());
        }
    }
    found
}

/// What is installed of these.
fn versions<const N: usize>(host: &AptRoot, names: [&str; N]) -> [Option<String>; N] {
    names.map(|name| host.installed(name))
}

fn some<const N: usize>(versions: [&str; N]) -> [Option<String>; N] {
    versions.map(|one| Some(one.to_owned()))
}

#[test]
fn what_is_ours_follows_up_and_down_beside_broken_sources_and_nothing_else_moves() {
    let server = server();
    for name in ["acme-web", "acme-lib", "acme-held"] {
        server.upload(name, "1.0").expect_success();
    }
    let host = server.host("web-01.example.org");
    let other = Other::new(&host);
    other.publish(&package("tool", "1.0"));
    other.publish(&package("libold", "1.0"));
    host.update().expect_success();
    host.install(&["acme-web", "acme-lib", "acme-held", "tool", "libold"]).expect_success();
    host.program("apt-mark").args(["auto", "acme-lib"]).run().expect_success();
    host.program("apt-mark").args(["hold", "acme-held"]).run().expect_success();

    // Others have something newer, and apt knows of it.
    for (name, version) in [("tool", "2.0"), ("libold", "2.0"), ("libnew", "1.0")] {
        other.publish(&package(name, version));
    }
    host.update().expect_success();
    assert_eq!(host.policy("tool").candidate.as_deref(), Some("2.0"));
    // Ours needs a package that was not there, and a newer one of another that was.
    let web = package("acme-web", "2.0").field("Depends", "libnew");
    server.repoctl(&["upload", "--suite", "stable", &server.deb(&web)]).expect_success();
    for name in ["acme-lib", "acme-held"] {
        server.upload(name, "2.0").expect_success();
    }
    host.add_source("broken", "deb [trusted=yes] http://127.0.0.1:1/ ./");
    host.update().expect_code(100);

    let before = foreign_lists(&host);
    assert!(before.keys().any(|name| name.ends_with("_Packages")), "{before:?}");
    script(&host).run().expect_success();
    let names = ["acme-web", "acme-lib", "acme-held", "tool", "libold", "libnew"];
    assert_eq!(versions(&host, names), some(["2.0", "2.0", "1.0", "1.0", "1.0", "1.0"]));
    assert_eq!(foreign_lists(&host), before);
    let auto = host.program("apt-mark").arg("showauto").run().expect_success().stdout;
    assert_eq!(auto, "acme-lib\nlibnew\n");
    // Once more is nothing more.
    script(&host).run().expect_success();
    assert_eq!(versions(&host, names), some(["2.0", "2.0", "1.0", "1.0", "1.0", "1.0"]));

    let web = package("acme-web", "3.0").field("Depends", "libold (>= 2.0)");
    server.repoctl(&["upload", "--suite", "stable", &server.deb(&web)]).expect_success();
    script(&host).run().expect_success();
    assert_eq!(versions(&host, ["acme-web", "libold", "tool"]), some(["3.0", "2.0", "1.0"]));

    server.repoctl(&["pin", "--suite", "stable", "acme-web=1.0"]).expect_success();
    script(&host).run().expect_success();
    assert_eq!(versions(&host, ["acme-web", "libold", "tool"]), some(["1.0", "2.0", "1.0"]));
    assert_eq!(foreign_lists(&host), before);
}

/// apt reads no list at all then, whatever it is asked.
#[test]
fn a_source_of_others_that_apt_does_not_understand_stops_nothing_of_ours() {
    let server = server();
    server.upload("acme-web", "1.0").expect_success();
    let host = server.host("web-01.example.org");
    host.update().expect_success();
    host.install(&["acme-web"]).expect_success();
    server.upload("acme-web", "2.0").expect_success();
    host.add_source("wrong", "deb nowhere");
    host.upgrade().expect_code(100);
    script(&host).run().expect_success().expect_says("those of repods alone");
    assert_eq!(host.installed("acme-web").as_deref(), Some("2.0"));
}

/// A package of ours that would take another's away waits, and the rest of ours does not.
#[test]
fn nothing_is_removed_for_an_upgrade() {
    let server = server();
    for name in ["acme-web", "acme-lib"] {
        server.upload(name, "1.0").expect_success();
    }
    let host = server.host("web-01.example.org");
    Other::new(&host).publish(&package("tool", "1.0"));
    host.update().expect_success();
    host.install(&["acme-web", "acme-lib", "tool"]).expect_success();
    let web = package("acme-web", "2.0").field("Conflicts", "tool");
    server.repoctl(&["upload", "--suite", "stable", &server.deb(&web)]).expect_success();
    server.upload("acme-lib", "2.0").expect_success();
    script(&host).run().expect_success();
    assert_eq!(versions(&host, ["acme-web", "acme-lib", "tool"]), some(["1.0", "2.0", "1.0"]));
}

/// A lock of the host's apt, as another apt holds it.
fn hold(host: &AptRoot, lock: &str) -> File {
    let held = File::options().create(true).append(true).open(host.path(lock)).unwrap();
    fcntl_lock(&held, FlockOperation::LockExclusive).unwrap();
    held
}

/// Runs the script while a lock is held for some seconds, and lets it go.
fn run_against(host: &AptRoot, lock: &str) -> Outcome {
    let (held, program) = (hold(host, lock), script(host));
    std::thread::scope(|scope| {
        let run = scope.spawn(|| program.run());
        for _ in 0..40 {
            std::thread::sleep(Duration::from_millis(100));
            assert!(!run.is_finished(), "it did not wait: {}", run.join().unwrap());
        }
        drop(held);
        run.join().unwrap()
    })
}

#[test]
fn another_apt_or_dpkg_at_work_is_waited_for() {
    let server = server();
    server.upload("acme-web", "1.0").expect_success();
    // Another root has no /proc in which the locks are.
    let host = server.host_with("web-01.example.org", AptRoot::of_this_machine());
    host.update().expect_success();
    host.install(&["acme-web"]).expect_success();
    let locks =
        ["/var/lib/dpkg/lock-frontend", "/var/lib/apt/lists/lock", "/var/cache/apt/archives/lock"];
    for (lock, version) in locks.into_iter().zip(["2.0", "3.0", "4.0"]) {
        server.upload("acme-web", version).expect_success();
        run_against(&host, lock).expect_success();
        assert_eq!(host.installed("acme-web").as_deref(), Some(version), "{lock}");
    }
    // Not for ever, and who has it is said.
    server.upload("acme-web", "5.0").expect_success();
    for lock in locks {
        let _held = hold(&host, lock);
        let run = script(&host).env("LOCK", "1").run();
        run.expect_code(100).expect_says("Could not get lock");
        assert_eq!(host.installed("acme-web").as_deref(), Some("4.0"), "{lock}");
    }
}

#[test]
fn of_two_servers_one_that_is_away_does_not_stop_the_other() {
    let (mut gone, server) = (TestServer::named("localhost"), server());
    let create = ["suite", "create", "edge", "--architecture", "amd64", "--owns", "edge-*"];
    gone.repoctl(&create).expect_success();
    let edge = |version: &str| {
        let path = gone.deb(&package("edge-tool", version));
        gone.repoctl(&["upload", "--suite", "edge", &path]).expect_success();
    };
    edge("1.0");
    server.upload("acme-web", "1.0").expect_success();
    let host = server.host("web-01.example.org");
    let out = gone.at("out");
    let issue = ["host", "issue", "web-01.example.org", "--suite", "edge", "--out", &out];
    gone.repoctl(&issue).expect_success();
    host.place(&host_files(out.as_ref()));
    host.update().expect_success();
    host.install(&["acme-web", "edge-tool"]).expect_success();

    edge("2.0");
    server.upload("acme-web", "2.0").expect_success();
    script(&host).run().expect_success();
    assert_eq!(versions(&host, ["acme-web", "edge-tool"]), some(["2.0", "2.0"]));
    edge("3.0");
    server.upload("acme-web", "3.0").expect_success();
    gone.stop();
    script(&host).run().expect_code(100);
    assert_eq!(versions(&host, ["acme-web", "edge-tool"]), some(["3.0", "2.0"]));
}

#[test]
fn a_host_that_reads_no_repod_is_told() {
    let server = server();
    let host = server.host("web-01.example.org");
    host.remove(&format!("/etc/apt/sources.list.d/repod-{NAME}-stable.sources"));
    script(&host).run().expect_code(100).expect_says("no source of a repod");
}

/// What `apt-get update` says of the sources of others is for the operator to choose; the next client package brings it.
#[test]
fn hosts_take_the_error_mode_of_the_operator() {
    let mut server = TestServer::start();
    server.upload("acme-web", "1.0").expect_success();
    server.repoctl(&["key", "publish", "--suite", "stable"]).expect_success();
    let conf = "/etc/apt/apt.conf.d/60repod-repo.example.org-stable.conf";
    let mode = |host: &AptRoot| String::from_utf8(host.read(conf).unwrap()).unwrap();
    let broken = |host: &AptRoot| {
        host.add_source("broken", "deb [trusted=yes] http://127.0.0.1:1/ ./");
        host.update()
    };
    let first = server.host("web-01.example.org");
    first.update().expect_success();
    first.install(&["repod-client-repo.example.org-stable"]).expect_success();
    assert!(mode(&first).contains("APT::Update::Error-Mode \"any\";\n"));
    broken(&server.host("web-02.example.org")).expect_code(100);

    server.stop();
    let config = server.data().join("repod.toml");
    let text = std::fs::read_to_string(&config).unwrap();
    let set = |mode: &str| {
        let text = format!("{text}\n[hosts]\nupdate_error_mode = \"{mode}\"\n");
        std::fs::write(&config, text.replacen("[hosts]\n#", "#", 1)).unwrap();
    };
    set("never");
    let path = config.display().to_string();
    server
        .repod(&["serve", "--config", &path])
        .run()
        .expect_code(1)
        .expect_says("persistent-failure");
    set("persistent-failure");
    server.serve();
    let host = server.host("web-03.example.org");
    assert!(!mode(&host).contains("Error-Mode"), "{}", mode(&host));
    broken(&host).expect_success().expect_says("127.0.0.1:1");
    // The package is a new one by itself.
    let client = || first.installed("repod-client-repo.example.org-stable");
    for _ in 0..60 {
        if client().as_deref() == Some("2") {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(500));
        first.place(&host_files(server.at("hosts/web-01.example.org").as_ref()));
        first.update().expect_success();
        first.upgrade().expect_success();
    }
    assert_eq!(client().as_deref(), Some("2"));
    assert!(!mode(&first).contains("Error-Mode"), "{}", mode(&first));
}

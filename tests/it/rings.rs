//! Rings: what hosts of each ring are offered and install while a change goes through them, with the real apt.

use crate::harness::apt::AptRoot;
use crate::harness::programs::Outcome;
use crate::harness::server::{TestServer, package};

const CANARY: &str = "canary.example.org";
const EARLY: &str = "early.example.org";
const LATE: &str = "late.example.org";

fn on_stable(server: &TestServer, verb: &[&str]) -> Outcome {
    let (verb, more) = verb.split_first().unwrap();
    server.repoctl(&[&[*verb, "--suite", "stable"][..], more].concat())
}

fn rollout(server: &TestServer, verb: &[&str]) -> Outcome {
    let (verb, more) = verb.split_first().unwrap();
    server.repoctl(&[&["rollout", *verb, "--suite", "stable"][..], more].concat())
}

fn follow(host: &AptRoot) {
    host.update().expect_success();
    host.upgrade().expect_success();
}

/// A server whose suite has two rings before everybody, and a host of each with 1.0 of a package.
struct Fleet {
    server: TestServer,
    hosts: [AptRoot; 3],
}

impl Fleet {
    fn new() -> Self {
        let server = TestServer::start();
        server.upload("acme-web", "1.0").expect_success();
        server.repoctl(&["access", "group", "add", "early", EARLY]).expect_success();
        let rings = ["--ring", "canary=canary.example.org", "--ring", "early=@early"];
        server.repoctl(&[&["suite", "edit", "stable"][..], &rings].concat()).expect_success();
        let hosts = [CANARY, EARLY, LATE].map(|name| server.host(name));
        for host in &hosts {
            host.update().expect_success();
            host.install(&["acme-web"]).expect_success();
        }
        Self { server, hosts }
    }

    /// The versions that the three hosts have once each has updated and upgraded.
    fn followed(&self) -> [String; 3] {
        self.hosts.each_ref().map(|host| {
            follow(host);
            host.installed("acme-web").unwrap_or_default()
        })
    }

    /// What an independent reader finds in what each host is served.
    fn offered(&self) -> [String; 3] {
        [CANARY, EARLY, LATE]
            .map(|host| self.server.check(host, "stable").versions("acme-web").join(" "))
    }
}

#[track_caller]
fn are<const N: usize>(found: [String; N], wanted: [&str; N]) {
    assert_eq!(found, wanted.map(str::to_owned));
}

#[test]
fn a_change_reaches_one_ring_after_the_other_and_an_abort_takes_it_back() {
    let mut fleet = Fleet::new();
    let said = fleet.server.upload("acme-web", "2.0").expect_success();
    assert!(said.says("rolling out  acme-web 2.0"), "{said}");
    assert!(said.says("rolling out (ring 1 of 3, canary)"), "{said}");
    are(fleet.offered(), ["2.0", "1.0", "1.0"]);
    are(fleet.followed(), ["2.0", "1.0", "1.0"]);
    // Sent again, killed and started again, it is where it was.
    let deb = fleet.server.deb(&package("acme-web", "2.0"));
    on_stable(&fleet.server, &["upload", "--require-live", &deb]).expect_success();
    fleet.server.kill();
    fleet.server.serve();
    are(fleet.offered(), ["2.0", "1.0", "1.0"]);
    let status = rollout(&fleet.server, &["status"]).expect_success();
    for word in ["running", "acme-web 2.0", "1 of 3, canary", "early"] {
        assert!(status.says(word), "{word}: {status}");
    }
    let told = rollout(&fleet.server, &["advance", "acme-web"]).expect_success();
    assert!(told.says("rolling out (ring 2 of 3, early)"), "{told}");
    are(fleet.followed(), ["2.0", "2.0", "1.0"]);
    // Another package that comes for everybody leaves the rings as they are.
    let other = fleet.server.deb(&package("acme-db", "1.0"));
    on_stable(&fleet.server, &["upload", "--urgent", &other]).expect_success();
    are(fleet.offered(), ["2.0", "2.0", "1.0"]);
    let back = rollout(&fleet.server, &["abort", "1", "-m", "crashes", "--yes"]).expect_success();
    assert!(back.says("rollout 1 (acme-web 2.0) is withdrawn from every ring"), "{back}");
    are(fleet.followed(), ["1.0", "1.0", "1.0"]);
    let log = fleet.server.repoctl(&["audit", "--suite", "stable"]).expect_success();
    assert!(log.says("abort") && log.says("crashes"), "{log}");
    let ended = rollout(&fleet.server, &["status", "--all"]).expect_success();
    assert!(ended.says("aborted") && ended.says("crashes"), "{ended}");
    // The next version goes all the way.
    fleet.server.upload("acme-web", "3.0").expect_success();
    are(fleet.followed(), ["3.0", "1.0", "1.0"]);
    rollout(&fleet.server, &["advance", "--to", "everyone"]).expect_success();
    are(fleet.followed(), ["3.0", "3.0", "3.0"]);
    fleet.server.repoctl(&["status"]).expect_success();
}

/// apt ignores a head that is not later than the one it has, so that a host which moves needs a later one.
#[test]
fn a_host_that_moves_to_another_ring_is_offered_what_that_one_is() {
    let fleet = Fleet::new();
    fleet.server.upload("acme-web", "2.0").expect_success();
    are(fleet.followed(), ["2.0", "1.0", "1.0"]);
    // Into a ring by its group, into another by an edit, and back.
    rollout(&fleet.server, &["advance"]).expect_success();
    are(fleet.followed(), ["2.0", "2.0", "1.0"]);
    fleet.server.repoctl(&["access", "group", "add", "early", LATE]).expect_success();
    std::thread::sleep(std::time::Duration::from_secs(2));
    are(fleet.followed(), ["2.0", "2.0", "2.0"]);
    fleet.server.repoctl(&["access", "group", "remove", "early", LATE, "--yes"]).expect_success();
    std::thread::sleep(std::time::Duration::from_secs(2));
    are(fleet.offered(), ["2.0", "2.0", "1.0"]);
    let rings = ["--ring", "canary=late.example.org", "--ring", "early=@early"];
    let edit = [&["suite", "edit", "stable"][..], &rings].concat();
    fleet.server.repoctl(&edit).expect_success();
    are(fleet.offered(), ["1.0", "2.0", "2.0"]);
    let rings = ["--ring", "canary=late.example.org", "--ring", "early=@early,@absent"];
    let told = fleet.server.repoctl(&[&["suite", "edit", "stable"][..], &rings].concat());
    assert!(told.says("there is no group absent") && told.code == 0, "{told}");
    // Rings stay as they are while something is on its way through them.
    let said = fleet.server.repoctl(&["suite", "edit", "stable", "--no-rings"]).expect_code(1);
    assert!(said.says("cannot be added, removed or put in another order"), "{said}");
    rollout(&fleet.server, &["advance", "--to", "everyone"]).expect_success();
    fleet.server.repoctl(&["suite", "edit", "stable", "--no-rings"]).expect_success();
    fleet.server.upload("acme-web", "3.0").expect_success().expect_says("published");
    are(fleet.followed(), ["3.0", "3.0", "3.0"]);
}

#[test]
fn a_rollback_goes_to_what_everybody_is_offered() {
    let fleet = Fleet::new();
    fleet.server.upload("acme-web", "2.0").expect_success();
    are(fleet.followed(), ["2.0", "1.0", "1.0"]);
    let dry = on_stable(&fleet.server, &["pin", "--rollback", "acme-web", "-n"]).expect_success();
    assert!(dry.says("acme-web stays at 1.0: what was under way is withdrawn"), "{dry}");
    on_stable(&fleet.server, &["pin", "--rollback", "acme-web", "-m", "bad"]).expect_success();
    are(fleet.followed(), ["1.0", "1.0", "1.0"]);
    on_stable(&fleet.server, &["unpin", "acme-web"]).expect_success();
    fleet.server.upload("acme-web", "3.0").expect_success();
    are(fleet.followed(), ["3.0", "1.0", "1.0"]);
    on_stable(&fleet.server, &["pin", "--rollback", "--all", "--yes"]).expect_success();
    are(fleet.followed(), ["1.0", "1.0", "1.0"]);
}

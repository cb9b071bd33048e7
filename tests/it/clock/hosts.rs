//! The real server under a wall clock that is set, and hosts with the real apt.

use std::time::{Duration, Instant};

use crate::harness::apt::AptRoot;
use crate::harness::programs::{Outcome, program};
use crate::harness::server::TestServer;

/// What a host runs that took a later Date.
const FORGET: &str = "rm -f /var/lib/apt/lists/*_dists_stable_*";
/// How long a server may take after its clock is right again.
const WITHIN: Duration = Duration::from_secs(60);

/// The Date of what a host with this name is given, as it is written.
fn date(server: &TestServer, host: &str) -> String {
    let release = server.curl(host, "dists/stable/InRelease").run().expect_success().stdout;
    let date = release.lines().find_map(|line| line.strip_prefix("Date: "));
    date.unwrap_or_else(|| panic!("no Date in {release}")).to_owned()
}

fn offered(host: &AptRoot) -> Option<String> {
    host.policy("acme-web").candidate
}

/// Waits until a command of the operator ends with success.
#[track_caller]
fn until_done(server: &TestServer, args: &[&str]) -> Outcome {
    let begun = Instant::now();
    loop {
        let outcome = server.repoctl(args);
        if outcome.succeeded() {
            return outcome;
        }
        assert!(begun.elapsed() < WITHIN, "{outcome}");
        std::thread::sleep(Duration::from_millis(500));
    }
}

fn warnings(server: &TestServer) -> String {
    server.repoctl(&["status"]).expect_success().stdout
}

#[test]
fn a_clock_that_jumps_for_seconds_stops_no_host() {
    let server = TestServer::with_clock();
    let host = server.host("web1.example.org");
    server.upload("acme-web", "1.0").expect_success();
    host.update().expect_success();
    let list = || std::fs::read(server.data().join("ca/crl.pem")).unwrap();
    std::thread::sleep(Duration::from_secs(5));
    let (first, first_list) = (date(&server, "web1.example.org"), list());
    // As it was seen: eight days ahead for 25 seconds, over at least one refresh.
    server.set_clock("+8d");
    std::thread::sleep(Duration::from_secs(25));
    assert!(server.log().contains("clock-in-doubt"), "{}", server.log());
    assert!(list() == first_list, "a revocation list was signed");
    server.set_clock("+0");
    let status = until_done(&server, &["status"]);
    assert!(status.says("the server's clock was 8 d ahead of where it was expected"), "{status}");
    assert_eq!(date(&server, "web1.example.org"), first);
    server.upload("acme-web", "2.0").expect_success();
    host.update().expect_success();
    assert_eq!(offered(&host).as_deref(), Some("2.0"));
    let back = ["pin", "--suite", "stable", "--rollback", "acme-web", "-m", "2.0 crashes"];
    server.repoctl(&back).expect_success();
    host.update().expect_success();
    assert_eq!(offered(&host).as_deref(), Some("1.0"));
}

#[test]
fn a_suite_that_was_dated_ahead_goes_on_by_the_override_and_hosts_follow() {
    let mut server = TestServer::with_clock();
    let (right, wrong) = (server.host("web1.example.org"), server.host("web2.example.org"));
    server.upload("acme-web", "1.0").expect_success();
    for host in [&right, &wrong] {
        host.update().expect_success();
    }
    server.stop();
    // Nothing is known of the clock, as in a copy that was restored: it counts as it is.
    std::fs::remove_file(server.data().join("floor/.clock")).unwrap();
    server.set_clock("+8d");
    server.serve();
    server.upload("acme-web", "2.0").expect_success();
    // A host whose clock is right refuses it, and another one takes it.
    let refused = right.update();
    assert!(refused.says("is not valid yet"), "{refused}");
    wrong.apt_get(&["-o", "Acquire::Check-Date=false", "update"]).expect_success();
    assert_eq!(offered(&wrong).as_deref(), Some("2.0"));
    server.set_clock("+0");
    // Not even the operator is let in before the list that is dated ahead is replaced.
    until_done(&server, &["whoami"]);
    let told = warnings(&server);
    assert!(told.contains("repoctl suite redate stable"), "{told}");
    let back = ["pin", "--suite", "stable", "--rollback", "acme-web", "-m", "2.0 crashes"];
    let refused = server.repoctl(&back).expect_code(4);
    assert!(refused.says("repoctl suite redate stable"), "{refused}");
    let redate = ["suite", "redate", "stable", "-m", "the clock was a week ahead"];
    server.repoctl(&redate).expect_code(2);
    server.repoctl(&[&redate[..], &["--yes"]].concat()).expect_success();
    server.repoctl(&back).expect_success();
    assert!(!warnings(&server).contains("redate"), "{}", warnings(&server));
    server.check("web1.example.org", "stable");
    // Who was right all the time follows; who took the later Date keeps it in silence.
    right.update().expect_success();
    assert_eq!(offered(&right).as_deref(), Some("1.0"));
    wrong.update();
    assert_eq!(offered(&wrong).as_deref(), Some("2.0"));
    // As the runbook has it.
    let page = include_str!("../../../docs/runbook.md");
    assert!(
        page.contains(&format!("{FORGET}\napt-get update\n")),
        "the runbook has another command"
    );
    let here = wrong.path("var/lib/apt/lists").display().to_string();
    let forget = FORGET.replace("/var/lib/apt/lists", &here);
    program("sh").args(["-c", &forget]).run().expect_success();
    wrong.update().expect_success();
    assert_eq!(offered(&wrong).as_deref(), Some("1.0"));
    let log = server.repoctl(&["audit", "--verb", "suite-redate"]).expect_success();
    assert!(log.says("the clock was a week ahead"), "{log}");
}

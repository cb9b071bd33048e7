//! Rollouts that go on, pause and stop by themselves, by what real hosts report.

use std::time::{Duration, Instant, SystemTime};

use serde_json::Value;

use super::health::{check, run};
use super::{json, report};
use crate::harness::apt::AptRoot;
use crate::harness::server::{TestServer, package};

const CANARY: &str = "canary.example.org";

/// A host installs what it is offered, and what its units do afterwards is done.
fn follow(host: &AptRoot) {
    host.update().expect_success();
    host.upgrade().expect_success();
    said(host);
}

/// The checks of a host are run, as after a change, and it reports.
fn said(host: &AptRoot) {
    let mark = host.path("/var/lib/repoctl/report-wanted");
    std::fs::create_dir_all(mark.parent().unwrap()).unwrap();
    std::fs::File::create(&mark).unwrap().set_modified(SystemTime::now()).unwrap();
    if host.path("/etc/repod/health.d").exists() {
        run(host).expect_success();
    }
    report(host, &[]).expect_success();
}

fn offered(server: &TestServer, host: &str) -> String {
    server.check(host, "stable").versions("acme-web").join(" ")
}

fn version(host: &AptRoot) -> String {
    host.installed("acme-web").unwrap_or_default()
}

/// The newest rollout, as it is once it is so.
#[track_caller]
fn until(server: &TestServer, what: &str, is_so: impl Fn(&Value) -> bool) -> Value {
    let end = Instant::now() + Duration::from_secs(90);
    loop {
        let all = json(server, &["rollout", "status", "--all", "--suite", "stable"]);
        let newest = all.get(0).cloned().unwrap_or_default();
        if is_so(&newest) {
            return newest;
        }
        assert!(Instant::now() < end, "{what}: {newest:#}");
        std::thread::sleep(Duration::from_millis(200));
    }
}

fn reached(rollout: &Value) -> usize {
    let rings = rollout["rings"].as_array().into_iter().flatten();
    rings.filter(|ring| !ring["at"].is_null()).count()
}

/// A server whose suite has a canary and five early hosts before all others, and that many others; each has 1.0.
struct Fleet {
    server: TestServer,
    canary: AptRoot,
    early: Vec<AptRoot>,
    others: Vec<AptRoot>,
}

impl Fleet {
    fn new(others: usize, policy: &str) -> Self {
        let server = super::server();
        server
            .repoctl(&["access", "group", "add", "early", "early-*.example.org"])
            .expect_success();
        let rings = ["--ring", "canary=canary.example.org", "--ring", "early=@early"];
        let edit = [&["suite", "edit", "stable", "--rollout", policy][..], &rings].concat();
        server.repoctl(&edit).expect_success();
        let host = |name: String| {
            let host = server.host(&name);
            host.update().expect_success();
            host.install(&["acme-web"]).expect_success();
            said(&host);
            host
        };
        let canary = host(CANARY.into());
        let early = (1..6).map(|at| host(format!("early-{at:02}.example.org"))).collect();
        let others = (1..=others).map(|at| host(format!("web-{at:02}.example.org"))).collect();
        Self { server, canary, early, others }
    }

    fn all(&self) -> impl Iterator<Item = &AptRoot> {
        [&self.canary].into_iter().chain(&self.early).chain(&self.others)
    }
}

/// A check that fails once 2.0 of the package is there.
fn check_of_2(host: &AptRoot) {
    let status = host.path("/var/lib/dpkg/status").display().to_string();
    let body =
        format!("grep -q '^Version: 2.0' {status} || exit 0\necho '2.0 answers 503' >&2; exit 1");
    check(host, "10-web", &body);
}

#[test]
fn a_bad_release_reaches_one_host_of_twenty_and_is_taken_back_by_itself() {
    let fleet = Fleet::new(14, "advance=reports,soak=1m");
    let server = &fleet.server;
    check_of_2(&fleet.canary);
    said(&fleet.canary);
    server
        .upload("acme-web", "2.0")
        .expect_success()
        .expect_says("rolling out (ring 1 of 3, canary)");
    // A person who looks is told what it waits for.
    let waits = "canary 0/1 installed, 1 waiting (canary.example.org); 90 % must have it";
    server.repoctl(&["rollout", "status", "--suite", "stable"]).expect_success().expect_says(waits);
    for host in fleet.all() {
        follow(host);
    }
    assert_eq!(version(&fleet.canary), "2.0");
    let ended = until(server, "it is taken back", |one| one["state"] == "aborted");
    let why = "1 of 1 host fails: canary.example.org: check 10-web: 2.0 answers 503";
    assert_eq!(ended["why"], why);
    for host in fleet.all() {
        follow(host);
        assert_eq!(version(host), "1.0");
    }
    let log = server.repoctl(&["audit", "--suite", "stable", "--verb", "abort"]).expect_success();
    assert!(log.says(why) && log.says("repod"), "{log}");
    assert_eq!(offered(server, CANARY), "1.0");
}

#[test]
fn a_good_release_reaches_all_and_a_silent_host_pauses_it() {
    let mut fleet = Fleet::new(1, "advance=reports,soak=1s,deadline=30s");
    fleet.server.upload("acme-web", "2.0").expect_success();
    follow(&fleet.canary);
    until(&fleet.server, "the second ring", |one| reached(one) == 2);
    // It is where it was after a kill.
    fleet.server.kill();
    fleet.server.serve();
    let server = &fleet.server;
    let (last, first) = fleet.early.split_last().unwrap();
    first.iter().for_each(follow);
    // Whoever comes late to the ring is offered what the ring is.
    let late = server.host("early-06.example.org");
    late.update().expect_success();
    late.install(&["acme-web"]).expect_success();
    said(&late);
    assert_eq!(version(&late), "2.0");
    assert_eq!(offered(server, "web-01.example.org"), "1.0");
    let paused = until(server, "it is paused", |one| one["state"] == "paused");
    let why = "inconclusive: early 5/6 installed, 1 silent (early-05.example.org); at most 10 % may be silent";
    assert_eq!(paused["why"], why);
    let status = server.repoctl(&["status"]).expect_success();
    status
        .expect_says("rollout 1 (acme-web 2.0) is paused")
        .expect_says(why)
        .expect_says("rollout-paused");
    // A person lets it go on, and then the host is there.
    let resume = ["rollout", "resume", "--suite", "stable", "-m", "it was the switch"];
    server.repoctl(&resume).expect_success();
    follow(last);
    until(server, "it is done", |one| one["state"] == "done");
    follow(&fleet.others[0]);
    assert_eq!(version(&fleet.others[0]), "2.0");
    let log = server.repoctl(&["audit", "--suite", "stable"]).expect_success();
    let soak = "canary 1/1 installed; the soak of 1 s begins";
    assert!(
        log.says(soak) && log.says("rollout 1 to early") && log.says("rollout 1 to everyone"),
        "{log}"
    );
}

#[test]
fn a_rollout_by_time_needs_no_report_and_others_may_stop_it() {
    let fleet = Fleet::new(0, "advance=time,soak=4s");
    let server = &fleet.server;
    server.upload("acme-web", "2.0").expect_success();
    until(server, "all have it", |one| one["state"] == "done");
    server.repoctl(&["suite", "edit", "stable", "--rollout", "advance=manual"]).expect_success();
    server.upload("acme-web", "3.0").expect_success();
    let path = format!("api/v1/suites/stable/hosts/{CANARY}/health");
    let body = r#"{"check": "smoke", "result": "fail", "text": "login is broken"}"#;
    let sent = ["-X", "POST", "-H", "Content-Type: application/json", "-d", body];
    server.curl_as_operator(&path).args(sent).run().expect_success();
    let ended = until(server, "it is taken back", |one| one["state"] == "aborted");
    assert_eq!(ended["why"], "1 of 1 host fails: canary.example.org: check smoke: login is broken");
    // Where nobody wants that, it stays until a person comes.
    server.repoctl(&["health", "ignore", CANARY]).expect_success();
    server.repoctl(&["suite", "edit", "stable", "--rollout", "abort=never"]).expect_success();
    server.upload("acme-web", "4.0").expect_success();
    let waits = "1 left out (canary.example.org); `repoctl rollout advance` goes on";
    server.repoctl(&["rollout", "status", "--suite", "stable"]).expect_success().expect_says(waits);
}

#[test]
fn a_policy_is_said_in_words_and_what_is_wrong_with_it_too() {
    let server = super::server();
    let edit = |policy: &str| server.repoctl(&["suite", "edit", "stable", "--rollout", policy]);
    for (policy, problem) in [
        ("advance=reports,soak=soon", "\"soon\" is no time"),
        ("advance", "write SETTING=VALUE"),
        ("speed=9", "unknown field `speed`"),
        ("soak=1m,soak=2m", "soak is there twice"),
        ("installed=300", "invalid value"),
    ] {
        edit(policy).expect_code(2).expect_says(problem);
    }
    for (policy, problem) in [
        ("advance=never", "advance is one of manual, time, reports"),
        ("installed=0", "installed is 1 to 100 percent"),
        ("advance=time,soak=0s", "soak is the time between two steps"),
    ] {
        edit(policy).expect_code(2).expect_says(problem);
    }
    server.repoctl(&["suite", "edit", "stable", "--ring", "canary=@web"]).expect_success();
    edit("advance=reports,installed=95%").expect_success();
    edit("soak=60m").expect_success();
    let shown = server.repoctl(&["suite", "show", "stable"]).expect_success();
    shown.expect_says(
        "advance=reports soak=1h installed=95 silent=10 failures=0 failures_percent=0 deadline=1d",
    );
}

#[test]
fn in_a_freeze_nothing_begins_or_goes_on_but_in_spite_of_its_name() {
    let fleet = Fleet::new(0, "advance=time,soak=1s");
    let server = &fleet.server;
    let on_stable = |line: &str| {
        let (verb, more) = line.split_once(' ').unwrap_or((line, ""));
        let more = more.split(' ').filter(|word| !word.is_empty());
        let words: Vec<_> = [verb].into_iter().chain(more).chain(["--suite", "stable"]).collect();
        server.repoctl(&words)
    };
    let edit = |more: &[&str]| server.repoctl(&[&["suite", "edit", "stable"][..], more].concat());
    edit(&["--freeze", "trip=Fri 16:00..Mon 08:00 Mars"])
        .expect_code(2)
        .expect_says("is a zone of the IANA");
    let always = "trip=2026-01-01 00:00..2099-01-01 00:00 Europe/Berlin";
    edit(&["--freeze", always]).expect_success();
    let deb = server.deb(&package("acme-web", "2.0"));
    let waits = on_stable(&format!("upload {deb}")).expect_success();
    waits
        .expect_says("frozen by trip until Thu 2099-01-01 00:00")
        .expect_says("repoctl rollout start");
    let again = on_stable(&format!("upload --require-live {deb}")).expect_code(1);
    again.expect_says("repoctl rollout start --suite stable acme-web");
    assert_eq!(offered(server, CANARY), "1.0");
    let status = on_stable("rollout status").expect_success();
    status.expect_says(
        "frozen by trip until Thu 2099-01-01 00:00; `repoctl rollout start` begins it",
    );
    on_stable("rollout start")
        .expect_code(1)
        .expect_says("--override-freeze trip goes on in spite of it");
    on_stable("rollout start --override-freeze trip").expect_success();
    assert_eq!(offered(server, CANARY), "2.0");
    let log = server.repoctl(&["audit", "--verb", "start"]).expect_success();
    log.expect_says("in spite of freeze trip");
    std::thread::sleep(Duration::from_secs(3));
    assert_eq!(offered(server, "early-01.example.org"), "1.0");
    // It is over: what waited goes on by itself.
    edit(&["--no-freezes"]).expect_success();
    until(server, "it is done", |one| one["state"] == "done");
    edit(&["--rollout", "start=manual"]).expect_success();
    let deb = server.deb(&package("acme-web", "3.0"));
    on_stable(&format!("upload {deb}")).expect_success().expect_says("started by hand");
    let again = on_stable("rollout advance").expect_code(1);
    again.expect_says("`repoctl rollout start` begins it");
    on_stable("rollout start --to everyone").expect_success();
    assert_eq!(offered(server, "early-01.example.org"), "3.0");
}

//! Every jump, for seconds and for good, at the start and while the server runs: once the clock is right
//! again, hosts are given what is published and rolled back. The gate takes the month behind, for good;
//! `tests/run --clocks` goes through all of them.

use std::time::{Duration, Instant};

use crate::harness::apt::AptRoot;
use crate::harness::programs::Outcome;
use crate::harness::server::TestServer;

/// How long a server may take after its clock is right again.
const WITHIN: Duration = Duration::from_secs(60);
/// How long a clock is wrong that jumps back.
const SECONDS: Duration = Duration::from_secs(25);
const OFFS: [&str; 6] = ["+1h", "-1h", "+8d", "-8d", "+30d", "-30d"];

/// How long the clock is wrong.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Lasts {
    Seconds,
    /// Until the server takes it for right, as far as anybody gets it to.
    ForGood,
}

/// When it jumps.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum When {
    AtStart,
    Running,
}

struct Case {
    off: &'static str,
    lasts: Lasts,
    when: When,
}

fn every_case() -> Vec<Case> {
    let kinds = [(Lasts::Seconds, When::AtStart), (Lasts::Seconds, When::Running)];
    let good = [(Lasts::ForGood, When::AtStart), (Lasts::ForGood, When::Running)];
    let kinds = kinds.into_iter().chain(good);
    kinds.flat_map(|(lasts, when)| OFFS.map(|off| Case { off, lasts, when })).collect()
}

/// Repeats a command until it ends with success; `None` if it asks for the override.
#[track_caller]
fn until_done(server: &TestServer, begun: Instant, args: &[&str], what: &str) -> Option<Outcome> {
    loop {
        let outcome = server.repoctl(args);
        if outcome.succeeded() {
            return Some(outcome);
        }
        if outcome.says("repoctl suite redate stable") {
            return None;
        }
        assert!(begun.elapsed() < WITHIN, "{what}: {outcome}\n{}", server.log());
        std::thread::sleep(Duration::from_millis(500));
    }
}

/// The same, with the documented override where it is asked for.
#[track_caller]
fn until_done_somehow(server: &TestServer, begun: Instant, args: &[&str], what: &str) {
    if until_done(server, begun, args, what).is_none() {
        redate(server, "the clock was wrong").expect_success();
        server.repoctl(args).expect_success();
    }
}

fn redate(server: &TestServer, why: &str) -> Outcome {
    server.repoctl(&["suite", "redate", "stable", "-m", why, "--yes"])
}

struct Story {
    server: TestServer,
    host: AptRoot,
    version: u32,
}

impl Story {
    fn begin() -> Self {
        let server = TestServer::with_clock();
        let host = server.host("web1.example.org");
        server.upload("acme-web", "1.0").expect_success();
        host.update().expect_success();
        Self { server, host, version: 1 }
    }

    fn next(&mut self) -> String {
        self.version += 1;
        format!("{}.0", self.version)
    }

    fn play(&mut self, case: &Case) {
        let Case { off, lasts, when } = case;
        let what = format!("{off}, {lasts:?}, {when:?}");
        match when {
            When::Running => self.server.set_clock(off),
            When::AtStart => {
                self.server.stop();
                if *lasts == Lasts::ForGood {
                    // Nothing is known of the clock, as in a copy that was restored: it counts as it is.
                    std::fs::remove_file(self.server.data().join("floor/.clock")).unwrap();
                }
                self.server.set_clock(off);
                self.server.serve();
            }
        }
        match lasts {
            Lasts::Seconds => std::thread::sleep(SECONDS),
            Lasts::ForGood => {
                // By a clock that is a month behind nobody is let in, so this may be refused.
                redate(&self.server, "it shows the right time");
                let version = self.next();
                self.server.upload("acme-web", &version);
            }
        }
        self.server.set_clock("+0");
        self.go_on(&what);
    }

    /// Publishing, rollback and the host, with the clock right again.
    fn go_on(&mut self, what: &str) {
        let (begun, server) = (Instant::now(), &self.server);
        until_done(server, begun, &["whoami"], what).expect("nobody is asked to redate by whoami");
        let version = format!("{}.0", self.version + 1);
        self.version += 1;
        let path = server.deb(&crate::harness::server::package("acme-web", &version));
        until_done_somehow(server, begun, &["upload", "--suite", "stable", &path], what);
        self.host.update().expect_success();
        assert_eq!(self.host.policy("acme-web").candidate.as_deref(), Some(&*version), "{what}");
        let back =
            ["pin", "--suite", "stable", "--rollback", "acme-web", "-m", "it crashes", "--yes"];
        until_done_somehow(server, begun, &back, what);
        assert!(begun.elapsed() < WITHIN, "{what}: it took {:?}", begun.elapsed());
        self.host.update().expect_success();
        let candidate = self.host.policy("acme-web").candidate.unwrap();
        assert!(candidate != version, "{what}: the host did not follow the rollback");
        let unpin = ["unpin", "--suite", "stable", "--all", "-m", "mended", "--yes"];
        server.repoctl(&unpin).expect_success();
        server.check("web1.example.org", "stable");
    }
}

#[test]
fn after_every_jump_hosts_are_given_what_is_published_and_rolled_back() {
    let all = every_case();
    let wanted = match std::env::var("REPOD_TEST_CLOCKS").as_deref() {
        Ok("all") => all,
        Ok(other) => panic!("REPOD_TEST_CLOCKS is all or nothing, and not {other}"),
        // Those that jump back by themselves are in `hosts.rs`.
        Err(_) => {
            all.into_iter().filter(|one| one.off == "-30d" && one.lasts == Lasts::ForGood).collect()
        }
    };
    for case in &wanted {
        let begun = Instant::now();
        Story::begin().play(case);
        let Case { off, lasts, when } = case;
        println!("{off}, {lasts:?}, {when:?}: {:.1} s", begun.elapsed().as_secs_f64());
    }
}

//! System calls that fail: while something is asked of the server, one call on its data directory ends with an
//! error, once. What was acknowledged is there, also after a kill; what was refused is not, and never comes
//! alive; and the same can be asked for again without a restart.
//!
//! The gate takes a few calls by chance, `tests/run --syscalls` every call of every deed.

mod deeds;
mod names;
pub mod supervisor;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::seq::SliceRandom as _;
use rand::{Rng as _, SeedableRng as _};

use crate::harness::programs::Outcome;
use crate::harness::server::TestServer;
use deeds::{DEEDS, Deed, HOST};
use supervisor::{Errno, Fault};

/// How many calls the gate has fail.
const SAMPLES: usize = 3;
/// After so many deeds the server begins anew, so that no data directory becomes large.
const FRESH_EVERY: u32 = 12;
/// How long a call may take to come that is made behind an answer.
const BEHIND: Duration = Duration::from_millis(1_500);

/// A server whose calls are held, and the data directory that it began with.
struct Bench {
    server: TestServer,
    base: PathBuf,
    rounds: u32,
    /// The call that failed last.
    failed: Option<String>,
}

/// After so many tries in a row that met no call, a deed makes no more.
const IN_VAIN: u32 = 10;

/// What the server said.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Answer {
    Done,
    Refused,
    /// It cannot say itself, and says so.
    Uncertain,
}

/// What came of one fault.
struct Tried {
    /// The call that failed; `None` when there were not so many.
    failed: Option<String>,
    answer: Answer,
    faults: Vec<String>,
}

impl Bench {
    fn new() -> Self {
        let mut server = TestServer::start();
        deeds::furnish(&server);
        assert_eq!(server.stop(), 0);
        let base = PathBuf::from(server.at("base"));
        deeds::copy(&server.data(), &base);
        server.hold_calls();
        server.serve();
        Self { server, base, rounds: 0, failed: None }
    }

    /// How many calls of this kind the deed makes.
    fn count(&mut self, deed: &Deed, errno: Errno) -> usize {
        let fault = Fault { at: usize::MAX, errno };
        let tag = self.begin(deed);
        self.server.calls().arm(Some(fault));
        (deed.act)(&self.server, &tag).expect_success();
        std::thread::sleep(BEHIND);
        let seen = self.server.calls().disarm();
        assert!((deed.is_done)(&self.server, &tag), "{} is not seen", deed.name);
        seen.counted
    }

    fn begin_anew(&mut self) {
        self.server.kill();
        deeds::copy(&self.base, &self.server.data());
        self.server.serve();
    }

    fn begin(&mut self, deed: &Deed) -> String {
        self.rounds += 1;
        if self.rounds.is_multiple_of(FRESH_EVERY) {
            self.begin_anew();
        }
        let tag = format!("acme-{}", self.rounds);
        (deed.before)(&self.server, &tag);
        tag
    }

    /// Has one call of the deed fail. What the server cannot answer any more is a fault too, and it begins anew.
    fn fail(&mut self, deed: &Deed, fault: Fault) -> Tried {
        let tried = catch_unwind(AssertUnwindSafe(|| self.fail_once(deed, fault)));
        tried.unwrap_or_else(|why| {
            let failed = self.server.calls().disarm().failed.or(self.failed.take());
            let why = why.downcast_ref::<String>().cloned().unwrap_or_default();
            self.begin_anew();
            Tried { failed, answer: Answer::Refused, faults: vec![why] }
        })
    }

    fn fail_once(&mut self, deed: &Deed, fault: Fault) -> Tried {
        self.failed = None;
        let tag = self.begin(deed);
        self.server.calls().arm(Some(fault));
        let outcome = (deed.act)(&self.server, &tag);
        let begun = Instant::now();
        while !self.server.calls().has_failed() && begun.elapsed() < BEHIND {
            std::thread::sleep(Duration::from_millis(20));
        }
        let failed = self.server.calls().disarm().failed;
        self.failed.clone_from(&failed);
        let answer = answer_of(&outcome);
        let mut tried = Tried { failed, answer, faults: Vec::new() };
        if answer == Answer::Refused && tried.failed.is_none() {
            tried.faults.push("refused, and no call failed".into());
        }
        if !self.server.is_running() {
            tried.faults.push("the server ended".into());
            self.server.kill();
            self.server.serve();
        }
        self.expect_seen(deed, &tag, answer, "at once", &mut tried);
        // Half of the time it is asked for again at once, and else after the kill that follows.
        let mut last = answer;
        if fault.at.is_multiple_of(2) && self.again(deed, &tag, "without a restart", &mut tried) {
            last = Answer::Done;
        }
        self.server.kill();
        self.server.serve();
        self.expect_seen(deed, &tag, last, "after a kill", &mut tried);
        self.again(deed, &tag, "after a kill", &mut tried);
        self.expect_whole(&mut tried);
        if !tried.faults.is_empty() {
            tried.faults.push(format!("it had said: {}", said(&outcome)));
        }
        tried
    }

    /// What was acknowledged is seen, and what was refused is not.
    fn expect_seen(&self, deed: &Deed, tag: &str, answer: Answer, when: &str, tried: &mut Tried) {
        match (answer, (deed.is_done)(&self.server, tag)) {
            (Answer::Done, false) => {
                tried.faults.push(format!("acknowledged, and not there {when}"))
            }
            (Answer::Refused, true) => tried.faults.push(format!("refused, and there {when}")),
            _ => {}
        }
    }

    /// Asks for the same again, unless it is done. Gives whether it is now.
    fn again(&self, deed: &Deed, tag: &str, when: &str, tried: &mut Tried) -> bool {
        if (deed.is_done)(&self.server, tag) {
            return true;
        }
        let outcome = (deed.act)(&self.server, tag);
        let is_done = (deed.is_done)(&self.server, tag);
        if !outcome.succeeded() {
            tried.faults.push(format!("once more, {when}, it is refused: {}", said(&outcome)));
        } else if !is_done {
            tried.faults.push(format!("once more, {when}, it is acknowledged and not there"));
        }
        is_done
    }

    /// The head is signed, everything that it lists is there, and the log is whole.
    fn expect_whole(&self, tried: &mut Tried) {
        self.server.check(HOST, "stable");
        let log = self.server.repoctl(&["audit", "verify"]);
        if !log.succeeded() {
            tried.faults.push(format!("the audit log is not whole: {}", said(&log)));
        }
    }
}

/// What a person reads first.
fn said(outcome: &Outcome) -> String {
    let all = format!("{}{}", outcome.stderr, outcome.stdout);
    all.lines().next().unwrap_or_default().to_owned()
}

fn answer_of(outcome: &Outcome) -> Answer {
    match outcome.succeeded() {
        true => Answer::Done,
        false if outcome.says("not known whether") => Answer::Uncertain,
        false => Answer::Refused,
    }
}

/// A few calls by chance; with REPOD_TEST_SYSCALLS, which names a deed or says `all`, every call of it, in hours.
#[test]
fn a_call_that_fails_loses_nothing_and_leaves_nothing_behind() {
    let (mut bench, mut all) = (Bench::new(), Vec::new());
    match std::env::var("REPOD_TEST_SYSCALLS") {
        Ok(which) => {
            for deed in DEEDS.iter().filter(|deed| which == "all" || which == deed.name) {
                fail_every_call(&mut bench, deed, &mut all);
            }
        }
        Err(_) => fail_some_calls(&mut bench, &mut all),
    }
    assert!(all.is_empty(), "{} faults:\n{}", all.len(), all.join("\n"));
}

fn fail_some_calls(bench: &mut Bench, all: &mut Vec<String>) {
    let seed = std::env::var("REPOD_TEST_SEED").ok().and_then(|seed| seed.parse().ok());
    let seed = seed.unwrap_or_else(rand::random::<u64>);
    println!("REPOD_TEST_SEED={seed}");
    let mut random = StdRng::seed_from_u64(seed);
    let mut met = 0;
    for _ in 0..SAMPLES {
        let deed = DEEDS.choose(&mut random).unwrap();
        let errno = *Errno::ALL.choose(&mut random).unwrap();
        // A deed makes about as many calls that may fail so.
        let most = if errno == Errno::Descriptors { 8 } else { 40 };
        let fault = Fault { at: random.gen_range(0..most), errno };
        let tried = bench.fail(deed, fault);
        met += usize::from(tried.failed.is_some());
        report(deed, fault, tried, all);
    }
    assert!(met > 0, "no call failed");
}

fn fail_every_call(bench: &mut Bench, deed: &Deed, all: &mut Vec<String>) {
    for errno in Errno::ALL {
        let count = bench.count(deed, errno);
        println!("{}: {count} calls may end with {errno:?}", deed.name);
        // One time it makes some calls more than another.
        let mut without = 0;
        for at in 0.. {
            let fault = Fault { at, errno };
            let tried = bench.fail(deed, fault);
            without = if tried.failed.is_none() { without + 1 } else { 0 };
            report(deed, fault, tried, all);
            if without == IN_VAIN {
                break;
            }
        }
    }
}

fn report(deed: &Deed, fault: Fault, tried: Tried, all: &mut Vec<String>) {
    let Tried { failed, answer, faults } = tried;
    let call = failed.unwrap_or_else(|| "no call".into());
    println!("{} {:?} {} {call}: {answer:?}", deed.name, fault.errno, fault.at);
    for one in faults {
        println!("    FAULT {one}");
        all.push(format!("{} {:?} {} {call}: {one}", deed.name, fault.errno, fault.at));
    }
}

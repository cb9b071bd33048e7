//! Whether rollouts go on, wait or stop, by what hosts report.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::domain::policy::{Abort, Advance, Freeze};
use crate::domain::ring::RingText;
use crate::domain::rollout::{Reached, Rollout};
use crate::domain::verdict::{Following, RingHosts, Step, Verdict, judge};
use crate::domain::{RolloutPolicy, RolloutState};
use crate::time::Lasting;

const NOW: Moment = Moment(100_000);
const FIRST: RingId = RingId(1);
const SECOND: RingId = RingId(2);

fn rings() -> Rings {
    let ring = |name: &str| RingText {
        name: name.parse().unwrap(),
        hosts: vec!["*.example.org".parse().unwrap()],
    };
    Rings::default().replaced(&[ring("canary"), ring("early")])
}

fn by_reports() -> RolloutPolicy {
    RolloutPolicy { advance: Advance::Reports, ..RolloutPolicy::default() }
}

/// A rollout that reached the first ring an hour ago, and, if told, the second ten minutes ago.
fn rollout(both: bool) -> Rollout {
    let reached = |ago: i64| Reached { generation: Some(3), at: NOW.plus(-ago) };
    let mut rings = BTreeMap::from([(FIRST, reached(3_600))]);
    if both {
        rings.insert(SECOND, reached(600));
    }
    Rollout {
        id: 1,
        author: Identity::server(),
        message: String::new(),
        at: NOW.plus(-3_600),
        state: RolloutState::Running,
        why: String::new(),
        packages: BTreeMap::new(),
        reached: rings,
        met_at: None,
        resumed_at: None,
    }
}

fn hosts(all: &[Following]) -> RingHosts {
    let mut hosts = RingHosts::default();
    for (at, following) in all.iter().enumerate() {
        let name = format!("web-{at:02}.example.org");
        hosts.add(Identity::parse(&name).unwrap(), following.clone());
    }
    hosts
}

/// So many that have it, and some more.
fn with(installed: usize, more: &[Following]) -> RingHosts {
    hosts(&[&vec![Following::Installed; installed][..], more].concat())
}

fn failed() -> Following {
    Following::Failed("check web: 503".into())
}

fn judged(policy: &RolloutPolicy, rollout: &Rollout, first: RingHosts) -> Verdict {
    judge(&rings(), policy, rollout, &BTreeMap::from([(FIRST, first)]), NOW)
}

#[track_caller]
fn expect(verdict: Verdict, step: Step, why: &str) {
    assert_eq!((verdict.step, verdict.why.as_str()), (step, why));
}

#[test]
fn enough_hosts_begin_a_soak_and_its_end_is_a_step() {
    let policy = by_reports();
    let mut one = rollout(false);
    let silent = [Following::Silent];
    let told = "canary 9/10 installed, 1 silent (web-09.example.org)";
    expect(
        judged(&policy, &one, with(9, &silent)),
        Step::Soak,
        &format!("{told}; the soak of 30 min begins"),
    );
    one.met_at = Some(NOW.plus(-18 * 60));
    expect(
        judged(&policy, &one, with(9, &silent)),
        Step::Wait,
        &format!("{told}; soak 12 min left"),
    );
    one.met_at = Some(NOW.plus(-30 * 60));
    expect(judged(&policy, &one, with(9, &silent)), Step::Advance, told);
    // A clock that was put back does not make it longer than it is.
    one.met_at = Some(NOW.plus(9_000));
    expect(
        judged(&policy, &one, with(9, &silent)),
        Step::Wait,
        &format!("{told}; soak 30 min left"),
    );
    // Whoever joins later has to have it, too.
    one.met_at = Some(NOW.plus(-30 * 60));
    let late = [Following::Waiting, Following::Waiting];
    assert_eq!(judged(&policy, &one, with(9, &late)).step, Step::Wait);
}

#[test]
fn what_is_not_proven_waits_for_its_deadline_and_is_paused_then() {
    let policy = by_reports();
    let wait = |hosts| judged(&policy, &rollout(false), hosts);
    expect(
        wait(with(8, &[Following::Held, Following::Waiting])),
        Step::Wait,
        "canary 8/10 installed, 1 holding it back (web-08.example.org), 1 waiting (web-09.example.org); 90 % must \
         have it, 23 h left for it",
    );
    let silent = [Following::Silent, Following::Silent];
    expect(
        wait(with(8, &silent)),
        Step::Wait,
        "canary 8/10 installed, 2 silent (web-08.example.org, web-09.example.org); at most 10 % may be silent, 23 h \
         left for it",
    );
    expect(
        wait(with(0, &[Following::Unconcerned])),
        Step::Wait,
        "canary 0/0 installed; no host of canary has any of the packages, 23 h left for it",
    );
    let late = Rollout { met_at: Some(NOW), ..rollout(false) };
    let soon = RolloutPolicy { deadline: Lasting::seconds(3_600), ..by_reports() };
    let verdict = judged(&soon, &late, with(8, &silent));
    assert_eq!(verdict.step, Step::Pause, "{verdict:?}");
    assert!(
        verdict.why.starts_with("inconclusive: canary 8/10 installed, 2 silent"),
        "{verdict:?}"
    );
    // A person had it go on: it has the same time again.
    let resumed = Rollout { resumed_at: Some(NOW.plus(-60)), ..late };
    assert_eq!(judged(&soon, &resumed, with(8, &silent)).step, Step::Wait);
}

#[test]
fn what_time_does_not_cure_is_paused_at_once() {
    let pause =
        |hosts, why| expect(judged(&by_reports(), &rollout(false), hosts), Step::Pause, why);
    pause(with(0, &[]), "inconclusive: canary 0/0 installed; ring canary has no hosts");
    pause(
        with(1, &[Following::Gone]),
        "inconclusive: canary 1/2 installed, 1 silent (web-01.example.org); at most 10 % may be silent",
    );
}

#[test]
fn failures_abort_in_the_first_ring_and_pause_in_others_whoever_takes_the_steps() {
    let why = "1 of 2 hosts fails: web-01.example.org: check web: 503";
    for advance in [Advance::Manual, Advance::Time, Advance::Reports] {
        let policy = RolloutPolicy { advance, ..RolloutPolicy::default() };
        expect(judged(&policy, &rollout(false), with(1, &[failed()])), Step::Abort, why);
    }
    let both = |policy: &RolloutPolicy, first, second| {
        let hosts = BTreeMap::from([(FIRST, first), (SECOND, second)]);
        judge(&rings(), policy, &rollout(true), &hosts, NOW)
    };
    let policy = by_reports();
    // One of an earlier ring counts as well.
    expect(
        both(&policy, with(0, &[failed()]), with(1, &[])),
        Step::Pause,
        &why.replace("-01", "-00"),
    );
    let always = RolloutPolicy { abort: Abort::Always, ..by_reports() };
    assert_eq!(both(&always, with(1, &[]), with(0, &[failed()])).step, Step::Abort);
    let never = RolloutPolicy { abort: Abort::Never, ..by_reports() };
    assert_eq!(judged(&never, &rollout(false), with(1, &[failed()])).step, Step::Pause);
    let tolerant = RolloutPolicy { failures: 1, ..by_reports() };
    assert_eq!(judged(&tolerant, &rollout(false), with(30, &[failed()])).step, Step::Soak);
    let share = RolloutPolicy { failures_percent: 5, ..by_reports() };
    assert_eq!(judged(&share, &rollout(false), with(38, &[failed(), failed()])).step, Step::Soak);
    assert_eq!(judged(&share, &rollout(false), with(37, &[failed(), failed()])).step, Step::Abort);
    // Whoever is left out is not counted.
    assert_eq!(judged(&policy, &rollout(false), with(1, &[Following::Ignored])).step, Step::Soak);
}

#[test]
fn a_person_or_a_time_takes_the_step_where_the_policy_says_so() {
    let manual = RolloutPolicy::default();
    let told = "canary 0/1 installed, 1 waiting (web-00.example.org)";
    let waiting = || with(0, &[Following::Waiting]);
    expect(
        judged(&manual, &rollout(false), waiting()),
        Step::Wait,
        &format!("{told}; `repoctl rollout advance` goes on"),
    );
    let time = |hours: i64| RolloutPolicy {
        advance: Advance::Time,
        soak: Lasting::seconds(hours * 3_600),
        ..RolloutPolicy::default()
    };
    let wait = judged(&time(2), &rollout(false), waiting());
    expect(wait, Step::Wait, &format!("{told}; the next step is in 60 min"));
    assert_eq!(judged(&time(1), &rollout(false), waiting()).step, Step::Advance);
    for state in [RolloutState::Paused, RolloutState::Superseded] {
        let stopped = Rollout { state, ..rollout(false) };
        assert_eq!(judged(&time(1), &stopped, with(0, &[failed()])).step, Step::Wait);
    }
}

#[test]
fn a_freeze_keeps_steps_back_and_no_failure() {
    let when: crate::time::Window = "1970-01-01 00:00..1970-02-01 00:00 UTC".parse().unwrap();
    let freezes = vec![Freeze { name: "winter".parse().unwrap(), when }];
    let policy = RolloutPolicy { freezes, ..by_reports() };
    let told = "frozen by winter until Sun 1970-02-01 00:00";
    let met = Rollout { met_at: Some(NOW.plus(-3_600)), ..rollout(false) };
    expect(
        judged(&policy, &met, with(1, &[])),
        Step::Wait,
        &format!("canary 1/1 installed; {told}"),
    );
    assert_eq!(judged(&policy, &met, with(0, &[failed()])).step, Step::Abort);
    let new = Rollout { reached: BTreeMap::new(), ..rollout(false) };
    expect(
        judged(&policy, &new, with(0, &[])),
        Step::Wait,
        &format!("{told}; `repoctl rollout start` begins it"),
    );
    assert_eq!(judged(&by_reports(), &new, with(0, &[])).step, Step::Start);
    assert_eq!(judged(&RolloutPolicy::default(), &new, with(0, &[])).step, Step::Start);
}

#[test]
fn a_policy_that_means_nothing_is_refused() {
    let usual = RolloutPolicy::default;
    for (policy, named) in [
        (RolloutPolicy { installed_percent: 0, ..usual() }, "installed"),
        (RolloutPolicy { installed_percent: 101, ..usual() }, "installed"),
        (RolloutPolicy { silent_percent: 101, ..usual() }, "silent"),
        (RolloutPolicy { failures_percent: 101, ..usual() }, "failures_percent"),
        (RolloutPolicy { deadline: Lasting::seconds(0), ..usual() }, "deadline"),
        (RolloutPolicy { advance: Advance::Time, soak: Lasting::seconds(0), ..usual() }, "soak"),
    ] {
        let problem = policy.verify().unwrap_err();
        assert!(problem.starts_with(named), "{problem}");
    }
    assert_eq!(usual().verify(), Ok(()));
}

fn following() -> impl Strategy<Value = Following> {
    use Following::*;
    proptest::sample::select(vec![
        Installed,
        Installed,
        Installed,
        Checking,
        Waiting,
        Held,
        failed(),
        Silent,
        Gone,
        Unconcerned,
        Ignored,
    ])
}

proptest! {
    /// Whatever hosts report, a step needs its proof: enough have it, few fail, few are silent.
    #[test]
    fn a_step_by_reports_is_never_taken_without_its_proof(
        first in proptest::collection::vec(following(), 0..12),
        installed in 1_u8..=100, silent in 0_u8..=100, failures in 0_u32..3, met in 0_i64..4_000,
    ) {
        let policy = RolloutPolicy {
            installed_percent: installed, silent_percent: silent, failures, ..by_reports()
        };
        let one = Rollout { met_at: Some(NOW.plus(-met)), ..rollout(false) };
        let verdict = judged(&policy, &one, hosts(&first));
        let number = |is: &dyn Fn(&Following) -> bool| first.iter().filter(|one| is(one)).count();
        let concerned = number(&|one| !matches!(one, Following::Unconcerned | Following::Ignored));
        let quiet = number(&|one| matches!(one, Following::Silent | Following::Gone));
        let fail = number(&|one| matches!(one, Following::Failed(_)));
        let have = number(&|one| *one == Following::Installed);
        prop_assert_eq!(verdict.step == Step::Abort, fail > failures as usize);
        if verdict.step == Step::Advance {
            prop_assert!(met >= 1_800 && have > 0 && fail <= failures as usize);
            prop_assert!(have * 100 >= (concerned - quiet) * usize::from(installed));
            prop_assert!(quiet * 100 <= concerned * usize::from(silent));
        }
        prop_assert!(!verdict.why.is_empty());
    }
}

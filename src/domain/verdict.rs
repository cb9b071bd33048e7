//! Verdict: whether a rollout goes on, waits or stops, by what the hosts of its rings report.

use std::collections::BTreeMap;

use crate::amount::{count, span};
use crate::domain::policy::{Abort, Advance, RolloutPolicy};
use crate::domain::ring::{Ring, RingId};
use crate::domain::{Identity, Rings, Rollout, RolloutState};
use crate::time::Moment;

/// How many hosts a sentence names.
const MOST_NAMED: usize = 3;
const PERCENT: usize = 100;

/// How a host of a ring follows a rollout.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Following {
    /// It has what the rollout brings, or what is higher.
    Installed,
    /// It has, and its checks have not been run since.
    Checking,
    /// It has asked for its lists since, or asks from time to time, and does not have it yet.
    Waiting,
    /// It holds back a package that the rollout brings.
    Held,
    /// What the rollout brings failed there.
    Failed(String),
    /// It has not asked since; or it never reports, so that nobody knows what it has.
    Silent,
    /// The same, and it had not asked for long when it was reached.
    Gone,
    /// It has none of the packages.
    Unconcerned,
    /// It is left out of the count, because somebody said so.
    Ignored,
}

/// The hosts of a ring, each with how it follows.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct RingHosts {
    hosts: BTreeMap<Identity, Following>,
}

impl RingHosts {
    /// Adds a host.
    pub fn add(&mut self, host: Identity, following: Following) {
        self.hosts.insert(host, following);
    }

    /// Every host, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&Identity, &Following)> {
        self.hosts.iter()
    }

    fn of<'a>(&'a self, is: impl Fn(&Following) -> bool + 'a) -> Vec<&'a Identity> {
        self.hosts.iter().filter(|(_, one)| is(one)).map(|(host, _)| host).collect()
    }

    fn number(&self, is: impl Fn(&Following) -> bool) -> usize {
        self.hosts.values().filter(|one| is(one)).count()
    }

    /// How many the rollout concerns, as far as is known.
    fn concerned(&self) -> usize {
        self.number(|one| !matches!(one, Following::Unconcerned | Following::Ignored))
    }

    fn failed(&self) -> impl Iterator<Item = (&Identity, &str)> {
        self.hosts.iter().filter_map(|(host, one)| match one {
            Following::Failed(why) => Some((host, why.as_str())),
            _ => None,
        })
    }
}

/// What is to become of a rollout now.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Step {
    /// Nothing.
    Wait,
    /// The first ring.
    Start,
    /// Enough hosts have it: the soak begins.
    Soak,
    /// The next ring.
    Advance,
    /// It stays where it is.
    Pause,
    /// It is taken back.
    Abort,
}

/// A verdict, and why, for people.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Verdict {
    /// What is to be done.
    pub step: Step,
    /// Why; what it waits for.
    pub why: String,
}

/// Judges an open rollout of a suite with these rings. `hosts` has the hosts of each ring that it has reached.
pub fn judge(
    rings: &Rings,
    policy: &RolloutPolicy,
    rollout: &Rollout,
    hosts: &BTreeMap<RingId, RingHosts>,
    now: Moment,
) -> Verdict {
    let last = rings.iter().filter(|ring| rollout.reached.contains_key(&ring.id)).last();
    let Some(ring) = last else { return unbegun(policy, rollout, now) };
    let none = RingHosts::default();
    let of_ring = hosts.get(&ring.id).unwrap_or(&none);
    let tally = told(ring, of_ring);
    match rollout.state {
        RolloutState::Running => {}
        RolloutState::Paused => return Verdict { step: Step::Wait, why: tally },
        _ => return Verdict { step: Step::Wait, why: String::new() },
    }
    if let Some(verdict) = failing(rings, policy, rollout, hosts) {
        return verdict;
    }
    let verdict = |step, why: String| match (step, policy.frozen_at(now)) {
        (Step::Advance, Some((freeze, end))) => {
            Verdict { step: Step::Wait, why: format!("{why}; {}", freeze.told(end)) }
        }
        _ => Verdict { step, why },
    };
    let soak = policy.soak.as_seconds();
    match policy.advance {
        Advance::Manual => {
            verdict(Step::Wait, format!("{tally}; `repoctl rollout advance` goes on"))
        }
        Advance::Time => match left(last_step(rollout), soak, now) {
            0 => verdict(Step::Advance, format!("{tally}; {} are over", told_span(soak))),
            more => {
                verdict(Step::Wait, format!("{tally}; the next step is in {}", told_span(more)))
            }
        },
        Advance::Reports => match unproven(policy, ring, of_ring) {
            Some(lack) => lacking(policy, rollout, &tally, &lack, now),
            None => match rollout.met_at.map(|met| left(met, soak, now)) {
                Some(0) => verdict(Step::Advance, tally),
                None if soak == 0 => verdict(Step::Advance, tally),
                None => {
                    let begins = format!("the soak of {} begins", told_span(soak));
                    verdict(Step::Soak, format!("{tally}; {begins}"))
                }
                Some(more) => {
                    verdict(Step::Wait, format!("{tally}; soak {} left", told_span(more)))
                }
            },
        },
    }
}

/// A rollout that has reached no ring begins, unless something keeps it back.
fn unbegun(policy: &RolloutPolicy, rollout: &Rollout, now: Moment) -> Verdict {
    let verdict = |step, why| Verdict { step, why };
    match policy.keeps_back(now) {
        _ if !rollout.is_running() => verdict(Step::Wait, String::new()),
        Some(why) => verdict(Step::Wait, format!("{why}; `repoctl rollout start` begins it")),
        None => verdict(Step::Start, "it begins".to_owned()),
    }
}

/// What is not proven waits until its deadline, and is paused then.
fn lacking(
    policy: &RolloutPolicy,
    rollout: &Rollout,
    tally: &str,
    lack: &Lack,
    now: Moment,
) -> Verdict {
    let last_step = last_step(rollout);
    let from = rollout.resumed_at.map_or(last_step, |at| at.max(last_step));
    match left(from, policy.deadline.as_seconds(), now) {
        more if more > 0 && !lack.is_final => Verdict {
            step: Step::Wait,
            why: format!("{tally}; {}, {} left for it", lack.text, told_span(more)),
        },
        _ => Verdict { step: Step::Pause, why: format!("inconclusive: {tally}; {}", lack.text) },
    }
}

fn last_step(rollout: &Rollout) -> Moment {
    rollout.last_step().unwrap_or(rollout.at)
}

/// How much is left of a time. A clock that was put back makes it no longer than it is.
fn left(since: Moment, lasting: i64, now: Moment) -> i64 {
    lasting.saturating_sub(now.since(since)).clamp(0, lasting)
}

fn told_span(seconds: i64) -> String {
    span(u64::try_from(seconds).unwrap_or_default())
}

/// A rollout that fails on too many hosts stops.
fn failing(
    rings: &Rings,
    policy: &RolloutPolicy,
    rollout: &Rollout,
    hosts: &BTreeMap<RingId, RingHosts>,
) -> Option<Verdict> {
    let failed: Vec<_> = hosts.values().flat_map(RingHosts::failed).collect();
    let concerned = hosts.values().map(RingHosts::concerned).fold(0, usize::saturating_add);
    if failed.len() <= policy.tolerated(concerned) {
        return None;
    }
    let named: Vec<_> =
        failed.iter().take(MOST_NAMED).map(|(host, why)| format!("{host}: {why}")).collect();
    let more = match failed.len().saturating_sub(MOST_NAMED) {
        0 => String::new(),
        more => format!("; and {more} more"),
    };
    let fail = if failed.len() == 1 { "fails" } else { "fail" };
    let of = count(concerned, "host");
    let why = format!("{} of {of} {fail}: {}{more}", failed.len(), named.join("; "));
    let first = rings.iter().next().map(|ring| ring.id);
    let only_first = rollout.reached.keys().all(|ring| Some(*ring) == first);
    let is_aborted = match policy.abort {
        Abort::Never => false,
        Abort::FirstRing => only_first,
        Abort::Always => true,
    };
    Some(Verdict { step: if is_aborted { Step::Abort } else { Step::Pause }, why })
}

/// Why a ring does not prove that a rollout is well.
struct Lack {
    text: String,
    /// Whether time does not cure it.
    is_final: bool,
}

fn unproven(policy: &RolloutPolicy, ring: &Ring, hosts: &RingHosts) -> Option<Lack> {
    let lack = |text, is_final| Some(Lack { text, is_final });
    if hosts.hosts.is_empty() {
        return lack(format!("ring {} has no hosts", ring.name), true);
    }
    let concerned = hosts.concerned();
    if concerned == 0 {
        return lack(format!("no host of {} has any of the packages", ring.name), false);
    }
    let allowed = |number: usize| {
        number.saturating_mul(PERCENT)
            <= concerned.saturating_mul(usize::from(policy.silent_percent))
    };
    let gone = hosts.number(|one| *one == Following::Gone);
    let silent = gone.saturating_add(hosts.number(|one| *one == Following::Silent));
    let rule = format!("at most {} % may be silent", policy.silent_percent);
    if !allowed(gone) {
        return lack(rule, true);
    }
    let reachable = concerned.saturating_sub(silent);
    let installed = hosts.number(|one| *one == Following::Installed);
    let needed = reachable.saturating_mul(usize::from(policy.installed_percent));
    if reachable == 0 || installed.saturating_mul(PERCENT) < needed {
        let text = format!("{} % must have it", policy.installed_percent);
        return lack(text, false);
    }
    if allowed(silent) { None } else { lack(rule, false) }
}

/// How far a ring is: `canary 9/10 installed, 1 silent (web-03.example.org)`.
fn told(ring: &Ring, hosts: &RingHosts) -> String {
    let installed = hosts.number(|one| *one == Following::Installed);
    let mut text = format!("{} {installed}/{} installed", ring.name, hosts.concerned());
    let mut add = |word: &str, is: &dyn Fn(&Following) -> bool| {
        let found = hosts.of(is);
        if found.is_empty() {
            return;
        }
        let named: Vec<_> = found.iter().take(MOST_NAMED).map(|host| host.as_str()).collect();
        let more = if found.len() > MOST_NAMED { ", …" } else { "" };
        text.push_str(&format!(", {} {word} ({}{more})", found.len(), named.join(", ")));
    };
    add("failing", &|one| matches!(one, Following::Failed(_)));
    add("holding it back", &|one| *one == Following::Held);
    add("silent", &|one| matches!(one, Following::Silent | Following::Gone));
    add("waiting", &|one| *one == Following::Waiting);
    add("checking", &|one| *one == Following::Checking);
    add("left out", &|one| *one == Following::Ignored);
    text
}

//! Health: what the checks of a host said after a change, and which of their failures count.

use std::fmt;

use crate::domain::Identity;
use crate::time::Moment;

/// The most checks of one host that are known from one source.
pub const MOST_CHECKS: usize = 32;
/// The longest text of a check. Unit: bytes.
pub const LONGEST_TEXT_BYTES: usize = 120;
const LONGEST_NAME_BYTES: usize = 64;

/// The name of a check, by the rules of run-parts: letters, digits, `_` and `-`. Source: run-parts(8).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct CheckName(String);

impl CheckName {
    /// Reads it.
    ///
    /// # Errors
    /// What is wrong with it, as a sentence without a subject.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let may = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
        match (1..=LONGEST_NAME_BYTES).contains(&text.len()) && text.bytes().all(may) {
            true => Ok(Self(text.to_owned())),
            false => Err("is no name for run-parts: at most 64 letters, digits, '_' and '-'"),
        }
    }

    /// As a text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for CheckName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// How a check ended.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Ended {
    /// Well.
    Passed,
    /// Not well.
    Failed,
    /// Not in the time that it has, which is a failure.
    TimedOut,
}

impl Ended {
    /// Every one, with its word.
    pub const ALL: [(Self, &'static str); 3] =
        [(Self::Passed, "pass"), (Self::Failed, "fail"), (Self::TimedOut, "timeout")];

    /// Reads the word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.iter().find_map(|(one, own)| (*own == word).then_some(*one))
    }

    /// The word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Passed => "pass",
            Self::Failed => "fail",
            Self::TimedOut => "timeout",
        }
    }

    /// Whether it is a failure.
    pub fn is_failure(self) -> bool {
        self != Self::Passed
    }
}

/// What a check said.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CheckResult {
    /// Which check.
    pub name: CheckName,
    /// How it ended.
    pub ended: Ended,
    /// Since when it fails without having passed in between; of one that passed, when it ended.
    pub since: Moment,
    /// The first line that it printed; empty when it printed none. One line of at most [`LONGEST_TEXT_BYTES`].
    pub text: String,
}

impl CheckResult {
    /// Reads `NAME RESULT SINCE [TEXT]`. `RESULT` is `pass`, `fail` or `timeout`, `SINCE` seconds since 1970.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(line: &str) -> Result<Self, String> {
        const FORM: &str = "a check is NAME RESULT SINCE [TEXT], one blank between two";
        let mut words = line.splitn(4, ' ');
        let (Some(name), Some(ended), Some(since)) = (words.next(), words.next(), words.next())
        else {
            return Err(FORM.into());
        };
        let text = words.next().unwrap_or_default();
        if !is_line(text) {
            return Err(format!("the text is no line of at most {LONGEST_TEXT_BYTES} bytes"));
        }
        let result = Self {
            name: CheckName::parse(name).map_err(|problem| format!("the name {problem}"))?,
            ended: Ended::parse(ended).ok_or("a result is pass, fail or timeout")?,
            since: Moment(since.parse().map_err(|_| FORM)?),
            text: text.to_owned(),
        };
        // One result is written in one way.
        if result.to_string() == line { Ok(result) } else { Err(FORM.into()) }
    }
}

impl fmt::Display for CheckResult {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.name, self.ended.as_str(), self.since.0)?;
        if self.text.is_empty() { Ok(()) } else { write!(f, " {}", self.text) }
    }
}

/// Whether a text is one line, and no longer than that of a check may be.
pub fn is_line(text: &str) -> bool {
    text.len() <= LONGEST_TEXT_BYTES && !text.chars().any(char::is_control)
}

/// What the checks of a host said when they were last run there.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct HealthRun {
    /// When they were run, by the clock of the host.
    pub at: Moment,
    /// When packages were last altered before that, by the same clock; `None` when that is not known.
    pub changed_at: Option<Moment>,
    /// Each check, once.
    pub checks: Vec<CheckResult>,
}

impl HealthRun {
    /// As it is stored: `AT CHANGED_AT` or `AT -`, then a line for each check.
    pub fn to_text(&self) -> String {
        let changed = self.changed_at.map_or("-".into(), |at| at.0.to_string());
        let mut text = format!("{} {changed}", self.at.0);
        for check in &self.checks {
            text.push_str(&format!("\n{check}"));
        }
        text
    }

    /// Reads what is stored.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut lines = text.split('\n');
        let first = lines.next().and_then(|line| line.split_once(' '));
        let (at, changed) = first.ok_or("a run begins with AT CHANGED_AT")?;
        let number = |word: &str| word.parse().map(Moment).map_err(|_| "no moment".to_owned());
        Ok(Self {
            at: number(at)?,
            changed_at: if changed == "-" { None } else { Some(number(changed)?) },
            checks: lines.map(CheckResult::parse).collect::<Result<_, _>>()?,
        })
    }

    /// Whether no check is there twice, and there are not too many.
    pub fn is_bounded(&self) -> bool {
        let mut names: Vec<_> = self.checks.iter().map(|check| &check.name).collect();
        names.sort_unstable();
        names.dedup();
        names.len() == self.checks.len() && names.len() <= MOST_CHECKS
    }
}

/// A check whose last result is known.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct KnownCheck {
    /// What it said.
    pub result: CheckResult,
    /// Who says so; `None` for the host itself.
    pub reporter: Option<Identity>,
    /// When that was.
    pub at: Moment,
    /// Whether it failed before the change already, so that the change is not to blame.
    pub failed_before: bool,
}

/// What is known of the health of a host.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct HostHealth {
    /// Each check, by name.
    pub checks: Vec<KnownCheck>,
    /// Until when the host is left out of the count, because somebody said so.
    pub ignored_until: Option<Moment>,
}

/// How a host is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Health {
    /// No check has said anything.
    Unknown,
    /// No failure counts.
    Healthy,
    /// A check fails that did not fail before the change.
    Unhealthy,
    /// A check fails so, and the host is left out of the count.
    Ignored,
}

impl HostHealth {
    /// When the last result came; `None` when there is none.
    pub fn last(&self) -> Option<Moment> {
        self.checks.iter().map(|check| check.at).max()
    }

    /// The failures that a change may be to blame for, also of a host that is left out.
    pub fn failures(&self) -> impl Iterator<Item = &KnownCheck> {
        self.checks.iter().filter(|check| check.result.ended.is_failure() && !check.failed_before)
    }

    /// How the host is.
    pub fn standing(&self) -> Health {
        let is_ignored = self.ignored_until.is_some();
        match (self.checks.is_empty(), self.failures().next().is_some()) {
            (true, _) => Health::Unknown,
            (false, false) => Health::Healthy,
            (false, true) if is_ignored => Health::Ignored,
            (false, true) => Health::Unhealthy,
        }
    }
}

/// The last results of a host: what it said itself, and what others said of it. `changed_at` is when the change was
/// offered to it that is asked about, by the clock of the server; without it, others are held against the change that
/// the host speaks of. What the host itself said is held against its own change, by its own clock.
pub fn known(
    run: Option<&HealthRun>,
    received_at: Moment,
    others: Vec<(Identity, CheckResult, Moment)>,
    changed_at: Option<Moment>,
) -> Vec<KnownCheck> {
    let own_change = run.and_then(|run| run.changed_at);
    let of_host = run.into_iter().flat_map(|run| &run.checks).map(|result| KnownCheck {
        result: result.clone(),
        reporter: None,
        // No host reports what is not yet.
        at: run.map_or(received_at, |run| run.at.min(received_at)),
        failed_before: failed_before(result, own_change),
    });
    let of_others = others.into_iter().map(|(reporter, result, at)| KnownCheck {
        failed_before: failed_before(&result, changed_at.or(own_change)),
        result,
        reporter: Some(reporter),
        at,
    });
    let mut all: Vec<_> = of_host.chain(of_others).collect();
    all.sort_by(|a, b| (&a.result.name, &a.reporter).cmp(&(&b.result.name, &b.reporter)));
    all
}

fn failed_before(result: &CheckResult, changed_at: Option<Moment>) -> bool {
    result.ended.is_failure() && changed_at.is_some_and(|at| result.since < at)
}

/// Since when a check is as it is: a failure lasts from the first one on.
pub fn since(before: Option<&CheckResult>, ended: Ended, now: Moment) -> Moment {
    match before {
        Some(before) if ended.is_failure() && before.ended.is_failure() => before.since.min(now),
        _ => now,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check(line: &str) -> CheckResult {
        CheckResult::parse(line).unwrap()
    }

    #[test]
    fn a_line_is_read_in_one_way_only() {
        for good in ["10-web pass 5", "a_b fail -1 no route  to it", "x timeout 7"] {
            assert_eq!(check(good).to_string(), good);
        }
        for bad in [
            "",
            "a",
            "a pass",
            "a pass x",
            "a pass 05",
            "a pass 5 ",
            "a.sh pass 5",
            "a ok 5",
            "a  pass 5",
            "a fail 5 \u{1b}[31m",
            "a fail 5 x\ny",
        ] {
            assert!(CheckResult::parse(bad).is_err(), "{bad:?}");
        }
        assert!(CheckResult::parse(&format!("a fail 5 {}", "x".repeat(121))).is_err());
    }

    #[test]
    fn a_failure_from_before_the_change_does_not_count() {
        let run = |since: i64| HealthRun {
            at: Moment(100),
            changed_at: Some(Moment(50)),
            checks: vec![check(&format!("web fail {since}")), check("db pass 100")],
        };
        let host = |since, ignored_until| HostHealth {
            checks: known(Some(&run(since)), Moment(200), Vec::new(), None),
            ignored_until,
        };
        assert_eq!(host(60, None).standing(), Health::Unhealthy);
        assert_eq!(host(50, None).standing(), Health::Unhealthy);
        assert_eq!(host(49, None).standing(), Health::Healthy);
        assert_eq!(host(60, Some(Moment(300))).standing(), Health::Ignored);
        assert_eq!(host(49, Some(Moment(300))).standing(), Health::Healthy);
        assert_eq!(HostHealth::default().standing(), Health::Unknown);
        assert_eq!(host(60, None).last(), Some(Moment(100)));
    }

    #[test]
    fn what_others_say_is_held_against_the_change_that_is_asked_about() {
        let by = || Identity::parse("probe.example.org").unwrap();
        let said = |changed_at| {
            let others = vec![(by(), check("http fail 70"), Moment(90))];
            let checks = known(None, Moment(0), others, changed_at);
            HostHealth { checks, ignored_until: None }.standing()
        };
        assert_eq!(said(None), Health::Unhealthy);
        assert_eq!(said(Some(Moment(70))), Health::Unhealthy);
        assert_eq!(said(Some(Moment(71))), Health::Healthy);
    }

    #[test]
    fn a_failure_lasts_from_the_first_one_until_it_passes() {
        let (failed, passed) = (check("web fail 10"), check("web pass 10"));
        assert_eq!(since(Some(&failed), Ended::TimedOut, Moment(20)), Moment(10));
        assert_eq!(since(Some(&passed), Ended::Failed, Moment(20)), Moment(20));
        assert_eq!(since(Some(&failed), Ended::Passed, Moment(20)), Moment(20));
        assert_eq!(since(None, Ended::Failed, Moment(20)), Moment(20));
        // A clock that was put back.
        assert_eq!(since(Some(&failed), Ended::Failed, Moment(5)), Moment(5));
    }

    proptest! {
        #[test]
        fn what_is_stored_is_read_again(
            at in any::<i64>(), changed in proptest::option::of(any::<i64>()),
            checks in proptest::collection::btree_map("[a-z0-9_-]{1,9}", (0_usize..3, any::<i64>(), "[ -~]{0,40}"), 0..9),
        ) {
            let run = HealthRun {
                at: Moment(at),
                changed_at: changed.map(Moment),
                checks: checks.into_iter().map(|(name, (ended, since, text))| CheckResult {
                    name: CheckName::parse(&name).unwrap(),
                    ended: Ended::ALL[ended].0,
                    since: Moment(since),
                    text,
                }).collect(),
            };
            prop_assert!(run.is_bounded());
            prop_assert_eq!(HealthRun::parse(&run.to_text()), Ok(run));
        }
    }
}

//! The health of hosts: what is known of it, what others say, and who is left out of the count.

use std::collections::HashMap;
use std::sync::Arc;

use crate::catalogue::HostCheck;
use crate::debian::SuiteName;
use crate::domain::health::{self, CheckName, CheckResult, Ended, HostHealth, MOST_CHECKS};
use crate::domain::inventory::Facts;
use crate::domain::{Admitted, Identity};
use crate::flow::admit;
use crate::flow::error::FlowError;
use crate::flow::inventory::hosts::is_shown;
use crate::flow::report::reports::reading;
use crate::flow::repository::Repository;
use crate::time::Moment;

/// How long what others said of a host is remembered. Unit: seconds.
const REMEMBERED_SECONDS: i64 = 30 * 86_400;
/// The longest time that a host may be left out. Unit: hours.
const MOST_HOURS: u32 = 52 * 168;

/// What is known beside reports.
pub(super) struct Told {
    others: HashMap<Identity, Vec<HostCheck>>,
    ignored: HashMap<Identity, Moment>,
}

impl Told {
    /// Of every host, or of one. Blocks.
    ///
    /// # Errors
    /// [`FlowError`] from the catalogue.
    pub(super) fn load(
        repository: &Repository,
        host: Option<&Identity>,
    ) -> Result<Self, FlowError> {
        let (now, mut others) = (repository.now(), HashMap::<_, Vec<_>>::new());
        for check in repository.catalogue.list_checks(host)? {
            others.entry(check.host.clone()).or_default().push(check);
        }
        let ignored = repository.catalogue.list_ignored()?;
        let ignored = ignored.into_iter().filter(|(_, until)| *until > now).collect();
        Ok(Self { others, ignored })
    }

    /// The health of a host, with what others say about a suite, or about any. `said` is its last report and when it
    /// came; for `changed_at` see [`health::known`].
    pub(super) fn of(
        &self,
        host: &Identity,
        suite: Option<&SuiteName>,
        said: Option<(&Facts, Moment)>,
        changed_at: Option<Moment>,
    ) -> HostHealth {
        let others = self.others.get(host).into_iter().flatten();
        let others = others.filter(|check| suite.is_none_or(|suite| check.suite == *suite));
        let others = others.map(|one| (one.reporter.clone(), one.result.clone(), one.at)).collect();
        let run = said.and_then(|(facts, _)| facts.health.as_ref());
        let received_at = said.map_or(Moment(0), |(_, at)| at);
        HostHealth {
            checks: health::known(run, received_at, others, changed_at),
            ignored_until: self.ignored.get(host).copied(),
        }
    }
}

/// The health of a host, for whoever decides about a change of a suite: what each check last said, when, and whether it
/// failed before the change. `changed_at` is when the change was offered to the host; results from before that say
/// nothing about the change, and [`health::KnownCheck::at`] tells. Blocks.
///
/// # Errors
/// [`FlowError`] from the catalogue.
pub(in crate::flow) fn health_of(
    repository: &Repository,
    host: &Identity,
    suite: Option<&SuiteName>,
    changed_at: Option<Moment>,
) -> Result<HostHealth, FlowError> {
    let report = repository.catalogue.find_report(host)?;
    let said = report.as_ref().map(|report| (&report.facts, report.at));
    Ok(Told::load(repository, Some(host))?.of(host, suite, said, changed_at))
}

/// The health of a host that `admitted` manages, or is.
///
/// # Errors
/// [`FlowError::Missing`] for any other; [`FlowError`] from the catalogue.
pub async fn health(
    repository: &Arc<Repository>,
    admitted: &Admitted,
    host: &Identity,
    suite: Option<SuiteName>,
) -> Result<HostHealth, FlowError> {
    let (admitted, host) = (admitted.clone(), host.clone());
    reading(repository, move |shared| {
        if !is_shown(shared, &admitted, &host)? {
            return Err(no_host(&host));
        }
        health_of(shared, &host, suite.as_ref(), None)
    })
    .await
}

fn no_host(host: &Identity) -> FlowError {
    FlowError::Missing(format!("host {host} among those that you manage"))
}

/// What somebody says of a host in a suite that they operate.
#[derive(Clone, Debug)]
pub struct Word {
    /// The check.
    pub name: CheckName,
    /// How it ended.
    pub ended: Ended,
    /// A line; [`health::is_line`].
    pub text: String,
}

/// Takes a result from an operator of the suite, in the place of their last one of this check. Gives the health of the
/// host then.
///
/// # Errors
/// [`FlowError::Missing`] when no such host reads the suite; [`FlowError::Invalid`] when there are too many checks.
pub async fn note(
    repository: &Arc<Repository>,
    by: &Admitted,
    (suite, host): (SuiteName, Identity),
    word: Word,
) -> Result<HostHealth, FlowError> {
    let by = by.clone();
    reading(repository, move |shared| {
        let reporter = by.identity().clone();
        let held = admit::find_entitled(shared, &host);
        if !held.is_some_and(|held| held.is_host() && held.reads(&suite)) {
            return Err(FlowError::Missing(format!("host {host} that reads suite {suite}")));
        }
        let mut known = shared.catalogue.list_checks(Some(&host))?;
        known.retain(|one| one.suite == suite);
        let is_same = |one: &&HostCheck| one.reporter == reporter && one.result.name == word.name;
        let before = known.iter().find(is_same);
        if before.is_none() && known.len() >= MOST_CHECKS {
            let problem = format!("{host} has {MOST_CHECKS} checks in {suite} already");
            return Err(FlowError::Invalid { field: "check", problem });
        }
        let now = shared.now();
        let since = health::since(before.map(|one| &one.result), word.ended, now);
        let Word { name, ended, text } = word;
        let result = CheckResult { name, ended, since, text };
        let check = HostCheck { host, suite, reporter, result, at: now };
        let forget = now.plus(REMEMBERED_SECONDS.saturating_neg());
        shared.catalogue.record_check(&check, forget)?;
        shared.reported.notify_one();
        if is_shown(shared, &by, &check.host)? {
            return health_of(shared, &check.host, Some(&check.suite), None);
        }
        // What the host itself says is for those who manage it, in all of its suites.
        let told = Told::load(shared, Some(&check.host))?;
        Ok(told.of(&check.host, Some(&check.suite), None, None))
    })
    .await
}

/// Leaves the failures of a host out of the count for so many hours, or counts them again. Gives until when they are left
/// out.
///
/// # Errors
/// [`FlowError::Missing`] for a host that `by` does not manage; [`FlowError::Invalid`] for a time that is too long.
pub async fn ignore(
    repository: &Arc<Repository>,
    by: &Admitted,
    host: Identity,
    hours: Option<u32>,
) -> Result<Option<Moment>, FlowError> {
    if hours.is_some_and(|hours| !(1..=MOST_HOURS).contains(&hours)) {
        let problem = format!("is 1 to {MOST_HOURS}");
        return Err(FlowError::Invalid { field: "hours", problem });
    }
    let by = by.clone();
    reading(repository, move |shared| {
        if *by.identity() == host || !is_shown(shared, &by, &host)? {
            return Err(no_host(&host));
        }
        let now = shared.now();
        let until = hours.map(|hours| now.plus(i64::from(hours).saturating_mul(3_600)));
        let detail = match until {
            Some(until) => format!("{host} until {until}"),
            None => format!("{host} counts again"),
        };
        let event = by.did("health-ignore", now).with(&detail);
        shared.catalogue.record_ignored(&host, until, &event)?;
        shared.reported.notify_one();
        Ok(until)
    })
    .await
}

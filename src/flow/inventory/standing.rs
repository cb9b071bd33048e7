//! How the hosts of each suite stand to it.

use std::collections::HashMap;
use std::sync::Arc;

use crate::debian::SuiteName;
use crate::domain::health::HostHealth;
use crate::domain::inventory::{Facts, Installed, Marks};
use crate::domain::{Admitted, GroupName, Identity};
use crate::flow::error::FlowError;
use crate::flow::inventory::health::Told;
use crate::flow::inventory::hosts::{managed, packages_of, reads, reports_of, retain_group};
use crate::flow::report::gauges::SILENT_SECONDS;
use crate::flow::report::identities::IdentityReport;
use crate::flow::report::reports::reading;
use crate::flow::repository::{Repository, no_suite_for};
use crate::time::Moment;

/// How a host stands to a suite: the first that applies.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum State {
    /// It has asked for nothing lately, or never.
    Silent,
    /// It was not offered the live generation yet.
    Behind,
    /// It was, and holds packages back.
    Held,
    /// It was, and has reported no hold.
    Live,
}

/// A host and a suite.
#[derive(Clone, Debug)]
pub struct HostStanding {
    /// Which host.
    pub host: Identity,
    /// In which ring it is; `None` where the suite has none.
    pub ring: Option<String>,
    /// How it stands.
    pub state: State,
    /// The generation that it was last offered, and when it last asked.
    pub seen: Option<(u64, Moment)>,
    /// When it last reported.
    pub reported_at: Option<Moment>,
    /// What it holds.
    pub held: Vec<(Installed, Marks)>,
    /// Whether it needs a reboot.
    pub reboot: bool,
    /// What its checks say.
    pub health: HostHealth,
}

/// The hosts of a suite.
#[derive(Clone, Debug)]
pub struct SuiteStanding {
    /// Which suite.
    pub suite: SuiteName,
    /// The generation that is served.
    pub live: Option<u64>,
    /// Its hosts.
    pub hosts: Vec<HostStanding>,
}

/// What a report says that a standing needs.
struct Said {
    at: Moment,
    held: Vec<(u64, Marks)>,
    facts: Facts,
}

/// The hosts of each suite, or of one; all of them, or those of a group.
///
/// # Errors
/// [`FlowError::Missing`] for a suite or group that the asker has no hosts of; [`FlowError`] from the catalogue.
pub async fn fleet(
    repository: &Arc<Repository>,
    admitted: &Admitted,
    (suite, group, all): (Option<SuiteName>, Option<GroupName>, bool),
) -> Result<Vec<SuiteStanding>, FlowError> {
    let admitted = admitted.clone();
    reading(repository, move |shared| {
        let desks = shared.desks();
        if let Some(suite) = suite
            .as_ref()
            .filter(|suite| !desks.contains_key(*suite) || !admitted.entitled().reads(suite))
        {
            return Err(no_suite_for(shared, &admitted, suite));
        }
        let mut hosts = managed(shared, &admitted, all)?;
        if let Some(group) = &group {
            retain_group(shared, &mut hosts, group)?;
        }
        let said = reports_of(shared, &hosts, |report| Said {
            at: report.at,
            held: report.packages.iter().filter(|(_, marks)| marks.held).copied().collect(),
            facts: report.facts,
        })?;
        let held = said.values().flat_map(|said| said.held.iter().map(|(id, _)| *id)).collect();
        let named = packages_of(shared, held)?;
        let told = Told::load(shared, None)?;
        let asked = desks.keys().filter(|one| suite.as_ref().is_none_or(|suite| suite == *one));
        let of_suite = |one: &SuiteName| {
            let live = desks.get(one).and_then(|desk| desk.live());
            let now = shared.now();
            let is_of = |host: &&IdentityReport| {
                reads(host, one) || all && host.sightings.iter().any(|seen| seen.suite == *one)
            };
            let found = hosts.iter().filter(is_of);
            let stand = |host: &IdentityReport| {
                let said = said.get(&host.identity);
                let facts = said.map(|said| (&said.facts, said.at));
                let health = told.of(&host.identity, Some(one), facts, None);
                let desk = desks.get(one);
                let ring = desk.and_then(|desk| shared.ring_name(desk, &host.identity));
                HostStanding { ring, health, ..standing(host, (one, live), said, &named, now) }
            };
            SuiteStanding { suite: one.clone(), live, hosts: found.map(stand).collect() }
        };
        let suites = asked.map(of_suite);
        Ok(suites.filter(|one| suite.is_some() || !one.hosts.is_empty()).collect())
    })
    .await
}

fn standing(
    host: &IdentityReport,
    (suite, live): (&SuiteName, Option<u64>),
    said: Option<&Said>,
    named: &HashMap<u64, Installed>,
    now: Moment,
) -> HostStanding {
    let seen = host.sightings.iter().filter(|seen| seen.suite == *suite);
    let seen = seen.map(|seen| (seen.generation, seen.at)).max();
    let held = said.into_iter().flat_map(|said| &said.held);
    let held = held.filter_map(|(id, marks)| Some((named.get(id)?.clone(), *marks)));
    let held: Vec<_> = held.collect();
    let state = match seen {
        None => State::Silent,
        Some((_, at)) if now.since(at) > SILENT_SECONDS => State::Silent,
        Some((generation, _)) if Some(generation) < live => State::Behind,
        Some(_) if !held.is_empty() => State::Held,
        Some(_) => State::Live,
    };
    HostStanding {
        host: host.identity.clone(),
        ring: None,
        state,
        seen,
        reported_at: said.map(|said| said.at),
        held,
        reboot: said.is_some_and(|said| said.facts.reboot),
        health: HostHealth::default(),
    }
}

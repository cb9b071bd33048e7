//! How many hosts are in each state, for metrics.

use std::collections::HashMap;
use std::sync::Arc;

use crate::domain::Identity;
use crate::domain::health::Health;
use crate::flow::error::FlowError;
use crate::flow::inventory::health::Told;
use crate::flow::report::gauges::SILENT_SECONDS;
use crate::flow::report::reports::reading;
use crate::flow::repository::Repository;

/// How many hosts with a right are in each state. A host may be in several.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Tally {
    /// They were not offered the live generation of a suite that they asked for within two days.
    pub behind: u64,
    /// They hold packages.
    pub held: u64,
    /// They need a reboot.
    pub reboot: u64,
    /// A check fails that did not before the last change, and counts.
    pub unhealthy: u64,
    /// They asked for something, and have never reported.
    pub unreported: u64,
}

/// Counts them.
///
/// # Errors
/// [`FlowError`] from the catalogue; [`FlowError::Unavailable`] while too many reports are read.
pub async fn tally(repository: &Arc<Repository>) -> Result<Tally, FlowError> {
    reading(repository, tally_now).await
}

fn tally_now(repository: &Repository) -> Result<Tally, FlowError> {
    let (grants, now, desks) = (repository.grants.load(), repository.now(), repository.desks());
    let is_host =
        |identity: &Identity| grants.of(identity).is_some_and(|entitled| entitled.is_host());
    let mut seen: HashMap<Identity, bool> = HashMap::new();
    for sighting in repository.catalogue.list_sightings()? {
        let live = desks.get(&sighting.suite).and_then(|desk| desk.live());
        let is_behind =
            now.since(sighting.at) <= SILENT_SECONDS && Some(sighting.generation) < live;
        *seen.entry(sighting.identity).or_default() |= is_behind;
    }
    seen.retain(|host, _| is_host(host));
    let mut tally = Tally::default();
    let count = |number: &mut u64, is: bool| *number = number.saturating_add(u64::from(is));
    seen.values().for_each(|is_behind| count(&mut tally.behind, *is_behind));
    let (told, mut reported) = (Told::load(repository, None)?, 0_u64);
    repository.catalogue.each_report(&mut |report| {
        if !is_host(&report.host) {
            return Ok(());
        }
        count(&mut reported, seen.contains_key(&report.host));
        count(&mut tally.held, report.packages.iter().any(|(_, marks)| marks.held));
        count(&mut tally.reboot, report.facts.reboot);
        let health = told.of(&report.host, None, Some((&report.facts, report.at)), None);
        count(&mut tally.unhealthy, health.standing() == Health::Unhealthy);
        Ok(())
    })?;
    tally.unreported = (seen.len() as u64).saturating_sub(reported);
    Ok(tally)
}

//! What all hosts have installed, as runs of the numbers of shared lines.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use crate::debian::PackageName;
use crate::domain::inventory::{Facts, Installed};
use crate::domain::vulnerable::source_of;
use crate::domain::{Admitted, Identity};
use crate::flow::error::FlowError;
use crate::flow::inventory::hosts::{managed, packages_of, reports_of};
use crate::flow::report::reports::reading;
use crate::flow::repository::Repository;
use crate::time::Moment;

/// What is asked for.
#[derive(Clone, Debug)]
pub struct InstalledOf {
    /// Only packages of these sources, and with these names.
    pub packages: Option<BTreeSet<PackageName>>,
    /// Whether hosts count that hold no right or no certificate any more.
    pub all: bool,
}

/// What a host has installed.
#[derive(Clone, Debug)]
pub struct HostInventory {
    /// Which host.
    pub host: Identity,
    /// When it said so.
    pub at: Moment,
    /// What it says beside its packages.
    pub facts: Facts,
    /// Which lines it has: the first and the last of each run, ascending.
    pub has: Vec<[u32; 2]>,
}

/// What hosts have installed.
#[derive(Clone, Debug)]
pub struct Inventory {
    /// The packages that any of them has.
    pub lines: Vec<Installed>,
    /// The hosts that have reported.
    pub hosts: Vec<HostInventory>,
    /// The hosts that have never reported.
    pub unreported: Vec<Identity>,
}

/// What the hosts have installed that `admitted` manages.
///
/// # Errors
/// [`FlowError`] from the catalogue; [`FlowError::Unavailable`] while too many reports are read.
pub async fn installed(
    repository: &Arc<Repository>,
    admitted: &Admitted,
    wanted: InstalledOf,
) -> Result<Inventory, FlowError> {
    let admitted = admitted.clone();
    reading(repository, move |shared| answer(shared, &admitted, &wanted)).await
}

fn answer(
    repository: &Repository,
    admitted: &Admitted,
    wanted: &InstalledOf,
) -> Result<Inventory, FlowError> {
    let hosts = managed(repository, admitted, wanted.all)?;
    let mut used = BTreeSet::new();
    // Runs at once, because the lists of ten thousand hosts would take a hundred megabytes.
    let mut reports = reports_of(repository, &hosts, |report| {
        let ids = report.packages.iter().map(|(id, _)| *id);
        used.extend(ids.clone());
        (report.at, report.facts, runs_of(ids))
    })?;
    let mut lines: Vec<(u64, Installed)> =
        packages_of(repository, used.into_iter().collect())?.into_iter().collect();
    if let Some(packages) = &wanted.packages {
        lines.retain(|(_, line)| is_of(line, packages));
    }
    lines.sort_by_key(|(id, _)| *id);
    let places: HashMap<u64, u64> = lines.iter().map(|(id, _)| *id).zip(0..).collect();
    let mut inventory = Inventory { lines: Vec::new(), hosts: Vec::new(), unreported: Vec::new() };
    for host in hosts {
        let Some((at, facts, runs)) = reports.remove(&host.identity) else {
            inventory.unreported.push(host.identity);
            continue;
        };
        let ids = runs.into_iter().flat_map(|[first, last]| first..=last);
        let has = runs_of(ids.filter_map(|id| places.get(&id).copied()));
        let narrow = |at: u64| u32::try_from(at).unwrap_or(u32::MAX);
        let has = has.into_iter().map(|run| run.map(narrow)).collect();
        inventory.hosts.push(HostInventory { host: host.identity, at, facts, has });
    }
    inventory.lines = lines.into_iter().map(|(_, line)| line).collect();
    Ok(inventory)
}

fn is_of(line: &Installed, packages: &BTreeSet<PackageName>) -> bool {
    let own = line.source.as_ref().unwrap_or(&line.name);
    let version = line.source_version.as_ref().unwrap_or(&line.version);
    let (source, _) = source_of(&line.version, own, version);
    [&line.name, own, &source].into_iter().any(|name| packages.contains(name))
}

/// The first and the last of each run of ascending numbers.
fn runs_of(numbers: impl Iterator<Item = u64>) -> Vec<[u64; 2]> {
    let mut runs = Vec::<[u64; 2]>::new();
    for number in numbers {
        match runs.last_mut() {
            Some([_, last]) if last.checked_add(1) == Some(number) => *last = number,
            _ => runs.push([number; 2]),
        }
    }
    runs.shrink_to_fit();
    runs
}

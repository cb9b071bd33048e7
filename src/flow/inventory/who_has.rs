//! Which hosts have a package installed, by their reports; and what all of them were offered, by their requests.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use crate::catalogue::Sighting;
use crate::debian::relation::Operator;
use crate::debian::{PackageName, SuiteName, Version};
use crate::domain::inventory::{Installed, Marks};
use crate::domain::{Admitted, Identity, Tenure};
use crate::flow::error::FlowError;
use crate::flow::inventory::hosts::managed;
use crate::flow::report::identities::IdentityReport;
use crate::flow::report::reports::reading;
use crate::flow::repository::Repository;
use crate::time::Moment;

/// What is asked for.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// The binary package.
    pub name: PackageName,
    /// Only such versions.
    pub version: Option<(Operator, Version)>,
    /// Whether hosts count that hold no right or no certificate any more.
    pub all: bool,
}

/// What a host was offered.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Offered {
    /// In which suite.
    pub suite: SuiteName,
    /// The generation.
    pub generation: u64,
    /// When it last asked.
    pub at: Moment,
    /// The highest version of the package in that generation.
    pub version: Option<Version>,
}

/// A host, with what it has of the package and what it was offered.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Owner {
    /// Which host.
    pub host: Identity,
    /// What it has installed.
    pub installed: Vec<(Installed, Marks)>,
    /// When it said so.
    pub reported_at: Option<Moment>,
    /// What it was offered.
    pub offered: Vec<Offered>,
}

/// The answer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Answer {
    /// The hosts that have it.
    pub owners: Vec<Owner>,
    /// How many hosts have reported that they have not.
    pub without: u64,
    /// The hosts that have never reported.
    pub unreported: Vec<Owner>,
}

/// Which hosts have a package.
///
/// # Errors
/// [`FlowError`] from the catalogue; [`FlowError::Unavailable`] while too many reports are read.
pub async fn who_has(
    repository: &Arc<Repository>,
    admitted: &Admitted,
    wanted: Wanted,
) -> Result<Answer, FlowError> {
    let admitted = admitted.clone();
    reading(repository, move |shared| answer(shared, &admitted, &wanted)).await
}

fn answer(
    repository: &Repository,
    admitted: &Admitted,
    wanted: &Wanted,
) -> Result<Answer, FlowError> {
    let hosts = managed(repository, admitted, wanted.all)?;
    let fits = |installed: &Installed| match &wanted.version {
        None => true,
        Some((is, version)) => is.accepts(installed.version.compare(version)),
    };
    let lines = repository.catalogue.list_reported(&wanted.name)?;
    let lines: HashMap<u64, Installed> =
        lines.into_iter().filter(|(_, installed)| fits(installed)).collect();
    let mut ids: Vec<u64> = lines.keys().copied().collect();
    ids.sort_unstable();
    let owners = repository.catalogue.list_owners(&ids)?.into_iter();
    let mut have: HashMap<Identity, _> = owners.map(|owner| (owner.host.clone(), owner)).collect();
    let named = |packages: Vec<(u64, Marks)>| -> Vec<(Installed, Marks)> {
        let named =
            packages.into_iter().filter_map(|(id, marks)| Some((lines.get(&id)?.clone(), marks)));
        named.collect()
    };
    let past = Past::load(repository, &wanted.name, &hosts)?;
    let mut answer = Answer { owners: Vec::new(), without: 0, unreported: Vec::new() };
    for host in hosts {
        let offered = || host.sightings.iter().map(|seen| past.offered(seen)).collect();
        match have.remove(&host.identity) {
            Some(owner) if owner.packages.is_empty() => {
                answer.without = answer.without.saturating_add(1);
            }
            Some(owner) => answer.owners.push(Owner {
                offered: offered(),
                host: host.identity.clone(),
                installed: named(owner.packages),
                reported_at: Some(owner.at),
            }),
            None => answer.unreported.push(Owner {
                offered: offered(),
                host: host.identity.clone(),
                installed: Vec::new(),
                reported_at: None,
            }),
        }
    }
    Ok(answer)
}

/// Which versions of a package each suite listed when.
struct Past {
    tenures: BTreeMap<SuiteName, Vec<(Tenure, Version)>>,
}

impl Past {
    fn load(
        repository: &Repository,
        name: &PackageName,
        hosts: &[IdentityReport],
    ) -> Result<Self, FlowError> {
        let suites: BTreeSet<_> =
            hosts.iter().flat_map(|host| &host.sightings).map(|seen| &seen.suite).collect();
        let known = repository.catalogue.list_versions(None, std::slice::from_ref(name))?;
        let versions: HashMap<_, _> =
            known.iter().map(|one| (one.package.digest, one.package.version.clone())).collect();
        let sources: BTreeSet<_> = known.iter().map(|one| &one.package.source).collect();
        let mut tenures = BTreeMap::<SuiteName, Vec<(Tenure, Version)>>::new();
        for suite in suites {
            for source in &sources {
                let found = repository.catalogue.list_tenures(suite, source)?.into_iter();
                let found = found.filter_map(|one| {
                    let version = versions.get(&one.digest)?.clone();
                    Some((one, version))
                });
                tenures.entry(suite.clone()).or_default().extend(found);
            }
        }
        Ok(Self { tenures })
    }

    fn offered(&self, seen: &Sighting) -> Offered {
        let in_suite = self.tenures.get(&seen.suite).into_iter().flatten();
        let listed = in_suite.filter(|(tenure, _)| {
            tenure.from <= seen.generation
                && tenure.until.is_none_or(|until| seen.generation < until)
        });
        let version = listed.map(|(_, version)| version).max_by(|a, b| a.compare(b)).cloned();
        Offered { suite: seen.suite.clone(), generation: seen.generation, at: seen.at, version }
    }
}

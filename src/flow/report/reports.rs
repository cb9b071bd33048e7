//! Report: what people ask about suites, packages and hosts.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::catalogue::Placement;
use crate::debian::{Component, PackageName, SuiteName};
use crate::domain::package_set::place_of;
use crate::domain::{
    Admitted, Head, Hold, Identity, Move, Package, PackageSet, Pin, SuiteSpec, moves,
};
use crate::flow::error::FlowError;
use crate::flow::repository::{Repository, no_suite, no_suite_for};
use crate::flow::threads::blocking;
use crate::time::Moment;

/// The state of a package in a suite.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PlacementStanding {
    /// The last generation lists it.
    Live,
    /// Some rings are offered it.
    RollingOut,
    /// It is kept and not listed: its package is pinned at another version, or another version is
    /// listed.
    Waiting,
    /// A higher version took its place.
    Superseded,
    /// The suite was rolled back from it.
    Withdrawn,
}

/// A package that a suite has accepted, and its state there.
#[derive(Clone, Debug)]
pub struct PlacementReport {
    /// The suite.
    pub suite: SuiteName,
    /// Its component.
    pub component: Component,
    /// The package.
    pub package: Package,
    /// Its state.
    pub standing: PlacementStanding,
    /// Who added it.
    pub accepted_by: Identity,
    /// When it was added.
    pub accepted_at: Moment,
}

/// What is known of a suite.
#[derive(Clone, Debug)]
pub struct SuiteReport {
    /// Its settings.
    pub spec: SuiteSpec,
    /// The head that is served; `None` before the first publication.
    pub head: Option<Head>,
    /// The last generation.
    pub generation: u64,
    /// How many packages it lists.
    pub packages: u64,
    /// How many packages wait.
    pub waiting: u64,
    /// How many pins there are.
    pub pins: u64,
    /// The hold, and how many packages are held back.
    pub hold: Option<(Hold, u64)>,
    /// Size of the listed `.deb` files. Unit: bytes.
    pub size_bytes: u64,
}

/// A suite as it will be when it is made.
pub fn planned(spec: SuiteSpec) -> SuiteReport {
    let (head, generation, packages) = (None, 0, 0);
    SuiteReport { spec, head, generation, packages, waiting: 0, pins: 0, hold: None, size_bytes: 0 }
}

/// How many reports are read at once; others wait. The catalogue has more readers than that, so
/// that one is always left for serving hosts.
pub(in crate::flow) const AT_ONCE: usize = 4;

/// Whether there is such a suite, before it is asked about.
///
/// # Errors
/// [`FlowError::Missing`], with the suite that may be meant, of those that the asker may read.
pub fn there_is(
    repository: &Repository,
    admitted: &Admitted,
    suite: &SuiteName,
) -> Result<(), FlowError> {
    repository.desk(suite).map(drop).ok_or_else(|| no_suite_for(repository, admitted, suite))
}

/// Reads a report off the async threads, once a turn is free. The turn is taken until the read
/// ends, even if the client is gone.
///
/// # Errors
/// [`FlowError::Unavailable`] when no turn becomes free in time.
pub(in crate::flow) async fn reading<T: Send + 'static>(
    repository: &Arc<Repository>,
    read: impl FnOnce(&Repository) -> Result<T, FlowError> + Send + 'static,
) -> Result<T, FlowError> {
    let turn = repository.report_turn().await?;
    let shared = Arc::clone(repository);
    blocking(move || {
        let _turn = turn;
        read(&shared)
    })
    .await
}

/// A summary of a suite.
///
/// # Errors
/// [`FlowError::Missing`]; [`FlowError::Unavailable`] while too many reports are read.
pub async fn suite(
    repository: &Arc<Repository>,
    suite: &SuiteName,
) -> Result<SuiteReport, FlowError> {
    let name = suite.clone();
    reading(repository, move |repository| {
        let state = repository.desk(&name).ok_or_else(|| no_suite(&name))?.state();
        let placements =
            placement_reports(&state, repository.catalogue.list_placements(&name, None)?);
        let waits = |one: &&PlacementReport| one.standing == PlacementStanding::Waiting;
        Ok(SuiteReport {
            spec: state.spec.clone(),
            head: state.head.clone(),
            generation: state.last_generation,
            packages: state.contents.len() as u64,
            waiting: placements.iter().filter(waits).count() as u64,
            pins: state.pins.len() as u64,
            hold: state.hold.clone().map(|hold| (hold, state.held_back.len() as u64)),
            size_bytes: state.contents.packages().map(|(_, package)| package.size_bytes).sum(),
        })
    })
    .await
}

/// Of which packages of a suite is asked.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum PackagesOf {
    /// All.
    Suite,
    /// Those that are built from this source.
    Source(PackageName),
    /// Those, and the binary packages of this name.
    Named(PackageName),
}

/// The packages that a suite has accepted, with their state.
///
/// # Errors
/// [`FlowError::Missing`]; [`FlowError::Unavailable`] while too many reports are read.
pub async fn packages(
    repository: &Arc<Repository>,
    suite: &SuiteName,
    of: PackagesOf,
) -> Result<Vec<PlacementReport>, FlowError> {
    let name = suite.clone();
    reading(repository, move |repository| {
        let state = repository.desk(&name).ok_or_else(|| no_suite(&name))?.state();
        let built = |source| repository.catalogue.list_placements(&name, source);
        let found = match &of {
            PackagesOf::Suite => built(None)?,
            PackagesOf::Source(source) => built(Some(source))?,
            PackagesOf::Named(named) => {
                let mut found = built(Some(named))?;
                let of_name = repository.catalogue.search_suite(&name, named.as_str(), u32::MAX)?;
                found.extend(of_name.into_iter().filter(|one| one.package.source != *named));
                found.sort_by(|a, b| {
                    a.package.name.cmp(&b.package.name).then(a.accepted_at.cmp(&b.accepted_at))
                });
                found
            }
        };
        Ok(placement_reports(&state, found))
    })
    .await
}

/// Packages of these suites whose binary name matches; `*` matches any text. Of more than `limit`
/// the first by name.
///
/// # Errors
/// [`FlowError`] from the catalogue; [`FlowError::Unavailable`] while too many reports are read.
pub async fn search(
    repository: &Arc<Repository>,
    suites: BTreeSet<SuiteName>,
    pattern: String,
    limit: u32,
) -> Result<Vec<PlacementReport>, FlowError> {
    reading(repository, move |repository| {
        let mut found = Vec::new();
        for suite in &suites {
            found.extend(repository.catalogue.search_suite(suite, &pattern, limit)?);
        }
        found.sort_by(|a, b| a.package.name.cmp(&b.package.name));
        found.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
        let mut by_suite: BTreeMap<SuiteName, Vec<Placement>> = BTreeMap::new();
        for placement in found {
            by_suite.entry(placement.suite.clone()).or_default().push(placement);
        }
        let standing = |(suite, placements): (SuiteName, Vec<Placement>)| {
            repository
                .desk(&suite)
                .map(|desk| placement_reports(&desk.state(), placements))
                .unwrap_or_default()
        };
        Ok(by_suite.into_iter().flat_map(standing).collect())
    })
    .await
}

fn placement_reports(
    state: &crate::catalogue::SuiteState,
    placements: Vec<Placement>,
) -> Vec<PlacementReport> {
    let draft = state.draft();
    let standing = |placement: &Placement| {
        let package = &placement.package;
        let listed = state.contents.at(&place_of(&placement.component, package));
        let higher = |p: &Arc<Package>| p.version.compare(&package.version).is_gt();
        match listed {
            Some(_) if state.contents.holds(&placement.component, package) => {
                PlacementStanding::Live
            }
            _ if draft.is_withdrawn(package) => PlacementStanding::Withdrawn,
            _ if draft.is_under_way(&placement.component, package) => PlacementStanding::RollingOut,
            Some(listed) if higher(listed) && placement.was_live => PlacementStanding::Superseded,
            _ => PlacementStanding::Waiting,
        }
    };
    let report = |placement: Placement| PlacementReport {
        standing: standing(&placement),
        suite: placement.suite,
        component: placement.component,
        package: placement.package,
        accepted_by: placement.accepted_by,
        accepted_at: placement.accepted_at,
    };
    placements.into_iter().map(report).collect()
}

/// The pins of a suite, or of every suite.
///
/// # Errors
/// [`FlowError::Missing`].
pub fn pins(
    repository: &Repository,
    suite: Option<&SuiteName>,
) -> Result<Vec<(SuiteName, Pin)>, FlowError> {
    let of = |name: &SuiteName, desk: &crate::flow::Desk| -> Vec<_> {
        desk.state().pins.iter().map(|pin| (name.clone(), pin.clone())).collect()
    };
    match suite {
        Some(suite) => {
            let desk = repository.desk(suite).ok_or_else(|| no_suite(suite))?;
            Ok(of(suite, &desk))
        }
        None => Ok(repository.desks().iter().flat_map(|(name, desk)| of(name, desk)).collect()),
    }
}

/// What differs between two generations.
///
/// # Errors
/// [`FlowError::Missing`].
pub async fn diff(
    repository: &Arc<Repository>,
    suite: &SuiteName,
    from: u64,
    to: u64,
) -> Result<Vec<Move>, FlowError> {
    repository.desk(suite).ok_or_else(|| no_suite(suite))?;
    let name = suite.clone();
    reading(repository, move |repository| {
        let at = |generation| -> Result<PackageSet, FlowError> {
            let contents = repository.catalogue.contents_at(&name, generation)?;
            contents.ok_or_else(|| FlowError::Missing(format!("generation {generation} of {name}")))
        };
        let (old, new) = (at(from)?, at(to)?);
        Ok(moves::between(&old, &new))
    })
    .await
}

/// The certificate of the embedded CA, PEM; empty where there is none.
pub fn ca_pem(repository: &Repository) -> String {
    let authority = repository.authority.as_ref();
    authority
        .map(|authority| crate::flow::threads::lock(authority).certificate_pem().to_string())
        .unwrap_or_default()
}

//! Report: what people ask about suites, packages, hosts and the server itself.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::catalogue::{CertificateRecord, Placement, Sighting};
use crate::debian::{Component, PackageName, SuiteName};
use crate::domain::{
    Contents, Draft, GenerationRecord, Grant, Head, Identity, Move, Package, Pin, Role, SuiteSpec,
};
use crate::flow::{FlowError, Repository, blocking, journal, no_suite};
use crate::time::Moment;

/// Where a package of a suite stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PlacementStanding {
    /// The last generation lists it.
    Live,
    /// A lower version or a pin stands before it.
    Waiting,
    /// A higher version took its place.
    Superseded,
    /// It was rolled back from.
    Withdrawn,
}

/// A package that a suite has taken, and where it stands.
#[derive(Clone, Debug)]
pub struct PlacementReport {
    /// In which suite.
    pub suite: SuiteName,
    /// In which component.
    pub component: Component,
    /// Which package.
    pub package: Package,
    /// Where it stands.
    pub standing: PlacementStanding,
    /// Who brought it.
    pub accepted_by: Identity,
    /// When.
    pub accepted_at: Moment,
}

/// What is known of a suite.
#[derive(Clone, Debug)]
pub struct SuiteReport {
    /// What it is.
    pub spec: SuiteSpec,
    /// What is served.
    pub head: Option<Head>,
    /// The last generation.
    pub generation: u64,
    /// How many packages it lists.
    pub packages: u64,
    /// How many wait.
    pub waiting: u64,
    /// How many pins stand.
    pub pins: u64,
    /// Size of the listed `.deb` files. Unit: bytes.
    pub size_bytes: u64,
}

/// A suite at a glance.
///
/// # Errors
/// [`FlowError::Missing`].
pub async fn suite(
    repository: &Arc<Repository>,
    suite: &SuiteName,
) -> Result<SuiteReport, FlowError> {
    let desk = repository.desk(suite).ok_or_else(|| no_suite(suite))?;
    let state = desk.state();
    let placements = packages(repository, suite, None).await?;
    let waits = |one: &&PlacementReport| one.standing == PlacementStanding::Waiting;
    Ok(SuiteReport {
        spec: state.spec.clone(),
        head: state.head.clone(),
        generation: state.last_generation,
        packages: state.contents.members.len() as u64,
        waiting: placements.iter().filter(waits).count() as u64,
        pins: state.pins.len() as u64,
        size_bytes: state.contents.members.values().map(|package| package.size_bytes).sum(),
    })
}

/// Every package that a suite has taken, with where it stands.
///
/// # Errors
/// [`FlowError::Missing`].
pub async fn packages(
    repository: &Arc<Repository>,
    suite: &SuiteName,
    source: Option<PackageName>,
) -> Result<Vec<PlacementReport>, FlowError> {
    let desk = repository.desk(suite).ok_or_else(|| no_suite(suite))?;
    let (shared, name) = (Arc::clone(repository), suite.clone());
    let placements =
        blocking(move || Ok(shared.catalogue.list_placements(&name, source.as_ref())?)).await?;
    Ok(stand(&desk.state(), placements))
}

/// Packages of any suite whose binary name matches; `*` stands for anything.
///
/// # Errors
/// [`FlowError`] from the catalogue.
pub async fn search(
    repository: &Arc<Repository>,
    pattern: String,
    limit: u32,
) -> Result<Vec<PlacementReport>, FlowError> {
    let shared = Arc::clone(repository);
    let found = blocking(move || Ok(shared.catalogue.search_placements(&pattern, limit)?)).await?;
    let mut by_suite: BTreeMap<SuiteName, Vec<Placement>> = BTreeMap::new();
    for placement in found {
        by_suite.entry(placement.suite.clone()).or_default().push(placement);
    }
    let standing = |(suite, placements): (SuiteName, Vec<Placement>)| {
        repository.desk(&suite).map(|desk| stand(&desk.state(), placements)).unwrap_or_default()
    };
    Ok(by_suite.into_iter().flat_map(standing).collect())
}

fn stand(state: &crate::catalogue::SuiteState, placements: Vec<Placement>) -> Vec<PlacementReport> {
    let draft = Draft::new(&state.spec, &state.contents, &state.pins, &state.fled);
    let standing = |placement: &Placement| {
        let package = &placement.package;
        let place =
            (placement.component.clone(), package.name.clone(), package.architecture.clone());
        let listed = state.contents.members.get(&place);
        let higher = |p: &Arc<Package>| p.version.compare(&package.version).is_gt();
        match listed {
            Some(listed) if listed.digest == package.digest => PlacementStanding::Live,
            _ if draft.has_fled(package) => PlacementStanding::Withdrawn,
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

/// The newest generations, newest first.
///
/// # Errors
/// [`FlowError::Missing`].
pub async fn history(
    repository: &Arc<Repository>,
    suite: &SuiteName,
    before: Option<u64>,
    limit: u32,
) -> Result<Vec<GenerationRecord>, FlowError> {
    repository.desk(suite).ok_or_else(|| no_suite(suite))?;
    let (shared, name) = (Arc::clone(repository), suite.clone());
    blocking(move || Ok(shared.catalogue.list_generations(&name, before, limit)?)).await
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
    let (shared, name) = (Arc::clone(repository), suite.clone());
    let contents = blocking(move || {
        let at = |generation| -> Result<Contents, FlowError> {
            let contents = shared.catalogue.contents_at(&name, generation)?;
            contents.ok_or_else(|| FlowError::Missing(format!("generation {generation} of {name}")))
        };
        Ok((at(from)?, at(to)?))
    });
    let (old, new) = contents.await?;
    let places: BTreeSet<_> = old.members.keys().chain(new.members.keys()).cloned().collect();
    let moved = places.into_iter().filter_map(|place| {
        let (from, to) = (old.members.get(&place), new.members.get(&place));
        let same = from.map(|p| p.digest) == to.map(|p| p.digest);
        (!same).then(|| Move { from: from.cloned(), to: to.cloned(), place })
    });
    Ok(moved.collect())
}

/// One identity with all that is known of it.
#[derive(Clone, Debug)]
pub struct IdentityReport {
    /// Who.
    pub identity: Identity,
    /// Its right; `None` once it was revoked.
    pub grant: Option<Grant>,
    /// Its certificates, newest first.
    pub certificates: Vec<CertificateRecord>,
    /// Where it was last seen.
    pub sightings: Vec<Sighting>,
}

/// Every identity; only hosts, or only the others, when `hosts` says so.
///
/// # Errors
/// [`FlowError`] from the catalogue.
pub async fn identities(
    repository: &Arc<Repository>,
    hosts: Option<bool>,
) -> Result<Vec<IdentityReport>, FlowError> {
    let shared = Arc::clone(repository);
    blocking(move || {
        journal::write(&shared)?;
        let mut found: BTreeMap<Identity, IdentityReport> = BTreeMap::new();
        let empty = |identity: &Identity| IdentityReport {
            identity: identity.clone(),
            grant: None,
            certificates: Vec::new(),
            sightings: Vec::new(),
        };
        for grant in shared.catalogue.list_grants()? {
            let entry = found.entry(grant.identity.clone()).or_insert_with_key(empty);
            entry.grant = Some(grant);
        }
        for certificate in shared.catalogue.list_certificates(None)? {
            let entry = found.entry(certificate.identity.clone()).or_insert_with_key(empty);
            entry.certificates.push(certificate);
        }
        for sighting in shared.catalogue.list_sightings()? {
            found
                .entry(sighting.identity.clone())
                .or_insert_with_key(empty)
                .sightings
                .push(sighting);
        }
        let is_host =
            |report: &IdentityReport| report.grant.as_ref().is_none_or(|g| g.role == Role::Host);
        let wanted = |report: &IdentityReport| hosts.is_none_or(|hosts| hosts == is_host(report));
        Ok(found.into_values().filter(wanted).collect())
    })
    .await
}

/// Something an operator should see to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Concern {
    /// A stable word.
    pub code: &'static str,
    /// What is wrong and what to do.
    pub text: String,
}

/// The state of the server: when what ends, and what is left.
#[derive(Clone, Debug, Default)]
pub struct ServerReport {
    /// When the revocation list ends.
    pub crl_next_update: Option<Moment>,
    /// When the CA ends.
    pub ca_not_after: Option<Moment>,
    /// How much can still be stored. Unit: bytes.
    pub room_bytes: Option<u64>,
    /// How many certificates in use end within 30 days.
    pub expiring_soon: u64,
    /// What needs seeing to.
    pub concerns: Vec<Concern>,
}

const DAY_SECONDS: i64 = 86_400;

/// How the server stands; `certificate_not_after` is the end of its own certificate.
///
/// # Errors
/// [`FlowError`] from the catalogue.
pub async fn server(
    repository: &Arc<Repository>,
    certificate_not_after: Option<Moment>,
) -> Result<ServerReport, FlowError> {
    let shared = Arc::clone(repository);
    blocking(move || {
        let mut report = ServerReport::default();
        look_at_lists(&shared, &mut report);
        look_at_ends(&shared, certificate_not_after, &mut report);
        look_at_room(&shared, &mut report);
        report.expiring_soon = expiring_soon(&shared)?;
        Ok(report)
    })
    .await
}

fn look_at_lists(repository: &Repository, report: &mut ServerReport) {
    let (state, now) = (repository.trust.current(), repository.now());
    match state.gate(now) {
        Ok(until) => {
            report.crl_next_update = Some(until);
            if until.since(now) < DAY_SECONDS {
                let text =
                    format!("the revocation list ends {until}; nothing is served from then on");
                report.concerns.push(Concern { code: "crl-ends-soon", text });
            }
        }
        Err(refusal) => {
            report.concerns.push(Concern { code: refusal.code(), text: refusal.to_string() });
        }
    }
    if let Some(fault) = state.crl_fault() {
        report.concerns.push(Concern { code: "crl-unusable", text: fault.to_string() });
    }
}

fn look_at_ends(repository: &Repository, server: Option<Moment>, report: &mut ServerReport) {
    let now = repository.now();
    if let Some(authority) = &repository.authority {
        let not_after = crate::flow::lock(authority).not_after();
        report.ca_not_after = Some(not_after);
        if not_after.since(now) < 365 * DAY_SECONDS {
            let text = format!(
                "the CA ends {not_after} and should have renewed itself; the server's log says why it did not"
            );
            report.concerns.push(Concern { code: "ca-ends-soon", text });
        }
    }
    if let Some(end) = server.filter(|end| end.since(now) < 14 * DAY_SECONDS) {
        let text = format!("the server certificate ends {end}; hosts fail silently after that");
        report.concerns.push(Concern { code: "server-certificate-ends-soon", text });
    }
    for (suite, desk) in repository.desks().iter() {
        let head = desk.state().head.clone();
        if let Some(head) = head.filter(|head| head.valid_until.since(now) < DAY_SECONDS / 2) {
            let text = format!(
                "the signature of {suite} ends {}; it should have been renewed",
                head.valid_until
            );
            report.concerns.push(Concern { code: "signature-ends-soon", text });
        }
    }
}

fn look_at_room(repository: &Repository, report: &mut ServerReport) {
    match repository.pool.room_bytes() {
        Ok(room) => {
            report.room_bytes = Some(room);
            if room < repository.limits().package_bytes {
                let text = format!(
                    "only {room} bytes can still be stored; the largest package may not fit"
                );
                report.concerns.push(Concern { code: "disk-nearly-full", text });
            }
        }
        Err(error) => {
            report.concerns.push(Concern { code: "disk-unreadable", text: error.to_string() });
        }
    }
}

fn expiring_soon(repository: &Repository) -> Result<u64, FlowError> {
    let now = repository.now();
    let certificates = repository.catalogue.list_certificates(None)?;
    let mut last: BTreeMap<&Identity, Moment> = BTreeMap::new();
    for certificate in certificates.iter().filter(|c| c.revoked_at.is_none()) {
        let end = last.entry(&certificate.identity).or_insert(certificate.not_after);
        *end = (*end).max(certificate.not_after);
    }
    let soon = last.values().filter(|end| end.since(now) < 30 * DAY_SECONDS && **end > now);
    Ok(soon.count() as u64)
}

/// The certificate of the CA that vouches for the server, PEM; empty where it is another's.
pub fn ca_pem(repository: &Repository) -> String {
    let authority = repository.authority.as_ref();
    authority
        .map(|authority| crate::flow::lock(authority).certificate_pem().to_string())
        .unwrap_or_default()
}

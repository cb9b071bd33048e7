//! Gauges: the state of the server in numbers, for metrics.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use crate::catalogue::CertificateRecord;
use crate::debian::SuiteName;
use crate::domain::Identity;
use crate::flow::error::FlowError;
use crate::flow::report::concern::WarningCode;
use crate::flow::report::reports::reading;
use crate::flow::report::{health, rollouts};
use crate::flow::repository::Repository;
use crate::flow::state::damage::Fate;
use crate::flow::state::mishaps::Mishap;
use crate::flow::suite::queue::QueueReport;
use crate::time::{Doubt, Moment};

/// A host that has read nothing for so long is silent: apt's own timer asks twice a day. Unit: seconds.
pub(in crate::flow) const SILENT_SECONDS: i64 = 2 * 86_400;

/// What is in memory: it is read without waiting for anything.
#[derive(Clone, Debug)]
pub struct Gauges {
    /// Each suite.
    pub suites: Vec<SuiteGauges>,
    /// Whether the clock is in doubt, and how far off it is.
    pub doubt: Option<Doubt>,
    /// Whether it jumped within the last hour.
    pub has_jumped: bool,
    /// Whether the audit log was altered.
    pub is_audit_broken: bool,
    /// Whether the revocation list has to be made anew.
    pub is_crl_owed: bool,
    /// Whether rights were recorded that are not in force.
    pub are_rights_owed: bool,
    /// What could not be read again.
    pub unreadable: Vec<Mishap>,
    /// What was found damaged since the start, by what became of it.
    pub damage: BTreeMap<&'static str, u64>,
    /// The largest package that is taken. Unit: bytes.
    pub package_bytes: u64,
    /// What collecting would free, as of the last look. Unit: bytes.
    pub reclaimable_bytes: u64,
}

/// The state of a suite.
#[derive(Clone, Debug)]
pub struct SuiteGauges {
    /// Which.
    pub suite: SuiteName,
    /// The live generation.
    pub generation: u64,
    /// The Date of what is served, and the Valid-Until; `None` before the first generation.
    pub signed: Option<(Moment, Moment)>,
    /// The changes that are not made yet.
    pub queue: QueueReport,
}

/// What became of what is damaged, in words.
pub const FATES: [&str; 3] = ["found", "lost", "repaired"];

/// The present state.
pub fn present(repository: &Repository) -> Gauges {
    let suites = repository.desks();
    let suites = suites.iter().map(|(suite, desk)| {
        let state = desk.state();
        let head = state.head.as_ref();
        SuiteGauges {
            suite: suite.clone(),
            generation: head.map_or(0, |head| head.generation),
            signed: head.map(|head| (head.date, head.valid_until)),
            queue: desk.queue(),
        }
    });
    let mut damage: BTreeMap<_, _> = FATES.into_iter().map(|word| (word, 0_u64)).collect();
    for (_, fate) in repository.damage.all() {
        let word = match fate {
            Fate::Found => "found",
            Fate::Lost(_) => "lost",
            Fate::Repaired | Fate::Replaced(_) => "repaired",
        };
        *damage.entry(word).or_default() += 1;
    }
    let (_, uptime) = repository.clock.both();
    Gauges {
        suites: suites.collect(),
        doubt: repository.doubt(),
        has_jumped: repository.steadiness.past(uptime).is_some(),
        is_audit_broken: repository.audit_broken.load(Ordering::Relaxed),
        is_crl_owed: repository.crl_owed.load(Ordering::Relaxed),
        are_rights_owed: repository.rights_owed.load(Ordering::Relaxed),
        unreadable: repository.mishaps.all().into_iter().map(|(mishap, _)| mishap).collect(),
        damage,
        package_bytes: repository.limits().package_bytes,
        reclaimable_bytes: repository.reclaimable_bytes.load(Ordering::Relaxed),
    }
}

/// What is read from disks and from the catalogue.
#[derive(Clone, Debug)]
pub struct Summary {
    /// When it was read.
    pub at: Moment,
    /// How many warnings of each code `status` has, for an admin.
    pub warnings: BTreeMap<WarningCode, u64>,
    /// How much can still be stored; `None` where that is not known. Unit: bytes.
    pub room_bytes: Option<u64>,
    /// The last Date that was signed for each suite; it may be ahead of what is served.
    pub dates: Vec<(SuiteName, Moment)>,
    /// How many clients have a last certificate that ends within 30 days.
    pub ending_soon: u64,
    /// How many hosts have read a suite within two days.
    pub reading: u64,
    /// How many hosts have read one before, and not since.
    pub silent: u64,
    /// How many hosts are in each further state, by its word. Whoever asks for all of it fills it in.
    pub hosts: Vec<(&'static str, u64)>,
    /// How many rollouts are in each state in which they are open.
    pub rollouts: Vec<(&'static str, u64)>,
    /// Whether a restoration is not acknowledged.
    pub is_restored: bool,
}

/// Reads it.
///
/// # Errors
/// [`FlowError`] from the catalogue; [`FlowError::Unavailable`] while too many reports are read.
pub async fn summary(
    repository: &Arc<Repository>,
    certificate_not_after: Option<Moment>,
) -> Result<Summary, FlowError> {
    reading(repository, move |repository| {
        let report = health::look(repository, certificate_not_after)?;
        let mut warnings: BTreeMap<_, _> = WarningCode::ALL.iter().map(|code| (*code, 0)).collect();
        for concern in &report.concerns {
            *warnings.entry(concern.code).or_default() += 1_u64;
        }
        let last = repository.catalogue.last_restoration()?;
        let (reading, silent) = hosts(repository)?;
        Ok(Summary {
            at: repository.now(),
            warnings,
            room_bytes: report.room_bytes,
            dates: dates(repository),
            ending_soon: ending_soon(repository)?,
            reading,
            silent,
            hosts: Vec::new(),
            rollouts: rollouts::states(repository),
            is_restored: last.is_some_and(|last| last.acknowledged_at.is_none()),
        })
    })
    .await
}

fn dates(repository: &Repository) -> Vec<(SuiteName, Moment)> {
    let desks = repository.desks();
    let dates = desks.iter().filter_map(|(suite, desk)| {
        let floor = repository.signer.last_date(suite).unwrap_or_default();
        let date = floor.max(desk.state().head.as_ref().map(|head| head.date))?;
        Some((suite.clone(), date))
    });
    dates.collect()
}

fn ending_soon(repository: &Repository) -> Result<u64, FlowError> {
    let now = repository.now();
    let mut of: HashMap<Identity, Vec<CertificateRecord>> = HashMap::new();
    for certificate in repository.catalogue.list_certificates(None)? {
        of.entry(certificate.identity.clone()).or_default().push(certificate);
    }
    let soon = of.values().filter(|all| health::ends_within_a_month(all.iter(), now).is_some());
    Ok(soon.count() as u64)
}

/// How many hosts that have a right read something lately, and how many did not.
fn hosts(repository: &Repository) -> Result<(u64, u64), FlowError> {
    let mut last: HashMap<Identity, Moment> = HashMap::new();
    for sighting in repository.catalogue.list_sightings()? {
        let at = last.entry(sighting.identity).or_insert(sighting.at);
        *at = (*at).max(sighting.at);
    }
    let (grants, now) = (repository.grants.load(), repository.now());
    let is_host =
        |identity: &Identity| grants.of(identity).is_some_and(|entitled| entitled.is_host());
    let (mut reading, mut silent) = (0_u64, 0_u64);
    for (_, at) in last.iter().filter(|(identity, _)| is_host(identity)) {
        match now.since(*at) > SILENT_SECONDS {
            true => silent = silent.saturating_add(1),
            false => reading = reading.saturating_add(1),
        }
    }
    Ok((reading, silent))
}

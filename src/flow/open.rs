//! Open: a repository over its stores, with every suite's state loaded and its writer running. It
//! is above all other files of the room, because it starts them.

use std::sync::{Arc, Mutex};

use arc_swap::ArcSwap;

use crate::catalogue::Catalogue;
use crate::flow::access::crl;
use crate::flow::admit;
use crate::flow::error::FlowError;
use crate::flow::repair::watch;
use crate::flow::report::reports;
use crate::flow::repository::{FlowLimits, Repository};
use crate::flow::state::aliases::Aliases;
use crate::flow::state::incoming::Incoming;
use crate::flow::state::journal::Notes;
use crate::flow::state::mishaps::Mishaps;
use crate::flow::state::refusals::Refusals;
use crate::flow::state::scrubbing::Scrubbing;
use crate::flow::state::shares::Shares;
use crate::flow::state::timings::Timings;
use crate::flow::state::upload_memory::UploadMemory;
use crate::flow::suite::releases::Releases;
use crate::flow::upkeep::{keys, restored, writer};
use crate::pool::Pool;
use crate::signing::Signer;
use crate::time::{Clock, Steadiness};
use crate::trust::{CertificateAuthority, Trust};

/// The parts of a repository.
pub struct Parts {
    /// The catalogue: packages, suites, generations, rights, the audit log.
    pub catalogue: Arc<dyn Catalogue>,
    /// The pool: bytes by digest.
    pub pool: Arc<dyn Pool>,
    /// The private signing keys.
    pub signer: Arc<Signer>,
    /// The client CAs and their revocation lists.
    pub trust: Arc<Trust>,
    /// The embedded CA, where there is one.
    pub authority: Option<CertificateAuthority>,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// Limits and periods.
    pub limits: FlowLimits,
}

impl Repository {
    /// A repository over these stores, with every suite's state loaded and its writer running.
    ///
    /// Blocks while it reads; must be called within a tokio runtime.
    ///
    /// # Errors
    /// [`FlowError`] when the catalogue cannot be read.
    pub fn open(parts: Parts) -> Result<Arc<Self>, FlowError> {
        let uploads = Shares::new(u64::try_from(parts.limits.uploads).unwrap_or(u64::MAX));
        let steadiness = Steadiness::from(&parts.clock.reading());
        let memory = UploadMemory::new(parts.limits.memory_bytes);
        let makes_lists = parts.authority.is_some() && !parts.trust.is_external();
        let repository = Arc::new(Self {
            catalogue: parts.catalogue,
            pool: parts.pool,
            signer: parts.signer,
            trust: parts.trust,
            authority: parts.authority.map(Mutex::new),
            clock: parts.clock,
            steadiness,
            limits: ArcSwap::from_pointee(parts.limits),
            desks: ArcSwap::default(),
            grants: ArcSwap::default(),
            aliases: Aliases::default(),
            uploads,
            last_end: Mutex::default(),
            contents: Mutex::default(),
            memory,
            reports: Arc::new(tokio::sync::Semaphore::new(reports::AT_ONCE)),
            journal: Notes::default(),
            incoming: Incoming::default(),
            reported: Default::default(),
            refusals: Refusals::default(),
            deadlines: Default::default(),
            audit_broken: std::sync::atomic::AtomicBool::default(),
            damage: Arc::default(),
            scrubbing: Scrubbing::default(),
            timings: Timings::default(),
            mishaps: Mishaps::default(),
            told_authorities: Mutex::default(),
            releases: Releases::default(),
            rights: Mutex::default(),
            // The server may have ended between a revocation and its list.
            crl_owed: std::sync::atomic::AtomicBool::new(makes_lists),
            rights_owed: std::sync::atomic::AtomicBool::default(),
            sweeping: std::sync::RwLock::default(),
            reclaimable_bytes: Default::default(),
            opening: Mutex::default(),
            address: std::sync::OnceLock::new(),
            settling: tokio::sync::Mutex::default(),
            rotating: Mutex::default(),
        });
        begin_clock(&repository)?;
        for recorded in [keys::tell(&repository), crl::tell(&repository)] {
            if let Err(problem) = recorded {
                tracing::error!(%problem, "the audit log was not told what was changed last");
            }
        }
        let book = Arc::clone(&repository.damage);
        tokio::spawn(watch::watch(Arc::downgrade(&repository), book));
        let signed = restored::by_log(&repository)?;
        for token in repository.catalogue.list_tokens()? {
            repository.note_deadline(&token);
        }
        admit::reload_grants(&repository)?;
        for spec in repository.catalogue.list_suites()? {
            writer::open(&repository, &spec.name)?;
        }
        restored::settle(&repository, signed.as_ref())?;
        Ok(repository)
    }
}

/// Compares the clock with what it showed when it was last right, before anything is signed by it.
fn begin_clock(repository: &Repository) -> Result<(), FlowError> {
    let last = repository.signer.last_reading();
    let suites = repository.catalogue.list_suites()?;
    let dates = suites.iter().map(|spec| repository.signer.last_date(&spec.name));
    // A floor that is damaged is told when its suite is signed.
    let newest = dates.filter_map(Result::ok).flatten().max();
    repository.steadiness.begin(&repository.clock.reading(), last.as_ref(), newest);
    Ok(())
}

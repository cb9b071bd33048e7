//! THE ORDER OF THINGS: what happens after what, for every verb. The only room that uses two stores
//! in one function, and the only one that moves work off the async threads.
//!
//! May name: catalogue, pool, signing, trust, domain, debian, digest, time

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arc_swap::ArcSwap;

use crate::catalogue::Catalogue;
use crate::debian::SuiteName;
use crate::pool::Pool;
use crate::signing::Signer;
use crate::time::{Clock, Moment};
use crate::trust::{CertificateAuthority, Trust};

pub mod access;
pub mod admit;
mod along;
mod apart;
pub mod apply;
pub mod audit;
pub mod batch;
pub mod certificates;
pub mod change;
pub mod chunk;
pub mod clients;
mod contents;
mod cores;
pub mod crl;
pub mod desk;
pub mod enrol;
mod error;
pub mod export;
pub mod fetch;
pub mod follow;
mod followers;
mod form;
pub mod health;
pub mod index;
mod installable;
pub mod journal;
pub mod keys;
pub mod lineup;
mod listable;
mod memory;
pub mod patches;
pub mod publish;
mod reach;
mod recognise;
pub mod refresh;
pub mod refusals;
mod render;
pub mod renew;
pub mod report;
pub mod ring;
pub mod rollback;
pub mod seal;
pub mod served;
mod sheet;
pub mod snapshot;
pub mod suite;
pub mod sweep;
pub mod tracks;
pub mod turn;
mod unreadable;
pub mod upload;

pub use desk::Desk;
pub use error::FlowError;

/// What the flows share: the stores, the keys, the clock and one desk for each suite.
pub struct Repository {
    /// Facts.
    pub catalogue: Arc<dyn Catalogue>,
    /// Bytes.
    pub pool: Arc<dyn Pool>,
    /// Keys.
    pub signer: Arc<Signer>,
    /// Who is still trusted.
    pub trust: Arc<Trust>,
    /// The embedded CA, where there is one.
    pub authority: Option<Mutex<CertificateAuthority>>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    limits: ArcSwap<FlowLimits>,
    desks: ArcSwap<BTreeMap<SuiteName, Arc<Desk>>>,
    grants: ArcSwap<admit::Grants>,
    uploads: Arc<tokio::sync::Semaphore>,
    memory: memory::Memory,
    reports: Arc<tokio::sync::Semaphore>,
    journal: journal::Notes,
    refusals: refusals::Refusals,
    /// Whether the audit log was found altered when it was last sealed.
    audit_broken: std::sync::atomic::AtomicBool,
    releases: fetch::Releases,
    /// Rights are given and taken one at a time.
    rights: Mutex<()>,
    /// Whether a revocation may be recorded that no published list names yet.
    crl_owed: std::sync::atomic::AtomicBool,
    /// Read by whoever keeps bytes and then records them; written while unnamed bytes are removed.
    sweeping: std::sync::RwLock<()>,
    opening: Mutex<()>,
    /// How hosts reach this server; told once, by who knows it.
    address: std::sync::OnceLock<Address>,
    /// Suites are brought to the keys of today by one at a time.
    settling: tokio::sync::Mutex<()>,
    /// The ring of keys, and delivered lists, are changed by one at a time.
    rotating: Mutex<()>,
}

/// How hosts reach this server.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Address {
    /// `https://repo.example.org:8443/`.
    pub public_url: String,
    /// The host part of it.
    pub server: String,
}

/// Bounds of the flows.
#[derive(Clone, Debug)]
pub struct FlowLimits {
    /// Largest `.deb` taken. Unit: bytes.
    pub package_bytes: u64,
    /// How many uploads are read and verified at once; others wait unread.
    pub uploads: usize,
    /// What uploads may make the server hold in memory, decoders and bodies together. Unit: bytes.
    pub memory_bytes: u64,
    /// How much processor time a package may take to unpack, beside one second for each MiB that was sent.
    pub work: std::time::Duration,
    /// How the readers of packages are bounded.
    pub deb: crate::debian::DebLimits,
    /// How long a client certificate stands. Unit: days.
    pub certificate_days: u32,
    /// How long a revocation list stands. Unit: seconds.
    pub crl_seconds: i64,
    /// How long bytes that nothing names are kept. Unit: seconds.
    pub grace_seconds: i64,
}

impl Default for FlowLimits {
    fn default() -> Self {
        Self {
            package_bytes: 4 << 30,
            uploads: 16,
            memory_bytes: 224 << 20,
            work: std::time::Duration::from_secs(60),
            deb: crate::debian::DebLimits::default(),
            certificate_days: 397,
            crl_seconds: 7 * 86_400,
            grace_seconds: 86_400,
        }
    }
}

/// What a repository is made of.
pub struct Parts {
    /// Facts.
    pub catalogue: Arc<dyn Catalogue>,
    /// Bytes.
    pub pool: Arc<dyn Pool>,
    /// Keys.
    pub signer: Arc<Signer>,
    /// Who is still trusted.
    pub trust: Arc<Trust>,
    /// The embedded CA, where there is one.
    pub authority: Option<CertificateAuthority>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// How much is taken at once.
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
        let uploads = Arc::new(tokio::sync::Semaphore::new(parts.limits.uploads));
        let memory = memory::Memory::new(parts.limits.memory_bytes);
        let repository = Arc::new(Self {
            catalogue: parts.catalogue,
            pool: parts.pool,
            signer: parts.signer,
            trust: parts.trust,
            authority: parts.authority.map(Mutex::new),
            clock: parts.clock,
            limits: ArcSwap::from_pointee(parts.limits),
            desks: ArcSwap::default(),
            grants: ArcSwap::default(),
            uploads,
            memory,
            reports: Arc::new(tokio::sync::Semaphore::new(report::AT_ONCE)),
            journal: journal::Notes::default(),
            refusals: refusals::Refusals::default(),
            audit_broken: std::sync::atomic::AtomicBool::default(),
            releases: fetch::Releases::default(),
            rights: Mutex::default(),
            crl_owed: std::sync::atomic::AtomicBool::default(),
            sweeping: std::sync::RwLock::default(),
            opening: Mutex::default(),
            address: std::sync::OnceLock::new(),
            settling: tokio::sync::Mutex::default(),
            rotating: Mutex::default(),
        });
        for told in [keys::tell(&repository), crl::tell(&repository)] {
            if let Err(problem) = told {
                tracing::error!(%problem, "the audit log was not told what was changed last");
            }
        }
        admit::reload_grants(&repository)?;
        for spec in repository.catalogue.list_suites()? {
            desk::open(&repository, &spec.name)?;
        }
        Ok(repository)
    }

    /// The desk of a suite.
    pub fn desk(&self, suite: &SuiteName) -> Option<Arc<Desk>> {
        self.desks.load().get(suite).cloned()
    }

    /// Every desk, by suite.
    pub fn desks(&self) -> Arc<BTreeMap<SuiteName, Arc<Desk>>> {
        self.desks.load_full()
    }

    /// How much is taken at once.
    pub fn limits(&self) -> Arc<FlowLimits> {
        self.limits.load_full()
    }

    /// Takes other limits from now on; how many uploads go on at once, and their memory, change with a
    /// restart.
    pub fn set_limits(&self, limits: FlowLimits) {
        self.limits.store(Arc::new(limits));
    }

    /// Tells how hosts reach this server; only the first word counts.
    pub fn set_address(&self, address: Address) {
        let _known_already = self.address.set(address);
    }

    /// The present moment.
    pub fn now(&self) -> Moment {
        self.clock.now()
    }
}

/// There is no suite of that name.
fn no_suite(suite: &SuiteName) -> FlowError {
    FlowError::Missing(format!("suite {suite}; `repoctl suite list` shows them"))
}

/// Runs blocking work off the async threads. A panic in it ends this piece of work alone.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, FlowError> + Send + 'static,
) -> Result<T, FlowError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) => Err(FlowError::Internal(format!("a worker stopped: {error}"))),
    }
}

/// Locks; a panic elsewhere while it was held does not spread.
fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

//! Repository: what the flows share. The stores, the keys, the clock, one desk for each suite, and what is in
//! memory beside the stores.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use arc_swap::ArcSwap;

use crate::catalogue::Catalogue;
use crate::debian::{PackageName, SuiteName};
use crate::domain::{Admitted, Conflict, host};
use crate::flow::error::FlowError;
use crate::flow::state::aliases::Aliases;
use crate::flow::state::grants::Grants;
use crate::flow::state::journal::Notes;
use crate::flow::state::refusals::Refusals;
use crate::flow::state::upload_memory::UploadMemory;
use crate::flow::suite::desk::Desk;
use crate::flow::suite::releases::Releases;
use crate::pool::Pool;
use crate::signing::Signer;
use crate::time::{Clock, Moment};
use crate::trust::{CertificateAuthority, Trust};

/// What the flows share: the stores, the keys, the clock and one desk for each suite.
///
/// **Lock order.** Whoever holds one of these takes only later ones:
/// 1. `settling`, held while changes are submitted and answered;
/// 2. `opening`;
/// 3. `rights`;
/// 4. `rotating`;
/// 5. `sweeping`;
/// 6. the locks of a desk, in their order ([`Desk`]);
/// 7. `authority`, and the locks within the trust, the signer, the pool and the catalogue, each held for one call.
///
/// Memory of uploads, the journal and the refusals lock for one step and take nothing meanwhile.
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
    pub(in crate::flow) limits: ArcSwap<FlowLimits>,
    pub(in crate::flow) desks: ArcSwap<BTreeMap<SuiteName, Arc<Desk>>>,
    pub(in crate::flow) grants: ArcSwap<Grants>,
    pub(in crate::flow) aliases: Aliases,
    pub(in crate::flow) uploads: Arc<tokio::sync::Semaphore>,
    pub(in crate::flow) memory: UploadMemory,
    pub(in crate::flow) reports: Arc<tokio::sync::Semaphore>,
    pub(in crate::flow) journal: Notes,
    pub(in crate::flow) refusals: Refusals,
    /// Whether the audit log was found altered when it was last sealed.
    pub(in crate::flow) audit_broken: std::sync::atomic::AtomicBool,
    pub(in crate::flow) releases: Releases,
    /// Rights are given and taken one at a time.
    pub(in crate::flow) rights: Mutex<()>,
    /// Whether a revocation may be recorded that no published list names yet.
    pub(in crate::flow) crl_owed: std::sync::atomic::AtomicBool,
    /// Read by whoever keeps bytes and then records them; written while unnamed bytes are removed.
    pub(in crate::flow) sweeping: std::sync::RwLock<()>,
    pub(in crate::flow) opening: Mutex<()>,
    /// How hosts reach this server; told once, by who knows it.
    pub(in crate::flow) address: std::sync::OnceLock<Address>,
    /// Suites are brought to the keys of today by one at a time.
    pub(in crate::flow) settling: tokio::sync::Mutex<()>,
    /// The keyring, and delivered lists, are changed by one at a time.
    pub(in crate::flow) rotating: Mutex<()>,
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
    /// How long a client certificate is valid. Unit: days.
    pub certificate_days: u32,
    /// How long a revocation list is valid. Unit: seconds.
    pub crl_seconds: i64,
    /// How long bytes that nothing names are kept. Unit: seconds.
    pub grace_seconds: i64,
    /// How many rows of a change the catalogue records at once. More are recorded in slices, so that nobody waits
    /// long behind them: each row takes some 10 µs.
    pub slice_rows: usize,
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
            slice_rows: 1_000,
        }
    }
}

impl Repository {
    /// The desk of a suite.
    pub fn desk(&self, suite: &SuiteName) -> Option<Arc<Desk>> {
        self.desks.load().get(suite).cloned()
    }

    /// The suite that has this alias. Who asks by it gets what the suite's own name gets: see
    /// [`meant`](crate::flow::admit::meant).
    pub fn holder(&self, alias: &SuiteName) -> Option<SuiteName> {
        self.aliases.holder(alias)
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

    /// How hosts reach this server.
    ///
    /// # Errors
    /// [`FlowError::Internal`] where nobody has told it.
    pub(in crate::flow) fn known_address(&self) -> Result<&Address, FlowError> {
        let unknown = || FlowError::Internal("the server's own address is not known".into());
        self.address.get().ok_or_else(unknown)
    }

    /// The name of a suite's client package.
    ///
    /// # Errors
    /// [`FlowError::Conflict`] when the suite's name makes none, or the server does not know its own.
    pub(in crate::flow) fn client_package_of(
        &self,
        suite: &SuiteName,
    ) -> Result<PackageName, FlowError> {
        let name = host::client_package(&self.known_address()?.server, suite);
        name.map_err(|error| {
            Conflict::one(format!("client package of {suite}"), error.to_string()).into()
        })
    }

    /// The present moment.
    pub fn now(&self) -> Moment {
        self.clock.now()
    }
}

/// There is no suite of that name; who may read the one that has it as an alias is told of that.
pub(crate) fn no_suite_for(
    repository: &Repository,
    admitted: &Admitted,
    suite: &SuiteName,
) -> FlowError {
    let holder = repository.holder(suite);
    match holder.filter(|holder| admitted.entitled().reads(holder)) {
        Some(holder) => FlowError::Missing(format!(
            "suite {suite}: that is the alias of suite {holder}, which has to be named here"
        )),
        None => no_suite(suite),
    }
}

/// There is no suite of that name.
pub(crate) fn no_suite(suite: &SuiteName) -> FlowError {
    FlowError::Missing(format!("suite {suite}; `repoctl suite list` shows them"))
}

//! Repository: what the flows share: the stores, the keys, the clock, one desk for each suite, and
//! the state in memory beside the stores.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use arc_swap::ArcSwap;

use crate::catalogue::Catalogue;
use crate::debian::{PackageName, SuiteName};
use crate::digest::Digest;
use crate::domain::host::Address;
use crate::domain::patterns::GroupName;
use crate::domain::ring::EVERYONE;
use crate::domain::{Admitted, Conflict, EnrolmentToken, Identity, RingId, StoredChunk, host};
use crate::flow::error::FlowError;
use crate::flow::state::aliases::Aliases;
use crate::flow::state::damage::DamageBook;
use crate::flow::state::deadlines::Deadlines;
use crate::flow::state::grants::Grants;
use crate::flow::state::incoming::Incoming;
use crate::flow::state::journal::Notes;
use crate::flow::state::mishaps::Mishaps;
use crate::flow::state::refusals::Refusals;
use crate::flow::state::scrubbing::{ScrubLimits, Scrubbing};
use crate::flow::state::shares::Shares;
use crate::flow::state::timings::Timings;
use crate::flow::state::upload_memory::UploadMemory;
use crate::flow::suite::desk::Desk;
use crate::flow::suite::releases::Releases;
use crate::nearest::or_nearest;
use crate::pool::Pool;
use crate::signing::Signer;
use crate::time::{Clock, Doubt, Moment, Steadiness};
use crate::trust::{CertificateAuthority, Trust};

/// What the flows share: the stores, the keys, the clock and one desk for each suite.
///
/// **Lock order.** While a thread holds one of these locks, it takes only later ones:
/// 1. `settling`, held while changes are submitted and answered;
/// 2. `opening`;
/// 3. `rights`;
/// 4. `rotating`;
/// 5. `sweeping`;
/// 6. `contents`;
/// 7. the locks of a desk, in their order ([`Desk`]);
/// 8. `authority`;
/// 9. the locks within the trust, the signer, the pool and the catalogue, each held for one call.
///
/// `memory`, `uploads`, `last_end`, `journal`, `incoming`, `deadlines` and `refusals` lock for one step and take no
/// other lock meanwhile. Two locks
/// of `refusals` are held for longer, `queue` before `writing`: while the catalogue records the
/// refusals.
pub struct Repository {
    /// The catalogue: packages, suites, generations, rights, the audit log.
    pub catalogue: Arc<dyn Catalogue>,
    /// The pool: bytes by digest.
    pub pool: Arc<dyn Pool>,
    /// The private signing keys.
    pub signer: Arc<Signer>,
    /// The client CAs and their revocation lists.
    pub trust: Arc<Trust>,
    /// The embedded CA, where there is one.
    pub authority: Option<Mutex<CertificateAuthority>>,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// Whether the clock jumped.
    pub steadiness: Steadiness,
    pub(in crate::flow) limits: ArcSwap<FlowLimits>,
    pub(in crate::flow) desks: ArcSwap<BTreeMap<SuiteName, Arc<Desk>>>,
    pub(in crate::flow) grants: ArcSwap<Grants>,
    pub(in crate::flow) aliases: Aliases,
    /// Places among the uploads.
    pub(in crate::flow) uploads: Arc<Shares>,
    /// When a body was last ended because it was slow while others waited.
    pub(in crate::flow) last_end: Mutex<Option<std::time::Instant>>,
    pub(in crate::flow) memory: UploadMemory,
    /// Held while paths are sorted into Contents: what that takes is taken once, however many suites there are.
    pub(in crate::flow) contents: Mutex<()>,
    pub(in crate::flow) reports: Arc<tokio::sync::Semaphore>,
    pub(in crate::flow) journal: Notes,
    /// Reports of hosts that wait to be recorded.
    pub(in crate::flow) incoming: Incoming,
    /// Notified whenever something is known anew of hosts.
    pub(in crate::flow) reported: tokio::sync::Notify,
    pub(in crate::flow) refusals: Refusals,
    /// When pending tokens end, whatever the clock is set to.
    pub(in crate::flow) deadlines: Deadlines,
    /// Whether the audit log was found altered at its last seal or verification.
    pub(in crate::flow) audit_broken: std::sync::atomic::AtomicBool,
    /// What was found damaged since the start.
    pub(in crate::flow) damage: Arc<DamageBook>,
    /// How far the scrub is, and what it found.
    pub scrubbing: Scrubbing,
    /// How long changes waited and publishing took.
    pub timings: Timings,
    /// What could not be read again from its file.
    pub mishaps: Mishaps,
    /// The CAs that the audit log knows of: names and digests by their ids; `None` before the first look.
    pub(in crate::flow) told_authorities: Mutex<Option<BTreeMap<String, (String, Digest)>>>,
    pub(in crate::flow) releases: Releases,
    /// Held while rights are changed: one change at a time.
    pub(in crate::flow) rights: Mutex<()>,
    /// Whether the catalogue may hold a revocation that no published list names yet.
    pub(in crate::flow) crl_owed: std::sync::atomic::AtomicBool,
    /// Whether rights were recorded that could not be read since.
    pub(in crate::flow) rights_owed: std::sync::atomic::AtomicBool,
    /// Read-locked while bytes are stored and then recorded; write-locked while unreferenced bytes
    /// are removed.
    pub(in crate::flow) sweeping: std::sync::RwLock<()>,
    /// What collecting would free, as of the last look. Unit: bytes.
    pub(in crate::flow) reclaimable_bytes: std::sync::atomic::AtomicU64,
    pub(in crate::flow) opening: Mutex<()>,
    /// How hosts reach this server; set once, when it starts.
    pub(in crate::flow) address: std::sync::OnceLock<Address>,
    /// Held while suites and their client packages are brought to the present keys: one at a time.
    pub(in crate::flow) settling: tokio::sync::Mutex<()>,
    /// Held while the keyring or delivered revocation lists are changed: one change at a time.
    pub(in crate::flow) rotating: Mutex<()>,
}

/// Limits and periods of the flows.
#[derive(Clone, Debug)]
pub struct FlowLimits {
    /// Largest `.deb` taken. Unit: bytes.
    pub package_bytes: u64,
    /// How many uploads are read and verified at once; others wait, unread.
    pub uploads: usize,
    /// Memory for bodies of requests, decoders and encoders together. Unit: bytes.
    pub memory_bytes: u64,
    /// Processor time that a package may take to unpack, in addition to one second for each MiB
    /// sent.
    pub work: std::time::Duration,
    /// Limits for reading a package.
    pub deb: crate::debian::DebLimits,
    /// How long a client certificate is valid. Unit: days.
    pub certificate_days: u32,
    /// How long a revocation list is valid. Unit: seconds.
    pub crl_seconds: i64,
    /// How long unreferenced bytes are kept. Unit: seconds.
    pub grace_seconds: i64,
    /// How many rows of a change the catalogue records in one transaction. A larger change is
    /// recorded in slices, so that other suites do not wait long for it: a row takes about 10 µs.
    pub slice_rows: usize,
    /// How fast everything that is stored is read again.
    pub scrub: ScrubLimits,
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
            scrub: ScrubLimits::default(),
        }
    }
}

impl Repository {
    /// Forgets chunks whose bytes are lost, also in the memory of every suite: suites share chunks.
    ///
    /// # Errors
    /// [`FlowError`] from the catalogue; nothing was forgotten then.
    pub(in crate::flow) fn forget_chunks(&self, keys: &[Digest]) -> Result<(), FlowError> {
        self.catalogue.forget_chunks(keys)?;
        self.desks().values().for_each(|desk| desk.forget_files());
        Ok(())
    }

    /// Records anew where the bytes of a chunk lie, also in the memory of every suite.
    ///
    /// # Errors
    /// [`FlowError`] from the catalogue.
    pub(in crate::flow) fn replace_chunk(&self, chunk: &StoredChunk) -> Result<(), FlowError> {
        self.catalogue.replace_chunk(chunk)?;
        self.desks().values().for_each(|desk| desk.forget_files());
        Ok(())
    }

    /// Forgets an index file and those of the same chunks in the same order, also in the memory of
    /// every suite.
    ///
    /// # Errors
    /// [`FlowError`] from the catalogue; nothing was forgotten then.
    pub(in crate::flow) fn forget_file(&self, id: u64) -> Result<(), FlowError> {
        self.catalogue.forget_file(id)?;
        self.desks().values().for_each(|desk| desk.forget_files());
        Ok(())
    }

    /// Has it repaired, if a flow ended because stored bytes are damaged.
    pub(in crate::flow) fn note_damage(&self, problem: &FlowError) {
        if let Some(damage) = problem.damage() {
            self.damage.note(damage);
        }
    }

    /// The desk of a suite.
    pub fn desk(&self, suite: &SuiteName) -> Option<Arc<Desk>> {
        self.desks.load().get(suite).cloned()
    }

    /// The ring of a suite that a host is in; `None` when it is in none.
    pub fn ring_of(&self, desk: &Desk, host: &Identity) -> Option<RingId> {
        let (state, grants) = (desk.state(), self.grants.load());
        let is_in =
            |group: &GroupName| grants.rights().group(group).is_some_and(|group| group.has(host));
        state.spec.rings.of(&desk.suite, host, &is_in).map(|ring| ring.id)
    }

    /// The name of the ring of a suite in which a host is; `None` where the suite has no rings.
    pub fn ring_name(&self, desk: &Desk, host: &Identity) -> Option<String> {
        let state = desk.state();
        let rings = &state.spec.rings;
        let ring = self.ring_of(desk, host).and_then(|id| rings.find(id));
        let name = ring.map_or(EVERYONE, |ring| ring.name.as_str());
        (!rings.is_empty()).then(|| name.to_owned())
    }

    /// The suite that has this alias. Callers that check rights use
    /// [`meant`](crate::flow::admit::meant).
    pub fn holder(&self, alias: &SuiteName) -> Option<SuiteName> {
        self.aliases.holder(alias)
    }

    /// Every desk, by suite.
    pub fn desks(&self) -> Arc<BTreeMap<SuiteName, Arc<Desk>>> {
        self.desks.load_full()
    }

    /// The present limits.
    pub fn limits(&self) -> Arc<FlowLimits> {
        self.limits.load_full()
    }

    /// Replaces the limits. `uploads` and `memory_bytes` change only with a restart.
    pub fn set_limits(&self, limits: FlowLimits) {
        self.limits.store(Arc::new(limits));
    }

    /// Sets how hosts reach this server. Only the first call counts.
    pub fn set_address(&self, address: Address) {
        let _known_already = self.address.set(address);
    }

    /// How hosts reach this server.
    ///
    /// # Errors
    /// [`FlowError::Internal`] when it was never set.
    pub(in crate::flow) fn known_address(&self) -> Result<&Address, FlowError> {
        let unknown = || FlowError::Internal("the server's own address is not known".into());
        self.address.get().ok_or_else(unknown)
    }

    /// The name of a suite's client package.
    ///
    /// # Errors
    /// [`FlowError::Conflict`] when the names of the server and the suite make no valid package
    /// name; [`FlowError::Internal`] when the server's address was never set.
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

    /// The present moment for a token: not before its end, once so much time has passed, even if the
    /// clock was set back meanwhile.
    pub fn now_for(&self, token: &EnrolmentToken) -> Moment {
        let over = self.deadlines.is_over(&token.secret, self.clock.elapsed());
        if over { self.now().max(token.ends_at) } else { self.now() }
    }

    /// Notes when a token ends by the time that passes.
    pub(in crate::flow) fn note_deadline(&self, token: &EnrolmentToken) {
        let left = token.ends_at.since(self.now());
        self.deadlines.set(token.secret, self.clock.elapsed(), left);
    }

    /// Why the clock is in doubt: it jumped, and nothing says yet whether it is right now. Meanwhile
    /// nothing is signed, ended or swept that nobody asked for.
    pub fn doubt(&self) -> Option<Doubt> {
        let (now, uptime) = self.clock.both();
        self.steadiness.look(now, uptime)
    }

    /// The moment that is signed: the present one, or while that is in doubt, the earliest that it
    /// can be.
    pub(in crate::flow) fn dating(&self) -> Moment {
        let (now, uptime) = self.clock.both();
        self.steadiness.earliest(now, uptime)
    }

    /// How long to wait until [`Repository::dating`] may be `at`.
    pub(in crate::flow) fn until(&self, at: Moment) -> std::time::Duration {
        let ahead = at.since(self.dating());
        match u64::try_from(ahead) {
            // The wall clock is past it already.
            Ok(seconds) if self.now() >= at => std::time::Duration::from_secs(seconds.min(10)),
            _ => self.clock.until(at),
        }
    }

    /// A turn to read a report: few are read at once, so that readers of the catalogue are left for hosts.
    ///
    /// # Errors
    /// [`FlowError::Unavailable`] when none becomes free in time.
    pub(in crate::flow) async fn report_turn(
        &self,
    ) -> Result<tokio::sync::OwnedSemaphorePermit, FlowError> {
        let turn = Arc::clone(&self.reports).acquire_owned();
        match tokio::time::timeout(REPORT_PATIENCE, turn).await {
            Ok(Ok(turn)) => Ok(turn),
            _ => Err(FlowError::Unavailable(
                "the server is busy with other reports; ask again in a moment".into(),
            )),
        }
    }
}

/// How long a report waits for its turn.
const REPORT_PATIENCE: std::time::Duration = std::time::Duration::from_secs(5);

/// The error for a suite that does not exist: with the suite that the name is an alias of, or the suite
/// that may be meant, of those that the asker may read.
pub(crate) fn no_suite_for(
    repository: &Repository,
    admitted: &Admitted,
    suite: &SuiteName,
) -> FlowError {
    let entitled = admitted.entitled();
    let holder = repository.holder(suite);
    if let Some(holder) = holder.filter(|holder| entitled.reads(holder)) {
        return FlowError::Missing(format!(
            "suite {suite}: that is the alias of suite {holder}, which has to be named here"
        ));
    }
    let desks = repository.desks();
    no_suite_of(desks.keys().filter(|suite| entitled.reads(suite)), suite)
}

/// The error for a suite that does not exist.
pub(crate) fn no_suite(suite: &SuiteName) -> FlowError {
    no_suite_of(std::iter::empty(), suite)
}

/// The same, with the one of these that may be meant.
pub(crate) fn no_suite_of<'s>(
    known: impl Iterator<Item = &'s SuiteName>,
    suite: &SuiteName,
) -> FlowError {
    let known = known.map(SuiteName::as_str);
    let near = or_nearest(suite.as_str(), known, "; `repoctl suite list` shows them");
    FlowError::Missing(format!("suite {suite}{near}"))
}

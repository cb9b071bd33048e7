//! Stores that fail at one exact call: before it is done, or after it is done but before it is told.

mod pool;

pub use self::pool::FaultyPool;

use std::sync::{Arc, Mutex};

use repod::catalogue::{
    AcceptedUpload, Access, AccessRecord, Audit, AuditedKeyring, Catalogue, CatalogueError,
    CertificateRecord, ChangesSince, Checkpoint, ClientPackage, ClientSighting, Clients, Collected,
    Collection, Delivery, Departed, Enrolments, FiledIndex, Generations, GoneVersion, Groups,
    Healths, HostCheck, IndexRecord, Integrity, Journal, KeyringSighting, Looked, Measured,
    Mention, Moved, MovedOf, NewPackage, OwnerRecord, PackageRecord, Packages, PastIndex,
    Placement, Repairs, ReportRecord, Reports, Restoration, Restorations, Retention, Rings,
    Sighting, Snapshot, Snapshots, SuiteState, Suites, Verdict, Writing,
};
use repod::debian::{Component, Namespace, PackageName, SuiteName};
use repod::digest::Digest;
use repod::domain::audit::{ChainEnd, Entry, Search};
use repod::domain::inventory::{HostReport, Installed};
use repod::domain::{
    AccessEdit, Completion, EnrolmentToken, Event, GenerationRecord, Grant, Head, Identity,
    IndexFile, Package, PackageSet, Publication, RingFiles, RingId, Rollout, Slice, StoredBlock,
    StoredChunk, StoredRun, SuiteSpec, Tenure, TokenUse,
};
use repod::time::Moment;

/// Where the failing call stands to what it should do.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Side {
    /// It does nothing.
    Before,
    /// It does everything and says that it failed.
    After,
}

/// How things go on after the failing call.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Then {
    /// As if nothing had been: one call failed.
    GoesOn,
    /// Every later call fails as well: the process has ended, and nothing more reaches the disk.
    Ends,
}

/// Which call fails.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Fault {
    /// Counted from 0, over all stores.
    pub at: usize,
    pub side: Side,
    pub then: Then,
}

/// Hears of every call before it is made, and may hold it up.
type Listener = Arc<dyn Fn(&'static str) + Send + Sync>;

/// Counts the calls of all stores and makes one fail.
pub struct Faults {
    armed: Mutex<Option<Fault>>,
    calls: Mutex<Vec<&'static str>>,
    listener: Mutex<Option<Listener>>,
}

const TEXT: &str = "made to fail";

impl Faults {
    pub fn new() -> Arc<Self> {
        let (armed, calls, listener) = (Mutex::default(), Mutex::default(), Mutex::default());
        Arc::new(Self { armed, calls, listener })
    }

    /// From here on calls are counted, and one fails.
    pub fn arm(&self, fault: Option<Fault>) {
        self.calls.lock().unwrap().clear();
        *self.armed.lock().unwrap() = fault;
    }

    /// From here on every call is told to `listener` first, by the thread that makes it.
    pub fn tell(&self, listener: impl Fn(&'static str) + Send + Sync + 'static) {
        *self.listener.lock().unwrap() = Some(Arc::new(listener));
    }

    /// The calls since it was armed, in their order.
    pub fn calls(&self) -> Vec<&'static str> {
        self.calls.lock().unwrap().clone()
    }

    /// Makes a call, or not; `None` when it failed.
    fn around<T>(&self, name: &'static str, call: impl FnOnce() -> T) -> Option<T> {
        let number = {
            let mut calls = self.calls.lock().unwrap();
            calls.push(name);
            calls.len() - 1
        };
        let listener = self.listener.lock().unwrap().clone();
        if let Some(listener) = listener {
            listener(name);
        }
        let Some(fault) = *self.armed.lock().unwrap() else { return Some(call()) };
        match (number.cmp(&fault.at), fault.side, fault.then) {
            (std::cmp::Ordering::Equal, Side::After, _) => {
                drop(call());
                None
            }
            (std::cmp::Ordering::Equal, Side::Before, _)
            | (std::cmp::Ordering::Greater, _, Then::Ends) => None,
            _ => Some(call()),
        }
    }
}

/// A catalogue whose calls may fail.
pub struct FaultyCatalogue {
    pub inner: Arc<dyn Catalogue>,
    pub faults: Arc<Faults>,
}

macro_rules! faulty {
    ($of:ident: $(fn $name:ident($($argument:ident: $kind:ty),*) -> $answer:ty;)*) => {
        impl $of for FaultyCatalogue {
            $(fn $name(&self $(, $argument: $kind)*) -> Result<$answer, CatalogueError> {
                let failed = || Err(CatalogueError::Database(TEXT.into()));
                let call = || self.inner.$name($($argument),*);
                self.faults.around(stringify!($name), call).unwrap_or_else(failed)
            })*
        }
    };
}

impl Writing for FaultyCatalogue {
    fn stopped(&self) -> Option<CatalogueError> {
        self.inner.stopped()
    }
}

faulty! { Packages:
    fn record_packages(new: Vec<NewPackage>, by: &Identity, at: Moment) -> ();
    fn find_packages(digests: &[Digest]) -> Vec<PackageRecord>;
    fn list_sent(digests: &[Digest], by: &Identity) -> Vec<Digest>;
    fn list_versions(namespace: Option<&Namespace>, names: &[PackageName]) -> Vec<PackageRecord>;
    fn read_stanzas(digests: &[Digest]) -> Vec<String>;
    fn list_mentions(names: &[PackageName], kind: Mention) -> Vec<Vec<PackageName>>;
    fn read_file_lists(digests: &[Digest]) -> Vec<Option<Vec<u8>>>;
    fn list_suites_of(digests: &[Digest]) -> Vec<Vec<SuiteName>>;
    fn find_by_path(name: &PackageName, digest_prefix: &str) -> Option<(Package, Vec<SuiteName>)>;
    fn forget_staged(before: Moment) -> Vec<Digest>;
}

faulty! { Suites:
    fn create_suite(spec: &SuiteSpec, event: &Event) -> ();
    fn list_suites() -> Vec<SuiteSpec>;
    fn find_departed(suite: &SuiteName) -> Option<Departed>;
    fn find_floor(name: &SuiteName) -> Option<Moment>;
    fn load_suite(suite: &SuiteName) -> Option<SuiteState>;
    fn publish(publication: &Publication) -> ();
    fn record_slice(slice: Slice) -> u64;
    fn take_back(suite: &SuiteName, most: u32) -> bool;
    fn record_head(suite: &SuiteName, head: &Head) -> ();
    fn restart_dates(suite: &SuiteName, head: Option<&Head>, event: &Event) -> ();
    fn list_placements(suite: &SuiteName, source: Option<&PackageName>) -> Vec<Placement>;
    fn list_taken(suite: &SuiteName, digests: &[Digest]) -> Vec<Option<Component>>;
    fn search_placements(pattern: &str, limit: u32) -> Vec<Placement>;
    fn search_suite(suite: &SuiteName, pattern: &str, limit: u32) -> Vec<Placement>;
    fn remove_suite(suite: &SuiteName, event: &Event) -> ();
}

faulty! { Enrolments:
    fn record_token(token: &EnrolmentToken, forget: Moment, event: &Event) -> ();
    fn find_token(secret: &Digest) -> Option<EnrolmentToken>;
    fn list_tokens() -> Vec<EnrolmentToken>;
    fn revoke_tokens(identity: &Identity, event: &Event) -> u64;
    fn record_enrolment(
        token: &EnrolmentToken, used: &TokenUse, certificate: &CertificateRecord, event: &Event
    ) -> bool;
}

faulty! { Generations:
    fn list_generations(
        suite: &SuiteName, before: Option<u64>, limit: u32
    ) -> Vec<GenerationRecord>;
    fn contents_at(suite: &SuiteName, generation: u64) -> Option<PackageSet>;
    fn changes_since(suite: &SuiteName, generation: u64) -> Option<ChangesSince>;
    fn list_tenures(suite: &SuiteName, source: &PackageName) -> Vec<Tenure>;
    fn list_emptied(suite: &SuiteName) -> Vec<(PackageName, Moment)>;
    fn find_chunks(keys: &[Digest]) -> Vec<StoredChunk>;
    fn find_index(suite: &SuiteName, generation: u64, path: &str) -> Option<IndexRecord>;
    fn list_past(suite: &SuiteName, path: &str, before: u64, limit: u32) -> Vec<PastIndex>;
    fn find_by_hash(
        suite: &SuiteName, directory: &str, digest: &Digest
    ) -> Option<IndexRecord>;
    fn record_blocks(blocks: &[(Digest, StoredBlock)]) -> ();
    fn record_runs(runs: &[(Digest, StoredRun)]) -> ();
    fn complete(completion: &Completion) -> ();
    fn find_patch(suite: &SuiteName, path: &str) -> Option<IndexRecord>;
    fn list_packs() -> Vec<Digest>;
    fn list_indices(suite: &SuiteName, generation: u64) -> Vec<IndexFile>;
}

faulty! { Repairs:
    fn list_digests(after: Option<Digest>, most: u32) -> Vec<Digest>;
    fn list_filed(after: u64, most: u32) -> Vec<FiledIndex>;
    fn read_filed(id: u64) -> Option<IndexRecord>;
    fn list_chunks_in(pack: &Digest) -> Vec<StoredChunk>;
    fn forget_chunks(keys: &[Digest]) -> ();
    fn record_chunks(chunks: &[StoredChunk]) -> ();
    fn replace_chunk(chunk: &StoredChunk) -> ();
    fn forget_file(id: u64) -> ();
    fn repair_stanza(package: &Digest, stanza: &str) -> ();
}

faulty! { Integrity:
    fn measure() -> Measured;
    fn reread(read: &dyn Fn(u64) -> bool) -> Vec<String>;
    fn list_parts() -> Vec<String>;
    fn look_at_part(part: &str) -> Vec<String>;
}

faulty! { Restorations:
    fn last_restoration() -> Option<Restoration>;
    fn record_restoration(restoration: &Restoration, lost: &[AcceptedUpload]) -> ();
    fn record_lost(lost: &[AcceptedUpload]) -> ();
    fn tell_restorations(event: &Event) -> ();
    fn acknowledge_restorations(event: &Event) -> u64;
    fn list_lost(most: u32) -> Vec<AcceptedUpload>;
    fn list_accepted(since: Moment, most: u32) -> Vec<AcceptedUpload>;
    fn skip_generations(suite: &SuiteName, next: u64) -> ();
    fn bind_everywhere(packages: &[Digest]) -> ();
}

faulty! { Rings:
    fn list_rollouts(suite: &SuiteName, limit: u32) -> Vec<Rollout>;
    fn find_ring_index(
        suite: &SuiteName, ring: RingId, generation: u64, path: &str
    ) -> Option<IndexRecord>;
    fn list_ring_indices(suite: &SuiteName, generation: u64) -> Vec<RingFiles>;
}

faulty! { Retention:
    fn plan_collection(suite: &SuiteName, at: Looked) -> Option<Collection>;
    fn collect(suite: &SuiteName, at: Looked, event: &Event) -> Collected;
    fn forget_unused_chunks(needed: Vec<Digest>) -> u64;
    fn list_gone(namespace: &Namespace, names: &[PackageName]) -> Vec<GoneVersion>;
    fn list_kept(suite: &SuiteName) -> Vec<u64>;
    fn note_snapshot(suite: &SuiteName, generation: u64, at: Moment) -> ();
}

faulty! { Snapshots:
    fn find_snapshot(suite: &SuiteName, generation: u64) -> Option<Snapshot>;
    fn record_snapshot(suite: &SuiteName, snapshot: &Snapshot) -> Snapshot;
    fn find_generation(suite: &SuiteName, generation: u64) -> Option<GenerationRecord>;
    fn find_live_at(suite: &SuiteName, at: Moment) -> Option<GenerationRecord>;
    fn list_moved(suite: &SuiteName, of: &MovedOf) -> Vec<Moved>;
}

faulty! { Access:
    fn record_grant(grant: &Grant, event: &Event) -> ();
    fn remove_grant(identity: &Identity, event: &Event) -> ();
    fn list_grants() -> Vec<Grant>;
    fn record_certificate(
        certificate: &CertificateRecord, grant: Option<&Grant>, event: &Event
    ) -> ();
    fn list_certificates(of: Option<&Identity>) -> Vec<CertificateRecord>;
    fn record_revocation(
        serials: &[String], reason: &str, and_grant: Option<&Identity>, event: &Event
    ) -> ();
}

faulty! { Groups:
    fn record_access(edit: &AccessEdit, event: &Event) -> ();
    fn load_access() -> AccessRecord;
}

faulty! { Journal:
    fn record_sightings(sightings: &[Sighting]) -> ();
    fn list_sightings() -> Vec<Sighting>;
}

faulty! { Audit:
    fn record_events(events: &[Event]) -> ();
    fn list_entries(search: &Search, after: u64, limit: u32) -> Vec<Entry>;
    fn list_last_entries(search: &Search, before: Option<u64>, limit: u32) -> Vec<Entry>;
    fn chain_end() -> ChainEnd;
    fn count_entries() -> u64;
    fn record_checkpoint(checkpoint: &Checkpoint) -> ();
    fn last_checkpoint() -> Option<Checkpoint>;
    fn list_checkpoints() -> Vec<Checkpoint>;
    fn find_keyring() -> Option<AuditedKeyring>;
    fn record_keyring(ring: &AuditedKeyring, events: &[Event]) -> ();
    fn find_delivery() -> Option<Delivery>;
    fn record_delivery(delivery: Option<&Delivery>, events: &[Event]) -> ();
}

faulty! { Reports:
    fn record_reports(reports: Vec<HostReport>) -> Vec<Verdict>;
    fn find_report(host: &Identity) -> Option<ReportRecord>;
    fn each_report(take: &mut dyn FnMut(ReportRecord) -> Result<(), CatalogueError>) -> ();
    fn list_owners(lines: &[u64]) -> Vec<OwnerRecord>;
    fn list_reported(name: &PackageName) -> Vec<(u64, Installed)>;
    fn read_reported(ids: &[u64]) -> Vec<(u64, Installed)>;
    fn forget_unreported() -> u64;
}

faulty! { Healths:
    fn record_check(check: &HostCheck, forget_before: Moment) -> ();
    fn list_checks(host: Option<&Identity>) -> Vec<HostCheck>;
    fn record_ignored(host: &Identity, until: Option<Moment>, event: &Event) -> bool;
    fn list_ignored() -> Vec<(Identity, Moment)>;
}

faulty! { Clients:
    fn record_client_package(package: &ClientPackage) -> ();
    fn list_client_packages() -> Vec<ClientPackage>;
    fn record_client_sightings(fetched: &[(Identity, Digest, Moment)]) -> ();
    fn list_client_sightings() -> Vec<ClientSighting>;
    fn record_keyring_sightings(read: &[KeyringSighting]) -> ();
    fn list_keyring_sightings() -> Vec<KeyringSighting>;
}

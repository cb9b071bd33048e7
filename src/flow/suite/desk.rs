//! The desk: one for each suite. Changes queue at it, and a single writer takes them.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use arc_swap::{ArcSwap, ArcSwapOption};
use tokio::sync::{Notify, watch};

use crate::catalogue::SuiteState;
use crate::debian::SuiteName;
use crate::digest::Digest;
use crate::domain::{Encoding, IndexFile, StoredChunk, SuiteSpec};
use crate::flow::error::FlowError;
use crate::flow::index::live::LiveIndices;
use crate::flow::suite::pending_files::{PendingFiles, Ready};
use crate::flow::suite::queue::{Job, Queue, QueueReport};
use crate::flow::suite::scattered::Scattered;
use crate::flow::suite::served::Served;
use crate::flow::threads::lock;
use crate::pool::Pool;

/// A suite's state, its queue and what its writer remembers between publish batches.
///
/// **Lock order.** `live_indices` before `pending`. `queue` and `spare` are held with no other
/// lock.
pub struct Desk {
    /// The suite.
    pub suite: SuiteName,
    state: ArcSwap<SuiteState>,
    served: ArcSwapOption<Served>,
    queue: Mutex<Queue>,
    pub(crate) arrived: Notify,
    hurry: AtomicBool,
    closed: watch::Sender<bool>,
    writing: AtomicBool,
    /// Notified whenever the writer has finished the changes that it took.
    done: Notify,
    /// The highest generation that was ever signed, also before a restoration from a backup.
    highest_signed: u64,
    /// How much moved in memory since the suite was last read as a whole.
    scattered: Scattered,
    /// How often the suite was read again because of that.
    readings: AtomicU64,
    /// Chunks that are durable but that no recorded generation names yet.
    pub(crate) spare: Mutex<HashMap<Digest, StoredChunk>>,
    /// Whether each gzip file is one member from the next head on. For a suite that an earlier
    /// build published, this is set once all the new files are made.
    one_member: AtomicBool,
    /// The indices of the live generation.
    live_indices: Mutex<LiveIndices>,
    /// Files that are made after a generation is live.
    pending: Mutex<PendingFiles>,
    /// Notified whenever there may be follow-up work.
    pub(crate) moved: Notify,
    /// The same, for contents.
    pub(crate) batch_done: Notify,
}

impl Desk {
    /// A suite as it was loaded, with an empty queue. `one_member` is the form of the gzip files
    /// that it lists, and `highest_signed` the highest generation that was ever signed.
    pub(crate) fn new(
        suite: SuiteName,
        state: SuiteState,
        one_member: bool,
        highest_signed: u64,
    ) -> Self {
        Self {
            suite,
            served: ArcSwapOption::new(ready(&state)),
            state: ArcSwap::from_pointee(state),
            queue: Mutex::default(),
            arrived: Notify::new(),
            hurry: AtomicBool::new(false),
            closed: watch::Sender::new(false),
            writing: AtomicBool::new(false),
            done: Notify::new(),
            highest_signed,
            scattered: Scattered::default(),
            readings: AtomicU64::new(0),
            spare: Mutex::default(),
            one_member: AtomicBool::new(one_member),
            live_indices: Mutex::default(),
            pending: Mutex::default(),
            moved: Notify::new(),
            batch_done: Notify::new(),
        }
    }

    /// The present state of the suite, as a snapshot.
    pub fn state(&self) -> Arc<SuiteState> {
        self.state.load_full()
    }

    /// What hosts are given now; `None` before the first publication.
    pub fn served(&self) -> Option<Arc<Served>> {
        self.served.load_full()
    }

    /// The number of the generation after `last`: one that nobody has seen.
    pub(crate) fn next_generation(&self, last: u64) -> u64 {
        last.max(self.highest_signed).saturating_add(1)
    }

    /// Which generation is live.
    pub(crate) fn live(&self) -> Option<u64> {
        self.state.load().head.as_ref().map(|head| head.generation)
    }

    pub(crate) fn set_state(&self, state: SuiteState) {
        // Stored first, so that a reader of the new state is also served the new head.
        self.served.store(ready(&state));
        self.state.store(Arc::new(state));
        // Follow-up work reads the state, so it is notified after the state is stored.
        self.wake();
    }

    /// The indices of the live generation; empty when they are not in memory.
    pub(crate) fn live_indices(&self) -> LiveIndices {
        lock(&self.live_indices).clone()
    }

    /// Sets the indices of the live generation, and the files that its head lists.
    pub(crate) fn set_live_indices(&self, live_indices: LiveIndices, files: &[IndexFile]) {
        let gz = live_indices.gz();
        *lock(&self.live_indices) = live_indices;
        lock(&self.pending).list(files, gz);
    }

    /// The form in which gzip files are made.
    pub(crate) fn gz(&self) -> Encoding {
        match self.one_member.load(Ordering::Acquire) {
            true => Encoding::Gz,
            false => Encoding::Members,
        }
    }

    /// From the next head on each gzip file is one member; everything for that is made. `lagging`
    /// are the lagging files in this form.
    pub(crate) fn change_form(&self, lagging: Vec<IndexFile>) {
        // Set first, so that whatever is made in the new form finds these files.
        lock(&self.pending).change_form(lagging);
        self.one_member.store(true, Ordering::Release);
        self.wake();
    }

    /// Drops the live indices from memory; they are read again when they are next needed.
    pub(crate) fn forget_live_indices(&self) {
        *lock(&self.live_indices) = LiveIndices::default();
        self.wake();
    }

    /// Forgets every file: chunks that some are made of were forgotten. They are read again, or made
    /// anew.
    pub(crate) fn forget_files(&self) {
        *lock(&self.pending) = PendingFiles::default();
        self.readings.fetch_add(1, Ordering::AcqRel);
        self.forget_live_indices();
    }

    /// Keeps indices that were read, unless a publish batch has made others meanwhile.
    pub(crate) fn offer_live_indices(&self, live_indices: LiveIndices, files: &[IndexFile]) {
        let mut kept = lock(&self.live_indices);
        if kept.is_empty() {
            let gz = live_indices.gz();
            *kept = live_indices;
            let mut pending = lock(&self.pending);
            pending.recall(files);
            pending.list(files, gz);
        }
    }

    /// Hashes the xz files whose blocks are there, and the gzip files in their present form. The
    /// result is dropped if a publish batch makes other indices meanwhile.
    pub(crate) fn hash_pending_files(&self, pool: &dyn Pool) -> Result<(), FlowError> {
        let before = self.live_indices();
        let after = before.followed_up(pool, self.gz())?;
        let mut kept = lock(&self.live_indices);
        if kept.is_same(&before) {
            *kept = after;
        }
        Ok(())
    }

    /// The files that were made to be listed beside these indices, as far as the suite lists them.
    pub(crate) fn beside(&self, spec: &SuiteSpec, indices: &[IndexFile], gz: Encoding) -> Ready {
        lock(&self.pending).beside(spec, indices, gz)
    }

    /// Whether the head lists exactly these files.
    pub(crate) fn lists(&self, files: &[IndexFile]) -> bool {
        lock(&self.pending).lists(files)
    }

    /// Runs `work` on the pending files, under their lock.
    pub(crate) fn follow_up<T>(&self, work: impl FnOnce(&mut PendingFiles) -> T) -> T {
        work(&mut lock(&self.pending))
    }

    /// Whether an urgent change waits, so that an ordinary one should make way.
    pub(crate) fn hurried(&self) -> bool {
        self.hurry.load(Ordering::Acquire)
    }

    /// Puts a change into the queue. Incident verbs go before uploads.
    pub(crate) fn submit(&self, job: Job) -> Result<(), FlowError> {
        let mut queue = lock(&self.queue);
        if self.is_closed() {
            return Err(FlowError::Unavailable("the server is shutting down".into()));
        }
        queue.push(job);
        self.hurry.store(queue.is_urgent(), Ordering::Release);
        drop(queue);
        self.arrived.notify_one();
        Ok(())
    }

    /// Takes the changes of the next publish batch: one urgent change alone, or all ordinary ones
    /// together.
    pub(crate) fn take(&self) -> Vec<Job> {
        let mut queue = lock(&self.queue);
        let jobs = queue.take();
        self.hurry.store(queue.is_urgent(), Ordering::Release);
        jobs
    }

    /// Puts changes back that made way for an urgent one, at the front of the queue.
    pub(crate) fn put_back(&self, jobs: Vec<Job>) {
        let mut queue = lock(&self.queue);
        queue.put_back(jobs);
        self.hurry.store(queue.is_urgent(), Ordering::Release);
    }

    /// The changes that are not made yet.
    pub fn queue(&self) -> QueueReport {
        lock(&self.queue).report()
    }

    pub(crate) fn is_idle(&self) -> bool {
        lock(&self.queue).is_empty()
    }

    /// Notes that a generation moved this many packages. After many moves the suite should be read
    /// again while the writer is idle.
    pub(crate) fn scatter(&self, moves: usize) {
        self.scattered.add(moves);
    }

    /// Notes that the whole suite was read again.
    pub(crate) fn gather(&self) {
        self.scattered.forget();
    }

    /// How often the suite was read again. What is kept from before shares no memory with the
    /// present state.
    pub(crate) fn readings(&self) -> u64 {
        self.readings.load(Ordering::Acquire)
    }

    pub(crate) fn is_busy(&self) -> bool {
        !self.is_idle() || self.writing.load(Ordering::Acquire)
    }

    /// Notes that a new reading of the suite begins.
    pub(crate) fn begin_reading(&self) {
        self.forget_live_indices();
        self.readings.fetch_add(1, Ordering::AcqRel);
    }

    /// Whether so much moved since the suite was read as a whole that it should be read again.
    pub(crate) fn is_scattered(&self) -> bool {
        self.scattered.is_much()
    }

    /// Notes whether a change is being made.
    pub(crate) fn set_writing(&self, writing: bool) {
        if !writing {
            lock(&self.queue).rest();
        }
        self.writing.store(writing, Ordering::Release);
        self.done.notify_waiters();
    }

    /// Closes the queue; the changes that wait in it are still made.
    pub(crate) fn close(&self) {
        self.closed.send_replace(true);
        self.arrived.notify_one();
        self.wake();
    }

    /// Has whatever follows the generations looked at again.
    pub(crate) fn wake(&self) {
        self.moved.notify_one();
        self.batch_done.notify_one();
    }

    /// Whether the queue is closed.
    pub(crate) fn is_closed(&self) -> bool {
        *self.closed.borrow()
    }

    /// Waits for `wait`, or until the desk is closed.
    pub(crate) async fn pause(&self, wait: Duration) {
        let mut closed = self.closed.subscribe();
        let _closed = tokio::time::timeout(wait, closed.wait_for(|closed| *closed)).await;
    }

    /// Waits until no change waits and none is being made.
    pub(crate) async fn finished(&self) {
        loop {
            let mut done = std::pin::pin!(self.done.notified());
            // From here on no notification is missed, even if it comes before the wait begins.
            done.as_mut().enable();
            if !self.is_busy() {
                return;
            }
            done.await;
        }
    }
}

fn ready(state: &SuiteState) -> Option<Arc<Served>> {
    state.head.as_ref().map(|head| Arc::new(Served::of(head)))
}

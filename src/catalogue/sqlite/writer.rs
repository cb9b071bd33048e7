//! The one thread that writes. It takes what is queued, runs it in one transaction with a savepoint
//! for each job, commits once, and only then answers: many writers share one sync. A large job has
//! a transaction of its own: for going back to a savepoint, SQLite would write every page that the
//! job touches once more, which costs far more than a sync.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Weak;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, SyncSender, channel, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

use rusqlite::Connection;
use rusqlite::config::DbConfig;

use super::readers::Readers;
use super::standing::{Lost, Standing, Stopped};
use super::tx::{self, SqliteTx};
use crate::catalogue::CatalogueError;
use crate::catalogue::sql::{Answer, Tx};
use crate::cause::Cause;
use crate::reserve;

/// How many jobs share a commit at most.
const BATCH: usize = 256;
/// How long there is no job before the page cache is freed.
const IDLE: Duration = Duration::from_secs(5);

/// The writing thread, as the rest of the program sees it.
pub(super) struct Writer {
    queue: Option<Sender<Box<dyn Job>>>,
    thread: Option<JoinHandle<()>>,
    stopped: Stopped,
}

impl Writer {
    /// Starts the thread, which owns the connection from here on. `why` is what keeps it from
    /// writing, if anything does.
    pub(super) fn start(
        connection: Connection,
        readers: Weak<Readers>,
        why: Option<CatalogueError>,
    ) -> Answer<Self> {
        let (queue, jobs) = channel();
        let stopped = Stopped::default();
        let mut standing = Standing::new(stopped.clone(), why);
        let thread = std::thread::Builder::new()
            .name("catalogue".into())
            .spawn(move || {
                let rest = || readers.upgrade().iter().for_each(|readers| readers.rest());
                write_queued(&connection, &jobs, &mut standing, &rest);
            })
            .map_err(|error| {
                CatalogueError::Database(Cause::while_doing("cannot start a thread", error))
            })?;
        Ok(Self { queue: Some(queue), thread: Some(thread), stopped })
    }

    /// Why nothing is written now; `None` while all is well.
    pub(super) fn stopped(&self) -> Option<CatalogueError> {
        self.stopped.why()
    }

    /// Queues `body` and waits until what it did is durable.
    pub(super) fn write<T: Send + 'static>(
        &self,
        size: Size,
        body: impl FnOnce(&mut dyn Tx) -> Answer<T> + Send + 'static,
    ) -> Answer<T> {
        let ended = || CatalogueError::Database("the writing thread has ended".into());
        let (job, answer) = job(size, body);
        self.queue.as_ref().and_then(|queue| queue.send(job).ok()).ok_or_else(ended)?;
        answer.recv().map_err(|_| ended())?
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        drop(self.queue.take());
        if let Some(thread) = self.thread.take() {
            // A panic there was reported when it happened.
            let _ = thread.join();
        }
    }
}

/// How much a job writes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Size {
    /// Some rows: it shares a transaction with others.
    Small,
    /// Hundreds of rows: it has one of its own.
    Large,
    /// The same, but it need not be durable yet: it becomes so with the next job that is not a
    /// slice.
    Slice,
}

/// Something to be written; a caller waits for it.
pub(super) trait Job: Send {
    /// How much it writes.
    fn size(&self) -> Size;

    /// Runs it, and gives whether its writes are to be kept.
    fn run(&mut self, tx: &mut dyn Tx) -> bool;

    /// Sends the result to the caller. `lost` says why nothing was kept, if the transaction failed
    /// as a whole.
    fn answer(self: Box<Self>, lost: Option<&CatalogueError>);
}

/// Makes a job of `body`, and the channel on which its answer comes.
pub(super) fn job<T: Send + 'static>(
    size: Size,
    body: impl FnOnce(&mut dyn Tx) -> Answer<T> + Send + 'static,
) -> (Box<dyn Job>, Receiver<Answer<T>>) {
    let (reply, answer) = sync_channel(1);
    (Box::new(Task { size, body: Some(body), result: None, reply }), answer)
}

struct Task<T, F> {
    size: Size,
    body: Option<F>,
    result: Option<Answer<T>>,
    reply: SyncSender<Answer<T>>,
}

impl<T, F> Job for Task<T, F>
where
    T: Send,
    F: FnOnce(&mut dyn Tx) -> Answer<T> + Send,
{
    fn size(&self) -> Size {
        self.size
    }

    fn run(&mut self, tx: &mut dyn Tx) -> bool {
        let Some(body) = self.body.take() else { return false };
        // A job that panics fails alone: its savepoint is rolled back like any other's.
        let result = catch_unwind(AssertUnwindSafe(|| body(tx))).unwrap_or_else(|_| {
            Err(CatalogueError::Database("recording panicked; nothing was kept".into()))
        });
        let kept = result.is_ok();
        self.result = Some(result);
        kept
    }

    fn answer(self: Box<Self>, lost: Option<&CatalogueError>) {
        let result = match (self.result, lost) {
            (Some(Err(error)), _) => Err(error),
            (_, Some(why)) => Err(why.clone()),
            (Some(Ok(value)), None) => Ok(value),
            (None, None) => Err(CatalogueError::Database("was not run".into())),
        };
        // A caller that no longer waits needs no answer.
        let _ = self.reply.send(result);
    }
}

/// Writes what is queued, until the queue is closed. Whenever there was no job for [`IDLE`], it
/// calls `rest`.
pub(super) fn write_queued(
    connection: &Connection,
    queue: &Receiver<Box<dyn Job>>,
    standing: &mut Standing,
    rest: &dyn Fn(),
) {
    let mut held = None;
    while let Some(first) = held.take().or_else(|| next(connection, queue, standing, rest)) {
        let mut batch;
        (batch, held) = gather(first, queue);
        let mut lost = standing.look(connection);
        if lost.is_none() {
            lost = write_batch(connection, &mut batch, standing).err().map(|error| {
                if !connection.is_autocommit() {
                    // If the rollback fails, the next batch cannot begin, and reports that itself.
                    let _ = connection.execute_batch("ROLLBACK");
                }
                match standing.failed(connection, error) {
                    CatalogueError::Full(cause) => full(connection, cause),
                    other => other,
                }
            });
        }
        batch.into_iter().for_each(|job| job.answer(lost.as_ref()));
    }
    if standing.is_in_doubt() || !has_room(connection) {
        // A log that is checkpointed here is deleted. The next open would have to make it anew, and
        // could not; or it has to look at checksums first.
        let kept = connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true);
        debug_assert!(kept.is_ok(), "every SQLite since 3.16.2 knows this");
    }
}

/// The jobs that share a transaction with `first`, in the order in which they were queued, and a
/// large job that has to wait for the next transaction.
fn gather(first: Box<dyn Job>, queue: &Receiver<Box<dyn Job>>) -> (Vec<Queued>, Option<Queued>) {
    let alone = first.size() != Size::Small;
    let mut batch = vec![first];
    while !alone && batch.len() < BATCH {
        match queue.try_recv() {
            Ok(job) if job.size() != Size::Small => return (batch, Some(job)),
            Ok(job) => batch.push(job),
            Err(_) => break,
        }
    }
    (batch, None)
}

type Queued = Box<dyn Job>;

/// Waits for a job; after [`IDLE`] without one, frees the memory of the page cache.
fn next(
    connection: &Connection,
    queue: &Receiver<Box<dyn Job>>,
    standing: &mut Standing,
    rest: &dyn Fn(),
) -> Option<Box<dyn Job>> {
    let mut given_back = false;
    loop {
        match queue.recv_timeout(IDLE) {
            Err(RecvTimeoutError::Timeout) => {}
            job => return job.ok(),
        }
        if !given_back {
            // Freed pages only have to be read again. If this fails, they stay in memory.
            let _ = connection.execute_batch("PRAGMA shrink_memory");
            given_back = true;
        }
        let _seen_by_others = standing.look(connection);
        rest();
    }
}

/// A full disk: says what of it is full.
fn full(connection: &Connection, cause: Cause) -> CatalogueError {
    // What is in the file needs no place in the log, which then begins anew.
    let _log_as_it_is = connection.execute_batch("PRAGMA wal_checkpoint(PASSIVE)");
    let place = connection.path().map(Path::new).and_then(Path::parent);
    CatalogueError::Full(match place.filter(|_| !has_room(connection)) {
        Some(place) => Cause::with(reserve::lack(place), cause),
        None => cause,
    })
}

fn has_room(connection: &Connection) -> bool {
    connection.path().is_none_or(|path| !tx::has_no_room(Path::new(path)))
}

fn write_batch(
    connection: &Connection,
    batch: &mut [Box<dyn Job>],
    standing: &mut Standing,
) -> Result<(), Lost> {
    // The log is one file: a sync of it covers everything that was written before.
    let is_slice = batch.iter().all(|job| job.size() == Size::Slice);
    connection.pragma_update(None, "synchronous", if is_slice { "NORMAL" } else { "FULL" })?;
    let before = connection.total_changes();
    connection.execute_batch("BEGIN IMMEDIATE")?;
    if let [alone] = batch {
        if !run(connection, alone)? {
            return Ok(connection.execute_batch("ROLLBACK")?);
        }
    } else {
        for job in batch {
            connection.execute_batch("SAVEPOINT job")?;
            let kept = run(connection, job)?;
            connection.execute_batch(if kept {
                "RELEASE job"
            } else {
                "ROLLBACK TO job; RELEASE job"
            })?;
        }
    }
    connection.execute_batch("COMMIT").map_err(Lost::at_commit)?;
    // A commit of nothing syncs nothing.
    if connection.total_changes() > before {
        standing.committed(is_slice);
    }
    Ok(())
}

/// Runs a job, and gives whether its writes are to be kept.
fn run(connection: &Connection, job: &mut Box<dyn Job>) -> Result<bool, Lost> {
    let mut tx = SqliteTx::new(connection);
    let kept = job.run(&mut tx);
    if let Some(why) = tx.fatal {
        return Err(Lost::fatal(why));
    }
    if connection.is_autocommit() {
        // At some errors, a full disk among them, SQLite gives up the whole transaction.
        let unknown = || CatalogueError::Database("the transaction was given up".into());
        return Err(Lost::given_up(tx.given_up.unwrap_or_else(unknown)));
    }
    Ok(kept)
}

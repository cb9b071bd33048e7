//! Standing: whether the catalogue is written to, and what a commit that failed has left behind.
//!
//! When the disk fails during a commit, SQLite undoes the transaction in memory. Its frames may lie in
//! the write-ahead log all the same, with the mark of a commit, and whoever opens the file after a
//! crash finds it done. So nobody is answered before the end of the log was written over: the next
//! commit lies where the failed one lay, and since the checksum of each frame covers those before it,
//! what is left of the failed one behind it counts as nothing. If that commit is durable, the failed
//! one is not there. If it fails too, nothing more is written, and the answer is that it is not known.
//!
//! Slices are committed without a sync, and a failed sync may have lost them: nothing may lie behind
//! them then but what a restart finds there.
//!
//! Source: sections 4.2 and 4.4 of SQLite's file format, `sqlite3WalFrames` and `walIndexRecover` in
//! its wal.c.

use std::error::Error as _;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rusqlite::Connection;

use super::tx;
use crate::catalogue::CatalogueError;
use crate::cause::Cause;

/// How long after an attempt to write again the next one comes.
const PAUSE: Duration = Duration::from_secs(1);

/// Why nothing is written, as the rest of the program sees it; nothing while all is well.
#[derive(Clone, Default)]
pub(super) struct Stopped(Arc<Mutex<Option<CatalogueError>>>);

impl Stopped {
    /// The error that every write gets.
    pub(super) fn why(&self) -> Option<CatalogueError> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set(&self, why: Option<CatalogueError>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = why;
    }
}

/// What the writing thread knows of its log.
pub(super) struct Standing {
    stopped: Stopped,
    /// When it was last tried to write over a commit that failed; `None` when none is there.
    tried: Option<Instant>,
    /// Whether only a restart mends it.
    for_good: bool,
    /// Whether slices were committed that no sync has made durable yet.
    unsynced: bool,
}

/// A transaction failed as a whole.
pub(super) struct Lost {
    /// Why, for those who wait.
    pub(super) why: CatalogueError,
    /// What that means for the transactions after it.
    after: After,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum After {
    /// Nothing: it is undone.
    Nothing,
    /// It may be in the log.
    InDoubt,
    /// No other transaction may be tried.
    TheEnd,
}

impl From<rusqlite::Error> for Lost {
    fn from(error: rusqlite::Error) -> Self {
        let after = if tx::is_fatal(&error) { After::TheEnd } else { After::Nothing };
        Self { why: tx::error(error), after }
    }
}

impl Lost {
    /// The commit itself failed.
    pub(super) fn at_commit(error: rusqlite::Error) -> Self {
        match tx::may_be_in_the_log(&error) {
            true => Self { why: tx::error(error), after: After::InDoubt },
            false => error.into(),
        }
    }

    /// A body met an error after which no other transaction may be tried.
    pub(super) fn fatal(why: CatalogueError) -> Self {
        Self { why, after: After::TheEnd }
    }

    /// SQLite gave up the transaction.
    pub(super) fn given_up(why: CatalogueError) -> Self {
        Self { why, after: After::Nothing }
    }
}

impl Standing {
    /// A log that was just opened; `why` is what keeps it from being written, if anything does.
    pub(super) fn new(stopped: Stopped, why: Option<CatalogueError>) -> Self {
        let mut standing = Self { stopped, tried: None, for_good: false, unsynced: false };
        if let Some(why) = why {
            standing.end(&why);
        }
        standing
    }

    /// Why nothing may be written now. After a commit that failed it is tried, now and then, to write
    /// over it.
    pub(super) fn look(&mut self, connection: &Connection) -> Option<CatalogueError> {
        let due = self.tried.is_some_and(|at| at.elapsed() >= PAUSE);
        if due && !self.for_good && write_over(connection).is_ok() {
            self.tried = None;
            self.stopped.set(None);
        } else if due {
            self.tried = Some(Instant::now());
        }
        self.stopped.why()
    }

    /// A transaction that wrote something is committed; `is_slice` says that it need not be durable
    /// yet.
    pub(super) fn committed(&mut self, is_slice: bool) {
        self.unsynced = is_slice;
    }

    /// What those hear who waited for a transaction that failed. It is rolled back by now.
    pub(super) fn failed(&mut self, connection: &Connection, lost: Lost) -> CatalogueError {
        let Lost { why, after } = lost;
        match after {
            After::Nothing => why,
            After::TheEnd => {
                self.end(&why);
                why
            }
            After::InDoubt if !self.unsynced && write_over(connection).is_ok() => why,
            After::InDoubt => {
                self.for_good |= self.unsynced;
                self.tried = Some(Instant::now());
                let stop =
                    if self.for_good { CatalogueError::Stopped } else { CatalogueError::Paused };
                self.stopped.set(Some(stop(after_first(&why))));
                CatalogueError::Unknown(Cause::of(why))
            }
        }
    }

    /// Whether the log has to be read anew, with its checksums, before anything else is done with it.
    pub(super) fn is_in_doubt(&self) -> bool {
        self.tried.is_some() || self.for_good
    }

    fn end(&mut self, why: &CatalogueError) {
        self.for_good = true;
        self.stopped.set(Some(CatalogueError::Stopped(after_first(why))));
    }
}

/// Commits a page that holds what it held, in place of a commit that failed.
fn write_over(connection: &Connection) -> rusqlite::Result<()> {
    if !connection.is_autocommit() {
        connection.execute_batch("ROLLBACK")?;
    }
    connection.pragma_update(None, "synchronous", "FULL")?;
    let version: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    connection.execute_batch("BEGIN IMMEDIATE")?;
    let written = connection
        .pragma_update(None, "user_version", version)
        .and_then(|()| connection.execute_batch("COMMIT"));
    if written.is_err() && !connection.is_autocommit() {
        // If that fails too, the next attempt begins with it.
        let _ = connection.execute_batch("ROLLBACK");
    }
    written
}

/// What jobs hear that come after one whose error ended the writing.
fn after_first(first: &CatalogueError) -> Cause {
    let said = first.source().map_or_else(|| first.to_string(), ToString::to_string);
    Cause::with(said, first.clone())
}

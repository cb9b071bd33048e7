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
//! A page that the disk did not give once is told as damage of the file. So after such an error every
//! page is read, before anything else is written.
//!
//! Source: sections 4.2 and 4.4 of SQLite's file format, `sqlite3WalFrames` and `walIndexRecover` in
//! its wal.c; `SQLITE_IOERR_CORRUPTFS` in its os_unix.c and vdbe.c.

use std::error::Error as _;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rusqlite::Connection;

use super::tx;
use crate::catalogue::CatalogueError;
use crate::cause::Cause;

/// How long after an attempt to write again the next one comes; of those that read the whole file, each
/// comes later than the one before.
const PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

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
    /// `None` while all is well.
    trouble: Option<Trouble>,
    /// When all pages were read last, because the file seemed damaged.
    read_at: Option<Instant>,
    /// Whether slices were committed that no sync has made durable yet.
    unsynced: bool,
}

/// Why nothing is written.
struct Trouble {
    cure: Cure,
    tried: Instant,
    pause: Duration,
}

/// What has to be done before anything is written.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Cure {
    /// A commit in the place of one that failed.
    WriteOver,
    /// What was found in the log is to be in the file.
    BringIn,
    /// Every page of the file is to be read.
    ReadAll,
    /// A start: it looks at the sum of each frame.
    Restart,
}

impl Cure {
    /// Tries it.
    fn works(self, connection: &Connection) -> bool {
        match self {
            Self::WriteOver => write_over(connection).is_ok(),
            Self::BringIn => bring_in(connection).is_ok_and(|is_whole| is_whole),
            Self::ReadAll => reads_all(connection).is_ok_and(|is_sound| is_sound),
            Self::Restart => false,
        }
    }
}

impl Trouble {
    fn new(cure: Cure) -> Self {
        Self { cure, tried: Instant::now(), pause: PAUSE }
    }

    /// Whether it is over, which is tried now and then.
    fn is_over(&mut self, connection: &Connection) -> bool {
        if self.tried.elapsed() < self.pause {
            return false;
        }
        let is_over = self.cure.works(connection);
        self.tried = Instant::now();
        if self.cure == Cure::ReadAll {
            self.pause = self.pause.saturating_mul(2).min(LONGEST_PAUSE);
        }
        is_over
    }
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
    /// The file may be damaged, or the disk did not give a page of it.
    Unreadable,
}

impl From<rusqlite::Error> for Lost {
    fn from(error: rusqlite::Error) -> Self {
        let after = if tx::is_fatal(&error) { After::Unreadable } else { After::Nothing };
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

    /// A body met a page that is damaged, or that the disk did not give.
    pub(super) fn fatal(why: CatalogueError) -> Self {
        Self { why, after: After::Unreadable }
    }

    /// SQLite gave up the transaction.
    pub(super) fn given_up(why: CatalogueError) -> Self {
        Self { why, after: After::Nothing }
    }
}

impl Standing {
    /// A log that was just opened; `why` is what keeps it from being written, if anything does.
    pub(super) fn new(stopped: Stopped, why: Option<CatalogueError>) -> Self {
        let mut standing = Self { stopped, trouble: None, read_at: None, unsynced: false };
        if let Some(why) = why {
            standing.stop(Cure::BringIn, &why);
        }
        standing
    }

    /// Why nothing may be written now. What helps is tried now and then.
    pub(super) fn look(&mut self, connection: &Connection) -> Option<CatalogueError> {
        if self.trouble.as_mut().is_some_and(|trouble| trouble.is_over(connection)) {
            let read_all = self.trouble.take_if(|trouble| trouble.cure == Cure::ReadAll);
            self.read_at = read_all.map(|trouble| trouble.tried).or(self.read_at);
            self.trouble = None;
            self.stopped.set(None);
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
        let cure = match after {
            After::Nothing => return why,
            After::Unreadable => Cure::ReadAll,
            After::InDoubt if self.unsynced => Cure::Restart,
            After::InDoubt => Cure::WriteOver,
        };
        // What comes again so soon is no page that was not given once.
        let again =
            cure == Cure::ReadAll && self.read_at.is_some_and(|at| at.elapsed() < LONGEST_PAUSE);
        if !again && cure.works(connection) {
            self.read_at = (cure == Cure::ReadAll).then(Instant::now).or(self.read_at);
            return why;
        }
        self.stop(cure, &why);
        if let (true, Some(trouble)) = (again, self.trouble.as_mut()) {
            trouble.pause = LONGEST_PAUSE;
        }
        match after {
            After::InDoubt => CatalogueError::Unknown(Cause::of(why)),
            After::Nothing | After::Unreadable => why,
        }
    }

    /// Whether the log has to be read anew, with its checksums, before anything else is done with it.
    pub(super) fn is_in_doubt(&self) -> bool {
        self.trouble.is_some()
    }

    fn stop(&mut self, cure: Cure, why: &CatalogueError) {
        let stop = match cure {
            Cure::Restart => CatalogueError::Stopped,
            Cure::WriteOver | Cure::BringIn | Cure::ReadAll => CatalogueError::Paused,
        };
        self.stopped.set(Some(stop(after_first(why))));
        self.trouble = Some(Trouble::new(cure));
    }
}

/// Writes what is in the log into the file, durably, and gives whether that is all of it. What a
/// failed sync was for is written once more, because nothing of the log counts as written until then.
pub(super) fn bring_in(connection: &Connection) -> rusqlite::Result<bool> {
    connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |row| {
        let number = |at| row.get::<_, i64>(at);
        Ok(number(0)? == 0 && number(1)? == number(2)?)
    })
}

/// Reads every page, from the file and not from memory, and gives whether tables and indices fit together.
fn reads_all(connection: &Connection) -> rusqlite::Result<bool> {
    if !connection.is_autocommit() {
        connection.execute_batch("ROLLBACK")?;
    }
    connection.execute_batch("PRAGMA shrink_memory")?;
    connection.query_row(
        "PRAGMA integrity_check(1)",
        [],
        |row| Ok(row.get::<_, String>(0)? == "ok"),
    )
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

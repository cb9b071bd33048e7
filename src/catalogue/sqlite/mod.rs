//! The SQLite back end: opening, migrating and checking the file. One thread writes
//! (`writer`), a few connections read (`readers`), and what they run is written in `sql`.
//!
//! May name: domain, debian, digest, time, cause, reserve, afresh
#![expect(clippy::disallowed_methods, reason = "the catalogue keeps its file on disk")]

use std::fs::OpenOptions;
use std::io::ErrorKind;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rusqlite::{Connection, OpenFlags};
use rusqlite_migration::{M, Migrations};

use self::own_file::OwnFile;
use self::readers::Readers;
use self::writer::{Size, Writer};
use crate::catalogue::CatalogueError;
use crate::catalogue::sql::{Answer, ChunkCache, Store, Tx};
use crate::cause::Cause;
use crate::reserve::Reserve;

mod backup;
mod integrity;
mod own_file;
mod readers;
mod standing;
mod tx;
mod writer;

#[cfg(test)]
mod counted;
#[cfg(test)]
mod tests;

/// The schema, step by step. A step that was released is never edited.
const MIGRATIONS: [M<'static>; 21] = [
    M::up(include_str!("../../../migrations/sqlite/0001-first/up.sql")),
    M::up(include_str!("../../../migrations/sqlite/0002-mention/up.sql")),
    M::up(include_str!("../../../migrations/sqlite/0003-one-gzip-member/up.sql")),
    M::up(include_str!("../../../migrations/sqlite/0004-departed/up.sql")),
    M::up(include_str!("../../../migrations/sqlite/0005-several-versions/up.sql")),
    M::up(include_str!("../../../migrations/sqlite/0006-words/up.sql")),
    M::up(include_str!("../../../migrations/sqlite/0007-nulls/up.sql")),
    M::up(include_str!("../../../migrations/sqlite/0008-slices/up.sql")),
    M::up(include_str!("../../../migrations/sqlite/0009-aliases/up.sql")),
    M::up(include_str!("../../../migrations/sqlite/0010-namespaces/up.sql")),
    M::up(include_str!("../../../migrations/sqlite/0011-privileges/up.sql")),
    M::up(include_str!("../../../migrations/sqlite/0012-restorations/up.sql")),
    M::up(include_str!("../../../migrations/sqlite/0013-limits/up.sql")),
    M::up(include_str!("../../../migrations/sqlite/0014-apart/up.sql")),
    M::up(include_str!("../../../migrations/sqlite/0015-hold/up.sql")),
    M::up(include_str!("../../../migrations/sqlite/0016-reports/up.sql")),
    M::up(include_str!("../../../migrations/sqlite/0021-rings/up.sql")),
    M::up(include_str!("../../../migrations/sqlite/0022-yanks/up.sql")),
    M::up(include_str!("../../../migrations/sqlite/0023-health/up.sql")),
    M::up(include_str!("../../../migrations/sqlite/0024-rollout-policy/up.sql")),
    M::up(include_str!("../../../migrations/sqlite/0025-retention/up.sql")),
];

/// Marks the file as one of this program: `repo` in ASCII.
const APPLICATION_ID: i64 = 0x7265_706f;
/// How many connections read: more than reports run at once, so that one is free for serving hosts.
const READERS: usize = 8;
const BUSY_SECONDS: u64 = 5;
/// The length at which the write-ahead log is checkpointed into the file. Unit: pages of 4 KiB,
/// together 47 MiB. Digests are spread over all of their index, so every batch writes most of its
/// pages; a long log writes each of them into the file only once.
const LOG_PAGES: i64 = 12_000;
/// The page cache of the writer: enough for most of the indices of 60,000 packages, which a bulk
/// upload reads again and again. 64 MiB made no import faster, and a crowd of them larger.
const WRITER_CACHE_KIB: i64 = 48 << 10;
/// The page cache of each connection that reads.
const READER_CACHE_KIB: i64 = 1 << 10;
/// How many prepared statements a connection caches: more than there are, so that it prepares each
/// once.
const STATEMENTS: usize = 128;

/// A catalogue in one SQLite file.
///
/// Limits: one process at a time; the file is touched through SQLite alone.
pub struct SqliteCatalogue {
    // Readers close first: the last connection to close checkpoints the log into the file, and only
    // the writer may do that.
    readers: Arc<Readers>,
    /// `None` when it was opened for reading.
    writer: Option<Writer>,
    chunk_cache: ChunkCache,
    reserve: Arc<Reserve>,
    /// The last field, so that it is closed last.
    own: OwnFile,
}

impl SqliteCatalogue {
    /// Opens the catalogue at `path`, makes it when there is none, and brings it up to date.
    ///
    /// # Errors
    /// [`CatalogueError::Damaged`] when the file is not a catalogue, or one of a newer program;
    /// [`CatalogueError::Database`] when it cannot be opened.
    pub fn open(path: &Path) -> Result<Self, CatalogueError> {
        Self::open_with(path, Arc::new(Reserve::none()))
    }

    /// The same, with room that is given up for what has to be written on a full disk.
    ///
    /// # Errors
    /// As for [`SqliteCatalogue::open`].
    pub fn open_with(path: &Path, reserve: Arc<Reserve>) -> Result<Self, CatalogueError> {
        // SQLite makes the log and its index, for which a full disk has no room.
        let is_full = |_: &CatalogueError| tx::has_no_room(path);
        reserve.spend(is_full, || Self::open_once(path, Arc::clone(&reserve)))
    }

    fn open_once(path: &Path, reserve: Arc<Reserve>) -> Result<Self, CatalogueError> {
        let flags = OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let writable = flags | OpenFlags::SQLITE_OPEN_READ_WRITE;
        make(path)?;
        let mut connection = connect(path, writable)?;
        check(&connection, path)?;
        let why = prepare(&mut connection).map_err(|error| match error {
            CatalogueError::Database(cause) => failed("prepare", path)(cause),
            other => other,
        })?;
        let reading = flags | OpenFlags::SQLITE_OPEN_READ_ONLY;
        let reader = || {
            let reader = connect(path, reading)?;
            reader.pragma_update(None, "cache_size", -READER_CACHE_KIB).map_err(tx::error)?;
            Ok(reader)
        };
        let readers = (0..READERS).map(|_| reader()).collect::<Answer<_>>()?;
        let readers = Arc::new(Readers::new(readers));
        let writer = Some(Writer::start(connection, Arc::downgrade(&readers), why)?);
        let own = OwnFile::held(path).map_err(failed("open", path))?;
        Ok(Self { readers, writer, chunk_cache: ChunkCache::default(), reserve, own })
    }

    /// Opens the catalogue at `path` for reading only, which also works while a server uses it.
    /// Nothing is migrated, and every method that records fails.
    ///
    /// # Errors
    /// [`CatalogueError::Damaged`] when the file is not a catalogue of this program's own schema;
    /// [`CatalogueError::Database`] when it cannot be opened.
    pub fn open_reading(path: &Path) -> Result<Self, CatalogueError> {
        let connection =
            connect(path, OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_READ_ONLY)?;
        check(&connection, path)?;
        let version: i64 = connection
            .pragma_query_value(None, "user_version", |row| row.get(0))
            .map_err(tx::error)?;
        if usize::try_from(version) != Ok(MIGRATIONS.len()) {
            return Err(CatalogueError::Damaged(format!(
                "{} was written by an older repod; start `repod serve` once, which brings it up to date",
                path.display()
            ).into()));
        }
        let readers = Arc::new(Readers::new(vec![connection]));
        let own = OwnFile::named(path);
        let reserve = Arc::new(Reserve::none());
        Ok(Self { readers, writer: None, chunk_cache: ChunkCache::default(), reserve, own })
    }
}

impl SqliteCatalogue {
    fn write_sized<T: Send + 'static>(
        &self,
        size: Size,
        body: impl FnOnce(&mut dyn Tx) -> Answer<T> + Send + 'static,
    ) -> Answer<T> {
        match &self.writer {
            Some(writer) => writer.write(size, body),
            None => Err(CatalogueError::Database("it was opened for reading only".into())),
        }
    }
}

impl Store for SqliteCatalogue {
    fn read<T>(&self, body: impl FnOnce(&mut dyn Tx) -> Answer<T>) -> Answer<T> {
        self.readers.read(body)
    }

    fn write<T: Send + 'static>(
        &self,
        body: impl FnOnce(&mut dyn Tx) -> Answer<T> + Send + 'static,
    ) -> Answer<T> {
        self.write_sized(Size::Small, body)
    }

    fn write_much<T: Send + 'static>(
        &self,
        body: impl FnOnce(&mut dyn Tx) -> Answer<T> + Send + 'static,
    ) -> Answer<T> {
        self.write_sized(Size::Large, body)
    }

    fn write_slice<T: Send + 'static>(
        &self,
        body: impl FnOnce(&mut dyn Tx) -> Answer<T> + Send + 'static,
    ) -> Answer<T> {
        self.write_sized(Size::Slice, body)
    }

    fn write_needed<T: Send + 'static>(
        &self,
        body: impl FnOnce(&mut dyn Tx) -> Answer<T> + Clone + Send + 'static,
    ) -> Answer<T> {
        let is_full = |error: &CatalogueError| matches!(error, CatalogueError::Full(_));
        self.reserve.spend(is_full, || self.write_sized(Size::Small, body.clone()))
    }

    fn stopped(&self) -> Option<CatalogueError> {
        self.writer.as_ref().and_then(Writer::stopped)
    }

    fn chunk_cache(&self) -> &ChunkCache {
        &self.chunk_cache
    }
}

/// Makes an empty file that others cannot read, unless there is one. SQLite gives its log the same
/// mode. A file that is there is not opened here: closing it would release SQLite's locks.
fn make(path: &Path) -> Answer<()> {
    let made = OpenOptions::new().write(true).create_new(true).mode(0o640).open(path);
    match made {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(failed("make", path)(error)),
        _ => Ok(()),
    }
}

fn connect(path: &Path, flags: OpenFlags) -> Answer<Connection> {
    let connection = Connection::open_with_flags(path, flags).map_err(failed("open", path))?;
    connection.busy_timeout(Duration::from_secs(BUSY_SECONDS)).map_err(tx::error)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    Ok(connection)
}

/// Refuses a file that this program would harm, before anything in it is changed.
fn check(connection: &Connection, path: &Path) -> Answer<()> {
    let pragma = |name| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    let version = pragma("user_version").map_err(tx::error)?;
    let application = pragma("application_id").map_err(tx::error)?;
    let tables = "SELECT COUNT(*) FROM sqlite_schema";
    let tables: i64 = connection.query_row(tables, [], |row| row.get(0)).map_err(tx::error)?;
    let (path, known) = (path.display(), MIGRATIONS.len());
    let empty = version == 0 && application == 0 && tables == 0;
    if !empty && application != APPLICATION_ID {
        return Err(CatalogueError::Damaged(format!("{path} is not a catalogue of repod").into()));
    }
    if usize::try_from(version).map_or(true, |version| version > known) {
        return Err(CatalogueError::Damaged(
            format!(
                "{path} was written by a newer repod (schema {version}, this one knows {known}); \
             start that one again, or restore a backup from before the upgrade"
            )
            .into(),
        ));
    }
    Ok(())
}

/// Sets the connection up, and brings the file up to date. Gives why nothing may be written to it, if
/// the disk fails.
fn prepare(connection: &mut Connection) -> Answer<Option<CatalogueError>> {
    let mode: String = connection
        .pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get(0))
        .map_err(tx::error)?;
    if mode != "wal" {
        let problem = format!("the file system does not bear a write-ahead log (mode {mode})");
        return Err(CatalogueError::Database(problem.into()));
    }
    connection.pragma_update(None, "synchronous", "FULL").map_err(tx::error)?;
    connection.pragma_update(None, "foreign_keys", "ON").map_err(tx::error)?;
    // A large publication may make the log long once; this limit cuts it again.
    connection.pragma_update(None, "journal_size_limit", 64 << 20).map_err(tx::error)?;
    connection.pragma_update(None, "wal_autocheckpoint", LOG_PAGES).map_err(tx::error)?;
    connection.pragma_update(None, "cache_size", -WRITER_CACHE_KIB).map_err(tx::error)?;
    let why = bring_in(connection);
    let schema = |connection: &Connection| {
        connection.pragma_query_value(None, "user_version", |row| row.get::<_, i64>(0))
    };
    let before = schema(connection).map_err(tx::error)?;
    Migrations::from_slice(&MIGRATIONS).to_latest(connection).map_err(|error| match error {
        rusqlite_migration::Error::RusqliteError { err, .. } => tx::error(err),
        other => CatalogueError::Database(Cause::of(other)),
    })?;
    match why {
        // An older package reads the schema in the header of the file before it is unpacked.
        None if schema(connection).map_err(tx::error)? != before => Ok(bring_in(connection)),
        why => Ok(why),
    }
}

/// Writes what was found in the log into the file, durably. What a sync failed for may be in memory
/// and not on the disk, and SQLite has read it from memory: from here on it is on the disk, or nothing
/// is written behind it. Gives why not, but for a full disk, on which the log stays.
fn bring_in(connection: &Connection) -> Option<CatalogueError> {
    let begun = Instant::now();
    loop {
        match standing::bring_in(connection) {
            Ok(true) => return None,
            // Another process, such as an export, reads an earlier state.
            Ok(false) if begun.elapsed() < Duration::from_secs(BUSY_SECONDS) => {
                std::thread::sleep(Duration::from_millis(50));
            }
            Ok(false) => {
                let text =
                    "the log is not in the file, because another process reads an earlier state";
                return Some(CatalogueError::Database(text.into()));
            }
            Err(error) => {
                let problem = tx::error(error);
                return (!matches!(problem, CatalogueError::Full(_))).then_some(problem);
            }
        }
    }
}

/// Turns an error into one that says what could not be done with the file at `path`.
fn failed<E: std::error::Error + Send + Sync + 'static>(
    what: &'static str,
    path: &Path,
) -> impl FnOnce(E) -> CatalogueError {
    let what = format!("cannot {what} {}", path.display());
    move |error| CatalogueError::Database(Cause::while_doing(what, error))
}

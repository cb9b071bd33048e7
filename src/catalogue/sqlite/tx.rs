//! One SQLite transaction as the statements see it.

use std::path::Path;

use rusqlite::types::{FromSqlError, ToSqlOutput, ValueRef};
use rusqlite::{CachedStatement, Connection, ErrorCode, ToSql};

use crate::catalogue::CatalogueError;
use crate::catalogue::sql::{Answer, Row, Tx, Value};
use crate::cause::Cause;
use crate::reserve::Room;

/// With less free disk space than this, a log cannot be made, and stays when the file is closed.
/// Unit: bytes.
const LOG_ROOM_BYTES: u64 = 1 << 20;

/// Whether the disk has no room for the log of the file at `path`, or no inode for it.
pub(super) fn has_no_room(path: &Path) -> bool {
    let room = path.parent().and_then(Room::of);
    room.is_some_and(|room| room.has_no_inodes() || room.bytes < LOG_ROOM_BYTES)
}

/// What SQLite said, as the catalogue's error.
pub(super) fn error(error: rusqlite::Error) -> CatalogueError {
    match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
            CatalogueError::Damaged(Cause::of(error))
        }
        Some(ErrorCode::DiskFull) => CatalogueError::Full(Cause::of(error)),
        Some(ErrorCode::SystemIoFailure) if lacks_room(&error) => {
            CatalogueError::Full(Cause::of(error))
        }
        _ => CatalogueError::Database(Cause::of(error)),
    }
}

/// The index of the log could not grow: on a full disk that is no error of the device.
/// Source: unixShmMap in SQLite's os_unix.c.
fn lacks_room(error: &rusqlite::Error) -> bool {
    let code = error.sqlite_error().map(|error| error.extended_code);
    code == Some(rusqlite::ffi::SQLITE_IOERR_SHMSIZE)
}

/// Whether writing must stop after this error until the file is opened again, because what it holds
/// is no sound database.
pub(super) fn is_fatal(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase))
}

/// Whether a commit that failed with this error may be in the log all the same. On a full disk it is
/// not: what says that it is committed is written last.
pub(super) fn may_be_in_the_log(error: &rusqlite::Error) -> bool {
    error.sqlite_error_code() == Some(ErrorCode::SystemIoFailure)
}

/// A transaction that the owner of the connection has begun and will end.
pub(super) struct SqliteTx<'c> {
    connection: &'c Connection,
    /// The first fatal error, even when the body that met it went on.
    pub(super) fatal: Option<CatalogueError>,
    /// The error at which SQLite gave up the whole transaction, as it does when the disk is full.
    pub(super) given_up: Option<CatalogueError>,
}

impl<'c> SqliteTx<'c> {
    pub(super) fn new(connection: &'c Connection) -> Self {
        Self { connection, fatal: None, given_up: None }
    }

    fn seen(&mut self, error: rusqlite::Error) -> CatalogueError {
        let is_fatal = is_fatal(&error);
        let error = self::error(error);
        if is_fatal {
            self.fatal.get_or_insert_with(|| error.clone());
        }
        if self.connection.is_autocommit() {
            self.given_up.get_or_insert_with(|| error.clone());
        }
        error
    }

    fn bound(&mut self, sql: &'static str, values: &[Value<'_>]) -> Answer<CachedStatement<'c>> {
        let mut statement = self.connection.prepare_cached(sql).map_err(|e| self.seen(e))?;
        if statement.parameter_count() != values.len() {
            return Err(misnumbered(sql));
        }
        for (index, value) in (1_usize..).zip(values) {
            // SQLite numbers `$1` by its first appearance, PostgreSQL by its digits.
            let digits = statement.parameter_name(index).and_then(|name| name.strip_prefix('$'));
            if digits.and_then(|digits| digits.parse().ok()) != Some(index) {
                return Err(misnumbered(sql));
            }
            statement.raw_bind_parameter(index, Bound(value)).map_err(|e| self.seen(e))?;
        }
        Ok(statement)
    }
}

fn misnumbered(sql: &str) -> CatalogueError {
    CatalogueError::Database(format!("this statement's parameters are misnumbered: {sql}").into())
}

impl Tx for SqliteTx<'_> {
    fn exec(&mut self, sql: &'static str, values: &[Value<'_>]) -> Answer<u64> {
        let mut statement = self.bound(sql, values)?;
        let touched = statement.raw_execute().map_err(|e| self.seen(e))?;
        Ok(u64::try_from(touched).unwrap_or(u64::MAX))
    }

    fn each(
        &mut self,
        sql: &'static str,
        values: &[Value<'_>],
        take: &mut dyn FnMut(&dyn Row) -> Answer<()>,
    ) -> Answer<()> {
        let mut statement = self.bound(sql, values)?;
        let mut rows = statement.raw_query();
        while let Some(row) = rows.next().map_err(|e| self.seen(e))? {
            take(&SqliteRow(row))?;
        }
        Ok(())
    }
}

/// A value on its way into a statement.
struct Bound<'v>(&'v Value<'v>);

impl ToSql for Bound<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self.0 {
            Value::Null => ValueRef::Null,
            Value::Integer(number) => ValueRef::Integer(*number),
            Value::Text(text) => ValueRef::Text(text.as_bytes()),
            Value::Bytes(bytes) => ValueRef::Blob(bytes),
        }))
    }
}

struct SqliteRow<'r>(&'r rusqlite::Row<'r>);

impl SqliteRow<'_> {
    fn value(&self, column: usize) -> Answer<ValueRef<'_>> {
        self.0.get_ref(column).map_err(|error| CatalogueError::Damaged(Cause::of(error)))
    }
}

fn mistyped(column: usize, error: FromSqlError) -> CatalogueError {
    CatalogueError::Damaged(Cause::while_doing(format_args!("column {column}"), error))
}

impl Row for SqliteRow<'_> {
    fn integer(&self, column: usize) -> Answer<i64> {
        self.value(column)?.as_i64().map_err(|error| mistyped(column, error))
    }

    fn text(&self, column: usize) -> Answer<&str> {
        self.value(column)?.as_str().map_err(|error| mistyped(column, error))
    }

    fn bytes(&self, column: usize) -> Answer<&[u8]> {
        self.value(column)?.as_blob().map_err(|error| mistyped(column, error))
    }

    fn is_null(&self, column: usize) -> Answer<bool> {
        Ok(matches!(self.value(column)?, ValueRef::Null))
    }
}

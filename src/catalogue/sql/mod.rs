//! STATEMENTS: the SQL texts and the functions that run them, written once for every SQL back end.
//! A back end implements only its connections ([`Store`]) and its transaction ([`Tx`]), and gets
//! every trait of the catalogue.
//!
//! The texts keep to what SQLite and PostgreSQL share: `$1`, `$2`, … in the order in which they
//! first appear, `ON CONFLICT`, `RETURNING`, 64-bit integers, text and bytes.
//!
//! May name: domain, debian, digest, time, cause

use std::borrow::Cow;

use crate::catalogue::{CatalogueError, Writing};
use crate::digest::Digest;

mod access;
mod aliases;
mod audit;
mod bindings;
mod chunk_cache;
mod clients;
mod emptied;
mod enrolments;
mod generations;
mod grants;
mod groups;
mod heads;
mod healths;
mod indices;
mod journal;
mod listed;
mod moved;
mod packages;
mod pins;
mod publish;
mod repairs;
mod reports;
mod restorations;
mod retention;
mod retention_facts;
mod ring_files;
mod rings;
mod rows;
mod slices;
mod snapshots;
mod suites;
mod yanks;

pub use chunk_cache::ChunkCache;

/// The result of a body.
pub type Answer<T> = Result<T, CatalogueError>;

/// One value handed to a statement.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Value<'a> {
    /// Nothing.
    Null,
    /// A count, a size or a moment.
    Integer(i64),
    /// Text; digests are written as text too.
    Text(Cow<'a, str>),
    /// Raw bytes.
    Bytes(Cow<'a, [u8]>),
}

impl From<i64> for Value<'_> {
    fn from(number: i64) -> Self {
        Self::Integer(number)
    }
}

impl<'a> From<&'a str> for Value<'a> {
    fn from(text: &'a str) -> Self {
        Self::Text(Cow::Borrowed(text))
    }
}

impl From<String> for Value<'_> {
    fn from(text: String) -> Self {
        Self::Text(Cow::Owned(text))
    }
}

impl From<&Digest> for Value<'_> {
    fn from(digest: &Digest) -> Self {
        Self::Text(Cow::Owned(digest.to_string()))
    }
}

impl<'a, T: Into<Value<'a>>> From<Option<T>> for Value<'a> {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

/// A count as a value.
///
/// # Errors
/// [`CatalogueError::Database`] beyond 2^63 - 1, which no honest size or number reaches.
pub fn count(number: u64) -> Answer<i64> {
    i64::try_from(number).map_err(|_| {
        CatalogueError::Database(format!("{number} is too large to be recorded").into())
    })
}

/// One row of an answer. Columns are numbered from 0.
pub trait Row {
    /// An integer column.
    ///
    /// # Errors
    /// [`CatalogueError::Damaged`] when it holds anything else.
    fn integer(&self, column: usize) -> Answer<i64>;

    /// A text column.
    ///
    /// # Errors
    /// [`CatalogueError::Damaged`] when it holds anything else.
    fn text(&self, column: usize) -> Answer<&str>;

    /// A column of raw bytes.
    ///
    /// # Errors
    /// [`CatalogueError::Damaged`] when it holds anything else.
    fn bytes(&self, column: usize) -> Answer<&[u8]>;

    /// Whether the column holds nothing.
    ///
    /// # Errors
    /// [`CatalogueError::Damaged`] when there is no such column.
    fn is_null(&self, column: usize) -> Answer<bool>;
}

/// A transaction: what it runs is stored as a whole or not at all.
pub trait Tx {
    /// Runs a statement and gives how many rows it touched.
    ///
    /// # Errors
    /// [`CatalogueError`].
    fn exec(&mut self, sql: &'static str, values: &[Value<'_>]) -> Answer<u64>;

    /// Runs a statement and hands each row of its answer to `take`; stops at the first error.
    ///
    /// # Errors
    /// [`CatalogueError`], also of `take`.
    fn each(
        &mut self,
        sql: &'static str,
        values: &[Value<'_>],
        take: &mut dyn FnMut(&dyn Row) -> Answer<()>,
    ) -> Answer<()>;
}

/// The connections of a back end.
pub trait Store: Send + Sync {
    /// Runs `body` on one unchanging view of what is recorded.
    ///
    /// # Errors
    /// [`CatalogueError`], also of `body`.
    fn read<T>(&self, body: impl FnOnce(&mut dyn Tx) -> Answer<T>) -> Answer<T>;

    /// Runs `body` and makes its writes durable before this returns. When it fails, none of them is
    /// stored.
    ///
    /// # Errors
    /// [`CatalogueError`], also of `body`.
    fn write<T: Send + 'static>(
        &self,
        body: impl FnOnce(&mut dyn Tx) -> Answer<T> + Send + 'static,
    ) -> Answer<T>;

    /// The same for a body that writes hundreds of rows: it gets a transaction of its own.
    ///
    /// # Errors
    /// As for [`Store::write`].
    fn write_much<T: Send + 'static>(
        &self,
        body: impl FnOnce(&mut dyn Tx) -> Answer<T> + Send + 'static,
    ) -> Answer<T>;

    /// The same for rows that nobody relies on yet: they are durable once a later write is.
    ///
    /// # Errors
    /// As for [`Store::write`].
    fn write_slice<T: Send + 'static>(
        &self,
        body: impl FnOnce(&mut dyn Tx) -> Answer<T> + Send + 'static,
    ) -> Answer<T>;

    /// As [`Store::write`], for what has to be recorded on a full disk as well: room that was kept for
    /// it is given up.
    ///
    /// # Errors
    /// As for [`Store::write`].
    fn write_needed<T: Send + 'static>(
        &self,
        body: impl FnOnce(&mut dyn Tx) -> Answer<T> + Clone + Send + 'static,
    ) -> Answer<T>;

    /// Why nothing is written now; `None` while all is well.
    fn stopped(&self) -> Option<CatalogueError>;

    /// The cache of chunks.
    fn chunk_cache(&self) -> &ChunkCache;
}

impl<S: Store> Writing for S {
    fn stopped(&self) -> Option<CatalogueError> {
        Store::stopped(self)
    }
}

/// A job with at least so many packages or rows is a large one ([`Store::write_much`]).
const MANY: usize = 32;

/// Every row of an answer, each read by `read`.
pub(super) fn all<T>(
    tx: &mut dyn Tx,
    sql: &'static str,
    values: &[Value<'_>],
    mut read: impl FnMut(&dyn Row) -> Answer<T>,
) -> Answer<Vec<T>> {
    let mut found = Vec::new();
    tx.each(sql, values, &mut |row| {
        found.push(read(row)?);
        Ok(())
    })?;
    Ok(found)
}

/// The only row of an answer (the last, should there be several).
fn one<T>(
    tx: &mut dyn Tx,
    sql: &'static str,
    values: &[Value<'_>],
    mut read: impl FnMut(&dyn Row) -> Answer<T>,
) -> Answer<Option<T>> {
    let mut found = None;
    tx.each(sql, values, &mut |row| {
        found = Some(read(row)?);
        Ok(())
    })?;
    Ok(found)
}

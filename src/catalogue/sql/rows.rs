//! Rows: how values of the domain are written to columns and read back.

use std::error::Error;
use std::str::FromStr;

use super::{Answer, Row};
use crate::catalogue::CatalogueError;
use crate::cause::Cause;
use crate::debian::{Architecture, Component, PackageName};
use crate::domain::{
    Encoding, Package, PinKind, PinTarget, StoredBlock, StoredChunk, StoredMember, StoredRun, Text,
};
use crate::time::Moment;

/// The columns that [`Reader::package`] reads, of the table `p`.
macro_rules! package_columns {
    () => {
        "p.digest, p.name, p.version, p.architecture, p.source, p.source_version, p.size_bytes, \
         p.stanza_bytes, p.stanza_digest, p.kind, p.text_mark, p.text_bytes"
    };
}
pub(super) use package_columns;

/// The number of these columns.
pub const PACKAGE_COLUMNS: usize = 12;

/// The columns that [`chunk`] reads.
macro_rules! chunk_columns {
    () => {
        "chunk_key, pack, plain_offset, plain_bytes, plain_lines, member_offset, member_bytes, run_pack, \
         run_offset, run_bytes, run_crc32, xz_pack, xz_offset, xz_bytes, xz_unpadded_bytes"
    };
}
pub(super) use chunk_columns;

/// The error for a recorded value that cannot be read.
pub fn damaged(what: impl Into<Cause>) -> CatalogueError {
    CatalogueError::Damaged(what.into())
}

/// The error for a recorded value that cannot be read, with the error of its reader.
pub fn unreadable(error: impl Error + Send + Sync + 'static) -> CatalogueError {
    CatalogueError::Damaged(Cause::of(error))
}

/// Reads a text column as a value of the domain.
pub fn parse<T>(row: &dyn Row, column: usize) -> Answer<T>
where
    T: FromStr<Err: Error + Send + Sync + 'static>,
{
    row.text(column)?.parse().map_err(unreadable)
}

/// Reads a text column that may be NULL.
pub fn parse_optional<T>(row: &dyn Row, column: usize) -> Answer<Option<T>>
where
    T: FromStr<Err: Error + Send + Sync + 'static>,
{
    if row.is_null(column)? { Ok(None) } else { parse(row, column).map(Some) }
}

/// Reads a JSON column.
pub fn json<T: serde::de::DeserializeOwned>(row: &dyn Row, column: usize) -> Answer<T> {
    serde_json::from_str(row.text(column)?).map_err(unreadable)
}

/// Writes a JSON column.
pub fn to_json<T: serde::Serialize>(value: &T) -> Answer<String> {
    serde_json::to_string(value).map_err(|error| CatalogueError::Database(Cause::of(error)))
}

/// Reads a number, which must fit the type asked for.
pub fn number<T: TryFrom<i64>>(row: &dyn Row, column: usize) -> Answer<T> {
    let number = row.integer(column)?;
    T::try_from(number).map_err(|_| damaged(format!("the number {number} is out of bounds")))
}

/// Reads a number that may be NULL.
pub fn number_optional<T: TryFrom<i64>>(row: &dyn Row, column: usize) -> Answer<Option<T>> {
    if row.is_null(column)? { Ok(None) } else { number(row, column).map(Some) }
}

/// Reads a moment.
pub fn moment(row: &dyn Row, column: usize) -> Answer<Moment> {
    row.integer(column).map(Moment)
}

/// Reads a moment that may be NULL.
pub fn moment_optional(row: &dyn Row, column: usize) -> Answer<Option<Moment>> {
    if row.is_null(column)? { Ok(None) } else { moment(row, column).map(Some) }
}

/// Reads the two columns of a pin's target.
pub fn pin_target(row: &dyn Row, column: usize) -> Answer<PinTarget> {
    let word = row.text(column)?;
    let kind =
        PinKind::parse(word).ok_or_else(|| damaged(format!("{word:?} is no kind of pin")))?;
    Ok(PinTarget { kind, name: parse(row, column.saturating_add(1))? })
}

/// The word for an encoding.
pub fn encoding_word(encoding: Encoding) -> &'static str {
    match encoding {
        Encoding::Plain => "plain",
        Encoding::Gz => "gzip",
        Encoding::Members => "members",
        Encoding::Xz => "xz",
    }
}

/// Reads the word for an encoding.
pub fn encoding(row: &dyn Row, column: usize) -> Answer<Encoding> {
    let word = row.text(column)?;
    [Encoding::Plain, Encoding::Gz, Encoding::Members, Encoding::Xz]
        .into_iter()
        .find(|encoding| encoding_word(*encoding) == word)
        .ok_or_else(|| damaged(format!("{word:?} is no encoding")))
}

/// Reads [`chunk_columns`].
pub fn chunk(row: &dyn Row) -> Answer<StoredChunk> {
    let member = |offset| Answer::Ok(StoredMember { offset, bytes: number(row, 6)? });
    let run = |pack| {
        let (offset, bytes, crc32) = (number(row, 8)?, number(row, 9)?, number(row, 10)?);
        Answer::Ok(StoredRun { pack, offset, bytes, crc32 })
    };
    let block = |pack| {
        let (offset, bytes, unpadded_bytes) =
            (number(row, 12)?, number(row, 13)?, number(row, 14)?);
        Answer::Ok(StoredBlock { pack, offset, bytes, unpadded_bytes })
    };
    Ok(StoredChunk {
        key: parse(row, 0)?,
        pack: parse(row, 1)?,
        plain_offset: number_optional(row, 2)?,
        plain_bytes: number(row, 3)?,
        plain_lines: number(row, 4)?,
        member: number_optional(row, 5)?.map(member).transpose()?,
        run: parse_optional(row, 7)?.map(run).transpose()?,
        xz: parse_optional(row, 11)?.map(block).transpose()?,
    })
}

/// Reads many packages. A value that most of them share is checked once, and stored once where it
/// is long: a large suite has few architectures and components, and many packages that have the
/// name of their source.
#[derive(Default)]
pub struct Reader {
    architectures: Vec<Architecture>,
    components: Vec<Component>,
}

impl Reader {
    /// Reads [`package_columns`], of which the first is `column`.
    pub fn package(&mut self, row: &dyn Row, column: usize) -> Answer<Package> {
        let at = |offset: usize| column.saturating_add(offset);
        let name: PackageName = parse(row, at(1))?;
        let version = parse(row, at(2))?;
        let architecture = shared(&mut self.architectures, row, at(3))?;
        let source = like(&name, row, at(4))?;
        let source_version = like(&version, row, at(5))?;
        Ok(Package {
            digest: parse(row, at(0))?,
            name,
            version,
            architecture,
            source,
            source_version,
            size_bytes: number(row, at(6))?,
            stanza_bytes: number(row, at(7))?,
            stanza_digest: parse(row, at(8))?,
            kind: parse(row, at(9))?,
            text: text(row, at(10))?,
        })
    }

    /// Reads a component.
    pub fn component(&mut self, row: &dyn Row, column: usize) -> Answer<Component> {
        shared(&mut self.components, row, column)
    }
}

/// Reads the two columns of a package's text.
fn text(row: &dyn Row, column: usize) -> Answer<Option<Text>> {
    let Some(mark) = parse_optional(row, column)? else { return Ok(None) };
    let bytes = number(row, column.saturating_add(1))?;
    Ok(Some(Text { mark, bytes }))
}

/// Reads a column that has few different values.
fn shared<T>(known: &mut Vec<T>, row: &dyn Row, column: usize) -> Answer<T>
where
    T: FromStr<Err: Error + Send + Sync + 'static> + std::borrow::Borrow<str> + Clone,
{
    let text = row.text(column)?;
    if let Some(value) = known.iter().find(|value| (*value).borrow() == text) {
        return Ok(value.clone());
    }
    let value: T = parse(row, column)?;
    known.push(value.clone());
    Ok(value)
}

/// Reads a column that often says the same as `other`.
fn like<T>(other: &T, row: &dyn Row, column: usize) -> Answer<T>
where
    T: FromStr<Err: Error + Send + Sync + 'static> + Clone + AsText,
{
    if row.text(column)? == other.as_text() { Ok(other.clone()) } else { parse(row, column) }
}

/// A value that is kept as its text.
trait AsText {
    fn as_text(&self) -> &str;
}

impl AsText for PackageName {
    fn as_text(&self) -> &str {
        self.as_str()
    }
}

impl AsText for crate::debian::Version {
    fn as_text(&self) -> &str {
        self.as_str()
    }
}

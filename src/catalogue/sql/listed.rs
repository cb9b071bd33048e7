//! Listed: index files as rows have them, and with their chunks.

use super::rows::{damaged, encoding, number, number_optional, parse};
use super::{Answer, ChunkCache, Row, Tx, all};
use crate::catalogue::IndexRecord;
use crate::debian::SuiteName;
use crate::digest::Digest;
use crate::domain::{Encoding, IndexFile};

// These files are always listed, and made of the generation that lists them.
macro_rules! ring_file_columns {
    () => {
        "i.path, i.encoding, i.size_bytes, i.digest, r.chunk_ids, 1, NULL"
    };
}
pub(super) use ring_file_columns;

const OF_RINGS_BY_HASH: &str = concat!(
    "SELECT ",
    ring_file_columns!(),
    " FROM ring_index_file AS i JOIN rope AS r ON r.id = i.rope_id \
     JOIN suite AS s ON s.id = i.suite_id \
     WHERE i.digest = $1 AND s.name = $2 ORDER BY i.id"
);

/// An index file whose chunks are known by their row ids only.
pub(super) struct Listed {
    pub path: String,
    encoding: Encoding,
    size_bytes: u64,
    digest: Digest,
    pub chunk_ids: Vec<i64>,
    listed: bool,
    made_of: Option<u64>,
}

pub(super) fn listed(row: &dyn Row) -> Answer<Listed> {
    let (ids, rest) = row.bytes(4)?.as_chunks::<8>();
    if !rest.is_empty() {
        return Err(damaged("a rope ends in the middle of a chunk's id"));
    }
    Ok(Listed {
        path: row.text(0)?.to_owned(),
        encoding: encoding(row, 1)?,
        size_bytes: number(row, 2)?,
        digest: parse(row, 3)?,
        chunk_ids: ids.iter().map(|id| i64::from_be_bytes(*id)).collect(),
        listed: row.integer(5)? == 1,
        made_of: number_optional(row, 6)?,
    })
}

/// A file with its chunks.
pub(super) fn with_chunks(
    chunk_cache: &ChunkCache,
    tx: &mut dyn Tx,
    listed: Listed,
) -> Answer<IndexRecord> {
    let chunks = chunk_cache.read(tx, &listed.chunk_ids, listed.encoding)?;
    let keys = chunks.iter().map(|chunk| chunk.key).collect();
    Ok(IndexRecord { file: file(listed, keys), chunks })
}

pub(super) fn file(listed: Listed, chunks: std::sync::Arc<[Digest]>) -> IndexFile {
    let Listed { path, encoding, size_bytes, digest, listed, made_of, .. } = listed;
    IndexFile { path, encoding, size_bytes, digest, chunks, listed, made_of }
}

/// The files of rings with a digest, the newest last.
pub fn of_rings_by_hash(
    tx: &mut dyn Tx,
    suite: &SuiteName,
    digest: &Digest,
) -> Answer<Vec<Listed>> {
    all(tx, OF_RINGS_BY_HASH, &[digest.into(), suite.as_str().into()], listed)
}

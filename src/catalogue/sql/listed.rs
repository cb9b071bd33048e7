//! Listed: index files as rows have them, and with their chunks.

use super::rows::{damaged, encoding, number, number_optional, parse};
use super::{Answer, ChunkCache, Row, Tx};
use crate::catalogue::IndexRecord;
use crate::digest::Digest;
use crate::domain::{Encoding, IndexFile};

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

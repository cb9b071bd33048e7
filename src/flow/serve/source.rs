//! Source: the file that a path names, and where its bytes come from.

use std::sync::Arc;

use bytes::Bytes;

use crate::catalogue::IndexRecord;
use crate::debian::framing;
use crate::digest::Digest;
use crate::domain::{Encoding, StoredChunk};
use crate::flow::error::FlowError;
use crate::flow::index::chunk::read_stored;
use crate::flow::index::resumable_hash::{gzip_tail, xz_tail};
use crate::flow::repository::Repository;
use crate::flow::suite::served::Stamp;
use crate::flow::threads::blocking;
use crate::pool::Pool;

/// The file that a path names.
pub struct Fetched {
    /// The media type.
    pub content_type: &'static str,
    /// Size of the whole. Unit: bytes.
    pub size_bytes: u64,
    /// Constant for a path that always names the same bytes; the head's Date for a head and the
    /// files that it lists; the time of signing for a snapshot.
    pub last_modified: Stamp,
    /// The digest; `None` for the texts of a head or a snapshot.
    pub digest: Option<Digest>,
    /// Whether the path can never name other bytes.
    pub immutable: bool,
    /// The bytes.
    pub source: Source,
}

/// Where the bytes come from.
pub enum Source {
    /// Bytes in memory.
    Text(Bytes),
    /// A file, from this offset on.
    File(std::fs::File, u64),
    /// An index, chunk by chunk.
    Rope(Vec<Segment>),
}

/// A piece of an index.
#[derive(Clone, Debug)]
pub enum Segment {
    /// Bytes in memory.
    Inline(Bytes),
    /// A chunk in an encoding.
    Chunk(Arc<StoredChunk>, Encoding),
}

/// An index, to be sent chunk by chunk.
pub(in crate::flow) fn rope(
    record: IndexRecord,
    last_modified: impl Into<Stamp>,
    immutable: bool,
) -> Fetched {
    let encoding = record.file.encoding;
    let (header, tail): (&'static [u8], _) = match encoding {
        Encoding::Plain => (&[], Vec::new()),
        Encoding::Members if record.chunks.is_empty() => (&framing::EMPTY_GZIP, Vec::new()),
        Encoding::Members => (&[], Vec::new()),
        Encoding::Gz => {
            let runs = record.chunks.iter().filter_map(|one| Some((one.run?, one.plain_bytes)));
            (&framing::GZIP_HEADER, gzip_tail(runs))
        }
        Encoding::Xz => {
            let blocks = record.chunks.iter().filter_map(|one| Some((one.xz?, one.plain_bytes)));
            (&framing::XZ_HEADER, xz_tail(blocks))
        }
    };
    let inline = |bytes: Bytes| (!bytes.is_empty()).then_some(Segment::Inline(bytes));
    let chunks = record.chunks.into_iter().map(|chunk| Segment::Chunk(chunk, encoding));
    let segments = inline(Bytes::from_static(header)).into_iter().chain(chunks);
    let segments = segments.chain(inline(tail.into())).collect();
    let content_type = match encoding {
        Encoding::Plain => "text/plain; charset=utf-8",
        Encoding::Gz | Encoding::Members => "application/gzip",
        Encoding::Xz => "application/x-xz",
    };
    Fetched {
        content_type,
        size_bytes: record.file.size_bytes,
        last_modified: last_modified.into(),
        digest: Some(record.file.digest),
        immutable,
        source: Source::Rope(segments),
    }
}

impl Segment {
    /// Size of the segment. Unit: bytes.
    pub fn size_bytes(&self) -> u64 {
        match self {
            Self::Inline(bytes) => bytes.len() as u64,
            Self::Chunk(chunk, encoding) => chunk.size_bytes(*encoding).unwrap_or(0),
        }
    }

    /// The bytes of the segment.
    ///
    /// # Errors
    /// [`FlowError`] when the pool cannot give them.
    pub async fn read(self, repository: &Arc<Repository>) -> Result<Bytes, FlowError> {
        match self {
            Self::Inline(bytes) => Ok(bytes),
            Self::Chunk(stored, encoding) => {
                let shared = Arc::clone(repository);
                let read = move || read_chunk(shared.pool.as_ref(), &stored, encoding);
                blocking(read).await.inspect_err(|problem| repository.note_damage(problem))
            }
        }
    }

    /// The same, blocking.
    pub(in crate::flow) fn read_now(self, pool: &dyn Pool) -> Result<Bytes, FlowError> {
        match self {
            Self::Inline(bytes) => Ok(bytes),
            Self::Chunk(stored, encoding) => read_chunk(pool, &stored, encoding),
        }
    }
}

fn read_chunk(
    pool: &dyn Pool,
    stored: &StoredChunk,
    encoding: Encoding,
) -> Result<Bytes, FlowError> {
    let mut bytes = Vec::new();
    read_stored(pool, stored, encoding, &mut bytes)?;
    Ok(bytes.into())
}

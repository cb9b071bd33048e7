//! Indices: the files that a Release lists, and where the chunks they are made of lie.

use std::sync::Arc;

use crate::debian::framing::GZIP_FRAME_BYTES;
use crate::digest::Digest;

/// How an index file is compressed.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Encoding {
    /// Uncompressed. Always listed: without it apt sees no packages and says nothing.
    Plain,
    /// gzip with one member, made of one run of deflate blocks for each chunk.
    Gz,
    /// gzip with one member for each chunk: indices of earlier builds, whose bytes do not change,
    /// and patches, which are one chunk each. A reader of one member gets the first chunk only.
    Members,
    /// xz with one stream, and one block for each chunk.
    Xz,
}

impl Encoding {
    /// Every encoding of new indices, in the order in which they are listed.
    pub const ALL: [Self; 3] = [Self::Plain, Self::Gz, Self::Xz];

    /// The end of the name of such a file.
    pub fn suffix(self) -> &'static str {
        match self {
            Self::Plain => "",
            Self::Gz | Self::Members => ".gz",
            Self::Xz => ".xz",
        }
    }
}

/// A part of an index file, such as a run of stanzas. It is stored plain and compressed by deflate,
/// and some time later as an xz block too.
///
/// Its key is a SHA-256 over what distinguishes its content ([`crate::domain::rope::chunk_key`],
/// [`crate::domain::rope::side_key`]). Two chunks with one key have the same content.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StoredChunk {
    /// The key.
    pub key: Digest,
    /// The digest of the pack that it lies in.
    pub pack: Digest,
    /// Where in the pack the plain bytes begin; `None` when they are stored only compressed. Unit:
    /// bytes.
    pub plain_offset: Option<u64>,
    /// Size of the plain bytes. Unit: bytes.
    pub plain_bytes: u32,
    /// How many lines they have.
    pub plain_lines: u32,
    /// The gzip member, where there is one: in chunks of earlier builds, and of patches. A chunk
    /// without one never gets one, so that files of members keep the same bytes for ever.
    pub member: Option<StoredMember>,
    /// The run of deflate blocks; a chunk of an earlier build has none until it is made.
    pub run: Option<StoredRun>,
    /// The xz block, once it is made.
    pub xz: Option<StoredBlock>,
}

/// The gzip member of a chunk.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct StoredMember {
    /// Where in the chunk's pack it begins. Unit: bytes.
    pub offset: u64,
    /// Unit: bytes.
    pub bytes: u32,
}

/// The run of deflate blocks of a chunk.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct StoredRun {
    /// The digest of the pack that it lies in.
    pub pack: Digest,
    /// Where in the pack it begins. Unit: bytes.
    pub offset: u64,
    /// Unit: bytes.
    pub bytes: u32,
    /// The CRC-32 of the unpacked run, from which the CRC-32 of the file is computed.
    pub crc32: u32,
}

/// The xz block of a chunk.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct StoredBlock {
    /// The digest of the pack that it lies in.
    pub pack: Digest,
    /// Where in the pack it begins. Unit: bytes.
    pub offset: u64,
    /// Its size with padding. Unit: bytes.
    pub bytes: u32,
    /// Its size without padding, for the xz index. Unit: bytes.
    pub unpadded_bytes: u32,
}

impl StoredChunk {
    /// Its size in an encoding; `None` when that form was not made. Unit: bytes.
    pub fn size_bytes(&self, encoding: Encoding) -> Option<u64> {
        let bytes = match encoding {
            Encoding::Plain => self.plain_bytes,
            Encoding::Gz => self.run?.bytes,
            Encoding::Members => match self.member {
                Some(member) => member.bytes,
                None => self.run?.bytes.saturating_add(GZIP_FRAME_BYTES),
            },
            Encoding::Xz => self.xz?.bytes,
        };
        Some(u64::from(bytes))
    }

    /// Where its bytes are in an encoding: pack, offset, size. `None` when that form was not made
    /// or is not stored.
    pub fn place(&self, encoding: Encoding) -> Option<(Digest, u64, u64)> {
        let (pack, offset, bytes) = match encoding {
            Encoding::Plain => (self.pack, self.plain_offset?, self.plain_bytes),
            Encoding::Gz => self.run.map(|run| (run.pack, run.offset, run.bytes))?,
            Encoding::Members => self.member.map(|one| (self.pack, one.offset, one.bytes))?,
            Encoding::Xz => self.xz.map(|xz| (xz.pack, xz.offset, xz.bytes))?,
        };
        Some((pack, offset, u64::from(bytes)))
    }
}

/// One file of a generation: an index that the Release lists, or a patch.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct IndexFile {
    /// Below `dists/SUITE/`, with the suffix of its encoding: `main/binary-amd64/Packages.gz`.
    pub path: String,
    /// How it is compressed.
    pub encoding: Encoding,
    /// Unit: bytes.
    pub size_bytes: u64,
    /// SHA-256 of the whole file.
    pub digest: Digest,
    /// The keys of its chunks, in order.
    pub chunks: Arc<[Digest]>,
    /// Whether the Release lists it. Patches are not listed: an index of their own names them.
    pub listed: bool,
    /// The generation that it was made of, for a file that may be older than the generations that
    /// list it.
    pub made_of: Option<u64>,
}

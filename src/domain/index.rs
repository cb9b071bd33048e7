//! Indices: the files that a Release lists, and where the chunks they are made of lie.

use std::sync::Arc;

use crate::debian::framing::GZIP_FRAME_BYTES;
use crate::digest::Digest;

/// How an index file is compressed.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Encoding {
    /// As it is. Always listed: without it apt sees no packages and says nothing.
    Plain,
    /// gzip, one member, one run of deflate blocks a chunk.
    Gz,
    /// gzip, one member a chunk: indices of earlier builds, which keep their bytes, and patches, which are one
    /// chunk each. Readers of one member get the first chunk alone.
    Members,
    /// xz, one stream, one block a chunk.
    Xz,
}

impl Encoding {
    /// All that a suite offers from now on, in the order in which they are listed.
    pub const ALL: [Self; 3] = [Self::Plain, Self::Gz, Self::Xz];

    /// What the name of such a file ends with.
    pub fn suffix(self) -> &'static str {
        match self {
            Self::Plain => "",
            Self::Gz | Self::Members => ".gz",
            Self::Xz => ".xz",
        }
    }
}

/// A run of stanzas, kept as it is and compressed by deflate, and some time later as an xz block too.
///
/// Its key is the SHA-256 over the digests of its stanzas; two chunks with one key hold the same.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StoredChunk {
    /// Which stanzas.
    pub key: Digest,
    /// The digest of the pack that it lies in.
    pub pack: Digest,
    /// Where in the pack the stanzas begin; `None` when they are kept compressed alone. Unit: bytes.
    pub plain_offset: Option<u64>,
    /// Size of the stanzas. Unit: bytes.
    pub plain_bytes: u32,
    /// How many lines the stanzas have.
    pub plain_lines: u32,
    /// The gzip member, where there is one: of chunks of earlier builds, and of patches. One that has none never
    /// gets one, so that files of members are the same bytes for ever.
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
    /// The CRC-32 of what it unpacks to, from which that of the file is put together.
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
    /// Its size in an encoding; `None` for what is not made. Unit: bytes.
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

    /// Where its bytes lie in an encoding: pack, offset, size. `None` for what is not made or not kept.
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

/// One file that a Release file lists.
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
    /// Whether the Release lists it. Patches are found through an index of their own.
    pub listed: bool,
    /// The generation that it was made of, where it may lag behind those that list it.
    pub made_of: Option<u64>,
}

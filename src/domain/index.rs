//! Indices: the files that a Release lists, and where the chunks they are made of lie.

use std::sync::Arc;

use crate::digest::Digest;

/// How an index file is compressed.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Encoding {
    /// As it is. Always listed: without it apt sees no packages and says nothing.
    Plain,
    /// gzip, one member a chunk.
    Gz,
    /// xz, one stream, one block a chunk.
    Xz,
}

impl Encoding {
    /// All that a suite offers, in the order in which they are listed.
    pub const ALL: [Self; 3] = [Self::Plain, Self::Gz, Self::Xz];

    /// What the name of such a file ends with.
    pub fn suffix(self) -> &'static str {
        match self {
            Self::Plain => "",
            Self::Gz => ".gz",
            Self::Xz => ".xz",
        }
    }
}

/// A run of stanzas, kept as it is and as a gzip member, and some time later as an xz block too.
///
/// Its key is the SHA-256 over the digests of its stanzas; two chunks with one key hold the same.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StoredChunk {
    /// Which stanzas.
    pub key: Digest,
    /// The digest of the pack that it lies in.
    pub pack: Digest,
    /// Where in the pack the stanzas begin; where the gzip member does, when they are kept in it alone. Unit:
    /// bytes.
    pub plain_offset: u64,
    /// Size of the stanzas. Unit: bytes.
    pub plain_bytes: u32,
    /// How many lines the stanzas have.
    pub plain_lines: u32,
    /// Where in the pack the gzip member begins. Unit: bytes.
    pub gz_offset: u64,
    /// Size of the gzip member. Unit: bytes.
    pub gz_bytes: u32,
    /// The xz block, once it is made.
    pub xz: Option<StoredBlock>,
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
    /// Whether the stanzas are kept as they are. If not, they are unpacked from the gzip member, and are said
    /// to begin where it does.
    pub fn is_plain_kept(&self) -> bool {
        self.plain_offset != self.gz_offset || self.gz_bytes == 0
    }

    /// Its size in an encoding; `None` for an xz block that is not made. Unit: bytes.
    pub fn size_bytes(&self, encoding: Encoding) -> Option<u64> {
        match encoding {
            Encoding::Plain => Some(u64::from(self.plain_bytes)),
            Encoding::Gz => Some(u64::from(self.gz_bytes)),
            Encoding::Xz => self.xz.map(|xz| u64::from(xz.bytes)),
        }
    }

    /// Where its bytes lie in an encoding: pack, offset, size. `None` for an xz block that is not made, and
    /// for what is not kept.
    pub fn place(&self, encoding: Encoding) -> Option<(Digest, u64, u64)> {
        match encoding {
            Encoding::Plain if !self.is_plain_kept() => None,
            Encoding::Plain => Some((self.pack, self.plain_offset, u64::from(self.plain_bytes))),
            Encoding::Gz => Some((self.pack, self.gz_offset, u64::from(self.gz_bytes))),
            Encoding::Xz => self.xz.map(|xz| (xz.pack, xz.offset, u64::from(xz.bytes))),
        }
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

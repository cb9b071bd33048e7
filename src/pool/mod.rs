//! BYTES by digest: blobs (`.deb` files) and packs (runs of compressed chunks). Everything here is
//! write-once and named by its own SHA-256; the catalogue knows what a name means. Synchronous:
//! callers use their own threads.
//!
//! May name: amount, domain, debian, digest, cause, reserve, afresh, writable

use std::fs::File;
use std::io::{self, Write};

use crate::amount::size;
use crate::cause::Cause;
use crate::digest::Digest;

pub mod disk;
pub mod memory;

pub use disk::DiskPool;
pub use memory::MemoryPool;

/// The two kinds of stored bytes.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Kind {
    /// A `.deb`.
    Blob,
    /// A run of compressed chunks.
    Pack,
}

impl std::fmt::Display for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Blob => "package",
            Self::Pack => "pack of indices",
        })
    }
}

impl Kind {
    /// What helps when one is damaged.
    fn cure(self) -> &'static str {
        match self {
            Self::Blob => "; whoever has the file uploads it again",
            Self::Pack => "",
        }
    }
}

/// Bytes could not be stored or read.
#[derive(Debug, thiserror::Error)]
pub enum PoolError {
    /// Storing these bytes would eat into the reserve of free space.
    #[error(
        "the server's disk is full or nearly so: {} are free on the file system of {place}, {} \
         have to stay free (limits.reserve_bytes in repod.toml); free some space there",
        size(*.free_bytes),
        size(*.reserve_bytes)
    )]
    Full {
        /// The pool.
        place: String,
        /// The free space now.
        free_bytes: u64,
        /// The space that must stay free.
        reserve_bytes: u64,
    },
    /// The file system takes no other file, although it may have room for bytes. Nothing was written.
    #[error("the server's disk is full: {0}")]
    NoInodes(String),
    /// A sync failed, and the disk has taken nothing since. It is tried again.
    #[error(
        "writing stopped after a failed {0}; look at the disk: it goes on by itself when that is sound"
    )]
    Stopped(#[source] Cause),
    /// The pool was opened beside a server, or for a check.
    #[error("the packages were opened for reading only")]
    OnlyRead,
    /// Stored bytes do not match their name.
    #[error("stored {kind} {digest} is damaged: its bytes have another digest or size{}", .kind.cure())]
    Damaged {
        /// Their kind.
        kind: Kind,
        /// Their name.
        digest: Digest,
    },
    /// Sound bytes are fewer than were asked for: whoever asked is wrong about what lies where.
    #[error("stored {kind} {digest} has no such bytes")]
    OutOfRange {
        /// Their kind.
        kind: Kind,
        /// Their name.
        digest: Digest,
    },
    /// The process may open no more files now. Nothing was written.
    #[error(
        "{0}: the server has too many files open; nothing was written, try again (LimitNOFILE of \
         repod.service sets the limit)"
    )]
    Scarce(#[source] Cause),
    /// Something that is no file lies where stored bytes belong. It is not followed and not replaced.
    #[error("something that is no file lies where stored {kind} {digest} belongs; remove it")]
    Obstructed {
        /// Their kind.
        kind: Kind,
        /// Their name.
        digest: Digest,
    },
    /// The operating system failed.
    #[error("{action}: {source}")]
    Io {
        /// What was being done, with the path.
        action: String,
        /// The system's error.
        source: io::Error,
    },
}

impl PoolError {
    /// The error of a write to [`Staging`]: [`PoolError::Full`] and [`PoolError::Stopped`] are
    /// inside the [`io::Error`].
    pub fn of_write(source: io::Error) -> Self {
        source
            .downcast()
            .unwrap_or_else(|source| Self::Io { action: "write to staging".into(), source })
    }
}

impl PoolError {
    /// The error of a reading that somebody ended.
    fn interrupted() -> Self {
        let source = io::Error::new(io::ErrorKind::Interrupted, "the server wants to stop");
        Self::Io { action: "read what is stored".into(), source }
    }
}

/// Bytes on their way in: written once, then committed or dropped. Dropping removes them.
pub trait Staging: Write + Send {
    /// Ends the writing and returns the digest and size of all bytes.
    ///
    /// # Errors
    /// [`PoolError::Io`] when the last bytes could not be written.
    fn finish(self: Box<Self>) -> Result<Box<dyn Staged>, PoolError>;
}

/// Bytes that are complete but not yet stored. Dropping removes them.
pub trait Staged: Send {
    /// SHA-256 of the bytes.
    fn digest(&self) -> Digest;
    /// Unit: bytes.
    fn size_bytes(&self) -> u64;
    /// Makes them durable under their digest: fsync of the file, rename, fsync of the directories.
    /// Success if they were there already.
    ///
    /// # Errors
    /// [`PoolError`]; after a failed fsync the pool refuses to write until it is opened again.
    fn commit(self: Box<Self>, kind: Kind) -> Result<(), PoolError>;
}

/// Bytes in memory with their digest, which was computed from them.
#[derive(Clone, Debug)]
pub struct Sealed {
    digest: Digest,
    bytes: bytes::Bytes,
}

impl Sealed {
    /// These bytes, hashed.
    pub fn of(bytes: bytes::Bytes) -> Self {
        Self { digest: Digest::of(&bytes), bytes }
    }

    /// SHA-256 of the bytes.
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// The bytes.
    pub fn bytes(&self) -> &bytes::Bytes {
        &self.bytes
    }
}

/// Stored bytes, opened for reading.
pub enum Opened {
    /// A file, or a part of one.
    File {
        /// An own handle: no other reader moves its position.
        file: File,
        /// The offset of the first byte; 0 unless other blobs come before it in the file. Unit:
        /// bytes.
        offset: u64,
        /// How many bytes.
        size_bytes: u64,
    },
    /// Bytes in memory.
    Memory(bytes::Bytes),
}

/// One stored blob or pack, for sweeping.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Listed {
    /// Its name.
    pub digest: Digest,
    /// Unit: bytes.
    pub size_bytes: u64,
    /// When it was written. Unit: seconds since 1970.
    pub written_at: i64,
}

/// A store of bytes.
pub trait Pool: Send + Sync {
    /// Begins to take bytes in; `expected_bytes` is checked against the free-space reserve.
    ///
    /// # Errors
    /// [`PoolError::Full`] before the disk is full; [`PoolError::Stopped`]; [`PoolError::Io`].
    fn stage(&self, expected_bytes: u64) -> Result<Box<dyn Staging>, PoolError>;

    /// Stores `bytes` durably and returns their digest: `stage`, write, `commit` in one.
    ///
    /// # Errors
    /// As for [`Pool::stage`] and [`Staged::commit`].
    fn keep(&self, kind: Kind, bytes: &[u8]) -> Result<Digest, PoolError> {
        let mut staging = self.stage(bytes.len() as u64)?;
        staging.write_all(bytes).map_err(PoolError::of_write)?;
        let staged = staging.finish()?;
        let digest = staged.digest();
        staged.commit(kind)?;
        Ok(digest)
    }

    /// Stores all of these durably, with few syncs for many. Success if they were there already.
    ///
    /// Each is stored whole or not at all; after a failure some may have been stored.
    ///
    /// # Errors
    /// As for [`Pool::stage`], for the sum of all of them, and [`Staged::commit`].
    fn keep_all(&self, kind: Kind, all: &[Sealed]) -> Result<(), PoolError> {
        let size_bytes = all.iter().map(|sealed| sealed.bytes.len() as u64).sum();
        drop(self.stage(size_bytes)?);
        all.iter().try_for_each(|sealed| self.keep(kind, &sealed.bytes).map(drop))
    }

    /// Opens stored bytes; `None` when there are none of that name. They were held against their
    /// name when they were written, or are now.
    ///
    /// # Errors
    /// [`PoolError::Damaged`] when their digest is another one; [`PoolError::Io`].
    fn open(&self, kind: Kind, digest: &Digest) -> Result<Option<Opened>, PoolError>;

    /// Reads `length` bytes from `offset`; `None` when there are none of that name.
    ///
    /// # Errors
    /// [`PoolError::OutOfRange`] when the bytes end early; [`PoolError::Damaged`] when their digest
    /// is another one; [`PoolError::Io`].
    fn read(
        &self,
        kind: Kind,
        digest: &Digest,
        offset: u64,
        length: u64,
    ) -> Result<Option<Vec<u8>>, PoolError> {
        let mut bytes = Vec::new();
        Ok(self.read_into(kind, digest, offset, length, &mut bytes)?.then_some(bytes))
    }

    /// The same into a reused buffer, which holds exactly these bytes afterwards. Returns whether
    /// there are any of that name.
    ///
    /// # Errors
    /// As for [`Pool::read`]; the content of the buffer is then undefined.
    fn read_into(
        &self,
        kind: Kind,
        digest: &Digest,
        offset: u64,
        length: u64,
        buffer: &mut Vec<u8>,
    ) -> Result<bool, PoolError>;

    /// Holds stored bytes against their name, whatever is known of them, and gives their size;
    /// `None` when there are none of that name. Unit: bytes.
    ///
    /// # Errors
    /// [`PoolError::Damaged`] when their digest is another one; [`PoolError::Io`].
    fn verify(&self, kind: Kind, digest: &Digest) -> Result<Option<u64>, PoolError>;

    /// The same, from the disk itself: what the kernel keeps in memory of it does not count. `read` is
    /// told how many bytes were read, after each part of at most 256 KiB. It may wait; when it gives
    /// `false`, the reading ends. Unit: bytes.
    ///
    /// # Errors
    /// As for [`Pool::verify`]; [`PoolError::Io`] of the kind [`io::ErrorKind::Interrupted`] when `read`
    /// ended it.
    fn scrub(
        &self,
        kind: Kind,
        digest: &Digest,
        read: &dyn Fn(u64) -> bool,
    ) -> Result<Option<u64>, PoolError> {
        let size_bytes = self.verify(kind, digest)?;
        match size_bytes.is_none_or(read) {
            true => Ok(size_bytes),
            false => Err(PoolError::interrupted()),
        }
    }

    /// Stored bytes as they are, whatever their digest is: what a repair begins with; `None` when
    /// there are none of that name.
    ///
    /// # Errors
    /// [`PoolError::Io`].
    fn salvage(&self, kind: Kind, digest: &Digest) -> Result<Option<Vec<u8>>, PoolError>;

    /// All that is stored of a kind, in no particular order.
    ///
    /// # Errors
    /// [`PoolError::Io`].
    fn list(&self, kind: Kind) -> Result<Vec<Listed>, PoolError>;

    /// Removes stored bytes; success if there are none.
    ///
    /// # Errors
    /// [`PoolError::Io`].
    fn remove(&self, kind: Kind, digest: &Digest) -> Result<(), PoolError>;

    /// Why nothing is written any more: the error that every write gets. `None` while all is well.
    fn stopped(&self) -> Option<PoolError> {
        None
    }

    /// Whether stored bytes may be gone after a crash, because a sync failed: whoever has them should store
    /// them again.
    fn is_doubtful(&self, _kind: Kind, _digest: &Digest) -> bool {
        false
    }

    /// When writing stopped, tries whether it can go on: for a server to which nobody writes. It may
    /// wait for the disk.
    fn try_again(&self) {}

    /// How much can still be stored before the reserve is reached. Unit: bytes.
    ///
    /// # Errors
    /// [`PoolError::Io`].
    fn room_bytes(&self) -> Result<u64, PoolError>;
}

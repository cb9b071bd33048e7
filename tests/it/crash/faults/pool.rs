//! A pool that fails.

use std::io::{self, Write};
use std::sync::Arc;

use repod::digest::Digest;
use repod::pool::{Kind, Listed, Opened, Pool, PoolError, Sealed, Staged, Staging};

use super::{Faults, TEXT};

/// A pool whose calls may fail.
pub struct FaultyPool {
    pub inner: Arc<dyn Pool>,
    pub faults: Arc<Faults>,
}

fn pool_failed<T>() -> Result<T, PoolError> {
    Err(PoolError::Io { action: TEXT.into(), source: io::Error::other(TEXT) })
}

impl FaultyPool {
    fn around<T>(
        &self,
        name: &'static str,
        call: impl FnOnce() -> Result<T, PoolError>,
    ) -> Result<T, PoolError> {
        self.faults.around(name, call).unwrap_or_else(pool_failed)
    }
}

impl Pool for FaultyPool {
    fn is_doubtful(&self, kind: Kind, digest: &Digest) -> bool {
        self.inner.is_doubtful(kind, digest)
    }

    fn stage(&self, expected_bytes: u64) -> Result<Box<dyn Staging>, PoolError> {
        let inner = self.around("stage", || self.inner.stage(expected_bytes))?;
        Ok(Box::new(FaultyStaging { inner, faults: Arc::clone(&self.faults) }))
    }

    /// In two parts, so that some of a batch are kept and others not.
    fn keep_all(&self, kind: Kind, all: &[Sealed]) -> Result<(), PoolError> {
        let (first, rest) = all.split_at(all.len() / 2);
        self.around("keep_all of the first", || self.inner.keep_all(kind, first))?;
        self.around("keep_all of the rest", || self.inner.keep_all(kind, rest))
    }

    fn open(&self, kind: Kind, digest: &Digest) -> Result<Option<Opened>, PoolError> {
        self.around("open", || self.inner.open(kind, digest))
    }

    fn read_into(
        &self,
        kind: Kind,
        digest: &Digest,
        offset: u64,
        length: u64,
        buffer: &mut Vec<u8>,
    ) -> Result<bool, PoolError> {
        self.around("read", || self.inner.read_into(kind, digest, offset, length, buffer))
    }

    fn verify(&self, kind: Kind, digest: &Digest) -> Result<Option<u64>, PoolError> {
        self.around("verify", || self.inner.verify(kind, digest))
    }

    fn scrub(
        &self,
        kind: Kind,
        digest: &Digest,
        read: &dyn Fn(u64) -> bool,
    ) -> Result<Option<u64>, PoolError> {
        self.around("scrub", || self.inner.scrub(kind, digest, read))
    }

    fn salvage(&self, kind: Kind, digest: &Digest) -> Result<Option<Vec<u8>>, PoolError> {
        self.around("salvage", || self.inner.salvage(kind, digest))
    }

    fn list(&self, kind: Kind) -> Result<Vec<Listed>, PoolError> {
        self.around("list", || self.inner.list(kind))
    }

    fn remove(&self, kind: Kind, digest: &Digest) -> Result<(), PoolError> {
        self.around("remove", || self.inner.remove(kind, digest))
    }

    fn room_bytes(&self) -> Result<u64, PoolError> {
        self.around("room_bytes", || self.inner.room_bytes())
    }
}

struct FaultyStaging {
    inner: Box<dyn Staging>,
    faults: Arc<Faults>,
}

impl Write for FaultyStaging {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let Self { inner, faults } = self;
        let failed = || Err(io::Error::other(TEXT));
        faults.around("write", || inner.write(bytes)).unwrap_or_else(failed)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

impl Staging for FaultyStaging {
    fn finish(self: Box<Self>) -> Result<Box<dyn Staged>, PoolError> {
        let Self { inner, faults } = *self;
        let staged = faults.around("finish", || inner.finish()).unwrap_or_else(pool_failed)?;
        Ok(Box::new(FaultyStaged { inner: staged, faults }))
    }
}

struct FaultyStaged {
    inner: Box<dyn Staged>,
    faults: Arc<Faults>,
}

impl Staged for FaultyStaged {
    fn digest(&self) -> Digest {
        self.inner.digest()
    }

    fn size_bytes(&self) -> u64 {
        self.inner.size_bytes()
    }

    fn commit(self: Box<Self>, kind: Kind) -> Result<(), PoolError> {
        let Self { inner, faults } = *self;
        let name = if kind == Kind::Blob { "commit of a blob" } else { "commit of a pack" };
        faults.around(name, || inner.commit(kind)).unwrap_or_else(pool_failed)
    }
}

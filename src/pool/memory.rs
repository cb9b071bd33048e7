//! The memory back end: for tests, simulations and dry runs. It has the order of steps and the
//! refusals of the disk back end, and nothing else of it.

use std::collections::HashMap;
use std::io::{self, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;

use super::{Kind, Listed, Opened, Pool, PoolError, Staged, Staging};
use crate::digest::Digest;

/// A pool in memory. Clones share its content.
#[derive(Clone)]
pub struct MemoryPool(Arc<Shared>);

struct Shared {
    capacity_bytes: u64,
    now: Box<dyn Fn() -> i64 + Send + Sync>,
    kept: Mutex<HashMap<(Kind, Digest), Kept>>,
}

struct Kept {
    bytes: Bytes,
    written_at: i64,
}

impl MemoryPool {
    /// An empty pool for `capacity_bytes` in all; `now` returns the seconds since 1970.
    pub fn new(capacity_bytes: u64, now: impl Fn() -> i64 + Send + Sync + 'static) -> Self {
        let (now, kept) = (Box::new(now), Mutex::default());
        Self(Arc::new(Shared { capacity_bytes, now, kept }))
    }

    fn find(&self, kind: Kind, digest: &Digest) -> Option<Bytes> {
        self.0.lock().get(&(kind, *digest)).map(|kept| kept.bytes.clone())
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, HashMap<(Kind, Digest), Kept>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn free_bytes(&self) -> u64 {
        let kept = self.lock();
        let sizes = kept.values().map(|kept| kept.bytes.len() as u64);
        sizes.fold(self.capacity_bytes, u64::saturating_sub)
    }

    fn weigh(&self, more_bytes: u64) -> Result<(), PoolError> {
        let free_bytes = self.free_bytes();
        if free_bytes < more_bytes {
            return Err(PoolError::Full { place: "memory".into(), free_bytes, reserve_bytes: 0 });
        }
        Ok(())
    }
}

impl Pool for MemoryPool {
    fn stage(&self, expected_bytes: u64) -> Result<Box<dyn Staging>, PoolError> {
        self.0.weigh(expected_bytes)?;
        Ok(Box::new(MemoryStaging { shared: self.0.clone(), bytes: Vec::new() }))
    }

    fn open(&self, kind: Kind, digest: &Digest) -> Result<Option<Opened>, PoolError> {
        Ok(self.find(kind, digest).map(Opened::Memory))
    }

    fn read_into(
        &self,
        kind: Kind,
        digest: &Digest,
        offset: u64,
        length: u64,
        buffer: &mut Vec<u8>,
    ) -> Result<bool, PoolError> {
        let Some(bytes) = self.find(kind, digest) else { return Ok(false) };
        let bound = |number| usize::try_from(number).ok();
        let range = bound(offset).zip(offset.checked_add(length).and_then(bound));
        let Some(part) = range.and_then(|(start, end)| bytes.get(start..end)) else {
            return Err(PoolError::OutOfRange { kind, digest: *digest });
        };
        buffer.clear();
        buffer.extend_from_slice(part);
        Ok(true)
    }

    fn verify(&self, kind: Kind, digest: &Digest) -> Result<Option<u64>, PoolError> {
        let Some(bytes) = self.find(kind, digest) else { return Ok(None) };
        match Digest::of(&bytes) == *digest {
            true => Ok(Some(bytes.len() as u64)),
            false => Err(PoolError::Damaged { kind, digest: *digest }),
        }
    }

    fn salvage(&self, kind: Kind, digest: &Digest) -> Result<Option<Vec<u8>>, PoolError> {
        Ok(self.find(kind, digest).map(|bytes| bytes.to_vec()))
    }

    fn list(&self, kind: Kind) -> Result<Vec<Listed>, PoolError> {
        let kept = self.0.lock();
        let of_kind = kept.iter().filter(|((found, _), _)| *found == kind);
        let listed = of_kind.map(|((_, digest), kept)| Listed {
            digest: *digest,
            size_bytes: kept.bytes.len() as u64,
            written_at: kept.written_at,
        });
        Ok(listed.collect())
    }

    fn remove(&self, kind: Kind, digest: &Digest) -> Result<(), PoolError> {
        self.0.lock().remove(&(kind, *digest));
        Ok(())
    }

    fn room_bytes(&self) -> Result<u64, PoolError> {
        Ok(self.0.free_bytes())
    }
}

struct MemoryStaging {
    shared: Arc<Shared>,
    bytes: Vec<u8>,
}

impl Write for MemoryStaging {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let whole = (self.bytes.len() as u64).saturating_add(bytes.len() as u64);
        let full = |error| io::Error::new(io::ErrorKind::StorageFull, error);
        self.shared.weigh(whole).map_err(full)?;
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Staging for MemoryStaging {
    fn finish(self: Box<Self>) -> Result<Box<dyn Staged>, PoolError> {
        let digest = Digest::of(&self.bytes);
        Ok(Box::new(MemoryStaged { shared: self.shared, bytes: self.bytes.into(), digest }))
    }
}

struct MemoryStaged {
    shared: Arc<Shared>,
    bytes: Bytes,
    digest: Digest,
}

impl Staged for MemoryStaged {
    fn digest(&self) -> Digest {
        self.digest
    }

    fn size_bytes(&self) -> u64 {
        self.bytes.len() as u64
    }

    fn commit(self: Box<Self>, kind: Kind) -> Result<(), PoolError> {
        let Self { shared, bytes, digest } = *self;
        if !shared.lock().contains_key(&(kind, digest)) {
            shared.weigh(bytes.len() as u64)?;
        }
        let written_at = (shared.now)();
        shared.lock().insert((kind, digest), Kept { bytes, written_at });
        Ok(())
    }
}

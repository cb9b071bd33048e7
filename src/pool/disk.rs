//! The disk back end: one file for each blob and pack, named by its digest, and one for many small
//! blobs of one upload (`bundles`).
//!
//! Shape: `blobs/ab/<64 hexadecimal digits>`, `packs/ab/…` and `bundles/ab/…`, where `ab` are the
//! first two digits, and `staging/` for bytes on their way in. Files have mode 0640, directories
//! 0750.
//!
//! Bytes become durable in one order: write, sync the file, rename it to its name, sync the
//! directory. Many small files share their syncs (`together`). What fails harms only the files that
//! it was for: nobody relies on them, and they are written anew (`names`). While the disk takes
//! nothing at all, writing stops; reading continues.
//!
//! Nothing is read that was not held against its digest (`verified`).

use std::collections::HashSet;
use std::io::Write as _;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;

use super::{Kind, Listed, Opened, Pool, PoolError, Sealed, Staging};
use crate::digest::Digest;

mod blob_directory;
mod bundle;
mod bundles;
mod handles;
mod names;
mod places;
mod staging;
mod syncs;
mod temporary;
#[cfg(test)]
mod tests;
mod together;
mod tree;
mod verified;
mod volume;

use self::handles::Found;
use self::staging::DiskStaging;
use self::tree::Tree;

/// What may be unreadable together. Unit: bytes.
const SECTOR_BYTES: usize = 4096;

/// A pool in a directory of its own.
///
/// Limits: one process at a time; opening it empties `staging/`.
pub struct DiskPool {
    tree: Arc<Tree>,
}

impl DiskPool {
    /// Opens the pool in `dir`, creates it when there is none, and removes what an earlier run left
    /// in staging. Blobs leave `reserve_bytes` of the file system free; packs may use them.
    ///
    /// # Errors
    /// [`PoolError::Io`] when the directories cannot be made, opened or synced.
    pub fn open(dir: &Path, reserve_bytes: u64) -> Result<Self, PoolError> {
        Ok(Self { tree: Arc::new(Tree::open(dir, reserve_bytes)?) })
    }

    /// Opens the pool in `dir` for reading only, also while a server uses it: nothing is created,
    /// staging is untouched, and every write is refused.
    ///
    /// # Errors
    /// [`PoolError::Io`] when there is none, or it cannot be opened.
    pub fn open_reading(dir: &Path) -> Result<Self, PoolError> {
        Ok(Self { tree: Arc::new(Tree::open_reading(dir)?) })
    }
}

impl Pool for DiskPool {
    fn stage(&self, expected_bytes: u64) -> Result<Box<dyn Staging>, PoolError> {
        self.tree.volume.expect_writable()?;
        self.tree.volume.weigh(expected_bytes)?;
        Ok(Box::new(DiskStaging::begin(&self.tree)?))
    }

    /// The reserve is for packs: a rollback can still be published when uploads are refused.
    fn keep(&self, kind: Kind, bytes: &[u8]) -> Result<Digest, PoolError> {
        let mut staging = match kind {
            Kind::Blob => self.stage(bytes.len() as u64)?,
            Kind::Pack => {
                self.tree.volume.expect_writable()?;
                Box::new(DiskStaging::begin(&self.tree)?)
            }
        };
        staging.write_all(bytes).map_err(PoolError::of_write)?;
        let staged = staging.finish()?;
        let digest = staged.digest();
        staged.commit(kind)?;
        Ok(digest)
    }

    fn keep_all(&self, kind: Kind, all: &[Sealed]) -> Result<(), PoolError> {
        together::keep_all(&self.tree, kind, all)
    }

    fn open(&self, kind: Kind, digest: &Digest) -> Result<Option<Opened>, PoolError> {
        let found = self.tree.find(kind, digest)?;
        Ok(found.map(|Found { file, offset, size_bytes, .. }| Opened::File {
            file,
            offset,
            size_bytes,
        }))
    }

    fn read_into(
        &self,
        kind: Kind,
        digest: &Digest,
        offset: u64,
        length: u64,
        buffer: &mut Vec<u8>,
    ) -> Result<bool, PoolError> {
        let Some(Found { file, offset: start, size_bytes, .. }) = self.tree.find(kind, digest)?
        else {
            return Ok(false);
        };
        let beyond = || PoolError::OutOfRange { kind, digest: *digest };
        // Checked before the buffer grows, so that the stored size limits it.
        if offset.checked_add(length).is_none_or(|end| end > size_bytes) {
            return Err(beyond());
        }
        buffer.resize(usize::try_from(length).map_err(|_| beyond())?, 0);
        match file.read_exact_at(buffer, start.saturating_add(offset)) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => Err(beyond()),
            Err(source) => Err(PoolError::Io { action: format!("read {digest}"), source }),
        }
    }

    fn verify(&self, kind: Kind, digest: &Digest) -> Result<Option<u64>, PoolError> {
        self.tree.verify(kind, digest)
    }

    fn scrub(
        &self,
        kind: Kind,
        digest: &Digest,
        read: &dyn Fn(u64) -> bool,
    ) -> Result<Option<u64>, PoolError> {
        self.tree.scrub(kind, digest, read)
    }

    fn salvage(&self, kind: Kind, digest: &Digest) -> Result<Option<Vec<u8>>, PoolError> {
        let Some(found) = self.tree.salvage(kind, digest)? else { return Ok(None) };
        let mut bytes = vec![0; usize::try_from(found.size_bytes).unwrap_or(usize::MAX)];
        let mut offset = found.offset;
        for sector in bytes.chunks_mut(SECTOR_BYTES) {
            // What cannot be read stays zero.
            let _unread = found.file.read_exact_at(sector, offset);
            offset = offset.saturating_add(sector.len() as u64);
        }
        Ok(Some(bytes))
    }

    fn list(&self, kind: Kind) -> Result<Vec<Listed>, PoolError> {
        let mut listed = self.tree.directory_of(kind).list()?;
        if kind == Kind::Blob {
            // Some may be in two places.
            let mut seen: HashSet<_> = listed.iter().map(|one| one.digest).collect();
            let bundled = self.tree.bundles.list();
            listed.extend(bundled.into_iter().filter(|one| seen.insert(one.digest)));
        }
        Ok(listed)
    }

    fn remove(&self, kind: Kind, digest: &Digest) -> Result<(), PoolError> {
        self.tree.volume.expect_removable()?;
        if kind == Kind::Blob {
            self.tree.bundles.remove(&self.tree.volume, digest)?;
        }
        self.tree.directory_of(kind).remove(digest)
    }

    fn stopped(&self) -> Option<PoolError> {
        self.tree.volume.stopped()
    }

    fn is_doubtful(&self, kind: Kind, digest: &Digest) -> bool {
        self.tree.volume.names.is_doubtful(kind, digest)
    }

    fn try_again(&self) {
        // Why not is in `stopped`.
        let _still = self.tree.volume.expect_writable();
    }

    fn room_bytes(&self) -> Result<u64, PoolError> {
        self.tree.volume.room_bytes()
    }
}

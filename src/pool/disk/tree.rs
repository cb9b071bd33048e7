//! The directories of a disk pool, held open.

use std::path::Path;
use std::sync::Arc;

use rustix::fs::{CWD, Mode};

use super::blob_directory::BlobDirectory;
use super::bundles::Bundles;
use super::handles::{DIRECTORY, Found, directory, empty, io_error, open_root};
use super::verified::Verified;
use super::volume::Volume;
use crate::digest::Digest;
use crate::pool::{Kind, PoolError};

/// A pool's directories. Everything below them is opened through them, never by a whole path.
pub(super) struct Tree {
    blobs: BlobDirectory,
    packs: BlobDirectory,
    pub(super) bundles: Bundles,
    pub(super) verified: Verified,
    pub(super) volume: Arc<Volume>,
}

impl Tree {
    pub(super) fn open(path: &Path, reserve_bytes: u64) -> Result<Self, PoolError> {
        let at = |name: &str| format!("open {}", path.join(name).display());
        let root = open_root(path).map_err(|source| PoolError::Io { action: at(""), source })?;
        let child = |name| directory(&root, name).map_err(|error| io_error(at(name), error));
        let (blobs, packs, staging) = (child("blobs")?, child("packs")?, child("staging")?);
        let bundles = BlobDirectory::open("bundles", Kind::Blob, child("bundles")?)?;
        // From here on, blobs in bundles count as durable.
        bundles.sync_names()?;
        let blobs = BlobDirectory::open("blobs", Kind::Blob, blobs)?;
        let packs = BlobDirectory::open("packs", Kind::Pack, packs)?;
        // A process before this one may have ended between a rename and its sync.
        blobs.sync_names()?;
        packs.sync_names()?;
        empty(&staging).map_err(|error| io_error(format!("empty {}", at("staging")), error))?;
        rustix::fs::fsync(&root).map_err(|error| io_error("sync the pool".into(), error))?;
        Ok(Self {
            blobs,
            packs,
            bundles: Bundles::open(bundles)?,
            verified: Verified::default(),
            volume: Arc::new(Volume::writable(staging, path, reserve_bytes)),
        })
    }

    /// Opens an existing pool without changing it; nothing can be written through it.
    pub(super) fn open_reading(path: &Path) -> Result<Self, PoolError> {
        let child = |name: &str| {
            rustix::fs::openat(CWD, path.join(name), DIRECTORY, Mode::empty())
                .map_err(|error| io_error(format!("open {}", path.join(name).display()), error))
        };
        Ok(Self {
            blobs: BlobDirectory::open("blobs", Kind::Blob, child("blobs")?)?,
            packs: BlobDirectory::open("packs", Kind::Pack, child("packs")?)?,
            bundles: Bundles::open(BlobDirectory::open("bundles", Kind::Blob, child("bundles")?)?)?,
            verified: Verified::default(),
            volume: Arc::new(Volume::only_read(child("staging")?)),
        })
    }

    pub(super) fn directory_of(&self, kind: Kind) -> &BlobDirectory {
        match kind {
            Kind::Blob => &self.blobs,
            Kind::Pack => &self.packs,
        }
    }

    /// Opens stored bytes, in a file or in a bundle, once they were held against their digest.
    ///
    /// # Errors
    /// [`PoolError::Damaged`] when every copy is damaged.
    pub(super) fn find(&self, kind: Kind, digest: &Digest) -> Result<Option<Found>, PoolError> {
        self.find_with(kind, digest, &|found| self.verified.prove(kind, digest, found))
    }

    /// Holds stored bytes against their digest, whatever is known of them; gives their size.
    ///
    /// # Errors
    /// As for [`Tree::find`].
    pub(super) fn verify(&self, kind: Kind, digest: &Digest) -> Result<Option<u64>, PoolError> {
        let again = |found: &Found| self.verified.again(kind, digest, found);
        Ok(self.find_with(kind, digest, &again)?.map(|found| found.size_bytes))
    }

    /// The same, from the disk itself, and at the pace of `read`.
    ///
    /// # Errors
    /// As for [`Tree::find`]; also when `read` ended it.
    pub(super) fn scrub(
        &self,
        kind: Kind,
        digest: &Digest,
        read: &dyn Fn(u64) -> bool,
    ) -> Result<Option<u64>, PoolError> {
        let afresh = |found: &Found| self.verified.afresh(kind, digest, found, read);
        Ok(self.find_with(kind, digest, &afresh)?.map(|found| found.size_bytes))
    }

    /// Opens stored bytes as they are.
    pub(super) fn salvage(&self, kind: Kind, digest: &Digest) -> Result<Option<Found>, PoolError> {
        self.find_with(kind, digest, &|_| Ok(()))
    }

    fn find_with(
        &self,
        kind: Kind,
        digest: &Digest,
        prove: &dyn Fn(&Found) -> Result<(), PoolError>,
    ) -> Result<Option<Found>, PoolError> {
        let alone = |directory: &BlobDirectory| {
            let found = directory.find(digest)?;
            found.map(|found| prove(&found).map(|()| found)).transpose()
        };
        let look = || match kind {
            Kind::Blob => match self.bundles.find(digest, prove) {
                Ok(Some(found)) => Ok(Some(found)),
                // A sound copy may be in a file of its own.
                other => alone(&self.blobs).and_then(|found| found.map_or(other, |f| Ok(Some(f)))),
            },
            Kind::Pack => alone(&self.packs),
        };
        let mut found = look()?;
        if self.volume.is_only_read() && kind == Kind::Blob {
            // The server beside this reader may have moved the blob, and again while the tables are
            // read.
            for _ in 0..READINGS {
                if found.is_some() {
                    break;
                }
                self.bundles.reload()?;
                found = look()?;
            }
        }
        Ok(found)
    }
}

/// How often the tables are read before a package counts as missing, while another process changes
/// the pool.
const READINGS: usize = 3;

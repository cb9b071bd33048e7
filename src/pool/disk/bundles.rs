//! Bundles: small blobs of one upload are stored in one file. A file for each would cost more than
//! its bytes: an inode created, renamed, backed up and removed.
//!
//! A removed blob stays in its file until less than half of that is still needed; then the rest
//! moves to a new bundle. If the move fails, it is tried again when half of the rest is gone. Until
//! the move, the removed blob is listed again after a restart, and the next sweep removes it again.

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::os::unix::fs::FileExt;
use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use tracing::warn;

use super::blob_directory::BlobDirectory;
use super::bundle::{self, Entry};
use super::handles::Found;
use super::places::{Place, Places, Upkeep};
use super::temporary::{Temporary, open_up};
use super::volume::Volume;
use crate::digest::Digest;
use crate::pool::{Kind, Listed, PoolError, Sealed};

/// The largest size of a small blob. Unit: bytes.
const SMALL_BYTES: usize = 64 << 10;
/// The fewest small blobs that make a bundle.
const FEWEST: usize = 16;
/// How often a blob is looked up again when its bundle was removed meanwhile, because it has moved.
const LOOKS: usize = 3;
/// How much is written at once. Unit: bytes.
const WRITE_BYTES: usize = 256 << 10;

/// All bundles of a pool.
pub(super) struct Bundles {
    directory_of: BlobDirectory,
    places: RwLock<Places>,
    /// Held while a file is added or removed, until `places` has the change.
    changing: Mutex<()>,
}

/// Splits blobs into those that are bundled, each once and in order, and the others.
pub(super) fn part(kind: Kind, blobs: Vec<&Sealed>) -> (Vec<&Sealed>, Vec<&Sealed>) {
    let small = |blob: &&Sealed| kind == Kind::Blob && blob.bytes().len() <= SMALL_BYTES;
    let (mut bundled, others): (Vec<_>, Vec<_>) = blobs.iter().copied().partition(small);
    bundled.sort_unstable_by_key(|blob| blob.digest());
    bundled.dedup_by_key(|blob| blob.digest());
    if bundled.len() < FEWEST { (Vec::new(), blobs) } else { (bundled, others) }
}

impl Bundles {
    /// Reads every table. A damaged bundle is left out and not changed.
    pub(super) fn open(directory_of: BlobDirectory) -> Result<Self, PoolError> {
        let bundles = Self { directory_of, places: RwLock::default(), changing: Mutex::default() };
        bundles.reload()?;
        Ok(bundles)
    }

    /// Reads the tables again, for a reader beside a server that changes them.
    pub(super) fn reload(&self) -> Result<(), PoolError> {
        let names = self.directory_of.list()?.into_iter().map(|listed| listed.digest);
        let tables = names.filter_map(|name| Some((name, self.table(&name)?)));
        let places = Places::of_tables(tables);
        *self.write() = places;
        Ok(())
    }

    /// The table of a bundle; `None` when there is none, or it cannot be read.
    fn table(&self, name: &Digest) -> Option<Vec<Entry>> {
        let read = |found: Found| {
            let table = bundle::read_table(&found.file, found.size_bytes, name);
            table
                .map_err(reading(name))?
                .ok_or(PoolError::Damaged { kind: Kind::Blob, digest: *name })
        };
        match self.directory_of.find(name).and_then(|found| found.map(read).transpose()) {
            Ok(table) => table,
            Err(problem) => {
                warn!(bundle = %name, %problem, "a bundle of packages is damaged; none of them is served");
                None
            }
        }
    }

    /// Opens the bundle of a blob, and returns where in it the blob is. A place that `prove` refuses
    /// does not count.
    pub(super) fn find(
        &self,
        digest: &Digest,
        prove: &dyn Fn(&Found) -> Result<(), PoolError>,
    ) -> Result<Option<Found>, PoolError> {
        let mut failed = None;
        for _ in 0..LOOKS {
            let candidates = self.read().of(digest);
            let mut moved = false;
            for (place, name) in candidates {
                match self.follow(digest, place, &name) {
                    Ok(Followed::Here(found)) => match prove(&found) {
                        Ok(()) => return Ok(Some(found)),
                        Err(problem) => failed = Some(problem),
                    },
                    Ok(Followed::Another) => {}
                    Ok(Followed::Gone) => moved = true,
                    // Another bundle may have it too.
                    Err(problem) => failed = Some(problem),
                }
            }
            if !moved {
                break;
            }
        }
        failed.map_or(Ok(None), Err)
    }

    fn follow(&self, digest: &Digest, place: Place, name: &Digest) -> Result<Followed, PoolError> {
        let Some(whole) = self.directory_of.find(name)? else { return Ok(Followed::Gone) };
        let entry = bundle::read_entry(&whole.file, place.entry).map_err(reading(name))?;
        let damaged = || PoolError::Damaged { kind: Kind::Blob, digest: *digest };
        let entry = entry.ok_or_else(damaged)?;
        if entry.digest != *digest {
            return Ok(Followed::Another);
        }
        if entry.end() > whole.size_bytes {
            return Err(damaged());
        }
        let (offset, size_bytes) = (entry.offset, entry.size_bytes);
        Ok(Followed::Here(Found {
            file: whole.file,
            offset,
            size_bytes,
            bundled: true,
            state: whole.state,
        }))
    }

    /// Stores blobs that [`part`] returned.
    pub(super) fn keep(&self, volume: &Arc<Volume>, blobs: &[&Sealed]) -> Result<(), PoolError> {
        let mut rest = blobs;
        while !rest.is_empty() {
            let mut size_bytes = 0_u64;
            let fits = |blob: &&&Sealed| {
                size_bytes = size_bytes.saturating_add(blob.bytes().len() as u64);
                size_bytes <= bundle::MOST_BYTES
            };
            let count = rest.iter().take(bundle::MOST_BLOBS).take_while(fits).count().max(1);
            let (now, later) = rest.split_at(count.min(rest.len()));
            let file = write(volume, now)?;
            let _changing = self.changing();
            self.name(volume, file)?;
            rest = later;
        }
        Ok(())
    }

    /// Renames a written bundle to its name, durably, and lists its blobs.
    fn name(&self, volume: &Volume, written: Written) -> Result<(), PoolError> {
        let Written { temporary, name, entries } = written;
        let directory = self.directory_of.directory(volume, &name)?;
        let digests: Vec<_> = entries.iter().map(|entry| entry.digest).collect();
        // The same blobs may have been in a damaged bundle of this name, which is listed.
        digests.iter().for_each(|digest| volume.names.doubt(Kind::Blob, *digest));
        temporary.rename(&directory, &name)?;
        let synced = rustix::fs::fsync(&directory);
        let synced = synced.map_err(|e| volume.unsynced("sync of a directory", e.into()));
        volume.names.settle(Kind::Blob, &digests, synced)?;
        self.write().add(name, &entries);
        Ok(())
    }

    /// All blobs; some may come more than once.
    pub(super) fn list(&self) -> Vec<Listed> {
        let bundles = self.read().by_bundle();
        let mut listed = Vec::new();
        for (name, living) in bundles {
            if let Err(problem) = self.list_one(&name, living, &mut listed) {
                // The others are listed all the same; nothing of this bundle is swept until it can
                // be read.
                warn!(bundle = %name, %problem, "a bundle of packages cannot be listed");
            }
        }
        listed
    }

    fn list_one(
        &self,
        name: &Digest,
        living: Vec<u32>,
        listed: &mut Vec<Listed>,
    ) -> Result<(), PoolError> {
        let Some(found) = self.directory_of.find(name)? else { return Ok(()) };
        let failed = reading(name);
        let stat = rustix::fs::fstat(&found.file).map_err(|e| failed(e.into()))?;
        for number in living {
            let entry = bundle::read_entry(&found.file, number).map_err(&failed)?;
            let Some(Entry { digest, size_bytes, .. }) = entry else { continue };
            listed.push(Listed { digest, size_bytes, written_at: stat.st_mtime });
        }
        Ok(())
    }

    /// Removes a blob from every bundle that has it.
    pub(super) fn remove(&self, volume: &Arc<Volume>, digest: &Digest) -> Result<(), PoolError> {
        if self.read().of(digest).is_empty() {
            return Ok(());
        }
        let _changing = self.changing();
        let candidates = self.read().of(digest);
        for (place, name) in candidates {
            let found = match self.follow(digest, place, &name) {
                Ok(Followed::Here(found)) => found,
                Ok(Followed::Another | Followed::Gone) => continue,
                Err(problem) => {
                    // Other removals do not wait until the disk is mended.
                    warn!(bundle = %name, %problem, "a package of a damaged bundle was not removed");
                    continue;
                }
            };
            let upkeep = self.write().forget(place, found.size_bytes);
            match upkeep {
                Upkeep::Leave => {}
                Upkeep::Drop => self.drop_bundle(place.bundle, &name)?,
                Upkeep::Renew => {
                    if let Err(problem) = self.renew(volume, place.bundle, &name) {
                        // The blob itself is removed. The space is freed later: reading the bundle
                        // again for each of a hundred further removals would not help.
                        self.write().put_off(place.bundle);
                        warn!(bundle = %name, %problem, "what is left of a bundle of packages was not moved");
                    }
                }
            }
        }
        Ok(())
    }

    /// Moves the needed blobs of a bundle to a new one.
    fn renew(&self, volume: &Arc<Volume>, bundle: u32, name: &Digest) -> Result<(), PoolError> {
        volume.expect_writable()?;
        let living = self.read().living(bundle);
        let Some(found) = self.directory_of.find(name)? else { return Ok(()) };
        let mut blobs = Vec::with_capacity(living.len());
        for number in living {
            let entry = bundle::read_entry(&found.file, number).map_err(reading(name))?;
            let sealed = entry.map(|entry| read_blob(&found.file, &entry)).transpose();
            let sealed = sealed.map_err(reading(name))?.flatten();
            blobs.push(sealed.ok_or(PoolError::Damaged { kind: Kind::Blob, digest: *name })?);
        }
        blobs.sort_unstable_by_key(Sealed::digest);
        let file = write(volume, &blobs.iter().collect::<Vec<_>>())?;
        self.name(volume, file)?;
        self.drop_bundle(bundle, name)
    }

    fn drop_bundle(&self, bundle: u32, name: &Digest) -> Result<(), PoolError> {
        self.write().drop_bundle(bundle);
        self.directory_of.remove(name)
    }

    fn read(&self) -> RwLockReadGuard<'_, Places> {
        self.places.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Places> {
        self.places.write().unwrap_or_else(PoisonError::into_inner)
    }

    fn changing(&self) -> std::sync::MutexGuard<'_, ()> {
        self.changing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The result of looking at a place.
enum Followed {
    Here(Found),
    /// A blob whose digest begins in the same way.
    Another,
    /// The bundle no longer exists.
    Gone,
}

/// A bundle in staging whose bytes are durable.
struct Written {
    temporary: Temporary,
    name: Digest,
    entries: Vec<Entry>,
}

fn write(volume: &Arc<Volume>, blobs: &[&Sealed]) -> Result<Written, PoolError> {
    let unfit = || PoolError::Io {
        action: "bundle packages".into(),
        source: std::io::Error::other("they do not fit into one"),
    };
    let table = bundle::table(blobs).ok_or_else(unfit)?;
    let name = Digest::of(&table);
    let (temporary, file) = Temporary::create(volume)?;
    let mut out = BufWriter::with_capacity(WRITE_BYTES, &file);
    let mut parts =
        std::iter::once(table.as_slice()).chain(blobs.iter().map(|b| b.bytes().as_ref()));
    let written = parts.try_for_each(|part| out.write_all(part)).and_then(|()| out.flush());
    written.map_err(|e| volume.failed("write", e))?;
    drop(out);
    open_up(&file, &name)?;
    file.sync_all().map_err(|e| volume.unsynced("sync of a file", e))?;
    let mut offset = table.len() as u64;
    let entries = blobs.iter().map(|blob| {
        let entry = Entry { digest: blob.digest(), offset, size_bytes: blob.bytes().len() as u64 };
        offset = entry.end();
        entry
    });
    Ok(Written { temporary, name, entries: entries.collect() })
}

/// Reads a blob of a bundle; `None` when its bytes do not match its digest.
fn read_blob(file: &File, entry: &Entry) -> std::io::Result<Option<Sealed>> {
    let mut bytes = vec![0; usize::try_from(entry.size_bytes).unwrap_or(usize::MAX)];
    file.read_exact_at(&mut bytes, entry.offset)?;
    let sealed = Sealed::of(bytes.into());
    Ok(Some(sealed).filter(|sealed| sealed.digest() == entry.digest))
}

fn reading(name: &Digest) -> impl Fn(std::io::Error) -> PoolError {
    let name = *name;
    move |source| PoolError::Io { action: format!("read bundle {name}"), source }
}

//! Together: many blobs are stored at once. Small ones go into a bundle. The others are all
//! written, one sync makes them durable, they are renamed, and one more sync makes the names
//! durable.
//!
//! `syncfs` does both where it reports every failed write: on Linux from 5.17, and not through an
//! overlay. Elsewhere each file and each directory is synced separately.
//!
//! Source: syncfs(2).

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write as _;
use std::sync::{Arc, PoisonError};

use super::bundles;
use super::staging::{Presence, freshen};
use super::syncs::Mark;
use super::temporary::{Temporary, open_up};
use super::tree::Tree;
use super::volume::Volume;
use crate::digest::Digest;
use crate::pool::{Kind, PoolError, Sealed};

/// See [`Pool::keep_all`](crate::pool::Pool::keep_all).
pub(super) fn keep_all(tree: &Arc<Tree>, kind: Kind, all: &[Sealed]) -> Result<(), PoolError> {
    let volume = &tree.volume;
    volume.expect_writable()?;
    let sizes = all.iter().map(|sealed| sealed.bytes().len() as u64);
    volume.weigh(sizes.fold(0, u64::saturating_add))?;
    // Taken before the check for stored blobs: the sync of the thread that has just stored one may
    // fail.
    let mark = volume.mark();
    let (mut lacking, mut there) = (Vec::with_capacity(all.len()), Vec::new());
    for sealed in all {
        match freshen(tree, kind, &sealed.digest())? {
            Presence::Durable => {}
            Presence::There => there.push(sealed.digest()),
            Presence::Absent => lacking.push(sealed),
        }
    }
    let (bundled, alone) = bundles::part(kind, lacking);
    tree.bundles.keep(volume, &bundled)?;
    keep_each(tree, kind, &alone, there, mark)
}

/// Stores each of these as a file, and makes the names of those that are there already durable.
fn keep_each(
    tree: &Arc<Tree>,
    kind: Kind,
    alone: &[&Sealed],
    mut names: Vec<Digest>,
    mark: Mark,
) -> Result<(), PoolError> {
    names.extend(alone.iter().map(|sealed| sealed.digest()));
    if names.is_empty() {
        return Ok(());
    }
    let volume = &tree.volume;
    volume.expect_writable()?;
    let mut written = Vec::with_capacity(alone.len());
    let crowd = volume.crowd.lock().unwrap_or_else(PoisonError::into_inner);
    for sealed in alone {
        written.push((write(volume, sealed)?, sealed.digest()));
    }
    drop(crowd);
    if volume.syncs_together() {
        let synced = volume.sync_all(mark).map_err(|e| volume.unsynced("sync of files", e));
        if synced.is_err() {
            // It may have been for a name that was there, too.
            return volume.names.settle(kind, &names, synced);
        }
    }
    let mut directories = BTreeMap::new();
    for digest in &names {
        let [fan, ..] = digest.as_bytes();
        if !directories.contains_key(fan) {
            let made = tree.directory_of(kind).directory(volume, digest)?;
            directories.insert(*fan, made);
        }
    }
    let crowd = volume.crowd.lock().unwrap_or_else(PoisonError::into_inner);
    for (temporary, digest) in written {
        let [fan, ..] = digest.as_bytes();
        if let Some(directory) = directories.get(fan) {
            tree.volume.names.doubt(kind, digest);
            temporary.rename(directory, &digest)?;
        }
    }
    drop(crowd);
    // Also when all were there already: the thread that renamed them may not have reached this line
    // yet.
    let mut all = directories.values();
    let synced = match volume.syncs_together() {
        true => volume.sync_all(mark).map_err(|e| volume.unsynced("sync of directories", e)),
        false => all.try_for_each(|directory| {
            let synced = rustix::fs::fsync(directory);
            synced.map_err(|e| volume.unsynced("sync of a directory", e.into()))
        }),
    };
    tree.volume.names.settle(kind, &names, synced)
}

/// Writes a file to staging and closes it, because so many could not all stay open.
fn write(volume: &Arc<Volume>, sealed: &Sealed) -> Result<Temporary, PoolError> {
    let (temporary, file) = Temporary::create(volume)?;
    write_into(volume, file, sealed.bytes(), &sealed.digest())?;
    Ok(temporary)
}

fn write_into(
    volume: &Volume,
    mut file: File,
    bytes: &[u8],
    digest: &Digest,
) -> Result<(), PoolError> {
    file.write_all(bytes).map_err(|e| volume.failed("write", e))?;
    open_up(&file, digest)?;
    if !volume.syncs_together() {
        file.sync_all().map_err(|e| volume.unsynced("sync of a file", e))?;
    }
    Ok(())
}

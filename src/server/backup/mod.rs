//! Backup: a copy of the whole data directory as it is at one moment, made while the server runs.
//! Many backups share a directory: what is stored under its digest never changes, so each is copied
//! once.
//!
//! Shape: `repod-backups` marks the directory; `pool/` has the blobs, bundles and packs of all
//! backups; each backup has a directory of its own, named by its time, with the rest of the data
//! directory and `SHA256SUMS`, which names every file of the backup from the top of the directory.
//! That is written last: a backup without it is not whole, and is not counted as one.

#![expect(clippy::disallowed_methods, reason = "a backup is a tree of files")]

mod copy;
mod parts;
pub mod restore;
mod store;
pub mod whole;

pub use self::store::{Backup, list};

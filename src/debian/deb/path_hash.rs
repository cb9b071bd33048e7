//! The hash of a path: data.tar and conffiles are compared by it, so that paths need not be stored.

use std::hash::{DefaultHasher, Hasher as _};

/// The hash of a path, part by part.
#[derive(Default)]
pub(super) struct PathHash(DefaultHasher);

impl PathHash {
    /// The hash of a whole path below the root.
    pub fn of(path: &[u8]) -> u64 {
        Self::folders_and_own(path).1
    }

    /// The hashes of the folders above a path, and of the path itself.
    pub fn folders_and_own(path: &[u8]) -> (Vec<u64>, u64) {
        let (mut hash, mut folders) = (Self::default(), Vec::new());
        let mut parts = path.split(|byte| *byte == b'/').peekable();
        while let Some(part) = parts.next() {
            hash.0.write(part);
            hash.0.write(b"/");
            if parts.peek().is_some() {
                folders.push(hash.0.finish());
            }
        }
        (folders, hash.0.finish())
    }
}

//! The hash of a path: data.tar and conffiles are compared by it, so that no path has to be kept.

use std::hash::{DefaultHasher, Hasher as _};

/// The hash of a path, part by part.
#[derive(Default)]
pub(super) struct PathHash(DefaultHasher);

impl PathHash {
    /// Of a whole path below the root.
    pub fn of(path: &[u8]) -> u64 {
        Self::folders_and_own(path).1
    }

    /// Of the folders above a path, and of itself.
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

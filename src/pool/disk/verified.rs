//! Verified: which stored bytes were held against their digest, and in which state their file was
//! then. Nothing is served, and nothing is published, that was not.
//!
//! Bytes are hashed when they are first read after a start, and again when their inode has changed
//! since. Rot that leaves the inode as it is, is found by the next start, and by whoever asks for
//! [`Verified::again`] or [`Verified::afresh`].

use std::collections::HashMap;
use std::os::unix::fs::FileExt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustix::fs::Stat;
use rustix::io::Errno;
use tracing::error;

use super::handles::{FileState, Found};
use crate::afresh;
use crate::digest::{Digest, Hasher};
use crate::pool::{Kind, PoolError};

/// How many results are kept: about 10 MB. When there are more, all are made anew.
const MOST: usize = 100_000;
/// How much is read at once. Unit: bytes.
const READ_BYTES: usize = 256 << 10;

/// What was found.
#[derive(Clone, Copy)]
struct Outcome {
    state: FileState,
    is_sound: bool,
}

/// What bytes should be, and where they are: there may be two copies.
type Name = (Kind, Digest, u64, u64);

/// The results, by name.
#[derive(Default)]
pub(super) struct Verified {
    results: Mutex<HashMap<Name, Outcome>>,
    /// Names that are being hashed: whoever else wants one waits for the result.
    busy: Mutex<HashMap<Name, Arc<Mutex<()>>>>,
}

impl Verified {
    /// Holds stored bytes against their name, unless that was done and the file is as it was.
    ///
    /// # Errors
    /// [`PoolError::Damaged`] when they are others; [`PoolError::Io`] when they cannot be read.
    pub(super) fn prove(
        &self,
        kind: Kind,
        digest: &Digest,
        found: &Found,
    ) -> Result<(), PoolError> {
        let name = (kind, *digest, found.state.inode(), found.offset);
        if let Some(result) = self.known(&name, found) {
            return result;
        }
        let turn = Arc::clone(lock(&self.busy).entry(name).or_default());
        let waited = lock(&turn);
        let proven = self.known(&name, found).unwrap_or_else(|| self.again(kind, digest, found));
        drop(waited);
        lock(&self.busy).remove(&name);
        proven
    }

    fn known(&self, name: &Name, found: &Found) -> Option<Result<(), PoolError>> {
        let result = *lock(&self.results).get(name)?;
        let same = result.state == found.state;
        same.then(|| if result.is_sound { Ok(()) } else { Err(damaged(name)) })
    }

    /// Holds stored bytes against their name, whatever is known of them.
    ///
    /// # Errors
    /// As for [`Verified::prove`].
    pub(super) fn again(
        &self,
        kind: Kind,
        digest: &Digest,
        found: &Found,
    ) -> Result<(), PoolError> {
        self.judge(kind, digest, found, hash(found, digest)?)
    }

    /// The same, from the disk itself, and at the pace of `read`.
    ///
    /// # Errors
    /// As for [`Verified::prove`]; also when `read` ended it.
    pub(super) fn afresh(
        &self,
        kind: Kind,
        digest: &Digest,
        found: &Found,
        read: &dyn Fn(u64) -> bool,
    ) -> Result<(), PoolError> {
        self.judge(kind, digest, found, hash_afresh(found, digest, read)?)
    }

    fn judge(
        &self,
        kind: Kind,
        digest: &Digest,
        found: &Found,
        hashed: Option<Digest>,
    ) -> Result<(), PoolError> {
        let name = (kind, *digest, found.state.inode(), found.offset);
        let is_sound = hashed == Some(*digest);
        // What could not be read may be readable the next time.
        if hashed.is_some() {
            self.keep(name, Outcome { state: found.state, is_sound });
        }
        if is_sound {
            return Ok(());
        }
        error!(%kind, %digest, "stored bytes are damaged: they have another digest; they are not served");
        Err(damaged(&name))
    }

    /// Notes that a file has just been written with the bytes of this digest.
    pub(super) fn written(&self, kind: Kind, digest: &Digest, stat: &Stat) {
        let state = FileState::of(stat);
        self.keep((kind, *digest, state.inode(), 0), Outcome { state, is_sound: true });
    }

    fn keep(&self, name: Name, result: Outcome) {
        let mut results = lock(&self.results);
        if results.len() >= MOST {
            results.clear();
        }
        results.insert(name, result);
    }
}

/// The digest of stored bytes; `None` when the disk does not give all of them.
fn hash(found: &Found, digest: &Digest) -> Result<Option<Digest>, PoolError> {
    let failed = |source| PoolError::Io { action: format!("read {digest}"), source };
    let mut hasher = Hasher::new();
    let (mut offset, mut left) = (found.offset, found.size_bytes);
    let mut buffer = vec![0; READ_BYTES.min(usize::try_from(left).unwrap_or(READ_BYTES))];
    while left > 0 {
        let wanted = buffer.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        let Some(part) = buffer.get_mut(..wanted) else { break };
        let read = match found.file.read_at(part, offset) {
            Ok(0) => break,
            Ok(read) => read,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
            // A sector that cannot be read is as bad as one that has other bytes.
            Err(error) if Errno::from_io_error(&error) == Some(Errno::IO) => return Ok(None),
            Err(error) => return Err(failed(error)),
        };
        hasher.update(part.get(..read).unwrap_or_default());
        offset = offset.saturating_add(read as u64);
        left = left.saturating_sub(read as u64);
    }
    Ok(Some(hasher.finish()))
}

/// The same from the disk itself, at the pace of `read`.
fn hash_afresh(
    found: &Found,
    digest: &Digest,
    read: &dyn Fn(u64) -> bool,
) -> Result<Option<Digest>, PoolError> {
    let (mut hasher, mut goes_on) = (Hasher::new(), true);
    let done = afresh::read(&found.file, found.offset, found.size_bytes, &mut |part| {
        hasher.update(part);
        goes_on = read(part.len() as u64);
        goes_on
    });
    match done {
        Ok(_) if goes_on => Ok(Some(hasher.finish())),
        Ok(_) => Err(PoolError::interrupted()),
        // A sector that cannot be read is as bad as one that has other bytes.
        Err(error) if Errno::from_io_error(&error) == Some(Errno::IO) => Ok(None),
        Err(source) => Err(PoolError::Io { action: format!("read {digest}"), source }),
    }
}

fn damaged((kind, digest, ..): &Name) -> PoolError {
    PoolError::Damaged { kind: *kind, digest: *digest }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

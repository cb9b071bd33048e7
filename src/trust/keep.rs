//! Keep: lists, and the numbers of lists, on their way to the disk. What is accepted is in force at
//! once. What cannot be written stays in memory and is tried again, and whoever asks is told.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::TrustError;
use super::files::{self, Readers};
use crate::reserve::Reserve;

/// What is not on the disk yet.
pub(super) struct Keep {
    reserve: Arc<Reserve>,
    unstored: Mutex<BTreeMap<PathBuf, Unstored>>,
}

struct Unstored {
    bytes: Vec<u8>,
    is_list: bool,
    why: TrustError,
}

impl Keep {
    /// All is on the disk; `reserve` is given up for what is not to stay off it.
    pub(super) fn new(reserve: Arc<Reserve>) -> Self {
        Self { reserve, unstored: Mutex::default() }
    }

    /// Writes revocation lists to a file, or keeps them in memory.
    pub(super) fn list(&self, path: &Path, bytes: &[u8]) {
        self.store(path, bytes, true);
    }

    /// Writes numbers of lists to a file, or keeps them in memory.
    pub(super) fn numbers(&self, path: &Path, text: &str) {
        self.store(path, text.as_bytes(), false);
    }

    /// Tries to write again what is not on the disk. Gives whether anything came onto it.
    pub(super) fn retry(&self) -> bool {
        let waiting: Vec<_> = {
            let unstored = self.lock();
            unstored.iter().map(|(path, one)| (path.clone(), one.bytes.clone())).collect()
        };
        let mut any = false;
        for (path, bytes) in waiting {
            // A newer one may have taken its place meanwhile.
            let is_same = |one: &Unstored| one.bytes == bytes;
            if self.lock().get(&path).is_some_and(is_same) && self.write(&path, &bytes).is_ok() {
                self.lock().remove(&path);
                any = true;
            }
        }
        any
    }

    /// The lists that are not on the disk.
    pub(super) fn lists(&self) -> Vec<Vec<u8>> {
        self.lock().values().filter(|one| one.is_list).map(|one| one.bytes.clone()).collect()
    }

    /// Why something is not on the disk; `None` when all is.
    pub(super) fn why(&self) -> Option<TrustError> {
        self.lock().values().map(|one| one.why.clone()).next()
    }

    /// What is to be in a file.
    pub(super) fn text_of(&self, path: &Path) -> Option<Vec<u8>> {
        self.lock().get(path).map(|one| one.bytes.clone())
    }

    fn store(&self, path: &Path, bytes: &[u8], is_list: bool) {
        let written = self.write(path, bytes);
        let mut unstored = self.lock();
        match written {
            Ok(()) => drop(unstored.remove(path)),
            Err(why) => {
                let one = Unstored { bytes: bytes.to_vec(), is_list, why };
                unstored.insert(path.to_path_buf(), one);
            }
        }
    }

    fn write(&self, path: &Path, bytes: &[u8]) -> Result<(), TrustError> {
        self.reserve.spend(TrustError::is_full, || files::replace(path, bytes, Readers::All))
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<PathBuf, Unstored>> {
        self.unstored.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

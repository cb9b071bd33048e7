//! What data.tar has installed so far: hard links, folders and conffiles depend on it.

use std::collections::HashSet;

use super::DebError;
use super::account::Account;
use super::control_files::Conffiles;
use super::path_hash::PathHash;
use super::tar::EntryKind;

/// Paths that stand in data.tar before the entry being read.
///
/// Limits: some 18 bytes for each path that is no folder and for each folder that has one, as hashes, and half as
/// much again while their table grows; `account` is asked for it. Two paths of one hash are harmless: whoever finds
/// some has made a package that dpkg cannot install.
pub(super) struct Installed<'c> {
    /// The hash of each path with what stands there.
    seen: HashSet<u64>,
    conffiles: &'c Conffiles,
    account: &'c Account<'c>,
}

/// What stands at a path, in place of the last bits of its hash.
#[derive(Clone, Copy)]
enum Stands {
    /// A regular file, by whatever name.
    File,
    /// A device or the like.
    Special,
    /// A folder that has any of both.
    Filled,
}

impl Stands {
    fn at(self, path: u64) -> u64 {
        (path & !0b11) | self as u64
    }
}

/// What a table of hashes takes for each that it has room for. Unit: bytes: the hash, a byte of its own, and the eighth
/// of all that stays free.
fn table_bytes(capacity: usize) -> u64 {
    (capacity as u64).div_ceil(7).saturating_mul(8 * 9)
}

impl<'c> Installed<'c> {
    /// Nothing yet; `conffiles` is what control.tar says of them.
    pub fn new(conffiles: &'c Conffiles, account: &'c Account<'c>) -> Self {
        Self { seen: HashSet::new(), conffiles, account }
    }

    /// Makes room for a path and the folders above it.
    ///
    /// # Errors
    /// [`DebError`] where that is more memory than there is for it.
    pub fn reserve(&mut self, path: &[u8], member: &str) -> Result<(), DebError> {
        let more = path.iter().filter(|byte| **byte == b'/').count().saturating_add(1);
        let needed = self.seen.len().saturating_add(more);
        let room = self.seen.capacity();
        if needed <= room {
            return Ok(());
        }
        // A table has room for seven eighths of a power of two, and stays until the new one is filled.
        let buckets = needed.saturating_mul(8).div_ceil(7).next_power_of_two().max(64);
        let wanted = buckets / 8 * 7;
        let both = table_bytes(room).saturating_add(table_bytes(wanted));
        self.account.lend_paths(both, member)?;
        self.seen.reserve(wanted.saturating_sub(self.seen.len()));
        self.account.lend_paths(table_bytes(self.seen.capacity()), member)
    }

    /// Takes in one entry, its path and the target of a link without `./`.
    ///
    /// # Errors
    /// What dpkg would fail at when it installs the entry behind those before.
    pub fn add(
        &mut self,
        kind: EntryKind,
        path: &[u8],
        target: Option<&[u8]>,
    ) -> Result<(), &'static str> {
        let (folders, own) = PathHash::folders_and_own(path);
        if folders.iter().any(|folder| self.has(*folder)) {
            return Err("lies below a file of the same package");
        }
        if let Some(target) = target {
            self.check_target(own, PathHash::of(target))?;
        }
        if self.conffiles.removed.contains(&own) {
            return Err(
                "is installed, but conffiles says remove-on-upgrade of it; say one of both",
            );
        }
        let is_file = matches!(kind, EntryKind::File | EntryKind::HardLink);
        if self.conffiles.kept.contains(&own) && !is_file && kind != EntryKind::SymbolicLink {
            return Err("stands in conffiles and is no file, at which dpkg fails; take it out");
        }
        match kind {
            EntryKind::SymbolicLink => return Ok(()),
            EntryKind::Directory if self.seen.contains(&Stands::File.at(own)) => {
                return Err("is a folder in the place of a file before it");
            }
            EntryKind::Directory => return Ok(()),
            _ if self.seen.contains(&Stands::Filled.at(own)) => {
                return Err("is a file in the place of a folder that files lie in");
            }
            _ => {}
        }
        self.seen.extend(folders.into_iter().map(|folder| Stands::Filled.at(folder)));
        let stands = if is_file { Stands::File } else { Stands::Special };
        self.seen.insert(stands.at(own));
        Ok(())
    }

    /// dpkg gives files their names last, so that no link can lead through a symbolic link or to one.
    fn check_target(&self, own: u64, target: u64) -> Result<(), &'static str> {
        match target {
            same if same == own => Err("is a hard link to itself; let it be a file"),
            other if self.has(other) => Ok(()),
            _ => {
                Err("is a hard link to a path that no file before it in data.tar has, which dpkg \
                      cannot make; let the file stand first")
            }
        }
    }

    fn has(&self, path: u64) -> bool {
        [Stands::File, Stands::Special].iter().any(|stands| self.seen.contains(&stands.at(path)))
    }
}

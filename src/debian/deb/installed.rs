//! The paths that data.tar has installed so far: hard links, folders and conffiles are checked
//! against them.

use std::collections::HashSet;

use super::DebError;
use super::account::Account;
use super::control_files::Conffiles;
use super::path_hash::PathHash;
use super::tar::EntryKind;

/// Paths in data.tar before the entry being read.
///
/// Limits: some 18 bytes for each path that is no folder and for each folder that has one, as
/// hashes, and half as much again while their table grows; `account` is asked for it. Two paths of
/// one hash are harmless: a sender that finds some has only made a package that dpkg cannot
/// install.
pub(super) struct Installed<'c> {
    /// The hash of each path, with its kind.
    seen: HashSet<u64>,
    conffiles: &'c Conffiles,
    account: &'c Account<'c>,
}

/// The kind of a path, stored in the last bits of its hash.
#[derive(Clone, Copy)]
enum PathKind {
    /// A regular file, by whatever name.
    File,
    /// A device or the like.
    Special,
    /// A folder that has one of these below it.
    Filled,
}

impl PathKind {
    fn at(self, path: u64) -> u64 {
        (path & !0b11) | self as u64
    }
}

/// The size of a table of hashes with this capacity. Unit: bytes: for each the hash and one control
/// byte, plus the eighth of all slots that stays free.
fn table_bytes(capacity: usize) -> u64 {
    (capacity as u64).div_ceil(7).saturating_mul(8 * 9)
}

impl<'c> Installed<'c> {
    /// No paths yet; `conffiles` are those of control.tar.
    pub fn new(conffiles: &'c Conffiles, account: &'c Account<'c>) -> Self {
        Self { seen: HashSet::new(), conffiles, account }
    }

    /// Reserves memory for a path and the folders above it.
    ///
    /// # Errors
    /// [`DebError`] when that is more than the memory limit.
    pub fn reserve(&mut self, path: &[u8], member: &str) -> Result<(), DebError> {
        let more = path.iter().filter(|byte| **byte == b'/').count().saturating_add(1);
        let needed = self.seen.len().saturating_add(more);
        let room = self.seen.capacity();
        if needed <= room {
            return Ok(());
        }
        // A table has room for seven eighths of a power of two, and the old one remains until the
        // new one is filled.
        let buckets = needed.saturating_mul(8).div_ceil(7).next_power_of_two().max(64);
        let wanted = buckets / 8 * 7;
        let both = table_bytes(room).saturating_add(table_bytes(wanted));
        self.account.lend_paths(both, member)?;
        self.seen.reserve(wanted.saturating_sub(self.seen.len()));
        self.account.lend_paths(table_bytes(self.seen.capacity()), member)
    }

    /// Adds one entry; its path and the target of a link are without `./`.
    ///
    /// # Errors
    /// Why dpkg would fail to install the entry after the earlier ones.
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
            return Err("is in conffiles and is no file, at which dpkg fails; take it out");
        }
        match kind {
            EntryKind::SymbolicLink => return Ok(()),
            EntryKind::Directory if self.seen.contains(&PathKind::File.at(own)) => {
                return Err("is a folder in the place of a file before it");
            }
            EntryKind::Directory => return Ok(()),
            _ if self.seen.contains(&PathKind::Filled.at(own)) => {
                return Err("is a file in the place of a folder that files lie in");
            }
            _ => {}
        }
        self.seen.extend(folders.into_iter().map(|folder| PathKind::Filled.at(folder)));
        let path_kind = if is_file { PathKind::File } else { PathKind::Special };
        self.seen.insert(path_kind.at(own));
        Ok(())
    }

    /// dpkg renames files to their names last, so no hard link can lead through a symbolic link or
    /// to one.
    fn check_target(&self, own: u64, target: u64) -> Result<(), &'static str> {
        match target {
            same if same == own => Err("is a hard link to itself; let it be a file"),
            other if self.has(other) => Ok(()),
            _ => {
                Err("is a hard link to a path that no file before it in data.tar has, which dpkg \
                      cannot make; put the file first")
            }
        }
    }

    fn has(&self, path: u64) -> bool {
        [PathKind::File, PathKind::Special].iter().any(|kind| self.seen.contains(&kind.at(path)))
    }
}

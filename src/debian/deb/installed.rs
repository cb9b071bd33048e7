//! What data.tar has installed so far: hard links, folders and conffiles depend on it.

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hasher as _};

use super::control_files::Conffiles;
use super::tar::EntryKind;

/// Paths that stand in data.tar before the entry being read.
///
/// Limits: some 18 bytes for each path that is no folder and for each folder that has one, as hashes. Two
/// paths of one hash are harmless: whoever finds some has made a package that dpkg cannot install.
pub(super) struct Installed<'c> {
    /// Those of regular files, by whatever name.
    files: HashSet<u64>,
    /// Those of devices and the like.
    specials: HashSet<u64>,
    /// Those of folders that have any of both.
    filled: HashSet<u64>,
    conffiles: &'c Conffiles,
}

impl<'c> Installed<'c> {
    /// Nothing yet; `conffiles` is what control.tar says of them.
    pub fn new(conffiles: &'c Conffiles) -> Self {
        let (files, specials, filled) = (HashSet::new(), HashSet::new(), HashSet::new());
        Self { files, specials, filled, conffiles }
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
            EntryKind::Directory if self.files.contains(&own) => {
                return Err("is a folder in the place of a file before it");
            }
            EntryKind::Directory => return Ok(()),
            _ if self.filled.contains(&own) => {
                return Err("is a file in the place of a folder that files lie in");
            }
            _ => {}
        }
        self.filled.extend(folders);
        let into = if is_file { &mut self.files } else { &mut self.specials };
        into.insert(own);
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
        self.files.contains(&path) || self.specials.contains(&path)
    }
}

/// The hash of a path, part by part.
#[derive(Default)]
pub(super) struct PathHash(DefaultHasher);

impl PathHash {
    /// Of a whole path below the root.
    pub fn of(path: &[u8]) -> u64 {
        Self::folders_and_own(path).1
    }

    /// Of the folders above a path, and of itself.
    fn folders_and_own(path: &[u8]) -> (Vec<u64>, u64) {
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

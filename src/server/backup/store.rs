//! Store: the directory that holds many backups.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;

use super::copy::{failed, make_directory, sync_parent};
use super::parts::{POOL, Problem};
use crate::digest::Digest;
use crate::time::Moment;

/// Marks a directory of backups.
const MARK: &str = "repod-backups";
/// Names every file of a backup, in the form of sha256sum(1).
pub(super) const SUMS: &str = "SHA256SUMS";

/// A directory of backups that this process alone writes to.
pub(super) struct Store {
    root: PathBuf,
    lock: File,
}

/// A whole backup.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Backup {
    /// Its name, which sorts by time.
    pub name: String,
    /// When it was made.
    pub at: Moment,
}

impl Store {
    /// Opens the directory, or makes it; it may not be in the data directory.
    pub(super) fn open(root: &Path, data: &Path) -> Result<Self, Problem> {
        let (root, data) = (whole(root)?, whole(data)?);
        if root.starts_with(&data) || data.starts_with(&root) {
            let text = "is in the data directory, or the other way round; a backup belongs on another disk";
            return Err(format!("{} {text}", root.display()).into());
        }
        make_directory(&root)?;
        let mark = root.join(MARK);
        let mut present = fs::read_dir(&root).map_err(failed("read", &root))?;
        if present.next().is_some() && !mark.exists() {
            let text = "is not empty and has no backups; name a directory for backups alone";
            return Err(format!("{} {text}", root.display()).into());
        }
        let opened = File::options().create(true).truncate(false).write(true).open(&mark);
        let lock = opened.map_err(failed("make", &mark))?;
        match flock(&lock, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(Errno::WOULDBLOCK) => {
                return Err(format!(
                    "another backup is written to {}; wait for its end",
                    root.display()
                )
                .into());
            }
            Err(errno) => return Err(failed("lock", &mark)(errno.into())),
        }
        for top in POOL.into_iter().chain(["staging"]) {
            make_directory(&root.join("pool").join(top))?;
        }
        Ok(Self { root, lock })
    }

    /// Makes everything durable that was written.
    pub(super) fn sync(&self) -> Result<(), Problem> {
        rustix::fs::syncfs(&self.lock).map_err(|errno| failed("sync", &self.root)(errno.into()))
    }

    /// A path below the directory.
    pub(super) fn path(&self, below: &str) -> PathBuf {
        self.root.join(below)
    }

    /// The stored files of all whole backups. A file that none of them names may be half written.
    pub(super) fn known(&self) -> Result<BTreeMap<String, Digest>, Problem> {
        let mut known = BTreeMap::new();
        for backup in list(&self.root)? {
            let sums = read_sums(&self.root.join(&backup.name).join(SUMS))?;
            known.extend(sums.into_iter().filter(|(path, _)| path.starts_with("pool/")));
        }
        Ok(known)
    }

    /// The directory of a new backup. What a backup left that did not come to its end is removed.
    pub(super) fn begin(&self, now: Moment) -> Result<(String, PathBuf), Problem> {
        let whole: BTreeSet<_> = list(&self.root)?.into_iter().map(|one| one.name).collect();
        for name in named(&self.root)?.into_iter().filter(|name| !whole.contains(name)) {
            let left = self.root.join(name);
            fs::remove_dir_all(&left).map_err(failed("remove", &left))?;
        }
        let name = now.stamp();
        let own = self.root.join(&name);
        if own.exists() {
            return Err(format!("{} is there already; try again", own.display()).into());
        }
        make_directory(&own)?;
        Ok((name, own))
    }

    /// Makes a backup whole.
    pub(super) fn finish(
        &self,
        name: &str,
        sums: &BTreeMap<String, Digest>,
    ) -> Result<(), Problem> {
        let path = self.root.join(name).join(SUMS);
        let new = path.with_extension("new");
        let text: String = sums.iter().map(|(path, sum)| format!("{sum}  {path}\n")).collect();
        fs::write(&new, text).map_err(failed("write", &new))?;
        self.sync()?;
        fs::rename(&new, &path).map_err(failed("rename to", &path))?;
        sync_parent(&path)?;
        sync_parent(&self.root.join(name))
    }

    /// Removes all but the last `keep` backups, and the stored files that only they had.
    pub(super) fn prune(&self, keep: usize) -> Result<Vec<String>, Problem> {
        let all = list(&self.root)?;
        let (old, kept) = all.split_at(all.len().saturating_sub(keep));
        for backup in old {
            let directory = self.root.join(&backup.name);
            // Without it, it is no backup any more, whatever is still there.
            let sums = directory.join(SUMS);
            fs::remove_file(&sums).map_err(failed("remove", &sums))?;
            fs::remove_dir_all(&directory).map_err(failed("remove", &directory))?;
        }
        if !old.is_empty() {
            let mut needed = BTreeSet::new();
            for backup in kept {
                let sums = read_sums(&self.root.join(&backup.name).join(SUMS))?;
                needed.extend(sums.into_keys());
            }
            self.sweep(&needed)?;
        }
        Ok(old.iter().map(|backup| backup.name.clone()).collect())
    }

    fn sweep(&self, needed: &BTreeSet<String>) -> Result<(), Problem> {
        let pool = self.root.join("pool");
        for entry in walkdir::WalkDir::new(&pool) {
            let entry = entry.map_err(|error| failed("read", &pool)(error.into()))?;
            let below = entry.path().strip_prefix(&self.root).unwrap_or(entry.path());
            if entry.file_type().is_file() && !needed.contains(&below.display().to_string()) {
                fs::remove_file(entry.path()).map_err(failed("remove", entry.path()))?;
            }
        }
        Ok(())
    }
}

/// A path without links, also where its end is not there yet.
fn whole(path: &Path) -> Result<PathBuf, Problem> {
    let absolute = std::path::absolute(path).map_err(failed("find", path))?;
    let there = absolute.ancestors().find(|above| above.exists()).unwrap_or(&absolute);
    let rest = absolute.strip_prefix(there).unwrap_or(Path::new(""));
    let there = fs::canonicalize(there).map_err(failed("find", path))?;
    // Joining nothing would end the path with a slash.
    Ok(if rest.as_os_str().is_empty() { there } else { there.join(rest) })
}

/// The directories of backups, whole or not.
fn named(root: &Path) -> Result<Vec<String>, Problem> {
    let mut names = Vec::new();
    for entry in fs::read_dir(root).map_err(failed("read", root))? {
        let name = entry.map_err(failed("read", root))?.file_name();
        names.extend(name.to_str().filter(|name| taken_at(name).is_some()).map(str::to_owned));
    }
    names.sort();
    Ok(names)
}

fn taken_at(name: &str) -> Option<Moment> {
    Moment::parse_stamp(name)
}

/// The whole backups in a directory, the first first.
///
/// # Errors
/// When it cannot be read, or is no directory of backups.
pub fn list(root: &Path) -> Result<Vec<Backup>, Box<dyn std::error::Error + Send + Sync>> {
    if !root.join(MARK).exists() {
        return Err(format!("{} has no backups of repod", root.display()).into());
    }
    let names = named(root)?.into_iter().filter(|name| root.join(name).join(SUMS).exists());
    Ok(names.filter_map(|name| Some(Backup { at: taken_at(&name)?, name })).collect())
}

/// The files of a backup, from the top of the directory, with their digests.
pub(super) fn read_sums(path: &Path) -> Result<BTreeMap<String, Digest>, Problem> {
    let text = fs::read_to_string(path).map_err(failed("read", path))?;
    let line = |line: &str| {
        let (digest, file) = line.split_once("  ")?;
        Some((file.to_owned(), digest.parse().ok()?))
    };
    let sums = text.lines().map(line).collect::<Option<_>>();
    sums.ok_or_else(|| format!("{} is damaged", path.display()).into())
}

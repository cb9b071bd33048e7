//! The tree that an export is written to: a directory that belongs to exports alone.

#![expect(clippy::disallowed_methods, reason = "an export is a tree of files")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{ErrorKind, Read as _, Write as _};
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::{FileExt as _, MetadataExt as _, symlink};
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, CWD, FlockOperation, flock, linkat, syncfs};
use rustix::io::Errno;

use super::{DataDirectory, ServerError, part};
use crate::catalogue::SqliteCatalogue;
use crate::config::Config;
use crate::flow::FlowError;
use crate::flow::serve::export;
pub use crate::flow::serve::export::Exported;
use crate::flow::serve::export::{Pieces, Suites, Tree};
use crate::pool::DiskPool;
use crate::time::{Clock as _, Moment, SystemClock};

mod fault;
mod others;

use fault::failed;
use others::Others;

/// Options of an export.
#[derive(Clone, Debug)]
pub struct ExportOptions {
    /// The configuration that names the data directory.
    pub config: PathBuf,
    /// The directory to write; created when there is none.
    pub to: PathBuf,
    /// Which suites; all when empty.
    pub suites: Vec<String>,
    /// Copy packages even where they could be hard links.
    pub copy: bool,
    /// How long what is no longer listed stays in the tree. Unit: seconds.
    pub keep_seconds: u64,
}

/// Writes the live suites as a plain repository. A server may use the data directory meanwhile,
/// because nothing is written to it. `progress` gets the number of written files and of all files.
///
/// # Errors
/// [`ServerError`]; the tree then has the earlier state whole, or the new one.
pub fn run(
    options: &ExportOptions,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<Exported, ServerError> {
    let config = Config::load(&options.config).map_err(part("configuration"))?;
    let data = DataDirectory::beside(&config.data)?;
    let suites = options.suites.iter().map(|name| name.parse()).collect::<Result<Vec<_>, _>>();
    let suites = suites.map_err(part("--suite"))?;
    let catalogue = SqliteCatalogue::open_reading(&data.catalogue()).map_err(part("catalogue"))?;
    let pool = DiskPool::open_reading(&data.pool()).map_err(part("pool"))?;
    let key = crate::reading::read(&data.archive_key(), super::audit::ARCHIVE_KEY_BYTES)
        .map_err(part("archive key"))?;
    let mut place = Place::open(options, SystemClock.now()).map_err(part("export"))?;
    let mut whole = std::iter::once(Ok(key.into()));
    place.write(KEY, &mut whole).map_err(part("export"))?;
    export::export(&catalogue, &pool, &suites, &mut place, progress).map_err(part("export"))
}

/// The public key, for clients of the tree.
const KEY: &str = "archive-key.asc";
/// Marks a directory of exports, and lists the files that are no longer named, with the second since
/// when. It is locked during an export.
const MARK: &str = ".repod-export";
/// The name of a file while it is written.
const NEW: &str = ".repod-export.new";
/// The directories in which an export may remove files.
const TOPS: [&str; 2] = ["dists", "pool"];
const SIGNED: [&str; 3] = ["InRelease", "Release", "Release.gpg"];

/// The tree on disk.
struct Place {
    root: PathBuf,
    mark: File,
    copy: bool,
    keep_seconds: u64,
    now: Moment,
    named: BTreeSet<PathBuf>,
}

impl Place {
    fn open(options: &ExportOptions, now: Moment) -> Result<Self, FlowError> {
        let root = options.to.as_path();
        fs::create_dir_all(root).map_err(failed("make", root))?;
        let path = root.join(MARK);
        let empty = fs::read_dir(root).map_err(failed("read", root))?.next().is_none();
        if !empty && !path.exists() {
            return Err(FlowError::Internal(
                format!(
                    "{} is not empty, and no earlier export; name a new directory",
                    root.display()
                )
                .into(),
            ));
        }
        let mark = File::options().create(true).truncate(false).read(true).write(true).open(&path);
        let mark = mark.map_err(failed("open", &path))?;
        match flock(&mark, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Self {
                root: root.into(),
                mark,
                copy: options.copy,
                keep_seconds: options.keep_seconds,
                now,
                named: BTreeSet::new(),
            }),
            Err(Errno::WOULDBLOCK) => Err(FlowError::Internal(
                format!("another export writes to {}; wait for its end", root.display()).into(),
            )),
            Err(errno) => Err(failed("lock", &path)(errno.into())),
        }
    }

    /// Records a path as named, and creates its directory.
    fn name(&mut self, path: &str) -> Result<PathBuf, FlowError> {
        let whole = self.root.join(path);
        // An alias of before that is a suite's name now: through the link the other suite would be written to.
        let top = self.root.join(path.split('/').take(2).collect::<PathBuf>());
        if top.is_symlink() {
            fs::remove_file(&top).map_err(failed("remove", &top))?;
        }
        if let Some(parent) = whole.parent() {
            fs::create_dir_all(parent).map_err(failed("make", parent))?;
        }
        self.named.insert(whole.clone());
        Ok(whole)
    }

    /// The path at which the next file is written. A file left there by an aborted export may be a
    /// hard link to a package, so it is removed and never written to.
    fn fresh(&self) -> Result<PathBuf, FlowError> {
        let new = self.root.join(NEW);
        match fs::remove_file(&new) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(failed("remove", &new)(error)),
            _ => Ok(new),
        }
    }

    /// Renames the new file to its name. Renaming one hard link onto another of the same file does
    /// nothing, so a remaining link is removed.
    fn settle(&self, new: &Path, path: &Path) -> Result<(), FlowError> {
        fs::rename(new, path).map_err(failed("rename to", path))?;
        self.fresh().map(drop)
    }
}

impl Tree for Place {
    fn has(&mut self, path: &str, size_bytes: u64) -> Result<bool, FlowError> {
        let whole = self.name(path)?;
        match fs::symlink_metadata(&whole) {
            Ok(found) => {
                let linked = self.copy && path.starts_with("pool/") && found.nlink() > 1;
                Ok(found.is_file() && found.len() == size_bytes && !linked)
            }
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
            Err(error) => Err(failed("look at", &whole)(error)),
        }
    }

    fn link(&mut self, path: &str, file: &File) -> Result<bool, FlowError> {
        if self.copy {
            return Ok(false);
        }
        let whole = self.name(path)?;
        let new = self.fresh()?;
        // Linked through the open file, because its name may have changed.
        let opened = format!("/proc/self/fd/{}", file.as_raw_fd());
        match linkat(CWD, opened, CWD, &new, AtFlags::SYMLINK_FOLLOW) {
            Ok(()) => self.settle(&new, &whole).map(|()| true),
            // Another file system, no hard links, too many of them, not the owner, or no /proc.
            Err(
                Errno::XDEV
                | Errno::PERM
                | Errno::ACCESS
                | Errno::MLINK
                | Errno::OPNOTSUPP
                | Errno::NOENT
                | Errno::NOSYS,
            ) => Ok(false),
            Err(errno) => Err(failed("link", &whole)(errno.into())),
        }
    }

    fn write(&mut self, path: &str, pieces: Pieces<'_>) -> Result<(), FlowError> {
        let whole = self.name(path)?;
        let new = self.fresh()?;
        let made = File::options().write(true).create_new(true).open(&new);
        let mut file = made.map_err(failed("make", &new))?;
        for piece in pieces {
            file.write_all(&piece?).map_err(failed("write", &new))?;
        }
        self.settle(&new, &whole)
    }

    fn alias(&mut self, from: &str, path: &str) -> Result<(), FlowError> {
        let whole = self.name(path)?;
        let (new, from) = (self.fresh()?, self.root.join(from));
        // On a file system without hard links the bytes are copied.
        let linked = fs::hard_link(&from, &new).or_else(|_| fs::copy(&from, &new).map(drop));
        linked.map_err(failed("name", &whole))?;
        self.settle(&new, &whole)
    }

    fn link_directory(&mut self, name: &str, path: &str) -> Result<(), FlowError> {
        let whole = self.root.join(path);
        let new = self.fresh()?;
        symlink(name, &new).map_err(failed("make", &new))?;
        // A suite of that name went, and all of it with it: no link takes the place of a directory.
        if fs::symlink_metadata(&whole).is_ok_and(|found| found.is_dir()) {
            fs::remove_dir_all(&whole).map_err(failed("remove", &whole))?;
        }
        self.settle(&new, &whole)?;
        self.named.insert(whole);
        Ok(())
    }

    fn sync(&mut self) -> Result<(), FlowError> {
        syncfs(&self.mark).map_err(|errno| failed("sync", &self.root)(errno.into()))
    }

    fn sweep(&mut self, suites: &Suites) -> Result<u64, FlowError> {
        let others = Others::of(&self.root, suites)?;
        let mut left = Vec::new();
        let mut folders = Vec::new();
        for top in TOPS.map(|top| self.root.join(top)).iter().filter(|top| top.exists()) {
            for entry in walkdir::WalkDir::new(top).contents_first(true) {
                let entry = entry.map_err(|error| failed("read", top)(error.into()))?;
                if entry.file_type().is_dir() {
                    folders.push(entry.into_path());
                } else if !self.named.contains(entry.path()) && !others.have(entry.path()) {
                    left.push(entry.into_path());
                }
            }
        }
        // A removed suite is no longer offered first; its files go like those of the others.
        let signed = |path: &PathBuf| SIGNED.iter().any(|name| path.ends_with(name));
        let leaving = self.leaving()?;
        // A clock that was ahead does not keep it for longer.
        let since =
            |path: &PathBuf| leaving.get(path).map_or(self.now, |since| self.now.min(*since));
        let is_over = |path: &PathBuf| {
            let kept = self.now.since(since(path));
            u64::try_from(kept).is_ok_and(|kept| kept >= self.keep_seconds)
        };
        let goes = |path: &PathBuf| signed(path) || path.is_symlink() || is_over(path);
        let (mut gone, stay): (Vec<_>, Vec<_>) = left.into_iter().partition(goes);
        let mut noted: BTreeMap<_, _> = stay
            .into_iter()
            .map(|path| (since(&path), path))
            .map(|(at, path)| (path, at))
            .collect();
        // Of other suites, too: a later export is of them again.
        noted.extend(
            leaving
                .iter()
                .filter(|(path, _)| others.have(path))
                .map(|(path, at)| (path.clone(), *at)),
        );
        gone.sort_by_key(|path| !signed(path));
        for path in &gone {
            fs::remove_file(path).map_err(failed("remove", path))?;
        }
        // A folder that is not empty stays.
        folders.iter().for_each(|folder| drop(fs::remove_dir(folder)));
        self.note_leaving(&noted)?;
        Ok(gone.len() as u64)
    }
}

impl Place {
    /// The files that are no longer named, and since when; of the program before this one, since now.
    fn leaving(&mut self) -> Result<BTreeMap<PathBuf, Moment>, FlowError> {
        let mut text = String::new();
        self.mark.read_to_string(&mut text).map_err(failed("read", &self.root.join(MARK)))?;
        let line = |line: &str| match line.split_once(' ') {
            Some((since, path)) if since.parse::<i64>().is_ok() => {
                (self.root.join(path), Moment(since.parse().unwrap_or(self.now.0)))
            }
            _ => (self.root.join(line), self.now),
        };
        Ok(text.lines().map(line).collect())
    }

    fn note_leaving(&mut self, leaving: &BTreeMap<PathBuf, Moment>) -> Result<(), FlowError> {
        let below = leaving
            .iter()
            .filter_map(|(path, since)| Some((path.strip_prefix(&self.root).ok()?, since)));
        let text: String =
            below.map(|(path, since)| format!("{} {}\n", since.0, path.display())).collect();
        let path = self.root.join(MARK);
        let written =
            self.mark.set_len(0).and_then(|()| self.mark.write_all_at(text.as_bytes(), 0));
        written.map_err(failed("write", &path))
    }
}

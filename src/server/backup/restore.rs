//! Restore: brings a data directory back to the state of a backup. What is newer than the backup and
//! must not go back (dates, keys, revocations, which bytes a version is) stays, where it is there.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use super::copy::{Copied, copy_proven, failed};
use super::parts::{CATALOGUE, CONFIG, PARTS, POOL, Problem, same_size};
use super::store::{Backup, SUMS, list, read_sums};
use crate::catalogue::{Restoration, Restorations as _, SqliteCatalogue, Suites as _};
use crate::digest::Digest;
use crate::server::{DataDirectory, ServerError};
use crate::signing::DateFloor;
use crate::time::Moment;

/// Options of a restoration.
#[derive(Clone, Debug)]
pub struct RestoreOptions {
    /// The directory of backups.
    pub from: PathBuf,
    /// The data directory: one that is there, or a new one.
    pub data: PathBuf,
    /// Which backup; the last one when it is `None`.
    pub backup: Option<String>,
}

/// What a restoration did.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Restored {
    /// The backup.
    pub backup: Backup,
    /// How many files were copied.
    pub copied: u64,
    /// The parts that were there and stayed as they were.
    pub kept: Vec<String>,
    /// Where the catalogue lies now that was there.
    pub former: Option<PathBuf>,
    /// Whether all that was accepted after the backup is known.
    pub is_complete: bool,
    /// What is damaged or lost in the backup, and not in the data directory either.
    pub problems: Vec<String>,
}

/// Brings a data directory that no server uses back to the state of a backup.
///
/// # Errors
/// [`ServerError`]; the catalogue is as it was then, and missing files may have been added.
pub fn run(
    options: &RestoreOptions,
    now: Moment,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<Restored, ServerError> {
    begin(options, now, progress).map_err(|problem| ServerError::Part { what: "restore", problem })
}

fn begin(
    options: &RestoreOptions,
    now: Moment,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<Restored, Problem> {
    let backup = find(options)?;
    let sums = read_sums(&options.from.join(&backup.name).join(SUMS))?;
    fs::create_dir_all(&options.data).map_err(failed("make", &options.data))?;
    let data = DataDirectory::lock(&options.data)?;
    if has_others(&options.data)? {
        let text = "is neither empty nor a data directory; name one of them";
        return Err(format!("{} {text}", options.data.display()).into());
    }
    let mut work = Work {
        options,
        prefix: format!("{}/", backup.name),
        data,
        done: Restored {
            backup,
            copied: 0,
            kept: Vec::new(),
            former: None,
            is_complete: false,
            problems: Vec::new(),
        },
        progress,
    };
    work.run(&sums, now)?;
    Ok(work.done)
}

/// Whether a directory has what no data directory has. One that a restoration left half made has not.
fn has_others(data: &Path) -> Result<bool, Problem> {
    for entry in fs::read_dir(data).map_err(failed("read", data))? {
        let name = entry.map_err(failed("read", data))?.file_name();
        let name = name.to_string_lossy();
        let known = PARTS
            .into_iter()
            .chain([CONFIG, "pool", "lock", "reserve", "scrub"])
            .any(|known| known == name);
        // A configuration on its way is `.repod.toml.new`.
        if !known && !name.starts_with(CATALOGUE) && !name.ends_with(".new") {
            return Ok(true);
        }
    }
    Ok(false)
}

fn find(options: &RestoreOptions) -> Result<Backup, Problem> {
    let mut all = list(&options.from)?;
    let from = options.from.display();
    match &options.backup {
        None => all.pop().ok_or_else(|| format!("{from} has no whole backup").into()),
        Some(_) if all.is_empty() => Err(format!("{from} has no whole backup").into()),
        Some(name) => {
            let names: Vec<_> = all.iter().map(|backup| backup.name.clone()).collect();
            let found = all.into_iter().find(|backup| backup.name == *name);
            let known = names.join(", ");
            found.ok_or_else(|| format!("{from} has no backup {name}; it has {known}").into())
        }
    }
}

struct Work<'w> {
    options: &'w RestoreOptions,
    /// What the paths of the backup's own files begin with.
    prefix: String,
    data: DataDirectory,
    done: Restored,
    progress: &'w mut dyn FnMut(u64, u64),
}

type Sums = std::collections::BTreeMap<String, Digest>;

impl Work<'_> {
    fn run(&mut self, sums: &Sums, now: Moment) -> Result<(), Problem> {
        let owner = owner(&self.options.data, &self.options.from.join(&self.prefix));
        self.copy_stored(sums)?;
        self.copy_parts(sums)?;
        let new = self.options.data.join("catalogue.sqlite.restored");
        self.copy_catalogue(sums, &new, now)?;
        // Before the catalogue is there that needs them.
        self.raise_generations(&new, now)?;
        self.put(&new, now)?;
        give(&self.options.data, owner)
    }

    /// Copies what the pool lacks.
    fn copy_stored(&mut self, sums: &Sums) -> Result<(), Problem> {
        let stored: Vec<_> = sums.iter().filter(|(path, _)| path.starts_with("pool/")).collect();
        for (number, (path, digest)) in stored.iter().enumerate() {
            let (from, to) = (self.options.from.join(path), self.options.data.join(path));
            // Of what is there the size is compared; the server holds all against its digest.
            if !same_size(&from, &to) {
                self.copy(&from, &to, digest)?;
            }
            (self.progress)(number.saturating_add(1) as u64, stored.len() as u64);
        }
        Ok(())
    }

    /// Copies the parts that are not there. Each appears whole: one that was there in part, because a restoration was
    /// killed, would count as the one to keep.
    fn copy_parts(&mut self, sums: &Sums) -> Result<(), Problem> {
        let mut kept: Vec<String> = Vec::new();
        for name in PARTS.into_iter().chain([CONFIG]) {
            if self.options.data.join(name).exists() {
                kept.push(name.into());
                continue;
            }
            self.copy_part(sums, name)?;
        }
        self.done.kept = kept;
        let pool = POOL.into_iter().chain(["staging"]).map(|name| self.data.pool().join(name));
        for directory in pool.chain([self.data.floor()]) {
            fs::create_dir_all(&directory).map_err(failed("make", &directory))?;
        }
        Ok(())
    }

    fn copy_part(&mut self, sums: &Sums, name: &str) -> Result<(), Problem> {
        let (own, place) = (format!("{}{name}", self.prefix), self.options.data.join(name));
        let new = self.options.data.join(format!("{name}.new"));
        if new.is_dir() {
            fs::remove_dir_all(&new).map_err(failed("remove", &new))?;
        }
        for (path, digest) in sums {
            let to = match path.strip_prefix(&own) {
                Some("") => new.clone(),
                Some(below) if below.starts_with('/') => new.join(below.trim_start_matches('/')),
                _ => continue,
            };
            self.copy(&self.options.from.join(path), &to, digest)?;
        }
        if !new.exists() {
            return Ok(());
        }
        let made = fs::File::open(&new).map_err(failed("open", &new))?;
        rustix::fs::syncfs(&made).map_err(|errno| failed("sync", &new)(errno.into()))?;
        fs::rename(&new, &place).map_err(failed("rename", &new))
    }

    fn copy(&mut self, from: &Path, to: &Path, digest: &Digest) -> Result<(), Problem> {
        match copy_proven(from, to, Some(*digest))? {
            Copied::Done { .. } => self.done.copied = self.done.copied.saturating_add(1),
            Copied::Absent => {
                self.done.problems.push(format!("{} is lost", from.display()));
            }
            Copied::Damaged => {
                self.done.problems.push(format!("{} is damaged", from.display()));
            }
        }
        Ok(())
    }

    /// Copies the catalogue, brings it up to date, and has it take over what must not go back.
    fn copy_catalogue(&mut self, sums: &Sums, new: &Path, now: Moment) -> Result<(), Problem> {
        let path = format!("{}{CATALOGUE}", self.prefix);
        let digest = sums.get(&path).ok_or_else(|| format!("{SUMS} names no {path}"))?;
        remove_catalogue(new)?;
        match copy_proven(&self.options.from.join(&path), new, Some(*digest))? {
            Copied::Done { .. } => {}
            _ => return Err(format!("{path} of the backup is lost or damaged").into()),
        }
        let former = self.data.catalogue();
        let restoration = |is_complete| Restoration {
            at: now,
            taken_at: Some(self.done.backup.at),
            is_complete,
            is_told: false,
            acknowledged_at: None,
        };
        // Only a catalogue of this build can be compared, and the other one is not changed for it.
        let is_complete = {
            let opened = SqliteCatalogue::open(new)?;
            let could = former.exists() && SqliteCatalogue::is_whole(&former);
            opened.record_restoration(&restoration(could), &[])?;
            could
        };
        match is_complete {
            true => SqliteCatalogue::take_over(new, &former)?,
            false => SqliteCatalogue::end_tokens(new, now)?,
        }
        self.done.is_complete = is_complete;
        Ok(())
    }

    /// Where nobody knows how many generations followed: a suite gets one a second at most, so that
    /// many numbers are left out.
    fn raise_generations(&self, new: &Path, now: Moment) -> Result<(), Problem> {
        let floor = DateFloor::open(self.data.floor())?;
        let catalogue = SqliteCatalogue::open_reading(new)?;
        for spec in catalogue.list_suites()? {
            let Some(state) = catalogue.load_suite(&spec.name)? else { continue };
            let (noted, known) = (floor.read(&spec.name)?, floor.read_generation(&spec.name)?);
            let is_own = !self.done.kept.iter().any(|part| part == "floor");
            if known > 0 && !is_own {
                continue;
            }
            let since = state.head.as_ref().map_or(self.done.backup.at, |head| head.date);
            let passed = u64::try_from(now.since(since)).unwrap_or_default();
            let highest = state.last_generation.max(known).saturating_add(passed);
            let last = state.head.as_ref().map(|head| head.date).max(noted);
            // Whatever was signed meanwhile was signed before now.
            let date = last.map_or(now, |last| now.max(last.plus(1)));
            floor.raise(&spec.name, date, highest)?;
        }
        Ok(())
    }

    /// Puts the catalogue in its place; what was there keeps another name. There is a catalogue at
    /// every moment, and never one beside another one's log.
    fn put(&mut self, new: &Path, now: Moment) -> Result<(), Problem> {
        let place = self.data.catalogue();
        let root = fs::File::open(&self.options.data).map_err(failed("open", new))?;
        rustix::fs::syncfs(&root).map_err(|errno| failed("sync", new)(errno.into()))?;
        if place.exists() {
            let former = format!("{CATALOGUE}.before-{}", now.stamp());
            for end in ["-shm", "-wal"] {
                let from = self.options.data.join(format!("{CATALOGUE}{end}"));
                if from.exists() {
                    let to = self.options.data.join(format!("{former}{end}"));
                    fs::rename(&from, &to).map_err(failed("rename", &from))?;
                }
            }
            let former = self.options.data.join(former);
            keep(&place, &former)?;
            self.done.former = Some(former);
        }
        fs::rename(new, &place).map_err(failed("rename to", &place))?;
        root.sync_all().map_err(failed("sync", &self.options.data))
    }
}

/// Gives a file a second name; on a file system without hard links, a copy.
fn keep(file: &Path, name: &Path) -> Result<(), Problem> {
    match fs::hard_link(file, name) {
        Ok(()) => Ok(()),
        // Tried again within a second.
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => fs::remove_file(name)
            .and_then(|()| fs::hard_link(file, name))
            .map_err(failed("keep", file)),
        Err(_) => fs::copy(file, name).map(drop).map_err(failed("keep", file)),
    }
}

fn remove_catalogue(path: &Path) -> Result<(), Problem> {
    for end in ["", "-wal", "-shm"] {
        let whole = PathBuf::from(format!("{}{end}", path.display()));
        if whole.exists() {
            fs::remove_file(&whole).map_err(failed("remove", &whole))?;
        }
    }
    Ok(())
}

/// Whose the files should be: the data directory's owner, or whoever made the backup.
fn owner(data: &Path, backup: &Path) -> Option<(u32, u32)> {
    let of = |path: &Path| fs::metadata(path).ok().map(|found| (found.uid(), found.gid()));
    let of_data = of(&data.join("keys")).or_else(|| of(data)).filter(|(uid, _)| *uid != 0);
    of_data.or_else(|| of(backup))
}

/// Gives all of a directory to its owner, where the system administrator restored it.
fn give(data: &Path, owner: Option<(u32, u32)>) -> Result<(), Problem> {
    let Some((uid, gid)) = owner.filter(|(uid, _)| *uid != 0) else { return Ok(()) };
    if !rustix::process::geteuid().is_root() {
        return Ok(());
    }
    for entry in walkdir::WalkDir::new(data) {
        let entry = entry.map_err(|error| failed("read", data)(error.into()))?;
        let given = std::os::unix::fs::lchown(entry.path(), Some(uid), Some(gid));
        given.map_err(failed("change the owner of", entry.path()))?;
    }
    Ok(())
}

//! Whole: a backup of everything, made while the server runs.

use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};

use super::copy::{self, Copied, copy_file, copy_proven, failed};
use super::parts::{CATALOGUE, CONFIG, PARTS, POOL, Problem, same_size};
use super::store::Store;
use crate::catalogue::{Catalogue, Generations as _, SqliteCatalogue};
use crate::config::Config;
use crate::digest::Digest;
use crate::pool::{DiskPool, Kind, Pool as _, PoolError};
use crate::server::{DataDirectory, ServerError, part};
use crate::time::Moment;

/// The last signed end of the audit log, within `floor`.
const STATEMENT: &str = ".audit";
/// How often the catalogue is copied anew, because the server removed meanwhile what it names.
const ATTEMPTS: usize = 5;
/// How many digests are looked up at once.
const AT_ONCE: u32 = 1_000;

/// Options of a backup.
#[derive(Clone, Debug)]
pub struct BackupOptions {
    /// The configuration that names the data directory.
    pub config: PathBuf,
    /// The directory of backups; made when there is none.
    pub to: PathBuf,
    /// How many backups are kept, this one included; all when it is `None`.
    pub keep: Option<u32>,
}

/// What a backup did.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct BackedUp {
    /// The name of the backup.
    pub name: String,
    /// How many files it has.
    pub files: u64,
    /// How many of them were copied now; the others were there.
    pub copied: u64,
    /// Their size. Unit: bytes.
    pub copied_bytes: u64,
    /// The earlier backups that were removed.
    pub removed: Vec<String>,
    /// What is damaged or lost in the data directory, and so not in the backup.
    pub problems: Vec<String>,
}

/// Copies the data directory, also while a server uses it. `progress` is given how many files of
/// the pool were looked at, and how many there are.
///
/// # Errors
/// [`ServerError`]; no backup was made then, and the earlier ones are as they were.
pub fn run(
    options: &BackupOptions,
    now: Moment,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<BackedUp, ServerError> {
    let config = Config::load(&options.config).map_err(part("configuration"))?;
    let data = DataDirectory::beside(&config.data)?;
    let store = Store::open(&options.to, &config.data).map_err(part("backup"))?;
    let total = count_stored(&data.pool());
    let (sums, written, done) = (BTreeMap::new(), Vec::new(), BackedUp::default());
    let mut work = Work { store, sums, total, written, done, progress };
    work.run(options, &config, &data, now)
        .map_err(|problem| ServerError::Part { what: "backup", problem })?;
    Ok(work.done)
}

struct Work<'p> {
    store: Store,
    /// The files of this backup, from the top of the directory, with their digests.
    sums: BTreeMap<String, Digest>,
    /// How many files the pool had at the beginning.
    total: u64,
    /// Those that were written now.
    written: Vec<String>,
    done: BackedUp,
    progress: &'p mut dyn FnMut(u64, u64),
}

impl Work<'_> {
    fn run(
        &mut self,
        options: &BackupOptions,
        config: &Config,
        data: &DataDirectory,
        now: Moment,
    ) -> Result<(), Problem> {
        let known = self.store.known()?;
        // Most of the bytes come first, so that little is left once the catalogue is copied.
        self.copy_pool(data, &known)?;
        let (name, own) = self.store.begin(now)?;
        // The log is later than its kept end; dates are later than the suites.
        copy::make_directory(&own.join("floor"))?;
        let kept = copy_file(&data.floor().join(STATEMENT), &own.join("floor").join(STATEMENT))?;
        self.note(&format!("{name}/floor/{STATEMENT}"), &kept);
        self.copy_catalogue(data, &own, &known)?;
        self.look_into_bundles(&own.join(CATALOGUE))?;
        for kept in PARTS.iter().map(|name| config.data.join(name)).filter(|path| path.is_dir()) {
            self.copy_tree(&kept, &config.data, &own, &name)?;
        }
        let written = copy_file(&options.config, &own.join(CONFIG))?;
        self.note(&format!("{name}/{CONFIG}"), &written);
        let digest = hash_of(&own.join(CATALOGUE))?;
        self.sums.insert(format!("{name}/{CATALOGUE}"), digest);
        self.read_back()?;
        self.store.finish(&name, &self.sums)?;
        self.done.files = self.sums.len() as u64;
        self.done.name = name;
        if let Some(keep) = options.keep {
            self.done.removed = self.store.prune(keep.max(1) as usize)?;
        }
        Ok(())
    }

    /// Copies what the pool has and the backups have not.
    fn copy_pool(
        &mut self,
        data: &DataDirectory,
        known: &BTreeMap<String, Digest>,
    ) -> Result<(), Problem> {
        for top in POOL {
            let from = data.pool().join(top);
            // A server that was never started has none.
            if !from.is_dir() {
                continue;
            }
            for entry in walkdir::WalkDir::new(&from).sort_by_file_name() {
                let entry = entry.map_err(|error| failed("read", &from)(error.into()))?;
                if !entry.file_type().is_file() {
                    continue;
                }
                let below = entry.path().strip_prefix(data.pool()).unwrap_or(entry.path());
                let path = format!("pool/{}", below.display());
                if !self.sums.contains_key(&path) {
                    self.copy_stored(entry.path(), &path, known)?;
                }
                let looked_at = self.sums.len() as u64;
                (self.progress)(looked_at, self.total.max(looked_at));
            }
        }
        Ok(())
    }

    fn copy_stored(
        &mut self,
        from: &Path,
        path: &str,
        known: &BTreeMap<String, Digest>,
    ) -> Result<(), Problem> {
        let to = self.store.path(path);
        if let Some(digest) = known.get(path).filter(|_| same_size(from, &to)) {
            self.sums.insert(path.into(), *digest);
            return Ok(());
        }
        // The name of a bundle is the digest of its table alone; what it holds is looked at later.
        let name = from.file_name().and_then(|name| name.to_str()?.parse::<Digest>().ok());
        let is_whole = !path.starts_with("pool/bundles/");
        let copied = copy_proven(from, &to, name.filter(|_| is_whole))?;
        match copied {
            Copied::Done { .. } => self.note(path, &copied),
            // It was removed since the directory was read.
            Copied::Absent => {}
            Copied::Damaged => {
                self.done.problems.push(format!("{} is damaged", from.display()));
            }
        }
        Ok(())
    }

    /// Copies the catalogue, until everything that it names is in the backup, or lost.
    fn copy_catalogue(
        &mut self,
        data: &DataDirectory,
        own: &Path,
        known: &BTreeMap<String, Digest>,
    ) -> Result<(), Problem> {
        let copy = own.join(CATALOGUE);
        for attempt in 1.. {
            if copy.exists() {
                std::fs::remove_file(&copy).map_err(failed("remove", &copy))?;
            }
            SqliteCatalogue::copy(&data.catalogue(), &copy)?;
            self.copy_pool(data, known)?;
            let lacking = self.lacking(&copy)?;
            if lacking.is_empty() {
                return Ok(());
            }
            let pool = DiskPool::open_reading(&data.pool())?;
            let (lost, removed): (Vec<_>, Vec<_>) = lacking
                .into_iter()
                .partition(|(kind, digest)| !matches!(pool.verify(*kind, digest), Ok(Some(_))));
            if removed.is_empty() || attempt == ATTEMPTS {
                let all = lost.into_iter().chain(removed);
                let text = |(kind, digest)| format!("{kind} {digest} is lost or damaged");
                self.done.problems.extend(all.map(text));
                self.done.problems.dedup();
                break;
            }
        }
        Ok(())
    }

    /// Holds the packages in bundles against their digests, if a bundle was copied now.
    fn look_into_bundles(&mut self, copy: &Path) -> Result<(), Problem> {
        if !self.written.iter().any(|path| path.starts_with("pool/bundles/")) {
            return Ok(());
        }
        let catalogue = SqliteCatalogue::open_reading(copy)?;
        let pool = DiskPool::open_reading(&self.store.path("pool"))?;
        let mut damaged = Vec::new();
        for_each_blob(&catalogue, |digest| {
            let text = digest.to_string();
            let is_alone = text
                .get(..2)
                .is_some_and(|fan| self.sums.contains_key(&format!("pool/blobs/{fan}/{text}")));
            let is_damaged =
                || matches!(pool.verify(Kind::Blob, &digest), Err(PoolError::Damaged { .. }));
            if !is_alone && is_damaged() {
                damaged.push(format!("package {digest} is damaged, in a file with others"));
            }
        })?;
        self.done.problems.extend(damaged);
        Ok(())
    }

    /// What a copied catalogue names and the backups have not.
    fn lacking(&self, copy: &Path) -> Result<Vec<(Kind, Digest)>, Problem> {
        let catalogue = SqliteCatalogue::open_reading(copy)?;
        let pool = DiskPool::open_reading(&self.store.path("pool"))?;
        let stored = |kind| -> Result<HashSet<Digest>, Problem> {
            Ok(pool.list(kind)?.into_iter().map(|one| one.digest).collect())
        };
        let (blobs, packs) = (stored(Kind::Blob)?, stored(Kind::Pack)?);
        let mut lacking = Vec::new();
        for_each_blob(&catalogue, |digest| {
            if !blobs.contains(&digest) {
                lacking.push((Kind::Blob, digest));
            }
        })?;
        let named = catalogue.list_packs()?.into_iter();
        lacking.extend(named.filter(|one| !packs.contains(one)).map(|one| (Kind::Pack, one)));
        Ok(lacking)
    }

    /// Copies the regular files below a directory.
    fn copy_tree(
        &mut self,
        from: &Path,
        top: &Path,
        own: &Path,
        name: &str,
    ) -> Result<(), Problem> {
        for entry in walkdir::WalkDir::new(from).sort_by_file_name() {
            let entry = entry.map_err(|error| failed("read", from)(error.into()))?;
            let below = entry.path().strip_prefix(top).unwrap_or(entry.path());
            if entry.file_type().is_dir() {
                copy::make_directory(&own.join(below))?;
            } else if entry.file_type().is_file()
                && !is_passing(entry.path())
                && !self.sums.contains_key(&format!("{name}/{}", below.display()))
            {
                let copied = copy_file(entry.path(), &own.join(below))?;
                self.note(&format!("{name}/{}", below.display()), &copied);
            }
        }
        Ok(())
    }

    /// Makes all that was written durable, and reads it from the disk.
    fn read_back(&self) -> Result<(), Problem> {
        self.store.sync()?;
        for path in &self.written {
            let whole = self.store.path(path);
            if self.sums.get(path) != Some(&hash_of(&whole)?) {
                let text = "was read back other than it was written; the disk of the backups fails";
                return Err(format!("{} {text}", whole.display()).into());
            }
        }
        Ok(())
    }

    fn note(&mut self, path: &str, copied: &Copied) {
        if let Copied::Done { digest, size_bytes } = copied {
            self.sums.insert(path.into(), *digest);
            self.written.push(path.into());
            self.done.copied = self.done.copied.saturating_add(1);
            self.done.copied_bytes = self.done.copied_bytes.saturating_add(*size_bytes);
        }
    }
}

/// Every package that a catalogue has recorded.
fn for_each_blob(catalogue: &dyn Catalogue, mut each: impl FnMut(Digest)) -> Result<(), Problem> {
    let mut last = None;
    loop {
        let some = catalogue.list_digests(last, AT_ONCE)?;
        let Some(end) = some.last() else { return Ok(()) };
        last = Some(*end);
        some.into_iter().for_each(&mut each);
    }
}

fn count_stored(pool: &Path) -> u64 {
    let files = |top: &str| {
        let all = walkdir::WalkDir::new(pool.join(top)).into_iter().flatten();
        all.filter(|entry| entry.file_type().is_file()).count() as u64
    };
    POOL.into_iter().map(files).sum()
}

/// Whether a file is one that is on its way to its name, or a reading of this machine's clock: another
/// machine, or a later day, has nothing to compare with it.
fn is_passing(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "new") || path.ends_with("floor/.clock")
}

fn hash_of(path: &Path) -> Result<Digest, Problem> {
    copy::hash(path).map_err(|error| failed("read back", path)(error))
}

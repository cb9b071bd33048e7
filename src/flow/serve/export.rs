//! Export: the live suites as a plain tree of files, for any web server. Packages are written
//! first, then indices by hash, then each suite's index names and signed texts. Files that are no
//! longer named stay for a time. So a reader finds the old state or the new one, with all the files
//! that it names.

use std::collections::BTreeMap;
use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::sync::Arc;

use bytes::Bytes;

use crate::catalogue::{Catalogue, SuiteState};
use crate::debian::{ReleaseEntry, ReleaseText, SuiteName};
use crate::digest::{Digest, Hasher};
use crate::domain::{Head, Package, layout};
use crate::flow::error::FlowError;
use crate::flow::repository::no_suite_of;
use crate::flow::serve::source::{Source, rope};
use crate::flow::suite::served::UNCHANGING;
use crate::pool::{Kind, Opened, Pool};

/// Where an export is written. Paths are relative. Every path that is passed to one of these
/// methods is named by the export, and stays.
pub trait Tree {
    /// Whether a file of this size is at a path whose content never changes.
    ///
    /// # Errors
    /// [`FlowError::Internal`] when the disk fails; the same for the other methods.
    fn has(&mut self, path: &str, size_bytes: u64) -> Result<bool, FlowError>;

    /// Makes `path` another name of a stored file; `false` where that is not possible.
    ///
    /// # Errors
    /// As above.
    fn link(&mut self, path: &str, file: &File) -> Result<bool, FlowError>;

    /// Writes a whole file, in place of what was there.
    ///
    /// # Errors
    /// As above, and those of `pieces`; nothing was replaced then.
    fn write(&mut self, path: &str, pieces: Pieces<'_>) -> Result<(), FlowError>;

    /// Gives the content of `from` at `path` too, in place of what was there.
    ///
    /// # Errors
    /// As above.
    fn alias(&mut self, from: &str, path: &str) -> Result<(), FlowError>;

    /// Makes `path` a link to the directory `name` beside it, in place of what was there.
    ///
    /// # Errors
    /// As above.
    fn link_directory(&mut self, name: &str, path: &str) -> Result<(), FlowError>;

    /// Makes durable what was written so far.
    ///
    /// # Errors
    /// As above.
    fn sync(&mut self) -> Result<(), FlowError>;

    /// Removes files that no export has named for a time: clients that began to read before may still
    /// request them. Signed texts and links go at once. Only what belongs to these suites goes; with
    /// [`Suites::All`], also what belongs to suites that are gone. Gives the number of removed files.
    ///
    /// # Errors
    /// As above.
    fn sweep(&mut self, suites: &Suites) -> Result<u64, FlowError>;
}

/// Which suites an export is of.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Suites {
    /// All.
    All,
    /// These. The tree may hold others, which an earlier export wrote.
    Only(Vec<SuiteName>),
}

/// The bytes of a file, piece by piece.
pub type Pieces<'p> = &'p mut dyn Iterator<Item = Result<Bytes, FlowError>>;

/// What was exported.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Exported {
    /// The suites, each with the generation that was live.
    pub suites: Vec<(SuiteName, u64)>,
    /// How many packages the tree holds.
    pub packages: u64,
    /// How many files are new, without names and signed texts.
    pub added: u64,
    /// How many files were removed.
    pub removed: u64,
    /// Packages that are not in the tree, each with the reason. The others are exported all the
    /// same.
    pub left_out: Vec<String>,
}

/// The longest name of a file. Unit: bytes. Source: limits.h, `NAME_MAX`.
const LONGEST_NAME_BYTES: usize = 255;

/// How much of a package is copied at once. Unit: bytes.
const PIECE_BYTES: usize = 256 * 1024;

/// Exports these suites, or all when none is given. `progress` gets the number of finished files
/// and of all files.
///
/// # Errors
/// [`FlowError::Missing`] when a suite does not exist or there is none at all; errors of the stores
/// and the tree.
pub fn export(
    catalogue: &dyn Catalogue,
    pool: &dyn Pool,
    named: &[SuiteName],
    tree: &mut dyn Tree,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<Exported, FlowError> {
    let suites = load(catalogue, named)?;
    let packages = packages_of(&suites);
    let indices: usize = suites.iter().map(|suite| suite.release.entries.len()).sum();
    let total = (packages.len() as u64).saturating_add(indices as u64);
    let (mut done, mut added) = (0_u64, 0_u64);
    let mut advance = |new: bool| {
        done = done.saturating_add(1);
        added = added.saturating_add(u64::from(new));
        progress(done, total);
    };
    let mut left_out = Vec::new();
    for (path, package) in &packages {
        match place_package(pool, tree, path, package)? {
            Placed::New => advance(true),
            Placed::Known => advance(false),
            Placed::Not(reason) => {
                let (name, version) = (&package.name, &package.version);
                left_out.push(format!("{name} {version}: {reason}"));
                advance(false);
            }
        }
    }
    for suite in &suites {
        for entry in &suite.release.entries {
            advance(place_index(catalogue, pool, tree, suite, entry)?);
        }
    }
    tree.sync()?;
    for suite in &suites {
        flip(tree, suite)?;
    }
    // After the suites, so that an alias never leads to an incomplete one.
    for spec in suites.iter().map(|suite| &suite.state.spec) {
        if let Some(alias) = &spec.alias {
            tree.link_directory(spec.name.as_str(), &format!("dists/{alias}"))?;
        }
    }
    tree.sync()?;
    let of = match named.is_empty() {
        true => Suites::All,
        false => Suites::Only(suites.iter().map(|s| s.state.spec.name.clone()).collect()),
    };
    Ok(Exported {
        suites: suites.iter().map(|s| (s.state.spec.name.clone(), s.head.generation)).collect(),
        packages: packages.len().saturating_sub(left_out.len()) as u64,
        added,
        removed: tree.sweep(&of)?,
        left_out,
    })
}

/// A suite at one moment: its packages, its signed texts, and what those list.
struct Live {
    state: SuiteState,
    head: Head,
    release: ReleaseText,
}

fn load(catalogue: &dyn Catalogue, suites: &[SuiteName]) -> Result<Vec<Live>, FlowError> {
    let mut names = suites.to_vec();
    if names.is_empty() {
        names.extend(catalogue.list_suites()?.into_iter().map(|spec| spec.name));
    }
    names.sort();
    names.dedup();
    let absent = |name: &SuiteName| -> Result<FlowError, FlowError> {
        let all: Vec<_> = catalogue.list_suites()?.into_iter().map(|spec| spec.name).collect();
        Ok(no_suite_of(all.iter(), name))
    };
    let mut live = Vec::new();
    for name in &names {
        let Some(state) = catalogue.load_suite(name)? else { return Err(absent(name)?) };
        match state.head.clone() {
            Some(head) => live.push(Live { release: parse(&head)?, state, head }),
            // It is being created at this moment.
            None if suites.is_empty() => {}
            None => return Err(absent(name)?),
        }
    }
    match live.is_empty() {
        true => Err(FlowError::Missing("suite yet; `repoctl suite create` makes one".into())),
        false => Ok(live),
    }
}

fn parse(head: &Head) -> Result<ReleaseText, FlowError> {
    ReleaseText::parse(head.release.as_bytes())
        .map_err(FlowError::internal("a recorded Release file"))
}

/// Every package of these suites, by its path, each once.
fn packages_of(suites: &[Live]) -> BTreeMap<String, Arc<Package>> {
    let members =
        suites.iter().flat_map(|suite| suite.state.contents.packages().map(|(_, one)| one));
    let path = |package: &Package| {
        let version = package.version.without_epoch();
        layout::pool_path(
            package.kind,
            &package.name,
            version,
            &package.architecture,
            &package.digest,
        )
    };
    members.map(|package| (path(package), Arc::clone(package))).collect()
}

/// The outcome for a package.
enum Placed {
    /// It is in the tree now, and was not before.
    New,
    /// It was in the tree already.
    Known,
    /// It cannot be in the tree, for this reason.
    Not(String),
}

/// Links or copies a package.
fn place_package(
    pool: &dyn Pool,
    tree: &mut dyn Tree,
    path: &str,
    package: &Package,
) -> Result<Placed, FlowError> {
    if path.rsplit('/').next().is_some_and(|file| file.len() > LONGEST_NAME_BYTES) {
        let reason = "its file name is longer than file systems allow; upload a shorter version";
        return Ok(Placed::Not(reason.into()));
    }
    if tree.has(path, package.size_bytes)? {
        return Ok(Placed::Known);
    }
    let digest = package.digest;
    let mut opened = match pool.open(Kind::Blob, &digest) {
        Ok(Some(opened)) => opened,
        Ok(None) => return Ok(Placed::Not("its bytes are lost; upload it again".into())),
        Err(problem) => return Ok(Placed::Not(format!("its bytes cannot be read: {problem}"))),
    };
    // A package that shares its file with others is copied.
    if let Opened::File { file, offset: 0, .. } = &opened
        && tree.link(path, file)?
    {
        return Ok(Placed::New);
    }
    let mut read = std::iter::from_fn(|| read_piece(&mut opened).transpose());
    let mut proven = Proven::new(&mut read, digest);
    let written = tree.write(path, &mut proven);
    match (written, proven.problem) {
        (Ok(()), _) => Ok(Placed::New),
        // What is stored is at fault, and not the tree.
        (Err(_), Some(problem)) => Ok(Placed::Not(problem)),
        (Err(problem), None) => Err(problem),
    }
}

/// The next bytes; `None` after the last.
fn read_piece(opened: &mut Opened) -> Result<Option<Bytes>, FlowError> {
    let piece = match opened {
        Opened::Memory(bytes) => std::mem::take(bytes),
        Opened::File { file, offset, size_bytes } => {
            let mut piece =
                vec![0; usize::try_from(*size_bytes).unwrap_or(usize::MAX).min(PIECE_BYTES)];
            file.read_exact_at(&mut piece, *offset)
                .map_err(FlowError::internal("read a stored package"))?;
            *offset = offset.saturating_add(piece.len() as u64);
            *size_bytes = size_bytes.saturating_sub(piece.len() as u64);
            piece.into()
        }
    };
    Ok(Some(piece).filter(|piece| !piece.is_empty()))
}

/// Writes an index under its hash; gives whether it is new. It is found by the signed digest,
/// because the suite may have changed since its Release was read.
fn place_index(
    catalogue: &dyn Catalogue,
    pool: &dyn Pool,
    tree: &mut dyn Tree,
    suite: &Live,
    entry: &ReleaseEntry,
) -> Result<bool, FlowError> {
    let name = &suite.state.spec.name;
    let path = layout::by_hash_path(name, &entry.path, &entry.digest);
    if tree.has(&path, entry.size_bytes)? {
        return Ok(false);
    }
    let directory = entry.path.rsplit_once('/').map_or("", |(directory, _)| directory);
    let lost = || FlowError::Internal(format!("{} of suite {name} is lost", entry.path).into());
    let record = catalogue.find_by_hash(name, directory, &entry.digest)?.ok_or_else(lost)?;
    let Source::Rope(segments) = rope(record, UNCHANGING, true).source else {
        return Err(lost());
    };
    let mut read = segments.into_iter().map(|segment| segment.read_now(pool));
    tree.write(&path, &mut Proven::new(&mut read, entry.digest))?;
    Ok(true)
}

/// Switches readers to a suite's new state: the names of its indices first, InRelease last.
fn flip(tree: &mut dyn Tree, suite: &Live) -> Result<(), FlowError> {
    let name = &suite.state.spec.name;
    for entry in &suite.release.entries {
        let from = layout::by_hash_path(name, &entry.path, &entry.digest);
        tree.alias(&from, &layout::dists_path(name, &entry.path))?;
    }
    let texts = [
        ("Release.gpg", &suite.head.release_gpg),
        ("Release", &suite.head.release),
        ("InRelease", &suite.head.in_release),
    ];
    for (file, text) in texts {
        let mut whole = std::iter::once(Ok(Bytes::copy_from_slice(text.as_bytes())));
        tree.write(&layout::dists_path(name, file), &mut whole)?;
    }
    Ok(())
}

/// Pieces of a file, with an error at the end if they do not have the signed digest.
struct Proven<'p> {
    pieces: Pieces<'p>,
    hasher: Option<Hasher>,
    digest: Digest,
    /// Why they could not be read, or are not what was stored.
    problem: Option<String>,
}

impl<'p> Proven<'p> {
    fn new(pieces: Pieces<'p>, digest: Digest) -> Self {
        Self { pieces, hasher: Some(Hasher::new()), digest, problem: None }
    }
}

impl Iterator for Proven<'_> {
    type Item = Result<Bytes, FlowError>;

    fn next(&mut self) -> Option<Self::Item> {
        match self.pieces.next() {
            Some(Ok(piece)) => {
                self.hasher.as_mut()?.update(&piece);
                Some(Ok(piece))
            }
            Some(Err(error)) => {
                self.problem = Some(format!("its bytes cannot be read: {error}"));
                Some(Err(error))
            }
            None => {
                let found = self.hasher.take()?.finish();
                (found != self.digest).then(|| {
                    self.problem = Some("its stored bytes are damaged; upload it again".into());
                    let text = format!("stored bytes of {} have the digest {found}", self.digest);
                    Err(FlowError::Internal(text.into()))
                })
            }
        }
    }
}

//! Export: the live suites as a plain tree of files, for any web server. Packages come first, then
//! indices by hash, then each suite's names and signed texts; what is no longer named goes last, one
//! export later. A reader finds the old state or the new one, and everything that it names.

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
use crate::flow::repository::no_suite;
use crate::flow::serve::source::{Source, rope};
use crate::flow::suite::served::UNCHANGING;
use crate::pool::{Kind, Opened, Pool};

/// Where an export is written. Paths are relative; whatever was asked for by one of these methods is
/// named, and stays.
pub trait Tree {
    /// Whether a file of this size lies under a path whose content never changes.
    ///
    /// # Errors
    /// [`FlowError::Internal`] when the disk fails; so for the others.
    fn has(&mut self, path: &str, size_bytes: u64) -> Result<bool, FlowError>;

    /// Makes a path another name of a stored file; `false` where that cannot be.
    ///
    /// # Errors
    /// As above.
    fn link(&mut self, path: &str, file: &File) -> Result<bool, FlowError>;

    /// Writes a file whole, in place of what was there.
    ///
    /// # Errors
    /// As above, and those of `pieces`; nothing was replaced then.
    fn write(&mut self, path: &str, pieces: Pieces<'_>) -> Result<(), FlowError>;

    /// Gives the content of `from` the name `path` too, in place of what was there.
    ///
    /// # Errors
    /// As above.
    fn alias(&mut self, from: &str, path: &str) -> Result<(), FlowError>;

    /// Makes `path` a link to the directory of that name beside it, in place of what was there.
    ///
    /// # Errors
    /// As above.
    fn link_directory(&mut self, name: &str, path: &str) -> Result<(), FlowError>;

    /// Makes durable what was written so far.
    ///
    /// # Errors
    /// As above.
    fn sync(&mut self) -> Result<(), FlowError>;

    /// Removes what is not named, and was not the last time: who had begun to read before this export
    /// may still ask for the rest. Gives how many files went.
    ///
    /// # Errors
    /// As above.
    fn sweep(&mut self) -> Result<u64, FlowError>;
}

/// The bytes of a file, piece by piece.
pub type Pieces<'p> = &'p mut dyn Iterator<Item = Result<Bytes, FlowError>>;

/// What was exported.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Exported {
    /// The suites, and the generation that was live of each.
    pub suites: Vec<(SuiteName, u64)>,
    /// How many packages the tree holds.
    pub packages: u64,
    /// How many files were not there before, but for names and signed texts.
    pub added: u64,
    /// How many files went.
    pub removed: u64,
    /// Packages that are not in the tree, each with the reason. Others are not kept waiting for them.
    pub left_out: Vec<String>,
}

/// The longest name of a file. Unit: bytes. Source: limits.h, `NAME_MAX`.
const LONGEST_NAME_BYTES: usize = 255;

/// How much of a package is copied at once. Unit: bytes.
const PIECE_BYTES: usize = 256 * 1024;

/// Exports these suites, or all when none is named. `told` hears how many of how many files are done.
///
/// # Errors
/// [`FlowError::Missing`] when a suite is not there or there is none; those of the stores and the tree.
pub fn export(
    catalogue: &dyn Catalogue,
    pool: &dyn Pool,
    suites: &[SuiteName],
    tree: &mut dyn Tree,
    told: &mut dyn FnMut(u64, u64),
) -> Result<Exported, FlowError> {
    let suites = load(catalogue, suites)?;
    let packages = packages_of(&suites);
    let indices: usize = suites.iter().map(|suite| suite.release.entries.len()).sum();
    let total = (packages.len() as u64).saturating_add(indices as u64);
    let (mut done, mut added) = (0_u64, 0_u64);
    let mut advance = |new: bool| {
        done = done.saturating_add(1);
        added = added.saturating_add(u64::from(new));
        told(done, total);
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
    // Behind the suites, so that an alias never leads to one that is not whole.
    for spec in suites.iter().map(|suite| &suite.state.spec) {
        if let Some(alias) = &spec.alias {
            tree.link_directory(spec.name.as_str(), &format!("dists/{alias}"))?;
        }
    }
    tree.sync()?;
    Ok(Exported {
        suites: suites.iter().map(|s| (s.state.spec.name.clone(), s.head.generation)).collect(),
        packages: packages.len().saturating_sub(left_out.len()) as u64,
        added,
        removed: tree.sweep()?,
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
    let mut live = Vec::new();
    for name in &names {
        let state = catalogue.load_suite(name)?.ok_or_else(|| no_suite(name))?;
        match state.head.clone() {
            Some(head) => live.push(Live { release: parse(&head)?, state, head }),
            // It is being made at this moment.
            None if suites.is_empty() => {}
            None => return Err(no_suite(name)),
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

/// What became of a package.
enum Placed {
    /// It is in the tree, and was not before.
    New,
    /// It was in the tree before.
    Known,
    /// It cannot be there, for this reason.
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
    let Some(mut opened) = pool.open(Kind::Blob, &digest)? else {
        return Ok(Placed::Not(format!("the bytes of {digest} are lost; upload it again")));
    };
    // One that lies among others in its file is copied.
    if let Opened::File { file, offset: 0, .. } = &opened
        && tree.link(path, file)?
    {
        return Ok(Placed::New);
    }
    let mut read = std::iter::from_fn(|| read_piece(&mut opened).transpose());
    tree.write(path, &mut Proven::new(&mut read, digest))?;
    Ok(Placed::New)
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

/// Writes an index under its hash; whether it was not there. Found by the digest that was signed: the
/// suite may have moved on since its Release was read.
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

/// Makes a suite's new state the one that is read: the names of its indices, and InRelease last.
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

/// Pieces that fail at their end when they do not have the digest that was signed for them.
struct Proven<'p> {
    pieces: Pieces<'p>,
    hasher: Option<Hasher>,
    digest: Digest,
}

impl<'p> Proven<'p> {
    fn new(pieces: Pieces<'p>, digest: Digest) -> Self {
        Self { pieces, hasher: Some(Hasher::new()), digest }
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
            Some(Err(error)) => Some(Err(error)),
            None => {
                let found = self.hasher.take()?.finish();
                let text = format!("stored bytes of {} have the digest {found}", self.digest);
                (found != self.digest).then_some(Err(FlowError::Internal(text.into())))
            }
        }
    }
}

//! Unit: one thing that the scrub looks at before it goes on.

use std::fmt;

use crate::catalogue::FiledIndex;
use crate::digest::Digest;
use crate::domain::Package;
use crate::flow::error::FlowError;
use crate::flow::repository::Repository;
use crate::flow::scrub::place::Stage;
use crate::flow::state::scrubbing::Kept;

/// How many packages and index files are listed at once.
const AT_ONCE: u32 = 64;
/// The cursor behind the one thing of a stage.
const DONE: &str = "done";

/// One thing.
#[derive(Clone, Debug)]
pub(super) enum Unit {
    /// Everything that is in no store, and the audit log.
    Files,
    /// The file of the catalogue.
    Catalogue,
    /// A part of the catalogue.
    Part(String),
    /// A pack of chunks.
    Pack(Digest),
    /// A package and its stanza.
    Package(Box<Package>),
    /// An index file.
    Index(FiledIndex),
}

impl Unit {
    /// The stage that it is of.
    pub(super) fn stage(&self) -> Stage {
        match self {
            Self::Files => Stage::Files,
            Self::Catalogue => Stage::Catalogue,
            Self::Part(_) => Stage::Parts,
            Self::Pack(_) => Stage::Packs,
            Self::Package(_) => Stage::Packages,
            Self::Index(_) => Stage::Indices,
        }
    }

    /// By what the stage goes on behind it.
    pub(super) fn cursor(&self) -> String {
        match self {
            Self::Files | Self::Catalogue => DONE.into(),
            Self::Part(part) => part.clone(),
            Self::Pack(pack) => pack.to_string(),
            Self::Package(package) => package.digest.to_string(),
            Self::Index(filed) => filed.id.to_string(),
        }
    }

    /// What it is to metrics, as a whole.
    pub(super) fn kind(&self) -> Kept {
        match self {
            Self::Files => Kept::File,
            Self::Catalogue | Self::Part(_) => Kept::Catalogue,
            Self::Pack(_) => Kept::Pack,
            Self::Package(_) => Kept::Package,
            Self::Index(_) => Kept::Index,
        }
    }
}

impl fmt::Display for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Files => f.write_str("the files beside the stores"),
            Self::Catalogue => f.write_str("the catalogue"),
            Self::Part(part) => write!(f, "table {part} of the catalogue"),
            Self::Pack(pack) => write!(f, "pack {pack}"),
            Self::Package(package) => write!(f, "{} {}", package.name, package.version),
            Self::Index(filed) => write!(f, "{} of {}", filed.path, filed.suite),
        }
    }
}

/// The stage behind a stage.
pub(super) fn next(stage: Stage) -> Option<Stage> {
    match stage {
        Stage::Files => Some(Stage::Catalogue),
        Stage::Catalogue => Some(Stage::Parts),
        Stage::Parts => Some(Stage::Packs),
        Stage::Packs => Some(Stage::Packages),
        Stage::Packages => Some(Stage::Indices),
        Stage::Indices => None,
    }
}

/// The next things of a stage behind a cursor; none at its end.
///
/// # Errors
/// [`FlowError`] from the catalogue.
pub(super) fn after(
    repository: &Repository,
    stage: Stage,
    after: &str,
) -> Result<Vec<Unit>, FlowError> {
    let catalogue = &repository.catalogue;
    Ok(match stage {
        Stage::Files | Stage::Catalogue if !after.is_empty() => Vec::new(),
        Stage::Files => vec![Unit::Files],
        Stage::Catalogue => vec![Unit::Catalogue],
        Stage::Parts => {
            let parts = catalogue.list_parts()?.into_iter();
            parts.filter(|part| part.as_str() > after).map(Unit::Part).collect()
        }
        Stage::Packs => {
            let after: Option<Digest> = after.parse().ok();
            let mut packs = catalogue.list_packs()?;
            packs.retain(|pack| after.is_none_or(|after| *pack > after));
            packs.sort_unstable();
            packs.into_iter().map(Unit::Pack).collect()
        }
        Stage::Packages => {
            let mut after: Option<Digest> = after.parse().ok();
            loop {
                let digests = catalogue.list_digests(after, AT_ONCE)?;
                let Some(last) = digests.last().copied() else { return Ok(Vec::new()) };
                let mut found = catalogue.find_packages(&digests)?;
                found.sort_unstable_by_key(|record| record.package.digest);
                if !found.is_empty() {
                    let package = |package| Unit::Package(Box::new(package));
                    return Ok(found.into_iter().map(|one| package(one.package)).collect());
                }
                after = Some(last);
            }
        }
        Stage::Indices => {
            let after = after.parse().unwrap_or_default();
            catalogue.list_filed(after, AT_ONCE)?.into_iter().map(Unit::Index).collect()
        }
    })
}

/// The thing of a stage that has a cursor; none when it is not there any more.
///
/// # Errors
/// [`FlowError`] from the catalogue.
pub(super) fn of(
    repository: &Repository,
    stage: Stage,
    cursor: &str,
) -> Result<Option<Unit>, FlowError> {
    let catalogue = &repository.catalogue;
    let digest = || cursor.parse::<Digest>().ok();
    Ok(match stage {
        Stage::Files => Some(Unit::Files),
        Stage::Catalogue => Some(Unit::Catalogue),
        Stage::Parts => Some(Unit::Part(cursor.into())),
        Stage::Packs => digest().map(Unit::Pack),
        Stage::Packages => {
            let digests: Vec<_> = digest().into_iter().collect();
            let found = catalogue.find_packages(&digests)?.pop();
            found.map(|record| Unit::Package(Box::new(record.package)))
        }
        Stage::Indices => {
            let id: u64 = cursor.parse().unwrap_or_default();
            let filed = catalogue.list_filed(id.saturating_sub(1), 1)?.pop();
            filed.filter(|filed| filed.id == id).map(Unit::Index)
        }
    })
}

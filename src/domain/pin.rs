//! Pins: what an operator fixed, and the versions that were withdrawn.

use crate::debian::{PackageName, Version};
use crate::domain::reserved::is_apart;
use crate::domain::{Identity, Package};
use crate::time::Moment;

/// What a pin's name means.
#[derive(
    Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, serde::Serialize, serde::Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum PinKind {
    /// A source package: all binaries built from it move together.
    Source,
    /// One binary package.
    Binary,
}

impl PinKind {
    /// The word used in the catalogue and on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Source => "source",
            Self::Binary => "binary",
        }
    }

    /// Reads the word.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Source, Self::Binary].into_iter().find(|kind| kind.as_str() == text)
    }
}

/// What a pin holds.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct PinTarget {
    /// Whether `name` is a source or a binary.
    pub kind: PinKind,
    /// The package.
    pub name: PackageName,
}

impl PinTarget {
    /// What moves when the package does: its source, or the package alone where it is held by its own name.
    pub fn moving(package: &Package) -> Self {
        match is_apart(package.name.as_str()) {
            true => Self { kind: PinKind::Binary, name: package.name.clone() },
            false => Self { kind: PinKind::Source, name: package.source.clone() },
        }
    }

    /// Whether a pin of this target holds the package. What hosts keep up with the server by is held by its
    /// own name alone, and moves with nothing else of its source.
    pub fn holds(&self, package: &Package) -> bool {
        match self.kind {
            PinKind::Source => package.source == self.name && !is_apart(package.name.as_str()),
            PinKind::Binary => package.name == self.name,
        }
    }
}

/// While it is in force, the suite offers this version of the package, and none above it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Pin {
    /// What is pinned.
    pub target: PinTarget,
    /// At which version (of the source, or of the binary); `None` holds the package out of the suite.
    pub version: Option<Version>,
    /// Who pinned it.
    pub author: Identity,
    /// Why.
    pub message: String,
    /// When.
    pub at: Moment,
    /// When it ends by itself, if it does.
    pub until: Option<Moment>,
}

/// Whether one of these versions is a package's own, or that of its source.
pub fn is_withdrawn(withdrawn: &[Withdrawn], package: &Package) -> bool {
    withdrawn.iter().any(|one| {
        let version = match one.target.kind {
            PinKind::Source => &package.source_version,
            PinKind::Binary => &package.version,
        };
        one.version == *version && one.target.holds(package)
    })
}

/// A version that was rolled back from or removed: it does not come back by itself.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Withdrawn {
    /// The package, as it was pinned or named.
    pub target: PinTarget,
    /// The withdrawn version.
    pub version: Version,
}

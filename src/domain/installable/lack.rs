//! Lack: what keeps hosts from installing a package, or from following a change, in words.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::Arc;

use crate::debian::relation::Relation;
use crate::debian::{Architecture, PackageName, Version};
use crate::domain::Package;

/// What a suite lists of each of some names.
pub type Named = HashMap<PackageName, Vec<Arc<Package>>>;

/// One of several relations is enough.
pub type Need = Vec<Relation>;

/// A package that hosts cannot install, or cannot have beside what moved.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Lack {
    /// Which package, as the suite lists it.
    pub package: Arc<Package>,
    /// In the index of which architecture.
    pub architecture: Architecture,
    /// The first kind of hosts that is concerned: their own architecture, and the others that they take.
    pub hosts: Vec<Architecture>,
    /// What comes onto hosts with it and is in trouble itself, with its trouble; `None` where the package is.
    pub brings: Option<(Arc<Package>, Trouble)>,
    /// In which way.
    pub trouble: Trouble,
    /// What it does not find; or what it cannot be beside and finds.
    pub needs: Vec<Need>,
    /// What it finds instead, of the suite's own names: none, or at a version that does not do.
    pub finds: BTreeMap<String, Option<Version>>,
    /// Whether hosts could install what was there before the change.
    pub worse: bool,
    /// Whether the package itself moves.
    pub moved: bool,
}

/// In which way a package cannot be installed, or keeps hosts that have it from moving.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Trouble {
    /// It does not find what it depends on.
    Needs,
    /// It does not find what it recommends, and the version before it does.
    Recommends,
    /// It finds what it breaks or conflicts with.
    Avoids,
}

impl Trouble {
    /// As it stands in a sentence.
    pub fn verb(self) -> &'static str {
        match self {
            Self::Needs => "needs",
            Self::Recommends => "recommends",
            Self::Avoids => "cannot be beside",
        }
    }
}

impl fmt::Display for Lack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Package { name, version, .. } = &*self.package;
        let Self { architecture, .. } = self;
        write!(f, "{name} {version} ({architecture}) {}", self.problem())
    }
}

impl Lack {
    /// What is wrong with it, without its name.
    pub fn problem(&self) -> String {
        let found: Vec<_> = self.finds.iter().map(found).collect();
        let wrong = |trouble: Trouble| {
            format!("{} {} and finds {}", trouble.verb(), self.needed(), found.join(", "))
        };
        let problem = match &self.brings {
            None => wrong(self.trouble),
            Some((one, trouble)) => {
                format!("brings along {} {}, which {}", one.name, one.version, wrong(*trouble))
            }
        };
        match &self.hosts[..] {
            [own, others @ ..] if *own != self.architecture => {
                let others: Vec<_> = others.iter().map(Architecture::as_str).collect();
                format!("{problem} on {own} hosts that also take {}", others.join(", "))
            }
            _ => problem,
        }
    }

    /// What it does not find or cannot be beside, as a control file writes it.
    pub fn needed(&self) -> String {
        let any =
            |need: &Need| need.iter().map(ToString::to_string).collect::<Vec<_>>().join(" | ");
        self.needs.iter().map(any).collect::<Vec<_>>().join(", ")
    }
}

fn found((name, version): (&String, &Option<Version>)) -> String {
    match version {
        Some(version) => format!("{name} {version}"),
        None => format!("no {name}"),
    }
}

/// The first that every kind of upgrade minds, or else the first: Recommends matter to `apt-get upgrade` alone.
pub(super) fn first_that_counts<T>(
    all: impl IntoIterator<Item = T>,
    trouble: impl Fn(&T) -> Trouble,
) -> Option<T> {
    let mut first = None;
    for one in all {
        if trouble(&one) != Trouble::Recommends {
            return Some(one);
        }
        first.get_or_insert(one);
    }
    first
}

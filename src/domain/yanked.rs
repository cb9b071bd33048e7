//! Yanked: versions that no suite of a namespace offers, as values.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::debian::{PackageName, Version};
use crate::domain::taken::pinned_version;
use crate::domain::{Identity, Package, PinKind, PinTarget, Withdrawn};
use crate::time::Moment;

/// A version that was yanked.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Yank {
    /// The package, by its source or by itself.
    pub target: PinTarget,
    /// The version of it.
    pub version: Version,
    /// Who yanked it.
    pub author: Identity,
    /// Why; empty when they did not say.
    pub message: String,
    /// When.
    pub at: Moment,
}

impl Yank {
    /// Whether it is about a package.
    pub fn is_of(&self, package: &Package) -> bool {
        self.target.holds(package) && *pinned_version(&self.target, package) == self.version
    }

    /// Since when, by whom and why, for people.
    pub fn told(&self) -> String {
        let why = if self.message.is_empty() { "" } else { ": " };
        format!("yanked {}, by {}{why}{}", self.at, self.author, self.message)
    }

    /// What it is about.
    pub fn named(&self) -> Withdrawn {
        Withdrawn { target: self.target.clone(), version: self.version.clone() }
    }
}

/// What becomes of the yanks of a namespace.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum YankEdit {
    /// The version is yanked.
    Yank(Yank),
    /// It may come back where a person names it.
    Undo(Withdrawn),
}

/// The yanks of a namespace, by what they are about.
pub type Yanks = BTreeMap<Withdrawn, Yank>;

/// The yank of a package, if there is one.
pub fn of<'y>(yanks: &'y Yanks, package: &Package) -> Option<&'y Yank> {
    let named = |kind, name: &PackageName, version: &Version| {
        let target = PinTarget { kind, name: name.clone() };
        yanks.get(&Withdrawn { target, version: version.clone() })
    };
    named(PinKind::Source, &package.source, &package.source_version)
        .or_else(|| named(PinKind::Binary, &package.name, &package.version))
        .filter(|yank| yank.is_of(package))
}

/// The yanks of a suite under change.
#[derive(Clone, Default)]
pub(super) struct Yanking {
    before: Arc<Yanks>,
    pub(super) now: Yanks,
}

impl Yanking {
    pub(super) fn new(yanks: &Arc<Yanks>) -> Self {
        Self { before: Arc::clone(yanks), now: (**yanks).clone() }
    }

    pub(super) fn of(&self, package: &Package) -> Option<&Yank> {
        of(&self.now, package)
    }

    /// What becomes of the yanks.
    pub(super) fn edits(&self) -> Vec<YankEdit> {
        let new = self.now.iter().filter(|(key, _)| !self.before.contains_key(*key));
        let new = new.map(|(_, yank)| YankEdit::Yank(yank.clone()));
        let gone = self.before.keys().filter(|key| !self.now.contains_key(*key));
        new.chain(gone.cloned().map(YankEdit::Undo)).collect()
    }
}

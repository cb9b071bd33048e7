//! Plan: the difference that a draft makes.

use crate::debian::SuiteName;
use crate::domain::{Acceptance, Move, Pin, SuiteSpec, Withdrawn};

/// The difference that a draft makes.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Plan {
    /// What goes and comes, in the order of places.
    pub moves: Vec<Move>,
    /// The same for people, where several versions are listed ([`Plan::told`]).
    pub for_people: Option<Vec<Move>>,
    /// Packages taken, listed or not.
    pub accepted: Vec<Acceptance>,
    /// Pins set or replaced.
    pub pinned: Vec<Pin>,
    /// Pins ended, as they were.
    pub unpinned: Vec<Pin>,
    /// Versions that are withdrawn with it.
    pub withdrawn: Vec<Withdrawn>,
    /// Versions that may come back.
    pub restored: Vec<Withdrawn>,
    /// The suite's new spec, when it was edited.
    pub spec: Option<SuiteSpec>,
    /// The suite that its alias may be taken from.
    pub alias_from: Option<SuiteName>,
    /// Whether the same is published under a new number.
    pub is_restored: bool,
}

impl Plan {
    /// The moves for people: first from the highest version of a place to the next highest, as
    /// hosts do, then the other versions that go and come.
    pub fn told(&self) -> &[Move] {
        self.for_people.as_ref().unwrap_or(&self.moves)
    }

    /// Whether hosts would see a difference.
    pub fn is_visible(&self) -> bool {
        !self.moves.is_empty() || self.spec.is_some() || self.is_restored
    }

    /// Whether there is nothing at all to record.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

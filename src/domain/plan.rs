//! Plan: the difference that a draft makes.

use std::collections::BTreeSet;

use crate::debian::SuiteName;
use crate::domain::draft::Draft;
use crate::domain::package_set::Named;
use crate::domain::{
    Acceptance, HeldBack, HoldEdit, Move, Pin, Rollout, SuiteSpec, Withdrawn, YankEdit,
};

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
    /// What becomes of the hold.
    pub hold: Option<HoldEdit>,
    /// What came while the suite is held.
    pub held_back: HeldBack,
    /// What becomes of the yanks of the namespace.
    pub yanks: Vec<YankEdit>,
    /// Rollouts that began, or of which something became.
    pub rollouts: Vec<Rollout>,
    /// Whether rings are offered something else because of them.
    pub is_rolled: bool,
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
        !self.moves.is_empty() || self.spec.is_some() || self.is_restored || self.is_rolled
    }

    /// Whether there is nothing at all to record.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl Draft<'_> {
    /// What goes and comes, for a suite that lists one version of a name.
    fn moves(&self) -> Vec<Move> {
        let moves = self.overlay.iter().filter_map(|(place, to)| {
            let from = self.base.at(place);
            let same = from.map(|p| p.digest) == to.as_ref().map(|p| p.digest);
            (!same).then(|| Move { place: place.clone(), from: from.cloned(), to: to.clone() })
        });
        moves.collect()
    }

    /// The names whose listed versions may differ from before.
    fn touched(&self) -> BTreeSet<Named> {
        let placed = self.overlay.keys().map(|(component, name, _)| (component, name));
        let known = self.known.keys().map(|(component, name)| (component, name));
        let all = self.base.packages().filter(|_| self.is_relisted);
        let all = all.map(|(component, package)| (component, &package.name));
        let touched = placed.chain(known).chain(all);
        touched.map(|(component, name)| (component.clone(), name.clone())).collect()
    }

    /// The difference that the draft makes.
    pub fn plan(&self) -> Plan {
        let (moves, for_people) = match self.spec.versions.is_one() && !self.is_relisted {
            true => (self.moves(), None),
            false => {
                let (moves, for_people) = self.exchanges(&self.touched());
                let is_any = !moves.is_empty();
                (moves, is_any.then_some(for_people))
            }
        };
        Plan {
            moves,
            for_people,
            accepted: self.accepted.values().cloned().collect(),
            pinned: self
                .pins
                .values()
                .filter(|pin| self.old_pins.get(&pin.target) != Some(pin))
                .cloned()
                .collect(),
            unpinned: self
                .old_pins
                .values()
                .filter(|pin| !self.pins.contains_key(&pin.target))
                .cloned()
                .collect(),
            withdrawn: self.withdrawn.difference(&self.old_withdrawn).cloned().collect(),
            restored: self.old_withdrawn.difference(&self.withdrawn).cloned().collect(),
            hold: self.holding.edit(),
            held_back: self.holding.added().clone(),
            yanks: self.yanking.edits(),
            rollouts: self.rolling.edits(),
            is_rolled: self.rolling.is_moved(),
            spec: self.edited.then(|| self.spec.clone()),
            alias_from: self.alias_from.clone().filter(|_| self.edited),
            is_restored: false,
        }
    }
}

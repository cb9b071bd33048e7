//! Under way: what the rollouts of a suite under change bring.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::debian::Component;
use crate::domain::draft::Draft;
use crate::domain::rollout::{Rolling, Rollouts};
use crate::domain::{Identity, Package, PinTarget};
use crate::time::Moment;

impl Draft<'_> {
    /// The same draft of a suite with these rollouts under way.
    pub fn rolling(mut self, open: &Arc<Rollouts>) -> Self {
        self.rolling = Rolling::new(open);
        self
    }

    /// Begins a change: what it brings to a suite with rings is one rollout, unless it is urgent.
    pub fn begin_change(&mut self, by: &Identity, message: &str, at: Moment, is_urgent: bool) {
        self.rolling.begin(by, message, at, is_urgent);
    }

    /// Whether a rollout brings a package that is not offered yet: to everybody, or to the ring as which the draft is
    /// seen.
    pub fn is_under_way(&self, component: &Component, package: &Package) -> bool {
        self.rolling.is_under_way(component, package)
    }

    /// What moves with the packages that rollouts bring.
    pub fn under_way(&self) -> BTreeSet<PinTarget> {
        let brought = self.rolling.open().flat_map(|rollout| rollout.packages.values());
        brought.map(|package| PinTarget::moving(package)).collect()
    }

    /// Whether a rollout brings something of a target.
    pub fn brings(&self, target: &PinTarget) -> bool {
        self.rolling.open().any(|rollout| rollout.is_of(target))
    }

    /// The rollouts that are under way, by number.
    pub fn rollouts(&self) -> Vec<u64> {
        self.rolling.open().map(|rollout| rollout.id).collect()
    }
}

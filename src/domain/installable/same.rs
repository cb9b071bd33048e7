//! Same: packages for which hosts find after a change what they found before it. Nothing more is looked up for them.
//!
//! Most packages that depend on one that moved accept both of its versions. The property
//! `what_finds_the_same_lacks_nothing_new` holds that none is passed over that lacks anything.

use std::collections::HashMap;
use std::sync::Arc;

use super::question::{Host, candidate, is_plainly_met};
use super::touched::{Moved, asked};
use super::{Named, Need, avoided};
use crate::debian::relation::Relation;
use crate::debian::{Architecture, Dependencies, MultiArch, PackageName};
use crate::digest::Digest;
use crate::domain::Package;

/// A change, as far as can be told without reading what the packages of other names say.
#[derive(Clone, Copy)]
pub struct Glance<'g> {
    /// Those of the suite.
    pub architectures: &'g [Architecture],
    /// What was listed, of the names that are asked for and those that they speak of.
    pub before: &'g Named,
    /// What will be listed of them.
    pub after: &'g Named,
    /// What the packages of the names that are asked for say.
    pub dependencies: &'g HashMap<Digest, Arc<Dependencies>>,
    /// What moves.
    pub moved: &'g Moved,
}

impl Glance<'_> {
    /// Whether hosts find for packages of a name what they found before, and all that these need; `is_own` tells the
    /// names that the suite answers for.
    pub fn finds_the_same(
        &self,
        name: &PackageName,
        is_own: &dyn Fn(&PackageName) -> bool,
    ) -> bool {
        let listed = |state: &'_ Named| -> Vec<_> {
            state.get(name).into_iter().flatten().cloned().collect()
        };
        let (before, after) = (listed(self.before), listed(self.after));
        // One for all architectures may take the place of another build.
        let is_mixed = before.len() > 1 && before.iter().any(|one| one.architecture.is_all());
        before.len() == after.len()
            && (before == after || !is_mixed)
            && before.iter().zip(&after).all(|(then, now)| self.is_same(then, now, is_own))
    }

    fn is_same(
        &self,
        then: &Package,
        now: &Package,
        is_own: &dyn Fn(&PackageName) -> bool,
    ) -> bool {
        let read = |package: &Package| self.dependencies.get(&package.digest);
        let (Some(before), Some(read)) = (read(then), read(now)) else { return false };
        let moves = then.digest != now.digest;
        if moves && !self.says_the_same((then, before), (now, read), is_own) {
            return false;
        }
        let touched = &self.moved.touched;
        // To ask whose a name is takes the longest.
        let same = |one: &Relation| self.means_the_same(one) || !is_own(&one.package);
        let is_met = |need: &Need| {
            is_plainly_met(self.after, need, now, self.architectures)
                || need.iter().any(|one| !is_own(&one.package))
        };
        asked(read, touched, moves).all(|need| need.iter().all(same) && is_met(need))
            && avoided(read, touched, moves).all(same)
    }

    /// Whether a package that moves speaks of others as the one before it. What it recommends may come onto hosts that
    /// have not had it, and bind builds of one version, so that is looked at.
    fn says_the_same(
        &self,
        (then, before): (&Package, &Dependencies),
        (now, read): (&Package, &Dependencies),
        is_own: &dyn Fn(&PackageName) -> bool,
    ) -> bool {
        let alone = self.architectures.len() == 1 || read.multi_arch != MultiArch::Same;
        let recommended = read.recommends.iter().flatten();
        before == read
            && then.architecture == now.architecture
            && then.kind == now.kind
            && alone
            && !recommended.into_iter().any(|one| is_own(&one.package))
    }

    /// Whether a relation finds the same names as before, on hosts of every kind.
    fn means_the_same(&self, one: &Relation) -> bool {
        let Moved { touched, provided, .. } = self.moved;
        if !touched.contains(&one.package) {
            return true;
        }
        let found = |state: &'_ Named, built: &Architecture| {
            let found = candidate(state, &one.package, &Host::of(built), built)?;
            let is_meant = one.accepts(Some(&found.version));
            Some((is_meant, found.architecture.is_all(), self.moved.multi_arch(found)))
        };
        let same = |built| found(self.before, built) == found(self.after, built);
        !provided.contains(&one.package) && self.architectures.iter().all(same)
    }
}

//! Yank: a version that is offered nowhere in its namespace, and does not come back without a named override.

use std::sync::Arc;

use crate::debian::Version;
use crate::domain::draft::Draft;
use crate::domain::package_set::place_of;
use crate::domain::place::Place;
use crate::domain::taken::{Taken, newest, pinned_version};
use crate::domain::yanked::{Yank, Yanking, Yanks};
use crate::domain::{Conflict, Package, PinTarget, Withdrawn};

impl Draft<'_> {
    /// The same draft of a suite in whose namespace these versions are yanked.
    pub fn yanked(mut self, yanks: &Arc<Yanks>) -> Self {
        self.yanking = Yanking::new(yanks);
        self
    }

    /// The yank of a package, if there is one.
    pub fn yank_of(&self, package: &Package) -> Option<&Yank> {
        self.yanking.of(package)
    }
}

/// Yanks a version: it is listed no more, and in its place the highest version that may be. A version that is yanked
/// already stays so, and what is still listed of it goes.
pub fn yank(draft: &mut Draft<'_>, yank: &Yank, taken: &[Taken]) {
    draft.yanking.now.entry(yank.named()).or_insert_with(|| yank.clone());
    // Where it was taken it stays out also after the yank has ended, until a person names it.
    if taken.iter().any(|(_, package)| yank.is_of(package)) {
        draft.withdraw(yank.named());
    }
    let listed: Vec<(Place, Arc<Package>)> = draft.members(&yank.target);
    let gone: Vec<_> = listed.into_iter().filter(|(_, package)| yank.is_of(package)).collect();
    if gone.is_empty() {
        return;
    }
    gone.iter().for_each(|(place, _)| draft.clear(place));
    let target = &yank.target;
    let within = |package: &Package| {
        let pin = draft.pin_of(package);
        pin.is_none_or(|pin| {
            let bound = pin.version.as_ref();
            bound.is_some_and(|bound| pinned_version(&pin.target, package) <= bound)
        })
    };
    let free = taken.iter().filter(|(component, package)| {
        target.holds(package)
            && !draft.is_withdrawn(package)
            && draft.may_list(package)
            && within(package)
            && !draft.is_held_back(component, package)
            && !draft.is_under_way(component, package)
    });
    let free: Vec<Taken> = free.cloned().collect();
    let best = free.iter().map(|(_, package)| pinned_version(target, package)).max().cloned();
    let best = free.into_iter().filter(|(_, p)| Some(pinned_version(target, p)) == best.as_ref());
    for (component, package) in newest(best) {
        // What is left of the source stays where it is.
        if draft.at(&place_of(&component, &package)).is_none_or(|at| at.version < package.version) {
            draft.put(&component, &package);
        }
    }
}

/// Ends a yank. The version stays withdrawn: a person may name it.
///
/// # Errors
/// [`Conflict`] when it is not yanked.
pub fn undo(draft: &mut Draft<'_>, target: &PinTarget, version: &Version) -> Result<(), Conflict> {
    let named = Withdrawn { target: target.clone(), version: version.clone() };
    match draft.yanking.now.remove(&named) {
        Some(_) => Ok(()),
        None => {
            let problem = format!("{version} is not yanked; `repoctl yanks` lists what is");
            Err(Conflict::one(&target.name, problem))
        }
    }
}

/// Refuses what is yanked: no pin brings it back.
pub(super) fn not_yanked<'p>(
    draft: &Draft<'_>,
    mut packages: impl Iterator<Item = &'p Package>,
) -> Result<(), Conflict> {
    match packages.find_map(|package| Some((package, draft.yank_of(package)?))) {
        None => Ok(()),
        Some((package, yank)) => {
            let (name, version) = (&yank.target.name, &yank.version);
            let problem = format!(
                "{} {} was {}; `repoctl yank --undo {name}={version}` lets it come back",
                package.name,
                package.version,
                yank.told()
            );
            Err(Conflict::one(name, problem))
        }
    }
}

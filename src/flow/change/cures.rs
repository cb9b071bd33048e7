//! Cures: the command that would have hosts offered a package that was taken and waits.
//!
//! Each command is tried on a draft of its own before it is told: a pin at a version that was live
//! before lists what was live then, and an unpin lists the highest version that waits, so that neither
//! helps every package.

use std::sync::Arc;

use crate::debian::Component;
use crate::domain::add::{Added, Standing};
use crate::domain::addition::all_and_single;
use crate::domain::pinning::{self, Asking, Taken};
use crate::domain::{Draft, Package, PinKind, PinTarget};
use crate::flow::change::lookup::{past_of, taken_of};
use crate::flow::error::FlowError;
use crate::flow::repository::Repository;
use crate::flow::suite::desk::Desk;

/// For how many packages of one change a command is looked for: each costs a few lookups.
const MOST: usize = 200;

/// Tells the command of each added package that is not listed, as far as there is one.
///
/// # Errors
/// [`FlowError`] from the catalogue.
pub(super) fn tell(
    repository: &Repository,
    desk: &Desk,
    draft: &Draft<'_>,
    added: &mut [Added],
    asking: &Asking,
) -> Result<(), FlowError> {
    let came: Vec<_> =
        added.iter().map(|one| (one.component.clone(), Arc::clone(&one.package))).collect();
    let state = desk.state();
    let waits = |one: &&mut Added| matches!(one.standing, Standing::Waiting | Standing::Withdrawn);
    for one in added.iter_mut().filter(waits).take(MOST) {
        let source = of(PinKind::Source, &one.package);
        let mut taken = taken_of(repository, desk, &source)?;
        let own = came.iter().filter(|(_, package)| package.source == source.name);
        let new =
            own.filter(|(_, package)| taken.iter().all(|(_, one)| one.digest != package.digest));
        let new: Vec<_> = new.cloned().collect();
        taken.extend(new);
        if taken.iter().any(|(_, other)| all_and_single(&one.package, other)) {
            continue;
        }
        let concerns = |target: &PinTarget| match target.kind {
            PinKind::Source => target.name == source.name,
            PinKind::Binary => taken.iter().any(|(_, package)| package.name == target.name),
        };
        let pins: Vec<_> = draft.pins().filter(|pin| concerns(&pin.target)).cloned().collect();
        let out: Vec<_> =
            state.withdrawn.iter().filter(|one| concerns(&one.target)).cloned().collect();
        let mut as_is = Draft::new(&draft.spec, &state.contents, &pins, &out);
        as_is.learn(taken.iter().cloned());
        for (component, package) in &taken {
            if came.iter().any(|(_, own)| own.digest == package.digest)
                && draft.lists(component, package)
            {
                as_is.put(component, package);
            }
        }
        let trial = Trial { repository, desk, as_is, taken: &taken, asking };
        one.cure = trial.find(&one.component, &one.package)?.unwrap_or_default();
    }
    Ok(())
}

/// What is known of a package's source, to try commands on.
struct Trial<'t> {
    repository: &'t Repository,
    desk: &'t Desk,
    as_is: Draft<'t>,
    taken: &'t [Taken],
    asking: &'t Asking,
}

impl Trial<'_> {
    fn find(
        &self,
        component: &Component,
        package: &Arc<Package>,
    ) -> Result<Option<String>, FlowError> {
        let suite = &self.desk.suite;
        if let Some(pin) = self.as_is.pin_of(package) {
            let mut then = self.as_is.clone();
            let unpinned = pinning::unpin(&mut then, &pin.target, &self.of(&pin.target));
            if unpinned.is_ok() && then.lists(component, package) {
                let PinTarget { kind, name } = &pin.target;
                return Ok(Some(format!("repoctl unpin --suite {suite}{} {name}", flag(*kind))));
            }
        }
        for kind in [PinKind::Source, PinKind::Binary] {
            let target = of(kind, package);
            let past = past_of(self.repository, self.desk, &target)?;
            let version = pinning::pinned_version(&target, package);
            let mut then = self.as_is.clone();
            let taken = self.of(&target);
            let pinned = pinning::pin_at(&mut then, &target, version, &past, &taken, self.asking);
            if pinned.is_ok() && then.lists(component, package) {
                let (flag, name) = (flag(kind), &target.name);
                return Ok(Some(format!("repoctl pin --suite {suite}{flag} {name}={version}")));
            }
        }
        Ok(None)
    }

    /// What the suite has taken of a target.
    fn of(&self, target: &PinTarget) -> Vec<Taken> {
        let own = |(_, package): &&Taken| match target.kind {
            PinKind::Source => true,
            PinKind::Binary => package.name == target.name,
        };
        self.taken.iter().filter(own).cloned().collect()
    }
}

fn of(kind: PinKind, package: &Package) -> PinTarget {
    let name = match kind {
        PinKind::Source => &package.source,
        PinKind::Binary => &package.name,
    };
    PinTarget { kind, name: name.clone() }
}

fn flag(kind: PinKind) -> &'static str {
    match kind {
        PinKind::Source => "",
        PinKind::Binary => " --binary",
    }
}

//! Reach: a change alters only what its asker may alter. It is checked on the draft after the
//! change, so that there is no way around it.

use crate::debian::{Component, PackageName};
use crate::domain::pinning::Asking;
use crate::domain::{Denied, Draft, PinTarget};
use crate::flow::change::lookup::taken_of;
use crate::flow::error::FlowError;
use crate::flow::repository::Repository;
use crate::flow::suite::desk::Desk;

/// Checks that all that a change of pins did, since `before`, is within the asker's reach.
///
/// # Errors
/// [`FlowError::Denied`] naming the first package that is not.
pub(crate) fn within(
    repository: &Repository,
    desk: &Desk,
    before: &Draft<'_>,
    draft: &Draft<'_>,
    asking: &Asking,
) -> Result<(), FlowError> {
    if asking.reach.is_whole() {
        return Ok(());
    }
    let (moved, targets) = draft.since(before);
    for ((component, name, _), _) in &moved {
        may_alter(desk, asking, component, name)?;
    }
    targets.iter().try_for_each(|target| may_pin(repository, desk, asking, target))
}

/// Checks every package of a target's source, because a pin also holds those that it does not move.
fn may_pin(
    repository: &Repository,
    desk: &Desk,
    asking: &Asking,
    target: &PinTarget,
) -> Result<(), FlowError> {
    for (component, package) in taken_of(repository, desk, target)? {
        may_alter(desk, asking, &component, &package.name)?;
    }
    Ok(())
}

/// Checks that the asker may alter packages of this name in this component.
///
/// # Errors
/// [`FlowError::Denied`].
pub(crate) fn may_alter(
    desk: &Desk,
    asking: &Asking,
    component: &Component,
    package: &PackageName,
) -> Result<(), FlowError> {
    match denied(desk, asking, component, package) {
        None => Ok(()),
        Some(denied) => Err(FlowError::Denied(denied)),
    }
}

/// Why the asker may not alter packages of this name in this component; `None` when it may.
pub(crate) fn denied(
    desk: &Desk,
    asking: &Asking,
    component: &Component,
    package: &PackageName,
) -> Option<Denied> {
    (!asking.reach.covers(component, package)).then(|| Denied::Package {
        identity: asking.author.clone(),
        suite: desk.suite.clone(),
        component: component.clone(),
        package: package.clone(),
        within: asking.reach.words(),
    })
}

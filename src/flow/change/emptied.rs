//! Emptied: what hosts are offered in no version after a pin or a rollback, although they were before.

use std::sync::Arc;

use crate::domain::package_set::Place;
use crate::domain::{Draft, Package, PinTarget};

/// How many packages are named.
const NAMED: usize = 8;

/// A note for each package of the target that is listed no more, unless all of them are: that is told
/// otherwise.
pub(super) fn notes(
    before: &[(Place, Arc<Package>)],
    draft: &Draft<'_>,
    target: &PinTarget,
) -> Vec<String> {
    let now = draft.members(target);
    if now.is_empty() {
        return Vec::new();
    }
    let is_offered = |was: &Package| {
        now.iter().any(|(_, is)| {
            let [was_for, is_for] = [&was.architecture, &is.architecture];
            is.name == was.name && (was_for == is_for || was_for.is_all() || is_for.is_all())
        })
    };
    let gone = before.iter().map(|(_, package)| package).filter(|package| !is_offered(package));
    let note = |package: &Arc<Package>| {
        let Package { name, architecture, .. } = &**package;
        format!(
            "{name} is offered in no version for {architecture} now: none belongs to what is pinned; \
             hosts that installed it keep it"
        )
    };
    gone.take(NAMED).map(note).collect()
}

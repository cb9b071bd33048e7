//! Withdrawn: packages that hosts ask for by lists from before a rollback, a removal or a pin.

use crate::debian::SuiteName;
use crate::domain::pin::is_withdrawn;
use crate::domain::yanked;
use crate::domain::{Package, Pin, Yank};
use crate::flow::repository::Repository;

/// Why a package is given to nobody any more, for apt to print: it was withdrawn, and none of these suites lists it.
/// `None` where one lists it, or where it only made way for a newer one.
pub(super) fn reason(
    repository: &Repository,
    package: &Package,
    suites: &[SuiteName],
) -> Option<String> {
    let mut reason = None;
    for suite in suites {
        let Some(desk) = repository.desk(suite) else { continue };
        let state = desk.state();
        if state.spec.components.iter().any(|one| state.contents.holds(one, package)) {
            return None;
        }
        if let Some(yank) = yanked::of(&state.yanks, package) {
            return Some(told_of_yank(package, yank));
        }
        if reason.is_none() && is_withdrawn(&state.withdrawn, package) {
            let pin = state.pins.iter().find(|pin| pin.target.holds(package));
            reason = Some(told(package, suite, pin));
        }
    }
    reason
}

/// Why a package is given to nobody, even as a part of an earlier state: it is yanked.
pub(super) fn yank_told(
    repository: &Repository,
    package: &Package,
    suites: &[SuiteName],
) -> Option<String> {
    suites.iter().find_map(|suite| {
        let state = repository.desk(suite)?.state();
        yanked::of(&state.yanks, package).map(|yank| told_of_yank(package, yank))
    })
}

fn told_of_yank(package: &Package, yank: &Yank) -> String {
    format!(
        "{} {} was {}; apt-get update shows what is offered",
        package.name,
        package.version,
        yank.told()
    )
}

fn told(package: &Package, suite: &SuiteName, pin: Option<&Pin>) -> String {
    let (name, version) = (&package.name, &package.version);
    let why = pin.map(|pin| pin.message.as_str()).filter(|message| !message.is_empty());
    let why = why.map(|why| format!(" ({why})")).unwrap_or_default();
    format!(
        "{name} {version} was withdrawn from suite {suite}{why}; apt-get update shows what is offered"
    )
}

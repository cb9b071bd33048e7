//! Irreversible: packages whose control file says `Rollback: no`, because a host that went down from them would be
//! broken, for instance when data were migrated. A change that has hosts go down from one is refused.

use std::sync::Arc;

use crate::domain::pinning::Asking;
use crate::domain::{Change, Conflict, ConflictKind, ConflictReason, Draft, Package};
use crate::flow::change::difference::AT_ONCE;
use crate::flow::error::FlowError;
use crate::flow::repository::Repository;
use crate::flow::suite::desk::Desk;

/// How our form of a stanza has it; the value is written in lower case.
const SAYS_NO: &str = "Rollback: no";

/// A package that hosts have, and the lower one that they would get.
type Descent = (Arc<Package>, Arc<Package>);

/// Refuses a change that lists a lower version of such a package, and notes it where it is forced.
///
/// # Errors
/// [`FlowError::Conflict`] naming each; the error of the catalogue.
pub(super) fn judge(
    (repository, desk): (&Repository, &Desk),
    (before, draft): (&Draft<'_>, &Draft<'_>),
    change: &Change,
    asking: &Asking,
) -> Result<Option<String>, FlowError> {
    // What is removed stays on hosts.
    if matches!(change, Change::Remove(_)) {
        return Ok(None);
    }
    let left = left_behind(repository, desk, before, draft)?;
    let mut says_no = Vec::new();
    for part in left.chunks(AT_ONCE) {
        let digests: Vec<_> = part.iter().map(|(package, _)| package.digest).collect();
        let stanzas = repository.catalogue.read_stanzas(&digests)?;
        let judged = part.iter().zip(stanzas);
        says_no.extend(judged.filter(|(_, text)| text.lines().any(|line| line == SAYS_NO)));
    }
    if says_no.is_empty() {
        return Ok(None);
    }
    if asking.leeway.force {
        let names: Vec<_> = says_no.iter().map(|((package, _), _)| package.name.as_str()).collect();
        let names = names.join(", ");
        return Ok(Some(format!("hosts go down although the package says not to: {names}")));
    }
    let reason = |((package, to), _): &(&Descent, String)| {
        let problem = format!(
            "says that hosts must not go back from it (Rollback: no), and {} would be offered; upload a newer \
             version that mends it, or add --force",
            to.version
        );
        ConflictReason::of(package, problem)
    };
    let reasons = says_no.iter().map(reason).collect();
    Err(Conflict { kind: ConflictKind::Other, reasons }.into())
}

/// The packages from which hosts would go down.
fn left_behind(
    repository: &Repository,
    desk: &Desk,
    before: &Draft<'_>,
    draft: &Draft<'_>,
) -> Result<Vec<Descent>, FlowError> {
    let mut left = Vec::new();
    for (place, now) in draft.since(before).0 {
        let had = match (before.at(&place), now) {
            (Some(was), _) => vec![Arc::clone(was)],
            (None, Some(now)) if before.named(&now.name).is_empty() => {
                had(repository, desk, before, &now)?
            }
            (None, _) => continue,
        };
        for was in had {
            let offered = draft.named(&was.name).into_iter().filter(|(now, _)| now.0 == place.0);
            let offered = offered.map(|(_, package)| package).filter(|is| fits(&was, is));
            let highest = offered.max_by(|a, b| a.version.compare(&b.version));
            if let Some(to) = highest.filter(|to| to.version.compare(&was.version).is_lt()) {
                left.push((was, to));
            }
        }
    }
    Ok(left)
}

/// What hosts may have of a package that was removed: every version that was taken out.
fn had(
    repository: &Repository,
    desk: &Desk,
    before: &Draft<'_>,
    now: &Package,
) -> Result<Vec<Arc<Package>>, FlowError> {
    let taken = repository.catalogue.search_suite(&desk.suite, now.name.as_str(), u32::MAX)?;
    let out = taken.into_iter().filter(|one| one.was_live && before.is_withdrawn(&one.package));
    Ok(out.map(|one| Arc::new(one.package)).filter(|one| fits(one, now)).collect())
}

/// Whether hosts that have one get the other in its place.
fn fits(was: &Package, is: &Package) -> bool {
    let (from, to) = (&was.architecture, &is.architecture);
    from == to || from.is_all() || to.is_all()
}

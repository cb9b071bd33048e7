//! Downwards: refuses to have hosts offered an older `repoctl`, by which they keep up with the server, and notes
//! that it stays where what was built with it goes back.

use std::sync::Arc;

use crate::debian::{Component, PackageName};
use crate::domain::pinning::Asking;
use crate::domain::reserved::REPOCTL;
use crate::domain::{Change, Conflict, Draft, Package, PackageSet, PinKind, PinTarget, SuiteSpec};

/// Refuses a change that lists an older version than before, or none, and notes it where it is forced. Removing it is
/// no way down: hosts keep it.
///
/// # Errors
/// [`Conflict`] with the reason.
pub(super) fn judge(
    before: &Draft<'_>,
    draft: &Draft<'_>,
    change: &Change,
    asking: &Asking,
) -> Result<Option<String>, Conflict> {
    if matches!(change, Change::Remove(_)) {
        return Ok(None);
    }
    let Ok(name) = PackageName::parse(REPOCTL) else { return Ok(None) };
    let now = draft.named(&name);
    for (place, was) in before.named(&name) {
        let fits = |is: &Package| is.architecture == place.2 || is.architecture.is_all();
        let is = now.iter().map(|(_, is)| is).filter(|is| fits(is));
        let is = is.max_by(|a, b| a.version.compare(&b.version));
        if is.is_none_or(|is| is.version.compare(&was.version).is_lt()) {
            if asking.leeway.force {
                let has = &was.version;
                return Ok(Some(format!(
                    "hosts that have {name} {has} keep it: it never goes down there"
                )));
            }
            let to = is.map_or("be out of the suite".to_owned(), |is| format!("be {}", is.version));
            let problem = format!(
                "is {} and would {to}: hosts renew their certificate by it, and an older one may not know this \
                 server; upload a newer one that is mended, or add --force",
                was.version
            );
            return Err(Conflict::one(&name, problem));
        }
    }
    came_back(before, draft, &name, asking)
}

/// The same for one that was removed: hosts keep what they had of it.
fn came_back(
    before: &Draft<'_>,
    draft: &Draft<'_>,
    name: &PackageName,
    asking: &Asking,
) -> Result<Option<String>, Conflict> {
    let is_own = |target: &PinTarget| target.kind == PinKind::Binary && target.name == *name;
    let gone = before.withdrawn().filter(|one| is_own(&one.target)).map(|one| &one.version);
    let now = draft.named(name);
    let now = now.iter().map(|(_, package)| &package.version).max();
    let (true, Some(gone), Some(now)) = (before.named(name).is_empty(), gone.max(), now) else {
        return Ok(None);
    };
    if gone <= now {
        return Ok(None);
    }
    if asking.leeway.force {
        return Ok(Some(format!(
            "hosts that have {name} {gone} keep it: it never goes down there"
        )));
    }
    let problem = format!(
        "was {gone} when it was removed and would be {now}: hosts that have it renew their certificate by it, and an \
         older one may not know this server; upload a newer one that is mended, or add --force"
    );
    Err(Conflict::one(name, problem))
}

/// The note about a package that stays although its source is pinned or goes back.
pub(super) fn stays(draft: &Draft<'_>, target: &PinTarget) -> Option<String> {
    left(draft, target).map(|package| note(&package))
}

/// The note about a package that stays in the suite although its source was removed.
pub(super) fn stays_in(draft: &Draft<'_>, target: &PinTarget) -> Option<String> {
    let (suite, source) = (&draft.spec.name, &target.name);
    let Package { name, version, .. } = &*left(draft, target)?;
    Some(format!(
        "{name} stays in the suite at {version}: hosts renew their certificate by it, and it is not removed with \
         {source}; `repoctl remove --suite {suite} {name}` takes it out"
    ))
}

/// The note about a package that stays where it is although a pin of its source ended.
pub(super) fn stays_pinned(draft: &Draft<'_>, target: &PinTarget) -> Option<String> {
    let (suite, source) = (&draft.spec.name, &target.name);
    let package = left(draft, target)?;
    let Package { name, version, .. } = &*package;
    Some(match draft.pin_of(&package) {
        Some(_) => format!(
            "{name} stays at {version}: it has a pin of its own; `repoctl unpin --suite {suite} {name}` ends it"
        ),
        None => format!("{name} stays at {version}: a pin of {source} does not hold it"),
    })
}

/// What a change of its source leaves where it is.
fn left(draft: &Draft<'_>, target: &PinTarget) -> Option<Arc<Package>> {
    let name = PackageName::parse(REPOCTL).ok()?;
    let of_source = |package: &Arc<Package>| {
        target.kind == PinKind::Source && package.source == target.name && !target.holds(package)
    };
    draft.named(&name).into_iter().map(|(_, package)| package).find(of_source)
}

/// Has earlier contents list what the suite lists now of it, with a note where that is something else.
pub(super) fn keep(spec: &SuiteSpec, now: &PackageSet, then: &mut PackageSet) -> Option<String> {
    let name = PackageName::parse(REPOCTL).ok()?;
    let of = |contents: &PackageSet| -> Vec<_> {
        let in_one = |component: &Component| -> Vec<_> {
            let named = contents.named(component, &name);
            named.map(|package| (component.clone(), Arc::clone(package))).collect()
        };
        spec.components.iter().flat_map(in_one).collect()
    };
    let (was, is) = (of(then), of(now));
    let digests = |all: &[(_, Arc<Package>)]| all.iter().map(|(_, p)| p.digest).collect::<Vec<_>>();
    if digests(&was) == digests(&is) {
        return None;
    }
    was.iter().for_each(|(component, package)| then.unlist(component, package));
    for (component, package) in &is {
        then.list(component, Arc::clone(package), ANY_TIME);
    }
    is.first().map(|(_, package)| note(package))
}

/// For contents that are only compared, it does not matter when a package was listed.
const ANY_TIME: u64 = 0;

fn note(package: &Package) -> String {
    let Package { name, version, .. } = package;
    format!(
        "{name} stays at {version}: hosts renew their certificate by it, and it never goes down"
    )
}

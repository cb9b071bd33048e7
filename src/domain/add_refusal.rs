//! Refusal of additions: every reason not to take packages.

use std::collections::BTreeMap;

use crate::debian::PackageName;
use crate::domain::addition::{Addition, Known, all_and_single, one_of_two, rivalry};
use crate::domain::conflict::{ConflictKind, ConflictReason};
use crate::domain::draft::Draft;
use crate::domain::host::CLIENT_PREFIX;
use crate::domain::{Conflict, Identity, Package};

/// The reason for a conflict with a package that the asker may not know of. It is the same for
/// other bytes and for another spelling, wherever that package is.
pub const TAKEN: &str = "this version is taken in this repository; build a higher one";

/// Refuses these packages, with every reason not to take them.
pub(super) fn refuse(
    draft: &Draft<'_>,
    additions: &[Addition],
    known: Known<'_>,
    by: &Identity,
) -> Result<(), Conflict> {
    let (mut reasons, mut without_details) = (Vec::new(), Vec::new());
    let mut kind = ConflictKind::Other;
    let mut of_names: BTreeMap<&PackageName, Vec<&Package>> = BTreeMap::new();
    for package in known.packages {
        of_names.entry(&package.name).or_default().push(package);
    }
    let mut here = known.taken.clone();
    for addition in additions {
        let Package { name, version, architecture, .. } = &*addition.package;
        let reason = |problem: String| {
            let subject = format!("{name} {version} {architecture}");
            ConflictReason { subject, problem }
        };
        let of_name = of_names.entry(name).or_default();
        for rival in of_name.iter() {
            let unlisted = addition.taken_as.is_none()
                && here.contains(&rival.digest)
                && all_and_single(&addition.package, rival);
            let problem = match rivalry(&addition.package, rival) {
                None if unlisted => one_of_two(rival),
                None => continue,
                Some(problem) => problem,
            };
            if known.hidden.contains(&rival.digest) {
                without_details.push(reason(TAKEN.into()));
                continue;
            }
            kind = ConflictKind::Version;
            reasons.push(reason(problem));
        }
        let reserved = name.as_str().starts_with(CLIENT_PREFIX) && *by != Identity::server();
        let reserved = reserved.then(|| "is a name that only the server itself gives".to_owned());
        let problems =
            problems(draft, addition).into_iter().chain(unallowed(draft, addition, known));
        reasons.extend(reserved.into_iter().chain(problems).map(reason));
        of_name.push(&addition.package);
        here.insert(addition.package.digest);
    }
    if !reasons.is_empty() {
        return Err(Conflict { kind, reasons });
    }
    without_details.dedup();
    match without_details.is_empty() {
        true => Ok(()),
        false => Err(Conflict { kind: ConflictKind::Version, reasons: without_details }),
    }
}

/// The problems of privileges that the package uses and the suite does not allow. A package that
/// was taken before keeps them.
fn unallowed(draft: &Draft<'_>, addition: &Addition, known: Known<'_>) -> Vec<String> {
    let suite = &draft.spec.name;
    let asked = known.privileges.get(&addition.package.digest).into_iter().flatten();
    let new = asked.filter(|one| addition.taken_as.is_none() && !draft.spec.allows.contains(one));
    let problems = new.map(|one| {
        format!(
            "{}; build it without that field, or let an admin allow it, beside what is allowed so far: \
             `repoctl suite edit {suite} --allow {one}`",
            one.effect()
        )
    });
    problems.collect()
}

fn problems(draft: &Draft<'_>, addition: &Addition) -> Vec<String> {
    let Addition { component, package, taken_as } = addition;
    let mut problems = Vec::new();
    let suite = &draft.spec.name;
    if !draft.spec.components.contains(component) {
        let have = join(&draft.spec.components);
        problems.push(format!("suite {suite} has no component {component}; it has {have}"));
    }
    // A client package belongs to its suite, whatever names the suite owns.
    let made_here = package.name.as_str().starts_with(CLIENT_PREFIX);
    if !made_here && !draft.spec.owns_name(package.name.as_str()) {
        problems.push(draft.spec.not_owned());
    }
    if !draft.spec.takes(&package.architecture) {
        let (have, wanted) = (join(&draft.spec.architectures), &package.architecture);
        problems.push(match wanted.is_known() {
            true => format!(
                "suite {suite} does not list {wanted}, only {have}; \
                 `repoctl suite edit {suite} --add-architecture {wanted}` adds it"
            ),
            false => format!(
                "dpkg knows no architecture {wanted}, and no host would see the package: {}; build it again \
                 with another Architecture (suite {suite} lists {have})",
                wanted.advice()
            ),
        });
    }
    let elsewhere = draft.named(&package.name).into_iter().map(|(place, _)| place.0);
    let taken = taken_as.iter().cloned();
    if let Some(other) = elsewhere.chain(taken).find(|other| other != component) {
        problems
            .push(format!("{} is in component {other} of {suite}; send it there", package.name));
    }
    problems
}

fn join<T: std::fmt::Display>(items: &[T]) -> String {
    items.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

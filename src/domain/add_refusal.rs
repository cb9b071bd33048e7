//! Refusal of additions: every reason not to take packages.

use std::collections::{BTreeMap, HashSet};

use crate::debian::PackageName;
use crate::digest::Digest;
use crate::domain::addition::{Addition, Known, all_and_single, one_of_two, rivalry};
use crate::domain::conflict::{ConflictKind, ConflictReason};
use crate::domain::draft::Draft;
use crate::domain::reserved::{CLIENT_PREFIX, is_apart};
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
    let mut found = Found::default();
    let mut of_names: BTreeMap<&PackageName, Vec<&Package>> = BTreeMap::new();
    for package in known.packages {
        of_names.entry(&package.name).or_default().push(package);
    }
    let (mut here, mut own) = (known.taken.clone(), HashSet::new());
    for addition in additions {
        let Addition { package, taken_as, .. } = addition;
        let of_name = of_names.entry(&package.name).or_default();
        for rival in of_name.iter() {
            let is_own = own.contains(&rival.digest);
            let unlisted = taken_as.is_none()
                && here.contains(&rival.digest)
                && all_and_single(package, rival);
            let problem = match rivalry(package, rival) {
                None if unlisted => one_of_two(rival),
                None => continue,
                Some(_) if is_own => twice(package, rival),
                Some(problem) => problem,
            };
            if known.hidden.contains(&rival.digest) && !is_own {
                found.without_details(ConflictReason::of(package, TAKEN));
                continue;
            }
            found.kind = ConflictKind::Version;
            let against = is_own.then_some(rival.digest);
            found.reason(ConflictReason { against, ..ConflictReason::of(package, problem) });
        }
        let reserved =
            package.name.as_str().starts_with(CLIENT_PREFIX) && *by != Identity::server();
        let reserved = reserved.then(|| "is a name that only the server itself gives".to_owned());
        let reserved =
            reserved.or_else(|| taken_as.is_none().then(|| of_reserved_source(package))?);
        let problems = problems(draft, addition).into_iter();
        let problems =
            reserved.into_iter().chain(problems).chain(unallowed(draft, addition, known));
        problems.for_each(|problem| found.reason(ConflictReason::of(package, problem)));
        of_name.push(package);
        here.insert(package.digest);
        own.insert(package.digest);
    }
    found.conflict()
}

/// The reasons that were found, each once: a package that goes to two components meets the same twice.
#[derive(Default)]
struct Found {
    kind: ConflictKind,
    reasons: Vec<ConflictReason>,
    /// Conflicts with packages that the asker may not know of.
    hidden: Vec<ConflictReason>,
    told: HashSet<(Option<Digest>, String)>,
}

impl Found {
    fn reason(&mut self, reason: ConflictReason) {
        if self.told.insert((reason.package, reason.problem.clone())) {
            self.reasons.push(reason);
        }
    }

    fn without_details(&mut self, reason: ConflictReason) {
        if self.told.insert((reason.package, reason.problem.clone())) {
            self.hidden.push(reason);
        }
    }

    fn conflict(self) -> Result<(), Conflict> {
        let Self { kind, reasons, hidden, .. } = self;
        match (reasons.is_empty(), hidden.is_empty()) {
            (true, true) => Ok(()),
            (false, _) => Err(Conflict { kind, reasons }),
            (true, false) => Err(Conflict { kind: ConflictKind::Version, reasons: hidden }),
        }
    }
}

/// The problem of a package of which the source is called like the one that is held by its own name alone: a
/// command that names it could not say which of both is meant.
fn of_reserved_source(package: &Package) -> Option<String> {
    let Package { name, source, .. } = package;
    (is_apart(source.as_str()) && !is_apart(name.as_str())).then(|| {
        format!(
            "has Source: {source}, and {source} is pinned and rolled back by its own name alone; build it from a \
             source of another name, as repoctl itself is from repod"
        )
    })
}

/// The problem of two packages of one change that could be mistaken for each other.
fn twice(package: &Package, rival: &Package) -> String {
    match rival.version == package.version {
        true => format!(
            "comes twice with different bytes (SHA-256 {}… and {}…); send one of the two, or \
             build a new version of one",
            rival.digest.short(),
            package.digest.short()
        ),
        false => {
            format!(
                "comes with {} too, which apt takes for the same version; send one of the two",
                rival.version
            )
        }
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
        problems.push(format!(
            "suite {suite} has no component {component}; it has {have}; `repoctl suite edit {suite} --add-component \
             {component}` adds it"
        ));
    }
    if !draft.spec.takes_name(package.name.as_str()) {
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
        problems.push(format!(
            "{0} is in component {other} of {suite}; send it there: --component {other}",
            package.name
        ));
    }
    problems
}

fn join<T: std::fmt::Display>(items: &[T]) -> String {
    items.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

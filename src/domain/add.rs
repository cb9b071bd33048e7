//! Adding packages to a suite: which are listed, which wait, and what is refused.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use crate::debian::{Component, PackageName, Privilege};
use crate::digest::Digest;
use crate::domain::conflict::{ConflictKind, ConflictReason};
use crate::domain::draft::Draft;
use crate::domain::host::CLIENT_PREFIX;
use crate::domain::{Acceptance, Conflict, Identity, Package, PinKind};
use crate::time::Moment;

/// The reason for a conflict with a package that the asker may not know of. It is the same for
/// other bytes and for another spelling, wherever that package is.
pub const TAKEN: &str = "this version is taken in this repository; build a higher one";

/// One package that is to be added.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Addition {
    /// To which component.
    pub component: Component,
    /// The package.
    pub package: Arc<Package>,
    /// The component in which the suite has already taken it, if it has.
    pub taken_as: Option<Component>,
}

/// What became of an added package.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Standing {
    /// The next generation lists it.
    Published,
    /// It was listed before.
    Already,
    /// Stored but not listed: its package is pinned at another version, or a higher one is listed.
    Waiting,
    /// Stored but not listed: this version was rolled back from.
    Withdrawn,
}

/// What became of an added package, and why.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Added {
    /// Which package.
    pub package: Arc<Package>,
    /// In which component.
    pub component: Component,
    /// What became of it.
    pub standing: Standing,
    /// The reason, where it is not obvious; otherwise empty.
    pub note: String,
}

/// What is known in the suite's namespace about the names that are added.
#[derive(Clone, Copy, Debug)]
pub struct Known<'k> {
    /// Every package that a suite of the namespace has taken.
    pub packages: &'k [Package],
    /// Those that the asker may not know of.
    pub hidden: &'k HashSet<Digest>,
    /// Those of [`rivals`] that this suite has taken.
    pub taken: &'k HashSet<Digest>,
    /// The privileges that the added packages use, for those that use any.
    pub privileges: &'k HashMap<Digest, Vec<Privilege>>,
}

/// The known packages that conflict with one of these additions.
pub fn rivals(additions: &[Addition], known: &[Package]) -> Vec<Digest> {
    let mut of_names: BTreeMap<&PackageName, Vec<&Package>> = BTreeMap::new();
    for Addition { package, .. } in additions {
        of_names.entry(&package.name).or_default().push(package);
    }
    let rival = |one: &&Package| {
        let of_name = of_names.get(&one.name).into_iter().flatten();
        of_name
            .into_iter()
            .any(|package| rivalry(package, one).is_some() || all_and_single(package, one))
    };
    known.iter().filter(rival).map(|one| one.digest).collect()
}

/// Adds packages to the draft, all or none.
///
/// # Errors
/// [`Conflict`] with every reason of every package (sender's fault). A conflict with a package that
/// the asker may not know of is reported only when there is no other reason, and without details.
pub fn add(
    draft: &mut Draft<'_>,
    additions: &[Addition],
    known: Known<'_>,
    by: &Identity,
    at: Moment,
) -> Result<Vec<Added>, Conflict> {
    refuse(draft, additions, known, by)?;
    let mut added: Vec<_> =
        additions.iter().map(|addition| place(draft, addition, by, at)).collect();
    for one in &mut added {
        match draft.spec.versions.is_one() {
            true => mark_outdone(draft, one),
            false => mark_below_highest(draft, one),
        }
        note_privileges(known, one);
    }
    Ok(added)
}

/// Refuses these packages, with every reason not to take them.
fn refuse(
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

/// Of several versions in one change only the highest is listed; the others wait, like any lower
/// one.
fn mark_outdone(draft: &Draft<'_>, added: &mut Added) {
    let Added { package, component, standing, note } = added;
    let place = (component.clone(), package.name.clone(), package.architecture.clone());
    if *standing == Standing::Published
        && draft.at(&place).is_none_or(|listed| listed.digest != package.digest)
    {
        *standing = Standing::Waiting;
        *note = "a higher version came with it".into();
    }
}

/// Where several versions are listed, an added package may be listed below the highest one.
fn mark_below_highest(draft: &Draft<'_>, added: &mut Added) {
    let Added { package, component, standing, note } = added;
    let listed = draft.lists(component, package);
    match standing {
        Standing::Waiting if listed => {
            *standing = Standing::Published;
            note.clear();
        }
        Standing::Published if !listed => {
            *standing = Standing::Waiting;
            *note = "as many higher versions are published as this suite lists".into();
        }
        _ => {}
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

/// Adds the effects of its privileges to the note of a published package: the uploader and every
/// reader of the answer should know them.
fn note_privileges(known: Known<'_>, added: &mut Added) {
    if !matches!(added.standing, Standing::Published) {
        return;
    }
    for privilege in known.privileges.get(&added.package.digest).into_iter().flatten() {
        let before = if added.note.is_empty() { "" } else { "; " };
        added.note.push_str(&format!("{before}{}", privilege.effect()));
    }
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

/// The problem of a package and a rival of the same name that could be mistaken for each other.
fn rivalry(package: &Package, rival: &Package) -> Option<String> {
    if rival.digest == package.digest || rival.architecture != package.architecture {
        return None;
    }
    if rival.version == package.version {
        return Some(format!(
            "this version exists with other bytes (SHA-256 {}…, yours {}…): hosts that have it would \
             keep it unseen; build a new version",
            rival.digest.short(),
            package.digest.short()
        ));
    }
    let equal = rival.version.compare(&package.version).is_eq();
    equal.then(|| {
        format!("apt takes this version for the same as {}; build a higher one", rival.version)
    })
}

/// Whether two packages of one name and version are for all architectures and for a single one: an
/// index lists only one of them.
fn all_and_single(package: &Package, other: &Package) -> bool {
    package.kind == other.kind
        && package.name == other.name
        && package.architecture.is_all() != other.architecture.is_all()
        && package.version.compare(&other.version).is_eq()
}

fn one_of_two(other: &Package) -> String {
    format!(
        "this version is in this suite for {}, and hosts would see only one of the two; build a higher \
         version, either for all architectures or for single ones",
        other.architecture
    )
}

fn place(draft: &mut Draft<'_>, addition: &Addition, by: &Identity, at: Moment) -> Added {
    let Addition { component, package, taken_as } = addition;
    let (standing, note) = judge(draft, component, package, taken_as.is_some());
    if taken_as.is_none() {
        let (component, digest) = (component.clone(), package.digest);
        draft.accept(Acceptance { component, digest, author: by.clone(), at }, package);
    }
    if standing == Standing::Published {
        supersede(draft, component, package);
        draft.put(component, package);
    }
    Added { package: Arc::clone(package), component: component.clone(), standing, note }
}

fn judge(
    draft: &Draft<'_>,
    component: &Component,
    package: &Package,
    taken: bool,
) -> (Standing, String) {
    if draft.lists(component, package) {
        return (Standing::Already, String::new());
    }
    if let Some(pin) = draft.pin_of(package) {
        let version = match pin.target.kind {
            PinKind::Source => &package.source_version,
            PinKind::Binary => &package.version,
        };
        if pin.version.as_ref() != Some(version) {
            let held = pin.version.as_ref().map_or("held out".into(), |v| format!("pinned at {v}"));
            return (Standing::Waiting, format!("{} is {held}", pin.target.name));
        }
        // The pin chose among all that was taken then. A package that is sent again does not join
        // it.
        if taken {
            return (Standing::Waiting, format!("{} is pinned without it", pin.target.name));
        }
        return (Standing::Published, String::new());
    }
    if draft.is_withdrawn(package) {
        let Package { source, source_version, .. } = package;
        let note = format!(
            "this version was rolled back from or removed; \
             `repoctl pin --suite {} {source}={source_version}` brings it back",
            draft.spec.name
        );
        return (Standing::Withdrawn, note);
    }
    match blocking(draft, component, package) {
        None => (Standing::Published, String::new()),
        Some(other) if all_and_single(package, &other) => (Standing::Waiting, one_of_two(&other)),
        Some(higher) if taken => {
            (Standing::Waiting, format!("taken before; {} is published", higher.version))
        }
        Some(higher) => {
            let cure = "pin the lower version to publish it";
            (Standing::Waiting, format!("{} is published and higher; {cure}", higher.version))
        }
    }
}

/// The listed package that keeps this one out of every index that could list it.
fn blocking(draft: &Draft<'_>, component: &Component, package: &Package) -> Option<Arc<Package>> {
    let live: Vec<_> = draft
        .named(&package.name)
        .into_iter()
        .filter(|(place, _)| place.0 == *component)
        .map(|(_, package)| package)
        .collect();
    let higher_in = |architecture: &crate::debian::Architecture| {
        live.iter()
            .filter(|p| p.architecture == *architecture || p.architecture.is_all())
            .find(|p| p.version.compare(&package.version).is_gt())
            .cloned()
    };
    // Listed beside a package for a single architecture, it would take that one's place unnoticed.
    if let Some(other) = live.iter().find(|live| all_and_single(package, live)) {
        return Some(Arc::clone(other));
    }
    let indices: Vec<_> = if package.architecture.is_all() {
        draft.spec.architectures.clone()
    } else {
        vec![package.architecture.clone()]
    };
    let blockers: Option<Vec<_>> = indices.iter().map(higher_in).collect();
    blockers.and_then(|all| all.into_iter().next())
}

/// A new package for `all` replaces lower packages built for one architecture.
fn supersede(draft: &mut Draft<'_>, component: &Component, package: &Package) {
    if !package.architecture.is_all() {
        return;
    }
    for (place, live) in draft.named(&package.name) {
        let lower = live.version.compare(&package.version).is_lt();
        if place.0 == *component && !live.architecture.is_all() && lower {
            draft.clear(&place);
        }
    }
}

fn join<T: std::fmt::Display>(items: &[T]) -> String {
    items.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

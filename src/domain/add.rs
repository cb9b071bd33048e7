//! Adding packages to a suite: which are listed, which wait, and what is refused.

use std::sync::Arc;

use crate::debian::Component;
use crate::domain::add_refusal::refuse;
use crate::domain::addition::{Addition, Known, all_and_single, one_of_two};
use crate::domain::draft::Draft;
use crate::domain::offering;
use crate::domain::reserved::is_reserved;
use crate::domain::rollout::Rollout;
use crate::domain::{Acceptance, Conflict, Identity, Package, PinKind, Place};
use crate::time::Moment;

/// What became of an added package.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Standing {
    /// The next generation lists it.
    Published,
    /// It begins with the first ring: not everybody is offered it yet.
    RollingOut,
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
    /// What would list it.
    pub cure: Cure,
}

/// What would list a package that is stored and not listed.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub enum Cure {
    /// No command would, or the package is listed.
    #[default]
    None,
    /// Nobody looked for one.
    Unknown,
    /// This command.
    Command(String),
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
        settle(draft, one);
        note_privileges(known, one);
    }
    Ok(added)
}

/// Says of an added package what became of it, once all that comes with it is in the draft: the other
/// packages of its change, and the other changes of its generation.
pub fn settle(draft: &Draft<'_>, added: &mut Added) {
    match draft.spec.versions.is_one() {
        true => mark_outdone(draft, added),
        false => mark_below_highest(draft, added),
    }
}

/// Of several versions that come together only the highest is listed; the others wait, like any lower
/// one.
fn mark_outdone(draft: &Draft<'_>, added: &mut Added) {
    let Added { package, component, standing, note, .. } = added;
    if !matches!(standing, Standing::Published | Standing::Already)
        || draft.lists(component, package)
    {
        return;
    }
    let is_higher = |(place, other): &(Place, Arc<Package>)| {
        place.0 == *component && other.version.compare(&package.version).is_gt()
    };
    *standing = Standing::Waiting;
    *note = match draft.named(&package.name).iter().any(is_higher) {
        true => "a higher version came with it".into(),
        false => "another change that came with it took it out".into(),
    };
}

/// Where several versions are listed, an added package may be listed below the highest one.
fn mark_below_highest(draft: &Draft<'_>, added: &mut Added) {
    let Added { package, component, standing, note, .. } = added;
    let listed = draft.lists(component, package);
    match standing {
        Standing::Waiting if listed => {
            *standing = Standing::Published;
            note.clear();
        }
        Standing::Published | Standing::Already if !listed => {
            *standing = Standing::Waiting;
            *note = "as many higher versions are published as this suite lists".into();
        }
        _ => {}
    }
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

fn place(draft: &mut Draft<'_>, addition: &Addition, by: &Identity, at: Moment) -> Added {
    let Addition { component, package, taken_as } = addition;
    let judged = judge(draft, component, package, taken_as.is_some());
    let would_list = judged.0 == Standing::Published;
    let (mut standing, mut note) = held(draft, addition, judged);
    let mut cure = match would_list && standing == Standing::Waiting {
        true => Cure::Command(format!("repoctl release --suite {}", draft.spec.name)),
        false => Cure::None,
    };
    if taken_as.is_none() {
        let (component, digest) = (component.clone(), package.digest);
        draft.accept(Acceptance { component, digest, author: by.clone(), at }, package);
    }
    if standing == Standing::Published && !offering::offer(draft, component, package) {
        let told = offering::told_of(draft, component, package).unwrap_or_default();
        (standing, note) = under_way(told);
    }
    let begins_later = draft.rolling.of(component, package).is_some_and(Rollout::is_unbegun);
    if standing == Standing::Waiting && begins_later {
        let (source, suite) = (&package.source, &draft.spec.name);
        cure = Cure::Command(format!("repoctl rollout start --suite {suite} {source}"));
    }
    Added { package: Arc::clone(package), component: component.clone(), standing, note, cure }
}

/// In a suite that is held, what comes is held back. What a pin names was asked for by a person, and what hosts keep
/// up with the server by concerns every host.
fn held(
    draft: &mut Draft<'_>,
    Addition { component, package, taken_as }: &Addition,
    (standing, note): (Standing, String),
) -> (Standing, String) {
    let is_free = matches!(standing, Standing::Already | Standing::RollingOut)
        || is_reserved(package.name.as_str())
        || standing == Standing::Published && draft.pin_of(package).is_some();
    let Some(hold) = draft.hold().filter(|_| !is_free) else { return (standing, note) };
    let why = format!("the suite is held {}", hold.told());
    if taken_as.is_none() || standing == Standing::Published {
        draft.holding.keep(component, package);
    }
    match standing {
        Standing::Published => (Standing::Waiting, why),
        other => (other, note),
    }
}

/// What becomes of a package, and why.
pub(super) fn judge(
    draft: &Draft<'_>,
    component: &Component,
    package: &Package,
    taken: bool,
) -> (Standing, String) {
    let judged = judge_anyway(draft, component, package, taken);
    let is_new = judged.0 == Standing::Published && draft.pin_of(package).is_none();
    match offering::told_of(draft, component, package).filter(|_| is_new) {
        Some(told) => under_way(told),
        None => judged,
    }
}

/// What becomes of a package that a rollout brings: whether a ring is offered it, and how far it is.
fn under_way((has_begun, progress): (bool, String)) -> (Standing, String) {
    (if has_begun { Standing::RollingOut } else { Standing::Waiting }, progress)
}

/// The same, whether or not a rollout brings it.
pub(super) fn judge_anyway(
    draft: &Draft<'_>,
    component: &Component,
    package: &Package,
    taken: bool,
) -> (Standing, String) {
    if draft.lists(component, package) {
        return (Standing::Already, String::new());
    }
    if let Some(yank) = draft.yank_of(package) {
        return (Standing::Withdrawn, format!("this version was {}", yank.told()));
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
        let note = "this version was rolled back from or removed".to_owned();
        return (Standing::Withdrawn, note);
    }
    match blocking(draft, component, package) {
        None => (Standing::Published, String::new()),
        Some(other) if all_and_single(package, &other) => (Standing::Waiting, one_of_two(&other)),
        Some(higher) if taken => {
            (Standing::Waiting, format!("taken before; {} is published", higher.version))
        }
        Some(higher) => (Standing::Waiting, format!("{} is published and higher", higher.version)),
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

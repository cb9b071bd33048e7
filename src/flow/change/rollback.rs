//! Rollback: where going back leads to, from what was live before.

use std::sync::Arc;

use crate::debian::{Component, PackageName};
use crate::domain::Applied;
use crate::domain::Expect;
use crate::domain::past::{self, Past};
use crate::domain::pinning::{self, Asking};
use crate::domain::{Conflict, Draft, GenerationRecord, Package, PackageSet, PinKind, PinTarget};
use crate::flow::change::lookup::{past_of, resolve};
use crate::flow::change::{downwards, emptied};
use crate::flow::error::FlowError;
use crate::flow::report::dropped;
use crate::flow::repository::Repository;
use crate::flow::suite::desk::Desk;

/// Goes back with these packages: to a generation, or to the version before.
///
/// # Errors
/// As for [`crate::flow::change::apply::apply`].
pub(crate) fn packages(
    repository: &Repository,
    desk: &Desk,
    draft: &mut Draft<'_>,
    targets: &[PinTarget],
    to: Option<u64>,
    asking: &Asking,
    expect: Option<Expect>,
) -> Result<Applied, FlowError> {
    if let Some(to) = to {
        known_generation(repository, desk, to)?;
    }
    let mut notes = Vec::new();
    for target in targets {
        let target = resolve(repository, desk, target)?;
        let past = past_of(repository, desk, &target)?;
        unmoved(desk, &past, expect)?;
        let listed = draft.members(&target);
        match to {
            Some(to) => pinning::roll_back_to(draft, &target, &past, to, asking)?,
            None if draft.brings(&target) => {
                pinning::roll_back_under_way(draft, &target, asking);
                notes.push(stays(draft, &target.name, UNDER_WAY));
            }
            None => pinning::roll_back(draft, &target, &past, asking)?,
        }
        notes.extend(emptied::notes(&listed, draft, &target));
        notes.extend(downwards::stays(draft, &target));
    }
    notes.extend(out_of_suite(draft, asking));
    Ok(Applied { notes, ..Applied::default() })
}

/// Goes back with the whole suite: to a generation, or to the last one with other contents.
///
/// # Errors
/// As for [`crate::flow::change::apply::apply`].
pub(crate) fn suite(
    repository: &Repository,
    desk: &Desk,
    draft: &mut Draft<'_>,
    to: Option<u64>,
    asking: &Asking,
) -> Result<Applied, FlowError> {
    let under_way = draft.under_way();
    for target in &under_way {
        pinning::roll_back_under_way(draft, target, asking);
    }
    // The present state is the one before what was under way.
    if to.is_none() && !under_way.is_empty() {
        let notes = under_way.iter().map(|target| stays(draft, &target.name, UNDER_WAY)).collect();
        return Ok(Applied { notes, ..Applied::default() });
    }
    let (target, contents, mut notes) = match to {
        Some(to) => {
            let target = known_generation(repository, desk, to)?;
            let mut contents = contents_then(repository, desk, target)?;
            let mut notes = keep_for_hosts(repository, desk, &mut contents);
            let is_yanked = |draft: &Draft<'_>, one: &Package| draft.yank_of(one).is_some();
            let kept = pinning::keep_from_withdrawn(draft, &mut contents, is_yanked);
            notes.extend(kept.iter().map(|source| stays(draft, source, IS_YANKED)));
            (target, contents, notes)
        }
        None => state_before(repository, desk, draft)?,
    };
    let same_as = notes.is_empty().then_some(target);
    pinning::roll_back_all(draft, &contents, asking);
    notes.extend(out_of_suite(draft, asking));
    Ok(Applied { same_as, notes, ..Applied::default() })
}

/// What a rollback of the whole suite goes to: the last state before the present one that is another, once what
/// was withdrawn is left out. Beside it notes about what stays as it is.
fn state_before(
    repository: &Repository,
    desk: &Desk,
    draft: &Draft<'_>,
) -> Result<(u64, PackageSet, Vec<String>), FlowError> {
    let mut from = desk.state().last_generation;
    loop {
        let target = generation_before(repository, desk, from)?;
        let mut contents = contents_then(repository, desk, target)?;
        let mut notes = keep_for_hosts(repository, desk, &mut contents);
        let kept = pinning::keep_from_withdrawn(draft, &mut contents, |d, p| d.is_withdrawn(p));
        if contents.is_empty() {
            let problem =
                "nothing was published before; name a generation with --to to empty the suite";
            return Err(Conflict::one(format!("suite {}", desk.suite), problem).into());
        }
        if !draft.differing(&contents).is_empty() {
            notes.extend(kept.iter().map(|source| stays(draft, source, WAS_WITHDRAWN)));
            return Ok((target, contents, notes));
        }
        from = target;
    }
}

/// Why a package stays where it is for everybody.
const UNDER_WAY: &str = "what was under way is withdrawn from every ring";
const IS_YANKED: &str = "what that generation listed is yanked";
const WAS_WITHDRAWN: &str =
    "what was live before was withdrawn, and comes back only when it is named";

fn stays(draft: &Draft<'_>, source: &PackageName, why: &str) -> String {
    let target = PinTarget { kind: PinKind::Source, name: source.clone() };
    let now = past::label(&target, draft.members(&target).iter().map(|(_, package)| &**package));
    let now = now.map_or_else(|| "out of the suite".to_owned(), |now| format!("at {}", now.pinned));
    format!("{source} stays {now}: {why}")
}

/// What a rollback goes back to is listed anew, whenever it was listed then.
const OF_NO_MATTER: u64 = 0;

/// The client package stays as it is: an older one would take keys away that hosts have by now. So does `repoctl`,
/// and a note says so.
fn keep_for_hosts(repository: &Repository, desk: &Desk, contents: &mut PackageSet) -> Vec<String> {
    let state = desk.state();
    let note = downwards::keep(&state.spec, &state.contents, contents);
    keep_client(repository, desk, contents);
    note.into_iter().collect()
}

fn keep_client(repository: &Repository, desk: &Desk, contents: &mut PackageSet) {
    let Ok(name) = repository.client_package_of(&desk.suite) else { return };
    let own = |(_, package): &(&Component, &Arc<Package>)| package.name == name;
    let then = contents.packages().filter(own).map(|(c, one)| (c.clone(), Arc::clone(one)));
    let then: Vec<_> = then.collect();
    then.iter().for_each(|(component, one)| contents.unlist(component, one));
    for (component, package) in desk.state().contents.packages().filter(own) {
        contents.list(component, Arc::clone(package), OF_NO_MATTER);
    }
}

/// What a generation held, from what is held now and what has changed since: the rest is shared.
fn contents_then(
    repository: &Repository,
    desk: &Desk,
    generation: u64,
) -> Result<PackageSet, FlowError> {
    let since = repository.catalogue.changes_since(&desk.suite, generation)?;
    let since = since.ok_or_else(|| FlowError::Missing(format!("generation {generation}")))?;
    let mut contents = desk.state().contents.clone();
    for (component, package) in since.entered {
        contents.unlist(&component, &package);
    }
    for (component, package) in since.left {
        contents.list(&component, Arc::new(package), OF_NO_MATTER);
    }
    Ok(contents)
}

/// The last generation before `from` with other contents, counted from the one whose contents `from` has.
fn generation_before(repository: &Repository, desk: &Desk, from: u64) -> Result<u64, FlowError> {
    let mut at = from;
    let mut moved = false;
    while at > 0 {
        let above = Some(at.saturating_add(1));
        let records = repository.catalogue.list_generations(&desk.suite, above, 1)?;
        // After a restoration from a backup, numbers are left out.
        let Some(record) = records.into_iter().next() else { break };
        at = record.generation;
        is_kept(repository, desk, &record)?;
        match record.same_as {
            Some(earlier) if earlier < at => at = earlier,
            _ if moved => return Ok(at),
            _ => {
                moved = record.entered > 0 || record.left > 0;
                at = at.saturating_sub(1);
            }
        }
    }
    let problem =
        "its first generation is live, or all before was withdrawn; there is nothing to go back to";
    Err(Conflict::one(format!("suite {}", desk.suite), problem).into())
}

/// Refuses a generation that was dropped.
fn is_kept(
    repository: &Repository,
    desk: &Desk,
    record: &GenerationRecord,
) -> Result<(), FlowError> {
    match dropped::told(repository, &desk.suite, record)? {
        Some(told) => Err(FlowError::Missing(told)),
        None => Ok(()),
    }
}

fn known_generation(
    repository: &Repository,
    desk: &Desk,
    generation: u64,
) -> Result<u64, FlowError> {
    let last = desk.state().last_generation;
    if (1..=last).contains(&generation) {
        if let Some(record) = repository.catalogue.find_generation(&desk.suite, generation)? {
            is_kept(repository, desk, &record)?;
        }
        return Ok(generation);
    }
    Err(FlowError::Missing(format!(
        "generation {generation} of {}; the last one is {last}",
        desk.suite
    )))
}

fn out_of_suite(draft: &Draft<'_>, asking: &Asking) -> Vec<String> {
    let held = draft.pins().filter(|pin| pin.version.is_none() && pin.at == asking.at);
    held.map(|pin| {
        let name = &pin.target.name;
        format!("{name} was not there then and is held out; hosts that installed it keep it")
    })
    .collect()
}

/// Whether a package stands as it did in the generation that the asker saw.
fn unmoved(desk: &Desk, past: &Past, expect: Option<Expect>) -> Result<(), FlowError> {
    let last = desk.state().last_generation;
    let same = |expected| past.at(expected).keys().eq(past.at(last).keys());
    match expect.map(|expect| expect.generation) {
        Some(expected) if !same(expected) => Err(FlowError::Expectation { expected, last }),
        _ => Ok(()),
    }
}

//! Promote: what a suite lists is taken into another one, as an upload of it would be, and what hosts could not
//! install then is refused, as for everything that a person asks for.

mod along;

use std::sync::Arc;

use crate::debian::SuiteName;
use crate::domain::add::Added;
use crate::domain::namespaces;
use crate::domain::pinning::{Asking, Taken};
use crate::domain::promotion::{Promotion, Wanted};
use crate::domain::reserved::is_apart;
use crate::domain::{
    Admitted, Applied, Change, Conflict, ConflictKind, ConflictReason, Draft, PackageSet, PinTarget,
};
use crate::flow::admit;
use crate::flow::change::{adding, lookup};
use crate::flow::error::FlowError;
use crate::flow::report::dropped;
use crate::flow::repository::{Repository, no_suite_for};
use crate::flow::suite::desk::Desk;
use crate::flow::threads::blocking;

/// How many packages an error names.
const MOST_TOLD: usize = 8;

/// The change that takes from a suite what is wanted of it: of what it lists now, or of what it listed in a
/// generation.
///
/// The caller has checked that `admitted` may read `from`.
///
/// # Errors
/// [`FlowError::Missing`] for a suite or a generation that is not there, [`FlowError::Conflict`] for packages that
/// it does not list; [`FlowError::Unavailable`] while too many reports are read.
pub async fn change(
    repository: &Arc<Repository>,
    admitted: &Admitted,
    from: &SuiteName,
    generation: Option<u64>,
    mut wanted: Wanted,
) -> Result<Change, FlowError> {
    let desk = repository.desk(from).ok_or_else(|| no_suite_for(repository, admitted, from))?;
    // It may read a whole generation.
    let turn = repository.report_turn().await?;
    let repository = Arc::clone(repository);
    blocking(move || {
        let _turn = turn;
        let state = desk.state();
        let last = state.last_generation;
        let listed = match generation {
            Some(number) if number != last => contents_of(&repository, &desk, number, last)?,
            _ => state.contents.clone(),
        };
        let named = wanted.targets.iter().map(|(target, _)| target.clone()).collect();
        for (target, _) in &mut wanted.targets {
            *target = meant(&repository, &desk, &listed, target)?;
        }
        let items = Promotion::select(&desk.suite, &listed, &wanted)?;
        Ok(Change::Promote(Arc::new(Promotion {
            from: desk.suite.clone(),
            namespace: state.spec.namespace.clone(),
            generation: generation.unwrap_or(last),
            is_earlier: generation.is_some(),
            wanted,
            named,
            items,
            listed,
        })))
    })
    .await
}

fn contents_of(
    repository: &Repository,
    desk: &Desk,
    generation: u64,
    last: u64,
) -> Result<PackageSet, FlowError> {
    let suite = &desk.suite;
    let found = match generation <= last {
        true => repository.catalogue.contents_at(suite, generation)?,
        false => None,
    };
    if found.is_none()
        && let Some(record) = repository.catalogue.find_generation(suite, generation)?
        && let Some(told) = dropped::told(repository, suite, &record)?
    {
        return Err(FlowError::Missing(told));
    }
    found.ok_or_else(|| {
        FlowError::Missing(format!("generation {generation} of {suite}; the last one is {last}"))
    })
}

/// The source that is listed under this name, or that of the binary of this name.
fn meant(
    repository: &Repository,
    desk: &Desk,
    listed: &PackageSet,
    target: &PinTarget,
) -> Result<PinTarget, FlowError> {
    match listed.of_source(&target.name).next() {
        Some(_) if !is_apart(target.name.as_str()) => Ok(target.clone()),
        _ => lookup::resolve(repository, desk, target),
    }
}

/// What a promotion is applied with.
#[derive(Clone, Copy)]
pub(super) struct Promoting<'p> {
    pub repository: &'p Repository,
    pub desk: &'p Desk,
    pub promotion: &'p Promotion,
    pub asking: &'p Asking,
    /// Whether nothing urgent waits.
    pub may_go_on: &'p (dyn Fn() -> bool + Sync),
}

impl Promoting<'_> {
    /// Takes the packages into the draft.
    ///
    /// # Errors
    /// [`FlowError`] when any of them is refused, or when hosts could not install what comes of it.
    pub(super) fn apply(&self, draft: &mut Draft<'_>) -> Result<Applied, FlowError> {
        let Promotion { from, wanted, items, .. } = self.promotion;
        self.one_namespace(draft)?;
        let before = draft.clone();
        let (mut items, mut notes) = (items.clone(), Vec::new());
        if wanted.is_whole() {
            let all = items.len();
            items.retain(|(component, package)| !draft.lists(component, package));
            let there = all.saturating_sub(items.len());
            notes.extend((there > 0).then(|| listed_already(there, from, draft)));
            notes.extend(self.leave_out_reserved(draft, &mut items));
        }
        let added = self.add(draft, &items)?;
        let mut applied = self.judged(&before, draft, added)?;
        notes.append(&mut applied.notes);
        Ok(Applied { notes, ..applied })
    }

    /// Takes packages into a draft, as an upload of them would be.
    fn add(&self, draft: &mut Draft<'_>, items: &[Taken]) -> Result<Vec<Added>, FlowError> {
        if items.is_empty() {
            return Ok(Vec::new());
        }
        let items: Vec<_> =
            items.iter().map(|(component, one)| (component.clone(), one.digest)).collect();
        Ok(adding::add(self.repository, self.desk, draft, &items, self.asking)?.added)
    }

    /// Refuses a promotion from another namespace: versions have other bytes there.
    fn one_namespace(&self, draft: &Draft<'_>) -> Result<(), FlowError> {
        let Promotion { from, namespace, items, .. } = self.promotion;
        if *namespace == draft.spec.namespace {
            return Ok(());
        }
        let of = [(from.clone(), namespace.clone())];
        let reason = |(_, package): &Taken| namespaces::not_promoted(package, &draft.spec, &of);
        let mut reasons: Vec<_> = items.iter().take(MOST_TOLD).map(reason).collect();
        let more = items.len().saturating_sub(MOST_TOLD);
        if more > 0 {
            let problem = "for the same reason".to_owned();
            reasons.push(ConflictReason::new(format!("{more} more"), problem));
        }
        if reasons.is_empty() {
            return Ok(());
        }
        Err(Conflict { kind: ConflictKind::Other, reasons }.into())
    }

    /// Where everything is promoted, what hosts keep up with the server by comes along only from those who may
    /// bring it. Gives the note.
    fn leave_out_reserved(&self, draft: &Draft<'_>, items: &mut Vec<Taken>) -> Option<String> {
        if !items.iter().any(|(_, package)| is_apart(package.name.as_str())) {
            return None;
        }
        let by = admit::find_entitled(self.repository, &self.asking.author);
        let suite = &draft.spec.name;
        let stays = |(component, package): &Taken| {
            let name = &package.name;
            let brings =
                || by.as_ref().is_some_and(|by| by.brings_reserved(suite, component, name));
            is_apart(name.as_str()) && !draft.spec.owns_name(name.as_str()) && !brings()
        };
        let left = items.iter().find(|one| stays(one)).map(|(_, package)| Arc::clone(package));
        items.retain(|one| !stays(one));
        left.map(|package| {
            let (name, version) = (&package.name, &package.version);
            format!(
                "{name} {version} is left out: it comes to all hosts of suite {suite} from an operator of the \
                 suite, or an uploader whose grant names it"
            )
        })
    }
}

fn listed_already(packages: usize, from: &SuiteName, draft: &Draft<'_>) -> String {
    let to = &draft.spec.name;
    match packages {
        1 => format!("1 package that suite {from} lists is in suite {to} already"),
        _ => format!("{packages} packages that suite {from} lists are in suite {to} already"),
    }
}

//! Redate: the Dates of a suite start anew at the present, because a person says that the clock was
//! ahead when the last one was signed. Hosts whose clock was right never took that one.

use tracing::warn;

use crate::catalogue::SuiteState;
use crate::domain::{Conflict, Event};
use crate::flow::error::FlowError;
use crate::flow::publish::heads::{files_of_rings, sign};
use crate::flow::repository::Repository;
use crate::flow::suite::desk::Desk;
use crate::time::Moment;

/// The least that the last Date has to lie ahead. A change waits as long as this by itself. Unit: seconds.
const LEAST_SECONDS: i64 = 5;

/// Signs the live generation with the present Date, although the last one is later. Gives the log a
/// line before and one after: the floor is a file, and so it may have sunk without the head.
///
/// # Errors
/// [`FlowError::Conflict`] when the last Date does not lie ahead of the clock.
pub(crate) fn redate(
    repository: &Repository,
    desk: &Desk,
    event: &dyn Fn(&str) -> Event,
) -> Result<(), FlowError> {
    let (now, uptime) = repository.clock.both();
    let state = desk.state();
    let last = expect_ahead(repository, desk, now)?;
    let begun = event(&format!("last Date {last}, the clock shows {now}: begun"));
    let events = |event: Event| {
        let last = Some(state.last_generation);
        Event { before: last, after: last, ..event }
    };
    repository.catalogue.record_events(&[events(begun)])?;
    repository.steadiness.vouch(now, uptime);
    let date = repository.signer.restart_dates(&desk.suite, now)?;
    let head = match &state.head {
        Some(old) => {
            let files = repository.catalogue.list_indices(&desk.suite, old.generation)?;
            let rings = files_of_rings(repository, desk, old)?;
            Some(sign(repository, &state.spec, old.generation, date, (&files, &rings))?)
        }
        None => None,
    };
    let done = events(event(&format!("from Date {last} to {now}")));
    repository.catalogue.restart_dates(&desk.suite, head.as_ref(), &done)?;
    if head.is_some() {
        desk.set_state(SuiteState { head, ..(*state).clone() });
    }
    warn!(suite = %desk.suite, %last, %now, by = %done.actor.identity, "the Dates of the suite start anew");
    Ok(())
}

/// The last Date of the suite, if it lies ahead of the clock.
///
/// # Errors
/// [`FlowError::Conflict`] when it does not.
pub(crate) fn expect_ahead(
    repository: &Repository,
    desk: &Desk,
    now: Moment,
) -> Result<Moment, FlowError> {
    let last = last_date(repository, desk, &desk.state())?;
    last.filter(|last| last.since(now) > LEAST_SECONDS).ok_or_else(|| {
        let last = last.map_or_else(|| "never".to_owned(), |last| format!("for {last}"));
        let problem = format!(
            "was last signed {last}, and the server's clock shows {now}: its Dates do not lie ahead, and \
             nothing has to be started anew"
        );
        Conflict::one(format!("suite {}", desk.suite), problem).into()
    })
}

/// The latest Date that keeps the suite from being signed now.
fn last_date(
    repository: &Repository,
    desk: &Desk,
    state: &SuiteState,
) -> Result<Option<Moment>, FlowError> {
    let mut last = repository.signer.last_date(&desk.suite)?;
    last = last.max(state.head.as_ref().map(|head| head.date));
    for name in std::iter::once(&desk.suite).chain(&state.spec.alias) {
        last = last.max(repository.catalogue.find_floor(name)?);
    }
    Ok(last)
}

//! Refresh: renews what is about to expire; runs from time to time.

use crate::flow::sightings;
use crate::flow::upkeep::leave_out;
use std::sync::Arc;

use tracing::{error, info};

use crate::debian::SuiteName;
use crate::domain::Change;
use crate::domain::pinning::Leeway;
use crate::domain::{Head, Pin};
use crate::flow::access::{certificates, in_force};
use crate::flow::audit::seal;
use crate::flow::publish::generation;
use crate::flow::repository::Repository;
use crate::flow::suite::desk::Desk;
use crate::flow::suite::queue::Job;
use crate::flow::threads::blocking;
use crate::flow::upkeep::retention::{self, Ran};
use crate::flow::upkeep::suite::lost_alias;
use crate::flow::upkeep::{keys, restored};
use crate::time::{HOLD_SECONDS, Moment};

/// How long before half of its validity is over a suite is signed again: while the clock is in
/// doubt it waits as long as this, and then half of it is still left. Unit: seconds.
const AHEAD_SECONDS: i64 = HOLD_SECONDS;

/// Checks everything once. Failures are logged; the next run finds them again.
///
/// While the clock is in doubt, nothing is signed, ended or published that nobody asked for; each of
/// the last steps knows that by itself.
pub async fn refresh(repository: &Arc<Repository>) {
    // Somebody restored it.
    repository.desks().values().for_each(|desk| restored::lead_on(repository, desk));
    if repository.doubt().is_none() {
        leave_out::leave_out(repository);
        for (suite, desk) in repository.desks().iter() {
            sign_anew(repository, suite, desk).await;
            end_pins(repository, desk);
            finish_yanks(desk);
            give_up_alias(repository, desk);
            // What could not be listed while the clock was in doubt.
            if !generation::is_complete(desk) {
                desk.wake();
            }
        }
        // Failures are logged there; the next run finds them again.
        let _ = keys::settle(repository, false).await;
    }
    let shared = Arc::clone(repository);
    let kept = blocking(move || {
        in_force::settle_rights(&shared)?;
        certificates::refresh_authority(&shared)?;
        certificates::refresh_crl(&shared)?;
        sightings::write(&shared)?;
        seal::refresh(&shared)
    });
    if let Err(problem) = kept.await {
        error!(%problem, "a refresh failed; it is tried again");
    }
}

/// Collects what suites do not keep, and removes bytes that have been unreferenced for longer than the grace.
pub async fn tidy(repository: &Arc<Repository>) {
    // By a clock that is ahead, what was sent just now is old.
    if repository.doubt().is_some() {
        return;
    }
    let shared = Arc::clone(repository);
    match blocking(move || Ok(shared.catalogue.forget_unreported()?)).await {
        Ok(0) => {}
        Ok(lines) => info!(lines, "packages that no host reports any more were forgotten"),
        Err(problem) => error!(%problem, "what hosts report was not tidied"),
    }
    let shared = Arc::clone(repository);
    match blocking(move || retention::tidy(&shared)).await {
        Ok(Ran { swept, .. }) if swept.blobs + swept.packs > 0 => {
            info!(blobs = swept.blobs, packs = swept.packs, bytes = swept.size_bytes, "swept");
        }
        Ok(_) => {}
        Err(problem) => error!(%problem, "collecting failed; nothing that is named was touched"),
    }
}

/// Whether a head should be signed again: half of its validity has passed, but for an hour.
fn is_half_over(head: &Head, now: Moment) -> bool {
    let half = head.valid_until.since(head.date) / 2;
    now.since(head.date) >= half.saturating_sub(AHEAD_SECONDS).max(half / 2)
}

/// Whether the head names this Suite. It does not if another suite took the alias and the server
/// stopped right after that.
fn says_suite(head: &Head, suite: &SuiteName) -> bool {
    let line = format!("Suite: {suite}");
    head.release.lines().any(|one| one == line)
}

async fn sign_anew(repository: &Arc<Repository>, suite: &SuiteName, desk: &Arc<Desk>) {
    let now = repository.now();
    let state = desk.state();
    let due =
        |head: &Head| is_half_over(head, now) || !says_suite(head, state.spec.release_suite());
    if !state.head.as_ref().is_some_and(due) {
        return;
    }
    let (job, answer) = Job::of_server(Change::Renew);
    let sent = desk.submit(job);
    let done = match sent {
        Ok(()) => answer.await.unwrap_or_else(|_| Ok(Default::default())),
        Err(problem) => Err(problem),
    };
    match done {
        Ok(_) => info!(%suite, "signed anew"),
        Err(problem) => {
            error!(%suite, %problem, "could not sign anew; hosts will refuse the suite once Valid-Until has passed")
        }
    }
}

/// Removes a lost alias from a suite's Release, if the edit that took it did not do so.
fn give_up_alias(repository: &Repository, desk: &Desk) {
    let Some((change, message)) = lost_alias(repository, desk) else { return };
    let (job, _) = Job::of_server(change);
    if let Err(problem) = desk.submit(Job { message, ..job }) {
        error!(suite = %desk.suite, %problem, "its Release still has the alias of before");
    }
}

/// Takes out what is yanked: the server stopped before it did so in every suite of the namespace.
fn finish_yanks(desk: &Desk) {
    let state = desk.state();
    let draft = state.draft();
    for yank in state.yanks.values() {
        if !draft.members(&yank.target).iter().any(|(_, package)| yank.is_of(package)) {
            continue;
        }
        let (job, _) = Job::of_server(Change::Yank(yank.target.clone(), yank.version.clone()));
        let leeway = Leeway { force: true, ..Leeway::default() };
        let (author, message) = (yank.author.clone(), yank.message.clone());
        if let Err(problem) = desk.submit(Job { author, message, leeway, ..job }) {
            error!(suite = %desk.suite, %problem, "a yanked version could not be taken out");
        }
    }
}

/// Ends the pins whose time has passed, in the name of their authors.
fn end_pins(repository: &Repository, desk: &Desk) {
    let now = repository.now();
    let over = |pin: &&Pin| pin.until.is_some_and(|until| until <= now);
    // In a suite that is held they end with the hold.
    let state = desk.state();
    for pin in state.pins.iter().filter(|_| state.hold.is_none()).filter(over) {
        let (job, _) = Job::of_server(Change::Expire(pin.target.clone()));
        let message = format!("the pin of {} ended by itself", pin.target.name);
        let job = Job { author: pin.author.clone(), message, ..job };
        if let Err(problem) = desk.submit(job) {
            error!(suite = %desk.suite, %problem, "a pin that is over could not be ended");
        }
    }
}

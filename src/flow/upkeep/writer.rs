//! Writer: one for each suite. It takes the changes that wait in the suite's queue and makes
//! generations of them.

use std::sync::Arc;

use tracing::{Instrument, Span, info};

use crate::catalogue::{CatalogueError, Restoration, SuiteState};
use crate::debian::SuiteName;
use crate::flow::change::publish_batch;
use crate::flow::error::FlowError;
use crate::flow::followup::{contents, follow, form};
use crate::flow::publish::{generation, slices};
use crate::flow::repository::Repository;
use crate::flow::suite::desk::Desk;
use crate::flow::suite::queue::Job;
use crate::flow::threads::lock;
use crate::signing::SigningError;

/// How long a suite must be without changes before it is read again.
const QUIET: std::time::Duration = std::time::Duration::from_secs(5);

/// The desk of a suite; loads the suite and starts its writer when there is none.
pub(crate) fn open(
    repository: &Arc<Repository>,
    suite: &SuiteName,
) -> Result<Arc<Desk>, FlowError> {
    // A suite has one writer, even if two threads open it at the same time.
    let _alone = lock(&repository.opening);
    if let Some(desk) = repository.desk(suite) {
        return Ok(desk);
    }
    slices::take_back(repository, suite)?;
    let state = repository.catalogue.load_suite(suite)?;
    let state = state.ok_or_else(|| CatalogueError::Missing(format!("suite {suite}")))?;
    let listed = match &state.head {
        Some(head) => repository.catalogue.list_indices(suite, head.generation)?,
        None => Vec::new(),
    };
    repository.aliases.set(suite, state.spec.alias.as_ref());
    let highest = repository.signer.floor().read_generation(suite).map_err(SigningError::from)?;
    let restored = repository.catalogue.last_restoration()?;
    let highest = highest_signed(&state, highest, restored.as_ref());
    if highest > state.last_generation {
        repository.catalogue.skip_generations(suite, highest.saturating_add(1))?;
    }
    let desk = Arc::new(Desk::new(suite.clone(), state, form::is_one_member(&listed), highest));
    repository.desks.rcu(|desks| {
        let mut desks = (**desks).clone();
        desks.insert(suite.clone(), Arc::clone(&desk));
        desks
    });
    tokio::spawn(write(Arc::downgrade(repository), Arc::clone(&desk)));
    tokio::spawn(follow::follow(Arc::downgrade(repository), Arc::clone(&desk)));
    tokio::spawn(contents::follow(Arc::downgrade(repository), Arc::clone(&desk)));
    Ok(desk)
}

/// The highest generation that hosts may have seen. One that was signed right before a stop, and not
/// recorded, was shown to nobody.
fn highest_signed(state: &SuiteState, noted: u64, restored: Option<&Restoration>) -> u64 {
    // One that was just made, perhaps under the name of one that was removed.
    let Some(head) = state.head.as_ref() else { return 0 };
    let is_set_back = restored.is_some_and(|one| head.date <= one.at);
    let next = state.last_generation.saturating_add(1);
    if noted == next && !is_set_back { state.last_generation } else { noted }
}

/// The suite's writer: waits for changes, waits until a new Date is due, and makes one generation
/// of all changes that wait then. The first change after a quiet second is published at once.
async fn write(repository: std::sync::Weak<Repository>, desk: Arc<Desk>) {
    let mut batches = 0_u64;
    loop {
        while desk.is_idle() {
            if desk.is_closed() {
                return;
            }
            rest(&repository, &desk).await;
        }
        let Some(repository) = repository.upgrade() else { return };
        publish_batch::until_due(&repository, &desk).await;
        desk.set_writing(true);
        let mut jobs = desk.take();
        if !jobs.is_empty() {
            let waits = jobs.iter_mut().filter_map(|job| job.queued.taken());
            waits.for_each(|wait| repository.timings.waits.note(wait));
            batches = batches.saturating_add(1);
            let span = span_of(&desk, &jobs, batches);
            publish_batch::take(&repository, &desk, jobs).instrument(span).await;
        }
        desk.set_writing(false);
    }
}

/// What the log lines of a publish batch have: the id of the request that asked for it. Requests that are
/// carried out together each get a line that names their batch.
fn span_of(desk: &Desk, jobs: &[Job], number: u64) -> Span {
    if let [one] = jobs {
        return one.queued.span.clone();
    }
    let suite = &desk.suite;
    for job in jobs {
        let changes = jobs.len();
        job.queued.span.in_scope(|| info!(%suite, number, changes, "made together with others"));
    }
    tracing::error_span!("batch", %suite, number)
}

/// Waits until a change arrives. Meanwhile, once all follow-up files are listed, a suite is read
/// again of which much has moved.
///
/// What single changes bring into memory is scattered among data that they needed only for a while,
/// and takes several times its size. What is read as a whole does not.
async fn rest(repository: &std::sync::Weak<Repository>, desk: &Arc<Desk>) {
    let arrived = desk.arrived.notified();
    if !desk.is_scattered() {
        return arrived.await;
    }
    if tokio::time::timeout(QUIET, arrived).await.is_ok() || !generation::is_complete(desk) {
        return;
    }
    let Some(repository) = repository.upgrade() else { return };
    desk.begin_reading();
    publish_batch::reload(&repository, desk).await;
}

/// Closes all queues, and waits until every change in them is made.
pub async fn close_all(repository: &Repository) {
    for desk in repository.desks().values() {
        desk.close();
    }
    finished(repository).await;
}

/// Waits until no change waits and none is being made, in any suite.
pub async fn finished(repository: &Repository) {
    for desk in repository.desks().values() {
        desk.finished().await;
    }
}

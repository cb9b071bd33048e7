//! Refusals: requests that were refused, in the audit log. The first of a kind is written before it
//! is answered. Those of the next minute are counted in memory and written as one entry, so that a
//! client that repeats a request cannot fill the log.

use std::sync::Arc;
use std::time::Duration;

use tracing::{error, warn};

use crate::domain::Event;
use crate::flow::error::FlowError;
use crate::flow::repository::Repository;
use crate::flow::threads::{blocking, lock};

/// How long an answer waits for its entry at most, so that a stuck catalogue delays no refusal
/// further.
const PATIENCE: Duration = Duration::from_secs(2);

/// Notes refusals. When this returns, the first of each kind is durable in the log, and repeats
/// within the minute are counted. Refusals that arrive meanwhile are written together.
///
/// An answer is not held back if its entry cannot be written, or not within two seconds. The
/// server's own log reports that, and the entry is written later.
pub async fn note(repository: &Arc<Repository>, events: impl IntoIterator<Item = Event>) {
    let mut due = false;
    for event in events {
        due |= repository.refusals.count(event);
    }
    if !due {
        return;
    }
    let shared = Arc::clone(repository);
    // A task of its own, so that it goes on when the client disconnects.
    let written = tokio::spawn(async move {
        let _turn = shared.refusals.queue.lock().await;
        let repository = Arc::clone(&shared);
        if let Err(problem) = blocking(move || flush(&repository, false)).await {
            error!(%problem, "refusals were not written to the audit log; it is tried again");
        }
    });
    if tokio::time::timeout(PATIENCE, written).await.is_err() {
        warn!("a refusal is answered before its line in the audit log: the catalogue is slow");
    }
}

/// Writes the refusals that are due; with `all`, every counted one. Blocks.
///
/// # Errors
/// [`FlowError`] from the catalogue; the counts are kept for the next attempt.
pub fn flush(repository: &Repository, all: bool) -> Result<(), FlowError> {
    let _alone = lock(&repository.refusals.writing);
    let due = repository.refusals.take(repository.now(), all);
    if due.is_empty() {
        return Ok(());
    }
    let written = repository.catalogue.record_events(&due);
    if written.is_err() {
        for event in due {
            let _later = repository.refusals.count(event);
        }
    }
    Ok(written?)
}

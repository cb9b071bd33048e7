//! Refusals: who was told no. The first of a kind is in the log before it is answered; those of the next
//! minute are counted in memory and written as one line, so that nobody who asks again and again can fill
//! the log.

use std::sync::Arc;
use std::time::Duration;

use tracing::{error, warn};

use crate::domain::Event;
use crate::flow::error::FlowError;
use crate::flow::repository::Repository;
use crate::flow::threads::{blocking, lock};

/// How long an answer waits for its line at most: a catalogue that is stuck refuses nobody later than this.
const PATIENCE: Duration = Duration::from_secs(2);

/// Notes refusals. When it returns, the first of each kind is in the log, and stays there whatever becomes
/// of the server; repeats within the minute are counted. What waits together is written together.
///
/// A line that cannot be written, or not within two seconds, keeps no answer back: the log of the server
/// says so, and the line follows.
pub async fn note(repository: &Arc<Repository>, events: impl IntoIterator<Item = Event>) {
    let mut due = false;
    for event in events {
        due |= repository.refusals.count(event);
    }
    if !due {
        return;
    }
    let shared = Arc::clone(repository);
    // Apart, so that an asker who goes away does not end it.
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

/// Writes what is due; with `all`, whatever was counted. Blocks.
///
/// # Errors
/// [`FlowError`] from the catalogue; what was counted is kept for the next try.
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

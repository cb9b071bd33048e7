//! Watch: whatever is noted as damaged is repaired, one after the other.

use std::sync::{Arc, Weak};
use std::time::Duration;

use crate::flow::error::{Damage, FlowError};
use crate::flow::repair::repair::repair;
use crate::flow::repository::Repository;
use crate::flow::state::damage::{DamageBook, Fate};
use crate::flow::threads::blocking;

/// How long to wait before what failed is tried again.
const AGAIN: Duration = Duration::from_secs(20);

/// Repairs what is noted, for as long as there is a repository.
pub(crate) async fn watch(repository: Weak<Repository>, book: Arc<DamageBook>) {
    loop {
        let noted = book.noted.notified();
        let waiting = book.waiting();
        let done = match waiting.is_empty() {
            true => Ok(()),
            false => {
                let Some(shared) = repository.upgrade() else { return };
                blocking(move || repair_all(&shared, &waiting)).await
            }
        };
        match done {
            Ok(()) => noted.await,
            Err(problem) => {
                tracing::error!(%problem, "damage was not repaired; it is tried again");
                tokio::time::sleep(AGAIN).await;
            }
        }
    }
}

fn repair_all(repository: &Repository, waiting: &[Damage]) -> Result<(), FlowError> {
    let mut is_changed = false;
    for damage in waiting {
        is_changed |= matches!(repair(repository, *damage)?, Fate::Repaired | Fate::Replaced(_));
    }
    // What is in memory may name what was forgotten; what failed because of the damage goes on.
    if is_changed {
        repository.desks().values().for_each(|desk| desk.forget_live_indices());
    }
    Ok(())
}

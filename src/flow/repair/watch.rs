//! Watch: whatever is noted as damaged is repaired, one after the other.

use std::sync::{Arc, Weak};
use std::time::Duration;

use crate::flow::error::{Damage, FlowError};
use crate::flow::repair::attempt::repair;
use crate::flow::repository::Repository;
use crate::flow::state::damage::DamageBook;
use crate::flow::threads::blocking;

/// How long to wait before more is repaired: what cannot be repaired for good takes little time.
const PAUSE: Duration = Duration::from_secs(1);
/// How long to wait before what failed is tried again.
const AGAIN: Duration = Duration::from_secs(20);

/// Repairs what is noted, for as long as there is a repository.
pub(crate) async fn watch(repository: Weak<Repository>, book: Arc<DamageBook>) {
    loop {
        let noted = book.noted.notified();
        let waiting = book.waiting();
        let is_late = !waiting.is_empty();
        let done = match waiting.is_empty() {
            true => Ok(()),
            false => {
                let Some(shared) = repository.upgrade() else { return };
                blocking(move || repair_all(&shared, &waiting)).await
            }
        };
        match done {
            Ok(()) => {
                noted.await;
                if is_late {
                    tokio::time::sleep(PAUSE).await;
                }
            }
            Err(problem) => {
                tracing::error!(%problem, "damage was not repaired; it is tried again");
                tokio::time::sleep(AGAIN).await;
            }
        }
    }
}

fn repair_all(repository: &Repository, waiting: &[Damage]) -> Result<(), FlowError> {
    // One that cannot be repaired now keeps no other from it.
    let attempts: Vec<_> = waiting.iter().map(|damage| repair(repository, *damage)).collect();
    attempts.into_iter().collect::<Result<Vec<_>, _>>().map(drop)
}

//! Attempt: the repair of one thing that is damaged.

use std::time::Duration;

use crate::flow::error::{Damage, FlowError};
use crate::flow::publish::generation;
use crate::flow::repair::{chunk, pack, stanza};
use crate::flow::repository::Repository;
use crate::flow::state::damage::Fate;

/// Repairs something, as far as that is possible, and notes what became of it. Blocks.
///
/// # Errors
/// [`FlowError`] from the stores; a later attempt may succeed.
pub fn repair(repository: &Repository, damage: Damage) -> Result<Fate, FlowError> {
    let fate = match damage {
        Damage::Pack(pack) => pack::repair(repository, &pack)?,
        Damage::Chunk(key) => chunk::repair(repository, &key)?,
        Damage::Index(id) => chunk::repair_file(repository, id)?,
        Damage::Stanza(package) => stanza::repair(repository, &package)?,
        Damage::Blob(_) => Fate::of_blob(),
    };
    match &fate {
        Fate::Repaired => tracing::warn!(%damage, "damage was repaired"),
        Fate::Replaced(text) => tracing::warn!(%damage, "what was damaged is made anew: {text}"),
        Fate::Lost(reason) => tracing::error!(%damage, reason, "damage was not repaired"),
        Fate::Found => {}
    }
    repository.damage.settle(damage, fate.clone());
    if fate == Fate::Repaired {
        // What failed because of the damage goes on.
        repository.desks().values().for_each(|desk| desk.wake());
    }
    Ok(fate)
}

/// Waits until what was made anew is listed by the suites, or `patience` is over.
pub async fn listed(repository: &Repository, patience: Duration) -> bool {
    let wait = async {
        for desk in repository.desks().values() {
            while desk.live().is_some()
                && (desk.live_indices().is_empty() || !generation::is_complete(desk))
            {
                desk.pause(LOOK_AGAIN).await;
            }
        }
    };
    tokio::time::timeout(patience, wait).await.is_ok()
}

/// How long to wait before the next look.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

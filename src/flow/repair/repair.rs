//! Repair: one thing that is damaged.

use crate::flow::error::{Damage, FlowError};
use crate::flow::repair::{pack, stanza};
use crate::flow::repository::Repository;
use crate::flow::state::damage::Fate;

/// Repairs something, as far as that is possible, and notes what became of it. Blocks.
///
/// # Errors
/// [`FlowError`] from the stores; a later attempt may succeed.
pub(crate) fn repair(repository: &Repository, damage: Damage) -> Result<Fate, FlowError> {
    let fate = match damage {
        Damage::Pack(pack) => pack::repair(repository, &pack)?,
        Damage::Chunk(key) => {
            repository.catalogue.forget_chunks(&[key])?;
            Fate::Replaced("index files of earlier generations that were made of it".into())
        }
        Damage::Stanza(package) => stanza::repair(repository, &package)?,
        Damage::Blob(_) => Fate::of_blob(),
    };
    match &fate {
        Fate::Repaired => tracing::warn!(%damage, "damage was repaired"),
        Fate::Replaced(gone) => tracing::warn!(%damage, gone, "what was damaged is made anew"),
        Fate::Lost(reason) => tracing::error!(%damage, reason, "damage was not repaired"),
        Fate::Found => {}
    }
    repository.damage.settle(damage, fate.clone());
    for desk in repository.desks().values() {
        match fate {
            // What failed because of the damage goes on.
            Fate::Repaired => desk.wake(),
            Fate::Replaced(_) => desk.forget_files(),
            Fate::Found | Fate::Lost(_) => {}
        }
    }
    Ok(fate)
}

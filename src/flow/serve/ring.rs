//! Ring: in which ring of a suite a host is, and what that ring is served.

use std::sync::Arc;

use crate::catalogue::IndexRecord;
use crate::debian::SuiteName;
use crate::domain::{Identity, RingId};
use crate::flow::error::FlowError;
use crate::flow::repository::Repository;
use crate::flow::suite::desk::Desk;
use crate::flow::suite::served::Served;

/// What a host is served, and its ring where that is something else than everybody is served.
pub(super) fn of(
    repository: &Repository,
    desk: &Desk,
    everybodys: Arc<Served>,
    host: &Identity,
) -> (Option<RingId>, Arc<Served>) {
    // Nearly always all rings are offered the same.
    if everybodys.rings.is_empty() {
        return (None, everybodys);
    }
    let ring = repository.ring_of(desk, host);
    let own = everybodys.rings.iter().find(|(id, _)| Some(*id) == ring);
    match own {
        Some((ring, served)) => (Some(*ring), Arc::clone(served)),
        None => (None, everybodys),
    }
}

/// The index file at a path in a generation, as a ring is offered it or as everybody is.
pub(super) fn find_index(
    repository: &Repository,
    suite: &SuiteName,
    ring: Option<RingId>,
    generation: u64,
    path: &str,
) -> Result<Option<IndexRecord>, FlowError> {
    if let Some(ring) = ring {
        let own = repository.catalogue.find_ring_index(suite, ring, generation, path)?;
        if own.is_some() {
            return Ok(own);
        }
    }
    Ok(repository.catalogue.find_index(suite, generation, path)?)
}

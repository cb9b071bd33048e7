//! Ring: in which ring of a suite a host is, and what that ring is served.

use std::sync::Arc;

use crate::domain::{Identity, RingId};
use crate::flow::repository::Repository;
use crate::flow::suite::desk::Desk;
use crate::flow::suite::served::Served;

/// The ring of a host and what it is served, where that is something else than everybody is.
pub(super) fn of(
    repository: &Repository,
    desk: &Desk,
    everybodys: &Served,
    host: &Identity,
) -> Option<(RingId, Arc<Served>)> {
    // Nearly always all rings are offered the same.
    if everybodys.rings.is_empty() {
        return None;
    }
    let ring = repository.ring_of(desk, host)?;
    everybodys.rings.iter().find(|(id, _)| *id == ring).cloned()
}

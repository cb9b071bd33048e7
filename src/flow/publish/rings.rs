//! Rings: the indices of the rings that are offered something else than everybody, made from everybody's.

use crate::catalogue::SuiteState;
use crate::domain::rolling::ring_contents;
use crate::domain::{IndexFile, RingFiles, StoredChunk};
use crate::flow::error::FlowError;
use crate::flow::index::live::LiveIndices;
use crate::flow::publish::indices;
use crate::flow::repository::Repository;
use crate::flow::suite::desk::Desk;

/// The files of these rings, and their chunks that are durable but not yet recorded.
#[derive(Default)]
pub(crate) struct Built {
    pub rings: Vec<RingFiles>,
    pub chunks: Vec<StoredChunk>,
}

/// Makes the files of the rings of a suite whose state is `after`, and whose indices for everybody are `everybody`.
/// `None` when `may_go_on` gave `false`.
///
/// # Errors
/// [`FlowError`] from the stores.
pub(crate) fn build(
    repository: &Repository,
    desk: &Desk,
    after: &SuiteState,
    everybody: &LiveIndices,
    may_go_on: &dyn Fn() -> bool,
) -> Result<Option<Built>, FlowError> {
    let mut built = Built::default();
    if after.rollouts.open.is_empty() {
        return Ok(Some(built));
    }
    let draft = after.draft();
    for ring in after.spec.rings.iter() {
        let Some((contents, moves)) = ring_contents(&draft, &after.contents, ring.id) else {
            continue;
        };
        let both = (&after.contents, &contents);
        let from = indices::From { spec: &after.spec, before: everybody.clone() };
        let Some(new) = indices::build(repository, desk, from, both, &moves, may_go_on)? else {
            return Ok(None);
        };
        built.rings.push((ring.id, new.live_indices.files()));
        built.chunks.extend(new.new_chunks);
    }
    Ok(Some(built))
}

/// What the Release of a ring lists: its own indices, and beside them the lagging files of everybody.
pub(crate) fn listed(own: &[IndexFile], everybody: &[IndexFile]) -> Vec<IndexFile> {
    let lagging = everybody.iter().filter(|file| file.made_of.is_some());
    own.iter().chain(lagging).cloned().collect()
}

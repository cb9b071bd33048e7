//! Rollouts: those of a suite, and how far they are.

use std::sync::Arc;

use crate::debian::SuiteName;
use crate::domain::{Rings, Rollout};
use crate::flow::error::FlowError;
use crate::flow::report::reports::reading;
use crate::flow::repository::Repository;

/// The newest rollouts of a suite, the newest first, and its rings. Both are empty where there is no such suite.
///
/// # Errors
/// [`FlowError`] from the catalogue.
pub async fn list(
    repository: &Arc<Repository>,
    suite: &SuiteName,
    limit: u32,
) -> Result<(Rings, Vec<Rollout>), FlowError> {
    let suite = suite.clone();
    reading(repository, move |repository| {
        let Some(desk) = repository.desk(&suite) else { return Ok(Default::default()) };
        let rings = desk.state().spec.rings.clone();
        Ok((rings, repository.catalogue.list_rollouts(&suite, limit)?))
    })
    .await
}

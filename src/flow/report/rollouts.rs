//! Rollouts: those of a suite, and how far they are.

use std::sync::Arc;

use crate::debian::SuiteName;
use crate::domain::{Rings, Rollout, RolloutState};
use crate::flow::error::FlowError;
use crate::flow::report::concern::{Circle, Concern, WarningCode};
use crate::flow::report::reports::reading;
use crate::flow::repository::Repository;
use crate::flow::suite::desk::Desk;

/// The rollouts that are paused. Why names hosts, and is for operators of the suite.
pub(super) fn concerns(repository: &Repository) -> Vec<Concern> {
    let mut concerns = Vec::new();
    for (suite, desk) in repository.desks().iter() {
        let state = desk.state();
        let open = state.rollouts.open.values();
        for rollout in open.filter(|one| one.state == RolloutState::Paused) {
            let text = format!(
                "{} of suite {suite} is paused until somebody has it go on or aborts it; \
                 `repoctl rollout status --suite {suite}` says why",
                rollout.told()
            );
            let of = Circle::Readers(suite.clone());
            concerns.push(Concern { code: WarningCode::RolloutPaused, text, of });
        }
    }
    concerns
}

/// How many rollouts are in each state in which they are open.
pub(super) fn states(repository: &Repository) -> Vec<(&'static str, u64)> {
    let desks = repository.desks();
    let number = |state: RolloutState| {
        let of = |desk: &Arc<Desk>| {
            let all = desk.state();
            all.rollouts.open.values().filter(|one| one.state == state).count()
        };
        (state.as_str(), desks.values().map(of).sum::<usize>() as u64)
    };
    [RolloutState::Running, RolloutState::Paused, RolloutState::Superseded].map(number).to_vec()
}

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

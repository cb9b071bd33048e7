//! Rollouts take their steps by themselves, as the policy of their suite says: by time, or by what hosts report.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep};
use tracing::{error, info, warn};

use crate::domain::pinning::Leeway;
use crate::domain::policy::{Abort, Advance};
use crate::domain::ring::EVERYONE;
use crate::domain::verdict::{Step, Verdict};
use crate::domain::{Change, Rollout, RolloutChange, RolloutRef, RolloutStep, Way};
use crate::flow::error::FlowError;
use crate::flow::inventory::verdicts;
use crate::flow::repository::Repository;
use crate::flow::suite::desk::Desk;
use crate::flow::suite::queue::Job;

/// How long until rollouts are looked at again where nothing is reported.
const LOOK: Duration = Duration::from_secs(20);
/// The shortest time between two looks.
const PACE: Duration = Duration::from_secs(1);
/// A look reads what all hosts of the rings report: it is followed by so many times its own duration without one.
const REST: u32 = 19;

/// Looks at rollouts whenever something is reported, and from time to time, until it is aborted.
pub async fn keep(repository: Arc<Repository>) {
    loop {
        tokio::select! {
            () = repository.reported.notified() => {}
            () = sleep(LOOK) => {}
        }
        let begun = Instant::now();
        look(&repository).await;
        sleep(begun.elapsed().saturating_mul(REST).max(PACE)).await;
    }
}

/// Has every rollout take the step that is due. Failures are logged; the next look finds them again.
async fn look(repository: &Arc<Repository>) {
    // By a clock in doubt nothing is over.
    if repository.doubt().is_some() {
        return;
    }
    for desk in repository.desks().values().filter(|desk| is_judged(desk)) {
        match verdicts(repository, &desk.suite).await {
            Ok(verdicts) => {
                for (id, verdict) in verdicts {
                    take_step(desk, id, verdict).await;
                }
            }
            Err(problem) => {
                error!(suite = %desk.suite, %problem, "its rollouts could not be judged; it is tried again");
            }
        }
    }
}

/// Whether a suite has a rollout that may go on or stop by itself.
fn is_judged(desk: &Desk) -> bool {
    let state = desk.state();
    let policy = &state.spec.rollout;
    let is_manual = policy.advance == Advance::Manual && policy.abort == Abort::Never;
    let is_due = |one: &Rollout| one.is_running() && (!is_manual || one.reached.is_empty());
    state.rollouts.open.values().any(is_due)
}

async fn take_step(desk: &Desk, id: u64, verdict: Verdict) {
    let step = match verdict.step {
        Step::Wait => return,
        Step::Soak => RolloutStep::Soak,
        Step::Pause => RolloutStep::Pause,
        Step::Abort => RolloutStep::Abort,
        // The ring is named, so that a person who advances at the same moment does not have it take two steps.
        Step::Advance => {
            RolloutStep::Advance(Way { to: Some(next_ring(desk, id)), ..Way::default() })
        }
        Step::Start => RolloutStep::Start(Way::default()),
    };
    let verb = step.verb();
    let change = Change::Rollout(RolloutChange { of: RolloutRef::Number(id), step });
    let (job, answer) = Job::of_server(change);
    // What fails is taken back whatever needs it.
    let leeway = Leeway { force: verdict.step == Step::Abort, ..Leeway::default() };
    let (suite, why) = (&desk.suite, verdict.why.clone());
    let sent = desk.submit(Job { message: verdict.why, leeway, ..job });
    let done = match sent {
        Ok(()) => answer.await.unwrap_or_else(|_| Ok(Default::default())),
        Err(problem) => Err(problem),
    };
    match done {
        Ok(_) if matches!(verdict.step, Step::Pause | Step::Abort) => {
            warn!(%suite, rollout = id, verb, why, "a rollout stopped by itself");
        }
        Ok(_) => info!(%suite, rollout = id, verb, why, "a rollout went on by itself"),
        // Somebody was faster.
        Err(FlowError::Conflict(problem)) => {
            info!(%suite, rollout = id, verb, %problem, "a step of a rollout was not taken");
        }
        Err(problem) => {
            error!(%suite, rollout = id, verb, %problem, "a step of a rollout failed; it is tried again");
        }
    }
}

fn next_ring(desk: &Desk, id: u64) -> String {
    let state = desk.state();
    let reached = state.rollouts.open.get(&id).map(|rollout| &rollout.reached);
    let is_next =
        |ring: &&crate::domain::ring::Ring| reached.is_none_or(|all| !all.contains_key(&ring.id));
    let next = state.spec.rings.iter().find(is_next).map(|ring| ring.name.to_string());
    next.unwrap_or_else(|| EVERYONE.to_owned())
}

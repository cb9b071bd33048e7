//! Outrun: changes that the catalogue refused, because another suite recorded something meanwhile
//! that is in their way.

use crate::domain::add::Added;
use crate::domain::{Applied, Change, Conflict, ConflictKind, Package};
use crate::flow::error::FlowError;
use crate::flow::suite::queue::Job;

/// How often a change is judged again.
const MOST: u32 = 2;

/// A job with its outcome, as it was judged before the catalogue refused the batch.
type Judged = (Job, Option<Result<Applied, FlowError>>);

/// The jobs of a refused batch that are to be judged again. Then each gets the answer that it would
/// have got a moment later, and those that have nothing to do with the conflict are made.
///
/// What is in the way may not show yet: a large change is recorded before it is published. Jobs that
/// met it too often are answered with the conflict.
pub(crate) fn judged_again(jobs: Vec<Judged>, conflict: &Conflict) -> Vec<Job> {
    let any = jobs.iter().any(|job| is_concerned(job, conflict));
    let mut again = Vec::new();
    for judged in jobs {
        let concerned = !any || is_concerned(&judged, conflict);
        let (job, _) = judged;
        if concerned && job.outrun >= MOST {
            // The asker may be gone.
            let _ = job.reply.send(Err(conflict.clone().into()));
            continue;
        }
        let outrun = job.outrun.saturating_add(concerned.into());
        again.push(Job { outrun, ..job });
    }
    again
}

/// Whether a job did what the catalogue refused.
fn is_concerned((job, outcome): &Judged, conflict: &Conflict) -> bool {
    let Some(Ok(applied)) = outcome else { return false };
    let named = |one: &Added| {
        let Package { name, version, architecture, .. } = &*one.package;
        let subject = format!("{name} {version} {architecture}");
        conflict.reasons.iter().any(|reason| reason.subject == subject)
    };
    match conflict.kind {
        ConflictKind::Version => applied.added.iter().any(named),
        _ => matches!(job.change, Change::Edit(_)),
    }
}

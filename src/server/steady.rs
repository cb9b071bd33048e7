//! Steady: the log says when the clock jumps and when it is right again, and what it shows while it is
//! right is kept for the next start.

use tracing::{info, warn};

use crate::flow::Repository;
use crate::flow::report::clock::concern;

/// How often what the clock shows is kept. Unit: seconds.
const KEEP_SECONDS: i64 = 60;

/// What was seen of the clock last.
#[derive(Default)]
pub(super) struct ClockSeen {
    in_doubt: bool,
    /// When what the clock shows was kept last, by the clock that nobody can set.
    kept_at: Option<i64>,
}

impl ClockSeen {
    /// Looks at the clock again. Blocks for the disk.
    pub(super) fn look(&mut self, repository: &Repository) {
        let doubt = repository.doubt();
        if doubt.is_some() != self.in_doubt {
            match (&doubt, concern(repository)) {
                (Some(_), Some(concern)) => {
                    warn!(code = concern.code.as_str(), "{}", concern.text);
                }
                (_, Some(concern)) => info!("{}", concern.text),
                _ => info!("the clock is not in doubt any more"),
            }
            self.in_doubt = doubt.is_some();
        }
        let (_, uptime) = repository.clock.both();
        let due = self.kept_at.is_none_or(|at| uptime.saturating_sub(at) >= KEEP_SECONDS);
        if due && doubt.is_none() {
            keep(repository);
            self.kept_at = Some(uptime);
        }
    }
}

/// Keeps what the clock shows, unless it is in doubt.
pub(super) fn keep(repository: &Repository) {
    if repository.doubt().is_some() {
        return;
    }
    if let Err(problem) = repository.signer.keep_reading(&repository.clock.reading()) {
        warn!(%problem, "the next start cannot compare its clock with what it shows now");
    }
}

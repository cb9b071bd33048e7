//! Turns: when a pass begins, and what is looked at between two.

use std::sync::Arc;
use std::time::Duration;

use tracing::{error, warn};

use crate::flow::error::Damage;
use crate::flow::repository::Repository;
use crate::flow::scrub::look::Look;
use crate::flow::scrub::pass::{self, Pass};
use crate::flow::scrub::place::{Place, Stage, Unrepaired};
use crate::flow::scrub::surroundings::{Loaded, Surroundings};
use crate::flow::scrub::unit;
use crate::time::Moment;

/// How often to look whether a pass is due.
const LOOK: Duration = Duration::from_secs(1);
/// How long to wait when a store could not be read.
const AGAIN: Duration = Duration::from_secs(60);
/// How often what is not repaired by itself is looked at again.
const RECHECK: Duration = Duration::from_secs(3_600);

/// Scrubs until the surroundings end it. Blocks; it is for a thread of its own.
pub fn run(repository: &Arc<Repository>, surroundings: &dyn Surroundings) {
    let mut turns = Turns::begin(repository, surroundings);
    let wait = Duration::from_secs(repository.limits().scrub.wait_seconds);
    turns.remember();
    let mut goes_on = surroundings.pause(wait);
    while goes_on {
        goes_on = surroundings.pause(turns.turn());
    }
    turns.end();
}

struct Turns<'t> {
    repository: &'t Arc<Repository>,
    surroundings: &'t dyn Surroundings,
    place: Place,
    /// Whether the place lies on the disk, so that it is missed when it is gone.
    is_kept: bool,
    rechecked_at: Option<Duration>,
}

impl<'t> Turns<'t> {
    fn begin(repository: &'t Arc<Repository>, surroundings: &'t dyn Surroundings) -> Self {
        let (place, is_kept) = match surroundings.load() {
            Loaded::Place(place) => (*place, true),
            Loaded::Absent => (Place::default(), false),
            Loaded::Damaged(problem) => {
                warn!(%problem, "the place of the scrub is lost; it begins anew");
                (Place::default(), false)
            }
        };
        pass::tell(repository, &place, 0);
        Self { repository, surroundings, place, is_kept, rechecked_at: None }
    }

    /// Notes again for repair what was damaged before the restart and still is.
    fn remember(&mut self) {
        let look = Look::new(self.repository, self.surroundings);
        for one in std::mem::take(&mut self.place.damage) {
            let (stage, damage) = match one {
                Unrepaired::Package(digest) => (Stage::Packages, Damage::Blob(digest)),
                Unrepaired::Pack(digest) => (Stage::Packs, Damage::Pack(digest)),
                Unrepaired::Stanza(digest) => (Stage::Packages, Damage::Stanza(digest)),
            };
            let (Damage::Blob(digest) | Damage::Pack(digest) | Damage::Stanza(digest)) = damage
            else {
                continue;
            };
            let unit = unit::of(self.repository, stage, &digest.to_string());
            let found = unit.map(|unit| unit.map(|unit| look.at(&unit)).transpose());
            // What cannot be looked at now is not forgotten.
            let Ok(Ok(found)) = found else {
                self.repository.damage.note(damage);
                continue;
            };
            let mut found = found.iter().flatten().flat_map(|(_, finding)| &finding.damage);
            if found.any(|still| *still == damage) {
                self.repository.damage.note(damage);
            }
        }
    }

    /// Does what is due, and gives how long there is nothing to do.
    fn turn(&mut self) -> Duration {
        let (repository, surroundings) = (self.repository, self.surroundings);
        let limits = repository.limits().scrub;
        if limits.days == 0 {
            return LOOK;
        }
        if !self.is_wanted() && !self.is_due(limits.period_seconds()) {
            self.recheck();
            return LOOK;
        }
        match Pass::new(repository, surroundings, &mut self.place).run() {
            Ok(_) => {}
            Err(problem) => {
                error!(%problem, "the scrub cannot go on; it is tried again");
                let text = format!("it cannot go on: {problem}");
                repository.scrubbing.update(|report| report.failure = Some(text));
                return AGAIN;
            }
        }
        // Not by a look at it: whoever removes it may have done so already.
        self.is_kept = repository.scrubbing.report().failure.is_none();
        self.rechecked_at = Some(repository.clock.elapsed());
        LOOK
    }

    /// Whether somebody wants a pass now: whoever removes the file does.
    fn is_wanted(&self) -> bool {
        self.is_kept && self.surroundings.load() == Loaded::Absent
    }

    fn is_due(&self, period_seconds: i64) -> bool {
        if self.place.present.is_some() {
            return true;
        }
        // While the clock is in doubt, nobody knows how long ago that was.
        let Some(last) = self.place.last else { return true };
        let since = self.repository.now().since(Moment(last.began_at));
        self.repository.doubt().is_none() && !(0..period_seconds).contains(&since)
    }

    /// Looks again, from time to time and after the start, at what is not repaired by itself.
    fn recheck(&mut self) {
        let now = self.repository.clock.elapsed();
        let is_due = self.rechecked_at.is_none_or(|at| now.saturating_sub(at) >= RECHECK);
        if self.place.warnings.is_empty() || !is_due {
            return;
        }
        self.rechecked_at = Some(now);
        Pass::new(self.repository, self.surroundings, &mut self.place).look_again();
        // Not where somebody has just removed it.
        if !self.is_wanted() {
            pass::keep(self.repository, self.surroundings, &mut self.place);
        }
    }

    /// Keeps the place as it is when the server stops.
    fn end(mut self) {
        if self.repository.limits().scrub.days > 0 {
            pass::keep(self.repository, self.surroundings, &mut self.place);
        }
    }
}

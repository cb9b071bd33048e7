//! Pass: everything that is stored, one thing after the other, from where the last run stopped.

use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

use tracing::{info, warn};

use crate::flow::check::found::Finding;
use crate::flow::error::{Damage, FlowError};
use crate::flow::repository::Repository;
use crate::flow::scrub::look::{Found, Look};
use crate::flow::scrub::place::{Ended, Place, Present, Stage, Unrepaired, Warned};
use crate::flow::scrub::surroundings::Surroundings;
use crate::flow::scrub::unit::{self, Unit};
use crate::flow::state::damage::Fate;
use crate::flow::state::scrubbing::PresentPass;

/// How often the place is kept: what was read since is read again after a crash. Unit: seconds.
const KEEP_SECONDS: u64 = 60;
/// Most warnings that are kept: when a whole disk rots, the first tell enough.
const MOST_WARNINGS: usize = 200;
/// When so many things in a row cannot be looked at, it is not because of them.
const MOST_ERRORS: u32 = 20;

/// A pass on its way.
pub(super) struct Pass<'p> {
    repository: &'p Repository,
    surroundings: &'p dyn Surroundings,
    look: Look<'p>,
    place: &'p mut Place,
    expected_bytes: u64,
    kept_at: Duration,
    queue: VecDeque<Unit>,
    /// What was found, so that it is told once.
    seen: BTreeSet<Damage>,
    errors: u32,
}

impl<'p> Pass<'p> {
    pub(super) fn new(
        repository: &'p Repository,
        surroundings: &'p dyn Surroundings,
        place: &'p mut Place,
    ) -> Self {
        Self {
            repository,
            surroundings,
            look: Look::new(repository, surroundings),
            place,
            expected_bytes: 0,
            kept_at: repository.clock.elapsed(),
            queue: VecDeque::new(),
            seen: BTreeSet::new(),
            errors: 0,
        }
    }

    /// Goes on until all is read, or the scrub is to stop. Gives whether all is read.
    ///
    /// # Errors
    /// [`FlowError`] when a store cannot be read at all; the place stays where it is.
    pub(super) fn run(mut self) -> Result<bool, FlowError> {
        let repaired = self.repaired();
        self.begin()?;
        while self.goes_on() {
            self.set_rate();
            if let Some(unit) = self.queue.pop_front() {
                if !self.look_at(&unit)? {
                    break;
                }
                let cursor = unit.cursor();
                self.change(|present| present.after = cursor);
                self.keep_when_due();
                continue;
            }
            let (stage, after) = self.at();
            self.queue = unit::after(self.repository, stage, &after)?.into();
            if !self.queue.is_empty() {
                continue;
            }
            let Some(next) = unit::next(stage) else {
                self.end(&repaired);
                return Ok(true);
            };
            self.change(|present| (present.stage, present.after) = (next, String::new()));
            self.keep();
        }
        self.keep();
        Ok(false)
    }

    /// Looks again at what could not be repaired by itself: whether it was mended meanwhile.
    pub(super) fn look_again(&mut self) {
        let old: BTreeSet<_> =
            self.place.warnings.iter().map(|warned| (warned.stage, warned.part.clone())).collect();
        for (stage, part) in old {
            match unit::of(self.repository, stage, &part) {
                Ok(Some(unit)) if matches!(self.look_at(&unit), Ok(true)) => {}
                // What is not there any more is not damaged.
                Ok(None) => {
                    self.place.warnings.retain(|one| (one.stage, &one.part) != (stage, &part));
                }
                _ => return,
            }
        }
        self.tell();
    }

    /// Whether the server still runs, and still wants a scrub.
    fn goes_on(&self) -> bool {
        self.repository.limits().scrub.days > 0 && self.surroundings.pause(Duration::ZERO)
    }

    fn begin(&mut self) -> Result<(), FlowError> {
        self.expected_bytes = self.look.expected_bytes()?;
        let (now, expected_bytes) = (self.repository.now(), self.expected_bytes);
        match &self.place.present {
            Some(Present { stage, read_bytes, .. }) => {
                info!(?stage, read_bytes, expected_bytes, "the scrub goes on where it was");
            }
            None => {
                info!(expected_bytes, "a scrub of all that is stored begins");
                self.place.present = Some(Present { began_at: now.0, ..Present::default() });
                self.keep();
            }
        }
        self.tell();
        Ok(())
    }

    fn end(&mut self, repaired: &[Damage]) {
        let Some(present) = self.place.present.take() else { return };
        let read_bytes = self.read_bytes();
        let Present { began_at, findings, .. } = present;
        let ended_at = self.repository.now().0;
        self.place.last = Some(Ended { began_at, ended_at, read_bytes, findings });
        // What was repaired before this pass began was read by it, and is sound.
        for damage in repaired.iter().filter(|one| !self.seen.contains(one)) {
            if self.repository.damage.was_repaired(*damage) {
                self.repository.damage.forget(*damage);
            }
        }
        self.repository.scrubbing.note_pass();
        self.tell();
        self.keep();
        let open = self.place.warnings.len();
        match findings {
            0 if open == 0 => info!(read_bytes, "the scrub ended: all of it is what was stored"),
            _ => warn!(read_bytes, findings, open, "the scrub ended; it found what is damaged"),
        }
    }

    fn repaired(&self) -> Vec<Damage> {
        let all = self.repository.damage.all().into_iter();
        let repaired = |fate: &Fate| matches!(fate, Fate::Repaired | Fate::Replaced(_));
        all.filter(|(_, fate)| repaired(fate)).map(|(damage, _)| damage).collect()
    }

    fn at(&self) -> (Stage, String) {
        let present = self.place.present.as_ref();
        present.map(|present| (present.stage, present.after.clone())).unwrap_or_default()
    }

    fn change(&mut self, change: impl FnOnce(&mut Present)) {
        let read_bytes = self.read_bytes();
        if let Some(present) = &mut self.place.present {
            present.read_bytes = read_bytes;
            change(present);
        }
    }

    fn read_bytes(&self) -> u64 {
        let present = self.repository.scrubbing.report().present;
        present.map(|present| present.read_bytes).unwrap_or_default()
    }

    fn set_rate(&self) {
        let began_at = self.place.present.as_ref().map_or(0, |present| present.began_at);
        let spent_seconds = self.repository.now().0.saturating_sub(began_at);
        let left_bytes = self.expected_bytes.saturating_sub(self.read_bytes());
        self.look.set_rate(left_bytes, spent_seconds);
    }

    /// Looks at one thing. Gives whether it was looked at; otherwise the scrub is to stop.
    fn look_at(&mut self, unit: &Unit) -> Result<bool, FlowError> {
        let found = self.look.at(unit);
        if !self.surroundings.pause(Duration::ZERO) {
            return Ok(false);
        }
        let found = match found {
            Ok(found) => {
                self.errors = 0;
                found
            }
            Err(problem) if self.errors >= MOST_ERRORS => return Err(problem),
            Err(problem) => {
                self.errors += 1;
                let text = format!("{unit} could not be looked at: {problem}");
                vec![(unit.kind(), Finding { text, damage: Vec::new() })]
            }
        };
        self.take(unit, found);
        Ok(true)
    }

    /// Takes what was found of a thing in place of what was known of it before.
    fn take(&mut self, unit: &Unit, found: Found) {
        let (stage, part) = (unit.stage(), unit.cursor());
        let is_own = |warned: &Warned| (warned.stage, &warned.part) == (stage, &part);
        let (before, others) =
            std::mem::take(&mut self.place.warnings).into_iter().partition(is_own);
        let before: Vec<Warned> = before;
        self.place.warnings = others;
        for (kind, finding) in found {
            let text = finding.text;
            let is_known = match finding.damage.is_empty() {
                true => before.iter().any(|warned| warned.text == text),
                false => !finding.damage.iter().any(|damage| self.seen.insert(*damage)),
            };
            if !is_known {
                warn!(kind = kind.word(), "the scrub found: {text}");
                self.repository.scrubbing.note_finding(kind);
                self.change(|present| present.findings = present.findings.saturating_add(1));
            }
            finding.damage.iter().for_each(|damage| self.repository.damage.note(*damage));
            if finding.damage.is_empty() && self.place.warnings.len() < MOST_WARNINGS {
                self.place.warnings.push(Warned { stage, part: part.clone(), text });
            }
        }
        let still = |warned: &&Warned| !self.place.warnings.contains(warned);
        for mended in before.iter().filter(still) {
            info!("the scrub found mended: {}", mended.text);
        }
        self.tell();
    }

    /// Tells status how far it is.
    fn tell(&self) {
        tell(self.repository, self.place, self.expected_bytes);
    }

    fn keep_when_due(&mut self) {
        let since = self.repository.clock.elapsed().saturating_sub(self.kept_at);
        if since >= Duration::from_secs(KEEP_SECONDS) {
            self.keep();
        }
    }

    fn keep(&mut self) {
        self.change(|_| ());
        self.kept_at = self.repository.clock.elapsed();
        keep(self.repository, self.surroundings, self.place);
    }
}

/// Tells status where the scrub is.
pub(super) fn tell(repository: &Repository, place: &Place, expected_bytes: u64) {
    let warnings = place.warnings.iter().map(|warned| warned.text.clone()).collect();
    let pass = |present: &Present| PresentPass {
        began_at: crate::time::Moment(present.began_at),
        read_bytes: present.read_bytes,
        expected_bytes,
        findings: present.findings,
    };
    let present = place.present.as_ref().map(pass);
    repository.scrubbing.update(|report| {
        // What was read of the thing that is being looked at is counted already.
        let counted = report.present.map_or(0, |present| present.read_bytes);
        report.present = present
            .map(|present| PresentPass { read_bytes: present.read_bytes.max(counted), ..present });
        report.last = place.last.map(Into::into);
        report.warnings = warnings;
    });
}

/// Keeps the place, with what is damaged and not repaired.
pub(super) fn keep(repository: &Repository, surroundings: &dyn Surroundings, place: &mut Place) {
    let all = repository.damage.all().into_iter();
    let unrepaired = |fate: &Fate| matches!(fate, Fate::Found | Fate::Lost(_));
    let damage = all.filter(|(_, fate)| unrepaired(fate));
    place.damage = damage.filter_map(|(damage, _)| Unrepaired::of(damage)).collect();
    let failure = surroundings.keep(place).err();
    if let Some(problem) = &failure {
        warn!(%problem, "the place of the scrub could not be kept; after a restart it begins anew");
    }
    repository.scrubbing.update(|report| {
        report.failure = failure.map(|problem| format!("its place cannot be kept: {problem}"));
    });
}

//! Jump: whether the wall clock still runs beside the clock that nobody can set.
//!
//! The difference between the two is a line. A clock that was put forward or back is on another
//! line. Until one knows which of the two lines is right, the clock is in doubt
//! (`docs/adr/0039-clock.md`).

use std::sync::{Mutex, PoisonError};

use super::moment::Moment;

/// How long a clock that jumped is in doubt when nothing proves it right. Unit: seconds.
pub const HOLD_SECONDS: i64 = 3_600;
/// The least difference that is a jump: what apt forgives a Date that lies ahead. Smaller steps are followed.
/// Unit: seconds.
const LEAST_SECONDS: i64 = 10;
/// How long a machine may have been off so that its clock is not in doubt at the next start. Unit:
/// seconds.
const REBOOT_SECONDS: i64 = 600;
/// How long a jump is told after it was over. Unit: seconds.
const TOLD_SECONDS: i64 = 3_600;

/// The boot where the kernel does not tell which it is.
pub(super) const UNKNOWN: &str = "unknown";

/// What both clocks of a machine showed at one time.
///
/// Shape as a text: the moment, the uptime and the boot, with blanks between, and a newline.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Reading {
    /// The wall clock.
    pub at: Moment,
    /// The time since the machine started. Unit: seconds.
    pub uptime_seconds: i64,
    /// Which start of the machine that is.
    pub boot: String,
}

impl Reading {
    /// The text form.
    pub fn write(&self) -> String {
        format!("{} {} {}\n", self.at.0, self.uptime_seconds, self.boot)
    }

    /// Reads the text form; `None` for any other text.
    pub fn parse(text: &str) -> Option<Self> {
        let mut words = text.strip_suffix('\n')?.split(' ');
        let at = Moment(words.next()?.parse().ok()?);
        let uptime_seconds = words.next()?.parse().ok()?;
        let boot = words.next()?.to_owned();
        let read = Self { at, uptime_seconds, boot };
        (read.write() == text).then_some(read)
    }

    /// The line that the clock is on.
    fn line(&self) -> i64 {
        self.at.0.saturating_sub(self.uptime_seconds)
    }
}

/// Why the clock is not trusted at present.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Doubt {
    /// How far it is from where it was expected: ahead, or behind when negative. `None` when nothing is
    /// expected: since a start there was nothing to compare it with. Unit: seconds.
    pub off_seconds: Option<i64>,
    /// How long it has run on without another jump. Unit: seconds.
    pub calm_seconds: i64,
}

impl Doubt {
    /// How long it stays in doubt, unless it agrees again before. Unit: seconds.
    pub fn left_seconds(&self) -> i64 {
        HOLD_SECONDS.saturating_sub(self.calm_seconds).max(0)
    }
}

/// A jump that is over.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PastJump {
    /// The furthest that the clock was off. Unit: seconds.
    pub off_seconds: Option<i64>,
    /// How long it was in doubt. Unit: seconds.
    pub lasted_seconds: i64,
    /// Whether it came back to where it had been expected, and not another time was taken for right.
    pub came_back: bool,
}

/// Compares the two clocks, and remembers which lines were right.
#[derive(Debug)]
pub struct Steadiness(Mutex<Lines>);

#[derive(Debug, Default)]
struct Lines {
    /// The line that counts; `None` after a start with nothing to compare with.
    trusted: Option<i64>,
    /// The line that counted before that one was taken for right by its age alone.
    former: Option<i64>,
    /// The lines of a clock that went on right while the machine was off.
    likely: Option<(i64, i64)>,
    doubt: Option<Doubted>,
    /// The last jump, and the uptime at its end.
    past: Option<(PastJump, i64)>,
}

#[derive(Clone, Copy, Debug)]
struct Doubted {
    line: i64,
    begun: i64,
    jumped: i64,
    furthest: Option<i64>,
}

impl Steadiness {
    /// The clock is right as it is.
    pub fn from(now: &Reading) -> Self {
        Self(Mutex::new(Lines { trusted: Some(now.line()), ..Lines::default() }))
    }

    /// Begins with what the clock showed when it was last right, and with the last Date that was signed.
    /// Without either the clock is right as it is.
    pub fn begin(&self, now: &Reading, last: Option<&Reading>, newest: Option<Moment>) {
        let mut lines = self.lines();
        let uptime = now.uptime_seconds;
        *lines = Lines::default();
        match last {
            Some(last) if last.boot == now.boot && now.boot != UNKNOWN => {
                lines.trusted = Some(last.line());
            }
            Some(last) => {
                let least = last.at.0.saturating_sub(uptime);
                lines.likely = Some((
                    least.saturating_sub(LEAST_SECONDS),
                    least.saturating_add(REBOOT_SECONDS),
                ));
                lines.doubt = Some(Doubted::begun(now.line(), uptime, None));
            }
            None if newest.is_some_and(|newest| now.at.plus(LEAST_SECONDS) < newest) => {
                lines.doubt = Some(Doubted::begun(now.line(), uptime, None));
            }
            None => lines.trusted = Some(now.line()),
        }
        lines.look(now.line(), uptime);
    }

    /// Compares the clocks again, and says whether the wall clock is in doubt.
    pub fn look(&self, now: Moment, uptime_seconds: i64) -> Option<Doubt> {
        let mut lines = self.lines();
        lines.look(now.0.saturating_sub(uptime_seconds), uptime_seconds);
        let doubt = lines.doubt?;
        let expected = lines.trusted;
        Some(Doubt {
            off_seconds: expected.map(|expected| doubt.line.saturating_sub(expected)),
            calm_seconds: uptime_seconds.saturating_sub(doubt.jumped),
        })
    }

    /// The earliest that it can be: of two lines one of which is right, the earlier one. A Date
    /// that is too early harms nobody; one that is too late is refused until then.
    pub fn earliest(&self, now: Moment, uptime_seconds: i64) -> Moment {
        self.look(now, uptime_seconds);
        let lines = self.lines();
        match (lines.doubt, lines.trusted) {
            (Some(_), Some(line)) => now.min(Moment(line.saturating_add(uptime_seconds))),
            _ => now,
        }
    }

    /// Takes the clock for right because a person says so.
    pub fn vouch(&self, now: Moment, uptime_seconds: i64) {
        let line = now.0.saturating_sub(uptime_seconds);
        let mut lines = self.lines();
        lines.settle(uptime_seconds, false);
        (lines.trusted, lines.former) = (Some(line), None);
    }

    /// The last jump, for an hour after it was over.
    pub fn past(&self, uptime_seconds: i64) -> Option<PastJump> {
        let (jump, over) = self.lines().past?;
        (uptime_seconds.saturating_sub(over) < TOLD_SECONDS).then_some(jump)
    }

    fn lines(&self) -> std::sync::MutexGuard<'_, Lines> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Doubted {
    fn begun(line: i64, uptime: i64, furthest: Option<i64>) -> Self {
        Self { line, begun: uptime, jumped: uptime, furthest }
    }
}

impl Lines {
    fn look(&mut self, line: i64, uptime: i64) {
        let near = |other: i64| line.saturating_sub(other).saturating_abs() <= LEAST_SECONDS;
        if self.trusted.is_some_and(near) {
            // Small steps are followed, or many of them would be a jump in the end.
            self.trusted = Some(line);
            return self.settle(uptime, true);
        }
        if self.former.is_some_and(near) {
            // It came back to where it was before a time was taken for right that was wrong.
            (self.trusted, self.former) = (Some(line), None);
            return self.settle(uptime, true);
        }
        if self.likely.is_some_and(|(least, most)| (least..=most).contains(&line)) {
            (self.trusted, self.likely) = (Some(line), None);
            return self.settle(uptime, true);
        }
        let off = self.trusted.map(|trusted| line.saturating_sub(trusted));
        let doubt = self.doubt.get_or_insert(Doubted::begun(line, uptime, off));
        if !near(doubt.line) {
            doubt.jumped = uptime;
        }
        doubt.line = line;
        if off.map(i64::saturating_abs) > doubt.furthest.map(i64::saturating_abs) {
            doubt.furthest = off;
        }
        if uptime.saturating_sub(doubt.jumped) >= HOLD_SECONDS {
            self.former = self.trusted.replace(line);
            self.likely = None;
            self.settle(uptime, false);
        }
    }

    fn settle(&mut self, uptime: i64, came_back: bool) {
        let Some(doubt) = self.doubt.take() else { return };
        let lasted_seconds = uptime.saturating_sub(doubt.begun);
        let past = PastJump { off_seconds: doubt.furthest, lasted_seconds, came_back };
        // A start that agreed at once is no jump.
        if doubt.furthest.is_some() || lasted_seconds > 0 {
            self.past = Some((past, uptime));
        }
    }
}

#[cfg(test)]
mod tests;

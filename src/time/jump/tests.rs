//! A clock on paper: two numbers, the wall clock and the uptime, of which one is put wrong.

use super::*;

const START: i64 = 1_800_000_000;
const DAY: i64 = 86_400;

/// A machine that has been up for a day.
struct Machine {
    steadiness: Steadiness,
    wall: i64,
    uptime: i64,
}

impl Machine {
    fn new() -> Self {
        let (wall, uptime) = (START, DAY);
        let steadiness = Steadiness::from(&reading(wall, uptime, "a"));
        Self { steadiness, wall, uptime }
    }

    /// Begins again, with what was kept.
    fn restarted(wall: i64, uptime: i64, last: Option<&Reading>, newest: Option<i64>) -> Self {
        let now = reading(wall, uptime, "b");
        let steadiness = Steadiness::from(&now);
        steadiness.begin(&now, last, newest.map(Moment));
        Self { steadiness, wall, uptime }
    }

    fn later(&mut self, seconds: i64) -> &mut Self {
        (self.wall, self.uptime) = (self.wall + seconds, self.uptime + seconds);
        self
    }

    fn jump(&mut self, seconds: i64) -> &mut Self {
        self.wall += seconds;
        self.look();
        self
    }

    fn look(&self) -> Option<Doubt> {
        self.steadiness.look(Moment(self.wall), self.uptime)
    }

    fn earliest(&self) -> i64 {
        self.steadiness.earliest(Moment(self.wall), self.uptime).0
    }

    fn past(&self) -> Option<PastJump> {
        self.steadiness.past(self.uptime)
    }
}

fn reading(wall: i64, uptime_seconds: i64, boot: &str) -> Reading {
    Reading { at: Moment(wall), uptime_seconds, boot: boot.into() }
}

#[test]
fn a_clock_that_runs_is_never_in_doubt_and_small_steps_are_followed() {
    let mut machine = Machine::new();
    for _ in 0..100 {
        assert_eq!(machine.later(DAY).look(), None);
        assert_eq!(machine.jump(9).look(), None);
        assert_eq!(machine.earliest(), machine.wall);
    }
    assert_eq!(machine.past(), None);
}

#[test]
fn a_jump_is_in_doubt_until_it_is_undone() {
    for off in [3_600, -3_600, 8 * DAY, -8 * DAY, 30 * DAY, -30 * DAY, 11, -11] {
        let mut machine = Machine::new();
        let doubt = machine.later(60).jump(off).later(25).look().unwrap();
        assert_eq!((doubt.off_seconds, doubt.calm_seconds), (Some(off), 25), "{off}");
        assert_eq!(doubt.left_seconds(), HOLD_SECONDS - 25);
        let right = machine.wall - off;
        assert_eq!(machine.earliest(), right.min(machine.wall), "{off}");
        machine.jump(-off);
        assert_eq!(machine.look(), None, "{off}");
        assert_eq!(machine.earliest(), right);
        let past = machine.past().unwrap();
        assert_eq!((past.off_seconds, past.lasted_seconds), (Some(off), 25));
        assert!(past.came_back);
        machine.later(TOLD_SECONDS);
        assert_eq!(machine.past(), None, "told for ever");
    }
}

#[test]
fn a_clock_that_stays_is_taken_for_right_after_the_hold_and_not_before() {
    for off in [8 * DAY, -8 * DAY] {
        let mut machine = Machine::new();
        assert!(machine.jump(off).later(HOLD_SECONDS - 1).look().is_some(), "{off}");
        assert_eq!(machine.later(1).look(), None, "{off}");
        assert!(!machine.past().unwrap().came_back);
        assert_eq!(machine.earliest(), machine.wall);
        // It was wrong after all: where it was before is right at once.
        assert_eq!(machine.later(DAY).jump(-off).look(), None, "{off}");
        // What was wrong once is in doubt again.
        assert!(machine.later(DAY).jump(off).look().is_some(), "{off}");
    }
}

#[test]
fn another_jump_begins_the_hold_anew() {
    let mut machine = Machine::new();
    machine.jump(3_600).later(HOLD_SECONDS - 10).jump(3_600);
    assert_eq!(machine.later(20).look().unwrap().calm_seconds, 20);
    assert_eq!(machine.look().unwrap().off_seconds, Some(7_200));
    assert_eq!(machine.earliest(), machine.wall - 7_200);
    assert_eq!(machine.jump(-7_200).look(), None);
}

#[test]
fn a_person_may_say_that_the_clock_is_right() {
    let mut machine = Machine::new();
    machine.jump(-8 * DAY).later(30);
    machine.steadiness.vouch(Moment(machine.wall), machine.uptime);
    assert_eq!(machine.look(), None);
    assert_eq!(machine.earliest(), machine.wall);
    assert!(machine.jump(8 * DAY).look().is_some(), "the old line still counts");
}

#[test]
fn a_restart_of_the_server_forgets_no_line() {
    let last = reading(START, DAY, "b");
    for off in [0, 3_600, -3_600, 8 * DAY, -30 * DAY] {
        let mut machine = Machine::restarted(START + 50 + off, DAY + 50, Some(&last), None);
        assert_eq!(
            machine.look().and_then(|doubt| doubt.off_seconds),
            Some(off).filter(|_| off != 0)
        );
        assert_eq!(machine.jump(-off).look(), None, "{off}");
        assert_eq!(machine.earliest(), machine.wall);
    }
}

#[test]
fn a_machine_that_starts_with_a_wrong_clock_waits_until_it_is_likely() {
    let last = reading(START, DAY, "a");
    // Off for a minute, or until just now.
    for off in [0, 60, REBOOT_SECONDS] {
        let machine = Machine::restarted(START + off, 30, Some(&last), None);
        assert_eq!(machine.look(), None, "{off}");
        assert_eq!(machine.past(), None, "{off}");
    }
    for wrong in [0, START - 30, START + 8 * DAY, START + 9 * 365 * DAY] {
        let mut machine = Machine::restarted(wrong, 30, Some(&last), None);
        let doubt = machine.look().unwrap();
        assert_eq!(doubt.off_seconds, None, "{wrong}");
        // Nothing says what would be earlier.
        assert_eq!(machine.earliest(), wrong);
        machine.later(100);
        let right = START + 90 + 100;
        machine.jump(right - machine.wall);
        assert_eq!(machine.look(), None, "{wrong}");
    }
    // A machine that was off for long has to wait.
    let mut machine = Machine::restarted(START + 8 * DAY, 30, Some(&last), None);
    assert!(machine.later(HOLD_SECONDS - 1).look().is_some());
    assert_eq!(machine.later(1).look(), None);
}

#[test]
fn without_a_reading_the_last_date_counts() {
    assert_eq!(Machine::restarted(START, 30, None, None).look(), None);
    assert_eq!(Machine::restarted(START, 30, None, Some(START - DAY)).look(), None);
    let mut machine = Machine::restarted(START, 30, None, Some(START + DAY));
    assert_eq!(machine.look().unwrap().off_seconds, None);
    assert_eq!(machine.later(HOLD_SECONDS).look(), None);
}

#[test]
fn a_reading_has_one_text() {
    let one = reading(START, 5, "0f4e-1");
    assert_eq!(Reading::parse(&one.write()), Some(one));
    for bad in ["", "\n", "1 2\n", "1 2 b", "1 2 b c\n", "01 2 b\n", "x 2 b\n", " 1 2 b\n"] {
        assert_eq!(Reading::parse(bad), None, "{bad:?}");
    }
}

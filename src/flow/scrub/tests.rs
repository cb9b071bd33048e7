//! Tests of the scrub: its pace, and its place.

use std::sync::Mutex;
use std::time::Duration;

use super::pace::{Pace, rate};
use super::place::{Ended, Place, Present, Stage, Unrepaired, Warned};
use super::surroundings::{Loaded, Surroundings};
use crate::digest::Digest;
use crate::flow::state::scrubbing::{ScrubLimits, Scrubbing};

/// Counts the time that was waited, and waits for none.
#[derive(Default)]
struct Counting {
    waited: Mutex<Duration>,
    longest: Mutex<Duration>,
}

impl Surroundings for Counting {
    fn load(&self) -> Loaded {
        Loaded::Absent
    }

    fn keep(&self, _: &Place) -> Result<(), String> {
        Ok(())
    }

    fn faults(&self) -> Vec<String> {
        Vec::new()
    }

    fn pause(&self, long: Duration) -> bool {
        *self.waited.lock().unwrap() += long;
        let mut longest = self.longest.lock().unwrap();
        *longest = longest.max(long);
        true
    }
}

#[test]
fn no_more_is_read_in_a_second_than_the_rate_allows() {
    for (rate, part, parts) in
        [(1 << 20, 256 << 10, 400), (8 << 20, 1, 100_000), (10, 7, 100), (3, 256 << 10, 3)]
    {
        let (surroundings, scrubbing) = (Counting::default(), Scrubbing::default());
        let pace = Pace::new(&surroundings, &scrubbing);
        pace.set(rate);
        for _ in 0..parts {
            assert!(pace.read(part));
        }
        assert_eq!(scrubbing.read_bytes(), part * parts);
        let waited = surroundings.waited.lock().unwrap().as_secs_f64();
        let wanted = (part * parts) as f64 / rate as f64;
        // Less than one step is still owed, and less than a millisecond of each wait is cut off.
        let waits = (wanted / 0.1).min(parts as f64);
        assert!(waited <= wanted && waited > wanted - 0.1 - waits * 0.001, "{waited} of {wanted}");
        // No burst: no more at once than a part, or what a tenth of a second allows.
        let longest = surroundings.longest.lock().unwrap().as_secs_f64();
        assert!(longest <= part as f64 / rate as f64 + 0.1, "{longest}");
    }
}

#[test]
fn the_rate_is_such_that_a_pass_ends_in_time_within_its_bounds() {
    let limits = ScrubLimits::default();
    let day = 86_400;
    // A terabyte in nine tenths of a month.
    assert_eq!(rate(&limits, 1 << 40, 0), (1 << 40) / (27 * day));
    // After two weeks off, what is left is read faster; what there is no time for, as fast as may be.
    assert_eq!(rate(&limits, 1 << 40, 14 * day as i64), (1 << 40) / (13 * day));
    assert_eq!(rate(&limits, 1 << 40, 60 * day as i64), limits.most_bytes_per_second);
    assert_eq!(rate(&limits, 1 << 50, 0), limits.most_bytes_per_second);
    // What is small is through soon, and not at once.
    assert_eq!(rate(&limits, 1 << 30, 0), limits.least_bytes_per_second);
    assert_eq!(rate(&limits, 0, -5), limits.least_bytes_per_second);
}

fn place() -> Place {
    Place {
        present: Some(Present {
            began_at: 5,
            stage: Stage::Packages,
            after: "ab".into(),
            read_bytes: 7,
            findings: 1,
        }),
        last: Some(Ended { began_at: 1, ended_at: 2, read_bytes: 3, findings: 4 }),
        warnings: vec![Warned { stage: Stage::Files, part: "done".into(), text: "a\nb".into() }],
        damage: vec![Unrepaired::Package(Digest::of(b"1")), Unrepaired::Stanza(Digest::of(b"2"))],
    }
}

#[test]
fn a_place_is_read_as_it_was_written_and_a_damaged_one_is_none() {
    for place in [place(), Place::default()] {
        let text = place.write().unwrap();
        assert_eq!(Place::parse(&text), Some(place));
        for at in 0..text.len() {
            let mut other = text.clone().into_bytes();
            other[at] ^= 1;
            let other = String::from_utf8(other).unwrap();
            assert_eq!(Place::parse(&other), None, "{at}");
            assert_eq!(Place::parse(&text[..at]), None, "{at}");
        }
    }
    assert_eq!(Place::parse(""), None);
}

//! Window: a span of time that returns every week, or that there is once, as people write it in a setting.

use std::fmt;
use std::str::FromStr;

use jiff::civil::{Date, DateTime, Time, Weekday};
use jiff::tz::{TimeZone, TimeZoneDatabase};
use jiff::{Timestamp, ToSpan as _, Zoned};

use super::Moment;

const MINUTES_OF_A_WEEK: i32 = 7 * 24 * 60;
const DAYS: [(&str, Weekday); 7] = [
    ("Mon", Weekday::Monday),
    ("Tue", Weekday::Tuesday),
    ("Wed", Weekday::Wednesday),
    ("Thu", Weekday::Thursday),
    ("Fri", Weekday::Friday),
    ("Sat", Weekday::Saturday),
    ("Sun", Weekday::Sunday),
];

/// When a window begins or ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Edge {
    Weekly(Weekday, Time),
    Once(Date, Time),
}

/// A span of time that returns every week, or that there is once.
///
/// Shape: `Fri 16:00..Mon 08:00 Europe/Berlin` or `2026-12-19 00:00..2027-01-04 08:00 Europe/Berlin`: its first
/// minute and the first minute after it, by the clocks of a zone of the IANA database.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Window {
    from: Edge,
    to: Edge,
    zone: TimeZone,
    text: String,
}

/// A text is no window.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{given:?} is no window of time: {problem}")]
pub struct WindowError {
    given: String,
    problem: &'static str,
}

const FORM: &str = "write 'Fri 16:00..Mon 08:00 Europe/Berlin', or dates as in '2026-12-19 00:00..2027-01-04 08:00 UTC'";

impl Edge {
    fn parse(text: &str) -> Option<Self> {
        let (day, time) = text.split_once(' ')?;
        let (hour, minute) = time.split_once(':')?;
        let number = |text: &str| -> Option<i8> {
            let is_number = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
            text.parse().ok().filter(|_| is_number)
        };
        let time = Time::new(number(hour)?, number(minute)?, 0, 0).ok()?;
        match DAYS.iter().find(|(name, _)| *name == day) {
            Some((_, day)) => Some(Self::Weekly(*day, time)),
            None if day.len() == 10 => Some(Self::Once(day.parse().ok()?, time)),
            None => None,
        }
    }
}

/// The minute of the week, from Monday on.
fn minute_of_week(day: Weekday, time: Time) -> i32 {
    let day = i32::from(day.to_monday_zero_offset());
    (day * 24 + i32::from(time.hour())) * 60 + i32::from(time.minute())
}

impl Window {
    /// Whether a moment lies in it, and then when it ends. Where clocks are put forward or back, a time that there is
    /// not is the one after, and one that there is twice is the first.
    pub fn end(&self, at: Moment) -> Option<Moment> {
        let now = Timestamp::from_second(at.0).ok()?.to_zoned(self.zone.clone());
        match (self.from, self.to) {
            (Edge::Weekly(from_day, from), Edge::Weekly(to_day, to)) => {
                let minute = minute_of_week(now.weekday(), now.time());
                let past =
                    |day, time| (minute - minute_of_week(day, time)).rem_euclid(MINUTES_OF_A_WEEK);
                let since = past(from_day, from);
                let length = (minute_of_week(to_day, to) - minute_of_week(from_day, from))
                    .rem_euclid(MINUTES_OF_A_WEEK);
                if since >= length {
                    return None;
                }
                let days = (i32::from(to_day.to_monday_zero_offset())
                    - i32::from(now.weekday().to_monday_zero_offset()))
                .rem_euclid(7);
                let days = if days == 0 && now.time() >= to { 7 } else { days };
                let day = now.date().checked_add(days.days()).ok()?;
                self.moment(day.to_datetime(to))
            }
            (Edge::Once(from_date, from), Edge::Once(to_date, to)) => {
                let (from, to) = (from_date.to_datetime(from), to_date.to_datetime(to));
                let end = self.moment(to)?;
                (self.moment(from)? <= at && at < end).then_some(end)
            }
            _ => None,
        }
    }

    fn moment(&self, at: DateTime) -> Option<Moment> {
        let at: Zoned = at.to_zoned(self.zone.clone()).ok()?;
        Some(Moment(at.timestamp().as_second()))
    }

    /// A moment by the clocks of its zone: `Mon 2026-11-30 08:00`.
    pub fn local(&self, at: Moment) -> String {
        let local = Timestamp::from_second(at.0).map(|at| at.to_zoned(self.zone.clone()));
        local.map_or_else(|_| at.iso(), |local| local.strftime("%a %Y-%m-%d %H:%M").to_string())
    }
}

impl FromStr for Window {
    type Err = WindowError;

    fn from_str(text: &str) -> Result<Self, WindowError> {
        let wrong = |problem| WindowError { given: text.chars().take(80).collect(), problem };
        let (from, rest) = text.split_once("..").ok_or_else(|| wrong(FORM))?;
        let (to, zone) = rest.rsplit_once(' ').ok_or_else(|| wrong(FORM))?;
        let edges = Edge::parse(from).zip(Edge::parse(to));
        let (from, to) = edges.ok_or_else(|| wrong(FORM))?;
        let zone = TimeZoneDatabase::bundled().get(zone).map_err(|_| {
            wrong("its last word is a zone of the IANA database such as Europe/Berlin or UTC")
        })?;
        match (from, to) {
            (Edge::Weekly(..), Edge::Weekly(..)) if from == to => {
                Err(wrong("it begins when it ends, and would never be over"))
            }
            (Edge::Once(from, at), Edge::Once(to, end))
                if from.to_datetime(at) >= to.to_datetime(end) =>
            {
                Err(wrong("it ends before it begins"))
            }
            (Edge::Weekly(..), Edge::Once(..)) | (Edge::Once(..), Edge::Weekly(..)) => {
                Err(wrong("it has two days of the week or two dates"))
            }
            _ => Ok(Self { from, to, zone, text: text.to_owned() }),
        }
    }
}

impl fmt::Display for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl serde::Serialize for Window {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&self.text)
    }
}

impl<'de> serde::Deserialize<'de> for Window {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(from)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(utc: &str) -> Moment {
        Moment(utc.parse::<Timestamp>().unwrap().as_second())
    }

    fn ends(window: &str, utc: &str) -> Option<Moment> {
        window.parse::<Window>().unwrap().end(at(utc))
    }

    #[test]
    fn a_weekend_is_by_the_clocks_of_its_zone() {
        let weekend = "Fri 16:00..Mon 08:00 Europe/Berlin";
        // 2026-11-27 is a Friday; Berlin is an hour ahead of UTC then.
        assert_eq!(ends(weekend, "2026-11-27T14:59:59Z"), None);
        let monday = Some(at("2026-11-30T07:00:00Z"));
        assert_eq!(ends(weekend, "2026-11-27T15:00:00Z"), monday);
        assert_eq!(ends(weekend, "2026-11-29T12:00:00Z"), monday);
        assert_eq!(ends(weekend, "2026-11-30T06:59:59Z"), monday);
        assert_eq!(ends(weekend, "2026-11-30T07:00:00Z"), None);
        // Clocks are put forward on 2027-03-28: it is an hour shorter.
        assert_eq!(ends(weekend, "2027-03-26T15:00:00Z"), Some(at("2027-03-29T06:00:00Z")));
        // Within a day, and over midnight.
        assert_eq!(
            ends("Mon 09:00..Mon 17:00 UTC", "2026-11-30T10:00:00Z"),
            Some(at("2026-11-30T17:00:00Z"))
        );
        assert_eq!(ends("Mon 09:00..Mon 17:00 UTC", "2026-11-30T18:00:00Z"), None);
        assert_eq!(
            ends("Mon 17:00..Mon 09:00 UTC", "2026-11-30T18:00:00Z"),
            Some(at("2026-12-07T09:00:00Z"))
        );
    }

    #[test]
    fn a_window_with_dates_is_there_once() {
        let holidays = "2026-12-19 00:00..2027-01-04 08:00 Europe/Berlin";
        assert_eq!(ends(holidays, "2026-12-18T22:59:59Z"), None);
        assert_eq!(ends(holidays, "2026-12-18T23:00:00Z"), Some(at("2027-01-04T07:00:00Z")));
        assert_eq!(ends(holidays, "2027-01-04T07:00:00Z"), None);
        let window: Window = holidays.parse().unwrap();
        assert_eq!(window.to_string(), holidays);
        assert_eq!(window.local(at("2027-01-04T07:00:00Z")), "Mon 2027-01-04 08:00");
    }

    #[test]
    fn what_is_no_window_is_told() {
        for (text, problem) in [
            ("Fri 16:00", "write 'Fri"),
            ("Fri 16:00..Mon 08:00", "write 'Fri"),
            ("Fri 1:00..Mon 08:00 UTC", "write 'Fri"),
            ("Fri 24:00..Mon 08:00 UTC", "write 'Fri"),
            ("fri 16:00..mon 08:00 UTC", "write 'Fri"),
            ("2026-02-30 00:00..2026-03-01 00:00 UTC", "write 'Fri"),
            ("Fri 16:00..Mon 08:00 Berlin", "its last word is a zone"),
            ("Fri 16:00..Fri 16:00 UTC", "never be over"),
            ("2026-12-19 00:00..2026-12-18 00:00 UTC", "ends before it begins"),
            ("Fri 16:00..2026-12-18 00:00 UTC", "two days of the week or two dates"),
        ] {
            let error = text.parse::<Window>().unwrap_err().to_string();
            assert!(error.contains(problem), "{text}: {error}");
        }
    }

    proptest! {
        /// It is over when it says, and until then it says the same.
        #[test]
        fn a_window_ends_when_it_says(
            days in (0_usize..7, 0_usize..7), times in (0_i8..24, 0_i8..24), at in 1_700_000_000_i64..1_900_000_000,
            zone in proptest::sample::select(vec!["UTC", "Europe/Berlin", "America/New_York", "Pacific/Chatham"]),
        ) {
            let text = format!("{} {:02}:30..{} {:02}:15 {zone}", DAYS[days.0].0, times.0, DAYS[days.1].0, times.1);
            let window: Window = text.parse().unwrap();
            if let Some(end) = window.end(Moment(at)) {
                prop_assert!(end > Moment(at) && end.since(Moment(at)) <= 7 * 86_400 + 7_200);
                // An hour on either side, for the nights in which clocks are put forward or back.
                prop_assert!(window.end(end.plus(3_600)).is_none_or(|later| later != end));
                prop_assert_eq!(window.end(Moment(at).plus(end.since(Moment(at)) / 2)), Some(end));
            }
        }
    }
}

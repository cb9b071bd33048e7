//! Lasting: a span of time as people write it in a setting.

use std::fmt;
use std::str::FromStr;

/// The units, the largest first, each with its seconds.
const UNITS: [(char, i64); 5] = [('w', 604_800), ('d', 86_400), ('h', 3_600), ('m', 60), ('s', 1)];
/// The longest: 10 years.
const MOST_SECONDS: i64 = 3_650 * 86_400;

/// A span of time. Unit: seconds, never below zero.
///
/// Shape: a whole number and `s`, `m`, `h`, `d` or `w`: `90s`, `30m`, `12h`, `1d`. It is written in the largest unit that
/// divides it, so that `60m` and `1h` are one and the same.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Lasting(i64);

/// A text is no span of time.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{given:?} is no time: a whole number and s, m, h, d or w, such as 30m; at most 10 years")]
pub struct LastingError {
    given: String,
}

impl Lasting {
    /// So many seconds; none where they are below zero.
    pub const fn seconds(seconds: i64) -> Self {
        Self(if seconds > 0 { seconds } else { 0 })
    }

    /// How many seconds.
    pub const fn as_seconds(self) -> i64 {
        self.0
    }
}

impl FromStr for Lasting {
    type Err = LastingError;

    fn from_str(text: &str) -> Result<Self, LastingError> {
        let wrong = || LastingError { given: text.chars().take(40).collect() };
        let (number, unit) = text
            .char_indices()
            .next_back()
            .and_then(|(at, unit)| Some((text.get(..at)?, unit)))
            .ok_or_else(wrong)?;
        let (_, seconds) = UNITS.iter().find(|(one, _)| *one == unit).ok_or_else(wrong)?;
        let is_number = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
        let number = number.parse::<i64>().ok().filter(|_| is_number);
        let lasting = number.and_then(|number| number.checked_mul(*seconds));
        lasting.filter(|all| *all <= MOST_SECONDS).map(Self).ok_or_else(wrong)
    }
}

impl fmt::Display for Lasting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let divides = |seconds: i64| self.0 != 0 && self.0.checked_rem(seconds) == Some(0);
        let (unit, seconds) =
            UNITS.into_iter().find(|(_, seconds)| divides(*seconds)).unwrap_or(('m', 60));
        write!(f, "{}{unit}", self.0.checked_div(seconds).unwrap_or_default())
    }
}

impl serde::Serialize for Lasting {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for Lasting {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(from)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_time_is_written_in_one_way() {
        for (given, written) in [
            ("90s", "90s"),
            ("60m", "1h"),
            ("0s", "0m"),
            ("36h", "36h"),
            ("48h", "2d"),
            ("7d", "1w"),
        ] {
            assert_eq!(given.parse::<Lasting>().unwrap().to_string(), written);
        }
        for bad in [
            "",
            "m",
            "5",
            "-5m",
            "+5m",
            "1.5h",
            "5 m",
            "5y",
            "3651d",
            "5é",
            "99999999999999999999d",
        ] {
            assert!(bad.parse::<Lasting>().is_err(), "{bad}");
        }
    }
}

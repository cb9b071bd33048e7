//! Moment: a time in whole seconds, and the forms in which it is written.

use std::fmt;
use std::time::{Duration, UNIX_EPOCH};

/// A moment. Unit: whole seconds since 1970-01-01 00:00:00 UTC.
#[derive(
    Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, serde::Serialize, serde::Deserialize,
)]
#[serde(transparent)]
pub struct Moment(pub i64);

impl Moment {
    /// This moment and `seconds` more (or fewer, when negative).
    pub fn plus(self, seconds: i64) -> Self {
        Self(self.0.saturating_add(seconds))
    }

    /// Seconds from `earlier` to this moment; negative when `earlier` is later.
    pub fn since(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0)
    }

    /// As in a Release file: `Mon, 23 Nov 2026 03:31:39 UTC` (RFC 1123 with the zone apt accepts).
    pub fn release_date(self) -> String {
        self.format("%a, %d %b %Y %H:%M:%S UTC")
    }

    /// As in an HTTP header: `Mon, 23 Nov 2026 03:31:39 GMT` (RFC 9110, section 5.6.7).
    ///
    /// Limits: a moment outside the years 1970 to 9999 is written as the first second of 1970.
    pub fn http_date(self) -> String {
        let seconds = u64::try_from(self.0).ok().filter(|seconds| *seconds < YEAR_10000);
        httpdate::fmt_http_date(UNIX_EPOCH + Duration::from_secs(seconds.unwrap_or_default()))
    }

    /// For people: `2026-11-23 03:31:39Z`.
    pub fn iso(self) -> String {
        self.format("%Y-%m-%d %H:%M:%SZ")
    }

    /// Reads an HTTP date in any of the three forms that a server has to accept (RFC 9110, section
    /// 5.6.7); `None` for any other text.
    pub fn parse_http_date(text: &str) -> Option<Self> {
        let since = httpdate::parse_http_date(text).ok()?.duration_since(UNIX_EPOCH).ok()?;
        i64::try_from(since.as_secs()).ok().map(Self)
    }

    /// As in the name of a snapshot: `20261123T033139Z`.
    pub fn stamp(self) -> String {
        self.format(STAMP)
    }

    /// Reads a snapshot's name; `None` for any other text.
    pub fn parse_stamp(text: &str) -> Option<Self> {
        let parsed = jiff::fmt::strtime::parse(STAMP, text).ok()?.to_datetime().ok()?;
        let stamp = parsed.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp();
        // The parser accepts fewer digits too, but a moment has only one name.
        Some(Self(stamp.as_second())).filter(|read| read.stamp() == text)
    }

    fn format(self, pattern: &str) -> String {
        let stamp = jiff::Timestamp::from_second(self.0).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
        jiff::fmt::strtime::format(pattern, &stamp.to_zoned(jiff::tz::TimeZone::UTC))
            .unwrap_or_default()
    }
}

/// The first second that has no HTTP date. Unit: seconds since 1970.
const YEAR_10000: u64 = 253_402_300_800;

/// The format of [`Moment::stamp`].
const STAMP: &str = "%Y%m%dT%H%M%SZ";

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.iso())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_has_one_name() {
        let at = Moment(1_795_404_699);
        assert_eq!(at.stamp(), "20261123T033139Z");
        assert_eq!(Moment::parse_stamp("20261123T033139Z"), Some(at));
        for other in [
            "",
            "2026",
            "20261123",
            "20261123T033139",
            "20261123t033139z",
            "2026-11-23T03:31:39Z",
            "20261323T033139Z",
            "20261123T033160Z",
            "20261123T33139Z",
            " 20261123T033139Z",
            "20261123T033139Z1",
            "+20261123T033139Z",
        ] {
            assert_eq!(Moment::parse_stamp(other), None, "{other:?}");
        }
    }

    #[test]
    fn dates_are_written_as_apt_and_http_want_them() {
        let at = Moment(1_795_404_699);
        assert_eq!(at.release_date(), "Mon, 23 Nov 2026 03:31:39 UTC");
        assert_eq!(at.http_date(), "Mon, 23 Nov 2026 03:31:39 GMT");
        assert_eq!(Moment::parse_http_date(&at.http_date()), Some(at));
    }

    #[test]
    fn http_dates_are_read_in_every_form_and_never_out_of_bounds() {
        let at = Moment(1_795_404_699);
        for text in [
            "Mon, 23 Nov 2026 03:31:39 GMT",
            "Monday, 23-Nov-26 03:31:39 GMT",
            "Mon Nov 23 03:31:39 2026",
        ] {
            assert_eq!(Moment::parse_http_date(text), Some(at), "{text}");
        }
        for text in [
            "",
            "yesterday",
            "Mon, 23 Nov 2026 03:31:39 UTC",
            "Mon, 23 Nov 2026 03:31:39 +0000",
            "Tue, 23 Nov 2026 03:31:39 GMT",
            "Mon, 31 Feb 2026 03:31:39 GMT",
            "Mon, 23 Nov 2026 24:31:39 GMT",
        ] {
            assert_eq!(Moment::parse_http_date(text), None, "{text}");
        }
        let last = Moment(253_402_300_799);
        assert_eq!(last.http_date(), "Fri, 31 Dec 9999 23:59:59 GMT");
        assert_eq!(Moment::parse_http_date(&last.http_date()), Some(last));
        for beyond in [last.plus(1), Moment(-1), Moment(i64::MIN), Moment(i64::MAX)] {
            assert_eq!(beyond.http_date(), "Thu, 01 Jan 1970 00:00:00 GMT");
        }
    }
}

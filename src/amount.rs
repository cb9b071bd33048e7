//! AMOUNT: sizes, spans of time and counts, as people read them, in every program, message and page.
//!
//! Sizes are in units of 1024 (KiB, MiB), as limits are and as `df -h` and `ls -h` count. A number that goes into a
//! setting is in bytes, as the setting is.
//!
//! May name: nothing

use std::fmt::Display;

/// A size with three figures or so: `12.3 MiB`.
pub fn size(bytes: u64) -> String {
    const UNITS: [&str; 6] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    if bytes < 1_024 {
        return format!("{bytes} B");
    }
    let mut value = bytes as f64 / 1_024.0;
    let mut unit = "KiB";
    for next in UNITS.into_iter().skip(1) {
        // What would be rounded to 1024.0.
        if value < 1_023.95 {
            break;
        }
        value /= 1_024.0;
        unit = next;
    }
    format!("{value:.1} {unit}")
}

/// A span of time in its largest fitting unit: `119 s`, `2 min`, `47 h`, `2 days`.
pub fn span(seconds: u64) -> String {
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7_200 => format!("{} min", seconds / 60),
        7_200..172_800 => format!("{} h", seconds / 3_600),
        _ => count(seconds / 86_400, "day"),
    }
}

/// A count with its noun: `1 package`, `2 packages`, `1 entry`, `2 entries`.
pub fn count<N: Display + PartialEq + From<u8>>(number: N, noun: &str) -> String {
    if number == N::from(1) {
        return format!("1 {noun}");
    }
    match noun.strip_suffix('y').filter(|rest| !rest.ends_with(['a', 'e', 'o', 'u'])) {
        Some(rest) => format!("{number} {rest}ies"),
        None => format!("{number} {noun}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_in_units_of_1024() {
        let all = [0, 1_023, 1_024, 1_048_524, 1_048_525, 12_897_485, 4 << 30, u64::MAX].map(size);
        let expected = [
            "0 B",
            "1023 B",
            "1.0 KiB",
            "1023.9 KiB",
            "1.0 MiB",
            "12.3 MiB",
            "4.0 GiB",
            "16.0 EiB",
        ];
        assert_eq!(all, expected);
    }

    #[test]
    fn one_is_one_and_others_are_many() {
        let all = [0_u64, 1, 2].map(|number| count(number, "package"));
        assert_eq!(all, ["0 packages", "1 package", "2 packages"]);
        assert_eq!([1_usize, 3].map(|number| count(number, "entry")), ["1 entry", "3 entries"]);
        assert_eq!(count(2_u32, "day"), "2 days");
        assert_eq!([119, 120, 7_200, 172_800].map(span), ["119 s", "2 min", "2 h", "2 days"]);
    }
}

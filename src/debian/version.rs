//! Versions and their order.
//!
//! Source: Policy 5.6.12; deb-version(7).

use std::cmp::Ordering;
use std::fmt;

use smol_str::SmolStr;

/// A package version, as it was written.
///
/// Shape: `[epoch:]upstream[-revision]`. Equality and `Ord` distinguish spellings, so that versions
/// can be keys; [`Version::compare`] is Debian's order, in which `1.0` and `1.00` are equal.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Version {
    text: SmolStr,
}

/// A version was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("version {given:?} is not valid: {rule}")]
pub struct VersionError {
    /// What was given, cut to 80 characters.
    pub given: String,
    /// What is allowed.
    pub rule: &'static str,
}

const LONGEST_BYTES: usize = 256;

impl Version {
    /// Reads a version.
    ///
    /// Limits: 256 bytes; an epoch of at most 2,147,483,647; the upstream version begins with a
    /// digit, as dpkg demands.
    ///
    /// # Errors
    /// [`VersionError`] naming the rule that was broken (sender's fault).
    pub fn parse(text: &str) -> Result<Self, VersionError> {
        match fault(text) {
            None => Ok(Self { text: text.into() }),
            Some(rule) => Err(VersionError { given: text.chars().take(80).collect(), rule }),
        }
    }

    /// The version as it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The version as dpkg writes it into its database: the epoch as a number, and none that is 0.
    ///
    /// Source: dpkg, `versiondescribe` (vercmp.c and parsehelp.c). apt hashes relations from an
    /// index and from this database; with a difference it would reinstall the package again and
    /// again.
    ///
    /// # Errors
    /// None in practice: the result is a valid version too.
    pub fn stored(&self) -> Result<Self, VersionError> {
        let (epoch, rest) = split(&self.text);
        match number(epoch) {
            0 => Self::parse(rest),
            epoch => Self::parse(&format!("{epoch}:{rest}")),
        }
    }

    /// The version without its epoch, as in file names.
    pub fn without_epoch(&self) -> &str {
        split(&self.text).1
    }

    /// Debian's order: epoch by number, then upstream, then revision, each by dpkg's rules.
    pub fn compare(&self, other: &Self) -> Ordering {
        let (left_epoch, left) = split(&self.text);
        let (right_epoch, right) = split(&other.text);
        let (left_upstream, left_revision) = split_revision(left);
        let (right_upstream, right_revision) = split_revision(right);
        number(left_epoch)
            .cmp(&number(right_epoch))
            .then_with(|| compare_part(left_upstream, right_upstream))
            .then_with(|| compare_part(left_revision, right_revision))
    }
}

impl PartialOrd for Version {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Version {
    fn cmp(&self, other: &Self) -> Ordering {
        self.compare(other).then_with(|| self.text.cmp(&other.text))
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.text)
    }
}

impl fmt::Debug for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", &*self.text)
    }
}

impl std::str::FromStr for Version {
    type Err = VersionError;

    fn from_str(text: &str) -> Result<Self, VersionError> {
        Self::parse(text)
    }
}

impl serde::Serialize for Version {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&self.text)
    }
}

impl<'de> serde::Deserialize<'de> for Version {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(from)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

fn split(text: &str) -> (&str, &str) {
    text.split_once(':').unwrap_or(("0", text))
}

fn split_revision(text: &str) -> (&str, &str) {
    text.rsplit_once('-').unwrap_or((text, "0"))
}

fn number(digits: &str) -> u64 {
    digits.parse().unwrap_or(0)
}

fn fault(text: &str) -> Option<&'static str> {
    if text.len() > LONGEST_BYTES {
        return Some("it is longer than 256 bytes");
    }
    if let Some((epoch, _)) = text.split_once(':') {
        let digits = !epoch.is_empty() && epoch.bytes().all(|b| b.is_ascii_digit());
        if !digits || epoch.parse::<i32>().is_err() {
            return Some("the epoch before ':' is a number up to 2147483647");
        }
    }
    let (upstream, revision) = split_revision(split(text).1);
    if !upstream.bytes().next().is_some_and(|b| b.is_ascii_digit()) {
        return Some("the upstream version begins with a digit");
    }
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'+' | b'~');
    if !upstream.bytes().all(|b| plain(b) || b == b'-') {
        return Some("the upstream version holds only letters, digits and . + - ~");
    }
    if revision.is_empty() || !revision.bytes().all(plain) {
        return Some("the revision after the last '-' holds one or more letters, digits and . + ~");
    }
    None
}

/// dpkg's rank of a character outside digits: `~` before the end, the end before letters, letters
/// before everything else.
fn rank(byte: Option<u8>) -> i32 {
    match byte {
        Some(b'~') => -1,
        Some(b) if b.is_ascii_digit() => 0,
        Some(b) if b.is_ascii_alphabetic() => i32::from(b),
        Some(b) => i32::from(b) + 256,
        None => 0,
    }
}

fn compare_part(left: &str, right: &str) -> Ordering {
    let (mut left, mut right) = (left.as_bytes(), right.as_bytes());
    while !left.is_empty() || !right.is_empty() {
        while starts_outside_digits(left) || starts_outside_digits(right) {
            let order = rank(left.first().copied()).cmp(&rank(right.first().copied()));
            if order != Ordering::Equal {
                return order;
            }
            (left, right) = (rest(left), rest(right));
        }
        let (left_digits, left_rest) = digits(left);
        let (right_digits, right_rest) = digits(right);
        let order = left_digits.len().cmp(&right_digits.len()).then(left_digits.cmp(right_digits));
        if order != Ordering::Equal {
            return order;
        }
        (left, right) = (left_rest, right_rest);
    }
    Ordering::Equal
}

fn starts_outside_digits(bytes: &[u8]) -> bool {
    bytes.first().is_some_and(|b| !b.is_ascii_digit())
}

fn rest(bytes: &[u8]) -> &[u8] {
    bytes.split_first().map_or(&[], |(_, rest)| rest)
}

/// Returns the leading digits, without leading zeros.
fn digits(bytes: &[u8]) -> (&[u8], &[u8]) {
    let end = bytes.iter().position(|b| !b.is_ascii_digit()).unwrap_or(bytes.len());
    let (run, rest) = bytes.split_at(end);
    let zeros = run.iter().position(|b| *b != b'0').unwrap_or(run.len());
    (run.split_at(zeros).1, rest)
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;
    use std::process::{Command, Stdio};

    use proptest::prelude::*;

    use super::*;

    fn version(text: &str) -> Version {
        Version::parse(text).unwrap()
    }

    /// Spellings that dpkg's rules distinguish, or not, in ways that are easy to get wrong.
    const NASTY: [&str; 30] = [
        "0",
        "00",
        "0-0",
        "0:0",
        "0~",
        "0~~",
        "0~-1",
        "0+",
        "0a",
        "0a~",
        "0.",
        "0-1",
        "0-1~",
        "0-00",
        "1",
        "01",
        "1:0",
        "1.0",
        "1.00",
        "1.0-0",
        "1.0a",
        "1.0+b1",
        "1.0-1+b1",
        "1.0~rc1-1",
        "1.0-a-1",
        "1.2.10",
        "1.2.9",
        "2147483647:1",
        "1A",
        "18446744073709551616",
    ];

    /// Asks the dpkg of this machine, in one shell, whether each order is the one given.
    fn denied_by_dpkg(orders: &[(Version, Ordering, Version)]) -> String {
        let mut script = String::new();
        for (left, order, right) in orders {
            let sign = match order {
                Ordering::Less => "lt",
                Ordering::Equal => "eq",
                Ordering::Greater => "gt",
            };
            let question = format!("{left} {sign} {right}");
            script += &format!("dpkg --compare-versions {question} || echo '{question}'\n");
        }
        script += "dpkg --compare-versions 1 eq 1 && echo asked\n";
        let mut shell =
            Command::new("sh").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        shell.stdin.take().unwrap().write_all(script.as_bytes()).unwrap();
        String::from_utf8(shell.wait_with_output().unwrap().stdout).unwrap()
    }

    #[test]
    fn the_order_is_the_one_of_dpkg() {
        let mut orders = Vec::new();
        for (i, left) in NASTY.iter().enumerate() {
            for right in NASTY.iter().skip(i) {
                let (left, right) = (version(left), version(right));
                orders.push((left.clone(), left.compare(&right), right));
            }
        }
        assert_eq!(orders.len(), 465);
        assert_eq!(denied_by_dpkg(&orders), "asked\n");
    }

    #[test]
    fn only_versions_are_read() {
        let good =
            ["1", "0:1", "1.0-1-1", "1.0~rc1+dfsg-1.1+b2", "20261123", "1a", &"1".repeat(256)];
        for text in good {
            assert!(Version::parse(text).is_ok(), "{text}");
        }
        let bad = [
            "",
            "a",
            "a1",
            ":1",
            "x:1",
            "-1:1",
            "+1:1",
            "2147483648:1",
            "1:",
            "1:a",
            "1:2:3",
            "1-",
            "-1",
            "1 2",
            "1_2",
            "1/2",
            "1\n",
            "é",
            "1é",
            "1-a:b",
            "1(",
            &"1".repeat(257),
        ];
        for text in bad {
            assert!(Version::parse(text).is_err(), "{text:?}");
        }
        assert_eq!(version("3:1.0-1").without_epoch(), "1.0-1");
        assert_eq!(version("1.0-1").without_epoch(), "1.0-1");
    }

    #[test]
    fn keys_tell_spellings_apart_that_the_order_does_not() {
        let (short, long) = (version("1.0"), version("1.00"));
        assert_eq!(short.compare(&long), Ordering::Equal);
        assert_ne!(short, long);
        assert_ne!(short.cmp(&long), Ordering::Equal);
    }

    fn any_version() -> impl Strategy<Value = Version> {
        "([0-2]:)?[0-9][0-2a~.+A-]{0,5}"
            .prop_filter_map("a version", |text| Version::parse(&text).ok())
    }

    proptest! {
        #[test]
        fn the_order_is_total(a in any_version(), b in any_version(), c in any_version()) {
            prop_assert_eq!(a.compare(&b), b.compare(&a).reverse());
            prop_assert_eq!(a.compare(&a), Ordering::Equal);
            if a.compare(&b).is_le() && b.compare(&c).is_le() {
                prop_assert!(a.compare(&c).is_le(), "{} {} {}", a, b, c);
            }
            if a.compare(&b).is_eq() {
                prop_assert_eq!(a.compare(&c), b.compare(&c));
            }
        }

        #[test]
        fn no_text_makes_the_reader_panic(text in "\\PC{0,20}") {
            if let Ok(version) = Version::parse(&text) {
                prop_assert_eq!(version.to_string(), text);
                prop_assert_eq!(version.compare(&version), Ordering::Equal);
            }
        }
    }
}

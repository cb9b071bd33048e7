//! Advisory: which versions of a source package a flaw concerns, and the limits of what is read about that. Versions are
//! compared in dpkg's order.

use smol_str::SmolStr;

use crate::debian::{PackageName, Version};

/// The longest identifier. Unit: bytes.
pub const LONGEST_ID_BYTES: usize = 128;

/// What is known of a flaw.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Advisory {
    /// Its identifier: `DEBIAN-CVE-2024-0001`, `DSA-5532-1`.
    pub id: String,
    /// Its other names, and those of the records that it was made from: `CVE-2024-0001`.
    pub aliases: Vec<String>,
    /// Whether it was withdrawn: then it concerns nothing.
    pub withdrawn: bool,
    /// What it concerns. Other ecosystems than Debian are left out.
    pub affected: Vec<Affected>,
}

/// The versions of one source package in one release that a flaw concerns.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Affected {
    /// The source package.
    pub source: PackageName,
    /// The release, as [`release_key`] gives it. `None` is every release.
    pub release: Option<SmolStr>,
    /// Whether Debian's security team calls it `unimportant`.
    pub unimportant: bool,
    /// Whether nobody has found out yet if it is concerned.
    pub undetermined: bool,
    /// Spans of versions; in each, the events ascend.
    pub ranges: Vec<Vec<Event>>,
    /// Single versions.
    pub versions: Vec<Version>,
}

/// Where a span of versions begins or ends.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Event {
    /// From this version on; `None` is from the first one on.
    Introduced(Option<Version>),
    /// The first version that is not concerned any more.
    Fixed(Version),
    /// The last version that is concerned.
    LastAffected(Version),
}

/// What is said of a version that is concerned.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fix<'r> {
    /// Nobody has found out yet if it is concerned.
    Undetermined,
    /// The lowest version above it that is not concerned any more.
    At(&'r Version),
    /// There is no fix yet.
    NoneYet,
}

/// A field has a value that it must not have, or is not there.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{field}: {problem}")]
pub struct FieldError {
    /// Which field.
    pub field: &'static str,
    /// What is wrong with it.
    pub problem: String,
}

/// Numbers and code names of Debian's releases. Source: <https://www.debian.org/releases/>.
const RELEASES: [(&str, &str); 9] = [
    ("7", "wheezy"),
    ("8", "jessie"),
    ("9", "stretch"),
    ("10", "buster"),
    ("11", "bullseye"),
    ("12", "bookworm"),
    ("13", "trixie"),
    ("14", "forky"),
    ("15", "duke"),
];

/// One spelling for a release, whether it is given by its number or by its code name: the number where that is known.
/// Hosts of testing and of sid both say the code name of testing.
pub fn release_key(release: &str) -> SmolStr {
    let known = RELEASES.iter().find(|(_, codename)| *codename == release);
    SmolStr::new(known.map_or(release, |(number, _)| number))
}

impl Advisory {
    /// Whether it is known by this name, in small or capital letters.
    pub fn is_named(&self, name: &str) -> bool {
        let alike = |one: &str| one.eq_ignore_ascii_case(name);
        alike(&self.id) || self.aliases.iter().any(|alias| alike(alias))
    }

    /// The names under which its flaws are known: each CVE of it, or its identifier where it has none.
    pub fn flaws(&self) -> Vec<SmolStr> {
        let own = self.id.strip_prefix("DEBIAN-").unwrap_or(&self.id);
        let all = std::iter::once(own).chain(self.aliases.iter().map(String::as_str));
        let mut flaws: Vec<SmolStr> =
            all.filter(|name| name.starts_with("CVE-")).map(SmolStr::new).collect();
        flaws.sort();
        flaws.dedup();
        if flaws.is_empty() {
            flaws.push(SmolStr::new(&self.id));
        }
        flaws
    }
}

impl Affected {
    /// What is said of a version; `None` when it is not concerned.
    pub fn fix(&self, version: &Version) -> Option<Fix<'_>> {
        if !self.has(version) {
            return None;
        }
        if self.undetermined {
            return Some(Fix::Undetermined);
        }
        let fixed = self.ranges.iter().flatten().filter_map(|event| match event {
            Event::Fixed(at) => Some(at),
            Event::Introduced(_) | Event::LastAffected(_) => None,
        });
        let above = fixed.filter(|at| at.compare(version).is_gt() && !self.has(at));
        Some(above.min_by(|a, b| a.compare(b)).map_or(Fix::NoneYet, Fix::At))
    }

    fn has(&self, version: &Version) -> bool {
        self.versions.iter().any(|one| one.compare(version).is_eq())
            || self.ranges.iter().any(|events| is_inside(events, version))
    }

    /// How much is kept of it: itself, its events and its versions.
    pub fn weight(&self) -> usize {
        let events: usize = self.ranges.iter().map(Vec::len).sum();
        events.saturating_add(self.versions.len()).saturating_add(1)
    }
}

/// What is said of a version, in a system of these releases. What is said of the release itself goes before what is
/// said of every release. `affected` is of one advisory and one source.
pub fn concerns<'a>(
    affected: &'a [Affected],
    releases: &[SmolStr],
    version: &Version,
) -> Option<(&'a Affected, Fix<'a>)> {
    let is_own = |one: &&Affected| one.release.as_ref().is_some_and(|of| releases.contains(of));
    let found = |one: &'a Affected| one.fix(version).map(|fix| (one, fix));
    if affected.iter().any(|one| is_own(&one)) {
        return affected.iter().filter(is_own).find_map(found);
    }
    affected.iter().filter(|one| one.release.is_none()).find_map(found)
}

/// Whether a version lies in a span, by the algorithm of the OSV schema: the last event at or below it decides.
pub fn is_inside(events: &[Event], version: &Version) -> bool {
    events.iter().fold(false, |inside, event| match event {
        Event::Introduced(from) => {
            inside || from.as_ref().is_none_or(|from| version.compare(from).is_ge())
        }
        Event::Fixed(at) => inside && version.compare(at).is_lt(),
        Event::LastAffected(last) => inside && version.compare(last).is_le(),
    })
}

/// An identifier. It is printed, and looked for: no blanks, and nothing that a terminal obeys.
///
/// # Errors
/// [`FieldError`] for anything else.
pub fn identifier(field: &'static str, text: &str) -> Result<String, FieldError> {
    let is_plain = text.bytes().all(|byte| byte.is_ascii_graphic());
    match is_plain && !text.is_empty() && text.len() <= LONGEST_ID_BYTES {
        true => Ok(text.to_owned()),
        false => Err(fault(
            field,
            &format_args!("is not 1 to {LONGEST_ID_BYTES} printable characters without blanks"),
        )),
    }
}

/// A version.
///
/// # Errors
/// [`FieldError`] when it is none.
pub fn read_version(field: &'static str, text: &str) -> Result<Version, FieldError> {
    Version::parse(text).map_err(|error| fault(field, &error))
}

/// Refuses more entries than are read.
///
/// # Errors
/// [`FieldError`].
pub fn at_most(field: &'static str, count: usize, most: usize) -> Result<(), FieldError> {
    match count <= most {
        true => Ok(()),
        false => Err(fault(field, &format_args!("has {count} entries; at most {most} are read"))),
    }
}

/// What is wrong with a field.
pub fn fault(field: &'static str, problem: &dyn std::fmt::Display) -> FieldError {
    FieldError { field, problem: problem.to_string() }
}

//! OSV records: which versions of a source package a flaw concerns, as the OSV schema 1.6 has it for the
//! ecosystem `Debian`. Versions are compared in dpkg's order.

use serde::Deserialize;

use crate::debian::{PackageName, Version};

/// The longest record. The longest ones list every version of a kernel. Unit: bytes.
pub const LONGEST_RECORD_BYTES: usize = 4 << 20;
/// The most releases and sources that a record may name together.
pub const MOST_AFFECTED: usize = 4096;
/// The most events that a record may have of one source in one release. Debian's have two.
pub const MOST_EVENTS: usize = 64;
/// The most single versions that a record may have of one source in one release.
pub const MOST_VERSIONS: usize = 16_384;
/// The longest identifier. Unit: bytes.
pub const LONGEST_ID_BYTES: usize = 128;
/// The most other names that a record may have.
pub const MOST_ALIASES: usize = 1024;

/// A record of a flaw.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OsvRecord {
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
    /// The release, as `VERSION_ID` of os-release has it: `12`. `None` is every release.
    pub release: Option<String>,
    /// Whether Debian's security team calls it `unimportant`.
    pub unimportant: bool,
    ranges: Vec<Vec<Event>>,
    versions: Vec<Version>,
}

/// What a record says of a version that it concerns.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fix<'r> {
    /// The lowest version above it that is not concerned any more.
    At(&'r Version),
    /// There is no fix yet.
    NoneYet,
}

#[derive(Clone, PartialEq, Eq, Debug)]
enum Event {
    /// From this version on; `None` is from the first one on.
    Introduced(Option<Version>),
    Fixed(Version),
    LastAffected(Version),
}

/// Why a text is not a record. Source: the schema, <https://ossf.github.io/osv-schema/>.
#[derive(Debug, thiserror::Error)]
pub enum OsvError {
    /// It has too many bytes.
    #[error("the record has more than {LONGEST_RECORD_BYTES} bytes")]
    TooLong,
    /// It is no JSON, or lacks a field.
    #[error("it is no OSV record: {0}")]
    Json(#[from] serde_json::Error),
    /// A field has a value that it must not have.
    #[error("{field}: {problem}")]
    Field {
        /// Which field.
        field: &'static str,
        /// What is wrong with it.
        problem: String,
    },
}

#[derive(Deserialize)]
struct RawRecord {
    id: String,
    #[serde(default)]
    aliases: Option<Vec<String>>,
    #[serde(default)]
    upstream: Option<Vec<String>>,
    #[serde(default)]
    withdrawn: Option<String>,
    #[serde(default)]
    affected: Option<Vec<RawAffected>>,
}

#[derive(Deserialize)]
struct RawAffected {
    package: Option<RawPackage>,
    #[serde(default)]
    ranges: Option<Vec<RawRange>>,
    #[serde(default)]
    versions: Option<Vec<String>>,
    #[serde(default)]
    ecosystem_specific: Option<RawSpecific>,
}

#[derive(Deserialize)]
struct RawPackage {
    ecosystem: String,
    name: String,
}

#[derive(Deserialize)]
struct RawRange {
    #[serde(rename = "type")]
    kind: String,
    events: Vec<RawEvent>,
}

#[derive(Deserialize)]
struct RawEvent {
    introduced: Option<String>,
    fixed: Option<String>,
    last_affected: Option<String>,
}

#[derive(Deserialize)]
struct RawSpecific {
    urgency: Option<String>,
}

impl OsvRecord {
    /// Reads a record. Fields that the schema has and nobody here needs are passed over.
    ///
    /// # Errors
    /// [`OsvError`] when it is no record, or is beyond the limits of this file.
    pub fn parse(bytes: &[u8]) -> Result<Self, OsvError> {
        if bytes.len() > LONGEST_RECORD_BYTES {
            return Err(OsvError::TooLong);
        }
        let raw: RawRecord = serde_json::from_slice(bytes)?;
        let id = identifier("id", raw.id)?;
        let aliases = raw.aliases.into_iter().chain(raw.upstream).flatten();
        let aliases: Vec<_> =
            aliases.map(|one| identifier("aliases", one)).collect::<Result<_, _>>()?;
        at_most("aliases", aliases.len(), MOST_ALIASES)?;
        let raw_affected = raw.affected.unwrap_or_default();
        at_most("affected", raw_affected.len(), MOST_AFFECTED)?;
        let affected = raw_affected.into_iter().filter_map(|one| read_affected(one).transpose());
        let affected = affected.collect::<Result<_, _>>()?;
        Ok(Self { id, aliases, withdrawn: raw.withdrawn.is_some(), affected })
    }

    /// Whether it is known by this name.
    pub fn is_named(&self, name: &str) -> bool {
        self.id == name || self.aliases.iter().any(|alias| alias == name)
    }

    /// What it says of a version of a source in a release; `None` when it is not concerned. A record of the release
    /// itself goes before one of every release.
    pub fn concerns(
        &self,
        source: &PackageName,
        release: &str,
        version: &Version,
    ) -> Option<(&Affected, Fix<'_>)> {
        if self.withdrawn {
            return None;
        }
        let of_source = || self.affected.iter().filter(|one| one.source == *source);
        let own = || of_source().filter(|one| one.release.as_deref() == Some(release));
        let found = |one| Affected::fix(one, version).map(|fix| (one, fix));
        match own().next() {
            Some(_) => own().find_map(found),
            None => of_source().filter(|one| one.release.is_none()).find_map(found),
        }
    }
}

impl Affected {
    /// What is said of a version; `None` when it is not concerned.
    pub fn fix(&self, version: &Version) -> Option<Fix<'_>> {
        let in_range = self.ranges.iter().any(|events| is_inside(events, version));
        if !in_range && !self.versions.contains(version) {
            return None;
        }
        let fixed = self.ranges.iter().flatten().filter_map(|event| match event {
            Event::Fixed(at) => Some(at),
            Event::Introduced(_) | Event::LastAffected(_) => None,
        });
        let above = fixed.filter(|at| *at > version && !self.has(at));
        Some(above.min().map_or(Fix::NoneYet, Fix::At))
    }

    fn has(&self, version: &Version) -> bool {
        self.versions.contains(version)
            || self.ranges.iter().any(|events| is_inside(events, version))
    }
}

/// The schema's own algorithm: the last event at or below the version decides. The events are sorted.
fn is_inside(events: &[Event], version: &Version) -> bool {
    events.iter().fold(false, |inside, event| match event {
        Event::Introduced(from) => inside || from.as_ref().is_none_or(|from| version >= from),
        Event::Fixed(at) => inside && version < at,
        Event::LastAffected(last) => inside && version <= last,
    })
}

fn read_affected(raw: RawAffected) -> Result<Option<Affected>, OsvError> {
    let Some(package) = raw.package else { return Ok(None) };
    let release = match package.ecosystem.split_once(':') {
        None if package.ecosystem == "Debian" => None,
        Some(("Debian", release)) => {
            Some(identifier("affected.package.ecosystem", release.into())?)
        }
        _ => return Ok(None),
    };
    let source = package.name.parse::<PackageName>();
    let source = source.map_err(|error| fault("affected.package.name", &error))?;
    let own = |range: &RawRange| range.kind == "ECOSYSTEM";
    let ranges = raw.ranges.unwrap_or_default().into_iter().filter(own);
    let ranges: Vec<Vec<Event>> = ranges.map(read_events).collect::<Result<_, _>>()?;
    at_most("affected.ranges", ranges.iter().map(Vec::len).sum(), MOST_EVENTS)?;
    let versions = raw.versions.unwrap_or_default();
    at_most("affected.versions", versions.len(), MOST_VERSIONS)?;
    let versions = versions.iter().map(|one| read_version("affected.versions", one));
    let mut versions: Vec<_> = versions.collect::<Result<_, _>>()?;
    // Nearly all of them are in a range, too.
    versions.retain(|one| !ranges.iter().any(|events| is_inside(events, one)));
    let urgency = raw.ecosystem_specific.and_then(|specific| specific.urgency);
    let unimportant = urgency.as_deref() == Some("unimportant");
    Ok(Some(Affected { source, release, unimportant, ranges, versions }))
}

fn read_events(raw: RawRange) -> Result<Vec<Event>, OsvError> {
    at_most("affected.ranges.events", raw.events.len(), MOST_EVENTS)?;
    let mut events: Vec<Event> = raw.events.iter().map(read_event).collect::<Result<_, _>>()?;
    events.sort_by(|a, b| a.at().cmp(&b.at()));
    Ok(events)
}

impl Event {
    fn at(&self) -> Option<&Version> {
        match self {
            Self::Introduced(from) => from.as_ref(),
            Self::Fixed(at) | Self::LastAffected(at) => Some(at),
        }
    }
}

fn read_event(raw: &RawEvent) -> Result<Event, OsvError> {
    const FIELD: &str = "affected.ranges.events";
    match (&raw.introduced, &raw.fixed, &raw.last_affected) {
        (Some(from), None, None) if from == "0" => Ok(Event::Introduced(None)),
        (Some(from), None, None) => Ok(Event::Introduced(Some(read_version(FIELD, from)?))),
        (None, Some(at), None) => Ok(Event::Fixed(read_version(FIELD, at)?)),
        (None, None, Some(last)) => Ok(Event::LastAffected(read_version(FIELD, last)?)),
        _ => Err(fault(FIELD, &"an event is one of introduced, fixed, last_affected")),
    }
}

fn read_version(field: &'static str, text: &str) -> Result<Version, OsvError> {
    Version::parse(text).map_err(|error| fault(field, &error))
}

/// Identifiers are printed, and looked for: no blanks, and nothing that a terminal obeys.
fn identifier(field: &'static str, text: String) -> Result<String, OsvError> {
    let is_plain = text.bytes().all(|byte| byte.is_ascii_graphic());
    match is_plain && !text.is_empty() && text.len() <= LONGEST_ID_BYTES {
        true => Ok(text),
        false => Err(fault(
            field,
            &format_args!("is not 1 to {LONGEST_ID_BYTES} printable characters without blanks"),
        )),
    }
}

fn at_most(field: &'static str, count: usize, most: usize) -> Result<(), OsvError> {
    match count <= most {
        true => Ok(()),
        false => Err(fault(field, &format_args!("has {count} entries; at most {most} are read"))),
    }
}

fn fault(field: &'static str, problem: &dyn std::fmt::Display) -> OsvError {
    OsvError::Field { field, problem: problem.to_string() }
}

#[cfg(test)]
mod tests;

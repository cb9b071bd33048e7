//! OSV records: which versions of a source package a flaw concerns, as the OSV schema 1.6 has it for the
//! ecosystem `Debian`. Versions are compared in dpkg's order.

use std::cmp::Ordering;

use serde::Deserialize;
use smol_str::SmolStr;

use super::advisory::{
    Advisory, Affected, Event, FieldError, at_most, fault, identifier, is_inside, read_version,
    release_key,
};
use super::purl;
use crate::debian::PackageName;

/// The longest record. The longest ones list every version of a kernel. Unit: bytes.
pub const LONGEST_RECORD_BYTES: usize = 4 << 20;
/// The most releases and sources that a record may name together.
pub const MOST_AFFECTED: usize = 4096;
/// The most events that a record may have of one source in one release. Debian's have two.
pub const MOST_EVENTS: usize = 64;
/// The most single versions that a record may have of one source in one release.
pub const MOST_VERSIONS: usize = 16_384;
/// The most other names that a record may have.
pub const MOST_ALIASES: usize = 1024;

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
    #[error(transparent)]
    Field(#[from] FieldError),
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
    ecosystem: Option<String>,
    name: Option<String>,
    purl: Option<String>,
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

/// Reads a record. Fields that the schema has and nobody here needs are passed over.
///
/// # Errors
/// [`OsvError`] when it is no record, or is beyond the limits of this file.
pub fn parse(bytes: &[u8]) -> Result<Advisory, OsvError> {
    if bytes.len() > LONGEST_RECORD_BYTES {
        return Err(OsvError::TooLong);
    }
    let raw: RawRecord = serde_json::from_slice(bytes)?;
    let id = identifier("id", &raw.id)?;
    let aliases = raw.aliases.into_iter().chain(raw.upstream).flatten();
    let aliases: Vec<_> =
        aliases.map(|one| identifier("aliases", &one)).collect::<Result<_, _>>()?;
    at_most("aliases", aliases.len(), MOST_ALIASES)?;
    let raw_affected = raw.affected.unwrap_or_default();
    at_most("affected", raw_affected.len(), MOST_AFFECTED)?;
    let affected = raw_affected.into_iter().filter_map(|one| read_affected(one).transpose());
    let affected = affected.collect::<Result<_, _>>()?;
    Ok(Advisory { id, aliases, withdrawn: raw.withdrawn.is_some(), affected })
}

/// The source and the release that a record speaks of; `None` when that is nothing of Debian's.
fn read_package(package: RawPackage) -> Result<Option<(PackageName, Option<SmolStr>)>, FieldError> {
    const ECOSYSTEM: &str = "affected.package.ecosystem";
    let Some(ecosystem) = package.ecosystem else {
        let Some(text) = package.purl else {
            return Err(fault(
                ECOSYSTEM,
                &"is missing; write Debian, or Debian:12 for one release",
            ));
        };
        let read = purl::parse("affected.package.purl", &text)?;
        return match read {
            Some(one) if one.binary => Err(fault(
                "affected.package.purl",
                &"names a binary package; records are about sources: write arch=source",
            )),
            read => Ok(read.map(|one| (one.name, one.release))),
        };
    };
    let release = match ecosystem.split_once(':') {
        None if ecosystem == "Debian" => None,
        Some(("Debian", release)) => Some(release_key(&identifier(ECOSYSTEM, release)?)),
        _ => {
            let word = ecosystem.split(':').next().unwrap_or_default();
            return match word.eq_ignore_ascii_case("debian") && word != "Debian" {
                true => Err(fault(ECOSYSTEM, &"write Debian with a capital letter")),
                false => Ok(None),
            };
        }
    };
    let name = package.name.unwrap_or_default().parse::<PackageName>();
    Ok(Some((name.map_err(|error| fault("affected.package.name", &error))?, release)))
}

fn read_affected(raw: RawAffected) -> Result<Option<Affected>, FieldError> {
    let Some(package) = raw.package else { return Ok(None) };
    let Some((source, release)) = read_package(package)? else { return Ok(None) };
    let own = |range: &RawRange| range.kind == "ECOSYSTEM";
    let ranges = raw.ranges.unwrap_or_default().into_iter().filter(own);
    let ranges: Vec<Vec<Event>> = ranges.map(read_events).collect::<Result<_, _>>()?;
    at_most("affected.ranges", ranges.iter().map(Vec::len).sum(), MOST_EVENTS)?;
    let versions = raw.versions.unwrap_or_default();
    if ranges.is_empty() && versions.is_empty() {
        let problem = "no version is named: give ranges of the type ECOSYSTEM, or versions";
        return Err(fault("affected.ranges", &problem));
    }
    at_most("affected.versions", versions.len(), MOST_VERSIONS)?;
    let versions = versions.iter().map(|one| read_version("affected.versions", one));
    let mut versions: Vec<_> = versions.collect::<Result<_, _>>()?;
    // Nearly all of them are in a range, too.
    versions.retain(|one| !ranges.iter().any(|events| is_inside(events, one)));
    let urgency = raw.ecosystem_specific.and_then(|specific| specific.urgency);
    let unimportant = urgency.as_deref() == Some("unimportant");
    Ok(Some(Affected { source, release, unimportant, undetermined: false, ranges, versions }))
}

fn read_events(raw: RawRange) -> Result<Vec<Event>, FieldError> {
    at_most("affected.ranges.events", raw.events.len(), MOST_EVENTS)?;
    let mut events: Vec<Event> = raw.events.iter().map(read_event).collect::<Result<_, _>>()?;
    events.sort_by(in_order);
    Ok(events)
}

fn in_order(a: &Event, b: &Event) -> Ordering {
    let at = |event: &Event| match event {
        Event::Introduced(from) => from.clone(),
        Event::Fixed(at) | Event::LastAffected(at) => Some(at.clone()),
    };
    match (at(a), at(b)) {
        (Some(a), Some(b)) => a.compare(&b),
        (a, b) => a.is_some().cmp(&b.is_some()),
    }
}

fn read_event(raw: &RawEvent) -> Result<Event, FieldError> {
    const FIELD: &str = "affected.ranges.events";
    match (&raw.introduced, &raw.fixed, &raw.last_affected) {
        (Some(from), None, None) if from == "0" => Ok(Event::Introduced(None)),
        (Some(from), None, None) => Ok(Event::Introduced(Some(read_version(FIELD, from)?))),
        (None, Some(at), None) => Ok(Event::Fixed(read_version(FIELD, at)?)),
        (None, None, Some(last)) => Ok(Event::LastAffected(read_version(FIELD, last)?)),
        _ => Err(fault(FIELD, &"an event is one of introduced, fixed, last_affected")),
    }
}

#[cfg(test)]
mod tests;

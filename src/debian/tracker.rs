//! The JSON of Debian's security tracker: by source package and flaw, the state in each release.
//!
//! Source: <https://security-tracker.debian.org/tracker/data/json>.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::advisory::{
    Advisory, Affected, Event, FieldError, at_most, fault, identifier, read_version, release_key,
};
use crate::debian::PackageName;

/// The most releases that a flaw may have of one source.
pub const MOST_RELEASES: usize = 64;

#[derive(Deserialize)]
struct RawFlaw {
    #[serde(default)]
    releases: BTreeMap<String, RawState>,
}

#[derive(Deserialize)]
struct RawState {
    status: String,
    fixed_version: Option<String>,
    urgency: Option<String>,
}

/// Reads a whole file: gives what is said of each source and flaw to `take`, or its name and what is wrong with it.
///
/// # Errors
/// What is wrong with the file itself: it is no object.
pub fn parse(
    bytes: &[u8],
    take: &mut dyn FnMut(Result<Advisory, (String, FieldError)>),
) -> Result<(), serde_json::Error> {
    let sources: BTreeMap<String, &RawValue> = serde_json::from_slice(bytes)?;
    for (source, flaws) in sources {
        let read = (|| {
            let name = source.parse::<PackageName>().map_err(|error| fault("source", &error))?;
            let flaws = serde_json::from_str::<BTreeMap<String, &RawValue>>(flaws.get());
            Ok((name, flaws.map_err(|error| fault("flaws of the source", &error))?))
        })();
        let (name, flaws) = match read {
            Ok(read) => read,
            Err(error) => {
                take(Err((source, error)));
                continue;
            }
        };
        for (flaw, state) in flaws {
            let read = read_flaw(&name, &flaw, state.get());
            take(read.map_err(|error| (format!("{source} {flaw}"), error)));
        }
    }
    Ok(())
}

fn read_flaw(source: &PackageName, flaw: &str, text: &str) -> Result<Advisory, FieldError> {
    let id = identifier("name of the flaw", flaw)?;
    let raw: RawFlaw = serde_json::from_str(text).map_err(|error| fault("releases", &error))?;
    at_most("releases", raw.releases.len(), MOST_RELEASES)?;
    let states = raw.releases.into_iter();
    let affected =
        states.filter_map(|(release, state)| read_state(source, &release, state).transpose());
    Ok(Advisory {
        id,
        aliases: Vec::new(),
        withdrawn: false,
        affected: affected.collect::<Result<_, _>>()?,
    })
}

fn read_state(
    source: &PackageName,
    release: &str,
    state: RawState,
) -> Result<Option<Affected>, FieldError> {
    let release = release_key(&identifier("releases", release)?);
    let fixed = state.fixed_version.as_deref();
    let mut events = vec![Event::Introduced(None)];
    match (state.status.as_str(), fixed) {
        // `0` says that the release never had it.
        ("resolved", Some("0")) => return Ok(None),
        ("resolved", Some(at)) => {
            events.push(Event::Fixed(read_version("releases.fixed_version", at)?));
        }
        ("resolved", None) => {
            return Err(fault("releases.fixed_version", &"is missing beside the status resolved"));
        }
        ("open" | "undetermined", _) => {}
        _ => {
            let problem = "is none of open, resolved and undetermined";
            return Err(fault("releases.status", &problem));
        }
    }
    Ok(Some(Affected {
        source: source.clone(),
        release: Some(release),
        unimportant: state.urgency.as_deref() == Some("unimportant"),
        undetermined: state.status == "undetermined",
        ranges: vec![events],
        versions: Vec::new(),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::debian::Version;
    use crate::debian::advisory::{Fix, concerns};

    #[test]
    fn every_status_is_read_and_one_odd_flaw_does_not_stop_the_others() {
        let text = serde_json::json!({
            "openssl": {
                "CVE-2024-0001": { "description": "x", "releases": {
                    "bookworm": { "status": "resolved", "fixed_version": "3.0.11-1", "urgency": "not yet assigned" },
                    "trixie": { "status": "open", "urgency": "unimportant" },
                    "bullseye": { "status": "resolved", "fixed_version": "0", "urgency": "low" },
                    "zurg": { "status": "undetermined" } } },
                "CVE-2024-0002": { "releases": { "bookworm": { "status": "fixed" } } },
                "CVE-2024-0003": { "releases": { "bookworm": { "status": "resolved" } } },
                "CVE-2024-0004": 7,
            },
            "Open SSL": { "CVE-2024-0005": {} },
            "zlib": [],
        });
        let (mut good, mut bad) = (Vec::new(), Vec::new());
        let mut take = |read| match read {
            Ok(one) => good.push(one),
            Err((name, error)) => bad.push(format!("{name}: {error}")),
        };
        parse(text.to_string().as_bytes(), &mut take).unwrap();
        let [one] = good.as_slice() else { panic!("{good:?}") };
        let version = |text: &str| Version::parse(text).unwrap();
        let told = |release: &str, of: &str| {
            let (one, fix) = concerns(&one.affected, &[release_key(release)], &version(of))?;
            let fix = match fix {
                Fix::At(at) => at.to_string(),
                other => format!("{other:?}"),
            };
            Some((fix, one.unimportant))
        };
        assert_eq!(told("12", "3.0.11-1~deb12u1"), Some(("3.0.11-1".into(), false)));
        assert_eq!(
            (told("12", "3.0.11-1"), told("bullseye", "1"), told("10", "1")),
            (None, None, None)
        );
        assert_eq!(told("trixie", "9"), Some(("NoneYet".into(), true)));
        assert_eq!(told("zurg", "9"), Some(("Undetermined".into(), false)));
        for (at, begin) in [
            "Open SSL: source: ",
            "openssl CVE-2024-0002: releases.status: is none of open",
            "openssl CVE-2024-0003: releases.fixed_version: is missing",
            "openssl CVE-2024-0004: releases: ",
            "zlib: flaws of the source: ",
        ]
        .iter()
        .enumerate()
        {
            assert!(bad[at].starts_with(begin), "{bad:#?}");
        }
        assert!(parse(b"[]", &mut |_| {}).is_err());
    }
}

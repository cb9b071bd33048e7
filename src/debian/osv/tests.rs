//! OSV records: what is read, what is refused, and which versions are concerned.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::debian::Version;
use crate::debian::advisory::{Fix, concerns};

fn version(text: &str) -> Version {
    Version::parse(text).unwrap()
}

fn affected(ecosystem: &str, events: &Value) -> Value {
    json!({
        "package": { "ecosystem": ecosystem, "name": "openssl", "purl": "pkg:deb/debian/openssl?arch=source" },
        "ranges": [{ "type": "ECOSYSTEM", "events": events }],
        "ecosystem_specific": { "urgency": "not yet assigned" },
    })
}

fn record(affected: &[Value]) -> Value {
    json!({
        "schema_version": "1.6.3", "id": "DEBIAN-CVE-2024-0001", "upstream": ["CVE-2024-0001"],
        "modified": "2026-11-19T10:00:00Z", "details": "…", "affected": affected,
    })
}

fn read(value: &Value) -> Result<Advisory, String> {
    super::parse(value.to_string().as_bytes()).map_err(|error| error.to_string())
}

/// What is said of openssl: `None`, or the version of the fix, empty when there is none.
fn told(record: &Advisory, release: &str, of: &str) -> Option<String> {
    if record.withdrawn {
        return None;
    }
    let (_, fix) = concerns(&record.affected, &[release_key(release)], &version(of))?;
    Some(match fix {
        Fix::Undetermined => "not known".into(),
        Fix::At(at) => at.to_string(),
        Fix::NoneYet => String::new(),
    })
}

#[test]
fn a_release_is_judged_by_its_own_ranges_in_dpkgs_order() {
    let twelve =
        affected("Debian:12", &json!([{ "introduced": "0" }, { "fixed": "3.0.11-1~deb12u2" }]));
    let thirteen = affected("Debian:13", &json!([{ "introduced": "3.1-1" }]));
    let every = affected("Debian", &json!([{ "introduced": "0" }, { "fixed": "9" }]));
    let record = read(&record(&[every, twelve, thirteen])).unwrap();
    let fix = Some("3.0.11-1~deb12u2".to_owned());
    assert_eq!(told(&record, "12", "3.0.11-1~deb12u1"), fix);
    assert_eq!(told(&record, "12", "0~beta"), fix, "0 is before every version");
    assert_eq!(told(&record, "12", "3.0.11-1~deb12u2"), None);
    assert_eq!(told(&record, "12", "1:1"), None, "the epoch goes first");
    assert_eq!(told(&record, "13", "3.0"), None);
    assert_eq!(told(&record, "13", "3.1-1"), Some(String::new()), "no fix yet");
    assert_eq!(told(&record, "11", "3.0"), Some("9".to_owned()), "only every release has it");
    assert_eq!(record.affected[0].source.as_str(), "openssl");
    assert!(record.is_named("CVE-2024-0001") && record.is_named("DEBIAN-CVE-2024-0001"));
    assert!(!record.is_named("CVE-2024-000"));
}

#[test]
fn what_is_withdrawn_concerns_nothing_and_unimportant_is_known() {
    let mut one = affected("Debian:12", &json!([{ "introduced": "0" }]));
    one["ecosystem_specific"]["urgency"] = json!("unimportant");
    let mut value = record(&[one]);
    assert!(read(&value).unwrap().affected[0].unimportant);
    assert_eq!(told(&read(&value).unwrap(), "12", "1"), Some(String::new()));
    value["withdrawn"] = json!("2026-01-01T00:00:00Z");
    assert_eq!(told(&read(&value).unwrap(), "12", "1"), None);
}

#[test]
fn flaws_that_come_again_end_and_are_listed_one_by_one() {
    let events = json!([
        { "introduced": "5" }, { "introduced": "1" }, { "fixed": "3" }, { "last_affected": "7" },
    ]);
    let mut one = affected("Debian:12", &events);
    one["versions"] = json!(["2", "9"]);
    let git = json!({ "type": "GIT", "events": [{ "introduced": "0" }] });
    one["ranges"].as_array_mut().unwrap().push(git);
    let record = read(&record(&[one])).unwrap();
    let hit = |of: &str| told(&record, "12", of);
    assert_eq!((hit("0.9"), hit("1"), hit("3")), (None, Some("3".into()), None));
    assert_eq!((hit("5"), hit("7"), hit("7.1")), (Some("".into()), Some("".into()), None));
    assert_eq!((hit("9"), hit("9.1")), (Some("".into()), None));
    assert_eq!(record.affected[0].versions, [version("9")], "2 is in a range");
}

#[test]
fn other_ecosystems_are_left_out_and_wrong_fields_are_named() {
    let foreign = affected("Ubuntu:22.04", &json!([{ "introduced": "not a version" }]));
    let alike = affected("Debianish:12", &json!([{ "introduced": "0" }]));
    assert_eq!(read(&record(&[foreign, alike])).unwrap().affected, []);

    let refused = |value: &Value, field: &str| {
        let error = read(value).unwrap_err();
        assert!(error.starts_with(field), "{error}");
    };
    let with = |events: Value| record(&[affected("Debian:12", &events)]);
    refused(&with(json!([{ "fixed": "a b" }])), "affected.ranges.events: ");
    refused(
        &with(json!([{ "introduced": "0", "fixed": "1" }])),
        "affected.ranges.events: an event",
    );
    refused(&with(json!([{ "limit": "1" }])), "affected.ranges.events: an event");
    let many = vec![json!({ "introduced": "0" }); MOST_EVENTS + 1];
    refused(&with(json!(many)), "affected.ranges.events: has 65 entries; at most 64 are read");
    refused(&with(json!("1")), "it is no OSV record: ");
    let mut named = record(&[affected("Debian:12", &json!([]))]);
    named["affected"][0]["package"]["name"] = json!("Open SSL");
    refused(&named, "affected.package.name: ");
    let mut escaping = record(&[]);
    escaping["id"] = json!("CVE\u{1b}[2J");
    refused(&escaping, "id: is not 1 to 128 printable characters");
    escaping["id"] = json!("");
    refused(&escaping, "id: ");
    refused(&json!({ "affected": [] }), "it is no OSV record: missing field `id`");
    let long = super::parse(&vec![b' '; LONGEST_RECORD_BYTES + 1]).unwrap_err();
    assert!(matches!(long, OsvError::TooLong));
    let deep = "[".repeat(100_000);
    assert!(super::parse(deep.as_bytes()).is_err());
}

proptest! {
    #[test]
    fn ranges_hold_what_is_between_their_events_in_any_order(
        (bounds, seed) in (proptest::collection::btree_set(1_u32..60, 0..8), any::<u64>()),
    ) {
        let bounds: Vec<u32> = bounds.into_iter().collect();
        let mut events: Vec<Value> = bounds.iter().enumerate().map(|(nth, at)| {
            let name = if nth % 2 == 0 { "introduced" } else { "fixed" };
            json!({ name: at.to_string() })
        }).collect();
        let turn = usize::try_from(seed % 8).unwrap().min(events.len());
        events.rotate_left(turn);
        let record = read(&record(&[affected("Debian:12", &json!(events))])).unwrap();
        for at in 0..61_u32 {
            let below = bounds.iter().filter(|bound| **bound <= at).count();
            let next = bounds.get(below).map(ToString::to_string).unwrap_or_default();
            let expected = (below % 2 == 1).then_some(next);
            prop_assert_eq!(told(&record, "12", &at.to_string()), expected);
        }
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        if let Ok(record) = super::parse(&bytes) {
            prop_assert!(record.affected.len() <= MOST_AFFECTED);
        }
    }
}

//! Suites: which definitions and edits are accepted, and which names their patterns match.

use super::*;

fn spec(more: &str) -> SuiteSpec {
    let text = format!(
        r#"{{"name": "stable", "origin": "Acme", "label": "Acme", "components": ["main"],
            "architectures": ["amd64"], "valid_seconds": 1209600{more}}}"#
    );
    serde_json::from_str(&text).unwrap()
}

#[test]
fn a_spec_from_before_these_fields_still_reads() {
    let old = spec("");
    assert!(old.verify().is_ok());
    assert!(old.contents && old.pdiffs && !old.translations && !old.not_automatic);
    assert_eq!((&old.changelogs, &old.snapshots), (&None, &None));
    // Programs from before several versions can read a spec of now that lists one version.
    assert!(old.versions.is_one() && !serde_json::to_string(&old).unwrap().contains("versions"));
    assert!(old.namespace.is_default());
    assert!(!serde_json::to_string(&old).unwrap().contains("namespace"));
    let again: SuiteSpec = serde_json::from_str(&serde_json::to_string(&old).unwrap()).unwrap();
    assert_eq!(again, old);
}

#[test]
fn an_alias_is_the_suite_field_and_never_the_own_name() {
    let plain = spec("");
    assert_eq!(plain.release_suite().as_str(), "stable");
    // Programs from before there were aliases can read a spec without one.
    assert!(!serde_json::to_string(&plain).unwrap().contains("alias"));
    let other = spec(r#", "alias": "prod""#);
    assert_eq!(other.release_suite().as_str(), "prod");
    assert!(other.verify().is_ok() && other.follows(&plain).is_ok());
    assert!(plain.follows(&other).is_ok());
    let said = spec(r#", "alias": "stable""#).verify().unwrap_err().to_string();
    assert!(said.starts_with("alias: is the suite's own name"), "{said}");
    for name in ["", "Prod/x", "..", "by-hash/"] {
        let text = format!(r#"{{"name": "stable", "alias": "{name}"}}"#);
        assert!(serde_json::from_str::<SuiteSpec>(&text).is_err(), "{name}");
    }
}

#[test]
fn kinds_of_suites_are_checked() {
    let both = r#", "not_automatic": true, "but_automatic_upgrades": true"#;
    assert!(spec(both).verify().is_ok());
    let cases = [
        (r#", "but_automatic_upgrades": true"#, "but_automatic_upgrades: upgrades come"),
        (r#", "changelogs": "https://h/c""#, "changelogs: needs the word"),
        (r#", "changelogs": "https://h/@SNAPSHOTID@""#, "changelogs: needs the word"),
        (r#", "snapshots": "http://h/@SNAPSHOTID@""#, "snapshots: is an address"),
        (r#", "snapshots": "https://h/é@SNAPSHOTID@""#, "snapshots: is at most 1024 printable"),
        (r#", "snapshots": """#, "snapshots: is an address"),
    ];
    for (more, part) in cases {
        let said = spec(more).verify().expect_err(more).to_string();
        assert!(said.starts_with(part), "{said}");
    }
    let said = spec(both).follows(&spec("")).expect_err("altered").to_string();
    assert!(said.starts_with("not_automatic: cannot be changed"), "{said}");
    let only = spec(r#", "not_automatic": true"#);
    let said = spec(both).follows(&only).expect_err("altered").to_string();
    assert!(said.starts_with("but_automatic_upgrades: cannot be changed"), "{said}");
    assert!(spec(r#", "translations": true, "pdiffs": false"#).follows(&spec("")).is_ok());
    let trixie = spec(r#", "namespace": "trixie""#);
    for (one, other, was) in [(&trixie, &spec(""), "default"), (&spec(""), &trixie, "trixie")] {
        let said = one.follows(other).expect_err("altered").to_string();
        let begin =
            format!("namespace: cannot be changed: suite stable is in namespace {was} for ever");
        assert!(said.starts_with(&begin), "{said}");
    }
    assert_eq!(trixie.follows(&trixie), Ok(()));
}

fn unsaid_in(of: &SuiteSpec) -> SuiteSpec {
    SuiteSpec { origin: String::new(), label: String::new(), ..of.clone() }
}

#[test]
fn a_suite_named_like_a_removed_one_keeps_what_hosts_know() {
    let departed = spec("");
    let unsaid = |origin: &str, label: &str| SuiteSpec {
        origin: origin.into(),
        label: label.into(),
        ..spec("")
    };
    for (origin, label) in [("", ""), ("Acme", ""), ("", "Acme")] {
        assert_eq!(unsaid(origin, label).succeed(&departed, true), Ok(spec("")));
    }
    let said = unsaid("Other", "").succeed(&departed, true).unwrap_err().to_string();
    assert!(said.starts_with("origin: was \"Acme\" of the suite of this name"), "{said}");
    let said = unsaid("", "Other").succeed(&departed, true).unwrap_err().to_string();
    assert!(said.starts_with("label: was"), "{said}");
    let said = spec(r#", "not_automatic": true"#).succeed(&departed, true).unwrap_err().to_string();
    assert!(said.starts_with("not_automatic: was false"), "{said}");
    let trixie = spec(r#", "namespace": "trixie""#);
    let said = trixie.clone().succeed(&departed, true).unwrap_err().to_string();
    assert!(said.starts_with("namespace: was default of the suite of this name"), "{said}");
    let said = spec("").succeed(&trixie, true).unwrap_err().to_string();
    assert!(said.starts_with("namespace: was trixie of the suite of this name"), "{said}");
    assert_eq!(unsaid_in(&trixie).succeed(&trixie, true), Ok(trixie.clone()));
    // No host has anything from a suite that never took a package.
    assert_eq!(unsaid_in(&trixie).succeed(&departed, false), Ok(trixie.clone()));
    let said = unsaid("Other", "").succeed(&trixie, false).unwrap_err().to_string();
    assert!(said.starts_with("origin: was"), "{said}");
}

#[test]
fn patterns_match_whole_names() {
    for (pattern, name) in [
        ("acme-*", "acme-web"),
        ("acme-*", "acme-"),
        ("*-acme", "lib-acme"),
        ("a*b*c", "axxbyyc"),
        ("ab", "ab"),
    ] {
        assert!(matches(pattern, name), "{pattern} {name}");
    }
    for (pattern, name) in [
        ("acme-*", "libacme-web"),
        ("ab", "abc"),
        ("a*b*c", "acb"),
        ("*-acme", "acme"),
        ("a*a", "a"),
    ] {
        assert!(!matches(pattern, name), "{pattern} {name}");
    }
    assert!(!valid_pattern("*") && !valid_pattern("a*") && valid_pattern("acme-*"));
}

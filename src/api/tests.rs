//! The wire format as promised: each type as JSON and back, every code with its status and exit.

mod access;
mod problems;
mod suites;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::*;
use crate::debian::{
    Architecture, Component, Namespace, PackageName, SuiteName, Version, Versions,
};
use crate::digest::Digest;

fn wire<T: Serialize + DeserializeOwned + PartialEq + std::fmt::Debug>(value: &T, json: Value) {
    assert_eq!(serde_json::to_value(value).unwrap(), json);
    assert_eq!(&serde_json::from_value::<T>(json).unwrap(), value);
}

fn name(text: &str) -> PackageName {
    PackageName::parse(text).unwrap()
}

fn version(text: &str) -> Version {
    Version::parse(text).unwrap()
}

fn suite() -> SuiteName {
    SuiteName::parse("stable").unwrap()
}

fn main_component() -> Component {
    Component::parse("main").unwrap()
}

fn amd64() -> Architecture {
    Architecture::parse("amd64").unwrap()
}

const ABC: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

#[test]
fn generations_and_differences() {
    wire(
        &GenerationView {
            generation: 42,
            at: 5,
            authors: vec!["ci".into()],
            message: "m".into(),
            same_as: Some(40),
            entered: 1,
            left: 2,
            rolled: Vec::new(),
            moves: vec![],
            live: true,
        },
        json!({ "generation": 42, "at": 5, "authors": ["ci"], "message": "m", "same_as": 40,
            "entered": 1, "left": 2, "moves": [], "live": true }),
    );
    let one = Move {
        package: name("hello"),
        architecture: amd64(),
        component: main_component(),
        from: Some(version("1.1")),
        to: None,
    };
    wire(
        &Diff { from: 41, to: 42, moves: vec![one] },
        json!({ "from": 41, "to": 42, "moves": [{ "package": "hello", "architecture": "amd64",
            "component": "main", "from": "1.1", "to": null }] }),
    );
    wire(&GenerationsQuery::default(), json!({}));
    wire(&DiffQuery { from: 1, to: 2 }, json!({ "from": 1, "to": 2 }));
}

#[test]
fn changes() {
    let request = |change| ChangeRequest {
        urgent: false,
        message: "m".into(),
        dry_run: false,
        expect_generation: None,
        as_shown: false,
        cascade: false,
        force: false,
        change,
    };
    let whole = |change: Value| json!({ "message": "m", "dry_run": false, "change": change });
    let digest: Digest = ABC.parse().unwrap();
    let items = vec![AddItem { component: main_component(), digest }];
    wire(
        &request(Change::Add { items }),
        whole(json!({ "verb": "add", "items": [{ "component": "main", "digest": ABC }] })),
    );
    let (package, packages) = (name("hello"), vec![name("hello")]);
    wire(
        &request(Change::Pin { package, version: version("1:2-3"), binary: true, hours: Some(24) }),
        whole(
            json!({ "verb": "pin", "package": "hello", "version": "1:2-3", "binary": true, "hours": 24 }),
        ),
    );
    wire(
        &request(Change::Rollback {
            packages: packages.clone(),
            to: Some(41),
            all: false,
            binary: false,
        }),
        whole(
            json!({ "verb": "rollback", "packages": ["hello"], "to": 41, "all": false, "binary": false }),
        ),
    );
    wire(
        &request(Change::Unpin { packages: vec![], all: true, binary: false }),
        whole(json!({ "verb": "unpin", "packages": [], "all": true, "binary": false })),
    );
    wire(
        &request(Change::Remove { packages, binary: false }),
        whole(json!({ "verb": "remove", "packages": ["hello"], "binary": false })),
    );
}

#[test]
fn a_request_may_leave_out_fields_with_a_default() {
    let short = json!({ "change": { "verb": "rollback" }, "expect_generation": 7 });
    let request: ChangeRequest = serde_json::from_value(short).unwrap();
    assert_eq!(request.expect_generation, Some(7));
    assert_eq!(
        request.change,
        Change::Rollback { packages: vec![], to: None, all: false, binary: false }
    );
}

#[test]
fn requests_refuse_what_they_do_not_know() {
    let wrong = [
        json!({ "change": { "verb": "rollback", "package": ["hello"] } }),
        json!({ "change": { "verb": "unpin", "all": true }, "dryrun": true }),
        json!({ "change": { "verb": "yank" } }),
        json!({ "change": { "verb": "remove", "packages": ["../hello"] } }),
        json!({ "change": { "verb": "pin", "package": "hello", "version": "" } }),
    ];
    for json in wrong {
        assert!(serde_json::from_value::<ChangeRequest>(json.clone()).is_err(), "{json}");
    }
}

#[test]
fn outcomes() {
    let item = ItemOutcome {
        package: name("hello"),
        version: version("1"),
        architecture: amd64(),
        component: main_component(),
        state: ItemState::Waiting,
        note: "a higher one stands".into(),
        cure: "repoctl pin --suite stable hello=1".into(),
        cure_unknown: false,
    };
    let pin = PinView {
        suite: suite(),
        package: name("hello"),
        kind: PinKind::Source,
        version: None,
        author: "ann".into(),
        message: "m".into(),
        at: 1,
        until: Some(2),
    };
    let host = HostSeen { identity: "web-01".into(), last_seen_at: Some(1), generation: Some(41) };
    wire(
        &ChangeOutcome {
            rolled: false,
            suite: suite(),
            generation: Some(42),
            dry_run: true,
            items: vec![item],
            moves: vec![],
            pins: vec![pin],
            ended: vec![],
            beyond: vec![name("hello-doc")],
            stuck: vec![Stuck {
                package: "hello".parse().unwrap(),
                version: "1".parse().unwrap(),
                architecture: "amd64".parse().unwrap(),
                hosts: vec!["amd64".parse().unwrap()],
                brings: Some(name("helper")),
                relation: StuckRelation::Avoids,
                needs: "lib (<< 2)".into(),
                finds: [("lib".into(), Some("1".parse().unwrap())), ("other".into(), None)].into(),
            }],
            hosts: vec![host],
            notes: vec!["n".into()],
        },
        json!({ "suite": "stable", "generation": 42, "dry_run": true,
            "items": [{ "package": "hello", "version": "1", "architecture": "amd64",
                "component": "main", "state": "waiting", "note": "a higher one stands",
                "cure": "repoctl pin --suite stable hello=1" }],
            "moves": [],
            "stuck": [{ "package": "hello", "version": "1", "architecture": "amd64",
                "hosts": ["amd64"], "brings": "helper", "relation": "avoids", "needs": "lib (<< 2)",
                "finds": { "lib": "1", "other": null } }],
            "pins": [{ "suite": "stable", "package": "hello", "kind": "source", "version": null,
                "author": "ann", "message": "m", "at": 1, "until": 2 }],
            "ended": [],
            "beyond": ["hello-doc"],
            "hosts": [{ "identity": "web-01", "last_seen_at": 1, "generation": 41 }],
            "notes": ["n"] }),
    );
    for state in
        [ItemState::Published, ItemState::Already, ItemState::Waiting, ItemState::Withdrawn]
    {
        wire(&state, json!(state.as_str()));
    }
    for kind in [PinKind::Source, PinKind::Binary] {
        wire(&kind, json!(kind.as_str()));
    }
}

#[test]
fn packages() {
    use PlacementState::{Live, Superseded, Waiting, Withdrawn};
    let digest: Digest = ABC.parse().unwrap();
    let placement = PlacementView {
        package: name("hello"),
        version: version("1"),
        architecture: amd64(),
        component: main_component(),
        source: name("hello-src"),
        source_version: version("2"),
        state: Live,
        size_bytes: 9,
        digest,
        accepted_by: "ci".into(),
        accepted_at: 5,
    };
    wire(
        &SuitePlacement { suite: suite(), placement },
        json!({ "suite": "stable", "package": "hello", "version": "1", "architecture": "amd64",
            "component": "main", "source": "hello-src", "source_version": "2", "state": "live",
            "size_bytes": 9, "digest": ABC, "accepted_by": "ci", "accepted_at": 5 }),
    );
    for state in [Live, Waiting, Superseded, Withdrawn] {
        wire(&state, json!(state.as_str()));
    }
    wire(
        &BlobReceipt {
            digest,
            name: name("hello"),
            version: version("1"),
            architecture: amd64(),
            size_bytes: 9,
        },
        json!({ "digest": ABC, "name": "hello", "version": "1", "architecture": "amd64", "size_bytes": 9 }),
    );
    wire(&Digests { digests: vec![digest] }, json!({ "digests": [ABC] }));
    wire(&MissingBlobs { missing: vec![] }, json!({ "missing": [] }));
    wire(&PackagesQuery::default(), json!({ "all": false }));
    wire(
        &SearchQuery { pattern: "x*".into(), limit: Some(3) },
        json!({ "pattern": "x*", "limit": 3 }),
    );
}

//! Tests of promotions: what of a suite is taken, and what is told of it.

use super::*;
use crate::debian::{PackageName, Versions};
use crate::domain::tests::built;

fn main_component() -> Component {
    Component::parse("main").unwrap()
}

fn suite(name: &str) -> SuiteName {
    SuiteName::parse(name).unwrap()
}

fn target(kind: PinKind, name: &str) -> PinTarget {
    PinTarget { kind, name: PackageName::parse(name).unwrap() }
}

fn source(name: &str) -> PinTarget {
    target(PinKind::Source, name)
}

/// Two versions of a source with two binaries, a package of its own, `repoctl` and a client package.
fn listed() -> PackageSet {
    let mut listed = PackageSet::default();
    listed.limit(Versions::All);
    for version in ["1.0", "2.0"] {
        for (binary, architecture) in [("libacme1", "amd64"), ("acme-tools", "all")] {
            listed.list(&main_component(), built(binary, "acme", version, architecture), 1);
        }
    }
    listed.list(&main_component(), built("acme-web", "acme-web", "1.0", "amd64"), 1);
    listed.list(&main_component(), built("repoctl", "acme", "2.0", "amd64"), 1);
    listed.list(&main_component(), built("repod-client-edge", "repod-client-edge", "1", "all"), 1);
    listed
}

fn wanted(targets: &[(PinTarget, Option<&str>)]) -> Wanted {
    let version = |text: &str| Version::parse(text).unwrap();
    let targets = targets.iter().map(|(target, at)| (target.clone(), at.map(version))).collect();
    Wanted { targets, ..Wanted::default() }
}

fn selected(wanted: &Wanted) -> Vec<String> {
    let items = Promotion::select(&suite("edge"), &listed(), wanted).unwrap();
    let mut told: Vec<_> =
        items.iter().map(|(at, one)| format!("{at}/{} {}", one.name, one.version)).collect();
    told.sort();
    told
}

#[test]
fn all_binaries_of_a_source_come_in_the_highest_version() {
    let acme = wanted(&[(source("acme"), None)]);
    let highest = ["main/acme-tools 2.0", "main/libacme1 2.0"];
    assert_eq!(selected(&acme), highest, "repoctl goes by its own name");
    let every = Wanted { all_versions: true, ..acme.clone() };
    assert_eq!(selected(&every).len(), 4);
    let named = wanted(&[(source("acme"), Some("1.0"))]);
    assert_eq!(selected(&named), ["main/acme-tools 1.0", "main/libacme1 1.0"]);
    let one = wanted(&[(target(PinKind::Binary, "libacme1"), None)]);
    assert_eq!(selected(&one), ["main/libacme1 2.0"]);
    let twice = wanted(&[(source("acme"), None), (source("acme"), Some("2.0"))]);
    assert_eq!(selected(&twice), highest, "each package once");
    let component = Some(Component::parse("contrib").unwrap());
    let elsewhere = Wanted { component, ..one };
    assert_eq!(selected(&elsewhere), ["contrib/libacme1 2.0"]);
}

#[test]
fn everything_is_the_highest_of_each_name_without_client_packages() {
    let whole = Wanted::default();
    assert!(whole.is_whole());
    let told = selected(&whole);
    let all = ["main/acme-tools 2.0", "main/acme-web 1.0", "main/libacme1 2.0", "main/repoctl 2.0"];
    assert_eq!(told, all);
    assert_eq!(selected(&Wanted { all_versions: true, ..whole }).len(), 6);
}

#[test]
fn every_package_that_is_not_listed_is_named_with_what_is() {
    let wanted = wanted(&[
        (source("acme"), Some("3.0")),
        (source("acme-wbe"), None),
        (source("acme-web"), None),
    ]);
    let refused = Promotion::select(&suite("edge"), &listed(), &wanted).unwrap_err();
    assert_eq!(refused.reasons.len(), 2, "{refused}");
    let told = refused.to_string();
    assert!(told.contains("acme: suite edge does not list 3.0; it lists 2.0, 1.0"), "{told}");
    assert!(told.contains("acme-wbe: suite edge does not list it; did you mean acme-web?"));
}

fn promotion(wanted: Wanted) -> Promotion {
    Promotion {
        from: suite("edge"),
        namespace: Namespace::default(),
        generation: 41,
        is_earlier: false,
        named: Vec::new(),
        wanted,
        items: Vec::new(),
        listed: listed(),
    }
}

#[test]
fn the_command_says_again_what_was_asked_for() {
    let to = suite("stable");
    let plain = promotion(wanted(&[(source("acme-web"), Some("1.0"))]));
    let told = plain.command(&to, &[source("acme")]);
    assert_eq!(told, "repoctl promote --from edge --to stable acme-web=1.0 acme");
    let component = Some(Component::parse("contrib").unwrap());
    let targets = vec![(target(PinKind::Binary, "libacme1"), None)];
    let wanted = Wanted { targets, binary: true, all_versions: true, component };
    let whole = Promotion { is_earlier: true, ..promotion(wanted) };
    let told = whole.command(&to, &[]);
    let flags = "--generation 41 --component contrib --all-versions --binary libacme1";
    assert_eq!(told, format!("repoctl promote --from edge --to stable {flags}"));
    let told = promotion(Wanted::default()).command(&to, &[]);
    assert_eq!(told, "repoctl promote --from edge --to stable --all");
}

#[test]
fn who_may_not_read_the_other_suite_is_not_told_of_it() {
    let of = promotion(Wanted::default());
    let message = format!("release 7\n{}", of.message("tested"));
    assert_eq!(message, "release 7\npromoted from edge (generation 41): tested");
    assert_eq!(message_for(&message, |_| true), message);
    let told = message_for(&message, |_| false);
    assert_eq!(told, "release 7\npromoted from another suite: tested");
    assert_eq!(message_for(&of.message(""), |_| false), "promoted from another suite");

    let done = format!("{}: acme-web 1.0 amd64 in main", origin(&of.from, of.generation));
    assert_eq!(detail_for(&done, true, |_| true), done);
    let told = detail_for(&done, true, |_| false);
    assert_eq!(told, "from another suite: acme-web 1.0 amd64 in main");
    let refused = "from edge: acme-web: suite edge does not list it";
    assert_eq!(detail_for(refused, false, |suite| suite.as_str() == "edge"), refused);
    assert_eq!(detail_for(refused, false, |_| false), "from another suite");
    assert_eq!(detail_for("from ../x: acme", false, |_| true), "from another suite");
}

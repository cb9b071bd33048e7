//! Namespaces: what a name, version and architecture belong to, and to which suites that says something.

use std::path::Path;

use repod::catalogue::{Catalogue, CatalogueError};
use repod::debian::{Namespace, SuiteName};
use repod::digest::Digest;
use repod::domain::{Package, Publication, Slice, SliceRow, SuiteSpec};

use super::samples::*;
use super::{Make, with_suite};

fn namespace(text: &str) -> Namespace {
    Namespace::parse(text).unwrap()
}

fn bound(catalogue: &dyn Catalogue, within: &str, named: &str) -> Vec<Digest> {
    let within = (within != "any").then(|| namespace(within));
    let found = catalogue.list_versions(within.as_ref(), &[name(named)]).unwrap();
    assert!(found.iter().all(|one| one.accepted));
    let mut found: Vec<_> = found.into_iter().map(|one| one.package.digest).collect();
    found.sort();
    found
}

/// `stable` of the default namespace, and two suites of another.
fn with_trixie(room: &Path, make: &Make) -> Box<dyn Catalogue> {
    let catalogue = with_suite(room, make);
    for suite in ["trixie", "trixie-new"] {
        let spec = SuiteSpec { namespace: namespace("trixie"), ..spec(suite) };
        catalogue.create_suite(&spec, &event("admin.example", 1)).unwrap();
    }
    catalogue
}

fn take(catalogue: &dyn Catalogue, suite: &str, number: u64, package: &Package) {
    record(catalogue, package);
    catalogue.publish(&generation(suite, number, &[package], &[])).unwrap();
}

pub fn a_version_belongs_to_its_bytes_within_a_namespace(room: &Path, make: &Make) {
    let catalogue = with_trixie(room, make);
    let [one, other, third] =
        [&b"one"[..], b"other", b"third"].map(|bytes| package_of("aa", "1", "amd64", bytes));
    take(&*catalogue, "stable", 1, &one);
    take(&*catalogue, "trixie", 1, &other);
    assert_eq!(bound(&*catalogue, "default", "aa"), [one.digest]);
    assert_eq!(bound(&*catalogue, "trixie", "aa"), [other.digest]);
    assert!(bound(&*catalogue, "bookworm", "aa").is_empty());
    let mut all = [one.digest, other.digest];
    all.sort();
    assert_eq!(bound(&*catalogue, "any", "aa"), all);

    // In neither of them is there room for a third, nor for those of the other.
    record(&*catalogue, &third);
    let suites = [("stable", 2, &other), ("trixie", 2, &one), ("trixie-new", 1, &one)];
    let third = ["stable", "trixie", "trixie-new"].map(|suite| {
        let next = if suite == "trixie-new" { 1 } else { 2 };
        (suite, next, &third)
    });
    for (to, number, package) in suites.into_iter().chain(third) {
        let waiting = Publication { accepted: vec![acceptance("main", package)], ..nothing(to) };
        for publication in [generation(to, number, &[package], &[]), waiting] {
            let error = catalogue.publish(&publication).unwrap_err();
            assert!(
                matches!(&error, CatalogueError::Taken { name, version, .. } if name == "aa" && version == "1"),
                "{to}: {error}"
            );
        }
    }
    assert_eq!(bound(&*catalogue, "trixie", "aa"), [other.digest]);

    // Another suite of the namespace takes the same bytes; those bound in both are in both.
    catalogue.publish(&generation("trixie-new", 1, &[&other], &[])).unwrap();
    let both = package("bb", "1", "amd64");
    take(&*catalogue, "stable", 2, &both);
    catalogue.publish(&generation("trixie", 2, &[&both], &[])).unwrap();
    for within in ["default", "trixie", "any"] {
        assert_eq!(bound(&*catalogue, within, "bb"), [both.digest], "{within}");
    }
    let suites = |package: &Package| catalogue.list_suites_of(&[package.digest]).unwrap();
    let named = |all: &[&str]| -> Vec<SuiteName> { all.iter().map(|name| suite(name)).collect() };
    assert_eq!(suites(&one), [named(&["stable"])]);
    assert_eq!(suites(&other), [named(&["trixie", "trixie-new"])]);
    assert_eq!(suites(&both), [named(&["stable", "trixie"])]);

    // Each is found where it is, once.
    let placements = |pattern: &str| -> Vec<_> {
        let found = catalogue.search_placements(pattern, 100).unwrap();
        found.into_iter().map(|one| (one.suite.to_string(), one.package.digest)).collect()
    };
    let at = |suite: &str, package: &Package| (suite.to_owned(), package.digest);
    for pattern in ["aa", "a*"] {
        let expected = [at("stable", &one), at("trixie", &other), at("trixie-new", &other)];
        assert_eq!(placements(pattern), expected, "{pattern}");
        let there = catalogue.search_suite(&suite("trixie"), pattern, 100).unwrap();
        assert_eq!(there.iter().map(|one| one.package.digest).collect::<Vec<_>>(), [other.digest]);
    }
    assert_eq!(placements("bb"), [at("stable", &both), at("trixie", &both)]);
}

pub fn a_suite_stays_in_its_namespace(room: &Path, make: &Make) {
    let catalogue = with_trixie(room, make);
    let read = |name: &str| catalogue.load_suite(&suite(name)).unwrap().unwrap().spec.namespace;
    assert_eq!((read("stable"), read("trixie")), (Namespace::default(), namespace("trixie")));
    for (name, other) in [("stable", "trixie"), ("trixie", "default"), ("trixie", "sid")] {
        let spec = SuiteSpec { namespace: namespace(other), ..spec(name) };
        let publication = Publication { spec: Some(spec), ..nothing(name) };
        let error = catalogue.publish(&publication).unwrap_err();
        assert!(error.to_string().contains("in another namespace"), "{error}");
    }
    assert_eq!((read("stable"), read("trixie")), (Namespace::default(), namespace("trixie")));
    // It is where it was in the same words, also after an end; what was bound there stays bound.
    let [one, other] = [&b"one"[..], b"other"].map(|bytes| package_of("aa", "1", "amd64", bytes));
    take(&*catalogue, "trixie", 1, &one);
    catalogue.publish(&generation("trixie", 2, &[], &[&one])).unwrap();
    catalogue.remove_suite(&suite("trixie"), &event("admin.example", 2)).unwrap();
    let departed = catalogue.find_departed(&suite("trixie")).unwrap().unwrap();
    assert_eq!((departed.spec.namespace, departed.has_taken), (namespace("trixie"), true));
    record(&*catalogue, &other);
    let error = catalogue.publish(&generation("trixie-new", 1, &[&other], &[])).unwrap_err();
    assert!(matches!(error, CatalogueError::Taken { .. }), "{error}");
    catalogue.publish(&generation("stable", 1, &[&other], &[])).unwrap();
    assert_eq!(bound(&*catalogue, "trixie", "aa"), [one.digest]);
}

pub fn whether_a_removed_suite_took_packages_is_known(room: &Path, make: &Make) {
    let catalogue = make(room);
    let client = package("repod-client-repo.example-edge", "1", "all");
    let cases: [(&[&Package], bool); 4] = [
        (&[], false),
        (&[&client], false),
        (&[&client, &package("aa", "1", "amd64")], true),
        (&[], true),
    ];
    for (round, (packages, took)) in (0_u64..).zip(cases) {
        catalogue.create_suite(&spec("edge"), &event("admin.example", 1)).unwrap();
        packages.iter().for_each(|package| record(&*catalogue, package));
        let mut publication = generation("edge", 1, packages, &[]);
        publication.generation.as_mut().unwrap().head = head(1, 1_000 + 10 * round as i64);
        catalogue.publish(&publication).unwrap();
        let mut publication = generation("edge", 2, &[], packages);
        publication.generation.as_mut().unwrap().head = head(2, 1_005 + 10 * round as i64);
        catalogue.publish(&publication).unwrap();
        catalogue.remove_suite(&suite("edge"), &event("admin.example", 2)).unwrap();
        // What one of the name took is taken, whatever came after it.
        let departed = catalogue.find_departed(&suite("edge")).unwrap().unwrap();
        assert_eq!((departed.spec, departed.has_taken), (spec("edge"), took), "{round}");
    }
}

/// What a slice binds counts with its generation, keeps others out from then on, and is given back: all of it in the
/// suite's own namespace and in no other.
pub fn a_slice_binds_within_its_namespace_alone(room: &Path, make: &Make) {
    let catalogue = with_trixie(room, make);
    catalogue.create_suite(&spec("edge"), &event("admin.example", 1)).unwrap();
    let [one, other] = [&b"one"[..], b"other"].map(|bytes| package_of("aa", "1", "amd64", bytes));
    [&one, &other].into_iter().for_each(|package| record(&*catalogue, package));
    let slice = |to: &str| {
        let rows = vec![
            SliceRow::Accepted(acceptance("main", &one)),
            SliceRow::Entered(component("main"), one.digest),
        ];
        let slice = Slice { suite: suite(to), generation: 1, rows };
        assert_eq!(catalogue.record_slice(slice).unwrap(), 2, "{to}");
    };
    let seen = || ["default", "trixie", "any"].map(|within| bound(&*catalogue, within, "aa"));
    let rival = |to: &str| catalogue.publish(&generation(to, 1, &[&other], &[]));
    let is_taken = |to: &str| matches!(rival(to), Err(CatalogueError::Taken { .. }));

    ["stable", "trixie", "trixie-new"].into_iter().for_each(slice);
    assert!(seen().iter().all(Vec::is_empty));
    assert!(is_taken("edge"));

    // One of two suites of a namespace gives back, then the other: only then others may come there.
    assert!(!catalogue.take_back(&suite("trixie"), 100).unwrap());
    assert!(is_taken("trixie"));
    assert!(!catalogue.take_back(&suite("trixie-new"), 100).unwrap());
    rival("trixie").unwrap();
    assert!(is_taken("edge"), "the slice of stable holds it there");
    assert_eq!(seen(), [vec![], vec![other.digest], vec![other.digest]]);

    catalogue.publish(&Publication { sliced: 2, ..generation("stable", 1, &[], &[]) }).unwrap();
    let mut both = vec![one.digest, other.digest];
    both.sort();
    assert_eq!(seen(), [vec![one.digest], vec![other.digest], both]);
    assert!(is_taken("edge"));
}

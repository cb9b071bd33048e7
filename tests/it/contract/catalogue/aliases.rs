//! Aliases: a name is one suite's, as its own or as its alias, whoever asks first.

use std::path::Path;
use std::sync::{Arc, Barrier};

use repod::catalogue::{Catalogue, CatalogueError};
use repod::domain::{Publication, SuiteSpec};

use super::Make;
use super::samples::*;

fn named(name: &str, alias: Option<&str>) -> SuiteSpec {
    SuiteSpec { alias: alias.map(suite), ..spec(name) }
}

/// Generation `number`, by which the suite gets this alias or none.
fn renamed(name: &str, number: u64, alias: Option<&str>, from: Option<&str>) -> Publication {
    Publication {
        spec: Some(named(name, alias)),
        alias_from: from.map(suite),
        ..generation(name, number, &[], &[])
    }
}

fn create(catalogue: &dyn Catalogue, spec: &SuiteSpec) -> Result<(), CatalogueError> {
    catalogue.create_suite(spec, &event("ops.example", 1))
}

fn alias_of(catalogue: &dyn Catalogue, name: &str) -> Option<String> {
    let state = catalogue.load_suite(&suite(name)).unwrap().unwrap();
    let listed = catalogue.list_suites().unwrap();
    let listed = listed.into_iter().find(|one| one.name.as_str() == name).unwrap();
    assert_eq!(listed, state.spec);
    state.spec.alias.map(|alias| alias.to_string())
}

#[track_caller]
fn is_of<T: std::fmt::Debug>(result: Result<T, CatalogueError>, alias: &str, holder: &str) {
    let said = result.expect_err("the alias is another's").to_string();
    assert_eq!(said, format!("{alias} is the alias of suite {holder}"));
}

pub fn a_name_is_one_suites(room: &Path, make: &Make) {
    let catalogue = make(room);
    let catalogue = &*catalogue;
    create(catalogue, &named("bookworm", Some("stable"))).unwrap();
    // Neither another suite's name nor another's alias.
    is_of(create(catalogue, &named("stable", None)), "stable", "bookworm");
    is_of(create(catalogue, &named("trixie", Some("stable"))), "stable", "bookworm");
    let said = create(catalogue, &named("trixie", Some("bookworm"))).unwrap_err().to_string();
    assert_eq!(said, "suite bookworm exists already");
    // Nothing of these is left behind.
    assert_eq!(catalogue.list_suites().unwrap().len(), 1);
    create(catalogue, &named("trixie", None)).unwrap();
    is_of(catalogue.publish(&renamed("trixie", 1, Some("stable"), None)), "stable", "bookworm");
    let other = renamed("trixie", 1, Some("stable"), Some("trixie"));
    is_of(catalogue.publish(&other), "stable", "bookworm");
    let said = catalogue.publish(&renamed("trixie", 1, Some("bookworm"), None)).unwrap_err();
    assert_eq!(said.to_string(), "suite bookworm exists already");
    let state = catalogue.load_suite(&suite("trixie")).unwrap().unwrap();
    assert!(state.head.is_none() && state.spec == named("trixie", None));
    // The same one again, another one, and none.
    catalogue.publish(&renamed("bookworm", 1, Some("stable"), None)).unwrap();
    catalogue.publish(&renamed("bookworm", 2, Some("oldstable"), None)).unwrap();
    create(catalogue, &named("stable", None)).unwrap();
    is_of(create(catalogue, &named("oldstable", None)), "oldstable", "bookworm");
    catalogue.publish(&renamed("bookworm", 3, None, None)).unwrap();
    create(catalogue, &named("oldstable", None)).unwrap();
    // A suite that goes lets its alias go.
    create(catalogue, &named("sid", Some("unstable"))).unwrap();
    catalogue.remove_suite(&suite("sid"), &event("ops.example", 2)).unwrap();
    create(catalogue, &named("unstable", None)).unwrap();
}

pub fn an_alias_is_taken_from_the_suite_that_is_named(room: &Path, make: &Make) {
    let catalogue = make(room);
    let catalogue = &*catalogue;
    create(catalogue, &named("bookworm", Some("stable"))).unwrap();
    create(catalogue, &named("trixie", Some("testing"))).unwrap();
    catalogue.publish(&generation("bookworm", 1, &[], &[])).unwrap();
    // Hosts that read it by the alias would pass over what is no later than they have.
    let early = catalogue.publish(&renamed("trixie", 1, Some("stable"), Some("bookworm")));
    assert!(matches!(early, Err(CatalogueError::Stale(_))), "{early:?}");
    assert_eq!(alias_of(catalogue, "bookworm").as_deref(), Some("stable"));
    catalogue.publish(&generation("trixie", 1, &[], &[])).unwrap();
    catalogue.publish(&renamed("trixie", 2, Some("stable"), Some("bookworm"))).unwrap();
    assert_eq!(alias_of(catalogue, "trixie").as_deref(), Some("stable"));
    assert_eq!(alias_of(catalogue, "bookworm"), None);
    // What the other did not know yet takes nothing back.
    let late = renamed("bookworm", 2, Some("stable"), None);
    is_of(catalogue.publish(&late), "stable", "trixie");
    catalogue.publish(&renamed("bookworm", 2, None, None)).unwrap();
    // Its own alias of before is free, and what it was found at never gets an earlier Date.
    create(catalogue, &named("forky", None)).unwrap();
    let early = catalogue.publish(&renamed("forky", 1, Some("testing"), None));
    assert!(matches!(early, Err(CatalogueError::Stale(_))), "{early:?}");
    for number in [1, 2] {
        catalogue.publish(&generation("forky", number, &[], &[])).unwrap();
    }
    let floor = |name: &str| catalogue.find_floor(&suite(name)).unwrap().map(|at| at.0);
    assert_eq!(
        [floor("testing"), floor("stable"), floor("forky")],
        [Some(2_000), Some(2_000), None]
    );
    catalogue.publish(&renamed("forky", 3, Some("testing"), None)).unwrap();
    assert_eq!(floor("testing"), Some(3_000));
    assert_eq!(alias_of(catalogue, "forky").as_deref(), Some("testing"));
}

/// Suites and aliases of one name, asked for at the same moment: one of them comes to be.
pub fn of_many_who_take_a_name_one_gets_it(room: &Path, make: &Make) {
    let catalogue: Arc<dyn Catalogue> = make(room).into();
    for name in ["a", "b", "c"] {
        create(&*catalogue, &named(name, None)).unwrap();
    }
    let start = Barrier::new(6);
    let results: Vec<bool> = std::thread::scope(|scope| {
        let create = |spec: SuiteSpec| catalogue.create_suite(&spec, &event("ops.example", 1));
        let give = |name: &str| catalogue.publish(&renamed(name, 1, Some("prize"), None));
        let start = &start;
        let tries: Vec<_> = (0..6)
            .map(|one| {
                scope.spawn(move || {
                    start.wait();
                    match one {
                        0 => create(named("prize", None)).is_ok(),
                        1 => create(named("d", Some("prize"))).is_ok(),
                        2 => create(named("e", Some("prize"))).is_ok(),
                        of => give(["a", "b", "c"][of - 3]).is_ok(),
                    }
                })
            })
            .collect();
        tries.into_iter().map(|one| one.join().unwrap()).collect()
    });
    assert_eq!(results.iter().filter(|done| **done).count(), 1, "{results:?}");
    let specs = catalogue.list_suites().unwrap();
    let prize = Some(suite("prize"));
    let having = specs.iter().filter(|one| one.alias == prize || Some(&one.name) == prize.as_ref());
    assert_eq!(having.count(), 1, "{specs:?}");
}

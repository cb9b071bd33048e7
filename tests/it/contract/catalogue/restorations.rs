//! What every back end promises of restorations.

use std::path::Path;

use repod::catalogue::{AcceptedUpload, CatalogueError, Restoration};
use repod::domain::Event;
use repod::time::Moment;

use super::samples::{event, package, suite};
use super::{Make, publish, with_suite};

fn restoration(at: i64) -> Restoration {
    Restoration {
        at: Moment(at),
        taken_at: Some(Moment(at - 100)),
        is_complete: true,
        is_told: false,
        acknowledged_at: None,
    }
}

fn lost(name: &str) -> AcceptedUpload {
    let package = package(name, "1.0", "amd64");
    AcceptedUpload {
        suite: "stable".into(),
        digest: package.digest,
        name: package.name,
        version: package.version,
        architecture: package.architecture,
        author: "ci.example".into(),
        at: Moment(5),
    }
}

pub fn a_restoration_stays_open_until_it_is_acknowledged(room: &Path, make: &Make) {
    let catalogue = with_suite(room, make);
    assert_eq!(catalogue.last_restoration().unwrap(), None);
    let early = catalogue.record_lost(&[lost("acme-api")]);
    assert!(matches!(early, Err(CatalogueError::Missing(_))), "{early:?}");
    catalogue.record_restoration(&restoration(1_000), &[lost("acme-web")]).unwrap();
    catalogue.record_lost(&[lost("acme-web"), lost("acme-api")]).unwrap();
    assert_eq!(catalogue.list_lost(9).unwrap(), [lost("acme-api"), lost("acme-web")]);
    assert_eq!(catalogue.list_lost(1).unwrap(), [lost("acme-api")]);
    let told = Event { at: Moment(1_001), ..event("admin.example", 3) };
    let before = catalogue.count_entries().unwrap();
    catalogue.tell_restorations(&told).unwrap();
    let expected = Restoration { is_told: true, ..restoration(1_000) };
    assert_eq!(make(room).last_restoration().unwrap(), Some(expected.clone()));
    // What was sent again is not lost any more.
    publish(&*catalogue, 1, &[&package("acme-web", "1.0", "amd64")], &[]);
    assert_eq!(catalogue.list_lost(9).unwrap(), [lost("acme-api")]);
    assert_eq!(catalogue.list_accepted(Moment(i64::MAX), 9).unwrap(), []);
    assert_eq!(catalogue.list_accepted(Moment(0), 9).unwrap().len(), 1);
    assert_eq!(catalogue.acknowledge_restorations(&told).unwrap(), 1);
    assert_eq!(catalogue.acknowledge_restorations(&told).unwrap(), 0);
    assert_eq!(catalogue.list_lost(9).unwrap(), []);
    let closed = Restoration { acknowledged_at: Some(told.at), ..expected };
    assert_eq!(catalogue.last_restoration().unwrap(), Some(closed));
    // One line of what was told, one of the generation, one acknowledgement.
    assert!(catalogue.count_entries().unwrap() >= before + 2);
}

pub fn numbers_that_were_given_out_are_left_out(room: &Path, make: &Make) {
    let catalogue = with_suite(room, make);
    publish(&*catalogue, 1, &[], &[]);
    catalogue.skip_generations(&suite("stable"), 40).unwrap();
    catalogue.skip_generations(&suite("stable"), 7).unwrap();
    publish(&*catalogue, 40, &[&package("acme-web", "1.0", "amd64")], &[]);
    publish(&*make(room), 41, &[], &[]);
    let state = catalogue.load_suite(&suite("stable")).unwrap().unwrap();
    assert_eq!(state.last_generation, 41);
}

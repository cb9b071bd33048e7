//! What every back end promises of snapshots.

use std::path::Path;

use repod::catalogue::{CatalogueError, Snapshot};
use repod::time::Moment;

use super::samples::{event, package, suite};
use super::{Make, publish, with_suite};

fn snapshot(generation: u64, keys: &str, text: &str) -> Snapshot {
    Snapshot {
        generation,
        signed_at: Moment(7),
        asked_at: Moment(7),
        keys: keys.into(),
        release: format!("release {text}"),
        release_gpg: format!("gpg {text}"),
        in_release: format!("in {text}"),
    }
}

pub fn a_snapshot_is_kept_and_belongs_to_its_keys(room: &Path, make: &Make) {
    let catalogue = with_suite(room, make);
    let stable = suite("stable");
    let first = snapshot(1, "k1", "first");
    let early = catalogue.record_snapshot(&stable, &first);
    assert!(matches!(early, Err(CatalogueError::Missing(_))), "{early:?}");
    publish(&*catalogue, 1, &[], &[]);
    assert_eq!(catalogue.find_snapshot(&stable, 1).unwrap(), None);
    assert_eq!(catalogue.record_snapshot(&stable, &first).unwrap(), first);
    // Whoever comes second is given what the first one kept.
    let second = snapshot(1, "k1", "second");
    assert_eq!(catalogue.record_snapshot(&stable, &second).unwrap(), first);
    assert_eq!(catalogue.find_snapshot(&stable, 1).unwrap().as_ref(), Some(&first));
    // Other keys begin anew.
    let other = snapshot(1, "k1 k2", "other");
    assert_eq!(catalogue.record_snapshot(&stable, &other).unwrap(), other);
    assert_eq!(make(room).find_snapshot(&stable, 1).unwrap(), Some(other));
    for (name, number) in [("stable", 2), ("stable", u64::MAX), ("absent", 1)] {
        assert_eq!(catalogue.find_snapshot(&suite(name), number).unwrap(), None);
    }
    catalogue.remove_suite(&stable, &event("admin.example", 3)).unwrap();
    assert_eq!(catalogue.find_snapshot(&stable, 1).unwrap(), None);
}

pub fn the_generation_of_a_moment_is_found(room: &Path, make: &Make) {
    let catalogue = with_suite(room, make);
    let stable = suite("stable");
    assert_eq!(catalogue.find_live_at(&stable, Moment(i64::MAX)).unwrap(), None);
    let web = package("acme-web", "1.0", "amd64");
    publish(&*catalogue, 1, &[], &[]);
    publish(&*catalogue, 2, &[&web], &[]);
    publish(&*catalogue, 3, &[], &[&web]);
    let all = catalogue.list_generations(&stable, None, 10).unwrap();
    for record in &all {
        let found = catalogue.find_generation(&stable, record.generation).unwrap();
        assert_eq!(found.as_ref(), Some(record));
        let at = |seconds| catalogue.find_live_at(&stable, record.at.plus(seconds)).unwrap();
        assert_eq!(at(0).as_ref(), Some(record));
        let before = all.iter().find(|other| other.generation + 1 == record.generation);
        assert_eq!(at(-1).as_ref(), before);
    }
    assert_eq!(catalogue.find_live_at(&stable, Moment(i64::MAX)).unwrap().as_ref(), all.first());
    for (name, number) in [("stable", 0), ("stable", 4), ("stable", u64::MAX), ("absent", 1)] {
        assert_eq!(catalogue.find_generation(&suite(name), number).unwrap(), None);
    }
}

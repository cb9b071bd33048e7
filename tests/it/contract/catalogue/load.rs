//! Load: what every back end promises after a kill, to many threads, and of a large suite.

use std::path::Path;

use repod::catalogue::CatalogueError;
use repod::debian::Namespace;
use tempfile::TempDir;

use super::indices::publish_indices;
use super::samples::*;
use super::{Make, digests, everything, publish, with_suite};

pub fn everything_is_there_after_reopening(room: &Path, make: &Make) {
    let catalogue = with_suite(room, make);
    let [old, new] = ["1", "2"].map(|version| package("aa", version, "amd64"));
    publish(&*catalogue, 1, &[&old], &[]);
    publish_indices(&*catalogue, 2, &["x"], &index("main/binary-amd64", &["x"]));
    record(&*catalogue, &new);
    let before = everything(&*catalogue);
    // As after a kill: nothing is closed in order. The copy is what the disk holds.
    let copy = TempDir::new().unwrap();
    for entry in std::fs::read_dir(room).unwrap() {
        let entry = entry.unwrap();
        std::fs::copy(entry.path(), copy.path().join(entry.file_name())).unwrap();
    }
    let killed = make(copy.path());
    assert_eq!(everything(&*killed), before);
    assert_eq!(killed.find_packages(&[new.digest]).unwrap().len(), 1);
    drop(catalogue);
    let catalogue = make(room);
    assert_eq!(everything(&*catalogue), before);
    publish(&*catalogue, 3, &[&new], &[&old]);
}

pub fn many_threads_record_packages(room: &Path, make: &Make) {
    let catalogue = make(room);
    let shared = package("shared", "1", "amd64");
    std::thread::scope(|scope| {
        for thread in 0..16 {
            let (catalogue, shared) = (&*catalogue, &shared);
            scope.spawn(move || {
                for round in 0..20 {
                    let own = package("own", &format!("{thread}.{round}"), "amd64");
                    record(catalogue, &own);
                    record(catalogue, shared);
                    let found = catalogue.find_packages(&[own.digest, shared.digest]).unwrap();
                    assert_eq!(found.len(), 2, "what was acknowledged is seen");
                }
            });
        }
    });
    let own = (0..16).flat_map(|thread| {
        (0..20).map(move |round| package("own", &format!("{thread}.{round}"), "amd64").digest)
    });
    let digests: Vec<_> = own.collect();
    assert_eq!(catalogue.find_packages(&digests).unwrap().len(), 320);
    assert_eq!(catalogue.read_stanzas(&digests).unwrap().len(), 320);
}

pub fn many_threads_publish_one_at_a_time(room: &Path, make: &Make) {
    let catalogue = with_suite(room, make);
    let won: Vec<bool> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..16)
            .map(|thread| {
                let catalogue = &*catalogue;
                scope.spawn(move || {
                    let package = package("aa", &format!("{thread}"), "amd64");
                    record(catalogue, &package);
                    match catalogue.publish(&generation("stable", 1, &[&package], &[])) {
                        Ok(()) => true,
                        Err(CatalogueError::Stale(_)) => false,
                        Err(other) => panic!("{other}"),
                    }
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(won.iter().filter(|won| **won).count(), 1);
    let winner = won.iter().position(|won| *won).unwrap();
    let state = catalogue.load_suite(&suite("stable")).unwrap().unwrap();
    let expected = package("aa", &winner.to_string(), "amd64").digest;
    assert_eq!(digests(&state.contents), [expected]);
    let accepted = catalogue.list_versions(Some(&Namespace::default()), &[name("aa")]).unwrap();
    assert_eq!(accepted.len(), 1, "who lost left nothing behind");
}

pub fn a_large_suite_is_published_and_loaded(room: &Path, make: &Make) {
    const PACKAGES: usize = 3_000;
    let catalogue = with_suite(room, make);
    let packages: Vec<_> =
        (0..PACKAGES).map(|n| package(&format!("package-{n}"), "1", "amd64")).collect();
    std::thread::scope(|scope| {
        for part in packages.chunks(PACKAGES / 30) {
            let catalogue = &*catalogue;
            scope.spawn(move || part.iter().for_each(|package| record(catalogue, package)));
        }
    });
    let entered: Vec<_> = packages.iter().collect();
    catalogue.publish(&generation("stable", 1, &entered, &[])).unwrap();
    let state = catalogue.load_suite(&suite("stable")).unwrap().unwrap();
    assert_eq!(state.contents.len(), PACKAGES);
    let digests = digests(&state.contents);
    assert_eq!(catalogue.read_stanzas(&digests).unwrap().len(), PACKAGES);
}

//! What every back end promises of client packages.

use std::path::Path;

use repod::catalogue::{CatalogueError, ClientPackage, KeyringSighting};
use repod::digest::Digest;
use repod::time::Moment;

use super::samples::{event, identity, suite};
use super::{Make, with_suite};

fn client(name: &str, version: u64, keys: &[&str]) -> ClientPackage {
    let digest = |what: &str| Digest::of(format!("{what} {name} {version}").as_bytes());
    ClientPackage {
        suite: suite(name),
        version,
        digest: digest("deb"),
        made_of: digest("files"),
        keys: keys.iter().map(ToString::to_string).collect(),
        built_at: Moment(7),
    }
}

pub fn the_newest_client_package_that_a_host_fetched_is_kept(room: &Path, make: &Make) {
    let catalogue = with_suite(room, make);
    let (first, second) = (client("stable", 1, &["A"]), client("stable", 2, &["A", "B"]));
    for package in [&second, &first, &first] {
        catalogue.record_client_package(package).unwrap();
    }
    let absent = catalogue.record_client_package(&client("absent", 1, &[]));
    assert!(matches!(absent, Err(CatalogueError::Missing(_))), "{absent:?}");
    let both = vec![first.clone(), second.clone()];
    assert_eq!(make(room).list_client_packages().unwrap(), both);

    let host = identity("web1.example.org");
    let versions = || {
        let seen = catalogue.list_client_sightings().unwrap();
        seen.into_iter().map(|one| (one.identity, one.version, one.at)).collect::<Vec<_>>()
    };
    let fetch = |digest, at| {
        catalogue.record_client_sightings(&[(host.clone(), digest, Moment(at))]).unwrap();
    };
    fetch(Digest::of(b"something else"), 1);
    assert!(versions().is_empty());
    fetch(second.digest, 5);
    fetch(first.digest, 9);
    assert_eq!(versions(), [(host.clone(), 2, Moment(5))], "an older one takes nothing away");
    catalogue.remove_suite(&suite("stable"), &event("admin.example", 9)).unwrap();
    assert!(versions().is_empty() && catalogue.list_client_packages().unwrap().is_empty());
}

pub fn the_last_key_ring_that_a_host_read_is_kept(room: &Path, make: &Make) {
    let catalogue = with_suite(room, make);
    let keyring = |host: &str, keys: &[&str], at| KeyringSighting {
        identity: identity(host),
        suite: suite("stable"),
        keys: keys.iter().map(ToString::to_string).collect(),
        at: Moment(at),
    };
    let (one, two) = ("web1.example.org", "web2.example.org");
    catalogue
        .record_keyring_sightings(&[keyring(one, &["A"], 5), keyring(two, &["A"], 6)])
        .unwrap();
    let absent = KeyringSighting { suite: suite("absent"), ..keyring(one, &["A"], 7) };
    catalogue.record_keyring_sightings(&[keyring(one, &["A", "B"], 8), absent]).unwrap();
    let expected = [keyring(one, &["A", "B"], 8), keyring(two, &["A"], 6)];
    assert_eq!(make(room).list_keyring_sightings().unwrap(), expected);
    catalogue.remove_suite(&suite("stable"), &event("admin.example", 9)).unwrap();
    assert!(catalogue.list_keyring_sightings().unwrap().is_empty());
}

//! Packages: what every back end promises of those that are recorded, staged and accepted.

use std::path::Path;

use repod::catalogue::{CatalogueError, NewPackage};
use repod::debian::Namespace;
use repod::digest::Digest;
use repod::domain::{Package, Publication};
use repod::time::Moment;

use super::samples::*;
use super::{Make, everything, publish, suites_of, with_suite};

pub fn a_package_is_recorded_once(room: &Path, make: &Make) {
    let catalogue = make(room);
    let package = package("hello", "1:2.10-3", "amd64");
    record(&*catalogue, &package);
    let (by, at) = (identity("other.example"), Moment(999));
    catalogue.record_package(&package, "another text\n\n", &by, at).unwrap();
    let found = catalogue.find_packages(&[package.digest]).unwrap();
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].package, package);
    assert_eq!(found[0].sent_by, identity("ci.example"));
    // What is staged is as fresh as its last sending, so that no sweep takes it from under a change.
    assert_eq!((found[0].sent_at, found[0].accepted), (at, false));
    let stanza = catalogue.read_stanzas(&[package.digest]).unwrap();
    assert_eq!(stanza, [stanza_of(&package.digest)]);
}

pub fn many_packages_are_recorded_at_once(room: &Path, make: &Make) {
    let catalogue = make(room);
    let known = package("known", "1", "amd64");
    record(&*catalogue, &known);
    let new = |package: &Package, list: Option<&[u8]>| {
        let (stanza, list) = (stanza_of(&package.digest), list.map(<[u8]>::to_vec));
        NewPackage::of(package.clone(), stanza, Vec::new(), list)
    };
    let [one, two] = ["one", "two"].map(|name| package(name, "1", "amd64"));
    let by = identity("batch.example");
    let all = vec![
        new(&one, Some(b"\0usr/b\nusr/a\n")),
        new(&two, None),
        new(&known, Some(b"\0x\n")),
        new(&one, Some(b"\0other\n")),
    ];
    catalogue.record_packages(all, &by, Moment(500)).unwrap();
    let digests = [two.digest, one.digest, known.digest, Digest::of(b"unknown")];
    let mut sent = catalogue.list_sent(&digests, &by).unwrap();
    let mut expected = digests[..3].to_vec();
    sent.sort();
    expected.sort();
    assert_eq!(sent, expected);
    let lists = catalogue.read_file_lists(&digests).unwrap();
    let text = |list: &str| Some(list.as_bytes().to_vec());
    assert_eq!(lists, [None, text("usr/a\nusr/b\n"), text("x\n"), None]);
    assert_eq!(catalogue.read_stanzas(&digests[..2]).unwrap().len(), 2);
    assert_eq!(catalogue.forget_staged(Moment(600)).unwrap().len(), 3);
    assert_eq!(catalogue.read_file_lists(&digests).unwrap(), [None, None, None, None]);
}

pub fn packages_are_found_by_digest(room: &Path, make: &Make) {
    let catalogue = make(room);
    let known = [package("aa", "1", "amd64"), package("bb-udeb", "1", "all")];
    known.iter().for_each(|package| record(&*catalogue, package));
    let asked = [Digest::of(b"unknown"), known[1].digest, known[0].digest];
    let mut found = catalogue.find_packages(&asked).unwrap();
    found.sort_by(|a, b| a.package.name.cmp(&b.package.name));
    assert_eq!(found.into_iter().map(|one| one.package).collect::<Vec<_>>(), known);
    assert!(catalogue.find_packages(&[]).unwrap().is_empty());
}

pub fn stanzas_come_in_the_order_asked_for(room: &Path, make: &Make) {
    let catalogue = make(room);
    let packages: Vec<_> = (0..50).map(|n| package("many", &format!("1.{n}"), "amd64")).collect();
    packages.iter().for_each(|package| record(&*catalogue, package));
    let mut asked: Vec<_> = packages.iter().rev().map(|package| package.digest).collect();
    asked.push(packages[7].digest);
    let expected: Vec<_> = asked.iter().map(stanza_of).collect();
    assert_eq!(catalogue.read_stanzas(&asked).unwrap(), expected);
    asked.push(Digest::of(b"unknown"));
    assert!(matches!(catalogue.read_stanzas(&asked), Err(CatalogueError::Missing(_))));
}

pub fn versions_are_those_that_were_accepted(room: &Path, make: &Make) {
    let catalogue = with_suite(room, make);
    let [one, two, other] =
        [package("aa", "1", "amd64"), package("aa", "2", "amd64"), package("bb", "1", "amd64")];
    record(&*catalogue, &package("aa", "3", "amd64"));
    publish(&*catalogue, 1, &[&one, &other], &[]);
    publish(&*catalogue, 2, &[&two], &[&one]);
    let versions = |names: &[&str]| {
        let names: Vec<_> = names.iter().map(|text| name(text)).collect();
        let found = catalogue.list_versions(Some(&Namespace::default()), &names).unwrap();
        assert!(found.iter().all(|one| one.accepted));
        let mut found: Vec<_> = found.into_iter().map(|one| one.package.digest).collect();
        found.sort();
        found
    };
    let sorted = |packages: &[&Package]| {
        let mut digests: Vec<_> = packages.iter().map(|package| package.digest).collect();
        digests.sort();
        digests
    };
    assert_eq!(versions(&["aa"]), sorted(&[&one, &two]));
    assert_eq!(versions(&["aa", "bb", "cc"]), sorted(&[&one, &two, &other]));
    assert!(versions(&["a"].map(|_| "cc")).is_empty());
}

pub fn a_package_is_found_by_its_path(room: &Path, make: &Make) {
    let catalogue = make(room);
    let package = package("hello", "1", "amd64");
    record(&*catalogue, &package);
    let prefix = package.digest.short();
    let find = |named: &str, prefix: &str| catalogue.find_by_path(&name(named), prefix).unwrap();
    assert_eq!(find("hello", &prefix), Some((package.clone(), Vec::new())));
    assert_eq!(find("hell", &prefix), None);
    assert_eq!(find("hello", &prefix[..15]), None);
    assert_eq!(find("hello", &format!("{prefix}0")), None);
    assert_eq!(find("hello", &prefix.to_uppercase()).is_some(), prefix.to_uppercase() == prefix);
    for strange in
        ["", "%%%%%%%%%%%%%%%%", "________________", "ffffffffffffffff", "'''''''''''''''é"]
    {
        assert_eq!(find("hello", strange), None, "{strange}");
    }
}

pub fn every_sender_of_the_same_bytes_is_known(room: &Path, make: &Make) {
    let catalogue = with_suite(room, make);
    let package = package("aa", "1", "amd64");
    let [first, second] = ["ci-1.example", "ci-2.example"].map(identity);
    catalogue.record_package(&package, "x\n\n", &first, Moment(100)).unwrap();
    let sent = |by| catalogue.list_sent(&[package.digest], by).unwrap();
    assert_eq!(sent(&first), [package.digest]);
    assert!(sent(&second).is_empty());
    // Sent again, by another, it is theirs too and as fresh as new.
    catalogue.record_package(&package, "x\n\n", &second, Moment(300)).unwrap();
    assert_eq!((sent(&first).len(), sent(&second).len()), (1, 1));
    assert!(catalogue.forget_staged(Moment(200)).unwrap().is_empty());
    assert_eq!(catalogue.forget_staged(Moment(400)).unwrap(), [package.digest]);
    assert!(sent(&second).is_empty());
}

pub fn staged_packages_are_forgotten_by_age(room: &Path, make: &Make) {
    let catalogue = with_suite(room, make);
    let [taken, old, young] = ["1", "2", "3"].map(|version| package("aa", version, "amd64"));
    publish(&*catalogue, 1, &[&taken], &[]);
    record(&*catalogue, &old);
    let by = identity("ci.example");
    catalogue.record_package(&young, "x\n\n", &by, Moment(200)).unwrap();
    assert!(catalogue.forget_staged(Moment(100)).unwrap().is_empty());
    assert_eq!(catalogue.forget_staged(Moment(200)).unwrap(), [old.digest]);
    assert!(catalogue.find_packages(&[old.digest]).unwrap().is_empty());
    assert!(catalogue.read_stanzas(&[old.digest]).is_err());
    assert_eq!(catalogue.find_packages(&[taken.digest, young.digest]).unwrap().len(), 2);
    // It can come again, as new.
    record(&*catalogue, &old);
    assert_eq!(catalogue.read_stanzas(&[old.digest]).unwrap(), [stanza_of(&old.digest)]);
}

pub fn a_package_is_shown_to_the_suites_that_took_it(room: &Path, make: &Make) {
    let catalogue = with_suite(room, make);
    catalogue.create_suite(&spec("edge"), &event("admin.example", 1)).unwrap();
    let [one, two] = ["1", "2"].map(|version| package("aa", version, "amd64"));
    record(&*catalogue, &two);
    assert!(suites_of(&*catalogue, &one).is_empty());
    publish(&*catalogue, 1, &[&one], &[]);
    assert!(suites_of(&*catalogue, &two).is_empty(), "it is only staged");
    assert_eq!(suites_of(&*catalogue, &one), [suite("stable")]);
    publish(&*catalogue, 2, &[&two], &[&one]);
    let waiting = Publication { accepted: vec![acceptance("main", &one)], ..nothing("edge") };
    catalogue.publish(&waiting).unwrap();
    assert_eq!(suites_of(&*catalogue, &one), [suite("edge"), suite("stable")]);
    assert_eq!(suites_of(&*catalogue, &two), [suite("stable")]);
    // By its path it comes with the same suites.
    let prefix = one.digest.short();
    let (found, suites) = catalogue.find_by_path(&name("aa"), &prefix).unwrap().unwrap();
    assert_eq!(found.digest, one.digest);
    assert_eq!(suites, [suite("edge"), suite("stable")]);
}

pub fn one_name_version_and_architecture_is_one_package(room: &Path, make: &Make) {
    let catalogue = with_suite(room, make);
    let [first, second] = [&b"1"[..], b"2"].map(|bytes| package_of("aa", "1", "amd64", bytes));
    record(&*catalogue, &first);
    record(&*catalogue, &second);
    publish(&*catalogue, 1, &[&second], &[]);
    let before = everything(&*catalogue);
    let waiting = Publication { accepted: vec![acceptance("main", &first)], ..nothing("stable") };
    let error = catalogue.publish(&waiting).unwrap_err();
    assert!(
        matches!(&error, CatalogueError::Taken { name, version, .. } if name == "aa" && version == "1"),
        "{error}"
    );
    assert_eq!(everything(&*catalogue), before);
    assert!(!catalogue.find_packages(&[first.digest]).unwrap()[0].accepted);
    // Another architecture is another package.
    publish(&*catalogue, 2, &[&package("aa", "1", "arm64")], &[]);
}

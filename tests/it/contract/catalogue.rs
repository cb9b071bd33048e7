//! What every back end of the catalogue promises, written once and run on each.

use std::collections::BTreeSet;
use std::path::Path;

use proptest::prelude::*;
use repod::catalogue::{
    Catalogue, CatalogueError, Generations, NewPackage, Sighting, SqliteCatalogue, Suites,
};
use repod::debian::{Namespace, SuiteName, Versions};
use repod::digest::Digest;
use repod::domain::{
    Completion, Encoding, IndexFile, Package, PackageSet, PinKind, Publication, Role, StoredChunk,
    SuiteSpec, Withdrawn,
};
use repod::time::Moment;
use tempfile::TempDir;

#[path = "catalogue/access.rs"]
mod access;
#[path = "catalogue/aliases.rs"]
mod aliases;
#[path = "catalogue/audit.rs"]
mod audit;
#[path = "catalogue/clients.rs"]
mod clients;
#[path = "catalogue/enrolments.rs"]
mod enrolments;
#[path = "catalogue/namespaces.rs"]
mod namespaces;
#[path = "catalogue/samples.rs"]
mod samples;
#[path = "catalogue/slices.rs"]
mod slices;
#[path = "catalogue/snapshots.rs"]
mod snapshots;

use access::{groups_and_grants_are_edited_whole, who_is_revoked_is_shut_out_until_given_a_right};
use aliases::*;
use audit::*;
use clients::*;
use enrolments::*;
use namespaces::*;
use samples::*;
use slices::*;
use snapshots::*;

/// Opens the catalogue that lies in a directory, or makes it.
type Make = dyn Fn(&Path) -> Box<dyn Catalogue>;

/// Makes one test of each case for one back end.
macro_rules! catalogue_contract {
    ($back_end:ident, $make:expr, $($case:ident),+ $(,)?) => {
        mod $back_end {
            $(#[test]
            fn $case() {
                let room = tempfile::TempDir::new().unwrap();
                super::$case(room.path(), &$make);
            })+
        }
    };
}

macro_rules! catalogue_contracts {
    ($($back_end:ident: $make:expr;)+) => {
        $(catalogue_contract!(
            $back_end, $make,
            a_package_is_recorded_once,
            many_packages_are_recorded_at_once,
            packages_are_found_by_digest,
            stanzas_come_in_the_order_asked_for,
            versions_are_those_that_were_accepted,
            a_package_is_found_by_its_path,
            what_is_in_slices_is_not_there_before_its_generation,
            slices_that_are_not_whole_or_do_not_follow_are_published_by_nobody,
            what_is_in_slices_is_taken_back_in_parts,
            what_is_left_of_slices_stands_in_nobodys_way,
            a_name_in_a_slice_belongs_to_its_bytes,
            two_suites_take_a_package_in_slices_and_each_gives_back_its_own,
            a_suite_is_removed_with_its_slices_and_what_it_took_in_some_stays_taken,
            every_sender_of_the_same_bytes_is_known,
    staged_packages_are_forgotten_by_age,
            a_package_is_shown_to_the_suites_that_took_it,
            one_name_version_and_architecture_is_one_package,
            a_version_belongs_to_its_bytes_within_a_namespace,
            a_suite_stays_in_its_namespace,
            a_slice_binds_within_its_namespace_alone,
            whether_a_removed_suite_took_packages_is_known,
            suites_are_created_once,
            a_name_is_one_suites,
            an_alias_is_taken_from_the_suite_that_is_named,
            of_many_who_take_a_name_one_gets_it,
            a_new_suite_is_empty,
            a_suite_loads_as_it_was_published,
            a_publication_that_does_not_follow_changes_nothing,
            a_publication_that_names_the_unknown_changes_nothing,
            a_place_holds_each_version_once,
            how_many_versions_are_listed_is_read_with_the_suite,
            what_was_emptied_is_known_by_when,
            what_is_not_in_cannot_leave,
            a_publication_without_a_generation_moves_no_head,
            pins_replace_and_end,
            a_head_is_renewed_and_never_goes_back,
            placements_say_who_and_where,
            a_search_takes_stars_and_a_limit,
            an_empty_suite_can_be_removed,
            a_suite_of_the_same_name_starts_above_the_old_date,
            history_is_read_in_pages,
            tenures_tell_when_packages_were_in,
            indices_are_kept_for_each_generation,
            indices_are_found_by_hash_for_ever,
            an_index_that_ends_is_listed_until_then,
    what_an_index_was_is_listed_once_for_each_state,
            chunks_and_packs_are_listed,
            blocks_come_later_and_stay,
            runs_come_later_and_stay,
            the_form_of_a_file_is_recorded,
            what_lags_tells_of_which_generation_it_is,
            a_live_generation_lists_more_when_it_is_whole,
            grants_replace_and_end,
            groups_and_grants_are_edited_whole,
            who_is_revoked_is_shut_out_until_given_a_right,
            certificates_are_recorded_once,
            a_revocation_is_whole_and_final,
            a_token_is_used_up_once_and_whole,
            tokens_are_replaced_revoked_and_forgotten,
            sightings_keep_the_newest,
            everything_is_there_after_reopening,
            many_threads_record_packages,
            many_threads_publish_one_at_a_time,
            a_large_suite_is_published_and_loaded,
            a_snapshot_is_kept_and_belongs_to_its_keys,
            the_generation_of_a_moment_is_found,
            what_is_recorded_leaves_its_line_and_what_is_not_leaves_none,
            entries_are_found_by_what_they_say,
            the_chain_has_no_gaps_whoever_writes,
            checkpoints_are_kept_as_they_were,
            a_delivery_is_kept_until_the_lines_that_tell_of_it,
            the_ring_is_kept_with_the_lines_that_tell_of_it,
            the_newest_client_package_that_a_host_fetched_is_kept,
            the_last_key_ring_that_a_host_read_is_kept,
        );)+
    };
}

catalogue_contracts! {
    sqlite: |room: &std::path::Path| -> Box<dyn repod::catalogue::Catalogue> {
        let path = room.join("catalogue.db");
        Box::new(repod::catalogue::SqliteCatalogue::open(&path).unwrap())
    };
}

/// A catalogue with one suite, `stable`.
fn with_suite(room: &Path, make: &Make) -> Box<dyn Catalogue> {
    let catalogue = make(room);
    catalogue.create_suite(&spec("stable"), &event("admin.example", 1)).unwrap();
    catalogue
}

/// Publishes a generation whose packages are recorded first.
fn publish(catalogue: &dyn Catalogue, number: u64, entered: &[&Package], left: &[&Package]) {
    entered.iter().for_each(|package| record(catalogue, package));
    catalogue.publish(&generation("stable", number, entered, left)).unwrap();
}

/// The suites that the bytes of a package may be shown to.
fn suites_of(catalogue: &dyn Catalogue, package: &Package) -> Vec<SuiteName> {
    let absent = Digest::of(b"never sent");
    let both = catalogue.list_suites_of(&[absent, package.digest]).unwrap();
    let [of_absent, of_package] = <[_; 2]>::try_from(both).unwrap();
    assert!(of_absent.is_empty());
    of_package
}

fn digests(contents: &PackageSet) -> Vec<Digest> {
    contents.packages().map(|(_, p)| p).map(|package| package.digest).collect()
}

/// Everything that can be read of `stable`, as text: equal when nothing changed.
fn everything(catalogue: &dyn Catalogue) -> String {
    let name = suite("stable");
    format!(
        "{:?} {:?} {:?} {:?} {:?}",
        catalogue.load_suite(&name).unwrap(),
        catalogue.list_generations(&name, None, 100).unwrap(),
        catalogue.list_placements(&name, None).unwrap(),
        catalogue.list_indices(&name, 1).unwrap(),
        catalogue.list_packs().unwrap(),
    )
}

fn a_package_is_recorded_once(room: &Path, make: &Make) {
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

fn many_packages_are_recorded_at_once(room: &Path, make: &Make) {
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

fn packages_are_found_by_digest(room: &Path, make: &Make) {
    let catalogue = make(room);
    let known = [package("aa", "1", "amd64"), package("bb-udeb", "1", "all")];
    known.iter().for_each(|package| record(&*catalogue, package));
    let asked = [Digest::of(b"unknown"), known[1].digest, known[0].digest];
    let mut found = catalogue.find_packages(&asked).unwrap();
    found.sort_by(|a, b| a.package.name.cmp(&b.package.name));
    assert_eq!(found.into_iter().map(|one| one.package).collect::<Vec<_>>(), known);
    assert!(catalogue.find_packages(&[]).unwrap().is_empty());
}

fn stanzas_come_in_the_order_asked_for(room: &Path, make: &Make) {
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

fn versions_are_those_that_were_accepted(room: &Path, make: &Make) {
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

fn a_package_is_found_by_its_path(room: &Path, make: &Make) {
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

fn every_sender_of_the_same_bytes_is_known(room: &Path, make: &Make) {
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

fn staged_packages_are_forgotten_by_age(room: &Path, make: &Make) {
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

fn a_package_is_shown_to_the_suites_that_took_it(room: &Path, make: &Make) {
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

fn one_name_version_and_architecture_is_one_package(room: &Path, make: &Make) {
    let catalogue = with_suite(room, make);
    let [first, second] = [&b"1"[..], b"2"].map(|bytes| package_of("aa", "1", "amd64", bytes));
    record(&*catalogue, &first);
    record(&*catalogue, &second);
    publish(&*catalogue, 1, &[&second], &[]);
    let before = everything(&*catalogue);
    let waiting = Publication { accepted: vec![acceptance("main", &first)], ..nothing("stable") };
    let error = catalogue.publish(&waiting).unwrap_err();
    assert!(
        matches!(&error, CatalogueError::Exists(what) if what.contains("aa 1 amd64")),
        "{error}"
    );
    assert_eq!(everything(&*catalogue), before);
    assert!(!catalogue.find_packages(&[first.digest]).unwrap()[0].accepted);
    // Another architecture is another package.
    publish(&*catalogue, 2, &[&package("aa", "1", "arm64")], &[]);
}

fn suites_are_created_once(room: &Path, make: &Make) {
    let catalogue = with_suite(room, make);
    catalogue.create_suite(&spec("edge"), &event("admin.example", 2)).unwrap();
    let error = catalogue.create_suite(&spec("stable"), &event("admin.example", 2)).unwrap_err();
    assert!(matches!(&error, CatalogueError::Exists(what) if what == "suite stable"), "{error}");
    assert_eq!(catalogue.list_suites().unwrap(), [spec("edge"), spec("stable")]);
}

fn a_new_suite_is_empty(room: &Path, make: &Make) {
    let catalogue = with_suite(room, make);
    let state = catalogue.load_suite(&suite("stable")).unwrap().unwrap();
    assert_eq!((state.spec, state.contents), (spec("stable"), PackageSet::default()));
    assert_eq!((state.head, state.last_generation), (None, 0));
    assert!(state.pins.is_empty() && state.withdrawn.is_empty());
    assert_eq!(catalogue.load_suite(&suite("other")).unwrap(), None);
    assert_eq!(catalogue.contents_at(&suite("stable"), 0).unwrap(), None);
    assert!(catalogue.list_generations(&suite("stable"), None, 9).unwrap().is_empty());
}

fn a_suite_loads_as_it_was_published(room: &Path, make: &Make) {
    let catalogue = with_suite(room, make);
    let [old, new, all] =
        [package("aa", "1", "amd64"), package("aa", "2", "amd64"), package("bb-bin", "1", "all")];
    publish(&*catalogue, 1, &[&old, &all], &[]);
    record(&*catalogue, &new);
    let mut publication = generation("stable", 2, &[&new], &[&old]);
    let withdrawn =
        Withdrawn { target: target(PinKind::Source, "aa"), version: "1".parse().unwrap() };
    publication.withdrawn = vec![withdrawn.clone()];
    publication.pinned = vec![pin(target(PinKind::Binary, "bb-bin"), None)];
    let mut edited = spec("stable");
    edited.description = "it's new".into();
    publication.spec = Some(edited.clone());
    catalogue.publish(&publication).unwrap();
    let state = catalogue.load_suite(&suite("stable")).unwrap().unwrap();
    assert_eq!(digests(&state.contents), [new.digest, all.digest]);
    for (of, package) in state.contents.packages() {
        assert_eq!(of, &component("main"));
        assert!([&new, &all].contains(&&**package));
    }
    assert_eq!((state.head, state.last_generation), (Some(head(2, 2_000)), 2));
    assert_eq!((state.pins, state.withdrawn), (publication.pinned, vec![withdrawn]));
    assert_eq!(state.spec, edited);
    assert_eq!(catalogue.list_suites().unwrap(), [edited]);
}

fn a_publication_that_does_not_follow_changes_nothing(room: &Path, make: &Make) {
    let catalogue = with_suite(room, make);
    let [old, new] = ["1", "2"].map(|version| package("aa", version, "amd64"));
    publish(&*catalogue, 1, &[&old], &[]);
    record(&*catalogue, &new);
    let before = everything(&*catalogue);
    let edits: [&dyn Fn(&mut Publication); 6] = [
        &|it| *it = generation("stable", 1, &[&new], &[&old]),
        &|it| *it = generation("stable", 3, &[&new], &[&old]),
        &|it| it.generation.as_mut().unwrap().head.date = Moment(1_000),
        &|it| it.generation.as_mut().unwrap().head.date = Moment(-5),
        &|it| it.generation.as_mut().unwrap().head.generation = 1,
        &|it| it.generation.as_mut().unwrap().record.generation = u64::MAX,
    ];
    for (number, edit) in edits.iter().enumerate() {
        let mut publication = generation("stable", 2, &[&new], &[&old]);
        publication.pinned = vec![pin(target(PinKind::Source, "aa"), Some("2"))];
        edit(&mut publication);
        let error = catalogue.publish(&publication).unwrap_err();
        assert!(
            matches!(&error, CatalogueError::Stale(name) if *name == suite("stable")),
            "{number}: {error}"
        );
        assert_eq!(everything(&*catalogue), before, "{number}");
        assert!(!catalogue.find_packages(&[new.digest]).unwrap()[0].accepted);
    }
    let mut publication = generation("stable", 2, &[&new], &[&old]);
    publication.generation.as_mut().unwrap().head.date = Moment(1_001);
    catalogue.publish(&publication).unwrap();
}

fn a_publication_that_names_the_unknown_changes_nothing(room: &Path, make: &Make) {
    let catalogue = with_suite(room, make);
    let [known, unknown] = ["aa", "bb"].map(|name| package(name, "1", "amd64"));
    record(&*catalogue, &known);
    let before = everything(&*catalogue);
    let mut no_chunk = generation("stable", 1, &[&known], &[]);
    no_chunk.generation.as_mut().unwrap().indices = index("main/binary-amd64", &["x"]);
    let strange = [
        generation("stable", 1, &[&known, &unknown], &[]),
        generation("stable", 1, &[&known], &[&unknown]),
        generation("other", 1, &[&known], &[]),
        no_chunk,
    ];
    for publication in strange {
        let error = catalogue.publish(&publication).unwrap_err();
        assert!(matches!(error, CatalogueError::Missing(_)), "{error}");
        assert_eq!(everything(&*catalogue), before);
    }
    let foreign = Publication { spec: Some(spec("edge")), ..nothing("stable") };
    assert!(catalogue.publish(&foreign).is_err());
    assert_eq!(everything(&*catalogue), before);
}

fn a_place_holds_each_version_once(room: &Path, make: &Make) {
    let catalogue = with_suite(room, make);
    let [old, new, newer] = ["1", "2", "10"].map(|version| package("aa", version, "amd64"));
    publish(&*catalogue, 1, &[&newer, &old], &[]);
    record(&*catalogue, &new);
    let before = everything(&*catalogue);
    for entered in [&[&newer][..], &[&old], &[&new, &new]] {
        let error = catalogue.publish(&generation("stable", 2, entered, &[])).unwrap_err();
        assert!(matches!(error, CatalogueError::Stale(_)), "{error}");
        assert_eq!(everything(&*catalogue), before);
    }
    publish(&*catalogue, 2, &[&new], &[]);
    let state = catalogue.load_suite(&suite("stable")).unwrap().unwrap();
    // By dpkg's order.
    assert_eq!(digests(&state.contents), [old.digest, new.digest, newer.digest]);
    publish(&*catalogue, 3, &[], &[&new, &newer]);
    // In another component there is another place.
    let mut elsewhere = generation("stable", 4, &[], &[]);
    elsewhere.generation.as_mut().unwrap().entered = vec![(component("contrib"), new.digest)];
    catalogue.publish(&elsewhere).unwrap();
    let state = catalogue.load_suite(&suite("stable")).unwrap().unwrap();
    assert_eq!(digests(&state.contents), [new.digest, old.digest]);
}

fn what_is_not_in_cannot_leave(room: &Path, make: &Make) {
    let catalogue = with_suite(room, make);
    let [old, new] = ["1", "2"].map(|version| package("aa", version, "amd64"));
    publish(&*catalogue, 1, &[&old], &[]);
    record(&*catalogue, &new);
    let before = everything(&*catalogue);
    for left in [&[&new][..], &[&old, &old]] {
        let error = catalogue.publish(&generation("stable", 2, &[], left)).unwrap_err();
        assert!(matches!(error, CatalogueError::Stale(_)), "{error}");
        assert_eq!(everything(&*catalogue), before);
    }
}

fn a_publication_without_a_generation_moves_no_head(room: &Path, make: &Make) {
    let catalogue = with_suite(room, make);
    let [old, new] = ["2", "1"].map(|version| package("aa", version, "amd64"));
    publish(&*catalogue, 1, &[&old], &[]);
    record(&*catalogue, &new);
    let waiting = Publication { accepted: vec![acceptance("main", &new)], ..nothing("stable") };
    catalogue.publish(&waiting).unwrap();
    catalogue.publish(&waiting).unwrap();
    let state = catalogue.load_suite(&suite("stable")).unwrap().unwrap();
    assert_eq!((state.head, state.last_generation), (Some(head(1, 1_000)), 1));
    assert_eq!(digests(&state.contents), [old.digest]);
    assert!(catalogue.find_packages(&[new.digest]).unwrap()[0].accepted);
}

fn pins_replace_and_end(room: &Path, make: &Make) {
    let catalogue = with_suite(room, make);
    let [source, binary] = [PinKind::Source, PinKind::Binary].map(|kind| target(kind, "aa"));
    let withdrawn =
        |version: &str| Withdrawn { target: source.clone(), version: version.parse().unwrap() };
    let held = |publication: Publication| {
        catalogue.publish(&publication).unwrap();
        let state = catalogue.load_suite(&suite("stable")).unwrap().unwrap();
        (state.pins, state.withdrawn)
    };
    let first = [pin(source.clone(), Some("1")), pin(binary.clone(), None)];
    let publication = Publication {
        pinned: first.to_vec(),
        withdrawn: vec![withdrawn("2"), withdrawn("3"), withdrawn("2")],
        ..nothing("stable")
    };
    let (mut pins, mut versions) = held(publication);
    pins.sort_by(|a, b| a.target.cmp(&b.target));
    versions.sort();
    assert_eq!((&pins[..], &versions[..]), (&first[..], &[withdrawn("2"), withdrawn("3")][..]));
    let second = pin(source.clone(), Some("1:0~rc1-2"));
    let publication = Publication {
        pinned: vec![second.clone()],
        unpinned: vec![source.clone(), binary.clone()],
        restored: vec![withdrawn("3"), withdrawn("9")],
        ..nothing("stable")
    };
    assert_eq!(held(publication), (vec![second], vec![withdrawn("2")]));
    let publication = Publication { unpinned: vec![source.clone()], ..nothing("stable") };
    assert_eq!(held(publication), (vec![], vec![withdrawn("2")]));
}

fn a_head_is_renewed_and_never_goes_back(room: &Path, make: &Make) {
    let catalogue = with_suite(room, make);
    let name = suite("stable");
    let stale = |head| matches!(catalogue.record_head(&name, &head), Err(CatalogueError::Stale(_)));
    assert!(stale(head(1, 5)), "nothing is served yet");
    publish(&*catalogue, 1, &[], &[]);
    catalogue.record_head(&name, &head(1, 1_001)).unwrap();
    assert!(stale(head(1, 1_001)));
    assert!(stale(head(1, 1_000)));
    assert!(stale(head(2, 3_000)));
    assert!(stale(head(0, 3_000)));
    let served = catalogue.load_suite(&name).unwrap().unwrap().head.unwrap();
    assert_eq!(served, head(1, 1_001));
    let mut early = generation("stable", 2, &[], &[]);
    early.generation.as_mut().unwrap().head.date = Moment(1_001);
    assert!(matches!(catalogue.publish(&early), Err(CatalogueError::Stale(_))));
    let missing = catalogue.record_head(&suite("other"), &head(1, 5));
    assert!(matches!(missing, Err(CatalogueError::Missing(_))));
}

fn placements_say_who_and_where(room: &Path, make: &Make) {
    let catalogue = with_suite(room, make);
    let [one, two, three] = ["1", "2", "3"].map(|version| package("aa-bin", version, "amd64"));
    let other = package("bb", "1", "all");
    publish(&*catalogue, 1, &[&one, &other], &[]);
    publish(&*catalogue, 2, &[&two], &[&one]);
    record(&*catalogue, &three);
    let waiting =
        Publication { accepted: vec![acceptance("contrib", &three)], ..nothing("stable") };
    catalogue.publish(&waiting).unwrap();
    let name_of_source = name("aa");
    let found = catalogue.list_placements(&suite("stable"), Some(&name_of_source)).unwrap();
    let mut told: Vec<_> = found
        .iter()
        .map(|it| (it.package.version.to_string(), it.component.to_string(), it.live, it.was_live))
        .collect();
    told.sort();
    let row = |version: &str, place: &str, live, was_live| {
        (version.to_owned(), place.to_owned(), live, was_live)
    };
    let expected = [
        row("1", "main", false, true),
        row("2", "main", true, true),
        row("3", "contrib", false, false),
    ];
    assert_eq!(told, expected);
    for placement in &found {
        assert_eq!(placement.suite, suite("stable"));
        let by = (placement.accepted_by.clone(), placement.accepted_at);
        assert_eq!(by, (identity("ci.example"), Moment(500)));
    }
    assert_eq!(catalogue.list_placements(&suite("stable"), None).unwrap().len(), 4);
    assert!(catalogue.list_placements(&suite("stable"), Some(&name("cc"))).unwrap().is_empty());
    assert!(catalogue.list_placements(&suite("other"), None).unwrap().is_empty());
}

fn a_search_takes_stars_and_a_limit(room: &Path, make: &Make) {
    let catalogue = with_suite(room, make);
    catalogue.create_suite(&spec("edge"), &event("admin.example", 1)).unwrap();
    let packages = ["libfoo1", "libfoo-dev", "foo", "g++"].map(|name| package(name, "1", "amd64"));
    publish(&*catalogue, 1, &packages.iter().collect::<Vec<_>>(), &[]);
    catalogue.publish(&generation("edge", 1, &[&packages[2]], &[])).unwrap();
    let names = |pattern: &str| -> Vec<String> {
        let found = catalogue.search_placements(pattern, 100).unwrap();
        found.iter().map(|it| format!("{} {}", it.package.name, it.suite)).collect()
    };
    assert_eq!(names("foo"), ["foo edge", "foo stable"]);
    assert_eq!(names("libfoo*"), ["libfoo-dev stable", "libfoo1 stable"]);
    assert_eq!(names("*foo*").len(), 4);
    assert_eq!(names("*").len(), 5);
    assert_eq!(names("g++"), ["g++ stable"]);
    for nothing in ["", "fo", "fo_", "%", "f%", "FOO", "!", "foo!", "f\\*", "é*", "'"] {
        assert!(names(nothing).is_empty(), "{nothing}");
    }
    assert_eq!(catalogue.search_placements("*", 2).unwrap().len(), 2);
    assert_eq!(catalogue.search_placements("*", 0).unwrap().len(), 0);
    let within = |name: &str, pattern: &str, limit| -> Vec<String> {
        let found = catalogue.search_suite(&suite(name), pattern, limit).unwrap();
        found.iter().map(|it| format!("{} {}", it.package.name, it.suite)).collect()
    };
    assert_eq!(within("edge", "*", 100), ["foo edge"]);
    assert_eq!(within("stable", "*foo*", 2), ["foo stable", "libfoo-dev stable"]);
    assert_eq!(within("stable", "g++", 1), ["g++ stable"]);
    assert!(within("other", "*", 100).is_empty());
}

fn an_empty_suite_can_be_removed(room: &Path, make: &Make) {
    let catalogue = with_suite(room, make);
    let name = suite("stable");
    let one = package("aa", "1", "amd64");
    record(&*catalogue, &one);
    let mut publication = generation("stable", 1, &[&one], &[]);
    publication.pinned = vec![pin(target(PinKind::Source, "aa"), None)];
    publication.withdrawn =
        vec![Withdrawn { target: target(PinKind::Source, "aa"), version: "2".parse().unwrap() }];
    let new = publication.generation.as_mut().unwrap();
    new.chunks = vec![chunk("x")];
    new.indices = index("main/binary-amd64", &["x"]);
    catalogue.publish(&publication).unwrap();
    let seen = Sighting {
        identity: identity("host.example"),
        suite: name.clone(),
        at: Moment(5),
        generation: 1,
    };
    catalogue.record_sightings(&[seen]).unwrap();
    let before = everything(&*catalogue);
    let error = catalogue.remove_suite(&name, &event("admin.example", 3)).unwrap_err();
    assert!(matches!(error, CatalogueError::Exists(_)), "{error}");
    assert_eq!(everything(&*catalogue), before);
    publish(&*catalogue, 2, &[], &[&one]);
    catalogue.remove_suite(&name, &event("admin.example", 3)).unwrap();
    assert_eq!(catalogue.load_suite(&name).unwrap(), None);
    assert!(suites_of(&*catalogue, &one).is_empty());
    assert!(catalogue.list_sightings().unwrap().is_empty());
    assert!(catalogue.list_placements(&name, None).unwrap().is_empty());
    let by_hash = index("main/binary-amd64", &["x"])[0].digest;
    assert_eq!(catalogue.find_by_hash(&name, "main/binary-amd64", &by_hash).unwrap(), None);
    assert!(matches!(
        catalogue.remove_suite(&name, &event("admin.example", 3)),
        Err(CatalogueError::Missing(_))
    ));
    // Its packages were taken once, so they stay what they are.
    assert!(catalogue.forget_staged(Moment(i64::MAX)).unwrap().is_empty());
}

fn a_suite_of_the_same_name_starts_above_the_old_date(room: &Path, make: &Make) {
    let catalogue = with_suite(room, make);
    publish(&*catalogue, 1, &[], &[]);
    catalogue.record_head(&suite("stable"), &head(1, 5_000)).unwrap();
    catalogue.remove_suite(&suite("stable"), &event("admin.example", 3)).unwrap();
    catalogue.create_suite(&spec("stable"), &event("admin.example", 2)).unwrap();
    let mut publication = generation("stable", 1, &[], &[]);
    publication.generation.as_mut().unwrap().head.date = Moment(5_000);
    assert!(matches!(catalogue.publish(&publication), Err(CatalogueError::Stale(_))));
    publication.generation.as_mut().unwrap().head.date = Moment(5_001);
    catalogue.publish(&publication).unwrap();
}

fn history_is_read_in_pages(room: &Path, make: &Make) {
    let catalogue = with_suite(room, make);
    (1..=5).for_each(|number| publish(&*catalogue, number, &[], &[]));
    let page = |before, limit| {
        let found = catalogue.list_generations(&suite("stable"), before, limit).unwrap();
        found.into_iter().map(|record| record.generation).collect::<Vec<_>>()
    };
    assert_eq!(page(None, 2), [5, 4]);
    assert_eq!(page(Some(4), 2), [3, 2]);
    assert_eq!(page(Some(2), 9), [1]);
    assert_eq!(page(Some(u64::MAX), 9).len(), 5);
    assert!(page(Some(0), 9).is_empty() && page(None, 0).is_empty());
    let [newest, ..] = &catalogue.list_generations(&suite("stable"), None, 1).unwrap()[..] else {
        panic!("there is one");
    };
    assert_eq!(*newest, generation("stable", 5, &[], &[]).generation.unwrap().record);
}

fn tenures_tell_when_packages_were_in(room: &Path, make: &Make) {
    let catalogue = with_suite(room, make);
    let [one, two] = ["1", "2"].map(|version| package("aa-bin", version, "amd64"));
    let other = package("bb", "1", "amd64");
    publish(&*catalogue, 1, &[&one, &other], &[]);
    publish(&*catalogue, 2, &[&two], &[&one]);
    publish(&*catalogue, 3, &[], &[]);
    publish(&*catalogue, 4, &[&one], &[&two]);
    let tenures = catalogue.list_tenures(&suite("stable"), &name("aa")).unwrap();
    let told: Vec<_> = tenures.iter().map(|it| (it.digest, it.from, it.until)).collect();
    let expected = [(one.digest, 1, Some(2)), (two.digest, 2, Some(4)), (one.digest, 4, None)];
    assert_eq!(told, expected);
    assert!(catalogue.list_tenures(&suite("stable"), &name("aa-bin")).unwrap().is_empty());
}

fn how_many_versions_are_listed_is_read_with_the_suite(room: &Path, make: &Make) {
    let catalogue = with_suite(room, make);
    publish(&*catalogue, 1, &[], &[]);
    let all = SuiteSpec { versions: Versions::All, ..spec("stable") };
    let edit = Publication { spec: Some(all), ..generation("stable", 2, &[], &[]) };
    catalogue.publish(&edit).unwrap();
    let state = catalogue.load_suite(&suite("stable")).unwrap().unwrap();
    assert_eq!((state.spec.versions, state.contents.versions()), (Versions::All, Versions::All));
    let found = catalogue.contents_at(&suite("stable"), 2).unwrap().unwrap();
    assert_eq!(found, state.contents);
}

fn what_was_emptied_is_known_by_when(room: &Path, make: &Make) {
    let catalogue = with_suite(room, make);
    let package = |name, version| package(name, version, "amd64");
    let [kept, replaced, next] = [package("aa", "1"), package("bb", "1"), package("bb", "2")];
    let [gone, back, again] = [package("cc", "1"), package("dd", "1"), package("dd", "2")];
    let (below, above) = (package("ee", "1"), package("ee", "2"));
    publish(&*catalogue, 1, &[&kept, &replaced, &gone, &back, &below], &[]);
    publish(&*catalogue, 2, &[&next, &above], &[&replaced, &gone, &back]);
    publish(&*catalogue, 3, &[&again], &[&below]);
    publish(&*catalogue, 4, &[&back], &[]);
    let history = catalogue.list_generations(&suite("stable"), Some(3), 1).unwrap();
    assert_eq!(history[0].generation, 2);
    let emptied = catalogue.list_emptied(&suite("stable")).unwrap();
    assert_eq!(emptied, [(name("cc"), history[0].at), (name("dd"), history[0].at)]);
    assert!(catalogue.list_emptied(&suite("other")).unwrap().is_empty());
}

/// Publishes a generation that lists these files.
fn publish_indices(catalogue: &dyn Catalogue, number: u64, texts: &[&str], indices: &[IndexFile]) {
    let mut publication = generation("stable", number, &[], &[]);
    let new = publication.generation.as_mut().unwrap();
    new.chunks = texts.iter().map(|text| chunk(text)).collect();
    new.indices = indices.to_vec();
    catalogue.publish(&publication).unwrap();
}

fn indices_are_kept_for_each_generation(room: &Path, make: &Make) {
    let catalogue = with_suite(room, make);
    let amd64 = [["a", "b"], ["a", "c"], ["a", "c"], ["a", "b"]];
    let arm64 = index("main/binary-arm64", &[]);
    for (number, texts) in (1..).zip(amd64) {
        let mut indices = index("main/binary-amd64", &texts);
        indices.extend(arm64.clone());
        publish_indices(&*catalogue, number, &texts, &indices);
    }
    let name = suite("stable");
    for (number, texts) in (1..).zip(amd64) {
        let mut expected = index("main/binary-amd64", &texts);
        for file in &expected {
            let found = catalogue.find_index(&name, number, &file.path).unwrap().unwrap();
            assert_eq!(found.file, *file, "{number}");
            let chunks: Vec<_> = found.chunks.iter().map(|chunk| (**chunk).clone()).collect();
            assert_eq!(chunks, texts.map(chunk), "{number}");
        }
        expected.extend(arm64.clone());
        expected.sort_by(|a, b| a.path.cmp(&b.path));
        let mut listed = catalogue.list_indices(&name, number).unwrap();
        listed.sort_by(|a, b| a.path.cmp(&b.path));
        assert_eq!(listed, expected, "{number}");
    }
    let path = "main/binary-amd64/Packages";
    for absent in [0, 5, u64::MAX] {
        assert_eq!(catalogue.find_index(&name, absent, path).unwrap(), None);
        assert!(catalogue.list_indices(&name, absent).unwrap().is_empty());
    }
    assert_eq!(catalogue.find_index(&name, 1, "main/binary-amd64").unwrap(), None);
    assert_eq!(catalogue.find_index(&suite("other"), 1, path).unwrap(), None);
}

fn indices_are_found_by_hash_for_ever(room: &Path, make: &Make) {
    let catalogue = with_suite(room, make);
    let [old, new] = ["old", "new"].map(|text| index("main/binary-amd64", &[text]));
    let mut first = old.clone();
    first.push(IndexFile { path: "Contents".into(), ..old[0].clone() });
    publish_indices(&*catalogue, 1, &["old"], &first);
    publish_indices(&*catalogue, 2, &["new"], &new);
    let find = |name: &str, directory: &str, digest: &Digest| {
        catalogue.find_by_hash(&suite(name), directory, digest).unwrap()
    };
    for file in old.iter().chain(&new) {
        let found = find("stable", "main/binary-amd64", &file.digest).unwrap();
        assert_eq!(found.file, *file);
        assert_eq!(found.chunks.len(), 1);
        assert_eq!(found.chunks[0].key, file.chunks[0]);
    }
    let digest = &old[0].digest;
    assert_eq!(find("stable", "", digest).unwrap().file.path, "Contents");
    for directory in ["main", "main/binary-amd64/", "main/binary-amd6", "%"] {
        assert_eq!(find("stable", directory, digest), None, "{directory}");
    }
    assert_eq!(find("other", "main/binary-amd64", digest), None);
    assert_eq!(find("stable", "main/binary-amd64", &Digest::of(b"?")), None);
}

fn an_index_that_ends_is_listed_until_then(room: &Path, make: &Make) {
    let catalogue = with_suite(room, make);
    let name = suite("stable");
    let files = index("main/binary-amd64", &["x"]);
    publish_indices(&*catalogue, 1, &["x"], &files);
    publish_indices(&*catalogue, 2, &[], &files[..1]);
    publish_indices(&*catalogue, 3, &[], &files);
    let count = |number| catalogue.list_indices(&name, number).unwrap().len();
    assert_eq!([count(1), count(2), count(3)], [3, 1, 3]);
    let gz = |number| catalogue.find_index(&name, number, &files[1].path).unwrap().is_some();
    assert_eq!([gz(1), gz(2), gz(3)], [true, false, true]);
}

fn what_an_index_was_is_listed_once_for_each_state(room: &Path, make: &Make) {
    let catalogue = with_suite(room, make);
    let name = suite("stable");
    let made_of = |mut files: Vec<IndexFile>, generation| {
        files[0].made_of = generation;
        files
    };
    let [x, y] = ["x", "y"].map(|text| index("main/binary-amd64", &[text]));
    let states = [&x, &x, &y, &x].map(Clone::clone);
    for (number, files) in (1..).zip(states) {
        let files = made_of(files, (number == 3).then_some(2));
        publish_indices(&*catalogue, number, &["x", "y"], &files);
    }
    let path = &x[0].path;
    let past = |before, limit| {
        let past = catalogue.list_past(&name, path, before, limit).unwrap();
        past.iter().map(|past| (past.generation, past.digest)).collect::<Vec<_>>()
    };
    let (is_x, is_y) = (x[0].digest, y[0].digest);
    assert_eq!(past(5, 10), [(4, is_x), (3, is_y), (1, is_x)]);
    assert_eq!((past(4, 10), past(5, 1)), (vec![(3, is_y), (1, is_x)], vec![(4, is_x)]));
    assert_eq!(past(1, 10), []);
    let one = &catalogue.list_past(&name, path, 4, 1).unwrap()[0];
    assert_eq!(one.size_bytes, y[0].size_bytes);
    let published = catalogue.list_generations(&name, Some(4), 1).unwrap()[0].at;
    assert_eq!(one.at, published);
    assert_eq!(catalogue.list_past(&name, "main/absent", 5, 10).unwrap(), []);
    let listed = |number| catalogue.find_index(&name, number, path).unwrap().unwrap().file.made_of;
    assert_eq!([listed(1), listed(3), listed(4)], [None, Some(2), None]);
}

fn chunks_and_packs_are_listed(room: &Path, make: &Make) {
    let catalogue = with_suite(room, make);
    let [mut one, two] = ["one", "two"].map(chunk);
    one.pack = Digest::of(b"other pack");
    let mut publication = generation("stable", 1, &[], &[]);
    publication.generation.as_mut().unwrap().chunks = vec![one.clone(), two.clone()];
    catalogue.publish(&publication).unwrap();
    // The same key again: where it was first put is where it stays.
    let mut again = generation("stable", 2, &[], &[]);
    again.generation.as_mut().unwrap().chunks = vec![chunk("one")];
    catalogue.publish(&again).unwrap();
    let asked = [two.key, Digest::of(b"absent"), one.key];
    let mut found = catalogue.find_chunks(&asked).unwrap();
    found.sort_by_key(|chunk| chunk.plain_bytes != one.plain_bytes || chunk.key != one.key);
    assert_eq!(found, [one.clone(), two.clone()]);
    let mut packs = catalogue.list_packs().unwrap();
    packs.sort();
    let mut expected = [one.pack, two.pack, run(0).pack, block(0).pack];
    expected.sort();
    assert_eq!(packs, expected);
}

fn blocks_come_later_and_stay(room: &Path, make: &Make) {
    let catalogue = with_suite(room, make);
    let bare = StoredChunk { xz: None, ..chunk("x") };
    let mut publication = generation("stable", 1, &[], &[]);
    let new = publication.generation.as_mut().unwrap();
    new.chunks = vec![bare.clone()];
    new.indices = index("main/binary-amd64", &["x"]);
    catalogue.publish(&publication).unwrap();
    let name = suite("stable");
    let xz = || catalogue.find_index(&name, 1, "main/binary-amd64/Packages.xz").unwrap().unwrap();
    assert_eq!(*xz().chunks[0], bare);
    catalogue.record_blocks(&[(bare.key, block(5)), (Digest::of(b"absent"), block(6))]).unwrap();
    // A head may have been signed over the first block: another one does not take its place.
    catalogue.record_blocks(&[(bare.key, block(7))]).unwrap();
    assert_eq!(xz().chunks[0].xz, Some(block(5)));
    assert_eq!(catalogue.find_chunks(&[bare.key]).unwrap()[0].xz, Some(block(5)));
    assert!(catalogue.list_packs().unwrap().contains(&block(5).pack));
}

fn runs_come_later_and_stay(room: &Path, make: &Make) {
    let catalogue = with_suite(room, make);
    let old = StoredChunk { plain_offset: None, run: None, ..chunk("x") };
    let new = StoredChunk { member: None, ..chunk("y") };
    let mut publication = generation("stable", 1, &[], &[]);
    let generation = publication.generation.as_mut().unwrap();
    generation.chunks = vec![old.clone(), new.clone()];
    generation.indices = index("main/binary-amd64", &["x", "y"]);
    catalogue.publish(&publication).unwrap();
    let name = suite("stable");
    let gz = || catalogue.find_index(&name, 1, "main/binary-amd64/Packages.gz").unwrap().unwrap();
    assert_eq!(gz().chunks.iter().map(|one| (**one).clone()).collect::<Vec<_>>(), [old, new]);
    let absent = Digest::of(b"absent");
    let key = chunk("x").key;
    catalogue.record_runs(&[(key, run(5)), (absent, run(6))]).unwrap();
    catalogue.record_runs(&[(key, run(7)), (chunk("y").key, run(8))]).unwrap();
    let runs: Vec<_> = gz().chunks.iter().map(|one| one.run).collect();
    assert_eq!(runs, [Some(run(5)), chunk("y").run]);
    assert!(catalogue.list_packs().unwrap().contains(&run(5).pack));
}

/// Even where a file is the same bytes in both forms: what a suite lists is told by what is recorded.
fn the_form_of_a_file_is_recorded(room: &Path, make: &Make) {
    let catalogue = with_suite(room, make);
    let name = suite("stable");
    let new = index("main/binary-amd64", &["x"]).remove(1);
    let old = IndexFile { encoding: Encoding::Members, ..new.clone() };
    assert_eq!((new.encoding, old.path.as_str()), (Encoding::Gz, new.path.as_str()));
    publish_indices(&*catalogue, 1, &["x"], std::slice::from_ref(&old));
    publish_indices(&*catalogue, 2, &[], std::slice::from_ref(&new));
    assert_eq!(catalogue.list_indices(&name, 1).unwrap(), [old]);
    assert_eq!(catalogue.list_indices(&name, 2).unwrap(), [new]);
}

/// Files that are made together are of one generation, also those that came out as they were.
fn what_lags_tells_of_which_generation_it_is(room: &Path, make: &Make) {
    let catalogue = with_suite(room, make);
    let name = suite("stable");
    let of = |text: &str, directory: &str, made_of| IndexFile {
        made_of: Some(made_of),
        ..index(directory, &[text]).remove(0)
    };
    publish_indices(&*catalogue, 1, &["x", "y"], &[of("x", "a", 1), of("x", "b", 1)]);
    let next = [of("x", "a", 2), of("y", "b", 2)];
    publish_indices(&*catalogue, 2, &[], &next);
    let mut listed = catalogue.list_indices(&name, 2).unwrap();
    listed.sort_by(|a, b| a.path.cmp(&b.path));
    assert_eq!(listed, next);
}

fn a_live_generation_lists_more_when_it_is_whole(room: &Path, make: &Make) {
    let catalogue = with_suite(room, make);
    let name = suite("stable");
    let files = index("main/binary-amd64", &["x"]);
    publish_indices(&*catalogue, 1, &["x"], &files[..2]);
    let old = IndexFile { path: "main/Contents-amd64".into(), ..index("main", &["y"])[0].clone() };
    let new = IndexFile { digest: Digest::of(b"newer"), ..old.clone() };
    let patch = IndexFile { path: "main/patch".into(), listed: false, ..old.clone() };
    let date = catalogue.load_suite(&name).unwrap().unwrap().head.unwrap().date;
    let completion = |seconds: i64, indices: Vec<IndexFile>| Completion {
        suite: name.clone(),
        chunks: vec![chunk("y")],
        indices,
        head: head(1, date.plus(seconds).0),
    };
    let with = |more: &[&IndexFile]| -> Vec<IndexFile> {
        files.iter().chain(more.iter().copied()).cloned().collect()
    };
    catalogue.complete(&completion(1, with(&[&old, &patch]))).unwrap();
    let paths = |number| catalogue.list_indices(&name, number).unwrap().len();
    assert_eq!(paths(1), 5);
    assert_eq!(catalogue.load_suite(&name).unwrap().unwrap().head.unwrap().date, date.plus(1));
    catalogue.complete(&completion(2, with(&[&new]))).unwrap();
    assert_eq!(paths(1), 4);
    let found = catalogue.find_index(&name, 1, &old.path).unwrap().unwrap();
    assert_eq!(found.file.digest, new.digest);
    // What was listed for a while is found by its digest, and a patch by its path, for ever.
    assert!(catalogue.find_by_hash(&name, "main", &old.digest).unwrap().is_some());
    assert_eq!(catalogue.find_patch(&name, "main/patch").unwrap().unwrap().file.path, patch.path);
    assert_eq!(catalogue.find_patch(&name, &old.path).unwrap(), None);
    // Neither an older Date nor another generation.
    let stale = catalogue.complete(&completion(2, files.clone()));
    assert!(matches!(stale, Err(CatalogueError::Stale(_))), "{stale:?}");
    assert_eq!(paths(1), 4);
}

fn grants_replace_and_end(room: &Path, make: &Make) {
    let catalogue = make(room);
    let grants = [
        grant("ci.example", Role::Uploader, &["stable", "edge"]),
        grant("ops.example", Role::Operator, &[]),
    ];
    for one in grants.iter().rev() {
        catalogue.record_grant(one, &event("admin.example", 5)).unwrap();
    }
    assert_eq!(catalogue.list_grants().unwrap(), grants);
    let less = grant("ci.example", Role::Host, &["edge"]);
    catalogue.record_grant(&less, &event("admin.example", 6)).unwrap();
    assert_eq!(catalogue.list_grants().unwrap(), [less.clone(), grants[1].clone()]);
    catalogue.remove_grant(&identity("ops.example"), &event("admin.example", 7)).unwrap();
    catalogue.remove_grant(&identity("nobody.example"), &event("admin.example", 7)).unwrap();
    assert_eq!(catalogue.list_grants().unwrap(), [less]);
}

fn certificates_are_recorded_once(room: &Path, make: &Make) {
    let catalogue = make(room);
    let host = grant("web.example", Role::Host, &["stable"]);
    let [first, second, other] = [
        certificate("1a", "web.example", 10),
        certificate("2b", "web.example", 20),
        certificate("3c", "db.example", 15),
    ];
    catalogue.record_certificate(&first, Some(&host), &event("admin.example", 1)).unwrap();
    catalogue.record_certificate(&second, None, &event("admin.example", 1)).unwrap();
    catalogue.record_certificate(&other, None, &event("admin.example", 1)).unwrap();
    let stolen = certificate("1a", "db.example", 30);
    let more = grant("db.example", Role::Admin, &[]);
    let error =
        catalogue.record_certificate(&stolen, Some(&more), &event("admin.example", 1)).unwrap_err();
    assert!(matches!(error, CatalogueError::Exists(_)), "{error}");
    assert_eq!(catalogue.list_grants().unwrap(), [host], "the grant went with the certificate");
    let all = catalogue.list_certificates(None).unwrap();
    assert_eq!(all, [second.clone(), other, first.clone()]);
    let of_web = catalogue.list_certificates(Some(&identity("web.example"))).unwrap();
    assert_eq!(of_web, [second, first]);
    assert!(catalogue.list_certificates(Some(&identity("x.example"))).unwrap().is_empty());
}

fn a_revocation_is_whole_and_final(room: &Path, make: &Make) {
    let catalogue = make(room);
    let host = grant("web.example", Role::Host, &[]);
    catalogue
        .record_certificate(
            &certificate("1a", "web.example", 10),
            Some(&host),
            &event("admin.example", 1),
        )
        .unwrap();
    catalogue
        .record_certificate(&certificate("2b", "web.example", 20), None, &event("admin.example", 1))
        .unwrap();
    let web = identity("web.example");
    let revoke = |serials: &[&str], reason: &str, at, and_grant| {
        let serials: Vec<_> = serials.iter().map(|serial| (*serial).to_owned()).collect();
        catalogue.record_revocation(&serials, reason, and_grant, &event("admin.example", at))
    };
    let state = || {
        let all = catalogue.list_certificates(None).unwrap();
        let told = |serial: &str| {
            let one = all.iter().find(|one| one.serial == serial).unwrap();
            (one.revoked_at.map(|at| at.0), one.reason.clone())
        };
        (told("1a"), told("2b"), catalogue.list_grants().unwrap().len())
    };
    let error = revoke(&["1a", "ff"], "lost", 30, Some(&web)).unwrap_err();
    assert!(matches!(&error, CatalogueError::Missing(what) if what.contains("ff")), "{error}");
    assert_eq!(state(), ((None, String::new()), (None, String::new()), 1), "all or nothing");
    revoke(&["1a"], "lost", 30, None).unwrap();
    assert_eq!(state(), ((Some(30), "lost".into()), (None, String::new()), 1));
    revoke(&["1a", "2b"], "gone", 40, Some(&web)).unwrap();
    assert_eq!(state(), ((Some(30), "lost".into()), (Some(40), "gone".into()), 0));
}

fn sightings_keep_the_newest(room: &Path, make: &Make) {
    let catalogue = with_suite(room, make);
    let seen = |at, generation| Sighting {
        identity: identity("web.example"),
        suite: suite("stable"),
        at: Moment(at),
        generation,
    };
    let other = Sighting { identity: identity("db.example"), ..seen(3, 1) };
    let nowhere = Sighting { suite: suite("gone"), ..seen(9, 9) };
    catalogue.record_sightings(&[seen(10, 1), other.clone(), nowhere]).unwrap();
    assert_eq!(catalogue.list_sightings().unwrap(), [other.clone(), seen(10, 1)]);
    catalogue.record_sightings(&[seen(9, 8), seen(12, 2), seen(11, 7)]).unwrap();
    assert_eq!(catalogue.list_sightings().unwrap(), [other, seen(12, 2)]);
    catalogue.record_sightings(&[]).unwrap();
}

fn everything_is_there_after_reopening(room: &Path, make: &Make) {
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

fn many_threads_record_packages(room: &Path, make: &Make) {
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

fn many_threads_publish_one_at_a_time(room: &Path, make: &Make) {
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

fn a_large_suite_is_published_and_loaded(room: &Path, make: &Make) {
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

/// A step of a random history: at some of a few places, versions that are listed from then on, or are not.
type Step = Vec<(u8, u8, bool)>;

fn history() -> impl Strategy<Value = Vec<Step>> {
    let change = (0..4_u8, 0..4_u8, any::<bool>());
    proptest::collection::vec(proptest::collection::vec(change, 0..5), 1..12)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..Default::default() })]

    /// Whatever came and went, and came back: each generation holds what it held.
    #[test]
    fn every_generation_holds_what_it_held(history in history()) {
        let room = TempDir::new().unwrap();
        let open = || SqliteCatalogue::open(&room.path().join("catalogue.db")).unwrap();
        let catalogue = open();
        catalogue.create_suite(&spec("stable"), &event("admin.example", 1)).unwrap();
        let package = |place: u8, version: u8| package(&format!("p{place}"), &format!("{version}"), "amd64");
        let mut now: BTreeSet<(u8, u8)> = BTreeSet::new();
        let mut model = vec![now.clone()];
        for (number, step) in (1..).zip(&history) {
            let mut next = now.clone();
            for (place, version, is_listed) in step {
                match is_listed {
                    true => next.insert((*place, *version)),
                    false => next.remove(&(*place, *version)),
                };
            }
            let only_in = |a: &BTreeSet<(u8, u8)>, b: &BTreeSet<(u8, u8)>| -> Vec<Package> {
                a.difference(b).map(|(place, version)| package(*place, *version)).collect()
            };
            let (entered, left) = (only_in(&next, &now), only_in(&now, &next));
            let entered: Vec<_> = entered.iter().collect();
            let left: Vec<_> = left.iter().collect();
            publish(&catalogue, number, &entered, &left);
            now = next;
            model.push(now.clone());
        }
        drop(catalogue);
        let catalogue = open();
        let name = suite("stable");
        for (number, held) in model.iter().enumerate().skip(1) {
            let expected: Vec<_> = held.iter().map(|(p, v)| package(*p, *v).digest).collect();
            let found = catalogue.contents_at(&name, number as u64).unwrap().unwrap();
            prop_assert_eq!(digests(&found), expected, "generation {}", number);
            // What has changed since, undone, is that generation too.
            let mut undone = catalogue.load_suite(&name).unwrap().unwrap().contents;
            let since = catalogue.changes_since(&name, number as u64).unwrap().unwrap();
            for (component, package) in since.entered {
                prop_assert!(undone.holds(&component, &package));
                undone.unlist(&component, &package);
            }
            for (component, package) in since.left {
                prop_assert!(undone.list(&component, std::sync::Arc::new(package), 0).is_none());
            }
            prop_assert_eq!(digests(&undone), digests(&found), "undone to {}", number);
            // It was listed by the first of the generations before this one that all hold it.
            for (slot, version) in held {
                let held = |number: &usize| model[*number].contains(&(*slot, *version));
                let listed = (0..=number).rev().take_while(held).last().map(|number| number as u64);
                let one = package(*slot, *version);
                let (component, _) = found.packages().next().unwrap();
                prop_assert_eq!(found.since(component, &one), listed);
            }
        }
        prop_assert_eq!(catalogue.changes_since(&name, model.len() as u64).unwrap(), None);
        let last = model.len() as u64 - 1;
        prop_assert_eq!(catalogue.contents_at(&name, last + 1).unwrap(), None);
        let live = catalogue.load_suite(&name).unwrap().unwrap().contents;
        prop_assert_eq!(Some(live), catalogue.contents_at(&name, last).unwrap());
        for place in 0..4_u8 {
            let tenures = catalogue.list_tenures(&name, &samples::name(&format!("p{place}"))).unwrap();
            for (number, held) in model.iter().enumerate().skip(1) {
                let number = number as u64;
                let within = tenures.iter().filter(|it| {
                    it.from <= number && it.until.is_none_or(|until| number < until)
                });
                let found: BTreeSet<_> = within.map(|it| it.digest).collect();
                let here = held.iter().filter(|(at, _)| *at == place);
                let expected: BTreeSet<_> = here.map(|(_, v)| package(place, *v).digest).collect();
                prop_assert_eq!(found, expected);
            }
        }
    }
}

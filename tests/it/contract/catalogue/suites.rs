//! Suites: what every back end promises of those that are created, loaded, searched and removed.

use std::path::Path;

use repod::catalogue::{CatalogueError, Sighting};
use repod::debian::Versions;
use repod::domain::{Hold, HoldEdit, PackageSet, PinKind, Publication, SuiteSpec, Withdrawn};
use repod::time::Moment;

use super::samples::*;
use super::{Make, digests, everything, publish, suites_of, with_suite};

pub fn suites_are_created_once(room: &Path, make: &Make) {
    let catalogue = with_suite(room, make);
    catalogue.create_suite(&spec("edge"), &event("admin.example", 2)).unwrap();
    let error = catalogue.create_suite(&spec("stable"), &event("admin.example", 2)).unwrap_err();
    assert!(matches!(&error, CatalogueError::Exists(what) if what == "suite stable"), "{error}");
    assert_eq!(catalogue.list_suites().unwrap(), [spec("edge"), spec("stable")]);
}

pub fn a_new_suite_is_empty(room: &Path, make: &Make) {
    let catalogue = with_suite(room, make);
    let state = catalogue.load_suite(&suite("stable")).unwrap().unwrap();
    assert_eq!((state.spec, state.contents), (spec("stable"), PackageSet::default()));
    assert_eq!((state.head, state.last_generation), (None, 0));
    assert!(state.pins.is_empty() && state.withdrawn.is_empty());
    assert!(state.hold.is_none() && state.held_back.is_empty());
    assert_eq!(catalogue.load_suite(&suite("other")).unwrap(), None);
    assert_eq!(catalogue.contents_at(&suite("stable"), 0).unwrap(), None);
    assert!(catalogue.list_generations(&suite("stable"), None, 9).unwrap().is_empty());
}

pub fn a_suite_loads_as_it_was_published(room: &Path, make: &Make) {
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

pub fn a_hold_and_what_came_meanwhile_are_kept_until_its_end(room: &Path, make: &Make) {
    let catalogue = with_suite(room, make);
    let [one, two] = ["1", "2"].map(|version| package("aa", version, "amd64"));
    publish(&*catalogue, 1, &[&one], &[]);
    let hold = Hold { author: identity("op.example"), message: "it's moved".into(), at: Moment(7) };
    let load = || catalogue.load_suite(&suite("stable")).unwrap().unwrap();
    let begun = Some(HoldEdit::Begin(hold.clone()));
    catalogue.publish(&Publication { hold: begun.clone(), ..nothing("stable") }).unwrap();
    assert_eq!((load().hold, load().held_back.len()), (Some(hold.clone()), 0));
    record(&*catalogue, &two);
    let came = Publication {
        accepted: vec![acceptance("main", &two)],
        held_back: vec![(component("main"), two.digest)],
        ..nothing("stable")
    };
    catalogue.publish(&came).unwrap();
    // Once more, as a blind retry would.
    catalogue.publish(&Publication { accepted: Vec::new(), ..came.clone() }).unwrap();
    let state = load();
    let back: Vec<_> =
        state.held_back.iter().map(|(came, one)| (came.clone(), (**one).clone())).collect();
    assert_eq!(back, [((component("main"), two.digest), two.clone())]);
    assert_eq!((state.hold, state.last_generation), (Some(hold), 1));
    // Another one begins with nothing held back.
    catalogue.publish(&Publication { hold: begun, ..nothing("stable") }).unwrap();
    assert!(load().hold.is_some() && load().held_back.is_empty());
    catalogue.publish(&Publication { accepted: Vec::new(), ..came }).unwrap();
    let end = Publication { hold: Some(HoldEdit::End), ..nothing("stable") };
    catalogue.publish(&end).unwrap();
    assert!(load().hold.is_none() && load().held_back.is_empty());
    // A suite that is held can be removed.
    let leaves = generation("stable", 2, &[], &[&one]);
    let hold = Hold { author: identity("op.example"), message: String::new(), at: Moment(8) };
    let held = Publication { hold: Some(HoldEdit::Begin(hold)), ..leaves };
    catalogue
        .publish(&Publication { held_back: vec![(component("main"), two.digest)], ..held })
        .unwrap();
    catalogue.remove_suite(&suite("stable"), &event("admin.example", 9)).unwrap();
    assert_eq!(catalogue.load_suite(&suite("stable")).unwrap(), None);
}

pub fn placements_say_who_and_where(room: &Path, make: &Make) {
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

pub fn a_search_takes_stars_and_a_limit(room: &Path, make: &Make) {
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

pub fn an_empty_suite_can_be_removed(room: &Path, make: &Make) {
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

pub fn a_suite_of_the_same_name_starts_above_the_old_date(room: &Path, make: &Make) {
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

pub fn how_many_versions_are_listed_is_read_with_the_suite(room: &Path, make: &Make) {
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

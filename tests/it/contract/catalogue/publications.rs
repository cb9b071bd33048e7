//! Publications: what every back end promises of those that follow, and of those that do not.

use std::path::Path;

use repod::catalogue::CatalogueError;
use repod::domain::{PinKind, Publication, Withdrawn};
use repod::time::Moment;

use super::samples::*;
use super::{Make, digests, everything, publish, with_suite};

pub fn a_publication_that_does_not_follow_changes_nothing(room: &Path, make: &Make) {
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

pub fn a_publication_that_names_the_unknown_changes_nothing(room: &Path, make: &Make) {
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
        let said = matches!(error, CatalogueError::Missing(_) | CatalogueError::Chunk(_));
        assert!(said, "{error}");
        assert_eq!(everything(&*catalogue), before);
    }
    let foreign = Publication { spec: Some(spec("edge")), ..nothing("stable") };
    assert!(catalogue.publish(&foreign).is_err());
    assert_eq!(everything(&*catalogue), before);
}

pub fn a_place_holds_each_version_once(room: &Path, make: &Make) {
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

pub fn what_is_not_in_cannot_leave(room: &Path, make: &Make) {
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

pub fn a_publication_without_a_generation_moves_no_head(room: &Path, make: &Make) {
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

pub fn pins_replace_and_end(room: &Path, make: &Make) {
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

pub fn a_head_is_renewed_and_never_goes_back(room: &Path, make: &Make) {
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

//! What every back end promises of retention.

use std::path::Path;

use repod::catalogue::{Catalogue, CatalogueError, Collected, Looked, Sighting};
use repod::domain::{Acceptance, Keep, Package, SuiteSpec};
use repod::time::Moment;

use super::samples::{
    acceptance, chunk, component, event, generation, identity, index, name, nothing, package,
    package_of, record, spec, suite,
};
use super::{Make, publish, suites_of};

const GRACE: i64 = 100;

fn at(now: i64) -> Looked {
    Looked { now: Moment(now), grace_seconds: GRACE }
}

fn collect(catalogue: &dyn Catalogue, now: i64) -> Collected {
    catalogue.collect(&suite("stable"), at(now), &event("ops.example", now)).unwrap()
}

/// A catalogue with `stable`, which keeps the newest version of each name and whatever hosts have.
fn keeping(room: &Path, make: &Make, keep: Keep) -> Box<dyn Catalogue> {
    let catalogue = make(room);
    let spec = SuiteSpec { keep, ..spec("stable") };
    catalogue.create_suite(&spec, &event("admin.example", 1)).unwrap();
    catalogue
}

fn newest() -> Keep {
    Keep { versions: 1, ..Keep::default() }
}

fn three(catalogue: &dyn Catalogue) -> [Package; 3] {
    let webs = ["1.0", "2.0", "3.0"].map(|version| package("acme-web", version, "amd64"));
    publish(catalogue, 1, &[&webs[0]], &[]);
    publish(catalogue, 2, &[&webs[1]], &[&webs[0]]);
    publish(catalogue, 3, &[&webs[2]], &[&webs[1]]);
    webs
}

pub fn what_nothing_needs_is_marked_first_and_removed_after_the_grace(room: &Path, make: &Make) {
    let catalogue = keeping(room, make, newest());
    let [one, two, three] = three(&*catalogue);
    let stable = suite("stable");
    let later = 3_000 + GRACE + 1;
    let plan = catalogue.plan_collection(&stable, at(later)).unwrap().unwrap();
    let planned: Vec<_> = plan.packages.iter().map(|one| &one.package).collect();
    assert_eq!((planned, plan.generations), (vec![&one, &two], vec![1, 2]));
    assert_eq!(catalogue.plan_collection(&suite("absent"), at(later)).unwrap(), None);
    let entries = || catalogue.count_entries().unwrap();
    let before = entries();
    let done = collect(&*catalogue, later);
    assert_eq!((&done.marked, &done.generations), (&vec![one.clone(), two.clone()], &vec![1, 2]));
    assert_eq!((done.removed.len(), done.more, entries()), (0, false, before + 1));
    // Once more changes nothing, and what is marked is served as before.
    assert!(collect(&*catalogue, later + GRACE - 1).is_nothing());
    assert_eq!(entries(), before + 1);
    assert_eq!(suites_of(&*catalogue, &one), std::slice::from_ref(&stable));
    assert!(catalogue.find_packages(&[one.digest]).unwrap()[0].going);
    assert!(!catalogue.find_packages(&[three.digest]).unwrap()[0].going);
    // The generations are dropped at once, and are still in the history.
    assert_eq!(catalogue.contents_at(&stable, 1).unwrap(), None);
    assert_eq!(catalogue.changes_since(&stable, 2).unwrap(), None);
    assert_eq!(catalogue.list_kept(&stable).unwrap(), [3]);
    let history = catalogue.list_generations(&stable, None, 10).unwrap();
    let dropped: Vec<_> = history.iter().map(|one| one.dropped).collect();
    assert_eq!(dropped, [None, Some(Moment(later)), Some(Moment(later))]);
    let catalogue = {
        drop(catalogue);
        make(room)
    };
    let done = collect(&*catalogue, later + GRACE);
    assert_eq!(done.removed, [one.clone(), two.clone()]);
    assert_eq!(suites_of(&*catalogue, &one), []);
    assert!(catalogue.find_packages(&[one.digest, two.digest]).unwrap().is_empty());
    assert_eq!(catalogue.contents_at(&stable, 3).unwrap().unwrap().packages().count(), 1);
    assert!(collect(&*catalogue, later + 10 * GRACE).is_nothing());
    assert_eq!(catalogue.find_by_path(&one.name, &one.digest.to_string()[..16]).unwrap(), None);
}

pub fn a_version_belongs_to_its_bytes_after_they_are_gone(room: &Path, make: &Make) {
    let catalogue = keeping(room, make, newest());
    let [one, ..] = three(&*catalogue);
    collect(&*catalogue, 4_000);
    collect(&*catalogue, 4_000 + GRACE);
    assert!(catalogue.find_packages(&[one.digest]).unwrap().is_empty());
    let namespace = spec("stable").namespace;
    let names = [name("acme-web"), name("acme-tool")];
    let gone = catalogue.list_gone(&namespace, &names).unwrap();
    let gone: Vec<_> = gone.iter().map(|gone| (gone.version.as_str(), gone.digest)).collect();
    assert_eq!(gone.first(), Some(&("1.0", one.digest)));
    let catalogue = {
        drop(catalogue);
        make(room)
    };
    // Other bytes of it are refused for ever, in every suite of the namespace.
    catalogue.create_suite(&spec("testing"), &event("admin.example", 1)).unwrap();
    let other = package_of("acme-web", "1.0", "amd64", b"other");
    record(&*catalogue, &other);
    for (place, number) in [("stable", 4), ("testing", 1)] {
        let refused = catalogue.publish(&generation(place, number, &[&other], &[]));
        assert!(matches!(refused, Err(CatalogueError::Taken { .. })), "{refused:?}");
        let taken = repod::domain::Publication {
            accepted: vec![acceptance("main", &other)],
            ..nothing(place)
        };
        let refused = catalogue.publish(&taken);
        assert!(matches!(refused, Err(CatalogueError::Taken { .. })), "{refused:?}");
    }
    // The same bytes may come again.
    record(&*catalogue, &one);
    let known = catalogue.list_versions(Some(&namespace), &names).unwrap();
    assert!(known.iter().all(|known| known.package.digest != one.digest), "nobody took it yet");
    publish(&*catalogue, 4, &[&one], &[]);
    assert!(catalogue.find_packages(&[one.digest]).unwrap()[0].accepted);
    assert_eq!(suites_of(&*catalogue, &one), [suite("stable")]);
    let gone = catalogue.list_gone(&namespace, &names).unwrap();
    assert!(gone.iter().all(|gone| gone.digest != one.digest));
    assert_eq!(catalogue.list_versions(Some(&namespace), &names).unwrap().len(), 2);
}

pub fn what_is_needed_again_or_sent_again_stays(room: &Path, make: &Make) {
    let catalogue = keeping(room, make, newest());
    let [one, two, _] = three(&*catalogue);
    collect(&*catalogue, 4_000);
    // The second is sent again, and the first is pinned.
    let stanza = super::samples::stanza_of(&two.digest);
    catalogue.record_package(&two, &stanza, &identity("ci.example"), Moment(4_050)).unwrap();
    let pin = super::samples::pin(
        super::samples::target(repod::domain::PinKind::Binary, "acme-web"),
        Some("1.0"),
    );
    let pinned = repod::domain::Publication { pinned: vec![pin], ..nothing("stable") };
    catalogue.publish(&pinned).unwrap();
    let done = collect(&*catalogue, 4_000 + GRACE);
    assert_eq!((done.removed.len(), done.revived), (0, 1));
    let done = collect(&*catalogue, 4_050 + GRACE);
    assert_eq!(done.removed, [two]);
    assert_eq!(catalogue.find_packages(&[one.digest]).unwrap().len(), 1);
}

pub fn hosts_that_were_seen_keep_the_generation_that_they_were_given(room: &Path, make: &Make) {
    let catalogue = keeping(room, make, newest());
    let [one, two, _] = three(&*catalogue);
    let stable = suite("stable");
    let seen = |generation, at| Sighting {
        identity: identity("web.example"),
        suite: stable.clone(),
        at: Moment(at),
        generation,
    };
    catalogue.record_sightings(&[seen(2, 3_500)]).unwrap();
    let goes = |now| -> Vec<Package> {
        let plan = catalogue.plan_collection(&stable, at(now)).unwrap().unwrap();
        plan.packages.into_iter().map(|one| one.package).collect()
    };
    assert_eq!(goes(4_000), std::slice::from_ref(&one));
    let days = 30 * 86_400;
    assert_eq!(goes(3_500 + days), std::slice::from_ref(&one));
    assert_eq!(goes(3_501 + days), [one.clone(), two.clone()]);
    // One that reports keeps what it has, as long as it is seen.
    let report = super::reports::whole("web.example", 1, &["acme-web amd64 1.0 manual"]);
    let report = repod::domain::inventory::HostReport { at: Moment(3_600), ..report };
    catalogue.record_reports(vec![report]).unwrap();
    assert_eq!(goes(4_000), []);
    assert_eq!(goes(3_600 + days), std::slice::from_ref(&two));
    assert_eq!(goes(3_601 + days), [one, two.clone()]);
    // It asks for something again, and has sent no report since.
    catalogue.record_sightings(&[seen(3, 4_000 + days)]).unwrap();
    assert_eq!(goes(4_000 + days), [two]);
}

pub fn files_and_chunks_of_dropped_generations_go_and_others_stay(room: &Path, make: &Make) {
    let catalogue = keeping(room, make, newest());
    let stable = suite("stable");
    let texts: [&[&str]; 3] = [&["a", "b"], &["a", "c"], &["a", "d"]];
    for (number, texts) in (1..).zip(texts) {
        let mut new = generation("stable", number, &[], &[]);
        let files = new.generation.as_mut().unwrap();
        files.chunks = texts.iter().map(|text| chunk(text)).collect();
        files.indices = index("main/binary-amd64", texts);
        catalogue.publish(&new).unwrap();
    }
    let keys = ["a", "b", "c", "d"].map(|text| chunk(text).key);
    let by_hash = |texts: &[&str]| {
        let digest = index("main/binary-amd64", texts)[0].digest;
        catalogue.find_by_hash(&stable, "main/binary-amd64", &digest).unwrap().is_some()
    };
    assert_eq!(collect(&*catalogue, 3_050).generations, [1]);
    // While it was live within the grace, what a client fetched of it is there.
    assert!(by_hash(texts[0]) && by_hash(texts[1]));
    let done = collect(&*catalogue, 3_200);
    assert_eq!(done.generations, [2]);
    assert!(!by_hash(texts[0]) && by_hash(texts[1]) && by_hash(texts[2]));
    assert_eq!(catalogue.forget_unused_chunks(vec![]).unwrap(), 1);
    assert_eq!(catalogue.find_chunks(&keys).unwrap().len(), 3);
    collect(&*catalogue, 3_200 + GRACE);
    assert!(!by_hash(texts[1]) && by_hash(texts[2]));
    // What is being made of them is needed.
    assert_eq!(catalogue.forget_unused_chunks(vec![keys[2]]).unwrap(), 0);
    assert_eq!(catalogue.forget_unused_chunks(vec![]).unwrap(), 1);
    let left = catalogue.find_chunks(&keys).unwrap();
    assert_eq!(left.iter().map(|one| one.key).collect::<Vec<_>>(), [keys[0], keys[3]]);
    let found = catalogue.find_index(&stable, 3, "main/binary-amd64/Packages").unwrap().unwrap();
    assert_eq!(found.chunks.len(), 2);
    assert_eq!(catalogue.find_index(&stable, 1, "main/binary-amd64/Packages").unwrap(), None);
}

pub fn a_suite_lets_go_of_what_another_one_keeps(room: &Path, make: &Make) {
    let catalogue = keeping(room, make, newest());
    let [one, two, _] = three(&*catalogue);
    catalogue.create_suite(&spec("testing"), &event("admin.example", 1)).unwrap();
    catalogue.publish(&generation("testing", 1, &[&one], &[])).unwrap();
    let plan = catalogue.plan_collection(&suite("stable"), at(4_000)).unwrap().unwrap();
    let elsewhere: Vec<_> = plan.packages.iter().map(|one| one.elsewhere).collect();
    assert_eq!(elsewhere, [1, 0]);
    collect(&*catalogue, 4_000);
    assert_eq!(collect(&*catalogue, 4_000 + GRACE).removed, [one.clone(), two]);
    assert_eq!(suites_of(&*catalogue, &one), [suite("testing")]);
    let testing = catalogue.collect(&suite("testing"), at(9_000_000), &event("x.example", 1));
    assert!(testing.unwrap().is_nothing(), "without a rule everything is kept");
    // What is coming in slices is not touched.
    let row = Acceptance { component: component("main"), ..acceptance("main", &one) };
    let slice = repod::domain::Slice {
        suite: suite("stable"),
        generation: 4,
        rows: vec![repod::domain::SliceRow::Accepted(row)],
    };
    assert_eq!(catalogue.record_slice(slice).unwrap(), 1);
    assert!(collect(&*catalogue, 9_000_000).marked.is_empty());
    assert_eq!(catalogue.find_packages(&[one.digest]).unwrap().len(), 1);
}

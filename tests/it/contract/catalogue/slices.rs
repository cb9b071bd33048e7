//! What every back end promises of slices: until their generation is published, no answer shows anything of them.

use std::path::Path;

use repod::catalogue::{Catalogue, CatalogueError, Mention};
use repod::debian::Component;
use repod::digest::Digest;
use repod::domain::{Package, Publication, Slice, SliceRow};
use repod::time::Moment;

use super::samples::{
    acceptance, chunk, component, event, generation, index, name, nothing, package, package_of,
    record, spec, suite,
};
use super::{Make, digests, publish, with_suite};

/// A suite with a history, and what comes with its third generation.
struct Scene {
    catalogue: Box<dyn Catalogue>,
    packages: Vec<Package>,
}

/// Names of packages by what becomes of them.
const NAMES: [(&str, &str); 9] = [
    ("aa", "1"),
    ("aa", "2"),
    ("aa", "3"),
    ("bb", "1"),
    ("cc", "1"),
    ("dd", "1"),
    ("ee", "1"),
    ("ff", "1"),
    ("gg", "1"),
];

impl Scene {
    fn new(room: &Path, make: &Make) -> Self {
        let catalogue = with_suite(room, make);
        catalogue.create_suite(&spec("edge"), &event("admin.example", 1)).unwrap();
        let packages = NAMES.map(|(name, version)| package(name, version, "amd64")).to_vec();
        packages.iter().for_each(|package| record(&*catalogue, package));
        let scene = Self { catalogue, packages };
        let [a1, a2, b, c, d] = ["aa 1", "aa 2", "bb 1", "cc 1", "dd 1"].map(|of| scene.of(of));
        publish(&*scene.catalogue, 1, &[a1, b, c], &[]);
        publish(&*scene.catalogue, 2, &[a2], &[a1]);
        scene.catalogue.publish(&generation("edge", 1, &[b], &[])).unwrap();
        let waiting = Publication { accepted: vec![acceptance("contrib", d)], ..nothing("stable") };
        scene.catalogue.publish(&waiting).unwrap();
        scene
    }

    fn of(&self, told: &str) -> &Package {
        let at = NAMES.iter().position(|(name, version)| format!("{name} {version}") == told);
        &self.packages[at.unwrap()]
    }

    fn placed(&self, all: &[(&str, &str)]) -> Vec<(Component, Digest)> {
        all.iter().map(|(place, told)| (component(place), self.of(told).digest)).collect()
    }

    /// All of the third generation: some go, one comes back, one that waited comes in, and one waits from now on.
    fn third(&self) -> Publication {
        let accepted = [("main", "aa 3"), ("main", "ee 1"), ("contrib", "ff 1"), ("main", "gg 1")];
        let mut third = generation("stable", 3, &[], &[]);
        third.accepted =
            accepted.iter().map(|(place, told)| acceptance(place, self.of(told))).collect();
        let new = third.generation.as_mut().unwrap();
        new.left = self.placed(&[("main", "aa 2"), ("main", "bb 1")]);
        let come = [("main", "aa 1"), ("main", "aa 3"), ("contrib", "dd 1"), ("main", "ee 1")];
        new.entered = self.placed(&come);
        (new.record.entered, new.record.left) = (4, 2);
        new.chunks = vec![chunk("x")];
        new.indices = index("main/binary-amd64", &["x"]);
        third
    }

    /// The same in slices of one row, and what is left to publish them with. `each` is called behind every slice.
    fn in_slices(&self, mut each: impl FnMut(u64)) -> Publication {
        let mut third = self.third();
        let new = third.generation.as_mut().unwrap();
        let (left, entered) = (std::mem::take(&mut new.left), std::mem::take(&mut new.entered));
        for row in SliceRow::in_order(left, std::mem::take(&mut third.accepted), entered) {
            third.sliced += self.catalogue.record_slice(slice(3, vec![row])).unwrap();
            each(third.sliced);
        }
        third
    }

    /// Every answer that may show something of a package or a suite, as text.
    fn answers(&self) -> String {
        let it = &*self.catalogue;
        let mut told = format!("{:?} {:?}", it.list_suites(), it.list_packs());
        let digests: Vec<_> = self.packages.iter().map(|package| package.digest).collect();
        let names: Vec<_> = self.packages.iter().map(|package| package.name.clone()).collect();
        for suite in ["stable", "edge"].map(suite) {
            told += &format!("\n{:?} {:?}", it.load_suite(&suite), it.find_departed(&suite));
            told += &format!("\n{:?}", it.list_generations(&suite, None, 9));
            told +=
                &format!("\n{:?} {:?}", it.list_emptied(&suite), it.list_taken(&suite, &digests));
            let all = it.list_placements(&suite, None);
            told += &format!("\n{all:?} {:?}", it.search_suite(&suite, "*", 99));
            told += &format!("\n{:?}", it.find_live_at(&suite, Moment(9_999)));
            for number in 1..=4 {
                told += &format!("\n{number} {:?}", it.contents_at(&suite, number));
                told += &format!(" {:?}", it.changes_since(&suite, number));
                told += &format!(" {:?}", it.find_generation(&suite, number));
                told += &format!(" {:?}", it.find_snapshot(&suite, number));
                told += &format!(" {:?}", it.list_indices(&suite, number));
                told += &format!(" {:?}", it.list_past(&suite, "Packages", number, 9));
            }
            for name in &names {
                told += &format!("\n{:?}", it.list_placements(&suite, Some(name)));
                told += &format!(" {:?}", it.search_suite(&suite, name.as_str(), 9));
                told += &format!(" {:?}", it.list_tenures(&suite, name));
            }
        }
        told += &format!("\n{:?} {:?}", it.find_packages(&digests), it.list_suites_of(&digests));
        told +=
            &format!("\n{:?} {:?}", it.list_versions(None, &names), it.search_placements("*", 99));
        told += &format!("\n{:?}", it.list_mentions(&names, Mention::Depends));
        for package in &self.packages {
            told += &format!("\n{:?}", it.find_by_path(&package.name, &package.digest.short()));
            told += &format!(" {:?}", it.search_placements(package.name.as_str(), 9));
        }
        told
    }
}

fn slice(generation: u64, rows: Vec<SliceRow>) -> Slice {
    Slice { suite: suite("stable"), generation, rows }
}

fn stale<T: std::fmt::Debug>(result: Result<T, CatalogueError>) {
    assert!(matches!(result, Err(CatalogueError::Stale(_))), "{result:?}");
}

pub fn what_is_in_slices_is_not_there_before_its_generation(room: &Path, make: &Make) {
    let scene = Scene::new(room, make);
    let before = scene.answers();
    let third = scene.in_slices(|rows| {
        assert_eq!(scene.answers(), before, "behind {rows} rows");
        assert_eq!(scene.catalogue.forget_staged(Moment(0)).unwrap(), []);
    });
    assert_eq!(third.sliced, 10);
    // Neither a restart nor what another suite does shows any of it.
    let Scene { catalogue, packages } = scene;
    drop(catalogue);
    let scene = Scene { catalogue: make(room), packages };
    assert_eq!(scene.answers(), before, "opened again");
    scene.catalogue.publish(&third).unwrap();
    // What is there then is what one transaction would have recorded.
    let other = tempfile::TempDir::new().unwrap();
    let at_once = Scene::new(other.path(), make);
    at_once.catalogue.publish(&at_once.third()).unwrap();
    assert_eq!(scene.answers(), at_once.answers());
    let state = scene.catalogue.load_suite(&suite("stable")).unwrap().unwrap();
    let listed = ["dd 1", "aa 1", "aa 3", "cc 1", "ee 1"].map(|told| scene.of(told).digest);
    assert_eq!(digests(&state.contents), listed);
    assert!(!scene.catalogue.take_back(&suite("stable"), 9).unwrap(), "it is no slice any more");
    let [gone, waits] = ["aa 2", "ff 1"].map(|told| scene.of(told));
    publish(&*scene.catalogue, 4, &[gone], &[]);
    publish(&*scene.catalogue, 5, &[waits], &[]);
    assert_eq!(scene.catalogue.load_suite(&suite("stable")).unwrap().unwrap().contents.len(), 7);
}

pub fn slices_that_are_not_whole_or_do_not_follow_are_published_by_nobody(
    room: &Path,
    make: &Make,
) {
    let scene = Scene::new(room, make);
    let before = scene.answers();
    let it = &*scene.catalogue;
    let enter = |told: &str| SliceRow::Entered(component("main"), scene.of(told).digest);
    let leave = |told: &str| SliceRow::Left(component("main"), scene.of(told).digest);
    for number in [0, 2, 4, u64::MAX] {
        assert!(it.record_slice(slice(number, vec![leave("bb 1")])).is_err(), "{number}");
    }
    // What stands already, what is not in, what no suite has taken, what nobody knows.
    stale(it.record_slice(slice(3, vec![leave("aa 2"), enter("bb 1")])));
    stale(it.record_slice(slice(3, vec![leave("aa 1")])));
    stale(it.record_slice(slice(3, vec![enter("gg 1")])));
    let absent = SliceRow::Left(component("main"), Digest::of(b"absent"));
    let absent = it.record_slice(slice(3, vec![absent]));
    assert!(matches!(absent, Err(CatalogueError::Missing(_))), "{absent:?}");
    assert!(!it.take_back(&suite("stable"), 9).unwrap(), "nothing of those was kept");
    let whole = scene.in_slices(|_| ());
    stale(it.record_slice(slice(3, vec![enter("aa 3")])));
    stale(it.record_slice(slice(3, vec![leave("aa 3")])));
    for rows in [1, whole.sliced - 1, whole.sliced + 1, u64::MAX >> 1] {
        stale(it.publish(&Publication { sliced: rows, ..whole.clone() }));
    }
    stale(it.publish(&Publication { generation: None, ..whole.clone() }));
    stale(it.publish(&Publication { suite: suite("edge"), ..whole.clone() }));
    assert_eq!(scene.answers(), before);
    // What fails for another reason leaves the slices as they were.
    let mut early = whole.clone();
    early.generation.as_mut().unwrap().head.date = Moment(2_000);
    stale(it.publish(&early));
    assert_eq!(scene.answers(), before);
    it.publish(&whole).unwrap();
}

pub fn what_is_in_slices_is_taken_back_in_parts(room: &Path, make: &Make) {
    let scene = Scene::new(room, make);
    let before = scene.answers();
    for most in [1, 3, 100] {
        let rows = scene.in_slices(|_| ()).sliced;
        let mut parts = 0;
        while scene.catalogue.take_back(&suite("stable"), most).unwrap() {
            parts += 1;
            assert_eq!(scene.answers(), before, "{parts} parts of {most}");
        }
        assert_eq!(parts, rows / u64::from(most), "parts of {most}");
        assert_eq!(scene.answers(), before);
        stale(scene.catalogue.publish(&Publication { sliced: rows, ..scene.third() }));
    }
    // What only a slice took is as it came: it goes with its age.
    let forgotten = scene.catalogue.forget_staged(Moment(101)).unwrap();
    let mut expected = ["aa 3", "ee 1", "ff 1", "gg 1"].map(|told| scene.of(told).digest);
    expected.sort();
    let mut forgotten = forgotten;
    forgotten.sort();
    assert_eq!(forgotten, expected);
}

/// Whoever publishes something else, after a crash or because it was urgent, finds the suite as it was.
pub fn what_is_left_of_slices_stands_in_nobodys_way(room: &Path, make: &Make) {
    let (scene, other) = (Scene::new(room, make), tempfile::TempDir::new().unwrap());
    let plain = Scene::new(other.path(), make);
    scene.in_slices(|_| ());
    // One package of the slices waits from here on, and another comes in as that would have it.
    for scene in [&scene, &plain] {
        let waits = vec![acceptance("main", scene.of("gg 1"))];
        scene.catalogue.publish(&Publication { accepted: waits, ..nothing("stable") }).unwrap();
    }
    assert_eq!(scene.answers(), plain.answers());
    scene.in_slices(|_| ());
    for scene in [&scene, &plain] {
        let [a1, a2, e] = ["aa 1", "aa 2", "ee 1"].map(|told| scene.of(told));
        publish(&*scene.catalogue, 3, &[a1, e], &[a2]);
    }
    assert_eq!(scene.answers(), plain.answers());
    assert!(!scene.catalogue.take_back(&suite("stable"), 9).unwrap());
}

pub fn a_name_in_a_slice_belongs_to_its_bytes(room: &Path, make: &Make) {
    let scene = Scene::new(room, make);
    let rival = package_of("ee", "1", "amd64", b"other bytes");
    record(&*scene.catalogue, &rival);
    let third = scene.in_slices(|_| ());
    let before = scene.answers();
    let theirs = generation("edge", 2, &[&rival], &[]);
    let taken = scene.catalogue.publish(&theirs);
    let told = taken.as_ref().unwrap_err().to_string();
    assert!(told.starts_with("ee 1 amd64 is there already with other bytes"), "{told}");
    assert_eq!(scene.answers(), before);
    while scene.catalogue.take_back(&suite("stable"), 2).unwrap() {}
    scene.catalogue.publish(&theirs).unwrap();
    // Now it is theirs, and the slice is refused.
    let own = acceptance("main", scene.of("ee 1"));
    let taken = scene.catalogue.record_slice(slice(3, vec![SliceRow::Accepted(own)]));
    assert!(matches!(taken, Err(CatalogueError::Taken { .. })), "{taken:?}");
    stale(scene.catalogue.publish(&third));
}

pub fn two_suites_take_a_package_in_slices_and_each_gives_back_its_own(room: &Path, make: &Make) {
    let scene = Scene::new(room, make);
    let new = scene.of("ee 1");
    let stable = scene.in_slices(|_| ());
    let take = |suite_name: &str, number| Slice {
        suite: suite(suite_name),
        generation: number,
        rows: vec![SliceRow::Accepted(acceptance("main", new))],
    };
    assert_eq!(scene.catalogue.record_slice(take("edge", 2)).unwrap(), 1);
    while scene.catalogue.take_back(&suite("stable"), 100).unwrap() {}
    assert!(!scene.catalogue.forget_staged(Moment(101)).unwrap().contains(&new.digest));
    let suites = || scene.catalogue.list_suites_of(&[new.digest]).unwrap().concat();
    assert_eq!(suites(), []);
    let edge = Publication { sliced: 1, ..generation("edge", 2, &[], &[]) };
    scene.catalogue.publish(&edge).unwrap();
    assert_eq!(suites(), [suite("edge")]);
    // Taken back once more by the other, it stays taken: by one that was published, in a slice or at once.
    let again = scene.catalogue.record_slice(take("stable", 3)).unwrap();
    assert_eq!(again, 1);
    assert!(!scene.catalogue.take_back(&suite("stable"), 100).unwrap());
    assert_eq!(scene.catalogue.list_versions(None, &[name("ee")]).unwrap().len(), 1);
    stale(scene.catalogue.publish(&stable));
}

pub fn a_suite_is_removed_with_its_slices_and_what_it_took_in_some_stays_taken(
    room: &Path,
    make: &Make,
) {
    let scene = Scene::new(room, make);
    let it = &*scene.catalogue;
    it.publish(&scene.in_slices(|_| ())).unwrap();
    let all = ["aa 1", "aa 3", "cc 1", "ee 1"].map(|told| scene.of(told));
    let mut empty = generation("stable", 4, &[], &all);
    let dd = (component("contrib"), scene.of("dd 1").digest);
    empty.generation.as_mut().unwrap().left.push(dd);
    it.publish(&empty).unwrap();
    let late = package("hh", "1", "amd64");
    record(it, &late);
    let rows = vec![
        SliceRow::Accepted(acceptance("main", &late)),
        SliceRow::Entered(component("main"), late.digest),
    ];
    it.record_slice(Slice { suite: suite("stable"), generation: 5, rows }).unwrap();
    it.remove_suite(&suite("stable"), &event("admin.example", 3)).unwrap();
    let taken = it.list_versions(None, &["ee", "ff", "gg"].map(name)).unwrap();
    assert_eq!(taken.len(), 3, "names belong to their bytes for good");
    assert_eq!(it.forget_staged(Moment(i64::MAX)).unwrap(), [late.digest]);
}

//! Tests of the cures: how much is read and tried for them, and what is told when nothing was.

use std::cell::Cell;

use super::*;
use crate::debian::{Architecture, Namespace, PackageKind, PackageName, Versions};
use crate::digest::Digest;
use crate::domain::add::settle;
use crate::domain::{Pin, SuiteSpec};

fn package(binary: &str, source: &str, version: &str) -> Arc<Package> {
    let version = Version::parse(version).unwrap();
    let digest = Digest::of(format!("{binary} {version}").as_bytes());
    Arc::new(Package {
        digest,
        name: PackageName::parse(binary).unwrap(),
        architecture: Architecture::parse("amd64").unwrap(),
        source: PackageName::parse(source).unwrap(),
        source_version: version.clone(),
        version,
        size_bytes: 1,
        stanza_bytes: 1,
        stanza_digest: digest,
        kind: PackageKind::Deb,
        text: None,
    })
}

fn main_component() -> Component {
    Component::parse("main").unwrap()
}

fn spec() -> SuiteSpec {
    SuiteSpec {
        name: SuiteName::parse("stable").unwrap(),
        alias: None,
        rings: Default::default(),
        rollout: Default::default(),
        keep: Default::default(),
        origin: "Acme".into(),
        label: "Acme".into(),
        description: String::new(),
        components: vec![main_component()],
        architectures: vec![Architecture::parse("amd64").unwrap()],
        owns: Vec::new(),
        allows: Vec::new(),
        versions: Versions::ONE,
        namespace: Namespace::default(),
        valid_seconds: 14 * 86_400,
        not_automatic: false,
        but_automatic_upgrades: false,
        changelogs: None,
        snapshots: None,
        contents: true,
        pdiffs: true,
        translations: false,
    }
}

/// Version 1.0 of the binaries of some sources, all pinned there, and 2.0 of each, which waits.
struct Scene {
    contents: PackageSet,
    pins: Vec<Pin>,
    old: Vec<Arc<Package>>,
    added: Vec<Added>,
    reads: Cell<usize>,
    asked: std::sync::atomic::AtomicUsize,
}

impl Scene {
    fn of(sources: usize, binaries: usize) -> Self {
        let (mut contents, mut pins) = (PackageSet::default(), Vec::new());
        let (mut old, mut added) = (Vec::new(), Vec::new());
        for source in (0..sources).map(|at| format!("source{at:03}")) {
            for binary in (0..binaries).map(|at| format!("{source}-{at}")) {
                let before = package(&binary, &source, "1.0");
                contents.list(&main_component(), Arc::clone(&before), 1);
                old.push(before);
                added.push(Added {
                    package: package(&binary, &source, "2.0"),
                    component: main_component(),
                    standing: Standing::Waiting,
                    note: String::new(),
                    cure: Cure::None,
                });
            }
            pins.push(Pin {
                target: PinTarget {
                    kind: PinKind::Source,
                    name: PackageName::parse(&source).unwrap(),
                },
                version: Some(Version::parse("1.0").unwrap()),
                author: Identity::server(),
                message: String::new(),
                at: Moment(1),
                until: None,
            });
        }
        Self { contents, pins, old, added, reads: Cell::new(0), asked: 0.into() }
    }

    fn history(&self, source: &PackageName) -> History {
        let own = self.old.iter().filter(|one| one.source == *source);
        let packages: Vec<_> = own.cloned().collect();
        let taken = packages.iter().map(|one| (main_component(), Arc::clone(one))).collect();
        let tenure = |one: &Arc<Package>| Tenure {
            component: main_component(),
            digest: one.digest,
            from: 1,
            until: None,
        };
        History { taken, tenures: packages.iter().map(tenure).collect(), packages }
    }

    /// The cures when `read` reads, and something urgent comes after so many looks.
    fn cures_until(
        &self,
        read: &dyn Fn(&PackageName) -> Result<History, FlowError>,
        urgent_after: usize,
    ) -> Vec<Cure> {
        let draft = Draft::new(&spec(), &self.contents, &self.pins, &[]);
        let read = |target: &PinTarget| {
            self.reads.set(self.reads.get() + 1);
            read(&target.name)
        };
        let looks = &self.asked;
        let order = std::sync::atomic::Ordering::Relaxed;
        let batch = Batch {
            suite: &spec().name,
            contents: &self.contents,
            withdrawn: &[],
            draft: &draft,
            read: &read,
            may_go_on: &|| looks.fetch_add(1, order) < urgent_after,
            at: Moment(2),
        };
        let mut added = self.added.clone();
        tell(&batch, &mut added.iter_mut().collect::<Vec<_>>());
        added.into_iter().map(|one| one.cure).collect()
    }

    fn cures(&self) -> Vec<Cure> {
        self.cures_until(&|source| Ok(self.history(source)), usize::MAX)
    }
}

fn unpin(source: &str) -> Cure {
    Cure::Command(format!("repoctl unpin --suite stable {source}"))
}

#[test]
fn a_source_is_read_once_and_its_command_is_told_for_every_package_of_it() {
    let scene = Scene::of(1, 500);
    assert_eq!(scene.cures(), vec![unpin("source000"); 500]);
    assert_eq!(scene.reads.get(), 1);
}

#[test]
fn what_is_not_looked_for_is_told_apart_from_what_has_no_command() {
    let scene = Scene::of(MOST_SOURCES + 3, 1);
    let cures = scene.cures();
    assert_eq!(scene.reads.get(), MOST_SOURCES);
    assert_eq!(cures[MOST_SOURCES - 1], unpin(&format!("source{:03}", MOST_SOURCES - 1)));
    assert_eq!(cures[MOST_SOURCES..], vec![Cure::Unknown; 3]);

    // A source of so many rows that it is not tried on, nor any after it.
    let scene = Scene::of(3, 1);
    let many = |source: &PackageName| {
        let mut history = scene.history(source);
        if source.as_str() == "source001" {
            history.tenures = vec![history.tenures[0].clone(); MOST_ROWS];
        }
        Ok(history)
    };
    let cures = scene.cures_until(&many, usize::MAX);
    assert_eq!(cures, [unpin("source000"), Cure::Unknown, Cure::Unknown]);
    assert_eq!(scene.reads.get(), 2);
}

#[test]
fn nothing_is_looked_for_once_something_urgent_waits() {
    let scene = Scene::of(3, 2);
    // One look before the first source is read, and one before its command is tried.
    let cures = scene.cures_until(&|source| Ok(scene.history(source)), 2);
    let first = unpin("source000");
    assert_eq!(cures[..2], [first.clone(), first]);
    assert_eq!(cures[2..], vec![Cure::Unknown; 4]);
    assert_eq!(scene.reads.get(), 1);
}

#[test]
fn a_catalogue_that_fails_costs_the_advice_and_not_the_upload() {
    let scene = Scene::of(2, 2);
    let read = |source: &PackageName| match source.as_str() {
        "source000" => Err(FlowError::Internal("the disk is gone".into())),
        _ => Ok(scene.history(source)),
    };
    let second = unpin("source001");
    let cures = scene.cures_until(&read, usize::MAX);
    assert_eq!(cures, [Cure::Unknown, Cure::Unknown, second.clone(), second]);
    assert_eq!(scene.reads.get(), 2, "a source that cannot be read is not asked for again");
}

#[test]
fn of_two_changes_of_one_generation_the_lower_version_is_told_to_wait() {
    let mut draft_of = PackageSet::default();
    draft_of.list(&main_component(), package("web", "web", "2.0"), 1);
    let draft = Draft::new(&spec(), &draft_of, &[], &[]);
    let added = |version: &str, standing| {
        let mut one = Added {
            package: package("web", "web", version),
            component: main_component(),
            standing,
            note: String::new(),
            cure: Cure::None,
        };
        settle(&draft, &mut one);
        (one.standing, one.note)
    };
    let outdone = (Standing::Waiting, "a higher version came with it".to_owned());
    assert_eq!(added("1.0", Standing::Published), outdone);
    assert_eq!(added("1.0", Standing::Already), outdone);
    assert_eq!(added("2.0", Standing::Published), (Standing::Published, String::new()));
    let gone = "another change that came with it took it out".to_owned();
    assert_eq!(added("3.0", Standing::Published), (Standing::Waiting, gone));
}

/// The end of its pin lists what waits above it, so that a lower one needs a pin.
#[test]
fn repoctl_is_tried_with_all_that_waits_of_it() {
    let [listed, waiting, new] =
        ["1.0", "3.0", "2.5"].map(|version| package("repoctl", "repod", version));
    let mut scene = Scene::of(1, 1);
    scene.contents.list(&main_component(), Arc::clone(&listed), 1);
    let target = PinTarget { kind: PinKind::Binary, name: listed.name.clone() };
    let (first, version) = (scene.pins[0].clone(), Some(listed.version.clone()));
    scene.pins = vec![Pin { target, version, ..first }];
    scene.added[0].package = new;
    scene.old = vec![listed, waiting];
    let history = |name: &PackageName| {
        assert_eq!(name.as_str(), "repoctl", "its own name holds it, and not its source");
        let taken = scene.old.iter().map(|one| (main_component(), Arc::clone(one))).collect();
        Ok(History { taken, ..History::default() })
    };
    let pin = Cure::Command("repoctl pin --suite stable --binary repoctl=2.5".into());
    assert_eq!(scene.cures_until(&history, usize::MAX), [pin]);
}

//! The verbs of an incident against a small suite that keeps its own history.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use super::past::Past;
use super::pinning::{self, Asking, Taken};
use super::*;
use super::{add::*, addition::*};
use crate::debian::{
    Architecture, Component, Namespace, PackageKind, PackageName, Privilege, Version, Versions,
};
use crate::digest::Digest;
use crate::time::Moment;

mod all_and_single;
mod apart;
mod hold;
mod late;
mod random;
mod rollouts;
mod several;
mod verdicts;

fn name(text: &str) -> PackageName {
    PackageName::parse(text).unwrap()
}

fn main_component() -> Component {
    Component::parse("main").unwrap()
}

pub(super) fn built(binary: &str, source: &str, version: &str, architecture: &str) -> Arc<Package> {
    let version = Version::parse(version).unwrap();
    let digest = Digest::of(format!("{binary} {version} {architecture}").as_bytes());
    Arc::new(Package {
        digest,
        name: name(binary),
        architecture: Architecture::parse(architecture).unwrap(),
        source: name(source),
        source_version: version.clone(),
        version,
        size_bytes: 1,
        stanza_bytes: 1,
        stanza_digest: digest,
        kind: crate::debian::PackageKind::Deb,
        text: None,
    })
}

pub(super) fn package(binary: &str, version: &str) -> Arc<Package> {
    built(binary, binary, version, "amd64")
}

fn source(text: &str) -> PinTarget {
    PinTarget { kind: PinKind::Source, name: name(text) }
}

/// A suite with its history, as the catalogue would keep it.
struct Model {
    spec: SuiteSpec,
    generations: Vec<PackageSet>,
    pins: Vec<Pin>,
    withdrawn: Vec<Withdrawn>,
    hold: Option<Hold>,
    held_back: Arc<HeldBack>,
    rollouts: Arc<Rollouts>,
    taken: Vec<Taken>,
    hidden: HashSet<Digest>,
    privileges: HashMap<Digest, Vec<Privilege>>,
    is_urgent: bool,
}

impl Model {
    fn new() -> Self {
        let architectures = ["amd64", "arm64"].map(|text| Architecture::parse(text).unwrap());
        let spec = SuiteSpec {
            name: crate::debian::SuiteName::parse("stable").unwrap(),
            alias: None,
            origin: "Acme".into(),
            label: "Acme".into(),
            description: String::new(),
            components: vec![main_component()],
            architectures: architectures.to_vec(),
            owns: Vec::new(),
            allows: Vec::new(),
            versions: Versions::ONE,
            namespace: Namespace::default(),
            rings: Rings::default(),
            rollout: Default::default(),
            keep: Default::default(),
            valid_seconds: 14 * 86_400,
            not_automatic: false,
            but_automatic_upgrades: false,
            changelogs: None,
            snapshots: None,
            contents: true,
            pdiffs: true,
            translations: false,
        };
        let generations = vec![PackageSet::default()];
        let (pins, withdrawn, taken) = (Vec::new(), Vec::new(), Vec::new());
        let (hidden, privileges) = (HashSet::new(), HashMap::new());
        let (hold, held_back, rollouts) = (None, Arc::default(), Arc::default());
        Self {
            spec,
            generations,
            pins,
            withdrawn,
            hold,
            held_back,
            rollouts,
            taken,
            hidden,
            privileges,
            is_urgent: false,
        }
    }

    fn now(&self) -> &PackageSet {
        self.generations.last().unwrap()
    }

    fn change<T>(
        &mut self,
        apply: impl FnOnce(&mut Draft<'_>, &Self) -> Result<T, Conflict>,
    ) -> Result<T, Conflict> {
        let contents = self.now().clone();
        let draft = Draft::new(&self.spec, &contents, &self.pins, &self.withdrawn);
        let draft = draft.held(self.hold.as_ref(), &self.held_back);
        let mut draft = draft.rolling(&self.rollouts);
        draft.begin_change(&Identity::server(), "", Moment(1), self.is_urgent);
        draft.learn(self.taken.iter().cloned());
        let result = apply(&mut draft, self)?;
        rolling::tidy(&mut draft);
        let plan = draft.plan();
        let mut next = contents.clone();
        next.apply(&plan.moves, self.generations.len() as u64);
        next.limit(draft.spec.versions);
        self.generations.push(next);
        self.settle(plan);
        Ok(result)
    }

    fn upload(&mut self, packages: &[Arc<Package>]) -> Result<Vec<Standing>, Conflict> {
        let taken_as = |p: &Package| {
            self.taken
                .iter()
                .find(|(_, q)| q.digest == p.digest)
                .map(|(component, _)| component.clone())
        };
        let additions: Vec<_> = packages
            .iter()
            .map(|package| Addition {
                component: main_component(),
                package: Arc::clone(package),
                taken_as: taken_as(package),
            })
            .collect();
        let known: Vec<Package> =
            self.taken.iter().map(|(_, package)| (**package).clone()).collect();
        let by = Identity::parse("ci").unwrap();
        let (hidden, privileges) = (self.hidden.clone(), self.privileges.clone());
        let taken = known.iter().map(|package| package.digest).collect();
        let known =
            Known { packages: &known, hidden: &hidden, taken: &taken, privileges: &privileges };
        let added = self.change(|draft, _| add(draft, &additions, known, &by, Moment(1)))?;
        for addition in additions.into_iter().filter(|addition| addition.taken_as.is_none()) {
            self.taken.push((addition.component, addition.package));
        }
        Ok(added.into_iter().map(|one| one.standing).collect())
    }

    fn past(&self, target: &PinTarget) -> Past {
        let mut tenures: Vec<Tenure> = Vec::new();
        for (number, contents) in (1u64..).zip(&self.generations) {
            let held: BTreeSet<Digest> =
                contents.packages().map(|(_, p)| p).map(|p| p.digest).collect();
            for tenure in tenures.iter_mut().filter(|t| t.until.is_none()) {
                if !held.contains(&tenure.digest) {
                    tenure.until = Some(number);
                }
            }
            for digest in held {
                if !tenures.iter().any(|t| t.digest == digest && t.until.is_none()) {
                    let component = main_component();
                    tenures.push(Tenure { component, digest, from: number, until: None });
                }
            }
        }
        let packages = self.taken.iter().map(|(_, package)| Arc::clone(package)).collect();
        Past::new(target.clone(), tenures, packages)
    }

    fn taken_of(&self, target: &PinTarget) -> Vec<Taken> {
        self.taken.iter().filter(|(_, package)| target.holds(package)).cloned().collect()
    }

    fn roll_back(&mut self, target: &PinTarget) -> Result<(), Conflict> {
        self.change(|draft, model| {
            pinning::roll_back(draft, target, &model.past(target), &asking())
        })
    }

    fn pin(&mut self, target: &PinTarget, version: &str) -> Result<(), Conflict> {
        let version = Version::parse(version).unwrap();
        self.change(|draft, model| {
            let taken = model.taken_of(target);
            pinning::pin_at(draft, target, &version, &model.past(target), &taken, &asking())
        })
    }

    fn remove(&mut self, target: &PinTarget) -> Result<(), Conflict> {
        self.change(|draft, model| pinning::remove(draft, target, &model.taken_of(target)))
    }

    fn unpin(&mut self, target: &PinTarget) -> Result<(), Conflict> {
        self.change(|draft, model| pinning::unpin(draft, target, &model.taken_of(target)))
    }

    fn listed(&self) -> Vec<String> {
        self.now().packages().map(|(_, p)| p).map(|p| format!("{} {}", p.name, p.version)).collect()
    }
}

fn asking() -> Asking {
    let author = Identity::parse("operator").unwrap();
    Asking {
        author,
        reach: Reach::Whole,
        message: "bad".into(),
        at: Moment(1),
        until: None,
        leeway: Default::default(),
    }
}

#[test]
fn a_higher_version_is_listed_and_a_lower_one_waits() {
    let mut model = Model::new();
    let [one, two] = ["1.0", "2.0"].map(|version| package("web", version));
    assert_eq!(model.upload(std::slice::from_ref(&two)).unwrap(), [Standing::Published]);
    assert_eq!(model.upload(std::slice::from_ref(&one)).unwrap(), [Standing::Waiting]);
    assert_eq!(model.upload(std::slice::from_ref(&two)).unwrap(), [Standing::Already]);
    assert_eq!(model.listed(), ["web 2.0"]);
}

#[test]
fn of_two_versions_in_one_change_the_higher_is_listed() {
    for order in [[0, 1], [1, 0]] {
        let mut model = Model::new();
        let pair = [package("web", "1.0"), package("web", "1.1")];
        let packages = order.map(|n: usize| Arc::clone(&pair[n]));
        let standings = model.upload(&packages).unwrap();
        let lower = order.iter().position(|n| *n == 0).unwrap();
        assert_eq!(standings[lower], Standing::Waiting);
        assert_eq!(standings[1 - lower], Standing::Published);
        assert_eq!(model.listed(), ["web 1.1"]);
    }
}

#[test]
fn privileges_are_refused_unless_the_suite_allows_them_and_are_reported() {
    let mut model = Model::new();
    let web = package("web", "1.0");
    let both = vec![Privilege::Essential, Privilege::PhasedUpdates];
    model.privileges.insert(web.digest, both.clone());
    let said = model.upload(std::slice::from_ref(&web)).unwrap_err().to_string();
    assert!(said.contains("every host of the suite installs it"), "{said}");
    assert!(said.contains("`repoctl suite edit stable --allow essential`"), "{said}");
    assert!(said.contains("--allow phased-updates"), "{said}");
    model.spec.allows = vec![Privilege::Essential];
    let said = model.upload(std::slice::from_ref(&web)).unwrap_err().to_string();
    assert!(!said.contains("--allow essential") && said.contains("phased-updates"), "{said}");
    model.spec.allows = both;
    assert_eq!(model.upload(std::slice::from_ref(&web)).unwrap(), [Standing::Published]);
    // A package that was taken stays, whatever is allowed later.
    model.spec.allows.clear();
    assert_eq!(model.upload(&[web]).unwrap(), [Standing::Already]);
    assert_eq!(model.listed(), ["web 1.0"]);
}

#[test]
fn an_index_never_lists_two_versions_of_a_name() {
    let mut model = Model::new();
    model.upload(&[built("web", "web", "1.0", "all")]).unwrap();
    model.upload(&[built("web", "web", "2.0", "amd64")]).unwrap();
    let listed = |model: &Model, architecture: &str| -> Vec<String> {
        let architecture = Architecture::parse(architecture).unwrap();
        let place =
            IndexPlace { component: main_component(), architecture, kind: PackageKind::Deb };
        let listing = listing::listing(model.now(), &place);
        listing.map(|p| p.version.to_string()).collect()
    };
    assert_eq!(listed(&model, "amd64"), ["2.0"]);
    assert_eq!(listed(&model, "arm64"), ["1.0"]);
    model.upload(&[built("web", "web", "3.0", "all")]).unwrap();
    assert_eq!(listed(&model, "amd64"), ["3.0"]);
    assert_eq!(model.listed(), ["web 3.0"]);
}

#[test]
fn other_bytes_and_other_spellings_of_a_version_are_refused() {
    let mut model = Model::new();
    model.upload(&[package("web", "1.0")]).unwrap();
    let mut other = (*package("web", "1.0")).clone();
    other.digest = Digest::of(b"other");
    let conflict = model.upload(&[Arc::new(other)]).unwrap_err().to_string();
    assert!(conflict.contains("other bytes"), "{conflict}");
    let conflict = model.upload(&[package("web", "1.00")]).unwrap_err().to_string();
    assert!(conflict.contains("same as 1.0"), "{conflict}");
    model.spec.owns = vec!["acme-*".into()];
    let conflict = model.upload(&[package("libc6", "9")]).unwrap_err().to_string();
    assert!(conflict.contains("owns only acme-*"), "{conflict}");
}

#[test]
fn hidden_conflicts_are_reported_last_and_in_the_same_words() {
    let mut model = Model::new();
    let foreign = package("web", "1.0");
    model.upload(std::slice::from_ref(&foreign)).unwrap();
    model.hidden.insert(foreign.digest);
    let mut other = (*package("web", "1.0")).clone();
    other.digest = Digest::of(b"other");
    let mut fail = |package: Package| model.upload(&[Arc::new(package)]).unwrap_err();
    let (bytes, spelling) = (fail(other.clone()), fail((*package("web", "1.00")).clone()));
    assert_eq!((bytes.kind, spelling.kind), (ConflictKind::Version, ConflictKind::Version));
    let [bytes, spelling] = [bytes, spelling].map(|conflict| conflict.to_string());
    assert_eq!(bytes, format!("web 1.0 amd64: {}", crate::domain::TAKEN));
    assert_eq!(spelling, bytes.replace("1.0", "1.00"));
    // For a name that this suite refuses, the answer does not say whether it is elsewhere.
    model.spec.owns = vec!["acme-*".into()];
    let refused = model.upload(&[Arc::new(other)]).unwrap_err();
    assert_eq!(refused.reasons.len(), 1, "{refused}");
    assert_eq!(refused.kind, ConflictKind::Other);
    let absent = model.upload(&[package("db", "1.0")]).unwrap_err();
    assert_eq!(refused.to_string().replace("web", "db"), absent.to_string());
}

#[test]
fn a_rebuild_of_one_source_is_a_step_of_its_own() {
    let mut model = Model::new();
    let mut rebuilt = (*package("web", "1.0+b1")).clone();
    rebuilt.source_version = Version::parse("1.0").unwrap();
    model.upload(&[package("web", "1.0")]).unwrap();
    let rebuilt = [Arc::new(rebuilt)];
    model.upload(&rebuilt).unwrap();
    assert_eq!(model.listed(), ["web 1.0+b1"]);
    model.roll_back(&source("web")).unwrap();
    assert_eq!(model.listed(), ["web 1.0"]);
    // A build job that tries again does not bring the bad rebuild back.
    assert_eq!(model.upload(&rebuilt).unwrap(), [Standing::Waiting]);
    assert_eq!(model.listed(), ["web 1.0"]);
}

#[test]
fn a_rollback_brings_back_what_the_new_version_no_longer_built() {
    let mut model = Model::new();
    let of = |binary, version| built(binary, "web", version, "amd64");
    model.upload(&[of("web", "1.0"), of("web-extra", "1.0")]).unwrap();
    model.upload(&[of("web", "2.0"), of("web-new", "2.0")]).unwrap();
    assert_eq!(model.listed(), ["web 2.0", "web-extra 1.0", "web-new 2.0"]);
    model.roll_back(&source("web")).unwrap();
    assert_eq!(model.listed(), ["web 1.0", "web-extra 1.0"]);
}

#[test]
fn pinning_upwards_a_version_that_waits_lists_it() {
    let mut model = Model::new();
    model.upload(&[package("web", "1.0")]).unwrap();
    model.upload(&[package("web", "2.0")]).unwrap();
    model.pin(&source("web"), "1.0").unwrap();
    assert_eq!(model.upload(&[package("web", "3.0")]).unwrap(), [Standing::Waiting]);
    model.pin(&source("web"), "3.0").unwrap();
    assert_eq!(model.listed(), ["web 3.0"]);
    let conflict = model.pin(&source("web"), "9.0").unwrap_err().to_string();
    assert!(conflict.contains("it has 3.0, 2.0, 1.0"), "{conflict}");
}

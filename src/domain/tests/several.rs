//! Several versions listed, against a model that is written as the decision says it.

use proptest::prelude::*;

use super::*;
use crate::domain::moves::{between, exchanged, told};

/// One package of one architecture, as docs/adr/0030-several-versions.md describes it.
#[derive(Clone, Default)]
struct Naive {
    limit: usize,
    accepted: BTreeSet<u8>,
    withdrawn: BTreeSet<u8>,
    pin: Option<u8>,
    highest: Option<u8>,
    /// The highest version of each generation.
    past: Vec<Option<u8>>,
}

impl Naive {
    /// The newest of what is accepted, not withdrawn and not above the highest.
    fn listed(&self) -> Vec<u8> {
        let Some(highest) = self.highest else { return Vec::new() };
        let offered = self.accepted.difference(&self.withdrawn).filter(|v| **v <= highest);
        let offered: Vec<u8> = offered.copied().collect();
        offered[offered.len().saturating_sub(self.limit)..].to_vec()
    }

    fn upload(&mut self, version: u8) {
        self.accepted.insert(version);
        let free = self.pin.is_none() && !self.withdrawn.contains(&version);
        if free && self.highest.is_none_or(|highest| version > highest) {
            self.highest = Some(version);
        }
    }

    /// The version that a rollback goes to.
    fn before(&self) -> Option<u8> {
        let mut stack: Vec<u8> = Vec::new();
        for highest in self.past.iter().flatten() {
            match stack.iter().position(|known| known == highest) {
                Some(at) => stack.truncate(at + 1),
                None => stack.push(*highest),
            }
        }
        stack.pop()?;
        stack.into_iter().rev().find(|version| !self.withdrawn.contains(version))
    }

    fn pin(&mut self, version: u8) {
        let above: Vec<u8> = self.listed().into_iter().filter(|one| *one > version).collect();
        self.withdrawn.extend(above);
        self.withdrawn.remove(&version);
        (self.pin, self.highest) = (Some(version), Some(version));
    }

    fn unpin(&mut self) {
        self.pin = None;
        let free = self.accepted.difference(&self.withdrawn).max().copied();
        self.highest = self.highest.max(free);
    }

    fn remove(&mut self) {
        match self.limit {
            1 => self.withdrawn.extend(self.highest),
            _ => self.withdrawn.extend(self.accepted.clone()),
        }
        (self.pin, self.highest) = (None, None);
    }

    /// The same without the highest: what was accepted, without what was withdrawn and what is
    /// above the pin.
    fn purely(&self) -> Vec<u8> {
        let bound = self.pin.unwrap_or(u8::MAX);
        let offered = self.accepted.difference(&self.withdrawn).filter(|v| **v <= bound);
        let offered: Vec<u8> = offered.copied().collect();
        offered[offered.len().saturating_sub(self.limit)..].to_vec()
    }
}

#[derive(Clone, Debug)]
enum Step {
    Upload(u8, Vec<u8>),
    RollBack(u8),
    Pin(u8, u8),
    Unpin(u8),
    Remove(u8),
    Versions(Versions),
}

fn versions(text: &str) -> Versions {
    text.parse().unwrap()
}

fn step(edits: bool) -> impl Strategy<Value = Step> {
    let which = || 0u8..2;
    let limit = proptest::sample::select(vec!["1", "2", "3", "all"]);
    let last = (which(), limit).prop_map(move |(which, limit)| match edits {
        true => Step::Versions(versions(limit)),
        // While one version is listed, only that one is recorded as withdrawn: the flow sees to the
        // others when the number is edited.
        false => Step::Remove(which),
    });
    prop_oneof![
        6 => (which(), proptest::collection::vec(1u8..12, 1..4))
            .prop_map(|(which, versions)| Step::Upload(which, versions)),
        2 => which().prop_map(Step::RollBack),
        2 => (which(), 1u8..12).prop_map(|(which, version)| Step::Pin(which, version)),
        1 => which().prop_map(Step::Unpin),
        1 => last,
    ]
}

fn listed(model: &Model, which: u8) -> Vec<u8> {
    let name = name(&format!("p{which}"));
    let named = model.now().named(&main_component(), &name);
    named.map(|package| package.version.as_str().parse().unwrap()).collect()
}

fn run(limit: &str, steps: Vec<Step>) {
    let mut model = Model::new();
    model.spec.versions = versions(limit);
    let limit = model.spec.versions.limit();
    let mut naive = [(); 2].map(|()| Naive { limit, ..Naive::default() });
    for step in &steps {
        let before = [0, 1].map(|which| listed(&model, which));
        let target = |which: u8| source(&format!("p{which}"));
        let done = match step {
            Step::Upload(which, versions) => {
                let packages: BTreeSet<u8> = versions.iter().copied().collect();
                let packages: Vec<_> = packages.iter().rev().collect();
                let built = packages.iter().map(|v| package(&format!("p{which}"), &v.to_string()));
                let standings = model.upload(&built.collect::<Vec<_>>()).unwrap();
                packages.iter().for_each(|v| naive[usize::from(*which)].upload(**v));
                let now = naive[usize::from(*which)].listed();
                for (version, standing) in packages.into_iter().zip(standings) {
                    // A version that was there, and is pushed out by what comes with it, waits or
                    // was there already.
                    let was = before[usize::from(*which)].contains(version);
                    let is = now.contains(version);
                    let fits = match standing {
                        Standing::Already => was,
                        Standing::Published => is && !was,
                        Standing::RollingOut => false,
                        Standing::Waiting | Standing::Withdrawn => !is,
                    };
                    assert!(fits, "{version} of {step:?} is {standing:?}");
                }
                true
            }
            Step::RollBack(which) => {
                let to = naive[usize::from(*which)].before();
                to.iter().for_each(|to| naive[usize::from(*which)].pin(*to));
                assert_eq!(model.roll_back(&target(*which)).is_ok(), to.is_some(), "{step:?}");
                to.is_some()
            }
            Step::Pin(which, version) => {
                let known = naive[usize::from(*which)].accepted.contains(version);
                if known {
                    naive[usize::from(*which)].pin(*version);
                }
                assert_eq!(model.pin(&target(*which), &version.to_string()).is_ok(), known);
                known
            }
            Step::Unpin(which) => {
                let pinned = naive[usize::from(*which)].pin.is_some();
                if pinned {
                    naive[usize::from(*which)].unpin();
                }
                assert_eq!(model.unpin(&target(*which)).is_ok(), pinned);
                pinned
            }
            Step::Remove(which) => {
                let there = naive[usize::from(*which)].highest.is_some();
                if there {
                    naive[usize::from(*which)].remove();
                }
                assert_eq!(model.remove(&target(*which)).is_ok(), there);
                there
            }
            Step::Versions(versions) => {
                naive.iter_mut().for_each(|one| one.limit = versions.limit());
                let spec = SuiteSpec { versions: *versions, ..model.spec.clone() };
                let edit = |draft: &mut Draft<'_>, model: &Model| {
                    draft.edit(spec.clone());
                    draft.learn(model.taken.iter().cloned());
                    Ok(())
                };
                model.change(edit).unwrap();
                model.spec = spec;
                true
            }
        };
        if done {
            naive.iter_mut().for_each(|one| one.past.push(one.highest));
        }
        for (which, naive) in (0..).zip(&naive) {
            assert_eq!(listed(&model, which), naive.listed(), "{step:?}");
            if naive.limit > 1 {
                assert_eq!(naive.listed(), naive.purely(), "{step:?}");
            }
        }
    }
}

proptest! {
    #[test]
    fn what_is_listed_is_the_newest_of_what_is_offered(
        limit in proptest::sample::select(vec!["1", "2", "3", "all"]),
        steps in proptest::collection::vec(step(false), 1..40),
    ) {
        run(limit, steps);
    }

    #[test]
    fn another_number_lists_what_it_would_always_have_listed(
        limit in proptest::sample::select(vec!["1", "3", "all"]),
        steps in proptest::collection::vec(step(true), 1..40),
    ) {
        run(limit, steps);
    }
}

fn in_index(model: &Model, architecture: &str) -> Vec<String> {
    let architecture = Architecture::parse(architecture).unwrap();
    let place = IndexPlace { component: main_component(), architecture, kind: PackageKind::Deb };
    let mut listed: Vec<_> = listing::listing(model.now(), &place).collect();
    listed.sort_by(|a, b| b.version.cmp(&a.version));
    listed.iter().map(|p| format!("{} {}", p.version, p.architecture)).collect()
}

#[test]
fn packages_for_all_and_for_one_architecture_compete_as_one_name() {
    let mut model = Model::new();
    model.spec.versions = versions("3");
    let of = |version: &str, architecture: &str| built("web", "web", version, architecture);
    for (version, architecture) in [
        ("1.5", "all"),
        ("1.6", "amd64"),
        ("1.7", "all"),
        ("1.8", "amd64"),
        ("1.9", "all"),
        ("2.0", "amd64"),
    ] {
        model.upload(&[of(version, architecture)]).unwrap();
    }
    assert_eq!(in_index(&model, "amd64"), ["2.0 amd64", "1.9 all", "1.8 amd64"]);
    assert_eq!(in_index(&model, "arm64"), ["1.9 all", "1.7 all", "1.5 all"]);
    // A version that is in no index is not held.
    assert_eq!(model.now().len(), 5);
    // A version that a newer one for all architectures pushes out of its place is listed below it.
    model.upload(&[of("3.0", "all")]).unwrap();
    assert_eq!(in_index(&model, "amd64"), ["3.0 all", "2.0 amd64", "1.9 all"]);
    assert_eq!(in_index(&model, "arm64"), ["3.0 all", "1.9 all", "1.7 all"]);
    model.roll_back(&source("web")).unwrap();
    assert_eq!(in_index(&model, "amd64"), ["2.0 amd64", "1.9 all", "1.8 amd64"]);
    assert_eq!(in_index(&model, "arm64"), ["1.9 all", "1.7 all", "1.5 all"]);
}

#[test]
fn a_version_for_one_architecture_is_listed_and_not_the_same_for_all() {
    let mut model = Model::new();
    model.spec.versions = Versions::All;
    let [all, single] = ["all", "amd64"].map(|of| built("web", "web", "1.0", of));
    model.upload(std::slice::from_ref(&single)).unwrap();
    // An earlier build took both.
    model.taken.push((main_component(), all));
    model.upload(&[package("web", "2.0")]).unwrap();
    assert_eq!(in_index(&model, "amd64"), ["2.0 amd64", "1.0 amd64"]);
}

#[test]
fn a_rebuild_that_was_rolled_back_from_stays_out_and_older_ones_stand_below() {
    let mut model = Model::new();
    model.spec.versions = versions("3");
    let mut rebuilt = (*package("web", "1.0+b1")).clone();
    rebuilt.source_version = Version::parse("1.0").unwrap();
    let rebuilt = Arc::new(rebuilt);
    model.upload(&[package("web", "0.9"), package("web", "1.0")]).unwrap();
    model.upload(std::slice::from_ref(&rebuilt)).unwrap();
    assert_eq!(in_index(&model, "amd64"), ["1.0+b1 amd64", "1.0 amd64", "0.9 amd64"]);
    model.roll_back(&source("web")).unwrap();
    assert_eq!(in_index(&model, "amd64"), ["1.0 amd64", "0.9 amd64"]);
    assert_eq!(model.upload(&[rebuilt]).unwrap(), [Standing::Waiting]);
    assert_eq!(in_index(&model, "amd64"), ["1.0 amd64", "0.9 amd64"]);
}

#[test]
fn a_rollback_of_the_suite_withdraws_every_higher_version() {
    let mut model = Model::new();
    model.spec.versions = Versions::All;
    model.upload(&[package("web", "1.0"), package("db", "1.0")]).unwrap();
    model.upload(&[package("web", "2.0")]).unwrap();
    let then = model.now().clone();
    model.upload(&[package("web", "3.0"), package("db", "2.0")]).unwrap();
    model.upload(&[package("web", "2.5")]).unwrap();
    let back = |draft: &mut Draft<'_>, _: &Model| {
        let mut then = then.clone();
        assert_eq!(pinning::keep_from_withdrawn(draft, &mut then, |d, p| d.is_withdrawn(p)), []);
        pinning::roll_back_all(draft, &then, &asking());
        Ok(())
    };
    model.change(back).unwrap();
    assert_eq!(model.listed(), ["db 1.0", "web 1.0", "web 2.0"]);
    let targets: BTreeSet<_> = model.pins.iter().map(|pin| pin.target.name.to_string()).collect();
    assert_eq!(targets, ["db", "web"].map(String::from).into());
    model.unpin(&source("web")).unwrap();
    assert_eq!(model.listed(), ["db 1.0", "web 1.0", "web 2.0"]);
}

#[test]
fn moves_are_reported_as_hosts_follow_them() {
    let all: Vec<_> = (1..6).map(|n| package("web", &n.to_string())).collect();
    let place = package_set::place_of(&main_component(), &all[0]);
    let of = |versions: &[usize]| -> Vec<_> {
        versions.iter().map(|n| Arc::clone(&all[n - 1])).collect()
    };
    let version = |one: &Option<Arc<Package>>| {
        one.as_ref().map_or("-".to_owned(), |one| one.version.to_string())
    };
    let pairs = |moves: Vec<Move>| -> Vec<String> {
        moves.iter().map(|m| format!("{}>{}", version(&m.from), version(&m.to))).collect()
    };
    for (before, now, goes, says) in [
        (&[1][..], &[2][..], &["1>2"][..], &["1>2"][..]),
        (&[1], &[], &["1>-"], &["1>-"]),
        (&[], &[1], &["->1"], &["->1"]),
        (&[1, 2, 3], &[2, 3, 4], &["1>4"], &["3>4", "1>-"]),
        (&[1, 2, 3], &[1, 2], &["3>-"], &["3>2"]),
        (&[3, 4, 5], &[1, 2], &["5>2", "4>1", "3>-"], &["5>2", "4>-", "3>-", "->1"]),
        (&[5], &[3, 4, 5], &["->4", "->3"], &["->4", "->3"]),
        (&[1, 3], &[1, 3], &[], &[]),
    ] {
        assert_eq!(pairs(exchanged(&place, &of(before), &of(now))), goes);
        assert_eq!(pairs(told(&place, &of(before), &of(now))), says);
        let contents = |versions: &[usize]| {
            let mut contents = PackageSet::default();
            for one in of(versions) {
                contents.list(&place.0, one, 1);
            }
            contents
        };
        assert_eq!(pairs(between(&contents(before), &contents(now))), says);
    }
}

#[test]
fn changes_of_an_index_have_removals_before_additions() {
    let mut old = PackageSet::default();
    old.limit(versions("3"));
    let mut new = old.clone();
    for version in ["1", "2", "3"] {
        old.list(&main_component(), package("web", version), 1);
    }
    for version in ["2", "3", "4"] {
        new.list(&main_component(), package("web", version), 1);
    }
    let amd64 = Architecture::parse("amd64").unwrap();
    let place =
        IndexPlace { component: main_component(), architecture: amd64, kind: PackageKind::Deb };
    let version = |one: Option<Arc<Package>>| one.map(|one| one.version.to_string());
    let changes = |old: &PackageSet, new: &PackageSet| -> Vec<_> {
        let changes = listing::changes(old, new, &place);
        changes.into_iter().map(|(before, now)| (version(before), version(now))).collect()
    };
    let some = |text: &str| Some(text.to_owned());
    // What stays comes again, because it may have paths in common with what goes.
    let expected = [(some("1"), some("4")), (None, some("3")), (None, some("2"))];
    assert_eq!(changes(&old, &new), expected);
    let mut more = old.clone();
    more.list(&main_component(), package("web", "2.5"), 2);
    more.limit(Versions::All);
    assert_eq!(changes(&old, &more), [(None, some("2.5"))]);
    assert_eq!(changes(&old, &old), []);
}

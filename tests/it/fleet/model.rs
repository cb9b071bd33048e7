//! Two hundred hosts that install, remove, hold and report at random, some fifty times each: the answers are those of a model of plain maps.

use std::collections::{BTreeMap, BTreeSet};

use repod::catalogue::{Access, Groups, SqliteCatalogue};
use repod::debian::PackageName;
use repod::debian::relation::Operator;
use repod::domain::inventory::{Entry, Facts, HostReport, Receipt, SetHash};
use repod::domain::{
    AccessEdit, Actor, Event, Grant, GroupName, Identity, Member, Role, SuiteScope,
};
use repod::flow::inventory::{self, Wanted};
use repod::time::Moment;

use crate::crash::house::{Ground, House};

const HOSTS: usize = 200;
const ROUNDS: u64 = 80;
const NAMES: u64 = 40;

/// A small generator, so that a failure comes again.
struct Chance(u64);

impl Chance {
    fn below(&mut self, most: u64) -> u64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % most
    }
}

/// What a host has: version and marks by name.
type Set = BTreeMap<String, (u64, bool)>;

fn lines(set: &Set) -> BTreeSet<String> {
    let marks = |held: &bool| if *held { "auto,hold" } else { "auto" };
    set.iter()
        .map(|(name, (version, held))| format!("{name} amd64 {version} {}", marks(held)))
        .collect()
}

fn entries<'l>(lines: impl IntoIterator<Item = &'l String>) -> Vec<Entry> {
    lines.into_iter().map(|line| Entry::parse(line).unwrap()).collect()
}

fn host(number: usize) -> Identity {
    Identity::parse(&format!("h{number:03}.fleet.example.org")).unwrap()
}

/// Grants and a group that are there before the repository is opened.
fn prepare(place: &std::path::Path) {
    std::fs::create_dir_all(place).unwrap();
    let catalogue = SqliteCatalogue::open(&place.join("catalogue.sqlite")).unwrap();
    let event = Event::done(Actor::server(), "grant", Moment(1));
    for number in 0..HOSTS {
        let suites = SuiteScope::Named(BTreeSet::from(["stable".parse().unwrap()]));
        catalogue.record_grant(&Grant::whole(host(number), Role::Host, suites), &event).unwrap();
    }
    let group = "fleet".parse::<GroupName>().unwrap();
    let edit = AccessEdit {
        make_groups: BTreeSet::from([group.clone()]),
        join: BTreeSet::from([(group, "*.fleet.example.org".parse::<Member>().unwrap())]),
        ..AccessEdit::default()
    };
    catalogue.record_access(&edit, &event).unwrap();
}

#[test]
fn who_has_fleet_and_fleet_diff_agree_with_a_model() {
    let ground = Ground::new();
    let room = tempfile::tempdir().unwrap();
    let clock = ground.clock();
    let place = room.path().join("house");
    prepare(&place);
    let house = House::open(&ground, &place, &clock);
    house.create("stable").unwrap();
    let mut chance = Chance(7);
    let mut have: Vec<Set> = vec![Set::new(); HOSTS];
    let mut told: Vec<Option<(u64, Set)>> = vec![None; HOSTS];
    for round in 1..=ROUNDS {
        let mut reports = Vec::new();
        let some: BTreeSet<usize> = (0..20).map(|_| chance.below(HOSTS as u64) as usize).collect();
        for number in some {
            let set = &mut have[number];
            alter(&mut chance, set);
            // Some hosts never report, and what they have is not known.
            if number % 17 != 0 {
                let whole = chance.below(3) == 0;
                reports.push(report(number, set, told[number].as_ref(), round, whole));
                told[number] = Some((round, set.clone()));
            }
        }
        take(&house, &reports);
        if round % 5 == 0 {
            take(&house, &reports);
        }
        if round % 40 == 0 {
            house.repository.catalogue.forget_unreported().unwrap();
            agree(&house, &ground, &told);
        }
    }
    agree(&house, &ground, &told);
}

/// Installs, upgrades, goes down and removes some of it.
fn alter(chance: &mut Chance, set: &mut Set) {
    for _ in 0..chance.below(14) {
        let name = format!("pkg{}", chance.below(NAMES));
        match chance.below(4) {
            0 => drop(set.remove(&name)),
            _ => drop(set.insert(name, (chance.below(3) + 1, chance.below(20) == 0))),
        }
    }
}

/// Sends reports at once, as hosts do; each is taken, the first time and again.
fn take(house: &House<'_>, reports: &[HostReport]) {
    house.block_on(async {
        let send = |report: &HostReport| {
            let (repository, report) = (std::sync::Arc::clone(&house.repository), report.clone());
            tokio::spawn(async move { inventory::take(&repository, report).await })
        };
        let sent: Vec<_> = reports.iter().map(send).collect();
        for one in sent {
            assert_eq!(one.await.unwrap().unwrap(), Receipt::Taken);
        }
    });
}

fn report(number: usize, set: &Set, told: Option<&(u64, Set)>, at: u64, whole: bool) -> HostReport {
    let now = lines(set);
    let before = told.filter(|_| !whole).map(|(_, set)| lines(set));
    let (installed, gone) = match &before {
        Some(before) => (entries(now.difference(before)), entries(before.difference(&now))),
        None => (entries(&now), Vec::new()),
    };
    HostReport {
        host: host(number),
        number: at,
        base: before.map(|before| SetHash::of(&entries(&before))),
        hash: SetHash::of(&entries(&now)),
        installed,
        gone,
        facts: Facts { reboot: set.len().is_multiple_of(3), ..Facts::default() },
        // An hour each, so that no host sends more than it may.
        at: Moment(at as i64 * 3_600),
    }
}

fn agree(house: &House<'_>, ground: &Ground, told: &[Option<(u64, Set)>]) {
    let by = ground.admitted();
    let known: BTreeMap<Identity, &Set> = told
        .iter()
        .enumerate()
        .filter_map(|(number, told)| Some((host(number), &told.as_ref()?.1)))
        .collect();
    for number in 0..NAMES {
        let name = format!("pkg{number}");
        for version in [None, Some((Operator::Earlier, 3)), Some((Operator::Equal, 2))] {
            let fits = |found: u64| match version {
                None => true,
                Some((is, than)) => is.accepts(found.cmp(&than)),
            };
            let wanted = Wanted {
                name: PackageName::parse(&name).unwrap(),
                version: version.map(|(is, than)| (is, than.to_string().parse().unwrap())),
                all: false,
            };
            let who = inventory::who_has(&house.repository, &by, wanted);
            let who = house.block_on(who).unwrap();
            let found: Vec<_> = who
                .owners
                .iter()
                .map(|one| {
                    let (package, marks) = &one.installed[0];
                    assert_eq!(one.installed.len(), 1);
                    (one.host.clone(), package.version.to_string(), marks.held)
                })
                .collect();
            let expected: Vec<_> = known
                .iter()
                .filter_map(|(host, set)| {
                    let (version, held) = set.get(&name)?;
                    fits(*version).then(|| (host.clone(), version.to_string(), *held))
                })
                .collect();
            assert_eq!(found, expected, "{name} {version:?}");
            assert_eq!(who.without as usize, known.len() - expected.len());
            assert_eq!(who.unreported.len(), HOSTS - known.len());
        }
    }
    let fleet = inventory::fleet(&house.repository, &by, (None, None, false));
    let fleet = house.block_on(fleet).unwrap();
    let stable = fleet.iter().find(|one| one.suite.as_str() == "stable").unwrap();
    assert_eq!(stable.hosts.len(), HOSTS);
    for one in &stable.hosts {
        let set = known.get(&one.host);
        assert_eq!(one.reported_at.is_some(), set.is_some(), "{}", one.host);
        assert_eq!(one.reboot, set.is_some_and(|set| set.len().is_multiple_of(3)), "{}", one.host);
        let held = one.held.iter().map(|(package, _)| package.name.to_string());
        let truth = set.into_iter().flat_map(|set| set.iter());
        let truth = truth.filter(|(_, (_, held))| *held).map(|(name, _)| name.clone());
        assert_eq!(held.collect::<BTreeSet<_>>(), truth.collect(), "{}", one.host);
    }
    let group = "fleet".parse::<GroupName>().unwrap();
    let drift = inventory::drift(&house.repository, &by, group, false);
    let drift = house.block_on(drift).unwrap();
    assert_eq!((drift.compared, drift.unreported.len()), (known.len(), HOSTS - known.len()));
    let mut expected = Vec::new();
    let mut names: Vec<_> = (0..NAMES).map(|number| format!("pkg{number}")).collect();
    names.sort();
    for name in names {
        let of = |set: &Set| set.get(&name).map_or(0, |(version, _)| *version);
        let mut counts = BTreeMap::<u64, usize>::new();
        known.values().for_each(|set| *counts.entry(of(set)).or_default() += 1);
        let Some((most, agree)) = counts.iter().max_by_key(|(version, count)| (**count, **version))
        else {
            continue;
        };
        let odd: Vec<_> = known
            .iter()
            .filter(|(_, set)| of(set) != *most)
            .map(|(host, set)| (host.clone(), of(set)))
            .collect();
        if !odd.is_empty() {
            expected.push((name, *most, *agree, odd));
        }
    }
    let number = |version: &Option<repod::debian::Version>| {
        version.as_ref().map_or(0, |one| one.as_str().parse().unwrap())
    };
    let found: Vec<_> = drift
        .differences
        .iter()
        .map(|one| {
            let odd: Vec<_> =
                one.odd.iter().map(|(host, version)| (host.clone(), number(version))).collect();
            (one.name.to_string(), number(&one.majority), one.agree, odd)
        })
        .collect();
    assert_eq!(found, expected);
    let holds: Vec<_> = known
        .iter()
        .filter(|(_, set)| set.values().any(|(_, held)| *held))
        .map(|(host, _)| host.clone())
        .collect();
    assert_eq!(drift.held.iter().map(|(host, _)| host.clone()).collect::<Vec<_>>(), holds);
}

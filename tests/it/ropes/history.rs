//! A random history of one suite, and what it held after each change: told by the answers to the
//! changes, not by what is stored.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use rand::rngs::StdRng;
use rand::seq::SliceRandom as _;
use rand::{Rng as _, SeedableRng as _};
use repod::debian::{Component, SuiteName, Version, Versions};
use repod::domain::Change;
use repod::domain::SuiteEdit;
use repod::domain::{Package, PinKind, PinTarget, Place};
use repod::flow::FlowError;

use super::fabric::{Fabric, Key, name};
use super::releases;
use crate::crash::house::House;

/// How large a history is.
#[derive(Clone, Debug)]
pub struct Shape {
    /// How many names there are.
    names: usize,
    /// How many packages come with the first change.
    first: Range<usize>,
    /// How many changes follow.
    changes: Range<usize>,
    /// Whether descriptions are long.
    long: bool,
}

impl Shape {
    pub const SMALL: Self = Self { names: 8, first: 1..10, changes: 5..10, long: false };
    /// Indices of some hundred kilobytes.
    pub const LARGE: Self = Self { names: 120, first: 110..150, changes: 4..8, long: true };
}

/// A version at a place.
pub type Stand = (Place, Version);

/// What a suite holds.
pub type Members = BTreeMap<Stand, Arc<Package>>;

/// A generation as it was meant.
pub struct Generation {
    pub number: u64,
    pub members: Members,
    /// Which generation listed each of them.
    pub since: BTreeMap<Stand, u64>,
    /// How many versions of a name an index lists.
    pub limit: usize,
    /// Whether long descriptions stand apart.
    pub translations: bool,
    /// The InRelease that was served once it was live.
    pub head: Vec<u8>,
}

/// A suite with everything that it ever was.
pub struct History {
    pub seed: u64,
    pub suite: SuiteName,
    /// Whether it has Contents and patches: every large history, and as many small ones.
    pub beside: bool,
    /// Whether long descriptions stand apart by now.
    translations: bool,
    /// How many versions are listed by now.
    versions: Versions,
    pub generations: Vec<Generation>,
}

impl History {
    /// Plays the history of a seed, as a new suite.
    pub fn play(house: &House<'_>, fabric: &mut Fabric, seed: u64, shape: Shape) -> Self {
        let mut player = Player { house, fabric, random: StdRng::seed_from_u64(seed), shape };
        let suite: SuiteName = format!("h{seed}").parse().unwrap();
        let mut spec = House::spec(suite.as_str());
        spec.components = ["main", "extra"].map(|one| one.parse().unwrap()).into();
        spec.architectures = ["amd64", "arm64"].map(|one| one.parse().unwrap()).into();
        let beside = seed % 20 == 19 || seed % 20 == 7;
        (spec.contents, spec.pdiffs) = (beside, beside);
        let translations = player.random.gen_bool(0.5);
        spec.translations = translations;
        // Of three histories, one each lists one version, some, and all that there are.
        let versions = ["2", "1", "all"][seed as usize % 3].parse().unwrap();
        spec.versions = versions;
        house.create_as(spec).unwrap();
        let generations = Vec::new();
        let mut history = Self { seed, suite, beside, translations, versions, generations };
        history.note(house, 1, Members::new());
        let count = player.random.gen_range(player.shape.first.clone());
        let change = player.add(count);
        history.change(house, change);
        for _ in 0..player.random.gen_range(player.shape.changes.clone()) {
            let change = player.change(&history);
            if beside {
                // Patches lead from states that were live for long; some changes overtake the Contents.
                house.clock.advance(2 * 3600);
                if player.random.gen_bool(0.3) {
                    releases::quiet(house, &history);
                }
            }
            history.change(house, change);
        }
        history
    }

    pub fn last(&self) -> &Generation {
        self.generations.last().expect("a suite begins with a generation")
    }

    pub fn change(&mut self, house: &House<'_>, change: Change) {
        let told = format!("history {}: {change:?}", self.seed);
        let adds = matches!(change, Change::Add(_));
        let translations = match &change {
            Change::Edit(edit) => edit.translations.unwrap_or(self.translations),
            _ => self.translations,
        };
        let versions = match &change {
            Change::Edit(edit) => edit.versions.unwrap_or(self.versions),
            _ => self.versions,
        };
        match house.change(self.suite.as_str(), change) {
            Ok(outcome) => {
                let Some(number) = outcome.generation else { return };
                assert_eq!(number, self.last().number + 1, "{told}");
                self.translations = translations;
                let several = !self.versions.is_one() || !versions.is_one();
                self.versions = versions;
                let mut members = self.last().members.clone();
                for one in outcome.moves {
                    members.retain(|(place, _), _| *place != one.place);
                    if let Some(package) = one.to {
                        supersede(&mut members, &one.place.0, &package, adds);
                        members.insert((one.place, package.version.clone()), package);
                    }
                }
                // Which of several are listed is shown elsewhere (`src/domain/tests/several.rs`).
                if several {
                    members = self.recorded(house, number);
                }
                self.note(house, number, members);
            }
            // What cannot be done at this point of the history is refused, and changes nothing.
            Err(FlowError::Conflict(_) | FlowError::Missing(_)) => {}
            Err(error) => panic!("{told}: {error}"),
        }
    }

    /// What a generation holds, as it is recorded.
    fn recorded(&self, house: &House<'_>, number: u64) -> Members {
        let found = house.repository.catalogue.contents_at(&self.suite, number).unwrap().unwrap();
        let stand = |(component, package): (&Component, &Arc<Package>)| {
            let place = (component.clone(), package.name.clone(), package.architecture.clone());
            ((place, package.version.clone()), Arc::clone(package))
        };
        found.packages().map(stand).collect()
    }

    fn note(&mut self, house: &House<'_>, number: u64, members: Members) {
        let head = house.in_release(self.suite.as_str()).expect("it is served");
        let translations = self.translations;
        let stood = |stand: &Stand, package: &Arc<Package>| {
            let before = self.generations.last()?;
            let same = before.members.get(stand) == Some(package);
            same.then(|| before.since[stand])
        };
        let when =
            |(stand, package)| (Stand::clone(stand), stood(stand, package).unwrap_or(number));
        let since = members.iter().map(when).collect();
        let limit = self.versions.limit();
        self.generations.push(Generation { number, members, since, limit, translations, head });
    }
}

/// The answer to an upload tells of its own packages alone; one for every architecture takes the place
/// of lower ones that were built for one.
fn supersede(members: &mut Members, component: &Component, package: &Package, adds: bool) {
    if adds && package.architecture.is_all() {
        members.retain(|((of, name, _), _), other| {
            let lower = other.version.compare(&package.version).is_lt();
            of != component || *name != package.name || other.architecture.is_all() || !lower
        });
    }
}

/// Thinks of the next change.
struct Player<'p, 'g> {
    house: &'p House<'g>,
    fabric: &'p mut Fabric,
    random: StdRng,
    shape: Shape,
}

impl Player<'_, '_> {
    fn change(&mut self, history: &History) -> Change {
        match self.random.gen_range(0..100) {
            0..=39 => {
                let count = self.random.gen_range(1..4);
                self.add(count)
            }
            40..=52 => Change::Remove(vec![self.listed(history)]),
            53..=62 => {
                let hours = self.random.gen_bool(0.3).then_some(24);
                let (name, version) = self.ever(history);
                Change::Pin(self.target(&name), version, hours)
            }
            63..=76 => Change::RollBack(vec![self.listed(history)], None),
            77..=80 => {
                let to = self.generation(history);
                Change::RollBack(vec![self.listed(history)], Some(to))
            }
            81..=82 => Change::Unpin(vec![self.listed(history)]),
            83..=89 => Change::Unpin(Vec::new()),
            90..=92 => Change::RollBack(Vec::new(), None),
            93..=94 => Change::RollBack(Vec::new(), Some(self.generation(history))),
            _ if !history.versions.is_one() && self.random.gen_bool(0.5) => {
                let versions = *["1", "2", "3", "all"].choose(&mut self.random).unwrap();
                Change::Edit(Box::new(SuiteEdit {
                    versions: versions.parse().ok(),
                    ..SuiteEdit::default()
                }))
            }
            _ => Change::Edit(Box::new(self.edit())),
        }
    }

    fn add(&mut self, count: usize) -> Change {
        let mut items = Vec::new();
        for _ in 0..count {
            let key = self.key();
            // A package stays in its component, and so do those of one source.
            let component = if key.number / 2 % 5 == 4 { "extra" } else { "main" };
            items.push((component.parse().unwrap(), self.fabric.digest(self.house, key)));
        }
        Change::Add(items)
    }

    fn key(&mut self) -> Key {
        let number = self.random.gen_range(0..self.shape.names);
        // Most names stay with their architecture; some change between one and `all`.
        let usual = ["amd64", "amd64", "all", "arm64"][number % 4];
        let any = *["amd64", "arm64", "all"].choose(&mut self.random).unwrap();
        let architecture = if self.random.gen_bool(0.7) { usual } else { any };
        let version = self.random.gen_range(0..4);
        Key { number, version, architecture, long: self.shape.long }
    }

    fn target(&mut self, package: &str) -> PinTarget {
        let kind = if self.random.gen_bool(0.5) { PinKind::Source } else { PinKind::Binary };
        PinTarget { kind, name: package.parse().unwrap() }
    }

    /// Something that is listed, most of the time.
    fn listed(&mut self, history: &History) -> PinTarget {
        let here: Vec<_> =
            history.last().members.keys().map(|((_, name, _), _)| name.clone()).collect();
        let any = name(self.random.gen_range(0..self.shape.names), self.shape.long);
        let listed = here.choose(&mut self.random).filter(|_| self.random.gen_bool(0.9));
        let package = listed.map_or(any, ToString::to_string);
        self.target(&package)
    }

    /// A package with a version that was listed once.
    fn ever(&mut self, history: &History) -> (String, Version) {
        let then = history.generations.choose(&mut self.random).expect("there is one");
        let all: Vec<_> = then.members.values().collect();
        match all.choose(&mut self.random) {
            Some(package) => (package.name.to_string(), package.version.clone()),
            None => (name(0, self.shape.long), "1.0-1".parse().unwrap()),
        }
    }

    fn generation(&mut self, history: &History) -> u64 {
        self.random.gen_range(1..=history.last().number)
    }

    fn edit(&mut self) -> SuiteEdit {
        match self.random.gen_range(0..5) {
            0 => SuiteEdit {
                add_architectures: vec!["riscv64".parse().unwrap()],
                ..SuiteEdit::default()
            },
            1 => {
                SuiteEdit { add_components: vec!["more".parse().unwrap()], ..SuiteEdit::default() }
            }
            2 => SuiteEdit { description: Some("edited".into()), ..SuiteEdit::default() },
            _ => {
                SuiteEdit { translations: Some(self.random.gen_bool(0.5)), ..SuiteEdit::default() }
            }
        }
    }
}

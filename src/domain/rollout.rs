//! Rollouts: a change of a suite with rings reaches one ring after the other.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::debian::{Component, PackageName, Version};
use crate::domain::holding::Came;
use crate::domain::ring::RingId;
use crate::domain::{Identity, Package, PinTarget};
use crate::time::Moment;

/// What becomes of a rollout.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RolloutState {
    /// Its next step may be taken.
    Running,
    /// It stays where it is until a person resumes it.
    Paused,
    /// A newer change of all its packages is under way. The rings that it reached keep it until that one comes.
    Superseded,
    /// Everybody is offered it, or what is higher.
    Done,
    /// Nobody is offered it any more.
    Aborted,
}

const STATES: [(RolloutState, &str); 5] = [
    (RolloutState::Running, "running"),
    (RolloutState::Paused, "paused"),
    (RolloutState::Superseded, "superseded"),
    (RolloutState::Done, "done"),
    (RolloutState::Aborted, "aborted"),
];

impl RolloutState {
    /// The word used in the catalogue and on the wire.
    pub fn as_str(self) -> &'static str {
        STATES.iter().find(|(state, _)| *state == self).map_or("", |(_, word)| word)
    }

    /// Reads the word.
    pub fn parse(text: &str) -> Option<Self> {
        STATES.iter().find(|(_, word)| *word == text).map(|(state, _)| *state)
    }

    /// Whether it still has a part in what rings are offered.
    pub fn is_open(self) -> bool {
        !matches!(self, Self::Done | Self::Aborted)
    }
}

/// When a rollout reached a ring.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Reached {
    /// With which generation; `None` while that one is being made.
    pub generation: Option<u64>,
    /// When.
    pub at: Moment,
}

/// A change on its way through the rings of a suite.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Rollout {
    /// Its number in the suite: 1, 2, 3, …
    pub id: u64,
    /// Who made the change.
    pub author: Identity,
    /// Why; empty when they did not say.
    pub message: String,
    /// When.
    pub at: Moment,
    /// What becomes of it.
    pub state: RolloutState,
    /// Why it is in this state, for people; empty where it runs.
    pub why: String,
    /// What it brings.
    pub packages: BTreeMap<Came, Arc<Package>>,
    /// The rings that are offered it.
    pub reached: BTreeMap<RingId, Reached>,
    /// Since when enough hosts of the last of them had it; `None` while too few do.
    pub met_at: Option<Moment>,
    /// When a person last had it go on. What failed before does not stop it again.
    pub resumed_at: Option<Moment>,
}

impl Rollout {
    /// Whether its next step may be taken.
    pub fn is_running(&self) -> bool {
        self.state == RolloutState::Running
    }

    /// Whether no ring is offered it yet.
    pub fn is_unbegun(&self) -> bool {
        self.reached.is_empty()
    }

    /// Whether it brings a package of the target.
    pub fn is_of(&self, target: &PinTarget) -> bool {
        self.packages.values().any(|package| target.holds(package))
    }

    /// The sources that it brings, with their versions.
    pub fn sources(&self) -> BTreeSet<(PackageName, Version)> {
        let source = |one: &Arc<Package>| (one.source.clone(), one.source_version.clone());
        self.packages.values().map(source).collect()
    }

    /// Which it is, for people: `rollout 3 (web 2.0)`.
    pub fn told(&self) -> String {
        let sources = self.sources();
        let named: Vec<_> =
            sources.iter().take(3).map(|(name, version)| format!("{name} {version}")).collect();
        let more = match sources.len().saturating_sub(3) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        format!("rollout {} ({}{more})", self.id, named.join(", "))
    }

    /// The last of its rings to be reached.
    pub fn last_step(&self) -> Option<Moment> {
        self.reached.values().map(|reached| reached.at).max()
    }

    /// Whether a newer one brings something higher in place of each of its packages.
    fn is_outdone_by(&self, newer: &Self) -> bool {
        let outdone = |((component, _), package): (&Came, &Arc<Package>)| {
            newer.packages.iter().any(|((other, _), one)| {
                other == component
                    && one.name == package.name
                    && one.architecture == package.architecture
                    && one.version > package.version
            })
        };
        self.packages.iter().all(outdone)
    }

    /// Notes the generation with which it reached rings that it had not reached before.
    pub fn settle(&mut self, generation: u64) {
        for reached in self.reached.values_mut() {
            reached.generation.get_or_insert(generation);
        }
    }
}

/// The rollouts of a suite that are open.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Rollouts {
    /// In the order in which they began.
    pub open: BTreeMap<u64, Rollout>,
    /// The highest number that any had.
    pub last: u64,
}

/// The rollouts of a suite under change.
#[derive(Clone, Default)]
pub(super) struct Rolling {
    before: Arc<Rollouts>,
    now: BTreeMap<u64, Rollout>,
    last: u64,
    /// Whether the present change reaches all rings at once.
    pub(super) is_urgent: bool,
    /// The ring as which the suite is seen; `None` as everybody.
    pub(super) seen_as: Option<RingId>,
    /// The change that is being made: who, why, when, and its rollout if it has begun one.
    change: Option<(Identity, String, Moment, Option<u64>)>,
}

impl Rolling {
    pub(super) fn new(open: &Arc<Rollouts>) -> Self {
        let (now, last) = (open.open.clone(), open.last);
        Self { before: Arc::clone(open), now, last, ..Self::default() }
    }

    /// Begins a change: what it brings from now on is one rollout.
    pub(super) fn begin(&mut self, by: &Identity, message: &str, at: Moment, is_urgent: bool) {
        self.change = Some((by.clone(), message.to_owned(), at, None));
        self.is_urgent = is_urgent;
    }

    /// Those that are open, in the order in which they began.
    pub(super) fn open(&self) -> impl DoubleEndedIterator<Item = &Rollout> {
        self.now.values().filter(|rollout| rollout.state.is_open())
    }

    pub(super) fn open_mut(&mut self) -> impl Iterator<Item = &mut Rollout> {
        self.now.values_mut().filter(|rollout| rollout.state.is_open())
    }

    pub(super) fn find_mut(&mut self, id: u64) -> Option<&mut Rollout> {
        self.now.get_mut(&id)
    }

    /// The open rollout that brings a package.
    pub(super) fn of(&self, component: &Component, package: &Package) -> Option<&Rollout> {
        let came = (component.clone(), package.digest);
        self.open().rev().find(|rollout| rollout.packages.contains_key(&came))
    }

    /// Whether an open rollout brings a package that the ring as which the suite is seen is not offered yet.
    pub(super) fn is_under_way(&self, component: &Component, package: &Package) -> bool {
        let came = (component.clone(), package.digest);
        let mut of = self.open().filter(|rollout| rollout.packages.contains_key(&came)).peekable();
        let reaches = |rollout: &Rollout| {
            self.seen_as.is_some_and(|ring| rollout.reached.contains_key(&ring))
        };
        of.peek().is_some() && !of.any(reaches)
    }

    /// Whether rings are offered something else because of what became of rollouts.
    pub(super) fn is_moved(&self) -> bool {
        let offered = |one: &Rollout| (one.state.is_open(), one.packages.len(), one.reached.len());
        self.edits()
            .iter()
            .any(|edit| self.before.open.get(&edit.id).map(offered) != Some(offered(edit)))
    }

    /// When the change is made that is being made.
    pub(super) fn at(&self) -> Option<Moment> {
        self.change.as_ref().map(|(_, _, at, _)| *at)
    }

    /// Brings a package, first to this ring or to none yet, in the rollout of the present change.
    pub(super) fn bring(
        &mut self,
        component: &Component,
        package: &Arc<Package>,
        to: Option<RingId>,
    ) {
        let Some((author, message, at, begun)) = &mut self.change else { return };
        let id = *begun.get_or_insert_with(|| {
            self.last = self.last.saturating_add(1);
            self.last
        });
        let reached = Reached { generation: None, at: *at };
        let rollout = self.now.entry(id).or_insert_with(|| Rollout {
            id,
            author: author.clone(),
            message: message.clone(),
            at: *at,
            state: RolloutState::Running,
            why: String::new(),
            packages: BTreeMap::new(),
            reached: to.map(|to| (to, reached)).into_iter().collect(),
            met_at: None,
            resumed_at: None,
        });
        rollout.packages.insert((component.clone(), package.digest), Arc::clone(package));
    }

    /// Marks the rollouts whose packages a newer one outdoes.
    pub(super) fn supersede(&mut self) {
        let all: Vec<Rollout> = self.open().cloned().collect();
        for rollout in self.open_mut().filter(|one| one.state != RolloutState::Superseded) {
            let mut newer = all.iter().filter(|newer| newer.id > rollout.id);
            if let Some(newer) = newer.find(|newer| rollout.is_outdone_by(newer)) {
                rollout.state = RolloutState::Superseded;
                rollout.why = format!("rollout {} brings newer versions", newer.id);
            }
        }
    }

    /// Those that differ from before.
    pub(super) fn edits(&self) -> Vec<Rollout> {
        let differs = |one: &&Rollout| self.before.open.get(&one.id) != Some(one);
        self.now.values().filter(differs).cloned().collect()
    }
}

impl Rollouts {
    /// The same after these edits, of which those that ended are open no more.
    pub fn edited(&self, edits: &[Rollout]) -> Self {
        let mut after = self.clone();
        for edit in edits {
            after.last = after.last.max(edit.id);
            match edit.state.is_open() {
                true => after.open.insert(edit.id, edit.clone()),
                false => after.open.remove(&edit.id),
            };
        }
        after
    }

    /// The open rollout that brings a package.
    pub fn of(&self, component: &Component, package: &Package) -> Option<&Rollout> {
        let came = (component.clone(), package.digest);
        self.open.values().rev().find(|rollout| rollout.packages.contains_key(&came))
    }
}

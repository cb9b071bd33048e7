//! Cures: the command that would have hosts offered a package that was taken and waits.
//!
//! Each command is tried on a draft of its own before it is told: a pin at a version that was live
//! before lists what was live then, and an unpin lists the highest version that waits, so that neither
//! helps every package.
//!
//! This is advice, and the suite's only writer makes it while others wait. So a source is read once for
//! a whole batch, a command is tried once for all packages that it may list, the work is bounded, and
//! nothing of it fails an upload.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use tracing::warn;

use crate::debian::{Component, SuiteName, Version};
use crate::domain::add::{Added, Cure, Standing};
use crate::domain::addition::all_and_single;
use crate::domain::past::Past;
use crate::domain::pinning::{self, Asking, Leeway, Taken};
use crate::domain::reserved::is_apart;
use crate::domain::{
    Draft, Identity, Package, PackageSet, PinKind, PinTarget, Reach, Tenure, Withdrawn,
};
use crate::flow::change::lookup::History;
use crate::flow::error::FlowError;
use crate::time::Moment;

/// How many sources of one batch are read.
const MOST_SOURCES: usize = 20;

/// After this many rows of the catalogue no further source is read, and a source that takes the sum above
/// it is not tried on.
const MOST_ROWS: usize = 20_000;

/// How many commands are tried for one batch.
const MOST_TRIES: usize = 200;

/// Reads the history of a source, or of a package that moves by itself.
pub(super) type Read<'r> = dyn Fn(&PinTarget) -> Result<History, FlowError> + 'r;

/// A batch of changes to a suite, for which commands are looked for.
pub(super) struct Batch<'b> {
    pub(super) suite: &'b SuiteName,
    /// What the suite lists before it.
    pub(super) contents: &'b PackageSet,
    pub(super) withdrawn: &'b [Withdrawn],
    /// With all changes in it.
    pub(super) draft: &'b Draft<'b>,
    pub(super) read: &'b Read<'b>,
    /// Whether nothing urgent waits.
    pub(super) may_go_on: &'b (dyn Fn() -> bool + Sync),
    pub(super) at: Moment,
}

/// Tells the command of each added package that is not listed, as far as there is one and it is found
/// in time.
pub(super) fn tell(batch: &Batch<'_>, added: &mut [&mut Added]) {
    let came: Vec<_> =
        added.iter().map(|one| (one.component.clone(), Arc::clone(&one.package))).collect();
    let asking = Asking {
        author: Identity::server(),
        reach: Reach::Whole,
        message: String::new(),
        at: batch.at,
        until: None,
        leeway: Leeway::default(),
    };
    let mut search =
        Search { batch, came: &came, asking, sources: BTreeMap::new(), rows: 0, tries: 0 };
    let waits = |one: &&mut &mut Added| {
        let is_told = matches!(one.cure, Cure::Command(_));
        !is_told && matches!(one.standing, Standing::Waiting | Standing::Withdrawn)
    };
    for one in added.iter_mut().filter(waits) {
        one.cure = search.cure(&one.component, &one.package);
    }
}

/// The search for the commands of a batch.
struct Search<'s> {
    batch: &'s Batch<'s>,
    /// What the batch adds.
    came: &'s [Taken],
    asking: Asking,
    /// The sources so far, and what moves by itself; `None` where nothing can be tried.
    sources: BTreeMap<PinTarget, Option<Bench<'s>>>,
    rows: usize,
    tries: usize,
}

impl Search<'_> {
    fn cure(&mut self, component: &Component, package: &Arc<Package>) -> Cure {
        let sources = self.sources.len();
        let moving = PinTarget::moving(package);
        let bench = match self.sources.entry(moving.clone()) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(new) => {
                let may_read =
                    sources < MOST_SOURCES && self.rows < MOST_ROWS && (self.batch.may_go_on)();
                if !may_read {
                    return Cure::Unknown;
                }
                let history = self.batch.history(&moving);
                self.rows = history.as_ref().map_or(self.rows, |one| {
                    self.rows.saturating_add(one.taken.len()).saturating_add(one.tenures.len())
                });
                let is_small = self.rows <= MOST_ROWS;
                let history = history.filter(|_| is_small);
                new.insert(history.map(|one| Bench::new(self.batch, self.came, &moving, one)))
            }
        };
        let Some(bench) = bench else { return Cure::Unknown };
        if bench.taken.iter().any(|(_, other)| all_and_single(package, other)) {
            return Cure::None;
        }
        for command in bench.commands(package) {
            if !bench.tried.contains_key(&command) {
                if self.tries >= MOST_TRIES || !(self.batch.may_go_on)() {
                    return Cure::Unknown;
                }
                self.tries = self.tries.saturating_add(1);
                let then = bench.run(&command, &self.asking);
                bench.tried.insert(command.clone(), then);
            }
            let then = bench.tried.get(&command).and_then(Option::as_ref);
            if then.is_some_and(|then| then.lists(component, package)) {
                return Cure::Command(command.text(self.batch.suite));
            }
        }
        Cure::None
    }
}

impl Batch<'_> {
    /// The history of a source or of what moves by itself, if it can be read.
    fn history(&self, moving: &PinTarget) -> Option<History> {
        let read = (self.read)(moving);
        if let Err(problem) = &read {
            let (suite, package) = (self.suite, &moving.name);
            warn!(%suite, %package, %problem, "no command was looked for that makes packages live");
        }
        read.ok()
    }
}

/// A command that may list a package.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Command {
    Unpin(PinTarget),
    Pin(PinTarget, Version),
}

impl Command {
    fn text(&self, suite: &SuiteName) -> String {
        match self {
            Self::Unpin(PinTarget { kind, name }) => {
                format!("repoctl unpin --suite {suite}{} {name}", flag(*kind))
            }
            Self::Pin(PinTarget { kind, name }, version) => {
                format!("repoctl pin --suite {suite}{} {name}={version}", flag(*kind))
            }
        }
    }
}

/// A source, or what moves by itself, to try commands on.
struct Bench<'b> {
    as_is: Draft<'b>,
    taken: Vec<Taken>,
    tenures: Vec<Tenure>,
    packages: Vec<Arc<Package>>,
    /// What each command would leave; `None` where it is refused.
    tried: BTreeMap<Command, Option<Draft<'b>>>,
}

impl<'b> Bench<'b> {
    fn new(batch: &Batch<'b>, came: &[Taken], moving: &PinTarget, history: History) -> Self {
        let History { mut taken, tenures, packages } = history;
        let own: Vec<_> =
            came.iter().filter(|(_, one)| PinTarget::moving(one) == *moving).cloned().collect();
        let before: BTreeSet<_> = taken.iter().map(|(_, one)| one.digest).collect();
        taken.extend(own.iter().filter(|(_, one)| !before.contains(&one.digest)).cloned());
        let names: BTreeSet<_> = taken.iter().map(|(_, one)| one.name.clone()).collect();
        let concerns = |target: &PinTarget| match target.kind {
            PinKind::Source => target == moving,
            PinKind::Binary => names.contains(&target.name),
        };
        let pins = batch.draft.pins().filter(|pin| concerns(&pin.target)).cloned();
        let pins: Vec<_> = pins.collect();
        let out = batch.withdrawn.iter().filter(|one| concerns(&one.target)).cloned();
        let out: Vec<_> = out.collect();
        let mut as_is = Draft::new(&batch.draft.spec, batch.contents, &pins, &out);
        as_is.learn(taken.iter().cloned());
        for (component, package) in &own {
            if batch.draft.lists(component, package) {
                as_is.put(component, package);
            }
        }
        Self { as_is, taken, tenures, packages, tried: BTreeMap::new() }
    }

    /// The commands that may list a package, the best first.
    fn commands(&self, package: &Package) -> Vec<Command> {
        let unpin = self.as_is.pin_of(package).map(|pin| Command::Unpin(pin.target.clone()));
        // Hosts are offered no older one of what never goes down.
        let higher = |(_, one): &(_, Arc<Package>)| one.version.compare(&package.version).is_gt();
        if is_apart(package.name.as_str()) && self.as_is.named(&package.name).iter().any(higher) {
            return unpin.into_iter().collect();
        }
        let itself = PinTarget { kind: PinKind::Binary, name: package.name.clone() };
        let targets = BTreeSet::from([PinTarget::moving(package), itself]);
        let pins = targets.into_iter().map(|target| {
            let version = pinning::pinned_version(&target, package).clone();
            Command::Pin(target, version)
        });
        unpin.into_iter().chain(pins).collect()
    }

    /// What a command leaves; `None` when it is refused.
    fn run(&self, command: &Command, asking: &Asking) -> Option<Draft<'b>> {
        let mut then = self.as_is.clone();
        let done = match command {
            Command::Unpin(target) => pinning::unpin(&mut then, target, &self.of(target)),
            Command::Pin(target, version) => {
                let past = Past::new(target.clone(), self.tenures.clone(), self.packages.clone());
                let taken = self.of(target);
                pinning::pin_at(&mut then, target, version, &past, &taken, asking)
            }
        };
        done.is_ok().then_some(then)
    }

    /// What the suite has taken of a target.
    fn of(&self, target: &PinTarget) -> Vec<Taken> {
        self.taken.iter().filter(|(_, package)| target.holds(package)).cloned().collect()
    }
}

fn flag(kind: PinKind) -> &'static str {
    match kind {
        PinKind::Source => "",
        PinKind::Binary => " --binary",
    }
}

#[cfg(test)]
mod tests;

//! Installable: what a change leaves that hosts cannot install, looked up for what moved and for what
//! depends on it.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex};

use crate::catalogue::Mention;
use crate::debian::relation::Relation;
use crate::debian::{Dependencies, PackageName};
use crate::digest::Digest;
use crate::domain::installable::{
    Avoiders, DEEPEST, Glance, Moved, Named, Question, answers_for, asked, avoided, avoiders,
    is_plainly_met,
};
use crate::domain::{Draft, Lack, Package};
use crate::flow::error::FlowError;
use crate::flow::repository::Repository;
use crate::flow::state::upload_memory::Loan;
use crate::flow::threads::{lock, on_every_core};

/// So many names are looked at in one go, so that what is read of them is never much.
const AT_ONCE: usize = 1_000;

/// So many packages' dependencies are kept while a change is judged, for those who need the same: at about a
/// kilobyte each.
const MOST_SHARED: usize = 8_000;

/// What is read for one name, with what it looks up.
const NAME_BYTES: u64 = 4 << 10;

/// A suite before a change and after it.
#[derive(Clone, Copy)]
pub(crate) struct Difference<'c> {
    pub repository: &'c Repository,
    pub before: &'c Draft<'c>,
    pub after: &'c Draft<'c>,
}

impl Difference<'_> {
    /// Everything that hosts cannot install with the change, of what moved and what depends on it.
    ///
    /// Costs what moved and those that depend on it, and stops with `None` when `may_go_on` says no.
    ///
    /// # Errors
    /// [`FlowError`] from the catalogue.
    pub(crate) fn lacks(
        &self,
        may_go_on: &(dyn Fn() -> bool + Sync),
    ) -> Result<Option<Vec<Lack>>, FlowError> {
        let names = self.after.since(self.before).0.into_iter().map(|(place, _)| place.1);
        let mut concerned: BTreeSet<PackageName> = names.collect();
        let shared = Shared::default();
        let moved = self.moved(&concerned, &shared)?;
        // Where nothing was listed, nothing but what moved depends on it.
        if !self.before.lists_nothing() {
            let names: Vec<_> = moved.touched.iter().cloned().collect();
            for part in names.chunks(AT_ONCE) {
                for kind in [Mention::Depends, Mention::Avoids] {
                    let found = self.repository.catalogue.list_mentions(part, kind)?;
                    concerned.extend(found.into_iter().flatten());
                }
            }
        }
        let concerned: Vec<_> = concerned.into_iter().collect();
        let parts: Vec<_> = concerned.chunks(AT_ONCE).collect();
        let found = on_every_core(&parts, |part| match may_go_on() {
            true => self.examine(part, &moved, &shared).map(Some),
            false => Ok(None),
        })?;
        let whole: Option<Vec<_>> = found.into_iter().collect();
        Ok(whole.map(|parts| parts.into_iter().flatten().collect()))
    }

    /// What moves, as far as others can tell by what its packages say.
    fn moved(&self, names: &BTreeSet<PackageName>, shared: &Shared) -> Result<Moved, FlowError> {
        if self.before.lists_nothing() {
            return Ok(Moved::of_names(names.clone()));
        }
        // All of it is looked at once more. Of very much, the room is for what others need.
        let again = if names.len() < MOST_SHARED / 2 { Again::Yes } else { Again::No };
        let names: Vec<_> = names.iter().cloned().collect();
        let parts: Vec<_> = names.chunks(AT_ONCE.min(names.len().div_ceil(2).max(1))).collect();
        let parts = on_every_core(&parts, |part| {
            let _loan = self.room_for(part);
            let mut known = Known::new(self, shared);
            known.list(part);
            known.read(&part.iter().collect::<Vec<_>>(), again)?;
            let mut moved = Moved::default();
            moved.add(part, [&known.before, &known.after], &known.dependencies);
            Ok(moved)
        })?;
        let mut moved = Moved::default();
        parts.into_iter().for_each(|part| moved.extend(part));
        Ok(moved)
    }

    /// Waits for memory: several suites may be changed at once.
    fn room_for(&self, names: &[PackageName]) -> Loan<'_> {
        self.repository.memory.encode(NAME_BYTES.saturating_mul(names.len() as u64))
    }

    fn examine(
        &self,
        names: &[PackageName],
        moved: &Moved,
        shared: &Shared,
    ) -> Result<Vec<Lack>, FlowError> {
        let (_loan, touched) = (self.room_for(names), &moved.touched);
        let mut known = Known::new(self, shared);
        known.list(names);
        // Hosts keep what is not listed any more.
        let listed = |name: &&PackageName| {
            known.after.contains_key(*name) || known.before.contains_key(*name)
        };
        let listed: Vec<_> = names.iter().filter(listed).collect();
        known.read(&listed, Again::No)?;
        let listed = known.but_the_same(listed, moved);
        let needed = known.needed(&listed, touched);
        known.look_up(needed)?;
        let question = known.question(touched);
        let bringing: Vec<_> =
            listed.iter().copied().filter(|name| question.may_bring(name)).cloned().collect();
        if !bringing.is_empty() {
            known.follow(bringing)?;
        }
        let question = known.question(touched);
        Ok(listed.into_iter().flat_map(|name| question.lacks(name)).collect())
    }
}

/// What was read of packages that others need, for all parts of a change.
#[derive(Default)]
struct Shared(Mutex<HashMap<Digest, Arc<Dependencies>>>);

impl Shared {
    /// Those of these packages that are there.
    fn of(&self, digests: &[Digest]) -> Vec<(Digest, Arc<Dependencies>)> {
        let shared = lock(&self.0);
        let found = |digest: &Digest| Some((*digest, Arc::clone(shared.get(digest)?)));
        digests.iter().filter_map(found).collect()
    }

    fn keep(&self, read: impl Iterator<Item = (Digest, Arc<Dependencies>)>) {
        let mut shared = lock(&self.0);
        let room = MOST_SHARED.saturating_sub(shared.len());
        shared.extend(read.take(room));
    }
}

/// Whether other parts of a change are likely to ask for the same packages.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Again {
    Yes,
    No,
}

/// What was read for some names.
struct Known<'k> {
    change: &'k Difference<'k>,
    shared: &'k Shared,
    before: Named,
    after: Named,
    dependencies: HashMap<Digest, Arc<Dependencies>>,
    /// Who breaks or conflicts with whom, once it is known what comes along.
    avoiders: Avoiders,
    /// The names that the suite answers for, of those that were looked up.
    own: BTreeSet<PackageName>,
    /// The names of packages that may provide these.
    providers: BTreeMap<PackageName, Vec<PackageName>>,
}

impl<'k> Known<'k> {
    fn new(change: &'k Difference<'k>, shared: &'k Shared) -> Self {
        Self {
            change,
            shared,
            before: Named::new(),
            after: Named::new(),
            dependencies: HashMap::new(),
            avoiders: Avoiders::new(),
            own: BTreeSet::new(),
            providers: BTreeMap::new(),
        }
    }

    fn question<'q>(&'q self, touched: &'q BTreeSet<PackageName>) -> Question<'q> {
        Question {
            architectures: &self.change.after.spec.architectures,
            before: &self.before,
            after: &self.after,
            dependencies: &self.dependencies,
            avoiders: &self.avoiders,
            providers: &self.providers,
            own: &self.own,
            touched,
        }
    }

    /// Looks up who has these names or provides them, and what these say of others.
    fn look_up(&mut self, names: BTreeSet<PackageName>) -> Result<(), FlowError> {
        let names: Vec<_> = names.into_iter().filter(|name| !self.own.contains(name)).collect();
        let mut all = names.clone();
        for part in names.chunks(AT_ONCE) {
            let found = self.change.repository.catalogue.list_mentions(part, Mention::Provides)?;
            all.extend(found.iter().flatten().cloned());
            self.providers.extend(part.iter().cloned().zip(found));
        }
        self.own.extend(names);
        self.list(&all);
        self.read(&all.iter().collect::<Vec<_>>(), Again::Yes)
    }

    /// Looks up what may come onto hosts with packages of these names: what they need, what that needs, and so on,
    /// with what any of it cannot be beside and what cannot be beside it.
    fn follow(&mut self, names: Vec<PackageName>) -> Result<(), FlowError> {
        let mut followed: BTreeSet<PackageName> = names.iter().cloned().collect();
        let mut next = names;
        for depth in 0..=DEEPEST {
            if next.is_empty() {
                break;
            }
            let others =
                |read: &Dependencies| [read.recommends.concat(), read.avoids.clone()].concat();
            let needs = |read: &Dependencies| read.needs.concat();
            let needed = self.said_by(&next, needs);
            let others = self.said_by(&next, others);
            self.look_up(needed.union(&others).cloned().collect())?;
            self.look_up_avoiding(&next)?;
            // What is recommended comes along with what moves alone.
            let comes = if depth == 0 { &needed | &others } else { needed };
            let providers = comes.iter().filter_map(|name| self.providers.get(name)).flatten();
            let all: BTreeSet<_> = providers.chain(&comes).cloned().collect();
            next = all.into_iter().filter(|name| followed.insert(name.clone())).collect();
        }
        self.avoiders = avoiders([&self.before, &self.after], &self.dependencies);
        Ok(())
    }

    /// The names that the suite answers for, of those that packages of these names speak of in some of their fields.
    fn said_by(
        &self,
        names: &[PackageName],
        relations: impl Fn(&Dependencies) -> Vec<Relation>,
    ) -> BTreeSet<PackageName> {
        let Difference { before, after, .. } = *self.change;
        let read = self.packages(names).filter_map(|one| self.dependencies.get(&one.digest));
        let said = read.flat_map(|read| relations(read)).map(|one| one.package);
        said.filter(|name| answers_for(name, before, after)).collect()
    }

    /// Looks up what cannot be beside packages of these names, or beside what they provide.
    fn look_up_avoiding(&mut self, names: &[PackageName]) -> Result<(), FlowError> {
        let read = self.packages(names).filter_map(|one| self.dependencies.get(&one.digest));
        let provided = read.flat_map(|read| read.provided_names());
        let known_as: BTreeSet<_> = provided.chain(names).cloned().collect();
        let known_as: Vec<_> = known_as.into_iter().collect();
        for part in known_as.chunks(AT_ONCE) {
            let found = self.change.repository.catalogue.list_mentions(part, Mention::Avoids)?;
            let found: Vec<_> = found.into_iter().flatten().collect();
            self.list(&found);
            self.read(&found.iter().collect::<Vec<_>>(), Again::Yes)?;
        }
        Ok(())
    }

    /// What is and was listed of these names.
    fn packages(&self, names: &[PackageName]) -> impl Iterator<Item = &Arc<Package>> {
        let listed = [&self.before, &self.after].into_iter();
        listed.flat_map(move |listed| names.iter().filter_map(|name| listed.get(name))).flatten()
    }

    /// Looks up what is and was listed of these names.
    fn list(&mut self, names: &[PackageName]) {
        let Difference { before, after, .. } = *self.change;
        for (draft, listed) in [(before, &mut self.before), (after, &mut self.after)] {
            for name in names {
                if listed.contains_key(name) {
                    continue;
                }
                let packages: Vec<_> =
                    draft.named(name).into_iter().map(|(_, package)| package).collect();
                if !packages.is_empty() {
                    listed.insert(name.clone(), packages);
                }
            }
        }
    }

    /// Reads what the packages of these names need and provide.
    fn read(&mut self, names: &[&PackageName], again: Again) -> Result<(), FlowError> {
        let listed = [&self.before, &self.after].into_iter();
        let packages = listed.flat_map(|listed| names.iter().filter_map(|name| listed.get(*name)));
        let digest = |package: &Arc<Package>| package.digest;
        let missing: BTreeSet<Digest> = packages
            .flatten()
            .map(digest)
            .filter(|digest| !self.dependencies.contains_key(digest))
            .collect();
        let mut missing: Vec<_> = missing.into_iter().collect();
        self.dependencies.extend(self.shared.of(&missing));
        missing.retain(|digest| !self.dependencies.contains_key(digest));
        for part in missing.chunks(AT_ONCE) {
            let stanzas = self.change.repository.catalogue.read_stanzas(part)?;
            let read = stanzas.iter().map(|stanza| Arc::new(Dependencies::of_stanza(stanza)));
            let read: Vec<_> = part.iter().copied().zip(read).collect();
            if again == Again::Yes {
                self.shared.keep(read.iter().cloned());
            }
            self.dependencies.extend(read);
        }
        Ok(())
    }

    /// These without those for which hosts find what they found before.
    fn but_the_same<'n>(
        &mut self,
        names: Vec<&'n PackageName>,
        moved: &Moved,
    ) -> Vec<&'n PackageName> {
        let Difference { before, after, .. } = *self.change;
        if before.lists_nothing() {
            return names;
        }
        let relations = names.iter().flat_map(|name| {
            let moves = self.before.get(*name) != self.after.get(*name);
            let read = self.after.get(*name).into_iter().flatten();
            let read = read.filter_map(|package| self.dependencies.get(&package.digest));
            read.flat_map(move |read| {
                let avoided = avoided(read, &moved.touched, moves);
                asked(read, &moved.touched, moves).flatten().chain(avoided)
            })
        });
        let named: BTreeSet<_> = relations.map(|one| &one.package).collect();
        self.list(&named.into_iter().cloned().collect::<Vec<_>>());
        let glance = Glance {
            architectures: &after.spec.architectures,
            before: &self.before,
            after: &self.after,
            dependencies: &self.dependencies,
            moved,
        };
        let is_own = |name: &PackageName| answers_for(name, before, after);
        names.into_iter().filter(|name| !glance.finds_the_same(name, &is_own)).collect()
    }

    /// The names that the suite answers for, of those that these packages need and that have to be looked at.
    fn needed(
        &mut self,
        names: &[&PackageName],
        touched: &BTreeSet<PackageName>,
    ) -> BTreeSet<PackageName> {
        let (new, others): (Vec<_>, Vec<_>) =
            names.iter().partition(|name| !self.before.contains_key(**name));
        let mut needed = self.needed_by_new(&new);
        for name in others {
            let (then, now) = (self.before.get(name), self.after.get(name));
            let moved = then != now;
            for package in then.into_iter().chain(now).flatten() {
                let Some(read) = self.dependencies.get(&package.digest) else { continue };
                let recommended = read.recommends.iter().filter(|_| moved).flatten();
                let all = asked(read, touched, moved).flatten().chain(recommended);
                let all = all.chain(avoided(read, touched, moved));
                needed.extend(all.map(|one| one.package.clone()));
            }
        }
        let Difference { before, after, .. } = *self.change;
        needed.retain(|name| answers_for(name, before, after));
        needed
    }

    /// The names in what is needed by packages that no host has had: all but what is plainly there, which is nearly
    /// all of it where a whole suite is imported.
    fn needed_by_new(&mut self, names: &[&PackageName]) -> BTreeSet<PackageName> {
        let listed = names.iter().filter_map(|name| self.after.get(*name)).flatten();
        let read = |package: &Arc<Package>| {
            let read = self.dependencies.get(&package.digest)?;
            Some((Arc::clone(package), Arc::clone(read)))
        };
        let new: Vec<_> = listed.filter_map(read).collect();
        let needs = new.iter().flat_map(|(_, read)| &read.needs).flatten();
        let named: BTreeSet<_> = needs.map(|one| &one.package).collect();
        self.list(&named.into_iter().cloned().collect::<Vec<_>>());
        let architectures = &self.change.after.spec.architectures;
        let unclear = new.iter().flat_map(|(package, read)| {
            let needs = read.needs.iter();
            needs.filter(|need| !is_plainly_met(&self.after, need, package, architectures))
        });
        unclear.flatten().map(|one| one.package.clone()).collect()
    }
}

//! Known: what was read for some names of a change, to tell what hosts find of them.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::{Arc, Mutex};

use crate::catalogue::Mention;
use crate::debian::relation::Relation;
use crate::debian::{Dependencies, PackageName};
use crate::digest::Digest;
use crate::domain::Package;
use crate::domain::installable::{
    Avoiders, DEEPEST, Glance, Moved, Named, Question, answers_for, asked, avoided, avoiders,
    is_plainly_met,
};
use crate::flow::change::difference::{AT_ONCE, Difference};
use crate::flow::error::FlowError;
use crate::flow::threads::lock;

/// So many packages' dependencies are kept while a change is judged, for those who need the same: at about a
/// kilobyte each.
pub(super) const MOST_SHARED: usize = 8_000;

/// What was read of packages that others need, for all parts of a change.
#[derive(Default)]
pub(super) struct Shared(Mutex<HashMap<Digest, Arc<Dependencies>>>);

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
pub(super) enum Again {
    Yes,
    No,
}

/// What was read for some names.
pub(super) struct Known<'k> {
    change: Difference<'k>,
    shared: &'k Shared,
    /// The names that were looked up in both drafts, those among them that neither lists too.
    listed: HashSet<PackageName>,
    pub(super) before: Named,
    pub(super) after: Named,
    pub(super) dependencies: HashMap<Digest, Arc<Dependencies>>,
    /// Who breaks or conflicts with whom, once it is known what comes along.
    avoiders: Avoiders,
    /// The names that the suite answers for, of those that were looked up.
    own: BTreeSet<PackageName>,
    /// The names of packages that may provide these.
    providers: BTreeMap<PackageName, Vec<PackageName>>,
}

impl<'k> Known<'k> {
    pub(super) fn new(change: Difference<'k>, shared: &'k Shared) -> Self {
        Self {
            change,
            shared,
            listed: HashSet::new(),
            before: Named::new(),
            after: Named::new(),
            dependencies: HashMap::new(),
            avoiders: Avoiders::new(),
            own: BTreeSet::new(),
            providers: BTreeMap::new(),
        }
    }

    pub(super) fn question<'q>(&'q self, touched: &'q BTreeSet<PackageName>) -> Question<'q> {
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
    pub(super) fn look_up(&mut self, names: BTreeSet<PackageName>) -> Result<(), FlowError> {
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
    pub(super) fn follow(&mut self, names: Vec<PackageName>) -> Result<(), FlowError> {
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
        &mut self,
        names: &[PackageName],
        relations: impl Fn(&Dependencies) -> Vec<Relation>,
    ) -> BTreeSet<PackageName> {
        let read = self.packages(names).filter_map(|one| self.dependencies.get(&one.digest));
        let said = read.flat_map(|read| relations(read)).map(|one| one.package);
        let said: BTreeSet<_> = said.collect();
        self.own_of(said)
    }

    /// Those of these names that the suite answers for.
    fn own_of(&mut self, mut names: BTreeSet<PackageName>) -> BTreeSet<PackageName> {
        self.list(&names);
        names.retain(|name| self.is_own(name));
        names
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
    pub(super) fn list<'n>(&mut self, names: impl IntoIterator<Item = &'n PackageName>) {
        let Difference { before, after, .. } = self.change;
        for name in names {
            if !self.listed.insert(name.clone()) {
                continue;
            }
            for (draft, listed) in [(before, &mut self.before), (after, &mut self.after)] {
                let packages: Vec<_> =
                    draft.named(name).into_iter().map(|(_, package)| package).collect();
                if !packages.is_empty() {
                    listed.insert(name.clone(), packages);
                }
            }
        }
    }

    /// Whether the suite answers for a name. To ask the drafts takes long, so names are looked up first.
    fn is_own(&self, name: &PackageName) -> bool {
        let Difference { before, after, .. } = self.change;
        match after.spec.owns.is_empty() && self.listed.contains(name) {
            true => self.after.contains_key(name) || self.before.contains_key(name),
            false => answers_for(name, before, after),
        }
    }

    /// Looks up these names and reads what their packages say; gives those that are or were listed. Hosts keep what is
    /// not listed any more.
    pub(super) fn listed_of<'n>(
        &mut self,
        names: &'n [PackageName],
    ) -> Result<Vec<&'n PackageName>, FlowError> {
        self.list(names);
        let listed =
            |name: &&PackageName| self.after.contains_key(*name) || self.before.contains_key(*name);
        let listed: Vec<_> = names.iter().filter(listed).collect();
        self.read(&listed, Again::No)?;
        Ok(listed)
    }

    /// Reads what the packages of these names need and provide.
    pub(super) fn read(&mut self, names: &[&PackageName], again: Again) -> Result<(), FlowError> {
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

    /// These without those for which hosts find what they found before. What the others say is kept for the next look.
    pub(super) fn but_the_same<'n>(
        &mut self,
        names: Vec<&'n PackageName>,
        moved: &Moved,
    ) -> Vec<&'n PackageName> {
        let relations = names.iter().flat_map(|name| {
            let moves = self.before.get(*name) != self.after.get(*name);
            let read = self.after.get(*name).into_iter().flatten();
            let read = read.filter_map(|package| self.dependencies.get(&package.digest));
            read.flat_map(move |read| {
                let avoided = avoided(read, &moved.touched, moves);
                let recommended = read.recommends.iter().flatten().filter(move |_| moves);
                asked(read, &moved.touched, moves).flatten().chain(avoided).chain(recommended)
            })
        });
        let named: BTreeSet<_> = relations.map(|one| one.package.clone()).collect();
        self.list(&named);
        let glance = Glance {
            architectures: &self.change.after.spec.architectures,
            before: &self.before,
            after: &self.after,
            dependencies: &self.dependencies,
            moved,
        };
        let is_own = |name: &PackageName| self.is_own(name);
        let others: Vec<_> =
            names.into_iter().filter(|name| !glance.finds_the_same(name, &is_own)).collect();
        let listed = [&self.before, &self.after].into_iter();
        let packages = listed.flat_map(|listed| others.iter().filter_map(|name| listed.get(*name)));
        let digests = packages.flatten().map(|package| package.digest);
        let read = |digest| Some((digest, Arc::clone(self.dependencies.get(&digest)?)));
        self.shared.keep(digests.filter_map(read));
        others
    }

    /// The names that the suite answers for, of those that these packages need and that have to be looked at.
    pub(super) fn needed(
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
        self.own_of(needed)
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

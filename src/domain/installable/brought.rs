//! Brought: what comes onto hosts because a package that moves needs it, and what they need not have had before.
//!
//! apt installs it with the upgrade. Where it cannot be installed, or cannot be beside what a host has, the package
//! that needs it stays where it is. For a package that does not move apt installs nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::beside::name_on;
use super::question::{Found, Host, Question, candidate};
use super::touched::asked;
use super::{Lack, Named, Need, Trouble, first_that_counts};
use crate::debian::relation::{Operator, Qualifier, Relation};
use crate::debian::{Architecture, Dependencies, MultiArch, PackageName, Version};
use crate::domain::Package;

/// So many packages that need each other are followed; what lies deeper counts as there.
pub const DEEPEST: usize = 32;

/// A build of a package, for one architecture.
type Key<'q> = (&'q PackageName, &'q Architecture);
/// One of these is enough.
type Keys<'q> = BTreeSet<Key<'q>>;

impl<'q> Question<'q> {
    /// What keeps a package from moving of what comes onto hosts with it.
    pub(super) fn cannot_come(
        &self,
        then: &'q Arc<Package>,
        now: &'q Arc<Package>,
        built: &'q Architecture,
        host: &Host<'q>,
    ) -> Option<Lack> {
        if !self.brings(then, now, host) {
            return None;
        }
        let (had, seen) = (self.had(then, host), BTreeMap::new());
        let mut coming = Coming { question: self, then, now: (now, built), host, had, seen };
        let needed = coming.obstacle_of_needs(now, 0).map(|obstacle| (obstacle.trouble, obstacle));
        let recommended = || self.recommended(then, now, &mut coming);
        let (trouble, Obstacle { package, trouble: its, needs, finds }) =
            needed.or_else(recommended)?;
        Some(Lack {
            package: Arc::clone(now),
            architecture: built.clone(),
            hosts: host.all().cloned().collect(),
            brings: Some((package, its)),
            trouble,
            needs,
            finds,
            worse: true,
            moved: true,
        })
    }

    /// What keeps something from coming that the package recommends; counts where nothing was missing before.
    fn recommended(
        &self,
        then: &'q Arc<Package>,
        now: &'q Arc<Package>,
        coming: &mut Coming<'_, 'q>,
    ) -> Option<(Trouble, Obstacle)> {
        if !self.not_recommended(self.before, then, coming.host).is_empty() {
            return None;
        }
        let recommends = self.read(now).map(|read| &read.recommends).into_iter().flatten();
        let mut obstacles = recommends.filter_map(|need| coming.obstacle_of_need(now, need, 0));
        let obstacle = obstacles.next()?;
        // What clashes is brought along all the same, by unattended-upgrade as well.
        let clashes = obstacle.trouble == Trouble::Avoids;
        Some((if clashes { Trouble::Avoids } else { Trouble::Recommends }, obstacle))
    }

    /// What a package that does not move found before and may not find now, although hosts could install an
    /// alternative.
    pub(super) fn left_alone(
        &self,
        package: &'q Arc<Package>,
        built: &'q Architecture,
        host: &Host<'q>,
    ) -> Option<Lack> {
        let lost = |need: &&'q Need| {
            let lost = self.lost(need, package, host);
            lost.filter(|lost| !lost.is_empty()).map(|lost| ((*need).clone(), lost))
        };
        let (need, lost) =
            asked(self.read(package)?, self.touched, false).find_map(|n| lost(&n))?;
        let found = |(name, of): Key<'q>| {
            let now = candidate(self.after, name, host, of);
            (name_on(name, of, built), now.map(|package| package.version.clone()))
        };
        let mut lack = self.told(package, built, host, vec![need], (true, false));
        lack.finds = lost.into_iter().map(found).collect();
        Some(lack)
    }

    /// What met a need before and does not now, where a host may have had nothing else that meets it.
    fn lost(&self, need: &'q Need, by: &'q Arc<Package>, host: &Host<'q>) -> Option<Keys<'q>> {
        let before = self.choice(self.before, need, by, host)?;
        let mut after = keys(&self.choice(self.after, need, by, host)?);
        if after.is_empty() {
            return None;
        }
        // Hosts keep what is not listed any more.
        let is_gone = |key: &Key<'q>| candidate(self.after, key.0, host, key.1).is_none();
        let before = keys(&before);
        after.extend(before.iter().copied().filter(is_gone));
        let lost: Keys<'q> = before.difference(&after).copied().collect();
        let is_had = || self.had(by, host).iter().any(|had| had.is_subset(&after));
        (!lost.is_empty() && !is_had()).then_some(lost)
    }

    /// Whether anything comes onto hosts with the package that moves.
    fn brings(&self, then: &'q Arc<Package>, now: &'q Arc<Package>, host: &Host<'q>) -> bool {
        let found = |state, package, needs: &'q [Need]| -> Vec<Keys<'q>> {
            let found = needs.iter().filter_map(|need| self.choice(state, need, package, host));
            found.map(|choice| keys(&choice)).filter(|choice| !choice.is_empty()).collect()
        };
        let Some(read) = self.read(now) else { return false };
        let had = self.read(then).map_or(&[][..], |read| &read.needs);
        let had = found(self.before, &**then, had);
        let mut comes = found(self.after, &**now, &read.needs);
        comes.extend(found(self.after, now, &read.recommends));
        comes.iter().any(|choice| !had.iter().any(|had| had.is_subset(choice)))
    }

    /// Whether something comes onto hosts of any kind with what moves of a name.
    pub fn may_bring(&self, name: &PackageName) -> bool {
        self.architectures.iter().any(|built| {
            self.hosts(built).iter().any(|host| {
                let then = candidate(self.before, name, host, built);
                let now = candidate(self.after, name, host, built);
                match (then, now) {
                    (Some(then), Some(now)) if then.digest != now.digest => {
                        self.brings(then, now, host)
                    }
                    // What it lost may be what another of its needs has brought before.
                    (Some(_), Some(now)) => self.left_alone(now, built, host).is_some(),
                    _ => false,
                }
            })
        })
    }

    /// What hosts have had with a package: one of each of these sets.
    fn had(&self, then: &'q Arc<Package>, host: &Host<'q>) -> Vec<Keys<'q>> {
        let (mut had, mut seen, mut next) = (Vec::new(), Keys::new(), vec![(then, 0)]);
        while let Some((package, depth)) = next.pop() {
            for need in self.read(package).map(|read| &read.needs).into_iter().flatten() {
                let choice = self.choice(self.before, need, package, host).unwrap_or_default();
                if let [(only, built)] = choice[..]
                    && depth < DEEPEST
                    && seen.insert((&only.name, built))
                {
                    next.push((only, depth + 1));
                }
                had.push(keys(&choice));
            }
        }
        had.retain(|choice| !choice.is_empty());
        had
    }

    /// All that meets a need; `None` where something that is not the suite's may.
    fn choice(
        &self,
        state: &'q Named,
        need: &'q Need,
        by: &'q Package,
        host: &Host<'q>,
    ) -> Option<Vec<Found<'q>>> {
        if need.iter().any(|one| !self.own.contains(&one.package)) {
            return None;
        }
        let mut choice = Vec::new();
        for one in need {
            choice.extend(self.meeting(state, one, by, host));
        }
        Some(choice)
    }
}

fn keys<'q>(choice: &[Found<'q>]) -> Keys<'q> {
    choice.iter().map(|(package, built)| (&package.name, *built)).collect()
}

/// Why a package cannot come onto a host.
#[derive(Clone)]
struct Obstacle {
    package: Arc<Package>,
    trouble: Trouble,
    needs: Vec<Need>,
    finds: BTreeMap<String, Option<Version>>,
}

/// What comes onto a host with a package that moves.
struct Coming<'c, 'q> {
    question: &'c Question<'q>,
    then: &'q Arc<Package>,
    now: Found<'q>,
    host: &'c Host<'q>,
    had: Vec<Keys<'q>>,
    /// What was found out; of what is still being looked at, that nothing is in its way.
    seen: BTreeMap<Key<'q>, Option<Obstacle>>,
}

impl<'q> Coming<'_, 'q> {
    /// Why a package does not find what it needs among what hosts have had and what may come.
    fn obstacle_of_needs(&mut self, of: &'q Arc<Package>, depth: usize) -> Option<Obstacle> {
        let needs = self.question.read(of).map(|read| &read.needs).into_iter().flatten();
        let obstacles = needs.filter_map(|need| self.obstacle_of_need(of, need, depth));
        first_that_counts(obstacles, |obstacle| obstacle.trouble)
    }

    fn obstacle_of_need(
        &mut self,
        of: &'q Arc<Package>,
        need: &'q Need,
        depth: usize,
    ) -> Option<Obstacle> {
        let choice = self.question.choice(self.question.after, need, of, self.host)?;
        let all = keys(&choice);
        if self.had.iter().any(|had| had.is_subset(&all)) {
            return None;
        }
        let mut obstacles = Vec::new();
        for found in choice {
            obstacles.push(self.obstacle(found, &all, depth)?);
        }
        obstacles.into_iter().next()
    }

    /// Why a package cannot come, as one of several that would do.
    fn obstacle(&mut self, found: Found<'q>, choice: &Keys<'q>, depth: usize) -> Option<Obstacle> {
        let key = (&found.0.name, found.1);
        if found.0.digest == self.now.0.digest || depth >= DEEPEST {
            return None;
        }
        if let Some(known) = self.seen.get(&key) {
            return known.clone();
        }
        self.seen.insert(key, None);
        let own = self.unmet(found).or_else(|| self.clash(found, choice));
        let obstacle = own.or_else(|| {
            let needs = self.obstacle_of_needs(found.0, depth + 1);
            let all = needs.into_iter().chain(self.not_recommended(found));
            first_that_counts(all, |obstacle| obstacle.trouble)
        });
        self.seen.insert(key, obstacle.clone());
        obstacle
    }

    fn unmet(&self, found: Found<'q>) -> Option<Obstacle> {
        let needs = self.question.unmet(self.question.after, found.0, self.host, true);
        self.missing(found, Trouble::Needs, needs)
    }

    fn not_recommended(&self, found: Found<'q>) -> Option<Obstacle> {
        let needs = self.question.not_recommended(self.question.after, found.0, self.host);
        self.missing(found, Trouble::Recommends, needs)
    }

    fn missing(
        &self,
        (package, built): Found<'q>,
        trouble: Trouble,
        needs: Vec<Need>,
    ) -> Option<Obstacle> {
        let finds = needs.iter().flatten().map(|one| self.question.found(one, built)).collect();
        let package = Arc::clone(package);
        (!needs.is_empty()).then_some(Obstacle { package, trouble, needs, finds })
    }

    /// What a package cannot be beside, of what a host may have that has none of the choice.
    fn clash(&self, found: Found<'q>, choice: &Keys<'q>) -> Option<Obstacle> {
        let host = self.host;
        let rivals = |names: Vec<&'q PackageName>| {
            let builds = move |name| host.all().map(move |built| (name, built));
            let builds = names.into_iter().flat_map(builds);
            builds.filter(|key| !choice.contains(key)).filter_map(|key| self.rival(key))
        };
        let own = self.avoided_by(found.0).into_iter().find_map(|(one, names)| {
            let mut rivals = rivals(names);
            let clash = rivals.find(|(p, built)| self.question.means(one, p, built, host));
            clash.map(|rival| (one.clone(), rival))
        });
        let others = || {
            let mut rivals = rivals(self.avoiders_of(found.0).into_iter().collect());
            let clash = rivals.find(|(p, _)| self.question.avoids(p, found.0, found.1, host));
            clash.map(|rival| (exactly(rival.0), rival))
        };
        let builds = || self.other_build(found, choice).map(|rival| (built_for(rival), rival));
        let (one, rival) = own.or_else(others).or_else(builds)?;
        let finds = (name_on(&rival.0.name, rival.1, found.1), Some(rival.0.version.clone()));
        Some(Obstacle {
            package: Arc::clone(found.0),
            trouble: Trouble::Avoids,
            needs: vec![vec![one]],
            finds: [finds].into(),
        })
    }

    /// The names of packages that may break or conflict with a package.
    fn avoiders_of(&self, package: &'q Package) -> BTreeSet<&'q PackageName> {
        let provided =
            self.question.read(package).into_iter().flat_map(Dependencies::provided_names);
        let known_as = provided.chain([&package.name]);
        let avoiders = known_as.filter_map(|name| self.question.avoiders.get(name)).flatten();
        avoiders.filter(|name| **name != package.name).collect()
    }

    /// What a package breaks or conflicts with, and the names under which that may be there.
    fn avoided_by(&self, package: &'q Package) -> Vec<(&'q Relation, Vec<&'q PackageName>)> {
        let avoided = self.question.read(package).map(|read| &read.avoids).into_iter().flatten();
        let names = |one: &'q Relation| {
            let own = self.question.own.get(&one.package);
            let providers = own.and_then(|name| self.question.providers.get(name));
            let names = own.into_iter().chain(providers.into_iter().flatten());
            (one, names.filter(|name| **name != package.name).collect())
        };
        avoided.map(names).collect()
    }

    /// What a host has of a build, if it may have had it, or has it with what moves.
    fn rival(&self, (name, built): Key<'q>) -> Option<Found<'q>> {
        if *name == self.now.0.name {
            let side_by_side = self.question.multi_arch(self.then) == MultiArch::Same;
            let itself = built == self.now.1 || side_by_side;
            let now = candidate(self.question.after, name, self.host, built);
            return now.filter(|_| itself).map(|now| (now, built));
        }
        self.question.rival(self.then, name, built, self.host).map(|rival| (rival, built))
    }

    /// The build for another architecture that a host has, or that comes with the other build of what moves.
    fn other_build(&self, (package, own): Found<'q>, choice: &Keys<'q>) -> Option<Found<'q>> {
        let question = self.question;
        if question.multi_arch(package) == MultiArch::Same {
            return None;
        }
        let others = self.host.all().filter(|built| *built != own);
        let mut others = others.filter(|built| !choice.contains(&(&package.name, *built)));
        let both = question.multi_arch(self.now.0) == MultiArch::Same;
        others.find_map(|built| {
            let here = |state, name| candidate(state, name, self.host, built);
            let comes = both && here(question.after, &self.now.0.name).is_some();
            let had = here(question.before, &package.name);
            let now = here(question.after, &package.name);
            had.or_else(|| now.filter(|_| comes)).map(|rival| (rival, built))
        })
    }
}

/// The very version of a package.
fn exactly(package: &Package) -> Relation {
    let version = Some((Operator::Equal, package.version.clone()));
    Relation { package: package.name.clone(), qualifier: None, version }
}

/// A package for one architecture.
fn built_for((package, built): Found<'_>) -> Relation {
    let qualifier = Some(Qualifier::Concrete(built.clone()));
    Relation { package: package.name.clone(), qualifier, version: None }
}

//! Judged: for each architecture, whether hosts can install what a change lists of a name, and whether those that
//! have it can follow.

use std::sync::Arc;

use super::question::{Host, Question, candidate};
use super::{Lack, Need, Trouble};
use crate::debian::{Architecture, PackageName};
use crate::domain::Package;

impl<'q> Question<'q> {
    /// What hosts cannot install of a name, for each architecture of the suite; of each the first kind of hosts.
    pub fn lacks(&self, name: &PackageName) -> Vec<Lack> {
        self.architectures.iter().flat_map(|built| self.lacks_of(name, built)).collect()
    }

    /// What the package that a host takes of a name does not find there: `None` where it takes none.
    pub fn unmet_on(
        &self,
        name: &PackageName,
        built: &Architecture,
        native: &Architecture,
        foreign: &[Architecture],
    ) -> Option<Vec<Need>> {
        let host = Host { native, foreign: foreign.iter().collect() };
        let package = candidate(self.after, name, &host, built)?;
        Some(self.unmet(self.after, package, &host, true))
    }

    fn lacks_of(&self, name: &PackageName, built: &'q Architecture) -> Vec<Lack> {
        let hosts = self.hosts(built);
        let own = &Host::of(built);
        let then = candidate(self.before, name, own, built);
        let Some(now) = candidate(self.after, name, own, built) else {
            return then.and_then(|then| self.stays(then, built, &hosts)).into_iter().collect();
        };
        let moved = then.is_none_or(|then| then.digest != now.digest);
        let (mut everywhere, mut least, mut hindrances) = (true, None, Vec::new());
        for host in &hosts {
            // A package for all architectures is one of the host's own.
            if candidate(self.after, name, host, built).is_none() {
                continue;
            }
            let unmet = self.unmet(self.after, now, host, moved);
            let newly = self.newly(name, built, host, moved, &unmet);
            if !newly.is_empty() {
                return vec![self.told(now, built, host, newly, (true, moved))];
            }
            let then = candidate(self.before, name, host, built);
            for lack in then.into_iter().flat_map(|then| self.hindrances(then, now, built, host)) {
                let same =
                    |other: &Lack| lack.trouble == other.trouble && lack.brings == other.brings;
                if !hindrances.iter().any(same) {
                    hindrances.push(lack);
                }
            }
            everywhere &= !unmet.is_empty();
            least.get_or_insert(unmet);
        }
        match least.filter(|_| everywhere && hindrances.is_empty()) {
            Some(unmet) => vec![self.told(now, built, own, unmet, (then.is_none(), moved))],
            None => hindrances,
        }
    }

    /// What keeps a host that has the package where it is, although all that it needs is listed.
    fn hindrances(
        &self,
        then: &'q Arc<Package>,
        now: &'q Arc<Package>,
        built: &'q Architecture,
        host: &Host<'q>,
    ) -> impl Iterator<Item = Lack> {
        let not_had = match then.digest == now.digest {
            true => self.left_alone(now, built, host),
            false => self.cannot_come(then, now, built, host),
        };
        self.kept_back(then, now, built, host).into_iter().chain(not_had)
    }

    pub(super) fn told(
        &self,
        package: &Arc<Package>,
        built: &Architecture,
        host: &Host<'_>,
        needs: Vec<Need>,
        (worse, moved): (bool, bool),
    ) -> Lack {
        let finds = needs.iter().flatten().map(|one| self.found(one, built));
        Lack {
            package: Arc::clone(package),
            architecture: built.clone(),
            hosts: host.all().cloned().collect(),
            brings: None,
            trouble: Trouble::Needs,
            finds: finds.collect(),
            needs,
            worse,
            moved,
        }
    }

    /// What a host could do before and cannot do now.
    fn newly(
        &self,
        name: &PackageName,
        built: &Architecture,
        host: &Host<'q>,
        moved: bool,
        unmet: &[Need],
    ) -> Vec<Need> {
        let Some(then) = candidate(self.before, name, host, built).filter(|_| !unmet.is_empty())
        else {
            return Vec::new();
        };
        let before = self.unmet(self.before, then, host, moved);
        match moved {
            true if before.is_empty() => unmet.to_vec(),
            true => Vec::new(),
            false => unmet.iter().filter(|need| !before.contains(need)).cloned().collect(),
        }
    }
}

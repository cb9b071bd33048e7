//! About: which entries of the audit log concern a package.

use std::collections::BTreeSet;

use crate::catalogue::MovedOf;
use crate::debian::{PackageName, SuiteName};
use crate::domain::Admitted;
use crate::domain::audit::Entry;
use crate::flow::audit::words::{EVERY_PIN, WHOLE_SUITE};
use crate::flow::error::FlowError;
use crate::flow::repository::Repository;
use crate::time::Moment;

/// The verbs of which one package stands for all that were built from its source.
const OF_SOURCES: [&str; 5] = ["pin", "pin-expire", "remove", "rollback", "unpin"];

/// What an entry says of a package, by its own name, by its source, or by a sibling's.
#[derive(Default)]
pub(crate) struct About {
    /// The package, the sources that it was built from, and what is built from the source of its name.
    names: BTreeSet<String>,
    /// What was built from the same sources: a pin of one of them holds all.
    siblings: BTreeSet<String>,
    /// The generations that moved it. An entry that concerns very many packages names only the first.
    moved: BTreeSet<(String, u64)>,
    /// When it was taken, also where it only waits.
    taken: BTreeSet<(String, Moment)>,
}

impl About {
    /// What the log may say of it, in the suites that the asker reads.
    ///
    /// # Errors
    /// [`FlowError`] from the catalogue.
    pub(crate) fn of(
        repository: &Repository,
        asker: &Admitted,
        name: &PackageName,
    ) -> Result<Self, FlowError> {
        let names = BTreeSet::from([name.to_string()]);
        let mut about = Self { names, ..Self::default() };
        let reads = |suite: &&SuiteName| asker.entitled().reads(suite);
        for suite in repository.desks().keys().filter(reads) {
            about.add(repository, suite, name)?;
        }
        Ok(about)
    }

    fn add(
        &mut self,
        repository: &Repository,
        suite: &SuiteName,
        name: &PackageName,
    ) -> Result<(), FlowError> {
        let catalogue = &repository.catalogue;
        let mut taken = catalogue.list_placements(suite, Some(name))?;
        taken.extend(catalogue.search_suite(suite, name.as_str(), u32::MAX)?);
        let mut sources = BTreeSet::new();
        for one in taken {
            if one.package.name == *name {
                sources.insert(one.package.source);
            } else {
                self.names.insert(one.package.name.to_string());
            }
            self.taken.insert((suite.to_string(), one.accepted_at));
        }
        for source in sources {
            let siblings = catalogue.list_placements(suite, Some(&source))?;
            self.siblings.extend(siblings.into_iter().map(|one| one.package.name.to_string()));
            self.names.insert(source.to_string());
        }
        let moved = catalogue.list_moved(suite, &MovedOf::Named(name.clone()))?;
        self.moved.extend(moved.into_iter().map(|one| (suite.to_string(), one.generation)));
        Ok(())
    }

    /// Whether the entry concerns it, by what a reader sees of it.
    pub(crate) fn is_in(&self, entry: &Entry) -> bool {
        let event = &entry.event;
        let is_name = |c: char| c.is_ascii_alphanumeric() || "+-.".contains(c);
        let mut words = event.detail.split(|c: char| !is_name(c));
        let of_sources = OF_SOURCES.contains(&event.verb.as_str());
        if words
            .any(|word| self.names.contains(word) || (of_sources && self.siblings.contains(word)))
        {
            return true;
        }
        if !is_cut(&event.detail) || event.suite.is_empty() {
            return false;
        }
        let moved =
            event.after.is_some_and(|after| self.moved.contains(&(event.suite.clone(), after)));
        moved || self.taken.contains(&(event.suite.clone(), event.at))
    }
}

/// Whether it names only the first of many, or none because all of a suite is meant.
fn is_cut(detail: &str) -> bool {
    let more = detail.rsplit_once(" more").map(|(before, _)| before.rsplit_once("and "));
    let counted = |number: &str| !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit());
    let whole = [WHOLE_SUITE, EVERY_PIN].iter().any(|whole| detail.starts_with(whole));
    whole || more.flatten().is_some_and(|(_, number)| counted(number))
}

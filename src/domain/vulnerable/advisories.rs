//! Advisories: what is known of flaws, by source package; and what they say of a version.

use std::cmp::Ordering;
use std::collections::{BTreeMap, HashMap};

use smol_str::SmolStr;

use crate::debian::advisory::{Advisory, Affected, Fix, concerns};
use crate::debian::vex::Statement;
use crate::debian::{PackageName, Version};

/// The most that is kept: sources and releases, events and single versions together. Each takes about 100 bytes.
pub const MOST_WEIGHT: usize = 8_000_000;

/// More was given than is kept.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the records have more than {MOST_WEIGHT} entries; name one flaw, or give fewer files")]
pub struct TooMany;

/// What was read.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Counts {
    /// Records, of whatever kind.
    pub records: u64,
    /// Those of them that were withdrawn.
    pub withdrawn: u64,
    /// Those of them that concern nothing of Debian's.
    pub foreign: u64,
    /// Statements of VEX documents about packages of Debian.
    pub statements: u64,
}

/// What can be done about a flaw.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Remedy {
    /// Nobody has found out yet if the version is concerned.
    Undetermined,
    /// This version is not concerned any more.
    At(Version),
    /// There is no fix yet.
    NoneYet,
    /// It was yanked: since when, by whom and why.
    Yanked(String),
}

impl Remedy {
    /// The worse of two, so that no flaw counts as gone while a record says otherwise.
    fn worse(self, other: Self) -> Self {
        let rank = |one: &Self| match one {
            Self::Undetermined => 0_u8,
            Self::At(_) => 1,
            Self::NoneYet => 2,
            Self::Yanked(_) => 3,
        };
        let order = match (&self, &other) {
            (Self::At(a), Self::At(b)) => a.compare(b),
            (a, b) => rank(a).cmp(&rank(b)),
        };
        if order == Ordering::Less { other } else { self }
    }
}

/// A flaw that concerns a version.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Flaw {
    /// Its name: a CVE, or the identifier of the record.
    pub name: SmolStr,
    /// The records that say so.
    pub records: Vec<SmolStr>,
    /// What can be done.
    pub remedy: Remedy,
    /// Whether every record calls it unimportant.
    pub unimportant: bool,
}

/// What is said of a version.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Judged {
    pub flaws: Vec<Flaw>,
    /// Those that a VEX document clears.
    pub cleared: Vec<SmolStr>,
}

struct Kept {
    id: SmolStr,
    flaws: Vec<SmolStr>,
}

struct Entry {
    advisory: usize,
    affected: Vec<Affected>,
}

/// What is known of flaws, or of one of them.
#[derive(Default)]
pub struct Advisories {
    only: Option<String>,
    kept: Vec<Kept>,
    by_source: HashMap<PackageName, Vec<Entry>>,
    statements: HashMap<PackageName, Vec<Statement>>,
    weight: usize,
    counts: Counts,
    named: u64,
    named_withdrawn: Vec<String>,
}

impl Advisories {
    /// None yet. With a name only what is known under it is kept.
    pub fn new(only: Option<String>) -> Self {
        Self { only, ..Self::default() }
    }

    /// Adds what is known of a flaw.
    ///
    /// # Errors
    /// [`TooMany`].
    pub fn add(&mut self, advisory: Advisory) -> Result<(), TooMany> {
        self.counts.records = self.counts.records.saturating_add(1);
        if self.only.as_ref().is_some_and(|only| !advisory.is_named(only)) {
            return Ok(());
        }
        self.named = self.named.saturating_add(1);
        if advisory.withdrawn {
            self.counts.withdrawn = self.counts.withdrawn.saturating_add(1);
            if self.only.is_some() {
                self.named_withdrawn.push(advisory.id);
            }
            return Ok(());
        }
        if advisory.affected.is_empty() {
            self.counts.foreign = self.counts.foreign.saturating_add(1);
            return Ok(());
        }
        let weight: usize = advisory.affected.iter().map(Affected::weight).sum();
        self.weigh(weight)?;
        let mut flaws = advisory.flaws();
        // A record of several flaws says nothing of one of them alone, but whoever asks for one wants to read of it.
        let is_asked =
            |flaw: &SmolStr| self.only.as_ref().is_some_and(|only| flaw.eq_ignore_ascii_case(only));
        if flaws.iter().any(is_asked) {
            flaws.retain(is_asked);
        }
        let number = self.kept.len();
        self.kept.push(Kept { id: SmolStr::new(&advisory.id), flaws });
        let mut groups = BTreeMap::<PackageName, Vec<Affected>>::new();
        for one in advisory.affected {
            groups.entry(one.source.clone()).or_default().push(one);
        }
        for (source, affected) in groups {
            let of_source = self.by_source.entry(source).or_default();
            of_source.push(Entry { advisory: number, affected });
        }
        Ok(())
    }

    /// Adds what somebody has found out about a flaw.
    ///
    /// # Errors
    /// [`TooMany`].
    pub fn state(&mut self, statement: Statement) -> Result<(), TooMany> {
        self.counts.statements = self.counts.statements.saturating_add(1);
        self.weigh(1)?;
        self.statements.entry(statement.source.clone()).or_default().push(statement);
        Ok(())
    }

    fn weigh(&mut self, weight: usize) -> Result<(), TooMany> {
        self.weight = self.weight.saturating_add(weight);
        if self.weight > MOST_WEIGHT { Err(TooMany) } else { Ok(()) }
    }

    /// What was read.
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// The only flaw that is asked for.
    pub fn only(&self) -> Option<&str> {
        self.only.as_deref()
    }

    /// Whether any record is known under the name that is asked for.
    pub fn is_known(&self) -> bool {
        self.named > 0
    }

    /// The records under the name that is asked for that were withdrawn.
    pub fn withdrawn(&self) -> &[String] {
        &self.named_withdrawn
    }

    /// The sources that something is known of.
    pub fn sources(&self) -> impl ExactSizeIterator<Item = &PackageName> {
        self.by_source.keys()
    }

    /// What is known of a version of a source, in a system of these releases.
    pub(super) fn judge(
        &self,
        source: &PackageName,
        version: &Version,
        releases: &[SmolStr],
    ) -> Judged {
        let mut found = BTreeMap::<SmolStr, Flaw>::new();
        for entry in self.by_source.get(source).into_iter().flatten() {
            let Some((affected, fix)) = concerns(&entry.affected, releases, version) else {
                continue;
            };
            let Some(kept) = self.kept.get(entry.advisory) else { continue };
            let remedy = match fix {
                Fix::Undetermined => Remedy::Undetermined,
                Fix::At(at) => Remedy::At(at.clone()),
                Fix::NoneYet => Remedy::NoneYet,
            };
            for name in &kept.flaws {
                let (remedy, unimportant) = (remedy.clone(), affected.unimportant);
                let records = vec![kept.id.clone()];
                let new = Flaw { name: name.clone(), records, remedy, unimportant };
                merge(&mut found, new);
            }
        }
        let of_source = self.statements.get(source).map(Vec::as_slice).unwrap_or_default();
        let (cleared, flaws): (Vec<_>, Vec<_>) = found.into_values().partition(|flaw| {
            !of_source.is_empty() && is_cleared(of_source, flaw, version, releases)
        });
        Judged { flaws, cleared: cleared.into_iter().map(|flaw| flaw.name).collect() }
    }
}

fn merge(found: &mut BTreeMap<SmolStr, Flaw>, new: Flaw) {
    let merged = match found.remove(&new.name) {
        None => new,
        Some(mut flaw) => {
            flaw.records.extend(new.records);
            flaw.remedy = flaw.remedy.worse(new.remedy);
            flaw.unimportant &= new.unimportant;
            flaw
        }
    };
    found.insert(merged.name.clone(), merged);
}

/// Whether the last that was said of it is that it is not concerned. Said both at once, it is.
fn is_cleared(
    statements: &[Statement],
    flaw: &Flaw,
    version: &Version,
    releases: &[SmolStr],
) -> bool {
    let names = || std::iter::once(&flaw.name).chain(&flaw.records);
    let fits = |said: &&Statement| {
        said.version.as_ref().is_none_or(|of| of.compare(version).is_eq())
            && said.release.as_ref().is_none_or(|of| releases.contains(of))
            && said.flaws.iter().any(|one| names().any(|name| name.eq_ignore_ascii_case(one)))
    };
    let last = statements.iter().filter(fits).max_by_key(|said| (said.at, !said.clear));
    last.is_some_and(|said| said.clear)
}

//! Join: each version of a source is judged once for each release, and the hosts that have it are found by number.

use std::collections::{BTreeSet, HashMap};

use smol_str::SmolStr;

use super::advisories::{Advisories, Flaw, Judged, Remedy};
use super::system::{System, source_of};
use crate::debian::{Namespace, PackageName, Version};
use crate::domain::{PinKind, Yank};

/// A package in a version.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Line {
    /// Its name.
    pub package: PackageName,
    /// Its version.
    pub version: Version,
    /// Its source package.
    pub source: PackageName,
    /// The version of that.
    pub source_version: Version,
}

/// A host, with what it has.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FleetHost {
    /// Its name.
    pub name: String,
    /// Which of the systems it runs.
    pub system: usize,
    /// Its lines: the first and the last of each run. The runs ascend.
    pub runs: Vec<[u32; 2]>,
}

/// What hosts have installed.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Fleet {
    /// The packages that any of them has.
    pub lines: Vec<Line>,
    /// The systems that they run.
    pub systems: Vec<System>,
    /// The hosts.
    pub hosts: Vec<FleetHost>,
}

/// A package in a version that is known to be vulnerable, and who has it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Row {
    /// The package.
    pub package: PackageName,
    /// Whether that is a source, or one binary of it.
    pub kind: PinKind,
    /// The version.
    pub version: Version,
    /// The release, where the records say something of it alone; `None` where that does not count.
    pub release: Option<SmolStr>,
    /// What is known.
    pub flaws: Vec<Flaw>,
    /// The binary packages of it that hosts have.
    pub binaries: BTreeSet<PackageName>,
    /// The numbers of the hosts that have it, ascending.
    pub hosts: Vec<usize>,
}

/// The answer.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Vulnerable {
    /// What is vulnerable, by package, version and release.
    pub rows: Vec<Row>,
    /// How many flaws are hidden, because they are unimportant.
    pub unimportant: usize,
    /// How many flaws a VEX document has cleared of some version.
    pub cleared: usize,
}

/// The systems that are judged alike: by the names of their release, `None` for what is no Debian.
type Releases = Option<Vec<SmolStr>>;

struct Joining<'a> {
    known: &'a Advisories,
    yanks: HashMap<&'a PackageName, Vec<(&'a Namespace, &'a Yank)>>,
    with_unimportant: bool,
    /// The row of a source in a version and a group of systems.
    sources: HashMap<(PackageName, Version, usize), Option<usize>>,
    /// The row of a yanked package in a version.
    yanked: HashMap<(PinKind, PackageName, Version), usize>,
    unimportant: BTreeSet<SmolStr>,
    cleared: BTreeSet<SmolStr>,
    rows: Vec<Row>,
}

/// Joins what hosts have with what is known of flaws and with what was yanked.
pub fn join(
    fleet: &Fleet,
    known: &Advisories,
    yanks: &[(Namespace, Yank)],
    with_unimportant: bool,
) -> Vulnerable {
    let mut joining = Joining {
        known,
        yanks: HashMap::new(),
        with_unimportant,
        sources: HashMap::new(),
        yanked: HashMap::new(),
        unimportant: BTreeSet::new(),
        cleared: BTreeSet::new(),
        rows: Vec::new(),
    };
    for (namespace, yank) in yanks {
        joining.yanks.entry(&yank.target.name).or_default().push((namespace, yank));
    }
    let (groups, group_of) = groups(&fleet.systems);
    // The rows of a line, in each group; judged when the first host has it.
    let mut rows_of = HashMap::<(usize, u32), Vec<usize>>::new();
    for (number, host) in fleet.hosts.iter().enumerate() {
        let Some(group) = group_of.get(host.system).copied() else { continue };
        let Some(releases) = groups.get(group) else { continue };
        for [first, last] in &host.runs {
            for at in *first..=*last {
                let Some(line) = usize::try_from(at).ok().and_then(|at| fleet.lines.get(at)) else {
                    break;
                };
                let rows = rows_of.entry((group, at));
                let rows = rows.or_insert_with(|| joining.rows_of(line, (group, releases)));
                for row in rows {
                    let Some(row) = joining.rows.get_mut(*row) else { continue };
                    if row.hosts.last() != Some(&number) {
                        row.hosts.push(number);
                    }
                }
            }
        }
    }
    joining.end()
}

/// The systems that are judged alike, and which of them each one is.
fn groups(systems: &[System]) -> (Vec<Releases>, Vec<usize>) {
    let (mut groups, mut known) = (Vec::new(), HashMap::<Releases, usize>::new());
    let group_of = systems.iter().map(|system| {
        let releases = system.releases();
        *known.entry(releases).or_insert_with_key(|releases| {
            groups.push(releases.clone());
            groups.len().saturating_sub(1)
        })
    });
    let group_of = group_of.collect();
    (groups, group_of)
}

impl Joining<'_> {
    /// The rows that a line belongs to.
    fn rows_of(&mut self, line: &Line, (group, releases): (usize, &Releases)) -> Vec<usize> {
        let mut rows = Vec::new();
        if let Some(releases) = releases {
            let (source, version) = source_of(&line.version, &line.source, &line.source_version);
            let key = (source, version, group);
            let row = match self.sources.get(&key) {
                Some(row) => *row,
                None => {
                    let row = self.judge(&key.0, &key.1, releases);
                    self.sources.insert(key, row);
                    row
                }
            };
            rows.extend(row);
        }
        rows.extend(self.yanked(PinKind::Source, &line.source, &line.source_version));
        rows.extend(self.yanked(PinKind::Binary, &line.package, &line.version));
        for row in &rows {
            if let Some(row) = self.rows.get_mut(*row) {
                row.binaries.insert(line.package.clone());
            }
        }
        rows
    }

    fn judge(
        &mut self,
        source: &PackageName,
        version: &Version,
        releases: &[SmolStr],
    ) -> Option<usize> {
        let Judged { mut flaws, cleared } = self.known.judge(source, version, releases);
        self.cleared.extend(cleared);
        if !self.with_unimportant {
            let hidden = flaws.extract_if(.., |flaw| flaw.unimportant);
            self.unimportant.extend(hidden.map(|flaw| flaw.name));
        }
        if flaws.is_empty() {
            return None;
        }
        Some(self.add(Row {
            package: source.clone(),
            kind: PinKind::Source,
            version: version.clone(),
            release: releases.first().cloned(),
            flaws,
            binaries: BTreeSet::new(),
            hosts: Vec::new(),
        }))
    }

    fn yanked(&mut self, kind: PinKind, package: &PackageName, version: &Version) -> Option<usize> {
        let of_package = self.yanks.get(package)?;
        let mut flaws = Vec::new();
        for (namespace, yank) in of_package {
            if yank.target.kind == kind && yank.version.compare(version).is_eq() {
                flaws.push(Flaw {
                    name: SmolStr::new("yanked"),
                    records: vec![SmolStr::new(namespace.as_str())],
                    remedy: Remedy::Yanked(yank.told()),
                    unimportant: false,
                });
            }
        }
        if flaws.is_empty() {
            return None;
        }
        let key = (kind, package.clone(), version.clone());
        if let Some(row) = self.yanked.get(&key) {
            return Some(*row);
        }
        let row = self.add(Row {
            package: package.clone(),
            kind,
            version: version.clone(),
            release: None,
            flaws,
            binaries: BTreeSet::new(),
            hosts: Vec::new(),
        });
        self.yanked.insert(key, row);
        Some(row)
    }

    fn add(&mut self, row: Row) -> usize {
        self.rows.push(row);
        self.rows.len().saturating_sub(1)
    }

    fn end(mut self) -> Vulnerable {
        self.rows.sort_by(|a, b| {
            let by_name = a.package.cmp(&b.package).then_with(|| a.version.cmp(&b.version));
            by_name.then_with(|| a.release.cmp(&b.release)).then_with(|| a.kind.cmp(&b.kind))
        });
        Vulnerable {
            rows: self.rows,
            unimportant: self.unimportant.len(),
            cleared: self.cleared.len(),
        }
    }
}

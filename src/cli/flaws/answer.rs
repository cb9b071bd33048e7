//! Answer: which hosts have what is known to be vulnerable, as programs are given it.

use serde::Serialize;

use super::document::{LeftOut, Reader};
use crate::api::FleetInstalled;
use crate::debian::{PackageName, Version};
use crate::domain::PinKind;
use crate::domain::vulnerable::{Fleet, FleetHost, Line, Remedy, Row, System, Vulnerable};

/// The answer. It speaks of what hosts have said that they have installed.
#[derive(Clone, Debug, Serialize)]
pub struct VulnerableHosts {
    /// The flaw that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub flaw: Option<String>,
    /// What is vulnerable.
    pub found: Vec<Found>,
    /// How many hosts have something of it.
    pub vulnerable: usize,
    /// How many hosts have reported.
    pub reported: usize,
    /// Hosts that are no Debian, or do not say which one: records are not held against what they have, or only those of
    /// every release.
    pub not_judged: Vec<NotJudged>,
    /// The hosts that have never reported.
    pub unreported: Vec<String>,
    /// How many flaws are hidden because they are unimportant.
    pub unimportant_hidden: usize,
    /// How many flaws VEX documents have cleared.
    pub cleared: usize,
    /// What was read.
    pub records: Records,
}

/// A package in a version, its flaws, and who has it.
#[derive(Clone, Debug, Serialize)]
pub struct Found {
    /// The source package, or one binary of it.
    pub package: PackageName,
    /// Which of the two.
    pub kind: PinKind,
    /// Its version.
    pub version: Version,
    /// The release, where it counts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub release: Option<String>,
    /// Its flaws.
    pub flaws: Vec<FoundFlaw>,
    /// The binary packages of it that hosts have.
    pub binaries: Vec<PackageName>,
    /// The hosts.
    pub hosts: Vec<FoundHost>,
}

/// A flaw of a version.
#[derive(Clone, Debug, Serialize)]
pub struct FoundFlaw {
    /// Its name.
    pub name: String,
    /// `fixed`, `no-fix-yet`, `undetermined` or `yanked`.
    pub state: &'static str,
    /// The version that is not concerned any more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fixed_in: Option<Version>,
    /// Of what was yanked: since when, by whom and why.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub told: Option<String>,
    /// Whether it is unimportant.
    pub unimportant: bool,
    /// The records that say so; of what was yanked, the namespace.
    pub records: Vec<String>,
}

/// A host, and when it reported.
#[derive(Clone, Debug, Serialize)]
pub struct FoundHost {
    /// Its name.
    pub host: String,
    /// When its report came.
    pub reported_at: i64,
}

/// A host that records are not held against.
#[derive(Clone, Debug, Serialize)]
pub struct NotJudged {
    /// Its name.
    pub host: String,
    /// What it says that it runs.
    pub system: String,
}

/// What was read.
#[derive(Clone, Debug, Serialize)]
pub struct Records {
    /// Records.
    pub read: u64,
    /// Those of them that were withdrawn.
    pub withdrawn: u64,
    /// Statements of VEX documents.
    pub statements: u64,
    /// How many could not be read.
    pub left_out: u64,
    /// The first thousand of them.
    pub left_out_told: Vec<LeftOut>,
}

/// What the server says, as it is joined.
pub fn fleet(said: &FleetInstalled) -> Fleet {
    let mut fleet = Fleet::default();
    let mut systems = std::collections::HashMap::new();
    fleet.lines.extend(said.lines.iter().map(|line| Line {
        package: line.package.clone(),
        version: line.version.clone(),
        source: line.source.clone(),
        source_version: line.source_version.clone(),
    }));
    for host in &said.hosts {
        let system = system(host);
        let next = systems.len();
        let number = *systems.entry(system.clone()).or_insert(next);
        if number == next {
            fleet.systems.push(system);
        }
        fleet.hosts.push(FleetHost {
            name: host.host.clone(),
            system: number,
            runs: host.has.clone(),
        });
    }
    fleet
}

fn system(host: &crate::api::HostInstalled) -> System {
    System {
        os: host.os.clone(),
        version: host.os_version.clone(),
        codename: host.os_codename.clone(),
    }
}

/// The answer, from what was joined.
pub fn answer(said: &FleetInstalled, reader: Reader, joined: Vulnerable) -> VulnerableHosts {
    let mut vulnerable: Vec<usize> =
        joined.rows.iter().flat_map(|row| row.hosts.iter().copied()).collect();
    vulnerable.sort_unstable();
    vulnerable.dedup();
    let not_judged = said.hosts.iter().filter(|host| !system(host).is_known());
    let counts = reader.known.counts();
    VulnerableHosts {
        flaw: reader.known.only().map(str::to_owned),
        found: joined.rows.into_iter().map(|row| found(said, row)).collect(),
        vulnerable: vulnerable.len(),
        reported: said.hosts.len(),
        not_judged: not_judged
            .map(|host| NotJudged { host: host.host.clone(), system: system(host).told() })
            .collect(),
        unreported: said.unreported.clone(),
        unimportant_hidden: joined.unimportant,
        cleared: joined.cleared,
        records: Records {
            read: counts.records,
            withdrawn: counts.withdrawn,
            statements: counts.statements,
            left_out: reader.faults.count,
            left_out_told: reader.faults.told,
        },
    }
}

fn found(said: &FleetInstalled, row: Row) -> Found {
    let flaw = |flaw: crate::domain::vulnerable::Flaw| {
        let (state, fixed_in, told) = match flaw.remedy {
            Remedy::Undetermined => ("undetermined", None, None),
            Remedy::At(version) => ("fixed", Some(version), None),
            Remedy::NoneYet => ("no-fix-yet", None, None),
            Remedy::Yanked(told) => ("yanked", None, Some(told)),
        };
        FoundFlaw {
            name: flaw.name.to_string(),
            state,
            fixed_in,
            told,
            unimportant: flaw.unimportant,
            records: flaw.records.iter().map(ToString::to_string).collect(),
        }
    };
    let hosts = row.hosts.iter().filter_map(|at| said.hosts.get(*at));
    let hosts = hosts.map(|one| FoundHost { host: one.host.clone(), reported_at: one.reported_at });
    Found {
        package: row.package,
        kind: row.kind,
        version: row.version,
        release: row.release.map(|release| release.to_string()),
        flaws: row.flaws.into_iter().map(flaw).collect(),
        binaries: row.binaries.into_iter().collect(),
        hosts: hosts.collect(),
    }
}

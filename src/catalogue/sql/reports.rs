//! What hosts report: their packages as ids of lines that all hosts share.

use std::collections::{BTreeMap, HashSet};

use super::rows::{damaged, moment, number, parse, unreadable};
use super::{Answer, MANY, Row, Store, Tx, all, count, one};
use crate::catalogue::{OwnerRecord, ReportRecord, Reports, Verdict};
use crate::debian::PackageName;
use crate::domain::Identity;
use crate::domain::health::HealthRun;
use crate::domain::inventory::{
    Contradiction, Entry, Facts, HostReport, Installed, MOST_PACKAGES, Marks, Receipt, SetHash,
    decode, encode, pick,
};
use crate::time::Moment;

const FIND_LINE: &str = "SELECT id FROM reported_package WHERE line = $1";
const ADD_LINE: &str = "INSERT INTO reported_package (line) VALUES ($1)";
// A blank is the lowest sign behind a name, and `!` the next one.
const LINES_LIKE: &str = "SELECT id, line FROM reported_package WHERE line >= $1 AND line < $2";
const LINE_OF: &str = "SELECT id, line FROM reported_package WHERE id = $1";
const LINES: &str = "SELECT id FROM reported_package";
const FORGET_LINE: &str = "DELETE FROM reported_package WHERE id = $1";

const LAST: &str = "SELECT number, set_hash, packages FROM host_report WHERE identity = $1";
const RECORD: &str = "\
    INSERT INTO host_report (identity, number, set_hash, received_at, packages, os, os_version, \
        os_codename, kernel, kernel_expected, is_reboot_needed, services, apt_at, apt_error, unreadable, health) \
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16) \
    ON CONFLICT (identity) DO UPDATE SET number = excluded.number, set_hash = excluded.set_hash, \
        received_at = excluded.received_at, packages = excluded.packages, os = excluded.os, \
        os_version = excluded.os_version, os_codename = excluded.os_codename, kernel = excluded.kernel, \
        kernel_expected = excluded.kernel_expected, is_reboot_needed = excluded.is_reboot_needed, \
        services = excluded.services, apt_at = excluded.apt_at, apt_error = excluded.apt_error, \
        unreadable = excluded.unreadable, health = excluded.health";

macro_rules! report_columns {
    () => {
        "identity, number, set_hash, received_at, packages, os, os_version, os_codename, kernel, \
         kernel_expected, is_reboot_needed, services, apt_at, apt_error, unreadable, health"
    };
}
const REPORTS: &str = concat!("SELECT ", report_columns!(), " FROM host_report");
const REPORT_OF: &str =
    concat!("SELECT ", report_columns!(), " FROM host_report WHERE identity = $1");
const OWNERS: &str = "SELECT identity, received_at, packages FROM host_report";
// Numbers rise, so that this sum is another one after any report.
const STATE: &str = "SELECT COUNT(*), COALESCE(SUM(number), 0) FROM host_report";

impl<S: Store> Reports for S {
    fn record_reports(&self, reports: Vec<HostReport>) -> Answer<Vec<Verdict>> {
        let weight: usize = reports.iter().map(HostReport::weight).sum();
        let body = move |tx: &mut dyn Tx| reports.iter().map(|report| record(tx, report)).collect();
        if weight < MANY { self.write(body) } else { self.write_much(body) }
    }

    fn find_report(&self, host: &Identity) -> Answer<Option<ReportRecord>> {
        self.read(|tx| one(tx, REPORT_OF, &[host.as_str().into()], report))
    }

    fn each_report(&self, take: &mut dyn FnMut(ReportRecord) -> Answer<()>) -> Answer<()> {
        self.read(|tx| tx.each(REPORTS, &[], &mut |row| take(report(row)?)))
    }

    fn list_owners(&self, lines: &[u64]) -> Answer<Vec<OwnerRecord>> {
        self.read(|tx| {
            all(tx, OWNERS, &[], |row| {
                Ok(OwnerRecord {
                    host: parse(row, 0)?,
                    at: moment(row, 1)?,
                    packages: pick(row.bytes(2)?, lines).map_err(unreadable)?,
                })
            })
        })
    }

    fn list_reported(&self, name: &PackageName) -> Answer<Vec<(u64, Installed)>> {
        self.read(|tx| lines_like(tx, &format!("{name} ")))
    }

    fn read_reported(&self, ids: &[u64]) -> Answer<Vec<(u64, Installed)>> {
        self.read(|tx| {
            let mut found = Vec::with_capacity(ids.len());
            for id in ids {
                found.extend(one(tx, LINE_OF, &[count(*id)?.into()], line)?);
            }
            Ok(found)
        })
    }

    fn forget_unreported(&self) -> Answer<u64> {
        let (state, unused) = self.read(|tx| Ok((state(tx)?, unused(tx)?)))?;
        if unused.is_empty() {
            return Ok(0);
        }
        self.write_much(move |tx| {
            // A report that came meanwhile may have taken one of them.
            if self::state(tx)? != state {
                return Ok(0);
            }
            for id in &unused {
                tx.exec(FORGET_LINE, &[count(*id)?.into()])?;
            }
            Ok(unused.len() as u64)
        })
    }
}

fn record(tx: &mut dyn Tx, report: &HostReport) -> Answer<Verdict> {
    let host = [report.host.as_str().into()];
    let last = one(tx, LAST, &host, |row| {
        let list = decode(row.bytes(2)?).map_err(unreadable)?;
        Ok((number(row, 0)?, parse::<SetHash>(row, 1)?, list))
    })?;
    let mut listed: BTreeMap<u64, Marks> = match (&last, report.base) {
        (Some((number, hash, _)), _) if *number >= report.number => {
            let is_same = *number == report.number && *hash == report.hash;
            return Ok(Ok(if is_same { Receipt::Taken } else { Receipt::Outdated(*number) }));
        }
        (_, None) => BTreeMap::new(),
        (Some((_, hash, list)), Some(base)) if *hash == base => list.iter().copied().collect(),
        (_, Some(_)) => return Ok(Ok(Receipt::Resynchronise)),
    };
    for entry in &report.gone {
        let id = find(tx, &entry.package)?;
        let is_there = id.and_then(|id| listed.remove(&id)) == Some(entry.marks);
        if !is_there {
            return Ok(Err(Contradiction));
        }
    }
    for entry in &report.installed {
        if is_twice(tx, &listed, report, entry)? {
            return Ok(Err(Contradiction));
        }
        let id = match find(tx, &entry.package)? {
            Some(id) => id,
            None => add(tx, &entry.package)?,
        };
        if listed.insert(id, entry.marks).is_some() {
            return Ok(Err(Contradiction));
        }
    }
    if listed.len() > MOST_PACKAGES {
        return Ok(Err(Contradiction));
    }
    let listed: Vec<_> = listed.into_iter().collect();
    keep(tx, report, &encode(&listed))?;
    Ok(Ok(Receipt::Taken))
}

/// Whether the host would have two versions of one name and architecture. Of a full set its reader has seen to that.
fn is_twice(
    tx: &mut dyn Tx,
    listed: &BTreeMap<u64, Marks>,
    report: &HostReport,
    entry: &Entry,
) -> Answer<bool> {
    if report.base.is_none() {
        return Ok(false);
    }
    let Installed { name, architecture, .. } = &entry.package;
    let others = lines_like(tx, &format!("{name} {architecture} "))?;
    Ok(others.iter().any(|(id, _)| listed.contains_key(id)))
}

fn keep(tx: &mut dyn Tx, report: &HostReport, packages: &[u8]) -> Answer<()> {
    let facts = &report.facts;
    let values = [
        report.host.as_str().into(),
        count(report.number)?.into(),
        report.hash.to_string().into(),
        report.at.0.into(),
        super::Value::Bytes(packages.into()),
        facts.os.as_str().into(),
        facts.os_version.as_str().into(),
        facts.os_codename.as_str().into(),
        facts.kernel.as_str().into(),
        facts.kernel_expected.as_str().into(),
        i64::from(facts.reboot).into(),
        facts.services.join(" ").into(),
        facts.apt_at.map(|at| at.0).into(),
        facts.apt_error.as_str().into(),
        count(facts.unreadable)?.into(),
        facts.health.as_ref().map(HealthRun::to_text).unwrap_or_default().into(),
    ];
    tx.exec(RECORD, &values).map(drop)
}

fn find(tx: &mut dyn Tx, package: &Installed) -> Answer<Option<u64>> {
    one(tx, FIND_LINE, &[package.to_string().into()], |row| number(row, 0))
}

fn add(tx: &mut dyn Tx, package: &Installed) -> Answer<u64> {
    tx.exec(ADD_LINE, &[package.to_string().into()])?;
    let lost = || damaged("a line of a report was not recorded");
    find(tx, package)?.ok_or_else(lost)
}

/// The lines that begin with `begin`, which ends with a blank.
fn lines_like(tx: &mut dyn Tx, begin: &str) -> Answer<Vec<(u64, Installed)>> {
    let end = format!("{}!", begin.trim_end());
    all(tx, LINES_LIKE, &[begin.into(), end.as_str().into()], line)
}

pub(super) fn line(row: &dyn Row) -> Answer<(u64, Installed)> {
    Ok((number(row, 0)?, Installed::parse(row.text(1)?).map_err(unreadable)?))
}

fn state(tx: &mut dyn Tx) -> Answer<Option<(i64, i64)>> {
    one(tx, STATE, &[], |row| Ok((row.integer(0)?, row.integer(1)?)))
}

fn unused(tx: &mut dyn Tx) -> Answer<Vec<u64>> {
    let mut used = HashSet::new();
    tx.each(REPORTS, &[], &mut |row| {
        let list = decode(row.bytes(4)?).map_err(unreadable)?;
        used.extend(list.into_iter().map(|(id, _)| id));
        Ok(())
    })?;
    let ids = all(tx, LINES, &[], |row| number(row, 0))?;
    Ok(ids.into_iter().filter(|id| !used.contains(id)).collect())
}

fn report(row: &dyn Row) -> Answer<ReportRecord> {
    let text = |column| row.text(column).map(str::to_owned);
    let apt_at = if row.is_null(12)? { None } else { Some(Moment(row.integer(12)?)) };
    Ok(ReportRecord {
        host: parse(row, 0)?,
        number: number(row, 1)?,
        hash: parse(row, 2)?,
        at: moment(row, 3)?,
        packages: decode(row.bytes(4)?).map_err(unreadable)?,
        facts: Facts {
            os: text(5)?,
            os_version: text(6)?,
            os_codename: text(7)?,
            kernel: text(8)?,
            kernel_expected: text(9)?,
            reboot: row.integer(10)? != 0,
            services: row.text(11)?.split_whitespace().map(str::to_owned).collect(),
            apt_at,
            apt_error: text(13)?,
            unreadable: number(row, 14)?,
            health: health(row.text(15)?)?,
        },
    })
}

fn health(text: &str) -> Answer<Option<HealthRun>> {
    if text.is_empty() {
        return Ok(None);
    }
    HealthRun::parse(text).map(Some).map_err(damaged)
}

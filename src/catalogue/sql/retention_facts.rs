//! What decides about retention, read at one moment.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use super::pins;
use super::reports::line;
use super::rows::{
    PACKAGE_COLUMNS, Reader, json, moment, moment_optional, number, number_optional,
    package_columns, unreadable,
};
use super::{Answer, Tx, all, one};
use crate::catalogue::Looked;
use crate::debian::{Component, SuiteName};
use crate::domain::SuiteSpec;
use crate::domain::inventory::decode;
use crate::domain::retention::{Facts, InstalledPackage, KeptPackage, PastGeneration};
use crate::time::Moment;

const DAY_SECONDS: i64 = 86_400;

const SUITE: &str = "SELECT id, spec, last_generation FROM suite WHERE name = $1";

const GENERATIONS: &str = "\
    SELECT number, published_at, dropped_at FROM generation WHERE suite_id = $1 ORDER BY number";

const USED: &str = "\
    SELECT generation FROM sighting WHERE suite_id = $1 AND seen_at >= $2 \
    UNION SELECT generation FROM snapshot \
        WHERE suite_id = $1 AND COALESCE(asked_at, signed_at) >= $2";

const REPORTS: &str = "\
    SELECT packages FROM host_report WHERE received_at >= $1 \
        OR identity IN (SELECT identity FROM sighting WHERE seen_at >= $1)";

const LINES: &str = "SELECT id, line FROM reported_package";

const PACKAGES: &str = concat!(
    "SELECT ",
    package_columns!(),
    ", p.id FROM package AS p WHERE p.id IN ( \
         SELECT package_id FROM acceptance WHERE suite_id = $1 \
         UNION SELECT package_id FROM membership WHERE suite_id = $1) ORDER BY p.id"
);

const ACCEPTED: &str = "\
    SELECT package_id, component, accepted_at, from_generation FROM acceptance WHERE suite_id = $1";

const LISTED: &str = "\
    SELECT package_id, component, from_generation, until_generation FROM membership \
    WHERE suite_id = $1";

const ON_THEIR_WAY: &str = "\
    SELECT package_id, component FROM held_back WHERE suite_id = $1 \
    UNION SELECT b.package_id, b.component FROM rollout_package AS b \
        JOIN rollout AS r ON r.suite_id = b.suite_id AND r.number = b.number \
        WHERE b.suite_id = $1 AND r.state NOT IN ('done', 'aborted')";

const GOING: &str = "SELECT package_id, component, since FROM going WHERE suite_id = $1";

const ELSEWHERE: &str = "\
    SELECT package_id, COUNT(DISTINCT suite_id) FROM acceptance WHERE suite_id <> $1 \
        AND package_id IN (SELECT package_id FROM acceptance WHERE suite_id = $1) \
    GROUP BY package_id";

/// A package and its component.
type At = (i64, String);

/// What was read of a suite.
pub(super) struct Read {
    /// Its id.
    pub suite: i64,
    /// The ids of the packages, in the order of the facts.
    pub ids: Vec<i64>,
    /// What decides.
    pub facts: Facts,
}

/// Reads what decides about a suite; `None` when there is no such suite. Of one that keeps everything, no
/// packages are read.
pub(super) fn read(tx: &mut dyn Tx, suite: &SuiteName, at: Looked) -> Answer<Option<Read>> {
    let found = one(tx, SUITE, &[suite.as_str().into()], |row| {
        Ok((row.integer(0)?, json::<SuiteSpec>(row, 1)?, number(row, 2)?))
    })?;
    let Some((id, spec, last)) = found else { return Ok(None) };
    let keep = spec.keep;
    let (mut ids, mut packages) = (Vec::new(), Vec::new());
    let (mut needed, mut installed) = (BTreeSet::new(), HashSet::new());
    if !keep.is_everything() {
        let days = i64::from(keep.installed_days).saturating_mul(DAY_SECONDS);
        // Clients may be slow, whatever hosts keep.
        let since = at.now.plus(-days.max(at.grace_seconds));
        let used = all(tx, USED, &[id.into(), since.0.into()], |row| number(row, 0))?;
        needed = used.into_iter().collect();
        if days > 0 {
            installed = read_installed(tx, at.now.plus(-days))?;
        }
        (ids, packages) = read_packages(tx, id, last)?;
    }
    let generations = all(tx, GENERATIONS, &[id.into()], |row| {
        let (number, at) = (number(row, 0)?, moment(row, 1)?);
        Ok(PastGeneration { number, at, dropped: moment_optional(row, 2)? })
    })?;
    let facts = Facts {
        keep,
        now: at.now,
        grace_seconds: at.grace_seconds,
        last,
        generations,
        needed,
        installed,
        pins: pins::read(tx, id)?,
        packages,
    };
    Ok(Some(Read { suite: id, ids, facts }))
}

/// What hosts have that were seen since then.
fn read_installed(tx: &mut dyn Tx, since: Moment) -> Answer<HashSet<InstalledPackage>> {
    let mut used: HashSet<u64> = HashSet::new();
    tx.each(REPORTS, &[since.0.into()], &mut |row| {
        let list = decode(row.bytes(0)?).map_err(unreadable)?;
        used.extend(list.into_iter().map(|(id, _)| id));
        Ok(())
    })?;
    let mut installed = HashSet::new();
    if used.is_empty() {
        return Ok(installed);
    }
    tx.each(LINES, &[], &mut |row| {
        if used.contains(&number(row, 0)?) {
            let (_, one) = line(row)?;
            installed.insert((one.name, one.version, one.architecture));
        }
        Ok(())
    })?;
    Ok(installed)
}

/// What is known of a package at its component.
#[derive(Default)]
struct Known {
    taken_at: Option<Moment>,
    tenures: Vec<(u64, Option<u64>)>,
    on_its_way: bool,
    going_since: Option<Moment>,
}

fn read_packages(tx: &mut dyn Tx, suite: i64, last: u64) -> Answer<(Vec<i64>, Vec<KeptPackage>)> {
    let mut known = read_known(tx, suite, last)?;
    let elsewhere =
        all(tx, ELSEWHERE, &[suite.into()], |row| Ok((row.integer(0)?, number(row, 1)?)))?;
    let elsewhere: HashMap<i64, u32> = elsewhere.into_iter().collect();
    let (mut ids, mut packages) = (Vec::new(), Vec::new());
    let mut reader = Reader::default();
    tx.each(PACKAGES, &[suite.into()], &mut |row| {
        let (package, id) = (reader.package(row, 0)?, row.integer(PACKAGE_COLUMNS)?);
        while let Some(entry) = known.range((id, String::new())..).next() {
            let ((of, component), _) = entry;
            if *of != id {
                break;
            }
            let key = (id, component.clone());
            let component: Component = component.parse().map_err(unreadable)?;
            let Known { taken_at, tenures, on_its_way, going_since } =
                known.remove(&key).unwrap_or_default();
            ids.push(id);
            packages.push(KeptPackage {
                component,
                package: package.clone(),
                taken_at,
                tenures,
                on_its_way,
                going_since,
                elsewhere: elsewhere.get(&id).copied().unwrap_or_default(),
            });
        }
        Ok(())
    })?;
    Ok((ids, packages))
}

fn read_known(tx: &mut dyn Tx, suite: i64, last: u64) -> Answer<BTreeMap<At, Known>> {
    let mut known: BTreeMap<At, Known> = BTreeMap::new();
    let values = [suite.into()];
    tx.each(ACCEPTED, &values, &mut |row| {
        let one = known.entry((row.integer(0)?, row.text(1)?.to_owned())).or_default();
        one.taken_at = Some(moment(row, 2)?);
        one.on_its_way |= number::<u64>(row, 3)? > last;
        Ok(())
    })?;
    tx.each(LISTED, &values, &mut |row| {
        let one = known.entry((row.integer(0)?, row.text(1)?.to_owned())).or_default();
        one.tenures.push((number(row, 2)?, number_optional(row, 3)?));
        Ok(())
    })?;
    for (id, component) in
        all(tx, ON_THEIR_WAY, &values, |row| Ok((row.integer(0)?, row.text(1)?.to_owned())))?
    {
        known.entry((id, component)).or_default().on_its_way = true;
    }
    tx.each(GOING, &values, &mut |row| {
        let one = known.entry((row.integer(0)?, row.text(1)?.to_owned())).or_default();
        one.going_since = Some(moment(row, 2)?);
        Ok(())
    })?;
    Ok(known)
}

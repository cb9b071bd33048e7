//! Retention: what nothing needs is marked, and removed after the grace.

use std::collections::HashSet;

use super::retention_facts as facts;
use super::rows::parse;
use super::{Answer, Store, Tx, Value, all, audit, count, one};
use crate::catalogue::{
    CatalogueError, Collected, Collection, Going, GoneVersion, Looked, Retention,
};
use crate::debian::{Namespace, PackageName, SuiteName};
use crate::digest::Digest;
use crate::domain::Event;
use crate::domain::retention::{Facts, Judgement, Verdict, judge};
use crate::time::Moment;

const DROP: &str = "UPDATE generation SET dropped_at = $1 WHERE suite_id = $2 AND number = $3 AND dropped_at IS NULL";

const MARK: &str = "\
    INSERT INTO going (suite_id, package_id, component, since) VALUES ($1, $2, $3, $4) \
    ON CONFLICT DO NOTHING";

const UNMARK: &str = "DELETE FROM going WHERE suite_id = $1 AND package_id = $2 AND component = $3";

const UNMARK_ALL: &str = "DELETE FROM going WHERE suite_id = $1";

/// Takes a package out of a suite.
const LEAVE: [&str; 3] = [
    "DELETE FROM rollout_package WHERE suite_id = $1 AND package_id = $2 AND component = $3",
    "DELETE FROM membership WHERE suite_id = $1 AND package_id = $2 AND component = $3",
    "DELETE FROM acceptance WHERE suite_id = $1 AND package_id = $2 AND component = $3",
];

// The acceptance, which says so otherwise, is deleted. What is still on its way there was not judged to go.
const KEEP_BOUND: &str = "\
    UPDATE binding SET by_slice = 0 WHERE by_slice = 1 AND package_id = $1 \
        AND namespace = (SELECT namespace FROM suite WHERE id = $2)";

const KEEP_TAKEN: &str = "UPDATE package SET accepted = 1 WHERE id = $1 AND accepted = 2";

// Whatever else refers to it would keep the database from deleting it.
const REMOVE: &str = "\
    DELETE FROM package WHERE id = $1 \
        AND NOT EXISTS (SELECT 1 FROM acceptance WHERE package_id = $1) \
        AND NOT EXISTS (SELECT 1 FROM membership WHERE package_id = $1) \
        AND NOT EXISTS (SELECT 1 FROM held_back WHERE package_id = $1) \
        AND NOT EXISTS (SELECT 1 FROM rollout_package WHERE package_id = $1) \
        AND NOT EXISTS (SELECT 1 FROM going WHERE package_id = $1)";

const IS_ANY_MARKED: &str = "SELECT 1 FROM going WHERE suite_id = $1 LIMIT 1";

// A file with an empty interval was listed by an earlier head of the generation that it begins with.
macro_rules! of_dropped {
    ($verb:literal, $rest:literal) => {
        concat!(
            $verb,
            " FROM index_file WHERE suite_id = $1 AND until_generation <= $2 AND NOT EXISTS ( \
                SELECT 1 FROM generation AS g WHERE g.suite_id = index_file.suite_id \
                    AND g.number >= index_file.from_generation \
                    AND g.number < CASE WHEN index_file.until_generation > index_file.from_generation \
                        THEN index_file.until_generation ELSE index_file.from_generation + 1 END \
                    AND (g.dropped_at IS NULL OR g.dropped_at > $3))",
            $rest
        )
    };
}

const REMOVE_FILES: &str = of_dropped!("DELETE", "");

const FIND_FILE: &str = of_dropped!("SELECT 1", " LIMIT 1");

const REMOVE_SNAPSHOTS: &str = "\
    DELETE FROM snapshot WHERE suite_id = $1 AND generation IN ( \
        SELECT number FROM generation WHERE suite_id = $1 AND dropped_at <= $2)";

const REMOVE_ROPES: &str = "\
    DELETE FROM rope WHERE NOT EXISTS (SELECT 1 FROM index_file WHERE rope_id = rope.id)";

const ROPES: &str = "SELECT chunk_ids FROM rope";

// The chunk with the highest id stays, so that no id is ever given again: chunks are cached by their ids.
const CHUNKS: &str =
    "SELECT id, chunk_key FROM chunk WHERE id < (SELECT MAX(id) FROM chunk) ORDER BY id";

const FORGET_CHUNK: &str = "DELETE FROM chunk WHERE id = $1";

const GONE: &str = "\
    SELECT name, version, architecture, digest FROM binding \
    WHERE name = $1 AND namespace = $2 AND package_id IS NULL";

const KEPT: &str = "\
    SELECT g.number FROM generation AS g JOIN suite AS s ON s.id = g.suite_id \
    WHERE s.name = $1 AND g.dropped_at IS NULL ORDER BY g.number";

const NOTE_SNAPSHOT: &str = "\
    UPDATE snapshot SET asked_at = $1 \
    WHERE suite_id = (SELECT id FROM suite WHERE name = $2) AND generation = $3";

/// How many packages one transaction removes at most: each takes some 200 µs, and others wait.
const AT_ONCE: usize = 2_000;

impl<S: Store> Retention for S {
    fn plan_collection(&self, suite: &SuiteName, at: Looked) -> Answer<Option<Collection>> {
        self.read(|tx| {
            let Some(read) = facts::read(tx, suite, at)? else { return Ok(None) };
            let Judgement { dropped, verdicts } = judge(&read.facts);
            let packages = read.facts.packages.into_iter().zip(verdicts);
            let goes = packages.filter_map(|(one, verdict)| match verdict {
                Verdict::Kept(_) => None,
                Verdict::Goes { newer, left } => Some(Going {
                    component: one.component,
                    package: one.package,
                    newer,
                    left,
                    since: one.going_since,
                    elsewhere: one.elsewhere,
                }),
            });
            Ok(Some(Collection { generations: dropped, packages: goes.collect() }))
        })
    }

    fn collect(&self, suite: &SuiteName, at: Looked, event: &Event) -> Answer<Collected> {
        let (suite, event) = (suite.clone(), event.clone());
        let absent = |suite: &SuiteName| CatalogueError::Missing(format!("suite {suite}"));
        // Most runs find nothing, and then no writer waits.
        let is_due = self.read(|tx| {
            let read = facts::read(tx, &suite, at)?.ok_or_else(|| absent(&suite))?;
            is_due(tx, &read, &judge(&read.facts), at)
        })?;
        if !is_due {
            return Ok(Collected::default());
        }
        self.write_much(move |tx| {
            let read = facts::read(tx, &suite, at)?.ok_or_else(|| absent(&suite))?;
            let mut done = Collected::default();
            let judged = judge(&read.facts);
            drop_generations(tx, &read, &judged, at, &mut done)?;
            mark(tx, &read, &judged, at, &mut done)?;
            remove(tx, &read, &judged, at, &mut done)?;
            remove_files(tx, &read, at, &mut done)?;
            if !done.is_nothing() {
                audit::add(tx, &[event.with(&done.told())])?;
            }
            Ok(done)
        })
    }

    fn forget_unused_chunks(&self, needed: Vec<Digest>) -> Answer<u64> {
        let forgotten = self.write_much(move |tx| {
            tx.exec(REMOVE_ROPES, &[])?;
            let used = used_chunks(tx)?;
            let needed: HashSet<_> = needed.into_iter().collect();
            let chunks =
                all(tx, CHUNKS, &[], |row| Ok((row.integer(0)?, parse::<Digest>(row, 1)?)))?;
            let mut forgotten = 0_u64;
            for (id, key) in chunks {
                if !used.contains(&id) && !needed.contains(&key) {
                    forgotten = forgotten.saturating_add(tx.exec(FORGET_CHUNK, &[id.into()])?);
                }
            }
            Ok(forgotten)
        })?;
        if forgotten > 0 {
            self.chunk_cache().clear();
        }
        Ok(forgotten)
    }

    fn list_gone(&self, namespace: &Namespace, names: &[PackageName]) -> Answer<Vec<GoneVersion>> {
        self.read(|tx| {
            let mut gone = Vec::new();
            for name in names {
                let values = [name.as_str().into(), namespace.as_str().into()];
                gone.extend(all(tx, GONE, &values, |row| {
                    Ok(GoneVersion {
                        name: parse(row, 0)?,
                        version: parse(row, 1)?,
                        architecture: parse(row, 2)?,
                        digest: parse(row, 3)?,
                    })
                })?);
            }
            Ok(gone)
        })
    }

    fn list_kept(&self, suite: &SuiteName) -> Answer<Vec<u64>> {
        self.read(|tx| all(tx, KEPT, &[suite.as_str().into()], |row| super::rows::number(row, 0)))
    }

    fn note_snapshot(&self, suite: &SuiteName, generation: u64, at: Moment) -> Answer<()> {
        let (suite, generation) = (suite.clone(), count(generation)?);
        self.write(move |tx| {
            let values = [at.0.into(), suite.as_str().into(), generation.into()];
            tx.exec(NOTE_SNAPSHOT, &values).map(drop)
        })
    }
}

/// Whether there is anything to do.
fn is_due(tx: &mut dyn Tx, read: &facts::Read, judged: &Judgement, at: Looked) -> Answer<bool> {
    let before = at.now.plus(-at.grace_seconds);
    let mut packages = read.facts.packages.iter().zip(&judged.verdicts);
    let moves = packages.any(|(one, verdict)| match (verdict, one.going_since) {
        (Verdict::Kept(_), since) => since.is_some(),
        (Verdict::Goes { .. }, since) => since.is_none_or(|since| since <= before),
    });
    if moves || !judged.dropped.is_empty() {
        return Ok(true);
    }
    let of_suite = [read.suite.into()];
    if read.facts.keep.is_everything() && one(tx, IS_ANY_MARKED, &of_suite, |_| Ok(()))?.is_some() {
        return Ok(true);
    }
    let mut dropped = read.facts.generations.iter().filter_map(|one| one.dropped);
    if !dropped.any(|at| at <= before) {
        return Ok(false);
    }
    let values = [read.suite.into(), count(read.facts.last)?.into(), before.0.into()];
    Ok(one(tx, FIND_FILE, &values, |_| Ok(()))?.is_some())
}

fn drop_generations(
    tx: &mut dyn Tx,
    read: &facts::Read,
    judged: &Judgement,
    at: Looked,
    done: &mut Collected,
) -> Answer<()> {
    for number in &judged.dropped {
        tx.exec(DROP, &[at.now.0.into(), read.suite.into(), count(*number)?.into()])?;
    }
    done.generations.clone_from(&judged.dropped);
    Ok(())
}

/// Marks what goes and was not marked, and takes the marks of what is kept away.
fn mark(
    tx: &mut dyn Tx,
    read: &facts::Read,
    judged: &Judgement,
    at: Looked,
    done: &mut Collected,
) -> Answer<()> {
    if read.facts.keep.is_everything() {
        done.revived = tx.exec(UNMARK_ALL, &[read.suite.into()])?;
        return Ok(());
    }
    for (place, package, verdict) in places(read, judged) {
        let [suite, id, component] = place;
        match (verdict, package.going_since) {
            (Verdict::Goes { .. }, None) => {
                tx.exec(MARK, &[suite, id, component, at.now.0.into()])?;
                done.marked.push(package.package.clone());
            }
            (Verdict::Kept(_), Some(_)) => {
                let unmarked = tx.exec(UNMARK, &[suite, id, component])?;
                done.revived = done.revived.saturating_add(unmarked);
            }
            _ => {}
        }
    }
    Ok(())
}

/// Removes what was marked for the grace and is still not needed.
fn remove(
    tx: &mut dyn Tx,
    read: &facts::Read,
    judged: &Judgement,
    at: Looked,
    done: &mut Collected,
) -> Answer<()> {
    let before = at.now.plus(-at.grace_seconds);
    for (place, package, verdict) in places(read, judged) {
        let is_due = package.going_since.is_some_and(|since| since <= before);
        if !is_due || matches!(verdict, Verdict::Kept(_)) {
            continue;
        }
        if done.removed.len() >= AT_ONCE {
            done.more = true;
            return Ok(());
        }
        let [suite, id, _] = &place;
        tx.exec(KEEP_BOUND, &[id.clone(), suite.clone()])?;
        tx.exec(KEEP_TAKEN, std::slice::from_ref(id))?;
        for sql in LEAVE {
            tx.exec(sql, &place)?;
        }
        tx.exec(UNMARK, &place)?;
        tx.exec(REMOVE, std::slice::from_ref(id))?;
        done.removed.push(package.package.clone());
    }
    Ok(())
}

fn remove_files(
    tx: &mut dyn Tx,
    read: &facts::Read,
    at: Looked,
    done: &mut Collected,
) -> Answer<()> {
    let before = at.now.plus(-at.grace_seconds);
    let mut dropped = read.facts.generations.iter().filter_map(|one| one.dropped);
    if !dropped.any(|at| at <= before) {
        return Ok(());
    }
    let (last, before) = (count(read.facts.last)?, before.0);
    done.files = tx.exec(REMOVE_FILES, &[read.suite.into(), last.into(), before.into()])?;
    tx.exec(REMOVE_SNAPSHOTS, &[read.suite.into(), before.into()]).map(drop)
}

/// Where each package is: suite, package and component, as the tables have it.
fn places<'r>(
    read: &'r facts::Read,
    judged: &'r Judgement,
) -> impl Iterator<Item = ([Value<'r>; 3], &'r crate::domain::retention::KeptPackage, Verdict)> {
    let Facts { packages, .. } = &read.facts;
    let all = read.ids.iter().zip(packages).zip(&judged.verdicts);
    all.map(|((id, package), verdict)| {
        let place = [read.suite.into(), (*id).into(), package.component.as_str().into()];
        (place, package, *verdict)
    })
}

fn used_chunks(tx: &mut dyn Tx) -> Answer<HashSet<i64>> {
    let mut used = HashSet::new();
    tx.each(ROPES, &[], &mut |row| {
        let (ids, rest) = row.bytes(0)?.as_chunks::<8>();
        if !rest.is_empty() {
            return Err(super::rows::damaged("a rope ends in the middle of a chunk's id"));
        }
        used.extend(ids.iter().map(|id| i64::from_be_bytes(*id)));
        Ok(())
    })?;
    Ok(used)
}

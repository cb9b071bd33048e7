//! Suites: what they are, what they hold now, what they have taken.

use std::sync::Arc;

use super::heads::{find_head, lock, renew_head, restart_dates};
use super::rows::{
    PACKAGE_COLUMNS, Reader, damaged, json, moment, number, package_columns, parse, pin_target,
    to_json,
};
use super::{
    Answer, MANY, Row, Store, Tx, aliases, all, audit, count, one, pins, publish, rings, slices,
    yanks,
};
use crate::catalogue::{CatalogueError, Departed, Placement, SuiteState, Suites};
use crate::debian::{Component, PackageName, SuiteName};
use crate::digest::Digest;
use crate::domain::reserved::CLIENT_PREFIX;
use crate::domain::{
    Event, Head, HeldBack, Hold, PackageSet, Publication, Slice, SuiteSpec, Withdrawn,
};
use crate::time::Moment;

const CREATE: &str = "\
    INSERT INTO suite (name, spec, namespace, last_generation, created_by, created_at) \
    VALUES ($1, $2, $3, 0, $4, $5) \
    ON CONFLICT (name) DO NOTHING";

const SPECS: &str = "SELECT spec FROM suite ORDER BY name";

const SUITE: &str = "SELECT id, spec, last_generation FROM suite WHERE name = $1";

// Memberships that have not ended, and those that end with a generation that is not published. They
// are two queries, so that each can use the index.
const LIVE: &str = concat!(
    "SELECT ",
    package_columns!(),
    ", m.component, m.from_generation \
     FROM membership AS m JOIN package AS p ON p.id = m.package_id \
     WHERE m.suite_id = $1 AND m.until_generation IS NULL AND m.from_generation <= $2 \
     UNION ALL SELECT ",
    package_columns!(),
    ", m.component, m.from_generation \
     FROM membership AS m JOIN package AS p ON p.id = m.package_id \
     WHERE m.suite_id = $1 AND m.until_generation > $2 AND m.from_generation <= $2"
);

// All slices are undone before this is asked.
const LIVE_COUNT: &str =
    "SELECT COUNT(*) FROM membership WHERE suite_id = $1 AND until_generation IS NULL";

const WITHDRAWN: &str =
    "SELECT kind, name, version FROM withdrawn WHERE suite_id = $1 ORDER BY kind, name, version";

const HELD: &str = "SELECT author, message, held_at FROM hold WHERE suite_id = $1";

const HELD_BACK: &str = concat!(
    "SELECT ",
    package_columns!(),
    ", h.component FROM held_back AS h JOIN package AS p ON p.id = h.package_id WHERE h.suite_id = $1"
);

/// The start of every query for placements. The `+` keeps SQLite from using the index with
/// generations: for a few packages, it would walk through everything that the suite ever took.
macro_rules! placements {
    ($rest:literal) => {
        concat!(
            "SELECT ",
            package_columns!(),
            ", a.component, s.name, a.author, a.accepted_at, m.from_generation, \
             (SELECT MIN(w.from_generation) FROM membership AS w \
                 WHERE w.package_id = a.package_id AND w.suite_id = a.suite_id \
                     AND w.component = a.component AND w.from_generation <= s.last_generation) \
             FROM acceptance AS a \
             JOIN package AS p ON p.id = a.package_id \
             JOIN suite AS s ON s.id = a.suite_id AND +a.from_generation <= s.last_generation \
             LEFT JOIN membership AS m ON m.package_id = a.package_id \
                 AND m.suite_id = a.suite_id AND m.component = a.component \
                 AND m.from_generation <= s.last_generation \
                 AND (m.until_generation IS NULL OR m.until_generation > s.last_generation) ",
            $rest
        )
    };
}

const PLACEMENTS: &str = placements!("WHERE s.name = $1 ORDER BY p.name, a.accepted_at, p.id");

const PLACEMENTS_OF_SOURCE: &str = placements!(
    "WHERE s.name = $1 AND a.package_id IN (SELECT q.id FROM package AS q WHERE q.source = $2) \
     ORDER BY p.name, a.accepted_at, p.id"
);

// The first one, should the package be in two components.
const TAKEN: &str = "\
    SELECT a.component FROM package AS p \
        JOIN acceptance AS a ON a.package_id = p.id \
        JOIN suite AS s ON s.id = a.suite_id AND +a.from_generation <= s.last_generation \
    WHERE p.digest = $1 AND s.name = $2 ORDER BY a.accepted_at DESC";

const SEARCH_NAME: &str = placements!(
    "WHERE a.package_id IN (SELECT b.package_id FROM binding AS b WHERE b.name = $1) \
     ORDER BY p.name, s.name, a.accepted_at DESC, p.id DESC LIMIT $2"
);

const SEARCH_PATTERN: &str = placements!(
    "WHERE a.package_id IN ( \
        SELECT b.package_id FROM binding AS b WHERE b.name LIKE $1 ESCAPE '!') \
     ORDER BY p.name, s.name, a.accepted_at DESC, p.id DESC LIMIT $2"
);

const SEARCH_NAME_IN: &str = placements!(
    "WHERE s.name = $1 AND a.package_id IN ( \
        SELECT b.package_id FROM binding AS b WHERE b.name = $2) \
     ORDER BY p.name, a.accepted_at DESC, p.id DESC LIMIT $3"
);

const SEARCH_PATTERN_IN: &str = placements!(
    "WHERE s.name = $1 AND a.package_id IN ( \
        SELECT b.package_id FROM binding AS b WHERE b.name LIKE $2 ESCAPE '!') \
     ORDER BY p.name, a.accepted_at DESC, p.id DESC LIMIT $3"
);

const KEEP_FLOOR: &str = "\
    INSERT INTO departed_suite (name, dated_at, spec, has_taken) \
    SELECT s.name, h.dated_at, s.spec, CASE WHEN EXISTS ( \
            SELECT 1 FROM acceptance AS a JOIN package AS p ON p.id = a.package_id \
            WHERE a.suite_id = s.id AND p.name NOT LIKE $1) THEN 1 ELSE 0 END \
        FROM suite AS s JOIN head AS h ON h.suite_id = s.id \
        WHERE s.id = $2 \
    ON CONFLICT (name) DO UPDATE SET dated_at = excluded.dated_at, spec = excluded.spec, \
        has_taken = CASE WHEN departed_suite.has_taken = 1 THEN 1 ELSE excluded.has_taken END";

// The acceptances, which say so otherwise, are deleted with the suite.
const KEEP_TAKEN: &str = "\
    UPDATE package SET accepted = 1 WHERE accepted = 2 AND id IN ( \
        SELECT package_id FROM acceptance WHERE suite_id = $1)";

const KEEP_BOUND: &str = "\
    UPDATE binding SET by_slice = 0 WHERE by_slice = 1 \
        AND namespace = (SELECT namespace FROM suite WHERE id = $1) \
        AND package_id IN (SELECT package_id FROM acceptance WHERE suite_id = $1)";

const DEPARTED: &str =
    "SELECT spec, has_taken FROM departed_suite WHERE name = $1 AND spec IS NOT NULL";

/// Deletes everything that refers to a suite, and last the suite itself.
const REMOVE: [&str; 16] = [
    "DELETE FROM going WHERE suite_id = $1",
    "DELETE FROM hold WHERE suite_id = $1",
    "DELETE FROM held_back WHERE suite_id = $1",
    "DELETE FROM client_sighting WHERE suite_id = $1",
    "DELETE FROM keyring_sighting WHERE suite_id = $1",
    "DELETE FROM client_package WHERE suite_id = $1",
    "DELETE FROM sighting WHERE suite_id = $1",
    "DELETE FROM index_file WHERE suite_id = $1",
    "DELETE FROM withdrawn WHERE suite_id = $1",
    "DELETE FROM pin WHERE suite_id = $1",
    "DELETE FROM snapshot WHERE suite_id = $1",
    "DELETE FROM head WHERE suite_id = $1",
    "DELETE FROM generation WHERE suite_id = $1",
    "DELETE FROM membership WHERE suite_id = $1",
    "DELETE FROM acceptance WHERE suite_id = $1",
    "DELETE FROM suite WHERE id = $1",
];

impl<S: Store> Suites for S {
    fn create_suite(&self, spec: &SuiteSpec, event: &Event) -> Answer<()> {
        let (spec, event) = (spec.clone(), event.clone());
        self.write(move |tx| {
            let name = spec.name.as_str();
            let by = event.actor.identity.as_str().into();
            let namespace = spec.namespace.as_str().into();
            let values = [name.into(), to_json(&spec)?.into(), namespace, by, event.at.0.into()];
            aliases::expect_free(tx, &spec.name)?;
            if tx.exec(CREATE, &values)? == 0 {
                return Err(CatalogueError::Exists(format!("suite {name}")));
            }
            let (id, _) = lock(tx, &spec.name)?;
            aliases::settle(tx, id, &spec, None)?;
            audit::add(tx, &[event])
        })
    }

    fn list_suites(&self) -> Answer<Vec<SuiteSpec>> {
        self.read(|tx| {
            let mut specs: Vec<SuiteSpec> = all(tx, SPECS, &[], |row| json(row, 0))?;
            specs.sort_by(|a, b| a.name.cmp(&b.name));
            Ok(specs)
        })
    }

    fn find_departed(&self, suite: &SuiteName) -> Answer<Option<Departed>> {
        let read = |row: &dyn Row| {
            Ok(Departed { spec: json(row, 0)?, has_taken: number::<u8>(row, 1)? == 1 })
        };
        self.read(|tx| one(tx, DEPARTED, &[suite.as_str().into()], read))
    }

    fn find_floor(&self, name: &SuiteName) -> Answer<Option<Moment>> {
        self.read(|tx| aliases::find_floor(tx, name))
    }

    fn load_suite(&self, suite: &SuiteName) -> Answer<Option<SuiteState>> {
        self.read(|tx| load_suite(tx, suite))
    }

    fn publish(&self, publication: &Publication) -> Answer<()> {
        let publication = publication.clone();
        let many = publication.sliced > 0 || publication.rows() >= MANY;
        let record = move |tx: &mut dyn Tx| publish::publish(tx, &publication);
        if many { self.write_much(record) } else { self.write(record) }
    }

    fn record_slice(&self, slice: Slice) -> Answer<u64> {
        self.write_slice(move |tx| publish::record_slice(tx, &slice))
    }

    fn take_back(&self, suite: &SuiteName, most: u32) -> Answer<bool> {
        // There is hardly ever anything to undo, and looking for it needs no write.
        if !self.read(|tx| slices::is_any(tx, suite))? {
            return Ok(false);
        }
        let suite = suite.clone();
        self.write_slice(move |tx| {
            let (id, last) = lock(tx, &suite)?;
            slices::take_back(tx, (id, count(last)?), most)
        })
    }

    fn record_head(&self, suite: &SuiteName, head: &Head) -> Answer<()> {
        let (suite, head) = (suite.clone(), head.clone());
        self.write(move |tx| {
            let (id, _) = lock(tx, &suite)?;
            renew_head(tx, &suite, id, &head)
        })
    }

    fn restart_dates(&self, suite: &SuiteName, head: Option<&Head>, event: &Event) -> Answer<()> {
        let (suite, head, event) = (suite.clone(), head.cloned(), event.clone());
        self.write(move |tx| {
            let (id, _) = lock(tx, &suite)?;
            restart_dates(tx, &suite, id, head.as_ref())?;
            audit::add(tx, &[event])
        })
    }

    fn list_placements(
        &self,
        suite: &SuiteName,
        source: Option<&PackageName>,
    ) -> Answer<Vec<Placement>> {
        let mut reader = Reader::default();
        let mut read = |row: &dyn Row| placement(&mut reader, row);
        let suite = suite.as_str().into();
        self.read(|tx| match source {
            None => all(tx, PLACEMENTS, &[suite], &mut read),
            Some(name) => all(tx, PLACEMENTS_OF_SOURCE, &[suite, name.as_str().into()], &mut read),
        })
    }

    fn list_taken(&self, suite: &SuiteName, digests: &[Digest]) -> Answer<Vec<Option<Component>>> {
        self.read(|tx| {
            let taken = |digest: &Digest| {
                one(tx, TAKEN, &[digest.into(), suite.as_str().into()], |row| parse(row, 0))
            };
            digests.iter().map(taken).collect()
        })
    }

    fn search_placements(&self, pattern: &str, limit: u32) -> Answer<Vec<Placement>> {
        let Some(pattern) = like_pattern(pattern) else { return Ok(Vec::new()) };
        let sql = if pattern.contains('%') { SEARCH_PATTERN } else { SEARCH_NAME };
        let mut reader = Reader::default();
        let values = [pattern.into(), i64::from(limit).into()];
        self.read(|tx| all(tx, sql, &values, |row| placement(&mut reader, row)))
    }

    fn search_suite(&self, suite: &SuiteName, pattern: &str, limit: u32) -> Answer<Vec<Placement>> {
        let Some(pattern) = like_pattern(pattern) else { return Ok(Vec::new()) };
        let sql = if pattern.contains('%') { SEARCH_PATTERN_IN } else { SEARCH_NAME_IN };
        let mut reader = Reader::default();
        let values = [suite.as_str().into(), pattern.into(), i64::from(limit).into()];
        self.read(|tx| all(tx, sql, &values, |row| placement(&mut reader, row)))
    }

    fn remove_suite(&self, suite: &SuiteName, event: &Event) -> Answer<()> {
        let (suite, event) = (suite.clone(), event.clone());
        self.write(move |tx| {
            remove_suite(tx, &suite)?;
            audit::add(tx, &[event])
        })
    }
}

/// Reads the packages of an answer into a set. Its last columns are the component and the
/// generation that listed the package.
pub fn read_contents(
    tx: &mut dyn Tx,
    sql: &'static str,
    values: &[super::Value<'_>],
) -> Answer<PackageSet> {
    let mut contents = PackageSet::default();
    let mut reader = Reader::default();
    tx.each(sql, values, &mut |row| {
        let package = reader.package(row, 0)?;
        let component = reader.component(row, PACKAGE_COLUMNS)?;
        let since = number(row, PACKAGE_COLUMNS + 1)?;
        match contents.list(&component, Arc::new(package), since) {
            None => Ok(()),
            Some(other) => Err(damaged(format!("{} is listed twice in one place", other.name))),
        }
    })?;
    Ok(contents)
}

fn load_suite(tx: &mut dyn Tx, suite: &SuiteName) -> Answer<Option<SuiteState>> {
    let row = one(tx, SUITE, &[suite.as_str().into()], |row| {
        Ok((row.integer(0)?, json(row, 1)?, number(row, 2)?))
    })?;
    let Some((id, spec, last_generation)) = row else { return Ok(None) };
    let spec: SuiteSpec = spec;
    let mut contents = read_contents(tx, LIVE, &[id.into(), count(last_generation)?.into()])?;
    contents.limit(spec.versions);
    let yanks = yanks::of(tx, &spec.namespace)?;
    Ok(Some(SuiteState {
        spec,
        contents,
        head: find_head(tx, id)?,
        last_generation,
        pins: pins::read(tx, id)?,
        withdrawn: all(tx, WITHDRAWN, &[id.into()], |row| {
            Ok(Withdrawn { target: pin_target(row, 0)?, version: parse(row, 2)? })
        })?,
        hold: one(tx, HELD, &[id.into()], |row| {
            let (author, message) = (parse(row, 0)?, row.text(1)?.to_owned());
            Ok(Hold { author, message, at: moment(row, 2)? })
        })?,
        held_back: Arc::new(held_back(tx, id)?),
        rollouts: Arc::new(rings::open_rollouts(tx, id)?),
        yanks: Arc::new(yanks),
    }))
}

fn held_back(tx: &mut dyn Tx, suite: i64) -> Answer<HeldBack> {
    let mut reader = Reader::default();
    let came = all(tx, HELD_BACK, &[suite.into()], |row| {
        let package = reader.package(row, 0)?;
        let component = reader.component(row, PACKAGE_COLUMNS)?;
        Ok(((component, package.digest), Arc::new(package)))
    })?;
    Ok(came.into_iter().collect())
}

fn placement(reader: &mut Reader, row: &dyn Row) -> Answer<Placement> {
    let at = |offset: usize| PACKAGE_COLUMNS.saturating_add(offset);
    Ok(Placement {
        package: reader.package(row, 0)?,
        component: reader.component(row, at(0))?,
        suite: parse(row, at(1))?,
        accepted_by: parse(row, at(2))?,
        accepted_at: moment(row, at(3))?,
        live: !row.is_null(at(4))?,
        was_live: !row.is_null(at(5))?,
    })
}

/// Turns `*` into the wildcard of LIKE. `None` for a pattern that no package name can match: so no
/// other wildcard, and no letter whose case LIKE ignores, gets into the query.
fn like_pattern(pattern: &str) -> Option<String> {
    let legal = |b: u8| {
        b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'+' | b'-' | b'.' | b'*')
    };
    (pattern.len() <= 256 && pattern.bytes().all(legal)).then(|| pattern.replace('*', "%"))
}

fn remove_suite(tx: &mut dyn Tx, suite: &SuiteName) -> Answer<()> {
    let (id, last) = lock(tx, suite)?;
    slices::take_all_back(tx, (id, count(last)?))?;
    let live: i64 = one(tx, LIVE_COUNT, &[id.into()], |row| row.integer(0))?.unwrap_or_default();
    if live > 0 {
        return Err(CatalogueError::Exists(format!("suite {suite} with {live} packages")));
    }
    tx.exec(KEEP_FLOOR, &[format!("{CLIENT_PREFIX}%").into(), id.into()])?;
    tx.exec(KEEP_TAKEN, &[id.into()])?;
    tx.exec(KEEP_BOUND, &[id.into()])?;
    aliases::drop_of(tx, id)?;
    rings::REMOVE.into_iter().chain(REMOVE).try_for_each(|sql| tx.exec(sql, &[id.into()]).map(drop))
}

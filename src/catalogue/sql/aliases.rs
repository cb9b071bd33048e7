//! Aliases: the second names of suites. No name is that of two suites, as its own or as its alias, in whatever order
//! and by whomever it is asked for.

use super::heads::find_head;
use super::rows::{json, moment, to_json};
use super::{Answer, Tx, one};
use crate::catalogue::CatalogueError;
use crate::debian::SuiteName;
use crate::domain::SuiteSpec;
use crate::time::Moment;

const HOLDER: &str = "\
    SELECT s.id, s.spec FROM suite_alias AS a JOIN suite AS s ON s.id = a.suite_id WHERE a.name = $1";

const NAMED: &str = "SELECT id FROM suite WHERE name = $1";

const FLOOR: &str = "SELECT dated_at FROM departed_suite WHERE name = $1";

// Whatever is found there next, suite or alias, is dated later.
const KEEP_FLOOR: &str = "\
    INSERT INTO departed_suite (name, dated_at) \
    SELECT a.name, h.dated_at FROM suite_alias AS a JOIN head AS h ON h.suite_id = a.suite_id \
        WHERE a.suite_id = $1 \
    ON CONFLICT (name) DO UPDATE SET dated_at = excluded.dated_at";

const DROP: &str = "DELETE FROM suite_alias WHERE suite_id = $1";

const SET: &str = "INSERT INTO suite_alias (name, suite_id) VALUES ($1, $2)";

const REPLACE_SPEC: &str = "UPDATE suite SET spec = $1 WHERE id = $2";

/// Refuses a name for a suite that is another's alias.
///
/// # Errors
/// [`CatalogueError::Alias`].
pub fn expect_free(tx: &mut dyn Tx, name: &SuiteName) -> Answer<()> {
    match holder(tx, name)? {
        Some((_, spec)) => Err(taken(name, &spec)),
        None => Ok(()),
    }
}

/// Gives a suite the alias that its description has, or none. One of another suite is taken from it where `from` is
/// that suite, whose description then has none.
///
/// What is found at `dists/ALIAS/` never gets an earlier Date: hosts would pass over it in silence.
///
/// # Errors
/// [`CatalogueError::Exists`] for the name of a suite; [`CatalogueError::Alias`] for one of another suite;
/// [`CatalogueError::Stale`] when what was read by the alias before is not older than the suite's head.
pub fn settle(tx: &mut dyn Tx, id: i64, spec: &SuiteSpec, from: Option<&SuiteName>) -> Answer<()> {
    let Some(alias) = &spec.alias else { return drop_of(tx, id) };
    if one(tx, NAMED, &[alias.as_str().into()], |row| row.integer(0))?.is_some() {
        return Err(CatalogueError::Exists(format!("suite {alias}")));
    }
    match holder(tx, alias)? {
        Some((holder, _)) if holder == id => return Ok(()),
        Some((other, before)) if from == Some(&before.name) => {
            drop_of(tx, other)?;
            let without = SuiteSpec { alias: None, ..before };
            tx.exec(REPLACE_SPEC, &[to_json(&without)?.into(), other.into()])?;
        }
        Some((_, before)) => return Err(taken(alias, &before)),
        None => {}
    }
    let floor = find_floor(tx, alias)?;
    let date = find_head(tx, id)?.map(|head| head.date);
    if date.is_some_and(|date| floor.is_some_and(|floor| date <= floor)) {
        return Err(CatalogueError::Stale(spec.name.clone()));
    }
    drop_of(tx, id)?;
    tx.exec(SET, &[alias.as_str().into(), id.into()]).map(drop)
}

/// The Date of what was last found under a name.
///
/// # Errors
/// [`CatalogueError`].
pub fn find_floor(tx: &mut dyn Tx, name: &SuiteName) -> Answer<Option<Moment>> {
    let departed = one(tx, FLOOR, &[name.as_str().into()], |row| moment(row, 0))?;
    let held = match holder(tx, name)? {
        Some((id, _)) => find_head(tx, id)?.map(|head| head.date),
        None => None,
    };
    Ok(departed.max(held))
}

/// Takes a suite's alias away, if it has one.
///
/// # Errors
/// [`CatalogueError`].
pub fn drop_of(tx: &mut dyn Tx, id: i64) -> Answer<()> {
    tx.exec(KEEP_FLOOR, &[id.into()])?;
    tx.exec(DROP, &[id.into()]).map(drop)
}

fn holder(tx: &mut dyn Tx, alias: &SuiteName) -> Answer<Option<(i64, SuiteSpec)>> {
    one(tx, HOLDER, &[alias.as_str().into()], |row| Ok((row.integer(0)?, json(row, 1)?)))
}

fn taken(alias: &SuiteName, spec: &SuiteSpec) -> CatalogueError {
    CatalogueError::Alias { alias: alias.clone(), suite: spec.name.clone() }
}

//! Aliases: the second names of suites. A name belongs to one suite at most, as its own name or as
//! its alias, whoever asks for it and in whatever order.

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

// Keeps the Date: the next suite or alias of this name must have a later one.
const KEEP_FLOOR: &str = "\
    INSERT INTO departed_suite (name, dated_at) \
    SELECT a.name, h.dated_at FROM suite_alias AS a JOIN head AS h ON h.suite_id = a.suite_id \
        WHERE a.suite_id = $1 \
    ON CONFLICT (name) DO UPDATE SET dated_at = excluded.dated_at";

const DROP: &str = "DELETE FROM suite_alias WHERE suite_id = $1";

const SET: &str = "INSERT INTO suite_alias (name, suite_id) VALUES ($1, $2)";

const REPLACE_SPEC: &str = "UPDATE suite SET spec = $1 WHERE id = $2";

/// Refuses a name for a suite that is the alias of another suite.
///
/// # Errors
/// [`CatalogueError::Alias`].
pub fn expect_free(tx: &mut dyn Tx, name: &SuiteName) -> Answer<()> {
    match holder(tx, name)? {
        Some((_, spec)) => Err(taken(name, &spec)),
        None => Ok(()),
    }
}

/// Gives a suite the alias in its spec, or none. An alias of another suite is taken from that suite
/// only when `from` names it; the spec of that suite then has no alias.
///
/// The Date at `dists/ALIAS/` never goes back: hosts would ignore an earlier one without a message.
///
/// # Errors
/// [`CatalogueError::Exists`] for the name of a suite; [`CatalogueError::Alias`] for the alias of
/// another suite; [`CatalogueError::Stale`] when the suite's head is not later than what was last
/// served at the alias.
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

/// The Date of the Release that was last served under a name.
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

/// Removes the alias of a suite, if it has one, and keeps its Date.
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

//! Heads: what a suite serves, and the lock that makes its writers take turns.

use super::rows::{moment, number};
use super::{Answer, Tx, count, one, rings};
use crate::catalogue::CatalogueError;
use crate::debian::SuiteName;
use crate::domain::Head;

// Writing the row locks it against other writers until the transaction ends.
const LOCK: &str = "UPDATE suite SET name = name WHERE name = $1 RETURNING id, last_generation";

const HEAD: &str = "\
    SELECT generation, dated_at, valid_until, release, release_gpg, in_release \
    FROM head WHERE suite_id = $1";

const RENEW_HEAD: &str = "\
    UPDATE head SET dated_at = $1, valid_until = $2, release = $3, release_gpg = $4, \
        in_release = $5 \
    WHERE suite_id = $6 AND generation = $7 AND dated_at < $1";

const REPLACE_HEAD: &str = "\
    UPDATE head SET dated_at = $1, valid_until = $2, release = $3, release_gpg = $4, \
        in_release = $5 \
    WHERE suite_id = $6 AND generation = $7";

const HAS_HEAD: &str = "SELECT 1 FROM head WHERE suite_id = $1";

// The Dates of those that had the names before.
const FORGET_FLOORS: &str = "\
    UPDATE departed_suite SET dated_at = 0 WHERE name IN \
        (SELECT name FROM suite WHERE id = $1 \
         UNION SELECT name FROM suite_alias WHERE suite_id = $1)";

/// Locks a suite until the transaction ends, and gives its id and last generation.
///
/// # Errors
/// [`CatalogueError::Missing`] when there is no such suite.
pub fn lock(tx: &mut dyn Tx, suite: &SuiteName) -> Answer<(i64, u64)> {
    one(tx, LOCK, &[suite.as_str().into()], |row| Ok((row.integer(0)?, number(row, 1)?)))?
        .ok_or_else(|| CatalogueError::Missing(format!("suite {suite}")))
}

/// Replaces the head by a newer signature of the same generation.
///
/// # Errors
/// [`CatalogueError::Stale`] when another generation is live, or when the recorded head is not
/// older.
pub fn renew_head(tx: &mut dyn Tx, suite: &SuiteName, id: i64, head: &Head) -> Answer<()> {
    write_head(tx, RENEW_HEAD, suite, id, head)
}

/// Replaces the head, if there is one, whatever its Date, and forgets the Dates of others that had the
/// suite's names before.
///
/// # Errors
/// [`CatalogueError::Stale`] when another generation is live, or one although there is no `head`.
pub fn restart_dates(
    tx: &mut dyn Tx,
    suite: &SuiteName,
    id: i64,
    head: Option<&Head>,
) -> Answer<()> {
    match head {
        Some(head) => write_head(tx, REPLACE_HEAD, suite, id, head)?,
        None if one(tx, HAS_HEAD, &[id.into()], |row| row.integer(0))?.is_some() => {
            return Err(CatalogueError::Stale(suite.clone()));
        }
        None => {}
    }
    tx.exec(FORGET_FLOORS, &[id.into()]).map(drop)
}

fn write_head(
    tx: &mut dyn Tx,
    sql: &'static str,
    suite: &SuiteName,
    id: i64,
    head: &Head,
) -> Answer<()> {
    let values = [
        head.date.0.into(),
        head.valid_until.0.into(),
        head.release.as_str().into(),
        head.release_gpg.as_str().into(),
        head.in_release.as_str().into(),
        id.into(),
        count(head.generation)?.into(),
    ];
    match tx.exec(sql, &values)? {
        0 => Err(CatalogueError::Stale(suite.clone())),
        _ => rings::move_heads(tx, id, &head.rings),
    }
}

/// The head of a suite; `None` before the first publication.
pub fn find_head(tx: &mut dyn Tx, suite: i64) -> Answer<Option<Head>> {
    let head = one(tx, HEAD, &[suite.into()], |row| {
        Ok(Head {
            generation: number(row, 0)?,
            date: moment(row, 1)?,
            valid_until: moment(row, 2)?,
            release: row.text(3)?.to_owned(),
            release_gpg: row.text(4)?.to_owned(),
            in_release: row.text(5)?.to_owned(),
            rings: Vec::new(),
        })
    })?;
    let Some(head) = head else { return Ok(None) };
    Ok(Some(Head { rings: rings::find_heads(tx, suite)?, ..head }))
}

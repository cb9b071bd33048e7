//! Slices: counts or undoes the rows that a large change has recorded ahead of its publication. No
//! reader sees them before their generation is the last one of the suite.

use super::bindings::unbind;
use super::{Answer, Tx, all, count, one};
use crate::catalogue::CatalogueError;
use crate::debian::SuiteName;

const IS_ANY: &str = "\
    SELECT 1 FROM suite AS s WHERE s.name = $1 AND ( \
        EXISTS (SELECT 1 FROM membership AS m WHERE m.suite_id = s.id \
            AND m.until_generation IS NULL AND m.from_generation > s.last_generation) \
        OR EXISTS (SELECT 1 FROM membership AS m WHERE m.suite_id = s.id \
            AND m.until_generation > s.last_generation) \
        OR EXISTS (SELECT 1 FROM acceptance AS a WHERE a.suite_id = s.id \
            AND a.from_generation > s.last_generation))";

const ROWS: &str = "\
    SELECT (SELECT COUNT(*) FROM membership WHERE suite_id = $1 \
            AND until_generation IS NULL AND from_generation = $2) \
        + (SELECT COUNT(*) FROM membership WHERE suite_id = $1 AND until_generation = $2) \
        + (SELECT COUNT(*) FROM acceptance WHERE suite_id = $1 AND from_generation = $2)";

const ENTERED: &str = "\
    SELECT package_id, component, from_generation FROM membership \
    WHERE suite_id = $1 AND until_generation IS NULL AND from_generation > $2 LIMIT $3";

const NOT_ENTER: &str = "\
    DELETE FROM membership \
    WHERE package_id = $1 AND suite_id = $2 AND component = $3 AND from_generation = $4";

const LEFT: &str = "\
    SELECT package_id, component, from_generation FROM membership \
    WHERE suite_id = $1 AND until_generation > $2 LIMIT $3";

const NOT_LEAVE: &str = "\
    UPDATE membership SET until_generation = NULL \
    WHERE package_id = $1 AND suite_id = $2 AND component = $3 AND from_generation = $4";

const ACCEPTED: &str = "\
    SELECT package_id, component, from_generation FROM acceptance \
    WHERE suite_id = $1 AND from_generation > $2 LIMIT $3";

const NOT_ACCEPT: &str = "\
    DELETE FROM acceptance \
    WHERE package_id = $1 AND suite_id = $2 AND component = $3 AND from_generation = $4";

// Another suite may have taken the package meanwhile, in slices or not.
const NOT_TAKE: &str = "\
    UPDATE package SET accepted = 0 WHERE id = $1 AND accepted = 2 \
        AND NOT EXISTS (SELECT 1 FROM acceptance WHERE package_id = $1) \
        AND NOT EXISTS (SELECT 1 FROM membership WHERE package_id = $1)";

/// Checks that the slices of the next generation, of this number, have exactly `rows` rows.
///
/// # Errors
/// [`CatalogueError::Stale`] when they have another number of rows.
pub fn expect(
    tx: &mut dyn Tx,
    suite: &SuiteName,
    (id, number): (i64, i64),
    rows: u64,
) -> Answer<()> {
    match one(tx, ROWS, &[id.into(), number.into()], |row| row.integer(0))? {
        Some(found) if found == count(rows)? => Ok(()),
        _ => Err(CatalogueError::Stale(suite.clone())),
    }
}

/// Whether there are rows of a generation that was not published.
///
/// # Errors
/// [`CatalogueError`] of the database.
pub fn is_any(tx: &mut dyn Tx, suite: &SuiteName) -> Answer<bool> {
    Ok(one(tx, IS_ANY, &[suite.as_str().into()], |_| Ok(()))?.is_some())
}

/// Undoes at most `most` rows, and gives whether there may be more.
///
/// # Errors
/// [`CatalogueError`] of the database.
pub fn take_back(tx: &mut dyn Tx, (id, last): (i64, i64), most: u32) -> Answer<bool> {
    let mut left = i64::from(most);
    for (find, undo) in [(ENTERED, NOT_ENTER), (LEFT, NOT_LEAVE), (ACCEPTED, NOT_ACCEPT)] {
        let rows = all(tx, find, &[id.into(), last.into(), left.into()], |row| {
            Ok((row.integer(0)?, row.text(1)?.to_owned(), row.integer(2)?))
        })?;
        for (package, component, from) in rows {
            let place = [package.into(), id.into(), component.into(), from.into()];
            tx.exec(undo, &place)?;
            if undo == NOT_ACCEPT {
                unbind(tx, package, id)?;
                tx.exec(NOT_TAKE, &[package.into()])?;
            }
            left = left.saturating_sub(1);
        }
        if left <= 0 {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Undoes all rows in one transaction.
///
/// # Errors
/// [`CatalogueError`] of the database.
pub fn take_all_back(tx: &mut dyn Tx, suite: (i64, i64)) -> Answer<()> {
    while take_back(tx, suite, u32::MAX)? {}
    Ok(())
}

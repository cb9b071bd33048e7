//! Emptied: since when a name is not listed, or when the last gap began of a name that is listed
//! again.

use super::rows::{moment, number, number_optional, unreadable};
use super::{Answer, Tx, count, one};
use crate::debian::{PackageName, SuiteName};
use crate::time::Moment;

const INTERVALS: &str = "\
    SELECT m.name, m.from_generation, \
        CASE WHEN m.until_generation <= s.last_generation THEN m.until_generation END \
    FROM membership AS m \
    JOIN suite AS s ON s.id = m.suite_id AND m.from_generation <= s.last_generation \
    WHERE s.name = $1 ORDER BY m.name, m.from_generation";

const PUBLISHED_AT: &str = "\
    SELECT g.published_at FROM generation AS g JOIN suite AS s ON s.id = g.suite_id \
    WHERE s.name = $1 AND g.number = $2";

/// The names that were listed and then, for a generation or more, were not. Each comes with the
/// time at which the last such gap began.
///
/// # Errors
/// [`crate::catalogue::CatalogueError`] of the database.
pub fn list(tx: &mut dyn Tx, suite: &SuiteName) -> Answer<Vec<(PackageName, Moment)>> {
    let suite = suite.as_str();
    let mut names: Vec<ListedName> = Vec::new();
    tx.each(INTERVALS, &[suite.into()], &mut |row| {
        let (name, from) = (row.text(0)?, number(row, 1)?);
        let until = number_optional(row, 2)?;
        match names.last_mut().filter(|last| last.name == name) {
            Some(last) => last.goes_on(from, until),
            None => names.push(ListedName { name: name.to_owned(), until, emptied: None }),
        }
        Ok(())
    })?;
    let mut emptied = Vec::new();
    for ListedName { name, until, emptied: before } in names {
        let Some(generation) = until.or(before) else { continue };
        let values = [suite.into(), count(generation)?.into()];
        let at = one(tx, PUBLISHED_AT, &values, |row| moment(row, 0))?;
        let name: PackageName = name.parse().map_err(unreadable)?;
        emptied.extend(at.map(|at| (name, at)));
    }
    Ok(emptied)
}

/// A name, and what its intervals that were read so far say. They come ordered by their first
/// generation.
struct ListedName {
    name: String,
    /// The first generation after these intervals; `None` when the name is still listed.
    until: Option<u64>,
    /// The generation with which the last gap began: the first without the name after one that
    /// listed it.
    emptied: Option<u64>,
}

impl ListedName {
    fn goes_on(&mut self, from: u64, until: Option<u64>) {
        let Some(end) = self.until else { return };
        if from > end {
            self.emptied = Some(end);
        }
        self.until = until.map(|until| until.max(end));
    }
}

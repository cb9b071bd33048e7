//! Moved: which packages came with which generations, and which went.

use super::rows::{PACKAGE_COLUMNS, Reader, number, package_columns};
use super::{Answer, Row, Tx, Value, all, count, one};
use crate::catalogue::{Moved, MovedOf};
use crate::debian::SuiteName;

const SUITE: &str = "SELECT id, last_generation FROM suite WHERE name = $1";

/// Packages with their component and a generation.
macro_rules! moved {
    ($generation:literal, $which:literal) => {
        concat!(
            "SELECT ",
            package_columns!(),
            ", m.component, m.",
            $generation,
            " FROM membership AS m JOIN package AS p ON p.id = m.package_id WHERE m.suite_id = $1 AND ",
            $which
        )
    };
}

// The size of a generation is looked at before its packages are read.
const CAME: &str = concat!(
    moved!(
        "from_generation",
        "m.until_generation IS NULL AND m.from_generation BETWEEN $2 AND $3 \
         AND (SELECT g.entered_count + g.left_count FROM generation AS g \
            WHERE g.suite_id = m.suite_id AND g.number = m.from_generation) <= $4"
    ),
    " UNION ALL ",
    moved!(
        "from_generation",
        "m.until_generation > $2 AND m.from_generation BETWEEN $2 AND $3 \
         AND (SELECT g.entered_count + g.left_count FROM generation AS g \
            WHERE g.suite_id = m.suite_id AND g.number = m.from_generation) <= $4"
    )
);

const WENT: &str = moved!(
    "until_generation",
    "m.until_generation BETWEEN $2 AND $3 \
     AND (SELECT g.entered_count + g.left_count FROM generation AS g \
        WHERE g.suite_id = m.suite_id AND g.number = m.until_generation) <= $4"
);

// A name has few packages, and a suite many.
const CAME_NAMED: &str = moved!(
    "from_generation",
    "m.package_id IN (SELECT q.id FROM package AS q WHERE q.source = $2 \
     UNION SELECT b.package_id FROM binding AS b WHERE b.name = $2) AND m.from_generation <= $3"
);

const WENT_NAMED: &str = moved!(
    "until_generation",
    "m.package_id IN (SELECT q.id FROM package AS q WHERE q.source = $2 \
     UNION SELECT b.package_id FROM binding AS b WHERE b.name = $2) AND m.until_generation <= $3"
);

/// An interval that begins or ends after the last generation is not published, and not told.
pub(super) fn list(tx: &mut dyn Tx, suite: &SuiteName, of: &MovedOf) -> Answer<Vec<Moved>> {
    let suite =
        one(tx, SUITE, &[suite.as_str().into()], |row| Ok((row.integer(0)?, row.integer(1)?)))?;
    let Some((suite, last)) = suite else { return Ok(Vec::new()) };
    let mut moved = match of {
        MovedOf::Generations { these, most } => {
            let (since, until) = (count(*these.start())?, count(*these.end())?.min(last));
            let most = count(*most).unwrap_or(i64::MAX);
            let values = [suite.into(), since.into(), until.into(), most.into()];
            read(tx, CAME, WENT, &values)?
        }
        MovedOf::Named(name) => {
            read(tx, CAME_NAMED, WENT_NAMED, &[suite.into(), name.as_str().into(), last.into()])?
        }
    };
    moved.sort_by_key(|one| one.generation);
    Ok(moved)
}

fn read(
    tx: &mut dyn Tx,
    came: &'static str,
    went: &'static str,
    values: &[Value<'_>],
) -> Answer<Vec<Moved>> {
    let mut reader = Reader::default();
    let mut rows = |tx: &mut dyn Tx, sql: &'static str, came: bool| {
        all(tx, sql, values, |row: &dyn Row| {
            Ok(Moved {
                component: reader.component(row, PACKAGE_COLUMNS)?,
                package: reader.package(row, 0)?,
                generation: number(row, PACKAGE_COLUMNS + 1)?,
                came,
            })
        })
    };
    let mut moved = rows(tx, came, true)?;
    moved.extend(rows(tx, went, false)?);
    Ok(moved)
}

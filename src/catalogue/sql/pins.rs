//! Pins, as they are recorded.

use super::rows::{moment, moment_optional, parse, parse_optional, pin_target};
use super::{Answer, Row, Tx, all};
use crate::domain::Pin;

const PINS: &str = "\
    SELECT kind, name, version, author, message, pinned_at, ends_at \
    FROM pin WHERE suite_id = $1 ORDER BY kind, name";

/// The pins that are in force.
pub(super) fn read(tx: &mut dyn Tx, suite: i64) -> Answer<Vec<Pin>> {
    all(tx, PINS, &[suite.into()], pin)
}

fn pin(row: &dyn Row) -> Answer<Pin> {
    Ok(Pin {
        target: pin_target(row, 0)?,
        version: parse_optional(row, 2)?,
        author: parse(row, 3)?,
        message: row.text(4)?.to_owned(),
        at: moment(row, 5)?,
        until: moment_optional(row, 6)?,
    })
}

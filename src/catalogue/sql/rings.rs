//! Rings: rollouts, the heads of rings, and the index files of rings, as they are recorded.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::rows::{
    PACKAGE_COLUMNS, Reader, damaged, moment, moment_optional, number, package_columns, parse,
};
use super::{Answer, Tx, Value, all, count, one};
use crate::domain::rollout::Reached;
use crate::domain::{RingHead, RingId, Rollout, RolloutState, Rollouts};

const OPEN: &str = "\
    SELECT number, author, message, began_at, state, why, met_at, resumed_at FROM rollout \
    WHERE suite_id = $1 AND state NOT IN ('done', 'aborted') ORDER BY number";

const LAST: &str = "SELECT MAX(number) FROM rollout WHERE suite_id = $1";

const BROUGHT: &str = concat!(
    "SELECT ",
    package_columns!(),
    ", b.component FROM rollout_package AS b JOIN package AS p ON p.id = b.package_id \
     WHERE b.suite_id = $1 AND b.number = $2"
);

const REACHED: &str = "\
    SELECT ring, generation, reached_at FROM rollout_ring WHERE suite_id = $1 AND number = $2";

const RECORD: &str = "\
    INSERT INTO rollout (suite_id, number, author, message, began_at, state, why, met_at, resumed_at) \
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) \
    ON CONFLICT (suite_id, number) DO UPDATE SET state = excluded.state, why = excluded.why, \
    met_at = excluded.met_at, resumed_at = excluded.resumed_at";

const BRING: &str = "\
    INSERT INTO rollout_package (suite_id, number, package_id, component) \
    SELECT $1, $2, id, $3 FROM package WHERE digest = $4 \
    ON CONFLICT DO NOTHING";

const REACH: &str = "\
    INSERT INTO rollout_ring (suite_id, number, ring, generation, reached_at) \
    VALUES ($1, $2, $3, $4, $5) \
    ON CONFLICT DO NOTHING";

const HEADS: &str = "\
    SELECT ring, release, release_gpg, in_release FROM ring_head WHERE suite_id = $1 ORDER BY ring";

const DROP_HEADS: &str = "DELETE FROM ring_head WHERE suite_id = $1";

const RECORD_HEAD: &str = "\
    INSERT INTO ring_head (suite_id, ring, release, release_gpg, in_release) \
    VALUES ($1, $2, $3, $4, $5)";

/// Deletes everything of these tables that refers to a suite.
pub const REMOVE: [&str; 4] = [
    "DELETE FROM rollout_ring WHERE suite_id = $1",
    "DELETE FROM rollout_package WHERE suite_id = $1",
    "DELETE FROM rollout WHERE suite_id = $1",
    "DELETE FROM ring_head WHERE suite_id = $1",
];

/// The open rollouts of a suite, and the highest number that any had.
pub fn open_rollouts(tx: &mut dyn Tx, suite: i64) -> Answer<Rollouts> {
    let last = one(tx, LAST, &[suite.into()], |row| super::rows::number_optional(row, 0))?;
    let open = read(tx, suite, OPEN, &[suite.into()])?;
    let open = open.into_iter().map(|rollout| (rollout.id, rollout)).collect();
    Ok(Rollouts { open, last: last.flatten().unwrap_or_default() })
}

/// The rollouts that these columns are read of.
pub fn read(
    tx: &mut dyn Tx,
    suite: i64,
    sql: &'static str,
    values: &[Value<'_>],
) -> Answer<Vec<Rollout>> {
    let mut rollouts = all(tx, sql, values, |row| {
        let state = row.text(4)?;
        let state = RolloutState::parse(state)
            .ok_or_else(|| damaged(format!("{state:?} is no state of a rollout")))?;
        Ok(Rollout {
            id: number(row, 0)?,
            author: parse(row, 1)?,
            message: row.text(2)?.to_owned(),
            at: moment(row, 3)?,
            state,
            why: row.text(5)?.to_owned(),
            packages: BTreeMap::new(),
            reached: BTreeMap::new(),
            met_at: moment_optional(row, 6)?,
            resumed_at: moment_optional(row, 7)?,
        })
    })?;
    let mut reader = Reader::default();
    for rollout in &mut rollouts {
        let values = [suite.into(), count(rollout.id)?.into()];
        let brought = all(tx, BROUGHT, &values, |row| {
            let package = reader.package(row, 0)?;
            let component = reader.component(row, PACKAGE_COLUMNS)?;
            Ok(((component, package.digest), Arc::new(package)))
        })?;
        rollout.packages = brought.into_iter().collect();
        let reached = all(tx, REACHED, &values, |row| {
            let reached = Reached { generation: Some(number(row, 1)?), at: moment(row, 2)? };
            Ok((RingId(number(row, 0)?), reached))
        })?;
        rollout.reached = reached.into_iter().collect();
    }
    Ok(rollouts)
}

/// Records what became of rollouts. One whose ring is reached with no generation yet reaches it with `generation`.
pub fn record_rollouts(
    tx: &mut dyn Tx,
    suite: i64,
    generation: Option<u64>,
    rollouts: &[Rollout],
) -> Answer<()> {
    for rollout in rollouts {
        let id = count(rollout.id)?;
        let values = [
            suite.into(),
            id.into(),
            rollout.author.as_str().into(),
            rollout.message.as_str().into(),
            rollout.at.0.into(),
            rollout.state.as_str().into(),
            rollout.why.as_str().into(),
            rollout.met_at.map(|at| at.0).into(),
            rollout.resumed_at.map(|at| at.0).into(),
        ];
        tx.exec(RECORD, &values)?;
        for (component, digest) in rollout.packages.keys() {
            let values = [suite.into(), id.into(), component.as_str().into(), digest.into()];
            tx.exec(BRING, &values)?;
        }
        for (ring, reached) in &rollout.reached {
            let with = reached.generation.or(generation).unwrap_or_default();
            let (ring, with) = (i64::from(ring.0), count(with)?);
            let values = [suite.into(), id.into(), ring.into(), with.into(), reached.at.0.into()];
            tx.exec(REACH, &values)?;
        }
    }
    Ok(())
}

/// What the rings are served that are offered something else.
pub fn find_heads(tx: &mut dyn Tx, suite: i64) -> Answer<Vec<RingHead>> {
    all(tx, HEADS, &[suite.into()], |row| {
        Ok(RingHead {
            ring: RingId(number(row, 0)?),
            release: row.text(1)?.to_owned(),
            release_gpg: row.text(2)?.to_owned(),
            in_release: row.text(3)?.to_owned(),
        })
    })
}

/// Puts these heads of rings in place of those before.
pub fn move_heads(tx: &mut dyn Tx, suite: i64, heads: &[RingHead]) -> Answer<()> {
    tx.exec(DROP_HEADS, &[suite.into()])?;
    for head in heads {
        let values = [
            suite.into(),
            i64::from(head.ring.0).into(),
            head.release.as_str().into(),
            head.release_gpg.as_str().into(),
            head.in_release.as_str().into(),
        ];
        tx.exec(RECORD_HEAD, &values)?;
    }
    Ok(())
}

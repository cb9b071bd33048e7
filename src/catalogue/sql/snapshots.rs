//! Snapshots: the signed texts of earlier generations, and which generation was live when.

use super::generations::{find_generation, generation, generation_columns};
use super::moved;
use super::rows::{moment, number};
use super::{Answer, Row, Store, Tx, count, one};
use crate::catalogue::{CatalogueError, Moved, MovedOf, Snapshot, Snapshots};
use crate::debian::SuiteName;
use crate::domain::GenerationRecord;
use crate::time::Moment;

const SNAPSHOT: &str = "\
    SELECT p.generation, p.signed_at, p.signed_by, p.release, p.release_gpg, p.in_release, \
        COALESCE(p.asked_at, p.signed_at) \
    FROM snapshot AS p JOIN suite AS s ON s.id = p.suite_id \
    WHERE s.name = $1 AND p.generation = $2";

// A snapshot that the same keys have signed stays as it is: hosts may have it.
const RECORD: &str = "\
    INSERT INTO snapshot (suite_id, generation, signed_at, signed_by, release, release_gpg, \
        in_release) \
    VALUES ($1, $2, $3, $4, $5, $6, $7) \
    ON CONFLICT (suite_id, generation) DO UPDATE SET signed_at = excluded.signed_at, \
        signed_by = excluded.signed_by, release = excluded.release, \
        release_gpg = excluded.release_gpg, in_release = excluded.in_release, asked_at = NULL \
    WHERE snapshot.signed_by <> excluded.signed_by";

const GENERATION: &str = concat!(
    "SELECT ",
    generation_columns!(),
    " FROM generation AS g JOIN suite AS s ON s.id = g.suite_id \
     WHERE s.name = $1 AND g.number = $2"
);

// Ordered by number: after a clock was set back, times are out of order.
const LIVE_AT: &str = concat!(
    "SELECT ",
    generation_columns!(),
    " FROM generation AS g JOIN suite AS s ON s.id = g.suite_id \
     WHERE s.name = $1 AND g.published_at <= $2 ORDER BY g.number DESC LIMIT 1"
);

impl<S: Store> Snapshots for S {
    fn find_snapshot(&self, suite: &SuiteName, generation: u64) -> Answer<Option<Snapshot>> {
        self.read(|tx| find(tx, suite, generation))
    }

    fn record_snapshot(&self, suite: &SuiteName, snapshot: &Snapshot) -> Answer<Snapshot> {
        let (suite, snapshot) = (suite.clone(), snapshot.clone());
        self.write(move |tx| {
            let absent = || {
                let what = format!("generation {} of suite {suite}", snapshot.generation);
                CatalogueError::Missing(what)
            };
            let (id, number) =
                find_generation(tx, &suite, snapshot.generation)?.ok_or_else(absent)?;
            let values = [
                id.into(),
                number.into(),
                snapshot.signed_at.0.into(),
                snapshot.keys.as_str().into(),
                snapshot.release.as_str().into(),
                snapshot.release_gpg.as_str().into(),
                snapshot.in_release.as_str().into(),
            ];
            tx.exec(RECORD, &values)?;
            find(tx, &suite, snapshot.generation)?.ok_or_else(absent)
        })
    }

    fn find_generation(
        &self,
        suite: &SuiteName,
        generation: u64,
    ) -> Answer<Option<GenerationRecord>> {
        let Ok(number) = count(generation) else { return Ok(None) };
        self.read(|tx| {
            one(tx, GENERATION, &[suite.as_str().into(), number.into()], self::generation)
        })
    }

    fn find_live_at(&self, suite: &SuiteName, at: Moment) -> Answer<Option<GenerationRecord>> {
        self.read(|tx| one(tx, LIVE_AT, &[suite.as_str().into(), at.0.into()], generation))
    }

    fn list_moved(&self, suite: &SuiteName, of: &MovedOf) -> Answer<Vec<Moved>> {
        self.read(|tx| moved::list(tx, suite, of))
    }
}

fn find(tx: &mut dyn Tx, suite: &SuiteName, generation: u64) -> Answer<Option<Snapshot>> {
    let Ok(number) = count(generation) else { return Ok(None) };
    one(tx, SNAPSHOT, &[suite.as_str().into(), number.into()], snapshot)
}

fn snapshot(row: &dyn Row) -> Answer<Snapshot> {
    Ok(Snapshot {
        generation: number(row, 0)?,
        signed_at: moment(row, 1)?,
        keys: row.text(2)?.to_owned(),
        release: row.text(3)?.to_owned(),
        release_gpg: row.text(4)?.to_owned(),
        in_release: row.text(5)?.to_owned(),
        asked_at: moment(row, 6)?,
    })
}

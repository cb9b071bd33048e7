//! Journal: when each host last read each suite.

use super::rows::{moment, number, parse};
use super::{Answer, Store, all, count};
use crate::catalogue::{Journal, Sighting};

// A sighting in a suite that was removed meanwhile is of no use and is ignored.
const RECORD_SIGHTING: &str = "\
    INSERT INTO sighting (identity, suite_id, seen_at, generation) \
    SELECT CAST($1 AS TEXT), s.id, CAST($2 AS BIGINT), CAST($3 AS BIGINT) \
        FROM suite AS s WHERE s.name = $4 \
    ON CONFLICT (identity, suite_id) DO UPDATE SET \
        seen_at = excluded.seen_at, generation = excluded.generation \
        WHERE excluded.seen_at >= sighting.seen_at";

const SIGHTINGS: &str = "\
    SELECT g.identity, s.name, g.seen_at, g.generation \
    FROM sighting AS g JOIN suite AS s ON s.id = g.suite_id ORDER BY g.identity, s.name";

impl<S: Store> Journal for S {
    fn record_sightings(&self, sightings: &[Sighting]) -> Answer<()> {
        let sightings = sightings.to_vec();
        self.write(move |tx| {
            for sighting in &sightings {
                let values = [
                    sighting.identity.as_str().into(),
                    sighting.at.0.into(),
                    count(sighting.generation)?.into(),
                    sighting.suite.as_str().into(),
                ];
                tx.exec(RECORD_SIGHTING, &values)?;
            }
            Ok(())
        })
    }

    fn list_sightings(&self) -> Answer<Vec<Sighting>> {
        self.read(|tx| {
            all(tx, SIGHTINGS, &[], |row| {
                Ok(Sighting {
                    identity: parse(row, 0)?,
                    suite: parse(row, 1)?,
                    at: moment(row, 2)?,
                    generation: number(row, 3)?,
                })
            })
        })
    }
}

//! Ring files: what rings are offered in place of everybody's files, and the rollouts behind that, as they are asked
//! for.

use std::collections::BTreeMap;

use super::generations::find_generation;
use super::listed::{listed, with_chunks};
use super::rings::read;
use super::rows::number;
use super::{Answer, Store, all, count, one};
use crate::catalogue::{IndexRecord, Rings};
use crate::debian::SuiteName;
use crate::domain::{RingFiles, RingId, Rollout};

const NEWEST: &str = "\
    SELECT r.number, r.author, r.message, r.began_at, r.state, r.why, r.met_at, r.resumed_at \
    FROM rollout AS r JOIN suite AS s ON s.id = r.suite_id \
    WHERE s.name = $1 ORDER BY r.number DESC LIMIT $2";

const SUITE: &str = "SELECT id FROM suite WHERE name = $1";

const INDEX: &str = "SELECT i.path, i.encoding, i.size_bytes, i.digest, r.chunk_ids, i.listed, i.made_of \
     FROM index_file AS i JOIN rope AS r ON r.id = i.rope_id \
     JOIN suite AS s ON s.id = i.suite_id \
     WHERE s.name = $1 AND i.ring = $2 AND i.path = $3 AND i.from_generation <= $4 \
        AND (i.until_generation IS NULL OR i.until_generation > $4)";

const INDICES: &str = "SELECT i.path, i.encoding, i.size_bytes, i.digest, r.chunk_ids, i.listed, i.made_of, i.ring \
     FROM index_file AS i JOIN rope AS r ON r.id = i.rope_id \
     WHERE i.suite_id = $1 AND i.ring IS NOT NULL AND i.from_generation <= $2 \
        AND (i.until_generation IS NULL OR i.until_generation > $2) \
     ORDER BY i.ring, i.path";

impl<S: Store> Rings for S {
    fn list_rollouts(&self, suite: &SuiteName, limit: u32) -> Answer<Vec<Rollout>> {
        self.read(|tx| {
            let id = one(tx, SUITE, &[suite.as_str().into()], |row| row.integer(0))?;
            let Some(id) = id else { return Ok(Vec::new()) };
            read(tx, id, NEWEST, &[suite.as_str().into(), i64::from(limit).into()])
        })
    }

    fn find_ring_index(
        &self,
        suite: &SuiteName,
        ring: RingId,
        generation: u64,
        path: &str,
    ) -> Answer<Option<IndexRecord>> {
        self.read(|tx| {
            let ring = i64::from(ring.0).into();
            let values = [suite.as_str().into(), ring, path.into(), count(generation)?.into()];
            let found = one(tx, INDEX, &values, listed)?;
            found.map(|file| with_chunks(self.chunk_cache(), tx, file)).transpose()
        })
    }

    fn list_ring_indices(&self, suite: &SuiteName, generation: u64) -> Answer<Vec<RingFiles>> {
        self.read(|tx| {
            let Some((id, last)) = find_generation(tx, suite, generation)? else {
                return Ok(Vec::new());
            };
            let files = all(tx, INDICES, &[id.into(), last.into()], |row| {
                Ok((RingId(number(row, 7)?), listed(row)?))
            })?;
            let mut rings: BTreeMap<RingId, Vec<_>> = BTreeMap::new();
            for (ring, file) in files {
                let record = with_chunks(self.chunk_cache(), tx, file)?;
                rings.entry(ring).or_default().push(record.file);
            }
            Ok(rings.into_iter().collect())
        })
    }
}

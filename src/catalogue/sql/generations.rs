//! Generations: the packages of each, the files that it listed, and where the chunks of those files
//! lie.

use super::emptied;
use super::heads::{lock, renew_head};
use super::indices::{record_block, record_chunk, record_indices, record_ring_indices, record_run};
use super::listed::{file, listed, with_chunks};
use super::rows::{
    PACKAGE_COLUMNS, Reader, chunk, chunk_columns, json, moment, moment_optional, number,
    number_optional, package_columns, parse,
};
use super::suites::read_contents;
use super::{Answer, ChunkCache, Row, Store, Tx, Value, all, count, one};
use crate::catalogue::{ChangesSince, Generations, IndexRecord, PastIndex};
use crate::debian::{PackageName, SuiteName};
use crate::digest::Digest;
use crate::domain::{
    Completion, Encoding, GenerationRecord, IndexFile, PackageSet, StoredBlock, StoredChunk,
    StoredRun, SuiteSpec, Tenure,
};
use crate::time::Moment;

/// The columns that [`generation`] reads.
macro_rules! generation_columns {
    () => {
        "g.number, g.published_at, g.authors, g.message, g.same_as, g.entered_count, g.left_count, \
         g.dropped_at"
    };
}
pub(super) use generation_columns;

const HISTORY: &str = concat!(
    "SELECT ",
    generation_columns!(),
    " FROM generation AS g JOIN suite AS s ON s.id = g.suite_id \
     WHERE s.name = $1 AND g.number < $2 ORDER BY g.number DESC LIMIT $3"
);

// Only generations that exist are found: an interval without an end matches every later number,
// too.
const EXISTS: &str = "\
    SELECT s.id FROM suite AS s JOIN generation AS g ON g.suite_id = s.id \
    WHERE s.name = $1 AND g.number = $2 AND g.dropped_at IS NULL";

// A state of an index that lasted into a generation that is kept may have begun with one that is not.
const EVER: &str = "\
    SELECT s.id FROM suite AS s JOIN generation AS g ON g.suite_id = s.id \
    WHERE s.name = $1 AND g.number = $2";

const SPEC: &str = "SELECT spec FROM suite WHERE id = $1";

const LAST: &str = "SELECT last_generation FROM suite WHERE id = $1";

const CONTENTS: &str = concat!(
    "SELECT ",
    package_columns!(),
    ", m.component, m.from_generation \
     FROM membership AS m JOIN package AS p ON p.id = m.package_id \
     WHERE m.suite_id = $1 AND m.from_generation <= $2 \
        AND (m.until_generation IS NULL OR m.until_generation > $2)"
);

// In both queries, $3 is the last generation: an interval that begins or ends after it is not
// published.
const ENTERED_SINCE: &str = concat!(
    "SELECT ",
    package_columns!(),
    ", m.component FROM membership AS m JOIN package AS p ON p.id = m.package_id \
     WHERE m.suite_id = $1 AND m.until_generation IS NULL \
        AND m.from_generation > $2 AND m.from_generation <= $3 \
     UNION ALL SELECT ",
    package_columns!(),
    ", m.component FROM membership AS m JOIN package AS p ON p.id = m.package_id \
     WHERE m.suite_id = $1 AND m.until_generation > $3 \
        AND m.from_generation > $2 AND m.from_generation <= $3"
);

const LEFT_SINCE: &str = concat!(
    "SELECT ",
    package_columns!(),
    ", m.component FROM membership AS m JOIN package AS p ON p.id = m.package_id \
     WHERE m.suite_id = $1 AND m.until_generation > $2 AND m.until_generation <= $3 \
        AND m.from_generation <= $2"
);

// Selects by the packages of the source: a suite has few of those and many others.
const TENURES: &str = "\
    SELECT m.component, p.digest, m.from_generation, \
        CASE WHEN m.until_generation <= s.last_generation THEN m.until_generation END \
    FROM membership AS m \
    JOIN package AS p ON p.id = m.package_id \
    JOIN suite AS s ON s.id = m.suite_id AND m.from_generation <= s.last_generation \
    WHERE s.name = $1 AND m.package_id IN (SELECT q.id FROM package AS q WHERE q.source = $2) \
    ORDER BY m.from_generation, m.component, m.name, m.architecture";

const CHUNK: &str = concat!("SELECT ", chunk_columns!(), " FROM chunk WHERE chunk_key = $1");

// A chunk that was forgotten has its own name in place of a pack's.
const PACKS: &str = "\
    SELECT pack FROM chunk WHERE pack <> chunk_key \
    UNION SELECT run_pack FROM chunk WHERE run_pack IS NOT NULL \
    UNION SELECT xz_pack FROM chunk WHERE xz_pack IS NOT NULL";

// The intervals of a path do not overlap, so only the last one that begins in time can contain the
// generation.
const INDEX: &str = "\
    SELECT i.path, i.encoding, i.size_bytes, i.digest, r.chunk_ids, i.listed, i.made_of \
    FROM (SELECT path, encoding, size_bytes, digest, rope_id, listed, made_of, until_generation \
        FROM index_file WHERE suite_id = $1 AND path = $2 AND ring IS NULL AND from_generation <= $3 \
        ORDER BY from_generation DESC, id DESC LIMIT 1) AS i \
    JOIN rope AS r ON r.id = i.rope_id \
    WHERE i.until_generation IS NULL OR i.until_generation > $3";

const PAST: &str = "\
    SELECT i.from_generation, g.published_at, i.digest, i.size_bytes FROM index_file AS i \
    JOIN suite AS s ON s.id = i.suite_id \
    JOIN generation AS g ON g.suite_id = i.suite_id AND g.number = i.from_generation \
    WHERE s.name = $1 AND i.path = $2 AND i.ring IS NULL AND i.from_generation < $3 \
        AND (i.until_generation IS NULL OR i.until_generation > i.from_generation) \
    ORDER BY i.from_generation DESC LIMIT $4";

// The name of a patch is never used again, so any generation that has it will do.
const PATCH: &str = "\
    SELECT i.path, i.encoding, i.size_bytes, i.digest, r.chunk_ids, i.listed, i.made_of \
    FROM index_file AS i \
    JOIN rope AS r ON r.id = i.rope_id \
    JOIN suite AS s ON s.id = i.suite_id \
    WHERE s.name = $1 AND i.path = $2 AND i.listed = 0 ORDER BY i.id";

// Ordered so that the newest is read last.
const BY_HASH: &str = "\
    SELECT i.path, i.encoding, i.size_bytes, i.digest, r.chunk_ids, i.listed, i.made_of \
    FROM index_file AS i \
    JOIN rope AS r ON r.id = i.rope_id \
    JOIN suite AS s ON s.id = i.suite_id \
    WHERE i.digest = $1 AND s.name = $2 ORDER BY i.id";

const INDICES: &str = "\
    SELECT i.path, i.encoding, i.size_bytes, i.digest, r.chunk_ids, i.listed, i.made_of \
    FROM index_file AS i JOIN rope AS r ON r.id = i.rope_id \
    WHERE i.suite_id = $1 AND i.ring IS NULL AND i.from_generation <= $2 \
        AND (i.until_generation IS NULL OR i.until_generation > $2) \
    ORDER BY i.path";

impl<S: Store> Generations for S {
    fn list_generations(
        &self,
        suite: &SuiteName,
        before: Option<u64>,
        limit: u32,
    ) -> Answer<Vec<GenerationRecord>> {
        let before = before.and_then(|number| i64::try_from(number).ok()).unwrap_or(i64::MAX);
        let values = [suite.as_str().into(), before.into(), i64::from(limit).into()];
        self.read(|tx| all(tx, HISTORY, &values, generation))
    }

    fn contents_at(&self, suite: &SuiteName, generation: u64) -> Answer<Option<PackageSet>> {
        self.read(|tx| match find_generation(tx, suite, generation)? {
            Some((id, number)) => {
                let mut contents = read_contents(tx, CONTENTS, &[id.into(), number.into()])?;
                let spec: Option<SuiteSpec> = one(tx, SPEC, &[id.into()], |row| json(row, 0))?;
                contents.limit(spec.map(|spec| spec.versions).unwrap_or_default());
                Ok(Some(contents))
            }
            None => Ok(None),
        })
    }

    fn changes_since(&self, suite: &SuiteName, generation: u64) -> Answer<Option<ChangesSince>> {
        self.read(|tx| {
            let Some((id, number)) = find_generation(tx, suite, generation)? else {
                return Ok(None);
            };
            let mut reader = Reader::default();
            let mut read = |row: &dyn Row| {
                Ok((reader.component(row, PACKAGE_COLUMNS)?, reader.package(row, 0)?))
            };
            let last = one(tx, LAST, &[id.into()], |row| row.integer(0))?.unwrap_or_default();
            let values = [id.into(), number.into(), last.into()];
            let entered = all(tx, ENTERED_SINCE, &values, &mut read)?;
            let left = all(tx, LEFT_SINCE, &values, &mut read)?;
            Ok(Some(ChangesSince { entered, left }))
        })
    }

    fn list_tenures(&self, suite: &SuiteName, source: &PackageName) -> Answer<Vec<Tenure>> {
        let values = [suite.as_str().into(), source.as_str().into()];
        self.read(|tx| {
            all(tx, TENURES, &values, |row| {
                Ok(Tenure {
                    component: parse(row, 0)?,
                    digest: parse(row, 1)?,
                    from: number(row, 2)?,
                    until: number_optional(row, 3)?,
                })
            })
        })
    }

    fn list_emptied(&self, suite: &SuiteName) -> Answer<Vec<(PackageName, Moment)>> {
        self.read(|tx| emptied::list(tx, suite))
    }

    fn find_chunks(&self, keys: &[Digest]) -> Answer<Vec<StoredChunk>> {
        self.read(|tx| {
            let mut found = Vec::new();
            for key in keys {
                found.extend(one(tx, CHUNK, &[key.into()], chunk)?);
            }
            Ok(found)
        })
    }

    fn find_index(
        &self,
        suite: &SuiteName,
        generation: u64,
        path: &str,
    ) -> Answer<Option<IndexRecord>> {
        self.read(|tx| {
            let Some((id, number)) = find(tx, EVER, suite, generation)? else {
                return Ok(None);
            };
            let found = one(tx, INDEX, &[id.into(), path.into(), number.into()], listed)?;
            found.map(|file| with_chunks(self.chunk_cache(), tx, file)).transpose()
        })
    }

    fn list_past(
        &self,
        suite: &SuiteName,
        path: &str,
        before: u64,
        limit: u32,
    ) -> Answer<Vec<PastIndex>> {
        let before = i64::try_from(before).unwrap_or(i64::MAX);
        let values = [suite.as_str().into(), path.into(), before.into(), i64::from(limit).into()];
        self.read(|tx| {
            all(tx, PAST, &values, |row| {
                let (generation, at) = (number(row, 0)?, moment(row, 1)?);
                let (digest, size_bytes) = (parse(row, 2)?, number(row, 3)?);
                Ok(PastIndex { generation, at, digest, size_bytes })
            })
        })
    }

    fn find_by_hash(
        &self,
        suite: &SuiteName,
        directory: &str,
        digest: &Digest,
    ) -> Answer<Option<IndexRecord>> {
        self.read(|tx| {
            let mut files = all(tx, BY_HASH, &[digest.into(), suite.as_str().into()], listed)?;
            files.retain(|file| parent(&file.path) == directory);
            files.pop().map(|file| with_chunks(self.chunk_cache(), tx, file)).transpose()
        })
    }

    fn record_blocks(&self, blocks: &[(Digest, StoredBlock)]) -> Answer<()> {
        let blocks = blocks.to_vec();
        self.write(move |tx| {
            blocks.iter().try_for_each(|(key, block)| record_block(tx, key, block))
        })
    }

    fn record_runs(&self, runs: &[(Digest, StoredRun)]) -> Answer<()> {
        let runs = runs.to_vec();
        self.write(move |tx| runs.iter().try_for_each(|(key, run)| record_run(tx, key, run)))
    }

    fn complete(&self, completion: &Completion) -> Answer<()> {
        let done = completion.clone();
        self.write(move |tx| {
            let (id, _) = lock(tx, &done.suite)?;
            renew_head(tx, &done.suite, id, &done.head)?;
            done.chunks.iter().try_for_each(|chunk| record_chunk(tx, chunk))?;
            let generation = count(done.head.generation)?;
            record_indices(tx, id, generation, &done.indices)?;
            record_ring_indices(tx, id, generation, &done.rings)
        })
    }

    fn find_patch(&self, suite: &SuiteName, path: &str) -> Answer<Option<IndexRecord>> {
        self.read(|tx| {
            let found = one(tx, PATCH, &[suite.as_str().into(), path.into()], listed)?;
            found.map(|file| with_chunks(self.chunk_cache(), tx, file)).transpose()
        })
    }

    fn list_packs(&self) -> Answer<Vec<Digest>> {
        self.read(|tx| all(tx, PACKS, &[], |row| parse(row, 0)))
    }

    fn list_indices(&self, suite: &SuiteName, generation: u64) -> Answer<Vec<IndexFile>> {
        self.read(|tx| {
            let Some((id, number)) = find_generation(tx, suite, generation)? else {
                return Ok(Vec::new());
            };
            list_indices(self.chunk_cache(), tx, &[id.into(), number.into()])
        })
    }
}

/// The suite's id and the number as an integer, when there is such a generation and it is kept.
pub(super) fn find_generation(
    tx: &mut dyn Tx,
    suite: &SuiteName,
    generation: u64,
) -> Answer<Option<(i64, i64)>> {
    find(tx, EXISTS, suite, generation)
}

fn find(
    tx: &mut dyn Tx,
    sql: &'static str,
    suite: &SuiteName,
    generation: u64,
) -> Answer<Option<(i64, i64)>> {
    let Ok(number) = i64::try_from(generation) else { return Ok(None) };
    let id = one(tx, sql, &[suite.as_str().into(), number.into()], |row| row.integer(0))?;
    Ok(id.map(|id| (id, number)))
}

/// Reads [`generation_columns`].
pub(super) fn generation(row: &dyn Row) -> Answer<GenerationRecord> {
    Ok(GenerationRecord {
        generation: number(row, 0)?,
        at: moment(row, 1)?,
        authors: json(row, 2)?,
        message: row.text(3)?.to_owned(),
        same_as: number_optional(row, 4)?,
        entered: number(row, 5)?,
        left: number(row, 6)?,
        dropped: moment_optional(row, 7)?,
    })
}

/// The directory of a path; empty at the top.
fn parent(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(directory, _)| directory)
}

/// Reads the chunks of a rope once for all encodings that share it.
fn list_indices(
    chunk_cache: &ChunkCache,
    tx: &mut dyn Tx,
    values: &[Value<'_>],
) -> Answer<Vec<IndexFile>> {
    let mut ropes = std::collections::HashMap::<Vec<i64>, std::sync::Arc<[Digest]>>::new();
    let mut files = Vec::new();
    for listed in all(tx, INDICES, values, listed)? {
        let keys = match ropes.get(&listed.chunk_ids) {
            Some(keys) => keys.clone(),
            None => {
                let chunks = chunk_cache.read(tx, &listed.chunk_ids, Encoding::Plain)?;
                let keys: std::sync::Arc<[Digest]> = chunks.iter().map(|c| c.key).collect();
                ropes.insert(listed.chunk_ids.clone(), keys.clone());
                keys
            }
        };
        files.push(file(listed, keys));
    }
    Ok(files)
}

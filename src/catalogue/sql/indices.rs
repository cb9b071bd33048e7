//! Recording of indices: chunks, the ropes made of them, and the intervals of the files that
//! consist of those ropes.

use std::collections::HashMap;

use super::rows::{encoding, encoding_word, number, number_optional};
use super::{Answer, Tx, Value, all, count, one};
use crate::catalogue::CatalogueError;
use crate::digest::{Digest, Hasher};
use crate::domain::{Encoding, IndexFile, RingFiles, StoredBlock, StoredChunk, StoredRun};

const RECORD_CHUNK: &str = "\
    INSERT INTO chunk (chunk_key, pack, plain_offset, plain_bytes, plain_lines, member_offset, member_bytes, \
        run_pack, run_offset, run_bytes, run_crc32, xz_pack, xz_offset, xz_bytes, xz_unpadded_bytes) \
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15) \
    ON CONFLICT (chunk_key) DO NOTHING";

// As for a block, the first run that was made stays.
const RECORD_RUN: &str = "\
    UPDATE chunk SET run_pack = $1, run_offset = $2, run_bytes = $3, run_crc32 = $4 \
    WHERE chunk_key = $5 AND run_pack IS NULL";

// The first block that was made stays: a signed head may list a file with it.
const RECORD_BLOCK: &str = "\
    UPDATE chunk SET xz_pack = $1, xz_offset = $2, xz_bytes = $3, xz_unpadded_bytes = $4 \
    WHERE chunk_key = $5 AND xz_pack IS NULL";

const CHUNK_ID: &str = "SELECT id FROM chunk WHERE chunk_key = $1";

const ROPE_ID: &str = "SELECT id FROM rope WHERE rope_key = $1";

const RECORD_ROPE: &str = "INSERT INTO rope (rope_key, chunk_ids) VALUES ($1, $2) RETURNING id";

const LIVE_INDICES: &str = "\
    SELECT path, digest, size_bytes, rope_id, listed, encoding, made_of FROM index_file \
    WHERE suite_id = $1 AND ring IS NULL AND until_generation IS NULL";

const CLOSE_INDEX: &str = "\
    UPDATE index_file SET until_generation = $1 \
    WHERE suite_id = $2 AND path = $3 AND ring IS NULL AND until_generation IS NULL";

const RECORD_INDEX: &str = "\
    INSERT INTO index_file (suite_id, path, encoding, size_bytes, digest, rope_id, \
        listed, made_of, from_generation) \
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";

// The same bytes may be made of a later generation, and the next edit of the file has to know of
// which.
const DATE_INDEX: &str = "\
    UPDATE index_file SET made_of = $1 \
    WHERE suite_id = $2 AND path = $3 AND ring IS NULL AND until_generation IS NULL";

const LIVE_OF_RINGS: &str = "\
    SELECT id, ring, path, digest, rope_id FROM index_file \
    WHERE suite_id = $1 AND ring IS NOT NULL AND until_generation IS NULL";

const CLOSE_OF_RING: &str = "UPDATE index_file SET until_generation = $1 WHERE id = $2";

const RECORD_OF_RING: &str = "\
    INSERT INTO index_file (suite_id, ring, path, encoding, size_bytes, digest, rope_id, listed, \
        from_generation) \
    VALUES ($1, $2, $3, $4, $5, $6, $7, 1, $8)";

/// Opens an interval for each file that is new or changed, and closes the intervals of files that
/// ended. An unchanged file adds no row.
///
/// # Errors
/// [`CatalogueError::Chunk`] when a file names a chunk that is not recorded.
pub fn record_indices(
    tx: &mut dyn Tx,
    suite: i64,
    number: i64,
    indices: &[IndexFile],
) -> Answer<()> {
    let mut live = live_indices(tx, suite)?;
    let mut ropes = Ropes::default();
    for file in indices {
        let rope = ropes.record(tx, &file.chunks)?;
        let now = (file.digest.to_string(), file.size_bytes, rope, file.listed, file.encoding);
        let before = live.remove(&file.path);
        let made_of = file.made_of.map(count).transpose()?;
        if let Some((same, dated)) = &before
            && *same == now
        {
            if *dated != made_of {
                tx.exec(DATE_INDEX, &[made_of.into(), suite.into(), file.path.as_str().into()])?;
            }
            continue;
        }
        if before.is_some() {
            close_index(tx, suite, number, &file.path)?;
        }
        let values = [
            suite.into(),
            file.path.as_str().into(),
            encoding_word(file.encoding).into(),
            count(file.size_bytes)?.into(),
            now.0.into(),
            rope.into(),
            i64::from(file.listed).into(),
            made_of.into(),
            number.into(),
        ];
        tx.exec(RECORD_INDEX, &values)?;
    }
    live.keys().try_for_each(|path| close_index(tx, suite, number, path))
}

fn close_index(tx: &mut dyn Tx, suite: i64, number: i64, path: &str) -> Answer<()> {
    tx.exec(CLOSE_INDEX, &[number.into(), suite.into(), path.into()]).map(drop)
}

/// Opens an interval for each file of a ring that is new or changed, and closes those of files that ended.
pub fn record_ring_indices(
    tx: &mut dyn Tx,
    suite: i64,
    generation: i64,
    rings: &[RingFiles],
) -> Answer<()> {
    let live = all(tx, LIVE_OF_RINGS, &[suite.into()], |row| {
        let ring: u32 = number(row, 1)?;
        let file = (row.integer(0)?, row.text(3)?.to_owned(), row.integer(4)?);
        Ok(((ring, row.text(2)?.to_owned()), file))
    })?;
    let mut live: HashMap<_, _> = live.into_iter().collect();
    let mut ropes = Ropes::default();
    for (ring, file) in rings.iter().flat_map(|(ring, files)| files.iter().map(move |f| (ring, f)))
    {
        let rope = ropes.record(tx, &file.chunks)?;
        let digest = file.digest.to_string();
        if let Some((id, before, before_rope)) = live.remove(&(ring.0, file.path.clone())) {
            if before == digest && before_rope == rope {
                continue;
            }
            tx.exec(CLOSE_OF_RING, &[generation.into(), id.into()])?;
        }
        let values = [
            suite.into(),
            i64::from(ring.0).into(),
            file.path.as_str().into(),
            encoding_word(file.encoding).into(),
            count(file.size_bytes)?.into(),
            digest.into(),
            rope.into(),
            generation.into(),
        ];
        tx.exec(RECORD_OF_RING, &values)?;
    }
    live.into_values()
        .try_for_each(|(id, ..)| tx.exec(CLOSE_OF_RING, &[generation.into(), id.into()]).map(drop))
}

/// Digest, size, rope, whether it is listed, and its form. The form is compared too, because a gzip
/// file of at most one chunk has the same bytes in both forms.
type Live = (String, u64, i64, bool, Encoding);

/// The index files of the last generation, by path, each with the generation that it was made of.
fn live_indices(tx: &mut dyn Tx, suite: i64) -> Answer<HashMap<String, (Live, Option<i64>)>> {
    let rows = all(tx, LIVE_INDICES, &[suite.into()], |row| {
        let listed = row.integer(4)? == 1;
        let (size_bytes, form) = (number(row, 2)?, encoding(row, 5)?);
        let file = (row.text(1)?.to_owned(), size_bytes, row.integer(3)?, listed, form);
        Ok((row.text(0)?.to_owned(), (file, number_optional(row, 6)?)))
    })?;
    Ok(rows.into_iter().collect())
}

/// Records a chunk, unless one of its key is recorded already.
pub fn record_chunk(tx: &mut dyn Tx, chunk: &StoredChunk) -> Answer<()> {
    let (member, run, xz) = (chunk.member.as_ref(), chunk.run.as_ref(), chunk.xz.as_ref());
    let values = [
        (&chunk.key).into(),
        (&chunk.pack).into(),
        chunk.plain_offset.map(count).transpose()?.into(),
        i64::from(chunk.plain_bytes).into(),
        i64::from(chunk.plain_lines).into(),
        member.map(|member| count(member.offset)).transpose()?.into(),
        member.map(|member| i64::from(member.bytes)).into(),
        run.map(|run| run.pack.to_string()).into(),
        run.map(|run| count(run.offset)).transpose()?.into(),
        run.map(|run| i64::from(run.bytes)).into(),
        run.map(|run| i64::from(run.crc32)).into(),
        xz.map(|xz| xz.pack.to_string()).into(),
        xz.map(|xz| count(xz.offset)).transpose()?.into(),
        xz.map(|xz| i64::from(xz.bytes)).into(),
        xz.map(|xz| i64::from(xz.unpadded_bytes)).into(),
    ];
    tx.exec(RECORD_CHUNK, &values).map(drop)
}

/// Records where a chunk's run of deflate blocks lies, unless it has one.
///
/// # Errors
/// [`CatalogueError`] of the database.
pub fn record_run(tx: &mut dyn Tx, key: &Digest, run: &StoredRun) -> Answer<()> {
    let values = [
        (&run.pack).into(),
        count(run.offset)?.into(),
        i64::from(run.bytes).into(),
        i64::from(run.crc32).into(),
        key.into(),
    ];
    tx.exec(RECORD_RUN, &values).map(drop)
}

/// Records where a chunk's xz block lies, unless it has one.
///
/// # Errors
/// [`CatalogueError`] of the database.
pub fn record_block(tx: &mut dyn Tx, key: &Digest, block: &StoredBlock) -> Answer<()> {
    let values = [
        (&block.pack).into(),
        count(block.offset)?.into(),
        i64::from(block.bytes).into(),
        i64::from(block.unpadded_bytes).into(),
        key.into(),
    ];
    tx.exec(RECORD_BLOCK, &values).map(drop)
}

/// The ropes of one publication, each looked up once for all encodings that share it.
#[derive(Default)]
struct Ropes(HashMap<Digest, i64>);

impl Ropes {
    fn record(&mut self, tx: &mut dyn Tx, chunks: &[Digest]) -> Answer<i64> {
        let key = rope_key(chunks);
        if let Some(id) = self.0.get(&key) {
            return Ok(*id);
        }
        let id = match one(tx, ROPE_ID, &[(&key).into()], |row| row.integer(0))? {
            Some(id) => id,
            None => record_rope(tx, &key, chunks)?,
        };
        self.0.insert(key, id);
        Ok(id)
    }
}

fn rope_key(chunks: &[Digest]) -> Digest {
    let mut hasher = Hasher::new();
    for chunk in chunks {
        hasher.update(chunk.as_bytes());
    }
    hasher.finish()
}

fn record_rope(tx: &mut dyn Tx, key: &Digest, chunks: &[Digest]) -> Answer<i64> {
    let mut ids = Vec::with_capacity(chunks.len().saturating_mul(8));
    for chunk in chunks {
        let id = one(tx, CHUNK_ID, &[chunk.into()], |row| row.integer(0))?
            .ok_or(CatalogueError::Chunk(*chunk))?;
        ids.extend_from_slice(&id.to_be_bytes());
    }
    let values = [key.into(), Value::Bytes(ids.into())];
    one(tx, RECORD_ROPE, &values, |row| row.integer(0))?
        .ok_or_else(|| CatalogueError::Database("a rope was recorded without an id".into()))
}

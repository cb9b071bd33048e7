//! Repairs: what takes the place of what was lost.

use std::collections::HashSet;

use super::indices::record_chunk;
use super::listed::{listed, with_chunks};
use super::rows::{chunk, chunk_columns, damaged, number, parse};
use super::{Answer, ChunkCache, Row, Store, Tx, all, count, one};
use crate::catalogue::{CatalogueError, FiledIndex, IndexRecord, Repairs};
use crate::digest::Digest;
use crate::domain::StoredChunk;

const IN_PACK: &str = concat!(
    "SELECT ",
    chunk_columns!(),
    " FROM chunk WHERE pack = $1 OR run_pack = $1 OR xz_pack = $1 ORDER BY id"
);

const CHUNK_ID: &str = "SELECT id FROM chunk WHERE chunk_key = $1";

const ROPES: &str = "SELECT id, chunk_ids FROM rope";

const FILES: &str = "SELECT id, rope_id FROM index_file";

const FORGET_FILE: &str = "DELETE FROM index_file WHERE id = $1";

// As for a chunk: a rope of the same chunks, once they are made anew, is another one.
const FORGET_ROPE: &str = "UPDATE rope SET rope_key = $1 WHERE id = $2";

// The row stays, under a name that no chunk has: what is cached by its id must never be taken for
// another chunk.
const FORGET_CHUNK: &str = "\
    UPDATE chunk SET chunk_key = $1, pack = $1, plain_offset = NULL, member_offset = NULL, \
        member_bytes = NULL, run_pack = NULL, run_offset = NULL, run_bytes = NULL, run_crc32 = NULL, \
        xz_pack = NULL, xz_offset = NULL, xz_bytes = NULL, xz_unpadded_bytes = NULL \
    WHERE id = $2";

const REPLACE_CHUNK: &str = "\
    UPDATE chunk SET (pack, plain_offset, plain_bytes, plain_lines, member_offset, member_bytes, \
        run_pack, run_offset, run_bytes, run_crc32, xz_pack, xz_offset, xz_bytes, xz_unpadded_bytes) \
        = (SELECT pack, plain_offset, plain_bytes, plain_lines, member_offset, member_bytes, \
            run_pack, run_offset, run_bytes, run_crc32, xz_pack, xz_offset, xz_bytes, xz_unpadded_bytes \
            FROM chunk WHERE chunk_key = $1) \
    WHERE chunk_key = $2";

const DROP_CHUNK: &str = "DELETE FROM chunk WHERE chunk_key = $1";

const ROPE_OF_FILE: &str = "SELECT rope_id FROM index_file WHERE id = $1";

const FORGET_FILES_OF_ROPE: &str = "DELETE FROM index_file WHERE rope_id = $1";

const STANZA_DIGEST: &str = "SELECT stanza_digest FROM package WHERE digest = $1";

const REPAIR_STANZA: &str = "\
    UPDATE stanza SET stanza = $1 WHERE package_id = (SELECT id FROM package WHERE digest = $2)";

const DIGESTS: &str = "SELECT digest FROM package WHERE digest > $1 ORDER BY digest LIMIT $2";

const FILED: &str = "\
    SELECT i.id, s.name, i.from_generation, i.path FROM index_file AS i \
    JOIN suite AS s ON s.id = i.suite_id WHERE i.id > $1 ORDER BY i.id LIMIT $2";

const FILED_ROW: &str = "\
    SELECT i.path, i.encoding, i.size_bytes, i.digest, r.chunk_ids, i.listed, i.made_of \
    FROM index_file AS i JOIN rope AS r ON r.id = i.rope_id WHERE i.id = $1";

impl<S: Store> Repairs for S {
    fn list_digests(&self, after: Option<Digest>, most: u32) -> Answer<Vec<Digest>> {
        let after = after.map(|digest| digest.to_string()).unwrap_or_default();
        let values = [after.as_str().into(), i64::from(most).into()];
        self.read(|tx| all(tx, DIGESTS, &values, |row| parse(row, 0)))
    }

    fn list_filed(&self, after: u64, most: u32) -> Answer<Vec<FiledIndex>> {
        let values = [count(after)?.into(), i64::from(most).into()];
        let filed = |row: &dyn Row| {
            let (id, generation) = (number(row, 0)?, number(row, 2)?);
            let (suite, path) = (parse(row, 1)?, row.text(3)?.to_owned());
            Ok(FiledIndex { id, suite, generation, path })
        };
        self.read(|tx| all(tx, FILED, &values, filed))
    }

    fn read_filed(&self, id: u64) -> Answer<Option<IndexRecord>> {
        let id = count(id)?;
        self.read(|tx| {
            let found = one(tx, FILED_ROW, &[id.into()], listed)?;
            // Not what is cached: a check is about what is recorded.
            found.map(|listed| with_chunks(&ChunkCache::default(), tx, listed)).transpose()
        })
    }

    fn list_chunks_in(&self, pack: &Digest) -> Answer<Vec<StoredChunk>> {
        self.read(|tx| all(tx, IN_PACK, &[pack.into()], chunk))
    }

    fn forget_chunks(&self, keys: &[Digest]) -> Answer<()> {
        let keys = keys.to_vec();
        self.write(move |tx| {
            let mut ids = HashSet::new();
            for key in &keys {
                ids.extend(one(tx, CHUNK_ID, &[key.into()], |row| row.integer(0))?);
            }
            if ids.is_empty() {
                return Ok(());
            }
            let ropes = ropes_of(tx, &ids)?;
            let files = all(tx, FILES, &[], |row| Ok((row.integer(0)?, row.integer(1)?)))?;
            for (file, _) in files.iter().filter(|(_, rope)| ropes.contains(rope)) {
                tx.exec(FORGET_FILE, &[(*file).into()])?;
            }
            for rope in &ropes {
                let name = Digest::of_fields(&["forgotten rope", &rope.to_string()]);
                tx.exec(FORGET_ROPE, &[(&name).into(), (*rope).into()])?;
            }
            ids.iter().try_for_each(|id| {
                let name = Digest::of_fields(&["forgotten chunk", &id.to_string()]);
                tx.exec(FORGET_CHUNK, &[(&name).into(), (*id).into()]).map(drop)
            })
        })
    }

    fn record_chunks(&self, chunks: &[StoredChunk]) -> Answer<()> {
        let chunks = chunks.to_vec();
        self.write(move |tx| chunks.iter().try_for_each(|chunk| record_chunk(tx, chunk)))
    }

    fn replace_chunk(&self, chunk: &StoredChunk) -> Answer<()> {
        let chunk = chunk.clone();
        self.write(move |tx| {
            // Recorded like a new one under a passing name, and then moved to the row that ropes name.
            let passing = Digest::of_fields(&["replaced chunk", &chunk.key.to_string()]);
            record_chunk(tx, &StoredChunk { key: passing, ..chunk.clone() })?;
            tx.exec(REPLACE_CHUNK, &[(&passing).into(), (&chunk.key).into()])?;
            tx.exec(DROP_CHUNK, &[(&passing).into()]).map(drop)
        })?;
        // It has the row as it was.
        self.chunk_cache().clear();
        Ok(())
    }

    fn forget_file(&self, id: u64) -> Answer<()> {
        let id = count(id)?;
        self.write(move |tx| {
            let rope = one(tx, ROPE_OF_FILE, &[id.into()], |row| row.integer(0))?;
            let Some(rope) = rope else { return Ok(()) };
            tx.exec(FORGET_FILES_OF_ROPE, &[rope.into()])?;
            let name = Digest::of_fields(&["forgotten rope", &rope.to_string()]);
            tx.exec(FORGET_ROPE, &[(&name).into(), rope.into()]).map(drop)
        })
    }

    fn repair_stanza(&self, package: &Digest, stanza: &str) -> Answer<()> {
        let (package, stanza) = (*package, stanza.to_owned());
        self.write(move |tx| {
            let recorded = one(tx, STANZA_DIGEST, &[(&package).into()], |row| {
                row.text(0)?.parse::<Digest>().map_err(|_| damaged("a digest of a stanza"))
            })?;
            let recorded =
                recorded.ok_or_else(|| CatalogueError::Missing(format!("package {package}")))?;
            if recorded != Digest::of(stanza.as_bytes()) {
                return Err(CatalogueError::Stanza(package));
            }
            tx.exec(REPAIR_STANZA, &[stanza.as_str().into(), (&package).into()]).map(drop)
        })
    }
}

/// The ropes that hold any of these chunks.
fn ropes_of(tx: &mut dyn Tx, chunks: &HashSet<i64>) -> Answer<HashSet<i64>> {
    let ropes = all(tx, ROPES, &[], |row| {
        let (ids, _) = row.bytes(1)?.as_chunks::<8>();
        let holds = ids.iter().any(|id| chunks.contains(&i64::from_be_bytes(*id)));
        Ok((row.integer(0)?, holds))
    })?;
    Ok(ropes.into_iter().filter(|(_, holds)| *holds).map(|(rope, _)| rope).collect())
}

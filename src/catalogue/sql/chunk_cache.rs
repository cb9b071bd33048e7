//! Chunk cache: chunks that were read before. A rope names hundreds of chunks, and most heads share
//! most of them. With the cache an index is found with one read of the database instead of
//! hundreds.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::rows::{chunk, chunk_columns, damaged};
use super::{Answer, Tx, one};
use crate::domain::{Encoding, StoredChunk};

const CHUNK_BY_ID: &str = concat!("SELECT ", chunk_columns!(), " FROM chunk WHERE id = $1");

/// How many chunks are cached at most; each takes some 200 bytes.
const MOST: usize = 32_768;

/// Chunks by their ids.
#[derive(Default)]
pub struct ChunkCache(Mutex<HashMap<i64, Arc<StoredChunk>>>);

impl ChunkCache {
    /// Forgets all of them: what is recorded of some was altered.
    pub fn clear(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// The chunks of a rope, in order. All of them have the form `encoding`: a chunk that was
    /// cached before it had that form is read again.
    ///
    /// # Errors
    /// [`crate::catalogue::CatalogueError::Damaged`] when a chunk is missing.
    pub fn read(
        &self,
        tx: &mut dyn Tx,
        ids: &[i64],
        encoding: Encoding,
    ) -> Answer<Vec<Arc<StoredChunk>>> {
        let fits = |chunk: &Arc<StoredChunk>| chunk.size_bytes(encoding).is_some();
        let mut found: Vec<Option<Arc<StoredChunk>>> = {
            let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            ids.iter().map(|id| kept.get(id).filter(|chunk| fits(chunk)).cloned()).collect()
        };
        let mut fresh = Vec::new();
        for (id, slot) in ids.iter().zip(&mut found).filter(|(_, slot)| slot.is_none()) {
            let read = one(tx, CHUNK_BY_ID, &[(*id).into()], chunk)?;
            let lost = || damaged(format!("a rope names chunk {id}, which is not there"));
            let read = Arc::new(read.ok_or_else(lost)?);
            fresh.push((*id, Arc::clone(&read)));
            *slot = Some(read);
        }
        if !fresh.is_empty() {
            let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            if kept.len().saturating_add(fresh.len()) > MOST {
                kept.clear();
            }
            kept.extend(fresh);
        }
        Ok(found.into_iter().flatten().collect())
    }
}

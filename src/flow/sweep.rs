//! Sweep: bytes that nothing has named for longer than the grace are removed, and nothing else.

use std::collections::HashSet;

use crate::flow::{FlowError, Repository};
use crate::pool::Kind;

/// What a sweep removed.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct Swept {
    /// How many `.deb` files.
    pub blobs: u64,
    /// How many packs of chunks.
    pub packs: u64,
}

/// How many names are looked up at once.
const BATCH: usize = 500;

/// Removes staged packages that no suite took, and bytes that no record names. Blocks.
///
/// # Errors
/// [`FlowError`] from the stores; what was not yet removed stays.
pub fn sweep(repository: &Repository) -> Result<Swept, FlowError> {
    // No upload may find its bytes there, and have them removed before they are recorded.
    let _alone = repository.sweeping.write();
    let before = repository.now().plus(-repository.limits().grace_seconds);
    let mut swept = Swept::default();
    for digest in repository.catalogue.forget_staged(before)? {
        repository.pool.remove(Kind::Blob, &digest)?;
        swept.blobs = swept.blobs.saturating_add(1);
    }
    let old = |kind| -> Result<Vec<_>, FlowError> {
        let listed = repository.pool.list(kind)?;
        Ok(listed
            .into_iter()
            .filter(|one| one.written_at < before.0)
            .map(|one| one.digest)
            .collect())
    };
    for batch in old(Kind::Blob)?.chunks(BATCH) {
        let known = repository.catalogue.find_packages(batch)?;
        let known: HashSet<_> = known.into_iter().map(|record| record.package.digest).collect();
        for digest in batch.iter().filter(|digest| !known.contains(*digest)) {
            repository.pool.remove(Kind::Blob, digest)?;
            swept.blobs = swept.blobs.saturating_add(1);
        }
    }
    let named: HashSet<_> = repository.catalogue.list_packs()?.into_iter().collect();
    for digest in old(Kind::Pack)?.into_iter().filter(|digest| !named.contains(digest)) {
        repository.pool.remove(Kind::Pack, &digest)?;
        swept.packs = swept.packs.saturating_add(1);
    }
    Ok(swept)
}

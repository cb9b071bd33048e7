//! The audit log of a data directory, checked against its chain without the server.

use std::path::Path;

use super::{DataDirectory, ServerError, part};
use crate::catalogue::SqliteCatalogue;
use crate::config::Config;
use crate::flow::audit::seal;
pub use crate::flow::audit::seal::Verdict;
use crate::signing::DateFloor;
use crate::time::Moment;

/// The most that is read of the public keys. Unit: bytes.
pub(super) const ARCHIVE_KEY_BYTES: u64 = 16 << 20;

/// Checks the whole log against its chain and its checkpoints, also while a server writes to it.
///
/// # Errors
/// [`ServerError`] when it cannot be read; for an altered log the verdict says so.
pub fn verify(config: &Path, now: Moment) -> Result<Verdict, ServerError> {
    let config = Config::load(config).map_err(part("configuration"))?;
    let data = DataDirectory::beside(&config.data)?;
    let catalogue = SqliteCatalogue::open_reading(&data.catalogue()).map_err(part("catalogue"))?;
    let keys = crate::reading::read_text(&data.archive_key(), ARCHIVE_KEY_BYTES)
        .map_err(part("archive key"))?;
    let floor = DateFloor::open(data.floor()).map_err(part("date floor"))?;
    let kept = floor.read_statement().map_err(part("date floor"))?;
    let mut verdict = seal::verify(&catalogue, &keys, now);
    verdict.compare(&catalogue, kept.as_deref()).map_err(part("audit log"))?;
    Ok(verdict)
}

//! Sightings: which hosts were served, written from memory to the catalogue from time to time.

use crate::flow::error::FlowError;
use crate::flow::repository::Repository;

/// Writes the sightings that are in memory. Blocks.
///
/// # Errors
/// [`FlowError`] from the catalogue. The sightings being written are lost then, except for
/// keyrings: hosts will be seen again.
pub fn write(repository: &Repository) -> Result<(), FlowError> {
    let sightings = repository.journal.take();
    if !sightings.is_empty() {
        repository.catalogue.record_sightings(&sightings)?;
    }
    let fetched = repository.journal.take_clients();
    if !fetched.is_empty() {
        repository.catalogue.record_client_sightings(&fetched)?;
    }
    let keyrings = repository.journal.take_keyrings();
    if !keyrings.is_empty() {
        let recorded = repository.catalogue.record_keyring_sightings(&keyrings);
        // Put back, because a host enrols once: this sighting would not come again.
        recorded.inspect_err(|_| repository.journal.put_keyrings_back(keyrings))?;
    }
    Ok(())
}

/// The same before a report. A report that lacks what was seen last is better than none, and a revocation
/// reads one on a full disk too.
pub fn write_if_possible(repository: &Repository) {
    if let Err(problem) = write(repository) {
        tracing::warn!(%problem, "what hosts fetched last was not kept");
    }
}

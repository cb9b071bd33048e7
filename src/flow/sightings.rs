//! Sightings: what was noted of the hosts that were served is written to the catalogue now and then.

use crate::flow::error::FlowError;
use crate::flow::repository::Repository;

/// Writes what was noted. Blocks.
///
/// # Errors
/// [`FlowError`] from the catalogue; what will be seen again is lost then.
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
        // A host enrols once, so that this would not be seen again.
        recorded.inspect_err(|_| repository.journal.put_keyrings_back(keyrings))?;
    }
    Ok(())
}

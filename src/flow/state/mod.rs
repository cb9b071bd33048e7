//! WHAT IS IN MEMORY beside the stores: rights at hand, aliases, sightings and refusals that are not yet written, and how
//! much uploads may hold. Nothing here knows the repository.
//!
//! May name: error, threads

pub mod aliases;
pub mod grants;
pub mod journal;
pub mod refusals;
pub mod upload_memory;

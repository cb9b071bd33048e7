//! WHAT IS IN MEMORY beside the stores: cached rights, aliases, sightings and refusals that are not
//! yet written, and the memory budget of uploads. Nothing here knows the repository.
//!
//! May name: error, threads

pub mod aliases;
pub mod damage;
pub mod deadlines;
pub mod grants;
pub mod incoming;
pub mod journal;
pub mod mishaps;
pub mod refusals;
pub mod scrubbing;
pub mod shares;
pub mod timings;
pub mod upload_memory;

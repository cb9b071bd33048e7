//! FILES OF A SUITE in memory: chunks, the live indices, and hashes that can go on from any chunk.
//!
//! May name: error

pub mod chunk;
pub mod live;
pub mod resumable_hash;

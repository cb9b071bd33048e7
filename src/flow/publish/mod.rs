//! A GENERATION BECOMES LIVE: chunks, indices, the Release text, its signature, and one transaction
//! that shows it.
//!
//! May name: error, threads, index, suite, repository

pub mod chunks;
pub mod generation;
pub mod heads;
pub mod indices;
pub mod redate;
pub mod release;
pub mod render;
pub mod rings;
pub mod slices;

//! WHAT HOSTS AND MIRRORS READ: a path becomes bytes, today or of an earlier generation.
//!
//! May name: error, threads, state, index, suite, repository, admit, publish

pub mod export;
pub mod fetch;
pub mod snapshot;
pub mod source;

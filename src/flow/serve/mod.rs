//! WHAT HOSTS AND MIRRORS READ: a path becomes bytes, of the live generation or an earlier one.
//!
//! May name: error, threads, state, index, suite, repository, admit, report, publish

pub mod export;
pub mod fetch;
mod ring;
pub mod snapshot;
pub mod source;
mod withdrawn;

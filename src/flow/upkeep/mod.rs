//! WHAT RUNS BY ITSELF, and what starts it: writers of suites, keys, client packages, renewals, the
//! sweep.
//!
//! May name: error, threads, state, suite, repository, admit, sightings, audit, upload, publish, change, followup, access, serve, inventory

pub mod client_package;
pub mod keyring;
pub mod keys;
pub mod leave_out;
pub mod refresh;
pub(crate) mod restored;
pub mod retention;
pub mod rollouts;
pub mod suite;
pub mod sweep;
pub mod writer;

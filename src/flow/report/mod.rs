//! WHAT PEOPLE ASK FOR: reads, a few at once.
//!
//! May name: error, threads, state, suite, repository, admit, sightings

pub mod health;
pub mod identities;
pub mod reports;

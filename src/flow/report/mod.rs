//! WHAT PEOPLE ASK FOR: reads, a few at once.
//!
//! May name: error, threads, state, suite, repository, admit, sightings

pub mod clock;
pub mod concern;
pub mod health;
pub mod reports;

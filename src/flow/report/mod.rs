//! WHAT PEOPLE ASK FOR: reads, a few at once.
//!
//! May name: error, threads, state, suite, repository, admit, sightings, audit

pub mod clock;
pub mod concern;
pub mod dropped;
pub mod gauges;
pub mod health;
pub mod history;
pub mod identities;
pub mod reports;
pub mod restored;
pub mod rollouts;
mod scrub;
pub mod writing;

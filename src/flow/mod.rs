//! THE ORDER OF THINGS: the steps of every verb, in order. The only room that uses two stores in
//! one function, and the only one that moves work off the async threads.
//!
//! Its sub-rooms, the lowest first; each names only those before it: `error`, `threads`, `state`
//! (what is in memory beside the stores), `index` (files in chunks), `check`, `suite` (a suite's state and
//! queue), `repository`, `admit`, `sightings`, `audit`, `upload`, `report`, `inventory`, `publish`, `repair`, `scrub`, `change`,
//! `followup`, `access`, `serve`, `upkeep`, `open`.
//!
//! May name: amount, catalogue, pool, signing, trust, domain, debian, digest, time, cause, nearest, reserve

pub mod access;
pub mod admit;
pub mod audit;
pub mod change;
pub mod check;
mod error;
mod followup;
mod index;
pub mod inventory;
mod open;
mod publish;
pub mod repair;
pub mod report;
mod repository;
pub mod scrub;
pub mod serve;
pub mod sightings;
mod state;
pub mod suite;
mod threads;
pub mod upkeep;
pub mod upload;

pub use error::{Damage, FlowError};
pub use open::Parts;
pub use repository::{FlowLimits, Repository};
pub use state::damage::Fate;
pub use state::mishaps::Mishap;
pub use state::scrubbing::{ScrubLimits, ScrubReport};
pub use state::timings::{Durations, Histogram, Timings};
pub use suite::desk::Desk;

//! CHANGES: queued, applied to a draft, checked against what hosts can follow, published together,
//! answered.
//!
//! May name: error, threads, suite, state, repository, admit, audit, upload, report, publish, repair

pub mod adding;
pub mod aliases;
mod answer;
pub mod apply;
pub mod cascade;
mod cures;
pub mod difference;
mod downwards;
mod emptied;
pub mod installable;
mod irreversible;
pub mod listable;
pub mod lookup;
pub mod names_fit;
pub mod outrun;
pub mod promote;
pub mod publish_batch;
pub mod reach;
pub mod rollback;
pub mod several;
pub mod submit;
pub mod unreadable;
pub mod yanking;

//! REPAIRS: what is damaged or gone is made anew from what is sound, or forgotten, so that it is
//! made anew where it is needed.
//!
//! May name: error, threads, state, suite, repository, upload, publish

pub mod attempt;
mod pack;
mod stanza;
pub mod watch;

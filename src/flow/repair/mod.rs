//! REPAIRS: what is damaged or gone is made anew from what is sound, or forgotten, so that it is
//! made anew where it is needed.
//!
//! May name: error, threads, state, index, check, suite, repository, upload, publish

pub mod attempt;
pub mod chunk;
mod pack;
mod stanza;
pub mod watch;

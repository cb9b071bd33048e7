//! THE AUDIT LOG: its entries, who was refused, and seals over its end.
//!
//! May name: error, threads, state, suite, repository

mod about;
pub mod entries;
pub(crate) mod kept;
pub mod refusals;
pub mod seal;
mod words;

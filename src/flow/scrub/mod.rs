//! THE SCRUB: everything that is stored is read again in the background, slowly, and held against what
//! was stored. What is damaged is noted for repair like damage that a reader meets. It runs on a
//! thread of its own, holds no lock while it reads, and no transaction for longer than one question.
//!
//! May name: error, threads, state, suite, repository, check

mod look;
mod pace;
mod pass;
pub mod place;
pub mod surroundings;
pub mod turns;
mod unit;

#[cfg(test)]
mod tests;

//! A CHECK of everything that is stored: whether it is what was stored. It changes nothing.
//!
//! May name: error, threads, index

pub mod files;
pub mod found;
pub mod packages;
pub mod stores;

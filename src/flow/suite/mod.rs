//! A SUITE in memory: its state, its queue, the files that were made after its generations, and
//! what hosts are given now.
//!
//! May name: error, threads, index

pub mod desk;
pub mod pending_files;
pub mod queue;
pub mod releases;
pub mod scattered;
pub mod served;

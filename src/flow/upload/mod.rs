//! BYTES COME IN: one package or many, recognised in bounded memory, durable before they are recorded.
//!
//! May name: error, threads, state, repository

pub mod batch;
pub mod recognise;
pub mod single;

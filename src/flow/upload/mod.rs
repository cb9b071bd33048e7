//! BYTES COME IN: one package or many, recognised in bounded memory, durable before they are
//! recorded.
//!
//! May name: error, threads, state, suite, repository

pub mod batch;
pub mod body;
pub(in crate::flow) mod elsewhere;
pub mod recognise;
pub mod single;

//! A private APT repository server: generations, rollback that hosts obey, client certificates.
//!
//! The rooms and the arrows between them are drawn in `docs/ARCHITECTURE.md`.

pub mod api;
pub mod catalogue;
pub mod cli;
pub mod client;
pub mod config;
pub mod debian;
pub mod digest;
pub mod domain;
pub mod flow;
pub mod http;
pub mod init;
pub mod nearest;
pub mod pool;
pub mod server;
pub mod signing;
pub mod telemetry;
pub mod time;
pub mod trust;

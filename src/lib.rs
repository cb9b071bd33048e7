//! A private APT repository server: generations, rollback that hosts obey, client certificates.
//!
//! The rooms and the arrows between them are drawn in `docs/ARCHITECTURE.md`.

// Disk, clock, environment and child processes each have their rooms (clippy.toml); tests are free.
#![cfg_attr(not(test), deny(clippy::disallowed_methods))]

pub mod afresh;
pub mod amount;
pub mod api;
pub mod catalogue;
pub mod cause;
pub mod cli;
pub mod client;
pub mod config;
pub mod debian;
pub mod demo;
pub mod digest;
pub mod domain;
pub mod flow;
pub mod http;
pub mod init;
pub mod nearest;
pub mod pool;
pub mod reading;
pub mod reserve;
pub mod server;
pub mod signing;
pub mod telemetry;
pub mod time;
pub mod toml_text;
pub mod trust;
pub mod writable;

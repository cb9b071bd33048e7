//! THE EDGE: one table of routes, the TLS listener, the identity of the caller, and the one place
//! where an error becomes a status. Handlers read, admit, call one flow, and render.
//!
//! May name: flow, domain, debian, digest, time, api, telemetry, trust, signing, cause

pub mod access;
pub mod admitted;
mod advice;
pub mod answer;
pub mod app;
pub mod audit;
pub mod body;
pub mod changes;
pub mod crl;
pub mod enrol;
pub mod extract;
pub mod fleet;
pub mod gate;
mod gc;
mod handover;
pub mod health;
mod installed;
pub mod json;
pub mod keys;
mod known;
pub mod listen;
pub mod local;
pub mod metrics;
pub mod openapi;
mod pieces;
mod policy;
pub mod refused;
pub mod report_body;
pub mod reports;
pub mod repository;
pub mod restored;
pub mod rights;
mod rollouts;
pub mod route;
pub mod routes;
pub mod sent;
pub mod setup;
mod strangers;
pub mod suites;
pub mod table;
mod told;
pub mod uploads;
pub mod views;
mod yanks;

pub use app::{App, Site};
pub use handover::Handover;
pub use routes::{Tree, local_router, router};

//! The tests with the real programs, in one binary.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot go on should stop there"
)]
#![allow(clippy::disallowed_methods, reason = "tests touch files and start programs")]

mod accepted;
mod aliases;
mod answers;
mod archive;
mod audit;
mod beyond;
mod bodies;
mod bounds;
mod builders;
mod bulk;
mod calls;
#[allow(dead_code, reason = "the checker tells more than every module of the tests asks for")]
mod check;
mod clock;
mod complete;
mod contract;
mod controls;
mod crash;
mod demo;
mod dependants;
mod descriptors;
mod docs;
mod earlier;
mod enrol;
mod export;
mod failing;
mod fleet;
mod formats;
mod fuzzed;
mod harness;
mod harness_selftest;
mod hold;
mod host_files;
mod kinds;
mod limits;
mod locked;
mod matrix;
mod monitoring;
mod namespaces;
mod obeyed;
mod openapi;
mod origins;
mod promote;
mod questions;
mod refresh;
mod refusals;
mod renewal;
mod restored;
mod retention;
mod rings;
mod ropes;
mod rot;
mod rotation;
mod routes;
mod several;
mod snapshot;
mod story;
mod streaming;
mod sweep;
mod terminal;
mod timers;
mod translations;
mod unreadable;
mod upgrading;
mod uploads;
mod vendors;
mod walk;
mod withdrawn;
mod work;
mod yanks;

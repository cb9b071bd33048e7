//! The tests with the real programs, in one binary.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot go on should stop there"
)]

#[allow(dead_code, reason = "the checker tells more than every module of the tests asks for")]
mod check;
mod harness;
mod harness_selftest;

//! What the tests stand on: the real programs, private apt roots, packages of the real archive.
#![allow(dead_code, reason = "the harness offers more than every module of the tests uses")]

pub mod apt;
pub mod archive;
pub mod by_hand;
pub mod controls;
pub mod deb;
pub mod loopback;
pub mod programs;
pub mod pty;
pub mod raw;
pub mod roots;
pub mod server;
pub mod small_disk;
pub mod terminal;

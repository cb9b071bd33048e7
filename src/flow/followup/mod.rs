//! WHAT FOLLOWS A GENERATION and delays none: xz, patches, Contents, a newer form of files.
//!
//! May name: error, threads, index, suite, repository, publish, repair

pub mod contents;
pub mod contents_file;
pub mod follow;
pub mod form;
pub mod pace;
pub mod patches;

//! Why a data directory was not made.

use std::io;

/// The directory could not be made. What was begun is named, so that it can be removed.
#[derive(Debug, thiserror::Error)]
pub enum InitError {
    /// There is something already.
    #[error(
        "{0} is not empty; name a new directory, or remove it if an earlier init was broken off"
    )]
    NotEmpty(String),
    /// It is a data directory already.
    #[error(
        "{0} is a data directory already; start it with `repod serve --config {0}/repod.toml` (its keys cannot be \
         made again: keep it)"
    )]
    Made(String),
    /// The directory itself cannot be made or read; nothing of ours is in it.
    #[error("{data} cannot be made a data directory: {problem}; name another one")]
    Unusable {
        /// The directory.
        data: String,
        /// What the system said.
        #[source]
        problem: io::Error,
    },
    /// A file that was named cannot be used.
    #[error("{0}: {1}; nothing was made")]
    Named(&'static str, String),
    /// The name cannot be used.
    #[error("--name: {0}")]
    Name(String),
    /// A part could not be made.
    #[error("{what}: {problem}; remove {data} before trying again")]
    Part {
        /// Which part.
        what: &'static str,
        /// What it said.
        problem: String,
        /// The directory.
        data: String,
    },
}

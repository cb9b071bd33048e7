//! Why a data directory was not created.

use std::io;

/// The directory could not be created. The error names it when it was begun, so that it can be
/// removed.
#[derive(Debug, thiserror::Error)]
pub enum InitError {
    /// It holds something already.
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
    /// The directory itself cannot be created or read; nothing was written to it.
    #[error("{data} cannot be made a data directory: {problem}; name another one")]
    Unusable {
        /// The directory.
        data: String,
        /// The system's error.
        #[source]
        problem: io::Error,
    },
    /// A file that was named cannot be used.
    #[error("{0}: {1}; nothing was made")]
    Named(&'static str, String),
    /// The name cannot be used.
    #[error("--name: {0}")]
    Name(String),
    /// A part could not be created.
    #[error("{what}: {problem}; remove {data} before trying again")]
    Part {
        /// Which part.
        what: &'static str,
        /// The error of the part.
        problem: String,
        /// The directory.
        data: String,
    },
}

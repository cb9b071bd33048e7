//! Why a server did not start or does not run.

use super::DataError;

/// The server could not start or run.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// The data directory cannot be used.
    #[error(transparent)]
    Data(#[from] DataError),
    /// A part of it cannot be opened.
    #[error("{what}: {problem}")]
    Part {
        /// Which part.
        what: &'static str,
        /// The error of the part.
        #[source]
        problem: Box<dyn std::error::Error + Send + Sync>,
    },
    /// An address cannot be bound.
    #[error("{0}; stop what listens there, or change [listen] in repod.toml")]
    Listen(#[source] std::io::Error),
    /// The listener failed.
    #[error("the listener stopped: {0}")]
    Stopped(#[source] std::io::Error),
}

/// Maps an error of a part.
pub(super) fn part<E>(what: &'static str) -> impl FnOnce(E) -> ServerError
where
    E: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    move |problem| ServerError::Part { what, problem: problem.into() }
}

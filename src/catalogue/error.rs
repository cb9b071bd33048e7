//! Error: why the catalogue did not do what was asked.

use crate::cause::Cause;
use crate::debian::SuiteName;
use crate::digest::Digest;

/// The catalogue could not answer.
#[derive(Clone, Debug, thiserror::Error)]
pub enum CatalogueError {
    /// The event does not follow the recorded state: somebody else published first.
    #[error("{0} moved on meanwhile; nothing was recorded")]
    Stale(SuiteName),
    /// Something of that name is there already.
    #[error("{0} exists already")]
    Exists(String),
    /// Other bytes have the name, version and architecture of a package in its namespace.
    #[error("{name} {version} {architecture} is there already with other bytes")]
    Taken {
        /// Its name.
        name: String,
        /// Its version.
        version: String,
        /// Its architecture.
        architecture: String,
    },
    /// The name is the alias of a suite.
    #[error("{alias} is the alias of suite {suite}")]
    Alias {
        /// Which name.
        alias: SuiteName,
        /// Whose alias it is.
        suite: SuiteName,
    },
    /// Nothing of that name is there.
    #[error("there is no {0}")]
    Missing(String),
    /// What is recorded cannot be read back: damage or a newer program's data.
    #[error("the catalogue holds something unreadable: {0}")]
    Damaged(#[source] Cause),
    /// The stanza of a package is another one than was recorded.
    #[error("the stanza of package {0} is damaged: it has another digest than recorded")]
    Stanza(Digest),
    /// A file names a chunk that is not recorded. A repair may have forgotten it a moment ago.
    #[error("chunk {0} is not recorded")]
    Chunk(Digest),
    /// There is no room for it; nothing was recorded.
    #[error("the server's disk is full ({0}); free some space there")]
    Full(#[source] Cause),
    /// The disk failed while it was made durable: whether it is recorded is known only when the file is
    /// opened again.
    #[error("{0}: it is not known whether it was recorded")]
    Unknown(#[source] Cause),
    /// The disk failed, and has taken nothing since. Nothing was recorded; it is tried again.
    #[error(
        "writing stopped after: {0}; look at the disk: it goes on by itself when that is sound"
    )]
    Paused(#[source] Cause),
    /// An earlier write failed so that nothing may follow it. Nothing was recorded.
    #[error("writing stopped after: {0}; restart the server once the disk is sound")]
    Stopped(#[source] Cause),
    /// The database reported an error.
    #[error("catalogue: {0}")]
    Database(#[source] Cause),
}

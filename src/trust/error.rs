//! What can go wrong while certificates are made or trust is loaded.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::cause::Cause;
use crate::reserve;
use crate::time::Moment;

/// Why a certificate could not be issued, or trust could not be loaded.
#[derive(Clone, Debug, thiserror::Error)]
pub enum TrustError {
    /// The operating system failed.
    #[error("{action} {}: {source}", .path.display())]
    Io {
        /// What was being done.
        action: &'static str,
        /// The file or directory.
        path: PathBuf,
        /// The system's error.
        source: Arc<io::Error>,
    },
    /// The disk has no room for a file.
    #[error("cannot write {}: {lack}", .path.display())]
    Full {
        /// The file.
        path: PathBuf,
        /// What its file system lacks.
        lack: String,
    },
    /// A private key that others may read.
    #[error("{} can be read by others (mode {mode:04o}): chmod 600 it, and replace the key if it may have leaked", .path.display())]
    KeyExposed {
        /// The key file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// A directory that already holds a certification authority.
    #[error("{} exists: use that authority, or choose another directory", .0.display())]
    Exists(PathBuf),
    /// A file that is not what it should be.
    #[error("{}: {why}", .path.display())]
    File {
        /// Which file.
        path: PathBuf,
        /// What is wrong and what to do.
        #[source]
        why: Cause,
    },
    /// The authority's own certificate has ended.
    #[error("the CA certificate ended {0}: renew the CA before issuing anything")]
    CaEnded(Moment),
    /// A certificate request that is refused (sender's fault).
    #[error("certificate request refused: {0}")]
    Request(&'static str),
    /// A parameter outside its range (caller's fault).
    #[error("{0}")]
    Parameter(String),
    /// A revocation list that is not accepted.
    #[error("revocation list refused: {0}")]
    Crl(#[from] CrlFault),
    /// The cryptographic library failed.
    #[error("certificate library: {0}")]
    Library(#[source] Cause),
}

impl TrustError {
    /// Whether the disk has no room.
    pub fn is_full(&self) -> bool {
        matches!(self, Self::Full { .. })
    }

    /// Whether it is about a list of a CA that is not configured.
    pub(super) fn is_of_another_ca(&self) -> bool {
        matches!(self, Self::Crl(CrlFault::OtherIssuer))
    }

    /// Wraps an error of the operating system.
    pub(super) fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| match reserve::is_full(&source) {
            true => Self::Full { path: path.to_path_buf(), lack: reserve::lack(path) },
            false => Self::Io { action, path: path.to_path_buf(), source: Arc::new(source) },
        }
    }

    /// Says what is wrong with a file.
    pub(super) fn file(path: &Path, why: impl Into<Cause>) -> Self {
        Self::File { path: path.to_path_buf(), why: why.into() }
    }
}

impl From<rcgen::Error> for TrustError {
    fn from(error: rcgen::Error) -> Self {
        Self::Library(Cause::of(error))
    }
}

impl From<rustls::Error> for TrustError {
    fn from(error: rustls::Error) -> Self {
        Self::Library(Cause::of(error))
    }
}

/// Why a revocation list is not accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CrlFault {
    /// The file holds no revocation list at all.
    #[error("the file holds none; publish one (an empty file never means that nothing is revoked)")]
    Empty,
    /// Bytes that are not a complete version 2 revocation list, or one with features that are not
    /// understood.
    #[error("not a complete, plain version 2 list ({0}); fetch or publish it again")]
    Malformed(String),
    /// A delta, indirect or partial list.
    #[error("it covers only a part of what its CA issued; use a full list")]
    Partial,
    /// No configured CA has the list's issuer name.
    #[error("its issuer is none of the configured CAs")]
    OtherIssuer,
    /// The issuer's name is right, the signature is not.
    #[error("its signature was not made by the CA {0}")]
    Forged(String),
    /// `thisUpdate` lies ahead of the clock.
    #[error("it is dated {0}, which is in the future; check the clocks")]
    FromFuture(Moment),
    /// `nextUpdate` has passed, or is not after `thisUpdate`.
    #[error("it ran out {0}; publish a new one")]
    Stale(Moment),
    /// The list has no `cRLNumber`.
    #[error("it has no CRL number; publish it with one")]
    Unnumbered,
    /// An older list than the one accepted before.
    #[error("its number {given} is lower than {accepted}, which was accepted before")]
    Older {
        /// Number of the list, in hexadecimal.
        given: String,
        /// The highest number accepted, in hexadecimal.
        accepted: String,
    },
    /// A configured CA without a list.
    #[error("there is none of the CA {0}; every configured CA needs one")]
    Missing(String),
}

impl CrlFault {
    /// What is wrong in a few words, for a status line; `None` where there is no list at all.
    pub(super) fn word(&self) -> Option<&'static str> {
        match self {
            Self::Empty | Self::Missing(_) => None,
            Self::Malformed(_) => Some("damaged, or of a kind that is not understood"),
            Self::Partial => Some("a delta, indirect or partial list"),
            Self::OtherIssuer => Some("of another CA"),
            Self::Forged(_) => Some("its signature is wrong"),
            Self::FromFuture(_) => Some("from the future"),
            Self::Stale(_) => Some("out of date"),
            Self::Unnumbered => Some("without a number"),
            Self::Older { .. } => Some("older than one seen before"),
        }
    }
}

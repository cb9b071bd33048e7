//! Error: why a flow ended without doing what was asked.

use crate::catalogue::CatalogueError;
use crate::cause::Cause;
use crate::digest::Digest;
use crate::domain::{Conflict, ConflictKind, Denied, SpecError, TAKEN, TokenFault};
use crate::pool::{Kind, PoolError};
use crate::reserve::is_full;
use crate::signing::{FloorError, SigningError};
use crate::trust::{Refusal, TrustError};

/// Why a flow ended without doing what was asked. Nothing was half done, but for
/// [`FlowError::Unknown`], of which it is not known.
#[derive(Debug, thiserror::Error)]
pub enum FlowError {
    /// The client's certificate is refused, or nobody is served while the revocation lists are
    /// unusable.
    #[error("{0}")]
    Refused(#[from] Refusal),
    /// The identity has no such right.
    #[error("{0}")]
    Denied(#[from] Denied),
    /// The identity has no such right to these packages of a change.
    #[error("{}", .0.first().map(|(_, denied)| denied.to_string()).unwrap_or_default())]
    DeniedPackages(Vec<(Digest, Denied)>),
    /// The enrolment token is not accepted.
    #[error("{0}")]
    Token(#[from] TokenFault),
    /// Nothing of that name exists.
    #[error("there is no {0}")]
    Missing(String),
    /// It was there, and was withdrawn on purpose.
    #[error("{0}")]
    Withdrawn(String),
    /// The change conflicts with the present state.
    #[error("{0}")]
    Conflict(#[from] Conflict),
    /// The request expected another generation to be the last.
    #[error(
        "generation {last} is the last one, not {expected}; look at what changed and ask again"
    )]
    Expectation {
        /// The generation that the request expected.
        expected: u64,
        /// The last generation.
        last: u64,
    },
    /// The package was refused. Every reason is given as field and problem.
    #[error("the package was refused: {}", join(.0))]
    Rejection(Vec<(Option<String>, String)>),
    /// A field of the request is wrong.
    #[error("{field}: {problem}")]
    Invalid {
        /// The field's name.
        field: &'static str,
        /// What is wrong, and what would be accepted.
        problem: String,
    },
    /// The body is larger than the limit.
    #[error(
        "the package is larger than {limit_bytes} bytes, the most this server takes (limits.package_bytes in repod.toml)"
    )]
    TooLarge {
        /// The limit. Unit: bytes.
        limit_bytes: u64,
    },
    /// The received bytes do not have the announced digest.
    #[error("the bytes that came have SHA-256 {came}, not {named}; send them again")]
    Mismatch {
        /// The digest that the sender announced.
        named: crate::digest::Digest,
        /// The digest of the received bytes.
        came: crate::digest::Digest,
    },
    /// The sender stopped before the end.
    #[error(
        "the body ended after {received_bytes} bytes: {problem}; nothing was kept, send it again"
    )]
    Cut {
        /// How much was received. Unit: bytes.
        received_bytes: u64,
        /// The error of the connection.
        #[source]
        problem: Cause,
    },
    /// The disk is nearly full; nothing was written.
    #[error(transparent)]
    Full(Cause),
    /// The clock is behind the last Date that was signed.
    #[error(transparent)]
    ClockBehind(Cause),
    /// Temporarily impossible; a retry may succeed.
    #[error(transparent)]
    Unavailable(Cause),
    /// The disk failed while it was recorded.
    #[error(
        "the server's disk failed while this was recorded, and it is not known whether it was done; \
         what the server shows is right once it writes again, after a restart at the latest ({0})"
    )]
    Unknown(Cause),
    /// The disk failed earlier, and nothing is written since; nothing was changed.
    #[error(transparent)]
    Stopped(Cause),
    /// Stored bytes are not what they should be.
    #[error("{1}")]
    Damaged(Damage, #[source] Cause),
    /// An internal error.
    #[error(transparent)]
    Internal(Cause),
}

/// Stored bytes that are not what they should be, or are gone.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Damage {
    /// A `.deb`.
    Blob(Digest),
    /// A pack of chunks.
    Pack(Digest),
    /// What the catalogue says of where a chunk lies, by the chunk's key.
    Chunk(Digest),
    /// The stanza of the package with this digest, in the catalogue.
    Stanza(Digest),
    /// An index file of some generation, by its row in the catalogue.
    Index(u64),
}

impl std::fmt::Display for Damage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Blob(digest) => write!(f, "the .deb {digest}"),
            Self::Pack(digest) => write!(f, "pack {digest}"),
            Self::Chunk(key) => write!(f, "the place of chunk {key}"),
            Self::Stanza(digest) => write!(f, "the stanza of package {digest}"),
            Self::Index(id) => write!(f, "index file {id}"),
        }
    }
}

impl FlowError {
    /// What is damaged, where that is why the flow ended.
    pub(crate) fn damage(&self) -> Option<Damage> {
        match self {
            Self::Damaged(damage, _) => Some(*damage),
            _ => None,
        }
    }

    /// The same failure, for somebody else who waited for the same work.
    pub(crate) fn again(&self) -> Self {
        match self {
            Self::Full(cause) => Self::Full(cause.clone()),
            Self::Internal(cause) => Self::Internal(cause.clone()),
            Self::Unknown(cause) => Self::Unknown(cause.clone()),
            Self::Stopped(cause) => Self::Stopped(cause.clone()),
            Self::Damaged(damage, cause) => Self::Damaged(*damage, cause.clone()),
            Self::ClockBehind(cause) => Self::ClockBehind(cause.clone()),
            Self::Unavailable(cause) => Self::Unavailable(cause.clone()),
            Self::Conflict(conflict) => Self::Conflict(conflict.clone()),
            other => Self::Unavailable(other.to_string().into()),
        }
    }

    /// A `.deb` is gone.
    pub(crate) fn lost_blob(package: &Digest) -> Self {
        let text = format!("blob {package} is recorded but not there");
        Self::Damaged(Damage::Blob(*package), text.into())
    }

    /// A chunk does not lie where the catalogue says.
    pub(crate) fn lost_chunk(key: &Digest) -> Self {
        let text = format!("chunk {key} is not where the catalogue says");
        Self::Damaged(Damage::Chunk(*key), text.into())
    }

    /// A pack is gone.
    pub(crate) fn lost_pack(pack: &Digest) -> Self {
        Self::Damaged(Damage::Pack(*pack), format!("pack {pack} is lost").into())
    }

    /// Wraps an error as [`FlowError::Internal`]; `what` says what was being done.
    pub(crate) fn internal<E: std::error::Error + Send + Sync + 'static>(
        what: impl std::fmt::Display,
    ) -> impl FnOnce(E) -> Self {
        move |error| Self::Internal(Cause::while_doing(what, error))
    }
}

fn join(reasons: &[(Option<String>, String)]) -> String {
    let line = |(field, problem): &(Option<String>, String)| match field {
        Some(field) => format!("{field}: {problem}"),
        None => problem.clone(),
    };
    reasons.iter().map(line).collect::<Vec<_>>().join("; ")
}

impl From<CatalogueError> for FlowError {
    fn from(error: CatalogueError) -> Self {
        match error {
            CatalogueError::Missing(what) => Self::Missing(what),
            CatalogueError::Alias { alias, suite } => {
                let conflict = Conflict::one(alias, format!("is the alias of suite {suite}"));
                Self::Conflict(conflict.of(ConflictKind::AliasInUse))
            }
            CatalogueError::Exists(what) => {
                let conflict = Conflict::one(what, "exists already; choose another name");
                Self::Conflict(conflict.of(ConflictKind::Exists))
            }
            CatalogueError::Taken { name, version, architecture } => {
                let subject = format!("{name} {version} {architecture}");
                Self::Conflict(Conflict::one(subject, TAKEN).of(ConflictKind::Version))
            }
            CatalogueError::Stale(_) => Self::Unavailable(Cause::of(error)),
            CatalogueError::Full(_) => Self::Full(Cause::of(error)),
            CatalogueError::Chunk(key) => Self::Damaged(Damage::Chunk(key), Cause::of(error)),
            CatalogueError::Stanza(package) => {
                Self::Damaged(Damage::Stanza(package), Cause::of(error))
            }
            CatalogueError::Unknown(cause) => Self::Unknown(cause),
            CatalogueError::Paused(_) | CatalogueError::Stopped(_) => {
                Self::Stopped(Cause::of(error))
            }
            CatalogueError::Damaged(_) | CatalogueError::Database(_) => {
                Self::Internal(Cause::of(error))
            }
        }
    }
}

impl From<SpecError> for FlowError {
    fn from(SpecError { field, problem }: SpecError) -> Self {
        Self::Invalid { field, problem }
    }
}

impl From<PoolError> for FlowError {
    fn from(error: PoolError) -> Self {
        match error {
            PoolError::Full { .. } | PoolError::NoInodes(_) => Self::Full(Cause::of(error)),
            PoolError::Stopped(_) | PoolError::OnlyRead => Self::Stopped(Cause::of(error)),
            PoolError::Scarce(_) => Self::Unavailable(Cause::of(error)),
            PoolError::Damaged { kind, digest } => {
                let damage = match kind {
                    Kind::Blob => Damage::Blob(digest),
                    Kind::Pack => Damage::Pack(digest),
                };
                Self::Damaged(damage, Cause::of(error))
            }
            PoolError::OutOfRange { .. } | PoolError::Obstructed { .. } | PoolError::Io { .. } => {
                Self::Internal(Cause::of(error))
            }
        }
    }
}

impl From<SigningError> for FlowError {
    fn from(error: SigningError) -> Self {
        match error {
            SigningError::ClockBehind { .. } => Self::ClockBehind(Cause::of(error)),
            SigningError::Floor(FloorError::Stopped { .. }) => Self::Stopped(Cause::of(error)),
            SigningError::Floor(FloorError::Io { ref source, .. }) if is_full(source) => {
                Self::Full(Cause::while_doing("cannot sign", error))
            }
            other => Self::Unavailable(Cause::while_doing("cannot sign", other)),
        }
    }
}

impl From<TrustError> for FlowError {
    fn from(error: TrustError) -> Self {
        match error.is_full() {
            true => Self::Full(Cause::of(error)),
            false => Self::Internal(Cause::of(error)),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;
    use crate::cause;

    #[test]
    fn the_error_of_a_store_is_the_source_of_the_flow_error() {
        let denied = || io::Error::from(io::ErrorKind::PermissionDenied);
        let pool = PoolError::Io { action: "rename".into(), source: denied() };
        let error = FlowError::from(pool);
        assert_eq!(error.to_string(), format!("rename: {}", denied()));
        assert!(matches!(error, FlowError::Internal(_)), "{error:?}");
        let found: &io::Error = cause::find(&error).unwrap();
        assert_eq!(found.kind(), io::ErrorKind::PermissionDenied);

        let full = FlowError::from(CatalogueError::Full(Cause::of(denied())));
        assert!(matches!(full, FlowError::Full(_)), "{full:?}");
        assert!(full.to_string().ends_with("free some space there"), "{full}");
        assert!(cause::find::<CatalogueError>(&full).is_some());

        let signing = FlowError::from(SigningError::KeySet);
        assert_eq!(signing.to_string(), format!("cannot sign: {}", SigningError::KeySet));
        assert!(cause::find::<SigningError>(&signing).is_some());
    }
}

//! Error: why a flow ended without doing what was asked.

use crate::catalogue::CatalogueError;
use crate::domain::{Conflict, ConflictKind, Denied, SpecError, TokenFault};
use crate::pool::PoolError;
use crate::signing::SigningError;
use crate::trust::{Refusal, TrustError};

/// Why a flow ended without doing what was asked. Nothing was half done.
#[derive(Debug, thiserror::Error)]
pub enum FlowError {
    /// The certificate does not open this door.
    #[error("{0}")]
    Refused(#[from] Refusal),
    /// The identity has no such right.
    #[error("{0}")]
    Denied(#[from] Denied),
    /// The token opens nothing.
    #[error("{0}")]
    Token(#[from] TokenFault),
    /// There is nothing of that name.
    #[error("there is no {0}")]
    Missing(String),
    /// The change is impossible as things stand.
    #[error("{0}")]
    Conflict(#[from] Conflict),
    /// The request expected another generation to be the last.
    #[error(
        "generation {last} is the last one, not {expected}; look at what changed and ask again"
    )]
    Expectation {
        /// What the request expected.
        expected: u64,
        /// What is.
        last: u64,
    },
    /// The package was refused. Every reason is given as field and problem.
    #[error("the package was refused: {}", join(.0))]
    Rejection(Vec<(Option<String>, String)>),
    /// A field of the request is wrong.
    #[error("{field}: {problem}")]
    Invalid {
        /// Which.
        field: &'static str,
        /// What is wrong and what would do.
        problem: String,
    },
    /// More was sent than is taken.
    #[error(
        "the package is larger than {limit_bytes} bytes, the most this server takes (limits.package_bytes in repod.toml)"
    )]
    TooLarge {
        /// Unit: bytes.
        limit_bytes: u64,
    },
    /// The bytes are not those that were announced.
    #[error("the bytes that came have SHA-256 {came}, not {named}; send them again")]
    Mismatch {
        /// What the sender named.
        named: crate::digest::Digest,
        /// What arrived.
        came: crate::digest::Digest,
    },
    /// The sender stopped before the end.
    #[error(
        "the body ended after {received_bytes} bytes: {problem}; nothing was kept, send it again"
    )]
    Cut {
        /// What arrived. Unit: bytes.
        received_bytes: u64,
        /// What the connection said.
        problem: String,
    },
    /// The disk is nearly full; nothing was written.
    #[error("{0}")]
    Full(String),
    /// The clock stands behind what was signed already.
    #[error("{0}")]
    ClockBehind(String),
    /// Not now: another try may succeed.
    #[error("{0}")]
    Unavailable(String),
    /// Our fault.
    #[error("{0}")]
    Internal(String),
}

/// What SQLite says when the disk is. Source: SQLite, result code `SQLITE_FULL`.
const SQLITE_FULL: &str = "database or disk is full";

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
            CatalogueError::Exists(what) => {
                let conflict = Conflict::one(what, "exists already; choose another name");
                Self::Conflict(conflict.of(ConflictKind::Exists))
            }
            CatalogueError::Stale(_) => Self::Unavailable(error.to_string()),
            CatalogueError::Database(ref text) if text.contains(SQLITE_FULL) => {
                Self::Full(format!("the server's disk is full ({text}); make room there"))
            }
            CatalogueError::Damaged(_) | CatalogueError::Database(_) => {
                Self::Internal(error.to_string())
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
            PoolError::Full { .. } => Self::Full(error.to_string()),
            PoolError::Stopped(_) => Self::Unavailable(error.to_string()),
            PoolError::Damaged { .. } | PoolError::Io { .. } => Self::Internal(error.to_string()),
        }
    }
}

impl From<SigningError> for FlowError {
    fn from(error: SigningError) -> Self {
        match error {
            SigningError::ClockBehind { .. } => Self::ClockBehind(error.to_string()),
            other => Self::Unavailable(format!("cannot sign: {other}")),
        }
    }
}

impl From<TrustError> for FlowError {
    fn from(error: TrustError) -> Self {
        Self::Internal(error.to_string())
    }
}

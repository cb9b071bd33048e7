//! Access: which right an identity has. One function decides, and what is not granted is denied.

use std::collections::BTreeSet;

use crate::debian::SuiteName;
use crate::domain::{Actor, Identity};

/// What an identity is trusted to do; each role includes the ones before it within its suites.
#[derive(
    Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, serde::Serialize, serde::Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Reads suites: a fleet host.
    Host,
    /// Reads and uploads: a build job.
    Uploader,
    /// Reads, uploads, pins, rolls back, issues host certificates: the person on call.
    Operator,
    /// Everything, on every suite: creates suites, issues any certificate.
    Admin,
}

impl Role {
    /// The word used on the command line and on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Host => "host",
            Self::Uploader => "uploader",
            Self::Operator => "operator",
            Self::Admin => "admin",
        }
    }

    /// Reads the word.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Host, Self::Uploader, Self::Operator, Self::Admin]
            .into_iter()
            .find(|role| role.as_str() == text)
    }
}

/// Which suites a grant covers.
#[derive(Clone, PartialEq, Eq, Debug, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SuiteScope {
    /// Every suite, also those made later.
    All,
    /// These and no others.
    Named(BTreeSet<SuiteName>),
}

impl SuiteScope {
    /// Whether `suite` is covered.
    pub fn covers(&self, suite: &SuiteName) -> bool {
        match self {
            Self::All => true,
            Self::Named(names) => names.contains(suite),
        }
    }
}

/// What one identity was given.
#[derive(Clone, PartialEq, Eq, Debug, serde::Serialize, serde::Deserialize)]
pub struct Grant {
    /// To whom.
    pub identity: Identity,
    /// As what.
    pub role: Role,
    /// For which suites.
    pub suites: SuiteScope,
}

/// What is being asked for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Right<'a> {
    /// Read the suite and what is in it.
    Read(&'a SuiteName),
    /// Add packages to the suite.
    Upload(&'a SuiteName),
    /// Stage bytes that no suite names yet.
    Stage,
    /// Pin, roll back and unpin in the suite.
    Operate(&'a SuiteName),
    /// Issue, list and revoke host certificates.
    IssueHosts,
    /// Read the audit log, as far as it concerns the suites of the grant.
    Audit,
    /// Create suites; issue certificates of any role.
    Administer,
    /// Ask about oneself.
    Introspect,
}

/// Proof that [`admit`] said yes. Nothing else can make one.
#[derive(Clone, Debug)]
pub struct Admitted {
    grant: Grant,
    serial: String,
}

impl Admitted {
    /// Who was admitted.
    pub fn identity(&self) -> &Identity {
        &self.grant.identity
    }

    /// The same, with the serial of the certificate that was presented.
    pub fn presenting(self, serial: String) -> Self {
        Self { serial, ..self }
    }

    /// Who was admitted, with which certificate: for the audit log.
    pub fn actor(&self) -> Actor {
        Actor { identity: self.grant.identity.to_string(), serial: self.serial.clone() }
    }

    /// The grant that admitted them.
    pub fn grant(&self) -> &Grant {
        &self.grant
    }
}

/// Not allowed. The text is the short reason that apt prints from the status line.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    /// No grant names the identity.
    #[error("{0} has a valid certificate but no rights here")]
    Unknown(Identity),
    /// There is a grant, but not for this suite. The same words whether the suite exists or not.
    #[error("{0} has no right to suite {1}, or there is no such suite")]
    Suite(Identity, SuiteName),
    /// There is a grant for the suite, but a higher role is needed.
    #[error("{identity} is {}; this needs the role {}", .have.as_str(), .need.as_str())]
    Role {
        /// Who.
        identity: Identity,
        /// The role they have.
        have: Role,
        /// The role it takes.
        need: Role,
    },
}

/// Decides whether `identity`, holding `grant`, has `right`. Denies by default.
///
/// # Errors
/// [`Denied`] with the reason.
pub fn admit(
    identity: &Identity,
    grant: Option<&Grant>,
    right: Right<'_>,
) -> Result<Admitted, Denied> {
    let Some(grant) = grant.filter(|grant| grant.identity == *identity) else {
        return Err(Denied::Unknown(identity.clone()));
    };
    let (suite, need) = match right {
        Right::Introspect => (None, Role::Host),
        Right::Read(suite) => (Some(suite), Role::Host),
        Right::Stage => (None, Role::Uploader),
        Right::Upload(suite) => (Some(suite), Role::Uploader),
        Right::Operate(suite) => (Some(suite), Role::Operator),
        Right::IssueHosts | Right::Audit => (None, Role::Operator),
        Right::Administer => (None, Role::Admin),
    };
    if let Some(suite) = suite
        && grant.role != Role::Admin
        && !grant.suites.covers(suite)
    {
        return Err(Denied::Suite(identity.clone(), suite.clone()));
    }
    if grant.role < need {
        return Err(Denied::Role { identity: identity.clone(), have: grant.role, need });
    }
    Ok(Admitted { grant: grant.clone(), serial: String::new() })
}

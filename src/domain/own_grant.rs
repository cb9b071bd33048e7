//! Own grant: what an identity is given with its certificate.

use crate::domain::limits::Limits;
use crate::domain::{Identity, Role, SuiteScope};

/// An identity's own grant.
#[derive(Clone, PartialEq, Eq, Debug, serde::Serialize, serde::Deserialize)]
pub struct Grant {
    /// To whom.
    pub identity: Identity,
    /// As what.
    pub role: Role,
    /// For which suites.
    pub suites: SuiteScope,
    /// For which parts of them.
    #[serde(default, skip_serializing_if = "Limits::is_empty")]
    pub limits: Limits,
}

impl Grant {
    /// A grant without limits.
    pub fn whole(identity: Identity, role: Role, suites: SuiteScope) -> Self {
        Self { identity, role, suites, limits: Limits::default() }
    }

    /// Whether it names no suite. A token with it gives the host what it holds otherwise.
    pub fn names_no_suite(&self) -> bool {
        matches!(&self.suites, SuiteScope::Named(names) if names.is_empty())
    }
}

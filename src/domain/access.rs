//! Access: which right an identity has. One function decides, and what is not granted is denied.

use std::sync::Arc;

use crate::debian::{Component, PackageName, SuiteName};
use crate::domain::own_grant::Grant;
use crate::domain::rights::{Entitled, Reach};
use crate::domain::role::Role;
use crate::domain::{Actor, Event, Identity};
use crate::time::Moment;

/// What is being asked for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Right<'a> {
    /// Read the suite and what is in it.
    Read(&'a SuiteName),
    /// Add packages to the suite.
    Upload(&'a SuiteName),
    /// Stage bytes that no suite names yet.
    Stage,
    /// Pin, roll back, unpin and remove in the suite.
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

impl Right<'_> {
    /// The least role that has it: in the suite that it names, or in any suite when it names none.
    pub fn least_role(self) -> Role {
        match self {
            Self::Introspect | Self::Read(_) => Role::Host,
            Self::Stage | Self::Upload(_) => Role::Uploader,
            Self::Operate(_) | Self::IssueHosts | Self::Audit => Role::Operator,
            Self::Administer => Role::Admin,
        }
    }
}

/// Proof that [`decide`] admitted somebody. Only that function makes one.
#[derive(Clone, Debug)]
pub struct Admitted {
    entitled: Arc<Entitled>,
    serial: String,
    why: String,
}

impl Admitted {
    /// Who was admitted.
    pub fn identity(&self) -> &Identity {
        self.entitled.identity()
    }

    /// The same, with the serial of the certificate that was presented.
    pub fn presenting(self, serial: String) -> Self {
        Self { serial, ..self }
    }

    /// The same, with this reason. An empty text keeps the reason that was given before.
    pub fn because(self, why: &str) -> Self {
        if why.is_empty() { self } else { Self { why: why.to_owned(), ..self } }
    }

    /// The reason that they gave; empty when they gave none.
    pub fn why(&self) -> &str {
        &self.why
    }

    /// The log entry of something that they did: by whom, with which certificate, and why.
    /// Everything that is done for somebody is recorded by this, so that no reason is lost.
    pub fn did(&self, verb: &str, at: Moment) -> Event {
        Event::done(self.actor(), verb, at).because(&self.why)
    }

    /// Who was admitted, with which certificate: for the audit log.
    pub fn actor(&self) -> Actor {
        Actor { identity: self.identity().to_string(), serial: self.serial.clone() }
    }

    /// All grants that they hold.
    pub fn entitled(&self) -> &Entitled {
        &self.entitled
    }

    /// Whether it was decided by these very rights, so that no grant has changed since.
    pub fn is_by(&self, entitled: &Arc<Entitled>) -> bool {
        Arc::ptr_eq(&self.entitled, entitled)
    }

    /// What they may alter in a suite, with this role or a higher one.
    pub fn reach(&self, suite: &SuiteName, need: Role) -> Reach {
        self.entitled.reach(suite, need)
    }
}

/// Not allowed. The text is the short reason that apt prints from the status line.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    /// No grant names the identity.
    #[error("{0} has a valid certificate but no rights here")]
    Unknown(Identity),
    /// There is a grant, but not for this suite. The text is the same whether the suite exists or
    /// not.
    #[error("{0} has no right to suite {1}, or there is no such suite")]
    Suite(Identity, SuiteName),
    /// The same, where one of the suites that they may read may be meant.
    #[error(
        "{identity} has no right to suite {suite}, or there is no such suite; did you mean {near}?"
    )]
    Mistyped {
        /// Who.
        identity: Identity,
        /// For which suite.
        suite: SuiteName,
        /// A suite that they may read.
        near: String,
    },
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
    /// The version is in a suite that the asker does not operate.
    #[error(
        "{identity} does not operate every suite that has taken this version; an operator of all of them, or an \
         admin, yanks it"
    )]
    Yank {
        /// Who.
        identity: Identity,
    },
    /// The name may be given no right by this asker. The text is the same for every name that is
    /// or was somebody's.
    #[error(
        "{identity} may give no right to {name}: the name is taken, or may be; choose another name, or let \
         an admin do it"
    )]
    Name {
        /// Who asks.
        identity: Identity,
        /// For which name.
        name: Identity,
    },
    /// The host is not one of the asker's suites alone, and others are an admin's to revoke. The
    /// text is the same whether it exists or not.
    #[error(
        "{identity} has no host {name} in its own suites alone, or there is no such host: `repoctl host \
         list` shows them, and an admin may revoke others"
    )]
    Host {
        /// Who asks.
        identity: Identity,
        /// For which host.
        name: Identity,
    },
    /// The role is there, but only for some packages or components.
    #[error("{identity} is operator of some packages only; this needs an operator of whole suites")]
    Limited {
        /// Who.
        identity: Identity,
    },
    /// The role is there, but not for this package.
    #[error(
        "{identity} may alter only {within} in suite {suite}, not {package} in {component}; an admin \
         widens that: repoctl access grant"
    )]
    Package {
        /// Who.
        identity: Identity,
        /// In which suite.
        suite: SuiteName,
        /// The component that it would be in.
        component: Component,
        /// What would be altered.
        package: PackageName,
        /// What may be altered, for people.
        within: String,
    },
    /// The role is there, but not for this component.
    #[error(
        "{identity} may alter only {within} in suite {suite}, nothing in component {component}; an \
         admin widens that: repoctl access grant"
    )]
    Component {
        /// Who.
        identity: Identity,
        /// In which suite.
        suite: SuiteName,
        /// The component that it would be in.
        component: Component,
        /// What may be altered, for people.
        within: String,
    },
}

/// Decides whether `identity` has `right`, when its own grant is the only one that it holds.
///
/// # Errors
/// [`Denied`] with the reason.
pub fn admit(
    identity: &Identity,
    grant: Option<&Grant>,
    right: Right<'_>,
) -> Result<Admitted, Denied> {
    let entitled = grant.map(|grant| Arc::new(Entitled::own(grant)));
    decide(identity, entitled, right)
}

/// Decides whether `identity` has `right`, from everything that it holds. Denies by default.
///
/// # Errors
/// [`Denied`] with the reason.
pub fn decide(
    identity: &Identity,
    entitled: Option<Arc<Entitled>>,
    right: Right<'_>,
) -> Result<Admitted, Denied> {
    let Some(entitled) = entitled.filter(|entitled| entitled.identity() == identity) else {
        return Err(Denied::Unknown(identity.clone()));
    };
    let need = right.least_role();
    let suite = match right {
        Right::Read(suite) | Right::Upload(suite) | Right::Operate(suite) => Some(suite),
        Right::Introspect | Right::Stage | Right::IssueHosts | Right::Audit => None,
        Right::Administer => None,
    };
    let have = match suite {
        Some(suite) => {
            entitled.role_in(suite).ok_or_else(|| Denied::Suite(identity.clone(), suite.clone()))?
        }
        None => entitled.role(),
    };
    if have < need {
        return Err(Denied::Role { identity: identity.clone(), have, need });
    }
    if right == Right::IssueHosts && !entitled.gives() {
        return Err(Denied::Limited { identity: identity.clone() });
    }
    Ok(Admitted { entitled, serial: String::new(), why: String::new() })
}

//! Conflicts: why a change cannot be made, and what to do instead.

use crate::digest::Digest;
use crate::domain::Package;

/// A change was refused; nothing of it was done.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", .reasons.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
pub struct Conflict {
    /// What kind of conflict it is, for programs.
    pub kind: ConflictKind,
    /// All reasons, not only the first.
    pub reasons: Vec<ConflictReason>,
}

/// What kind of conflict it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ConflictKind {
    /// A version exists with other bytes, or in another spelling.
    Version,
    /// Something of that name exists.
    Exists,
    /// The name is another suite's alias, or was the name of a removed suite: hosts that read it
    /// would stop.
    AliasInUse,
    /// It is not empty.
    NotEmpty,
    /// Hosts could not install a package, or could not have it beside what they have.
    NotInstallable,
    /// Anything else.
    #[default]
    Other,
}

/// One reason, about one thing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{subject}: {problem}")]
pub struct ConflictReason {
    /// What it is about: a package, a version, a field.
    pub subject: String,
    /// What is wrong with it, and the cure.
    pub problem: String,
    /// The package that it is about, where the change names packages.
    pub package: Option<Digest>,
    /// The other package of the same change that is in its way, if one is.
    pub against: Option<Digest>,
}

impl ConflictReason {
    /// A reason that is about no package of the change.
    pub fn new(subject: impl Into<String>, problem: impl Into<String>) -> Self {
        Self { subject: subject.into(), problem: problem.into(), package: None, against: None }
    }

    /// A reason not to take this package.
    pub fn of(package: &Package, problem: impl Into<String>) -> Self {
        let Package { name, version, architecture, digest, .. } = package;
        let subject = format!("{name} {version} {architecture}");
        Self { package: Some(*digest), ..Self::new(subject, problem) }
    }
}

impl Conflict {
    /// A conflict with one reason.
    pub fn one(subject: impl ToString, problem: impl Into<String>) -> Self {
        Self {
            kind: ConflictKind::Other,
            reasons: vec![ConflictReason::new(subject.to_string(), problem)],
        }
    }

    /// The same conflict, of another kind.
    pub fn of(self, kind: ConflictKind) -> Self {
        Self { kind, ..self }
    }
}

//! Groups, and the grants in addition to an identity's own grant, as they are sent.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Role;
use crate::debian::{Component, PackageName, SuiteName};

/// A role over suites, given to an identity or a group.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AccessGrant {
    /// To whom: an identity, or `@` and the name of a group.
    pub to: String,
    /// Which role.
    pub role: Role,
    /// For which suites: names, or patterns in which `*` stands for any text.
    pub suites: Vec<String>,
    /// Limits uploads and pins to these components; empty for any.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub components: Vec<Component>,
    /// Limits uploads and pins to packages of these names, which may contain `*`; empty for any.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub packages: Vec<String>,
}

/// A named set of identities.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AccessGroup {
    /// Its name.
    pub name: String,
    /// Identities, or patterns of them in which `*` stands for any text within one label.
    pub members: Vec<String>,
}

/// A recorded grant.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct GivenGrant {
    /// The grant.
    pub grant: AccessGrant,
    /// Whether it is the identity's own: `host` or `identity` gave it with a certificate, and
    /// removes it with that.
    pub own: bool,
    /// Who gave it; empty for an own grant.
    #[serde(default)]
    pub by: String,
    /// When it was given; `None` for an own grant.
    #[serde(default)]
    pub at: Option<i64>,
}

/// Everything that says who may do what: the answer of `GET /access`.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub struct AccessView {
    /// Groups by name.
    pub groups: Vec<AccessGroup>,
    /// Grants; those that are an identity's own come last.
    pub grants: Vec<GivenGrant>,
    /// Identities that were revoked: no grant is valid for them.
    pub shut_out: Vec<String>,
}

/// Alterations of which all are made or none: the body of `POST /access`. The answer has the same
/// form, with those that had an effect.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AccessChange {
    /// Only report what it would alter.
    #[serde(default)]
    pub dry_run: bool,
    /// Groups that end, with their members.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub end_groups: Vec<String>,
    /// Groups that are made, also without members.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub make_groups: Vec<String>,
    /// Who leaves which group.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub leave: Vec<AccessGroup>,
    /// Who joins which group.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub join: Vec<AccessGroup>,
    /// Grants that end.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub revoke: Vec<AccessGrant>,
    /// Grants that are given.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub give: Vec<AccessGrant>,
}

impl AccessChange {
    /// Whether it alters nothing.
    pub fn is_empty(&self) -> bool {
        *self == Self { dry_run: self.dry_run, ..Self::default() }
    }
}

/// The query of `GET /access/explain`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ExplainQuery {
    /// Whose rights.
    pub identity: String,
    /// In which suite.
    pub suite: SuiteName,
    /// In which component of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub component: Option<Component>,
    /// With which package.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub package: Option<PackageName>,
}

/// Why an identity may or may not do something: the answer of `GET /access/explain`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Explanation {
    /// Whose rights.
    pub identity: String,
    /// In which suite.
    pub suite: SuiteName,
    /// Each deed with its verdict: `read`, `upload`, `operate`.
    pub deeds: Vec<ExplainedDeed>,
    /// Sentences for people.
    #[serde(default)]
    pub notes: Vec<String>,
}

/// Why one thing is allowed or not.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct ExplainedDeed {
    /// `read`, `upload` or `operate`.
    pub deed: String,
    /// Whether it is allowed.
    pub allowed: bool,
    /// The grants that allow it; each of them is enough.
    #[serde(default)]
    pub by: Vec<ExplainedGrant>,
    /// What is missing, when it is not allowed.
    #[serde(default)]
    pub missing: String,
    /// The command that would allow it.
    #[serde(default)]
    pub cure: String,
}

/// A grant, and how an identity has it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct ExplainedGrant {
    /// The grant.
    pub grant: AccessGrant,
    /// Whether it came with the certificate.
    pub own: bool,
    /// The member of the group that stands for the identity, for a grant to a group.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub member: Option<String>,
}

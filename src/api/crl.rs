//! Revocation lists, as they are sent.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The media type of a revocation list. Source: RFC 2585, section 4.2.
pub const CRL_TYPE: &str = "application/pkix-crl";

/// A CA whose clients are trusted, with its revocation list: an element of the answer of `GET /crl` and
/// `PUT /crl`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct IssuerView {
    /// The subject of the CA.
    pub name: String,
    /// When the CA expires.
    pub not_after: i64,
    /// Its list in force; `None` when there is none, and then no client of any CA is served.
    pub list: Option<ListView>,
}

/// A revocation list in force.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct ListView {
    /// Its number: lower-case hexadecimal.
    pub number: String,
    /// When it was made.
    pub this_update: i64,
    /// When the next one is due.
    pub next_update: i64,
    /// From when on the list is too old, and no client of any CA is served.
    pub closes: i64,
    /// How many certificates it revokes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked: Option<u64>,
}

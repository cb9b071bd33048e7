//! The audit log, as it is sent.
//!
//! The entries are enough to work out the chain: [`AuditEntry::chained`] needs nothing but the
//! entry and the hash before it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::debian::PackageName;
use crate::digest::Digest;

/// Most entries that one answer holds.
pub const MOST_ENTRIES: u32 = 10_000;

/// The verbs of this version; `docs/audit.md` says what each means.
pub const VERBS: [&str; 48] = [
    "abort",
    "access",
    "add",
    "advance",
    "ca-lock",
    "ca-unlock",
    "certificate-issue",
    "change",
    "crl",
    "enrol",
    "gc",
    "grant",
    "handover",
    "health",
    "health-ignore",
    "hold",
    "key-add",
    "key-retire",
    "other",
    "pause",
    "pin",
    "pin-expire",
    "promote",
    "read",
    "release",
    "remove",
    "renew",
    "report",
    "restore",
    "restore-acknowledge",
    "resume",
    "revoke",
    "rollback",
    "send",
    "soak",
    "start",
    "suite-begin",
    "suite-create",
    "suite-edit",
    "suite-redate",
    "suite-remove",
    "suite-restore",
    "token",
    "token-revoke",
    "trust",
    "unpin",
    "yank",
    "yank-undo",
];

/// The query of `GET /audit`.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AuditQuery {
    /// Not before this moment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<i64>,
    /// Before this moment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<i64>,
    /// Only by this identity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity: Option<String>,
    /// Only in this suite.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suite: Option<String>,
    /// Only this verb.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verb: Option<String>,
    /// Only what concerns the binary package of this name, or those that are built from the source of this
    /// name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub package: Option<PackageName>,
    /// Only what was refused.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub refused: bool,
    /// Only entries after this number, the oldest first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<u64>,
    /// Only entries before this number, the newest first. The newest also come first when neither
    /// is given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<u64>,
    /// How many at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
}

/// One entry: an element of the answer of `GET /audit`, and a line of an export.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct AuditEntry {
    /// Its number: 1, 2, 3, …
    pub number: u64,
    /// When.
    pub at: i64,
    /// The identity that the certificate names; empty when no certificate proved one.
    pub identity: String,
    /// The serial of that certificate; empty when none was presented.
    pub serial: String,
    /// What was done or refused.
    pub verb: String,
    /// In which suite; empty when it concerns none.
    pub suite: String,
    /// The parameters, in short.
    pub detail: String,
    /// The reason that was given.
    pub message: String,
    /// The suite's last generation before.
    pub before: Option<u64>,
    /// The suite's last generation after.
    pub after: Option<u64>,
    /// `done`, or the code of the refusal.
    pub outcome: String,
    /// How many times; more than one only for refusals.
    pub times: u64,
    /// Its link in the chain.
    pub hash: Digest,
}

impl AuditEntry {
    /// The hash that it must have when it follows an entry with the hash `previous`. The first
    /// entry follows a hash of zeros.
    pub fn chained(&self, previous: &Digest) -> Digest {
        let optional = |number: Option<u64>| number.map_or(String::new(), |n| n.to_string());
        Digest::of_fields(&[
            "repod audit entry 1",
            &previous.to_string(),
            &self.number.to_string(),
            &self.at.to_string(),
            &self.identity,
            &self.serial,
            &self.verb,
            &self.suite,
            &self.detail,
            &self.message,
            &optional(self.before),
            &optional(self.after),
            &self.outcome,
            &self.times.to_string(),
        ])
    }
}

/// A signed statement of where the log ended: an element of the answer of `GET /audit/checkpoints`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct AuditCheckpoint {
    /// How many entries it had.
    pub entries: u64,
    /// The hash of the last entry.
    pub hash: Digest,
    /// When it was signed.
    pub at: i64,
    /// The statement, signed in clear with the keys of the repository.
    pub text: String,
}

/// Reads the number of entries and the hash in a checkpoint's text, without checking its signature.
/// `None` for another text.
pub fn read_statement(signed: &str) -> Option<(u64, Digest)> {
    let mut lines = signed.lines();
    lines.find(|line| *line == "Audit-Checkpoint: 1")?;
    let entries = lines.next()?.strip_prefix("Entries: ")?.parse().ok()?;
    let hash = lines.next()?.strip_prefix("Hash: ")?.parse().ok()?;
    Some((entries, hash))
}

/// The answer of `GET /audit/verify`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct AuditVerdict {
    /// How many entries there are.
    pub entries: u64,
    /// The hash of the last entry.
    pub hash: Digest,
    /// How many checkpoints there are.
    pub checkpoints: u64,
    /// How many entries are covered by a valid signature.
    pub signed_entries: u64,
    /// Everything that is wrong; empty when the log is intact.
    pub faults: Vec<String>,
}

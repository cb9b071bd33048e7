//! What is asked of the audit log.

use crate::catalogue::CatalogueError;
use crate::domain::audit::{ChainEnd, Entry, Search, Statement};
use crate::domain::{Actor, Event};

/// The audit log. What is recorded together with its event is not here but with its own kind.
pub trait Audit: Send + Sync {
    /// Adds entries that belong to no other record: refusals, and what was done outside the catalogue.
    ///
    /// # Errors
    /// [`CatalogueError`].
    fn record_events(&self, events: &[Event]) -> Result<(), CatalogueError>;

    /// Entries that match, the oldest first, from behind `after`; at most `limit`.
    ///
    /// # Errors
    /// [`CatalogueError::Damaged`] when one cannot be read.
    fn list_entries(
        &self,
        search: &Search,
        after: u64,
        limit: u32,
    ) -> Result<Vec<Entry>, CatalogueError>;

    /// Entries that match, the newest first, from before `before` or from the end; at most `limit`.
    ///
    /// # Errors
    /// [`CatalogueError::Damaged`] when one cannot be read.
    fn list_last_entries(
        &self,
        search: &Search,
        before: Option<u64>,
        limit: u32,
    ) -> Result<Vec<Entry>, CatalogueError>;

    /// Where the chain ends, as it is recorded.
    ///
    /// # Errors
    /// [`CatalogueError::Damaged`] when that cannot be read.
    fn chain_end(&self) -> Result<ChainEnd, CatalogueError>;

    /// How many entries there are, whatever their numbers.
    ///
    /// # Errors
    /// [`CatalogueError`].
    fn count_entries(&self) -> Result<u64, CatalogueError>;

    /// Keeps a signed statement; one of the same entries that is there already stays.
    ///
    /// # Errors
    /// [`CatalogueError`].
    fn record_checkpoint(&self, checkpoint: &Checkpoint) -> Result<(), CatalogueError>;

    /// The signed statement that reaches farthest.
    ///
    /// # Errors
    /// [`CatalogueError::Damaged`] when it cannot be read.
    fn last_checkpoint(&self) -> Result<Option<Checkpoint>, CatalogueError>;

    /// Every signed statement, the oldest first.
    ///
    /// # Errors
    /// [`CatalogueError::Damaged`] when one cannot be read.
    fn list_checkpoints(&self) -> Result<Vec<Checkpoint>, CatalogueError>;

    /// The ring of signing keys as far as the log tells of it; `None` before the first was recorded.
    ///
    /// # Errors
    /// [`CatalogueError`].
    fn find_keyring(&self) -> Result<Option<AuditedKeyring>, CatalogueError>;

    /// Records how far the log tells of the ring, together with the entries that do.
    ///
    /// # Errors
    /// [`CatalogueError`].
    fn record_keyring(&self, ring: &AuditedKeyring, events: &[Event])
    -> Result<(), CatalogueError>;

    /// The delivery that was begun and that the log does not tell of yet.
    ///
    /// # Errors
    /// [`CatalogueError`].
    fn find_delivery(&self) -> Result<Option<Delivery>, CatalogueError>;

    /// Records that a delivery begins, or with `None` that it is over, together with the entries that tell
    /// of it.
    ///
    /// # Errors
    /// [`CatalogueError`].
    fn record_delivery(
        &self,
        delivery: Option<&Delivery>,
        events: &[Event],
    ) -> Result<(), CatalogueError>;
}

/// Revocation lists that are on their way into force. They are files, which no transaction holds.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Delivery {
    /// Each list in one line: the id of its CA, a blank, its number.
    pub lists: Vec<String>,
    /// Who delivers them.
    pub actor: Actor,
    /// Why, as they said.
    pub message: String,
}

/// The ring of signing keys as far as the log tells of it. The ring itself is a file, which no transaction
/// holds: what differs from this was changed and has no line yet.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct AuditedKeyring {
    /// Each key in short, in one line.
    pub keys: Vec<String>,
    /// Who is changing it.
    pub change: Option<KeyringChange>,
}

/// Who has begun to change the ring.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct KeyringChange {
    /// By whom.
    pub actor: Actor,
    /// Why, as they said.
    pub message: String,
    /// What else the line says.
    pub remark: String,
}

/// A statement of how far the chain went, signed with the keys of the repository.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Checkpoint {
    /// What it says.
    pub statement: Statement,
    /// The statement's text, signed in clear.
    pub text: String,
}

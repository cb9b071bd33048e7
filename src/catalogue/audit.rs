//! The trait of the audit log, and the records that it takes and gives.

use crate::catalogue::CatalogueError;
use crate::domain::audit::{ChainEnd, Entry, Search, Statement};
use crate::domain::{Actor, Event};

/// The audit log. A method that records another fact takes its event along, and is in the trait of
/// that fact.
pub trait Audit: Send + Sync {
    /// Adds entries that belong to no other record: refusals, and what was done outside the catalogue.
    ///
    /// # Errors
    /// [`CatalogueError`].
    fn record_events(&self, events: &[Event]) -> Result<(), CatalogueError>;

    /// Lists entries that match `search`, the oldest first: those with numbers above `after`, at
    /// most `limit`.
    ///
    /// # Errors
    /// [`CatalogueError::Damaged`] when one cannot be read.
    fn list_entries(
        &self,
        search: &Search,
        after: u64,
        limit: u32,
    ) -> Result<Vec<Entry>, CatalogueError>;

    /// Lists entries that match `search`, the newest first: those with numbers below `before`, or
    /// from the end of the log when it is `None`; at most `limit`.
    ///
    /// # Errors
    /// [`CatalogueError::Damaged`] when one cannot be read.
    fn list_last_entries(
        &self,
        search: &Search,
        before: Option<u64>,
        limit: u32,
    ) -> Result<Vec<Entry>, CatalogueError>;

    /// The recorded end of the hash chain.
    ///
    /// # Errors
    /// [`CatalogueError::Damaged`] when that cannot be read.
    fn chain_end(&self) -> Result<ChainEnd, CatalogueError>;

    /// The number of entries in the log, counted row by row and not taken from their numbers.
    ///
    /// # Errors
    /// [`CatalogueError`].
    fn count_entries(&self) -> Result<u64, CatalogueError>;

    /// Stores a checkpoint. When there is one of the same number of entries already, that one
    /// stays.
    ///
    /// # Errors
    /// [`CatalogueError`].
    fn record_checkpoint(&self, checkpoint: &Checkpoint) -> Result<(), CatalogueError>;

    /// The checkpoint that covers the most entries; `None` when there is none.
    ///
    /// # Errors
    /// [`CatalogueError::Damaged`] when it cannot be read.
    fn last_checkpoint(&self) -> Result<Option<Checkpoint>, CatalogueError>;

    /// Every checkpoint, the one that covers the fewest entries first.
    ///
    /// # Errors
    /// [`CatalogueError::Damaged`] when one cannot be read.
    fn list_checkpoints(&self) -> Result<Vec<Checkpoint>, CatalogueError>;

    /// The keyring as the log last recorded it; `None` before the first record.
    ///
    /// # Errors
    /// [`CatalogueError`].
    fn find_keyring(&self) -> Result<Option<AuditedKeyring>, CatalogueError>;

    /// Records the keyring as the log has it from now on, together with the entries about it.
    ///
    /// # Errors
    /// [`CatalogueError`].
    fn record_keyring(&self, ring: &AuditedKeyring, events: &[Event])
    -> Result<(), CatalogueError>;

    /// The delivery of revocation lists that was begun and has no entry in the log yet; `None` when
    /// there is none.
    ///
    /// # Errors
    /// [`CatalogueError`].
    fn find_delivery(&self) -> Result<Option<Delivery>, CatalogueError>;

    /// Records that a delivery begins, or with `None` that it is over, together with the entries
    /// about it.
    ///
    /// # Errors
    /// [`CatalogueError`].
    fn record_delivery(
        &self,
        delivery: Option<&Delivery>,
        events: &[Event],
    ) -> Result<(), CatalogueError>;
}

/// Revocation lists that are being put into force. They are files, so no transaction covers them.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Delivery {
    /// Each list in one line: the id of its CA, a blank, its number.
    pub lists: Vec<String>,
    /// Who delivers them.
    pub actor: Actor,
    /// The reason that they gave.
    pub message: String,
}

/// The keyring as the log last recorded it. The keyring itself is a file, so no transaction covers
/// it: where the file differs from this record, it was changed and the log has no entry of that
/// yet.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct AuditedKeyring {
    /// One short line for each key.
    pub keys: Vec<String>,
    /// The change that was begun and is not over, if there is one.
    pub change: Option<KeyringChange>,
}

/// A change of the keyring that was begun.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct KeyringChange {
    /// Who makes it.
    pub actor: Actor,
    /// The reason that they gave.
    pub message: String,
    /// What the log entry says in addition.
    pub remark: String,
}

/// A statement of where the hash chain ended, signed with the keys of the repository.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Checkpoint {
    /// What it says.
    pub statement: Statement,
    /// The statement's text, signed in clear.
    pub text: String,
}

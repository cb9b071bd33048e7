//! Found: what is checked, and what is wrong with it.

use crate::catalogue::Catalogue;
use crate::digest::Digest;
use crate::flow::error::{Damage, FlowError};
use crate::pool::{Kind, Pool, PoolError};

/// Something that is not what was stored.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Finding {
    /// What, and what is wrong with it.
    pub text: String,
    /// What a repair begins with; nothing, where a repair does not help.
    pub damage: Vec<Damage>,
}

/// What a check saw.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct Checked {
    /// How many packages.
    pub packages: u64,
    /// How many packs of chunks.
    pub packs: u64,
    /// How many index files, of all generations.
    pub files: u64,
    /// How many stored files belong to nothing that is recorded.
    pub orphans: u64,
    /// Their size. Unit: bytes.
    pub orphan_bytes: u64,
    /// What is wrong.
    pub findings: Vec<Finding>,
}

/// The stores that are checked.
#[derive(Clone, Copy)]
pub struct Stores<'s> {
    /// The catalogue.
    pub catalogue: &'s dyn Catalogue,
    /// The pool.
    pub pool: &'s dyn Pool,
    /// Told how many bytes were read; it may wait, and gives `false` to end the check. With one, bytes
    /// are read from the disk itself; without one, also from what the kernel keeps in memory.
    pub pace: Option<&'s (dyn Fn(u64) -> bool + Sync)>,
}

impl Stores<'_> {
    /// Holds stored bytes against their name, and gives their size; `None` when there are none.
    pub(super) fn prove(&self, kind: Kind, digest: &Digest) -> Result<Option<u64>, PoolError> {
        match self.pace {
            Some(pace) => self.pool.scrub(kind, digest, &|bytes| pace(bytes)),
            None => self.pool.verify(kind, digest),
        }
    }

    /// Tells how many bytes were read.
    ///
    /// # Errors
    /// [`FlowError::Unavailable`] when the check is to end.
    pub(super) fn tell(&self, bytes: u64) -> Result<(), FlowError> {
        match self.pace.is_none_or(|pace| pace(bytes)) {
            true => Ok(()),
            false => Err(FlowError::Unavailable("the server wants to stop".into())),
        }
    }
}

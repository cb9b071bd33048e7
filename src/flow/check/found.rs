//! Found: what is checked, and what is wrong with it.

use crate::catalogue::Catalogue;
use crate::flow::error::Damage;
use crate::pool::Pool;

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
}

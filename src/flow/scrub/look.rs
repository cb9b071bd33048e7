//! Look: whether one thing is what was stored, at the pace of the scrub.

use std::collections::BTreeSet;

use crate::catalogue::FiledIndex;
use crate::digest::Digest;
use crate::domain::Package;
use crate::flow::check::found::{Finding, Stores};
use crate::flow::check::{files, packages, stores};
use crate::flow::error::{Damage, FlowError};
use crate::flow::repository::Repository;
use crate::flow::scrub::pace::{self, Pace};
use crate::flow::scrub::surroundings::Surroundings;
use crate::flow::scrub::unit::Unit;
use crate::flow::state::scrubbing::Kept;
use crate::pool::Kind;

/// What an entry of the audit log counts for: it is read and hashed. Unit: bytes.
const ENTRY_BYTES: u64 = 400;

/// What was found, by its kind.
pub(super) type Found = Vec<(Kept, Finding)>;

/// Looks at things, at a pace.
pub(super) struct Look<'l> {
    repository: &'l Repository,
    surroundings: &'l dyn Surroundings,
    pace: Pace<'l>,
}

impl<'l> Look<'l> {
    pub(super) fn new(repository: &'l Repository, surroundings: &'l dyn Surroundings) -> Self {
        let pace = Pace::new(surroundings, &repository.scrubbing);
        let look = Self { repository, surroundings, pace };
        look.set_rate(0, 0);
        look
    }

    /// Sets the pace, so that what is left is read in time.
    pub(super) fn set_rate(&self, left_bytes: u64, spent_seconds: i64) {
        let limits = self.repository.limits().scrub;
        self.pace.set(pace::rate(&limits, left_bytes, spent_seconds));
    }

    /// How much a whole pass reads, about. Unit: bytes.
    ///
    /// # Errors
    /// [`FlowError`] from the stores.
    pub(super) fn expected_bytes(&self) -> Result<u64, FlowError> {
        let measured = self.repository.catalogue.measure()?;
        let packs = self.repository.pool.list(Kind::Pack)?;
        let packs: u64 = packs.iter().map(|pack| pack.size_bytes).sum();
        let entries = self.repository.catalogue.chain_end()?.entries;
        let log = entries.saturating_mul(ENTRY_BYTES);
        // The catalogue is read as a file and as a database.
        let catalogue = measured.own_bytes.saturating_mul(2);
        let stores = measured.package_bytes.saturating_add(measured.index_bytes);
        Ok(stores.saturating_add(packs).saturating_add(log).saturating_add(catalogue))
    }

    /// What is wrong with a thing.
    ///
    /// # Errors
    /// [`FlowError`] when nobody can say.
    pub(super) fn at(&self, unit: &Unit) -> Result<Found, FlowError> {
        match unit {
            Unit::Files => Ok(self.at_files()),
            Unit::Catalogue => {
                let faults = self.repository.catalogue.reread(&|bytes| self.pace.read(bytes))?;
                Ok(in_words(Kept::Catalogue, faults))
            }
            Unit::Part(part) => self.at_part(part),
            Unit::Pack(pack) => self.at_pack(pack),
            Unit::Package(package) => self.at_package(package),
            Unit::Index(filed) => self.at_index(filed),
        }
    }

    fn at_files(&self) -> Found {
        let faults = self.surroundings.faults();
        let entries = self.repository.catalogue.chain_end().map_or(0, |end| end.entries);
        self.pace.read(entries.saturating_mul(ENTRY_BYTES));
        in_words(Kept::File, faults)
    }

    fn at_part(&self, part: &str) -> Result<Found, FlowError> {
        let catalogue = &self.repository.catalogue;
        let faults = catalogue.look_at_part(part)?;
        // Nobody knows how large one table is: each counts for as much as the others.
        let parts = catalogue.list_parts()?.len().max(1) as u64;
        self.pace.read(catalogue.measure()?.own_bytes / parts);
        let text = |fault| format!("the catalogue: {fault}");
        Ok(in_words(Kept::Catalogue, faults.into_iter().map(text).collect()))
    }

    fn at_pack(&self, pack: &Digest) -> Result<Found, FlowError> {
        let found = self.with_stores(|given| stores::pack_of(given, pack))?;
        let Some(found) = found else { return Ok(Vec::new()) };
        // It may have been forgotten and swept meanwhile.
        let is_named = !self.repository.catalogue.list_chunks_in(pack)?.is_empty();
        Ok(is_named.then_some((Kept::Pack, found)).into_iter().collect())
    }

    fn at_package(&self, package: &Package) -> Result<Found, FlowError> {
        let found = self.with_stores(|given| packages::of_package(given, package))?;
        let found: Vec<_> = found.into_iter().flatten().collect();
        // As for a pack.
        if found.is_empty()
            || self.repository.catalogue.find_packages(&[package.digest])?.is_empty()
        {
            return Ok(Vec::new());
        }
        let of_kind = |finding: Finding| match finding.damage[..] {
            [Damage::Stanza(_)] => (Kept::Stanza, finding),
            _ => (Kept::Package, finding),
        };
        Ok(found.into_iter().map(of_kind).collect())
    }

    fn at_index(&self, filed: &FiledIndex) -> Result<Found, FlowError> {
        let found = self.with_stores(|given| files::of_file(given, filed, &BTreeSet::new()))?;
        let Some(found) = found else { return Ok(Vec::new()) };
        // As for a pack.
        let is_there = !matches!(self.repository.catalogue.read_filed(filed.id), Ok(None));
        Ok(is_there.then_some((Kept::Index, found)).into_iter().collect())
    }

    fn with_stores<T>(&self, look: impl FnOnce(Stores<'_>) -> T) -> T {
        let read = |bytes| self.pace.read(bytes);
        look(Stores {
            catalogue: &*self.repository.catalogue,
            pool: &*self.repository.pool,
            pace: Some(&read),
        })
    }
}

/// Faults that no repair begins with.
fn in_words(kind: Kept, faults: Vec<String>) -> Found {
    let finding = |text| (kind, Finding { text, damage: Vec::new() });
    faults.into_iter().map(finding).collect()
}

//! Inventory: what a host says that it has installed, and how that is hashed, written and stored.

mod entry;
mod id_list;
mod odd;
mod set_hash;

pub use entry::{Entry, EntryError, Installed, Marks};
pub use id_list::{ListError, Listed, decode, encode, pick};
pub use odd::{Difference, FactDifference, Holding, differences, fact_differences};
pub use set_hash::SetHash;

use std::collections::BTreeSet;

use crate::domain::Identity;
use crate::domain::health::HealthRun;
use crate::time::Moment;

/// The most packages that a host may have. Debian has 70,000 altogether.
pub const MOST_PACKAGES: usize = 20_000;
/// The most services that a report may name.
pub const MOST_SERVICES: usize = 256;
/// The longest text of any other field. Unit: bytes.
pub const LONGEST_FACT_BYTES: usize = 256;

/// What a host says of itself beside its packages. Empty texts are not known.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Facts {
    /// `ID` of os-release: `debian`.
    pub os: String,
    /// `VERSION_ID` of os-release: `12`.
    pub os_version: String,
    /// `VERSION_CODENAME` of os-release: `bookworm`.
    pub os_codename: String,
    /// The release of the kernel that runs.
    pub kernel: String,
    /// The release of the kernel that would run after a reboot.
    pub kernel_expected: String,
    /// Whether something asked for a reboot.
    pub reboot: bool,
    /// Units that run files which are not there any more.
    pub services: Vec<String>,
    /// When apt last altered packages, and when `repod-upgrade` last ran; the later one.
    pub apt_at: Option<Moment>,
    /// What went wrong then; empty when nothing did.
    pub apt_error: String,
    /// How many packages were left out, because their names or versions break the rules of Debian Policy.
    pub unreadable: u64,
    /// What the checks of the host said; `None` when it has run none.
    pub health: Option<HealthRun>,
}

/// A report, as a host sent it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct HostReport {
    /// Who speaks, and of whom.
    pub host: Identity,
    /// The host's own number of the report. It rises.
    pub number: u64,
    /// The set that this one is a difference to; `None` when all of it is here.
    pub base: Option<SetHash>,
    /// The set that results.
    pub hash: SetHash,
    /// What is installed; with a base, what was not there like this.
    pub installed: Vec<Entry>,
    /// What of the base is not there like this any more.
    pub gone: Vec<Entry>,
    /// The rest.
    pub facts: Facts,
    /// When it was received.
    pub at: Moment,
}

impl HostReport {
    /// How many rows it concerns: what recording it costs.
    pub fn weight(&self) -> usize {
        self.installed.len().saturating_add(self.gone.len()).saturating_add(1)
    }

    /// Whether the set has the hash that is named, and no package twice.
    pub fn is_consistent(&self) -> bool {
        let mut seen = BTreeSet::new();
        let mut is_new = |entry: &Entry| {
            let Installed { name, architecture, .. } = &entry.package;
            seen.insert((name.clone(), architecture.clone()))
        };
        let begin = self.base.unwrap_or_default();
        let hash = self.gone.iter().fold(begin, SetHash::without);
        let hash = self.installed.iter().fold(hash, SetHash::with);
        self.installed.iter().all(&mut is_new) && hash == self.hash
    }
}

/// What became of a report.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Receipt {
    /// It is recorded; or it was before, and says nothing else.
    Taken,
    /// Its base is not what is recorded of the host: the full set is needed.
    Resynchronise,
    /// A report with this number or a higher one is recorded.
    Outdated(u64),
}

/// A report contradicts itself: its set does not have the hash that it names, a package is there twice, or one that
/// is gone was not there.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("is not that of the set: a package is there twice, or one that is gone was not there")]
pub struct Contradiction;

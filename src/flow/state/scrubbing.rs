//! Scrubbing: how far the scrub is and what it found, for status and metrics.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::flow::threads::lock;
use crate::time::Moment;

/// How fast everything that is stored is read again.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ScrubLimits {
    /// How long a pass over everything may take; with 0 there is none. Unit: days.
    pub days: u32,
    /// How much is read in a second at most, whatever that means for the time. Unit: bytes.
    pub most_bytes_per_second: u64,
    /// How much is read in a second at least: what is small is read soon. Unit: bytes.
    pub least_bytes_per_second: u64,
    /// How long the scrub leaves a server alone that has just been started. Unit: seconds.
    pub wait_seconds: u64,
}

impl Default for ScrubLimits {
    fn default() -> Self {
        Self {
            days: 30,
            most_bytes_per_second: 8 << 20,
            least_bytes_per_second: 256 << 10,
            wait_seconds: 600,
        }
    }
}

impl ScrubLimits {
    /// How long a pass may take. Unit: seconds.
    pub(crate) fn period_seconds(&self) -> i64 {
        i64::from(self.days).saturating_mul(86_400)
    }
}

/// The kinds of what can be wrong, as metrics call them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kept {
    /// A `.deb`.
    Package,
    /// A pack of chunks.
    Pack,
    /// A stanza in the catalogue.
    Stanza,
    /// An index file of some generation.
    Index,
    /// The catalogue itself.
    Catalogue,
    /// A small file: keys, dates, the audit log with what is kept beside it.
    File,
}

impl Kept {
    /// Every kind with its word.
    pub const ALL: [(Self, &'static str); 6] = [
        (Self::Package, "package"),
        (Self::Pack, "pack"),
        (Self::Stanza, "stanza"),
        (Self::Index, "index"),
        (Self::Catalogue, "catalogue"),
        (Self::File, "file"),
    ];

    /// Its word.
    pub(crate) fn word(self) -> &'static str {
        Self::ALL.iter().find(|(kind, _)| *kind == self).map_or("", |(_, word)| word)
    }
}

/// A pass that has ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct EndedPass {
    /// When it began.
    pub began_at: Moment,
    /// When it ended.
    pub ended_at: Moment,
    /// How much it read. Unit: bytes.
    pub read_bytes: u64,
    /// How much it found.
    pub findings: u64,
}

/// A pass that is under way.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PresentPass {
    /// When it began.
    pub began_at: Moment,
    /// How much it has read. Unit: bytes.
    pub read_bytes: u64,
    /// How much there is to read, as far as that is known. Unit: bytes.
    pub expected_bytes: u64,
    /// How much it found so far.
    pub findings: u64,
}

/// Where the scrub is.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct ScrubReport {
    /// The pass that is under way.
    pub present: Option<PresentPass>,
    /// The last whole pass.
    pub last: Option<EndedPass>,
    /// What is wrong that is not repaired by itself, in words.
    pub warnings: Vec<String>,
    /// Why the scrub could not go on, if that is so.
    pub failure: Option<String>,
}

/// What is known of the scrub in this process.
#[derive(Default)]
pub struct Scrubbing {
    report: Mutex<ScrubReport>,
    read_bytes: AtomicU64,
    passes: AtomicU64,
    findings: [AtomicU64; Kept::ALL.len()],
}

impl Scrubbing {
    /// Where it is.
    pub fn report(&self) -> ScrubReport {
        lock(&self.report).clone()
    }

    /// How much it read since the start. Unit: bytes.
    pub fn read_bytes(&self) -> u64 {
        self.read_bytes.load(Ordering::Relaxed)
    }

    /// How many passes ended since the start.
    pub fn passes(&self) -> u64 {
        self.passes.load(Ordering::Relaxed)
    }

    /// How much it found since the start, by the words of the kinds.
    pub fn findings(&self) -> impl Iterator<Item = (&'static str, u64)> {
        let words = Kept::ALL.iter().map(|(_, word)| *word);
        words.zip(self.findings.iter().map(|count| count.load(Ordering::Relaxed)))
    }

    pub(crate) fn update(&self, change: impl FnOnce(&mut ScrubReport)) {
        change(&mut lock(&self.report));
    }

    /// Notes that so much was read. Unit: bytes.
    pub(crate) fn note_read(&self, bytes: u64) {
        self.read_bytes.fetch_add(bytes, Ordering::Relaxed);
        if let Some(present) = &mut lock(&self.report).present {
            present.read_bytes = present.read_bytes.saturating_add(bytes);
        }
    }

    pub(crate) fn note_pass(&self) {
        self.passes.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn note_finding(&self, of: Kept) {
        let at = Kept::ALL.iter().position(|(kind, _)| *kind == of);
        if let Some(count) = at.and_then(|at| self.findings.get(at)) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }
}

//! Date: what a Release text may bear.

use crate::debian::SuiteName;
use crate::time::Moment;

/// A Date that one Release text of one suite may bear; only [`super::Signer::next_date`] makes it.
///
/// Signing uses it up. Should another signature come first, the floor refuses this one.
#[derive(Debug)]
pub struct ReleaseDate {
    pub(super) suite: SuiteName,
    pub(super) moment: Moment,
    pub(super) generation: u64,
}

impl ReleaseDate {
    pub(super) fn new(suite: &SuiteName, moment: Moment) -> Self {
        Self { suite: suite.clone(), moment, generation: 0 }
    }

    /// The same for a head of this generation, which is noted outside the catalogue.
    #[must_use]
    pub fn of_generation(self, generation: u64) -> Self {
        Self { generation, ..self }
    }

    /// The moment to write into the `Date` field.
    pub fn moment(&self) -> Moment {
        self.moment
    }

    /// The suite that it is for.
    pub fn suite(&self) -> &SuiteName {
        &self.suite
    }
}

/// Whether a suite may be signed now.
#[derive(Debug)]
pub enum NextDate {
    /// It may be signed, with this Date.
    Ready(ReleaseDate),
    /// It may be signed once the clock has passed the last Date.
    Wait {
        /// How long until then: 1 to 6.
        seconds: u32,
    },
}

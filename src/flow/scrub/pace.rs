//! Pace: how fast the scrub reads.

use std::sync::Mutex;
use std::time::Duration;

use crate::flow::scrub::surroundings::Surroundings;
use crate::flow::state::scrubbing::{ScrubLimits, Scrubbing};
use crate::flow::threads::lock;

/// A pass aims at nine tenths of its time: the store grows meanwhile, and the server may be off.
const AIM_TENTHS: i64 = 9;
/// What is left is never to be read in less than this. Unit: seconds.
const LEAST_SECONDS: i64 = 3_600;
/// Shorter waits are put together. Unit: milliseconds.
const STEP_MILLISECONDS: u64 = 100;

/// How much is to be read in a second, so that a pass with `left_bytes` to read, which began
/// `spent_seconds` ago, ends in time. Unit: bytes.
pub(super) fn rate(limits: &ScrubLimits, left_bytes: u64, spent_seconds: i64) -> u64 {
    let aim = limits.period_seconds().saturating_mul(AIM_TENTHS) / 10;
    let left_seconds = aim.saturating_sub(spent_seconds.max(0)).max(LEAST_SECONDS);
    let wanted = left_bytes / left_seconds.unsigned_abs().max(1);
    let most = limits.most_bytes_per_second.max(1);
    wanted.max(limits.least_bytes_per_second).min(most)
}

/// Waits after each part that was read for as long as its bytes may take. The time that the reading
/// itself takes comes on top, so the rate is never exceeded.
pub(super) struct Pace<'p> {
    surroundings: &'p dyn Surroundings,
    scrubbing: &'p Scrubbing,
    /// Bytes in a second, and the bytes that were not waited for yet.
    owed: Mutex<(u64, u64)>,
}

impl<'p> Pace<'p> {
    pub(super) fn new(surroundings: &'p dyn Surroundings, scrubbing: &'p Scrubbing) -> Self {
        Self { surroundings, scrubbing, owed: Mutex::new((1, 0)) }
    }

    /// Sets the rate. Unit: bytes in a second.
    pub(super) fn set(&self, rate: u64) {
        lock(&self.owed).0 = rate.max(1);
    }

    /// Notes that so much was read, and waits. Gives whether the scrub goes on.
    pub(super) fn read(&self, bytes: u64) -> bool {
        self.scrubbing.note_read(bytes);
        let wait = {
            let mut owed = lock(&self.owed);
            let (rate, bytes) = (owed.0, owed.1.saturating_add(bytes));
            let milliseconds = u128::from(bytes) * 1_000 / u128::from(rate);
            let milliseconds = u64::try_from(milliseconds).unwrap_or(u64::MAX);
            owed.1 = if milliseconds < STEP_MILLISECONDS { bytes } else { 0 };
            Duration::from_millis(if owed.1 == 0 { milliseconds } else { 0 })
        };
        self.surroundings.pause(wait)
    }
}

//! Scattered: how much of a suite came into memory piece by piece, since it was read in one go.

use std::sync::atomic::{AtomicUsize, Ordering};

/// After this many moves, in one change or in several, the suite is read again when there is time.
const MANY: usize = 5_000;

/// What the smallest change counts as: a move allocates new nodes in each of three trees, scattered
/// over memory. Unit: moves.
const FEWEST_MOVES: usize = 25;

/// How much moved since the suite was read as a whole. Unit: moves.
#[derive(Default)]
pub(super) struct Scattered(AtomicUsize);

impl Scattered {
    pub(super) fn add(&self, moves: usize) {
        self.0.fetch_add(moves.max(FEWEST_MOVES), Ordering::AcqRel);
    }

    pub(super) fn is_much(&self) -> bool {
        self.0.load(Ordering::Acquire) >= MANY
    }

    pub(super) fn forget(&self) {
        self.0.store(0, Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_large_change_or_two_hundred_small_ones_are_much() {
        let scattered = Scattered::default();
        (0..199).for_each(|_| scattered.add(1));
        assert!(!scattered.is_much());
        scattered.add(0);
        assert!(scattered.is_much());
        scattered.forget();
        scattered.add(MANY - 1);
        assert!(!scattered.is_much());
        scattered.forget();
        scattered.add(MANY);
        assert!(scattered.is_much());
    }
}

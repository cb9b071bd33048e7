//! Timings: how long things took since the start, in buckets, as metrics have it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// The upper bounds of what takes the disk: waiting for a turn, publishing. Unit: seconds.
const SLOW_SECONDS: &[f64] =
    &[0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0];
/// The upper bounds of answers. Unit: seconds.
const FAST_SECONDS: &[f64] =
    &[0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

/// Durations by size. It only ever rises.
#[derive(Debug)]
pub struct Histogram {
    bounds: &'static [f64],
    counts: Box<[AtomicU64]>,
    count: AtomicU64,
    sum_micros: AtomicU64,
}

/// What a [`Histogram`] holds.
#[derive(Clone, PartialEq, Debug)]
pub struct Durations {
    /// How many took at most so many seconds, by rising bound; each counts those before it, too.
    pub buckets: Vec<(f64, u64)>,
    /// How many there were.
    pub count: u64,
    /// What they took together. Unit: seconds.
    pub sum_seconds: f64,
}

impl Histogram {
    fn new(bounds: &'static [f64]) -> Self {
        let counts = bounds.iter().map(|_| AtomicU64::new(0)).collect();
        Self { bounds, counts, count: AtomicU64::new(0), sum_micros: AtomicU64::new(0) }
    }

    /// For answers to requests.
    pub fn of_answers() -> Self {
        Self::new(FAST_SECONDS)
    }

    /// Counts one.
    pub fn note(&self, took: Duration) {
        let seconds = took.as_secs_f64();
        let at = self.bounds.iter().position(|bound| seconds <= *bound);
        if let Some(count) = at.and_then(|at| self.counts.get(at)) {
            count.fetch_add(1, Ordering::Relaxed);
        }
        self.count.fetch_add(1, Ordering::Relaxed);
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        self.sum_micros.fetch_add(micros, Ordering::Relaxed);
    }

    /// What was counted.
    pub fn read(&self) -> Durations {
        let mut below = 0_u64;
        let buckets = self.bounds.iter().zip(&self.counts).map(|(bound, count)| {
            below = below.saturating_add(count.load(Ordering::Relaxed));
            (*bound, below)
        });
        let buckets: Vec<_> = buckets.collect();
        // What is counted meanwhile must not make the whole smaller than a part.
        let count = self.count.load(Ordering::Relaxed).max(below_last(&buckets));
        let sum_seconds =
            Duration::from_micros(self.sum_micros.load(Ordering::Relaxed)).as_secs_f64();
        Durations { buckets, count, sum_seconds }
    }
}

fn below_last(buckets: &[(f64, u64)]) -> u64 {
    buckets.last().map_or(0, |(_, below)| *below)
}

/// How long changes of suites took since the start.
#[derive(Debug)]
pub struct Timings {
    /// How long changes waited in the queue of their suite.
    pub waits: Histogram,
    /// How long generations took: from the beginning of a publish batch until it was live.
    pub publishes: Histogram,
}

impl Default for Timings {
    fn default() -> Self {
        Self { waits: Histogram::new(SLOW_SECONDS), publishes: Histogram::new(SLOW_SECONDS) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_bucket_counts_those_below_it_and_the_whole_counts_all() {
        let histogram = Histogram::of_answers();
        for millis in [1, 2, 9, 9_999, 60_000] {
            histogram.note(Duration::from_millis(millis));
        }
        let read = histogram.read();
        let at = |bound: f64| read.buckets.iter().find(|(one, _)| *one == bound).unwrap().1;
        assert_eq!([at(0.001), at(0.0025), at(0.005), at(0.01), at(10.0)], [1, 2, 2, 3, 4]);
        assert_eq!(read.count, 5);
        assert!((read.sum_seconds - 70.011).abs() < 0.001, "{}", read.sum_seconds);
    }
}

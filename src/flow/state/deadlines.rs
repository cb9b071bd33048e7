//! Deadlines: until when tokens last by the time that passed since the machine started, which nobody
//! sets. The wall clock may be set back, and would revive a token that has ended.

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::Duration;

use crate::digest::Digest;
use crate::flow::threads::lock;

/// How long a deadline is remembered after it passed: as long as the token itself, and more.
const REMEMBERED: Duration = Duration::from_secs(100 * 86_400);

/// The deadlines of tokens, by the digests of their secrets.
#[derive(Default)]
pub struct Deadlines(Mutex<HashMap<Digest, Duration>>);

impl Deadlines {
    /// Sets the deadline of a token that lasts for `seconds` from `elapsed` on.
    pub(crate) fn set(&self, secret: Digest, elapsed: Duration, seconds: i64) {
        let lasts = Duration::from_secs(u64::try_from(seconds).unwrap_or(0));
        let mut all = lock(&self.0);
        all.retain(|_, end| end.saturating_add(REMEMBERED) > elapsed);
        all.insert(secret, elapsed.saturating_add(lasts));
    }

    /// Whether the deadline of a token has passed; not for a token that has none.
    pub(crate) fn is_over(&self, secret: &Digest, elapsed: Duration) -> bool {
        lock(&self.0).get(secret).is_some_and(|end| *end <= elapsed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deadline_passes_with_the_time_that_elapsed_and_is_forgotten_long_after() {
        let deadlines = Deadlines::default();
        let (one, other) = (Digest::of(b"one"), Digest::of(b"other"));
        let at = Duration::from_secs;
        deadlines.set(one, at(1_000), 60);
        deadlines.set(other, at(1_000), -5);
        assert!(!deadlines.is_over(&one, at(1_059)) && deadlines.is_over(&one, at(1_060)));
        assert!(deadlines.is_over(&other, at(1_000)), "it had ended before");
        assert!(!deadlines.is_over(&Digest::of(b"third"), at(u64::MAX)));
        deadlines.set(other, at(200 * 86_400), 60);
        assert_eq!(lock(&deadlines.0).len(), 1);
    }
}

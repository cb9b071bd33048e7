//! The hash of a set of packages: the sum of the hashes of its lines. One package more or less costs one addition,
//! so that a difference is checked without reading the rest of the set.

use std::fmt;
use std::str::FromStr;

use super::Entry;
use crate::digest::{Digest, DigestError};

/// The hash of a set of [`Entry`]: the sum of the SHA-256 of their lines, as big-endian numbers modulo 2^256.
///
/// It finds faults, not forgeries: who wants to lie needs no collision, but says it right away.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SetHash(Digest);

impl Default for SetHash {
    fn default() -> Self {
        Self(Digest::ZERO)
    }
}

impl SetHash {
    /// The hash of all of these.
    pub fn of<'e>(entries: impl IntoIterator<Item = &'e Entry>) -> Self {
        entries.into_iter().fold(Self::default(), Self::with)
    }

    /// The same with one more.
    pub fn with(self, entry: &Entry) -> Self {
        let digest = Digest::of(entry.to_string().as_bytes());
        self.plus(digest.as_bytes())
    }

    /// The same with one less.
    pub fn without(self, entry: &Entry) -> Self {
        let digest = Digest::of(entry.to_string().as_bytes());
        // Minus x is plus (not x) plus 1.
        let mut one = [0; 32];
        if let Some(last) = one.last_mut() {
            *last = 1;
        }
        self.plus(&digest.as_bytes().map(|byte| !byte)).plus(&one)
    }

    fn plus(self, other: &[u8; 32]) -> Self {
        let (mut sum, mut carry) = (*self.0.as_bytes(), false);
        for (byte, more) in sum.iter_mut().zip(other).rev() {
            let (partial, first) = byte.overflowing_add(*more);
            let (total, second) = partial.overflowing_add(u8::from(carry));
            (*byte, carry) = (total, first || second);
        }
        Self(Digest::from_slice(&sum).unwrap_or(Digest::ZERO))
    }
}

impl fmt::Display for SetHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for SetHash {
    type Err = DigestError;

    fn from_str(text: &str) -> Result<Self, DigestError> {
        text.parse().map(Self)
    }
}

impl From<Digest> for SetHash {
    fn from(digest: Digest) -> Self {
        Self(digest)
    }
}

impl From<SetHash> for Digest {
    fn from(hash: SetHash) -> Self {
        hash.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    fn entry(number: u16) -> Entry {
        Entry::parse(&format!("acme-{number} amd64 1.0 auto")).unwrap()
    }

    proptest! {
        #[test]
        fn a_difference_leads_to_the_hash_of_the_whole(
            before in proptest::collection::btree_set(0_u16..64, 0..24),
            after in proptest::collection::btree_set(0_u16..64, 0..24),
        ) {
            let hash = |set: &BTreeSet<u16>| SetHash::of(&set.iter().map(|n| entry(*n)).collect::<Vec<_>>());
            let mut led = hash(&before);
            for number in before.difference(&after) {
                led = led.without(&entry(*number));
            }
            for number in after.difference(&before) {
                led = led.with(&entry(*number));
            }
            prop_assert_eq!(led, hash(&after));
            prop_assert_eq!(before == after, hash(&before) == hash(&after));
            prop_assert_eq!(led.to_string().parse(), Ok(led));
        }
    }

    /// The rule is written down for other clients, so it does not change.
    #[test]
    fn the_hash_of_one_line_is_its_sha_256() {
        let one = entry(1);
        assert_eq!(
            SetHash::of([&one]).to_string(),
            Digest::of(b"acme-1 amd64 1.0 auto").to_string()
        );
        assert_eq!(SetHash::of([&one]).without(&one), SetHash::default());
    }
}

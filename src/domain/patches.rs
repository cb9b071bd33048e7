//! Patches: which earlier states of an index a suite offers a patch from, and the names of patches.

use std::collections::HashMap;
use std::ops::Range;

use crate::digest::Digest;
use crate::time::Moment;

/// How many generations before the current one always have a patch.
const RECENT: usize = 8;
/// An age: the generation that was live then has a patch, and so has the one at each doubling of
/// this age. Unit: seconds. Sixteen times as much is a day: hosts that ask once a day have the
/// index of then.
const FIRST_AGE_SECONDS: i64 = 5_400;
/// How many ages there are, the first one included. The last one is 128 days.
const AGES: u32 = 12;

/// The earlier generations from which a patch is worth having: at most 20, the newest first.
///
/// Shape: `earlier` holds the generations before the current one and when each was published, the
/// newest first. Every patch leads straight to the current generation, so each of these costs a
/// patch with every publication. They are all that are recent, then those that were live at
/// doubling ages.
pub fn kept(earlier: &[(u64, Moment)], now: Moment) -> Vec<u64> {
    let mut kept: Vec<u64> = earlier.iter().take(RECENT).map(|(number, _)| *number).collect();
    for doubling in 0..AGES {
        let then = now.plus(-FIRST_AGE_SECONDS.saturating_mul(1 << doubling));
        let live = earlier.iter().find(|(_, published)| *published <= then);
        if let Some((number, _)) = live.filter(|(number, _)| !kept.contains(number)) {
            kept.push(*number);
        }
    }
    kept
}

/// For an index below this size, fetching the list of patches costs a host more than it saves.
/// Unit: bytes.
const SMALLEST_INDEX_BYTES: u64 = 100_000;

/// Whether an index is worth patches at all, by the size of its form that apt prefers (xz).
pub fn is_worth(compressed_bytes: u64) -> bool {
    compressed_bytes >= SMALLEST_INDEX_BYTES
}

/// Whether a patch saves enough to be listed, by its size as it is fetched and that of the index.
/// apt takes patches up to the size of the index, but a host has to fetch the list of patches, too.
pub fn pays(patch_bytes: u64, compressed_bytes: u64) -> bool {
    is_worth(compressed_bytes) && patch_bytes <= compressed_bytes / 2
}

/// The name of a patch between two generations. It is never used for other bytes: numbers of
/// generations are never used again, and what a generation published never changes.
pub fn patch_name(from: u64, to: u64) -> String {
    format!("{from}-{to}")
}

/// The runs in which two lists of chunks differ, as ranges in both. Between two runs the lists are
/// the same.
///
/// Shape: in the order of both lists; a run may be empty in one of them. Chunks are cut so that few
/// of them differ after a small change, but for any two lists the runs lead from one to the other.
pub fn differing(old: &[Digest], new: &[Digest]) -> Vec<(Range<usize>, Range<usize>)> {
    let places: HashMap<&Digest, usize> =
        new.iter().enumerate().map(|(at, key)| (key, at)).collect();
    let mut runs = Vec::new();
    let (mut from_old, mut from_new) = (0, 0);
    let mut close = |olds: Range<usize>, news: Range<usize>| {
        if !olds.is_empty() || !news.is_empty() {
            runs.push((olds, news));
        }
    };
    for (at, key) in old.iter().enumerate() {
        let Some(met) = places.get(key).copied().filter(|met| *met >= from_new) else { continue };
        close(from_old..at, from_new..met);
        (from_old, from_new) = (at.saturating_add(1), met.saturating_add(1));
    }
    close(from_old..old.len(), from_new..new.len());
    runs
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NOW: Moment = Moment(2_000_000_000);

    fn published(ages: impl IntoIterator<Item = i64>) -> Vec<(u64, Moment)> {
        let ages: Vec<i64> = ages.into_iter().collect();
        let numbers = (1..=ages.len() as u64).rev();
        numbers.zip(ages).map(|(number, age)| (number, NOW.plus(-age))).collect()
    }

    #[test]
    fn a_busy_suite_keeps_the_recent_and_what_was_live_at_doubling_ages() {
        // A generation every ten minutes for a year.
        let earlier = published((1..52_560).map(|n| n * 600));
        let ages: Vec<i64> = kept(&earlier, NOW)
            .iter()
            .map(|kept| earlier.iter().find(|(number, _)| number == kept).unwrap().1)
            .map(|published| NOW.since(published) / 600)
            .collect();
        let recent = [1, 2, 3, 4, 5, 6, 7, 8];
        let sparse = [9, 18, 36, 72, 144, 288, 576, 1152, 2304, 4608, 9216, 18432];
        assert_eq!(ages, [&recent[..], &sparse[..]].concat());
    }

    #[test]
    fn a_quiet_suite_keeps_what_a_daily_host_has() {
        // Nine new ones within seconds; the one from last week was live all the time until then.
        let earlier = published((1..=9).chain([7 * 86_400, 8 * 86_400]));
        assert_eq!(kept(&earlier, NOW), [11, 10, 9, 8, 7, 6, 5, 4, 2, 1]);
        assert_eq!(kept(&[], NOW), Vec::<u64>::new());
    }

    #[test]
    fn one_chunk_that_became_two_is_one_run() {
        let keys = |list: &str| list.bytes().map(|n| Digest::of(&[n])).collect::<Vec<_>>();
        assert_eq!(differing(&keys("abcd"), &keys("axycd")), [(1..2, 1..3)]);
        assert_eq!(differing(&keys("abc"), &keys("abcd")), [(3..3, 3..4)]);
        assert_eq!(differing(&keys("abc"), &keys("abc")), []);
    }

    #[test]
    fn patches_are_offered_only_where_they_save() {
        assert!(!is_worth(99_999) && is_worth(100_000));
        assert!(pays(1_000, 100_000) && pays(50_000, 100_000));
        assert!(!pays(50_001, 100_000) && !pays(1, 99_999));
    }

    proptest! {
        #[test]
        fn between_the_runs_two_lists_are_the_same(
            old in prop::collection::vec(0u8..20, 0..30),
            new in prop::collection::vec(0u8..20, 0..30),
        ) {
            let keys = |list: &[u8]| list.iter().map(|n| Digest::of(&[*n])).collect::<Vec<_>>();
            let (old, new) = (keys(&old), keys(&new));
            let (mut made, mut rest) = (Vec::new(), 0);
            for (olds, news) in differing(&old, &new) {
                made.extend_from_slice(&old[rest..olds.start]);
                made.extend_from_slice(&new[news]);
                rest = olds.end;
            }
            made.extend_from_slice(&old[rest..]);
            prop_assert_eq!(made, new);
        }

        #[test]
        fn never_more_than_twenty_each_once_newest_first(
            mut ages in prop::collection::vec(0i64..20_000_000, 0..60),
        ) {
            ages.sort();
            let kept = kept(&published(ages), NOW);
            prop_assert!(kept.len() <= 20);
            prop_assert!(kept.windows(2).all(|pair| pair[0] > pair[1]), "{:?}", kept);
        }
    }
}

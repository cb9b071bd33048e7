//! How `Contents-ARCH` is cut into chunks, so that a change of one package touches those that hold
//! its paths, and no others.

use std::ops::Range;

use crate::debian::contents::{ContentsEdit, LINE_MAX_BYTES, path_of};
use crate::digest::Digest;

/// No chunk is smaller, except the last. Unit: bytes of lines.
const SMALLEST_BYTES: usize = 64 * 1024;
/// A chunk of this size is closed whatever its last line is. A line is at most 64 KiB, so no chunk
/// is larger than 256 KiB. Unit: bytes of lines.
const CLOSED_BYTES: usize = 256 * 1024 - LINE_MAX_BYTES;
/// Mean distance from the smallest size to the next cut. Unit: bytes of lines.
const DISTANCE_BYTES: u64 = 48 * 1024;

/// Cuts a stream of lines into chunks.
///
/// Where a cut falls depends only on the path before it and on the size since the last cut. So once
/// a cut falls where one fell before, everything up to the next edit is the same as before.
#[derive(Default)]
pub struct Cutter {
    open: Vec<u8>,
}

impl Cutter {
    /// Takes one line with its newline; gives the chunk that it closes, if it closes one.
    pub fn take(&mut self, line: &[u8]) -> Option<Vec<u8>> {
        self.open.extend_from_slice(line);
        let size = self.open.len();
        let closed = size >= CLOSED_BYTES || (size >= SMALLEST_BYTES && cuts_after(line));
        closed.then(|| std::mem::take(&mut self.open))
    }

    /// Whether the next line begins a chunk: a chunk without edits that begins with it can stay.
    pub fn is_between(&self) -> bool {
        self.open.is_empty()
    }

    /// The last chunk, if lines are left.
    pub fn finish(self) -> Option<Vec<u8>> {
        (!self.open.is_empty()).then_some(self.open)
    }
}

/// Whether the digest of the path, read as a fraction, is below the line's share of the distance.
/// The packages that have a path do not count, so that one more does not move a cut.
fn cuts_after(line: &[u8]) -> bool {
    let digest = Digest::of(path_of(line));
    let head = digest.as_bytes().first_chunk::<4>().copied().unwrap_or_default();
    let length = u64::try_from(line.len()).unwrap_or(u64::MAX);
    let share = length.saturating_mul(1 << 32) / DISTANCE_BYTES;
    u64::from(u32::from_be_bytes(head)) < share
}

/// Which of the sorted `edits` belong to which chunk, given the first path of each chunk in order.
///
/// Shape: one range for each chunk, in order, together all edits; empty for a chunk without edits.
/// An edit before the first chunk belongs to the first, and one between two chunks to the earlier
/// one. Without chunks there are no ranges: all edits belong to an empty run.
pub fn shares<P: AsRef<[u8]>>(first_paths: &[P], edits: &[ContentsEdit<'_>]) -> Vec<Range<usize>> {
    let mut ranges = Vec::with_capacity(first_paths.len());
    let mut start = 0;
    for next in 1..=first_paths.len() {
        let end = match first_paths.get(next) {
            Some(path) => edits.partition_point(|edit| edit.path < path.as_ref()),
            None => edits.len(),
        };
        ranges.push(start..end.max(start));
        start = end.max(start);
    }
    ranges
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;
    use crate::debian::contents::merge;

    fn cut(run: &[u8]) -> Vec<Vec<u8>> {
        let mut cutter = Cutter::default();
        let lines = run.split_inclusive(|byte| *byte == b'\n');
        let mut chunks: Vec<_> = lines.filter_map(|line| cutter.take(line)).collect();
        chunks.extend(cutter.finish());
        chunks
    }

    /// As a caller does it: chunks without edits are not read, wherever cuts fall as before.
    fn splice(chunks: &[Vec<u8>], edits: &[ContentsEdit<'_>]) -> (Vec<Vec<u8>>, usize) {
        let firsts: Vec<_> = chunks.iter().map(|chunk| first_path(chunk)).collect();
        let (mut cutter, mut new, mut made) = (Cutter::default(), Vec::new(), 0);
        for (chunk, share) in chunks.iter().zip(shares(&firsts, edits)) {
            if share.is_empty() && cutter.is_between() {
                new.push(chunk.clone());
                continue;
            }
            made += 1;
            for line in merge(chunk, &edits[share]).unwrap().split_inclusive(|b| *b == b'\n') {
                new.extend(cutter.take(line));
            }
        }
        new.extend(cutter.finish());
        (new, made)
    }

    fn first_path(chunk: &[u8]) -> &[u8] {
        path_of(chunk.split(|byte| *byte == b'\n').next().unwrap())
    }

    fn run(packages: usize) -> Vec<u8> {
        let paths: BTreeSet<String> = (0..packages * 20)
            .map(|n| {
                format!("usr/share/doc/p{:05}/{}/file-{n} doc/p{}", n / 20, n * 7919 % 97, n / 20)
            })
            .collect();
        paths.iter().flat_map(|line| format!("{line}\n").into_bytes()).collect()
    }

    #[test]
    fn sizes_keep_their_bounds() {
        let chunks = cut(&run(20_000));
        let (last, others) = chunks.split_last().unwrap();
        let sizes = || others.iter().map(Vec::len);
        assert!(sizes().all(|size| (SMALLEST_BYTES..=256 * 1024).contains(&size)));
        assert!(last.len() <= 256 * 1024);
        let mean = sizes().sum::<usize>() / others.len();
        assert!((96 * 1024..144 * 1024).contains(&mean), "mean {mean}");
    }

    #[test]
    fn the_packages_of_one_path_touch_one_chunk() {
        let chunks = cut(&run(20_000));
        let edits = [ContentsEdit {
            path: b"usr/share/doc/p10000/x",
            location: "doc/other",
            is_held: true,
        }];
        let (new, made) = splice(&chunks, &edits);
        let kept = new.iter().filter(|chunk| chunks.contains(chunk)).count();
        assert!(chunks.len() > 100 && kept >= chunks.len() - 2, "{kept} of {}", chunks.len());
        assert!(made <= 4, "{made} chunks were read");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]
        #[test]
        fn splicing_gives_what_cutting_everything_afresh_gives(
            changes in prop::collection::btree_set((0usize..400, 0usize..60, any::<bool>()), 0..40),
            long in prop::collection::btree_set(0usize..400, 0..9),
        ) {
            let run = run(400);
            let mut edits: Vec<_> = changes
                .iter()
                .map(|(package, file, is_held)| {
                    let number = package * 20 + file % 20;
                    let name = if *file < 20 { "file" } else { "more" };
                    let path = format!("usr/share/doc/p{package:05}/{}/{name}-{number}", number * 7919 % 97);
                    (path, format!("doc/p{package}"), *is_held)
                })
                .chain(long.iter().map(|package| {
                    let path = format!("usr/share/doc/p{package:05}/{}", "x".repeat(4000));
                    (path, "doc/long".to_string(), true)
                }))
                .collect();
            edits.sort();
            let edits: Vec<_> = edits
                .iter()
                .map(|(path, location, is_held)| ContentsEdit {
                    path: path.as_bytes(),
                    location,
                    is_held: *is_held,
                })
                .collect();
            let (spliced, _) = splice(&cut(&run), &edits);
            prop_assert_eq!(spliced, cut(&merge(&run, &edits).unwrap()));
        }
    }

    #[test]
    fn edits_belong_to_the_chunk_that_would_hold_their_path() {
        let edit = |path| ContentsEdit { path, location: "a/bc", is_held: true };
        let edits = [edit(b"a"), edit(b"c"), edit(b"f"), edit(b"g"), edit(b"z")];
        assert_eq!(shares(&[b"b", b"f", b"h", b"i"], &edits), [0..2, 2..4, 4..4, 4..5]);
        assert!(shares::<&[u8]>(&[], &edits).is_empty());
        assert_eq!(shares(&[b"b"], &[]), vec![0..0]);
    }
}

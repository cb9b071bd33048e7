//! Cuts stay where they are when a package changes, and cover everything.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::debian::{PackageName, Version};

fn package(name: &str, version: &str, stanza_bytes: u32) -> Arc<Package> {
    let digest = Digest::of(format!("{name} {version}").as_bytes());
    let version = Version::parse(version).unwrap();
    Arc::new(Package {
        digest,
        name: PackageName::parse(name).unwrap(),
        architecture: Architecture::parse("amd64").unwrap(),
        source: PackageName::parse(name).unwrap(),
        source_version: version.clone(),
        version,
        size_bytes: 1,
        stanza_bytes,
        stanza_digest: digest,
        kind: crate::debian::PackageKind::Deb,
    })
}

fn many(count: usize) -> Vec<Arc<Package>> {
    (0..count)
        .map(|n| package(&format!("p{n:06}"), "1.0", 500 + (n as u32 * 7919) % 1500))
        .collect()
}

fn keys(packages: &[Arc<Package>]) -> BTreeSet<Digest> {
    cut(packages).into_iter().map(|range| chunk_key(&packages[range])).collect()
}

#[test]
fn sizes_keep_their_bounds_and_gather_around_the_usual() {
    let packages = many(20_000);
    let ranges = cut(&packages);
    let size = |range: &Range<usize>| -> u64 {
        packages[range.clone()].iter().map(|p| u64::from(p.stanza_bytes)).sum()
    };
    let (last, others) = ranges.split_last().unwrap();
    assert!(others.iter().all(|range| (SMALLEST_BYTES..=LARGEST_BYTES).contains(&size(range))));
    assert!(size(last) <= LARGEST_BYTES);
    let mean = others.iter().map(size).sum::<u64>() / others.len() as u64;
    assert!((96 * 1024..192 * 1024).contains(&mean), "mean {mean}");
}

#[test]
fn one_change_in_a_large_index_touches_few_chunks() {
    let packages = many(20_000);
    let before = keys(&packages);
    let mut most = 0;
    for n in (0..20_000).step_by(397) {
        let mut changed = packages.clone();
        changed[n] = package(changed[n].name.as_str(), "2.0", 900);
        most = most.max(keys(&changed).difference(&before).count());
    }
    assert!(most <= 3, "a single change made {most} new chunks");
}

proptest! {
    #[test]
    fn cuts_cover_everything_in_order(sizes in proptest::collection::vec(1u32..400_000, 0..80)) {
        let packages: Vec<_> =
            sizes.iter().enumerate().map(|(n, size)| package(&format!("p{n}"), "1", *size)).collect();
        let mut next = 0;
        for range in cut(&packages) {
            prop_assert_eq!(range.start, next);
            prop_assert!(range.end > range.start);
            next = range.end;
        }
        prop_assert_eq!(next, packages.len());
    }
}

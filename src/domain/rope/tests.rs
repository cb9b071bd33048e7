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

fn place() -> IndexPlace {
    let component = Component::parse("main").unwrap();
    let architecture = Architecture::parse("amd64").unwrap();
    IndexPlace { component, architecture, kind: PackageKind::Deb }
}

fn contents(packages: &[Arc<Package>]) -> Contents {
    let mut contents = Contents::default();
    for package in packages {
        contents.list(&place().component, Arc::clone(package));
    }
    contents
}

fn pieces(chunks: &[Vec<Arc<Package>>]) -> Vec<Piece> {
    let piece =
        |chunk: &Vec<Arc<Package>>| Piece { first: chunk[0].name.clone(), key: chunk_key(chunk) };
    chunks.iter().map(piece).collect()
}

fn keys(contents: &Contents) -> BTreeSet<Digest> {
    cut(contents, &place()).iter().map(|chunk| chunk_key(chunk)).collect()
}

#[test]
fn sizes_keep_their_bounds_and_gather_around_the_usual() {
    let chunks = cut(&contents(&many(20_000)), &place());
    let size = |chunk: &Vec<Arc<Package>>| -> u64 {
        chunk.iter().map(|p| u64::from(p.stanza_bytes)).sum()
    };
    let (last, others) = chunks.split_last().unwrap();
    assert!(others.iter().all(|chunk| (SMALLEST_BYTES..=LARGEST_BYTES).contains(&size(chunk))));
    assert!(size(last) <= LARGEST_BYTES);
    let mean = others.iter().map(size).sum::<u64>() / others.len() as u64;
    assert!((96 * 1024..192 * 1024).contains(&mean), "mean {mean}");
}

#[test]
fn one_change_in_a_large_index_touches_few_chunks() {
    let packages = many(20_000);
    let old = contents(&packages);
    let before = keys(&old);
    let mut most = 0;
    for one in packages.iter().step_by(397) {
        let mut new = old.clone();
        new.list(&place().component, package(one.name.as_str(), "2.0", 900));
        most = most.max(keys(&new).difference(&before).count());
    }
    assert!(most <= 3, "a single change made {most} new chunks");
}

/// What a recut means, as the pieces of a whole cut.
fn resolve(stretches: &[Stretch], old: &[Piece]) -> Vec<Piece> {
    let piece = |stretch: &Stretch| match stretch {
        Stretch::Kept(range) => old[range.clone()].to_vec(),
        Stretch::Cut(chunk) => pieces(std::slice::from_ref(chunk)),
    };
    stretches.iter().flat_map(piece).collect()
}

#[test]
fn a_recut_looks_at_few_chunks() {
    let old = contents(&many(20_000));
    let before = pieces(&cut(&old, &place()));
    let mut new = old.clone();
    let name = PackageName::parse("p010000").unwrap();
    new.list(&place().component, package(name.as_str(), "2.0", 900));
    let stretches = recut(&new, &place(), &before, &[name].into());
    let made = stretches.iter().filter(|stretch| matches!(stretch, Stretch::Cut(_))).count();
    assert!((1..=6).contains(&made), "{made} chunks were cut again");
    let whole = pieces(&cut(&new, &place()));
    assert!(resolve(&stretches, &before) == whole, "cut again is not what is cut anew");
}

proptest! {
    #[test]
    fn cuts_cover_everything_in_order(sizes in proptest::collection::vec(1u32..400_000, 0..80)) {
        let all: Vec<_> = sizes
            .iter()
            .enumerate()
            .map(|(n, size)| package(&format!("p{n:04}"), "1", *size))
            .collect();
        let chunks = cut(&contents(&all), &place());
        prop_assert!(chunks.iter().all(|chunk| !chunk.is_empty()));
        prop_assert_eq!(chunks.concat(), all);
    }

    /// However packages come, change and go, an index that is cut again where it changed is the one
    /// that a cut of the whole gives.
    #[test]
    fn cutting_again_is_cutting_anew(
        sizes in proptest::collection::vec(1_000u32..90_000, 0..60),
        rounds in proptest::collection::vec(
            proptest::collection::vec((0usize..140, proptest::option::of(1_000u32..300_000)), 1..12),
            1..6,
        ),
    ) {
        let name = |n: usize| format!("p{n:04}");
        let all: Vec<_> =
            sizes.iter().enumerate().map(|(n, size)| package(&name(2 * n), "1", *size)).collect();
        let mut now = contents(&all);
        let mut old = pieces(&cut(&now, &place()));
        for (round, changes) in rounds.iter().enumerate() {
            let mut changed = BTreeSet::new();
            for (n, size) in changes {
                let one = package(&name(*n), &format!("2.{round}"), size.unwrap_or(1));
                changed.insert(one.name.clone());
                match size {
                    Some(_) => drop(now.list(&place().component, one)),
                    None => now.unlist(&(
                        place().component,
                        one.name.clone(),
                        one.architecture.clone(),
                    )),
                }
            }
            let again = resolve(&recut(&now, &place(), &old, &changed), &old);
            prop_assert_eq!(&again, &pieces(&cut(&now, &place())));
            old = again;
        }
    }
}

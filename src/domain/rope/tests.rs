//! Cuts stay where they are when a package changes, and cover everything.

use std::collections::{BTreeMap, BTreeSet};

use super::*;
use crate::debian::Architecture;
use crate::debian::Version;
use crate::domain::Text;
use crate::domain::listing::listing;

mod random;

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
        text: None,
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

fn index() -> Index {
    Index::Packages { place: place(), is_short: false }
}

fn translation() -> Index {
    Index::Translation { component: place().component }
}

fn key(packages: &[Arc<Package>]) -> Digest {
    chunk_key(index().shape(), packages)
}

/// A package with a text of its own, built for some architecture.
fn described(name: &str, architecture: &str, text: &str, bytes: u32) -> Arc<Package> {
    let mut package = (*package(name, &format!("{bytes}.{text}"), 10)).clone();
    let long = format!("{name} {text} {}", " ".repeat(bytes as usize));
    package.text = Text::of_stanza(&long);
    package.architecture = Architecture::parse(architecture).unwrap();
    Arc::new(package)
}

fn contents(packages: &[Arc<Package>]) -> PackageSet {
    let mut contents = PackageSet::default();
    for package in packages {
        contents.list(&place().component, Arc::clone(package), 1);
    }
    contents
}

fn rank(since: u64, package: &Package) -> Rank {
    Rank::of(since, package)
}

/// The pieces of contents that are cut as a whole, each with the rank of its first package.
fn pieces_of(contents: &PackageSet) -> Vec<Piece> {
    let stretches = recut(contents, &index(), &[], &BTreeSet::new());
    resolve(&stretches, &[])
}

fn keys(contents: &PackageSet) -> BTreeSet<Digest> {
    cut(contents, &index()).iter().map(|chunk| key(chunk)).collect()
}

#[test]
fn sizes_keep_their_bounds_and_gather_around_the_usual() {
    let chunks = cut(&contents(&many(20_000)), &index());
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
    let mut made = Vec::new();
    for one in packages.iter().step_by(397) {
        let (new, _) = moved(&old, [(one.name.as_str(), Some(900))], 2);
        made.push(keys(&new).difference(&before).count());
    }
    // The chunk of the old version, and the last one; rarely those after it, until the cuts meet
    // again.
    made.sort_unstable();
    let (most, usual) = (made[made.len() - 1], made[made.len() * 9 / 10]);
    assert!(most <= 5 && usual <= 2, "changes made {usual}, at most {most} new chunks");
}

/// Turns a recut into the pieces of a whole cut.
fn resolve(stretches: &[Stretch], old: &[Piece]) -> Vec<Piece> {
    let piece = |stretch: &Stretch| match stretch {
        Stretch::Kept(range) => old[range.clone()].to_vec(),
        Stretch::Cut(first, chunk) => vec![Piece { first: first.clone(), key: key(chunk) }],
    };
    stretches.iter().flat_map(piece).collect()
}

/// The contents after a generation that lists packages of these sizes, or unlists those without
/// one.
fn moved<'n>(
    old: &PackageSet,
    changes: impl IntoIterator<Item = (&'n str, Option<u32>)>,
    since: u64,
) -> (PackageSet, Vec<Move>) {
    let mut moves = BTreeMap::new();
    for (name, size) in changes {
        let one = package(name, &format!("2.{since}"), size.unwrap_or(1));
        let place = (place().component, one.name.clone(), one.architecture.clone());
        let from = old.at(&place).cloned();
        moves.insert(place.clone(), Move { place, from, to: size.map(|_| one) });
    }
    let moves: Vec<_> = moves.into_values().filter(|one| one.from != one.to).collect();
    let mut new = old.clone();
    new.apply(&moves, since);
    (new, moves)
}

#[test]
fn what_comes_later_stands_last_and_leaves_what_was_there() {
    let old = contents(&many(20_000));
    let (mut now, mut before) = (old.clone(), pieces_of(&old));
    // The first change takes the old version from its place; those after it change the end alone.
    for since in 2..20 {
        let (new, moves) = moved(&now, [("p000100", Some(900)), ("p000000a", Some(700))], since);
        let changed = changed(&now, &new, &index(), &moves);
        let after = resolve(&recut(&new, &index(), &before, &changed), &before);
        assert_eq!(after, pieces_of(&new));
        let last: Vec<_> = listing(&new, &place()).collect();
        let last: Vec<_> = last[last.len() - 2..].iter().map(|one| one.name.as_str()).collect();
        assert_eq!(last, ["p000000a", "p000100"]);
        let same = before.iter().zip(&after).take_while(|(old, new)| old.key == new.key).count();
        let least = if since == 2 { 0 } else { before.len() - 2 };
        assert!(same >= least, "only {same} of {} chunks stay, at {since}", before.len());
        (now, before) = (new, after);
    }
}

#[test]
fn of_two_architectures_the_higher_version_is_listed_where_it_came() {
    let at = |architecture: &str, version: &str| {
        let mut one = (*package("twin", version, 10)).clone();
        one.architecture = Architecture::parse(architecture).unwrap();
        one.digest = Digest::of(format!("{architecture} {version}").as_bytes());
        Arc::new(one)
    };
    let mut held = PackageSet::default();
    held.list(&place().component, at("all", "1"), 1);
    held.list(&place().component, package("other", "1", 10), 2);
    held.list(&place().component, at("amd64", "2"), 3);
    let listed = |held: &PackageSet| -> Vec<String> {
        let one = |one: &Arc<Package>| format!("{} {}", one.name, one.version);
        listing(held, &place()).map(one).collect()
    };
    assert_eq!(listed(&held), ["other 1", "twin 2"]);
    let own = (place().component, PackageName::parse("twin").unwrap(), place().architecture);
    let gone = Move { place: own.clone(), from: held.at(&own).cloned(), to: None };
    let mut new = held.clone();
    new.apply(std::slice::from_ref(&gone), 4);
    assert_eq!(listed(&new), ["twin 1", "other 1"]);
    let ranks: Vec<_> = changed(&held, &new, &index(), &[gone]).into_iter().collect();
    let name = own.1;
    let rank =
        |since, version: &str| Rank { since, name: name.clone(), version: version.parse().ok() };
    assert_eq!(ranks, [rank(1, "1"), rank(3, "2")]);
}

#[test]
fn a_recut_looks_at_few_chunks() {
    let old = contents(&many(20_000));
    let before = pieces_of(&old);
    let (new, moves) = moved(&old, [("p010000", Some(900))], 2);
    let changed = changed(&old, &new, &index(), &moves);
    let stretches = recut(&new, &index(), &before, &changed);
    let made = stretches.iter().filter(|stretch| matches!(stretch, Stretch::Cut(..))).count();
    assert!((1..=8).contains(&made), "{made} chunks were cut again");
    let whole = pieces_of(&new);
    assert!(resolve(&stretches, &before) == whole, "cut again is not what is cut anew");
}

#[test]
fn chunks_of_the_same_packages_in_other_shapes_have_other_keys() {
    let packages: Vec<_> = (0..3).map(|n| described(&format!("p{n}"), "amd64", "x", 9)).collect();
    let shapes = [Shape::Packages(Form::Whole), Shape::Packages(Form::Short), Shape::Translation];
    let keys: BTreeSet<_> = shapes.iter().map(|shape| chunk_key(*shape, &packages)).collect();
    assert_eq!(keys.len(), shapes.len());
}

#[test]
fn one_description_that_changes_touches_few_chunks() {
    let one =
        |n: u32, text: &str| described(&format!("p{n:06}"), "amd64", text, 200 + n * 7919 % 900);
    let old = contents(&(0..8_000).map(|n| one(n, "old")).collect::<Vec<_>>());
    let keys = |contents: &PackageSet| -> BTreeSet<Digest> {
        let chunks = cut(contents, &translation());
        chunks.iter().map(|chunk| chunk_key(Shape::Translation, chunk)).collect()
    };
    let before = keys(&old);
    assert!(before.len() > 20, "{} chunks", before.len());
    for n in (0..8_000).step_by(397) {
        let mut new = old.clone();
        new.list(&place().component, one(n, "new"), 2);
        let made = keys(&new).difference(&before).count();
        assert!((1..=3).contains(&made), "a single change made {made} new chunks");
    }
}

#[test]
fn a_description_stands_once_for_all_that_share_it() {
    let held = [
        described("acme", "all", "old", 5),
        described("acme", "amd64", "new", 5),
        described("acme", "arm64", "new", 5),
        described("beta", "amd64", "new", 5),
        package("gamma", "1", 9),
    ];
    let chunks = cut(&contents(&held), &translation());
    let texts: Vec<_> = chunks.concat().iter().map(|package| package.text.unwrap()).collect();
    assert_eq!(texts.len(), 3);
    let expected: BTreeSet<_> = held.iter().filter_map(|package| package.text).collect();
    assert_eq!(texts.into_iter().collect::<BTreeSet<_>>(), expected);
}

#[test]
fn a_new_version_with_its_old_description_moves_no_text() {
    let one = |text: &str, bytes| Some(described("acme", "amd64", text, bytes));
    let at = (place().component, PackageName::parse("acme").unwrap(), place().architecture);
    let moved = |from, to| Move { place: at.clone(), from, to };
    let mut new = (*one("x", 5).unwrap()).clone();
    new.version = Version::parse("9").unwrap();
    let same = moved(one("x", 5), Some(Arc::new(new)));
    assert!(index().shows(&same) && !translation().shows(&same));
    for other in
        [moved(one("x", 5), one("y", 5)), moved(None, one("x", 5)), moved(one("x", 5), None)]
    {
        assert!(translation().shows(&other));
    }
}

/// Versions of one name, each listed by a generation of its own.
fn versions_of(name: &str, numbers: std::ops::RangeInclusive<u64>) -> Vec<(u64, Arc<Package>)> {
    numbers.map(|n| (n, package(name, &n.to_string(), 700 + (n as u32 * 7919) % 600))).collect()
}

#[test]
fn a_hundred_versions_of_one_name_are_cut_like_other_packages() {
    let mut now = contents(&many(300));
    now.limit("400".parse().unwrap());
    for (since, one) in versions_of("web", 1..=400) {
        now.list(&place().component, one, since);
    }
    let size = |chunk: &Vec<Arc<Package>>| -> u64 {
        chunk.iter().map(|p| u64::from(p.stanza_bytes)).sum()
    };
    let chunks = cut(&now, &index());
    assert!(chunks.iter().all(|chunk| size(chunk) <= LARGEST_BYTES));
    let mut before = pieces_of(&now);
    // The lowest version goes and a new one comes, again and again.
    for (since, one) in versions_of("web", 401..=440) {
        let (_, lowest) = versions_of("web", since - 400..=since - 400).pop().unwrap();
        let at = (place().component, one.name.clone(), one.architecture.clone());
        let mut new = now.clone();
        let moves = [Move { place: at, from: Some(lowest), to: Some(one) }];
        new.apply(&moves, since);
        let changed = changed(&now, &new, &index(), &moves);
        assert_eq!(changed.len(), 2);
        let after = resolve(&recut(&new, &index(), &before, &changed), &before);
        assert_eq!(after, pieces_of(&new));
        let made = after.iter().filter(|piece| before.iter().all(|old| old.key != piece.key));
        assert!(made.count() <= 6, "at {since}");
        (now, before) = (new, after);
    }
}

#[test]
fn many_versions_that_came_at_once_are_cut_too() {
    let mut held = PackageSet::default();
    held.limit(crate::debian::Versions::All);
    for (_, one) in versions_of("web", 1..=1_000) {
        held.list(&place().component, one, 1);
    }
    let chunks = cut(&held, &index());
    assert!(chunks.len() >= 4, "{} chunks", chunks.len());
    let numbers: Vec<u64> =
        chunks.concat().iter().map(|one| one.version.as_str().parse().unwrap()).collect();
    assert_eq!(numbers, (1..=1_000).collect::<Vec<_>>());
}

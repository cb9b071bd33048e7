//! Random histories: a recut gives what a cut of the whole gives.

use proptest::prelude::*;

use super::*;

proptest! {
    /// However versions of names come and go, for one architecture and for all, and however many of
    /// them are listed: a recut gives what a cut of the whole gives, and lists the highest of each
    /// name.
    #[test]
    fn several_versions_that_are_cut_again_are_cut_anew(
        rounds in proptest::collection::vec(
            (
                proptest::collection::vec((0usize..12, any::<bool>(), 1u8..9, any::<bool>()), 1..30),
                proptest::sample::select(vec!["1", "2", "3", "all"]),
            ),
            1..8,
        ),
    ) {
        let one = |n: usize, is_all: bool, version: u8| {
            // There is one package of a version, for all architectures or for a single one.
            let (text, architecture) =
                if is_all { (format!("{version}+all"), "all") } else { (version.to_string(), "amd64") };
            let mut one = (*package(&format!("p{n:02}"), &text, 30_000 + u32::from(version) * 4_000)).clone();
            one.architecture = Architecture::parse(architecture).unwrap();
            Arc::new(one)
        };
        let (mut now, mut old) = (PackageSet::default(), Vec::new());
        for (round, (changes, limit)) in (1..).zip(&rounds) {
            let (mut new, mut moves) = (now.clone(), Vec::new());
            new.limit(limit.parse().unwrap());
            for (n, is_all, version, is_listed) in changes {
                let one = one(*n, *is_all, *version);
                let at = (place().component, one.name.clone(), one.architecture.clone());
                if new.holds(&at.0, &one) == *is_listed || now.holds(&at.0, &one) == *is_listed {
                    continue;
                }
                let (from, to) = if *is_listed { (None, Some(one)) } else { (Some(one), None) };
                let step = Move { place: at, from, to };
                new.apply(std::slice::from_ref(&step), round);
                moves.push(step);
            }
            let changed = changed(&now, &new, &index(), &moves);
            let again = resolve(&recut(&new, &index(), &old, &changed), &old);
            prop_assert_eq!(&again, &pieces_of(&new));
            let listed: BTreeSet<_> = cut(&new, &index()).concat().iter().map(|p| p.digest).collect();
            let mut expected = BTreeSet::new();
            for n in 0..12 {
                let mut held: Vec<_> = new.named(&place().component, &one(n, false, 1).name).collect();
                held.sort_by(|a, b| b.version.cmp(&a.version));
                expected.extend(held.iter().take(new.versions().limit()).map(|p| p.digest));
            }
            prop_assert_eq!(listed, expected);
            (now, old) = (new, again);
        }
    }

    /// The same for texts, which two architectures may share or not.
    #[test]
    fn texts_that_are_cut_again_are_cut_anew(
        sizes in proptest::collection::vec(1_000u32..90_000, 0..60),
        rounds in proptest::collection::vec(
            proptest::collection::vec(
                (0usize..100, 0usize..3, 0u32..3, proptest::option::of(1_000u32..140_000)),
                1..12,
            ),
            1..6,
        ),
    ) {
        let name = |n: usize| format!("p{n:04}");
        let all: Vec<_> = sizes
            .iter()
            .enumerate()
            .map(|(n, size)| described(&name(2 * n), "amd64", "first", *size))
            .collect();
        let key = |chunk: &[Arc<Package>]| chunk_key(Shape::Translation, chunk);
        let pieces = |chunks: &[Vec<Arc<Package>>]| -> Vec<Piece> {
            let piece = |chunk: &Vec<Arc<Package>>| {
                let first = Rank { version: None, ..rank(0, &chunk[0]) };
                Piece { first, key: key(chunk) }
            };
            chunks.iter().map(piece).collect()
        };
        let mut now = contents(&all);
        let mut old = pieces(&cut(&now, &translation()));
        for changes in &rounds {
            let before = now.clone();
            let mut moves = BTreeMap::new();
            for (n, architecture, text, size) in changes {
                let architecture = ["amd64", "arm64", "all"][*architecture];
                let one = described(&name(*n), architecture, &text.to_string(), size.unwrap_or(1));
                let at = (place().component, one.name.clone(), one.architecture.clone());
                let from = now.at(&at).cloned();
                let to = size.map(|_| Arc::clone(&one));
                moves.insert(at.clone(), Move { place: at, from, to });
            }
            let moves: Vec<_> = moves.into_values().collect();
            now.apply(&moves, 7);
            let chunks = cut(&now, &translation());
            let changed = changed(&before, &now, &translation(), &moves);
            let again: Vec<_> = recut(&now, &translation(), &old, &changed)
                .iter()
                .flat_map(|stretch| match stretch {
                    Stretch::Kept(range) => old[range.clone()].to_vec(),
                    Stretch::Cut(_, chunk) => pieces(std::slice::from_ref(chunk)),
                })
                .collect();
            prop_assert_eq!(&again, &pieces(&chunks));
            // Every text once, and the texts of a name together.
            let texts: Vec<_> = chunks.concat().iter().map(|one| (one.name.clone(), one.text)).collect();
            let expected: BTreeSet<_> =
                now.packages().map(|(_, p)| p).map(|one| (one.name.clone(), one.text)).collect();
            prop_assert_eq!(texts.len(), expected.len());
            let names: BTreeSet<_> = again.iter().map(|piece| &piece.first).collect();
            prop_assert_eq!(names.len(), again.len());
            old = again;
        }
    }

    #[test]
    fn cuts_cover_everything_in_order(sizes in proptest::collection::vec(1u32..400_000, 0..80)) {
        let all: Vec<_> = sizes
            .iter()
            .enumerate()
            .map(|(n, size)| package(&format!("p{n:04}"), "1", *size))
            .collect();
        let chunks = cut(&contents(&all), &index());
        prop_assert!(chunks.iter().all(|chunk| !chunk.is_empty()));
        prop_assert_eq!(chunks.concat(), all);
    }

    /// However packages come, change and go: an index that is cut again where it changed is the one
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
        let mut old = pieces_of(&now);
        for (round, changes) in (2..).zip(&rounds) {
            let names: Vec<_> = changes.iter().map(|(n, size)| (name(*n), *size)).collect();
            let named = names.iter().map(|(name, size)| (name.as_str(), *size));
            let (new, moves) = moved(&now, named, round);
            let changed = changed(&now, &new, &index(), &moves);
            let again = resolve(&recut(&new, &index(), &old, &changed), &old);
            prop_assert_eq!(&again, &pieces_of(&new));
            let listed: BTreeSet<_> = cut(&new, &index()).concat().iter().map(|one| one.digest).collect();
            let held: BTreeSet<_> = new.packages().map(|(_, one)| one.digest).collect();
            prop_assert_eq!(listed, held);
            (now, old) = (new, again);
        }
    }
}

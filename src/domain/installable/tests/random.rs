//! Random changes: what is looked at is enough.

use proptest::prelude::*;

use super::*;

fn any_told() -> impl Strategy<Value = Told> {
    let names = || prop::sample::select(vec!["acme-a", "acme-b", "acme-c", "acme-d", "acme-v"]);
    let qualifiers = prop::sample::select(vec!["", "", "", ":any", ":i386"]);
    let versions = prop::sample::select(vec!["", "", " (>= 2)", " (<< 2)", " (= 1)"]);
    let relation = (names(), qualifiers, versions)
        .prop_map(|(name, of, version)| format!("{name}{of}{version}"));
    let needs = prop::collection::vec(prop::collection::vec(relation, 1..3), 0..3);
    let provides =
        prop::sample::select(vec!["", "", "Provides: acme-v\n", "Provides: acme-v (= 1)\n"]);
    let multi_arch = prop::sample::select(vec!["no", "no", "foreign", "allowed", "same"]);
    let built = prop::sample::select(vec!["amd64", "amd64", "i386", "all"]);
    let others = prop::sample::select(vec![
        "",
        "",
        "Breaks: acme-a (<< 2)\n",
        "Conflicts: acme-v\n",
        "Recommends: acme-b (= 1)\n",
    ]);
    (names(), 1..4u8, built, needs, provides, (multi_arch, others)).prop_map(
        |(name, version, built, needs, provides, (multi_arch, others))| {
            let needs: Vec<_> = needs.iter().map(|any| any.join(" | ")).collect();
            let depends = match needs.is_empty() {
                true => String::new(),
                false => format!("Depends: {}\n", needs.join(", ")),
            };
            let fields = format!("{depends}{provides}{others}Multi-Arch: {multi_arch}\n");
            told(&format!("{name} {version} {built}"), &fields)
        },
    )
}

/// One package a place.
fn placed(told: Vec<Told>) -> Vec<Told> {
    let place = |(package, _): &Told| (package.name.clone(), package.architecture.clone());
    let placed: BTreeMap<_, _> = told.into_iter().map(|one| (place(&one), one)).collect();
    placed.into_values().collect()
}

/// A suite before a change and after it.
fn any_change() -> impl Strategy<Value = (Vec<Told>, Vec<Told>)> {
    let many = |most| prop::collection::vec(any_told(), 0..most);
    let again = prop::collection::vec((0..8usize, 1..4u8), 0..3);
    (many(8), many(3), again, 0..8usize).prop_map(|(before, moved, again, gone)| {
        let before = placed(before);
        let mut after = before.clone();
        if gone < after.len() {
            after.remove(gone);
        }
        // Other versions that say the same are what most uploads are.
        for (at, version) in again {
            let Some((package, read)) = after.get(at).cloned() else { continue };
            let version: Version = version.to_string().parse().unwrap();
            let digest = Digest::of(format!("{} {version}", package.digest).as_bytes());
            let package = Package { version, digest, ..(*package).clone() };
            after.push((Arc::new(package), read));
        }
        after.extend(moved);
        (before, placed(after))
    })
}

proptest! {
    /// What is passed over because it finds the same lacks nothing.
    #[test]
    fn what_finds_the_same_lacks_nothing_new(
        (before, after) in any_change(),
        several in any::<bool>(),
    ) {
        let architectures: &[&str] = if several { &["amd64", "i386"] } else { &["amd64"] };
        let case = Case::new(architectures, &before, &after);
        let glance = Glance {
            architectures: &case.architectures,
            before: &case.before,
            after: &case.after,
            dependencies: &case.dependencies,
            moved: &case.moved,
        };
        for name in case.names() {
            if glance.finds_the_same(&name, &|name| case.own.contains(name)) {
                prop_assert_eq!(case.lacks_of([&name].into_iter()), vec![], "{}", name);
            }
        }
    }

    /// Whoever looks only at what moved, and at what names it, misses nothing; and nothing is worse where
    /// nothing moved.
    #[test]
    fn to_look_at_what_moved_and_its_dependants_is_enough(
        before in prop::collection::vec(any_told(), 0..8),
        moved in prop::collection::vec(any_told(), 0..3),
        gone in 0..8usize,
    ) {
        let before = placed(before);
        let mut after = before.clone();
        if gone < after.len() {
            after.remove(gone);
        }
        after.extend(moved);
        let after = placed(after);
        let mut case = Case::new(&["amd64", "i386"], &before, &after);
        let concerned: BTreeSet<PackageName> = before
            .iter()
            .chain(&after)
            .filter(|(package, read)| {
                case.moved.touched.contains(&package.name)
                    || read.needed_names().into_iter().any(|name| case.moved.touched.contains(name))
                    || read.avoided_names().into_iter().any(|name| case.moved.touched.contains(name))
            })
            .map(|(package, _)| package.name.clone())
            .collect();
        let worse = |lacks: Vec<Lack>| -> Vec<_> { lacks.into_iter().filter(|lack| lack.worse).collect() };
        let short = worse(case.lacks_of(concerned.iter()));
        case.moved.touched.extend(case.own.clone());
        let whole = worse(case.lacks_of(case.names().iter()));
        prop_assert_eq!(&short, &whole);
        for lack in &whole {
            prop_assert!(!lack.needs.is_empty());
        }
        let same = Case::new(&["amd64", "i386"], &before, &before);
        prop_assert!(worse(same.lacks_of(same.names().iter())).is_empty());
    }
}

//! Package set: random listings against a plain map.

use super::*;
use crate::digest::Digest;
use proptest::prelude::*;

fn package(name: &str, architecture: &str, source: &str, version: u8) -> Arc<Package> {
    let version: crate::debian::Version = version.to_string().parse().unwrap();
    let digest = Digest::of(format!("{name} {architecture} {source} {version}").as_bytes());
    Arc::new(Package {
        digest,
        name: name.parse().unwrap(),
        version: version.clone(),
        architecture: architecture.parse().unwrap(),
        source: source.parse().unwrap(),
        source_version: version,
        size_bytes: 1,
        stanza_bytes: 1,
        stanza_digest: digest,
        kind: if source == "zz" { PackageKind::Udeb } else { PackageKind::Deb },
        text: None,
    })
}

fn step() -> impl Strategy<Value = (usize, usize, usize, usize, u8, bool)> {
    (0..2usize, 0..4usize, 0..3usize, 0..3usize, 0..3u8, prop::bool::weighted(0.7))
}

proptest! {
    /// Whatever is listed and unlisted, a set holds what a plain map holds, finds it in every way,
    /// and reports where it differs from an earlier copy.
    #[test]
    fn contents_hold_what_a_plain_map_holds(steps in prop::collection::vec(step(), 0..40), at in 0..40usize) {
        type Key = (Place, crate::debian::Version);
        let (mut contents, mut model) = (PackageSet::default(), BTreeMap::<Key, Arc<Package>>::new());
        let mut since = BTreeMap::new();
        let mut then = (contents.clone(), model.clone());
        for (number, (component, name, architecture, source, version, listed)) in steps.iter().enumerate() {
            let component: Component = ["main", "extra"][*component].parse().unwrap();
            let new = package(["aa", "aab", "ab", "b+"][*name], ["all", "amd64", "arm64"][*architecture],
                ["aa", "ab", "zz"][*source], *version);
            let key = (place_of(&component, &new), new.version.clone());
            if *listed {
                since.insert(key.clone(), number as u64);
                prop_assert_eq!(contents.list(&component, Arc::clone(&new), number as u64), model.insert(key, new));
            } else {
                contents.unlist(&component, &new);
                model.remove(&key);
                since.remove(&key);
            }
            if number == at {
                then = (contents.clone(), model.clone());
            }
        }
        let key = |c: &Component, p: &Arc<Package>| (place_of(c, p), p.version.clone());
        let held: Vec<_> = contents.packages().map(|(c, p)| (key(c, p), Arc::clone(p))).collect();
        prop_assert_eq!(&held, &model.clone().into_iter().collect::<Vec<_>>());
        prop_assert_eq!((contents.len(), contents.is_empty()), (model.len(), model.is_empty()));
        prop_assert_eq!(contents.has_udebs(), model.values().any(|p| is_udeb(p)));
        for (of, package) in &model {
            let place = &of.0;
            let here: Vec<_> = model.iter().filter(|(key, _)| key.0 == *place).map(|(_, p)| p).collect();
            prop_assert_eq!(contents.at(place), here.last().copied());
            prop_assert_eq!(contents.all_at(place).collect::<Vec<_>>(), here);
            prop_assert!(contents.holds(&place.0, package));
            prop_assert_eq!(contents.since(&place.0, package), since.get(of).copied());
            let mut in_order: Vec<_> = model.iter().filter(|(key, _)| key.0.0 == place.0).map(|(key, package)| (since[key], package)).collect();
            in_order.sort_by_key(|(at, package)| (*at, package.name.clone(), package.version.clone(), package.architecture.clone()));
            prop_assert_eq!(contents.ranked(&place.0, None).collect::<Vec<_>>(), in_order.clone());
            for version in [None, Some(package.version.clone())] {
                let rank = Rank { since: since[of], name: place.1.clone(), version };
                let ranked: Vec<_> = contents.ranked(&place.0, Some(&rank)).collect();
                let behind = |at: u64, p: &Package| Rank { since: at, name: p.name.clone(), version: Some(p.version.clone()) } >= rank;
                let wanted: Vec<_> = in_order.iter().filter(|(at, p)| behind(*at, p)).copied().collect();
                prop_assert_eq!(ranked, wanted);
            }
            let named: Vec<_> = contents.named(&place.0, &place.1).collect();
            let wanted: Vec<_> = model.iter().filter(|((p, _), _)| (&p.0, &p.1) == (&place.0, &place.1)).map(|(_, p)| p).collect();
            prop_assert_eq!(named, wanted);
            let of_source: BTreeSet<_> = contents.of_source(&package.source).map(|(c, p)| key(c, p)).collect();
            let wanted: BTreeSet<_> = model.iter().filter(|(_, p)| p.source == package.source).map(|(p, _)| p.clone()).collect();
            prop_assert_eq!(of_source, wanted);
        }
        let mut fresh = PackageSet::default();
        for (of, package) in &model {
            fresh.list(&of.0.0, Arc::clone(package), since[of]);
        }
        prop_assert_eq!(&fresh, &contents);
        let keys: BTreeSet<_> = model.keys().chain(then.1.keys()).cloned().collect();
        let wanted: BTreeSet<_> = keys.into_iter().filter(|key| model.get(key) != then.1.get(key)).map(|key| key.0).collect();
        prop_assert_eq!(&contents.differing(&then.0), &wanted);
        prop_assert_eq!(&then.0.differing(&contents), &wanted);
    }
}

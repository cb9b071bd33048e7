//! Generations: what every back end promises of their history, and that each holds what it held.

use std::collections::BTreeSet;
use std::path::Path;

use proptest::prelude::*;
use repod::catalogue::{Generations, MovedOf, Snapshots, SqliteCatalogue, Suites};
use repod::digest::Digest;
use repod::domain::Package;
use tempfile::TempDir;

use super::samples::{self, *};
use super::{Make, digests, publish, with_suite};

pub fn history_is_read_in_pages(room: &Path, make: &Make) {
    let catalogue = with_suite(room, make);
    (1..=5).for_each(|number| publish(&*catalogue, number, &[], &[]));
    let page = |before, limit| {
        let found = catalogue.list_generations(&suite("stable"), before, limit).unwrap();
        found.into_iter().map(|record| record.generation).collect::<Vec<_>>()
    };
    assert_eq!(page(None, 2), [5, 4]);
    assert_eq!(page(Some(4), 2), [3, 2]);
    assert_eq!(page(Some(2), 9), [1]);
    assert_eq!(page(Some(u64::MAX), 9).len(), 5);
    assert!(page(Some(0), 9).is_empty() && page(None, 0).is_empty());
    let [newest, ..] = &catalogue.list_generations(&suite("stable"), None, 1).unwrap()[..] else {
        panic!("there is one");
    };
    assert_eq!(*newest, generation("stable", 5, &[], &[]).generation.unwrap().record);
}

pub fn tenures_tell_when_packages_were_in(room: &Path, make: &Make) {
    let catalogue = with_suite(room, make);
    let [one, two] = ["1", "2"].map(|version| package("aa-bin", version, "amd64"));
    let other = package("bb", "1", "amd64");
    publish(&*catalogue, 1, &[&one, &other], &[]);
    publish(&*catalogue, 2, &[&two], &[&one]);
    publish(&*catalogue, 3, &[], &[]);
    publish(&*catalogue, 4, &[&one], &[&two]);
    let tenures = catalogue.list_tenures(&suite("stable"), &name("aa")).unwrap();
    let told: Vec<_> = tenures.iter().map(|it| (it.digest, it.from, it.until)).collect();
    let expected = [(one.digest, 1, Some(2)), (two.digest, 2, Some(4)), (one.digest, 4, None)];
    assert_eq!(told, expected);
    assert!(catalogue.list_tenures(&suite("stable"), &name("aa-bin")).unwrap().is_empty());
}

pub fn what_was_emptied_is_known_by_when(room: &Path, make: &Make) {
    let catalogue = with_suite(room, make);
    let package = |name, version| package(name, version, "amd64");
    let [kept, replaced, next] = [package("aa", "1"), package("bb", "1"), package("bb", "2")];
    let [gone, back, again] = [package("cc", "1"), package("dd", "1"), package("dd", "2")];
    let (below, above) = (package("ee", "1"), package("ee", "2"));
    publish(&*catalogue, 1, &[&kept, &replaced, &gone, &back, &below], &[]);
    publish(&*catalogue, 2, &[&next, &above], &[&replaced, &gone, &back]);
    publish(&*catalogue, 3, &[&again], &[&below]);
    publish(&*catalogue, 4, &[&back], &[]);
    let history = catalogue.list_generations(&suite("stable"), Some(3), 1).unwrap();
    assert_eq!(history[0].generation, 2);
    let emptied = catalogue.list_emptied(&suite("stable")).unwrap();
    assert_eq!(emptied, [(name("cc"), history[0].at), (name("dd"), history[0].at)]);
    assert!(catalogue.list_emptied(&suite("other")).unwrap().is_empty());
}

/// A step of a random history: at some of a few places, versions that are listed from then on, or are not.
type Step = Vec<(u8, u8, bool)>;

fn history() -> impl Strategy<Value = Vec<Step>> {
    let change = (0..4_u8, 0..4_u8, any::<bool>());
    proptest::collection::vec(proptest::collection::vec(change, 0..5), 1..12)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..Default::default() })]

    /// Whatever came and went, and came back: each generation holds what it held.
    #[test]
    fn every_generation_holds_what_it_held(history in history()) {
        let room = TempDir::new().unwrap();
        let open = || SqliteCatalogue::open(&room.path().join("catalogue.db")).unwrap();
        let catalogue = open();
        catalogue.create_suite(&spec("stable"), &event("admin.example", 1)).unwrap();
        let package = |place: u8, version: u8| package(&format!("p{place}"), &format!("{version}"), "amd64");
        let mut now: BTreeSet<(u8, u8)> = BTreeSet::new();
        let mut model = vec![now.clone()];
        for (number, step) in (1..).zip(&history) {
            let mut next = now.clone();
            for (place, version, is_listed) in step {
                match is_listed {
                    true => next.insert((*place, *version)),
                    false => next.remove(&(*place, *version)),
                };
            }
            let only_in = |a: &BTreeSet<(u8, u8)>, b: &BTreeSet<(u8, u8)>| -> Vec<Package> {
                a.difference(b).map(|(place, version)| package(*place, *version)).collect()
            };
            let (entered, left) = (only_in(&next, &now), only_in(&now, &next));
            let entered: Vec<_> = entered.iter().collect();
            let left: Vec<_> = left.iter().collect();
            publish(&catalogue, number, &entered, &left);
            now = next;
            model.push(now.clone());
        }
        drop(catalogue);
        let catalogue = open();
        let name = suite("stable");
        for (number, held) in model.iter().enumerate().skip(1) {
            let expected: Vec<_> = held.iter().map(|(p, v)| package(*p, *v).digest).collect();
            let found = catalogue.contents_at(&name, number as u64).unwrap().unwrap();
            prop_assert_eq!(digests(&found), expected, "generation {}", number);
            // What has changed since, undone, is that generation too.
            let mut undone = catalogue.load_suite(&name).unwrap().unwrap().contents;
            let since = catalogue.changes_since(&name, number as u64).unwrap().unwrap();
            for (component, package) in since.entered {
                prop_assert!(undone.holds(&component, &package));
                undone.unlist(&component, &package);
            }
            for (component, package) in since.left {
                prop_assert!(undone.list(&component, std::sync::Arc::new(package), 0).is_none());
            }
            prop_assert_eq!(digests(&undone), digests(&found), "undone to {}", number);
            // It was listed by the first of the generations before this one that all hold it.
            for (slot, version) in held {
                let held = |number: &usize| model[*number].contains(&(*slot, *version));
                let listed = (0..=number).rev().take_while(held).last().map(|number| number as u64);
                let one = package(*slot, *version);
                let (component, _) = found.packages().next().unwrap();
                prop_assert_eq!(found.since(component, &one), listed);
            }
        }
        // What came and went, of any run of generations and of any name.
        let moved = |of: &MovedOf| -> BTreeSet<(u64, Digest, bool)> {
            let moved = catalogue.list_moved(&name, of).unwrap();
            assert!(moved.is_sorted_by_key(|one| one.generation));
            moved.into_iter().map(|one| (one.generation, one.package.digest, one.came)).collect()
        };
        let told: Vec<(u64, u8, Digest, bool)> = (1..model.len()).flat_map(|number| {
            let of = |a: usize, b: usize, came: bool| -> Vec<_> {
                let only = model[a].difference(&model[b]);
                only.map(|(p, v)| (number as u64, *p, package(*p, *v).digest, came)).collect()
            };
            [of(number, number - 1, true), of(number - 1, number, false)].concat()
        }).collect();
        for first in 1..model.len() as u64 {
            for end in [first, first + 2, u64::from(u32::MAX)] {
                for most in [0, 2, u64::MAX] {
                    let size = |number: u64| told.iter().filter(|(n, ..)| *n == number).count() as u64;
                    let within = told.iter().filter(|(number, ..)| {
                        (first..=end).contains(number) && size(*number) <= most
                    });
                    let expected: BTreeSet<_> = within.map(|(n, _, d, came)| (*n, *d, *came)).collect();
                    let of = MovedOf::Generations { these: first..=end, most };
                    prop_assert_eq!(moved(&of), expected, "{}..={}, {}", first, end, most);
                }
            }
        }
        for place in 0..4_u8 {
            let of = MovedOf::Named(samples::name(&format!("p{place}")));
            let expected = told.iter().filter(|(_, p, ..)| *p == place).map(|(n, _, d, came)| (*n, *d, *came));
            prop_assert_eq!(moved(&of), expected.collect());
        }
        prop_assert_eq!(catalogue.changes_since(&name, model.len() as u64).unwrap(), None);
        let last = model.len() as u64 - 1;
        prop_assert_eq!(catalogue.contents_at(&name, last + 1).unwrap(), None);
        let live = catalogue.load_suite(&name).unwrap().unwrap().contents;
        prop_assert_eq!(Some(live), catalogue.contents_at(&name, last).unwrap());
        for place in 0..4_u8 {
            let tenures = catalogue.list_tenures(&name, &samples::name(&format!("p{place}"))).unwrap();
            for (number, held) in model.iter().enumerate().skip(1) {
                let number = number as u64;
                let within = tenures.iter().filter(|it| {
                    it.from <= number && it.until.is_none_or(|until| number < until)
                });
                let found: BTreeSet<_> = within.map(|it| it.digest).collect();
                let here = held.iter().filter(|(at, _)| *at == place);
                let expected: BTreeSet<_> = here.map(|(_, v)| package(place, *v).digest).collect();
                prop_assert_eq!(found, expected);
            }
        }
    }
}

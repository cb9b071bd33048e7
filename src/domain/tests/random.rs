//! Random verbs: pins hold, and what was withdrawn stays away.

use proptest::prelude::*;

use super::*;

#[derive(Clone, Debug)]
enum Verb {
    Upload(u8, u8),
    RollBack(u8),
    Pin(u8, u8),
    Unpin(u8),
}

fn verbs() -> impl Strategy<Value = Vec<Verb>> {
    let verb = prop_oneof![
        4 => (0u8..3, 1u8..8).prop_map(|(which, version)| Verb::Upload(which, version)),
        2 => (0u8..3).prop_map(Verb::RollBack),
        1 => (0u8..3, 1u8..8).prop_map(|(which, version)| Verb::Pin(which, version)),
        1 => (0u8..3).prop_map(Verb::Unpin),
    ];
    proptest::collection::vec(verb, 1..40)
}

proptest! {
    #[test]
    fn pins_hold_and_what_was_withdrawn_stays_away(verbs in verbs()) {
        let mut model = Model::new();
        for verb in verbs {
            let before = model.listed();
            let withdrawn_before = model.withdrawn.clone();
            let result = match &verb {
                Verb::Upload(which, version) => {
                    model.upload(&[package(&format!("p{which}"), &version.to_string())]).map(|_| ())
                }
                Verb::RollBack(which) => model.roll_back(&source(&format!("p{which}"))),
                Verb::Pin(which, version) => model.pin(&source(&format!("p{which}")), &version.to_string()),
                Verb::Unpin(which) => model.unpin(&source(&format!("p{which}"))),
            };
            if result.is_err() {
                prop_assert_eq!(model.listed(), before, "a refused change changed something: {:?}", verb);
                continue;
            }
            for pin in &model.pins {
                let live: Vec<_> =
                    model.now().packages().map(|(_, p)| p).filter(|p| p.source == pin.target.name).collect();
                prop_assert!(live.iter().all(|p| Some(&p.source_version) == pin.version.as_ref()));
            }
            for withdrawn in &model.withdrawn {
                let back = model.now().packages().map(|(_, p)| p).any(|p| {
                    p.source == withdrawn.target.name && p.source_version == withdrawn.version
                });
                prop_assert!(!back, "{:?} came back by {:?}", withdrawn, verb);
            }
            if let Verb::RollBack(which) = verb {
                let after: Vec<_> =
                    model.listed().into_iter().filter(|l| l.starts_with(&format!("p{which} "))).collect();
                let was: Vec<_> = before.iter().filter(|l| l.starts_with(&format!("p{which} "))).collect();
                prop_assert!(after.iter().ne(was.iter().copied()), "a rollback moved nothing");
                let back = withdrawn_before.iter().find(|withdrawn| {
                    after.contains(&format!("{} {}", withdrawn.target.name, withdrawn.version))
                });
                prop_assert!(back.is_none(), "a rollback brought back {:?}", back);
            }
        }
    }
}

#[test]
fn a_rollback_from_a_pinned_hotfix_skips_withdrawn_versions() {
    let mut model = Model::new();
    for version in ["1.0", "3.0", "2.1"] {
        model.upload(&[package("web", version)]).unwrap();
    }
    model.pin(&source("web"), "2.1").unwrap();
    model.roll_back(&source("web")).unwrap();
    assert_eq!(model.listed(), ["web 1.0"]);
}

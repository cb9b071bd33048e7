//! A suite that is held, by itself and among random verbs.

use proptest::prelude::*;

use super::*;
use crate::domain::hold;

impl Model {
    /// What a plan makes of pins, withdrawn versions and the hold, as the catalogue would keep it.
    pub(super) fn settle(&mut self, plan: Plan) {
        self.pins.retain(|pin| plan.unpinned.iter().all(|ended| ended.target != pin.target));
        self.pins.retain(|pin| plan.pinned.iter().all(|new| new.target != pin.target));
        self.pins.extend(plan.pinned);
        self.withdrawn.retain(|withdrawn| !plan.restored.contains(withdrawn));
        self.withdrawn.extend(plan.withdrawn);
        if let Some(edit) = plan.hold {
            self.held_back = Arc::default();
            self.hold = match edit {
                HoldEdit::Begin(hold) => Some(hold),
                HoldEdit::End => None,
            };
        }
        Arc::make_mut(&mut self.held_back).extend(plan.held_back);
        let mut edits = plan.rollouts;
        let number = self.generations.len() as u64 - 1;
        edits.iter_mut().for_each(|rollout| rollout.settle(number));
        self.rollouts = Arc::new(self.rollouts.edited(&edits));
    }

    fn held(&mut self) {
        let hold = Hold { author: Identity::server(), message: "moving".into(), at: Moment(1) };
        self.change(|draft, _| Ok(hold::begin(draft, hold))).unwrap();
    }

    fn release(&mut self) -> Result<Vec<String>, Conflict> {
        self.change(|draft, _| hold::release(draft))
    }
}

/// A suite that lists 1.0 of `web` and is held.
fn held() -> Model {
    let mut model = Model::new();
    model.upload(&[package("web", "1.0")]).unwrap();
    model.held();
    model
}

#[test]
fn what_comes_waits_until_the_release() {
    let mut model = held();
    let both = [package("web", "2.0"), package("new", "1.0")];
    assert_eq!(model.upload(&both).unwrap(), [Standing::Waiting, Standing::Waiting]);
    assert_eq!(model.upload(&both).unwrap(), [Standing::Waiting, Standing::Waiting], "sent again");
    assert_eq!(model.listed(), ["web 1.0"]);
    assert_eq!(model.release().unwrap(), Vec::<String>::new());
    assert_eq!(model.listed(), ["new 1.0", "web 2.0"]);
    assert!(model.hold.is_none() && model.held_back.is_empty());
    let said = model.release().unwrap_err().to_string();
    assert!(said.contains("suite stable: is not held"), "{said}");
    // Later uploads are offered again.
    assert_eq!(model.upload(&[package("web", "3.0")]).unwrap(), [Standing::Published]);
}

#[test]
fn what_hosts_keep_up_with_the_server_by_passes() {
    let mut model = held();
    assert_eq!(model.upload(&[package("repoctl", "2.0")]).unwrap(), [Standing::Published]);
}

#[test]
fn a_person_passes_for_what_they_name() {
    let mut model = held();
    model.upload(&[package("web", "2.0"), package("web", "3.0")]).unwrap();
    model.pin(&source("web"), "2.0").unwrap();
    assert_eq!(model.listed(), ["web 2.0"]);
    // The end of the pin names no version.
    model.unpin(&source("web")).unwrap();
    assert_eq!(model.listed(), ["web 2.0"]);
    model.roll_back(&source("web")).unwrap();
    assert_eq!(model.listed(), ["web 1.0"]);
    // 3.0 is above the pin then, and says so.
    let told = model.release().unwrap();
    assert_eq!(told, ["web still waits: web is pinned at 1.0"]);
    assert_eq!(model.listed(), ["web 1.0"]);
    model.unpin(&source("web")).unwrap();
    assert_eq!(model.listed(), ["web 3.0"]);
}

#[test]
fn what_is_removed_meanwhile_does_not_come_with_the_release() {
    let mut model = held();
    model.upload(&[package("web", "2.0"), package("new", "1.0")]).unwrap();
    model.remove(&source("web")).unwrap();
    // What was never listed is meant as well.
    model.remove(&source("new")).unwrap();
    let told = model.release().unwrap();
    assert_eq!(told, ["new, web still waits: this version was rolled back from or removed"]);
    assert!(model.listed().is_empty());
}

#[test]
fn of_several_versions_none_comes_below_the_highest() {
    for limit in ["3", "all"] {
        let mut model = Model::new();
        model.spec.versions = limit.parse().unwrap();
        model.upload(&[package("web", "1.0"), package("web", "3.0")]).unwrap();
        model.held();
        let sent = model.upload(&[package("web", "2.0"), package("web", "4.0")]).unwrap();
        assert_eq!(sent, [Standing::Waiting, Standing::Waiting]);
        assert_eq!(model.listed(), ["web 1.0", "web 3.0"]);
        model.release().unwrap();
        let listed = model.listed();
        match limit {
            "3" => assert_eq!(listed, ["web 2.0", "web 3.0", "web 4.0"]),
            _ => assert_eq!(listed, ["web 1.0", "web 2.0", "web 3.0", "web 4.0"]),
        }
    }
}

#[test]
fn a_hold_stays_as_it_is_when_somebody_else_wants_one() {
    let mut model = held();
    let before = model.hold.clone();
    let hold = Hold { author: Identity::parse("other").unwrap(), ..before.clone().unwrap() };
    let said = model.change(|draft, _| Ok(hold::begin(draft, hold))).unwrap();
    assert_eq!(said, "suite stable is held already, since 1970-01-01 00:00:01Z, by repod: moving");
    assert_eq!(model.hold, before);
}

#[derive(Clone, Debug)]
enum Step {
    Upload(u8, u8),
    Pin(u8, u8),
    RollBack(u8),
    Unpin(u8),
    Remove(u8),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        5 => (0u8..3, 1u8..8).prop_map(|(which, version)| Step::Upload(which, version)),
        1 => (0u8..3, 1u8..8).prop_map(|(which, version)| Step::Pin(which, version)),
        1 => (0u8..3).prop_map(Step::RollBack),
        1 => (0u8..3).prop_map(Step::Unpin),
        1 => (0u8..3).prop_map(Step::Remove),
    ];
    proptest::collection::vec(step, 1..20)
}

fn take(model: &mut Model, step: &Step) -> Result<(), Conflict> {
    let of = |which: &u8| source(&format!("p{which}"));
    match step {
        Step::Upload(which, version) => {
            model.upload(&[package(&format!("p{which}"), &version.to_string())]).map(drop)
        }
        Step::Pin(which, version) => model.pin(&of(which), &version.to_string()),
        Step::RollBack(which) => model.roll_back(&of(which)),
        Step::Unpin(which) => model.unpin(&of(which)),
        Step::Remove(which) => model.remove(&of(which)),
    }
}

proptest! {
    /// Uploads and their release are as if the suite had not been held; meanwhile nothing is offered but what was
    /// there, or what a person named.
    #[test]
    fn a_release_makes_up_for_the_hold(
        before in steps(), uploads in steps(), versions in prop_oneof![Just("1"), Just("2"), Just("all")],
    ) {
        let mut held = Model::new();
        held.spec.versions = versions.parse().unwrap();
        for step in &before {
            let _ = take(&mut held, step);
        }
        let mut free = Model::new();
        free.spec.versions = versions.parse().unwrap();
        for step in &before {
            let _ = take(&mut free, step);
        }
        held.held();
        let listed = held.listed();
        for step in uploads.iter().filter(|step| matches!(step, Step::Upload(..))) {
            prop_assert_eq!(take(&mut held, step).is_ok(), take(&mut free, step).is_ok());
            prop_assert_eq!(&held.listed(), &listed, "{:?} is offered while the suite is held", step);
        }
        held.release().unwrap();
        prop_assert_eq!(held.listed(), free.listed());
    }

    #[test]
    fn what_is_held_back_is_offered_by_name_alone(before in steps(), meanwhile in steps()) {
        let mut model = Model::new();
        for step in &before {
            let _ = take(&mut model, step);
        }
        model.held();
        for step in &meanwhile {
            let was = model.listed();
            let done = take(&mut model, step).is_ok();
            let came = model.listed().into_iter().any(|one| {
                let back = |held: &Arc<Package>| format!("{} {}", held.name, held.version) == one;
                !was.contains(&one) && model.held_back.values().any(back)
            });
            // A rollback names what hosts had before.
            let names = matches!(step, Step::Pin(..) | Step::RollBack(_));
            prop_assert!(!came || done && names, "{:?}", step);
        }
    }
}

//! Rollouts through the rings of a suite, by themselves and among random verbs.

use proptest::prelude::*;

use super::*;
use crate::domain::place::place_of;
use crate::domain::policy::{Freeze, Start};
use crate::domain::ring::RingText;
use crate::domain::rolling::ring_contents;

fn rings(names: &[&str]) -> Vec<RingText> {
    let ring = |name: &&str| RingText {
        name: name.parse().unwrap(),
        hosts: vec![format!("{name}.example.org").parse().unwrap()],
    };
    names.iter().map(ring).collect()
}

impl Model {
    /// A suite with two rings before everybody, that lists 1.0 of `web`.
    fn ringed() -> Self {
        let mut model = Self::new();
        model.upload(&[package("web", "1.0")]).unwrap();
        model.spec.rings = Rings::default().replaced(&rings(&["canary", "early"]));
        model
    }

    fn step(&mut self, of: RolloutRef, step: RolloutStep) -> Result<Vec<String>, Conflict> {
        let change = RolloutChange { of, step };
        self.change(|draft, _| rolling::step(draft, &change, Moment(2), "because"))
    }

    fn advance(&mut self) -> Vec<String> {
        self.step(RolloutRef::Only, RolloutStep::Advance(Way::default())).unwrap()
    }

    fn contents_of(&self, ring: &str) -> PackageSet {
        let contents = self.now();
        let Some(ring) = self.spec.rings.named(ring) else { return contents.clone() };
        let draft = Draft::new(&self.spec, contents, &self.pins, &self.withdrawn);
        let draft = draft.held(self.hold.as_ref(), &self.held_back).rolling(&self.rollouts);
        let own = ring_contents(&draft, contents, ring.id).map(|(contents, _)| contents);
        own.unwrap_or_else(|| contents.clone())
    }

    /// What each ring is offered, and everybody last.
    fn offered(&self) -> [Vec<String>; 3] {
        ["canary", "early", "everyone"].map(|ring| {
            let contents = self.contents_of(ring);
            contents.packages().map(|(_, p)| format!("{} {}", p.name, p.version)).collect()
        })
    }
}

fn all(of: [&str; 3]) -> [Vec<String>; 3] {
    of.map(|one| one.split(", ").filter(|one| !one.is_empty()).map(str::to_owned).collect())
}

#[test]
fn a_change_reaches_one_ring_after_the_other() {
    let mut model = Model::ringed();
    assert_eq!(model.upload(&[package("web", "2.0")]).unwrap(), [Standing::RollingOut]);
    assert_eq!(model.offered(), all(["web 2.0", "web 1.0", "web 1.0"]));
    assert_eq!(model.upload(&[package("web", "2.0")]).unwrap(), [Standing::RollingOut], "again");
    assert_eq!(model.rollouts.open.len(), 1);
    assert_eq!(model.advance(), ["rollout 1 (web 2.0): rolling out (ring 2 of 3, early)"]);
    assert_eq!(model.offered(), all(["web 2.0", "web 2.0", "web 1.0"]));
    assert_eq!(model.advance(), ["rollout 1 (web 2.0) has reached everybody"]);
    assert_eq!(model.offered(), all(["web 2.0", "web 2.0", "web 2.0"]));
    assert!(model.rollouts.open.is_empty() && model.rollouts.last == 1);
    let said =
        model.step(RolloutRef::Only, RolloutStep::Advance(Way::default())).unwrap_err().to_string();
    assert!(said.contains("nothing is under way; `repoctl rollout status`"), "{said}");
}

#[test]
fn a_ring_lists_a_package_since_the_generation_that_brought_it() {
    let mut model = Model::ringed();
    model.upload(&[package("web", "2.0")]).unwrap();
    let since = model.generations.len() as u64 - 1;
    model.is_urgent = true;
    model.upload(&[package("db", "1.0")]).unwrap();
    let contents = model.contents_of("canary");
    assert_eq!(contents.since(&main_component(), &package("web", "2.0")), Some(since));
    assert_eq!(model.offered(), all(["db 1.0, web 2.0", "db 1.0, web 1.0", "db 1.0, web 1.0"]));
}

#[test]
fn an_abort_gives_every_ring_what_it_had() {
    let mut model = Model::ringed();
    model.upload(&[package("web", "2.0"), package("new", "1.0")]).unwrap();
    model.advance();
    assert_eq!(model.offered(), all(["new 1.0, web 2.0", "new 1.0, web 2.0", "web 1.0"]));
    let told = model.step(RolloutRef::Source(name("web")), RolloutStep::Abort).unwrap();
    assert_eq!(told, ["rollout 1 (new 1.0, web 2.0) is withdrawn from every ring"]);
    assert_eq!(model.offered(), all(["web 1.0", "web 1.0", "web 1.0"]));
    assert_eq!(model.upload(&[package("web", "2.0")]).unwrap(), [Standing::Withdrawn]);
    // A person may name it all the same: then it is everybody's.
    model.pin(&source("web"), "2.0").unwrap();
    assert_eq!(model.offered(), all(["web 2.0", "web 2.0", "web 2.0"]));
}

#[test]
fn a_paused_rollout_stays_until_it_is_resumed() {
    let mut model = Model::ringed();
    model.upload(&[package("web", "2.0")]).unwrap();
    model.step(RolloutRef::Number(1), RolloutStep::Pause).unwrap();
    let said =
        model.step(RolloutRef::Only, RolloutStep::Advance(Way::default())).unwrap_err().to_string();
    assert!(said.contains("rollout 1 (web 2.0): is paused: because"), "{said}");
    assert_eq!(model.offered(), all(["web 2.0", "web 1.0", "web 1.0"]));
    model.step(RolloutRef::Only, RolloutStep::Resume).unwrap();
    let everyone = RolloutStep::Advance(Way { to: Some("everyone".into()), ..Way::default() });
    model.step(RolloutRef::Only, everyone).unwrap();
    assert_eq!(model.offered(), all(["web 2.0", "web 2.0", "web 2.0"]));
}

#[test]
fn a_newer_version_supersedes_and_rings_keep_the_older_until_it_comes() {
    let mut model = Model::ringed();
    model.upload(&[package("web", "2.0")]).unwrap();
    model.advance();
    model.upload(&[package("web", "3.0")]).unwrap();
    assert_eq!(model.offered(), all(["web 3.0", "web 2.0", "web 1.0"]));
    let said = model.step(RolloutRef::Number(1), RolloutStep::Advance(Way::default())).unwrap_err();
    assert!(said.to_string().contains("is superseded: rollout 2 brings newer versions"), "{said}");
    // Aborted, the newer one leaves the older where it was, paused.
    model.step(RolloutRef::Number(2), RolloutStep::Abort).unwrap();
    assert_eq!(model.offered(), all(["web 2.0", "web 2.0", "web 1.0"]));
    assert_eq!(model.rollouts.open[&1].state, RolloutState::Paused);
    model.upload(&[package("web", "4.0")]).unwrap();
    model
        .step(
            RolloutRef::Source(name("web")),
            RolloutStep::Advance(Way { to: Some("everyone".into()), ..Way::default() }),
        )
        .unwrap();
    assert_eq!(model.offered(), all(["web 4.0", "web 4.0", "web 4.0"]));
    assert!(model.rollouts.open.is_empty(), "what it superseded has ended with it");
}

#[test]
fn another_sources_urgent_fix_overtakes_and_carries_nothing_along() {
    let mut model = Model::ringed();
    model.upload(&[package("web", "2.0")]).unwrap();
    model.is_urgent = true;
    assert_eq!(model.upload(&[package("db", "1.0")]).unwrap(), [Standing::Published]);
    assert_eq!(model.offered(), all(["db 1.0, web 2.0", "db 1.0, web 1.0", "db 1.0, web 1.0"]));
}

#[test]
fn a_rollback_of_what_is_under_way_goes_to_what_everybody_is_offered() {
    let mut model = Model::ringed();
    model.upload(&[package("web", "2.0")]).unwrap();
    model
        .change(|draft, _| {
            pinning::roll_back_under_way(draft, &source("web"), &asking());
            Ok(())
        })
        .unwrap();
    assert_eq!(model.offered(), all(["web 1.0", "web 1.0", "web 1.0"]));
    assert_eq!(model.upload(&[package("web", "2.0")]).unwrap(), [Standing::Waiting]);
    assert!(model.rollouts.open.is_empty());
    assert_eq!(model.pins[0].version, Some(Version::parse("1.0").unwrap()));
}

#[test]
fn pins_and_removals_pass_through_every_ring() {
    let mut model = Model::ringed();
    model.upload(&[package("web", "2.0"), package("new", "1.0")]).unwrap();
    model.pin(&source("web"), "1.0").unwrap();
    assert_eq!(model.offered(), all(["new 1.0, web 1.0", "web 1.0", "web 1.0"]));
    model.remove(&source("new")).unwrap();
    assert_eq!(model.offered(), all(["web 1.0", "web 1.0", "web 1.0"]));
    assert!(model.rollouts.open.is_empty(), "nothing of it is left");
}

#[test]
fn what_a_pin_kept_out_begins_with_the_first_ring() {
    let mut model = Model::ringed();
    model.pin(&source("web"), "1.0").unwrap();
    assert_eq!(model.upload(&[package("web", "2.0")]).unwrap(), [Standing::Waiting]);
    model.unpin(&source("web")).unwrap();
    assert_eq!(model.offered(), all(["web 2.0", "web 1.0", "web 1.0"]));
}

#[test]
fn what_hosts_keep_up_with_the_server_by_reaches_all_at_once() {
    let mut model = Model::ringed();
    assert_eq!(model.upload(&[package("repoctl", "2.0")]).unwrap(), [Standing::Published]);
}

#[test]
fn with_several_versions_a_ring_lists_the_newest_that_reached_it() {
    let mut model = Model::ringed();
    model.spec.versions = Versions::Newest(2.try_into().unwrap());
    model.upload(&[package("web", "2.0")]).unwrap();
    model.upload(&[package("web", "3.0")]).unwrap();
    assert_eq!(model.offered(), all(["web 2.0, web 3.0", "web 1.0", "web 1.0"]));
}

#[derive(Clone, Debug)]
enum Verb {
    Upload(u8, u8),
    Pin(u8, u8),
    Unpin(u8),
    Remove(u8),
    Step(u8, u8),
    Urgent(u8, u8),
}

fn verbs() -> impl Strategy<Value = Vec<Verb>> {
    let verb = prop_oneof![
        4 => (0u8..3, 1u8..8).prop_map(|(which, version)| Verb::Upload(which, version)),
        1 => (0u8..3, 1u8..8).prop_map(|(which, version)| Verb::Urgent(which, version)),
        1 => (0u8..3, 1u8..8).prop_map(|(which, version)| Verb::Pin(which, version)),
        1 => (0u8..3).prop_map(Verb::Unpin),
        1 => (0u8..3).prop_map(Verb::Remove),
        4 => (0u8..3, 0u8..8).prop_map(|(which, step)| Verb::Step(which, step)),
    ];
    proptest::collection::vec(verb, 1..40)
}

fn do_it(model: &mut Model, verb: &Verb) -> Result<(), Conflict> {
    let of = |which: &u8| source(&format!("p{which}"));
    let one = |which: &u8, version: &u8| package(&format!("p{which}"), &version.to_string());
    model.is_urgent = matches!(verb, Verb::Urgent(..));
    match verb {
        Verb::Upload(which, version) | Verb::Urgent(which, version) => {
            model.upload(&[one(which, version)]).map(drop)
        }
        Verb::Pin(which, version) => model.pin(&of(which), &version.to_string()),
        Verb::Unpin(which) => model.unpin(&of(which)),
        Verb::Remove(which) => model.remove(&of(which)),
        Verb::Step(which, step) => {
            let step = match step {
                0 => RolloutStep::Abort,
                1 => RolloutStep::Pause,
                2 => RolloutStep::Resume,
                3 => RolloutStep::Advance(Way { to: Some("everyone".into()), ..Way::default() }),
                _ => RolloutStep::Advance(Way::default()),
            };
            model.step(RolloutRef::Source(of(which).name), step).map(drop)
        }
    }
}

proptest! {
    #[test]
    fn earlier_rings_are_never_behind_and_without_rollouts_all_are_alike(verbs in verbs()) {
        let mut model = Model::ringed();
        for verb in verbs {
            let (offered, listed) = (model.offered(), model.listed());
            if do_it(&mut model, &verb).is_err() {
                prop_assert_eq!(model.offered(), offered, "a refused change changed something: {:?}", verb);
                continue;
            }
            if matches!(verb, Verb::Upload(..)) && model.pins.is_empty() {
                prop_assert_eq!(model.listed(), listed, "an upload reached everybody: {:?}", verb);
            }
            let contents = ["canary", "early", "everyone"].map(|ring| model.contents_of(ring));
            if model.rollouts.open.is_empty() {
                prop_assert!(contents.iter().all(|one| one == model.now()));
            }
            for pair in contents.windows(2) {
                let [earlier, later] = pair else { continue };
                for (component, package) in later.packages() {
                    let first = earlier.at(&place_of(component, package));
                    let is_behind = first.is_none_or(|first| first.version < package.version);
                    prop_assert!(!is_behind, "{} {} after {:?}", package.name, package.version, verb);
                }
                for (_, package) in earlier.packages() {
                    let is_out = pin::is_withdrawn(&model.withdrawn, package);
                    prop_assert!(!is_out, "{} {} is withdrawn", package.name, package.version);
                }
            }
        }
    }
}

fn frozen(name: &str) -> Vec<Freeze> {
    let when = "1970-01-01 00:00..1970-01-02 00:00 UTC".parse().unwrap();
    vec![Freeze { name: name.parse().unwrap(), when }]
}

#[test]
fn while_a_freeze_lasts_a_rollout_begins_and_goes_on_only_where_its_name_is_said() {
    let mut model = Model::ringed();
    model.spec.rollout.freezes = frozen("holidays");
    assert_eq!(model.upload(&[package("web", "2.0")]).unwrap(), [Standing::Waiting]);
    assert_eq!(model.offered(), all(["web 1.0", "web 1.0", "web 1.0"]));
    let way =
        |name: Option<&str>| Way { override_freeze: name.map(str::to_owned), ..Way::default() };
    for wrong in [way(None), way(Some("weekend"))] {
        let said = model.step(RolloutRef::Only, RolloutStep::Start(wrong)).unwrap_err().to_string();
        let wanted = "rollout 1 (web 2.0): is frozen by holidays until Fri 1970-01-02 00:00; \
                      --override-freeze holidays goes on in spite of it";
        assert!(said.contains(wanted), "{said}");
    }
    model.step(RolloutRef::Only, RolloutStep::Start(way(Some("holidays")))).unwrap();
    assert_eq!(model.offered(), all(["web 2.0", "web 1.0", "web 1.0"]));
    let said = model.step(RolloutRef::Only, RolloutStep::Advance(way(None))).unwrap_err();
    assert!(said.to_string().contains("is frozen by holidays"), "{said}");
    model.step(RolloutRef::Only, RolloutStep::Advance(way(Some("holidays")))).unwrap();
    assert_eq!(model.offered(), all(["web 2.0", "web 2.0", "web 1.0"]));
    // What takes back passes, and so does what is urgent.
    model.step(RolloutRef::Only, RolloutStep::Abort).unwrap();
    assert_eq!(model.offered(), all(["web 1.0", "web 1.0", "web 1.0"]));
    model.is_urgent = true;
    model.upload(&[package("web", "3.0")]).unwrap();
    assert_eq!(model.offered(), all(["web 3.0", "web 3.0", "web 3.0"]));
}

#[test]
fn a_rollout_that_is_started_by_hand_waits_and_a_newer_one_takes_its_place() {
    let mut model = Model::ringed();
    model.spec.rollout.start = Start::Manual;
    model.upload(&[package("web", "2.0")]).unwrap();
    let said = model.step(RolloutRef::Only, RolloutStep::Advance(Way::default())).unwrap_err();
    assert!(
        said.to_string().contains("has not begun; `repoctl rollout start` begins it"),
        "{said}"
    );
    model.upload(&[package("web", "3.0")]).unwrap();
    assert_eq!(model.rollouts.open[&1].state, RolloutState::Superseded);
    let to = Way { to: Some("early".into()), ..Way::default() };
    model.step(RolloutRef::Number(2), RolloutStep::Start(to)).unwrap();
    assert_eq!(model.offered(), all(["web 3.0", "web 3.0", "web 1.0"]));
    let said = model.step(RolloutRef::Number(2), RolloutStep::Start(Way::default())).unwrap_err();
    assert!(said.to_string().contains("has begun"), "{said}");
}

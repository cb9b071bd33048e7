//! Rules and roots by example, and that nothing goes that anybody needs.

use proptest::prelude::*;

use super::*;
use crate::domain::tests::package;
use crate::domain::{Identity, PinKind, PinTarget};

const DAY: i64 = DAY_SECONDS;

fn facts(keep: Keep, days_ago: &[i64]) -> Facts {
    let now = Moment(1_000 * DAY);
    let generations = (1..).zip(days_ago);
    let generations = generations.map(|(number, days)| PastGeneration {
        number,
        at: now.plus(-days * DAY),
        dropped: None,
    });
    Facts {
        keep,
        now,
        grace_seconds: DAY,
        last: days_ago.len() as u64,
        generations: generations.collect(),
        needed: BTreeSet::new(),
        installed: HashSet::new(),
        pins: Vec::new(),
        packages: Vec::new(),
    }
}

fn kept(name: &str, version: u32, tenures: &[(u64, Option<u64>)]) -> KeptPackage {
    KeptPackage {
        component: "main".parse().unwrap(),
        package: (*package(name, &version.to_string())).clone(),
        taken_at: Some(Moment(0)),
        tenures: tenures.to_vec(),
        on_its_way: false,
        going_since: None,
        elsewhere: 0,
    }
}

fn goes(facts: &Facts) -> Vec<String> {
    let judged = judge(facts);
    let gone = facts.packages.iter().zip(judged.verdicts);
    let gone = gone.filter(|(_, verdict)| matches!(verdict, Verdict::Goes { .. }));
    gone.map(|(one, _)| format!("{}={}", one.package.name, one.package.version)).collect()
}

fn four(keep: Keep) -> Facts {
    let mut facts = facts(keep, &[400, 200, 100, 50]);
    facts.packages = vec![
        kept("web", 1, &[(1, Some(2))]),
        kept("web", 2, &[(2, Some(3))]),
        kept("web", 3, &[(3, Some(4))]),
        kept("web", 4, &[(4, None)]),
    ];
    facts
}

#[test]
fn without_a_rule_everything_is_kept() {
    let facts = four(Keep::default());
    assert_eq!((goes(&facts), judge(&facts).dropped), (Vec::new(), Vec::new()));
}

#[test]
fn a_count_keeps_the_newest_versions_and_an_age_what_was_listed_within_it() {
    let by_count = four(Keep { versions: 2, ..Keep::default() });
    assert_eq!(goes(&by_count), ["web=1", "web=2"]);
    assert_eq!(judge(&by_count).dropped, [1, 2, 3]);
    let by_age = four(Keep { days: 120, ..Keep::default() });
    // 2 was listed until a hundred days ago.
    assert_eq!(goes(&by_age), ["web=1"]);
    assert_eq!(judge(&by_age).dropped, [1]);
    let both = four(Keep { versions: 3, days: 1, ..Keep::default() });
    assert_eq!(goes(&both), ["web=1"]);
    let verdicts = judge(&by_count).verdicts;
    let left = by_count.generations.get(1).map(|one| one.at);
    assert_eq!(verdicts.first(), Some(&Verdict::Goes { newer: 3, left }));
}

#[test]
fn hosts_snapshots_and_pins_keep_what_they_need() {
    let mut facts = four(Keep { versions: 1, ..Keep::default() });
    assert_eq!(goes(&facts), ["web=1", "web=2", "web=3"]);
    let one = &facts.packages[0].package;
    let installed = (one.name.clone(), one.version.clone(), one.architecture.clone());
    facts.installed.insert(installed);
    assert_eq!(goes(&facts), ["web=2", "web=3"]);
    facts.needed.insert(2);
    assert_eq!(goes(&facts), ["web=3"]);
    assert_eq!(judge(&facts).dropped, [1, 3]);
    let target = PinTarget { kind: PinKind::Source, name: "web".parse().unwrap() };
    facts.pins.push(Pin {
        target,
        version: Some("3".parse().unwrap()),
        author: Identity::parse("ops.example.org").unwrap(),
        message: String::new(),
        at: facts.now,
        until: None,
    });
    assert_eq!(goes(&facts), Vec::<String>::new());
}

#[test]
fn what_waits_above_what_is_listed_is_kept_and_what_a_client_may_still_fetch() {
    let mut facts = facts(Keep { days: 1, ..Keep::default() }, &[400, 300, 0]);
    facts.packages = vec![
        kept("web", 1, &[(1, Some(2))]),
        kept("web", 2, &[(2, None)]),
        kept("web", 3, &[]),
        kept("tool", 1, &[(1, Some(3))]),
    ];
    // The tool went with the last generation, just now.
    assert_eq!(goes(&facts), ["web=1"]);
    facts.now = facts.now.plus(3 * DAY);
    assert_eq!(goes(&facts), ["web=1", "tool=1"]);
    facts.packages[3].on_its_way = true;
    assert_eq!(goes(&facts), ["web=1"]);
}

#[test]
fn a_dropped_generation_stays_dropped_and_keeps_nothing() {
    let mut facts = four(Keep { days: 900, ..Keep::default() });
    facts.generations[0].dropped = Some(facts.now);
    facts.needed.insert(1);
    assert_eq!(goes(&facts), ["web=1"]);
    assert_eq!(judge(&facts).dropped, Vec::<u64>::new());
}

/// What is random: the rules, when generations were published, and for each of a few packages its number,
/// its tenure and whether it is needed.
fn random() -> impl Strategy<Value = Facts> {
    let rules = (0_u16..4, prop_oneof![Just(0_u32), 1..300_u32]);
    let ages = prop::collection::vec(0_i64..400, 1..12);
    let one = (0_u8..3, 0_u32..6, 1_u64..14, 0_u64..6, any::<bool>(), 0_i64..400);
    let all = prop::collection::vec(one, 0..16);
    let needed = prop::collection::btree_set(1_u64..12, 0..3);
    let installed = prop::collection::vec((0_u8..3, 0_u32..6), 0..3);
    (rules, ages, all, needed, installed).prop_map(
        |((versions, days), mut ages, all, needed, has)| {
            ages.sort_unstable_by(|a, b| b.cmp(a));
            let mut facts = facts(Keep { versions, days, ..Keep::default() }, &ages);
            facts.needed = needed;
            let name = |number: u8| ["web", "tool", "db"][usize::from(number)];
            for (number, version) in has {
                let one = package(name(number), &version.to_string());
                let key = (one.name.clone(), one.version.clone(), one.architecture.clone());
                facts.installed.insert(key);
            }
            for (number, version, from, long, on_its_way, taken) in all {
                let until = (long > 0).then(|| from.saturating_add(long));
                let until = until.filter(|until| *until <= facts.last);
                let tenures = if from > facts.last { vec![] } else { vec![(from, until)] };
                let taken_at = Some(facts.now.plus(-taken * DAY));
                let one = kept(name(number), version, &tenures);
                facts.packages.push(KeptPackage { on_its_way, taken_at, ..one });
            }
            facts
        },
    )
}

proptest! {
    /// Said once more, by the generation: whatever a client may be served within the grace, whatever a used
    /// generation lists, what is on its way and what hosts have is there.
    #[test]
    fn nothing_goes_that_anybody_needs(facts in random()) {
        let judged = judge(&facts);
        let is_kept = |number: u64| !judged.dropped.contains(&number)
            && facts.generations.iter().any(|one| one.number == number && one.dropped.is_none());
        let since = facts.now.plus(-DAY.max(i64::from(facts.keep.days) * DAY));
        for (place, one) in facts.generations.iter().enumerate() {
            let ended = facts.generations.get(place + 1).map_or(facts.now, |next| next.at);
            if one.number == facts.last || ended >= since || facts.needed.contains(&one.number) {
                prop_assert!(is_kept(one.number), "generation {} went", one.number);
            }
        }
        for (one, verdict) in facts.packages.iter().zip(&judged.verdicts) {
            let goes = matches!(verdict, Verdict::Goes { .. });
            let lists = |number: u64| one.tenures.iter()
                .any(|(from, until)| *from <= number && until.is_none_or(|until| number < until));
            for generation in (1..=facts.last).filter(|number| is_kept(*number)) {
                prop_assert!(!(goes && lists(generation)), "{generation} lists {}", one.package.version);
            }
            let key = (one.package.name.clone(), one.package.version.clone(),
                one.package.architecture.clone());
            prop_assert!(!(goes && (one.on_its_way || facts.installed.contains(&key))));
            prop_assert!(!(goes && facts.keep.is_everything()));
            prop_assert!(!(goes && one.taken_at.is_some_and(|at| at >= since)));
        }
    }

    /// More rules keep more, and time alone never brings anything back.
    #[test]
    fn a_rule_more_keeps_no_less_and_time_brings_nothing_back(facts in random(), days in 1_i64..200) {
        let goes = |facts: &Facts| -> Vec<bool> {
            judge(facts).verdicts.iter().map(|one| matches!(one, Verdict::Goes { .. })).collect()
        };
        let now = goes(&facts);
        if !facts.keep.is_everything() {
            let mut more = facts.clone();
            more.keep.versions += 1;
            more.keep.days += 1;
            for (more, less) in goes(&more).iter().zip(&now) {
                prop_assert!(!*more || *less);
            }
        }
        let mut later = facts.clone();
        later.now = later.now.plus(days * DAY);
        for (later, before) in goes(&later).iter().zip(&now) {
            prop_assert!(*later || !before);
        }
    }
}

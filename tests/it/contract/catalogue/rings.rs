//! Rings: what every back end promises of rollouts, and of what rings are served in place of everybody's.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use repod::domain::rollout::Reached;
use repod::domain::{Completion, Publication, RingHead, RingId, Rollout, RolloutState};
use repod::time::Moment;

use super::samples::*;
use super::{Make, with_suite};

const CANARY: RingId = RingId(1);

fn rollout(id: u64, state: RolloutState, generation: Option<u64>) -> Rollout {
    let brought = package("web", "2.0", "amd64");
    let reached = Reached { generation, at: Moment(7) };
    Rollout {
        id,
        author: identity("ci.example"),
        message: "release 2.0".into(),
        at: Moment(5),
        state,
        why: "because".into(),
        packages: [((component("main"), brought.digest), Arc::new(brought))].into(),
        reached: BTreeMap::from([(CANARY, reached)]),
        met_at: Some(Moment(8)),
        resumed_at: None,
    }
}

fn ring_head(text: &str) -> RingHead {
    let text = || text.to_owned();
    RingHead { ring: CANARY, release: text(), release_gpg: text(), in_release: text() }
}

/// A generation in which a rollout reaches a ring, which has files and a head of its own then.
fn begun(number: u64) -> Publication {
    let mut publication = generation("stable", number, &[], &[]);
    let new = publication.generation.as_mut().unwrap();
    new.chunks = ["a", "b"].map(chunk).to_vec();
    new.indices = index("main/binary-amd64", &["a"]);
    new.rings = vec![(CANARY, index("main/binary-amd64", &["a", "b"]))];
    new.head.rings = vec![ring_head("canary")];
    publication.rollouts = vec![rollout(1, RolloutState::Running, None)];
    publication
}

pub fn a_ring_has_its_own_head_and_files_while_a_rollout_is_open(room: &Path, make: &Make) {
    let catalogue = with_suite(room, make);
    let (name, path) = (suite("stable"), "main/binary-amd64/Packages");
    catalogue
        .record_package(
            &package("web", "2.0", "amd64"),
            "Package: web\n\n",
            &identity("ci.example"),
            Moment(1),
        )
        .unwrap();
    catalogue.publish(&begun(1)).unwrap();
    let [own, all] = [&["a", "b"][..], &["a"]].map(|texts| index("main/binary-amd64", texts));
    let state = catalogue.load_suite(&name).unwrap().unwrap();
    assert_eq!(state.head.unwrap().rings, [ring_head("canary")]);
    let open = &state.rollouts.open[&1];
    assert_eq!(
        *open,
        rollout(1, RolloutState::Running, Some(1)),
        "it reached the ring with generation 1"
    );
    assert_eq!(state.rollouts.last, 1);
    let of = |generation| {
        let found = catalogue.find_ring_index(&name, CANARY, generation, path).unwrap();
        found.map(|record| record.file)
    };
    assert_eq!(of(1).as_ref(), own.iter().find(|file| file.path == path));
    assert_eq!(catalogue.find_ring_index(&name, RingId(2), 1, path).unwrap(), None);
    let everybodys = catalogue.find_index(&name, 1, path).unwrap().unwrap().file;
    assert_eq!(Some(&everybodys), all.iter().find(|file| file.path == path));
    let sorted = |mut files: Vec<repod::domain::IndexFile>| {
        files.sort_by(|a, b| a.path.cmp(&b.path));
        files
    };
    let listed = catalogue.list_ring_indices(&name, 1).unwrap();
    let [(CANARY, files)] = &listed[..] else { panic!("{listed:?}") };
    assert_eq!(sorted(files.clone()), sorted(own.clone()));
    assert_eq!(sorted(catalogue.list_indices(&name, 1).unwrap()), sorted(all.clone()));
    // A check reads all of them.
    assert_eq!(catalogue.list_filed(0, 100).unwrap().len(), own.len() + all.len());
    let by_hash = catalogue.find_by_hash(&name, "main/binary-amd64", &own[0].digest).unwrap();
    assert_eq!(by_hash.unwrap().file.digest, own[0].digest);
}

pub fn what_a_ring_had_ends_with_its_rollout_and_is_found_by_hash(room: &Path, make: &Make) {
    let catalogue = with_suite(room, make);
    let name = suite("stable");
    catalogue
        .record_package(
            &package("web", "2.0", "amd64"),
            "Package: web\n\n",
            &identity("ci.example"),
            Moment(1),
        )
        .unwrap();
    catalogue.publish(&begun(1)).unwrap();
    // Signed again with other files of the ring: everybody's stay.
    let all = index("main/binary-amd64", &["a"]);
    let date = catalogue.load_suite(&name).unwrap().unwrap().head.unwrap().date;
    let mut again = head(1, date.plus(1).0);
    again.rings = vec![ring_head("later")];
    let rings = vec![(CANARY, index("main/binary-amd64", &["b"]))];
    let completion = Completion {
        suite: name.clone(),
        chunks: vec![],
        indices: all.clone(),
        rings,
        head: again,
    };
    catalogue.complete(&completion).unwrap();
    let state = catalogue.load_suite(&name).unwrap().unwrap();
    assert_eq!(state.head.unwrap().rings, [ring_head("later")]);
    let mut ended = generation("stable", 2, &[], &[]);
    ended.generation.as_mut().unwrap().indices = all;
    ended.rollouts = vec![rollout(1, RolloutState::Aborted, Some(1))];
    catalogue.publish(&ended).unwrap();
    let state = catalogue.load_suite(&name).unwrap().unwrap();
    assert!(state.head.unwrap().rings.is_empty());
    assert!(state.rollouts.open.is_empty() && state.rollouts.last == 1);
    assert!(catalogue.list_ring_indices(&name, 2).unwrap().is_empty());
    let told = catalogue.list_rollouts(&name, 10).unwrap();
    assert_eq!(told, [rollout(1, RolloutState::Aborted, Some(1))]);
    assert!(catalogue.list_rollouts(&suite("other"), 10).unwrap().is_empty());
    for texts in [&["a", "b"][..], &["b"]] {
        let file = &index("main/binary-amd64", texts)[0];
        let found = catalogue.find_by_hash(&name, "main/binary-amd64", &file.digest).unwrap();
        assert!(found.is_some(), "a host in the middle of an update finds it");
    }
}

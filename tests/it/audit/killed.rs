//! A server that is killed the moment that it has answered: what it had told somebody is in its log.

use std::path::Path;

use serde_json::Value;

use repod::catalogue::{Audit as _, AuditedKeyring, KeyringChange, SqliteCatalogue};
use repod::domain::audit::Search;
use repod::domain::{Actor, Event};
use repod::flow::upkeep::keyring;
use repod::signing::{
    DateFloor, KeyAccess, KeyKind, Keyring, KeyringKey, NewKey, Signer, generate,
};
use repod::time::Moment;
use tempfile::TempDir;

use super::served::log;
use crate::harness::server::TestServer;

#[test]
fn the_first_refusal_of_a_kind_is_in_the_log_before_it_is_answered() {
    let mut server = TestServer::start();
    let (web, db) = ("web-01.example.org", "db-01.example.org");
    let _hosts = (server.host(web), server.host(db));
    let read = |server: &TestServer, who: &str, path: &str| {
        server.curl(who, path).run().expect_says("has no right");
    };
    // Each time another kind, and the end comes without a pause.
    for (round, who) in [web, db].into_iter().enumerate() {
        read(&server, who, "dists/secret/InRelease");
        server.kill();
        server.serve();
        assert_eq!(denials(&server).len(), round + 1);
    }
    // Repeats are counted, and at most those of the last minute are lost.
    for _ in 0..5 {
        read(&server, web, "dists/secret/InRelease");
    }
    server.kill();
    server.serve();
    let lines = denials(&server);
    let times = |who: &str| {
        let own = lines.iter().filter(|entry| entry["identity"] == who);
        own.map(|entry| entry["times"].as_u64().unwrap()).sum::<u64>()
    };
    assert_eq!((times(db), lines.len()), (1, 3), "{lines:?}");
    assert!((2..=6).contains(&times(web)), "{lines:?}");
    server.repoctl(&["audit", "verify"]).expect_success().expect_says("the audit log is whole");
}

#[test]
fn a_catalogue_that_is_stuck_keeps_no_refusal_back_and_has_its_line_later() {
    let server = TestServer::start();
    let web = "web-01.example.org";
    let _host = server.host(web);
    let raw = rusqlite::Connection::open(server.data().join("catalogue.sqlite")).unwrap();
    raw.execute_batch("BEGIN IMMEDIATE").unwrap();
    // Answered while nothing can be written: the lock is let go of afterwards alone.
    server.curl(web, "dists/secret/InRelease").run().expect_says("has no right");
    assert!(server.log().contains("answered before its line"), "{}", server.log());
    raw.execute_batch("ROLLBACK").unwrap();
    assert_eq!(denials(&server).len(), 1);
}

fn denials(server: &TestServer) -> Vec<Value> {
    log(server, &["--verb", "read", "--refused"])
}

/// A keyring and a log, as a server has them, without the server.
struct House {
    room: TempDir,
    keyring: Keyring,
    log: SqliteCatalogue,
}

const NOW: Moment = Moment(1_795_400_000);

impl House {
    fn new() -> Self {
        let room = TempDir::new().unwrap();
        let key = generate(KeyKind::Ed25519, "test archive key", NOW).unwrap();
        key.write_new(room.path().join("signing.asc")).unwrap();
        let keyring = Keyring::at(room.path(), KeyAccess::default());
        let log = SqliteCatalogue::open(&room.path().join("catalogue.sqlite")).unwrap();
        Self { room, keyring, log }
    }

    fn keys(&self) -> Vec<KeyringKey> {
        self.keyring.list().unwrap()
    }

    fn begin(&self, who: &str, why: &str) {
        let actor = Actor { identity: who.into(), serial: "1a".into() };
        let change = KeyringChange { actor, message: why.into(), remark: String::new() };
        keyring::begin(&self.log, &self.keys(), change, NOW).unwrap();
    }

    fn add(&self) -> String {
        let new = NewKey::Make(KeyKind::Ed25519, "another key".into());
        self.keyring.add(new, None, NOW).unwrap().fingerprint().to_owned()
    }

    /// The process ends here, and the next one looks.
    fn start(self) -> (Self, Vec<Event>) {
        let Self { room, keyring, log } = self;
        let before = log.count_entries().unwrap();
        drop(log);
        let log = SqliteCatalogue::open(&room.path().join("catalogue.sqlite")).unwrap();
        let house = Self { room, keyring, log };
        keyring::tell(&house.log, &house.keys(), NOW.plus(60)).unwrap();
        let told = house.log.list_entries(&Search::default(), before, 100).unwrap();
        (house, told.into_iter().map(|entry| entry.event).collect())
    }
}

#[track_caller]
fn only(events: Vec<Event>) -> Event {
    let [event] = <[Event; 1]>::try_from(events).expect("one line");
    event
}

#[test]
fn a_change_of_keys_that_is_cut_off_before_its_line_gets_it_with_the_next_start() {
    let (house, told) = House::new().start();
    assert_eq!(told, [], "the keyring as it is found first is no change");
    let first = house.keys().remove(0).fingerprint;

    // Cut off before the keyring is written: nothing was done, and nothing is told.
    house.begin("ops.example.org", "yearly");
    let (house, told) = house.start();
    assert_eq!(told, []);
    let untold = AuditedKeyring { change: None, ..house.log.find_keyring().unwrap().unwrap() };
    assert_eq!(house.log.find_keyring().unwrap(), Some(untold), "whoever had begun is forgotten");

    // Cut off after it: who and why are known.
    house.begin("ops.example.org", "yearly");
    let second = house.add();
    let (house, told) = house.start();
    let event = only(told);
    assert_eq!((event.verb.as_str(), event.message.as_str()), ("key-add", "yearly"));
    assert_eq!((&*event.actor.identity, &*event.actor.serial), ("ops.example.org", "1a"));
    assert!(event.detail.contains(&second), "{}", event.detail);
    house.begin("boss.example.org", "done");
    house.keyring.retire(&first).unwrap();
    let (house, told) = house.start();
    let event = only(told);
    assert_eq!((event.verb.as_str(), &*event.actor.identity), ("key-retire", "boss.example.org"));
    assert!(event.detail.contains(&first), "{}", event.detail);

    // Nobody had begun: it was done by hand, and is told as that, also when somebody begins something else.
    let third = house.add();
    house.begin("ops.example.org", "another");
    let fourth = house.add();
    let (house, _) = house.start();
    let all = house.log.list_entries(&Search::default(), 0, 100).unwrap();
    let of = |key: &str| {
        let own = all.iter().filter(|entry| entry.event.detail.contains(key));
        own.map(|entry| entry.event.clone()).collect::<Vec<_>>()
    };
    let by_hand = only(of(&third));
    assert!(by_hand.detail.ends_with("changed by hand"), "{}", by_hand.detail);
    assert_eq!(by_hand.actor, Actor::server());
    assert_eq!(only(of(&fourth)).actor.identity, "ops.example.org");
    assert!(Path::new(&house.room.path().join("ring.json")).exists());
    let (_, told) = house.start();
    assert_eq!(told, [], "once is enough");
}

/// The keyring is one file and the public keys beside it another: a stop between them is mended.
#[test]
fn the_public_keys_beside_the_ring_are_its_own_from_the_next_start_on() {
    let house = House::new();
    let public = house.room.path().join("archive-key.asc");
    house.add();
    let both = std::fs::read_to_string(&public).unwrap();
    let first = house.keys().remove(0).public;
    for found in [Some(first), Some(String::new()), None] {
        match found {
            Some(text) => std::fs::write(&public, text).unwrap(),
            None => std::fs::remove_file(&public).unwrap(),
        }
        let floor = DateFloor::create(house.room.path().join("floor")).unwrap();
        Signer::of_keyring(house.keyring.clone(), floor).unwrap();
        assert_eq!(std::fs::read_to_string(&public).unwrap(), both);
    }
}

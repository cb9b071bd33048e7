//! What every back end promises of the audit log.

use std::path::Path;

use repod::catalogue::{
    AuditedKeyring, Catalogue, CatalogueError, Checkpoint, Delivery, KeyringChange,
};
use repod::digest::Digest;
use repod::domain::audit::{ChainEnd, Entry, Search, Statement};
use repod::domain::{Actor, Event, Role};
use repod::time::Moment;

use super::samples::{
    certificate, event, generation, grant, identity, nothing, package, record, spec, suite,
};
use super::{Make, with_suite};

/// Every entry, whose chain holds.
#[track_caller]
fn log(catalogue: &dyn Catalogue) -> Vec<Entry> {
    let entries = catalogue.list_entries(&Search::default(), 0, u32::MAX).unwrap();
    let mut previous = Digest::ZERO;
    for (number, entry) in (1..).zip(&entries) {
        assert!(entry.follows(&previous, number), "{entry:?}");
        previous = entry.hash;
    }
    let end = ChainEnd { entries: entries.len() as u64, hash: previous };
    assert_eq!(catalogue.chain_end().unwrap(), end);
    assert_eq!(catalogue.count_entries().unwrap(), end.entries);
    entries
}

/// What was added since there were so many.
#[track_caller]
fn since(catalogue: &dyn Catalogue, count: usize) -> Vec<Event> {
    log(catalogue).split_off(count).into_iter().map(|entry| entry.event).collect()
}

pub fn what_is_recorded_leaves_its_line_and_what_is_not_leaves_none(room: &Path, make: &Make) {
    let catalogue = make(room);
    assert!(log(&*catalogue).is_empty());
    assert_eq!(catalogue.chain_end().unwrap(), ChainEnd::START);
    let told = |at: i64| event("ops.example", at);
    catalogue.create_suite(&spec("stable"), &told(1)).unwrap();
    catalogue.record_grant(&grant("a.example", Role::Host, &[]), &told(2)).unwrap();
    let host = grant("web.example", Role::Host, &[]);
    let first = certificate("1a", "web.example", 10);
    catalogue.record_certificate(&first, Some(&host), &told(3)).unwrap();
    let web = identity("web.example");
    catalogue.record_revocation(&["1a".into()], "x", Some(&web), &told(4)).unwrap();
    catalogue.remove_grant(&identity("a.example"), &told(5)).unwrap();
    let new = package("acme-web", "1.0", "amd64");
    record(&*catalogue, &new);
    let mut publication = generation("stable", 1, &[&new], &[]);
    // Changes that go out together have a line each.
    publication.events = vec![told(6), Event { after: Some(1), ..told(7) }];
    catalogue.publish(&publication).unwrap();
    let mut settled = nothing("stable");
    settled.events = vec![told(8)];
    catalogue.publish(&settled).unwrap();
    let times: Vec<_> = log(&*catalogue).iter().map(|entry| entry.event.at.0).collect();
    assert_eq!(times, [1, 2, 3, 4, 5, 6, 7, 8]);

    // What fails leaves neither.
    let count = times.len();
    assert!(catalogue.create_suite(&spec("stable"), &told(9)).is_err());
    assert!(catalogue.record_certificate(&first, None, &told(9)).is_err());
    assert!(catalogue.record_revocation(&["ff".into()], "x", None, &told(9)).is_err());
    assert!(catalogue.remove_suite(&suite("stable"), &told(9)).is_err());
    assert!(matches!(catalogue.publish(&publication), Err(CatalogueError::Stale(_))));
    assert_eq!(since(&*catalogue, count), []);

    let mut leaves = generation("stable", 2, &[], &[&new]);
    leaves.events = vec![told(10)];
    catalogue.publish(&leaves).unwrap();
    catalogue.remove_suite(&suite("stable"), &told(11)).unwrap();
    // The log outlives what it tells of, and the process.
    drop(catalogue);
    assert_eq!(since(&*make(room), count), [told(10), told(11)]);
}

pub fn entries_are_found_by_what_they_say(room: &Path, make: &Make) {
    let catalogue = with_suite(room, make);
    let one = |by: &str, verb: &str, place: &str, outcome: &str, at: i64| {
        let actor = Actor { identity: by.into(), serial: "1a".into() };
        let event = Event::done(actor, verb, Moment(at)).within(place).with("d").because("m");
        Event { before: Some(1), after: None, outcome: outcome.into(), times: 3, ..event }
    };
    let told = [
        one("ops.example", "pin", "stable", "done", 10),
        one("ops.example", "add", "edge", "denied", 20),
        one("ci.example", "add", "stable", "rejected", 30),
        one("", "read", "", "certificate-missing", 40),
    ];
    catalogue.record_events(&told).unwrap();
    catalogue.record_events(&[]).unwrap();
    assert_eq!(since(&*catalogue, 1), told);
    let found = |search: &Search| -> Vec<u64> {
        let forwards = catalogue.list_entries(search, 1, 100).unwrap();
        let mut backwards = catalogue.list_last_entries(search, None, 100).unwrap();
        backwards.retain(|entry| entry.number > 1);
        backwards.reverse();
        assert_eq!(forwards, backwards);
        forwards.iter().map(|entry| entry.number).collect()
    };
    let any = Search::default;
    let text = |text: &str| Some(text.to_owned());
    assert_eq!(found(&Search { since: Some(Moment(20)), ..any() }), [3, 4, 5]);
    assert_eq!(found(&Search { until: Some(Moment(20)), ..any() }), [2]);
    assert_eq!(found(&Search { identity: text("ops.example"), ..any() }), [2, 3]);
    assert_eq!(found(&Search { suite: text("stable"), ..any() }), [2, 4]);
    // Nobody and no suite are asked for like any other.
    assert_eq!(found(&Search { identity: text(""), ..any() }), [5]);
    assert_eq!(found(&Search { suite: text(""), ..any() }), [5]);
    assert_eq!(found(&any()), [2, 3, 4, 5]);
    assert_eq!(found(&Search { verb: text("add"), ..any() }), [3, 4]);
    assert_eq!(found(&Search { refused: true, ..any() }), [3, 4, 5]);
    assert_eq!(found(&Search { verb: text("add"), suite: text("edge"), ..any() }), [3]);
    let numbers = |entries: Vec<Entry>| entries.iter().map(|e| e.number).collect::<Vec<_>>();
    assert_eq!(numbers(catalogue.list_entries(&any(), 2, 2).unwrap()), [3, 4]);
    assert_eq!(numbers(catalogue.list_last_entries(&any(), Some(4), 2).unwrap()), [3, 2]);
    assert_eq!(numbers(catalogue.list_last_entries(&any(), None, 1).unwrap()), [5]);
    assert!(catalogue.list_entries(&any(), 5, 2).unwrap().is_empty());
}

pub fn the_chain_has_no_gaps_whoever_writes(room: &Path, make: &Make) {
    let catalogue = make(room);
    std::thread::scope(|scope| {
        for writer in 0..8 {
            let catalogue = &catalogue;
            scope.spawn(move || {
                for number in 0..40 {
                    let told = event(&format!("w{writer}.example"), number);
                    catalogue.record_events(&[told.clone(), told.clone()]).unwrap();
                    // What fails beside it takes no number.
                    let missing = suite("absent");
                    assert!(catalogue.remove_suite(&missing, &told).is_err());
                }
            });
        }
    });
    assert_eq!(log(&*catalogue).len(), 8 * 40 * 2);
}

pub fn checkpoints_are_kept_as_they_were(room: &Path, make: &Make) {
    let catalogue = make(room);
    let checkpoint = |entries: u64, at: i64| {
        let end = ChainEnd { entries, hash: Digest::of(&entries.to_be_bytes()) };
        let statement = Statement { end, at: Moment(at) };
        let text = format!("BEGIN\n\n{}-----BEGIN PGP SIGNATURE-----\n{at}\n", statement.write());
        Checkpoint { statement, text }
    };
    assert!(catalogue.list_checkpoints().unwrap().is_empty());
    assert_eq!(catalogue.last_checkpoint().unwrap(), None);
    let (first, second) = (checkpoint(3, 10), checkpoint(9, 20));
    catalogue.record_checkpoint(&second).unwrap();
    catalogue.record_checkpoint(&first).unwrap();
    // Whoever comes second changes nothing.
    catalogue.record_checkpoint(&checkpoint(3, 30)).unwrap();
    assert_eq!(make(room).last_checkpoint().unwrap().as_ref(), Some(&second));
    assert_eq!(make(room).list_checkpoints().unwrap(), [first, second]);
}

pub fn a_delivery_is_kept_until_the_lines_that_tell_of_it(room: &Path, make: &Make) {
    let catalogue = make(room);
    assert_eq!(catalogue.find_delivery().unwrap(), None);
    let actor = Actor { identity: "ops.example".into(), serial: "1a".into() };
    let lists = vec!["aa 01".into(), "bb 02".into()];
    let first = Delivery { lists, actor, message: "weekly".into() };
    catalogue.record_delivery(Some(&Delivery::default()), &[]).unwrap();
    catalogue.record_delivery(Some(&first), &[]).unwrap();
    assert!(log(&*catalogue).is_empty(), "what was begun is not in the log");
    drop(catalogue);
    let catalogue = make(room);
    assert_eq!(catalogue.find_delivery().unwrap(), Some(first));
    catalogue.record_delivery(None, &[event("ops.example", 7)]).unwrap();
    assert_eq!(catalogue.find_delivery().unwrap(), None);
    assert_eq!(since(&*catalogue, 0), [event("ops.example", 7)]);
}

pub fn the_ring_is_kept_with_the_lines_that_tell_of_it(room: &Path, make: &Make) {
    let catalogue = make(room);
    assert_eq!(catalogue.find_keyring().unwrap(), None);
    let actor = Actor { identity: "ops.example".into(), serial: "1a".into() };
    let change = KeyringChange { actor, message: "yearly".into(), remark: "forced".into() };
    let begun = AuditedKeyring { keys: vec!["one".into(), "two".into()], change: Some(change) };
    catalogue.record_keyring(&begun, &[]).unwrap();
    assert_eq!(catalogue.find_keyring().unwrap().as_ref(), Some(&begun));
    assert!(log(&*catalogue).is_empty(), "a change is not in the log");
    let done = AuditedKeyring { keys: vec!["two".into()], change: None };
    catalogue.record_keyring(&done, &[event("ops.example", 7)]).unwrap();
    drop(catalogue);
    let catalogue = make(room);
    assert_eq!(catalogue.find_keyring().unwrap(), Some(done));
    assert_eq!(since(&*catalogue, 0), [event("ops.example", 7)]);
    let nothing = AuditedKeyring::default();
    catalogue.record_keyring(&nothing, &[]).unwrap();
    assert_eq!(catalogue.find_keyring().unwrap(), Some(nothing));
}

//! Two suites of a namespace that take the same version with other bytes at the same moment: one of them
//! does, and the other is told what it would have been told a moment later.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Barrier, Mutex, mpsc};
use std::time::Duration;

use repod::api::Code;
use repod::domain::{Change, Conflict, ConflictKind, Outcome};
use repod::flow::{FlowError, FlowLimits};
use repod::http::answer::problem;
use repod::time::HandClock;

use super::built;
use crate::crash::faults::Faults;
use crate::crash::house::{Ground, House};

/// Lets the clock run, a hundred times as fast as others do, until it is dropped.
struct Running(Arc<AtomicBool>);

impl Running {
    fn start(clock: &HandClock) -> Self {
        let over = Arc::new(AtomicBool::new(false));
        let (clock, until) = (clock.clone(), Arc::clone(&over));
        std::thread::spawn(move || {
            while !until.load(Ordering::SeqCst) {
                clock.advance(1);
                std::thread::sleep(Duration::from_millis(10));
            }
        });
        Self(over)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

fn refused(result: Result<Outcome, FlowError>) -> Conflict {
    match result {
        Err(FlowError::Conflict(conflict)) => conflict,
        other => panic!("{other:?}"),
    }
}

fn send(house: &House<'_>, name: &str, of: &str) -> Change {
    house.send(&[built(name, "1.0", of).build()]).unwrap()
}

#[test]
fn a_version_that_two_suites_take_at_the_same_moment_is_a_conflict_and_told_as_one() {
    let ground = Ground::new();
    let clock = ground.clock();
    let house = House::open(&ground, &ground.place("race"), &clock);
    house.create("one").unwrap();
    house.create("two").unwrap();
    let _running = Running::start(&clock);
    let changes =
        [("one", send(&house, "acme-web", "one")), ("two", send(&house, "acme-web", "two"))];
    let innocent = send(&house, "acme-api", "two");
    // Both are judged before either is recorded.
    let (both, calls) = (Barrier::new(2), AtomicUsize::new(0));
    house.faults.tell(move |call| {
        if call == "publish" && calls.fetch_add(1, Ordering::SeqCst) < 2 {
            both.wait();
        }
    });
    let (first, second, third) = house.block_on(async {
        tokio::join!(
            house.changing("one", changes[0].1.clone()),
            house.changing("two", changes[1].1.clone()),
            house.changing("two", innocent),
        )
    });
    // What was beside it has nothing to do with it.
    third.unwrap();
    assert_ne!(first.is_ok(), second.is_ok(), "{first:?} {second:?}");
    let (loser, told) = if first.is_ok() { (1, second) } else { (0, first) };
    let told = refused(told);
    assert_eq!(told.kind, ConflictKind::Version);
    // Without a race it is refused by the same words.
    let (suite, change) = &changes[loser];
    let later = house.block_on(house.changing(suite, change.clone()));
    assert_eq!(refused(later), told);
    assert!(told.to_string().contains("exists with other bytes (SHA-256 "), "{told}");
    let told = problem(told.into());
    assert_eq!((told.status, told.code.as_str()), (409, Code::VersionConflict.as_str()));
    for suite in ["one", "two"] {
        house.check(suite);
    }
}

/// What a large change of another suite has recorded, and not published yet, nobody may see: the refusal
/// tells that the version is taken.
#[test]
fn a_version_that_a_change_under_way_has_taken_is_a_conflict_too() {
    let ground = Ground::new();
    let clock = ground.clock();
    let limits = FlowLimits { slice_rows: 1, ..FlowLimits::default() };
    let place = ground.place("slices");
    let house = House::open_with(&ground, &place, &clock, Faults::new(), limits);
    house.create("one").unwrap();
    house.create("two").unwrap();
    let _running = Running::start(&clock);
    let (large, small) = (send(&house, "acme-web", "one"), send(&house, "acme-web", "two"));
    let (begun, has_begun) = mpsc::channel();
    let (end, may_end) = mpsc::channel::<()>();
    let held = Mutex::new(Some((begun, may_end)));
    house.faults.tell(move |call| {
        let first = if call == "publish" { held.lock().unwrap().take() } else { None };
        if let Some((begun, may_end)) = first {
            begun.send(()).unwrap();
            may_end.recv().unwrap();
        }
    });
    let (first, second) = house.block_on(async {
        let second = async {
            let begun = tokio::task::spawn_blocking(move || has_begun.recv().unwrap());
            begun.await.unwrap();
            let told = house.changing("two", small.clone()).await;
            end.send(()).unwrap();
            told
        };
        tokio::join!(house.changing("one", large), second)
    });
    first.unwrap();
    let told = refused(second);
    assert_eq!(told.kind, ConflictKind::Version);
    assert!(told.to_string().contains("this version is taken in this repository"), "{told}");
    let later = refused(house.block_on(house.changing("two", small)));
    assert!(later.to_string().contains("exists with other bytes"), "{later}");
    house.check("one");
    house.check("two");
}

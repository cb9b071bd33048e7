//! Stopped at every step, before and after it, with the process going on or ending there: what is needed is
//! there, and the next run ends it.

use std::path::Path;

use repod::domain::{Change, PinKind, PinTarget};
use repod::flow::FlowLimits;
use repod::flow::upkeep::retention;
use repod::pool::Kind;
use repod::time::{Clock as _, HandClock};

use super::keeping;
use crate::crash::faults::{Fault, Faults, Side, Then};
use crate::crash::house::{Ground, House, copy};
use crate::harness::server::package;
use crate::renewal::DAY;

fn add(house: &House<'_>, version: &str) {
    let change = house.send(&[package("acme-web", version).build()]).unwrap();
    house.change("stable", change).unwrap();
}

/// Whatever is stored is as old as can be, to the clock of the house.
fn age(place: &Path) {
    for entry in walkdir::WalkDir::new(place.join("pool")) {
        let entry = entry.unwrap();
        if entry.file_type().is_file() {
            let file = std::fs::File::options().write(true).open(entry.path()).unwrap();
            file.set_modified(std::time::UNIX_EPOCH).unwrap();
        }
    }
}

fn collect(house: &House<'_>) -> Result<(), repod::flow::FlowError> {
    let by = house.ground.admitted();
    house.block_on(retention::run(&house.repository, &by)).map(drop)
}

/// Stores of which two versions were marked long ago, and a pin holds another one.
fn furnish(ground: &Ground, place: &Path) -> HandClock {
    let clock = ground.clock();
    let house = House::open(ground, place, &clock);
    house.create("stable").unwrap();
    for version in ["1.0", "2.0", "3.0", "4.0", "5.0"] {
        add(&house, version);
    }
    let target = PinTarget { kind: PinKind::Source, name: "acme-web".parse().unwrap() };
    house.change("stable", Change::Pin(target, "2.0".parse().unwrap(), None)).unwrap();
    house.change("stable", keeping(1, 0)).unwrap();
    clock.advance(DAY + 10);
    collect(&house).unwrap();
    clock.advance(DAY + 10);
    clock
}

fn stored(house: &House<'_>) -> usize {
    house.repository.pool.list(Kind::Blob).unwrap().len()
}

#[test]
fn a_collection_that_is_stopped_at_any_step_loses_nothing_and_is_ended_by_the_next() {
    let ground = Ground::new();
    let base = ground.place("base");
    let begun = furnish(&ground, &base);
    let open = |place: &Path| {
        let clock = HandClock::at(begun.now());
        House::open_with(&ground, place, &clock, Faults::new(), FlowLimits::default())
    };
    let whole = ground.place("whole");
    copy(&base, &whole);
    age(&whole);
    let house = open(&whole);
    assert_eq!(stored(&house), 5);
    house.faults.arm(None);
    collect(&house).unwrap();
    let steps = house.faults.calls();
    // 1.0 goes; what is above the pinned one waits for the end of the pin.
    assert_eq!(stored(&house), 4);
    assert_eq!(house.check("stable").versions("acme-web"), ["2.0"]);
    println!("{} steps: {steps:?}", steps.len());
    assert!(steps.contains(&"collect") && steps.contains(&"remove"), "{steps:?}");
    assert!(steps.contains(&"forget_unused_chunks"), "{steps:?}");
    for (at, step) in steps.iter().enumerate() {
        for side in [Side::Before, Side::After] {
            for then in [Then::GoesOn, Then::Ends] {
                let place = ground.place(&format!("{at}-{side:?}-{then:?}"));
                copy(&base, &place);
                age(&place);
                let house = open(&place);
                house.faults.arm(Some(Fault { at, side, then }));
                let ended = collect(&house);
                let what = format!("{step} {side:?} {then:?}: {ended:?}");
                house.faults.arm(None);
                let (house, place) = match then {
                    Then::GoesOn => (house, place),
                    Then::Ends => {
                        drop(house);
                        (open(&place), place)
                    }
                };
                let report = house.check("stable");
                assert_eq!(report.versions("acme-web"), ["2.0"], "{what}");
                collect(&house).unwrap_or_else(|error| panic!("{what}: once more: {error}"));
                assert_eq!(stored(&house), 4, "{what}");
                add(&house, "6.0");
                house.check("stable");
                let other = package("acme-web", "1.0").file("usr/share/x", b"other").build();
                let other = house.send(&[other]).unwrap();
                let refused = house.change("stable", other).unwrap_err().to_string();
                assert!(refused.contains("other bytes"), "{what}: {refused}");
                drop(house);
                std::fs::remove_dir_all(place).unwrap();
            }
        }
    }
}

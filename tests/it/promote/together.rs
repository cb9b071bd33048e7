//! Promotions beside other changes: uploads to both suites, many at once, and a command of an incident.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use repod::domain::{Change, PinKind, PinTarget};
use repod::flow::FlowLimits;

use super::{generation, offered, promote, send, server};
use crate::crash::faults::Faults;
use crate::crash::house::{Ground, House};
use crate::harness::server::package;

#[test]
fn promotions_beside_uploads_to_both_suites_lose_nothing() {
    let server = server();
    let versions = ["1.0", "2.0", "3.0", "4.0"];
    send(&server, "edge", &[package("acme-web", "0.1")]);
    std::thread::scope(|scope| {
        for suite in ["edge", "prod"] {
            let server = &server;
            scope.spawn(move || {
                for version in versions {
                    send(server, suite, &[package(&format!("acme-{suite}"), version)]);
                    if suite == "edge" {
                        send(server, suite, &[package("acme-web", version)]);
                    }
                }
            });
        }
        for _ in 0..2 {
            scope.spawn(|| {
                for _ in versions {
                    promote(&server, &["acme-web"]).expect_success();
                }
            });
        }
    });
    let before = generation(&server, "prod");
    promote(&server, &["--all", "--yes"]).expect_success();
    let all = ["acme-edge amd64 4.0", "acme-prod amd64 4.0", "acme-web amd64 4.0"];
    assert_eq!(offered(&server, "prod"), all);
    assert!(generation(&server, "prod") <= before + 1);
    let _host = super::host(&server, "web1.example.org");
    server.check("web1.example.org", "prod");
}

fn web() -> PinTarget {
    PinTarget { kind: PinKind::Source, name: "acme-web".parse().unwrap() }
}

/// A large promotion goes in slices, and a command of an incident overtakes it.
#[test]
fn a_large_promotion_makes_way_for_a_rollback() {
    let ground = Ground::new();
    let clock = ground.clock();
    let limits = FlowLimits { slice_rows: 25, ..FlowLimits::default() };
    let faults = Faults::new();
    let place = ground.place("large");
    let house = House::open_with(&ground, &place, &clock, Arc::clone(&faults), limits);
    for suite in ["edge", "prod", "third"] {
        house.create(suite).unwrap();
    }
    for version in ["1.0", "2.0"] {
        let change = house.send(&[package("acme-web", version).build()]).unwrap();
        house.change("prod", change).unwrap();
    }
    let debs = (0..120).map(|number| package(&format!("acme-{number:03}"), "1.0").build());
    let change = house.send_together(&debs.collect::<Vec<_>>()).unwrap();
    house.change("edge", change).unwrap();

    let promoted = house.promotion("edge").unwrap();
    let (begun, wakes) = (Arc::new(AtomicBool::new(false)), clock.clone());
    let seen = Arc::clone(&begun);
    faults.arm(None);
    faults.tell(move |call| {
        wakes.advance(1);
        if call == "record_slice" {
            seen.store(true, Ordering::SeqCst);
        }
    });
    let (large, back, third) = house.block_on(async {
        let large = house.changing("prod", promoted);
        let until_begun = async {
            while !begun.load(Ordering::SeqCst) {
                tokio::time::sleep(std::time::Duration::from_millis(1)).await;
            }
            let back = house.changing("prod", Change::RollBack(vec![web()], None));
            let pin = house.changing("third", Change::Unpin(Vec::new()));
            tokio::join!(back, pin)
        };
        let (large, (back, third)) = tokio::join!(large, until_begun);
        (large.unwrap(), back.unwrap(), third.unwrap())
    });
    assert!(large.generation.is_some() && back.generation.is_some());
    assert_eq!(third.generation, None);
    assert_eq!(large.added.len(), 120);
    let slices = faults.calls().iter().filter(|call| **call == "record_slice").count();
    assert!(slices >= 5, "{slices} slices");
    let report = house.check("prod");
    assert_eq!(report.versions("acme-web"), ["1.0"]);
    assert_eq!(report.versions("acme-119"), ["1.0"]);
}

#[test]
fn a_retry_after_the_server_was_killed_is_what_the_first_would_have_been() {
    let mut server = server();
    send(&server, "edge", &[package("acme-web", "1.0"), package("acme-api", "1.0")]);
    promote(&server, &["acme-web"]).expect_success();
    server.kill();
    promote(&server, &["acme-web", "acme-api"]).expect_code(4);
    server.serve();
    promote(&server, &["acme-web", "acme-api"]).expect_success();
    let told = promote(&server, &["acme-web", "acme-api"]).expect_success();
    assert!(told.says("already    acme-api 1.0 amd64 (main)"), "{told}");
    assert_eq!(offered(&server, "prod"), ["acme-api amd64 1.0", "acme-web amd64 1.0"]);
}

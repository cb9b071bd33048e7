//! A rollback is not made to wait by a bulk import that came before it.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{channel, sync_channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use futures_util::FutureExt as _;
use repod::debian::PackageName;
use repod::domain::Change;
use repod::domain::{PinKind, PinTarget};
use repod::flow::FlowLimits;

use super::HOST;
use crate::crash::Client;
use crate::crash::faults::Faults;
use crate::crash::house::{Ground, House};
use crate::harness::deb::{Compression, DebBuilder};
use crate::harness::server::{TestServer, package};

/// A package as small as they come, quickly made.
fn tiny(number: u32) -> DebBuilder {
    DebBuilder::new(&format!("tiny-{number:05}"), "1.0", "amd64")
        .control_compression(Compression::None)
        .data_compression(Compression::None)
}

/// So many packages with long descriptions make several chunks.
const IMPORTED: u32 = 200;

/// The import is held up in the middle of its indices until the rollback has been asked for.
#[test]
fn a_rollback_overtakes_an_import_that_is_being_published() {
    overtake(FlowLimits::default());
}

/// What was recorded of the import so far is taken back before.
#[test]
fn a_rollback_overtakes_an_import_that_is_recorded_in_slices() {
    overtake(FlowLimits { slice_rows: 50, ..FlowLimits::default() });
}

fn overtake(limits: FlowLimits) {
    let ground = Ground::new();
    let (place, clock) = (ground.place("stores"), ground.clock());
    let house = House::open_with(&ground, &place, &clock, Faults::new(), limits);
    house.create("stable").unwrap();
    for version in ["1.0", "2.0"] {
        let change = house.send(&[package("acme-web", version).build()]).unwrap();
        house.change("stable", change).unwrap();
    }
    let description = format!("long\n{}", " more about it, and more again\n".repeat(160));
    let long = |number| tiny(number).field("Description", description.trim_end()).build();
    let debs: Vec<_> = (0..IMPORTED).map(long).collect();
    let import = house.send(&debs).unwrap();
    house.clock.advance(2);

    let (arrived, is_there) = channel();
    let (go_on, may_go_on) = sync_channel::<()>(0);
    let may_go_on = Mutex::new(Some(may_go_on));
    house.faults.arm(None);
    let makes_indices = AtomicBool::new(false);
    house.faults.tell(move |call| {
        if call == "find_chunks" {
            makes_indices.store(true, Ordering::SeqCst);
        }
        if call == "read_stanzas"
            && makes_indices.load(Ordering::SeqCst)
            && let Some(may_go_on) = may_go_on.lock().unwrap().take()
        {
            arrived.send(()).unwrap();
            may_go_on.recv().unwrap();
        }
    });
    let web = PinTarget { kind: PinKind::Source, name: PackageName::parse("acme-web").unwrap() };
    let (rolled_back, imported) = std::thread::scope(|scope| {
        let import = scope.spawn(|| house.block_on(house.changing("stable", import)));
        is_there.recv_timeout(Duration::from_secs(60)).expect("the import makes its indices");
        let rollback = house.changing("stable", Change::RollBack(vec![web], None));
        let mut rollback = Box::pin(rollback);
        let asked = house.block_on(async { rollback.as_mut().now_or_never() });
        assert!(asked.is_none(), "it is queued");
        let before = reads(&house);
        go_on.send(()).unwrap();
        let rolled_back = house.block_on(rollback).unwrap();
        assert!(!import.is_finished(), "the import has to wait for a new Date");
        let made = reads(&house) - before;
        let before = reads(&house);
        house.clock.advance(2);
        let imported = import.join().unwrap().unwrap();
        let again = reads(&house) - before;
        println!("chunks made until the rollback was live: {made}, by the import then: {again}");
        assert!(made >= 3 && again < made, "what was prepared was thrown away");
        (rolled_back, imported)
    });
    assert!(rolled_back.generation.unwrap() < imported.generation.unwrap());
    assert_eq!(imported.added.len(), IMPORTED as usize);
    let report = house.check("stable");
    assert_eq!(report.versions("acme-web"), ["1.0"]);
    assert_eq!(report.packages.len(), IMPORTED as usize + 1);
}

/// The import is held up between two slices for as long as another suite publishes.
#[test]
fn another_suite_publishes_between_two_slices_of_an_import() {
    let ground = Ground::new();
    let (place, clock) = (ground.place("stores"), ground.clock());
    let limits = FlowLimits { slice_rows: 50, ..FlowLimits::default() };
    let house = House::open_with(&ground, &place, &clock, Faults::new(), limits);
    for suite in ["stable", "edge"] {
        house.create(suite).unwrap();
    }
    let debs: Vec<_> = (0..IMPORTED).map(|number| tiny(number).build()).collect();
    house.faults.arm(None);
    let import = house.send_together(&debs).unwrap();
    let one = house.send(&[package("acme-web", "1.0").build()]).unwrap();
    house.clock.advance(2);

    let (arrived, is_there) = channel();
    let (go_on, may_go_on) = sync_channel::<()>(0);
    let may_go_on = Mutex::new(Some(may_go_on));
    let slices = AtomicUsize::new(0);
    house.faults.tell(move |call| {
        if call == "record_slice"
            && slices.fetch_add(1, Ordering::SeqCst) == 3
            && let Some(may_go_on) = may_go_on.lock().unwrap().take()
        {
            arrived.send(()).unwrap();
            may_go_on.recv().unwrap();
        }
    });
    std::thread::scope(|scope| {
        let import = scope.spawn(|| house.block_on(house.changing("stable", import)));
        is_there.recv_timeout(Duration::from_secs(60)).expect("the import is in slices");
        house.block_on(house.changing("edge", one)).unwrap();
        assert!(!import.is_finished());
        assert_eq!(house.check("edge").versions("acme-web"), ["1.0"]);
        assert_eq!(house.check("stable").packages.len(), 0, "nothing of the import is seen");
        go_on.send(()).unwrap();
        import.join().unwrap().unwrap();
    });
    // Each package is taken and comes in.
    assert_eq!(count(&house, "record_slice"), 2 * IMPORTED as usize / 50);
    assert_eq!(house.check("stable").packages.len(), IMPORTED as usize);
}

fn count(house: &House<'_>, call: &str) -> usize {
    house.faults.calls().iter().filter(|made| **made == call).count()
}

/// How many chunks were rendered: stanzas are read for them after it was found which chunks there are. What
/// they are read for before that is whether hosts can install what is published.
fn reads(house: &House<'_>) -> usize {
    let calls = house.faults.calls();
    let chunks = calls.split(|call| *call == "list_taken").map(|batch| {
        let making = batch.iter().skip_while(|call| **call != "find_chunks");
        making.filter(|call| **call == "read_stanzas").count()
    });
    chunks.sum()
}

#[test]
fn a_rollback_does_not_wait_for_three_thousand_packages() {
    let server = TestServer::start();
    for version in ["1.0", "2.0"] {
        server.upload("acme-web", version).expect_success();
    }
    let _host = server.host(HOST);
    let client = Arc::new(Client::of(&server, HOST));
    let rollback = ["pin", "--suite", "stable", "--rollback", "acme-web", "-m", "bad", "--json"];
    let mut count = 3000;
    for attempt in 0.. {
        let folder = server.at(&format!("tiny-{attempt}"));
        std::fs::create_dir_all(&folder).unwrap();
        for number in 0..count {
            let deb = tiny(attempt * 50_000 + number);
            std::fs::write(format!("{folder}/{}", deb.file_name()), deb.build()).unwrap();
        }
        let importer = Arc::clone(&client);
        let import = std::thread::spawn(move || {
            let begun = Instant::now();
            let import = ["upload", "--suite", "stable", "--json", &folder];
            (importer.repoctl(&import).expect_success(), begun.elapsed())
        });
        std::thread::sleep(Duration::from_secs(1));
        let begun = Instant::now();
        let rolled_back = client.repoctl(&rollback).expect_success();
        let taken = begun.elapsed();
        let meanwhile = !import.is_finished();
        let (imported, importing) = import.join().unwrap();
        println!("rolled back in {taken:?}, {count} packages imported in {importing:?}");
        if meanwhile {
            let number = |outcome: &str| {
                let outcome: serde_json::Value = serde_json::from_str(outcome).unwrap();
                outcome["generation"].as_u64().expect("it made a generation")
            };
            assert!(number(&rolled_back.stdout) < number(&imported.stdout));
            break;
        }
        assert!(attempt < 3, "the import is always faster");
        count *= 2;
        client.repoctl(&["unpin", "--suite", "stable", "--all", "--yes"]).expect_success();
        server.upload("acme-web", &format!("{}.0", attempt + 3)).expect_success();
    }
    let states = client.placements("stable");
    assert!(states.len() >= 3000 && states[&("acme-web".into(), "1.0".into())] == "live");
    // Not the whole walk: three thousand files say no more than their index.
    let index = client.fetch("dists/stable/main/binary-amd64/Packages").expect_success();
    let listed = index.stdout.lines().filter(|line| line.starts_with("Package: ")).count();
    let live = states.values().filter(|state| *state == "live").count();
    assert_eq!(listed, live);
}

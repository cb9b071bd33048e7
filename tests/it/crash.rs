//! Ends without warning: the server is killed at random moments, and stopped at every step of a change.

mod client;
pub mod faults;
pub mod house;
mod points;
pub mod signed;

use std::collections::BTreeMap;
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};

use crate::harness::server::{TestServer, package};
pub use client::{Client, Over};
use signed::{Keyring, date_of};

const KILLS: u32 = 100;
/// Longest time from one start to the next kill. Unit: milliseconds.
const LONGEST_MILLISECONDS: u64 = 900;
/// The host that reads meanwhile.
const HOST: &str = "web1.example.org";
/// The package that is pinned and unpinned meanwhile.
const PINNED: &str = "acme-pinned";
/// Uploaders that try again until they succeed, and one that never does.
const PATIENT: [&str; 3] = ["acme-one", "acme-two", PINNED];
const SINGLE: &str = "acme-single";
/// The uploader that sends more than one package at a time.
const BATCHED: &str = "acme-two";

/// What clients were told, and what the server has to stand by.
#[derive(Default)]
struct Told {
    /// Versions of each package that were acknowledged.
    uploaded: Mutex<Vec<(&'static str, u32)>>,
    /// The version that was pinned, while nobody is about to change that.
    pinned: Mutex<Option<u32>>,
    /// The highest Date that was served. Unit: seconds since 1970.
    date: AtomicI64,
    refused: AtomicUsize,
    over: AtomicBool,
}

impl Told {
    fn is_over(&self) -> bool {
        self.over.load(Ordering::SeqCst)
    }

    /// Takes note of a head; its Date is not below any that was served before it was asked for.
    fn note_head(&self, asked_after: i64, in_release: &[u8]) {
        let date = date_of(in_release).0;
        assert!(date >= asked_after, "the Date went back from {asked_after} to {date}");
        self.date.fetch_max(date, Ordering::SeqCst);
    }
}

#[test]
fn a_server_that_is_killed_a_hundred_times_keeps_its_word() {
    let seed = std::env::var("REPOD_TEST_SEED").ok().and_then(|seed| seed.parse().ok());
    let seed = seed.unwrap_or_else(rand::random::<u64>);
    println!("REPOD_TEST_SEED={seed}");
    let mut server = TestServer::start();
    let _host = server.host(HOST);
    let (client, told) = (Client::of(&server, HOST), Told::default());
    let keyring = Keyring::read(&server.data().join("keys/archive-key.asc"));
    let begun = Instant::now();
    std::thread::scope(|scope| {
        let _over = Over(&told.over);
        let mut threads = Vec::new();
        for name in PATIENT {
            threads.push(scope.spawn(|| keep_uploading(&client, &told, name, true)));
        }
        threads.push(scope.spawn(|| keep_uploading(&client, &told, SINGLE, false)));
        threads.push(scope.spawn(|| keep_pinning(&client, &told)));
        threads.push(scope.spawn(|| keep_reading(&client, &told)));
        let mut random = StdRng::seed_from_u64(seed);
        for kill in 1..=KILLS {
            std::thread::sleep(Duration::from_millis(random.gen_range(0..LONGEST_MILLISECONDS)));
            server.kill();
            if kill % 10 == 5 {
                end_while_it_starts(&server, random.gen_range(0..250));
            }
            server.serve();
            expect_word_kept(&client, &told, &keyring);
            if kill % 10 == 0 {
                server.check(HOST, "stable");
                expect_lines(&client, &told);
            }
            assert!(threads.iter().all(|thread| !thread.is_finished()), "a client has ended");
        }
    });
    expect_word_kept(&client, &told, &keyring);
    expect_lines(&client, &told);
    let report = server.check(HOST, "stable");
    let uploaded = told.uploaded.lock().unwrap();
    for name in PATIENT.into_iter().filter(|name| *name != PINNED) {
        let highest = uploaded.iter().filter(|(of, _)| *of == name).map(|(_, number)| *number);
        let highest = format!("1.{}", highest.max().expect("some uploads succeed"));
        assert_eq!(report.versions(name), [highest.as_str()]);
        if name == BATCHED {
            for company in company(name) {
                assert_eq!(report.versions(&company), [highest.as_str()]);
            }
        }
    }
    println!(
        "{KILLS} kills in {:?}: {} uploads acknowledged, {} cut off, {} generations",
        begun.elapsed(),
        uploaded.len(),
        told.refused.load(Ordering::SeqCst),
        client.generations("stable").len(),
    );
    assert!(uploaded.len() >= 20, "too little went on while the server was killed");
    assert_eq!(server.stop(), 0);
}

/// Starts the server and kills it before it has got far.
fn end_while_it_starts(server: &TestServer, after_milliseconds: u64) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_repod"))
        .args(["serve", "--config", &server.at("data/repod.toml")])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    std::thread::sleep(Duration::from_millis(after_milliseconds));
    assert!(child.try_wait().unwrap().is_none(), "it ended by itself");
    child.kill().unwrap();
    child.wait().unwrap();
}

/// Everything that was acknowledged is there, and the head verifies and is not older.
fn expect_word_kept(client: &Client, told: &Told, keyring: &Keyring) {
    let asked_after = told.date.load(Ordering::SeqCst);
    let in_release = client.fetch("dists/stable/InRelease").expect_success().stdout_bytes;
    told.note_head(asked_after, &in_release);
    keyring.expect_in_release(&in_release);

    let uploaded = told.uploaded.lock().unwrap().clone();
    let states: BTreeMap<(String, String), String> = client.placements("stable");
    for (name, number) in uploaded {
        let state = states.get(&(name.to_owned(), format!("1.{number}")));
        let state =
            state.unwrap_or_else(|| panic!("{name} 1.{number} was acknowledged and is lost"));
        let offered = ["live", "superseded"].contains(&state.as_str());
        assert!(offered || name == PINNED, "{name} 1.{number} is {state}");
    }
    let pinned = *told.pinned.lock().unwrap();
    let pins = client.repoctl(&["pins", "--json"]).expect_success();
    // It counts only if nobody has begun to end the pin in between.
    if let Some(number) = pinned.filter(|_| *told.pinned.lock().unwrap() == pinned) {
        assert!(pins.says(&format!("\"1.{number}\"")), "the pin of 1.{number} is lost: {pins}");
    }
}

/// The chain of the audit log holds, every change that was acknowledged has its line, and every generation
/// was told of once.
fn expect_lines(client: &Client, told: &Told) {
    let uploaded = told.uploaded.lock().unwrap().clone();
    let pinned = *told.pinned.lock().unwrap();
    client.repoctl(&["audit", "verify"]).expect_success();
    let lines = client.repoctl(&["audit", "--all", "--json", "--suite", "stable"]).expect_success();
    let lines = lines.stdout.lines().map(|line| serde_json::from_str(line).unwrap());
    let lines: Vec<serde_json::Value> = lines.collect();
    let told_of = |verb: &str, what: &str| {
        lines.iter().any(|line| {
            let detail = line["detail"].as_str().unwrap();
            line["verb"] == verb && line["outcome"] == "done" && detail.contains(what)
        })
    };
    for (name, number) in uploaded {
        let what = format!("{name} 1.{number} amd64");
        // A line names the first of many.
        let with = company(name).map(|company| format!("{company} 1.{number} amd64"));
        let mut any = with.filter(|_| name == BATCHED).chain([what.clone()]);
        assert!(any.any(|one| told_of("add", &one)), "{what} was acknowledged and has no line");
    }
    if let Some(number) = pinned {
        assert!(told_of("pin", &format!("{PINNED}=1.{number}")), "the pin has no line");
    }
    let mut last = 0;
    for line in lines.iter().filter(|line| line["outcome"] == "done") {
        let before = line["before"].as_u64();
        let after = line["after"].as_u64().unwrap_or(last);
        // Changes that went out together have the same step; else each begins where the last one ended.
        let begins = before.is_none_or(|before| before == last || after == last);
        assert!(begins, "a generation after {last} has no line: {line}");
        last = after.max(last);
    }
}

/// The packages that a batch brings with another one.
fn company(name: &str) -> impl Iterator<Item = String> {
    (0..17).map(move |number| format!("{name}-company-{number:02}"))
}

/// Uploads one version after the other.
fn keep_uploading(client: &Client, told: &Told, name: &'static str, patient: bool) {
    for number in 1.. {
        if told.is_over() {
            return;
        }
        let deb = client.deb(&package(name, &format!("1.{number}")));
        let retry = if patient { "60" } else { "0" };
        let mut upload = vec!["upload", "--suite", "stable", "--retry-seconds", retry, &deb];
        // One of them sends batches, whose packages share a file: the change is whole or not there.
        let of_company = |company: String| client.deb(&package(&company, &format!("1.{number}")));
        let company: Vec<_> =
            if name == BATCHED { company(name).map(of_company).collect() } else { Vec::new() };
        upload.extend(company.iter().map(String::as_str));
        let outcome = client.repoctl(&upload);
        match outcome.code {
            0 => told.uploaded.lock().unwrap().push((name, number)),
            4 if !patient => {
                told.refused.fetch_add(1, Ordering::SeqCst);
                std::thread::sleep(Duration::from_millis(100));
            }
            // The last one may have been waiting for a server that does not come back.
            _ => panic!("an upload ended otherwise: {outcome}"),
        }
    }
}

/// Pins one of the versions that are there, and ends the pin again.
fn keep_pinning(client: &Client, told: &Told) {
    while !told.is_over() {
        let uploaded = told.uploaded.lock().unwrap().clone();
        let newest = uploaded.iter().rev().find(|(name, _)| *name == PINNED);
        let Some((_, number)) = newest else {
            std::thread::sleep(Duration::from_millis(50));
            continue;
        };
        let target = format!("{PINNED}=1.{number}");
        let pin = client.repoctl(&["pin", "--suite", "stable", &target, "-m", "a test"]);
        assert!([0, 4].contains(&pin.code), "{pin}");
        if pin.succeeded() {
            *told.pinned.lock().unwrap() = Some(*number);
            std::thread::sleep(Duration::from_millis(300));
        }
        *told.pinned.lock().unwrap() = None;
        let unpin = client.repoctl(&["unpin", "--suite", "stable", "--yes", PINNED]);
        // Nothing is pinned when the pin itself was cut off.
        assert!([0, 4].contains(&unpin.code) || unpin.code == 1 && !pin.succeeded(), "{unpin}");
    }
}

/// Reads the head again and again, as hosts do.
fn keep_reading(client: &Client, told: &Told) {
    while !told.is_over() {
        let asked_after = told.date.load(Ordering::SeqCst);
        let answer = client.fetch("dists/stable/InRelease");
        if answer.succeeded() {
            told.note_head(asked_after, &answer.stdout_bytes);
        }
        std::thread::sleep(Duration::from_millis(100));
    }
}

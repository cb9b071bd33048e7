//! Random histories of changes: every index of every generation, as real decoders read it, is what a
//! simple renderer writes from scratch; and every client reads the same of an exported tree.

mod clients;
mod decoders;
mod earlier;
mod fabric;
mod history;
mod releases;
mod returning;

use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::crash::house::{Ground, House};
use decoders::Files;
use fabric::Fabric;
use history::{History, Shape};

/// How many histories there are; each is named by its seed, and the same every time.
const ALL: u64 = 500;
/// How many of them are in the gate; `tests/run --histories` plays all.
const IN_GATE: u64 = 100;
/// So many share a repository, as suites of it, and one run of each decoder.
const BATCH: u64 = 10;
/// One of so many is large.
const LARGE: u64 = 20;

fn shape(seed: u64) -> Shape {
    if seed % LARGE == LARGE - 1 { Shape::LARGE } else { Shape::SMALL }
}

/// Plays the histories of one batch and gives all of their files to the decoders; tells how many chunks
/// the largest index had, how many patches there were, and how many generations.
fn play(ground: &Ground, seeds: Range<u64>) -> [usize; 3] {
    let place = ground.place(&format!("histories-{}", seeds.start));
    let house = House::open(ground, &place, &ground.clock());
    let (mut fabric, mut files) = (Fabric::default(), Files::new());
    let [mut chunks, mut patches, mut generations] = [0; 3];
    for seed in seeds {
        let history = History::play(&house, &mut fabric, seed, shape(seed));
        generations += history.generations.len();
        let (most, patched) = releases::check(&house, &mut fabric, &history, &mut files);
        (chunks, patches) = (chunks.max(most), patches + patched);
    }
    files.read_all();
    drop(house);
    std::fs::remove_dir_all(&place).unwrap();
    [chunks, patches, generations]
}

fn both(one: [usize; 3], other: [usize; 3]) -> [usize; 3] {
    [one[0].max(other[0]), one[1] + other[1], one[2] + other[2]]
}

#[test]
fn real_decoders_read_every_index_of_random_histories() {
    let histories = match std::env::var("REPOD_TEST_HISTORIES").as_deref() {
        Ok("all") => ALL,
        Ok(other) => panic!("REPOD_TEST_HISTORIES is all or nothing, and not {other}"),
        Err(_) => IN_GATE,
    };
    let ground = Ground::new();
    let next = AtomicU64::new(0);
    let work = || {
        let mut found = [0; 3];
        loop {
            let first = next.fetch_add(BATCH, Ordering::Relaxed);
            if first >= histories {
                return found;
            }
            found = both(found, play(&ground, first..(first + BATCH).min(histories)));
        }
    };
    let [chunks, patches, generations] = std::thread::scope(|scope| {
        let workers = [scope.spawn(work), scope.spawn(work)];
        let ended = workers.map(|worker| worker.join().expect("no history failed"));
        both(ended[0], ended[1])
    });
    println!(
        "{histories} histories, {generations} generations, up to {chunks} chunks, {patches} patches"
    );
    assert!(patches as u64 >= histories / LARGE, "{patches} patches");
    assert!(chunks >= 3, "no index had several chunks: {chunks}");
    assert!(generations as u64 >= 4 * histories, "{generations} generations");
}

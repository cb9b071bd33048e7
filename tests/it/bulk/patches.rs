//! Patches of a large index: made behind a head, listed where they pay, followed by the real apt. That each
//! leads where it should is what every check of a suite shows.

use std::time::{Duration, Instant};

use repod::domain::Change;
use repod::domain::SuiteEdit;
use repod::domain::{PinKind, PinTarget};
use sha2::{Digest as _, Sha256};

use super::HOST;
use crate::check::check_patches;
use crate::crash::Client;
use crate::crash::house::{Ground, House};
use crate::harness::apt::AptRoot;
use crate::harness::deb::DebBuilder;
use crate::harness::server::{TestServer, package};

/// So many packages with so long descriptions make an index that is worth patches.
const MANY: u32 = 260;
const INDEX: &str = "main/binary-amd64/Packages.diff/Index";

fn noisy(number: u32, version: &str) -> DebBuilder {
    let noise = |line: u32| {
        let digest = Sha256::digest(format!("{number}/{line}/{version}"));
        format!(" {}\n", hex::encode(digest))
    };
    let description = format!("noise\n{}", (0..24).map(noise).collect::<String>());
    package(&format!("noisy-{number:03}"), version).field("Description", description.trim_end())
}

fn noisy_ones() -> Vec<Vec<u8>> {
    (0..MANY).map(|number| noisy(number, "1.0").build()).collect()
}

fn lists_patches(house: &House<'_>) -> bool {
    let release = house.served("dists/stable/Release").unwrap();
    String::from_utf8(release.body).unwrap().contains(INDEX)
}

/// Lets seconds pass until the head lists patches, and checks every one of them; gives where they lead from.
fn wait_until_patched(house: &House<'_>) -> Vec<String> {
    let begun = Instant::now();
    while !lists_patches(house) {
        assert!(begun.elapsed() < Duration::from_secs(60), "patches are never listed");
        house.clock.advance(1);
        std::thread::sleep(Duration::from_millis(20));
    }
    check_patches(house, "stable").unwrap()
}

/// The digest of the live `Packages`.
fn live(house: &House<'_>) -> String {
    let packages = house.served("dists/stable/main/binary-amd64/Packages").unwrap();
    hex::encode(Sha256::digest(&packages.body))
}

fn change(house: &House<'_>, debs: &[Vec<u8>]) {
    let change = house.send(debs).unwrap();
    house.change("stable", change).unwrap();
}

fn roll_back(name: &str) -> Change {
    let target = PinTarget { kind: PinKind::Source, name: name.parse().unwrap() };
    Change::RollBack(vec![target], None)
}

#[test]
fn every_patch_leads_to_what_is_live_through_changes_rollbacks_and_restarts() {
    let ground = Ground::new();
    let place = ground.place("stores");
    let clock = ground.clock();
    let mut states = Vec::new();
    let patch;
    {
        let house = House::open(&ground, &place, &clock);
        house.create("stable").unwrap();
        change(&house, &noisy_ones());
        states.push(live(&house));
        change(&house, &[noisy(7, "2.0").build()]);
        let from = wait_until_patched(&house);
        assert_eq!(from, states[..1], "from empty, a patch would not pay");
        states.push(live(&house));
        change(&house, &[package("aaa-first", "1.0").build(), noisy(259, "2.0").build()]);
        change(&house, &[package("zzz-last", "1.0").build(), noisy(100, "1.1").build()]);
        states.push(live(&house));
        let from = wait_until_patched(&house);
        assert_eq!(from.len(), 3);
        assert!(states[..2].iter().all(|state| from.contains(state)));
        // Not a change of this index: its patches stand as they are, in the new head at once.
        let index = format!("dists/stable/{INDEX}");
        let before = house.served(&index).unwrap().body;
        let udeb = package("aaa-installer", "1.0").field("Package-Type", "udeb").build();
        change(&house, &[udeb]);
        assert_eq!(house.served(&index).unwrap().body, before);
        patch = String::from_utf8(before).unwrap().lines().find_map(|line| {
            line.strip_suffix(".gz")?.rsplit_once(' ').map(|(_, name)| name.to_owned())
        });
    }
    let patch = format!("dists/stable/main/binary-amd64/Packages.diff/{}.gz", patch.unwrap());
    let house = House::open(&ground, &place, &clock);
    assert!(lists_patches(&house), "also after a restart");
    let fetched = house.served(&patch).unwrap().body;
    // A rollback to the very state of before: nothing leads from there, and from what was left, back.
    house.change("stable", roll_back("noisy-007")).unwrap();
    assert!(!lists_patches(&house), "what leads elsewhere is not listed");
    let from = wait_until_patched(&house);
    assert!(from.contains(&states[2]) && !from.contains(&live(&house)));
    assert_eq!(house.served(&patch).unwrap().body, fetched, "hosts of earlier heads still ask");
    // Back before patches were there: hosts that saw what was left are led back all the same.
    change(&house, &[noisy(50, "2.0").build()]);
    let left = live(&house);
    house.change("stable", roll_back("noisy-050")).unwrap();
    let begun = Instant::now();
    while !wait_until_patched(&house).contains(&left) {
        assert!(begun.elapsed() < Duration::from_secs(60), "nothing leads back");
        house.clock.advance(1);
    }
    // What hosts have that ask once a day is among them, however much came since.
    let yesterday = live(&house);
    clock.advance(86_400);
    for number in 0..12 {
        change(&house, &[noisy(number * 20, "3.0").build()]);
    }
    let from = wait_until_patched(&house);
    assert!(from.contains(&yesterday), "{:?}", from);
    // Switched off, they are gone for good; on again, they come back.
    let edit =
        |pdiffs| Change::Edit(Box::new(SuiteEdit { pdiffs: Some(pdiffs), ..SuiteEdit::default() }));
    house.change("stable", edit(false)).unwrap();
    assert!(!lists_patches(&house));
    change(&house, &[package("quiet", "1.0").build()]);
    for _ in 0..40 {
        clock.advance(1);
        std::thread::sleep(Duration::from_millis(10));
    }
    assert!(!lists_patches(&house), "the suite has none");
    house.change("stable", edit(true)).unwrap();
    let from = wait_until_patched(&house);
    assert_eq!(house.check("stable").patched, from);
}

#[test]
fn patches_lead_from_whole_stanzas_to_short_ones_and_between_these() {
    // What is long of these is no description.
    let wordy = |number: u32, version: &str| {
        let noise = |word| hex::encode(Sha256::digest(format!("{number}/{word}/{version}")));
        let noise: Vec<_> = (0..24).map(noise).collect();
        noisy(number, version).field("Tag", &noise.join(", ")).build()
    };
    let ground = Ground::new();
    let place = ground.place("stores");
    let house = House::open(&ground, &place, &ground.clock());
    house.create("stable").unwrap();
    change(&house, &(0..MANY).map(|number| wordy(number, "1.0")).collect::<Vec<_>>());
    let whole = live(&house);
    let edit =
        |on| Change::Edit(Box::new(SuiteEdit { translations: Some(on), ..SuiteEdit::default() }));
    house.change("stable", edit(true)).unwrap();
    let short = live(&house);
    assert_ne!(short, whole);
    // What was whole once is so again, chunk by chunk.
    house.change("stable", edit(false)).unwrap();
    assert_eq!(live(&house), whole);
    house.change("stable", edit(true)).unwrap();
    assert_eq!(live(&house), short);
    change(&house, &[wordy(7, "2.0")]);
    let from = wait_until_patched(&house);
    assert!(from.contains(&short) && from.contains(&whole), "{from:?}");
    assert_eq!(house.check("stable").patched.len(), from.len());
    house.change("stable", edit(false)).unwrap();
    house.check("stable");
}

/// How much apt says that it fetched. Unit: bytes.
fn fetched_bytes(said: &str) -> f64 {
    let line =
        said.lines().find(|line| line.starts_with("Fetched ")).expect("it fetched something");
    let mut words = line.split_whitespace().skip(1);
    let number: f64 = words.next().unwrap().replace(',', "").parse().unwrap();
    match words.next().unwrap() {
        "B" => number,
        "kB" => number * 1e3,
        other => panic!("{other}: {said}"),
    }
}

fn wait_for_index(client: &Client) {
    let begun = Instant::now();
    while !client.fetch("dists/stable/Release").expect_success().stdout.contains(INDEX) {
        assert!(begun.elapsed() < Duration::from_secs(60), "patches are never listed");
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// The list of packages as apt keeps it.
fn kept_list(host: &AptRoot) -> Vec<u8> {
    let folder = host.path("var/lib/apt/lists");
    let names = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut lists = names.filter(|path| path.to_string_lossy().ends_with("_Packages"));
    std::fs::read(lists.next().expect("apt has a list")).unwrap()
}

#[test]
fn apt_fetches_a_patch_and_not_the_index() {
    let server = TestServer::start();
    let client = Client::of(&server, HOST);
    let [host, behind] = [HOST, "web2.example.org"].map(|name| server.host(name));
    let folder = server.at("many");
    std::fs::create_dir_all(&folder).unwrap();
    for (number, deb) in noisy_ones().into_iter().enumerate() {
        std::fs::write(format!("{folder}/noisy-{number:03}_1.0_amd64.deb"), deb).unwrap();
    }
    client.repoctl(&["upload", "--suite", "stable", &folder]).expect_success();
    for host in [&host, &behind] {
        host.update().expect_success();
    }
    let follow = |host: &AptRoot, version: &str| {
        wait_for_index(&client);
        let said = host.update().expect_success().expect_says("pdiff");
        assert!(fetched_bytes(&said.stdout) < 20e3, "{said}");
        let live = client.fetch("dists/stable/main/binary-amd64/Packages").expect_success();
        assert_eq!(kept_list(host), live.stdout_bytes);
        assert_eq!(host.policy("noisy-007").candidate.as_deref(), Some(version));
    };
    let upload = |deb: DebBuilder| {
        client.repoctl(&["upload", "--suite", "stable", &client.deb(&deb)]).expect_success();
    };
    upload(noisy(7, "2.0"));
    follow(&host, "2.0");
    upload(noisy(8, "2.0"));
    follow(&behind, "2.0");
    client.repoctl(&["pin", "--suite", "stable", "--rollback", "noisy-007"]).expect_success();
    for host in [&host, &behind] {
        follow(host, "1.0");
    }
}

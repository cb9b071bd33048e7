//! What takes longer than a change may: it follows behind, in a head that is signed again, and is never
//! in a change's way.

use std::time::{Duration, Instant};

use super::HOST;
use crate::check::Report;
use crate::crash::Client;
use crate::crash::house::{Ground, House};
use crate::harness::server::{TestServer, package};

/// So many packages with long descriptions make chunks whose xz blocks take a while.
const MANY: u32 = 60;

fn long(number: u32) -> crate::harness::deb::DebBuilder {
    let noise = |line: u32| format!(" {:032x}\n", u128::from(number * 97 + line + 1).pow(3) << 9);
    let description = format!("long\n{}", (0..60).map(noise).collect::<String>());
    package(&format!("long-{number:03}"), "1.0").field("Description", description.trim_end())
}

/// Lets time pass until the head lists all that there is.
fn wait_until_whole(house: &House<'_>) -> Report {
    let begun = Instant::now();
    loop {
        let report = house.check("stable");
        if report.indices == 3 {
            return report;
        }
        assert!(begun.elapsed() < Duration::from_secs(60), "xz is never listed");
        house.clock.advance(1);
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn xz_follows_and_no_change_waits_for_it() {
    let ground = Ground::new();
    let place = ground.place("stores");
    let house = House::open(&ground, &place, &ground.clock());
    house.create("stable").unwrap();
    assert_eq!(house.check("stable").indices, 3, "what is small is whole at once");
    let debs: Vec<_> = (0..MANY).map(|number| long(number).build()).collect();
    let change = house.send(&debs).unwrap();
    let published = house.change("stable", change).unwrap();
    // Time stands still, so nothing can be signed again.
    let first = house.check("stable");
    assert_eq!((first.indices, first.packages.len()), (2, MANY as usize), "plain and gz at first");

    let whole = wait_until_whole(&house);
    assert_ne!(first.release["Date"], whole.release["Date"]);
    let suite = repod::debian::SuiteName::parse("stable").unwrap();
    let state = house.repository.desk(&suite).unwrap().state();
    assert_eq!(Some(state.last_generation), published.generation, "it is no generation of its own");
    let head = state.head.clone().unwrap();
    assert!(head.date < house.repository.now(), "the present second stays free");
    // So the next change goes out in the very second in which the head was signed again.
    let change = house.send(&[package("acme-web", "1.0").build()]).unwrap();
    house.block_on(house.changing("stable", change)).unwrap();
    assert!(house.check("stable").packages.len() > MANY as usize);
}

#[test]
fn what_was_to_follow_follows_after_a_restart() {
    let ground = Ground::new();
    let place = ground.place("stores");
    let clock = ground.clock();
    {
        let house = House::open(&ground, &place, &clock);
        house.create("stable").unwrap();
        let debs: Vec<_> = (0..MANY).map(|number| long(number).build()).collect();
        let change = house.send(&debs).unwrap();
        house.change("stable", change).unwrap();
        assert_eq!(house.check("stable").indices, 2);
    }
    let house = House::open(&ground, &place, &clock);
    let whole = wait_until_whole(&house);
    assert_eq!(whole.packages.len(), MANY as usize);
    // The indices that were read back are the ones that the next change goes on from.
    let change = house.send(&[package("acme-web", "1.0").build()]).unwrap();
    house.change("stable", change).unwrap();
    assert_eq!(wait_until_whole(&house).packages.len(), MANY as usize + 1);
}

#[test]
fn a_host_that_has_the_index_does_not_fetch_it_again() {
    let server = TestServer::start();
    let host = server.host(HOST);
    let client = Client::of(&server, HOST);
    let folder = server.at("many");
    std::fs::create_dir_all(&folder).unwrap();
    for number in 0..MANY {
        let deb = long(number);
        std::fs::write(format!("{folder}/{}", deb.file_name()), deb.build()).unwrap();
    }
    client.repoctl(&["upload", "--suite", "stable", &folder]).expect_success();
    host.update().expect_success();
    let begun = Instant::now();
    while !client.fetch("dists/stable/Release").expect_success().stdout.contains("Packages.xz") {
        assert!(begun.elapsed() < Duration::from_secs(60), "xz is never listed");
        std::thread::sleep(Duration::from_millis(100));
    }
    let again = host.update().expect_success();
    assert!(!again.says("Packages"), "the plain digest is apt's key: {again}");
    host.forget_lists();
    host.update().expect_success();
    assert_eq!(host.policy("long-000").candidate.as_deref(), Some("1.0"));
}

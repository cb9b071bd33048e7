//! Hosts that are in the middle of an update while twenty publishes happen.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};

use super::HOST;
use crate::check::fetch::{Curl, Source as _};
use crate::crash::signed::{Keyring, date_of};
use crate::crash::{Client, Over};
use crate::harness::apt::AptRoot;
use crate::harness::server::{TestServer, package};

const PUBLISHES: u32 = 20;
const SLOW: &str = "web2.example.org";

/// Updates with fresh lists until it is told to stop; gives how often.
fn keep_updating(host: &AptRoot, over: &AtomicBool, options: &[&str]) -> u32 {
    let mut updates = 0;
    while !over.load(Ordering::SeqCst) {
        host.forget_lists();
        let update = host.apt_get(&[options, &["update"]].concat()).expect_success();
        for fault in ["Hash Sum mismatch", " 404  ", "Err:", "W:", "E:"] {
            assert!(!update.says(fault), "{update}");
        }
        updates += 1;
    }
    updates
}

#[test]
fn hosts_in_the_middle_of_an_update_see_no_mismatch_and_no_404() {
    let server = TestServer::start();
    let (fast, slow) = (server.host(HOST), server.host(SLOW));
    let client = Client::of(&server, HOST);
    // Enough for an index that takes a while to load on a slow line.
    let folder = server.at("many");
    std::fs::create_dir_all(&folder).unwrap();
    for number in 0..300 {
        let noise: String = (0..20).map(|_| format!("{:016x} ", rand::random::<u64>())).collect();
        let deb = package(&format!("filler-{number:03}"), "1.0")
            .field("Description", &format!("filler\n {}", noise.trim_end()));
        std::fs::write(format!("{folder}/{}", deb.file_name()), deb.build()).unwrap();
    }
    client.repoctl(&["upload", "--suite", "stable", &folder]).expect_success();

    let over = AtomicBool::new(false);
    let limit = ["-o", "Acquire::https::Dl-Limit=50", "-o", "Acquire::http::Dl-Limit=50"];
    let mut paths = BTreeMap::new();
    std::thread::scope(|scope| {
        let _over = Over(&over);
        let fast_updates = scope.spawn(|| keep_updating(&fast, &over, &[]));
        let slow_updates = scope.spawn(|| keep_updating(&slow, &over, &limit));
        for number in 1..=PUBLISHES {
            let deb = client.deb(&package("acme-web", &format!("1.{number}")));
            client.repoctl(&["upload", "--suite", "stable", &deb]).expect_success();
            let release = client.fetch("dists/stable/Release").expect_success().stdout;
            paths.extend(by_hash(&release));
            let ended = fast_updates.is_finished() || slow_updates.is_finished();
            assert!(!ended, "a host has stopped updating");
        }
        over.store(true, Ordering::SeqCst);
        let (fast_updates, slow_updates) =
            (fast_updates.join().unwrap(), slow_updates.join().unwrap());
        println!(
            "{fast_updates} fast and {slow_updates} slow updates beside {PUBLISHES} publishes"
        );
        assert!(fast_updates >= 5 && slow_updates >= 2);
    });

    // Every index of every one of these generations is still there under its hash: plain and gz, and
    // xz where there was time for it.
    assert!(paths.len() >= 2 * PUBLISHES as usize, "{} paths", paths.len());
    let own = server.at(&format!("hosts/{HOST}/etc/apt/repod/repo.example.org"));
    let own = std::path::Path::new(&own);
    let source = Curl::new(&server.url())
        .ca(&server.data().join("ca/ca.crt"))
        .certificate(&own.join("client.crt"), &own.join("client.key"));
    let (paths, sizes): (Vec<_>, Vec<_>) = paths.into_iter().unzip();
    for ((path, size), answer) in paths.iter().zip(sizes).zip(source.fetch(&paths)) {
        assert_eq!((answer.status, answer.body.len()), (200, size), "{path}");
    }
    fast.update().expect_success();
    let candidate = fast.policy("acme-web").candidate;
    assert_eq!(candidate, Some(format!("1.{PUBLISHES}")));
    server.check(HOST, "stable");
}

/// The paths by hash that a Release file names, with the sizes of the files.
fn by_hash(release: &str) -> BTreeMap<String, usize> {
    let listed = release.lines().skip_while(|line| *line != "SHA256:").skip(1);
    let listed = listed.take_while(|line| line.starts_with(' ')).map(|line| {
        let words: Vec<_> = line.split_whitespace().collect();
        let (folder, _) = words[2].rsplit_once('/').unwrap();
        let path = format!("dists/stable/{folder}/by-hash/SHA256/{}", words[0]);
        (path, words[1].parse().unwrap())
    });
    listed.collect()
}

/// apt without InRelease asks for the two files one after the other, on connections of its own.
#[test]
fn a_publish_between_release_and_its_signature_does_not_part_them() {
    let server = TestServer::start();
    let (_one, _other) = (server.host(HOST), server.host(SLOW));
    let (one, other) = (Client::of(&server, HOST), Client::of(&server, SLOW));
    let keyring = Keyring::read(&server.data().join("keys/archive-key.asc"));
    let fetch = |client: &Client, name: &str| {
        client.fetch(&format!("dists/stable/{name}")).expect_success().stdout_bytes
    };
    for version in ["1.0", "2.0"] {
        let before = fetch(&one, "Release");
        server.upload("acme-web", version).expect_success();
        keyring.expect_pair(&before, &fetch(&one, "Release.gpg"));

        // The next pair is the new one, and another host never sees the old one.
        for client in [&other, &one] {
            let release = fetch(client, "Release");
            assert!(date_of(&release) > date_of(&before));
            keyring.expect_pair(&release, &fetch(client, "Release.gpg"));
        }
        keyring.expect_in_release(&fetch(&one, "InRelease"));
    }
}

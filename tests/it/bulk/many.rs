//! Many uploads at the same moment, and a single one into a quiet suite.

use std::time::{Duration, Instant};

use super::HOST;
use crate::crash::Client;
use crate::harness::server::{TestServer, package};

const UPLOADS: usize = 50;

#[test]
fn fifty_uploads_at_once_all_succeed_in_a_few_generations() {
    let server = TestServer::start();
    let _host = server.host(HOST);
    let client = Client::of(&server, HOST);
    let debs: Vec<_> = (0..UPLOADS)
        .map(|number| client.deb(&package(&format!("acme-{number:02}"), "1.0")))
        .collect();
    let before = client.generations("stable").len();
    let begun = Instant::now();
    std::thread::scope(|scope| {
        let client = &client;
        let uploads = debs
            .iter()
            .map(|deb| scope.spawn(move || client.repoctl(&["upload", "--suite", "stable", deb])));
        let uploads: Vec<_> = uploads.collect();
        for upload in uploads {
            upload.join().unwrap().expect_success().expect_says("published");
        }
    });
    let taken = begun.elapsed();
    let generations = client.generations("stable").len() - before;
    println!("{UPLOADS} uploads in {taken:?}, {generations} generations");
    // One a second at most; a busy machine takes longer to start fifty programs.
    let most = 15.max(usize::try_from(taken.as_secs()).unwrap() + 2);
    assert!(generations <= most, "{generations} generations in {taken:?}");

    let report = server.check(HOST, "stable");
    assert_eq!(report.packages.len(), UPLOADS);
    let states = client.placements("stable");
    assert_eq!(states.len(), UPLOADS);
    assert!(states.values().all(|state| state == "live"), "{states:?}");
    let entered =
        client.generations("stable").into_iter().map(|one| one["entered"].as_u64().unwrap());
    assert_eq!(entered.sum::<u64>(), UPLOADS as u64, "history counts each of them once");
}

#[test]
fn a_single_upload_into_a_quiet_suite_is_live_at_once() {
    let server = TestServer::start();
    server.upload("acme-web", "1.0").expect_success();
    let _host = server.host(HOST);
    let client = Client::of(&server, HOST);
    let mut taken = Vec::new();
    for number in 2..=6 {
        let version = format!("{number}.0");
        let deb = client.deb(&package("acme-web", &version));
        // The second after the last head has passed.
        std::thread::sleep(Duration::from_millis(1500));
        let begun = Instant::now();
        client.repoctl(&["upload", "--suite", "stable", &deb]).expect_success();
        taken.push(begun.elapsed());
        let index = client.fetch("dists/stable/main/binary-amd64/Packages").expect_success();
        assert!(index.stdout.contains(&format!("Version: {version}\n")), "{index}");
    }
    taken.sort();
    let milliseconds: Vec<_> = taken.iter().map(Duration::as_millis).collect();
    println!("milliseconds until a single upload is live, repoctl included: {milliseconds:?}");
    assert!(taken.iter().all(|one| *one < Duration::from_secs(10)), "{taken:?}");
}

//! Many uploads at the same moment, and a single one into a quiet suite.

use std::time::{Duration, Instant};

use super::HOST;
use crate::crash::Client;
use crate::harness::deb::DebBuilder;
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

/// Small packages that came together lie in one file; nobody outside can tell.
#[test]
fn packages_of_one_file_are_served_like_any_other() {
    let mut server = TestServer::start();
    let host = server.host(HOST);
    let folder = server.at("many");
    written(&folder, 40);
    // One that is too large for it.
    let large = package("acme-large", "1.0").file("srv/acme/noise", &noise(200 << 10));
    std::fs::write(format!("{folder}/{}", large.file_name()), large.build()).unwrap();
    server.repoctl(&["upload", "--suite", "stable", &folder]).expect_success();
    let files = |name: &str| {
        let found = walkdir::WalkDir::new(server.data().join("pool").join(name));
        found.into_iter().filter(|entry| entry.as_ref().unwrap().file_type().is_file()).count()
    };
    assert_eq!((files("bundles"), files("blobs")), (1, 1));
    // Every one of them is fetched, and compared with its digest.
    assert_eq!(server.check(HOST, "stable").debs, 41);

    server.kill();
    server.serve();
    assert_eq!(server.check(HOST, "stable").debs, 41);
    host.update().expect_success();
    host.install(&["acme-07", "acme-large"]).expect_success();
    assert_eq!(host.installed("acme-07").as_deref(), Some("1.0"));

    let client = Client::of(&server, HOST);
    let index = client.fetch("dists/stable/main/binary-amd64/Packages").expect_success();
    let path = index.stdout.lines().find(|line| line.contains("/acme-07_")).unwrap();
    let path = path.strip_prefix("Filename: ").unwrap();
    let whole = std::fs::read(format!("{folder}/acme-07_1.0_amd64.deb")).unwrap();
    let part = |range: &str| {
        let part = server.curl(HOST, path).args(["-i", "-r", range]).run().expect_success();
        let head = part.stdout_bytes.windows(4).position(|four| four == b"\r\n\r\n").unwrap();
        (part.stdout[..12].to_owned(), part.stdout_bytes[head + 4..].to_vec())
    };
    let (size, partial) = (whole.len(), "HTTP/1.1 206".to_owned());
    assert_eq!(part("10-99"), (partial.clone(), whole[10..100].to_vec()));
    assert_eq!(part("-20"), (partial.clone(), whole[size - 20..].to_vec()));
    // More than there is: it ends with the package, not with the file.
    assert_eq!(part(&format!("5-{}", size + 5000)), (partial, whole[5..].to_vec()));
    let beyond = server.curl(HOST, path).args(["-i", "-r", &format!("{size}-")]).run();
    assert!(beyond.stdout.starts_with("HTTP/1.1 416"), "{beyond}");
}

/// Damage takes what shares the file away, says so, and is mended package by package.
#[test]
fn packages_of_one_file_that_is_damaged_come_back_when_they_are_sent() {
    let mut server = TestServer::start();
    let _host = server.host(HOST);
    let folder = server.at("many");
    let debs = written(&folder, 20);
    server.repoctl(&["upload", "--suite", "stable", &folder]).expect_success();
    server.upload("acme-web", "1.0").expect_success();
    server.kill();
    let files = walkdir::WalkDir::new(server.data().join("pool/bundles"));
    let files = files.into_iter().map(Result::unwrap).filter(|entry| entry.file_type().is_file());
    let [bundle] = <[_; 1]>::try_from(files.collect::<Vec<_>>()).unwrap();
    let mut bytes = std::fs::read(bundle.path()).unwrap();
    bytes[100] ^= 1;
    std::fs::write(bundle.path(), &bytes).unwrap();
    server.serve();
    assert!(server.log().contains("a bundle of packages is damaged"), "{}", server.log());

    let client = Client::of(&server, HOST);
    let index = client.fetch("dists/stable/main/binary-amd64/Packages").expect_success();
    let path = |name: &str| {
        let mut names = index.stdout.lines().filter_map(|line| line.strip_prefix("Filename: "));
        names.find(|path| path.contains(&format!("/{name}_"))).unwrap().to_owned()
    };
    server.curl(HOST, &path("acme-web")).args(["-f"]).run().expect_success();
    let lost = server.curl(HOST, &path("acme-07")).args(["-i"]).run();
    assert!(
        lost.stdout.starts_with("HTTP/1.1 500 ") && lost.says("recorded but not there"),
        "{lost}"
    );
    for deb in &debs {
        let file = format!("{folder}/{}", deb.file_name());
        let to = format!("api/v1/suites/stable/main/{}", deb.file_name());
        let sent = server.curl_as_operator(&to).args(["-T", &file]).run();
        assert!(sent.stdout.contains("HTTP/1.1 200 "), "{sent}");
    }
    // Every one of them is fetched, and compared with its digest.
    assert_eq!(server.check(HOST, "stable").debs, 21);
    assert_eq!(std::fs::read(bundle.path()).unwrap(), bytes, "what was damaged is left alone");
}

/// So many small packages, in a folder.
fn written(folder: &str, count: u32) -> Vec<DebBuilder> {
    std::fs::create_dir_all(folder).unwrap();
    let debs = (0..count).map(|number| package(&format!("acme-{number:02}"), "1.0"));
    let write = |deb: &DebBuilder| {
        std::fs::write(format!("{folder}/{}", deb.file_name()), deb.build()).unwrap();
    };
    debs.inspect(write).collect()
}

fn noise(count: usize) -> Vec<u8> {
    (0..count).map(|_| rand::random()).collect()
}

//! `repod export`: the live suites as a plain tree, read by the real apt.

use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use crate::check::fetch::Tree;
use crate::check::{Report, check_suite};
use crate::crash::Over;
use crate::harness::apt::AptRoot;
use crate::harness::loopback::Loopback;
use crate::harness::programs::{Outcome, Program, faked_clock};
use crate::harness::server::TestServer;

/// `repod export`, into `tree` of the test's directory; not yet run.
fn exporting(server: &TestServer, options: &[&str]) -> Program {
    let config = server.at("data/repod.toml");
    server.repod(&["export", &server.at("tree"), "--config", &config]).args(options)
}

fn export(server: &TestServer, options: &[&str]) -> Outcome {
    exporting(server, options).run().expect_success()
}

fn tree(server: &TestServer) -> PathBuf {
    PathBuf::from(server.at("tree"))
}

#[track_caller]
fn check(server: &TestServer, suite: &str) -> Report {
    let key = server.data().join("keys/archive-key.asc");
    check_suite(&Tree(tree(server)), suite, &key).unwrap()
}

/// Every file below a directory, relative to it.
fn files(dir: &Path) -> Vec<String> {
    let all = walkdir::WalkDir::new(dir).sort_by_file_name().into_iter().map(Result::unwrap);
    let all = all.filter(|entry| entry.file_type().is_file());
    all.map(|entry| entry.path().strip_prefix(dir).unwrap().display().to_string()).collect()
}

fn debs(server: &TestServer) -> Vec<String> {
    let names = files(&tree(server)).into_iter().filter(|path| path.ends_with(".deb"));
    let mut names: Vec<_> = names.map(|path| path.rsplit('/').next().unwrap().to_owned()).collect();
    names.sort();
    names
}

/// Everything below the data directory that counts, byte for byte.
fn stores(server: &TestServer) -> Vec<(String, Vec<u8>)> {
    let data = server.data();
    let kept = |path: &String| !path.ends_with("-shm") && !path.ends_with("-wal");
    let read = |path: String| (path.clone(), std::fs::read(data.join(path)).unwrap());
    files(&data).into_iter().filter(kept).map(read).collect()
}

/// Waits until the head lists Contents, and so is not signed again by itself.
fn settle(server: &TestServer) {
    let begun = std::time::Instant::now();
    let release = || server.curl_as_operator("dists/stable/Release").run().expect_success().stdout;
    while !release().contains("main/Contents-amd64.gz") {
        assert!(begun.elapsed() < std::time::Duration::from_secs(30), "contents are never listed");
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
}

#[test]
fn apt_reads_an_exported_tree_from_disk_and_from_any_web_server() {
    let server = TestServer::start();
    server.upload("acme-web", "1.0").expect_success();
    settle(&server);
    let before = stores(&server);
    let told = export(&server, &[]);
    told.expect_says("stable  generation 2").expect_says("1 package;");
    assert!(stores(&server) == before, "the data directory was written to");
    assert_eq!(check(&server, "stable").versions("acme-web"), ["1.0"]);

    let web = Loopback::over(&tree(&server));
    let tree = server.at("tree");
    let uris = [format!("file:{tree}"), format!("copy:{tree}"), web.url()];
    for (number, uri) in (1..).zip(uris) {
        let host = AptRoot::new();
        let source = format!("deb [signed-by={tree}/archive-key.asc] {uri} stable main");
        host.add_source("plain", &source);
        host.update().expect_success();
        host.install(&["acme-web"]).expect_success();
        assert_eq!(host.installed("acme-web"), Some(format!("{number}.0")), "{uri}");
        let next = format!("{}.0", number + 1);
        server.upload("acme-web", &next).expect_success();
        export(&server, &["--prune"]);
        host.update().expect_success();
        host.upgrade().expect_success();
        assert_eq!(host.installed("acme-web"), Some(next), "{uri}");
    }
}

/// The same, so much later by the clock of the export.
fn export_later(server: &TestServer, off: &str, options: &[&str]) -> Outcome {
    let clock = PathBuf::from(server.at("export-clock"));
    std::fs::write(&clock, off).unwrap();
    let with = |program: Program, (name, value): (&'static str, String)| program.env(name, value);
    faked_clock(&clock).into_iter().fold(exporting(server, options), with).run().expect_success()
}

#[test]
fn an_export_is_brought_up_to_date_and_what_went_stays_for_a_time() {
    let server = TestServer::start();
    // So that no head is signed again by itself.
    server.repoctl(&["suite", "edit", "stable", "--contents", "no"]).expect_success();
    for version in ["1.0", "2.0"] {
        server.upload("acme-web", version).expect_success();
        export(&server, &[]);
    }
    let both = ["acme-web_1.0_amd64.deb", "acme-web_2.0_amd64.deb"];
    assert_eq!(debs(&server), both);
    assert_eq!(check(&server, "stable").versions("acme-web"), ["2.0"]);
    export(&server, &[]).expect_says("new: 0 files; gone: 0");
    assert_eq!(debs(&server), both, "not for one export, but for a time");
    export_later(&server, "+23h", &[]);
    assert_eq!(debs(&server), both);
    // It counts from the export that no longer named it, and not from the last one.
    export_later(&server, "+25h", &[]);
    assert_eq!(debs(&server), ["acme-web_2.0_amd64.deb"]);
    let settled = files(&tree(&server));
    // A release with its key, three indices by name and by hash, one package, the mark.
    assert_eq!(settled.len(), 1 + 3 + 3 + 3 + 1 + 1, "{settled:?}");
    server.upload("acme-web", "3.0").expect_success();
    export(&server, &["--keep", "2h"]);
    export_later(&server, "+3h", &["--keep", "1d"]);
    assert_eq!(debs(&server).len(), 2, "each export says how long");
    export_later(&server, "+3h", &["--keep", "2h"]);
    assert_eq!(debs(&server), ["acme-web_3.0_amd64.deb"]);
    server.upload("acme-web", "4.0").expect_success();
    export(&server, &["--prune"]);
    assert_eq!(debs(&server), ["acme-web_4.0_amd64.deb"]);
    check(&server, "stable");
    exporting(&server, &["--keep", "2 hours"]).run().expect_code(2).expect_says("24h, 3d or 1w");
}

#[test]
fn an_export_of_one_suite_leaves_the_others_alone() {
    let mut server = TestServer::start();
    for suite in ["testing", "edge"] {
        let alias = format!("{suite}-alias");
        server
            .repoctl(&["suite", "create", suite, "--architecture", "amd64", "--alias", &alias])
            .expect_success();
    }
    let upload = |server: &TestServer, suite: &str, name: &str, version: &str| {
        let deb = server.deb(&crate::harness::server::package(name, version));
        server.repoctl(&["upload", "--suite", suite, &deb]).expect_success();
    };
    server.upload("acme-web", "1.0").expect_success();
    upload(&server, "testing", "acme-api", "1.0");
    upload(&server, "testing", "acme-web", "1.0");
    upload(&server, "edge", "acme-edge", "1.0");
    export(&server, &[]).expect_says("testing  generation 3");
    server.upload("acme-web", "2.0").expect_success();
    // Without a server, long after, and for a while less than all.
    assert_eq!(server.stop(), 0);
    for off in ["+0", "+30h", "+60h"] {
        export_later(&server, off, &["--suite", "stable"]);
        assert_eq!(check(&server, "stable").versions("acme-web"), ["2.0"]);
        assert_eq!(
            check(&server, "testing").versions("acme-web"),
            ["1.0"],
            "{off}: what two suites have"
        );
        assert_eq!(check(&server, "testing").versions("acme-api"), ["1.0"], "{off}");
        assert_eq!(check(&server, "edge").versions("acme-edge"), ["1.0"], "{off}");
        assert_eq!(check(&server, "edge-alias").versions("acme-edge"), ["1.0"], "{off}");
    }
    exporting(&server, &["--suite", "stabel"])
        .run()
        .expect_code(1)
        .expect_says("did you mean stable?");
    // A suite that is gone is no longer offered by the next export of all.
    server.serve();
    server
        .repoctl(&["remove", "--suite", "testing", "acme-api", "acme-web", "--yes"])
        .expect_success();
    server.repoctl(&["suite", "remove", "testing", "--yes"]).expect_success();
    export(&server, &["--suite", "stable"]);
    check(&server, "testing");
    export(&server, &[]);
    assert!(!tree(&server).join("dists/testing/InRelease").exists(), "it is no longer offered");
    assert!(!tree(&server).join("dists/testing-alias").exists());
    assert_eq!(
        debs(&server).iter().filter(|name| name.starts_with("acme-api")).count(),
        1,
        "for those who had begun"
    );
    export_later(&server, "+25h", &[]);
    assert!(!tree(&server).join("dists/testing").exists());
    assert_eq!(debs(&server), ["acme-edge_1.0_amd64.deb", "acme-web_2.0_amd64.deb"]);
}

#[test]
fn packages_are_linked_unless_copies_are_asked_for() {
    let server = TestServer::start();
    server.upload("acme-web", "1.0").expect_success();
    let deb = || {
        let path = files(&tree(&server)).into_iter().find(|path| path.ends_with(".deb")).unwrap();
        tree(&server).join(path)
    };
    let links = || deb().metadata().unwrap().nlink();
    export(&server, &[]);
    assert_eq!(links(), 2, "the pool's name and the tree's");
    export(&server, &["--copy"]);
    assert_eq!(links(), 1);
    export(&server, &[]);
    assert_eq!(links(), 1, "what is there is left alone");
    // A broken-off export leaves a name of a package behind; nothing is written through it.
    std::fs::remove_file(deb()).unwrap();
    export(&server, &[]);
    std::fs::hard_link(deb(), tree(&server).join(".repod-export.new")).unwrap();
    server.upload("acme-web", "2.0").expect_success();
    export(&server, &[]);
    check(&server, "stable");
    let whole = server.curl_as_operator("snapshot/2/dists/stable/InRelease").run().expect_success();
    assert!(whole.stdout.contains(" 200 "), "{whole}");
    let pack = stores(&server).into_iter().filter(|(path, _)| path.contains("pool/blobs/"));
    for (path, bytes) in pack {
        let digest = hex::encode(<sha2::Sha256 as sha2::Digest>::digest(&bytes));
        assert!(path.ends_with(&digest), "{path} was written to");
    }
}

#[test]
fn a_directory_that_is_no_export_is_left_alone() {
    let server = TestServer::start();
    let mine = tree(&server).join("dists/mine");
    std::fs::create_dir_all(tree(&server).join("dists")).unwrap();
    std::fs::write(&mine, "mine").unwrap();
    exporting(&server, &[]).run().expect_code(1).expect_says("is not empty, and no earlier export");
    assert_eq!(std::fs::read(&mine).unwrap(), b"mine");
    assert_eq!(files(&tree(&server)), ["dists/mine"]);
    std::fs::remove_dir_all(tree(&server)).unwrap();
    export(&server, &[]);
    // Damage in the data directory is not spread.
    server.upload("acme-web", "1.0").expect_success();
    let blobs = files(&server.data().join("pool/blobs"));
    let blob = server.data().join("pool/blobs").join(&blobs[0]);
    let size = blob.metadata().unwrap().len();
    std::fs::remove_file(&blob).unwrap();
    std::fs::write(&blob, vec![0; usize::try_from(size).unwrap()]).unwrap();
    // And one package that is damaged keeps no other from being exported.
    server.upload("zulu", "1.0").expect_success();
    let told = exporting(&server, &["--copy"]).run().expect_code(1);
    told.expect_says("all but these packages").expect_says("acme-web 1.0: its ");
    assert_eq!(debs(&server), ["zulu_1.0_amd64.deb"]);
    let release = std::fs::read_to_string(tree(&server).join("dists/stable/InRelease")).unwrap();
    assert!(release.contains("Suite: stable"), "{release}");
}

/// A reader that walks a whole suite while it is exported again and again finds everything by hash.
#[test]
fn a_tree_is_whole_at_every_moment() {
    let server = TestServer::start();
    server.upload("acme-web", "0.1").expect_success();
    export(&server, &[]);
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let _over = Over(&over);
        let reader = scope.spawn(|| {
            let mut walks = 0;
            while !over.load(Ordering::SeqCst) {
                check(&server, "stable");
                walks += 1;
            }
            walks
        });
        for number in 1..=8 {
            server.upload("acme-web", &format!("1.{number}")).expect_success();
            server.upload(&format!("acme-{number}"), "1.0").expect_success();
            export(&server, &[]);
            assert!(!reader.is_finished(), "the reader has stopped");
        }
        over.store(true, Ordering::SeqCst);
        let walks = reader.join().unwrap();
        println!("{walks} walks");
        assert!(walks >= 8, "{walks}");
    });
    assert_eq!(check(&server, "stable").versions("acme-web"), ["1.8"]);
}

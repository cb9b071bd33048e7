//! The harness and the checker tried on repositories made by hand: what they show of the product
//! later is worth as much as what they show here.

use crate::check::fetch::{Curl, Source as _, Tree};
use crate::check::{Faults, Report, check_suite};
use crate::harness::apt::{AptRoot, HostFile};
use crate::harness::archive;
use crate::harness::by_hand::HandMade;
use crate::harness::deb::{Compression, DebBuilder};
use crate::harness::programs::program;
use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};

fn greeter(version: &str) -> DebBuilder {
    let file = "usr/share/greeter/version";
    DebBuilder::new("greeter", version, "all").file(file, version.as_bytes())
}

/// A repository with `greeter` 1.0 and a package of this architecture with an epoch.
fn repository() -> HandMade {
    let mut repository = HandMade::new();
    repository.add(&greeter("1.0"));
    repository.add(&DebBuilder::new("odd", "2:1.0~rc1+b2-1", "amd64"));
    repository.publish();
    repository
}

/// What makes a host follow a repository down as well as up.
fn host_files(repository: &HandMade) -> Vec<HostFile> {
    // A server, not `file:`, so that an apt in a root of its own reaches it too.
    let port = serve_files(repository.path(""));
    let source = format!(
        "Types: deb\nURIs: http://127.0.0.1:{port}/\nSuites: stable\nComponents: main\nArchitectures: amd64\n\
         Signed-By: /etc/apt/keyrings/hand.asc\n"
    );
    let pin = "Package: *\nPin: release o=Hand,n=stable\nPin-Priority: 1001\n";
    let downgrades = "APT::Get::allow-downgrades \"true\";\n";
    vec![
        HostFile::new("/etc/apt/sources.list.d/hand.sources", 0o644, source),
        HostFile::new("/etc/apt/preferences.d/hand", 0o644, pin),
        HostFile::new("/etc/apt/apt.conf.d/60hand", 0o644, downgrades),
        HostFile::new(
            "/etc/apt/keyrings/hand.asc",
            0o644,
            std::fs::read(repository.key_file()).unwrap(),
        ),
    ]
}

fn follow_up_and_down(host: &AptRoot) {
    let mut repository = repository();
    host.place(&host_files(&repository));
    assert_eq!(host.installed("greeter"), None);
    host.update().expect_success();
    assert_eq!(host.policy("greeter").candidate.as_deref(), Some("1.0"));
    host.install(&["greeter", "odd"]).expect_success();
    assert_eq!(host.installed("greeter").as_deref(), Some("1.0"));
    assert_eq!(host.installed("odd").as_deref(), Some("2:1.0~rc1+b2-1"));
    assert_eq!(host.read("/usr/share/greeter/version").as_deref(), Some(b"1.0".as_slice()));

    let newer = repository.add(&greeter("2.0"));
    repository.publish();
    host.update().expect_success();
    host.upgrade().expect_success();
    assert_eq!(host.installed("greeter").as_deref(), Some("2.0"));

    std::fs::remove_file(newer).unwrap();
    repository.publish();
    host.update().expect_success();
    host.upgrade().expect_success().expect_says("downgrading");
    assert_eq!(host.installed("greeter").as_deref(), Some("1.0"));
    assert_eq!(host.read("/usr/share/greeter/version").as_deref(), Some(b"1.0".as_slice()));
}

#[test]
fn a_private_host_follows_a_repository_up_and_down() {
    follow_up_and_down(&AptRoot::new());
}

#[test]
fn a_private_host_with_the_sandbox_user_follows_too() {
    match AptRoot::sandboxed() {
        Some(host) => follow_up_and_down(&host),
        None => eprintln!("not run: only root's apt drops to its sandbox user"),
    }
}

#[test]
fn a_private_host_refuses_what_is_signed_by_another_key() {
    let (repository, stranger) = (repository(), HandMade::new());
    let host = AptRoot::new();
    host.place(&host_files(&repository));
    std::fs::copy(stranger.key_file(), host.path("/etc/apt/keyrings/hand.asc")).unwrap();
    let update = host.update().expect_code(100);
    assert!(update.says("NO_PUBKEY") || update.says("Missing key"), "{update}");
    assert_eq!(host.policy("greeter").candidate, None);
}

#[test]
fn a_private_host_knows_nothing_of_the_machine() {
    let host = AptRoot::new();
    let dump = host.program("apt-config").arg("dump").run().expect_success();
    assert!(!dump.stdout.contains("\"/etc/apt"), "{dump}");
    assert_eq!(host.installed("apt"), None);
    assert!(host.available().is_empty());
    let root = host.seen();
    host.place(&[HostFile::new(
        "/etc/apt/apt.conf.d/61tls",
        0o644,
        "Acquire::https::repo.test { CAInfo \"/etc/apt/repod/ca.pem\"; URL \"https://h/etc/x\"; };",
    )]);
    let dump = host.program("apt-config").arg("dump").run().expect_success();
    dump.expect_says(&format!("CAInfo \"{root}/etc/apt/repod/ca.pem\""))
        .expect_says("URL \"https://h/etc/x\"");
}

fn check(repository: &HandMade) -> Result<Report, Faults> {
    check_suite(&Tree(repository.path("")), "stable", &repository.key_file())
}

#[track_caller]
fn assert_fault(repository: &HandMade, text: &str) {
    let faults = check(repository).expect_err("a fault was planted");
    assert!(faults.say(text), "no fault says {text:?}: {faults}");
}

#[test]
fn the_checker_finds_a_whole_suite_whole() {
    let report = check(&repository()).unwrap();
    assert_eq!((report.indices, report.stanzas, report.debs), (3, 2, 2));
    assert_eq!(report.versions("greeter"), ["1.0"]);
    assert_eq!(report.release["Origin"], "Hand");
}

#[test]
fn the_checker_asks_closures_too() {
    let repository = repository();
    let fetch = |path: &str| {
        let tree = Tree(repository.path(""));
        let mut answer = tree.fetch(&[path.to_owned()]).remove(0);
        answer.headers.insert("content-encoding".to_owned(), "gzip".to_owned());
        answer
    };
    let faults = check_suite(&fetch, "stable", &repository.key_file()).expect_err("encoded");
    assert!(faults.say("Content-Encoding"), "{faults}");
}

#[test]
fn the_checker_bears_a_publish_while_it_looks() {
    let repository = std::cell::RefCell::new(repository());
    let asked = std::cell::Cell::new(0);
    let key = repository.borrow().key_file();
    let fetch = |path: &str| {
        asked.set(asked.get() + 1);
        // Right behind the first InRelease, and once more between two plain names.
        if asked.get() == 2 || asked.get() == 17 {
            let version = format!("2.{}", asked.get());
            repository.borrow().add(&greeter(&version));
            repository.borrow_mut().publish();
        }
        let tree = Tree(repository.borrow().path(""));
        tree.fetch(&[path.to_owned()]).remove(0)
    };
    let report = check_suite(&fetch, "stable", &key).unwrap();
    assert_eq!(report.versions("greeter"), ["1.0", "2.17", "2.2"]);
}

/// A plain server of files, one thread per connection, just enough for curl.
pub fn serve_files(root: PathBuf) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let (root, stream) = (root.clone(), stream.unwrap());
            std::thread::spawn(move || answer_requests(&root, stream));
        }
    });
    port
}

fn answer_requests(root: &Path, mut stream: TcpStream) {
    let mut lines = BufReader::new(stream.try_clone().unwrap()).lines().map_while(Result::ok);
    while let Some(request) = lines.next() {
        lines.by_ref().take_while(|line| !line.is_empty()).for_each(drop);
        let path = request.split(' ').nth(1).unwrap().replace("%2b", "+").replace("%7e", "~");
        let (status, body) = match std::fs::read(root.join(path.trim_start_matches('/'))) {
            Ok(body) => ("200 OK", body),
            Err(_) => ("404 Not Found", b"none".to_vec()),
        };
        let length = body.len();
        let head =
            format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\nContent-Type: x/y\r\n\r\n");
        if stream.write_all(&[head.as_bytes(), &body].concat()).is_err() {
            return;
        }
    }
}

#[test]
fn the_checker_walks_a_server_through_curl() {
    let repository = repository();
    let port = serve_files(repository.path(""));
    let curl = Curl::new(&format!("http://127.0.0.1:{port}/"));
    let report = check_suite(&curl, "stable", &repository.key_file()).unwrap();
    assert_eq!((report.indices, report.debs), (3, 2));
    let paths = ["dists/stable/Release", "no such \"file\"?"].map(str::to_owned);
    let answers = curl.fetch(&paths);
    assert_eq!(answers.iter().map(|answer| answer.status).collect::<Vec<_>>(), [200, 404]);
    assert_eq!(answers[0].headers["content-type"], "x/y");
    assert_eq!(answers[1].body, b"none");
    let nobody = Curl::new("http://127.0.0.1:1").fetch(&paths).remove(0);
    assert_eq!(nobody.status, 0);
    assert!(nobody.headers["curl-says"].contains("connect"), "{nobody:?}");
    std::fs::remove_file(repository.path("pool/greeter_1.0_all.deb")).unwrap();
    let faults = check_suite(&curl, "stable", &repository.key_file()).expect_err("it is gone");
    assert!(faults.say("greeter_1.0_all.deb: status 404"), "{faults}");
}

#[test]
fn the_checker_finds_a_package_that_is_missing_or_altered() {
    let repository = repository();
    let deb = repository.path("pool/greeter_1.0_all.deb");
    let good = std::fs::read(&deb).unwrap();
    std::fs::remove_file(&deb).unwrap();
    assert_fault(&repository, "greeter_1.0_all.deb: status 404");
    let mut altered = good.clone();
    *altered.last_mut().unwrap() ^= 1;
    std::fs::write(&deb, altered).unwrap();
    assert_fault(&repository, "greeter_1.0_all.deb: SHA-256 is");
    std::fs::write(&deb, &good[..good.len() - 1]).unwrap();
    assert_fault(&repository, "bytes where");
}

#[test]
fn the_checker_finds_a_package_that_is_not_what_the_index_says() {
    let mut repository = repository();
    let packages =
        std::fs::read_to_string(repository.path("dists/stable/main/binary-amd64/Packages"));
    let lie = packages.unwrap().replace("Version: 1.0\n", "Version: 1.1\n");
    repository.publish_indices(lie.as_bytes(), Compression::Xz.compress(lie.as_bytes()));
    assert_fault(&repository, "it holds (\"greeter\", \"1.0\", \"all\")");
    let broken = lie.replace("Package: odd\n", "Package: odd\n\u{20}\n");
    repository.publish_indices(broken.as_bytes(), Compression::Xz.compress(broken.as_bytes()));
    assert_fault(&repository, "a line of blanks");
}

#[test]
fn the_checker_finds_indices_that_differ() {
    let mut repository = repository();
    let packages = std::fs::read(repository.path("dists/stable/main/binary-amd64/Packages"));
    let packages = packages.unwrap();
    repository.publish_indices(&packages, Compression::Xz.compress(&packages[1..]));
    assert_fault(&repository, "Packages.xz: unpacked it differs");
    let (front, back) = packages.split_at(100);
    let two_streams = [Compression::Xz.compress(front), Compression::Xz.compress(back)].concat();
    repository.publish_indices(&packages, two_streams);
    assert_fault(&repository, "Packages.xz: it has 2 xz streams");
    repository.publish_indices(&packages, b"not xz at all".to_vec());
    assert_fault(&repository, "Packages.xz: xz says");
    repository.publish();
    std::fs::write(repository.path("dists/stable/main/binary-amd64/Packages.gz"), b"").unwrap();
    assert_fault(&repository, "main/binary-amd64/Packages.gz: 0 bytes where");
}

#[test]
fn the_checker_finds_what_is_missing_by_hash() {
    let repository = repository();
    let folder = repository.path("dists/stable/main/binary-amd64/by-hash/SHA256");
    let any = std::fs::read_dir(folder).unwrap().next().unwrap().unwrap();
    std::fs::remove_file(any.path()).unwrap();
    assert_fault(&repository, "status 404");
}

#[test]
fn the_checker_finds_wrong_and_missing_signatures() {
    let repository = repository();
    let stranger = HandMade::new();
    let tree = Tree(repository.path(""));
    let faults = check_suite(&tree, "stable", &stranger.key_file()).expect_err("another key");
    for said in [
        "gpgv refuses InRelease",
        "gpgv refuses Release.gpg",
        "sqv refuses InRelease",
        "sqv refuses Release.gpg",
    ] {
        assert!(faults.say(said), "no fault says {said:?}: {faults}");
    }

    let in_release = repository.path("dists/stable/InRelease");
    let good = std::fs::read_to_string(&in_release).unwrap();
    std::fs::write(&in_release, good.replace("Origin: Hand", "Origin: Hind")).unwrap();
    assert_fault(&repository, "gpgv refuses InRelease");
    assert_fault(&repository, "InRelease and Release say different things");
    std::fs::write(&in_release, format!("{good}Origin: Hind\n")).unwrap();
    assert_fault(&repository, "does not end with one signature");
    let release = std::fs::read_to_string(repository.path("dists/stable/Release")).unwrap();
    std::fs::write(&in_release, release).unwrap();
    assert_fault(&repository, "does not begin with a signed message");
    std::fs::remove_file(&in_release).unwrap();
    assert_fault(&repository, "InRelease: status 404");
}

#[test]
fn the_checker_finds_what_a_release_file_lacks() {
    let repository = repository();
    let release = std::fs::read_to_string(repository.path("dists/stable/Release")).unwrap();
    repository.sign(&release.replace("Acquire-By-Hash: yes\n", ""));
    assert_fault(&repository, "Acquire-By-Hash is not yes");
    repository.sign(&release.replace("Origin: Hand\n", ""));
    assert_fault(&repository, "field Origin is missing");
    repository.sign(&release.replace("Packages\n", "Other\n"));
    assert_fault(&repository, "listed in compressed form only");
    repository.sign(&release.replace("Architectures: amd64", "Architectures: amd64 arm64"));
    assert_fault(&repository, "main/binary-arm64/Packages is not listed");
}

#[test]
fn real_packages_are_of_every_kind_and_stay_themselves_when_repacked() {
    let packages = archive::real_packages_some_repacked();
    let dir = tempfile::tempdir().unwrap();
    for package in &packages {
        let name = package.file_name().unwrap();
        std::os::unix::fs::symlink(package, dir.path().join(name)).unwrap();
    }
    let stanzas = archive::ftparchive(dir.path());
    assert_eq!(stanzas.len(), packages.len());
    let count = |test: &dyn Fn(&str, &str) -> bool| {
        stanzas.iter().filter(|s| test(&s["Version"], &s["Architecture"])).count()
    };
    assert!(count(&|version, _| version.contains(':')) >= 20);
    assert!(count(&|version, _| version.contains('~')) >= 20);
    assert!(count(&|version, _| version.contains('+')) >= 20);
    assert!(count(&|_, architecture| architecture == "all") >= 20);
    assert!(count(&|_, architecture| architecture != "all") >= 20);

    let members = |path: &PathBuf| archive::ar_members(&std::fs::read(path).unwrap());
    let kinds: BTreeSet<String> =
        packages.iter().flat_map(&members).map(|(name, _)| name).collect();
    for name in ["data.tar", "data.tar.gz", "data.tar.xz", "data.tar.zst"] {
        assert!(kinds.contains(name), "{kinds:?}");
    }
    let originals = archive::real_packages();
    let repacked: Vec<_> =
        originals.iter().zip(&packages).filter(|(before, now)| before != now).collect();
    assert_eq!(repacked.len(), archive::REPACKED);
    for (before, now) in &repacked[..3] {
        let contents = |path: &Path| {
            program("dpkg-deb").arg("--ctrl-tarfile").arg(path).run().expect_success().stdout_bytes
        };
        assert_eq!(contents(before), contents(now));
    }
}

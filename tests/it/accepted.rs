//! Whatever an upload accepts is of use: apt parses it, downloads it and installs it once, dpkg unpacks it, apt-file lists
//! it, and an export has it.

mod odd;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use odd::{BASE, Odd};

use crate::harness::apt::{AptRoot, HostFile};
use crate::harness::deb::DebBuilder;
use crate::harness::programs::program;
use crate::harness::server::{TestServer, host_files};

const HOST: &str = "odd.example.org";
/// So many are uploaded at once.
const AT_ONCE: usize = 12;

/// How many packages are made; `REPOD_TEST_ACCEPTED` says another number.
fn count() -> u64 {
    let told = std::env::var("REPOD_TEST_ACCEPTED").ok().and_then(|count| count.parse().ok());
    told.unwrap_or(100)
}

#[test]
fn whatever_is_accepted_can_be_read_downloaded_installed_listed_and_exported() {
    let server = TestServer::start();
    let suite = ["suite", "create", "odd", "--architecture", "amd64", "--architecture", "i386"];
    server.repoctl(&[&suite[..], &["--contents", "yes"]].concat()).expect_success();
    let base = server.deb(&odd::base());
    server.repoctl(&["upload", "--suite", "odd", &base]).expect_success();
    let (accepted, refused) = upload(&server);
    println!("{} accepted, {refused} refused", accepted.len());
    assert!(accepted.len() as u64 > count() / 2, "too few are accepted to say anything");
    assert!(refused > 0, "no limit was reached");

    let host = host(&server);
    let update = host.update().expect_success();
    assert!(!update.stderr.contains("W:") && !update.stderr.contains("E:"), "{update}");
    are_listed(&host, &accepted);
    are_downloaded(&host, &server, &accepted);
    are_unpacked(&server, &accepted);
    are_installed_once(&host, &accepted);
    wait_for_contents(&server);
    host.update().expect_success();
    are_found_by_apt_file(&host, &accepted);
    are_exported(&server, &accepted);
}

/// A host of two architectures, with apt-file.
fn host(server: &TestServer) -> AptRoot {
    let host = AptRoot::new();
    let out = server.at(&format!("hosts/{HOST}"));
    server.repoctl(&["host", "issue", HOST, "--suite", "odd", "--out", &out]).expect_success();
    host.place(&host_files(out.as_ref()));
    let targets = std::fs::read("/etc/apt/apt.conf.d/50apt-file.conf").expect("apt-file is here");
    host.place(&[
        HostFile::new("/var/lib/dpkg/arch", 0o644, "amd64\ni386\n"),
        HostFile::new("/etc/apt/apt.conf.d/50apt-file.conf", 0o644, targets),
        HostFile::new("/etc/apt/apt-file.conf", 0o644, ""),
    ]);
    host
}

fn path(server: &TestServer, seed: u64) -> String {
    server.at(&format!("odd-{seed}.deb"))
}

/// What was accepted, by its seed, and how many were refused. Many are sent at once, as build jobs do.
fn upload(server: &TestServer) -> (BTreeMap<u64, Odd>, usize) {
    let next = AtomicU64::new(0);
    let accepted = Mutex::new(BTreeMap::new());
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= count() {
                        break;
                    }
                    if let Some(odd) = upload_one(server, seed) {
                        accepted.lock().unwrap().insert(seed, odd);
                    }
                }
            });
        }
    });
    let accepted = accepted.into_inner().unwrap();
    let refused = count() as usize - accepted.len();
    (accepted, refused)
}

/// The package if it is accepted.
fn upload_one(server: &TestServer, seed: u64) -> Option<Odd> {
    let odd = Odd::of_seed(seed);
    let path = path(server, seed);
    std::fs::write(&path, odd.builder.build()).unwrap();
    let told = server.repoctl(&["upload", "--suite", "odd", &path]);
    match told.code {
        0 => Some(odd),
        1 => {
            assert!(told.says("refused"), "seed {seed}: {told}");
            println!("{seed}: {}", told.stderr);
            None
        }
        _ => panic!("seed {seed}: {told}"),
    }
}

/// apt has a stanza of each.
fn are_listed(host: &AptRoot, accepted: &BTreeMap<u64, Odd>) {
    let available = host.available();
    let three = |stanza: &crate::check::deb822::Stanza| {
        ["Package", "Version", "Architecture"].map(|field| stanza[field].clone())
    };
    let listed: BTreeSet<_> = available.iter().map(three).collect();
    for (seed, odd) in accepted {
        let wanted = [&odd.name, &odd.version, odd.architecture].map(str::to_owned);
        assert!(listed.contains(&wanted), "seed {seed}: {wanted:?}");
    }
}

/// `apt-get download` gets the bytes that were uploaded.
fn are_downloaded(host: &AptRoot, server: &TestServer, accepted: &BTreeMap<u64, Odd>) {
    for (seed, odd) in accepted {
        let folder = host.path(&format!("/downloads/{seed}"));
        std::fs::create_dir_all(&folder).unwrap();
        let download = host.program("apt-get").args(["download", &odd.asked_for()]);
        download.dir(&folder).run().expect_success();
        let files: Vec<_> = std::fs::read_dir(&folder).unwrap().map(Result::unwrap).collect();
        assert_eq!(files.len(), 1, "seed {seed}");
        let came = std::fs::read(files[0].path()).unwrap();
        assert!(came == std::fs::read(path(server, *seed)).unwrap(), "seed {seed}");
    }
}

/// dpkg unpacks each, on a host on which nothing but what they depend on is installed.
fn are_unpacked(server: &TestServer, accepted: &BTreeMap<u64, Odd>) {
    let host = AptRoot::new();
    host.place(&[HostFile::new("/var/lib/dpkg/arch", 0o644, "amd64\ni386\n")]);
    for (seed, odd) in accepted {
        let root = format!("--root={}", host.path("/").display());
        let dpkg = |action: &str, path: &str| {
            program("dpkg").args([
                &root,
                "--force-not-root",
                "--force-bad-path",
                "--force-depends",
                "--force-script-chrootless",
                action,
                path,
            ])
        };
        let unpack = dpkg("--unpack", &path(server, *seed)).run();
        assert!(unpack.succeeded(), "seed {seed}: {unpack}");
        for path in &odd.paths {
            // Until it is configured, dpkg has a configuration file beside its place.
            let suffix = if path.starts_with("etc/") { ".dpkg-new" } else { "" };
            let path = host.path(&format!("{path}{suffix}"));
            assert!(path.symlink_metadata().is_ok(), "seed {seed}: {}", path.display());
        }
    }
}

/// Those that can be are installed, and then there is nothing left to do.
fn are_installed_once(host: &AptRoot, accepted: &BTreeMap<u64, Odd>) {
    let wanted: Vec<_> = accepted.values().filter(|odd| odd.is_installable).collect();
    let names: Vec<_> = wanted.iter().map(|odd| odd.asked_for()).collect();
    let names: Vec<_> = names.iter().map(String::as_str).chain([BASE]).collect();
    host.install(&names).expect_success();
    for odd in wanted {
        let name = odd.asked_for();
        let name = name.split('=').next().unwrap();
        // dpkg says it without an epoch of 0.
        let version = odd.version.strip_prefix("0:").unwrap_or(&odd.version);
        assert_eq!(host.installed(name).as_deref(), Some(version), "{name}");
    }
    host.upgrade().expect_success().expect_says("0 upgraded, 0 newly installed, 0 to remove and 0");
    let all = host.apt_get(&["-y", "dist-upgrade"]).expect_success();
    all.expect_says("0 upgraded, 0 newly installed, 0 to remove and 0");
}

/// `Contents` are made behind the live generation, in the order of what was published.
fn wait_for_contents(server: &TestServer) {
    let last = server.deb(&DebBuilder::new("acme-last", "1.0", "all").file("usr/share/last", b""));
    server.repoctl(&["upload", "--suite", "odd", &last]).expect_success();
    let begun = Instant::now();
    let listed = || server.curl(HOST, "dists/odd/main/Contents-amd64").run();
    while !listed().stdout.contains("usr/share/last") {
        assert!(begun.elapsed() < Duration::from_secs(60), "Contents never follow");
        std::thread::sleep(Duration::from_millis(200));
    }
}

/// apt-file lists the paths of each; control characters are escaped there.
fn are_found_by_apt_file(host: &AptRoot, accepted: &BTreeMap<u64, Odd>) {
    let listed = host.program("apt-file").args(["list", "--regexp", "[a-z]"]).run();
    let listed = listed.expect_success().stdout;
    let found: BTreeSet<_> = listed.lines().filter_map(|line| line.split_once(": /")).collect();
    for (seed, odd) in accepted.iter().filter(|(_, odd)| odd.architecture != "i386") {
        for path in &odd.paths {
            let path = shown(path);
            let mine: Vec<_> = found.iter().filter(|(name, _)| *name == odd.name).collect();
            assert!(found.contains(&(&*odd.name, &*path)), "seed {seed}: {path:?} in {mine:?}");
        }
    }
}

fn shown(path: &str) -> String {
    let (path, end) = path.strip_suffix(' ').map_or((path, ""), |path| (path, "\\040"));
    let octal = |c: char| match c.is_ascii_control() {
        true => format!("\\{:03o}", u32::from(c)),
        false => c.to_string(),
    };
    path.chars().map(octal).collect::<String>() + end
}

fn are_exported(server: &TestServer, accepted: &BTreeMap<u64, Odd>) {
    let (out, config) = (server.at("export"), server.at("data/repod.toml"));
    server.repod(&["export", "--config", &config, &out]).run().expect_success();
    let all = program("find").args([&out, "-name", "*.deb"]).run().expect_success();
    let exported: BTreeSet<_> =
        all.stdout.lines().map(|path| std::fs::read(path).unwrap()).collect();
    for seed in accepted.keys() {
        let bytes = std::fs::read(path(server, *seed)).unwrap();
        assert!(exported.contains(&bytes), "seed {seed}");
    }
}

//! Real packages of the Debian archive, all of them in one upload: the real apt sees of each what
//! `apt-ftparchive` writes of it.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read as _;
use std::path::{Path, PathBuf};

use crate::check::deb822::{Stanza, parse_stanzas};
use crate::check::fetch::{Curl, Source as _};
use crate::harness::archive::{self, REPACKED, real_packages, real_packages_some_repacked};
use crate::harness::programs::program;
use crate::harness::server::TestServer;

/// What `apt-ftparchive` writes and this repository leaves out: SHA-256 says the same, and apt works
/// out the digest of a description by itself.
const LEFT_OUT: [&str; 4] = ["MD5sum", "SHA1", "SHA512", "Description-md5"];

const HOST: &str = "web1.example.org";

#[test]
fn apt_sees_real_packages_as_apt_ftparchive_does() {
    let folder = tempfile::tempdir().unwrap();
    let packages = gather(folder.path());
    let server = TestServer::start();
    take_architectures(&server, &packages);

    let upload = ["upload", "--suite", "stable", &folder.path().display().to_string()];
    let told = server.repoctl(&upload).expect_success();
    let published = told.stdout.lines().filter(|line| line.starts_with("published ")).count();
    assert_eq!(published, packages.len(), "{told}");
    let generation = generation(&server);

    let host = server.host(HOST);
    host.update().expect_success();
    let seen = by_name(&host.available());
    assert_eq!(seen.len(), packages.len());
    let tree = tempfile::tempdir().unwrap();
    download(&server, &seen, tree.path());
    let listed = program("apt-ftparchive").args(["packages", "pool"]).dir(tree.path());
    let listed = listed.run().expect_success().stdout;
    let mut expected = by_name(&parse_stanzas(&listed).expect("apt-ftparchive writes stanzas"));
    for stanza in expected.values_mut() {
        LEFT_OUT.iter().for_each(|name| drop(stanza.remove(*name)));
    }
    for field in ["Filename", "Size", "SHA256", "Description", "Maintainer"] {
        assert!(expected.values().all(|stanza| stanza.contains_key(field)), "{field}");
    }
    assert_same(&expected, &seen);

    let report = server.check(HOST, "stable");
    assert_eq!(report.debs, packages.len());
    assert_eq!(report.packages.len(), packages.len());

    let [simple, other] = two_that_stand_alone(&packages, &seen);
    for (name, path) in [&simple, &other] {
        let fetch = format!("cd {}/tmp && apt-get download {name}", host.seen());
        std::fs::create_dir_all(host.path("/tmp")).unwrap();
        host.program("sh").args(["-c", &fetch]).run().expect_success();
        let fetched = archive_file(&host.path("/tmp"), name);
        assert!(std::fs::read(fetched).unwrap() == std::fs::read(path).unwrap(), "{name}");
    }
    host.install(&[&simple.0, &other.0]).expect_success();
    for (name, _) in [&simple, &other] {
        let version = &seen.values().find(|stanza| stanza["Package"] == *name).unwrap()["Version"];
        assert_eq!(host.installed(name).as_ref(), Some(version));
    }

    // The same again is success and no news.
    let again = server.repoctl(&upload).expect_success();
    assert!(again.says("no new generation"), "{again}");
    let already = again.stdout.lines().filter(|line| line.starts_with("already ")).count();
    assert_eq!(already, packages.len(), "{again}");
    assert_eq!(self::generation(&server), generation);
}

/// Lays the packages out in one folder, and proves that all kinds are among them.
fn gather(folder: &Path) -> Vec<PathBuf> {
    let mixed = real_packages_some_repacked();
    assert!(mixed.len() >= archive::LEAST);
    let untouched: BTreeSet<_> = real_packages().into_iter().collect();
    let repacked: Vec<_> = mixed.iter().filter(|path| !untouched.contains(*path)).collect();
    assert_eq!(repacked.len(), REPACKED);
    let suffixes: BTreeSet<_> = repacked.iter().map(|path| data_member(path)).collect();
    assert_eq!(suffixes, ["data.tar", "data.tar.gz", "data.tar.zst"].map(str::to_owned).into());
    let names: Vec<_> = mixed.iter().map(|path| file_name(path)).collect();
    for mark in ["%3a", "+", "~", "_all.deb"] {
        assert!(names.iter().any(|name| name.contains(mark)), "none has {mark} in its name");
    }
    let place = |path: &PathBuf| {
        let to = folder.join(path.file_name().unwrap());
        std::fs::copy(path, &to).unwrap();
        to
    };
    mixed.iter().map(place).collect()
}

fn file_name(path: &Path) -> String {
    path.file_name().unwrap().to_string_lossy().into_owned()
}

fn data_member(deb: &Path) -> String {
    let members = archive::ar_members(&std::fs::read(deb).unwrap());
    members.into_iter().map(|(name, _)| name).find(|name| name.starts_with("data.tar")).unwrap()
}

/// The suite is made for amd64; this machine may be another.
fn take_architectures(server: &TestServer, packages: &[PathBuf]) {
    let of = |path: &PathBuf| {
        let name = file_name(path);
        name.trim_end_matches(".deb").rsplit('_').next().unwrap().to_owned()
    };
    let architectures: BTreeSet<_> = packages.iter().map(of).collect();
    for architecture in
        architectures.iter().filter(|name| !["all", "amd64"].contains(&name.as_str()))
    {
        server
            .repoctl(&["suite", "edit", "stable", "--add-architecture", architecture, "--yes"])
            .expect_success();
    }
}

fn generation(server: &TestServer) -> u64 {
    let shown = server.repoctl(&["suite", "show", "stable", "--json"]).expect_success().stdout;
    let shown: serde_json::Value = serde_json::from_str(&shown).unwrap();
    shown["generation"].as_u64().unwrap()
}

type Name = (String, String, String);

/// Stanzas by package, version and architecture, each of which must be there once.
fn by_name(stanzas: &[Stanza]) -> BTreeMap<Name, Stanza> {
    let field = |stanza: &Stanza, name: &str| stanza[name].clone();
    let name = |s: &Stanza| (field(s, "Package"), field(s, "Version"), field(s, "Architecture"));
    let named: BTreeMap<_, _> = stanzas.iter().map(|s| (name(s), s.clone())).collect();
    assert_eq!(named.len(), stanzas.len(), "a package is listed twice");
    named
}

/// Every difference, not only the first.
fn assert_same(expected: &BTreeMap<Name, Stanza>, seen: &BTreeMap<Name, Stanza>) {
    assert_eq!(expected.keys().collect::<Vec<_>>(), seen.keys().collect::<Vec<_>>());
    let mut differences = Vec::new();
    for (name, expected) in expected {
        let seen = &seen[name];
        let fields: BTreeSet<_> = expected.keys().chain(seen.keys()).collect();
        for field in fields.into_iter().filter(|field| expected.get(*field) != seen.get(*field)) {
            let (wanted, got) = (expected.get(field), seen.get(field));
            differences.push(format!("{name:?} {field}:\n  wanted {wanted:?}\n  got    {got:?}"));
        }
    }
    assert!(differences.is_empty(), "{} differ:\n{}", differences.len(), differences.join("\n"));
}

/// Fetches every file that apt was told of, over HTTPS, and lays it out under its own path.
fn download(server: &TestServer, seen: &BTreeMap<Name, Stanza>, tree: &Path) {
    let own = PathBuf::from(server.at(&format!("hosts/{HOST}/etc/apt/repod/repo.example.org")));
    let curl = Curl::new(&server.url())
        .ca(&server.data().join("ca/ca.crt"))
        .certificate(&own.join("client.crt"), &own.join("client.key"));
    let paths: Vec<_> = seen.values().map(|stanza| stanza["Filename"].clone()).collect();
    for (path, answer) in paths.iter().zip(curl.fetch(&paths)) {
        assert_eq!(answer.status, 200, "{path}: {:?}", answer.headers);
        assert_eq!(answer.headers["content-type"], "application/vnd.debian.binary-package");
        let to = tree.join(path);
        std::fs::create_dir_all(to.parent().unwrap()).unwrap();
        std::fs::write(to, answer.body).unwrap();
    }
}

/// Two packages that need nothing else and run no scripts: one as it is in the archive, and one that
/// was packed again.
fn two_that_stand_alone(
    packages: &[PathBuf],
    seen: &BTreeMap<Name, Stanza>,
) -> [(String, PathBuf); 2] {
    const NEEDS: [&str; 4] = ["Depends", "Pre-Depends", "Essential", "Important"];
    let original: BTreeSet<_> = real_packages().iter().map(|path| file_name(path)).collect();
    let repacked: BTreeSet<_> = real_packages_some_repacked()
        .iter()
        .filter(|path| path.parent() != real_packages()[0].parent())
        .map(|path| file_name(path))
        .collect();
    let alone: BTreeSet<_> = seen
        .values()
        .filter(|stanza| NEEDS.iter().all(|need| !stanza.contains_key(*need)))
        .map(|stanza| stanza["Package"].as_str())
        .collect();
    let find = |names: &BTreeSet<String>| {
        let mut found = packages.iter().filter(|path| names.contains(&file_name(path)));
        let package = |path: &Path| file_name(path).split('_').next().unwrap().to_owned();
        let fits = |path: &&PathBuf| alone.contains(&*package(path)) && !has_scripts(path);
        let path = found.find(fits).expect("some package stands alone");
        (package(path), path.clone())
    };
    let simple: BTreeSet<_> = original.difference(&repacked).cloned().collect();
    [find(&simple), find(&repacked)]
}

fn has_scripts(deb: &Path) -> bool {
    let tar = program("dpkg-deb").arg("--ctrl-tarfile").arg(deb).run().expect_success();
    let mut tar = tar::Archive::new(&*tar.stdout_bytes);
    let is_script = |name: &str| ["preinst", "postinst", "triggers"].contains(&name);
    tar.entries().unwrap().any(|entry| {
        let mut entry = entry.unwrap();
        let name = entry.path().unwrap().file_name().map(|n| n.to_string_lossy().into_owned());
        entry.read_to_end(&mut Vec::new()).unwrap();
        name.is_some_and(|name| is_script(&name))
    })
}

fn archive_file(folder: &Path, package: &str) -> PathBuf {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut debs = entries.filter(|path| file_name(path).starts_with(&format!("{package}_")));
    debs.next().expect("apt-get download leaves the package here")
}

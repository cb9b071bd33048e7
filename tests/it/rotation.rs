//! Rotation of the signing key, as hosts see it: with overlap, by their client package, and with a host
//! that slept through all of it.

mod elsewhere;

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::harness::apt::{AptRoot, HostFile};
use crate::harness::programs::{Outcome, program};
use crate::harness::roots;
use crate::harness::server::{TestServer, host_files};

const CLIENT: &str = "repod-client-repo.example.org-stable";
const RING: &str = "/etc/apt/repod/repo.example.org/stable.asc";

/// Every key, as `repoctl key status` knows it.
fn keys(server: &TestServer) -> Vec<Value> {
    let told = server.repoctl(&["key", "list", "--json"]).expect_success();
    serde_json::from_str(&told.stdout).unwrap()
}

fn fingerprints(server: &TestServer) -> Vec<String> {
    keys(server).iter().map(|key| key["fingerprint"].as_str().unwrap().to_owned()).collect()
}

/// The hosts that are not known to have a key.
fn behind(server: &TestServer, fingerprint: &str) -> Vec<String> {
    let keys = keys(server);
    let key = keys.iter().find(|key| key["fingerprint"] == fingerprint).unwrap();
    let hosts = key["hosts_behind"].as_array().unwrap();
    hosts.iter().map(|one| one["host"].as_str().unwrap().to_owned()).collect()
}

/// What dpkg unpacks names paths as they are on a real host; here they lie below the root.
fn settle(host: &AptRoot) {
    for path in [
        "/etc/apt/apt.conf.d/60repod-repo.example.org-stable.conf",
        "/etc/apt/sources.list.d/repod-repo.example.org-stable.sources",
    ] {
        let content = String::from_utf8(host.read(path).unwrap()).unwrap();
        assert!(!content.contains(&host.seen()), "{path} was not replaced");
        host.place(&[HostFile::new(path, 0o644, content)]);
    }
}

/// Updates and takes what is newer, as cron does on a host.
fn upgrade(host: &AptRoot) {
    let update = host.update().expect_success();
    // As apt-get has written them, and as apt does since version 3.
    let words = ["W: ", "E: ", "Warning: ", "Error: "];
    assert!(!words.iter().any(|word| update.says(word)), "{update}");
    host.upgrade().expect_success();
}

/// The InRelease file, and its parts as a verifier of detached signatures wants them.
struct Signed {
    dir: tempfile::TempDir,
}

impl Signed {
    fn fetch(server: &TestServer, host: &str) -> Self {
        let bytes = server.curl(host, "dists/stable/InRelease").run().expect_success().stdout;
        let dir = tempfile::tempdir().unwrap();
        let (text, signature) = bytes.split_once("\n-----BEGIN PGP SIGNATURE-----").unwrap();
        let (_, text) = text.split_once("\n\n").unwrap();
        std::fs::write(dir.path().join("InRelease"), &bytes).unwrap();
        std::fs::write(dir.path().join("text"), text).unwrap();
        let signature = format!("-----BEGIN PGP SIGNATURE-----{signature}");
        std::fs::write(dir.path().join("signature"), signature).unwrap();
        Self { dir }
    }

    /// Whether sqv accepts it with the keys in an armored file.
    fn sqv(&self, keyring: &Path) -> bool {
        let at = |name: &str| self.dir.path().join(name);
        let sqv = program("sqv").arg("--keyring").arg(keyring);
        sqv.arg(at("signature")).arg(at("text")).run().succeeded()
    }

    /// How many signatures gpgv calls good with the keys in an armored file. (Its exit code says that
    /// there was one by an unknown key: apt does not look at it.)
    fn gpgv(&self, keyring: &Path) -> usize {
        let binary = self.dir.path().join("ring.gpg");
        let armored = std::fs::read(keyring).unwrap();
        let home = self.dir.path().join("home");
        std::fs::create_dir_all(&home).unwrap();
        let gpg = program("gpg").args(["--batch", "--yes", "--homedir"]).arg(&home);
        gpg.args(["--dearmor", "-o"]).arg(&binary).input(armored).run().expect_success();
        let gpgv = program("gpgv").args(["--status-fd", "1", "--keyring"]).arg(&binary);
        let told = gpgv.arg(self.dir.path().join("InRelease")).run();
        told.stdout.lines().filter(|line| line.contains("GOODSIG")).count()
    }
}

/// The keyring of one key.
fn keyring_of(server: &TestServer, fingerprint: &str) -> PathBuf {
    let keys = keys(server);
    let key = keys.iter().find(|key| key["fingerprint"] == fingerprint).unwrap();
    let path = PathBuf::from(server.at(&format!("{fingerprint}.asc")));
    std::fs::write(&path, key["public"].as_str().unwrap()).unwrap();
    path
}

/// Runs the script that `repoctl host setup` wrote, as a person would, for hosts that have their key.
fn repair(server: &TestServer, host: &AptRoot, name: &str) {
    let out = server.at(&format!("again/{name}"));
    server.repoctl(&["host", "setup", name, "--out", &out]).expect_success();
    host.place(&host_files(Path::new(&out)));
}

#[test]
fn hosts_follow_a_rotation_and_one_that_slept_is_refused_and_mended() {
    rotation_with(AptRoot::new, is_about_keys);
}

/// The same with an apt of today, in a root in which nothing but sqv verifies.
#[test]
fn hosts_whose_apt_verifies_with_sqv_follow_a_rotation_and_one_that_slept_is_mended() {
    let Some(roots) = roots::kept("apt-roots", &["trixie"]) else { return };
    let root = roots.join("trixie");
    let has = |name: &str| root.join("usr/bin").join(name).exists();
    assert!(has("sqv") && !has("gpgv") && !has("gpg"), "{root:?} has other verifiers");
    let version = AptRoot::within(&root).apt_version();
    assert!(version.starts_with("3."), "apt {version} there");
    // By the program and its own words: that apt asked it, and of what it complained.
    let words = ["/usr/bin/sqv returned an error code", "Missing key"];
    rotation_with(|| AptRoot::within(&root), |told| words.iter().all(|word| told.says(word)));
}

fn rotation_with(machine: impl Fn() -> AptRoot, is_about_keys: impl Fn(&Outcome) -> bool) {
    let server = TestServer::start();
    server.repoctl(&["suite", "edit", "stable", "--owns", "acme-*"]).expect_success();
    server.upload("acme-web", "1.0").expect_success();
    let published = server.repoctl(&["key", "publish", "--suite", "stable"]).expect_success();
    assert!(published.says(CLIENT), "{published}");
    let old = fingerprints(&server).remove(0);
    let old_keyring = keyring_of(&server, &old);

    // Before: both have what `host issue` wrote, and the client package.
    let awake = server.host_with("awake.example.org", machine());
    let asleep = server.host_with("asleep.example.org", machine());
    for host in [&awake, &asleep] {
        host.update().expect_success();
        host.install(&["acme-web", CLIENT]).expect_success();
        assert_eq!(host.installed(CLIENT).as_deref(), Some("1"));
        settle(host);
        upgrade(host);
    }
    assert_eq!(behind(&server, &old), Vec::<String>::new());
    server.repoctl(&["key", "retire", &old, "--yes"]).expect_code(1).expect_says("only key");

    // Overlap: signed by both, and whoever knows one of them accepts it.
    let rotated = server.repoctl(&["key", "rotate"]).expect_success();
    assert!(rotated.says(&format!("{CLIENT} 2")), "{rotated}");
    let new = fingerprints(&server).remove(1);
    assert!(new != old && rotated.says(&new), "{rotated}");
    let (new_keyring, both) =
        (keyring_of(&server, &new), server.data().join("keys/archive-key.asc"));
    let signed = Signed::fetch(&server, "awake.example.org");
    for (keyring, good) in [(&old_keyring, 1), (&new_keyring, 1), (&both, 2)] {
        assert_eq!(signed.gpgv(keyring), good, "{keyring:?}");
        assert!(signed.sqv(keyring), "{keyring:?}");
    }
    assert_eq!(behind(&server, &new), ["asleep.example.org", "awake.example.org"]);
    let refused = server.repoctl(&["key", "retire", &old, "--yes"]).expect_code(1);
    assert!(refused.says("asleep.example.org") && refused.says("--force"), "{refused}");

    server.repoctl(&["audit", "--verb", "key-add"]).expect_success().expect_says(&new);

    // The host that is awake knows the old key only, and gets the new one with its upgrade.
    assert_eq!(awake.read(RING).unwrap(), std::fs::read(&old_keyring).unwrap());
    upgrade(&awake);
    assert_eq!(awake.installed(CLIENT).as_deref(), Some("2"));
    assert_eq!(awake.read(RING).unwrap(), std::fs::read(&both).unwrap());
    settle(&awake);
    upgrade(&awake);
    assert_eq!(behind(&server, &new), ["asleep.example.org"]);
    server.repoctl(&["key", "status"]).expect_success().expect_says("asleep.example.org");
    // It fetches every package in the name of that host, so not before.
    server.check("awake.example.org", "stable");

    // After: the old one is gone, from the signature and from the next client package.
    server.repoctl(&["key", "retire", &old, "--yes"]).expect_code(1);
    let retired = server.repoctl(&["key", "retire", &old, "--force", "--yes"]).expect_success();
    assert!(retired.says(&format!("{CLIENT} 3")), "{retired}");
    // The log says so, and what signed it last stands by the key that is left.
    let line = server.repoctl(&["audit", "--verb", "key-retire"]).expect_success();
    assert!(line.says(&old) && line.says("forced"), "{line}");
    server.repoctl(&["audit", "verify"]).expect_success().expect_says("the audit log is whole");
    let signed = Signed::fetch(&server, "awake.example.org");
    assert!(signed.gpgv(&old_keyring) == 0 && !signed.sqv(&old_keyring));
    assert!(signed.gpgv(&new_keyring) == 1 && signed.sqv(&new_keyring));
    upgrade(&awake);
    assert_eq!(awake.read(RING).unwrap(), std::fs::read(&new_keyring).unwrap());
    settle(&awake);
    server.upload("acme-web", "2.0").expect_success();
    upgrade(&awake);
    assert_eq!(awake.installed("acme-web").as_deref(), Some("2.0"));

    // The one that slept is told, keeps what it has, and is mended by the documented command.
    let told = asleep.update().expect_code(100);
    assert!(is_about_keys(&told), "{told}");
    asleep.apt_get(&["-y", "upgrade"]).expect_success();
    assert_eq!(asleep.installed("acme-web").as_deref(), Some("1.0"));
    repair(&server, &asleep, "asleep.example.org");
    upgrade(&asleep);
    assert_eq!(asleep.installed("acme-web").as_deref(), Some("2.0"));
    assert_eq!(asleep.installed(CLIENT).as_deref(), Some("3"));
    assert_eq!(behind(&server, &new), Vec::<String>::new());
    server.check("asleep.example.org", "stable");
}

/// In the words of apt with gpgv, and of apt with sqv.
fn is_about_keys(told: &Outcome) -> bool {
    let words = ["NO_PUBKEY", "Missing key", "is not signed", "verifying"];
    words.iter().any(|word| told.says(word))
}

/// The files of the package are the host's own: dpkg asks nobody, whatever was changed, and the package
/// is one that dpkg-deb takes apart.
#[test]
fn the_client_package_replaces_what_host_setup_wrote_and_asks_nobody() {
    let server = TestServer::start();
    server.upload("acme-web", "1.0").expect_success();
    server.repoctl(&["key", "publish", "--suite", "stable"]).expect_success();
    let host = server.host("web1.example.org");
    host.update().expect_success();
    let changed = "/etc/apt/preferences.d/60repod-repo.example.org-stable.pref";
    host.place(&[HostFile::new(
        changed,
        0o644,
        "Package: nothing\nPin: version 1\nPin-Priority: 1\n",
    )]);
    let installed = host.install(&[CLIENT]).expect_success();
    assert!(!installed.says("Configuration file"), "{installed}");
    let now = String::from_utf8(host.read(changed).unwrap()).unwrap();
    assert!(now.contains("acme-web") && now.contains(CLIENT), "{now}");

    host.apt_get(&["download", CLIENT, "-o", "APT::Sandbox::User=root"]);
    let cached = host.path("var/cache/apt/archives");
    let deb = std::fs::read_dir(&cached).unwrap().map(|entry| entry.unwrap().path());
    let deb = deb.into_iter().find(|path| path.to_string_lossy().contains("repod-client")).unwrap();
    let out = PathBuf::from(server.at("unpacked"));
    program("dpkg-deb").arg("-R").arg(&deb).arg(&out).run().expect_success();
    let members = std::fs::read_dir(out.join("DEBIAN")).unwrap();
    let mut members: Vec<_> =
        members.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    members.sort();
    assert_eq!(members, ["control", "md5sums", "postinst"], "one script, no conffiles");
    program("sh")
        .args(["-c", "md5sum --check --quiet DEBIAN/md5sums"])
        .dir(&out)
        .run()
        .expect_success();
    // Nobody else may send packages of that name.
    let rival = server.deb(&crate::harness::server::package(CLIENT, "99"));
    server
        .repoctl(&["upload", "--suite", "stable", &rival])
        .expect_code(1)
        .expect_says("only the server");
    // The same again is no other package; an edit of the suite makes one by itself.
    let again = server.repoctl(&["key", "publish", "--suite", "stable"]).expect_success();
    assert!(again.says("already"), "{again}");
    server.repoctl(&["suite", "edit", "stable", "--owns", "acme-*"]).expect_success();
    let other = server.repoctl(&["key", "publish", "--suite", "stable"]).expect_success();
    assert!(other.says(&format!("{CLIENT} 2")), "{other}");
    // Going back with the whole suite leaves it: it would take keys away.
    server.upload("acme-web", "2.0").expect_success();
    let back =
        ["pin", "--suite", "stable", "--rollback", "--all", "--to", "2", "-m", "all back", "--yes"];
    server.repoctl(&back).expect_success();
    let report = server.check("web1.example.org", "stable");
    assert_eq!(report.versions(CLIENT), ["2"]);
    assert_eq!(report.versions("acme-web"), ["1.0"]);
}

#[test]
fn a_key_may_be_for_one_suite_alone() {
    let server = TestServer::start();
    server.repoctl(&["suite", "create", "edge", "--architecture", "amd64"]).expect_success();
    let _host = server.host("web1.example.org");
    server.repoctl(&["key", "rotate", "--suite", "edge"]).expect_success();
    let both = fingerprints(&server);
    let signed = Signed::fetch(&server, "web1.example.org");
    assert_eq!(signed.gpgv(&server.data().join("keys/archive-key.asc")), 1);
    let setup = server.curl_as_operator("api/v1/hosts/web1.example.org/setup").run();
    let setup = setup.expect_success().stdout;
    assert!(setup.contains("stable.asc") && !setup.contains("edge.asc"), "{setup}");
    // Once in the file, and once in the values that a host makes it from.
    assert_eq!(setup.matches("BEGIN PGP PUBLIC KEY").count(), 2, "{setup}");
    // Edge can do without the first key, stable cannot.
    server.repoctl(&["key", "retire", &both[0], "--yes"]).expect_code(1).expect_says("only key");
    server.repoctl(&["key", "retire", &both[1], "--yes"]).expect_success();
    server.repoctl(&["key", "rotate", "--suite", "absent"]).expect_code(1).expect_says("absent");
    server.repoctl(&["key", "retire", &both[1], "--yes"]).expect_code(1).expect_says("no key");
}

/// Wherever it is killed: it starts again, has one keyring or the other, and makes good what was owed.
#[test]
fn a_server_that_is_killed_in_a_rotation_starts_and_finishes_it() {
    let mut server = TestServer::start();
    server.upload("acme-web", "1.0").expect_success();
    server.repoctl(&["key", "publish", "--suite", "stable"]).expect_success();
    let _host = server.host("web1.example.org");
    let mut before = fingerprints(&server);
    for milliseconds in [0, 3, 10, 30, 100, 300, 900, 1500] {
        let profile = server.at("data/operator/config.toml");
        let mut rotating = std::process::Command::new(env!("CARGO_BIN_EXE_repoctl"))
            .env("REPOCTL_CONFIG", profile)
            .args(["key", "rotate", "-m", &format!("killed after {milliseconds}")])
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::null())
            .spawn()
            .unwrap();
        // Not a wait for anything: where in the rotation the end comes is what is tried.
        std::thread::sleep(std::time::Duration::from_millis(milliseconds));
        server.kill();
        rotating.wait().unwrap();
        server.serve();
        let now = fingerprints(&server);
        assert!(now.len() - before.len() <= 1 && now.starts_with(&before), "{before:?} {now:?}");
        // Wherever the end came, a key that came has its line, with who asked and why, and no other has.
        let lines = server.repoctl(&["audit", "--verb", "key-add", "--all", "--json"]);
        let lines = lines.expect_success().stdout;
        let lines: Vec<_> = lines.lines().collect();
        assert_eq!(lines.len(), now.len() - 1, "{now:?} {lines:?}");
        for key in &now[before.len()..] {
            let why = format!("\"message\":\"killed after {milliseconds}\"");
            let line = lines.last().unwrap();
            assert!(line.contains(key) && line.contains(&why), "{line}");
            assert!(line.contains("\"identity\":\"operator\""), "{line}");
        }
        before = now;
        // The server looks at it when it starts: by then the heads have every key, and hosts the package.
        let begun = std::time::Instant::now();
        let keyring = server.data().join("keys/archive-key.asc");
        loop {
            let signed = Signed::fetch(&server, "web1.example.org");
            if signed.gpgv(&keyring) == before.len() {
                break;
            }
            assert!(begun.elapsed().as_secs() < 60, "{}", server.log());
            std::thread::sleep(std::time::Duration::from_millis(100));
        }
        server.check("web1.example.org", "stable");
    }
    assert!(before.len() > 1, "no rotation came far enough");
    let private = |name: &str| name.starts_with("signing") && name.ends_with(".asc");
    for entry in std::fs::read_dir(server.data().join("keys")).unwrap() {
        let entry = entry.unwrap();
        if private(&entry.file_name().to_string_lossy()) {
            use std::os::unix::fs::PermissionsExt as _;
            assert_eq!(entry.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        }
    }
}

/// The server is stopped and its key lost: another one is made, and the old one taken out.
#[test]
fn a_lost_key_is_replaced_while_the_server_is_stopped() {
    let mut server = TestServer::start();
    server.upload("acme-web", "1.0").expect_success();
    let host = server.host("web1.example.org");
    host.update().expect_success();
    let old = fingerprints(&server).remove(0);
    assert_eq!(server.stop(), 0);
    std::fs::remove_file(server.data().join("keys/signing.asc")).unwrap();
    let config = server.at("data/repod.toml");
    server.repod(&["serve", "--config", &config]).run().expect_code(1).expect_says("signing.asc");
    server.repod(&["key", "retire", &old, "--config", &config]).run().expect_code(1);
    server.repod(&["key", "new", "--config", &config]).run().expect_success();
    let listed = server.repod(&["key", "retire", &old, "--config", &config]).run();
    assert!(!listed.expect_success().says(&old));
    server.serve();
    let keyring = server.data().join("keys/archive-key.asc");
    let begun = std::time::Instant::now();
    while Signed::fetch(&server, "web1.example.org").gpgv(&keyring) != 1 {
        assert!(begun.elapsed().as_secs() < 60, "{}", server.log());
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    host.update().expect_code(100);
    repair(&server, &host, "web1.example.org");
    host.update().expect_success();
    server.check("web1.example.org", "stable");
    // What was done by hand has its lines, and the log is signed again by a key that is there.
    for verb in ["key-add", "key-retire"] {
        let lines = server.repoctl(&["audit", "--verb", verb, "--all", "--json"]).expect_success();
        assert_eq!(lines.stdout.lines().count(), 1, "{lines}");
        assert!(lines.says("on the server itself"), "{lines}");
    }
    server.repoctl(&["audit", "verify"]).expect_success().expect_says("the audit log is whole");
}

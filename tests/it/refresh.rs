//! `repoctl host refresh` on real hosts: what they lack is written, and what somebody altered there is left alone.

mod altered;
mod keys;
mod strict;

use std::path::Path;

use crate::harness::apt::AptRoot;
use crate::harness::programs::{Outcome, program};
use crate::harness::server::{TestServer, host_files, package};

const HOST: &str = "web-01.example.org";

/// A server with the suites `stable` and `edge`, with one package each.
fn server() -> TestServer {
    let server = TestServer::start();
    server.repoctl(&["suite", "edit", "stable", "--owns", "acme-*"]).expect_success();
    create(&server, "edge");
    server.upload("acme-web", "1.0").expect_success();
    upload(&server, "edge", "edge-tool", "1.0");
    server
}

pub(crate) fn create(server: &TestServer, suite: &str) {
    let owns = format!("{suite}-*");
    let create = ["suite", "create", suite, "--architecture", "amd64", "--owns", &owns];
    server.repoctl(&create).expect_success();
}

pub(crate) fn upload(server: &TestServer, suite: &str, name: &str, version: &str) {
    let path = server.deb(&package(name, version));
    server.repoctl(&["upload", "--suite", suite, &path]).expect_success();
}

/// `repoctl host refresh ARGS` on this host, whose root is not the machine's.
fn refresh(root: &Path, args: &[&str]) -> Outcome {
    let root = root.display().to_string();
    program(env!("CARGO_BIN_EXE_repoctl"))
        .args(["host", "refresh", "--root", &root])
        .args(args)
        .run()
}

/// A machine without anything, enrolled with a token for these suites.
fn enrolled(server: &TestServer, suites: &str) -> AptRoot {
    let host = AptRoot::new();
    let token = server.repoctl(&["host", "token", HOST, "--suite", suites, "--yes"]);
    let token = token.expect_success().stdout;
    let root = host.path("/").display().to_string();
    program(env!("CARGO_BIN_EXE_repoctl"))
        .args(["host", "enroll", "--root", &root, token.trim()])
        .run()
        .expect_success();
    host
}

fn grant(server: &TestServer, suites: &str) {
    server.repoctl(&["host", "grant", HOST, "--suite", suites, "--yes"]).expect_success();
}

fn text(host: &AptRoot, path: &str) -> String {
    String::from_utf8(host.read(path).unwrap_or_else(|| panic!("no {path}"))).unwrap()
}

fn path_of(folder: &str, begin: &str, suite: &str, extension: &str) -> String {
    format!("/etc/apt/{folder}.d/{begin}repod-repo.example.org-{suite}.{extension}")
}

fn sources(suite: &str) -> String {
    path_of("sources.list", "", suite, "sources")
}

fn preferences(suite: &str) -> String {
    path_of("preferences", "60", suite, "pref")
}

fn configuration(suite: &str) -> String {
    path_of("apt.conf", "60", suite, "conf")
}

fn keys(suite: &str) -> String {
    format!("/etc/apt/repod/repo.example.org/{suite}.asc")
}

/// The paths in a private root are those of a real host, which its apt does not read: what was written is read where it
/// is, for as long as `look` takes.
pub(crate) fn read_by_apt<T>(host: &AptRoot, look: impl FnOnce(&AptRoot) -> T) -> T {
    let seen = AptRoot::new();
    let mut files = Vec::new();
    for folder in ["apt.conf.d", "preferences.d", "sources.list.d"] {
        for entry in std::fs::read_dir(host.path(&format!("/etc/apt/{folder}"))).unwrap() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            let path = format!("/etc/apt/{folder}/{name}");
            files.push(crate::harness::apt::HostFile::new(&path, 0o644, text(host, &path)));
        }
    }
    for server in std::fs::read_dir(host.path("/etc/apt/repod")).unwrap() {
        let server = server.unwrap().path();
        let name = server.file_name().unwrap().to_str().unwrap().to_owned();
        for entry in std::fs::read_dir(&server).into_iter().flatten().map(Result::unwrap) {
            if let Ok(content) = std::fs::read(entry.path()) {
                let path = format!("/etc/apt/repod/{name}/{}", entry.file_name().to_str().unwrap());
                files.push(crate::harness::apt::HostFile::new(&path, 0o644, content));
            }
        }
    }
    seen.place(&files);
    look(&seen)
}

#[test]
fn a_suite_that_is_given_to_a_host_is_installed_from_and_followed() {
    let server = server();
    let host = enrolled(&server, "stable");
    let root: &Path = host.as_ref();
    refresh(root, &[]).expect_success().expect_says_nothing();
    grant(&server, "stable,edge");

    let told = refresh(root, &["--dry-run"]).expect_success();
    assert_eq!(
        told.stdout.lines().filter(|line| line.starts_with("would write ")).count(),
        4,
        "{told}"
    );
    assert!(host.read(&sources("edge")).is_none() && host.read(&keys("edge")).is_none());
    let told = refresh(root, &[]).expect_success().expect_says("next: apt-get update");
    for path in [keys("edge"), configuration("edge"), preferences("edge"), sources("edge")] {
        assert!(told.stdout.contains(&format!("wrote {path}\n")), "{told}");
    }
    refresh(root, &[]).expect_success().expect_says_nothing();

    read_by_apt(&host, |apt| {
        apt.update().expect_success();
        apt.install(&["acme-web", "edge-tool"]).expect_success();
        upload(&server, "edge", "edge-tool", "2.0");
        apt.update().expect_success();
        apt.upgrade().expect_success();
        assert_eq!(apt.installed("edge-tool").as_deref(), Some("2.0"));
        server.repoctl(&["pin", "--suite", "edge", "--rollback", "edge-tool"]).expect_success();
        apt.update().expect_success();
        apt.upgrade().expect_success();
        assert_eq!(apt.installed("edge-tool").as_deref(), Some("1.0"));
    });
    // What the server sends as files is the same, byte for byte, but for the keys' armor.
    let out = server.at("setup");
    server.repoctl(&["host", "setup", HOST, "--out", &out]).expect_success();
    for file in host_files(out.as_ref()).into_iter().filter(|one| !one.path.ends_with(".asc")) {
        assert_eq!(host.read(&file.path), Some(file.content), "{}", file.path);
    }
}

#[test]
fn what_a_suite_owns_and_lists_reaches_a_host() {
    let server = server();
    create_open(&server);
    let host = enrolled(&server, "stable,open");
    let root: &Path = host.as_ref();
    server.repoctl(&["suite", "edit", "stable", "--owns", "acme-*,more-*"]).expect_success();
    server.repoctl(&["suite", "edit", "stable", "--add-architecture", "arm64"]).expect_success();
    upload(&server, "open", "two", "1.0");
    let told = refresh(root, &[]).expect_success();
    assert_eq!(told.stdout.lines().count(), 3, "{told}");
    assert!(text(&host, &preferences("stable")).contains("acme-*:any more-*:any"));
    assert!(text(&host, &preferences("open")).contains("one:any two:any"));
    assert!(text(&host, &sources("stable")).contains("Architectures: amd64 arm64\n"));
    refresh(root, &[]).expect_success().expect_says_nothing();
}

/// What `host issue` and its script have put there was noted by nobody.
#[test]
fn a_host_that_was_set_up_by_hand_or_by_an_earlier_build_gets_what_is_new() {
    let server = server();
    create_open(&server);
    let host = AptRoot::new();
    let out = server.at("issued");
    let issue = ["host", "issue", HOST, "--suite", "stable,open", "--out", &out];
    server.repoctl(&issue).expect_success();
    let files = host_files(out.as_ref());
    for file in &files {
        let path = host.path(&file.path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, &file.content).unwrap();
    }
    let root: &Path = host.as_ref();
    refresh(root, &[]).expect_success().expect_says_nothing();
    std::fs::remove_file(host.path("/etc/apt/repod/written.json")).unwrap();

    let (script, service) =
        ("/usr/local/sbin/repod-upgrade", "/etc/systemd/system/repod-renew.service");
    let earlier = include_str!("../../packaging/earlier/repod-upgrade");
    let earlier = earlier.replace("@HOST@", HOST).replace("@URL@", &format!("{}/", server.url()));
    std::fs::write(host.path(script), &earlier).unwrap();
    std::fs::create_dir_all(host.path("/etc/systemd/system")).unwrap();
    let unit = include_str!("../../packaging/earlier/repod-renew.service");
    std::fs::write(host.path(service), unit).unwrap();
    upload(&server, "open", "two", "1.0");
    let told = refresh(root, &[]).expect_success().expect_says("systemctl daemon-reload");
    for path in [script, service, &preferences("open")] {
        assert!(told.stdout.contains(&format!("wrote {path}\n")), "{told}");
    }
    let sent = files.iter().find(|file| file.path == script).unwrap();
    assert_eq!(host.read(script).as_ref(), Some(&sent.content));
    assert!(text(&host, service).contains("repoctl host refresh"));
    let mode = std::os::unix::fs::PermissionsExt::mode(
        &std::fs::metadata(host.path(script)).unwrap().permissions(),
    );
    assert_eq!(mode & 0o7777, 0o755);
    refresh(root, &[]).expect_success().expect_says_nothing();
}

fn create_open(server: &TestServer) {
    let create = ["suite", "create", "open", "--architecture", "amd64"];
    server.repoctl(&create).expect_success();
    upload(server, "open", "one", "1.0");
}

#[test]
fn of_two_servers_each_is_refreshed_and_one_that_is_away_stops_no_other() {
    let (mut other, server) = (TestServer::named("localhost"), server());
    create(&other, "night");
    create(&other, "day");
    let host = enrolled(&server, "stable");
    let root: &Path = host.as_ref();
    let token = other.repoctl(&["host", "token", "other-name.example.org", "--suite", "night"]);
    let token = token.expect_success().stdout;
    let shown = root.display().to_string();
    program(env!("CARGO_BIN_EXE_repoctl"))
        .args(["host", "enroll", "--root", &shown, token.trim()])
        .run()
        .expect_success();
    // The two know the machine by two names; its one script has always the same of them.
    refresh(root, &[]).expect_success();
    refresh(root, &[]).expect_success().expect_says_nothing();

    grant(&server, "stable,edge");
    let grant = ["host", "grant", "other-name.example.org", "--suite", "night,day"];
    other.repoctl(&grant).expect_success();
    let day = "/etc/apt/sources.list.d/repod-localhost-day.sources";
    refresh(root, &[]).expect_success().expect_says(day).expect_says(&sources("edge"));
    assert!(text(&host, day).contains(&format!("URIs: https://localhost:{}/\n", other.port())));
    assert!(text(&host, &sources("edge")).contains(&format!("URIs: {}/\n", server.url())));

    other.stop();
    create(&server, "late");
    self::grant(&server, "stable,edge,late");
    refresh(root, &[]).expect_code(4).expect_says("localhost: ").expect_says(&sources("late"));
    assert!(host.read(&sources("late")).is_some());
}

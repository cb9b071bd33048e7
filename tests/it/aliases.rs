//! A suite under two names: what hosts that read it by either one get and follow, what moves an alias and whom that
//! stops, and that an alias gives nobody a right.

use std::path::Path;
use std::time::{Duration, Instant};

use crate::check::check_suite;
use crate::check::fetch::Curl;
use crate::harness::apt::AptRoot;
use crate::harness::programs::{Outcome, is_root};
use crate::harness::server::{SAME_ID, TestServer, host_files, package};
use crate::harness::terminal::{Answer, on_terminal, questions};

#[path = "aliases/export.rs"]
mod export;
#[path = "aliases/names.rs"]
mod names;
#[path = "aliases/rights.rs"]
mod rights;

const HOST: &str = "web1.example.org";
const SOURCES: &str = "/etc/apt/sources.list.d/repod-repo.example.org-bookworm.sources";

/// A server without a suite.
fn bare() -> TestServer {
    let mut server = TestServer::init();
    server.serve();
    server
}

fn create(server: &TestServer, suite: &str, more: &[&str]) -> Outcome {
    let create = ["suite", "create", suite, "--architecture", "amd64", "--owns", "acme-*,noisy-*"];
    server.repoctl(&[&create[..], more].concat())
}

fn edit(server: &TestServer, suite: &str, more: &[&str]) -> Outcome {
    server.repoctl(&[&["suite", "edit", suite][..], more].concat())
}

/// A host of the suite `bookworm`, as `repoctl host issue` makes it, that reads it by this name.
fn host(server: &TestServer, name: &str, reads: &str) -> AptRoot {
    host_in(server, name, reads, AptRoot::new())
}

fn host_in(server: &TestServer, name: &str, reads: &str, root: AptRoot) -> AptRoot {
    let out = server.at(&format!("hosts/{name}"));
    let issue = ["host", "issue", name, "--suite", "bookworm", "--out", &out];
    server.repoctl(&issue).expect_success();
    root.place(&host_files(Path::new(&out)));
    let sources = String::from_utf8(root.read(SOURCES).unwrap()).unwrap();
    assert!(sources.contains("\nSuites: bookworm\n"), "{sources}");
    let sources = sources.replace("Suites: bookworm", &format!("Suites: {reads}"));
    std::fs::write(root.path(SOURCES), sources).unwrap();
    root
}

/// `apt-get update` that says nothing that a person would have to look at.
#[track_caller]
fn update(host: &AptRoot) -> Outcome {
    let told = host.update().expect_success();
    for word in ["W:", "E:", "N:", "changed its", "Conflicting distribution"] {
        assert!(!told.says(word), "{told}");
    }
    told
}

#[track_caller]
fn follows(host: &AptRoot, version: &str) {
    update(host);
    host.upgrade().expect_success();
    assert_eq!(host.installed("acme-web").as_deref(), Some(version));
}

fn field(text: &str, name: &str) -> String {
    let line = text.lines().find_map(|line| line.strip_prefix(&format!("{name}: ")));
    line.unwrap_or_else(|| panic!("no {name} in {text}")).to_owned()
}

fn release(server: &TestServer, path: &str) -> String {
    server.curl_as_operator(&format!("{path}/Release")).run().expect_success().stdout
}

/// An alias that comes to a suite with hosts asks nobody, and both names are followed up and down.
#[test]
fn hosts_follow_a_suite_by_both_of_its_names_and_nobody_is_asked() {
    let server = bare();
    create(&server, "bookworm", &[]).expect_success();
    let deb = server.deb(&package("acme-web", "1.0"));
    server.repoctl(&["upload", "--suite", "bookworm", &deb]).expect_success();
    let by_codename = host(&server, HOST, "bookworm");
    update(&by_codename);
    by_codename.install(&["acme-web"]).expect_success();
    assert_eq!(field(&release(&server, "dists/bookworm"), "Suite"), "bookworm");

    // Nothing is asked where nobody can be asked: no host stops.
    let done = edit(&server, "bookworm", &["--alias", "stable"]).expect_success();
    assert!(done.says("live as generation 3 of bookworm"), "{done}");
    let text = release(&server, "dists/bookworm");
    assert_eq!([field(&text, "Suite"), field(&text, "Codename")], ["stable", "bookworm"]);
    update(&by_codename);
    let by_alias = host(&server, "web2.example.org", "stable");
    update(&by_alias);
    by_alias.install(&["acme-web"]).expect_success();

    // An upload by the alias is one to the suite.
    let told = server.upload("acme-web", "2.0").expect_success();
    assert!(told.says("bookworm") && !told.says("of stable"), "{told}");
    for host in [&by_codename, &by_alias] {
        follows(host, "2.0");
        // What lets a host go down matches the Codename, by either path.
        let policy = host.program("apt-cache").args(["policy", "acme-web"]).run().expect_success();
        assert!(policy.says("1001"), "{policy}");
    }
    let back = ["pin", "--suite", "stable", "--rollback", "acme-web", "-m", "bad", "--json"];
    let told = server.repoctl(&back).expect_success();
    let told: serde_json::Value = serde_json::from_str(&told.stdout).unwrap();
    assert_eq!(told["suite"], "bookworm");
    for host in [&by_codename, &by_alias] {
        follows(host, "1.0");
        host.forget_lists();
        let debug = ["-o", "Debug::Acquire::https=1", "update"];
        let told = host.apt_get(&debug).expect_success();
        assert!(told.says("/main/binary-amd64/by-hash/SHA256/"), "{told}");
    }
    // Both are hosts of the suite.
    let shown = server.repoctl(&["host", "show", "web2.example.org"]).expect_success();
    assert!(shown.says("bookworm"), "{shown}");
    // Another alias and none ask nobody who reads by the codename.
    for (more, suite) in [(&["--alias", "prod"][..], "prod"), (&["--no-alias"], "bookworm")] {
        edit(&server, "bookworm", &[more, &["--yes"]].concat()).expect_success();
        assert_eq!(field(&release(&server, "dists/bookworm"), "Suite"), suite);
        update(&by_codename);
    }
    let refused = by_alias.update().expect_code(100);
    assert!(refused.says("403"), "{refused}");
}

/// A large index is followed by its patches, at the alias too.
#[test]
fn a_patch_is_fetched_by_the_alias() {
    let server = bare();
    create(&server, "bookworm", &["--alias", "stable"]).expect_success();
    let folder = server.at("many");
    std::fs::create_dir_all(&folder).unwrap();
    let noisy = |number: u32, version: &str| {
        let noise = |line| format!(" {:x}\n", md5_like(&format!("{number}/{line}/{version}")));
        let text = format!("noise\n{}", (0..24).map(noise).collect::<String>());
        package(&format!("noisy-{number:03}"), version).field("Description", text.trim_end())
    };
    for number in 0..260 {
        let deb = noisy(number, "1.0");
        std::fs::write(format!("{folder}/{}", deb.file_name()), deb.build()).unwrap();
    }
    server.repoctl(&["upload", "--suite", "stable", &folder]).expect_success();
    let hosts = [host(&server, HOST, "bookworm"), host(&server, "web2.example.org", "stable")];
    hosts.iter().for_each(|host| drop(update(host)));
    let deb = server.deb(&noisy(7, "2.0"));
    server.repoctl(&["upload", "--suite", "stable", &deb]).expect_success();
    let begun = Instant::now();
    while !release(&server, "dists/stable").contains("binary-amd64/Packages.diff/Index") {
        assert!(begun.elapsed() < Duration::from_secs(60), "patches are never listed");
        std::thread::sleep(Duration::from_millis(100));
    }
    for host in &hosts {
        update(host).expect_says("pdiff");
        assert_eq!(host.policy("noisy-007").candidate.as_deref(), Some("2.0"));
    }
    assert_eq!(checked(&server, "stable"), checked(&server, "bookworm"));
}

/// Numbers that no program makes short.
fn md5_like(text: &str) -> u128 {
    let digest = <sha2::Sha256 as sha2::Digest>::digest(text);
    u128::from_be_bytes(digest[..16].try_into().unwrap())
}

/// Every file below a name, walked by the independent checker: its fields and digests, patches, by-hash.
#[track_caller]
fn checked(server: &TestServer, name: &str) -> String {
    let own = server.at(&format!("hosts/{HOST}/etc/apt/repod/repo.example.org"));
    let own = Path::new(&own);
    let source = Curl::new(&server.url())
        .ca(&server.data().join("ca/ca.crt"))
        .certificate(&own.join("client.crt"), &own.join("client.key"));
    let key = server.data().join("keys/archive-key.asc");
    format!("{:?}", check_suite(&source, name, &key).unwrap())
}

/// The head of an answer less what is of its moment, and the body.
fn answer(server: &TestServer, path: &str, more: &[&str]) -> (String, Vec<String>, String) {
    let told = server.curl_as_operator(path).args(SAME_ID).args(more).run().expect_success().stdout;
    let (head, body) = told.split_once("\r\n\r\n").unwrap();
    let mut lines = head.lines();
    let status = lines.next().unwrap().to_owned();
    let mut fields: Vec<_> =
        lines.filter(|line| !line.starts_with("date:")).map(str::to_owned).collect();
    fields.sort();
    (status, fields, body.to_owned())
}

/// Both paths are one: the same bytes, the same validators, the same answers to conditions, live and below a snapshot.
#[test]
fn both_paths_carry_the_same_bytes_dates_and_conditions() {
    let mut server = bare();
    create(&server, "bookworm", &["--contents", "no"]).expect_success();
    let _host = host(&server, HOST, "bookworm");
    let deb = server.deb(&package("acme-web", "1.0"));
    server.repoctl(&["upload", "--suite", "bookworm", &deb]).expect_success();
    // A snapshot that was signed before the alias came says it from then on.
    let before = release(&server, "snapshot/2/dists/bookworm");
    edit(&server, "bookworm", &["--alias", "stable"]).expect_success();
    let after = release(&server, "snapshot/2/dists/stable");
    assert_eq!([field(&before, "Suite"), field(&after, "Suite")], ["bookworm", "stable"]);
    assert_eq!(field(&before, "Date"), field(&after, "Date"));
    // All that follows is listed, so nothing is signed again meanwhile.
    let begun = Instant::now();
    while !release(&server, "dists/bookworm").contains("Packages.xz") {
        assert!(begun.elapsed() < Duration::from_secs(60), "xz is never listed");
        std::thread::sleep(Duration::from_millis(100));
    }
    let text = release(&server, "dists/bookworm");
    let listed: Vec<_> = text.lines().filter(|line| line.starts_with(' ')).collect();
    let names = listed.iter().map(|line| line.split_whitespace().nth(2).unwrap());
    let hashes = listed.iter().map(|line| {
        let digest = line.split_whitespace().next().unwrap();
        format!("main/binary-amd64/by-hash/SHA256/{digest}")
    });
    let mut files: Vec<String> = names.map(str::to_owned).chain(hashes).collect();
    assert!(files.len() >= 6, "{files:?}");
    files.extend(["Release", "Release.gpg", "InRelease", "main/absent"].map(str::to_owned));
    server.stop();
    server.serve();
    for below in ["", "snapshot/2/", "snapshot/3/"] {
        for file in &files {
            let [codename, alias] =
                ["bookworm", "stable"].map(|name| format!("{below}dists/{name}/{file}"));
            let one = answer(&server, &codename, &["-o-", "--raw"]);
            assert_eq!(one, answer(&server, &alias, &["-o-", "--raw"]), "{alias}");
            let Some(date) = one.1.iter().find_map(|line| line.strip_prefix("last-modified: "))
            else {
                assert!(file == "main/absent" && one.0.contains("404"), "{file}: {one:?}");
                continue;
            };
            for (condition, status) in [
                (format!("If-Modified-Since: {date}"), "304"),
                ("If-Modified-Since: Sat, 01 Jan 2000 00:00:00 GMT".to_owned(), "200"),
                ("Range: bytes=5-9".to_owned(), "206"),
            ] {
                let of = |path: &str| answer(&server, path, &["-H", &condition, "-o-"]);
                let one = of(&codename);
                assert!(one.0.contains(status), "{codename} {condition}: {one:?}");
                assert_eq!(one, of(&alias), "{alias} {condition}");
            }
        }
    }
    assert_eq!(checked(&server, "stable"), checked(&server, "bookworm"));
    // apt at a snapshot by the alias: no warning either.
    let by_alias = host(&server, "web2.example.org", "stable");
    let sources = String::from_utf8(by_alias.read(SOURCES).unwrap()).unwrap();
    let root = format!("{}/", server.url());
    let moved = sources.replace(&root, &format!("{root}snapshot/2/"));
    std::fs::write(by_alias.path(SOURCES), moved).unwrap();
    update(&by_alias);
    by_alias.install(&["acme-web"]).expect_success();
}

/// Who reads by the alias stops with just what the question says, and goes on by just the cure; who reads by the codename
/// does not notice.
#[test]
fn an_alias_moves_after_a_question_and_stops_the_hosts_that_it_says() {
    let server = bare();
    create(&server, "bookworm", &["--alias", "stable"]).expect_success();
    create(&server, "trixie", &[]).expect_success();
    for (suite, version) in [("bookworm", "1.0"), ("trixie", "3.0")] {
        let deb = server.deb(&package("acme-web", version));
        server.repoctl(&["upload", "--suite", suite, &deb]).expect_success();
    }
    let by_codename = host(&server, HOST, "bookworm");
    let by_alias = host(&server, "web2.example.org", "stable");
    for name in [HOST, "web2.example.org"] {
        let grant = ["host", "grant", name, "--suite", "bookworm,trixie"];
        server.repoctl(&grant).expect_success();
    }
    for host in [&by_codename, &by_alias] {
        update(host);
        host.install(&["acme-web"]).expect_success();
    }
    let take = ["suite", "edit", "trixie", "--alias", "stable"];
    let piped = server.repoctl(&take).expect_code(2);
    let message = "changed its 'Codename' value from 'bookworm' to 'trixie'";
    assert!(piped.stderr.contains(message), "{piped}");
    assert!(piped.stderr.contains("2 hosts may read suite bookworm"), "{piped}");
    let repoctl = [&[env!("CARGO_BIN_EXE_repoctl")][..], &take].concat();
    let config = server.at("data/operator/config.toml");
    let room = server.at("");
    let asked = |answers: &[Answer]| {
        on_terminal(&repoctl, Path::new(&room), answers).env("REPOCTL_CONFIG", &config).run()
    };
    let no = asked(&[Answer::of("n")]).expect_code(1);
    assert!(questions(&no) == 1 && no.says(message), "{no}");
    assert!(no.says("--allow-releaseinfo-change") && no.says("nothing was changed"), "{no}");
    update(&by_alias);
    // A publication just before, so that both Releases could bear one second.
    server.upload("acme-web", "1.1").expect_success();
    follows(&by_alias, "1.1");
    let yes = asked(&[Answer::of("y")]).expect_success();
    assert!(questions(&yes) == 1 && yes.says("of trixie"), "{yes}");

    let stopped = by_alias.update().expect_code(100);
    assert!(stopped.says(message), "{stopped}");
    follows(&by_codename, "1.1");
    let text = release(&server, "dists/bookworm");
    assert_eq!([field(&text, "Suite"), field(&text, "Codename")], ["bookworm", "bookworm"]);
    let text = release(&server, "dists/trixie");
    assert_eq!([field(&text, "Suite"), field(&text, "Codename")], ["stable", "trixie"]);
    // The cure that the question names.
    by_alias.apt_get(&["update", "--allow-releaseinfo-change"]).expect_success();
    update(&by_alias);
    assert!(by_alias.available().iter().any(|one| one["Version"] == "3.0"));
    // History and the log say what happened to both.
    let history = server.repoctl(&["history", "--suite", "bookworm"]).expect_success();
    assert!(history.says("its alias stable is that of suite trixie now"), "{history}");
    let log = server.repoctl(&["audit", "--suite", "trixie"]).expect_success();
    assert!(log.says("alias stable; taken from bookworm"), "{log}");
}

/// Up by unattended-upgrades, whose pattern names the codename, at the alias; and down.
#[test]
fn unattended_upgrades_follow_by_the_alias() {
    if !is_root() {
        println!("not run: only root mounts");
        return;
    }
    let server = bare();
    create(&server, "bookworm", &["--alias", "stable"]).expect_success();
    server.upload("acme-web", "1.0").expect_success();
    let host = host_in(&server, HOST, "stable", AptRoot::of_this_machine());
    update(&host);
    host.install(&["acme-web"]).expect_success();
    let back = ["pin", "--suite", "bookworm", "--rollback", "acme-web"];
    server.upload("acme-web", "2.0").expect_success();
    for version in ["2.0", "1.0"] {
        update(&host);
        host.unattended_upgrade().expect_success();
        assert_eq!(host.installed("acme-web").as_deref(), Some(version));
        if version == "2.0" {
            server.repoctl(&back).expect_success();
        }
    }
}

//! Several versions listed: what hosts install, go up to and go back to, and what else tells of them.

use crate::check::fetch::Tree;
use crate::check::{check_suite, deb822::parse_stanzas};
use crate::harness::apt::AptRoot;
use crate::harness::programs::Outcome;
use crate::harness::server::{TestServer, package};

const HOST: &str = "web1.example.org";

fn edit(server: &TestServer, versions: &str) -> Outcome {
    server.repoctl(&["suite", "edit", "stable", "--versions", versions, "-m", "how many"])
}

/// A server whose suite lists so many versions, with these versions of `acme-web`.
fn listing(versions: &str, uploaded: &[&str]) -> TestServer {
    let server = TestServer::start();
    if versions != "1" {
        edit(&server, versions).expect_success();
    }
    for version in uploaded {
        server.upload("acme-web", version).expect_success();
    }
    server
}

fn back(server: &TestServer, what: &[&str]) -> Outcome {
    let back = ["pin", "--suite", "stable", "--rollback", "-m", "bad", "--yes"];
    server.repoctl(&[&back[..], what].concat()).expect_success()
}

/// Every version of a package that apt knows of, the highest first, as `apt list -a` shows them.
fn listed(host: &AptRoot, name: &str) -> Vec<String> {
    let told = host.program("apt").args(["list", "-a", name]).run().expect_success().stdout;
    let line = |line: &str| line.strip_prefix(name)?.split(' ').nth(1).map(str::to_owned);
    told.lines().filter_map(line).collect()
}

#[track_caller]
fn checked(server: &TestServer, name: &str) -> Vec<String> {
    let report = server.check(HOST, "stable");
    report.versions(name).into_iter().map(str::to_owned).collect()
}

fn follow(host: &AptRoot) {
    host.update().expect_success();
    host.upgrade().expect_success();
}

#[track_caller]
fn is_at(host: &AptRoot, version: &str) {
    assert_eq!(host.installed("acme-web").as_deref(), Some(version));
}

/// What apt may install is what is listed; up and down it goes to the highest of it.
#[test]
fn hosts_install_what_is_listed_and_follow_the_highest_up_and_down() {
    for (versions, before, after_back) in [
        ("1", &["3.0"][..], &["2.0"][..]),
        ("3", &["3.0", "2.0", "1.2"], &["2.0", "1.2", "1.0"]),
        ("all", &["3.0", "2.0", "1.2", "1.0"], &["2.0", "1.2", "1.0"]),
    ] {
        let server = listing(versions, &["1.0", "1.2", "2.0", "3.0"]);
        let host = server.host(HOST);
        host.update().expect_success();
        assert_eq!(listed(&host, "acme-web"), before, "{versions}");
        let mut held = checked(&server, "acme-web");
        held.reverse();
        assert_eq!(held, before, "{versions}");
        // An older one that is listed can be had by its name.
        match versions {
            "1" => drop(host.install(&["acme-web=1.2"]).expect_code(100)),
            _ => drop(host.install(&["acme-web=1.2"]).expect_success()),
        }
        if versions != "1" {
            is_at(&host, "1.2");
        }
        host.install(&["acme-web"]).expect_success();
        follow(&host);
        is_at(&host, "3.0");
        // Back with one, and up again.
        let done = back(&server, &["acme-web"]);
        assert!(done.says("hosts follow"), "{done}");
        follow(&host);
        is_at(&host, "2.0");
        assert_eq!(listed(&host, "acme-web"), after_back, "{versions}");
        // What was withdrawn does not come back by itself, nor below a higher one.
        server.repoctl(&["unpin", "--suite", "stable", "acme-web"]).expect_success();
        server.upload("acme-web", "4.0").expect_success().expect_says("published");
        follow(&host);
        is_at(&host, "4.0");
        assert!(!listed(&host, "acme-web").contains(&"3.0".to_owned()), "{versions}");
        // Back with the suite.
        let done = back(&server, &["--all"]);
        assert!(done.says("hosts follow"), "{done}");
        follow(&host);
        is_at(&host, "2.0");
        assert_eq!(listed(&host, "acme-web"), after_back, "{versions}");
        assert!(checked(&server, "acme-web").iter().all(|version| version != "4.0"));
    }
}

/// A version below those that are listed waits, and one among them is listed there.
#[test]
fn an_upload_says_whether_it_is_listed_below_the_highest() {
    let server = listing("2", &["2.0", "3.0"]);
    server.host(HOST);
    server.upload("acme-web", "1.0").expect_success().expect_says("waiting");
    server.upload("acme-web", "2.5").expect_success().expect_says("published");
    assert_eq!(checked(&server, "acme-web"), ["2.5", "3.0"]);
    server.upload("acme-web", "2.5").expect_success().expect_says("already");
    let list = server.repoctl(&["list", "--suite", "stable", "--all", "acme-web", "--json"]);
    let list: serde_json::Value = serde_json::from_str(&list.expect_success().stdout).unwrap();
    let mut states: Vec<_> = list.as_array().unwrap().iter().collect();
    states.sort_by_key(|one| one["version"].to_string());
    let states: Vec<_> = states.iter().map(|one| one["state"].as_str().unwrap()).collect();
    assert_eq!(states, ["waiting", "superseded", "live", "live"]);
}

/// Another number is one generation, which history, diff and snapshots tell of.
#[test]
fn another_number_is_one_change_up_and_down() {
    let server = listing("1", &["1.0", "2.0", "3.0"]);
    for version in ["1.0", "2.0"] {
        server.upload("acme-db", version).expect_success();
    }
    let host = server.host(HOST);
    host.update().expect_success();
    host.install(&["acme-web"]).expect_success();
    let more = edit(&server, "all").expect_success();
    assert!(more.says("live as generation 7") && !more.says("hosts follow"), "{more}");
    assert_eq!(checked(&server, "acme-web"), ["1.0", "2.0", "3.0"]);
    assert_eq!(checked(&server, "acme-db"), ["1.0", "2.0"]);
    let json = |args: &[&str]| -> serde_json::Value {
        let told = server.repoctl(&[args, &["--json"]].concat()).expect_success().stdout;
        serde_json::from_str(&told).unwrap()
    };
    let last = &json(&["history", "--suite", "stable"])[0];
    assert_eq!((&last["entered"], &last["left"]), (&3.into(), &0.into()));
    let steps = |from: &str, to: &str| -> Vec<String> {
        let diff = json(&["diff", "--suite", "stable", from, to]);
        let version = |one: &serde_json::Value| one.as_str().unwrap_or("-").to_owned();
        let step = |one: &serde_json::Value| {
            format!(
                "{} {}>{}",
                one["package"].as_str().unwrap(),
                version(&one["from"]),
                version(&one["to"])
            )
        };
        diff["moves"].as_array().unwrap().iter().map(step).collect()
    };
    assert_eq!(steps("6", "7"), ["acme-db ->1.0", "acme-web ->2.0", "acme-web ->1.0"]);
    let fewer = edit(&server, "2").expect_success();
    assert!(fewer.says("live as generation 8"), "{fewer}");
    assert_eq!(steps("7", "8"), ["acme-web 1.0>-"]);
    assert_eq!(checked(&server, "acme-web"), ["2.0", "3.0"]);
    let view = json(&["suite", "show", "stable"]);
    assert_eq!((&view["versions"], &view["packages"]), (&2.into(), &4.into()));
    server.repoctl(&["suite", "list"]).expect_success().expect_says("VERSIONS");
    server.repoctl(&["suite", "show", "stable"]).expect_success().expect_says("versions");
    // One as before, byte for byte: the same file as before the two edits.
    edit(&server, "1").expect_success();
    let packages = |generation: &str| {
        let path = format!("snapshot/{generation}/dists/stable/main/binary-amd64/Packages");
        server.curl(HOST, &path).run().expect_success().stdout_bytes
    };
    assert!(!packages("9").is_empty() && packages("9") == packages("6"));
    let at = |generation: &str| {
        let text = String::from_utf8(packages(generation)).unwrap();
        let stanzas = parse_stanzas(&text).unwrap();
        let webs = stanzas.iter().filter(|stanza| stanza["Package"] == "acme-web");
        webs.map(|stanza| stanza["Version"].clone()).collect::<Vec<_>>()
    };
    // What was listed later stands behind, and at once by version.
    assert_eq!(at("7"), ["3.0", "1.0", "2.0"]);
    assert_eq!(at("8"), ["3.0", "2.0"]);
    for versions in ["0", "-1", "none", ""] {
        edit(&server, versions).expect_code(2);
    }
}

/// What was removed while one version was listed does not come back below a later one.
#[test]
fn what_was_removed_stays_out_when_more_is_listed() {
    let server = listing("1", &["1.0", "2.0"]);
    server.host(HOST);
    server.repoctl(&["remove", "--suite", "stable", "acme-web", "-m", "bad"]).expect_success();
    server.upload("acme-web", "3.0").expect_success().expect_says("published");
    edit(&server, "all").expect_success();
    assert_eq!(checked(&server, "acme-web"), ["3.0"]);
    // The same with several: all that was taken is out.
    server.upload("acme-web", "4.0").expect_success();
    assert_eq!(checked(&server, "acme-web"), ["3.0", "4.0"]);
    server.repoctl(&["remove", "--suite", "stable", "acme-web", "-m", "bad"]).expect_success();
    assert!(checked(&server, "acme-web").is_empty());
    server.upload("acme-web", "5.0").expect_success();
    assert_eq!(checked(&server, "acme-web"), ["5.0"]);
    server.upload("acme-web", "4.0").expect_success().expect_says("withdrawn");
    // Named by a person, it is offered, and stands below what comes later.
    server.repoctl(&["pin", "--suite", "stable", "acme-web=4.0"]).expect_success();
    server.repoctl(&["unpin", "--suite", "stable", "acme-web"]).expect_success();
    server.upload("acme-web", "6.0").expect_success();
    assert_eq!(checked(&server, "acme-web"), ["4.0", "6.0"]);
}

/// Long descriptions and lists of files are those of all that is listed, and go when nothing has them any more.
#[test]
fn descriptions_and_paths_are_those_of_every_version() {
    let server = listing("2", &[]);
    server.repoctl(&["suite", "edit", "stable", "--translations", "yes"]).expect_success();
    let host = server.host(HOST);
    let send = |version: &str, description: &str| {
        let deb = package("acme-web", version)
            .field("Description", &format!("web\n {description}"))
            .file(&format!("usr/share/acme/{version}"), b"x")
            .file("usr/share/acme/every", b"x");
        server.repoctl(&["upload", "--suite", "stable", &server.deb(&deb)]).expect_success();
    };
    send("1.0", "the first");
    send("2.0", "the second");
    host.update().expect_success();
    let shown = host.program("apt-cache").args(["show", "acme-web"]).run().expect_success();
    assert!(shown.says("the first") && shown.says("the second"), "{shown}");
    let contents = |has: &[&str], not: &[&str]| {
        let begun = std::time::Instant::now();
        loop {
            let path = "dists/stable/main/Contents-amd64.gz";
            let found = server.curl(HOST, path).run();
            if found.code == 0 && found.stdout_bytes.starts_with(&[0x1f, 0x8b]) {
                let mut text = String::new();
                let mut gz = flate2::read::GzDecoder::new(found.stdout_bytes.as_slice());
                std::io::Read::read_to_string(&mut gz, &mut text).unwrap();
                let all = has.iter().all(|path| text.contains(path));
                if all && !not.iter().any(|path| text.contains(path)) {
                    break;
                }
            }
            assert!(begun.elapsed() < std::time::Duration::from_secs(60), "{found}");
            std::thread::sleep(std::time::Duration::from_millis(200));
        }
    };
    contents(&["acme/1.0", "acme/2.0", "acme/every"], &[]);
    send("3.0", "the third");
    host.update().expect_success();
    let shown = host.program("apt-cache").args(["show", "acme-web"]).run().expect_success();
    assert!(!shown.says("the first") && shown.says("the second"), "{shown}");
    assert!(shown.says("the third"), "{shown}");
    // The path that all of them have stays with those that are left.
    contents(&["acme/2.0", "acme/3.0", "acme/every"], &["acme/1.0"]);
    server.check(HOST, "stable");
}

/// A host that was there before finds what is listed now, and an export has every version.
#[test]
fn a_host_that_reads_on_and_one_of_an_export_find_every_version() {
    let server = listing("3", &[]);
    for n in 0..40 {
        server.upload(&format!("acme-other{n}"), "1.0").expect_success();
    }
    server.upload("acme-web", "1.0").expect_success();
    let host = server.host(HOST);
    host.update().expect_success();
    for version in ["2.0", "3.0", "4.0"] {
        server.upload("acme-web", version).expect_success();
        host.update().expect_success();
    }
    assert_eq!(listed(&host, "acme-web"), ["4.0", "3.0", "2.0"]);
    let config = server.at("data/repod.toml");
    let tree = server.at("tree");
    server.repod(&["export", &tree, "--config", &config]).run().expect_success();
    let key = server.data().join("keys/archive-key.asc");
    let report = check_suite(&Tree(tree.clone().into()), "stable", &key).unwrap();
    assert_eq!(report.versions("acme-web"), ["2.0", "3.0", "4.0"]);
    // The tree lies on this machine, outside of any other root.
    let plain = AptRoot::of_this_machine();
    let source = format!("deb [signed-by={tree}/archive-key.asc] file:{tree} stable main");
    plain.add_source("plain", &source);
    plain.update().expect_success();
    plain.install(&["acme-web=2.0"]).expect_success();
    assert_eq!(plain.installed("acme-web").as_deref(), Some("2.0"));
    plain.upgrade().expect_success();
    assert_eq!(plain.installed("acme-web").as_deref(), Some("4.0"));
}

/// The file of `repoctl apply` says how many, and a suite is made with it.
#[test]
fn a_suite_is_made_with_it_and_the_file_for_apply_says_it() {
    let server = TestServer::start();
    let create = ["suite", "create", "edge", "--architecture", "amd64", "--versions", "all"];
    server.repoctl(&create).expect_success().expect_says("all");
    let file = server.at("repo.toml");
    std::fs::write(&file, "[suite.edge]\nversions = 3\n[suite.stable]\nversions = 1\n").unwrap();
    let applied = server.repoctl(&["apply", "-f", &file, "--yes"]).expect_success();
    assert!(applied.says("~ suite edge: versions all -> 3"), "{applied}");
    let shown = server.repoctl(&["suite", "show", "edge", "--json"]).expect_success();
    let shown: serde_json::Value = serde_json::from_str(&shown.stdout).unwrap();
    assert_eq!(shown["versions"], 3);
    let log = server.repoctl(&["audit", "--json"]).expect_success();
    assert!(log.says("versions all") && log.says("versions 3"), "{log}");
}

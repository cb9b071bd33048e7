//! Snapshots: earlier generations below `snapshot/`, read by the real apt.

use crate::crash::Client;
use crate::crash::signed::{Keyring, date_of};
use crate::harness::apt::AptRoot;
use crate::harness::programs::Outcome;
use crate::harness::server::{TestServer, package};

const HOST: &str = "web1.example.org";

/// A host's source moved below `snapshot/ID/`.
fn move_to_snapshot(host: &AptRoot, id: &str) {
    let path = "/etc/apt/sources.list.d/repod-repo.example.org-stable.sources";
    let sources = String::from_utf8(host.read(path).unwrap()).unwrap();
    let uri = sources.lines().find_map(|line| line.strip_prefix("URIs: ")).unwrap();
    let root = uri.split("snapshot/").next().unwrap();
    let moved = sources.replace(uri, &format!("{root}snapshot/{id}/"));
    std::fs::write(host.path(path), moved).unwrap();
}

/// The status of an answer to curl, with its head before the body.
fn status(outcome: &Outcome) -> &str {
    outcome.stdout.lines().next().and_then(|line| line.split_once(' ')).map_or("", |(_, rest)| rest)
}

/// A field of the head of an answer.
fn header(outcome: &Outcome, name: &str) -> String {
    let name = format!("{name}: ");
    let line = outcome.stdout.lines().find_map(|line| line.strip_prefix(&name));
    line.unwrap_or_else(|| panic!("no {name}in {outcome}")).trim().to_owned()
}

fn published_at(client: &Client, generation: u64) -> i64 {
    let all = client.generations("stable");
    let one = all.iter().find(|one| one["generation"] == generation).unwrap();
    one["at"].as_i64().expect("it is a time")
}

fn stamp(seconds: i64) -> String {
    repod::time::Moment(seconds).stamp()
}

#[test]
fn apt_sees_and_installs_what_an_earlier_generation_had() {
    let server = TestServer::start();
    let host = server.host(HOST);
    for version in ["1.0", "2.0", "3.0"] {
        server.upload("acme-web", version).expect_success();
    }
    let client = Client::of(&server, HOST);
    host.update().expect_success();
    assert_eq!(host.policy("acme-web").candidate.as_deref(), Some("3.0"));
    // By number, and by a time at which that generation was live.
    let time = stamp(published_at(&client, 3));
    for (id, version) in [("2", "1.0"), (time.as_str(), "2.0"), ("3", "2.0"), ("4", "3.0")] {
        move_to_snapshot(&host, id);
        for _ in 0..2 {
            let update = host.update().expect_success();
            assert!(!update.says("W:") && !update.says("E:"), "{update}");
            assert_eq!(host.policy("acme-web").candidate.as_deref(), Some(version), "{id}");
        }
        // The second time nothing had changed.
        assert!(host.update().expect_success().says("Hit:1"), "{id}");
        host.forget_downloads();
        host.apt_get(&["-y", "--allow-downgrades", "install", "acme-web"]).expect_success();
        assert_eq!(host.installed("acme-web").as_deref(), Some(version), "{id}");
    }
    move_to_snapshot(&host, "99");
    let refused = host.update().expect_code(100);
    assert!(refused.says("there is no generation 99 of suite stable"), "{refused}");
    move_to_snapshot(&host, "20000101T000000Z");
    let refused = host.update().expect_code(100);
    assert!(refused.says("live at 20000101T000000Z"), "{refused}");
}

/// The commands of docs/runbook.md.
#[test]
fn one_host_goes_to_an_earlier_generation_by_hand() {
    let server = TestServer::start();
    server.repoctl(&["suite", "edit", "stable", "--owns", "acme-*"]).expect_success();
    let host = server.host(HOST);
    for version in ["1.0", "2.0"] {
        server.upload("acme-web", version).expect_success();
    }
    host.update().expect_success();
    host.install(&["acme-web"]).expect_success();
    let sources =
        host.read("/etc/apt/sources.list.d/repod-repo.example.org-stable.sources").unwrap();
    let url = server.url();
    let moved = String::from_utf8(sources).unwrap();
    let moved = moved.replace(&format!("{url}/"), &format!("{url}/snapshot/3/"));
    let list = host.path("/tmp/at-3.sources");
    std::fs::create_dir_all(list.parent().unwrap()).unwrap();
    std::fs::write(&list, moved).unwrap();
    let at = format!("Dir::Etc::SourceList={}", list.display());
    let at = ["-o", &at, "-o", "Dir::Etc::SourceParts=/dev/null"];
    host.apt_get(&[&at[..], &["update"]].concat()).expect_success();
    let install = ["-y", "--allow-downgrades", "install", "acme-web"];
    host.apt_get(&[&at[..], &install].concat()).expect_success();
    assert_eq!(host.installed("acme-web").as_deref(), Some("1.0"));
    host.update().expect_success();
    host.upgrade().expect_success();
    assert_eq!(host.installed("acme-web").as_deref(), Some("2.0"));
}

#[test]
fn a_snapshot_is_signed_once_with_the_date_of_then_and_without_an_end() {
    let mut server = TestServer::start();
    let _host = server.host(HOST);
    server.upload("acme-web", "1.0").expect_success();
    let client = Client::of(&server, HOST);
    let live = client.fetch("dists/stable/InRelease").expect_success().stdout_bytes;
    server.upload("acme-web", "2.0").expect_success();
    let later = client.fetch("dists/stable/InRelease").expect_success().stdout_bytes;
    let floor = std::fs::read(server.data().join("floor/stable")).unwrap();
    // Many first askers at once are given the same bytes.
    let ask = |path: &str| {
        client.fetch(&format!("snapshot/2/dists/stable/{path}")).expect_success().stdout_bytes
    };
    let first = std::thread::scope(|scope| {
        let askers: Vec<_> = (0..8).map(|_| scope.spawn(|| ask("InRelease"))).collect();
        let given: Vec<_> = askers.into_iter().map(|asker| asker.join().unwrap()).collect();
        assert!(given.iter().all(|one| *one == given[0]), "not all were given the same");
        given[0].clone()
    });
    let keyring = Keyring::read(&server.data().join("keys/archive-key.asc"));
    keyring.expect_in_release(&first);
    keyring.expect_pair(&ask("Release"), &ask("Release.gpg"));
    let text = String::from_utf8(first.clone()).unwrap();
    assert!(!text.contains("Valid-Until"), "{text}");
    let same = |name: &str| {
        let of = |text: &[u8]| {
            let text = String::from_utf8_lossy(text).into_owned();
            text.lines().find(|line| line.starts_with(name)).map(str::to_owned)
        };
        assert!(of(&first).is_some());
        assert_eq!(of(&first), of(&live), "{name}");
    };
    ["Origin:", "Label:", "Suite:", "Codename:", "Architectures:", "Components:", " "]
        .into_iter()
        .for_each(same);
    assert!(date_of(&first) <= date_of(&live) && date_of(&live) < date_of(&later));

    // Neither the floor nor what is live has moved, and a restart keeps what was given.
    assert_eq!(std::fs::read(server.data().join("floor/stable")).unwrap(), floor);
    assert_eq!(client.fetch("dists/stable/InRelease").stdout_bytes, later);
    assert_eq!(server.stop(), 0);
    server.serve();
    assert!(ask("InRelease") == first);
}

#[test]
fn a_new_key_signs_anew_what_an_old_one_had_signed() {
    let mut server = TestServer::start();
    let _host = server.host(HOST);
    server.upload("acme-web", "1.0").expect_success();
    let client = Client::of(&server, HOST);
    let path = "snapshot/2/dists/stable/InRelease";
    let old = client.fetch(path).expect_success().stdout_bytes;
    assert_eq!(server.stop(), 0);
    let other = TestServer::init();
    for name in ["keys/signing.asc", "keys/archive-key.asc"] {
        std::fs::copy(other.data().join(name), server.data().join(name)).unwrap();
    }
    server.serve();
    let new = client.fetch(path).expect_success().stdout_bytes;
    assert!(new != old);
    Keyring::read(&server.data().join("keys/archive-key.asc")).expect_in_release(&new);
    assert!(client.fetch(path).stdout_bytes == new);
}

#[test]
fn rights_and_absence_are_told_as_for_the_live_suite() {
    let server = TestServer::start();
    let _host = server.host(HOST);
    let client = Client::of(&server, HOST);
    server.upload("acme-web", "1.0").expect_success();
    server.repoctl(&["suite", "create", "secret", "--architecture", "amd64"]).expect_success();
    let deb = server.deb(&package("acme-secret", "1.0"));
    server.repoctl(&["upload", "--suite", "secret", &deb]).expect_success();
    let ask = |path: &str, options: &[&str]| {
        client.curl().arg("-i").args(options).arg(client.address(path)).run().expect_success()
    };
    let told = |path: &str| {
        let outcome = ask(path, &[]);
        (status(&outcome).to_owned(), outcome)
    };
    // Foreign and absent, whatever the generation: the same words.
    let words = |suite: &str, id: &str| {
        let (status, _) = told(&format!("snapshot/{id}/dists/{suite}/InRelease"));
        status.replace(suite, "SUITE")
    };
    for id in ["1", "2", "99", "20000101T000000Z", "29991231T000000Z"] {
        assert!(words("secret", id).starts_with("403 "), "{}", words("secret", id));
        assert_eq!(words("secret", id), words("absent", id));
    }
    let (status_of, _) = told("dists/secret/InRelease");
    assert_eq!(words("secret", "2"), status_of.replace("secret", "SUITE"));
    for (path, expected) in [
        ("snapshot/99/dists/stable/InRelease", "404 there is no generation 99 of suite stable"),
        ("snapshot/29991231T000000Z/dists/stable/InRelease", "404 there is no snapshot of a time"),
        ("snapshot/0/dists/stable/InRelease", "404 there is no such path"),
        ("snapshot/latest/dists/stable/InRelease", "404 there is no such path"),
        ("snapshot/2/dists/stable/main/binary-riscv64/Packages", "404 there is no such file"),
        ("snapshot/99/dists/stable/main/binary-amd64/Packages", "404 there is no generation 99"),
        ("snapshot/2/snapshot/2/dists/stable/InRelease", "404 there is no such path"),
    ] {
        let (found, _) = told(path);
        assert!(found.starts_with(expected), "{path}: {found}");
    }

    // Conditions, ranges and HEAD.
    let (found, whole) = told("snapshot/2/dists/stable/InRelease");
    assert_eq!(found, "200 OK");
    let modified = header(&whole, "last-modified");
    let condition = format!("If-Modified-Since: {modified}");
    let unchanged = ask("snapshot/2/dists/stable/InRelease", &["-H", &condition]);
    assert!(status(&unchanged).starts_with("304 "), "{unchanged}");
    let head = ask("snapshot/2/dists/stable/InRelease", &["--head"]);
    assert_eq!(header(&head, "content-length"), header(&whole, "content-length"));
    let part = ask("snapshot/2/dists/stable/main/binary-amd64/Packages", &["-r", "0-7"]);
    assert!(status(&part).starts_with("206 ") && part.stdout.ends_with("Package:"), "{part}");

    // By hash and in the pool, the same as without.
    let packages = client.fetch("snapshot/2/dists/stable/main/binary-amd64/Packages");
    let packages = packages.expect_success().stdout;
    let digest = hex::encode(<sha2::Sha256 as sha2::Digest>::digest(packages.as_bytes()));
    let by_hash = format!("dists/stable/main/binary-amd64/by-hash/SHA256/{digest}");
    assert_eq!(client.fetch(&format!("snapshot/2/{by_hash}")).expect_success().stdout, packages);
    let deb = packages.lines().find_map(|line| line.strip_prefix("Filename: ")).unwrap();
    let (from_pool, below) = (client.fetch(deb), client.fetch(&format!("snapshot/2/{deb}")));
    assert!(from_pool.expect_success().stdout_bytes == below.expect_success().stdout_bytes);
    let secret = server.curl_as_operator("dists/secret/main/binary-amd64/Packages").run().stdout;
    let secret = secret.lines().find_map(|line| line.strip_prefix("Filename: ")).unwrap();
    for path in [secret, "pool/a/acme-none/0123456789abcdef/acme-none_1.0_amd64.deb"] {
        assert!(told(&format!("snapshot/2/{path}")).0.starts_with("404 "), "{path}");
    }
}

#[test]
fn a_suite_that_grew_or_went_is_told_as_it_was_or_not_at_all() {
    let mut server = TestServer::start();
    let _host = server.host(HOST);
    let client = Client::of(&server, HOST);
    server.upload("acme-web", "1.0").expect_success();
    let edit = [
        "suite",
        "edit",
        "stable",
        "--add-architecture",
        "arm64",
        "--add-component",
        "extra",
        "--yes",
    ];
    server.repoctl(&edit).expect_success();
    for (id, architectures, components) in
        [("2", "amd64", "main"), ("3", "amd64 arm64", "main extra")]
    {
        let release = client.fetch(&format!("snapshot/{id}/dists/stable/Release"));
        let release = release.expect_success().stdout;
        assert!(release.contains(&format!("\nArchitectures: {architectures}\n")), "{release}");
        assert!(release.contains(&format!("\nComponents: {components}\n")), "{release}");
    }
    server.repoctl(&["remove", "--suite", "stable", "acme-web", "-m", "x"]).expect_success();
    server.repoctl(&["suite", "remove", "stable", "--yes"]).expect_success();
    let gone =
        client.curl().arg("-i").arg(client.address("snapshot/2/dists/stable/InRelease")).run();
    assert!(status(&gone).starts_with("403 "), "{gone}");
    // One of the same name begins anew, with no snapshots of the one before.
    server.repoctl(&["suite", "create", "stable", "--architecture", "amd64"]).expect_success();
    let gone =
        client.curl().arg("-i").arg(client.address("snapshot/2/dists/stable/InRelease")).run();
    assert!(status(&gone).starts_with("404 there is no generation 2"), "{gone}");
    // Nobody takes that for an earlier state that was restored.
    server.stop();
    server.serve();
    assert!(!server.repoctl(&["status"]).expect_success().says("restored"));
    let begun = client.fetch("snapshot/1/dists/stable/InRelease").expect_success().stdout_bytes;
    assert!(date_of(&begun) <= date_of(&client.fetch("dists/stable/InRelease").stdout_bytes));
}

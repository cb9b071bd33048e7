//! What is done while a call fails, and how it is seen whether it was.

use std::collections::HashSet;
use std::path::Path;

use crate::harness::programs::Outcome;
use crate::harness::server::{TestServer, package};

/// The host that reads `stable`.
pub const HOST: &str = "web1.example.org";

/// One deed. A tag tells one from the next.
pub struct Deed {
    pub name: &'static str,
    /// What has to be there.
    pub before: fn(&TestServer, &str),
    pub act: fn(&TestServer, &str) -> Outcome,
    /// Whether it was done.
    pub is_done: fn(&TestServer, &str) -> bool,
}

/// All of them.
pub const DEEDS: [Deed; 6] = [
    Deed {
        name: "upload",
        before: |_, _| {},
        act: |server, tag| upload(server, &[server.deb(&large(tag))]),
        is_done: |server, tag| is_live(server, tag, "1.0"),
    },
    Deed {
        name: "batch",
        before: |_, _| {},
        act: |server, tag| {
            let debs = company(tag).map(|name| server.deb(&package(&name, "1.0")));
            upload(server, &debs.collect::<Vec<_>>())
        },
        is_done: |server, tag| {
            let live = live(server);
            let is_live = |name: &String| live.contains(&(name.clone(), "1.0".into()));
            let there = company(tag).filter(is_live).count();
            assert!([0, company(tag).count()].contains(&there), "{there} came without the others");
            there > 0
        },
    },
    Deed {
        name: "publish",
        before: |_, _| {},
        act: |server, tag| {
            server.repoctl(&["suite", "edit", "stable", "--description", tag, "--yes"])
        },
        is_done: |server, tag| release(server).contains(&format!("\nDescription: {tag}\n")),
    },
    Deed {
        name: "rollback",
        before: |server, tag| {
            for version in ["1.0", "2.0"] {
                upload(server, &[server.deb(&package(tag, version))]).expect_success();
            }
        },
        act: |server, tag| {
            server.repoctl(&["pin", "--suite", "stable", "--rollback", tag, "--yes"])
        },
        is_done: |server, tag| is_live(server, tag, "1.0"),
    },
    Deed {
        name: "revocation",
        before: |server, tag| {
            let out = server.at(&format!("hosts/{tag}"));
            server
                .repoctl(&["host", "issue", tag, "--suite", "stable", "--out", &out])
                .expect_success();
        },
        act: |server, tag| server.repoctl(&["host", "revoke", tag, "--yes"]),
        is_done: |server, tag| {
            let answer = server.curl(tag, "dists/stable/InRelease").arg("-o").arg("/dev/null");
            let answer = answer.args(["-w", "%{http_code}"]).run();
            assert!(["200", "403"].contains(&&*answer.stdout), "{answer}");
            answer.stdout == "403"
        },
    },
    Deed {
        name: "rotation",
        before: |server, tag| std::fs::write(server.at(tag), keys(server).to_string()).unwrap(),
        act: |server, tag| server.repoctl(&["key", "rotate", "--message", tag]),
        is_done: |server, tag| {
            let before: usize = std::fs::read_to_string(server.at(tag)).unwrap().parse().unwrap();
            let now = keys(server);
            assert!((before..=before + 1).contains(&now), "{now} keys, and {before} before");
            now > before
        },
    },
];

/// Uploads them, and does not try again.
fn upload(server: &TestServer, debs: &[String]) -> Outcome {
    let mut words = vec!["upload", "--suite", "stable", "--retry-seconds", "0"];
    words.extend(debs.iter().map(String::as_str));
    server.repoctl(&words)
}

/// One that goes by itself, and not in a batch.
fn large(tag: &str) -> crate::harness::deb::DebBuilder {
    let noise: Vec<u8> =
        (0..300_000_u32).map(|at| (at.wrapping_mul(2_654_435_761) >> 11) as u8).collect();
    package(tag, "1.0").file(&format!("usr/share/{tag}/noise"), &noise)
}

/// So many that they share a file.
fn company(tag: &str) -> impl Iterator<Item = String> {
    let tag = tag.to_owned();
    (0..20).map(move |at| format!("{tag}-{at:02}"))
}

/// What a host sees of the suite.
pub fn release(server: &TestServer) -> String {
    server.curl(HOST, "dists/stable/InRelease").arg("--fail").run().expect_success().stdout
}

/// The names and versions that hosts are offered.
fn live(server: &TestServer) -> HashSet<(String, String)> {
    let listed = server.repoctl(&["list", "--suite", "stable", "--all", "--json"]).expect_success();
    let listed: serde_json::Value = serde_json::from_str(&listed.stdout).unwrap();
    let live = listed.as_array().unwrap().iter().filter(|one| one["state"] == "live");
    let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
    live.map(|one| (text(&one["package"]), text(&one["version"]))).collect()
}

fn is_live(server: &TestServer, name: &str, version: &str) -> bool {
    live(server).contains(&(name.to_owned(), version.to_owned()))
}

fn keys(server: &TestServer) -> usize {
    let listed = server.repoctl(&["key", "list", "--json"]).expect_success();
    let listed: serde_json::Value = serde_json::from_str(&listed.stdout).unwrap();
    listed.as_array().unwrap().len()
}

/// What a server has to be before anything is done: a suite with packages, and a host.
pub fn furnish(server: &TestServer) {
    for version in ["1.0", "2.0"] {
        server.upload("acme-web", version).expect_success();
    }
    let _root = server.host(HOST);
}

/// A copy of a whole tree, with modes.
pub fn copy(from: &Path, to: &Path) {
    let _ = std::fs::remove_dir_all(to);
    let (from, to) = (from.display().to_string(), to.display().to_string());
    crate::harness::programs::program("cp").args(["-a", &from, &to]).run().expect_success();
}

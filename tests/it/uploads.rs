//! Uploads as build jobs and people make them: what is live and what waits, what is refused, what is told
//! meanwhile, and what who comes with curl is told.

mod advice;
mod live;
mod refused;
mod slow;

use crate::harness::deb::{Compression, DebBuilder};
use crate::harness::programs::Outcome;
use crate::harness::server::{TestServer, package};

/// A package with this many bytes that nothing makes smaller.
fn large(name: &str, version: &str, bytes: u32) -> DebBuilder {
    let noise: Vec<u8> =
        (0..bytes / 4).flat_map(|n| n.wrapping_mul(2_654_435_761).to_be_bytes()).collect();
    let path = format!("usr/share/{name}/noise");
    package(name, version).data_compression(Compression::None).file(&path, &noise)
}

/// The last generation of `stable`.
fn generation(server: &TestServer) -> u64 {
    let shown = server.repoctl(&["suite", "show", "stable", "--json"]).expect_success();
    json(&shown.stdout)["generation"].as_u64().unwrap()
}

fn json(text: &str) -> serde_json::Value {
    assert!(text.ends_with('\n'), "JSON ends with a line feed: {text:?}");
    serde_json::from_str(text).unwrap()
}

/// The versions that hosts are offered of a package, with their architectures.
fn offered(server: &TestServer, name: &str) -> Vec<String> {
    let listed = server.repoctl(&["list", "--suite", "stable", name, "--json"]).expect_success();
    let listed = json(&listed.stdout);
    let live = listed.as_array().unwrap().iter().filter(|one| one["state"] == "live");
    let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
    live.map(|one| format!("{} {}", text(&one["version"]), text(&one["architecture"]))).collect()
}

fn upload(server: &TestServer, more: &[&str]) -> Outcome {
    server.repoctl(&[&["upload", "--suite", "stable"], more].concat())
}

//! Long descriptions that stand in a `Translation-en`, as hosts see them.

use std::time::{Duration, Instant};

use crate::harness::apt::AptRoot;
use crate::harness::deb::DebBuilder;
use crate::harness::programs::Outcome;
use crate::harness::server::{TestServer, package};

const HOST: &str = "web1.example.org";
const PATH: &str = "main/i18n/Translation-en";

fn described(name: &str, version: &str, text: &str) -> DebBuilder {
    let long = format!("the {name}\n It is here for its {text}.\n .\n And more of it.");
    package(name, version).field("Description", &long)
}

fn upload(server: &TestServer, deb: &DebBuilder) {
    server.repoctl(&["upload", "--suite", "stable", &server.deb(deb)]).expect_success();
}

fn translations(server: &TestServer, answer: &str) {
    server.repoctl(&["suite", "edit", "stable", "--translations", answer]).expect_success();
}

fn release(server: &TestServer) -> String {
    server.curl_as_operator("dists/stable/Release").run().expect_success().stdout
}

/// What apt shows of a package, once it has updated. It says nothing that worries.
fn shown(host: &AptRoot, name: &str) -> (Outcome, String) {
    let update = host.update().expect_success();
    assert!(!update.says("W:") && !update.says("E:"), "{update}");
    let shown = host.program("apt-cache").args(["show", name]).run().expect_success();
    (update, shown.stdout)
}

/// Whether apt keeps long descriptions apart, and any in its list of packages.
fn kept(host: &AptRoot) -> (bool, bool) {
    let lists = std::fs::read_dir(host.path("/var/lib/apt/lists")).unwrap();
    let lists: Vec<_> = lists.map(|entry| entry.unwrap().path()).collect();
    let list = |end: &str| lists.iter().find(|path| path.to_string_lossy().ends_with(end));
    let packages = std::fs::read_to_string(list("_Packages").expect("it has a list")).unwrap();
    (list("_i18n_Translation-en").is_some(), packages.contains("And more of it"))
}

#[test]
fn apt_shows_long_descriptions_wherever_they_stand() {
    let server = TestServer::start();
    upload(&server, &described("acme-web", "1.0", "looks"));
    let host = server.host(HOST);
    let looks = "\n It is here for its looks.\n .\n And more of it.\n";
    let (_, before) = shown(&host, "acme-web");
    assert!(before.contains(&format!("Description: the acme-web{looks}")), "{before}");
    assert_eq!(kept(&host), (false, true));
    assert!(!release(&server).contains(PATH));

    // Switched on, both come with one head.
    translations(&server, "yes");
    let (update, text) = shown(&host, "acme-web");
    assert!(update.says("Translation-en"), "{update}");
    assert!(text.contains(&format!("Description-en: the acme-web{looks}")), "{text}");
    assert_eq!(kept(&host), (true, false));
    server.check(HOST, "stable");

    // A version with the same description leaves them as they are.
    upload(&server, &described("acme-web", "2.0", "looks"));
    let (update, text) = shown(&host, "acme-web");
    assert!(!update.says("Translation-en"), "{update}");
    assert!(text.contains("Version: 2.0\n") && text.contains(looks), "{text}");
    upload(&server, &described("acme-web", "3.0", "speed"));
    let (update, text) = shown(&host, "acme-web");
    assert!(update.says("Translation-en") && text.contains("for its speed."), "{update}{text}");

    // Back, with what was said of it then.
    server.repoctl(&["pin", "--suite", "stable", "--rollback", "acme-web"]).expect_success();
    let (_, text) = shown(&host, "acme-web");
    assert!(text.contains("Version: 2.0\n") && text.contains(looks), "{text}");
    assert!(!text.contains("speed"), "{text}");
    server.check(HOST, "stable");

    // A generation of before is as it was, and so is one of then.
    let listed = |generation: u64| {
        let path = format!("snapshot/{generation}/dists/stable/Release");
        server.curl_as_operator(&path).run().expect_success().stdout.contains(PATH)
    };
    assert!(!listed(2) && listed(3));

    // Over the API, and off again.
    let edit = ["-X", "PATCH", "-H", "content-type: application/json", "-d"];
    let off = server.curl_as_operator("api/v1/suites/stable").args(edit);
    off.arg(r#"{"translations": false}"#).run().expect_success().expect_says("HTTP/1.1 200");
    let (_, text) = shown(&host, "acme-web");
    assert!(text.contains(&format!("Description: the acme-web{looks}")), "{text}");
    assert_eq!(kept(&host), (false, true));
    assert!(!release(&server).contains(PATH));
    server.check(HOST, "stable");
}

#[test]
fn an_empty_component_has_an_empty_translation() {
    let server = TestServer::start();
    let create = ["suite", "create", "bare", "--architectures", "amd64", "--translations", "yes"];
    server.repoctl(&create).expect_success();
    let out = server.at("hosts/bare");
    let issue = ["host", "issue", HOST, "--suite", "bare", "--out", &out];
    server.repoctl(&issue).expect_success();
    let host = AptRoot::new();
    host.place(&crate::harness::server::host_files(std::path::Path::new(&out)));
    let update = host.update().expect_success();
    assert!(!update.says("W:") && !update.says("E:"), "{update}");
    let deb = server.deb(&described("acme-web", "1.0", "looks"));
    server.repoctl(&["upload", "--suite", "bare", &deb]).expect_success();
    let (_, text) = shown(&host, "acme-web");
    assert!(text.contains("for its looks."), "{text}");
    server.repoctl(&["remove", "--suite", "bare", "acme-web"]).expect_success();
    host.update().expect_success();
    assert_eq!(host.policy("acme-web").candidate, None);
}

#[test]
fn texts_are_found_as_they_were_cut_after_a_restart() {
    let mut server = TestServer::start();
    translations(&server, "yes");
    upload(&server, &described("acme-web", "1.0", "looks"));
    upload(&server, &package("acme-short", "1.0"));
    // Said only when every chunk is recorded under the key that cutting anew gives.
    let found = |server: &TestServer| server.log().matches("indices are in memory").count();
    let before = found(&server);
    server.stop();
    server.serve();
    let begun = Instant::now();
    while found(&server) == before {
        assert!(begun.elapsed() < Duration::from_secs(30), "nothing is found: {}", server.log());
        std::thread::sleep(Duration::from_millis(20));
    }
    upload(&server, &described("acme-db", "1.0", "size"));
    let host = server.host(HOST);
    let (_, text) = shown(&host, "acme-db");
    assert!(text.contains("for its size."), "{text}");
    server.check(HOST, "stable");
}

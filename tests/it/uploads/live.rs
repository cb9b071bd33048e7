//! Live or waiting: the exit code and the status say which, and what is told makes it live.

use repod::digest::Digest;

use super::{generation, json, offered, upload};
use crate::harness::deb::DebBuilder;
use crate::harness::programs::{PATH, program};
use crate::harness::server::{TestServer, package};

/// Runs a command that was told, as a person copies it.
fn obey(server: &TestServer, command: &str) {
    let built = std::path::Path::new(env!("CARGO_BIN_EXE_repoctl")).parent().unwrap();
    program("sh")
        .args(["-c", &format!("{command} --yes")])
        .env("PATH", format!("{}:{PATH}", built.display()))
        .env("REPOCTL_CONFIG", server.at("data/operator/config.toml"))
        .run()
        .expect_success();
}

/// Uploads a package that waits, does what is told, and finds it live.
fn mend(server: &TestServer, deb: &str, command: &str) {
    let waits = upload(server, &[deb]).expect_success();
    assert!(waits.stderr.contains("note: 1 of 1 package is not offered to hosts"), "{waits}");
    assert!(waits.stdout.contains(&format!("; `{command}` makes it live")), "{waits}");
    let before = generation(server);
    let failed = upload(server, &[deb, "--require-live"]).expect_code(1);
    assert!(
        failed.stderr.contains("error: 1 of 1 package is not live; it is stored and waits"),
        "{failed}"
    );
    assert!(failed.stderr.contains(&format!("; to make it live: {command}\n")), "{failed}");
    assert!(!failed.stderr.contains("note:"), "{failed}");
    assert_eq!(generation(server), before);
    obey(server, command);
    let live = upload(server, &[deb, "--require-live"]).expect_success();
    assert!(live.stdout.starts_with("already "), "{live}");
}

#[test]
fn whoever_requires_it_fails_when_a_package_waits_and_is_told_what_makes_it_live() {
    let server = TestServer::start();
    let deb = |version: &str| server.deb(&package("acme-web", version));
    let (old, first, bad, good) = (deb("0.9"), deb("1.0"), deb("2.0"), deb("3.0"));
    upload(&server, &[&first, "--require-live"]).expect_success();
    upload(&server, &[&bad, "--require-live"]).expect_success();
    // A pin is in front of it; nothing is higher.
    server
        .repoctl(&["pin", "--suite", "stable", "--rollback", "acme-web", "--yes"])
        .expect_success();
    mend(&server, &good, "repoctl unpin --suite stable acme-web");
    // It was rolled back from, and a higher version is live.
    mend(&server, &bad, "repoctl pin --suite stable acme-web=2.0");
    assert_eq!(offered(&server, "acme-web"), ["2.0 amd64"]);
    // A pin is in front of it, and it is not the highest that waits.
    mend(&server, &old, "repoctl pin --suite stable acme-web=0.9");
    server.repoctl(&["unpin", "--suite", "stable", "--all", "--yes"]).expect_success();
    // A higher version is in front of it.
    upload(&server, &[&deb("4.0")]).expect_success();
    mend(&server, &deb("3.5"), "repoctl pin --suite stable acme-web=3.5");
}

#[test]
fn the_command_for_a_binary_that_came_late_makes_it_live_beside_the_others() {
    let server = two_architectures();
    let deb = |version: &str, architecture: &str| {
        server.deb(&DebBuilder::new("acme-web", version, architecture))
    };
    for version in ["1.0", "2.0"] {
        upload(&server, &[&deb(version, "amd64")]).expect_success();
    }
    upload(&server, &[&deb("2.0", "arm64")]).expect_success();
    // It was never live beside the package for amd64, and belongs to the same version.
    mend(&server, &deb("1.0", "arm64"), "repoctl pin --suite stable acme-web=1.0");
    assert_eq!(offered(&server, "acme-web"), ["1.0 amd64", "1.0 arm64"]);
}

#[test]
fn a_dry_run_says_what_would_not_be_live() {
    let server = TestServer::start();
    server.upload("acme-web", "2.0").expect_success();
    let (old, new) =
        (server.deb(&package("acme-web", "1.0")), server.deb(&package("acme-more", "1.0")));
    let tried = upload(&server, &["-n", "--require-live", &old, &new]).expect_code(1);
    let told = "error: 1 of 2 packages would not be live\n";
    assert!(tried.stderr.starts_with(told), "{tried}");
    let cure = "to make it live: repoctl pin --suite stable acme-web=1.0\n";
    assert!(tried.stderr.contains(cure), "{tried}");
    upload(&server, &["-n", "--require-live", &new]).expect_success();
    assert_eq!(generation(&server), 2, "nothing was changed");
}

/// The writer waits a second between generations, so that uploads which come meanwhile are one batch.
#[test]
fn a_version_that_no_generation_listed_is_not_told_to_be_published() {
    let server = TestServer::start();
    let debs = ["1.0", "2.0"].map(|version| server.deb(&package("acme-web", version)));
    server.upload("acme-other", "1.0").expect_success();
    let put = |deb: &str| {
        let curl = server.curl_as_operator("api/v1/suites/stable/main/");
        let told = curl.args(["--fail", "-T", deb]).run().expect_success().stdout;
        json(told.rsplit_once("\r\n\r\n").unwrap().1)
    };
    let (low, high) = std::thread::scope(|scope| {
        let low = scope.spawn(|| put(&debs[0]));
        std::thread::sleep(std::time::Duration::from_millis(250));
        let high = put(&debs[1]);
        (low.join().unwrap(), high)
    });
    assert_eq!(high["items"][0]["state"], "published", "{high}");
    // Of its own generation it would be live; in the generation of the other, or after it, it waits.
    match low["generation"].as_u64() {
        Some(own) => assert_ne!(Some(own), high["generation"].as_u64(), "{low}"),
        None => assert_eq!(low["items"][0]["state"], "waiting", "{low}"),
    }
}

#[test]
fn curl_is_answered_202_when_a_package_waits() {
    let server = TestServer::start();
    let put = |version: &str| {
        let deb = server.deb(&package("acme-web", version));
        // The name of the file is added by curl itself.
        let curl = server.curl_as_operator("api/v1/suites/stable/main/");
        curl.args(["--fail", "-T", &deb]).run().expect_success().stdout
    };
    let status = |told: &str| told.rsplit("HTTP/1.1 ").next().unwrap()[..3].to_owned();
    let state = |told: &str| {
        let body = json(told.rsplit_once("\r\n\r\n").unwrap().1);
        body["items"][0]["state"].as_str().unwrap().to_owned()
    };
    let told = |told: String| (status(&told), state(&told));
    let is = |status: &str, state: &str| (status.to_owned(), state.to_owned());
    assert_eq!(told(put("2.0")), is("200", "published"));
    assert_eq!(told(put("2.0")), is("200", "already"));
    assert_eq!(told(put("1.0")), is("202", "waiting"));
    server.repoctl(&["remove", "--suite", "stable", "acme-web", "--yes"]).expect_success();
    assert_eq!(told(put("2.0")), is("202", "withdrawn"));

    let digest = |version: &str| {
        let deb = server.deb(&package("acme-web", version));
        Digest::of(&std::fs::read(deb).unwrap()).to_string()
    };
    let change = |versions: &[&str], dry_run: bool| {
        let items: Vec<_> = versions
            .iter()
            .map(|version| serde_json::json!({ "component": "main", "digest": digest(version) }))
            .collect();
        let change = serde_json::json!({
            "dry_run": dry_run, "change": { "verb": "add", "items": items },
        });
        let curl = server.curl_as_operator("api/v1/suites/stable/changes");
        let kind = ["-H", "Content-Type: application/json", "--fail", "-d"];
        status(&curl.args(kind).arg(change.to_string()).run().expect_success().stdout)
    };
    put("3.0");
    assert_eq!(change(&["3.0"], false), "200");
    assert_eq!(change(&["3.0", "1.0"], false), "202");
    assert_eq!(change(&["3.0", "1.0"], true), "200", "a dry run takes nothing");
}

fn two_architectures() -> TestServer {
    let server = TestServer::start();
    let edit = ["suite", "edit", "stable", "--add-architecture", "arm64", "--yes"];
    server.repoctl(&edit).expect_success();
    server
}

//! The whole job with the real apt: upload, update, install, upgrade, and back again.

use crate::harness::apt::{AptRoot, HostFile};
use crate::harness::server::TestServer;

#[test]
fn a_host_follows_the_repository_up_and_down() {
    let server = TestServer::start();
    server.upload("acme-web", "1.0").expect_success().expect_says("published");
    let host = server.host("web1.example.org");
    host.update().expect_success();
    host.install(&["acme-web"]).expect_success();
    assert_eq!(host.installed("acme-web").as_deref(), Some("1.0"));

    server.upload("acme-web", "2.0").expect_success();
    host.update().expect_success();
    host.upgrade().expect_success();
    assert_eq!(host.installed("acme-web").as_deref(), Some("2.0"));
    server.check("web1.example.org", "stable");

    server
        .repoctl(&["pin", "--suite", "stable", "--rollback", "acme-web", "-m", "2.0 is bad"])
        .expect_success()
        .expect_says("2.0");
    host.update().expect_success();
    host.upgrade().expect_success();
    assert_eq!(host.installed("acme-web").as_deref(), Some("1.0"));
    assert_eq!(host.read("/usr/share/acme-web/version").unwrap(), b"1.0\n");
    let report = server.check("web1.example.org", "stable");
    assert_eq!(report.versions("acme-web"), ["1.0"]);

    // Fixed forward: what was withdrawn does not come back, what is newer waits for the unpin.
    server.upload("acme-web", "3.0").expect_success().expect_says("waiting");
    host.update().expect_success();
    host.upgrade().expect_success();
    assert_eq!(host.installed("acme-web").as_deref(), Some("1.0"));
    server.repoctl(&["unpin", "--suite", "stable", "acme-web"]).expect_success().expect_says("3.0");
    host.update().expect_success();
    host.upgrade().expect_success();
    assert_eq!(host.installed("acme-web").as_deref(), Some("3.0"));
}

/// On a real host apt's methods run as `_apt`: the key that `host issue` places has to be theirs.
#[test]
fn the_sandbox_user_can_read_the_key() {
    let Some(root) = AptRoot::sandboxed() else {
        println!("not run: only root's apt drops to its sandbox user");
        return;
    };
    let server = TestServer::start();
    server.upload("acme-web", "1.0").expect_success();
    let host = server.host_with("web1.example.org", root);
    host.update().expect_success();
    host.install(&["acme-web"]).expect_success();
}

#[test]
fn going_back_twice_goes_back_two_versions_and_then_says_so() {
    let server = TestServer::start();
    for version in ["1.0", "2.0", "3.0"] {
        server.upload("acme-web", version).expect_success();
    }
    let back = ["pin", "--suite", "stable", "--rollback", "acme-web", "-m", "bad"];
    server.repoctl(&back).expect_success().expect_says("2.0");
    server.repoctl(&back).expect_success().expect_says("1.0");
    server.repoctl(&back).expect_code(1).expect_says("nothing to go back to");
    // What was withdrawn stays away after the unpin, and says so.
    server
        .repoctl(&["unpin", "--suite", "stable", "acme-web"])
        .expect_success()
        .expect_says("no newer");
    server.upload("acme-web", "3.0").expect_success().expect_says("withdrawn");
    server.upload("acme-web", "4.0").expect_success().expect_says("published");
}

#[test]
fn binaries_of_one_source_go_back_together() {
    use crate::harness::server::package;
    let server = TestServer::start();
    for version in ["1.0", "2.0"] {
        let app = package("acme-app", version).field("Source", "acme");
        let lib = package("acme-lib", version).field("Source", "acme");
        let (app, lib) = (server.deb(&app), server.deb(&lib));
        server.repoctl(&["upload", "--suite", "stable", &app, &lib]).expect_success();
    }
    let host = server.host("web1.example.org");
    host.update().expect_success();
    host.install(&["acme-app", "acme-lib"]).expect_success();
    // By the name of one of its binaries: its siblings move as well, once that was confirmed.
    let back = ["pin", "--suite", "stable", "--rollback", "acme-app", "-m", "bad"];
    server.repoctl(&back).expect_code(2).expect_says("does not name: acme-lib");
    server.repoctl(&[&back[..], &["--yes"]].concat()).expect_success().expect_says("acme-lib");
    host.update().expect_success();
    host.upgrade().expect_success();
    for name in ["acme-app", "acme-lib"] {
        assert_eq!(host.installed(name).as_deref(), Some("1.0"), "{name}");
    }
}

#[test]
fn a_whole_suite_goes_back_and_hosts_keep_what_apt_cannot_remove() {
    let server = TestServer::start();
    server.upload("acme-web", "1.0").expect_success();
    server.upload("acme-new", "1.0").expect_success();
    let back = server
        .repoctl(&[
            "pin",
            "--suite",
            "stable",
            "--rollback",
            "--all",
            "--to",
            "2",
            "-m",
            "all back",
            "--yes",
        ])
        .expect_success();
    assert!(back.says("held out"), "{back}");
    let host = server.host("web1.example.org");
    let report = server.check("web1.example.org", "stable");
    assert!(report.versions("acme-new").is_empty());
    assert_eq!(report.versions("acme-web"), ["1.0"]);
    host.update().expect_success();
    host.install(&["acme-new"]).expect_code(100);
    server.repoctl(&["unpin", "--suite", "stable", "--all", "--yes"]).expect_success();
}

#[test]
fn a_dry_run_names_packages_and_hosts_and_changes_nothing() {
    let server = TestServer::start();
    server.upload("acme-web", "1.0").expect_success();
    server.upload("acme-web", "2.0").expect_success();
    let host = server.host("web1.example.org");
    host.update().expect_success();
    server
        .repoctl(&["pin", "--suite", "stable", "--rollback", "acme-web", "--dry-run", "-m", "try"])
        .expect_success()
        .expect_says("web1.example.org")
        .expect_says("1.0");
    let report = server.check("web1.example.org", "stable");
    assert_eq!(report.versions("acme-web"), ["2.0"]);
}

#[test]
fn nothing_without_a_certificate_and_apt_says_why() {
    let server = TestServer::start();
    server.upload("acme-web", "1.0").expect_success();
    let own = "/etc/apt/repod/repo.example.org";
    let config = "/etc/apt/apt.conf.d/60repod-repo.example.org-stable.conf";

    let without = server.host("web1.example.org");
    let bare = format!("Acquire::https::repo.example.org {{ CAInfo \"{own}/ca.crt\"; }};\n");
    without.place(&[HostFile::new(config, 0o644, bare)]);
    without.update().expect_code(100).expect_says("no client certificate");

    let other = TestServer::start();
    let foreign = server.host("web2.example.org");
    other.host("web2.example.org");
    for file in ["client.crt", "client.key"] {
        let content =
            std::fs::read(other.at(&format!("hosts/web2.example.org{own}/{file}"))).unwrap();
        foreign.place(&[HostFile::new(&format!("{own}/{file}"), 0o644, content)]);
    }
    foreign.update().expect_code(100).expect_says("issued by another CA");

    let revoked = server.host("web3.example.org");
    revoked.update().expect_success();
    server
        .repoctl(&["host", "revoke", "web3.example.org", "-m", "stolen", "--yes"])
        .expect_success();
    revoked.update().expect_code(100).expect_says("revoked");
    revoked.install(&["acme-web"]).expect_code(100);
    assert_eq!(revoked.installed("acme-web"), None);
}

#[test]
fn a_host_reads_its_own_suites_and_no_others() {
    let server = TestServer::start();
    server.repoctl(&["suite", "create", "secret", "--architectures", "amd64"]).expect_success();
    let path = server.deb(&crate::harness::server::package("acme-secret", "1.0"));
    server.repoctl(&["upload", "--suite", "secret", &path]).expect_success();
    let _host = server.host("web1.example.org");
    let status = |path: &str| {
        let outcome =
            server.curl("web1.example.org", path).args(["-o", "/dev/null", "-w", "%{http_code}"]);
        outcome.run().expect_success().stdout
    };
    assert_eq!(status("dists/stable/InRelease"), "200");
    assert_eq!(status("dists/secret/InRelease"), "403");
    assert_eq!(status("dists/absent/InRelease"), "403");
    assert_eq!(status("dists/secret/main/binary-amd64/Packages"), "403");
    let bytes = std::fs::read(&path).unwrap();
    let digest = repod::digest::Digest::of(&bytes);
    let pool = format!("pool/a/acme-secret/{}/acme-secret_1.0_amd64.deb", digest.short());
    assert_eq!(status(&pool), "404");
    assert_eq!(status("pool/a/acme-secret/0000000000000000/acme-secret_1.0_amd64.deb"), "404");
    assert_eq!(status("api/v1/suites/secret"), "403");
}

#[test]
fn a_rollback_of_several_goes_whole_or_not_at_all() {
    let server = TestServer::start();
    server.upload("acme-web", "1.0").expect_success();
    server.upload("acme-web", "2.0").expect_success();
    let _host = server.host("web1.example.org");
    for verb in [&["pin", "--rollback"][..], &["unpin"], &["remove"]] {
        let named = ["--suite", "stable", "acme-web", "acme-wbe", "-m", "typing error"];
        server.repoctl(&[verb, &named].concat()).expect_code(1).expect_says("acme-w");
        let report = server.check("web1.example.org", "stable");
        assert_eq!(report.versions("acme-web"), ["2.0"], "{verb:?}");
    }
    server.repoctl(&["pins"]).expect_success();
    let history = server.repoctl(&["history", "--suite", "stable", "--json"]).expect_success();
    assert_eq!(history.stdout.matches("\"generation\"").count(), 3, "{history}");
}

#[test]
fn two_edits_at_once_are_both_made() {
    let server = TestServer::start();
    std::thread::scope(|scope| {
        for edit in [["--add-architecture", "arm64"], ["--add-component", "contrib"]] {
            let server = &server;
            scope.spawn(move || {
                server
                    .repoctl(&[&["suite", "edit", "stable", "--yes"][..], &edit].concat())
                    .expect_success();
            });
        }
    });
    let shown = server.repoctl(&["suite", "show", "stable"]).expect_success();
    assert!(shown.says("arm64") && shown.says("contrib"), "{shown}");
}

#[test]
fn an_operator_of_one_suite_cannot_reach_into_another() {
    let server = TestServer::start();
    server.repoctl(&["suite", "create", "other", "--architectures", "amd64"]).expect_success();
    let hosts = server.at("hosts");
    let issue = |name: &str, suite: &str| {
        let out = format!("{hosts}/{name}");
        server.repoctl(&["host", "issue", name, "--suite", suite, "--out", &out])
    };
    issue("db-7", "other").expect_success();
    issue("web-1", "stable").expect_success();
    let out = server.at("oncall");
    let role = ["--role", "operator", "--suite", "stable", "--out", &out];
    server.repoctl(&[&["identity", "issue", "oncall"][..], &role].concat()).expect_success();
    let as_operator = |args: &[&str]| {
        server
            .repoctl_program(args)
            .env("REPOCTL_CERT", format!("{out}/client.crt"))
            .env("REPOCTL_KEY", format!("{out}/client.key"))
            .run()
    };
    let stolen = server.at("stolen");
    as_operator(&["host", "issue", "db-7", "--suite", "stable", "--out", &stolen]).expect_code(3);
    as_operator(&["host", "revoke", "db-7", "-m", "mine", "--yes"]).expect_code(3);
    // A host asks for its own set-up, of its own suites only.
    let own = |query: &str| {
        let path = format!("api/v1/hosts/web-1/setup{query}");
        let outcome = server.curl("web-1", &path).args(["-o", "/dev/null", "-w", "%{http_code}"]);
        outcome.run().expect_success().stdout
    };
    assert_eq!(own(""), "200");
    assert_eq!(own("?suites=other"), "403");
    assert_eq!(own("?suites=absent"), "403");
}

/// Two people on call go back at the same time: once is enough, and an upload of something else between
/// is no reason to refuse the first.
#[test]
fn a_rollback_is_refused_only_when_what_it_names_has_moved() {
    let server = TestServer::start();
    server.upload("acme-web", "1.0").expect_success();
    server.upload("acme-web", "2.0").expect_success();
    server.upload("acme-web", "3.0").expect_success();
    let seen = 4;
    server.upload("acme-other", "1.0").expect_success();
    let ask = |body: &str| {
        let json = ["-H", "content-type: application/json", "-d", body];
        server.curl_as_operator("api/v1/suites/stable/changes").args(json).run().expect_success()
    };
    let back = |more: &str| {
        ask(&format!(
            "{{\"expect_generation\": {seen}, \"message\": \"bad\"{more}, \
             \"change\": {{\"verb\": \"rollback\", \"packages\": [\"acme-web\"]}}}}"
        ))
    };
    // Whoever has seen what it would do has not seen the other upload.
    back(", \"as_shown\": true").expect_says("HTTP/1.1 409").expect_says("generation-moved");
    // A list that came out empty is not the whole suite, and neither is no list.
    for packages in [", \"packages\": []", ""] {
        let refused = ask(&format!("{{\"change\": {{\"verb\": \"rollback\"{packages}}}}}"));
        assert!(refused.says("HTTP/1.1 4") && refused.says("or say all"), "{refused}");
    }
    back("").expect_says("HTTP/1.1 200");
    back("").expect_says("HTTP/1.1 409").expect_says("generation-moved");
    let listed = server.repoctl(&["list", "--suite", "stable", "--json"]).expect_success();
    let live = |version: &str| {
        let listed: serde_json::Value = serde_json::from_str(&listed.stdout).unwrap();
        listed.as_array().unwrap().iter().any(|one| {
            one["package"] == "acme-web" && one["version"] == version && one["state"] == "live"
        })
    };
    assert!(live("2.0") && !live("1.0"), "{listed}");
}

/// What was left by a rollback does not come back by the rollback of everything around it.
#[test]
fn the_suite_goes_back_and_brings_nothing_back_that_was_withdrawn() {
    let server = TestServer::start();
    for (name, version) in
        [("rb-a", "1.0"), ("rb-b", "1.0"), ("rb-a", "2.0"), ("rb-b", "2.0"), ("rb-a", "3.0")]
    {
        server.upload(name, version).expect_success();
    }
    server.repoctl(&["pin", "--suite", "stable", "--rollback", "rb-a"]).expect_success();
    let _host = server.host("web1.example.org");
    let listed = || {
        let report = server.check("web1.example.org", "stable");
        ["rb-a", "rb-b"].map(|name| report.versions(name).join(" "))
    };
    assert_eq!(listed(), ["2.0", "2.0"]);

    // The state before had 3.0, and is no different without it; the one before that had rb-b 1.0.
    let back = ["pin", "--suite", "stable", "--rollback", "--all", "-m", "all back", "--yes"];
    server.repoctl(&back).expect_success();
    assert_eq!(listed(), ["2.0", "1.0"]);
    server.repoctl(&back).expect_success();
    assert_eq!(listed(), ["1.0", "1.0"]);
    // Before that rb-b was not there.
    server.repoctl(&back).expect_success().expect_says("held out");
    server.repoctl(&back).expect_code(1).expect_says("nothing was published before");

    // Named, it comes.
    server.repoctl(&["pin", "--suite", "stable", "rb-a=3.0"]).expect_success();
    assert_eq!(listed(), ["3.0", ""]);
}

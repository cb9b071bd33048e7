//! A real server: what is done and refused, by whom, with which certificate.

use std::path::Path;

use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::harness::server::{TestServer, package};

/// The log as an admin reads it: one object a line.
#[track_caller]
pub fn log(server: &TestServer, filter: &[&str]) -> Vec<Value> {
    let outcome = server.repoctl(&[&["audit", "--all", "--json"], filter].concat());
    let lines = outcome.expect_success().stdout;
    lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The only entry with a verb and outcome.
#[track_caller]
fn only(server: &TestServer, verb: &str, outcome: &str) -> Value {
    let mut found = log(server, &["--verb", verb]);
    found.retain(|entry| entry["outcome"] == outcome);
    assert_eq!(found.len(), 1, "{verb} {outcome}: {found:?}");
    found.remove(0)
}

/// The serial of a certificate on disk, as openssl reads it.
pub fn serial(certificate: &Path) -> String {
    let openssl = crate::harness::programs::program("openssl");
    let read = openssl.args(["x509", "-noout", "-serial", "-in"]).arg(certificate).run();
    let text = read.expect_success().stdout;
    text.trim().trim_start_matches("serial=").trim_start_matches('0').to_lowercase()
}

/// The chain by a hand of its own, from what docs/FORMATS.md says.
fn chained(entry: &Value, previous: &str) -> String {
    let text = |field: &str| match &entry[field] {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    };
    let mut hasher = Sha256::new();
    let fields = "number at identity serial verb suite detail message before after outcome times";
    let fields = fields.split(' ').map(text);
    for field in ["repod audit entry 1".to_owned(), previous.to_owned()].into_iter().chain(fields) {
        hasher.update((field.len() as u64).to_be_bytes());
        hasher.update(field);
    }
    hex::encode(hasher.finalize())
}

#[track_caller]
fn whole(server: &TestServer) {
    let mut previous = "0".repeat(64);
    for (number, entry) in (1..).zip(log(server, &[])) {
        assert_eq!(entry["number"], number);
        previous = chained(&entry, &previous);
        assert_eq!(entry["hash"], previous.as_str());
    }
    server.repoctl(&["audit", "verify"]).expect_success().expect_says("the audit log is whole");
    let config = server.at("data/repod.toml");
    server.repod(&["audit", "verify", "--config", &config]).run().expect_success();
}

#[test]
fn what_is_done_has_its_line_with_who_why_and_the_generations() {
    let server = TestServer::start();
    server.upload("acme-web", "1.0").expect_success();
    server.upload("acme-web", "2.0").expect_success();
    // The same again alters nothing.
    server.upload("acme-web", "2.0").expect_success();
    let pin = ["pin", "--suite", "stable", "--rollback", "acme-web", "-m", "2.0 crashes"];
    server.repoctl(&pin).expect_success();
    server.repoctl(&["unpin", "--suite", "stable", "acme-web", "-m", "mended"]).expect_success();
    let edit = ["suite", "edit", "stable", "--owns", "acme-*", "-m", "ours"];
    server.repoctl(&edit).expect_success();
    let _host = server.host("web-01.example.org");
    server
        .repoctl(&["host", "revoke", "web-01.example.org", "-m", "stolen", "--yes"])
        .expect_success();
    server.repoctl(&["suite", "create", "other", "--architectures", "amd64"]).expect_success();
    server.repoctl(&["suite", "remove", "other", "--yes"]).expect_success();

    let own = serial(&server.data().join("operator/client.crt"));
    let all = log(&server, &[]);
    let verbs: Vec<_> = all.iter().map(|entry| entry["verb"].as_str().unwrap()).collect();
    let expected = "certificate-issue suite-create suite-begin add add rollback unpin suite-edit \
                    certificate-issue revoke suite-create suite-begin suite-remove";
    assert_eq!(verbs, expected.split_whitespace().collect::<Vec<_>>());
    for entry in all.iter().skip(1) {
        assert_eq!(
            (&entry["identity"], &entry["serial"]),
            (&"operator".into(), &own.as_str().into())
        );
        assert_eq!((&entry["outcome"], &entry["times"]), (&"done".into(), &1.into()));
    }
    let moved = |at: usize| (all[at]["before"].as_u64(), all[at]["after"].as_u64());
    assert_eq!([2, 3, 4].map(moved), [(Some(0), Some(1)), (Some(1), Some(2)), (Some(2), Some(3))]);
    assert_eq!(all[4]["detail"], "acme-web 2.0 amd64 in main");
    assert_eq!(
        (&all[5]["detail"], &all[5]["message"]),
        (&"acme-web".into(), &"2.0 crashes".into())
    );
    assert_eq!((&all[7]["detail"], &all[7]["message"]), (&"owns acme-*".into(), &"ours".into()));
    let issued = all[8]["detail"].as_str().unwrap();
    let host = server.at("hosts/web-01.example.org/etc/apt/repod/repo.example.org/client.crt");
    let theirs = serial(Path::new(&host));
    let begins = format!("web-01.example.org: host of stable; serial {theirs} until");
    assert!(issued.starts_with(&begins), "{issued}");
    let revoked = all[9]["detail"].as_str().unwrap();
    assert!(revoked.contains("web-01.example.org") && revoked.contains(&theirs), "{revoked}");
    assert_eq!(all[9]["message"], "stolen");
    whole(&server);

    // One byte in the file, and everybody who looks sees it; nothing more is signed.
    let raw = rusqlite::Connection::open(server.data().join("catalogue.sqlite")).unwrap();
    let alter = "DROP TRIGGER audit_stays; \
                 UPDATE audit SET detail = 'acme-web 2.1 amd64 in main' WHERE number = 5;";
    raw.execute_batch(alter).unwrap();
    let told = server.repoctl(&["audit", "verify"]).expect_code(1);
    assert!(told.says("entry 5 is not what was written"), "{told}");
    let config = server.at("data/repod.toml");
    let offline = server.repod(&["audit", "verify", "--config", &config]).run().expect_code(1);
    assert!(offline.says("entry 5 is not what was written"), "{offline}");
    server.repoctl(&["audit", "checkpoint"]).expect_code(4);
    server.repoctl(&["status", "--json"]).expect_success().expect_says("audit-broken");
}

#[test]
fn what_is_refused_has_its_line_with_whom_a_certificate_proves() {
    let server = TestServer::start();
    let web = "web-01.example.org";
    let _host = server.host(web);
    let release = "dists/stable/InRelease";
    server.curl(web, release).arg("--fail").run().expect_success();
    let theirs = serial(Path::new(
        &server.at(&format!("hosts/{web}/etc/apt/repod/repo.example.org/client.crt")),
    ));
    // No right.
    server.curl(web, "dists/secret/InRelease").run().expect_says("has no right");
    let put = server.curl(web, "api/v1/suites/stable/main/x.deb").args(["-X", "PUT", "-d", "x"]);
    put.run().expect_says("needs the role");
    let denied = only(&server, "read", "denied");
    assert_eq!((&denied["identity"], &denied["suite"]), (&web.into(), &"secret".into()));
    assert_eq!(denied["serial"], theirs.as_str());
    assert_eq!(only(&server, "add", "denied")["suite"], "stable");

    // A package that is none, and a conflict.
    let path = server.at("broken.deb");
    std::fs::write(&path, b"this is no package").unwrap();
    let own = server.curl_as_operator("api/v1/suites/stable/main/x.deb").args(["-T", &path]);
    own.run().expect_says("422");
    server.repoctl(&["upload", "--suite", "stable", &path]).expect_code(1);
    server.upload("acme-web", "1.0").expect_success();
    let other = server.deb(&package("acme-web", "1.0").file("etc/other", b"x"));
    server.repoctl(&["upload", "--suite", "stable", &other, "-m", "again"]).expect_code(1);
    server.repoctl(&["pin", "--suite", "stable", "acme-web=9.9", "-m", "up"]).expect_code(1);
    let rejected = only(&server, "add", "rejected");
    assert!(
        rejected["detail"].as_str().unwrap().starts_with("PUT /api/v1/suites/stable/main/x.deb: ")
    );
    assert_eq!(only(&server, "send", "rejected")["identity"], "operator");
    let conflict = only(&server, "add", "version-conflict");
    assert_eq!(conflict["message"], "again");
    assert!(conflict["detail"].as_str().unwrap().contains("acme-web"), "{conflict}");
    let pinned = log(&server, &["--verb", "pin", "--refused"]);
    assert_eq!((pinned.len(), &pinned[0]["message"]), (1, &"up".into()), "{pinned:?}");
    // What was only tried out is not refused.
    server.repoctl(&["pin", "--suite", "stable", "acme-web=9.8", "--dry-run"]).expect_code(1);
    assert_eq!(log(&server, &["--verb", "pin", "--refused"]).len(), 1);

    // Revoked: it is named, on a fresh connection, and one that asks for ever makes few lines.
    server.repoctl(&["host", "revoke", web, "-m", "stolen", "--yes"]).expect_success();
    for _ in 0..30 {
        server.curl(web, release).run().expect_says("was revoked");
    }
    let revoked = log(&server, &["--identity", web, "--verb", "read", "--refused"]);
    let revoked: Vec<_> =
        revoked.iter().filter(|entry| entry["outcome"] == "certificate-revoked").collect();
    assert!((1..=2).contains(&revoked.len()), "{revoked:?}");
    assert_eq!(revoked[0]["serial"], theirs.as_str());

    // None, and another CA's: nobody is named.
    let bare = |arguments: &[&str]| {
        let curl = crate::harness::programs::program("curl");
        let ca = server.at("data/ca/ca.crt");
        curl.args(["-sS", "--cacert", &ca])
            .args(arguments)
            .arg(format!("{}/{release}", server.url()))
    };
    bare(&[]).run().expect_says("no client certificate");
    let stranger = TestServer::init();
    let (cert, key) =
        (stranger.at("data/operator/client.crt"), stranger.at("data/operator/client.key"));
    bare(&["--cert", &cert, "--key", &key]).run().expect_says("another CA");
    assert_eq!(only(&server, "read", "certificate-missing")["identity"], "");
    assert_eq!(only(&server, "read", "certificate-refused")["identity"], "");
    whole(&server);
}

#[test]
fn refusals_that_were_counted_are_written_before_the_server_stops() {
    let mut server = TestServer::start();
    let web = "web-01.example.org";
    let _host = server.host(web);
    let ask = || server.curl(web, "dists/secret/InRelease").run().expect_says("has no right");
    for _ in 0..3 {
        ask();
    }
    let before: u64 = denials(&server).iter().sum();
    for _ in 0..4 {
        ask();
    }
    assert_eq!(server.stop(), 0);
    server.serve();
    let after = denials(&server);
    assert_eq!((before <= 3, after.iter().sum::<u64>()), (true, 7), "{after:?}");
    assert!(after.len() <= 3, "{after:?}");
    // What was stopped in good order is signed to its end.
    let config = server.at("data/repod.toml");
    let told = server.repod(&["audit", "verify", "--config", &config]).run().expect_success();
    let entries = log(&server, &[]).len();
    assert!(told.says(&format!("{entries} entries, signed up to entry {entries}")), "{told}");
}

fn denials(server: &TestServer) -> Vec<u64> {
    let all = log(server, &["--refused"]);
    all.iter().map(|entry| entry["times"].as_u64().unwrap()).collect()
}

#[test]
fn operators_read_what_concerns_their_suites_and_themselves() {
    let server = TestServer::start();
    server.repoctl(&["suite", "create", "other", "--architectures", "amd64"]).expect_success();
    server.upload("acme-web", "1.0").expect_success();
    let issue = |name: &str, role: &str| {
        let out = server.at(name);
        let issue = ["identity", "issue", name, "--role", role, "--suite", "stable", "--out", &out];
        server.repoctl(&issue).expect_success();
        [format!("{out}/client.crt"), format!("{out}/client.key")]
    };
    let ops = issue("oncall.example.org", "operator");
    let ci = issue("ci.example.org", "uploader");
    let as_ops = |arguments: &[&str]| {
        server.repoctl(&[arguments, &["--cert", &ops[0], "--key", &ops[1]]].concat())
    };
    let out = server.at("web-01");
    let host = ["host", "issue", "web-01.example.org", "--suite", "stable", "--out", &out];
    as_ops(&host).expect_success();
    let told = as_ops(&["audit", "--all", "--json"]).expect_success().stdout;
    let seen: Vec<Value> = told.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let concerns =
        |entry: &Value| entry["suite"] == "stable" || entry["identity"] == "oncall.example.org";
    assert!(seen.iter().all(concerns), "{seen:?}");
    let all = log(&server, &[]);
    assert_eq!(seen.len(), all.iter().filter(|entry| concerns(entry)).count());
    assert!(seen.len() >= 4 && seen.len() < all.len(), "{seen:?}");
    // Text for people has the newest first.
    let lines = as_ops(&["audit", "--limit", "1"]).expect_success().stdout;
    assert!(lines.lines().nth(1).unwrap().contains("certificate-issue"), "{lines}");
    as_ops(&["audit", "verify"]).expect_code(3);
    let as_ci = ["audit", "--cert", &ci[0], "--key", &ci[1]];
    server.repoctl(&as_ci).expect_code(3).expect_says("needs the role operator");
}

/// An outsider who keeps checkpoints needs nothing but gpgv, or repoctl and the public key.
#[test]
fn a_checkpoint_is_a_statement_that_gpgv_verifies() {
    let server = TestServer::start();
    server.upload("acme-web", "1.0").expect_success();
    let text = server.repoctl(&["audit", "checkpoint"]).expect_success().stdout;
    let again = server.repoctl(&["audit", "checkpoint"]).expect_success().stdout;
    assert_eq!(again, text, "nothing was added, so nothing is signed anew");
    let (path, key) = (server.at("checkpoint.asc"), server.at("data/keys/archive-key.asc"));
    std::fs::write(&path, &text).unwrap();
    let keyring = server.at("ring.gpg");
    let program = crate::harness::programs::program;
    let dearmor = "sed -n '/^$/,/^=/{/^$/d;/^=/d;p}' \"$1\" | base64 -d > \"$2\"";
    program("sh").args(["-c", dearmor, "-", &key, &keyring]).run().expect_success();
    program("gpgv").args(["--keyring", &keyring, &path]).run().expect_success();
    server.upload("acme-web", "2.0").expect_success();
    let verify = ["audit", "verify", "--checkpoint", &path, "--archive-key", &key];
    let whole = server.repoctl(&verify).expect_success();
    assert!(whole.says("signed up to entry 4"), "{whole}");
    // One that was altered is no statement of the repository's.
    let forged = text.replace("Entries: 4", "Entries: 3");
    std::fs::write(&path, forged).unwrap();
    server.repoctl(&verify).expect_code(1).expect_says("the signature does not hold");
    // Nor is one of another repository's keys.
    let stranger = TestServer::init();
    let theirs = stranger.at("data/keys/archive-key.asc");
    let told = server.repoctl(&["audit", "verify", "--archive-key", &theirs]).expect_code(1);
    assert!(told.says("no checkpoint of the server is signed by the archive key"), "{told}");
}

//! Every command that alters something says why, and the log has it.

use std::collections::BTreeSet;

use serde_json::Value;

use super::served::log;
use crate::harness::server::{TestServer, package};

/// The commands of `repoctl` that take a reason, as its own manual has them: `host issue`, …
fn altering(server: &TestServer) -> BTreeSet<String> {
    let pages = server.at("man");
    server.repoctl(&["man", &pages]).expect_success();
    let mut found = BTreeSet::new();
    for page in std::fs::read_dir(pages).unwrap() {
        let page = page.unwrap();
        let text = std::fs::read_to_string(page.path()).unwrap();
        let name = page.file_name().into_string().unwrap();
        let name = name.trim_start_matches("repoctl-").trim_end_matches(".1").replace('-', " ");
        if text.contains("\\-\\-message") {
            found.insert(name);
        }
    }
    found
}

/// A server, and what was said of each command so far.
struct Story {
    server: TestServer,
    said: Vec<(String, String)>,
}

impl Story {
    /// Runs a command of so many words with a reason of its own, and gives what it printed.
    #[track_caller]
    fn tell(&mut self, code: i32, words: usize, arguments: &[&str]) -> String {
        let name = arguments[..words].join(" ");
        let why = format!("reason {} & 100% +: „{name}“", self.said.len());
        let whole = [arguments, &["-m", &why]].concat();
        let outcome = self.server.repoctl(&whole).expect_code(code);
        self.said.push((name, why));
        outcome.stdout
    }
}

#[test]
fn whatever_is_altered_has_its_reason_in_the_log() {
    let server = TestServer::start();
    let named: BTreeSet<_> = altering(&server);
    let at = |name: &str| server.at(name);
    let deb = server.deb(&package("acme-web", "1.0"));
    let newer = server.deb(&package("acme-web", "2.0"));
    let (web, ci, root) = (at("web-01"), at("ci"), at("machine"));
    let (public, list) = (at("data/keys/archive-key.asc"), at("data/ca/crl.pem"));
    let file = at("repo.toml");
    let floor = at("data/floor/stable");
    let text = "[group.night]\nmembers = [\"night-*.example.org\"]\n";
    std::fs::write(&file, text).unwrap();
    std::fs::create_dir_all(format!("{root}/etc/apt")).unwrap();

    let mut story = Story { server, said: Vec::new() };
    let mut done = |words: usize, arguments: &[&str]| story.tell(0, words, arguments);
    done(2, &["suite", "create", "other", "--architecture", "amd64"]);
    done(2, &["suite", "edit", "other", "--description", "Other"]);
    done(2, &["suite", "remove", "other", "--yes"]);
    done(1, &["upload", "--suite", "stable", &deb]);
    done(1, &["upload", "--suite", "stable", &newer]);
    done(1, &["pin", "--suite", "stable", "--rollback", "acme-web"]);
    done(1, &["unpin", "--suite", "stable", "acme-web"]);
    done(2, &["suite", "create", "edge", "--architecture", "amd64"]);
    done(1, &["promote", "--from", "stable", "--to", "edge", "acme-web"]);
    done(1, &["remove", "--suite", "stable", "acme-web"]);
    done(1, &["hold", "--suite", "stable"]);
    done(1, &["release", "--suite", "stable", "--yes"]);
    done(1, &["yank", "acme-web=2.0", "--yes"]);
    done(1, &["yank", "--undo", "acme-web=2.0", "--yes"]);
    done(2, &["suite", "create", "wide", "--ring", "canary=web-01.example.org"]);
    done(2, &["suite", "edit", "wide", "--rollout", "start=manual"]);
    done(1, &["upload", "--suite", "wide", &deb]);
    for step in ["start", "pause", "resume", "advance"] {
        done(2, &["rollout", step, "--suite", "wide"]);
    }
    done(1, &["upload", "--suite", "wide", &newer]);
    done(2, &["rollout", "abort", "--suite", "wide"]);
    done(2, &["host", "issue", "web-01.example.org", "--suite", "stable", "--out", &web]);
    done(2, &["host", "grant", "web-02.example.org", "--suite", "stable"]);
    done(2, &["health", "ignore", "web-01.example.org"]);
    done(2, &["health", "unignore", "web-01.example.org"]);
    done(2, &["host", "revoke", "web-01.example.org", "--yes"]);
    done(2, &["host", "token", "web-03.example.org", "--suite", "stable"]);
    done(2, &["host", "token", "web-03.example.org", "--revoke", "--yes"]);
    let token = done(2, &["host", "token", "web-04.example.org", "--suite", "stable"]);
    done(2, &["host", "enroll", "--root", &root, token.trim()]);
    done(2, &["host", "renew", "--root", &root, "--force"]);
    let uploader = ["--role", "uploader", "--suite", "stable"];
    let issue = ["identity", "issue", "ci.example.org", "--out", &ci];
    done(2, &[&issue[..], &uploader].concat());
    done(2, &[&["identity", "grant", "cd.example.org"][..], &uploader].concat());
    done(2, &["identity", "revoke", "ci.example.org", "--yes"]);
    done(3, &["access", "group", "add", "web", "web-*.example.org"]);
    done(2, &["access", "grant", "host", "@web", "--suite", "stable"]);
    done(2, &["access", "revoke", "host", "@web"]);
    done(3, &["access", "group", "remove", "web", "--all", "--yes"]);
    // As a clock that was ahead leaves it.
    std::fs::write(floor, "4000000000\n").unwrap();
    done(2, &["suite", "redate", "stable", "--yes"]);
    done(1, &["apply", "-f", &file, "--yes"]);
    done(2, &["key", "publish", "--suite", "stable"]);
    done(2, &["key", "rotate"]);
    done(1, &["gc", "--yes"]);
    let keys = story.server.repoctl(&["key", "list", "--json"]).expect_success().stdout;
    let keys: Value = serde_json::from_str(&keys).unwrap();
    let old = keys[0]["fingerprint"].as_str().unwrap();
    story.tell(0, 2, &["key", "retire", old, "--force", "--yes"]);
    story.server.note_restoration();
    story.tell(0, 2, &["restored", "acknowledge"]);
    // What this server refuses is told with its reason as well: nothing signs elsewhere here, and its lists
    // are its own.
    story.tell(1, 2, &["key", "add", &public]);
    story.tell(1, 2, &["crl", "put", &list]);

    let Story { server, said } = story;
    let tried: BTreeSet<_> = said.iter().map(|(name, _)| name.clone()).collect();
    assert_eq!(tried, named, "every command that takes a reason is tried");
    let entries = log(&server, &[]);
    for (name, why) in &said {
        let of: Vec<_> = entries
            .iter()
            .filter(|entry| entry["message"].as_str().unwrap().contains(why.as_str()))
            .collect();
        assert!(!of.is_empty(), "{name}: no line says {why}");
        let refused = ["key add", "crl put"].contains(&name.as_str());
        let fits = |entry: &&Value| (entry["outcome"] == "done") != refused;
        assert!(of.iter().all(fits), "{name}: {of:?}");
    }
    // People see it too, and the suite's history has it.
    let (_, why) = &said[5];
    server.repoctl(&["audit", "--verb", "rollback"]).expect_success().expect_says(why);
    server.repoctl(&["history", "--suite", "stable"]).expect_success().expect_says(why);
}

#[test]
fn a_reason_is_one_line_in_the_query_or_the_body_and_nothing_beside_it() {
    let server = TestServer::start();
    let ask = |method: &str, path: &str, body: &str| {
        let curl = server.curl_as_operator(&format!("api/v1/{path}"));
        let curl = curl.args(["-X", method, "-H", "Content-Type: application/json"]);
        let outcome = if body.is_empty() { curl } else { curl.args(["--data", body]) }.run();
        outcome.stdout
    };
    let made = ask("PATCH", "suites/stable?message=from+the%20query", r#"{"description":"a"}"#);
    assert!(made.contains("\"generation\":2"), "{made}");
    let body = r#"{"description":"b","message":"from the body"}"#;
    assert!(ask("PATCH", "suites/stable?message=of+the+query", body).contains("\"generation\":3"));
    let said = log(&server, &["--verb", "suite-edit"]);
    let said: Vec<_> = said.iter().map(|entry| entry["message"].as_str().unwrap()).collect();
    assert_eq!(said, ["from the query", "from the body"]);

    // What is sent as it is, is judged once more behind its body.
    let deb = server.deb(&package("acme-web", "1.0"));
    let path = "api/v1/suites/stable/main/acme-web_1.0_amd64.deb?message=sent%20by%20hand";
    let sent = server.curl_as_operator(path).args(["-T", &deb]).run();
    assert!(sent.stdout.contains("\"generation\":4"), "{sent}");
    let said = log(&server, &["--verb", "add"]);
    assert_eq!(said[0]["message"], "sent by hand", "{said:?}");

    let long = "x".repeat(1_025);
    for (query, told) in [
        ("mesage=x", "unknown field `mesage`"),
        ("message=a%0Ab", "message: holds control characters"),
        (&format!("message={long}"), "message: is longer than 1024 bytes"),
    ] {
        for (method, path, body) in [
            ("DELETE", "suites/stable", ""),
            ("POST", "keys", "{}"),
            ("PUT", "crl", "x"),
            ("POST", "tokens/web-01/revoke", "{}"),
            ("PUT", "suites/stable/main/x_1_amd64.deb", "x"),
        ] {
            let answer = ask(method, &format!("{path}?{query}"), body);
            assert!(
                answer.contains("invalid-request") && answer.contains(told),
                "{path}: {answer}"
            );
        }
    }
    // Nothing of it was done, and what is too long is cut in the line of the refusal, not left out.
    let done = log(&server, &[]).into_iter().filter(|entry| entry["outcome"] == "done");
    assert!(!done.map(|entry| entry["verb"].to_string()).any(|verb| verb.contains("remove")));
}

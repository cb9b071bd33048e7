//! The server of the snapshots, which always gives the same answers.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{Method, StatusCode, Uri};
use axum::response::{IntoResponse, Json, Response};
use serde_json::{Value, json};

use super::{Run, page, words};
use crate::api::{AuditEntry, Code, Problem, Reason, Secret, TokenText, ca_pin, split_blobs};
use crate::cli::terminal::Screen;
use crate::cli::tests::{NOW, Stage, answer};
use crate::client::tests::fake::{Authority, Fake};
use crate::digest::Digest;

/// The server's answers, by method and path; the outcomes of changes, by what they name.
static ANSWERS: LazyLock<Value> =
    LazyLock::new(|| serde_json::from_str(include_str!("world.json")).unwrap());

/// A server, and a machine whose configuration names it.
pub struct World {
    fake: Fake,
    directory: tempfile::TempDir,
}

#[derive(Clone)]
struct Server {
    authority: Arc<Authority>,
    /// Changes of suite `moving` so far: the first one meets a suite that has moved on.
    changes: Arc<AtomicU64>,
}

impl World {
    pub async fn begin() -> Self {
        let authority = Arc::new(Authority::new());
        let server = Server { authority: Arc::clone(&authority), changes: Arc::default() };
        let routes = Router::new().fallback(respond).with_state(server);
        let fake = Fake::under(authority, routes, 0, false).await;
        let directory = tempfile::tempdir().unwrap();
        fake.write_config(directory.path());
        lay_out(directory.path(), &fake);
        Self { fake, directory }
    }

    /// Runs a command and returns its page, without anything that depends on time or place.
    pub async fn run(&self, run: Run) -> String {
        self.run_on(run, None).await
    }

    /// The same on a terminal of this size, without colours.
    pub async fn run_on(&self, run: Run, screen: Option<Screen>) -> String {
        let directory = self.directory.path().to_str().unwrap();
        let token = self.token();
        let set = |word: String| word.replace("DIR", directory).replace("TOKEN", &token);
        let words: Vec<String> = words(run.line).into_iter().map(set).collect();
        let stage = Stage {
            environment: [
                ("REPOCTL_CONFIG".into(), format!("{directory}/config.toml")),
                ("COLUMNS".into(), screen.map_or(80, |screen| screen.columns).to_string()),
                ("NO_COLOR".into(), "1".into()),
            ]
            .into(),
            input: run.answer.unwrap_or_default().into(),
            terminal: run.answer.is_some(),
            screen,
        };
        let output = stage.run(&words.iter().map(String::as_str).collect::<Vec<_>>()).await;
        let unmade = ["does not read as expected", "world.json has no"];
        assert!(
            !unmade.iter().any(|text| output.err.contains(text)),
            "{}: {}",
            run.line,
            output.err
        );
        let port = self.fake.server.rsplit(':').next().unwrap();
        page(run.line, run.answer, &output)
            .replace(&format!("localhost:{port}"), "localhost:8443")
            .replace(directory, "DIR")
    }

    fn token(&self) -> String {
        let server = self.fake.server.clone();
        let (ca_pin, secret) = (ca_pin(&self.fake.authority.ca_pem).unwrap(), "s".repeat(43));
        let name = "web-03.example.org".to_owned();
        TokenText { server, name, ca_pin, secret: Secret(secret) }.write().0
    }
}

/// The files that command lines name.
fn lay_out(directory: &Path, fake: &Fake) {
    let write = |path: &str, bytes: &[u8]| {
        let path = directory.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    };
    for name in ["acme-cron", "acme-db", "acme-shop", "acme-web"] {
        write(&format!("dist/{name}.deb"), name.as_bytes());
    }
    write("dist/acme.changes", b"no package");
    write("bad/rejected.deb", b"rejected");
    write("bad/sound.deb", b"sound");
    write("busy.deb", b"busy");
    write("notes/readme.txt", b"no package");
    write("flaws.jsonl", include_bytes!("flaws.jsonl"));
    write("vex.json", include_bytes!("vex.json"));
    write("issuing.crl", b"a list");
    write("archive.asc", b"-----BEGIN PGP PUBLIC KEY BLOCK-----\n");
    write("secret.asc", b"-----BEGIN PGP PRIVATE KEY BLOCK-----\n");
    write("repo.toml", include_bytes!("repo.toml"));
    write("fixed.toml", b"[suite.stable]\norigin = \"another\"\n");
    write("mistyped.toml", b"[group.web]\nmembrs = []\n");
    write(
        "typo.toml",
        b"[[grant]]\nto = \"@web\"\nrole = \"host\"\nsuites = [\"stabel\", \"empty\"]\n",
    );
    let config = std::fs::read_to_string(directory.join("config.toml")).unwrap();
    write("plain.toml", config.replace("suite = 'stable'\n", "").as_bytes());
    write("same.toml", b"[suite.stable]\ndescription = \"production\"\n");
    let log: String = entries().iter().map(|one| crate::cli::chain::line(one) + "\n").collect();
    write("audit.jsonl", log.as_bytes());
    write("altered.jsonl", log.replace("crashes", "works").as_bytes());
    write("kept.asc", checkpoint()["text"].as_str().unwrap().as_bytes());
    // A machine that is a host of the server, with a certificate that lasts longer than any test.
    let (certificate, key) = fake.authority.issue("web-03.example.org");
    let own = "host/etc/apt/repod/localhost";
    write(&format!("{own}/client.crt"), certificate.as_bytes());
    write(&format!("{own}/client.key"), key.as_bytes());
    write(&format!("{own}/ca.crt"), fake.authority.ca_pem.as_bytes());
    let sources = format!("Types: deb\nURIs: {}\n", fake.server);
    write("host/etc/apt/sources.list.d/repod-localhost-stable.sources", sources.as_bytes());
    let status = "Package: acme-web\nStatus: hold ok installed\nArchitecture: amd64\nVersion: 2.0\n\n\
        Package: libacme1\nStatus: install ok installed\nArchitecture: amd64\nSource: acme (1.0)\nVersion: 1.0+b1\n";
    for root in ["host", "off"] {
        write(&format!("{root}/var/lib/dpkg/status"), status.as_bytes());
        write(
            &format!("{root}/etc/os-release"),
            b"ID=debian\nVERSION_ID=\"12\"\nVERSION_CODENAME=bookworm\n",
        );
    }
    write("off/etc/apt/repod/no-report", b"");
    for (root, name, mode, body) in [
        ("host", "10-web", 0o755, "exit 0"),
        ("host", "20-db", 0o755, "echo 'no route to \u{1b}[2Jhost'; exit 1"),
        ("host", "30-mq.dpkg-old", 0o755, "exit 0"),
        ("host", "40-open", 0o777, "exit 0"),
        ("open", "10-web", 0o755, "exit 0"),
    ] {
        let path = format!("{root}/etc/repod/health.d/{name}");
        write(&path, format!("#!/bin/sh\n{body}\n").as_bytes());
        std::fs::set_permissions(directory.join(path), PermissionsExt::from_mode(mode)).unwrap();
    }
    let open = directory.join("open/etc/repod/health.d");
    std::fs::set_permissions(open, PermissionsExt::from_mode(0o777)).unwrap();
    write("new/etc/systemd/system/none", b"");
    std::fs::create_dir(directory.join("bare")).unwrap();
    let open = std::fs::Permissions::from_mode(0o644);
    std::fs::copy(directory.join("client.key"), directory.join("open.key")).unwrap();
    std::fs::set_permissions(directory.join("open.key"), open).unwrap();
}

async fn respond(State(server): State<Server>, method: Method, uri: Uri, body: Bytes) -> Response {
    let key = format!("{method} {}", uri.path().trim_matches('/'));
    let json = || serde_json::from_slice::<Value>(&body).unwrap();
    let found = match key.as_str() {
        "GET suites/gone/packages" if uri.query().unwrap_or_default().contains("all=true") => {
            ANSWERS["GET suites/stable/packages"].clone()
        }
        "GET suites/gone/packages" => json!([]),
        "GET suites/moving" | "GET suites/moving/generations" => {
            server.changes.fetch_add(1, Ordering::SeqCst);
            ANSWERS[key.replace("moving", "stable")].clone()
        }
        "GET packages"
            if ["nothing", "pattern=acme-wbe"]
                .iter()
                .any(|absent| uri.query().unwrap_or_default().contains(absent)) =>
        {
            json!([])
        }
        "GET suites/stable" | "POST suites/stable/redate" => ANSWERS["GET suites"][0].clone(),
        "GET suites/empty" => ANSWERS["GET suites"][1].clone(),
        "POST blobs/missing" => json!({ "missing": json()["digests"] }),
        "POST blobs" => batch(body.clone()),
        "POST access" => json(),
        "GET fleet" if uri.query().unwrap_or_default().contains("nobody") => {
            json!({ "problem": "missing",
            "detail": "there is no group nobody with hosts that you manage" })
        }
        "GET fleet/diff" => {
            let group = uri.query().unwrap_or_default().trim_start_matches("group=");
            ANSWERS["fleet/diff"][group].clone()
        }
        "POST hosts/web-02.example.org/health/ignore" => {
            let until = json().get("hours").map(|_| 1_795_433_499);
            json!({ "host": "web-02.example.org", "until": until })
        }
        "GET enroll" => json!({ "ca_pem": server.authority.ca_pem }),
        "POST enroll" | "POST renew" => issue(&server, &json()),
        "GET audit" => audit(uri.query().unwrap_or_default()),
        "GET audit/checkpoints" => json!([checkpoint()]),
        "POST audit/checkpoints" => checkpoint(),
        "DELETE suites/testing" | "DELETE suites/empty" | "DELETE suites/moving" => {
            return StatusCode::NO_CONTENT.into_response();
        }
        _ if key.ends_with("/changes") => change(&server, &key, &json()),
        _ if key.starts_with("PUT blobs/") => blob(&body),
        _ => ANSWERS[&key].clone(),
    };
    match problem(&found) {
        _ if found.is_null() => {
            answer(&Problem::new(Code::Missing, format!("world.json has no {key}")))
        }
        Some(problem) => answer(&problem),
        None => Json(found).into_response(),
    }
}

/// A refusal, where the answer is one.
fn problem(answer: &Value) -> Option<Problem> {
    let code = Code::parse(answer.get("problem")?.as_str()?).unwrap();
    let reasons = answer["reasons"].as_array().into_iter().flatten();
    let reasons = reasons.map(|one| Reason {
        field: None,
        problem: one.as_str().unwrap().into(),
        ..Reason::default()
    });
    let detail = answer["detail"].as_str().unwrap();
    Some(Problem::new(code, detail).with_reasons(reasons.collect()))
}

/// The outcome of a change, by its verb and the first package that it names.
fn change(server: &Server, key: &str, body: &Value) -> Value {
    let (verb, dry_run) = (&body["change"]["verb"], body["dry_run"] == true);
    let first = &body["change"]["packages"][0];
    let named = [&body["change"]["package"], first, &first["package"]];
    let name = named.into_iter().find_map(Value::as_str).unwrap_or_default();
    let suite = key.split('/').nth(1).unwrap();
    if suite == "moving" && !dry_run && server.changes.load(Ordering::SeqCst) < 2 {
        return json!({ "problem": "generation-moved", "detail": "suite moving is at generation 44" });
    }
    let all = &ANSWERS["change"];
    let verb = verb.as_str().unwrap();
    let known = [format!("{verb} {name}"), name.to_owned(), verb.to_owned()];
    let mut outcome = known.iter().find_map(|key| all.get(key)).unwrap().clone();
    if outcome.get("problem").is_some() {
        return outcome;
    }
    outcome["suite"] = json!(suite);
    for pin in outcome.get_mut("pins").and_then(Value::as_array_mut).into_iter().flatten() {
        pin["suite"] = json!(suite);
    }
    if dry_run {
        outcome["dry_run"] = json!(true);
        outcome["generation"] = Value::Null;
        outcome["hosts"] = all["hosts"].clone();
    }
    outcome
}

fn issue(server: &Server, request: &Value) -> Value {
    let certificate = server.authority.sign(request["csr_pem"].as_str().unwrap());
    json!({ "identity": "web-03.example.org", "serial": "4b", "not_after": NOW.0 + 86_400 * 30,
        "certificate_pem": certificate, "ca_pem": server.authority.ca_pem })
}

fn blob(bytes: &[u8]) -> Value {
    match bytes {
        b"rejected" => json!({ "problem": "rejected", "detail": "the package breaks rules",
            "reasons": ["Depends: is empty", "Version: has a \u{1b}[2J in it"] }),
        b"busy" => {
            json!({ "problem": "busy", "detail": "the server has as many uploads as it takes" })
        }
        _ => {
            json!({ "digest": Digest::of(bytes), "name": "acme", "version": "1", "architecture": "all",
            "size_bytes": bytes.len() })
        }
    }
}

fn batch(body: Bytes) -> Value {
    let of = |(digest, bytes): (Digest, Bytes)| match problem(&blob(&bytes)) {
        Some(problem) => json!({ "digest": digest, "problem": problem }),
        None => json!({ "digest": digest }),
    };
    json!({ "blobs": split_blobs(body).unwrap().into_iter().map(of).collect::<Vec<_>>() })
}

/// The log, chained as it must be.
fn entries() -> Vec<AuditEntry> {
    let entry = |number: u64, verb: &str, outcome: &str, detail: &str| AuditEntry {
        number,
        at: NOW.0 - 100 + number as i64,
        identity: "ann.example.org".into(),
        serial: "1a".into(),
        verb: verb.into(),
        suite: "stable".into(),
        detail: detail.into(),
        message: String::new(),
        before: Some(41),
        after: None,
        outcome: outcome.into(),
        times: 1,
        hash: Digest::ZERO,
    };
    let message = "it\u{1b}[2J crashes at start".to_owned();
    let (identity, suite) = (String::new(), String::new());
    let refused = entry(2, "read", "certificate-missing", "");
    let mut all = vec![
        AuditEntry { after: Some(42), message, ..entry(1, "rollback", "done", "acme-web=1.0-1") },
        AuditEntry { identity, suite, before: None, times: 40, ..refused },
        AuditEntry { after: Some(41), ..entry(3, "unpin", "done", "acme-web") },
    ];
    let mut previous = Digest::ZERO;
    for entry in &mut all {
        entry.hash = entry.chained(&previous);
        previous = entry.hash;
    }
    all
}

fn audit(query: &str) -> Value {
    let after = query.split('&').find_map(|pair| pair.strip_prefix("after="));
    let mut all = entries();
    match after.map(|after| after.parse::<u64>().unwrap()) {
        Some(after) => all.retain(|entry| entry.number > after),
        None if query.contains("identity=nobody") || query.contains("verb=rolback") => all.clear(),
        None => all.reverse(),
    }
    json!(all)
}

fn checkpoint() -> Value {
    let entry = &entries()[1];
    let (entries, hash) = (entry.number, entry.hash);
    let text = format!("Audit-Checkpoint: 1\nEntries: {entries}\nHash: {hash}\nTime: x\n");
    json!({ "entries": entries, "hash": hash, "at": NOW.0, "text": text })
}

//! The audit log as people and programs see it.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::{Query, State};
use axum::response::Json;
use axum::routing::{get, post};
use serde_json::{Value, json};

use super::{NOW, Stage};
use crate::api::{AuditCheckpoint, AuditEntry, AuditQuery};
use crate::cli::args::{When, parse_when};
use crate::client::tests::fake::Fake;
use crate::digest::Digest;
use crate::time::Moment;

/// The answers of the server, and its requests.
#[derive(Clone)]
struct Server {
    entries: Arc<Mutex<Vec<AuditEntry>>>,
    asked: Arc<Mutex<Vec<AuditQuery>>>,
}

fn entries() -> Vec<AuditEntry> {
    let entry = |number: u64, verb: &str, outcome: &str, times| AuditEntry {
        number,
        at: NOW.0 - 100 + number as i64,
        identity: "ann.example.org".into(),
        serial: "1a".into(),
        verb: verb.into(),
        suite: "stable".into(),
        detail: "hello=1.0".into(),
        message: String::new(),
        before: Some(41),
        after: None,
        outcome: outcome.into(),
        times,
        hash: Digest::ZERO,
    };
    let mut all = vec![
        AuditEntry {
            after: Some(42),
            message: "it\u{1b}[2J broke".into(),
            ..entry(1, "pin", "done", 1)
        },
        AuditEntry {
            identity: String::new(),
            suite: String::new(),
            before: None,
            ..entry(2, "read", "certificate-missing", 40)
        },
        AuditEntry { after: Some(41), ..entry(3, "unpin", "done", 1) },
    ];
    let mut previous = Digest::ZERO;
    for entry in &mut all {
        entry.hash = entry.chained(&previous);
        previous = entry.hash;
    }
    all
}

async fn list(
    State(server): State<Server>,
    Query(query): Query<AuditQuery>,
) -> Json<Vec<AuditEntry>> {
    let all = server.entries.lock().unwrap().clone();
    server.asked.lock().unwrap().push(query.clone());
    Json(match query.after {
        // Two entries per page, as if there were many.
        Some(after) => all.into_iter().filter(|entry| entry.number > after).take(2).collect(),
        None => all.into_iter().rev().collect(),
    })
}

fn checkpoint() -> AuditCheckpoint {
    let entry = &entries()[1];
    let (entries, hash) = (entry.number, entry.hash);
    let text = format!("Audit-Checkpoint: 1\nEntries: {entries}\nHash: {hash}\nTime: x\n");
    AuditCheckpoint { entries, hash, at: NOW.0, text }
}

async fn verify() -> Json<Value> {
    Json(
        json!({ "entries": 3, "hash": Digest::ZERO, "checkpoints": 1, "signed_entries": 2, "faults": [] }),
    )
}

async fn stage() -> (Stage, Server, tempfile::TempDir) {
    let server = Server { entries: Arc::new(Mutex::new(entries())), asked: Arc::default() };
    let routes = Router::new()
        .route("/audit", get(list))
        .route("/audit/verify", get(verify))
        .route("/audit/checkpoints", get(|| async { Json([checkpoint()]) }))
        .route("/audit/checkpoints", post(|| async { Json(checkpoint()) }))
        .with_state(server.clone());
    let fake = Fake::start(routes, 0).await;
    let directory = tempfile::tempdir().unwrap();
    (Stage::before(&fake, directory.path()), server, directory)
}

#[tokio::test]
async fn what_is_asked_of_the_log_is_passed_on() {
    let (stage, server, _directory) = stage().await;
    let output = stage.run(&["audit"]).await;
    assert_eq!((output.exit, output.err.as_str()), (0, ""));
    let words = "audit --since 2h --until 2026-11-23T03:31:39Z --identity ann.example.org \
                 --suite stable --package acme-web --verb pin --refused --limit 7";
    stage.run(&words.split_whitespace().collect::<Vec<_>>()).await;
    let asked = server.asked.lock().unwrap().clone();
    assert_eq!(asked[0], AuditQuery { limit: Some(50), ..AuditQuery::default() });
    let expected = AuditQuery {
        since: Some(NOW.0 - 7_200),
        until: Some(1_795_404_699),
        identity: Some("ann.example.org".into()),
        suite: Some("stable".into()),
        package: Some("acme-web".parse().unwrap()),
        verb: Some("pin".into()),
        refused: true,
        after: None,
        before: None,
        limit: Some(7),
    };
    assert_eq!(asked[1], expected);
}

#[tokio::test]
async fn an_export_has_every_entry_on_a_line_and_holds_without_the_server() {
    let (stage, _server, directory) = stage().await;
    let output = stage.run(&["audit", "--all", "--json"]).await;
    assert_eq!((output.exit, output.err.as_str()), (0, ""));
    let read: Vec<AuditEntry> =
        output.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(read, entries());
    let export = directory.path().join("audit.jsonl");
    let kept = directory.path().join("kept");
    std::fs::write(&export, &output.out).unwrap();
    std::fs::write(&kept, stage.run(&["audit", "checkpoint"]).await.out).unwrap();
    let (export_path, kept) = (export.to_str().unwrap(), kept.to_str().unwrap());
    let nowhere = Stage::default();
    let verify = ["audit", "verify", export_path, "--checkpoint", kept];
    let whole = nowhere.run(&verify).await;
    assert_eq!((whole.exit, whole.err.as_str()), (0, ""));
    assert!(whole.out.contains("3 entries, 1 checkpoint"), "{}", whole.out);
    std::fs::write(&export, output.out.replace("hello=1.0", "hello=1.1")).unwrap();
    let altered = nowhere.run(&verify).await;
    assert_eq!((altered.exit, altered.out.as_str()), (1, ""));
    assert!(altered.err.contains("entry 1 is not what was written"), "{}", altered.err);
    std::fs::write(&export, output.out.lines().next().unwrap().to_owned() + "\n").unwrap();
    let cut = nowhere.run(&verify).await;
    assert!(cut.err.contains("names entry 2, and the log ends at 1"), "{}", cut.err);
}

#[tokio::test]
async fn the_chain_is_worked_out_here_whatever_the_server_says() {
    let (stage, server, _directory) = stage().await;
    let whole = stage.run(&["audit", "verify"]).await;
    assert_eq!((whole.exit, whole.err.as_str()), (0, ""));
    let hash = entries()[2].hash;
    let text = "the audit log is whole: 3 entries, 1 checkpoint, signed up to entry 2";
    assert_eq!(whole.out, format!("{text}\n  last hash  {hash}\n"));
    server.entries.lock().unwrap()[2].identity = "bob.example.org".into();
    let output = stage.run(&["audit", "verify"]).await;
    assert_eq!((output.exit, output.out.as_str()), (1, ""));
    assert!(output.err.contains("entry 3 is not what was written"), "{}", output.err);
    server.entries.lock().unwrap().truncate(1);
    let output = stage.run(&["audit", "verify"]).await;
    assert!(output.err.contains("names entry 2"), "{}", output.err);
    let missing = stage.run(&["audit", "verify", "--archive-key", "/nonexistent"]).await;
    assert_eq!(missing.exit, 2);
}

#[test]
fn times_and_ages_are_read() {
    let at = Some(When::At(Moment(1_795_404_699)));
    for text in ["2026-11-23T03:31:39Z", "2026-11-23 03:31:39Z", "20261123T033139Z"] {
        assert_eq!(parse_when(text).ok(), at, "{text}");
    }
    assert_eq!(parse_when("2026-11-23").unwrap().from(NOW), Moment(1_795_392_000));
    assert_eq!(parse_when("36h"), Ok(When::Ago(129_600)));
    assert_eq!(parse_when("2w").unwrap().from(Moment(1_209_601)), Moment(1));
    for wrong in ["", "h", "0d", "-1d", "3", "3m", "2026-13-01", "2026-11-23T03:31", "+3d", "3é"] {
        assert!(parse_when(wrong).is_err(), "{wrong}");
    }
}

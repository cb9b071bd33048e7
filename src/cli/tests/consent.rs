//! Consent: which commands ask, and which state the answer is bound to.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Json, Response};
use axum::routing::{get, post};
use clap::{CommandFactory, Parser};
use serde_json::{Value, json};

use super::arguments::{every_command, example};
use super::{Stage, answer};
use crate::api::{Code, Problem};
use crate::cli::args::{Cli, Consent};
use crate::client::tests::fake::Fake;

/// The table that says which commands ask.
const PAGE: &str = include_str!("../../../docs/questions.md");

/// The commands of the table, without their arguments.
fn listed() -> BTreeSet<String> {
    let rows = PAGE.lines().filter_map(|line| line.strip_prefix("| `repoctl "));
    let rows = rows.filter_map(|row| row.split('`').next());
    let word = |word: &&str| word.bytes().all(|b| b.is_ascii_lowercase());
    let mut known = Vec::new();
    every_command(&Cli::command(), "repoctl", &mut known);
    let path = |row: &str| {
        let words: Vec<_> = row.split(' ').take_while(word).collect();
        let paths = (1..=words.len()).rev().map(|n| format!("repoctl {}", words[..n].join(" ")));
        paths.into_iter().find(|path| known.iter().any(|(one, _)| one == path))
    };
    rows.map(|row| path(row).unwrap_or_else(|| panic!("docs/questions.md: no command {row}")))
        .collect()
}

#[test]
fn every_altering_command_is_in_the_table_and_says_whether_it_asks() {
    let mut commands = Vec::new();
    every_command(&Cli::command(), "repoctl", &mut commands);
    let (listed, mut asking) = (listed(), 0);
    for (path, command) in commands.iter().filter(|(_, command)| !command.has_subcommands()) {
        let cli = Cli::try_parse_from(example(command)).unwrap_or_else(|e| panic!("{path}: {e}"));
        let consent = cli.command.consent();
        let alters = cli.command.why().is_some();
        assert_eq!(consent != Consent::Reads, alters, "{path}: does it alter anything?");
        assert_eq!(listed.contains(path), alters, "{path}: docs/questions.md");
        // Commands that may ask have `--yes`, and no others do.
        let yes = command.get_arguments().find(|one| one.get_id() == "yes");
        assert_eq!(matches!(consent, Consent::Asks { .. }), yes.is_some(), "{path}: --yes");
        if yes.is_some() {
            let said = [example(command), vec!["--yes".into()]].concat();
            let cli = Cli::try_parse_from(said).unwrap_or_else(|e| panic!("{path}: {e}"));
            assert_eq!(cli.command.consent(), Consent::Asks { yes: true }, "{path}");
            asking += 1;
        }
    }
    assert!(asking >= 15, "only {asking} commands may ask");
}

/// Texts that may be empty, and arguments that change nothing when they are empty.
const MAY_BE_EMPTY: [&str; 4] = ["message", "description", "changelogs", "snapshots"];

#[tokio::test]
async fn an_empty_name_is_a_wrong_command_line_wherever_it_stands() {
    let (stage, seen, _directory) = stage().await;
    let mut commands = Vec::new();
    every_command(&Cli::command(), "repoctl", &mut commands);
    let mut tried = 0;
    for (path, command) in commands.iter().filter(|(_, command)| !command.has_subcommands()) {
        let words = example(command);
        let depth = path.split(' ').count();
        for argument in command.get_arguments() {
            let id = argument.get_id().as_str();
            if MAY_BE_EMPTY.contains(&id) || !argument.get_action().takes_values() {
                continue;
            }
            // An option comes first; a name replaces all names of the example.
            let (front, rest) = words[1..].split_at(depth - 1);
            let given = match argument.get_long() {
                Some(long) => vec![format!("--{long}"), String::new()],
                None => vec![String::new()],
            };
            let rest = if argument.is_positional() { &[] } else { rest };
            let all: Vec<_> = [front, &given, rest].concat();
            let output = stage.run(&all.iter().map(String::as_str).collect::<Vec<_>>()).await;
            assert_eq!((output.exit, output.out.as_str()), (2, ""), "{all:?}: {}", output.err);
            tried += 1;
        }
    }
    assert!(tried > 100, "only {tried}");
    assert!(seen.altered().is_empty(), "{:?}", seen.altered());
    let output = stage.run(&["access", "grant", "uploader", "ci", "--package", "a,"]).await;
    assert_eq!((output.exit, output.out.as_str()), (2, ""));
    assert!(
        output.err.contains("--package <PATTERN> is empty; nothing was changed"),
        "{}",
        output.err
    );
    let output = stage.run(&["pin", "--rollback", ""]).await;
    assert!(
        output.err.contains("PACKAGE[=VERSION] is empty; nothing was changed\nhint: is a variable"),
        "{}",
        output.err
    );
}

/// The requests to the server, and the generation of its suite.
#[derive(Clone, Default)]
struct Seen {
    asked: Arc<Mutex<Vec<Value>>>,
    generation: Arc<AtomicU64>,
    /// How often the suite moves between the dry run and the change.
    moves: Arc<AtomicU64>,
}

impl Seen {
    fn altered(&self) -> Vec<Value> {
        let asked = self.asked.lock().unwrap();
        asked.iter().filter(|one| one["dry_run"] != true).cloned().collect()
    }

    fn clear(&self) {
        self.asked.lock().unwrap().clear();
    }

    /// Refuses a change for another generation than the last one.
    fn judge(&self, expected: Option<u64>) -> Option<Response> {
        let moves = self.moves.load(Ordering::SeqCst);
        if moves > 0 {
            self.moves.store(moves - 1, Ordering::SeqCst);
            self.generation.fetch_add(1, Ordering::SeqCst);
        }
        let last = self.generation.load(Ordering::SeqCst);
        let moved = expected.is_some_and(|expected| expected != last);
        moved.then(|| answer(&Problem::new(Code::GenerationMoved, "it moved")))
    }
}

async fn change(State(seen): State<Seen>, Json(body): Json<Value>) -> Response {
    seen.asked.lock().unwrap().push(body.clone());
    let dry_run = body["dry_run"] == true;
    if !dry_run && let Some(refused) = seen.judge(body["expect_generation"].as_u64()) {
        return refused;
    }
    let last = seen.generation.load(Ordering::SeqCst);
    let of = |name: &str| body["change"].to_string().contains(name);
    let pins = if of("gone") { json!([pin("gone", Value::Null)]) } else { json!([]) };
    Json(json!({ "suite": "stable", "generation": if dry_run { Value::Null } else { json!(last + 1) },
        "dry_run": dry_run, "moves": [{ "package": "moves", "architecture": "amd64", "component": "main",
            "from": last.to_string(), "to": "1" }],
        "pins": pins, "beyond": if of("libacme") { json!(["acme-tools"]) } else { json!([]) } }))
    .into_response()
}

fn pin(name: &str, version: Value) -> Value {
    json!({ "suite": "stable", "package": name, "kind": "source", "version": version,
        "author": "ann", "message": "", "at": 1, "until": null })
}

async fn newest(State(seen): State<Seen>) -> Json<Value> {
    let generation = seen.generation.load(Ordering::SeqCst);
    Json(json!([{ "generation": generation, "at": 5, "authors": [], "message": "",
        "same_as": null, "entered": 1, "left": 0, "live": true }]))
}

async fn view(State(seen): State<Seen>) -> Json<Value> {
    let generation = seen.generation.load(Ordering::SeqCst);
    Json(json!({ "name": "stable", "origin": "o", "label": "l", "description": "",
        "components": ["main"], "architectures": ["amd64"], "valid_days": 14, "generation": generation,
        "date": 5, "valid_until": 6, "packages": 1, "waiting": 0, "pins": 1, "size_bytes": 9 }))
}

async fn remove(State(seen): State<Seen>, headers: HeaderMap) -> Response {
    let tag = headers.get("if-match").map(|tag| tag.to_str().unwrap().trim_matches('"').to_owned());
    seen.asked.lock().unwrap().push(json!({ "removed": tag }));
    let refused = seen.judge(tag.map(|tag| tag.parse().unwrap()));
    refused.unwrap_or_else(|| StatusCode::NO_CONTENT.into_response())
}

async fn revoke(State(seen): State<Seen>) -> Json<Value> {
    seen.asked.lock().unwrap().push(json!("revoked"));
    Json(json!({ "identity": "web-01", "serials": ["1f"], "crl_next_update": 9 }))
}

async fn grant(State(seen): State<Seen>, Json(body): Json<Value>) -> Json<Value> {
    seen.asked.lock().unwrap().push(body.clone());
    Json(json!({ "identity": "web-01", "role": "host", "suites": body["suites"] }))
}

async fn status() -> Json<Value> {
    Json(json!({ "version": "0", "name": "n", "now": 7, "suites": [], "warnings": [],
        "trust": { "crl_next_update": 9, "ca_not_after": 9, "server_certificate_not_after": 9,
            "certificates_expiring_soon": 0 }, "room_bytes": 9 }))
}

async fn hosts() -> Json<Value> {
    Json(json!([{ "identity": "web-01", "role": "host", "suites": ["stable", "edge"],
        "certificates": [{ "serial": "1f", "not_after": 1_796_268_699, "revoked_at": null }],
        "sightings": [] }]))
}

async fn stage() -> (Stage, Seen, tempfile::TempDir) {
    let seen = Seen::default();
    seen.generation.store(42, Ordering::SeqCst);
    let routes = Router::new()
        .route("/suites/stable/changes", post(change))
        .route("/suites/stable/generations", get(newest))
        .route("/suites/stable", get(view).delete(remove))
        .route("/status", get(status))
        .route("/hosts", get(hosts))
        .route("/hosts/web-01", axum::routing::put(grant))
        .route("/hosts/web-01/revoke", post(revoke))
        .with_state(seen.clone());
    let fake = Fake::start(routes, 0).await;
    let directory = tempfile::tempdir().unwrap();
    (Stage::before(&fake, directory.path()), seen, directory)
}

/// Commands that ask, with a part of the reason.
const ASKED: [(&[&str], &str); 13] = [
    (&["pin", "libacme1=1"], "this concerns 1 package that the command does not name: acme-tools"),
    (&["pin", "--rollback", "libacme1"], "does not name: acme-tools"),
    (&["pin", "--rollback", "gone", "--to", "1"], "hosts are then offered no version of gone"),
    (&["pin", "--rollback", "--all"], "the whole suite stable goes back"),
    (&["pin", "--rollback", "--all", "--to", "1"], "the whole suite stable goes back"),
    (&["unpin", "libacme1"], "does not name: acme-tools"),
    (&["unpin", "--all"], "every pin of suite stable ends"),
    (&["remove", "libacme1"], "does not name: acme-tools"),
    (&["suite", "remove", "stable"], "suite stable and its history end for good"),
    (
        &["suite", "edit", "stable", "--add-component", "extra"],
        "no command takes component extra away",
    ),
    (&["host", "revoke", "web-01"], "every certificate of web-01 ends for good"),
    (&["host", "grant", "web-01", "--suite", "stable"], "web-01 loses its right to edge"),
    (&["suite", "redate", "stable"], "it is right only if the server's clock is"),
];

#[tokio::test]
async fn where_nobody_can_be_asked_nothing_is_changed() {
    let (mut stage, seen, _directory) = stage().await;
    for (arguments, why) in ASKED {
        let json = [arguments, &["--json"]].concat();
        stage.terminal = false;
        let output = stage.run(arguments).await;
        assert_eq!((output.exit, output.out.as_str()), (2, ""), "{arguments:?}: {}", output.err);
        assert!(output.err.starts_with("error: this has to be confirmed; nothing was changed\n"));
        assert!(output.err.contains(why) && output.err.contains("say --yes"), "{}", output.err);
        // With JSON the reader is a program, even on a terminal.
        stage.terminal = true;
        assert_eq!(stage.run(&json).await.exit, 2, "{arguments:?}");
    }
    assert!(seen.altered().is_empty(), "{:?}", seen.altered());
}

#[tokio::test]
async fn a_person_is_shown_it_and_no_is_the_default() {
    let (mut stage, seen, _directory) = stage().await;
    stage.terminal = true;
    for (arguments, why) in ASKED {
        for no in ["", "n\n", "what?\n"] {
            stage.input = no.into();
            let output = stage.run(arguments).await;
            assert_eq!((output.exit, output.err.as_str()), (1, "not done; nothing was changed\n"));
            assert!(output.out.trim_end().ends_with("Go ahead? [y/N]"), "{}", output.out);
            assert!(output.out.contains("\n! ") && output.out.contains(why), "{}", output.out);
        }
    }
    assert!(seen.altered().is_empty(), "{:?}", seen.altered());
    stage.input = "y\n".into();
    let output = stage.run(&["pin", "--rollback", "libacme1"]).await;
    assert!(output.out.starts_with("This is what would happen:\n\n"), "{}", output.out);
    assert!(output.out.contains("[y/N] live as generation 43 of stable\n"), "{}", output.out);
    assert!(!output.out.contains("DRY RUN"), "{}", output.out);
}

#[tokio::test]
async fn yes_answers_beforehand() {
    let (stage, seen, _directory) = stage().await;
    for (arguments, _) in &ASKED[..9] {
        seen.clear();
        let output = stage.run(&[arguments, &["--yes"][..]].concat()).await;
        assert_eq!((output.exit, output.err.as_str()), (0, ""), "{arguments:?}");
        assert_eq!(seen.altered().len(), 1);
        assert_eq!(seen.asked.lock().unwrap().len(), 1, "it looks at nothing before");
    }
}

#[tokio::test]
async fn what_is_named_and_can_be_undone_is_not_asked_about() {
    let (mut stage, seen, _directory) = stage().await;
    let plain: [&[&str]; 7] = [
        &["pin", "acme=1"],
        &["pin", "--rollback", "acme"],
        &["pin", "--rollback", "acme", "--to", "40"],
        &["unpin", "acme"],
        &["remove", "acme"],
        &["host", "grant", "web-01", "--suite", "stable,edge,more"],
        &["pin", "--rollback", "--all", "--dry-run"],
    ];
    for terminal in [false, true] {
        stage.terminal = terminal;
        for arguments in plain {
            let output = stage.run(arguments).await;
            assert_eq!((output.exit, output.err.as_str()), (0, ""), "{arguments:?}");
            assert!(!output.out.contains("Go ahead?"), "{}", output.out);
        }
    }
    assert_eq!(seen.altered().len(), 12);
}

#[tokio::test]
async fn an_answer_counts_for_what_was_shown_and_for_nothing_later() {
    let (mut stage, seen, _directory) = stage().await;
    stage.terminal = true;
    for arguments in [&["pin", "--rollback", "--all"][..], &["suite", "remove", "stable"]] {
        // The suite moves once while the first question is answered, so the question comes again.
        seen.clear();
        seen.moves.store(1, Ordering::SeqCst);
        stage.input = "y\ny\n".into();
        let output = stage.run(arguments).await;
        assert_eq!((output.exit, output.err.as_str()), (0, ""), "{arguments:?}");
        assert_eq!(output.out.matches("Go ahead?").count(), 2, "{}", output.out);
        assert!(output.out.contains("\nstable has moved on meanwhile; nothing was changed.\n"));
        assert_eq!(seen.altered().len(), 2);
        seen.clear();
        seen.moves.store(1, Ordering::SeqCst);
        stage.input = "y\nn\n".into();
        let output = stage.run(arguments).await;
        assert_eq!((output.exit, output.err.as_str()), (1, "not done; nothing was changed\n"));
    }
    // A change that was shown is bound to its generation, whether packages were named or not.
    seen.clear();
    seen.moves.store(0, Ordering::SeqCst);
    let last = seen.generation.load(Ordering::SeqCst);
    stage.input = "y\n".into();
    for cascade in [&["--cascade"][..], &[]] {
        let back = [&["pin", "--rollback", "libacme1"], cascade].concat();
        assert_eq!(stage.run(&back).await.exit, 0);
    }
    // A change that was not shown is bound only if packages move along.
    stage.run(&["pin", "acme=1", "--cascade"]).await;
    stage.run(&["pin", "--rollback", "acme"]).await;
    let bound: Vec<_> = seen
        .altered()
        .iter()
        .map(|one| (one["expect_generation"].as_u64(), one["as_shown"] == true))
        .collect();
    let last = Some(last);
    assert_eq!(bound, [(last, true), (last, true), (last, true), (last, false)]);
    // Nobody was asked here, so the command fails: two people who roll back must not go back twice.
    seen.moves.store(1, Ordering::SeqCst);
    let output = stage.run(&["pin", "--rollback", "acme"]).await;
    assert_eq!(output.exit, 1, "{}", output.err);
}

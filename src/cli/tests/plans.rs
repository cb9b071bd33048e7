//! Pins, rollbacks, and the requests before them.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::{Query, State};
use axum::response::Json;
use axum::routing::{get, post};
use serde_json::{Value, json};

use super::{Stage, because};
use crate::api::MessageQuery;
use crate::client::tests::fake::Fake;

type Asked = Arc<Mutex<Vec<Value>>>;

async fn change(
    State(asked): State<Asked>,
    said: Query<MessageQuery>,
    Json(body): Json<Value>,
) -> Json<Value> {
    asked.lock().unwrap().push(because(said, body.clone()));
    let dry_run = body["dry_run"] == true;
    let step = |architecture: &str| {
        json!({ "package": "hello", "architecture": architecture,
        "component": "main", "from": "1.1-1", "to": "1.0-1" })
    };
    Json(json!({ "suite": "stable", "generation": if dry_run { Value::Null } else { json!(43) },
        "dry_run": dry_run, "moves": [step("amd64"), step("arm64")],
        "hosts": if dry_run { json!([
            { "identity": "web-01.example.org", "last_seen_at": 1_795_404_399, "generation": 42 },
            { "identity": "web-02.example.org", "last_seen_at": null, "generation": null }]) }
            else { json!([]) },
        "pins": [{ "suite": "stable", "package": "hello", "kind": "source", "version": "1.0-1",
            "author": "ann.example.org", "message": "crash", "at": 1_795_404_699, "until": null }],
        "notes": ["1.1-1 does not come back by itself"] }))
}

async fn edit(
    State(asked): State<Asked>,
    said: Query<MessageQuery>,
    Json(body): Json<Value>,
) -> Json<Value> {
    asked.lock().unwrap().push(because(said, body));
    Json(json!({ "suite": "stable", "generation": 44 }))
}

async fn stage() -> (Stage, Asked, tempfile::TempDir) {
    let asked = Asked::default();
    let view = json!({ "name": "stable", "origin": "o", "label": "l", "description": "",
        "components": ["main"], "architectures": ["amd64"], "valid_days": 14, "generation": 42,
        "date": 5, "valid_until": 6, "packages": 1, "waiting": 0, "pins": 1, "size_bytes": 9 });
    let newest = json!([{ "generation": 42, "at": 5, "authors": ["ann.example.org"], "message": "",
        "same_as": null, "entered": 1, "left": 0, "live": true }]);
    let routes = Router::new()
        .route("/suites/stable/changes", post(change))
        .route("/suites/stable", get(|| async move { Json(view) }).patch(edit))
        .route("/suites/stable/generations", get(|| async move { Json(newest) }))
        .with_state(Arc::clone(&asked));
    let fake = Fake::start(routes, 0).await;
    let directory = tempfile::tempdir().unwrap();
    (Stage::before(&fake, directory.path()), asked, directory)
}

#[tokio::test]
async fn a_rollback_is_sent_for_the_generation_that_is_live() {
    let (stage, asked, _directory) = stage().await;
    let output = stage.run(&["pin", "--rollback", "hello", "-m", "crash"]).await;
    assert_eq!((output.exit, output.err.as_str()), (0, ""));
    assert_eq!(
        asked.lock().unwrap().last(),
        Some(&json!({ "message": "crash", "dry_run": false, "expect_generation": 42,
            "change": { "verb": "rollback", "packages": ["hello"], "all": false, "binary": false } }))
    );
}

#[tokio::test]
async fn pins_name_one_version() {
    let (stage, asked, _directory) = stage().await;
    let arguments = ["pin", "-s", "stable", "hello=1:1.0-1", "--for", "2d", "--binary"];
    assert_eq!(stage.run(&arguments).await.exit, 0);
    assert_eq!(
        asked.lock().unwrap()[0]["change"],
        json!({ "verb": "pin", "package": "hello", "version": "1:1.0-1", "binary": true, "hours": 48 })
    );
    let wrong = [
        (&["pin", "hello"][..], "which version of hello is meant?"),
        (&["pin", "hello=1", "x=2"], "one PACKAGE=VERSION is pinned at a time"),
        (&["pin", "--rollback", "hello=1"], "--rollback takes names only"),
        (&["pin", "Hello=1"], "package name \"Hello\" is not valid"),
        (&["pin", "hello="], "version \"\" is not valid"),
        (&["pin", "--rollback", "--binary"], "--binary needs the names"),
        (&["pin", "--rollback"], "say --all to go back with the whole suite"),
        (&["pin", "--rollback", "--to", "3", "--yes"], "no package is named"),
        (&["pin", "--rollback", "--all", "hello"], "cannot be used with"),
        (&["pin", "--all", "hello=1"], "cannot be used with"),
    ];
    for (arguments, text) in wrong {
        let output = stage.run(arguments).await;
        assert_eq!(output.exit, 2, "{arguments:?}");
        assert!(output.err.contains(text), "{}", output.err);
    }
    assert!(asked.lock().unwrap().iter().all(|change| change["change"]["package"] == "hello"));
}

#[tokio::test]
async fn edits_say_what_is_live_and_any_name_is_said_in_words() {
    let (stage, asked, _directory) = stage().await;
    let output = stage.run(&["suite", "edit", "stable", "--owns", "acme-*,x", "-m", "ours"]).await;
    assert_eq!((output.exit, output.err.as_str()), (0, ""));
    assert_eq!(output.out, "live as generation 44 of stable\n");
    assert_eq!(stage.run(&["suite", "edit", "stable", "--owns-any"]).await.exit, 0);
    assert_eq!(
        *asked.lock().unwrap(),
        [json!({ "owns": ["acme-*", "x"], "message": "ours" }), json!({ "owns": [] })]
    );
    let output = stage.run(&["suite", "edit", "stable", "-m", "only why"]).await;
    assert_eq!(output.exit, 2);
    assert!(output.err.starts_with("error: nothing to edit was given\n"), "{}", output.err);
}

#[tokio::test]
async fn a_suite_has_to_be_named_somewhere() {
    let (mut stage, asked, directory) = stage().await;
    let config = directory.path().join("config.toml");
    let text = std::fs::read_to_string(&config).unwrap().replace("suite = 'stable'\n", "");
    std::fs::write(&config, text).unwrap();
    let output = stage.run(&["pin", "--rollback", "hello"]).await;
    assert_eq!(output.exit, 2);
    assert!(
        output.err.starts_with("error: no suite is named\nhint: give --suite"),
        "{}",
        output.err
    );
    stage.environment.insert("REPOCTL_SUITE".into(), "stable".into());
    assert_eq!(stage.run(&["pin", "--rollback", "hello"]).await.exit, 0);
    assert_eq!(asked.lock().unwrap().last().unwrap()["dry_run"], false);
}

//! `repoctl access` and `repoctl apply` as they are typed and answered.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Json;
use axum::routing::get;
use serde_json::{Value, json};

use super::Stage;
use crate::client::tests::fake::Fake;

type Asked = Arc<Mutex<Vec<Value>>>;

async fn edit(State(asked): State<Asked>, Json(body): Json<Value>) -> Json<Value> {
    asked.lock().unwrap().push(body.clone());
    Json(body)
}

async fn list() -> Json<Value> {
    Json(json!({
        "groups": [{ "name": "web", "members": ["db-01.example.org", "web-*.example.org"] }],
        "grants": [
            { "grant": { "to": "@web", "role": "host", "suites": ["stable*"] }, "own": false,
                "by": "ann.example.org", "at": 1_795_404_399 },
            { "grant": { "to": "ci.example.org", "role": "uploader", "suites": ["stable"],
                "components": ["main"], "packages": ["acme-web*"] }, "own": false,
                "by": "ann.example.org", "at": 1_795_404_399 },
            { "grant": { "to": "ann.example.org", "role": "admin", "suites": ["*"] }, "own": true }],
        "shut_out": ["lost.example.org"] }))
}

async fn who() -> Json<Value> {
    Json(json!({ "identity": "ann.example.org", "role": "admin", "suites": "all",
        "certificate_not_after": 1_796_268_699, "server_version": "0.1.0" }))
}

async fn stage() -> (Stage, Asked, tempfile::TempDir) {
    let asked = Asked::default();
    let routes = Router::new()
        .route("/access", get(list).post(edit))
        .route("/suites", get(|| async { Json(json!([])) }))
        .route("/whoami", get(who))
        .with_state(Arc::clone(&asked));
    let fake = Fake::start(routes, 0).await;
    let directory = tempfile::tempdir().unwrap();
    (Stage::before(&fake, directory.path()), asked, directory)
}

#[tokio::test]
async fn what_is_given_and_taken_is_sent_whole() {
    let (stage, asked, _directory) = stage().await;
    let grant = ["access", "grant", "uploader", "ci.example.org", "--suite", "edge"];
    let output = stage.run(&[&grant[..], &["--package", "acme-*", "-C", "main"]].concat()).await;
    assert_eq!((output.exit, output.err.as_str()), (0, ""));
    let given = "grant uploader of edge to ci.example.org, for acme-* in main";
    let note = "suites: there is no suite edge; the grant counts once there is one";
    assert_eq!(output.out, format!("+ {given}\nnote: {given}: {note}\n"));
    let output = stage.run(&["access", "grant", "admin", "bob.example.org"]).await;
    assert_eq!(output.out, "+ grant admin of * to bob.example.org\n");
    let output = stage.run(&["access", "group", "add", "web", "a.example.org"]).await;
    assert_eq!(output.out, "+ group web\n+ group web: a.example.org\n");
    let output = stage.run(&["access", "group", "remove", "web", "db-01.example.org"]).await;
    assert_eq!(output.out, "- group web: db-01.example.org\n");
    let output = stage.run(&["access", "revoke", "uploader", "ci.example.org"]).await;
    assert_eq!(output.out, "- grant uploader of stable to ci.example.org, for acme-web* in main\n");
    let count = asked.lock().unwrap().len();
    // Removing a name that is no member itself, or a missing grant, fails.
    let output = stage.run(&["access", "group", "remove", "web", "web-01.example.org"]).await;
    assert_eq!(output.exit, 1);
    assert!(output.err.contains("  web-*.example.org\n"), "{}", output.err);
    let output = stage.run(&["access", "revoke", "admin", "ann.example.org"]).await;
    assert_eq!(output.exit, 1);
    assert!(output.err.contains("came with its certificate"), "{}", output.err);
    assert_eq!(asked.lock().unwrap().len(), count);
}

#[tokio::test]
async fn a_file_is_applied_after_it_was_shown_and_tried() {
    let (stage, asked, directory) = stage().await;
    let file = directory.path().join("repo.toml");
    let text = "[group.web]\nmembers = [\"web-*.example.org\"]\n";
    std::fs::write(&file, text).unwrap();
    let file = file.to_str().unwrap();
    let output = stage.run(&["apply", "-f", file]).await;
    assert_eq!((output.exit, output.err.as_str()), (0, ""));
    // What is there beside groups stays in any case.
    let others = "  stays: 2 grants: host of stable* to @web; uploader of stable to ci.example.org, for acme-web* in \
                  main (the file does not speak of grants)\n  stays: 1 grant: admin of * to ann.example.org (your own, \
                  with your certificate)\n";
    let stays = "  stays: 1 group member: web: db-01.example.org (not in the file; --prune removes what is not)\n";
    assert_eq!(output.out, format!("{stays}{others}nothing to do\n"));
    assert!(asked.lock().unwrap().is_empty());
    let output = stage.run(&["apply", "-f", file, "--prune", "--dry-run"]).await;
    let gone = "- group web: db-01.example.org\n";
    assert_eq!(output.out, format!("{gone}{others}nothing was done: --dry-run\n"));
    let output = stage.run(&["apply", "-f", file, "--prune", "--yes"]).await;
    assert_eq!(output.out, format!("{gone}{others}applied\n"));
    let dry: Vec<_> = asked.lock().unwrap().iter().map(|one| one["dry_run"].clone()).collect();
    assert_eq!(dry, [json!(true), json!(true), json!(false)]);
    let stage = Stage { input: "[group.web]\nmembrs = []\n".into(), ..stage };
    let output = stage.run(&["apply", "-f", "-"]).await;
    assert_eq!(output.exit, 2);
    assert!(output.err.contains("did you mean `members`?"), "{}", output.err);
}

/// What was made before a refusal stays, and is told: exit code 2 would say that nothing was changed.
#[tokio::test]
async fn a_file_that_is_applied_in_part_says_what_was_made() {
    let suite = |body: &Value| {
        json!({ "name": body["name"], "origin": "o", "label": "l", "description": "", "components": ["main"],
            "architectures": ["amd64"], "valid_days": 14, "generation": 1, "date": 1, "valid_until": 2,
            "packages": 0, "waiting": 0, "pins": 0, "size_bytes": 0 })
    };
    // Something is another when it is really made.
    let make = move |Json(body): Json<Value>| async move {
        match body["name"] == "bbb" && body["dry_run"] != true {
            true => Err((
                StatusCode::BAD_REQUEST,
                Json(json!({ "title": "invalid request", "status": 400, "code": "invalid-request",
                    "detail": "description: is one line" })),
            )),
            false => Ok(Json(suite(&body))),
        }
    };
    let routes = Router::new()
        .route("/access", get(list).post(edit))
        .route("/suites", get(|| async { Json(json!([])) }).post(make))
        .route("/whoami", get(who))
        .with_state(Asked::default());
    let (fake, directory) = (Fake::start(routes, 0).await, tempfile::tempdir().unwrap());
    let stage = Stage::before(&fake, directory.path());
    let file = directory.path().join("repo.toml");
    std::fs::write(&file, "[suite.aaa]\n[suite.bbb]\ndescription = \"x\"\n").unwrap();
    let output = stage.run(&["apply", "-f", file.to_str().unwrap(), "--yes"]).await;
    assert_eq!(output.exit, 1, "{}", output.err);
    let place =
        format!("error: {}:3:15: suite.bbb.description: is one line; the file", file.display());
    assert!(output.err.starts_with(&place), "{}", output.err);
    assert!(output.err.contains("\n  suite aaa was made\n"), "{}", output.err);
}

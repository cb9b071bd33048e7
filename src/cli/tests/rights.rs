//! `repoctl access` and `repoctl apply` as they are typed and answered.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::State;
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

async fn explain() -> Json<Value> {
    let grant = json!({ "to": "@web", "role": "host", "suites": ["stable*"] });
    Json(json!({ "identity": "web-01.example.org", "suite": "stable", "deeds": [
        { "deed": "read", "allowed": true, "by": [
            { "grant": { "to": "web-01.example.org", "role": "host", "suites": ["stable"] }, "own": true },
            { "grant": grant, "own": false, "member": "web-*.example.org" }] },
        { "deed": "upload", "allowed": false, "missing": "is host there; it takes uploader",
            "cure": "repoctl access grant uploader web-01.example.org --suite stable" },
        { "deed": "operate", "allowed": false, "missing": "is host there; it takes operator",
            "cure": "repoctl access grant operator web-01.example.org --suite stable" }],
        "notes": ["there is no suite stable; `repoctl suite list` shows them"] }))
}

async fn stage() -> (Stage, Asked, tempfile::TempDir) {
    let asked = Asked::default();
    let routes = Router::new()
        .route("/access", get(list).post(edit))
        .route("/access/explain", get(explain))
        .route("/suites", get(|| async { Json(json!([])) }))
        .with_state(Arc::clone(&asked));
    let fake = Fake::start(routes, 0).await;
    let directory = tempfile::tempdir().unwrap();
    (Stage::before(&fake, directory.path()), asked, directory)
}

#[tokio::test]
async fn grants_are_listed_and_those_of_certificates_counted() {
    let (stage, _, _directory) = stage().await;
    let told = stage.run(&["access", "list"]).await;
    assert_eq!((told.exit, told.err.as_str()), (0, ""));
    let lines = [
        "ROLE      TO              SUITES   COMPONENTS  PACKAGES   BY               GIVEN",
        "host      @web            stable*  -           -          ann.example.org  5 min ago",
        "uploader  ci.example.org  stable   main        acme-web*  ann.example.org  5 min ago",
        "1 grant beside, given with certificates; --all lists them too",
        "lost.example.org was revoked: nothing counts for it",
    ];
    assert_eq!(told.out.lines().collect::<Vec<_>>(), lines);
    let told = stage.run(&["access", "list", "--all"]).await;
    assert!(told.out.contains("admin     ann.example.org  *"), "{}", told.out);
    let told = stage.run(&["access", "group", "list"]).await;
    assert_eq!(told.out, "GROUP  MEMBERS  FIRST\nweb          2  db-01.example.org\n");
    let told = stage.run(&["access", "group", "show", "web"]).await;
    assert_eq!(told.out, "web\n  db-01.example.org\n  web-*.example.org\nis host of stable*\n");
    let told = stage.run(&["access", "group", "show", "wbe"]).await;
    assert_eq!(told.exit, 1);
    assert!(told.err.contains("there is no group wbe"), "{}", told.err);
}

#[tokio::test]
async fn an_explanation_names_what_matched_or_the_command_that_would() {
    let (stage, _, _directory) = stage().await;
    let told = stage.run(&["access", "explain", "web-01.example.org", "stable"]).await;
    assert_eq!((told.exit, told.err.as_str()), (0, ""));
    let lines = [
        "web-01.example.org in suite stable",
        "  read     yes  is host of stable, by its own grant",
        "                also host of stable*, as web-*.example.org of group web",
        "  upload   no   is host there; it takes uploader",
        "                repoctl access grant uploader web-01.example.org --suite stable",
        "  operate  no   is host there; it takes operator",
        "                repoctl access grant operator web-01.example.org --suite stable",
        "note: there is no suite stable; `repoctl suite list` shows them",
    ];
    assert_eq!(told.out.lines().collect::<Vec<_>>(), lines);
}

#[tokio::test]
async fn what_is_given_and_taken_is_sent_whole() {
    let (stage, asked, _directory) = stage().await;
    let grant = ["access", "grant", "uploader", "ci.example.org", "--suite", "edge"];
    let told = stage.run(&[&grant[..], &["--package", "acme-*", "-C", "main"]].concat()).await;
    assert_eq!((told.exit, told.err.as_str()), (0, ""));
    assert_eq!(told.out, "+ grant uploader of edge to ci.example.org, for acme-* in main\n");
    let told = stage.run(&["access", "grant", "admin", "bob.example.org"]).await;
    assert_eq!(told.out, "+ grant admin of * to bob.example.org\n");
    let told = stage.run(&["access", "group", "add", "web", "a.example.org"]).await;
    assert_eq!(told.out, "+ group web\n+ group web: a.example.org\n");
    let told = stage.run(&["access", "group", "remove", "web", "db-01.example.org"]).await;
    assert_eq!(told.out, "- group web: db-01.example.org\n");
    let told = stage.run(&["access", "revoke", "uploader", "ci.example.org"]).await;
    assert_eq!(told.out, "- grant uploader of stable to ci.example.org, for acme-web* in main\n");
    let count = asked.lock().unwrap().len();
    // A name that is no member by itself, and a grant that is not there, are no success.
    let told = stage.run(&["access", "group", "remove", "web", "web-01.example.org"]).await;
    assert_eq!(told.exit, 1);
    assert!(told.err.contains("  web-*.example.org\n"), "{}", told.err);
    let told = stage.run(&["access", "revoke", "admin", "ann.example.org"]).await;
    assert_eq!(told.exit, 1);
    assert!(told.err.contains("came with its certificate"), "{}", told.err);
    assert_eq!(asked.lock().unwrap().len(), count);
}

#[tokio::test]
async fn a_file_is_applied_after_it_was_shown_and_tried() {
    let (stage, asked, directory) = stage().await;
    let file = directory.path().join("repo.toml");
    let text = "[group.web]\nmembers = [\"web-*.example.org\"]\n";
    std::fs::write(&file, text).unwrap();
    let file = file.to_str().unwrap();
    let told = stage.run(&["apply", "-f", file]).await;
    assert_eq!((told.exit, told.err.as_str()), (0, ""));
    assert_eq!(
        told.out,
        "  group web: db-01.example.org stays: it is not in the file\nnothing to do\n"
    );
    assert!(asked.lock().unwrap().is_empty());
    let told = stage.run(&["apply", "-f", file, "--prune", "--dry-run"]).await;
    assert_eq!(told.out, "- group web: db-01.example.org\nnothing was done: --dry-run\n");
    let told = stage.run(&["apply", "-f", file, "--prune", "--yes"]).await;
    assert_eq!(told.out, "- group web: db-01.example.org\napplied\n");
    let dry: Vec<_> = asked.lock().unwrap().iter().map(|one| one["dry_run"].clone()).collect();
    assert_eq!(dry, [json!(true), json!(true), json!(false)]);
    let stage = Stage { input: "[group.web]\nmembrs = []\n".into(), ..stage };
    let told = stage.run(&["apply", "-f", "-"]).await;
    assert_eq!(told.exit, 2);
    assert!(told.err.contains("did you mean `members`?"), "{}", told.err);
}

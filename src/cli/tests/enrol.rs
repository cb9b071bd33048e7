//! Tokens: printed once, and only on standard output.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::{Path, Query, State};
use axum::response::Json;
use axum::routing::{get, post};
use serde_json::{Value, json};

use super::{NOW, Stage, because};
use crate::api::MessageQuery;
use crate::client::tests::fake::Fake;

type Book = Arc<Mutex<Vec<Value>>>;

async fn make(
    State(book): State<Book>,
    said: Query<MessageQuery>,
    Json(body): Json<Value>,
) -> Json<Value> {
    book.lock().unwrap().push(because(said, body.clone()));
    let ends_at = NOW.0 + 4 * 3_600;
    Json(json!({ "name": body["name"], "token": "repod1:abc", "ends_at": ends_at }))
}

async fn revoke(Path(name): Path<String>) -> Json<Value> {
    Json(json!({ "name": name, "revoked": 1 }))
}

async fn stage() -> (Stage, Book, tempfile::TempDir) {
    let book = Book::default();
    let routes = Router::new()
        .route("/tokens", post(make))
        .route("/tokens/{name}/revoke", post(revoke))
        .route("/hosts", get(|| async { Json(json!([])) }))
        .with_state(Arc::clone(&book));
    let fake = Fake::start(routes, 0).await;
    let directory = tempfile::tempdir().unwrap();
    (Stage::before(&fake, directory.path()), book, directory)
}

#[tokio::test]
async fn a_token_stands_alone_on_standard_output() {
    let (stage, book, _directory) = stage().await;
    let arguments = ["host", "token", "web-02.example.org", "--hours", "4", "-m", "new rack"];
    let output = stage.run(&arguments).await;
    assert_eq!((output.exit, output.out.as_str()), (0, "repod1:abc\n"));
    assert_eq!(
        output.err,
        "for web-02.example.org, once, until 2026-11-23 07:31:39Z (in 4 h); there, as root: repoctl \
         host enroll TOKEN\n"
    );
    // The suite of the profile, where none is named.
    assert_eq!(
        book.lock().unwrap()[0],
        json!({ "name": "web-02.example.org", "suites": ["stable"], "hours": 4,
            "message": "new rack" })
    );
    let output = stage.run(&["--json", "host", "token", "web-02", "--suite", "a,b"]).await;
    assert_eq!((output.exit, output.err.as_str()), (0, ""));
    assert_eq!(serde_json::from_str::<Value>(&output.out).unwrap()["token"], "repod1:abc");
    assert_eq!(book.lock().unwrap()[1]["hours"], 24);
    let output = stage.run(&["host", "token", "web-02", "--revoke", "--yes"]).await;
    assert_eq!((output.exit, output.out.as_str()), (0, "the pending token of web-02 is revoked\n"));
}

#[tokio::test]
async fn what_contradicts_itself_is_refused() {
    let (stage, _, directory) = stage().await;
    for arguments in [
        &["host", "token"][..],
        &["host", "token", "web-02", "--list"],
        &["host", "token", "--list", "--revoke"],
        &["host", "token", "web-02", "--revoke", "--suite", "a"],
        &["host", "enroll"],
        &["host", "enroll", "hello", "--root", directory.path().to_str().unwrap()],
        &["host", "enroll", "repod1:hello"],
    ] {
        let output = stage.run(arguments).await;
        assert_eq!((output.exit, output.out.as_str()), (2, ""), "{arguments:?} {}", output.err);
    }
    let output = stage.run(&["host", "enroll", "repod1:hello"]).await;
    assert_eq!(
        output.err,
        "error: this is no token: it is cut or altered: copy it again, all of it\n"
    );
}

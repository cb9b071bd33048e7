//! Uploads to a server that is busy, drops connections, or refuses.

use std::path::Path;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Path as InPath, Query, State};
use axum::response::{IntoResponse, Json, Response};
use axum::routing::{post, put};
use serde_json::{Value, json};

use super::{Stage, answer, because};
use crate::api::{BlobOutcome, BlobOutcomes, Code, MessageQuery, Problem, Reason, split_blobs};
use crate::client::tests::fake::Fake;
use crate::digest::Digest;

mod refused;

/// The requests to the server, and how it is set to answer.
#[derive(Default)]
struct Book {
    asked: Vec<String>,
    /// Whether a batch is being answered.
    within: bool,
    /// Packages that are refused in a batch and accepted alone.
    shy: Vec<Vec<u8>>,
    has: Vec<String>,
    busy: usize,
    refusal: Option<Problem>,
    rejects: Vec<Vec<u8>>,
    /// Packages that a change is refused for.
    unwanted: Vec<Vec<u8>>,
    change: Option<Value>,
}

type Shared = Arc<Mutex<Book>>;

fn note(book: &Shared, what: &str) -> Option<Response> {
    let mut book = book.lock().unwrap();
    if book.within {
        return None;
    }
    book.asked.push(what.to_owned());
    if book.busy > 0 {
        book.busy -= 1;
        return Some(answer(&Problem::new(Code::Busy, "a moment, please")));
    }
    None
}

async fn missing(State(book): State<Shared>, Json(body): Json<Value>) -> Response {
    if let Some(busy) = note(&book, "missing") {
        return busy;
    }
    let has = book.lock().unwrap().has.clone();
    let wanted = body["digests"].as_array().unwrap().iter();
    let missing: Vec<&Value> =
        wanted.filter(|digest| !has.iter().any(|own| *digest == own.as_str())).collect();
    Json(json!({ "missing": missing })).into_response()
}

async fn blob(State(book): State<Shared>, InPath(name): InPath<String>, body: Bytes) -> Response {
    if let Some(busy) = note(&book, "blob") {
        return busy;
    }
    let digest = Digest::of(&body).to_string();
    assert_eq!(digest, name);
    let mut book = book.lock().unwrap();
    if book.rejects.iter().any(|bytes| *bytes == body) {
        let reasons =
            vec![Reason::of("Depends", "is empty"), Reason::of("Version", "has a \u{1b}[2J in it")];
        return answer(&Problem::new(Code::Rejected, "mend it").with_reasons(reasons));
    }
    if book.within && book.shy.iter().any(|bytes| *bytes == body) {
        return answer(&Problem::new(Code::Busy, "send it alone"));
    }
    book.has.push(digest.clone());
    Json(json!({ "digest": digest, "name": "hello", "version": "1.0", "architecture": "amd64",
        "size_bytes": body.len() }))
    .into_response()
}

/// `POST /blobs`: each package as [`blob`] answers it alone.
async fn blobs(State(book): State<Shared>, body: Bytes) -> Response {
    if let Some(busy) = note(&book, "blobs") {
        return busy;
    }
    let mut outcomes = Vec::new();
    for (digest, bytes) in split_blobs(body).unwrap() {
        let path = InPath(digest.to_string());
        book.lock().unwrap().within = true;
        let answer = blob(State(Arc::clone(&book)), path, bytes).await;
        book.lock().unwrap().within = false;
        let answer = axum::body::to_bytes(answer.into_body(), 1 << 20).await.unwrap();
        let problem: Option<Problem> = serde_json::from_slice(&answer).ok();
        outcomes.push(BlobOutcome { digest, problem });
    }
    Json(BlobOutcomes { blobs: outcomes }).into_response()
}

const STATES: [(&str, &str); 3] =
    [("published", ""), ("already", ""), ("waiting", "1.2 is higher")];

async fn change(
    State(book): State<Shared>,
    said: Query<MessageQuery>,
    Json(body): Json<Value>,
) -> Response {
    let body = because(said, body);
    if let Some(busy) = note(&book, "change") {
        return busy;
    }
    let mut book = book.lock().unwrap();
    if let Some(problem) = &book.refusal {
        return answer(problem);
    }
    let named = body["change"]["items"].to_string();
    let digests = book.unwanted.iter().map(|bytes| Digest::of(bytes));
    let unwanted = digests.filter(|digest| named.contains(&digest.to_string()));
    let reasons: Vec<_> = unwanted
        .map(|digest| Reason { digest: Some(digest), ..Reason::of("hello 1.0 amd64", "is there") })
        .collect();
    if !reasons.is_empty() {
        return answer(&Problem::new(Code::VersionConflict, "no").with_reasons(reasons));
    }
    let count = body["change"]["items"].as_array().unwrap().len();
    let items: Vec<Value> = (0..count)
        .map(|at| {
            json!({ "package": format!("hello{at}"), "version": "1.0", "architecture": "amd64",
                "component": "main", "state": STATES[at % 3].0,
                "note": STATES[at % 3].1 })
        })
        .collect();
    book.change = Some(body);
    Json(json!({ "suite": "stable", "generation": 42, "items": items })).into_response()
}

struct Scene {
    book: Shared,
    fake: Fake,
    stage: Stage,
    directory: tempfile::TempDir,
}

async fn scene(drop_first: usize) -> Scene {
    let book = Shared::default();
    let routes = Router::new()
        .route("/blobs/missing", post(missing))
        .route("/blobs", post(blobs))
        .route("/blobs/{digest}", put(blob))
        .route("/suites/stable/changes", post(change))
        .layer(DefaultBodyLimit::max(64 << 20))
        .with_state(Arc::clone(&book));
    let fake = Fake::start(routes, drop_first).await;
    let directory = tempfile::tempdir().unwrap();
    let stage = Stage::before(&fake, directory.path());
    Scene { book, fake, stage, directory }
}

impl Scene {
    fn write(&self, name: &str, bytes: &[u8]) -> String {
        let path = self.directory.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, bytes).unwrap();
        path.display().to_string()
    }

    fn asked(&self) -> Vec<String> {
        self.book.lock().unwrap().asked.clone()
    }
}

#[tokio::test]
async fn sends_what_is_missing_and_makes_one_change() {
    let scene = scene(0).await;
    let one = scene.write("dist/a.deb", b"first");
    scene.write("dist/deep/er/b.deb", b"second");
    scene.write("dist/deep/c.deb", b"third");
    scene.write("dist/deep/copy-of-c.deb", b"third");
    scene.write("dist/readme.txt", b"no package");
    scene.book.lock().unwrap().has.push(Digest::of(b"second").to_string());
    let dist = Path::new(&one).parent().unwrap().display().to_string();
    let arguments = ["upload", "--suite", "stable", "-C", "extra", &dist, &one, "-m", "why"];
    let output = scene.stage.run(&arguments).await;
    let note = "note: left out, as only *.deb, *.udeb and *.ddeb are uploaded:";
    let held = "note: 1 of 3 packages is not offered to hosts (see above)\n";
    assert_eq!(output.err, format!("{note} {dist}/readme.txt\n{held}"));
    assert_eq!(
        output.out,
        "published  hello0 1.0 amd64 (main)\n\
         already    hello1 1.0 amd64 (main)\n\
         waiting    hello2 1.0 amd64 (main): 1.2 is higher\n\
         generation 42 of stable is live\n"
    );
    assert_eq!(output.exit, 0);
    assert_eq!(scene.asked(), ["missing", "blobs", "change"]);
    let change = scene.book.lock().unwrap().change.clone().unwrap();
    assert_eq!((&change["message"], &change["dry_run"]), (&json!("why"), &json!(false)));
    let items = change["change"]["items"].as_array().unwrap().clone();
    let of =
        |bytes: &[u8]| json!({ "component": "extra", "digest": Digest::of(bytes).to_string() });
    assert_eq!(items, [of(b"first"), of(b"third"), of(b"second")]);
}

#[tokio::test]
async fn outlasts_a_server_that_is_busy_twice() {
    let scene = scene(0).await;
    let file = scene.write("a.deb", b"first");
    scene.book.lock().unwrap().busy = 2;
    let output = scene.stage.run(&["upload", &file]).await;
    assert_eq!(output.exit, 0);
    assert_eq!(output.err, "server busy, trying again for 30 s\n");
    assert_eq!(scene.asked(), ["missing", "missing", "missing", "blob", "change"]);
}

#[tokio::test]
async fn outlasts_dropped_connections() {
    let scene = scene(2).await;
    let file = scene.write("a.deb", &vec![7; 2 << 20]);
    let output = scene.stage.run(&["upload", &file]).await;
    assert_eq!(output.exit, 0);
    assert_eq!(output.err, "server out of reach, trying again for 30 s\n");
    assert_eq!(scene.asked(), ["missing", "blob", "change"]);
}

#[tokio::test]
async fn gives_up_in_time_and_says_that_nothing_was_half_done() {
    let scene = scene(0).await;
    let file = scene.write("a.deb", b"first");
    scene.book.lock().unwrap().busy = 99;
    let output = scene.stage.run(&["upload", "--retry-seconds", "0", &file]).await;
    assert_eq!(output.exit, 4);
    assert_eq!(
        output.err,
        "error: a moment, please\nhint: nothing was half done; try again in a moment\n"
    );
    assert_eq!(scene.asked(), ["missing"]);
}

#[tokio::test]
async fn a_conflict_is_refused_with_its_reasons() {
    let scene = scene(0).await;
    let file = scene.write("a.deb", b"first");
    let reasons = vec![Reason {
        field: None,
        problem: "hello 1.0 amd64 is there as aa11".into(),
        ..Reason::default()
    }];
    let problem = Problem::new(Code::VersionConflict, "hello 1.0 exists with other bytes");
    scene.book.lock().unwrap().refusal = Some(problem.with_reasons(reasons));
    let output = scene.stage.run(&["upload", &file]).await;
    assert_eq!((output.exit, output.out.as_str()), (1, ""));
    assert_eq!(
        output.err,
        "error: hello 1.0 exists with other bytes\n  hello 1.0 amd64 is there as aa11\n\
         hint: give the rebuilt package a higher version\n"
    );
    let output = scene.stage.run(&["--json", "upload", &file]).await;
    let value: Value = serde_json::from_str(&output.err).unwrap();
    assert_eq!((output.exit, output.out.as_str()), (1, ""));
    assert_eq!((&value["code"], &value["exit"]), (&json!("version-conflict"), &json!(1)));
    assert_eq!(value["reasons"], json!(["hello 1.0 amd64 is there as aa11"]));
}

#[tokio::test]
async fn a_reason_that_says_the_same_is_said_once() {
    let scene = scene(0).await;
    let file = scene.write("a.deb", b"first");
    let reasons = vec![Reason::of("suite", "is odd")];
    let problem = Problem::new(Code::InvalidRequest, "suite: is odd").with_reasons(reasons);
    scene.book.lock().unwrap().refusal = Some(problem);
    let output = scene.stage.run(&["upload", &file]).await;
    assert_eq!((output.exit, output.err.as_str()), (2, "error: suite: is odd\n"));
}

#[tokio::test]
async fn a_full_disk_is_not_tried_again() {
    let scene = scene(0).await;
    let file = scene.write("a.deb", b"first");
    scene.book.lock().unwrap().refusal = Some(Problem::new(Code::OutOfSpace, "the disk is full"));
    let output = scene.stage.run(&["upload", &file]).await;
    assert_eq!(output.exit, 4);
    assert_eq!(scene.asked(), ["missing", "blob", "change"]);
}

#[tokio::test]
async fn every_reason_of_every_rejected_package_is_told_and_none_is_published() {
    let scene = scene(0).await;
    for (name, bytes) in [("a", b"first"), ("b", b"wrong"), ("c", b"third"), ("d", b"fault")] {
        scene.write(&format!("dist/{name}.deb"), bytes);
    }
    scene.book.lock().unwrap().rejects = vec![b"wrong".to_vec(), b"fault".to_vec()];
    let dist = scene.directory.path().join("dist").display().to_string();
    let output = scene.stage.run(&["upload", &dist]).await;
    assert_eq!((output.exit, output.out.as_str()), (1, ""));
    let lines: Vec<String> = output.err.lines().map(|line| line.replace(&dist, "DIST")).collect();
    assert_eq!(
        lines,
        [
            "error: 2 of 4 packages refused; nothing was published",
            "  DIST/b.deb: Depends: is empty",
            r"  DIST/b.deb: Version: has a \u{1b}[2J in it",
            "  DIST/d.deb: Depends: is empty",
            r"  DIST/d.deb: Version: has a \u{1b}[2J in it",
        ]
    );
    // Of the others it is only tried out what they would be refused for.
    let change = scene.book.lock().unwrap().change.clone().unwrap();
    assert_eq!(
        (change["dry_run"].as_bool(), change["change"]["items"].as_array().unwrap().len()),
        (Some(true), 2)
    );
}

#[tokio::test]
async fn what_a_batch_does_not_take_goes_alone_and_large_ones_do_from_the_start() {
    let scene = scene(0).await;
    for (name, bytes) in [("a", b"first"), ("b", b"shy!!"), ("c", b"third")] {
        scene.write(&format!("dist/{name}.deb"), bytes);
    }
    scene.write("dist/large.deb", &vec![7; 300 << 10]);
    scene.book.lock().unwrap().shy = vec![b"shy!!".to_vec()];
    let dist = scene.directory.path().join("dist").display().to_string();
    let output = scene.stage.run(&["upload", &dist]).await;
    assert_eq!(output.exit, 0, "{}", output.err);
    assert_eq!(scene.asked(), ["missing", "blob", "missing", "blobs", "blob", "change"]);
    let change = scene.book.lock().unwrap().change.clone().unwrap();
    assert_eq!(change["change"]["items"].as_array().unwrap().len(), 4);
    // Again: all of it is there.
    let output = scene.stage.run(&["upload", &dist]).await;
    assert_eq!(output.exit, 0, "{}", output.err);
    assert_eq!(scene.asked()[6..], ["missing", "missing", "change"]);
}

#[tokio::test]
async fn lists_come_from_files_and_from_standard_input() {
    let mut scene = scene(0).await;
    let (a, b) = (scene.write("a.deb", b"first"), scene.write("b.deb", b"second"));
    scene.stage.input = format!("{a}\n\n{b}\n");
    let output = scene.stage.run(&["upload", "--from-file", "-", "--dry-run"]).await;
    assert_eq!((output.exit, output.err.as_str()), (0, ""));
    let change = scene.book.lock().unwrap().change.clone().unwrap();
    assert_eq!(change["dry_run"], json!(true));
    assert_eq!(change["change"]["items"].as_array().unwrap().len(), 2);
    let list = scene.write("list", format!("{a}\n").as_bytes());
    let output = scene.stage.run(&["upload", "--from-file", &list, "--json"]).await;
    let value: Value = serde_json::from_str(&output.out).unwrap();
    assert_eq!((output.exit, &value["generation"]), (0, &json!(42)));
}

#[tokio::test]
async fn what_is_no_package_is_a_wrong_command_line() {
    let scene = scene(0).await;
    let text = scene.write("empty/readme.txt", b"x");
    let folder = Path::new(&text).parent().unwrap().display().to_string();
    for path in [text.as_str(), folder.as_str(), "/nonexistent.deb"] {
        let output = scene.stage.run(&["upload", path]).await;
        assert_eq!(output.exit, 2, "{path}");
        assert!(output.err.contains(path), "{}", output.err);
    }
    let output = scene.stage.run(&["upload", "--from-file", "-"]).await;
    assert_eq!((output.exit, output.err.as_str()), (2, "error: the list names no package\n"));
    assert_eq!(scene.asked(), Vec::<String>::new());
    assert_eq!(scene.fake.accepted.load(std::sync::atomic::Ordering::SeqCst), 0);
}

//! Certificates: keys stay on this machine, trees are laid out as on the host, invalid paths are
//! not written.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse, Json, Response};
use axum::routing::get;
use serde_json::{Value, json};

use super::{Stage, answer};
use crate::api::{Code, HostSetup, Problem, SetupFile};
use crate::cli::tree::Tree;
use crate::client::tests::fake::Fake;

#[derive(Default)]
struct Book {
    asked: Vec<Value>,
    refuses: bool,
    path: Option<&'static str>,
}

type Shared = Arc<Mutex<Book>>;

async fn issue(State(book): State<Shared>, Json(body): Json<Value>) -> Response {
    let mut book = book.lock().unwrap();
    book.asked.push(body.clone());
    if book.refuses {
        return answer(&Problem::new(Code::Denied, "an uploader issues no certificates"));
    }
    Json(json!({ "identity": body["name"], "serial": "1f", "not_after": 1_796_268_699,
        "certificate_pem": "CERTIFICATE\n", "ca_pem": "AUTHORITY\n" }))
    .into_response()
}

fn setup_files(path: &str) -> Value {
    json!({ "certificate_path": "/etc/apt/repod/client.crt", "key_path": "/etc/apt/repod/client.key",
        "files": [{ "path": path, "mode": "0644", "owner": "root", "content": "Types: deb\n" }],
        "notes": ["look at this"] })
}

async fn nobody() -> Json<Value> {
    Json(json!([]))
}

async fn setup(State(book): State<Shared>) -> Json<Value> {
    Json(setup_files(book.lock().unwrap().path.unwrap_or("/etc/apt/sources.list.d/repod.sources")))
}

async fn stage() -> (Stage, Shared, tempfile::TempDir) {
    let book = Shared::default();
    let routes = Router::new()
        .route("/hosts", get(nobody).post(issue))
        .route("/identities", get(nobody).post(issue))
        .route("/hosts/{name}/setup", get(setup))
        .with_state(Arc::clone(&book));
    let fake = Fake::start(routes, 0).await;
    let directory = tempfile::tempdir().unwrap();
    (Stage::before(&fake, directory.path()), book, directory)
}

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

fn text(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap()
}

#[tokio::test]
async fn a_host_gets_a_tree_with_a_key_that_never_travelled() {
    let (stage, book, directory) = stage().await;
    let out = directory.path().join("web-01");
    let arguments = ["host", "issue", "web-01", "--suite", "stable,testing", "--out"];
    let output = stage.run(&[&arguments[..], &[out.to_str().unwrap()]].concat()).await;
    assert_eq!((output.exit, output.err.as_str()), (0, ""));
    assert!(
        output.out.starts_with(
            "web-01 has certificate 1f, which ends 2026-12-03 03:31:39Z (in 10 days)\n"
        ),
        "{}",
        output.out
    );
    assert!(output.out.contains("note: look at this\n"));

    let key = text(&out.join("etc/apt/repod/client.key"));
    assert!(key.starts_with("-----BEGIN PRIVATE KEY-----"));
    assert_eq!(mode(&out.join("etc/apt/repod/client.key")), 0o600);
    assert_eq!(mode(&out), 0o700);
    assert_eq!(text(&out.join("etc/apt/repod/client.crt")), "CERTIFICATE\n");
    assert_eq!(text(&out.join("etc/apt/sources.list.d/repod.sources")), "Types: deb\n");
    assert!(!out.join("new.key").exists() && !out.join("new.crt").exists());
    let asked = &book.lock().unwrap().asked[0];
    assert_eq!(asked["suites"], json!(["stable", "testing"]));
    let csr = asked["csr_pem"].as_str().unwrap();
    assert!(
        csr.starts_with("-----BEGIN CERTIFICATE REQUEST-----")
            && !asked.to_string().contains("PRIVATE")
    );
    // The request is for the key in that file.
    let request = rcgen::CertificateSigningRequestParams::from_pem(csr).unwrap();
    let own = rcgen::KeyPair::from_pem(&key).unwrap();
    assert_eq!(rcgen::PublicKeyData::der_bytes(&request.public_key), own.public_key_raw());
    assert!(!output.out.contains("PRIVATE KEY"));
}

#[tokio::test]
async fn the_script_puts_every_file_in_its_place() {
    let (stage, _, directory) = stage().await;
    let out = directory.path().join("web-01");
    let output = stage.run(&["host", "issue", "web-01", "--out", out.to_str().unwrap()]).await;
    assert_eq!(output.exit, 0);
    let script = text(&out.join("install.sh"));
    let puts: Vec<&str> = script.lines().filter(|line| line.starts_with("put ")).collect();
    assert_eq!(
        puts,
        [
            "put root 0644 etc/apt/sources.list.d/repod.sources /etc/apt/sources.list.d/repod.sources",
            "put root 0644 etc/apt/repod/client.crt /etc/apt/repod/client.crt",
            "put _apt 0400 etc/apt/repod/client.key /etc/apt/repod/client.key",
        ]
    );
    assert_eq!(mode(&out.join("install.sh")), 0o755);
    let checked = std::process::Command::new("sh").arg("-n").arg(out.join("install.sh")).status();
    assert!(checked.unwrap().success());
}

#[tokio::test]
async fn setup_is_written_without_any_key() {
    let (stage, book, directory) = stage().await;
    let out = directory.path().join("again");
    for _ in 0..2 {
        let output = stage.run(&["host", "setup", "web-01", "--out", out.to_str().unwrap()]).await;
        assert_eq!((output.exit, output.err.as_str()), (0, ""));
    }
    assert!(out.join("etc/apt/sources.list.d/repod.sources").exists());
    assert!(!out.join("etc/apt/repod").exists());
    assert!(!text(&out.join("install.sh")).contains("_apt"));
    assert!(book.lock().unwrap().asked.is_empty());
}

#[tokio::test]
async fn a_key_is_never_replaced_and_a_refusal_leaves_nothing() {
    let (stage, book, directory) = stage().await;
    let out = directory.path().join("web-01");
    let arguments = ["host", "issue", "web-01", "--out", out.to_str().unwrap()];
    book.lock().unwrap().refuses = true;
    let output = stage.run(&arguments).await;
    assert_eq!(output.exit, 3);
    assert!(output.err.contains("an uploader issues no certificates"), "{}", output.err);
    assert!(!out.exists());
    std::fs::create_dir(&out).unwrap();
    std::fs::write(out.join("client.key"), "precious").unwrap();
    let output = stage.run(&arguments).await;
    assert_eq!(output.exit, 1);
    assert!(output.err.contains("holds something already"), "{}", output.err);
    assert_eq!(text(&out.join("client.key")), "precious");
    assert_eq!(book.lock().unwrap().asked.len(), 1);
}

#[tokio::test]
async fn when_the_server_names_a_strange_path_the_certificate_is_not_lost() {
    let (stage, book, directory) = stage().await;
    let out = directory.path().join("web-01");
    book.lock().unwrap().path = Some("/etc/apt/../../root/.ssh/authorized_keys");
    let output = stage.run(&["host", "issue", "web-01", "--out", out.to_str().unwrap()]).await;
    assert_eq!(output.exit, 1);
    assert!(output.err.contains("is not a plain path"), "{}", output.err);
    assert!(output.err.contains("new.crt and new.key in"), "{}", output.err);
    assert_eq!(text(&out.join("new.crt")), "CERTIFICATE\n");
    assert_eq!(mode(&out.join("new.key")), 0o600);
    assert!(!out.join("install.sh").exists());
}

#[tokio::test]
async fn an_identity_gets_a_profile_that_works() {
    let (stage, book, directory) = stage().await;
    let out = directory.path().join("ci");
    let path = out.to_str().unwrap();
    let output = stage
        .run(&["identity", "issue", "ci", "--role", "uploader", "--all-suites", "--out", path])
        .await;
    assert_eq!((output.exit, output.err.as_str()), (0, ""));
    assert_eq!(book.lock().unwrap().asked[0]["suites"], json!("all"));
    assert_eq!(mode(&out.join("client.key")), 0o600);
    assert_eq!(text(&out.join("ca.crt")), "AUTHORITY\n");
    let config = text(&out.join("config.toml"));
    assert!(config.starts_with("server = \"https://localhost:"), "{config}");
    let around = crate::cli::Terminal::of_process();
    let global = crate::cli::args::Global {
        config: Some(out.join("config.toml")),
        ..crate::cli::args::Global::default()
    };
    let settings = crate::cli::config::Settings::settle(&global, &around).unwrap();
    assert_eq!(settings.key.unwrap().path(), Some(out.join("client.key").as_path()));
}

fn one(path: &str, mode: &str, owner: &str) -> HostSetup {
    let file = SetupFile {
        path: path.into(),
        mode: mode.into(),
        owner: owner.into(),
        content: "x".into(),
    };
    HostSetup {
        certificate_path: "/etc/apt/repod/c".into(),
        key_path: "/etc/apt/repod/k".into(),
        files: vec![file],
        obsolete: vec![],
        notes: vec![],
        facts: None,
    }
}

#[test]
fn only_plain_paths_where_apt_looks_are_written() {
    for path in
        ["/etc/apt/preferences.d/60repod-repo.example.org.pref", "/usr/local/sbin/repod-upgrade"]
    {
        assert!(Tree::of(&one(path, "0644", "root")).is_ok(), "{path}");
    }
    let wrong = [
        "",
        "etc/apt/x",
        "/etc/passwd",
        "/etc/apt/../passwd",
        "/etc/apt/./x",
        "/etc/apt//x",
        "/etc/apt/",
        "//etc/apt/x",
        "/etc/apt/..",
        "/etc/apt/a b",
        "/etc/apt/a'b",
        "/etc/apt/$(id)",
        "/etc/apt/a\nb",
        "/root/.ssh/authorized_keys",
        "/usr/local/sbin/apt-get",
        "/etc/apt/é",
        "/etc/aptx/y",
    ];
    for path in wrong {
        assert!(Tree::of(&one(path, "0644", "root")).is_err(), "{path:?}");
    }
    let long = format!("/etc/apt/{}", "a".repeat(300));
    assert!(Tree::of(&one(&long, "0644", "root")).is_err());
}

#[test]
fn only_plain_owners_and_permissions_are_taken() {
    let take = |mode: &str, owner: &str| Tree::of(&one("/etc/apt/x", mode, owner)).is_ok();
    assert!(take("0644", "root") && take("600", "_apt") && take("0755", "root"));
    for mode in ["", "4755", "0666", "0200", "1644", "0o64", "+644", "9999", "00644", "rw-"] {
        assert!(!take(mode, "root"), "{mode}");
    }
    for owner in ["", "nobody", "root; id", "-x"] {
        assert!(!take("0644", owner), "{owner}");
    }
}

#[test]
fn the_key_may_not_lie_where_another_file_does() {
    let mut setup = one("/etc/apt/x", "0644", "root");
    setup.key_path = "/etc/apt/x".into();
    assert!(Tree::of(&setup).unwrap().with_key(&setup, "c", "k").is_err());
    setup.key_path = "/tmp/key".into();
    assert!(Tree::of(&setup).unwrap().with_key(&setup, "c", "k").is_err());
}

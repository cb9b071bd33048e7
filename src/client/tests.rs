//! The client against a server with real TLS.

pub(crate) mod fake;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Bytes;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Json, Response};
use axum::routing::{get, put};
use serde_json::json;

use self::fake::{Authority, Fake};
use super::*;
use crate::api::{Code, Exit, Problem, Reason};
use crate::digest::Digest;

fn problem(code: Code, detail: &str) -> Response {
    let problem = Problem::new(code, detail);
    let status = StatusCode::from_u16(problem.status).unwrap();
    let kind = [("content-type", crate::api::PROBLEM_JSON)];
    (status, kind, serde_json::to_string(&problem).unwrap()).into_response()
}

fn whoami() -> Json<serde_json::Value> {
    Json(json!({ "identity": "ci.example.org", "role": "uploader", "suites": ["stable"],
        "certificate_not_after": 9, "server_version": "0.1.0", "newer": true }))
}

/// Answers `whoami` after `times` answers of 503.
fn busy_first(times: usize, wait: Option<&'static str>) -> (Router, Arc<AtomicUsize>) {
    let asked = Arc::new(AtomicUsize::new(0));
    let seen = Arc::clone(&asked);
    let route = get(move || async move {
        if seen.fetch_add(1, Ordering::SeqCst) < times {
            let mut answer = problem(Code::Busy, "a publication is under way");
            if let Some(wait) = wait {
                answer.headers_mut().insert("retry-after", wait.parse().unwrap());
            }
            return answer;
        }
        whoami().into_response()
    });
    (Router::new().route("/whoami", route), asked)
}

#[tokio::test]
async fn asks_with_its_certificate_and_reads_newer_answers() {
    let fake = Fake::start(Router::new().route("/whoami", get(|| async { whoami() })), 0).await;
    let who = fake.client().whoami().await.unwrap();
    assert_eq!((who.identity.as_str(), who.role), ("ci.example.org", crate::api::Role::Uploader));
}

#[tokio::test]
async fn tells_why_a_server_is_not_trusted() {
    let fake = Fake::start(Router::new(), 0).await;
    let mut credentials = fake.credentials();
    credentials.ca_pem = Authority::new().ca_pem.into_bytes();
    let error = Client::new(&credentials).unwrap().whoami().await.unwrap_err();
    assert!(error.to_string().contains("comes from another authority"), "{error}");
    assert_eq!((error.exit(), error.is_passing()), (Exit::Usage, false));

    let mut credentials = fake.credentials();
    credentials.server = credentials.server.replace("localhost", "127.0.0.1");
    let error = Client::new(&credentials).unwrap().whoami().await.unwrap_err();
    assert!(error.to_string().contains("is for another name"), "{error}");
}

#[tokio::test]
async fn a_certificate_of_another_authority_is_not_allowed() {
    let fake = Fake::start(Router::new(), 0).await;
    let mut credentials = fake.credentials();
    let (certificate, key) = Authority::new().issue("ci.example.org");
    credentials.certificate_pem = certificate.into_bytes();
    credentials.key_pem = zeroize::Zeroizing::new(key.into_bytes());
    let error = Client::new(&credentials).unwrap().whoami().await.unwrap_err();
    assert!(matches!(error, ClientError::CertificateRefused { .. }), "{error:?}");
    assert_eq!(error.exit(), Exit::Denied);
}

#[tokio::test]
async fn a_key_with_a_passphrase_is_told_from_a_damaged_one() {
    let fake = Fake::start(Router::new(), 0).await;
    let refused = |key: &str| {
        let mut credentials = fake.credentials();
        credentials.key_pem = zeroize::Zeroizing::new(key.into());
        Client::new(&credentials).err().unwrap().to_string()
    };
    let body = "MIGbMFcG";
    let pkcs8 = format!(
        "-----BEGIN ENCRYPTED PRIVATE KEY-----\n{body}\n-----END ENCRYPTED PRIVATE KEY-----\n"
    );
    let older = format!(
        "-----BEGIN EC PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,00\n\n{body}\n\
         -----END EC PRIVATE KEY-----\n"
    );
    for locked in [pkcs8, older] {
        let told = refused(&locked);
        assert!(told.contains("is locked with a passphrase"), "{told}");
        assert!(told.contains("openssl pkey") && !told.contains(body), "{told}");
    }
    assert!(refused("-----BEGIN").contains("is not sound PEM"));
}

#[tokio::test]
async fn a_server_that_is_not_there_is_unreachable() {
    let fake = Fake::start(Router::new(), 0).await;
    let mut credentials = fake.credentials();
    credentials.server = "localhost:1".into();
    let error = Client::new(&credentials).unwrap().whoami().await.unwrap_err();
    assert!(matches!(error, ClientError::Unreachable { .. }), "{error:?}");
    assert_eq!((error.exit(), error.is_passing()), (Exit::Unavailable, true));
    assert!(error.to_string().starts_with("cannot reach https://localhost:1: "), "{error}");
    let below: &reqwest::Error = crate::cause::find(&error).unwrap();
    assert!(below.is_connect() && below.url().is_none(), "{below:?}");
    let said: &std::io::Error = crate::cause::find(&error).unwrap();
    assert_eq!(said.kind(), std::io::ErrorKind::ConnectionRefused);
}

/// Reads the request and closes without an answer.
async fn vanish() -> Response {
    std::panic::resume_unwind(Box::new("gone"))
}

#[tokio::test]
async fn a_lost_answer_to_a_change_is_not_called_undone() {
    use crate::api::{Change, ChangeRequest};
    let routes = Router::new()
        .route("/whoami", get(vanish))
        .route("/suites/stable/changes", axum::routing::post(vanish))
        .route("/suites/stable", axum::routing::delete(vanish));
    let client = Fake::start(routes, 0).await.client();
    let suite = crate::debian::SuiteName::parse("stable").unwrap();
    let request = |change: Change, dry_run: bool| ChangeRequest {
        urgent: false,
        message: String::new(),
        dry_run,
        expect_generation: None,
        as_shown: false,
        cascade: false,
        force: false,
        change,
    };
    let rollback = Change::Rollback { packages: vec![], to: None, all: true, binary: false };

    let error = client.change(&suite, &request(rollback.clone(), false)).await.unwrap_err();
    let message = format!("no answer from {}: the change may have been made", client.server());
    assert_eq!((error.to_string(), error.exit()), (message.clone(), Exit::Unavailable));
    assert_eq!(error.hint(), Some("look with repoctl history before you repeat it"));
    assert!(!error.is_passing());

    let error = client.change(&suite, &request(Change::Add { items: vec![] }, false)).await;
    let error = error.unwrap_err();
    assert_eq!((error.to_string(), error.is_passing()), (message.clone(), true));

    let error = client.remove_suite(&suite, None).await.unwrap_err();
    assert_eq!(error.to_string(), message);
    assert!(error.hint().unwrap().contains("repoctl suite list"));

    let dry = client.change(&suite, &request(rollback, true)).await.unwrap_err();
    for error in [dry, client.whoami().await.unwrap_err()] {
        assert!(matches!(error, ClientError::Unreachable { .. }), "{error:?}");
        assert!(error.to_string().contains("closed before the answer"), "{error}");
        assert!(error.is_passing() && !error.to_string().contains("docs.rs"), "{error}");
    }
}

#[tokio::test]
async fn a_change_that_never_went_out_is_only_unreachable() {
    let fake = Fake::start(Router::new(), 0).await;
    let credentials = Credentials { server: "localhost:1".into(), ..fake.credentials() };
    let client = Client::new(&credentials).unwrap();
    let suite = crate::debian::SuiteName::parse("stable").unwrap();
    let error = client.remove_suite(&suite, Some(7)).await.unwrap_err();
    assert_eq!(error.to_string(), "cannot reach https://localhost:1: connection refused");
}

#[tokio::test]
async fn an_address_without_a_port_is_told_of_it() {
    let fake = Fake::start(Router::new(), 0).await;
    if std::net::TcpStream::connect("127.0.0.1:443").is_ok() {
        return;
    }
    let credentials = Credentials { server: "127.0.0.1".into(), ..fake.credentials() };
    let error = Client::new(&credentials).unwrap().whoami().await.unwrap_err();
    assert!(error.to_string().ends_with("refused (port 443; repod init uses 8443)"), "{error}");
}

#[tokio::test]
async fn problems_keep_their_reasons_and_strangers_are_recognised() {
    let conflict = get(|| async {
        let reasons =
            vec![Reason { field: None, problem: "other bytes".into(), ..Reason::default() }];
        let problem = Problem::new(Code::VersionConflict, "raise it").with_reasons(reasons);
        (StatusCode::CONFLICT, serde_json::to_string(&problem).unwrap())
    });
    let proxy = get(|| async { (StatusCode::BAD_GATEWAY, "<html>bad gateway</html>") });
    let odd = get(|| async { "{}" });
    let routes =
        Router::new().route("/whoami", conflict).route("/status", proxy).route("/suites", odd);
    let client = Fake::start(routes, 0).await.client();
    match client.whoami().await.unwrap_err() {
        ClientError::Problem { problem, wait: None } => {
            assert_eq!(problem.known_code(), Some(Code::VersionConflict));
            assert_eq!(problem.reasons.len(), 1);
        }
        other => panic!("{other:?}"),
    }
    let error = client.status().await.unwrap_err();
    assert_eq!((error.exit(), error.is_passing()), (Exit::Unavailable, true));
    let error = client.list_suites().await.unwrap_err();
    assert!(error.to_string().contains("does not read as expected"), "{error}");
    assert_eq!((error.exit(), error.is_passing()), (Exit::Unavailable, false));
}

#[tokio::test]
async fn patience_outlasts_a_busy_server() {
    let (routes, asked) = busy_first(2, None);
    let client = Fake::start(routes, 0).await.client();
    let patience = Patience::lasting(Duration::from_secs(20));
    assert!(patience.keep(|| client.whoami()).await.is_ok());
    assert_eq!(asked.load(Ordering::SeqCst), 3);
}

#[tokio::test]
async fn patience_outlasts_dropped_connections() {
    let (routes, asked) = busy_first(0, None);
    let fake = Fake::start(routes, 2).await;
    let client = fake.client();
    assert!(Patience::lasting(Duration::from_secs(20)).keep(|| client.whoami()).await.is_ok());
    assert_eq!(asked.load(Ordering::SeqCst), 1);
    assert_eq!(fake.accepted.load(Ordering::SeqCst), 3);
}

#[tokio::test]
async fn without_patience_the_first_no_counts() {
    let (routes, asked) = busy_first(1, None);
    let client = Fake::start(routes, 0).await.client();
    let error = Patience::none().keep(|| client.whoami()).await.unwrap_err();
    assert_eq!((error.exit(), asked.load(Ordering::SeqCst)), (Exit::Unavailable, 1));
}

#[tokio::test]
async fn a_wait_longer_than_patience_ends_it_at_once() {
    let (routes, asked) = busy_first(9, Some("60"));
    let client = Fake::start(routes, 0).await.client();
    let start = Instant::now();
    let patience = Patience::lasting(Duration::from_secs(20));
    assert!(patience.keep(|| client.whoami()).await.is_err());
    assert_eq!(asked.load(Ordering::SeqCst), 1);
    assert!(start.elapsed() < Duration::from_secs(10));
}

#[tokio::test]
async fn what_is_final_is_not_tried_again() {
    let asked = Arc::new(AtomicUsize::new(0));
    let seen = Arc::clone(&asked);
    let full = get(move || async move {
        seen.fetch_add(1, Ordering::SeqCst);
        problem(Code::OutOfSpace, "make room")
    });
    let client = Fake::start(Router::new().route("/whoami", full), 0).await.client();
    let patience = Patience::lasting(Duration::from_secs(20));
    let error = patience.keep(|| client.whoami()).await.unwrap_err();
    assert_eq!((error.exit(), asked.load(Ordering::SeqCst)), (Exit::Unavailable, 1));
}

fn blob_route() -> Router {
    let take = |headers: HeaderMap, body: Bytes| async move {
        assert!(headers.get("transfer-encoding").is_none());
        let length: usize = headers["content-length"].to_str().unwrap().parse().unwrap();
        assert_eq!(length, body.len());
        Json(json!({ "digest": Digest::of(&body).to_string(), "name": "hello", "version": "1",
            "architecture": "amd64", "size_bytes": body.len() }))
    };
    let large = axum::extract::DefaultBodyLimit::max(64 << 20);
    Router::new().route("/blobs/{digest}", put(take)).layer(large)
}

#[tokio::test]
async fn a_blob_is_streamed_with_its_length_said_first() {
    let client = Fake::start(blob_route(), 0).await.client();
    let directory = tempfile::tempdir().unwrap();
    for size in [0_usize, 1, 3 << 20] {
        let path = directory.path().join("x.deb");
        let bytes = vec![7_u8; size];
        std::fs::write(&path, &bytes).unwrap();
        let (digest, sent) = (Digest::of(&bytes), Sent::default());
        let receipt = client.send_blob(&path, &digest, size as u64, &sent).await.unwrap();
        assert_eq!((receipt.digest, sent.bytes()), (digest, size as u64));
    }
}

#[tokio::test]
async fn a_file_that_changed_is_not_sent() {
    let client = Fake::start(blob_route(), 0).await.client();
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("x.deb");
    std::fs::write(&path, b"abc").unwrap();
    let sent = Sent::default();
    let error = client.send_blob(&path, &Digest::of(b"ab"), 2, &sent).await.unwrap_err();
    assert!(matches!(&error, ClientError::File { .. }), "{error:?}");
    assert_eq!((error.exit(), sent.bytes()), (Exit::Refused, 0));
}

#[tokio::test]
async fn only_https_addresses_without_secrets_are_servers() {
    let fake = Fake::start(Router::new(), 0).await;
    let place = |server: &str| {
        let credentials = Credentials { server: server.into(), ..fake.credentials() };
        Client::new(&credentials).map(|client| client.server().to_owned())
    };
    assert_eq!(place("repo.example.org").unwrap(), "https://repo.example.org");
    assert_eq!(place("https://repo:8443/").unwrap(), "https://repo:8443");
    let wrong =
        ["http://repo", "ftp://repo", "https://u:p@repo", "https://repo/?x", "", "https://"];
    for server in wrong {
        let error = place(server).unwrap_err();
        assert_eq!(error.exit(), Exit::Usage, "{server}");
    }
    let credentials =
        Credentials { key_pem: zeroize::Zeroizing::new(vec![]), ..fake.credentials() };
    assert!(Client::new(&credentials).is_err());
    let credentials = Credentials { ca_pem: b"nothing".to_vec(), ..fake.credentials() };
    assert!(Client::new(&credentials).is_err());
}

#[tokio::test]
async fn names_cannot_leave_their_place_in_the_address() {
    let echo = |uri: axum::http::Uri| async move {
        (
            StatusCode::NOT_FOUND,
            serde_json::to_string(&Problem::new(Code::Missing, uri.path())).unwrap(),
        )
    };
    let client = Fake::start(Router::new().fallback(echo), 0).await.client();
    let query = crate::api::SetupQuery::default();
    let error = client.host_setup("a/../../b?c", &query).await.unwrap_err();
    assert!(error.to_string().contains("hosts/a%2F..%2F..%2Fb%3Fc/setup"), "{error}");
}

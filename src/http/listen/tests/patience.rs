//! Time limits: who is cut, who is not, and when. All limits are a second or two here.

use std::convert::Infallible;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::Request;
use axum::routing::{get, post};
use http::StatusCode;
use http_body_util::StreamBody;

use super::*;

/// Size of `/big`; more than all buffers of a connection hold.
const BIG_BYTES: usize = 32 << 20;

fn big() -> Body {
    let chunk = Bytes::from(vec![b'x'; 1 << 16]);
    let frames = (0..BIG_BYTES >> 16).map(move |_| Ok::<_, Infallible>(chunk.clone()));
    Body::new(StreamBody::new(futures_util::stream::iter(
        frames.map(|chunk| chunk.map(http_body::Frame::data)),
    )))
}

async fn count(request: Request) -> (StatusCode, String) {
    match to_bytes(request.into_body(), usize::MAX).await {
        Ok(bytes) => (StatusCode::OK, bytes.len().to_string()),
        Err(_) => (StatusCode::BAD_REQUEST, String::new()),
    }
}

async fn slow_count(request: Request) -> (StatusCode, String) {
    tokio::time::sleep(Duration::from_millis(2500)).await;
    let counted = count(request).await;
    tokio::time::sleep(Duration::from_millis(2500)).await;
    counted
}

fn app() -> Router {
    Router::new()
        .route("/", get(async || "here\n"))
        .route("/big", get(async || big()))
        .route("/count", post(count))
        .route("/slow-count", post(slow_count))
        .route("/refuse", post(async || (StatusCode::FORBIDDEN, "no\n")))
}

#[tokio::test]
async fn a_client_silent_after_the_handshake_is_cut() {
    let running = Running::start(short(), app());
    let mut stream = running.connect().await;
    assert!(rest(&mut stream).await.0.is_empty());
    until(&running.counts.cut_header, 1).await;
}

#[tokio::test]
async fn half_a_header_is_cut_however_it_dribbles() {
    let running = Running::start(short(), app());
    let mut stream = running.connect().await;
    send(&mut stream, "GET / HTTP/1.1\r\nHost: loc").await;
    assert!(rest(&mut stream).await.0.is_empty());
    until(&running.counts.cut_header, 1).await;

    let mut stream = running.connect().await;
    let dribble = async {
        loop {
            if stream.write_all(b"X").await.is_err() || stream.flush().await.is_err() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    soon(dribble).await;
    until(&running.counts.cut_header, 2).await;
}

#[tokio::test]
async fn an_idle_client_has_longer_than_a_header_and_is_closed_in_good_manners() {
    let limits = EdgeLimits { idle_seconds: 3, ..short() };
    let running = Running::start(limits, app());
    let mut stream = running.connect().await;
    for _ in 0..2 {
        assert_eq!(ask(&mut stream, "/").await.status(), 200);
        tokio::time::sleep(Duration::from_millis(1500)).await;
    }
    let (bytes, in_good_manners) = rest(&mut stream).await;
    assert!(bytes.is_empty() && in_good_manners);
    until(&running.counts.closed_idle, 1).await;
    assert_eq!(running.counts.cut_header.value(), 0);

    let mut stream = running.connect().await;
    assert_eq!(ask(&mut stream, "/").await.status(), 200);
    send(&mut stream, "GET / HT").await;
    assert!(rest(&mut stream).await.0.is_empty());
    until(&running.counts.cut_header, 1).await;
}

#[tokio::test]
async fn a_client_that_reads_nothing_is_cut() {
    let running = Running::start(short(), app());
    let mut stream = running.connect().await;
    send(&mut stream, "GET /big HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
    until(&running.counts.cut_slow, 1).await;
    until(&running.counts.open, 0).await;
}

#[tokio::test]
async fn a_client_that_reads_slowly_but_steadily_is_served_to_the_end() {
    let running = Running::start(short(), app());
    let mut stream = running.connect().await;
    send(&mut stream, "GET /big HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
    let mut read = 0;
    let mut buffer = vec![0; 1 << 14];
    // 160 KB/s: the system calls such a socket writable every few seconds only.
    for _ in 0..80 {
        read += soon(stream.read(&mut buffer)).await.unwrap();
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert!(read < BIG_BYTES / 8);
    while !buffer.ends_with(b"0\r\n\r\n") {
        buffer.resize(1 << 16, 0);
        let more = soon(stream.read(&mut buffer)).await.unwrap();
        assert!(more > 0, "cut after {read} bytes");
        buffer.truncate(more);
        read += more;
    }
    assert!(read > BIG_BYTES);
    assert_eq!(running.counts.cut_slow.value(), 0);
}

#[tokio::test]
async fn a_client_that_reads_below_the_rate_is_cut() {
    let limits = EdgeLimits { stall_seconds: 60, min_bytes_per_second: 1 << 30, ..short() };
    let running = Running::start(limits, app());
    let mut stream = running.connect().await;
    send(&mut stream, "GET /big HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
    let mut buffer = vec![0; 1 << 14];
    let dribble = async {
        while stream.read(&mut buffer).await.is_ok_and(|more| more > 0) {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::select! {
        () = dribble => {}
        () = until(&running.counts.cut_slow, 1) => {}
    }
    until(&running.counts.cut_slow, 1).await;
}

#[tokio::test]
async fn an_uploader_that_goes_silent_is_cut() {
    let running = Running::start(short(), app());
    let mut stream = running.connect().await;
    send(
        &mut stream,
        "POST /count HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\nten bytes.",
    )
    .await;
    assert!(rest(&mut stream).await.0.is_empty());
    until(&running.counts.cut_slow, 1).await;
}

#[tokio::test]
async fn an_uploader_below_the_rate_is_cut() {
    let limits = EdgeLimits { stall_seconds: 60, ..short() };
    let running = Running::start(limits, app());
    let mut stream = running.connect().await;
    send(&mut stream, "POST /count HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000\r\n\r\n")
        .await;
    let dribble = async {
        while stream.write_all(b"0123456789").await.is_ok() && stream.flush().await.is_ok() {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    soon(dribble).await;
    until(&running.counts.cut_slow, 1).await;
}

#[tokio::test]
async fn a_slow_handler_is_not_the_clients_fault() {
    let running = Running::start(short(), app());
    let mut stream = running.connect().await;
    let body = "b".repeat(300_000);
    let head = format!(
        "POST /slow-count HTTP/1.1\r\nHost: localhost\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    send(&mut stream, &(head + &body)).await;
    let answer = receive(&mut stream).await.unwrap();
    assert_eq!((answer.status(), answer.body.as_str()), (200, "300000"));
    assert_eq!(running.counts.cut_slow.value(), 0);
}

#[tokio::test]
async fn a_refusal_in_the_middle_of_an_upload_arrives() {
    let running = Running::start(EdgeLimits::default(), app());
    let mut stream = running.connect().await;
    send(
        &mut stream,
        "POST /refuse HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000000\r\n\r\n",
    )
    .await;
    let chunk = vec![0; 1 << 16];
    for _ in 0..100 {
        // Without the linger the kernel would answer these with a reset.
        stream.write_all(&chunk).await.unwrap();
    }
    let answer = receive(&mut stream).await.unwrap();
    assert_eq!((answer.status(), answer.body.as_str()), (403, "no\n"));
    assert!(answer.has("connection: close"), "{}", answer.head);
}

#[tokio::test]
async fn a_connection_that_is_old_is_closed_after_its_answer() {
    let limits = EdgeLimits { max_age_seconds: 1, ..EdgeLimits::default() };
    let slow = get(async || {
        tokio::time::sleep(Duration::from_millis(1500)).await;
        "late\n"
    });
    let running = Running::start(limits, Router::new().route("/", slow));
    let mut stream = running.connect().await;
    let answer = ask(&mut stream, "/").await;
    assert_eq!(answer.body, "late\n");
    assert!(answer.has("connection: close"), "{}", answer.head);
    let (bytes, in_good_manners) = rest(&mut stream).await;
    assert!(bytes.is_empty() && in_good_manners);
}

#[tokio::test]
async fn a_handler_whose_client_left_is_dropped() {
    struct Flag(Arc<AtomicBool>);
    impl Drop for Flag {
        fn drop(&mut self) {
            self.0.store(true, Ordering::SeqCst);
        }
    }
    let dropped = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&dropped);
    let forever = get(async move || {
        let _flag = Flag(seen);
        std::future::pending::<()>().await;
    });
    let running = Running::start(EdgeLimits::default(), Router::new().route("/", forever));
    let mut stream = running.connect().await;
    send(&mut stream, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert!(!dropped.load(Ordering::SeqCst));
    drop(stream);
    until(&running.counts.open, 0).await;
    assert!(dropped.load(Ordering::SeqCst));
}

//! Many requests on one connection, panics, and the end of the server.

use axum::body::Body;
use axum::extract::Path;
use axum::routing::get;
use http_body_util::StreamBody;
use tokio::sync::Notify;

use super::*;

async fn explode() -> String {
    panic!("the handler fell over")
}

async fn explode_later() -> Body {
    let frames = futures_util::stream::iter((0..2).map(|n| match n {
        0 => Ok::<_, std::convert::Infallible>(http_body::Frame::data("part".into())),
        _ => panic!("the body fell over"),
    }));
    Body::new(StreamBody::new(frames))
}

fn app() -> Router {
    Router::new()
        .route("/n/{n}", get(async |Path(n): Path<u32>| format!("answer {n}\n")))
        .route("/explode", get(explode))
        .route("/explode-later", get(explode_later))
}

#[tokio::test]
async fn seven_requests_in_one_write_are_answered_in_order() {
    let running = Running::start(short(), app());
    let mut stream = running.connect().await;
    let one = |n| format!("GET /n/{n} HTTP/1.1\r\nHost: localhost\r\n\r\n");
    for round in 0..3 {
        let all: String = (0..7).map(|n| one(round * 7 + n)).collect();
        send(&mut stream, &all).await;
        for n in 0..7 {
            let answer = receive(&mut stream).await.unwrap();
            assert_eq!(answer.body, format!("answer {}\n", round * 7 + n));
        }
    }
}

#[tokio::test]
async fn the_requests_behind_a_slow_one_wait_for_it() {
    let slow = get(async |Path(n): Path<u32>| {
        tokio::time::sleep(Duration::from_millis(if n == 0 { 2500 } else { 0 })).await;
        format!("answer {n}\n")
    });
    let running = Running::start(short(), Router::new().route("/n/{n}", slow));
    let mut stream = running.connect().await;
    send(&mut stream, "GET /n/0 HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    send(&mut stream, "GET /n/1 HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
    for n in 0..2 {
        assert_eq!(receive(&mut stream).await.unwrap().body, format!("answer {n}\n"));
    }
}

#[tokio::test]
async fn a_panic_takes_its_request_and_nothing_else() {
    let running = Running::start(EdgeLimits::default(), app());
    let mut stream = running.connect().await;
    let answer = ask(&mut stream, "/explode").await;
    assert_eq!(answer.status(), 500);
    assert!(answer.body.starts_with("internal error"), "{}", answer.body);
    assert!(!answer.body.contains("fell over"));
    assert_eq!(ask(&mut stream, "/n/1").await.body, "answer 1\n", "on the same connection");
    assert_eq!(running.counts.panics.value(), 1);

    send(&mut stream, "GET /explode-later HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
    let (bytes, _) = rest(&mut stream).await;
    assert!(!bytes.ends_with(b"0\r\n\r\n"), "a broken body must not look complete");
    assert_eq!(running.counts.panics.value(), 2);
    assert_eq!(ask(&mut running.connect().await, "/n/2").await.body, "answer 2\n");
}

#[tokio::test]
async fn shutdown_finishes_what_is_under_way_and_takes_nothing_new() {
    let gate = Arc::new(Notify::new());
    let held = Arc::clone(&gate);
    let slow = get(async move || {
        held.notified().await;
        "finished\n"
    });
    let app = Router::new().route("/", get(async || "here\n")).route("/slow", slow);
    let running = Running::start(EdgeLimits::default(), app);
    let (addr, counts) = (running.addr, Arc::clone(&running.counts));
    let mut idle = running.connect().await;
    assert_eq!(ask(&mut idle, "/").await.status(), 200);
    let mut fresh = running.connect().await;
    let mut busy = running.connect().await;
    send(&mut busy, "GET /slow HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
    tokio::time::sleep(Duration::from_millis(200)).await;
    let stopping = tokio::spawn(running.stop());

    let (bytes, in_good_manners) = rest(&mut idle).await;
    assert!(bytes.is_empty() && in_good_manners);
    assert!(rest(&mut fresh).await.0.is_empty());
    drop((idle, fresh));
    until(&counts.open, 1).await;
    assert!(TcpStream::connect(addr).await.is_err(), "the port is closed");
    assert!(!stopping.is_finished());
    gate.notify_one();
    let answer = receive(&mut busy).await.unwrap();
    assert_eq!(answer.body, "finished\n");
    assert!(answer.has("connection: close"), "{}", answer.head);
    drop(busy);
    soon(stopping).await.unwrap().unwrap();
    assert_eq!((counts.cut_drain.value(), counts.open.value()), (0, 0));
}

#[tokio::test]
async fn the_drain_has_an_end() {
    let forever = get(async || std::future::pending::<String>().await);
    let limits = EdgeLimits { drain_seconds: 1, ..EdgeLimits::default() };
    let running = Running::start(limits, Router::new().route("/", forever));
    let counts = Arc::clone(&running.counts);
    let mut stream = running.connect().await;
    send(&mut stream, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
    tokio::time::sleep(Duration::from_millis(200)).await;
    let before = std::time::Instant::now();
    running.stop().await.unwrap();
    assert!(before.elapsed() >= Duration::from_secs(1));
    assert_eq!((counts.cut_drain.value(), counts.open.value()), (1, 0));
    assert!(rest(&mut stream).await.0.is_empty());
}

//! Requests that are served without a word have no span, and whatever is said of one has its id.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::body::Body;
use axum::routing::get;
use http::{Request, Response};
use http_body_util::StreamBody;
use tracing::level_filters::LevelFilter;
use tracing::span::{Attributes, Id};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tracing_subscriber::{Registry, fmt};

use super::*;

/// Answers below `/quiet/` are quiet.
#[derive(Clone)]
struct Quiet(Router);

impl Application for Quiet {
    async fn answer(&self, request: Request<Body>) -> Response<Body> {
        self.0.answer(request).await
    }

    fn is_quiet(&self, request: &Request<Body>) -> bool {
        request.uri().path().starts_with("/quiet/")
    }
}

/// Counts the spans of requests.
struct Spans(Arc<AtomicUsize>);

impl Layer<Registry> for Spans {
    fn on_new_span(&self, span: &Attributes<'_>, _id: &Id, _context: Context<'_, Registry>) {
        if span.metadata().name() == "request" {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }
}

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        io::Write::write(&mut *self.0.lock().unwrap(), bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

async fn fall_over() -> String {
    panic!("the handler fell over")
}

async fn fall_over_later() -> Body {
    let frames = futures_util::stream::iter((0..2).map(|n| match n {
        0 => Ok::<_, std::convert::Infallible>(http_body::Frame::data("part".into())),
        _ => panic!("the body fell over"),
    }));
    Body::new(StreamBody::new(frames))
}

fn app() -> Quiet {
    let below = Router::new()
        .route("/file", get(async || "served\n"))
        .route("/panic", get(fall_over))
        .route("/panic-later", get(fall_over_later));
    Quiet(Router::new().nest("/quiet", below.clone()).nest("/loud", below))
}

#[tokio::test]
async fn a_quiet_request_has_a_span_only_for_what_is_said_of_it() {
    let (spans, log) = (Arc::new(AtomicUsize::new(0)), Log::default());
    let to = log.clone();
    let lines = fmt::layer().with_ansi(false).with_writer(move || to.clone());
    let subscriber = tracing_subscriber::registry()
        .with(Spans(Arc::clone(&spans)).and_then(lines).with_filter(LevelFilter::INFO));
    let _within = tracing::subscriber::set_default(subscriber);
    let made = || spans.load(Ordering::Relaxed);

    let running = Running::start(EdgeLimits::default(), app());
    let mut stream = running.connect().await;
    for _ in 0..3 {
        let answer = ask(&mut stream, "/quiet/file").await;
        let id = answer.head.lines().find_map(|line| line.strip_prefix("x-request-id: "));
        assert!(id.is_some_and(|id| id.len() == 16), "{}", answer.head);
    }
    assert_eq!(made(), 0, "for files that are served");
    ask(&mut stream, "/loud/file").await;
    assert_eq!(made(), 1);

    for (path, id) in [("/quiet/panic", "a-1"), ("/loud/panic", "a-2")] {
        let head = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nX-Request-Id: {id}\r\n\r\n");
        send(&mut stream, &head).await;
        assert_eq!(receive(&mut stream).await.unwrap().status(), 500);
    }
    for (path, id) in [("/quiet/panic-later", "b-1"), ("/loud/panic-later", "b-2")] {
        let mut stream = running.connect().await;
        let head = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nX-Request-Id: {id}\r\n\r\n");
        send(&mut stream, &head).await;
        rest(&mut stream).await;
    }
    let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    for id in ["a-1", "a-2", "b-1", "b-2"] {
        let of: Vec<_> = log.lines().filter(|line| line.contains(&format!("id={id}"))).collect();
        assert!(of.len() == 1 && of[0].contains("panicked"), "{id}: {log}");
        assert_eq!(of[0].matches("request{").count(), 1, "{of:?}");
    }
}

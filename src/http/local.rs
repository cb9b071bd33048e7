//! Health and metrics, on a loopback listener of its own that needs no certificate.

use std::sync::atomic::Ordering;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;

use crate::flow::report::writing::{self, StoppedStore};
use crate::http::App;
use crate::time::Moment;

/// Answers with `routes` on `listener` until `stopped` ends.
pub async fn serve(
    listener: tokio::net::TcpListener,
    routes: Router,
    stopped: impl Future<Output = ()> + Send + 'static,
) {
    let serving = axum::serve(listener, routes).with_graceful_shutdown(stopped);
    if let Err(error) = serving.await {
        tracing::error!(%error, "health checks are no longer answered");
    }
}

/// `GET /healthz`: the process answers.
pub async fn healthy() -> &'static str {
    "ok\n"
}

/// `GET /readyz`: hosts are served, and changes are recorded. The answer says which of the two is not.
pub async fn ready(State(app): State<App>) -> (StatusCode, String) {
    let repository = &app.repository;
    let until = repository.trust.current().gate(repository.now());
    let stopped = writing::stopped(repository);
    match (until, stopped.first()) {
        (Ok(until), Some(StoppedStore { store, why })) => {
            let text =
                format!("hosts are served until {until}, and no change is taken: {store}: {why}\n");
            (StatusCode::SERVICE_UNAVAILABLE, text)
        }
        (Ok(until), None) => {
            (StatusCode::OK, format!("ready; the revocation list is valid until {until}\n"))
        }
        (Err(refusal), _) => (StatusCode::SERVICE_UNAVAILABLE, format!("{refusal}\n")),
    }
}

/// `GET /metrics`: for Prometheus.
pub async fn metrics(State(app): State<App>) -> impl IntoResponse {
    let kind = [(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")];
    let end = app.site.certificate_not_after.load(Ordering::Relaxed);
    (kind, app.metrics.page(&app.repository, Some(Moment(end))).await)
}

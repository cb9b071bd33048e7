//! Health and metrics, on a loopback listener of its own that needs no certificate.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::get;

use crate::flow::Repository;
use crate::http::metrics::Metrics;

/// Answers on `listener` until `stopped` ends.
pub async fn serve(
    listener: tokio::net::TcpListener,
    told: Told,
    stopped: impl Future<Output = ()> + Send + 'static,
) {
    let serving = axum::serve(listener, router(told)).with_graceful_shutdown(stopped);
    if let Err(error) = serving.await {
        tracing::error!(%error, "health checks are no longer answered");
    }
}

/// What is told here: how the repository stands, and what happened at the edge.
pub type Told = (Arc<Repository>, Arc<Metrics>);

/// `/healthz`: the process answers. `/readyz`: hosts would be served. `/metrics`: for Prometheus.
pub fn router(told: Told) -> Router {
    Router::new()
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics))
        .with_state(told)
}

async fn ready(State((repository, _)): State<Told>) -> (StatusCode, String) {
    match repository.trust.current().gate(repository.now()) {
        Ok(until) => (StatusCode::OK, format!("ready; the revocation list stands until {until}\n")),
        Err(refusal) => (StatusCode::SERVICE_UNAVAILABLE, format!("{refusal}\n")),
    }
}

async fn metrics(State((repository, metrics)): State<Told>) -> impl IntoResponse {
    let kind = [(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")];
    (kind, metrics.page(&repository))
}

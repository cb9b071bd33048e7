//! Health, on a loopback listener of its own that needs no certificate.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;

use crate::flow::Repository;

/// Answers on `listener` until `stopped` ends.
pub async fn serve(
    listener: tokio::net::TcpListener,
    repository: Arc<Repository>,
    stopped: impl Future<Output = ()> + Send + 'static,
) {
    let serving = axum::serve(listener, router(repository)).with_graceful_shutdown(stopped);
    if let Err(error) = serving.await {
        tracing::error!(%error, "health checks are no longer answered");
    }
}

/// `/healthz`: the process answers. `/readyz`: hosts would be served.
pub fn router(repository: Arc<Repository>) -> Router {
    Router::new()
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(ready))
        .with_state(repository)
}

async fn ready(State(repository): State<Arc<Repository>>) -> (StatusCode, String) {
    match repository.trust.current().gate(repository.now()) {
        Ok(until) => (StatusCode::OK, format!("ready; the revocation list stands until {until}\n")),
        Err(refusal) => (StatusCode::SERVICE_UNAVAILABLE, format!("{refusal}\n")),
    }
}

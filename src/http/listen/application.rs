//! Application: what the listener needs to have requests answered.

use std::convert::Infallible;

use axum::body::Body;
use http::{Request, Response};
use tower::ServiceExt;

/// Answers requests. Each connection has a clone, so clones are cheap and share their state.
pub trait Application: Clone + Send + Sync + 'static {
    /// The answer to a request, which carries its [`Peer`](super::Peer) as an extension.
    fn answer(&self, request: Request<Body>) -> impl Future<Output = Response<Body>> + Send;
}

impl Application for axum::Router {
    async fn answer(&self, request: Request<Body>) -> Response<Body> {
        let answered: Result<_, Infallible> = self.clone().oneshot(request).await;
        let Ok(response) = answered;
        response
    }
}

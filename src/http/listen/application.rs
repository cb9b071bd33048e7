//! Application: what the listener needs to have requests answered.

use std::convert::Infallible;

use axum::body::Body;
use http::{Request, Response};
use tower::ServiceExt;

/// Answers requests. Each connection has a clone, so clones are cheap and share their state.
pub trait Application: Clone + Send + Sync + 'static {
    /// The answer to a request, which carries its [`Peer`](super::Peer) as an extension.
    fn answer(&self, request: Request<Body>) -> impl Future<Output = Response<Body>> + Send;

    /// Whether so many of such requests come, and so few of them have a line in the log, that none has a
    /// span: whoever writes a line of one makes it with [`RequestId::here`](super::RequestId::here).
    fn is_quiet(&self, _request: &Request<Body>) -> bool {
        false
    }
}

impl Application for axum::Router {
    async fn answer(&self, request: Request<Body>) -> Response<Body> {
        let answered: Result<_, Infallible> = self.clone().oneshot(request).await;
        let Ok(response) = answered;
        response
    }
}

//! apt's tree: everything that is not the API.

use axum::extract::{Request, State};
use axum::http::request::Parts;
use axum::http::{Method, header};
use axum::response::{IntoResponse, Response};

use crate::api::Code;
use crate::domain::Right;
use crate::domain::layout::RepoPath;
use crate::flow::serve::fetch;
use crate::http::admitted::Caller;
use crate::http::answer::Failure;
use crate::http::listen::{RequestId, clean_path};
use crate::http::{App, body};

/// The least right for the tree; which suites may be read is decided by path.
pub const READ: Right<'static> = Right::Introspect;

/// Serves `dists/` and `pool/` to those who may read them.
pub async fn serve(State(app): State<App>, request: Request) -> Response {
    respond(&app, &request.into_parts().0).await
}

/// The same, for a caller that has the state already.
pub async fn respond(app: &App, parts: &Parts) -> Response {
    match answer(app, parts).await {
        Ok(response) => response,
        Err(failure) => failure.into_response(),
    }
}

async fn answer(app: &App, parts: &Parts) -> Result<Response, Failure> {
    let caller = Caller::of(&parts.extensions, app)?;
    caller.admit(app, READ)?;
    if !matches!(parts.method, Method::GET | Method::HEAD) {
        let mut response =
            Failure::new(Code::MethodRefused, "the repository is read with GET and HEAD")
                .into_response();
        response.headers_mut().insert(header::ALLOW, header::HeaderValue::from_static("GET, HEAD"));
        return Ok(response);
    }
    let absent = || Failure::new(Code::Missing, "there is no such path for this host");
    let path = clean_path(parts.uri.path()).map_err(|_| absent())?;
    let path = RepoPath::parse(path.trim_start_matches('/')).ok_or_else(absent)?;
    let fetched = fetch::fetch(&app.repository, &caller.standing, path).await;
    let told = |error| RequestId::span_of(&parts.extensions).in_scope(|| Failure::from(error));
    let (fetched, ground) = fetched.map_err(told)?;
    let watch = body::Watch::new(&app.repository, &caller.peer, ground);
    let watch = watch.of(parts.extensions.get());
    Ok(body::respond(watch, &parts.method, &parts.headers, fetched))
}

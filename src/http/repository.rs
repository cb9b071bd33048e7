//! apt's tree: everything that is not the API.

use axum::extract::{Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, Uri, header};
use axum::response::{IntoResponse, Response};

use crate::api::Code;
use crate::domain::Right;
use crate::domain::layout::RepoPath;
use crate::flow::serve::fetch;
use crate::http::admitted::Caller;
use crate::http::answer::Failure;
use crate::http::listen::clean_path;
use crate::http::{App, body};

/// Serves `dists/` and `pool/` to those who may read them.
pub async fn serve(State(app): State<App>, request: Request) -> Response {
    respond(&app, &request.into_parts().0).await
}

/// The same, for who has the state at hand.
pub async fn respond(app: &App, parts: &Parts) -> Response {
    let caller = match Caller::of(&parts.extensions, app) {
        Ok(caller) => caller,
        Err(failure) => return failure.into_response(),
    };
    match answer(app, &caller, &parts.method, &parts.uri, &parts.headers).await {
        Ok(response) => response,
        Err(failure) => failure.into_response(),
    }
}

async fn answer(
    app: &App,
    caller: &Caller,
    method: &Method,
    uri: &Uri,
    headers: &HeaderMap,
) -> Result<Response, Failure> {
    caller.admit(app, Right::Introspect)?;
    if !matches!(*method, Method::GET | Method::HEAD) {
        let mut response =
            Failure::new(Code::MethodRefused, "the repository is read with GET and HEAD")
                .into_response();
        response.headers_mut().insert(header::ALLOW, header::HeaderValue::from_static("GET, HEAD"));
        return Ok(response);
    }
    let absent = || Failure::new(Code::Missing, "there is no such path for this host");
    let path = clean_path(uri.path()).map_err(|_| absent())?;
    let path = RepoPath::parse(path.trim_start_matches('/')).ok_or_else(absent)?;
    let (fetched, ground) = fetch::fetch(&app.repository, &caller.standing, path).await?;
    let watch = body::Watch::new(&app.repository, &caller.peer, ground);
    Ok(body::respond(watch, method, headers, fetched))
}

//! The gate: the requirements of a row of the table are checked before its handler runs and before
//! any body is read.

use axum::extract::{DefaultBodyLimit, FromRequestParts, RawPathParams, Request, State};
use axum::http::Extensions;
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::MethodRouter;

use crate::http::App;
use crate::http::admitted::Caller;
use crate::http::answer::Failure;
use crate::http::route::{Matched, Needs, Route};

/// The handler of a row, behind the checks of the row. Bodies are taken by
/// [`Sent`](crate::http::sent::Sent), which knows the limit of the row; nothing else may read any.
pub fn guarded(route: &'static Route, app: &App) -> MethodRouter<App> {
    route
        .handler()
        .route_layer(DefaultBodyLimit::max(0))
        .route_layer(from_fn_with_state((app.clone(), route), pass))
}

/// Lets a request through, with its [`Caller`], when it meets the requirements of its row.
async fn pass(
    State((app, route)): State<(App, &'static Route)>,
    request: Request,
    next: Next,
) -> Response {
    let (mut parts, body) = request.into_parts();
    let params = RawPathParams::from_request_parts(&mut parts, &()).await.ok();
    let named = params.iter().flatten().find(|(name, _)| *name == "suite");
    let matched = Matched::of(route, named.map_or("", |(_, suite)| suite));
    let mut response = match admit(&app, route.needs, &parts.extensions) {
        Err(failure) => failure.into_response(),
        // The handler checks what replaces a certificate (a token), and reads the body then.
        Ok(caller) => {
            parts.extensions.insert(route.limit);
            caller.map(|caller| parts.extensions.insert(caller));
            next.run(Request::from_parts(parts, body)).await
        }
    };
    response.extensions_mut().insert(matched);
    response
}

/// The caller, if it meets `needs`; `None` where nothing is needed.
///
/// # Errors
/// [`Failure`] with the reason.
pub fn admit(app: &App, needs: Needs, extensions: &Extensions) -> Result<Option<Caller>, Failure> {
    let (caller, right) = match needs {
        Needs::Nothing => return Ok(None),
        Needs::Certificate => return Caller::of(extensions, app).map(Some),
        Needs::Right(right) => (Caller::of(extensions, app)?, right),
        Needs::RightWithStaleLists(right) => (Caller::with_stale_lists(extensions, app)?, right),
    };
    caller.admit(app, right)?;
    Ok(Some(caller))
}

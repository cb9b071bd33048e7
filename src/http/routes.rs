//! The routers, made from the table of routes, and the application that the listener calls.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::body::Body;
use axum::http::request::Parts;
use axum::http::{Request, Response};
use axum::response::IntoResponse;
use axum::{Extension, Router};

use crate::http::admitted;
use crate::http::answer::{Refused, Told};
use crate::http::handover::Handover;
use crate::http::listen::Application;
use crate::http::openapi::Document;
use crate::http::refused::Asked;
use crate::http::route::Matched;
use crate::http::{App, advice, gate, refused, repository, table};

/// The whole tree: apt's at the root, the API below `/api/v1`.
pub fn router(app: App) -> Router {
    let api = table::api()
        .fold(Router::new(), |router, route| router.route(route.path, gate::guarded(route, &app)));
    let api = api
        .fallback(admitted::no_route)
        .method_not_allowed_fallback(admitted::no_method)
        .layer(Extension(Document::of(table::api())));
    let files = table::FILES
        .iter()
        .fold(Router::new(), |router, route| router.route(route.path, gate::guarded(route, &app)));
    files
        .nest(crate::api::BASE, api)
        .fallback(repository::serve)
        .method_not_allowed_fallback(repository::serve)
        .with_state(app)
}

/// The router of the local listener.
pub fn local_router(app: App) -> Router {
    let routes = table::LOCAL
        .iter()
        .fold(Router::new(), |router, route| router.route(route.path, gate::guarded(route, &app)));
    routes.with_state(app)
}

/// All routes, as the application of the listener.
#[derive(Clone)]
pub struct Tree {
    app: App,
    router: Router,
    handover: Arc<Handover>,
}

impl Tree {
    /// The tree of [`router`].
    pub fn new(app: App) -> Self {
        let handover = Arc::new(Handover::from(BTreeSet::new()));
        Self { router: router(app.clone()), app, handover }
    }

    /// The same, with trusted proxies.
    pub fn behind(self, handover: Handover) -> Self {
        Self { handover: Arc::new(handover), ..self }
    }
}

impl Tree {
    /// The answer that the router would give for a row of [`table::FILES`].
    async fn answer_file(&self, parts: &Parts) -> Response<Body> {
        let mut response = repository::respond(&self.app, parts).await;
        let asked = Asked::parts(&parts.method, &parts.uri, &parts.extensions);
        if asked.reads() && response.extensions().get::<Refused>().is_some() {
            let matched = table::match_file(parts.uri.path());
            let matched = matched.map(|(route, suite)| Matched::of(route, suite));
            matched.map(|matched| response.extensions_mut().insert(matched));
        }
        let refusal = refused::refusal(&self.app, asked, &response);
        refused::note(&self.app, refusal).await;
        if response.extensions().get::<Told>().is_none() {
            return response;
        }
        let request = advice::Request::of(&parts.method, &parts.uri, &parts.headers);
        request.advise(&self.app.site.public_url, response)
    }
}

impl Application for Tree {
    /// Files, which every host asks for all the time, bypass the table of routes for speed; the
    /// router would answer the same.
    async fn answer(&self, mut request: Request<Body>) -> Response<Body> {
        self.app.metrics.count_request();
        if let Err(failure) = self.handover.receive(&self.app, &mut request) {
            let (parts, response) = (request.into_parts().0, failure.into_response());
            let asked = Asked::parts(&parts.method, &parts.uri, &parts.extensions);
            let refusal = refused::handover(&self.app, asked, &response);
            refused::note(&self.app, refusal).await;
            return response;
        }
        if table::match_file(request.uri().path()).is_some() {
            return self.answer_file(&request.into_parts().0).await;
        }
        let (method, uri) = (request.method().clone(), request.uri().clone());
        let advised = advice::Request::of(&method, &uri, request.headers());
        let extensions = request.extensions().clone();
        let response = self.router.answer(request).await;
        let asked = Asked::parts(&method, &uri, &extensions);
        let refusal = refused::refusal(&self.app, asked, &response);
        refused::note(&self.app, refusal).await;
        advised.advise(&self.app.site.public_url, response)
    }
}

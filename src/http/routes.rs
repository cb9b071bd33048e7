//! The routers, made from the table of routes, and the application that the listener calls.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Instant;

use axum::body::Body;
use axum::http::request::Parts;
use axum::http::{Method, Request, Response};
use axum::response::IntoResponse;
use axum::{Extension, Router};
use tracing::Instrument;

use crate::domain::Event;
use crate::http::admitted;
use crate::http::answer::{Refused, Told};
use crate::http::handover::Handover;
use crate::http::listen::{Application, RequestId};
use crate::http::metrics::Kind;
use crate::http::openapi::Document;
use crate::http::refused::Asked;
use crate::http::route::Matched;
use crate::http::{App, advice, answer, gate, refused, repository, table, told};

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
    /// Files, which every host asks for all the time, bypass the table of routes for speed; the
    /// router would answer the same.
    async fn answer_any(&self, mut request: Request<Body>) -> Response<Body> {
        if let Err(failure) = self.handover.receive(&self.app, &mut request) {
            let (parts, response) = (request.into_parts().0, failure.into_response());
            let asked = Asked::parts(&parts.method, &parts.uri, &parts.extensions);
            let refusal = refused::handover(&self.app, asked, &response);
            let advised = || advice::Request::of(&parts.method, &parts.uri, &parts.headers);
            return self.noted(asked, response, refusal, advised).await;
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
        self.noted(asked, response, refusal, || advised).await
    }

    /// The answer that the router would give for a row of [`table::FILES`].
    async fn answer_file(&self, parts: &Parts) -> Response<Body> {
        let mut response = repository::respond(&self.app, parts).await;
        let asked = Asked::parts(&parts.method, &parts.uri, &parts.extensions);
        if asked.reads() && response.extensions().get::<Refused>().is_some() {
            let matched = table::match_file(parts.uri.path());
            let matched = matched.map(|(route, suite)| Matched::of(route, suite));
            matched.map(|matched| response.extensions_mut().insert(matched));
        }
        self.app.metrics.hosts.note(response.status(), || asked.identity(&self.app));
        let refusal = refused::refusal(&self.app, asked, &response);
        let advised = || advice::Request::of(&parts.method, &parts.uri, &parts.headers);
        self.noted(asked, response, refusal, advised).await
    }

    /// The response with advice, once what it refuses is in the logs.
    async fn noted(
        &self,
        asked: Asked<'_>,
        response: Response<Body>,
        refusal: Option<Event>,
        advised: impl FnOnce() -> advice::Request,
    ) -> Response<Body> {
        if response.extensions().get::<Refused>().is_some() {
            let span = asked.span();
            span.in_scope(|| told::write(&self.app, asked, &response, refusal.as_ref()));
            refused::note(&self.app, refusal).instrument(span).await;
        }
        match response.extensions().get::<Told>() {
            Some(_) => advised().advise(&self.app.site.public_url, response),
            None => response,
        }
    }
}

impl Application for Tree {
    async fn answer(&self, request: Request<Body>) -> Response<Body> {
        let begun = Instant::now();
        self.app.metrics.count_request();
        let id = request.extensions().get::<RequestId>().cloned();
        let kind = match request.uri().path().starts_with(crate::api::BASE) {
            true => Kind::Api,
            false => Kind::Files,
        };
        let mut response = self.answer_any(request).await;
        id.iter().for_each(|id| answer::identify(&mut response, id.as_str()));
        self.app.metrics.answers.note(kind, response.status(), begun.elapsed());
        response
    }
    /// Files, which are nearly always served without a word.
    fn is_quiet(&self, request: &Request<Body>) -> bool {
        let reads = matches!(*request.method(), Method::GET | Method::HEAD);
        reads && table::match_file(request.uri().path()).is_some()
    }
}

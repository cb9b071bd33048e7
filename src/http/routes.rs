//! Every route, in one table.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::AtomicI64;

use axum::Router;
use axum::body::Body;
use axum::extract::DefaultBodyLimit;
use axum::http::{Request, Response};
use axum::response::IntoResponse;
use axum::routing::{get, post, put};

use crate::flow::Repository;
use crate::http::handover::Handover;
use crate::http::listen::Application;
use crate::http::metrics::Metrics;
use crate::http::refused::Asked;
use crate::http::{
    access, answer, audit, changes, crl, enrol, keys, refused, reports, repository, rights, setup,
    suites, uploads,
};

/// What every handler can reach.
#[derive(Clone)]
pub struct App {
    /// The flows.
    pub repository: Arc<Repository>,
    /// What hosts are told of this server.
    pub site: Arc<Site>,
    /// What happened so far, in numbers.
    pub metrics: Arc<Metrics>,
}

/// How this server is reached and recognised.
#[derive(Clone, Debug)]
pub struct Site {
    /// Where hosts find it: `https://repo.example.org:8443/`.
    pub public_url: String,
    /// The host part of it.
    pub host: String,
    /// What hosts recognise the server by, PEM, where it is not the embedded CA.
    pub server_ca: Option<String>,
    /// When the server's own certificate ends. Unit: seconds since 1970.
    pub certificate_not_after: Arc<AtomicI64>,
}

/// JSON bodies are small; packages come as streams. Unit: bytes.
const JSON_BYTES: usize = 16 << 20;

/// The whole tree: apt's at the root, the API below `/api/v1`.
pub fn router(app: App) -> Router {
    let api = Router::new()
        .route("/whoami", get(reports::whoami))
        .route("/status", get(reports::status))
        .route("/packages", get(reports::search))
        .route("/pins", get(reports::all_pins))
        .route("/suites", get(suites::list).post(suites::create))
        .route("/suites/{suite}", get(suites::show).patch(suites::edit).delete(suites::remove))
        .route("/suites/{suite}/changes", post(changes::change))
        .route("/suites/{suite}/generations", get(reports::history))
        .route("/suites/{suite}/diff", get(reports::diff))
        .route("/suites/{suite}/packages", get(reports::packages))
        .route("/suites/{suite}/pins", get(reports::pins))
        .route("/suites/{suite}/{component}/{file}", put(uploads::package))
        .route("/blobs", post(uploads::blobs))
        .route("/blobs/{digest}", put(uploads::blob))
        .route("/blobs/missing", post(uploads::missing))
        .route("/crl", crl::route())
        .route("/keys", keys::route())
        .route("/keys/{fingerprint}/retire", keys::retire_route())
        .route("/suites/{suite}/client-package", keys::package_route())
        .route("/access", get(rights::list).post(rights::edit))
        .route("/access/explain", get(rights::explain))
        .route("/hosts/{name}", put(access::grant_host))
        .route("/identities/{name}", put(access::grant_identity))
        .route("/audit", get(audit::list))
        .route("/audit/checkpoints", get(audit::checkpoints).post(audit::seal))
        .route("/audit/verify", get(audit::verify))
        .route("/hosts", get(access::hosts).post(access::issue_host))
        .route("/hosts/{name}/revoke", post(access::revoke_host))
        .route("/hosts/{name}/setup", get(setup::setup))
        .route("/enroll", enrol::route())
        .route("/renew", post(enrol::renew))
        .route("/tokens", get(enrol::tokens).post(enrol::make_token))
        .route("/tokens/{name}/revoke", post(enrol::revoke_token))
        .route("/identities", get(access::identities).post(access::issue_identity))
        .route("/identities/{name}/revoke", post(access::revoke_identity))
        .fallback(answer::no_route)
        .method_not_allowed_fallback(answer::no_method);
    Router::new()
        .nest(crate::api::BASE, api)
        .fallback(repository::serve)
        .layer(DefaultBodyLimit::max(JSON_BYTES))
        .with_state(app)
}

/// All that is served, as the listener takes it.
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

    /// The same, with proxies that are believed.
    pub fn behind(self, handover: Handover) -> Self {
        Self { handover: Arc::new(handover), ..self }
    }
}

impl Application for Tree {
    /// What every host asks for all the time does not go through the table of routes, where it would
    /// come to the same place.
    async fn answer(&self, mut request: Request<Body>) -> Response<Body> {
        self.app.metrics.asked();
        if let Err(failure) = self.handover.receive(&self.app, &mut request) {
            let (parts, response) = (request.into_parts().0, failure.into_response());
            let asked = Asked::parts(&parts.method, &parts.uri, &parts.extensions);
            let refusal = refused::handover(&self.app, asked, &response);
            refused::note(&self.app, refusal).await;
            return response;
        }
        let path = request.uri().path();
        if path.starts_with("/dists/") || path.starts_with("/pool/") {
            let parts = request.into_parts().0;
            let response = repository::respond(&self.app, &parts).await;
            let asked = Asked::parts(&parts.method, &parts.uri, &parts.extensions);
            let refusal = refused::refusal(&self.app, asked, &response);
            refused::note(&self.app, refusal).await;
            return response;
        }
        let (method, uri) = (request.method().clone(), request.uri().clone());
        let extensions = request.extensions().clone();
        let response = self.router.answer(request).await;
        let asked = Asked::parts(&method, &uri, &extensions);
        let refusal = refused::refusal(&self.app, asked, &response);
        refused::note(&self.app, refusal).await;
        response
    }
}

//! Refused: refusals are noted for the audit log, with the identity of the caller, as far as a
//! certificate proves it.

use std::net::IpAddr;

use axum::extract::Query;
use axum::http::{Extensions, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use tracing::Span;

use crate::api::{BlobOutcome, Change, ChangeRequest, Code, MessageQuery, Promote, WhichRollout};
use crate::debian::PackageName;
use crate::domain::promotion::FROM;
use crate::domain::{Actor, Admitted, Event};
use crate::flow::audit::refusals;
use crate::http::App;
use crate::http::answer::{Failure, Refused};
use crate::http::listen::{Peer, RequestId};
use crate::http::route::{Matched, OTHER, READ};
use crate::trust;

/// The change that a refused request asked for, because method and path do not say it; an extension
/// of the response.
#[derive(Clone, Debug)]
pub struct AttemptedChange {
    verb: &'static str,
    detail: String,
    message: String,
}

impl AttemptedChange {
    /// The change in a request.
    pub fn of(request: &ChangeRequest) -> Self {
        let some = |packages: &[PackageName]| match packages {
            [] => "everything".to_owned(),
            [one] => one.to_string(),
            [first, rest @ ..] => format!("{first} and {} more", rest.len()),
        };
        let (verb, detail) = match &request.change {
            Change::Add { items } => ("add", format!("packages: {}", items.len())),
            Change::Promote(Promote { from, packages, .. }) => {
                let names: Vec<_> = packages.iter().map(|item| item.package.clone()).collect();
                ("promote", format!("{FROM}{from}: {}", some(&names)))
            }
            Change::Pin { package, version, .. } => ("pin", format!("{package}={version}")),
            Change::Rollback { packages, to, .. } => {
                let to = to.map(|to| format!(" to generation {to}")).unwrap_or_default();
                ("rollback", format!("{}{to}", some(packages)))
            }
            Change::Unpin { packages, .. } => ("unpin", some(packages)),
            Change::Remove { packages, .. } => ("remove", some(packages)),
            Change::Start { of, .. } => ("start", rollout(of)),
            Change::Advance { of, .. } => ("advance", rollout(of)),
            Change::Pause { of } => ("pause", rollout(of)),
            Change::Resume { of } => ("resume", rollout(of)),
            Change::Abort { of } => ("abort", rollout(of)),
            Change::Hold {} => ("hold", String::new()),
            Change::Release {} => ("release", String::new()),
        };
        Self { verb, detail, message: request.message.clone() }
    }

    /// The refusal of a change, with the change. A dry run that the caller had the right to make is
    /// not noted as refused.
    pub fn refuse(self, failure: Failure, dry_run: bool) -> Response {
        let mut response = failure.into_response();
        if dry_run && response.status() != StatusCode::FORBIDDEN {
            response.extensions_mut().remove::<Refused>();
        }
        response.extensions_mut().insert(self);
        response
    }
}

/// Which rollout is named, for the log.
fn rollout(of: &WhichRollout) -> String {
    let number = of.rollout.map(|number| format!("rollout {number}"));
    number.or_else(|| of.package.as_ref().map(ToString::to_string)).unwrap_or_default()
}

/// A request, for its line in the log.
#[derive(Clone, Copy)]
pub struct Asked<'r> {
    method: &'r Method,
    uri: &'r Uri,
    extensions: &'r Extensions,
}

impl<'r> Asked<'r> {
    /// The parts of a request.
    pub fn parts(method: &'r Method, uri: &'r Uri, extensions: &'r Extensions) -> Self {
        Self { method, uri, extensions }
    }

    /// Whether it changes nothing.
    pub fn reads(&self) -> bool {
        matches!(*self.method, Method::GET | Method::HEAD)
    }

    /// Its method.
    pub fn method(&self) -> &'r str {
        self.method.as_str()
    }

    /// Its path.
    pub fn path(&self) -> &'r str {
        self.uri.path()
    }

    /// The span of its lines.
    pub fn span(&self) -> Span {
        RequestId::span_of(self.extensions)
    }

    /// From where it came.
    pub fn address(&self) -> Option<IpAddr> {
        self.extensions.get::<Peer>().map(|peer| peer.addr.ip())
    }

    /// Who asked, as far as a certificate proves it, good or not.
    pub fn identity(&self, app: &App) -> Option<String> {
        proven(app, self.extensions).map(|actor| actor.identity)
    }

    /// The reason in the query; requests that only read have none.
    fn message(&self) -> String {
        let query = Query::<MessageQuery>::try_from_uri(self.uri).ok();
        let said = query.filter(|_| !self.reads()).map(|Query(query)| query.message);
        said.unwrap_or_default()
    }
}

/// Notes what was refused, if anything was.
pub async fn note(app: &App, refusal: Option<Event>) {
    if refusal.is_some() {
        refusals::note(&app.repository, refusal).await;
    }
}

/// The refusal, if the response is one. A request that only reads is noted when it is forbidden,
/// and not when its object is missing.
pub fn refusal(app: &App, request: Asked<'_>, response: &Response) -> Option<Event> {
    let (method, path) = (request.method, request.uri.path());
    let (status, reads) = (response.status(), request.reads());
    let passing = matches!(status, StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS);
    let counts = status == StatusCode::FORBIDDEN
        || (!reads && status.is_client_error() && !passing)
        || status == StatusCode::INSUFFICIENT_STORAGE;
    let refused = response.extensions().get::<Refused>().filter(|_| counts)?;
    let matched = response.extensions().get::<Matched>();
    let (verb, suite) = match matched {
        Some(matched) => (matched.verb, matched.suite.as_str()),
        // Without a row, verb and suite would be the caller's invention.
        None if reads => (READ, ""),
        None => (OTHER, ""),
    };
    let attempted = response.extensions().get::<AttemptedChange>();
    let what =
        attempted.map_or_else(|| format!("{method} {path}"), |attempted| attempted.detail.clone());
    let actor = actor(app, request.extensions, &refused.code);
    let event = Event::done(
        actor,
        attempted.map_or(verb, |attempted| attempted.verb),
        app.repository.now(),
    );
    let from = if verb == ENROL { origin(request.extensions) } else { String::new() };
    let event = event.within(suite).with(&format!("{what}{from}: {}", refused.detail));
    let message =
        attempted.map(|attempted| attempted.message.clone()).filter(|text| !text.is_empty());
    let event = event.because(&message.unwrap_or_else(|| request.message()));
    Some(Event { outcome: refused.code.clone(), ..event })
}

/// The refusal of a client certificate in a header that came from no named proxy, or that cannot be
/// read. A 429 was answered before this.
pub fn handover(app: &App, request: Asked<'_>, response: &Response) -> Option<Event> {
    let is_one = response.status() == StatusCode::BAD_REQUEST;
    let refused = response.extensions().get::<Refused>().filter(|_| is_one)?;
    let actor = actor(app, request.extensions, &refused.code);
    let event = Event::done(actor, "handover", app.repository.now());
    let what = format!("{} {}: {}", request.method, request.uri.path(), refused.detail);
    Some(Event { outcome: refused.code.clone(), ..event.with(&what) })
}

/// The verb of an enrolment: whoever asks for it has no name yet, so the line has the address.
const ENROL: &str = "enrol";

/// From where a request came.
fn origin(extensions: &Extensions) -> String {
    let peer = extensions.get::<Peer>();
    peer.map(|peer| format!(" from {}", peer.addr.ip().to_canonical())).unwrap_or_default()
}

/// Notes the packages of a batch that were refused, the first of each code by name.
pub async fn note_batch(app: &App, admitted: &Admitted, blobs: &[BlobOutcome]) {
    let refused = blobs.iter().filter_map(|blob| {
        let problem = blob.problem.as_ref().filter(|one| one.status < 500)?;
        let event = admitted.did("send", app.repository.now());
        let event = event.with(&format!("{}: {}", blob.digest, problem.detail));
        Some(Event { outcome: problem.code.clone(), ..event })
    });
    refusals::note(&app.repository, refused.collect::<Vec<_>>()).await;
}

/// The refused client. When the server refuses all clients, none is named.
fn actor(app: &App, extensions: &Extensions, code: &str) -> Actor {
    let named = proven(app, extensions).filter(|_| code != Code::TrustStale.as_str());
    named.unwrap_or_default()
}

/// Who a certificate of this server's CAs names, good or not.
fn proven(app: &App, extensions: &Extensions) -> Option<Actor> {
    let peer = extensions.get::<Peer>()?.slot.find::<trust::Peer>()?;
    let (identity, serial) = peer.proven(&app.repository.trust, app.repository.now())?;
    Some(Actor { identity: identity.to_string(), serial: serial.to_string() })
}

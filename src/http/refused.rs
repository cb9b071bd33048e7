//! Refused: what was answered with no is noted for the audit log, with who asked, as far as a certificate
//! proves it.

use axum::extract::Query;
use axum::http::{Extensions, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};

use crate::api::{BlobOutcome, Change, ChangeRequest, Code, MessageQuery};
use crate::debian::PackageName;
use crate::domain::{Actor, Admitted, Event};
use crate::flow::audit::refusals;
use crate::http::App;
use crate::http::answer::{Failure, Refused};
use crate::http::listen::Peer;
use crate::http::route::{Matched, OTHER, READ};
use crate::trust;

/// What was asked, where that is not plain from method and path; an extension of the response.
#[derive(Clone, Debug)]
pub struct Told {
    verb: &'static str,
    detail: String,
    message: String,
}

impl Told {
    /// A change as it was asked for.
    pub fn of_change(request: &ChangeRequest) -> Self {
        let some = |packages: &[PackageName]| match packages {
            [] => "everything".to_owned(),
            [one] => one.to_string(),
            [first, rest @ ..] => format!("{first} and {} more", rest.len()),
        };
        let (verb, detail) = match &request.change {
            Change::Add { items } => ("add", format!("packages: {}", items.len())),
            Change::Pin { package, version, .. } => ("pin", format!("{package}={version}")),
            Change::Rollback { packages, to, .. } => {
                let to = to.map(|to| format!(" to generation {to}")).unwrap_or_default();
                ("rollback", format!("{}{to}", some(packages)))
            }
            Change::Unpin { packages, .. } => ("unpin", some(packages)),
            Change::Remove { packages, .. } => ("remove", some(packages)),
        };
        Self { verb, detail, message: request.message.clone() }
    }

    /// The refusal of a change, which tells what was asked. One that was only tried out, and that the asker
    /// had the right to, is none.
    pub fn refuse(self, failure: Failure, dry_run: bool) -> Response {
        let mut response = failure.into_response();
        if dry_run && response.status() != StatusCode::FORBIDDEN {
            response.extensions_mut().remove::<Refused>();
        }
        response.extensions_mut().insert(self);
        response
    }
}

/// A request as the log tells of it.
#[derive(Clone, Copy)]
pub struct Asked<'r> {
    method: &'r Method,
    uri: &'r Uri,
    extensions: &'r Extensions,
}

impl<'r> Asked<'r> {
    /// What a request asks.
    pub fn parts(method: &'r Method, uri: &'r Uri, extensions: &'r Extensions) -> Self {
        Self { method, uri, extensions }
    }

    /// Whether it alters nothing.
    pub fn reads(&self) -> bool {
        matches!(*self.method, Method::GET | Method::HEAD)
    }

    /// Why, as the query says; whoever reads gives no reasons.
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

/// The refusal, if that is what the response is. Whoever only reads is noted when it may not, not when
/// there is nothing.
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
        // No row: neither is the asker's to invent.
        None if reads => (READ, ""),
        None => (OTHER, ""),
    };
    let told = response.extensions().get::<Told>();
    let what = told.map_or_else(|| format!("{method} {path}"), |told| told.detail.clone());
    let actor = actor(app, request.extensions, &refused.code);
    let event = Event::done(actor, told.map_or(verb, |told| told.verb), app.repository.now());
    let event = event.within(suite).with(&format!("{what}: {}", refused.detail));
    let message = told.map(|told| told.message.clone()).filter(|text| !text.is_empty());
    let event = event.because(&message.unwrap_or_else(|| request.message()));
    Some(Event { outcome: refused.code.clone(), ..event })
}

/// The refusal of a certificate that was handed over by who may not, or that cannot be read. Who only has
/// to wait was refused before.
pub fn handover(app: &App, request: Asked<'_>, response: &Response) -> Option<Event> {
    let is_one = response.status() == StatusCode::BAD_REQUEST;
    let refused = response.extensions().get::<Refused>().filter(|_| is_one)?;
    let actor = actor(app, request.extensions, &refused.code);
    let event = Event::done(actor, "handover", app.repository.now());
    let what = format!("{} {}: {}", request.method, request.uri.path(), refused.detail);
    Some(Event { outcome: refused.code.clone(), ..event.with(&what) })
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

/// Who is refused. When the server refuses everybody, nobody is named.
fn actor(app: &App, extensions: &Extensions, code: &str) -> Actor {
    let peer = extensions.get::<Peer>().and_then(|peer| peer.slot.find::<trust::Peer>());
    let named = peer.and_then(|peer| peer.proven(&app.repository.trust, app.repository.now()));
    match named {
        Some((identity, serial)) if code != Code::TrustStale.as_str() => {
            Actor { identity: identity.to_string(), serial: serial.to_string() }
        }
        _ => Actor::default(),
    }
}

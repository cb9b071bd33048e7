//! Refused: what was answered with no is noted for the audit log, with who asked, as far as a certificate
//! proves it.

use axum::http::{Extensions, Method, StatusCode};
use axum::response::{IntoResponse, Response};

use crate::api::{BASE, BlobOutcome, Change, ChangeRequest, Code};
use crate::debian::{PackageName, SuiteName};
use crate::domain::{Actor, Admitted, Event};
use crate::flow::refusals;
use crate::http::App;
use crate::http::answer::Failure;
use crate::http::listen::Peer;
use crate::trust;

/// Why a request was refused; an extension of the response.
#[derive(Clone, Debug)]
pub struct Refused {
    /// The code of the problem.
    pub code: String,
    /// Its sentence.
    pub detail: String,
}

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

/// Notes a refusal, if that is what the response is. Whoever only reads is noted when it may not, not when
/// there is nothing.
pub fn note(app: &App, method: &Method, path: &str, extensions: &Extensions, response: &Response) {
    let status = response.status();
    let reads = matches!(*method, Method::GET | Method::HEAD);
    let passing = matches!(status, StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS);
    let counts = status == StatusCode::FORBIDDEN
        || (!reads && status.is_client_error() && !passing)
        || status == StatusCode::INSUFFICIENT_STORAGE;
    let Some(refused) = response.extensions().get::<Refused>().filter(|_| counts) else { return };
    let (verb, suite) = asked(method, path);
    let told = response.extensions().get::<Told>();
    let what = told.map_or_else(|| format!("{method} {path}"), |told| told.detail.clone());
    let actor = actor(app, extensions, &refused.code);
    let event = Event::done(actor, told.map_or(verb, |told| told.verb), app.repository.now());
    let event = event.within(suite).with(&format!("{what}: {}", refused.detail));
    let event = event.because(told.map_or("", |told| &told.message));
    refusals::note(&app.repository, Event { outcome: refused.code.clone(), ..event });
}

/// Notes the packages of a batch that were refused, the first of each code by name.
pub fn note_batch(app: &App, admitted: &Admitted, blobs: &[BlobOutcome]) {
    for blob in blobs {
        let Some(problem) = blob.problem.as_ref().filter(|one| one.status < 500) else { continue };
        let event = Event::done(admitted.actor(), "send", app.repository.now());
        let event = event.with(&format!("{}: {}", blob.digest, problem.detail));
        refusals::note(&app.repository, Event { outcome: problem.code.clone(), ..event });
    }
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

/// The verb of the log and the suite, of few: neither is the asker's to invent.
fn asked<'p>(method: &Method, path: &'p str) -> (&'static str, &'p str) {
    let api = path.strip_prefix(BASE).map(|rest| rest.trim_start_matches('/'));
    let parts: Vec<_> = api.unwrap_or(path.trim_start_matches('/')).splitn(5, '/').collect();
    let suite = |name: &'p str| if SuiteName::parse(name).is_ok() { name } else { "" };
    let (verb, name) = match (method.as_str(), api.is_some(), parts.as_slice()) {
        ("GET" | "HEAD", false, ["dists", name, ..]) => ("read", *name),
        ("GET" | "HEAD", true, ["suites", name, ..]) => ("read", *name),
        ("GET" | "HEAD", ..) => ("read", ""),
        ("PUT", true, ["suites", name, _, _]) => ("add", *name),
        ("POST", true, ["suites", name, "changes"]) => ("change", *name),
        ("POST", true, ["suites"]) => ("suite-create", ""),
        ("PATCH", true, ["suites", name]) => ("suite-edit", *name),
        ("DELETE", true, ["suites", name]) => ("suite-remove", *name),
        ("PUT" | "POST", true, ["blobs", ..]) => ("send", ""),
        ("POST", true, ["hosts" | "identities"]) => ("certificate-issue", ""),
        ("POST", true, ["hosts" | "identities", _, "revoke"]) => ("revoke", ""),
        _ => ("other", ""),
    };
    (verb, suite(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_tell_what_was_asked() {
        let cases = [
            ("GET", "/dists/stable/InRelease", ("read", "stable")),
            ("GET", "/dists/%2e%2e/InRelease", ("read", "")),
            ("HEAD", "/pool/main/a/x.deb", ("read", "")),
            ("GET", "/api/v1/suites/edge/pins", ("read", "edge")),
            ("PUT", "/api/v1/suites/stable/main/x.deb", ("add", "stable")),
            ("POST", "/api/v1/suites/stable/changes", ("change", "stable")),
            ("POST", "/api/v1/hosts", ("certificate-issue", "")),
            ("POST", "/api/v1/hosts/web/revoke", ("revoke", "")),
            ("PUT", "/api/v1/blobs/00", ("send", "")),
            ("DELETE", "/api/v1/suites/stable", ("suite-remove", "stable")),
            ("BREW", "/coffee", ("other", "")),
        ];
        for (method, path, told) in cases {
            let method = Method::from_bytes(method.as_bytes()).unwrap();
            assert_eq!(asked(&method, path), told, "{method} {path}");
        }
    }
}

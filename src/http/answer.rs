//! Answers: the one map from errors to statuses. The reason is in the status line, because apt
//! shows nothing else.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use hyper::ext::ReasonPhrase;

use crate::api::{Code, PROBLEM_JSON, Problem, Reason};
use crate::domain::ConflictKind;
use crate::flow::FlowError;
use crate::http::json::json_response;
use crate::trust::Refusal;

/// apt cuts a reason at 358 bytes and prints only ASCII.
const LONGEST_REASON_BYTES: usize = 300;

/// Why a request was refused; an extension of the response.
#[derive(Clone, Debug)]
pub struct Refused {
    /// The code of the problem.
    pub code: String,
    /// Its sentence.
    pub detail: String,
}

/// The problem in the body of a response, to which advice may be added; an extension of the response.
#[derive(Clone, Debug)]
pub struct Told(pub Box<Problem>);

/// An error, as it is answered.
#[derive(Debug)]
pub struct Failure(pub Box<Problem>);

impl Failure {
    /// A failure that comes from no flow.
    pub fn new(code: Code, detail: impl Into<String>) -> Self {
        Self(Box::new(Problem::new(code, detail)))
    }

    /// A field of the request is wrong.
    pub fn invalid(field: &str, problem: impl ToString) -> Self {
        let reason = Reason::of(field, problem.to_string());
        let detail = format!("{field}: {}", reason.problem);
        Self(Box::new(Problem::new(Code::InvalidRequest, detail).with_reasons(vec![reason])))
    }
}

impl From<FlowError> for Failure {
    fn from(error: FlowError) -> Self {
        Self(Box::new(problem(error)))
    }
}

/// The problem that is answered for an error; an error of the server is logged.
pub fn problem(error: FlowError) -> Problem {
    if matches!(
        error,
        FlowError::Internal(_)
            | FlowError::Damaged(..)
            | FlowError::Unknown(_)
            | FlowError::Stopped(_)
    ) {
        tracing::error!(%error, "a request failed");
    }
    let problem = Problem::new(code(&error), error.to_string());
    problem.with_reasons(reasons(error))
}

fn code(error: &FlowError) -> Code {
    match error {
        FlowError::Refused(refusal) => refusal_code(refusal),
        FlowError::Denied(_) | FlowError::DeniedPackages(_) => Code::Denied,
        FlowError::Token(_) => Code::TokenRefused,
        FlowError::Missing(_) => Code::Missing,
        FlowError::Withdrawn(_) => Code::Withdrawn,
        FlowError::Conflict(conflict) => match conflict.kind {
            ConflictKind::Version => Code::VersionConflict,
            ConflictKind::Exists => Code::Exists,
            ConflictKind::AliasInUse => Code::AliasInUse,
            ConflictKind::NotEmpty => Code::NotEmpty,
            ConflictKind::NotInstallable => Code::NotInstallable,
            ConflictKind::Other => Code::ChangeRefused,
        },
        FlowError::Expectation { .. } => Code::GenerationMoved,
        FlowError::Rejection(_) => Code::Rejected,
        FlowError::Invalid { .. } => Code::InvalidRequest,
        FlowError::TooLarge { .. } => Code::TooLarge,
        FlowError::Mismatch { .. } => Code::DigestMismatch,
        FlowError::Cut { .. } => Code::Timeout,
        FlowError::Full(_) => Code::OutOfSpace,
        FlowError::ClockBehind(_) => Code::ClockBehind,
        FlowError::Unavailable(_) => Code::Busy,
        FlowError::Unknown(_) => Code::OutcomeUnknown,
        FlowError::Stopped(_) => Code::WritingStopped,
        FlowError::Internal(_) | FlowError::Damaged(..) => Code::Internal,
    }
}

fn refusal_code(refusal: &Refusal) -> Code {
    match refusal {
        Refusal::NoCertificate => Code::CertificateMissing,
        Refusal::Revoked { .. } | Refusal::IssuerRevoked { .. } => Code::CertificateRevoked,
        Refusal::Expired { .. } => Code::CertificateExpired,
        Refusal::CrlStale { .. } | Refusal::CrlMissing | Refusal::CrlRefused(_) => Code::TrustStale,
        Refusal::ClockBehind | Refusal::CaExpired { .. } => Code::TrustStale,
        Refusal::Malformed(_)
        | Refusal::UnknownIssuer
        | Refusal::IssuerUncovered
        | Refusal::NotYetValid { .. }
        | Refusal::NotForClients
        | Refusal::NoIdentity(_)
        | Refusal::WeakKey(_) => Code::CertificateRefused,
    }
}

fn reasons(error: FlowError) -> Vec<Reason> {
    match error {
        FlowError::Rejection(reasons) => {
            let reason = |(field, problem)| Reason { field, problem, ..Reason::default() };
            reasons.into_iter().map(reason).collect()
        }
        FlowError::Conflict(conflict) => {
            let reason = |r: crate::domain::ConflictReason| Reason {
                digest: r.package,
                against: r.against,
                ..Reason::of(&r.subject, r.problem)
            };
            conflict.reasons.into_iter().map(reason).collect()
        }
        FlowError::Invalid { field, problem } => {
            vec![Reason::of(field, problem)]
        }
        FlowError::DeniedPackages(denied) => {
            let reason = |(digest, denied): (_, crate::domain::Denied)| Reason {
                problem: denied.to_string(),
                digest: Some(digest),
                ..Reason::default()
            };
            denied.into_iter().map(reason).collect()
        }
        _ => Vec::new(),
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let status =
            StatusCode::from_u16(self.0.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let reason = reason_phrase(&self.0.detail);
        let retry =
            matches!(status, StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS);
        let mut response = json_response(status, PROBLEM_JSON, &*self.0);
        let refused = Refused { code: self.0.code.clone(), detail: self.0.detail.clone() };
        response.extensions_mut().insert(refused);
        let headers = response.headers_mut();
        if retry {
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static("2"));
        }
        if let Ok(reason) = ReasonPhrase::try_from(reason) {
            response.extensions_mut().insert(reason);
        }
        response.extensions_mut().insert(Told(self.0));
        response
    }
}

/// Writes the id of the request into the problem that is answered, if one is.
pub fn identify(response: &mut Response, id: &str) {
    let Some(Told(mut problem)) = response.extensions_mut().remove() else { return };
    problem.request_id = Some(id.to_owned());
    write_again(response, &problem);
}

/// Replaces the body of a response by this problem.
pub(super) fn write_again(response: &mut Response, problem: &Problem) {
    response.headers_mut().remove(header::CONTENT_LENGTH);
    *response.body_mut() = json_response(StatusCode::OK, PROBLEM_JSON, problem).into_body();
}

/// One line of printable ASCII, not too long.
pub(super) fn reason_phrase(text: &str) -> Vec<u8> {
    let visible = |c: char| if c == ' ' || c.is_ascii_graphic() { c } else { '?' };
    let text: String = text.chars().map(visible).take(LONGEST_REASON_BYTES).collect();
    text.into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_are_one_line_of_ascii_that_apt_prints() {
        let reason = reason_phrase("für\r\nInjected: yes \u{1b}[31m");
        assert_eq!(reason, b"f?r??Injected: yes ?[31m");
        assert_eq!(reason_phrase(&"x".repeat(1000)).len(), LONGEST_REASON_BYTES);
    }

    #[test]
    fn a_refusal_is_a_403_that_says_why() {
        let failure = Failure::from(FlowError::Refused(Refusal::NoCertificate));
        let response = failure.into_response();
        assert_eq!(response.status(), StatusCode::FORBIDDEN);
        let reason = response.extensions().get::<ReasonPhrase>().unwrap();
        assert!(reason.as_bytes().starts_with(b"no client certificate"));
    }
}

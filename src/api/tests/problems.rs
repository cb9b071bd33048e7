//! Codes, exits and problems.

use super::*;

#[test]
fn every_code_has_one_text_one_status_and_one_exit() {
    use Exit::{Denied, Refused, Unavailable, Usage};
    let promised = [
        (Code::Rejected, "rejected", 422, Refused),
        (Code::DigestMismatch, "digest-mismatch", 422, Refused),
        (Code::VersionConflict, "version-conflict", 409, Refused),
        (Code::GenerationMoved, "generation-moved", 409, Refused),
        (Code::Exists, "exists", 409, Refused),
        (Code::AliasInUse, "alias-in-use", 409, Refused),
        (Code::NotEmpty, "not-empty", 409, Refused),
        (Code::NotInstallable, "not-installable", 409, Refused),
        (Code::ChangeRefused, "change-refused", 409, Refused),
        (Code::Missing, "missing", 404, Refused),
        (Code::Withdrawn, "withdrawn", 410, Refused),
        (Code::TooLarge, "too-large", 413, Refused),
        (Code::LengthRequired, "length-required", 411, Refused),
        (Code::MethodRefused, "method-refused", 405, Refused),
        (Code::InvalidRequest, "invalid-request", 400, Usage),
        (Code::Denied, "denied", 403, Denied),
        (Code::TokenRefused, "token-refused", 403, Denied),
        (Code::CertificateMissing, "certificate-missing", 403, Denied),
        (Code::CertificateRefused, "certificate-refused", 403, Denied),
        (Code::CertificateRevoked, "certificate-revoked", 403, Denied),
        (Code::CertificateExpired, "certificate-expired", 403, Denied),
        (Code::TrustStale, "trust-stale", 403, Unavailable),
        (Code::Busy, "busy", 503, Unavailable),
        (Code::TooManyRequests, "too-many-requests", 429, Unavailable),
        (Code::Timeout, "timeout", 408, Unavailable),
        (Code::ClockBehind, "clock-behind", 503, Unavailable),
        (Code::Stopping, "stopping", 503, Unavailable),
        (Code::OutOfSpace, "out-of-space", 507, Unavailable),
        (Code::OutcomeUnknown, "outcome-unknown", 500, Unavailable),
        (Code::WritingStopped, "writing-stopped", 500, Unavailable),
        (Code::Internal, "internal", 500, Unavailable),
    ];
    assert_eq!(promised.len(), Code::ALL.len());
    for ((code, text, status, exit), listed) in promised.into_iter().zip(Code::ALL) {
        assert_eq!(code, *listed);
        assert_eq!((code.as_str(), code.status(), code.exit()), (text, status, exit));
        assert_eq!(Code::parse(text), Some(code));
        assert_eq!(Problem::new(code, "x").exit(), exit, "{text}");
        // For a program that does not know the code yet, the status gives the same exit. Stale
        // trust is sent as 403, because apt hides the reason of a 503.
        assert!(Exit::of_status(status) == exit || code == Code::TrustStale, "{text}");
    }
    assert_eq!(Code::parse("Busy"), None);
}

#[test]
fn exits_are_the_numbers_that_scripts_know() {
    let exits = [Exit::Done, Exit::Refused, Exit::Usage, Exit::Denied, Exit::Unavailable];
    assert_eq!(exits.map(Exit::number), [0, 1, 2, 3, 4]);
    let of = |status| Exit::of_status(status).number();
    assert_eq!([200, 204, 301, 400, 401, 403, 404, 408].map(of), [0, 0, 4, 2, 3, 3, 1, 4]);
    assert_eq!([409, 410, 422, 425, 429, 500, 502, 503].map(of), [1, 1, 1, 4, 4, 4, 4, 4]);
    assert_eq!([504, 507, 599, 100].map(of), [4, 4, 4, 4]);
}

#[test]
fn only_what_passes_by_itself_is_worth_a_retry() {
    let passing: Vec<&str> = Code::ALL
        .iter()
        .filter(|code| Problem::new(**code, "").is_passing())
        .map(|code| code.as_str())
        .collect();
    assert_eq!(passing, ["busy", "too-many-requests", "timeout", "stopping"]);
}

#[test]
fn problems() {
    let reasons = vec![
        Reason::of("Depends", "is empty"),
        Reason { field: None, problem: "has no md5sums".into(), ..Reason::default() },
    ];
    wire(
        &Problem::new(Code::Rejected, "mend the package").with_reasons(reasons),
        json!({ "type": "about:blank", "title": "package rejected", "status": 422,
            "code": "rejected", "detail": "mend the package",
            "reasons": [{ "field": "Depends", "problem": "is empty" }, { "problem": "has no md5sums" }] }),
    );
    let newer: Problem =
        serde_json::from_value(json!({ "title": "t", "status": 423, "code": "newer", "more": 1 }))
            .unwrap();
    assert_eq!((newer.known_code(), newer.exit()), (None, Exit::Refused));
}

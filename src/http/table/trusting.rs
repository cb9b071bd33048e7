//! Rows: hosts and people, their certificates and rights, signing keys, revocation lists, the audit log.

use axum::routing::on;

use super::needs::{ADMIN, CHANGES, HOST, ISSUER, MISSING, OPERATOR, of};
use crate::api::{
    AccessChange, AccessView, AuditCheckpoint, AuditEntry, AuditQuery, AuditVerdict, AuthorityView,
    CRL_TYPE, ClientPackageView, Code, EnrolmentRequest, ExplainQuery, Explanation, GcView,
    Granted, HostGrant, HostRequest, HostSetup, IdentityGrant, IdentityRequest, IdentityView,
    IssuedCertificate, IssuerView, KeyOutcome, KeyRequest, KeyRetirement, KeyView, RenewalRequest,
    RestoredView, RevocationOutcome, RevocationRequest, SetupQuery, TokenMade, TokenRequest,
    TokenView, TokensRevoked,
};
use crate::domain::Right;
use crate::flow::access::crl as lists;
use crate::http::route::{Limit, Needs, Route};
use crate::http::{access, audit, crl, enrol, gc, keys, restored, rights, setup};

/// The most that is read of who is not identified. Unit: bytes.
const STRANGERS_BYTES: usize = 32 << 10;
/// Enough for the 200,000 memberships of one edit, names of 60 letters each. Unit: bytes.
const ACCESS_BYTES: usize = 16 << 20;
const CERTIFICATES: &[Code] = &[Code::Missing, Code::ChangeRefused, Code::Busy];

pub(super) const HOSTS: &[Route] = &[
    Route::get("/hosts", "list_hosts", |method| on(method, access::hosts))
        .needs(ISSUER)
        .summary("Hosts that read no suites but the caller's own")
        .gives(of::<Vec<IdentityView>>()),
    Route::post("/hosts", "issue_host", |method| on(method, access::issue_host))
        .needs(ISSUER)
        .verb("certificate-issue")
        .summary("A certificate for a host")
        .takes(of::<HostRequest>())
        .gives(of::<IssuedCertificate>())
        .problems(CERTIFICATES),
    Route::put("/hosts/{name}", "grant_host", |method| on(method, access::grant_host))
        .needs(ISSUER)
        .verb("grant")
        .summary("The right of a host whose certificate is another CA's")
        .takes(of::<HostGrant>())
        .gives(of::<Granted>())
        .problems(CERTIFICATES),
    Route::post("/hosts/{name}/revoke", "revoke_host", |method| on(method, access::revoke_host))
        .needs(ISSUER)
        .verb("revoke")
        .summary("Revoke every certificate of a host and take its rights")
        .takes(of::<RevocationRequest>())
        .gives(of::<RevocationOutcome>())
        .problems(CERTIFICATES),
    Route::get("/hosts/{name}/setup", "host_setup", |method| on(method, setup::setup))
        .needs(HOST)
        .who("operator, or the host itself")
        .summary("The files that a host needs, except its own key and certificate")
        .query(of::<SetupQuery>())
        .gives(of::<HostSetup>())
        .problems(MISSING),
    Route::get("/tokens", "list_tokens", |method| on(method, enrol::tokens))
        .needs(ISSUER)
        .summary("The tokens for suites of the caller's own, without their secrets")
        .gives(of::<Vec<TokenView>>()),
    Route::post("/tokens", "make_token", |method| on(method, enrol::make_token))
        .needs(ISSUER)
        .verb("token")
        .summary("A token with which a new machine gets its certificate; told this once")
        .takes(of::<TokenRequest>())
        .gives(of::<TokenMade>())
        .problems(CERTIFICATES),
    Route::post("/tokens/{name}/revoke", "revoke_token", |method| on(method, enrol::revoke_token))
        .needs(ISSUER)
        .verb("token-revoke")
        .summary("Take the pending token of a host back")
        .gives(of::<TokensRevoked>())
        .problems(CERTIFICATES),
    Route::get("/enroll", "authority", |method| on(method, enrol::authority))
        .needs(Needs::Nothing)
        .who("nobody: no certificate is needed")
        .summary("The certificate of the CA that the server is recognised by")
        .gives(of::<AuthorityView>())
        .problems(MISSING),
    Route::post("/enroll", "enroll", |method| on(method, enrol::enroll))
        .needs(Needs::Nothing)
        .who("who has a token")
        .verb("enrol")
        .summary("The certificate of a new machine")
        .takes(of::<EnrolmentRequest>())
        .at_most(STRANGERS_BYTES)
        .gives(of::<IssuedCertificate>())
        .problems(&[Code::TokenRefused, Code::Missing, Code::ChangeRefused, Code::Busy]),
    Route::post("/renew", "renew", |method| on(method, enrol::renew))
        .needs(HOST)
        .who("the host itself")
        .verb("renew")
        .summary("The next certificate of the caller")
        .takes(of::<RenewalRequest>())
        .gives(of::<IssuedCertificate>())
        .problems(CERTIFICATES),
];

pub(super) const IDENTITIES: &[Route] = &[
    Route::get("/identities", "list_identities", |method| on(method, access::list_identities))
        .needs(ADMIN)
        .summary("Everybody but hosts")
        .gives(of::<Vec<IdentityView>>()),
    Route::post("/identities", "issue_identity", |method| on(method, access::issue_identity))
        .needs(ADMIN)
        .verb("certificate-issue")
        .summary("A certificate for a build job or a person")
        .takes(of::<IdentityRequest>())
        .gives(of::<IssuedCertificate>())
        .problems(CERTIFICATES),
    Route::put("/identities/{name}", "grant_identity", |m| on(m, access::grant_identity))
        .needs(ADMIN)
        .verb("grant")
        .summary("The right of an identity whose certificate is another CA's")
        .takes(of::<IdentityGrant>())
        .gives(of::<Granted>())
        .problems(CERTIFICATES),
    Route::post("/identities/{name}/revoke", "revoke_identity", |m| on(m, access::revoke_identity))
        .needs(ADMIN)
        .verb("revoke")
        .summary("Revoke every certificate of an identity and take its rights")
        .takes(of::<RevocationRequest>())
        .gives(of::<RevocationOutcome>())
        .problems(CERTIFICATES),
];

pub(super) const KEYS: &[Route] = &[
    Route::get("/keys", "list_keys", |method| on(method, keys::list))
        .needs(ISSUER)
        .summary("The keys that sign suites, and the hosts that have them")
        .gives(of::<Vec<KeyView>>()),
    Route::post("/keys", "add_key", |method| on(method, keys::add))
        .needs(ADMIN)
        .verb("key-add")
        .summary("Make a signing key, or take one that signing.command signs with")
        .takes(of::<KeyRequest>())
        .gives(of::<KeyOutcome>())
        .problems(&[Code::Missing, Code::Exists, Code::ChangeRefused, Code::Busy]),
    Route::post("/keys/{fingerprint}/retire", "retire_key", |method| on(method, keys::retire))
        .needs(ADMIN)
        .verb("key-retire")
        .summary("Sign no more with a key")
        .takes(of::<KeyRetirement>())
        .gives(of::<KeyOutcome>())
        .problems(&[Code::Missing, Code::ChangeRefused, Code::Busy]),
    Route::post("/suites/{suite}/client-package", "publish_client_package", |m| {
        on(m, keys::publish)
    })
    .needs(OPERATOR)
    .verb("change")
    .summary("Publish the package that brings hosts the keys of today")
    .gives(of::<ClientPackageView>())
    .problems(CHANGES),
];

pub(super) const ACCESS: &[Route] = &[
    Route::get("/access", "list_access", |method| on(method, rights::list))
        .needs(ADMIN)
        .summary("Groups, grants, and who is shut out")
        .gives(of::<AccessView>()),
    Route::post("/access", "edit_access", |method| on(method, rights::edit))
        .needs(ADMIN)
        .verb("access")
        .summary("Alter groups and grants, all of it or nothing; the answer is what it altered")
        .takes(of::<AccessChange>())
        .at_most(ACCESS_BYTES)
        .gives(of::<AccessChange>())
        .problems(&[Code::Missing, Code::ChangeRefused]),
    Route::get("/access/explain", "explain_access", |method| on(method, rights::explain))
        .needs(HOST)
        .who("operator of the whole suite, or oneself")
        .summary("Why somebody may or may not do something")
        .query(of::<ExplainQuery>())
        .gives(of::<Explanation>()),
];

pub(super) const LISTS: &[Route] = &[
    Route::get("/crl", "list_crls", |method| on(method, crl::show))
        .needs(ISSUER)
        .summary("Every CA whose clients are trusted, with its revocation list in force")
        .gives(of::<Vec<IssuerView>>()),
    Route::put("/crl", "put_crl", |method| on(method, crl::put))
        .needs(Needs::RightWithStaleLists(Right::IssueHosts))
        .verb("crl")
        .summary("Deliver revocation lists; also while those of the server are out of date")
        .takes_bytes(CRL_TYPE, Limit::Bytes(lists::MOST_BYTES))
        .gives(of::<Vec<IssuerView>>())
        .problems(&[Code::ChangeRefused]),
];

pub(super) const AUDIT: &[Route] = &[
    Route::get("/audit", "list_audit", |method| on(method, audit::list))
        .needs(OPERATOR)
        .summary("Entries of the audit log: all for an admin, for an operator those of its suites and its own")
        .query(of::<AuditQuery>())
        .gives(of::<Vec<AuditEntry>>()),
    Route::get("/audit/checkpoints", "list_checkpoints", |method| on(method, audit::checkpoints))
        .needs(OPERATOR)
        .summary("Every signed checkpoint of the audit log, the oldest first")
        .gives(of::<Vec<AuditCheckpoint>>()),
    Route::post("/audit/checkpoints", "seal_audit", |method| on(method, audit::seal))
        .needs(OPERATOR)
        .summary("Sign the audit log up to its end")
        .gives(of::<AuditCheckpoint>()),
    Route::get("/audit/verify", "verify_audit", |method| on(method, audit::verify))
        .needs(ADMIN)
        .summary("Hold the whole audit log against its chain and its checkpoints")
        .gives(of::<AuditVerdict>()),
    Route::get("/restored", "show_restored", |method| on(method, restored::show))
        .needs(ADMIN)
        .summary("The last restoration of an earlier state, with what it left open")
        .gives(of::<RestoredView>())
        .problems(MISSING),
    Route::post("/restored/acknowledge", "acknowledge_restored", |m| on(m, restored::acknowledge))
        .needs(ADMIN)
        .verb("restore-acknowledge")
        .summary("Say that all is well again after a restoration: warnings end")
        .gives(of::<RestoredView>())
        .problems(MISSING),
    Route::get("/gc", "plan_gc", |method| on(method, gc::plan))
        .needs(ADMIN)
        .summary("What suites do not keep, and what that would free")
        .gives(of::<GcView>())
        .problems(&[Code::Busy]),
    Route::post("/gc", "run_gc", |method| on(method, gc::run))
        .needs(ADMIN)
        .verb("gc")
        .summary("Remove what suites do not keep: at first it is marked, and removed after the grace")
        .gives(of::<GcView>())
        .problems(&[Code::Busy, Code::OutOfSpace]),
];

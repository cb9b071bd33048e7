//! Enrolment: requests of machines without a certificate, and requests about tokens and renewals.

use std::collections::BTreeSet;
use std::net::IpAddr;

use axum::extract::{FromRequestParts, State};
use axum::http::request::Parts;
use zeroize::Zeroizing;

use crate::api::{
    AuthorityView, EnrolmentRequest, IssuedCertificate, RenewalRequest, TokenMade, TokenRequest,
    TokenState, TokenText, TokenView, TokensRevoked, ca_pin,
};
use crate::domain::{EnrolmentToken, Grant, Identity, Right, Role, SuiteScope};
use crate::flow::FlowError;
use crate::flow::access::{Issued, enrol, renew as renewal};
use crate::flow::change::submit::one_line;
use crate::flow::report::reports;
use crate::http::access::host_grant;
use crate::http::admitted::{Caller, parse, peer_of, said};
use crate::http::answer::Failure;
use crate::http::extract::{Json, Path};
use crate::http::sent::Sent;
use crate::http::setup::namespace_notes;
use crate::http::{App, views};
use crate::time::Moment;

/// A client that is not identified, whose address has not asked too often. Decided before the body
/// is read.
pub struct Stranger {
    /// The reason that it gives.
    why: String,
    address: IpAddr,
}

impl FromRequestParts<App> for Stranger {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Failure> {
        if !enrol::is_offered(&app.repository) {
            // Then this path is answered like any other that does not exist.
            Caller::of(&parts.extensions, app)?;
            let detail = "nobody is enrolled here: certificates come from another CA";
            return Err(Failure::new(crate::api::Code::Missing, detail));
        }
        let (peer, _) = peer_of(&parts.extensions)?;
        app.metrics.allow_unidentified(&peer)?;
        Ok(Self { why: one_line(&said(parts).await?)?, address: peer.addr.ip() })
    }
}

/// `GET /enroll`: the CA certificates of this server, for a machine that compares them with the pin
/// in a token.
pub async fn authority(
    State(app): State<App>,
    _stranger: Stranger,
) -> Result<Json<AuthorityView>, Failure> {
    Ok(Json(AuthorityView { ca_pem: server_ca(&app) }))
}

/// `POST /enroll`.
pub async fn enroll(
    State(app): State<App>,
    stranger: Stranger,
    sent: Sent,
) -> Result<Json<IssuedCertificate>, Failure> {
    let (request, _room) = sent.json_of_stranger::<EnrolmentRequest>(&app).await?;
    let shown = enrol::Shown {
        name: parse("name", &request.name)?,
        secret: Zeroizing::new(request.secret.0),
        csr_pem: request.csr_pem,
        message: stranger.why,
    };
    let name = request.name;
    let done = enrol::enroll(&app.repository, shown).await.inspect_err(|refused| {
        app.metrics.note_refused_enrolment(stranger.address, &name, refused);
    });
    let done = done.map_err(|refused| with_next_token(refused, &name))?;
    Ok(Json(issued(&app, name, done)))
}

/// The refusal of a token, with the command that makes another one.
fn with_next_token(refused: FlowError, name: &str) -> Failure {
    let is_of_token = matches!(refused, FlowError::Token(_));
    let mut failure = Failure::from(refused);
    if is_of_token {
        failure.0.hint = Some(format!(
            "an admin, or an operator of its suites, makes another one: repoctl host token {name}"
        ));
    }
    failure
}

/// `POST /renew`.
pub async fn renew(
    State(app): State<App>,
    caller: Caller,
    sent: Sent,
) -> Result<Json<IssuedCertificate>, Failure> {
    let (request, _room) = sent.json::<RenewalRequest>(&app, &caller, Right::Introspect).await?;
    let admitted = caller.admit(&app, Right::Introspect)?;
    let done = renewal::renew(&app.repository, &admitted, request.csr_pem).await?;
    Ok(Json(issued(&app, admitted.identity().to_string(), done)))
}

fn issued(app: &App, identity: String, issued: Issued) -> IssuedCertificate {
    IssuedCertificate {
        identity,
        serial: issued.client.serial_hex,
        not_after: issued.client.not_after.0,
        certificate_pem: issued.client.certificate_pem,
        ca_pem: app.site.server_ca.clone().unwrap_or(issued.ca_pem),
    }
}

fn server_ca(app: &App) -> String {
    app.site.server_ca.clone().unwrap_or_else(|| reports::ca_pem(&app.repository))
}

/// `POST /tokens`.
pub async fn make_token(
    State(app): State<App>,
    caller: Caller,
    sent: Sent,
) -> Result<Json<TokenMade>, Failure> {
    let (request, _room) = sent.json::<TokenRequest>(&app, &caller, Right::IssueHosts).await?;
    let admitted = caller.saying(&request.message)?.admit(&app, Right::IssueHosts)?;
    let grant = match request.suites.is_empty() {
        // Then it gets what it holds when it is enrolled, such as by its groups.
        true => {
            let suites = SuiteScope::Named(BTreeSet::new());
            Grant::whole(parse("name", &request.name)?, Role::Host, suites)
        }
        false => host_grant(&request.name, request.suites)?,
    };
    let ca_pin = ca_pin(&server_ca(&app)).ok_or_else(|| {
        Failure::new(crate::api::Code::Internal, "the CA of this server cannot be read")
    })?;
    let (hours, days) = (request.hours, request.days);
    let given = grant.clone();
    let wanted = enrol::Wanted { grant, hours, days };
    let made = enrol::make(&app.repository, &admitted, wanted).await?;
    let notes = namespace_notes(&app, &admitted, &given).await?;
    let text = TokenText {
        server: app.site.public_url.clone(),
        name: request.name.clone(),
        ca_pin,
        secret: crate::api::Secret(made.secret.to_string()),
    };
    let ends_at = made.token.ends_at.0;
    Ok(Json(TokenMade { name: request.name, token: text.write(), ends_at, notes }))
}

/// `GET /tokens`: an admin sees all, others those for the caller's own suites.
pub async fn tokens(
    State(app): State<App>,
    caller: Caller,
) -> Result<Json<Vec<TokenView>>, Failure> {
    let admitted = caller.admit(&app, Right::IssueHosts)?;
    let found = enrol::list(&app.repository, &admitted).await?;
    let seen = |token| {
        let now = app.repository.now_for(&token);
        view(token, now)
    };
    Ok(Json(found.into_iter().map(seen).collect()))
}

/// `POST /tokens/{name}/revoke`.
pub async fn revoke_token(
    State(app): State<App>,
    caller: Caller,
    Path(name): Path<String>,
) -> Result<Json<TokensRevoked>, Failure> {
    let admitted = caller.admit(&app, Right::IssueHosts)?;
    let identity: Identity = parse("name", &name)?;
    let revoked = enrol::revoke(&app.repository, &admitted, &identity).await?;
    Ok(Json(TokensRevoked { name, revoked }))
}

fn view(token: EnrolmentToken, now: Moment) -> TokenView {
    let state = match (&token.used, &token.revoked_at) {
        (Some(_), _) => TokenState::Used,
        (None, Some(_)) => TokenState::Revoked,
        (None, None) if now >= token.ends_at => TokenState::Expired,
        (None, None) => TokenState::Pending,
    };
    TokenView {
        name: token.grant.identity.to_string(),
        suites: views::choice(&token.grant.suites),
        state,
        made_by: token.made_by.to_string(),
        made_at: token.made_at.0,
        ends_at: token.ends_at.0,
        message: token.message,
        used_at: token.used.as_ref().map(|used| used.at.0),
        serial: token.used.map(|used| used.serial),
    }
}

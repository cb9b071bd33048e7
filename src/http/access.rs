//! Hosts and identities: certificates issued, listed, revoked.

use axum::Json;
use axum::extract::{Path, State};

use crate::api::{
    HostRequest, IdentityRequest, IdentityView, IssuedCertificate, RevocationOutcome,
    RevocationRequest,
};
use crate::domain::{Admitted, Grant, Identity, Right, Role, SuiteScope};
use crate::flow::{certificates, report};
use crate::http::admitted::{Caller, parse};
use crate::http::answer::Failure;
use crate::http::{App, views};

/// `POST /hosts`.
pub async fn issue_host(
    State(app): State<App>,
    caller: Caller,
    Json(request): Json<HostRequest>,
) -> Result<Json<IssuedCertificate>, Failure> {
    let admitted = caller.admit(&app, Right::IssueHosts)?;
    if request.suites.is_empty() {
        return Err(Failure::invalid("suites", "is empty; name the suites that the host may read"));
    }
    let grant = Grant {
        identity: parse("name", &request.name)?,
        role: Role::Host,
        suites: SuiteScope::Named(request.suites.into_iter().collect()),
    };
    issue(&app, &admitted, grant, request.csr_pem, request.days).await
}

/// `POST /identities`.
pub async fn issue_identity(
    State(app): State<App>,
    caller: Caller,
    Json(request): Json<IdentityRequest>,
) -> Result<Json<IssuedCertificate>, Failure> {
    let admitted = caller.admit(&app, Right::Administer)?;
    let grant = Grant {
        identity: parse("name", &request.name)?,
        role: views::role_of(request.role),
        suites: views::scope(request.suites),
    };
    issue(&app, &admitted, grant, request.csr_pem, request.days).await
}

async fn issue(
    app: &App,
    admitted: &Admitted,
    grant: Grant,
    csr_pem: String,
    days: Option<u32>,
) -> Result<Json<IssuedCertificate>, Failure> {
    let identity = grant.identity.to_string();
    let request = certificates::Request { grant, csr_pem, days };
    let issued = certificates::issue(&app.repository, admitted, request).await?;
    Ok(Json(IssuedCertificate {
        identity,
        serial: issued.client.serial_hex,
        not_after: issued.client.not_after.0,
        certificate_pem: issued.client.certificate_pem,
        ca_pem: issued.ca_pem,
    }))
}

/// `GET /hosts`.
pub async fn hosts(
    State(app): State<App>,
    caller: Caller,
) -> Result<Json<Vec<IdentityView>>, Failure> {
    caller.admit(&app, Right::IssueHosts)?;
    let reports = report::identities(&app.repository, Some(true)).await?;
    Ok(Json(reports.into_iter().map(views::identity).collect()))
}

/// `GET /identities`: everybody but hosts.
pub async fn identities(
    State(app): State<App>,
    caller: Caller,
) -> Result<Json<Vec<IdentityView>>, Failure> {
    caller.admit(&app, Right::Administer)?;
    let reports = report::identities(&app.repository, Some(false)).await?;
    Ok(Json(reports.into_iter().map(views::identity).collect()))
}

/// `POST /hosts/{name}/revoke`.
pub async fn revoke_host(
    State(app): State<App>,
    caller: Caller,
    Path(name): Path<String>,
    Json(request): Json<RevocationRequest>,
) -> Result<Json<RevocationOutcome>, Failure> {
    let admitted = caller.admit(&app, Right::IssueHosts)?;
    revoke(&app, &admitted, &name, &request.reason).await
}

/// `POST /identities/{name}/revoke`.
pub async fn revoke_identity(
    State(app): State<App>,
    caller: Caller,
    Path(name): Path<String>,
    Json(request): Json<RevocationRequest>,
) -> Result<Json<RevocationOutcome>, Failure> {
    let admitted = caller.admit(&app, Right::Administer)?;
    revoke(&app, &admitted, &name, &request.reason).await
}

async fn revoke(
    app: &App,
    admitted: &Admitted,
    name: &str,
    reason: &str,
) -> Result<Json<RevocationOutcome>, Failure> {
    let identity: Identity = parse("name", name)?;
    let done = certificates::revoke(&app.repository, admitted, &identity, reason).await?;
    Ok(Json(RevocationOutcome {
        identity: identity.to_string(),
        serials: done.serials,
        crl_next_update: done.crl_next_update.0,
    }))
}

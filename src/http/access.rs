//! Hosts and identities: certificates issued, listed, revoked.

use axum::extract::State;

use crate::api::{
    Granted, HostGrant, HostRequest, IdentityGrant, IdentityRequest, IdentityView,
    IssuedCertificate, RevocationOutcome, RevocationRequest,
};
use crate::debian::{Component, SuiteName};
use crate::domain::{Admitted, Grant, Identity, Limits, Right, Role, Share, SuiteScope};
use crate::flow::access::certificates;
use crate::flow::admit;
use crate::flow::report::identities;
use crate::http::admitted::{Caller, parse};
use crate::http::answer::Failure;
use crate::http::extract::{Json, Path};
use crate::http::sent::Sent;
use crate::http::setup::namespace_notes;
use crate::http::{App, views};

/// `POST /hosts`.
pub async fn issue_host(
    State(app): State<App>,
    caller: Caller,
    sent: Sent,
) -> Result<Json<IssuedCertificate>, Failure> {
    let (request, _room) = sent.json::<HostRequest>(&app, &caller, Right::IssueHosts).await?;
    let admitted = caller.admit(&app, Right::IssueHosts)?;
    let grant = host_grant(&request.name, request.suites)?;
    issue(&app, &admitted, grant, request.csr_pem, request.days).await
}

/// The grant of a host to read suites; at least one must be named.
pub(super) fn host_grant(name: &str, suites: Vec<SuiteName>) -> Result<Grant, Failure> {
    if suites.is_empty() {
        return Err(Failure::invalid("suites", "is empty; name the suites that the host may read"));
    }
    let suites = SuiteScope::Named(suites.into_iter().collect());
    Ok(Grant::whole(parse("name", name)?, Role::Host, suites))
}

/// `POST /identities`.
pub async fn issue_identity(
    State(app): State<App>,
    caller: Caller,
    sent: Sent,
) -> Result<Json<IssuedCertificate>, Failure> {
    let (request, _room) = sent.json::<IdentityRequest>(&app, &caller, Right::Administer).await?;
    let admitted = caller.admit(&app, Right::Administer)?;
    let grant = Grant {
        identity: parse("name", &request.name)?,
        role: views::role_of(request.role),
        suites: views::scope(request.suites),
        limits: limits_of(request.components, request.packages)?,
    };
    issue(&app, &admitted, grant, request.csr_pem, request.days).await
}

/// The limits of a grant from the wire.
fn limits_of(components: Vec<Component>, packages: Vec<String>) -> Result<Limits, Failure> {
    let packages = packages.iter().map(|text| parse("packages", text));
    Ok(Limits {
        components: components.into_iter().collect(),
        packages: packages.collect::<Result<_, _>>()?,
    })
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
        ca_pem: app.site.server_ca.clone().unwrap_or(issued.ca_pem),
    }))
}

/// `PUT /hosts/{name}`: only its grant, because another CA issues its certificate.
pub async fn grant_host(
    State(app): State<App>,
    caller: Caller,
    Path(name): Path<String>,
    sent: Sent,
) -> Result<Json<Granted>, Failure> {
    let (request, _room) = sent.json::<HostGrant>(&app, &caller, Right::IssueHosts).await?;
    let admitted = caller.admit(&app, Right::IssueHosts)?;
    let given = host_grant(&name, request.suites)?;
    grant(&app, &admitted, given).await
}

/// `PUT /identities/{name}`: as for hosts.
pub async fn grant_identity(
    State(app): State<App>,
    caller: Caller,
    Path(name): Path<String>,
    sent: Sent,
) -> Result<Json<Granted>, Failure> {
    let (request, _room) = sent.json::<IdentityGrant>(&app, &caller, Right::Administer).await?;
    let admitted = caller.admit(&app, Right::Administer)?;
    let (identity, role) = (parse("name", &name)?, views::role_of(request.role));
    let limits = limits_of(request.components, request.packages)?;
    let given = Grant { identity, role, suites: views::scope(request.suites), limits };
    grant(&app, &admitted, given).await
}

async fn grant(app: &App, admitted: &Admitted, given: Grant) -> Result<Json<Granted>, Failure> {
    certificates::grant(&app.repository, admitted, given.clone()).await?;
    let mut notes = namespace_notes(app, admitted, &given).await?;
    if identities::lacks_certificate(&app.repository, &given.identity).await? {
        let (name, command) =
            (&given.identity, if given.role == Role::Host { "host" } else { "identity" });
        notes.push(format!(
            "{name} has no certificate that is valid: `repoctl {command} issue {name}` gives it one"
        ));
    }
    let (components, packages) = views::limited(&given.limits);
    Ok(Json(Granted {
        components,
        packages,
        identity: given.identity.to_string(),
        role: views::role(given.role),
        suites: views::choice(&given.suites),
        notes,
    }))
}

/// `GET /hosts`: an admin sees all, others only hosts that read nothing beyond the caller's own
/// suites.
pub async fn hosts(
    State(app): State<App>,
    caller: Caller,
) -> Result<Json<Vec<IdentityView>>, Failure> {
    let admitted = caller.admit(&app, Right::IssueHosts)?;
    let reports = identities::list(&app.repository, Some(true)).await?;
    let operated = admit::operated(&app.repository, admitted.entitled());
    let own = reports.into_iter().filter(|one| one.share(&operated) == Share::Whole);
    Ok(Json(own.map(|one| views::identity(&app, one)).collect()))
}

/// `GET /identities`: all identities that are not hosts, and hosts with a further role.
pub async fn list_identities(
    State(app): State<App>,
    caller: Caller,
) -> Result<Json<Vec<IdentityView>>, Failure> {
    caller.admit(&app, Right::Administer)?;
    let reports = identities::list(&app.repository, Some(false)).await?;
    Ok(Json(reports.into_iter().map(|one| views::identity(&app, one)).collect()))
}

/// `POST /hosts/{name}/revoke`.
pub async fn revoke_host(
    State(app): State<App>,
    caller: Caller,
    Path(name): Path<String>,
    sent: Sent,
) -> Result<Json<RevocationOutcome>, Failure> {
    let (request, _room) = sent.json::<RevocationRequest>(&app, &caller, Right::IssueHosts).await?;
    let admitted = caller.saying(&request.reason)?.admit(&app, Right::IssueHosts)?;
    revoke(&app, &admitted, &name).await
}

/// `POST /identities/{name}/revoke`.
pub async fn revoke_identity(
    State(app): State<App>,
    caller: Caller,
    Path(name): Path<String>,
    sent: Sent,
) -> Result<Json<RevocationOutcome>, Failure> {
    let (request, _room) = sent.json::<RevocationRequest>(&app, &caller, Right::Administer).await?;
    let admitted = caller.saying(&request.reason)?.admit(&app, Right::Administer)?;
    revoke(&app, &admitted, &name).await
}

async fn revoke(
    app: &App,
    admitted: &Admitted,
    name: &str,
) -> Result<Json<RevocationOutcome>, Failure> {
    let identity: Identity = parse("name", name)?;
    let done = certificates::revoke(&app.repository, admitted, &identity).await?;
    Ok(Json(RevocationOutcome {
        identity: identity.to_string(),
        serials: done.serials,
        crl_next_update: done.crl_next_update.map(|at| at.0),
        other_ca: app.repository.trust.is_external(),
    }))
}

//! Hosts and identities: certificates issued, listed, revoked.

use axum::extract::State;

use crate::api::{
    Granted, HostGrant, HostRequest, IdentityGrant, IdentityRequest, IdentityView,
    IssuedCertificate, RevocationOutcome, RevocationRequest,
};
use crate::debian::SuiteName;
use crate::domain::{Admitted, Entitled, Grant, Identity, Right, Role, SuitePattern, SuiteScope};
use crate::flow::access::certificates;
use crate::flow::report::reports;
use crate::flow::report::reports::IdentityReport;
use crate::http::admitted::{Caller, parse};
use crate::http::answer::Failure;
use crate::http::extract::{Json, Path};
use crate::http::sent::Sent;
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
    Ok(Grant { identity: parse("name", name)?, role: Role::Host, suites })
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
    let given = Grant { identity, role, suites: views::scope(request.suites) };
    grant(&app, &admitted, given).await
}

async fn grant(app: &App, admitted: &Admitted, given: Grant) -> Result<Json<Granted>, Failure> {
    certificates::grant(&app.repository, admitted, given.clone()).await?;
    Ok(Json(Granted {
        identity: given.identity.to_string(),
        role: views::role(given.role),
        suites: views::choice(&given.suites),
    }))
}

/// `GET /hosts`: an admin sees all, others only hosts that read nothing beyond the caller's own
/// suites.
pub async fn hosts(
    State(app): State<App>,
    caller: Caller,
) -> Result<Json<Vec<IdentityView>>, Failure> {
    let admitted = caller.admit(&app, Right::IssueHosts)?;
    let reports = reports::identities(&app.repository, Some(true)).await?;
    let own = reports.into_iter().filter(|report| is_own(admitted.entitled(), report));
    Ok(Json(own.map(|one| views::identity(&app, one)).collect()))
}

/// Whether everything known of a host lies within the suites of `asker`. Of a host without a grant,
/// only the suites where it was seen are known.
fn is_own(asker: &Entitled, report: &IdentityReport) -> bool {
    let own = |suite: &SuiteName| asker.reach(suite, Role::Operator).is_whole();
    if asker.gives_suites([&SuitePattern::any()]) {
        return true;
    }
    let to_come = report.token.as_ref().map(|token| Entitled::own(&token.grant));
    let named = match report.entitled.as_deref().or(to_come.as_ref()) {
        Some(entitled) => entitled.held().iter().all(|held| asker.gives_suites(&held.grant.suites)),
        None => !report.sightings.is_empty(),
    };
    named && report.sightings.iter().all(|sighting| own(&sighting.suite))
}

/// `GET /identities`: all identities that are not hosts.
pub async fn identities(
    State(app): State<App>,
    caller: Caller,
) -> Result<Json<Vec<IdentityView>>, Failure> {
    caller.admit(&app, Right::Administer)?;
    let reports = reports::identities(&app.repository, Some(false)).await?;
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
        crl_next_update: done.crl_next_update.0,
    }))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::catalogue::Sighting;
    use crate::time::Moment;

    fn grant(role: Role, suites: &[&str]) -> Entitled {
        let suites = suites.iter().map(|name| name.parse().unwrap()).collect();
        let identity = "one.example".parse().unwrap();
        Entitled::own(&Grant { identity, role, suites: SuiteScope::Named(suites) })
    }

    fn host(suites: Option<&[&str]>, seen: &[&str]) -> IdentityReport {
        let identity: Identity = "host.example".parse().unwrap();
        let sighting = |suite: &&str| Sighting {
            identity: identity.clone(),
            suite: suite.parse().unwrap(),
            at: Moment(1),
            generation: 1,
        };
        IdentityReport {
            entitled: suites.map(|suites| Arc::new(grant(Role::Host, suites))),
            certificates: Vec::new(),
            token: None,
            sightings: seen.iter().map(sighting).collect(),
            identity: identity.clone(),
        }
    }

    #[test]
    fn an_operator_sees_hosts_of_its_own_suites_and_no_others() {
        let operator = grant(Role::Operator, &["stable", "edge"]);
        assert!(is_own(&operator, &host(Some(&["stable"]), &["stable"])));
        assert!(!is_own(&operator, &host(Some(&["stable", "other"]), &[])));
        assert!(!is_own(&operator, &host(Some(&["stable"]), &["other"])));
        assert!(is_own(&operator, &host(None, &["edge"])));
        assert!(!is_own(&operator, &host(None, &[])));
        let identity = "host.example".parse().unwrap();
        let everywhere = Grant { identity, role: Role::Host, suites: SuiteScope::All };
        let entitled = Some(Arc::new(Entitled::own(&everywhere)));
        let everything = IdentityReport { entitled, ..host(None, &[]) };
        assert!(!is_own(&operator, &everything));
        assert!(is_own(&grant(Role::Admin, &[]), &everything));
    }
}

//! Certificates: issued, revoked, and the CA and its revocation list renewed.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use tracing::{error, info};

use crate::catalogue::CertificateRecord;
use crate::domain::{Admitted, Conflict, Denied, Grant, Identity, Share};
use crate::flow::access::giving::{may_give, may_take, more_than_host, no_authority};
use crate::flow::access::in_force;
use crate::flow::access::issuing::{Certificate, Issued, own_authority};
use crate::flow::admit;
use crate::flow::audit::entries;
use crate::flow::error::FlowError;
use crate::flow::report::identities::IdentityReport;
use crate::flow::repository::Repository;
use crate::flow::threads::{blocking, lock};
use crate::time::{HOLD_SECONDS, Moment};
use crate::trust::{CertificateAuthority, CrlFault, Reason, Revoked, Trouble, TrustError};

/// A request for a certificate.
#[derive(Clone, Debug)]
pub struct Request {
    /// The identity, its role and its suites.
    pub grant: Grant,
    /// A certificate signing request, of which only the public key is used.
    pub csr_pem: String,
    /// How long the certificate is valid; `None` for the server's default. Unit: days.
    pub days: Option<u32>,
}

/// Issues a certificate and records the right that comes with it.
///
/// # Errors
/// [`FlowError::Denied`] when the asker may not give that right; [`FlowError::Missing`] when one of
/// its suites does not exist; [`FlowError::Conflict`] when the name has another role already or is
/// the server's own, or when another CA issues certificates; [`FlowError::Invalid`] for a bad
/// request.
pub async fn issue(
    repository: &Arc<Repository>,
    admitted: &Admitted,
    request: Request,
) -> Result<Issued, FlowError> {
    may_give(repository, admitted, &request.grant)?;
    let (shared, giver) = (Arc::clone(repository), admitted.clone());
    blocking(move || issue_now(&shared, &giver, &request)).await
}

fn issue_now(
    repository: &Repository,
    admitted: &Admitted,
    request: &Request,
) -> Result<Issued, FlowError> {
    let authority = own_authority(repository).ok_or_else(|| no_authority(&request.grant))?;
    let _alone = lock(&repository.rights);
    let (grant, by) = (&request.grant, admitted.identity());
    may_take(repository, admitted, grant)?;
    let now = repository.now();
    let days = request.days.unwrap_or(repository.limits().certificate_days);
    let (identity, csr_pem) = (&grant.identity, request.csr_pem.as_str());
    let certificate = Certificate { identity, csr_pem, days, issued_by: by };
    let (issued, record) = certificate.issue(authority, repository.dating())?;
    let event = admitted.did("certificate-issue", now).with(&entries::issued(grant, &record));
    repository.catalogue.record_certificate(&record, Some(grant), &event)?;
    in_force::rights(repository)?;
    info!(identity = %grant.identity, role = grant.role.as_str(), serial = %record.serial, %by, "certificate issued");
    Ok(issued)
}

/// Gives a right to a name. Any trusted CA may issue its certificates.
///
/// # Errors
/// As for [`issue`], except for those about requests and the CA.
pub async fn grant(
    repository: &Arc<Repository>,
    admitted: &Admitted,
    grant: Grant,
) -> Result<(), FlowError> {
    may_give(repository, admitted, &grant)?;
    let (shared, giver) = (Arc::clone(repository), admitted.clone());
    blocking(move || {
        let _alone = lock(&shared.rights);
        may_take(&shared, &giver, &grant)?;
        let by = giver.identity();
        let event = giver.did("grant", shared.now()).with(&entries::granted(&grant));
        shared.catalogue.record_grant(&grant, &event)?;
        in_force::rights(&shared)?;
        info!(identity = %grant.identity, role = grant.role.as_str(), %by, "right given");
        Ok(())
    })
    .await
}

/// What a revocation did.
#[derive(Clone, Debug)]
pub struct Revocation {
    /// The serials that it revoked.
    pub serials: Vec<String>,
    /// When the revocation list that names them is out of date; with another CA, until when the
    /// present lists are accepted. `None` while the list could not be made, or none is accepted.
    pub crl_next_update: Option<Moment>,
}

/// Revokes every certificate of an identity, for the asker's reason, and shuts the identity out,
/// whatever group it is in. Its open connections are refused at their next request.
///
/// # Errors
/// [`FlowError::Missing`] when it has neither certificates nor rights; to an operator
/// [`FlowError::Denied`], as for a host that is not of its suites alone; [`FlowError::Conflict`]
/// when it is the asker.
pub async fn revoke(
    repository: &Arc<Repository>,
    admitted: &Admitted,
    identity: &Identity,
) -> Result<Revocation, FlowError> {
    let (shared, giver) = (Arc::clone(repository), admitted.clone());
    let identity = identity.clone();
    blocking(move || revoke_now(&shared, &giver, &identity)).await
}

fn revoke_now(
    repository: &Repository,
    admitted: &Admitted,
    identity: &Identity,
) -> Result<Revocation, FlowError> {
    let _alone = lock(&repository.rights);
    let certificates = revocable(repository, admitted, identity)?;
    if identity == admitted.identity() {
        let problem = "is the certificate you are using; let another admin revoke it";
        return Err(Conflict::one(identity, problem).into());
    }
    let now = repository.now();
    let open = certificates.iter().filter(|c| c.revoked_at.is_none());
    let serials: Vec<_> = open.map(|certificate| certificate.serial.clone()).collect();
    let event = admitted
        .did("revoke", now)
        .with(&format!("{identity}: certificates {}", entries::some_of(&serials)));
    repository.catalogue.record_revocation(&serials, admitted.why(), Some(identity), &event)?;
    in_force::rights(repository)?;
    let crl_next_update = match own_authority(repository) {
        Some(_) => published(repository),
        // Only their own CA can revoke these certificates. Without a right they give no access
        // here.
        None => repository.trust.current().gate(now).ok(),
    };
    info!(%identity, by = %admitted.identity(), count = serials.len(), "certificates revoked");
    Ok(Revocation { serials, crl_next_update })
}

/// Publishes the list that names what was just recorded as revoked, and gives its next update. Who
/// was revoked has no right any more and is refused here; where the list cannot be made now (`None`),
/// it is tried again with each refresh, and status says so.
fn published(repository: &Repository) -> Option<Moment> {
    let made = publish_crl(repository).inspect_err(|problem| {
        error!(%problem, "certificates were revoked, and the list that names them could not be made; it is tried again");
    });
    made.ok()
}

/// The certificates of an identity, if there is such a one and the asker may take all that it has.
/// To an operator, a host beyond its suites is answered like one that does not exist.
fn revocable(
    repository: &Repository,
    admitted: &Admitted,
    identity: &Identity,
) -> Result<Vec<CertificateRecord>, FlowError> {
    let report = IdentityReport::read(repository, identity)?;
    let share = report.share(&admit::operated(repository, admitted.entitled()));
    let is_there = !report.certificates.is_empty() || report.entitled.is_some();
    if share == Share::Whole && is_there {
        return Ok(report.certificates);
    }
    if admitted.entitled().is_admin() {
        let what = format!("identity {identity}; `repoctl identity list` shows them");
        return Err(FlowError::Missing(what));
    }
    if let Some(more) = more_than_host(admitted, &report, share) {
        return Err(more.into());
    }
    Err(Denied::Host { identity: admitted.identity().clone(), name: identity.clone() }.into())
}

/// Publishes the list of all revoked certificates that have not expired, puts it into force, and
/// gives its next update.
///
/// # Errors
/// [`FlowError`]; the old list stays in force then, until it is out of date.
pub fn publish_crl(repository: &Repository) -> Result<Moment, FlowError> {
    let Some(authority) = own_authority(repository) else {
        return Err(FlowError::Internal("the revocation list is another CA's".into()));
    };
    let authority = lock(authority);
    let made = make_crl(repository, &authority);
    // It may have been for a revocation.
    repository.crl_owed.store(made.is_err(), Ordering::Relaxed);
    made
}

fn make_crl(
    repository: &Repository,
    authority: &CertificateAuthority,
) -> Result<Moment, FlowError> {
    let now = repository.now();
    let certificates = repository.catalogue.list_certificates(None)?;
    let revoked = certificates.iter().filter(|c| c.not_after >= now).filter_map(|certificate| {
        let at = certificate.revoked_at?;
        Some(Revoked { serial_hex: certificate.serial.clone(), at, reason: Reason::default() })
    });
    // What was revoked after a backup stays revoked once that is restored.
    let known: BTreeSet<_> = certificates
        .iter()
        .filter(|certificate| certificate.revoked_at.is_some())
        .map(|certificate| certificate.serial.as_str())
        .collect();
    let standing = authority.standing()?.into_iter();
    let revoked = revoked.chain(standing.filter(|one| !known.contains(one.serial_hex.as_str())));
    let crl_seconds = repository.limits().crl_seconds;
    // A list that is too early does no harm, unless it is out of date by the clock that admits clients.
    let early = Some(repository.dating()).filter(|at| at.plus(crl_seconds / 2) > now);
    let at = early.unwrap_or(now);
    let state = repository.trust.current();
    let above = state.crls().filter_map(|list| list.number().to_u64()).max().unwrap_or_default();
    let list = authority.sign_crl(&revoked.collect::<Vec<_>>(), at, crl_seconds, above)?;
    repository.trust.take_own(&list, now)?;
    Ok(at.plus(crl_seconds))
}

/// How long before its end the CA is renewed. That is longer than the default validity of client
/// certificates, so that by then every host has renewed its own and received the new CA with it.
/// Unit: seconds.
const AUTHORITY_AHEAD_SECONDS: i64 = 2 * 366 * 86_400;

/// Renews the CA well before it ends, and one that begins in the future: the clock was ahead. Its key and name stay the same, so that everything it signed
/// stays valid.
///
/// # Errors
/// [`FlowError`]; the old certificate stays in use then.
pub(crate) fn refresh_authority(repository: &Repository) -> Result<(), FlowError> {
    let Some(authority) = &repository.authority else { return Ok(()) };
    let mut authority = lock(authority);
    let now = repository.now();
    let is_ahead = authority.not_before() > now;
    if authority.not_after().since(now) > AUTHORITY_AHEAD_SECONDS && !is_ahead
        || repository.doubt().is_some()
    {
        return Ok(());
    }
    authority.renew(now)?;
    info!(not_after = %authority.not_after(), "CA renewed; certificates issued from now on bring it to their hosts");
    drop(authority);
    if own_authority(repository).is_some() {
        // The new certificate is not trusted while the list is stale, so a fresh list is published.
        publish_crl(repository)?;
    }
    Ok(())
}

/// How long a clock that jumped must run on before the list is renewed by it, where nobody is served
/// otherwise. Unit: seconds.
const CALM_SECONDS: i64 = 30;

/// Renews the revocation list when half of its validity is over (but for an hour, which a clock may be
/// in doubt), when it is not usable or dated ahead of the clock, or when the last attempt failed.
///
/// While the clock is in doubt, only a list that keeps everybody out is renewed, after half a minute
/// in which the clock did not jump. Unlike a suite, a list that is dated wrongly is replaced by the next
/// one.
///
/// # Errors
/// As for [`publish_crl`].
pub(crate) fn refresh_crl(repository: &Repository) -> Result<(), FlowError> {
    if own_authority(repository).is_none() {
        return Ok(());
    }
    let state = repository.trust.current();
    let now = repository.now();
    let fresh = |crl: &crate::trust::Crl| {
        let half = crl.next_update().since(crl.this_update()) / 2;
        let most = half.saturating_sub(HOLD_SECONDS).max(half / 2);
        crl.this_update() <= now && now.since(crl.this_update()) < most
    };
    let owed = repository.crl_owed.load(Ordering::Relaxed);
    let usable = state.crl_fault().is_none() && state.crls().next().is_some();
    if !owed && usable && state.crls().all(fresh) {
        return Ok(());
    }
    if !may_renew_now(repository, now) {
        return Ok(());
    }
    publish_crl(repository)?;
    info!("revocation list renewed");
    Ok(())
}

/// Whether the list may be renewed by the clock as it is.
pub fn may_renew_now(repository: &Repository, now: Moment) -> bool {
    let Some(doubt) = repository.doubt() else { return true };
    let state = repository.trust.current();
    // A list that the clock is behind is not in force after a start, but it is there.
    let is_ahead =
        |trouble: &Trouble| matches!(trouble.fault, TrustError::Crl(CrlFault::FromFuture(_)));
    let has_list = state.crls().next().is_some() || state.troubles().iter().any(is_ahead);
    !has_list || state.gate(now).is_err() && doubt.calm_seconds >= CALM_SECONDS
}

//! Renew: a host gets its next certificate while the present one is valid.

use std::sync::Arc;

use tracing::info;

use crate::catalogue::CertificateRecord;
use crate::domain::{Admitted, Conflict};
use crate::flow::access::issuing::{Certificate, Issued, own_authority};
use crate::flow::admit;
use crate::flow::error::FlowError;
use crate::flow::repository::Repository;
use crate::flow::threads::{blocking, lock};
use crate::time::Moment;

const DAY_SECONDS: i64 = 86_400;
/// The most certificates that a host gets within a day, so that a host in a loop does not fill the
/// catalogue.
const MOST_A_DAY: usize = 48;

/// Issues the next certificate of the asking host. It is valid for as long as the presented one was
/// issued for, and at most for the server's default.
///
/// # Errors
/// [`FlowError::Conflict`] when the asker is not a host, where another CA issues, and after too
/// many certificates within a day; [`FlowError::Denied`] when the right was taken meanwhile;
/// [`FlowError::Invalid`] for a bad request.
pub async fn renew(
    repository: &Arc<Repository>,
    admitted: &Admitted,
    csr_pem: String,
) -> Result<Issued, FlowError> {
    if !admitted.entitled().is_host() {
        let problem = "is no host; issue its next certificate with `repoctl identity issue`";
        return Err(Conflict::one(admitted.identity(), problem).into());
    }
    let (shared, host) = (Arc::clone(repository), admitted.clone());
    blocking(move || renew_now(&shared, &host, &csr_pem)).await
}

fn renew_now(repository: &Repository, host: &Admitted, csr_pem: &str) -> Result<Issued, FlowError> {
    let (identity, shown) = (host.identity(), host.actor().serial);
    let Some(authority) = own_authority(repository) else {
        let problem = "gets its certificates from the CA that repod.toml names in [trust]";
        return Err(Conflict::one(identity, problem).into());
    };
    let _alone = lock(&repository.rights);
    // Checked again under the lock, because the right may have been taken meanwhile.
    if admit::find_entitled(repository, identity).is_none_or(|held| !held.is_host()) {
        return Err(crate::domain::Denied::Unknown(identity.clone()).into());
    }
    let now = repository.now();
    let certificates = repository.catalogue.list_certificates(Some(identity))?;
    if certificates.iter().filter(|one| now.since(one.issued_at) < DAY_SECONDS).count()
        >= MOST_A_DAY
    {
        let problem = format!("got {MOST_A_DAY} certificates within a day; try again tomorrow");
        return Err(Conflict::one(identity, problem).into());
    }
    let usual = repository.limits().certificate_days;
    let days = certificates.iter().find(|one| one.serial == shown).map_or(usual, life_days);
    let certificate = Certificate { identity, csr_pem, days: days.min(usual), issued_by: identity };
    let (issued, record) = certificate.issue(authority, repository.dating())?;
    let detail = format!("{identity}: serial {} until {}", record.serial, record.not_after);
    let event = host.did("renew", now).with(&detail);
    repository.catalogue.record_certificate(&record, None, &event)?;
    info!(%identity, serial = %record.serial, replaces = shown, "certificate renewed");
    Ok(issued)
}

/// The validity of a certificate in whole days, at least one.
fn life_days(record: &CertificateRecord) -> u32 {
    let Moment(issued) = record.issued_at;
    let days = record.not_after.0.saturating_sub(issued) / DAY_SECONDS;
    u32::try_from(days).unwrap_or(1).max(1)
}

//! In force: what was recorded of rights and revocations counts from then on, also where the disk does
//! not give it back at once.

use std::sync::atomic::Ordering;
use std::time::Duration;

use tracing::error;

use crate::cause::Cause;
use crate::flow::access::issuing::own_authority;
use crate::flow::admit;
use crate::flow::error::FlowError;
use crate::flow::repository::Repository;
use crate::flow::threads::lock;
use crate::trust::Serial;

/// How often rights that were recorded are read again at once.
const ATTEMPTS: u32 = 3;
const PAUSE: Duration = Duration::from_millis(200);

/// Reads the rights that were just recorded. Where that fails, it is tried again with each refresh.
///
/// # Errors
/// [`FlowError::Unknown`]: they are recorded, and not in force yet.
pub(super) fn rights(repository: &Repository) -> Result<(), FlowError> {
    let mut left = ATTEMPTS;
    loop {
        let Err(problem) = admit::reload_grants(repository) else { return Ok(()) };
        left = left.saturating_sub(1);
        if left == 0 {
            repository.rights_owed.store(true, Ordering::Relaxed);
            error!(%problem, "rights were recorded and are not in force yet; they are read again");
            let text = "recorded, and not yet in force; the server tries again by itself";
            return Err(FlowError::Unknown(Cause::while_doing(text, problem)));
        }
        std::thread::sleep(PAUSE);
    }
}

/// Reads the rights that could not be read when they were recorded.
///
/// # Errors
/// [`FlowError`] of the catalogue; the next refresh tries again.
pub(crate) fn settle_rights(repository: &Repository) -> Result<(), FlowError> {
    let _alone = lock(&repository.rights);
    if repository.rights_owed.load(Ordering::Relaxed) {
        admit::reload_grants(repository)?;
        repository.rights_owed.store(false, Ordering::Relaxed);
    }
    Ok(())
}

/// Whether a certificate is recorded as revoked that no list in force names: the server ended between
/// the two.
///
/// # Errors
/// [`FlowError`] of the catalogue.
pub(crate) fn lacks_revocations(repository: &Repository) -> Result<bool, FlowError> {
    if own_authority(repository).is_none() {
        return Ok(false);
    }
    let (now, state) = (repository.now(), repository.trust.current());
    let certificates = repository.catalogue.list_certificates(None)?;
    let revoked =
        certificates.iter().filter(|one| one.revoked_at.is_some() && one.not_after >= now);
    let is_named =
        |serial: &Serial| state.crls().any(|list| list.find_revocation(serial).is_some());
    Ok(revoked
        .into_iter()
        .any(|one| Serial::parse(&one.serial).is_some_and(|serial| !is_named(&serial))))
}

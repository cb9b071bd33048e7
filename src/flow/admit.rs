//! Admit: from a proven certificate to a right, anew at every request.

use std::sync::Arc;

use crate::domain::{Admitted, Grant, Identity, Right, access};
use crate::flow::{FlowError, Repository};
use crate::trust::{Peer, Standing};

/// Who is asking, by the chain that the connection proved.
///
/// The chain is judged once for each connection and trust epoch; expiry, the revocation list and its
/// age are looked at every time.
///
/// # Errors
/// [`FlowError::Refused`] with the reason.
pub fn identify(repository: &Repository, peer: &Peer) -> Result<Arc<Standing>, FlowError> {
    Ok(peer.standing(&repository.trust, repository.now())?)
}

/// Whether the identity of `standing` has `right`.
///
/// # Errors
/// [`FlowError::Denied`] with the reason.
pub fn admit(
    repository: &Repository,
    standing: &Standing,
    right: Right<'_>,
) -> Result<Admitted, FlowError> {
    let grants = repository.grants.load();
    let admitted = access::admit(standing.identity(), grants.get(standing.identity()), right)?;
    Ok(admitted.presenting(standing.serial().map(ToString::to_string).unwrap_or_default()))
}

/// What an identity was given, if anything.
pub fn find_grant(repository: &Repository, identity: &Identity) -> Option<Grant> {
    repository.grants.load().get(identity).cloned()
}

/// Reads every grant anew, after one was given or taken.
pub(crate) fn reload_grants(repository: &Repository) -> Result<(), FlowError> {
    let grants = repository.catalogue.list_grants()?;
    let grants = grants.into_iter().map(|grant| (grant.identity.clone(), grant)).collect();
    repository.grants.store(Arc::new(grants));
    Ok(())
}

//! Revocation lists of other CAs: delivered over the API, also while they are out of date.

use std::sync::Arc;

use tracing::{error, info};

use crate::domain::{Admitted, Conflict};
use crate::flow::{FlowError, Repository, blocking};
use crate::trust::{IssuerReport, Peer, Standing, TrustError};

/// Largest body of lists: what is read of one file, too. Unit: bytes.
pub const MOST_BYTES: usize = 32 << 20;

/// Who brings a list, by the chain that the connection proved: as [`super::admit::identify`], but not
/// for the age or absence of the lists that are to be mended.
///
/// # Errors
/// [`FlowError::Refused`] with the reason.
pub fn identify_for_repair(
    repository: &Repository,
    peer: &Peer,
) -> Result<Arc<Standing>, FlowError> {
    Ok(peer.standing_for_repair(&repository.trust, repository.now())?)
}

/// Takes lists, PEM or DER: each proves itself by its signature. They are in force when this returns.
///
/// # Errors
/// [`FlowError::Invalid`] when one is not taken, and then none is; [`FlowError::Conflict`] where the
/// server signs its list itself.
pub async fn put(
    repository: &Arc<Repository>,
    admitted: &Admitted,
    lists: Vec<u8>,
) -> Result<Vec<IssuerReport>, FlowError> {
    let (shared, admitted) = (Arc::clone(repository), admitted.clone());
    blocking(move || {
        let (now, by) = (shared.now(), admitted.identity());
        let was_open = shared.trust.current().gate(now).is_ok();
        let taken = shared.trust.deliver(&lists, now).map_err(refused)?;
        let state = shared.trust.current();
        for issuer in state.issuers().iter().filter(|issuer| taken.contains(&issuer.id)) {
            let number = issuer.list.as_ref().map(|list| list.number.as_str());
            info!(issuer = %issuer.name, number = number.unwrap_or_default(), %by, "revocation list delivered");
        }
        let names = state.issuers().into_iter().filter(|issuer| taken.contains(&issuer.id));
        let names: Vec<_> = names.map(|issuer| issuer.name).collect();
        let event = admitted.did("crl", now).with(&names.join("; "));
        if let Err(problem) = shared.catalogue.record_events(&[event]) {
            // The list is in force, which counts for more: a full disk must not keep the gate shut.
            error!(%problem, "the delivery of a revocation list is not in the audit log");
        }
        if !was_open && state.gate(now).is_ok() {
            info!(%by, "open again: every revocation list is in date");
        }
        Ok(state.issuers())
    })
    .await
}

/// Every CA and its list.
pub fn report(repository: &Repository) -> Vec<IssuerReport> {
    repository.trust.current().issuers()
}

fn refused(error: TrustError) -> FlowError {
    match error {
        TrustError::Crl(fault) => {
            FlowError::Invalid { field: "crl", problem: format!("not taken: {fault}") }
        }
        TrustError::Parameter(why) => Conflict::one("crl", why).into(),
        other => other.into(),
    }
}

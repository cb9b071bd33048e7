//! Revocation lists of other CAs: delivered over the API, also while they are out of date.

use std::sync::Arc;

use tracing::{error, info};

use crate::catalogue::Delivery;
use crate::domain::{Admitted, Conflict, Event};
use crate::flow::{FlowError, Repository, blocking, lock};
use crate::trust::{IssuerReport, Peer, Proven, Standing, TrustError};

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
        let _alone = lock(&shared.rotating);
        let (now, by) = (shared.now(), admitted.identity());
        let was_open = shared.trust.current().gate(now).is_ok();
        let mut begun = None;
        let begin = |lists: &[Proven]| begun = Some(begin(&shared, &admitted, lists));
        let delivered = shared.trust.deliver(&lists, now, begin);
        // Also when it failed: some may be in force by then. That they are counts for more than their line: a
        // full disk must not keep the gate shut.
        if let Err(problem) = begun.map_or(Ok(()), |delivery| end(&shared, delivery)) {
            error!(%problem, "a delivery of revocation lists is not in the audit log; the next start tells it");
        }
        delivered.map_err(refused)?;
        let state = shared.trust.current();
        if !was_open && state.gate(now).is_ok() {
            info!(%by, "open again: every revocation list is in date");
        }
        Ok(state.issuers())
    })
    .await
}

/// Notes who delivers what: a list is a file, and no transaction holds it and its line. A stop between the two
/// is made good by the next start.
fn begin(repository: &Repository, admitted: &Admitted, lists: &[Proven]) -> Delivery {
    let (actor, message) = (admitted.actor(), admitted.why().into());
    let delivery =
        Delivery { lists: lists.iter().map(Proven::to_string).collect(), actor, message };
    if let Err(problem) = repository.catalogue.record_delivery(Some(&delivery), &[]) {
        error!(%problem, by = %admitted.identity(), "a delivery of revocation lists could not be noted");
    }
    delivery
}

/// Adds the line of a delivery that was begun and whose lists are in force. Blocks.
///
/// # Errors
/// [`FlowError`] from the catalogue; the next look finds the same then.
pub(super) fn tell(repository: &Repository) -> Result<(), FlowError> {
    let begun = repository.catalogue.find_delivery()?;
    begun.map_or(Ok(()), |delivery| end(repository, delivery))
}

fn end(repository: &Repository, delivery: Delivery) -> Result<(), FlowError> {
    let state = repository.trust.current();
    let lists = delivery.lists.iter().filter_map(|text| Proven::parse(text));
    let names: Vec<_> = lists.filter_map(|list| list.in_force(&state)).collect();
    let event = Event::done(delivery.actor.clone(), "crl", repository.now());
    let event = event.with(&names.join("; ")).because(&delivery.message);
    let events = if names.is_empty() { Vec::new() } else { vec![event] };
    repository.catalogue.record_delivery(None, &events)?;
    for issuer in names {
        info!(%issuer, by = %delivery.actor.identity, "revocation list delivered");
    }
    Ok(())
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

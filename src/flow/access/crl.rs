//! Revocation lists of other CAs, delivered over the API, also while the present lists are out of
//! date.

use std::sync::Arc;

use tracing::{error, info};

use crate::catalogue::Delivery;
use crate::domain::{Admitted, Conflict, Event};
use crate::flow::error::FlowError;
use crate::flow::repository::Repository;
use crate::flow::threads::{blocking, lock};
use crate::trust::{IssuerReport, Peer, Proven, Standing, TrustError};

/// Largest body of delivered lists, as large as the largest list file that is read. Unit: bytes.
pub const MOST_BYTES: usize = 32 << 20;

/// The identity of a client that delivers lists: as [`crate::flow::admit::identify`], but lists
/// that are missing or out of date do not matter, since the delivery is to replace them.
///
/// # Errors
/// [`FlowError::Refused`] with the reason.
pub fn identify_for_repair(
    repository: &Repository,
    peer: &Peer,
) -> Result<Arc<Standing>, FlowError> {
    Ok(peer.standing_for_repair(&repository.trust, repository.now())?)
}

/// Accepts revocation lists, PEM or DER. Each must carry the signature of its CA. They are in force
/// when this returns. Gives every CA and its list.
///
/// # Errors
/// [`FlowError::Invalid`] when one of the lists is refused: none is accepted then.
/// [`FlowError::Conflict`] where the server signs its list itself.
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
        if let Some((delivery, noted)) = begun {
            close(&shared, &delivery, noted, delivered.is_ok());
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

/// Records a delivery before its files are written. A list is a file, so no transaction covers both
/// the list and its audit entry. If the server stops between the two, the next start adds the
/// entry. Gives the delivery, and whether it is recorded; it is not while an earlier delivery still
/// lacks its entry.
fn begin(repository: &Repository, admitted: &Admitted, lists: &[Proven]) -> (Delivery, bool) {
    let (actor, message) = (admitted.actor(), admitted.why().into());
    let delivery =
        Delivery { lists: lists.iter().map(Proven::to_string).collect(), actor, message };
    let note = || repository.catalogue.record_delivery(Some(&delivery), &[]);
    let noted = tell(repository).and_then(|()| Ok(note()?));
    if let Err(problem) = &noted {
        error!(%problem, by = %admitted.identity(), "a delivery of revocation lists could not be noted");
    }
    let noted = noted.is_ok();
    (delivery, noted)
}

/// Writes the audit entry of a delivery, also of a failed one: some of its lists may be in force by
/// then. An entry that cannot be written is only logged, because a full disk must not keep the
/// server from serving again.
fn close(repository: &Repository, delivery: &Delivery, noted: bool, whole: bool) {
    let lists = in_force(repository, delivery);
    if noted && !whole && lists.len() < delivery.lists.len() {
        // The other lists may be in their files already and come into force later. The next
        // delivery or start looks again.
        return;
    }
    let events = events(repository, delivery, &lists);
    let written = match noted {
        true => repository.catalogue.record_delivery(None, &events),
        false => repository.catalogue.record_events(&events),
    };
    if let Err(problem) = written {
        let again = if noted { "the next delivery or start tells it" } else { "it has no line" };
        error!(%problem, again, "a delivery of revocation lists is not in the audit log");
    }
    for (issuer, list) in lists {
        info!(%issuer, number = %list.number(), by = %delivery.actor.identity, "revocation list delivered");
    }
}

/// Writes the audit entry of a recorded delivery, for those of its lists that are in force. Blocks.
///
/// # Errors
/// [`FlowError`] from the catalogue; the delivery stays recorded then.
pub(in crate::flow) fn tell(repository: &Repository) -> Result<(), FlowError> {
    let Some(delivery) = repository.catalogue.find_delivery()? else { return Ok(()) };
    let events = events(repository, &delivery, &in_force(repository, &delivery));
    Ok(repository.catalogue.record_delivery(None, &events)?)
}

/// The lists of a delivery that are in force, each with the name of its CA.
fn in_force(repository: &Repository, delivery: &Delivery) -> Vec<(String, Proven)> {
    let state = repository.trust.current();
    let lists = delivery.lists.iter().filter_map(|text| Proven::parse(text));
    lists.filter_map(|list| Some((list.in_force(&state)?, list))).collect()
}

fn events(repository: &Repository, delivery: &Delivery, lists: &[(String, Proven)]) -> Vec<Event> {
    if lists.is_empty() {
        return Vec::new();
    }
    let names: Vec<_> = lists.iter().map(|(name, _)| name.as_str()).collect();
    let event = Event::done(delivery.actor.clone(), "crl", repository.now());
    vec![event.with(&names.join("; ")).because(&delivery.message)]
}

/// Every CA and its revocation list.
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

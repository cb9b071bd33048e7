//! Which of the revocation lists in the sources is used for each CA, and what is wrong with the
//! rest.
//!
//! Of several lists of one CA, the one with the highest number is used. A bad list removes nothing:
//! the list in force stays in force until its own end, and then the gate closes.

use std::collections::HashMap;
use std::sync::Arc;

use super::authority::Authority;
use super::crl::{self, Crl, Floor, SKEW_SECONDS};
use super::{CrlFault, IssuerId, TrustError};
use crate::time::Moment;

/// The lists in force, by CA.
pub(super) type Lists = HashMap<IssuerId, Arc<Crl>>;

/// A problem with the lists that an operator should look at.
#[derive(Debug)]
pub struct Trouble {
    /// Whose list it is, where that is known.
    pub issuer: Option<IssuerId>,
    /// What is wrong.
    pub fault: TrustError,
}

/// What lists are checked against.
pub(super) struct Measure<'a> {
    /// The CAs that need a list.
    pub(super) authorities: &'a [Authority],
    /// The highest numbers seen.
    pub(super) floor: &'a Floor,
    /// How long a list is still used after its `nextUpdate`. Unit: seconds.
    pub(super) grace_seconds: i64,
    /// The time.
    pub(super) now: Moment,
}

impl Measure<'_> {
    fn is_out(&self, list: &Crl) -> bool {
        list.next_update().plus(self.grace_seconds) <= self.now
    }

    /// Checks the dates of a verified list.
    pub(super) fn check_dates(&self, list: &Crl) -> Result<(), CrlFault> {
        if list.this_update() > self.now.plus(SKEW_SECONDS) {
            return Err(CrlFault::FromFuture(list.this_update()));
        }
        if list.next_update() <= list.this_update() {
            return Err(CrlFault::Stale(list.next_update()));
        }
        Ok(())
    }

    /// Checks that a delivered list may replace the one in force.
    pub(super) fn check_new(&self, list: &Crl) -> Result<(), CrlFault> {
        self.check_dates(list)?;
        if self.is_out(list) {
            return Err(CrlFault::Stale(list.next_update()));
        }
        self.check_number(list)
    }

    /// Checks that its number is not lower than one that was seen.
    pub(super) fn check_number(&self, list: &Crl) -> Result<(), CrlFault> {
        match self.floor.get(&list.issuer()) {
            Some(accepted) if list.number() < accepted => {
                let (given, accepted) = (list.number().to_string(), accepted.to_string());
                Err(CrlFault::Older { given, accepted })
            }
            _ => Ok(()),
        }
    }
}

/// Chooses a list for each CA, from `sources` and from the one that is `held` already.
pub(super) fn gather(
    sources: Vec<Result<Vec<u8>, TrustError>>,
    held: &Lists,
    measure: &Measure<'_>,
) -> Gathered {
    let (mut best, mut troubles) = (HashMap::<IssuerId, Crl>::new(), Vec::new());
    for source in sources {
        let lists = source.and_then(|bytes| Ok(crl::split(&bytes)?));
        let lists = lists.unwrap_or_else(|fault| {
            troubles.push(Trouble { issuer: None, fault });
            Vec::new()
        });
        for der in lists {
            match crl::read(&der, measure.authorities).and_then(|list| dated(list, measure)) {
                Ok(list) => keep_newest(&mut best, list),
                Err((issuer, fault)) => {
                    troubles.push(Trouble { issuer, fault: fault.into() });
                }
            }
        }
    }
    let mut chosen = Lists::new();
    for authority in measure.authorities {
        let id = authority.id();
        let (list, fault) = choose(best.remove(&id), held.get(&id), authority, measure);
        troubles.extend(fault.map(|fault| Trouble { issuer: Some(id), fault: fault.into() }));
        chosen.extend(list.map(|list| (id, list)));
    }
    // Where a CA has no list, one of an unknown CA may be the wrong file in its place.
    let beside = |trouble: &Trouble| trouble.fault.is_of_another_ca();
    let others = match troubles.iter().all(beside) {
        true => std::mem::take(&mut troubles).len(),
        false => 0,
    };
    Gathered { lists: chosen, troubles, others }
}

/// The lists that were found.
pub(super) struct Gathered {
    /// The one in force of each CA.
    pub(super) lists: Lists,
    /// What is wrong with the rest.
    pub(super) troubles: Vec<Trouble>,
    /// How many are of no configured CA, while every configured one has its list.
    pub(super) others: usize,
}

fn dated(list: Crl, measure: &Measure<'_>) -> Result<Crl, (Option<IssuerId>, CrlFault)> {
    let checked = measure.check_dates(&list);
    checked.map_err(|fault| (Some(list.issuer()), fault)).map(|()| list)
}

fn keep_newest(best: &mut HashMap<IssuerId, Crl>, list: Crl) {
    let newer = |old: &Crl| (list.number(), list.this_update()) > (old.number(), old.this_update());
    if best.get(&list.issuer()).is_none_or(newer) {
        best.insert(list.issuer(), list);
    }
}

/// The list that is in force from now on, and what is wrong with the one that was found.
fn choose(
    found: Option<Crl>,
    held: Option<&Arc<Crl>>,
    authority: &Authority,
    measure: &Measure<'_>,
) -> (Option<Arc<Crl>>, Option<CrlFault>) {
    let held = held.map(Arc::clone);
    let Some(found) = found else {
        return (held, Some(CrlFault::Missing(authority.name().to_owned())));
    };
    if let Err(fault) = measure.check_number(&found) {
        return (held, Some(fault));
    }
    let stale = measure.is_out(&found).then(|| CrlFault::Stale(found.next_update()));
    match held {
        // The found list may revoke more, but only the held one still opens the gate.
        Some(held) if stale.is_some() && !measure.is_out(&held) => (Some(held), stale),
        // A list that is out of date keeps the gate closed, and still says which serials are
        // revoked.
        _ => (Some(Arc::new(found)), stale),
    }
}

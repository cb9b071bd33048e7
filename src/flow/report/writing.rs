//! Writing: whether what is asked for can be recorded, and whether what has to be is on the disk.

use std::sync::atomic::Ordering;

use crate::flow::report::concern::{Concern, WarningCode};
use crate::flow::repository::Repository;

/// A store to which nothing is written since its disk failed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StoppedStore {
    /// Which: one of [`STORES`].
    pub store: &'static str,
    /// Why, and what to do.
    pub why: String,
}

/// What is written to.
pub const STORES: [&str; 3] = ["catalogue", "pool", "floor"];

/// The stores to which nothing is written; none while all is well. Hosts are served all the same.
pub fn stopped(repository: &Repository) -> Vec<StoppedStore> {
    let whys = [
        repository.catalogue.stopped().map(|error| error.to_string()),
        repository.pool.stopped().map(|error| error.to_string()),
        repository.signer.floor().stopped().map(|error| error.to_string()),
    ];
    let both = STORES.into_iter().zip(whys);
    both.filter_map(|(store, why)| Some(StoppedStore { store, why: why? })).collect()
}

/// Tries whether the stores to which nothing is written take something again, for a server to which
/// nobody writes. The catalogue does so by itself. It may wait for the disk.
pub fn try_again(repository: &Repository) {
    if repository.pool.stopped().is_some() {
        repository.pool.try_again();
    }
    if repository.signer.floor().stopped().is_some() {
        repository.signer.floor().try_again();
    }
}

/// What somebody should know of it.
pub(super) fn concerns(repository: &Repository) -> Vec<Concern> {
    let mut concerns = Vec::new();
    for StoppedStore { store, why } in stopped(repository) {
        let text = format!("{store}: {why}; hosts are served, and changes are refused meanwhile");
        concerns.push(Concern::of_server(WarningCode::WritingStopped, text));
    }
    if let Some(why) = repository.trust.unstored() {
        let text = format!(
            "a revocation list is in force and not on the disk, so that a restart would go back to the \
             one before: {why}"
        );
        concerns.push(Concern::of_server(WarningCode::CrlUnstored, text));
    }
    if repository.rights_owed.load(Ordering::Relaxed) {
        let text = "rights were recorded that could not be read since, and are not in force: see the log; \
             they are read again by themselves";
        concerns.push(Concern::of_server(WarningCode::RightsOwed, text));
    }
    // While the clock is in doubt it waits, and the warning about the clock says so.
    if repository.crl_owed.load(Ordering::Relaxed) && repository.doubt().is_none() {
        let text = "the revocation list could not be made anew: see the log; whoever was revoked has no right \
             here, and it is tried again by itself";
        concerns.push(Concern::of_server(WarningCode::CrlOwed, text));
    }
    let reserve = repository.trust.reserve();
    if let (false, Some(dir)) = (reserve.is_whole(), reserve.dir()) {
        let text = format!(
            "the room that is kept for revocations on a full disk is used up or was never there ({}): \
             make room; it is taken again by itself",
            dir.display()
        );
        concerns.push(Concern::of_server(WarningCode::ReserveMissing, text));
    }
    concerns
}

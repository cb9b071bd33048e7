//! Restored: what a restoration of an earlier state left open, until an admin acknowledges it.

use std::collections::BTreeMap;
use std::sync::Arc;

pub use crate::catalogue::{AcceptedUpload, Restoration};
use crate::debian::SuiteName;
use crate::domain::Admitted;
use crate::flow::audit::kept;
use crate::flow::error::FlowError;
use crate::flow::report::concern::{Circle, Concern, WarningCode};
use crate::flow::report::reports::reading;
use crate::flow::repository::Repository;

/// How many uploads a report has at most.
const MOST: u32 = 1_000;
/// How many a warning names.
const NAMED: usize = 3;

/// The last restoration.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Restored {
    /// When, and of what.
    pub restoration: Restoration,
    /// What was accepted after the restored state, and not again since; at most 1,000.
    pub lost: Vec<AcceptedUpload>,
    /// What was accepted since the restoration, if it is not known what was accepted before; at most
    /// 1,000. One of them may have other bytes than hosts have of the same version.
    pub doubtful: Vec<AcceptedUpload>,
}

/// The last restoration, with what it left open.
///
/// # Errors
/// [`FlowError::Missing`] when nothing was ever restored; [`FlowError`] from the catalogue.
pub async fn show(repository: &Arc<Repository>) -> Result<Restored, FlowError> {
    reading(repository, |repository| {
        let last = repository.catalogue.last_restoration()?;
        let last =
            last.ok_or_else(|| FlowError::Missing("a restoration; there was none".into()))?;
        read(repository, last)
    })
    .await
}

/// Acknowledges every restoration: the warnings end.
///
/// # Errors
/// [`FlowError`] from the catalogue.
pub async fn acknowledge(
    repository: &Arc<Repository>,
    admitted: &Admitted,
) -> Result<(), FlowError> {
    let event = admitted.did(kept::ACKNOWLEDGE, repository.now());
    reading(repository, move |repository| {
        // Of one that was acknowledged already nothing changes.
        repository.catalogue.acknowledge_restorations(&event)?;
        Ok(())
    })
    .await
}

fn read(repository: &Repository, restoration: Restoration) -> Result<Restored, FlowError> {
    let is_open = restoration.acknowledged_at.is_none();
    let lost = if is_open { repository.catalogue.list_lost(MOST)? } else { Vec::new() };
    let doubtful = match is_open && !restoration.is_complete {
        true => repository.catalogue.list_accepted(restoration.at, MOST)?,
        false => Vec::new(),
    };
    Ok(Restored { restoration, lost, doubtful })
}

/// What `status` warns of: one warning for the server, and one for each suite.
pub(super) fn concerns(repository: &Repository) -> Result<Vec<Concern>, FlowError> {
    let last = repository.catalogue.last_restoration()?;
    let Some(last) = last.filter(|last| last.acknowledged_at.is_none()) else {
        return Ok(Vec::new());
    };
    let Restored { restoration, lost, doubtful } = read(repository, last)?;
    let mut concerns = vec![of_server(&restoration)];
    for (suite, uploads) in by_suite(&lost) {
        let text = format!(
            "{} accepted after the restored state and not listed: {}; `repoctl restored` lists them, upload them again",
            were(uploads.len()),
            names(&uploads)
        );
        concerns.push(Concern { code: WarningCode::Restored, text, of: circle(suite) });
    }
    for (suite, uploads) in by_suite(&doubtful) {
        let text = format!(
            "{} accepted since the restoration: {}; hosts may have other bytes of the same version",
            were(uploads.len()),
            names(&uploads)
        );
        concerns.push(Concern { code: WarningCode::Restored, text, of: circle(suite) });
    }
    Ok(concerns)
}

fn of_server(restoration: &Restoration) -> Concern {
    let state = match restoration.taken_at {
        Some(at) => format!("the state of {at}"),
        None => "an earlier state".to_owned(),
    };
    let known = match restoration.is_complete {
        true => "what was accepted and revoked after it is known",
        false => {
            "versions that were accepted, certificates that were revoked and rights that were taken after it are not known, so revoke again what was revoked"
        }
    };
    let at = restoration.at;
    let text = format!(
        "{state} was restored at {at}; {known}; `repoctl restored acknowledge` ends this warning"
    );
    Concern { code: WarningCode::Restored, text, of: Circle::Operators }
}

fn by_suite(uploads: &[AcceptedUpload]) -> BTreeMap<Option<SuiteName>, Vec<&AcceptedUpload>> {
    let mut suites: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for upload in uploads {
        suites.entry(upload.suite.parse().ok()).or_default().push(upload);
    }
    suites
}

/// Of a package that is known by its file alone, nobody knows whose it is.
fn circle(suite: Option<SuiteName>) -> Circle {
    suite.map_or(Circle::Admins, Circle::Readers)
}

fn were(count: usize) -> String {
    match count {
        1 => "1 package was".into(),
        count => format!("{count} packages were"),
    }
}

fn names(uploads: &[&AcceptedUpload]) -> String {
    let one = |upload: &&AcceptedUpload| format!("{} {}", upload.name, upload.version);
    let mut names: Vec<_> = uploads.iter().take(NAMED).map(one).collect();
    let more = uploads.len().saturating_sub(NAMED);
    names.extend((more > 0).then(|| format!("and {more} more")));
    names.join(", ")
}

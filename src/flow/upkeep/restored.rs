//! Restored: a catalogue that was set back to an earlier state is recognised, and hosts that saw the
//! newer state are led on.
//!
//! What hosts may have seen is known beside the catalogue: the highest generation that was signed of
//! each suite, the last signed end of the audit log, and the packages themselves.

use std::collections::BTreeSet;
use std::io::Read;

use tracing::{error, info, warn};

use crate::catalogue::{AcceptedUpload, Restoration};
use crate::digest::Digest;
use crate::domain::audit::Statement;
use crate::domain::{Actor, Change, Event, Identity, Package};
use crate::flow::audit::{kept, seal};
use crate::flow::error::FlowError;
use crate::flow::repository::Repository;
use crate::flow::suite::desk::Desk;
use crate::flow::suite::queue::Job;
use crate::flow::upload::recognise::recognise;
use crate::pool::{Kind, Opened};
use crate::signing::SigningError;
use crate::time::Moment;

/// How many packages are looked up at once.
const AT_ONCE: usize = 500;

/// Compares the log with what was signed last. Blocks; comes before the suites are opened.
///
/// # Errors
/// [`FlowError`] from the stores.
pub(crate) fn by_log(repository: &Repository) -> Result<Option<Statement>, FlowError> {
    let text = repository.signer.floor().read_statement().map_err(SigningError::from)?;
    let differing = kept::differing(&*repository.catalogue, text.as_deref())?;
    if differing.is_some() {
        note(repository)?;
    }
    Ok(differing)
}

/// Compares the suites with the generations that were signed, and settles what was restored: its
/// packages are known, and the audit log has it. Blocks; comes before anybody is served.
///
/// # Errors
/// [`FlowError`] from the stores.
pub(crate) fn settle(repository: &Repository, signed: Option<&Statement>) -> Result<(), FlowError> {
    // One more is what a stop right after the signature leaves.
    let is_behind = |desk: &&std::sync::Arc<Desk>| {
        let last = desk.state().last_generation;
        desk.next_generation(last) > last.saturating_add(2)
    };
    if repository.desks().values().any(|desk| is_behind(&desk)) {
        note(repository)?;
    }
    let Some(last) = repository.catalogue.last_restoration()?.filter(|last| !last.is_told) else {
        return Ok(());
    };
    if !last.is_complete {
        adopt(repository)?;
    }
    let event = Event::done(Actor::server(), kept::RESTORE, repository.now());
    let event = event.with(&text_of(&last, signed));
    repository.catalogue.tell_restorations(&event)?;
    // What was signed last is in this entry; from here on the log is signed as it is now.
    if let Err(problem) = seal::seal(repository) {
        error!(%problem, "the end of the audit log is not signed; it is tried again");
    }
    repository.desks().values().for_each(|desk| lead_on(repository, desk));
    warn!(detail = event.detail, "an earlier state was restored; `repoctl restored` tells more");
    Ok(())
}

/// Records a restoration that nobody told of, unless one is recorded already and not told.
fn note(repository: &Repository) -> Result<(), FlowError> {
    let last = repository.catalogue.last_restoration()?;
    if last.is_some_and(|last| !last.is_told) {
        return Ok(());
    }
    let found = Restoration {
        at: repository.now(),
        taken_at: None,
        is_complete: false,
        is_told: false,
        acknowledged_at: None,
    };
    Ok(repository.catalogue.record_restoration(&found, &[])?)
}

fn text_of(last: &Restoration, signed: Option<&Statement>) -> String {
    let state = match last.taken_at {
        Some(at) => format!("the state of {at}"),
        None => "an earlier state, nobody said which".to_owned(),
    };
    match signed {
        Some(Statement { end, at }) => format!(
            "{state}; this log had been signed up to entry {}, hash {}, at {at}",
            end.entries, end.hash
        ),
        None => state,
    }
}

/// Records the packages whose files are there and that the catalogue does not know. They were
/// accepted after the restored state, so that their names and versions stay theirs.
fn adopt(repository: &Repository) -> Result<(), FlowError> {
    let stored: BTreeSet<_> =
        repository.pool.list(Kind::Blob)?.into_iter().map(|one| one.digest).collect();
    let all: Vec<_> = stored.into_iter().collect();
    let server = Identity::server();
    for some in all.chunks(AT_ONCE) {
        let known = repository.catalogue.find_packages(some)?;
        let known: BTreeSet<_> = known.iter().map(|record| record.package.digest).collect();
        let unknown = some.iter().filter(|digest| !known.contains(digest));
        let found: Vec<_> = unknown.filter_map(|digest| read(repository, digest)).collect();
        let lost: Vec<_> = found.iter().map(|new| lost(&new.package)).collect();
        let digests: Vec<_> = lost.iter().map(|one| one.digest).collect();
        if digests.is_empty() {
            continue;
        }
        repository.catalogue.record_packages(found, &server, repository.now())?;
        repository.catalogue.bind_everywhere(&digests)?;
        repository.catalogue.record_lost(&lost)?;
        info!(packages = digests.len(), "packages of after the restored state are known again");
    }
    Ok(())
}

/// A package of the pool, read anew; `None` for what is damaged or no package.
fn read(repository: &Repository, digest: &Digest) -> Option<crate::catalogue::NewPackage> {
    let opened = repository.pool.open(Kind::Blob, digest).ok()??;
    let (read, size_bytes): (Box<dyn Read>, u64) = match opened {
        Opened::File { file, offset, size_bytes } => {
            let mut file = file;
            std::io::Seek::seek(&mut file, std::io::SeekFrom::Start(offset)).ok()?;
            (Box::new(file.take(size_bytes)), size_bytes)
        }
        Opened::Memory(bytes) => {
            let size_bytes = bytes.len() as u64;
            (Box::new(std::io::Cursor::new(bytes)), size_bytes)
        }
    };
    let recognised = recognise(repository, None, read).ok()?;
    Some(recognised.describe(*digest, size_bytes))
}

fn lost(package: &Package) -> AcceptedUpload {
    AcceptedUpload {
        suite: String::new(),
        digest: package.digest,
        name: package.name.clone(),
        version: package.version.clone(),
        architecture: package.architecture.clone(),
        author: String::new(),
        at: Moment(0),
    }
}

/// Publishes what a suite lists under a new number and Date, if it was set back since it was
/// published: hosts that saw the newer state ignore the older one.
pub(crate) fn lead_on(repository: &Repository, desk: &Desk) {
    let restored = match repository.catalogue.last_restoration() {
        Ok(restored) => restored,
        Err(problem) => {
            error!(%problem, "whether an earlier state was restored is not known; it is tried again");
            return;
        }
    };
    let state = desk.state();
    let Some((restored, head)) = restored.zip(state.head.as_ref()) else { return };
    if head.date >= restored.at {
        return;
    }
    let (job, _) = Job::of_server(Change::Restore(restored.at));
    let message = match restored.taken_at {
        Some(at) => format!("restored from the backup of {at}"),
        None => "an earlier state was restored".to_owned(),
    };
    if let Err(problem) = desk.submit(Job { message, ..job }) {
        error!(suite = %desk.suite, %problem, "what was restored is not published anew yet");
    }
}

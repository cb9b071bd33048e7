//! Snapshot: any kept generation, as it was. It is signed when it is first requested, with the Date
//! of the generation and no Valid-Until, and the signature is kept.

use std::sync::Arc;

use bytes::Bytes;

use crate::catalogue::Snapshot;
use crate::debian::{ReleaseText, SuiteName};
use crate::digest::Digest;
use crate::domain::layout::{DistsFile, SnapshotId};
use crate::domain::{Admitted, Denied, GenerationRecord, IndexFile, SuiteSpec};
use crate::flow::error::FlowError;
use crate::flow::publish::release::{proven_text, release_text};
use crate::flow::report::dropped;
use crate::flow::repository::Repository;
use crate::flow::serve::source::{Fetched, Source, rope};
use crate::flow::suite::served::UNCHANGING;
use crate::flow::threads::blocking;
use crate::time::Moment;

/// How often it is noted that somebody asks for a snapshot. Unit: seconds.
const DAY_SECONDS: i64 = 86_400;

/// Opens a file of an earlier state of a suite, for an identity that may read the suite.
///
/// # Errors
/// [`FlowError::Denied`] when the suite does not exist, with the text for one that may not be read;
/// [`FlowError::Missing`] when it has no such generation or file.
pub(in crate::flow) async fn fetch(
    repository: &Arc<Repository>,
    admitted: &Admitted,
    id: SnapshotId,
    suite: &SuiteName,
    file: DistsFile,
) -> Result<Fetched, FlowError> {
    let identity = admitted.identity();
    let absent = || Denied::Suite(identity.clone(), suite.clone());
    let state = repository.desk(suite).ok_or_else(absent)?.state();
    state.head.as_ref().ok_or_else(absent)?;
    let spec = state.spec.clone();
    let (shared, name) = (Arc::clone(repository), suite.clone());
    let (generation, fetched) = blocking(move || {
        let record = find(&shared, &name, id)?;
        Ok((record.generation, open(&shared, &spec, &record, file)?))
    })
    .await?;
    repository.journal.note(identity, suite, repository.now(), generation);
    Ok(fetched)
}

/// The generation that `id` names.
fn find(
    repository: &Repository,
    suite: &SuiteName,
    id: SnapshotId,
) -> Result<GenerationRecord, FlowError> {
    let now = repository.now();
    let (found, what) = match id {
        SnapshotId::Generation(number) => (
            repository.catalogue.find_generation(suite, number)?,
            format!("generation {number} of suite {suite}"),
        ),
        // A snapshot never changes, but a time that is still to come may get another generation.
        SnapshotId::Time(at) if at > now => {
            (None, format!("snapshot of a time to come; here it is {}", now.stamp()))
        }
        SnapshotId::Time(at) => (
            repository.catalogue.find_live_at(suite, at)?,
            format!("generation of suite {suite} that was live at {}", at.stamp()),
        ),
    };
    let found = found.ok_or(FlowError::Missing(what))?;
    match dropped::told(repository, suite, &found)? {
        Some(told) => Err(FlowError::Missing(told)),
        None => Ok(found),
    }
}

fn open(
    repository: &Repository,
    spec: &SuiteSpec,
    record: &GenerationRecord,
    file: DistsFile,
) -> Result<Fetched, FlowError> {
    let absent = || FlowError::Missing("such file in this generation".into());
    let text: fn(Snapshot) -> String = match file {
        DistsFile::InRelease => |kept| kept.in_release,
        DistsFile::Release => |kept| kept.release,
        DistsFile::ReleaseGpg => |kept| kept.release_gpg,
        DistsFile::Index(path) => {
            let kept = signed(repository, spec, record)?;
            // A head that was signed again may list another file at this path by now.
            let index = match listed(&kept, &path) {
                Some((directory, digest)) => {
                    repository.catalogue.find_by_hash(&spec.name, directory, &digest)?
                }
                None => repository.catalogue.find_index(&spec.name, record.generation, &path)?,
            };
            return Ok(rope(index.ok_or_else(absent)?, kept.signed_at, false));
        }
        DistsFile::ByHash { directory, digest } => {
            let index = repository.catalogue.find_by_hash(&spec.name, &directory, &digest)?;
            return Ok(rope(index.ok_or_else(absent)?, UNCHANGING, true));
        }
    };
    let kept = signed(repository, spec, record)?;
    let last_modified = kept.signed_at;
    let bytes = Bytes::from(text(kept));
    Ok(Fetched {
        content_type: "text/plain; charset=utf-8",
        size_bytes: bytes.len() as u64,
        last_modified: last_modified.into(),
        digest: None,
        immutable: false,
        source: Source::Text(bytes),
    })
}

/// The directory and the digest of a file that a snapshot lists.
fn listed<'p>(kept: &Snapshot, path: &'p str) -> Option<(&'p str, Digest)> {
    let release = ReleaseText::parse(kept.release.as_bytes()).ok()?;
    let entry = release.entries.iter().find(|entry| entry.path == path)?;
    Some((path.rsplit_once('/')?.0, entry.digest))
}

/// The kept signature of a generation. It is made now if none is kept by the present signing keys
/// with the present alias. Of several that are made at once, the first is kept and given to all.
fn signed(
    repository: &Repository,
    spec: &SuiteSpec,
    record: &GenerationRecord,
) -> Result<Snapshot, FlowError> {
    let mut keys = repository.signer.fingerprints_for(&spec.name).join(" ");
    keys.extend(spec.alias.iter().map(|alias| format!(" as {alias}")));
    let kept = repository.catalogue.find_snapshot(&spec.name, record.generation)?;
    if let Some(kept) = kept.filter(|kept| kept.keys == keys) {
        let now = repository.now();
        if now.since(kept.asked_at) >= DAY_SECONDS {
            repository.catalogue.note_snapshot(&spec.name, record.generation, now)?;
        }
        return Ok(kept);
    }
    let files = repository.catalogue.list_indices(&spec.name, record.generation)?;
    // A generation is dated after its own Release only if the clock was set back while it was made.
    let date = match repository.signer.last_date(&spec.name)? {
        Some(last) => record.at.min(last),
        None => record.at,
    };
    let text = proven_text(&text_of(spec, date, &files))?;
    let (signed, signed_at) = repository.signer.sign_past(&spec.name, date, &text)?;
    let (release, in_release, release_gpg) = signed.into_texts();
    let generation = record.generation;
    let asked_at = signed_at;
    let new = Snapshot { generation, signed_at, asked_at, keys, release, release_gpg, in_release };
    Ok(repository.catalogue.record_snapshot(&spec.name, &new)?)
}

/// The present settings of the suite, without components and architectures that were added later:
/// apt expects an index for each.
fn text_of(spec: &SuiteSpec, date: Moment, files: &[IndexFile]) -> ReleaseText {
    let mut then = spec.clone();
    let has = |part: &str| files.iter().any(|file| file.path.contains(part));
    then.components.retain(|component| {
        let folder = format!("{component}/");
        files.iter().any(|file| file.path.starts_with(&folder))
    });
    then.architectures.retain(|architecture| has(&format!("/binary-{architecture}/")));
    release_text(&then, date, None, files)
}

//! Release: the text that is signed, made of a suite's settings and the files that it lists.

use crate::debian::{ReleaseEntry, ReleaseFields, ReleaseText};
use crate::domain::{IndexFile, SuiteSpec};
use crate::flow::error::FlowError;

/// Writes a Release text and reads it back. A text that reads back differently is an error, and not
/// signed.
pub(crate) fn proven_text(release: &ReleaseText) -> Result<String, FlowError> {
    let text = release.write();
    match ReleaseText::parse(text.as_bytes()) {
        Ok(read) if read == *release => Ok(text),
        Ok(_) => Err(FlowError::Internal("a Release file read back differently".into())),
        Err(error) => Err(FlowError::internal("a Release file did not read back")(error)),
    }
}

/// The content of a Release file for a suite and its files.
pub(crate) fn release_text(
    spec: &SuiteSpec,
    date: crate::time::Moment,
    valid_until: Option<crate::time::Moment>,
    files: &[IndexFile],
) -> ReleaseText {
    let entry = |file: &IndexFile| ReleaseEntry {
        path: file.path.clone(),
        size_bytes: file.size_bytes,
        digest: file.digest,
    };
    let fields = ReleaseFields {
        origin: spec.origin.clone(),
        label: spec.label.clone(),
        suite: spec.release_suite().clone(),
        codename: spec.name.clone(),
        description: spec.description.clone(),
        date: date.release_date(),
        valid_until: valid_until.map(crate::time::Moment::release_date),
        not_automatic: spec.not_automatic,
        but_automatic_upgrades: spec.but_automatic_upgrades,
        changelogs: spec.changelogs.clone(),
        snapshots: spec.snapshots.clone(),
        architectures: spec.architectures.clone(),
        components: spec.components.clone(),
        acquire_by_hash: true,
    };
    let mut entries: Vec<_> = files.iter().filter(|file| file.listed).map(entry).collect();
    entries.sort();
    ReleaseText { fields, entries }
}

//! Fetch: opens what a path names, for those who may read it.

use std::sync::Arc;

use bytes::Bytes;

use crate::debian::{PackageName, SuiteName};
use crate::domain::layout::{self, DistsFile, RepoPath};
use crate::domain::reserved::CLIENT_PREFIX;
use crate::domain::{Admitted, Package, Right};
use crate::flow::admit;
use crate::flow::admit::Ground;
use crate::flow::error::FlowError;
use crate::flow::repository::Repository;
use crate::flow::serve::source::{Fetched, Source, rope};
use crate::flow::serve::{ring, snapshot, withdrawn};
use crate::flow::suite::served::{Served, UNCHANGING};
use crate::flow::threads::blocking;
use crate::pool::{Kind, Opened};
use crate::trust::Standing;

/// Opens what a path names, and gives the right under which it is read.
///
/// # Errors
/// [`FlowError::Denied`] below `dists/` when the suite may not be read or does not exist, with the
/// same text for both; [`FlowError::Missing`] for all other files that may not be read or do not
/// exist.
pub async fn fetch(
    repository: &Arc<Repository>,
    standing: &Standing,
    path: RepoPath,
) -> Result<(Fetched, Ground), FlowError> {
    open(repository, standing, path).await.inspect_err(|problem| repository.note_damage(problem))
}

async fn open(
    repository: &Arc<Repository>,
    standing: &Standing,
    path: RepoPath,
) -> Result<(Fetched, Ground), FlowError> {
    match path {
        RepoPath::Dists(named, file) => {
            let suite = admit::meant(repository, standing, named);
            let admitted = admit::admit(repository, standing, Right::Read(&suite))?;
            let fetched = dists(repository, &admitted, &suite, file).await?;
            Ok((fetched, Ground::reading(admitted, vec![suite])))
        }
        RepoPath::Snapshot(id, named, file) => {
            let suite = admit::meant(repository, standing, named);
            let admitted = admit::admit(repository, standing, Right::Read(&suite))?;
            let fetched = snapshot::fetch(repository, &admitted, id, &suite, file).await?;
            Ok((fetched, Ground::reading(admitted, vec![suite])))
        }
        RepoPath::Pool { name, digest_prefix, file, in_snapshot } => {
            let admitted = admit::admit(repository, standing, Right::Introspect)?;
            let shared = Arc::clone(repository);
            blocking(move || {
                let (package, suites) = find(&shared, &admitted, &name, &digest_prefix, &file)?;
                let reason = match in_snapshot {
                    true => withdrawn::yank_told(&shared, &package, &suites),
                    false => withdrawn::reason(&shared, &package, &suites),
                };
                match reason {
                    Some(reason) => Err(FlowError::Withdrawn(reason)),
                    None => pool(&shared, admitted, &package, suites),
                }
            })
            .await
        }
    }
}

async fn dists(
    repository: &Arc<Repository>,
    admitted: &Admitted,
    suite: &SuiteName,
    file: DistsFile,
) -> Result<Fetched, FlowError> {
    let identity = admitted.identity();
    let absent = || crate::domain::Denied::Suite(identity.clone(), suite.clone());
    let desk = repository.desk(suite).ok_or_else(absent)?;
    let everybodys = desk.served().ok_or_else(absent)?;
    let (ring, head) = ring::of(repository, &desk, everybodys, identity);
    repository.journal.note(identity, suite, repository.now(), head.generation);
    let text = |text: &Bytes, head: &Served| Fetched {
        content_type: "text/plain; charset=utf-8",
        size_bytes: text.len() as u64,
        last_modified: head.date.clone(),
        digest: None,
        immutable: false,
        source: Source::Text(text.clone()),
    };
    match file {
        DistsFile::InRelease => {
            repository.releases.forget(identity, suite);
            Ok(text(&head.in_release, &head))
        }
        DistsFile::Release => {
            repository.releases.remember(identity, suite, &head, repository.now());
            Ok(text(&head.release, &head))
        }
        DistsFile::ReleaseGpg => {
            let head =
                repository.releases.recall(identity, suite, repository.now()).unwrap_or(head);
            Ok(text(&head.release_gpg, &head))
        }
        DistsFile::Index(path) => {
            let (shared, suite) = (Arc::clone(repository), suite.clone());
            blocking(move || {
                let listed = ring::find_index(&shared, &suite, ring, head.generation, &path)?;
                // Hosts that were given an earlier head request patches by name.
                let record = match listed {
                    None => shared.catalogue.find_patch(&suite, &path)?,
                    listed => listed,
                };
                let record =
                    record.ok_or_else(|| FlowError::Missing("such file in this suite".into()))?;
                let date = if record.file.listed { head.date.clone() } else { UNCHANGING.into() };
                let unlisted = !record.file.listed;
                Ok(rope(record, date, unlisted))
            })
            .await
        }
        DistsFile::ByHash { directory, digest } => {
            let (shared, suite) = (Arc::clone(repository), suite.clone());
            blocking(move || {
                let record = shared.catalogue.find_by_hash(&suite, &directory, &digest)?;
                let record =
                    record.ok_or_else(|| FlowError::Missing("such file in this suite".into()))?;
                Ok(rope(record, UNCHANGING, true))
            })
            .await
        }
    }
}

/// A `.deb` that a suite has accepted which the host may read, and all such suites. The error is the same when the
/// package may not be read and when it does not exist.
fn find(
    repository: &Repository,
    admitted: &Admitted,
    name: &PackageName,
    digest_prefix: &str,
    file: &str,
) -> Result<(Package, Vec<SuiteName>), FlowError> {
    let absent = || FlowError::Missing("such package for this host".into());
    let found = repository.catalogue.find_by_path(name, digest_prefix)?;
    let (package, mut suites) = found.ok_or_else(absent)?;
    suites.retain(|suite| admitted.entitled().reads(suite));
    if suites.is_empty() || layout::deb_file_name(&package) != file {
        return Err(absent());
    }
    Ok((package, suites))
}

/// Opens a `.deb` for a host that reads these suites.
fn pool(
    repository: &Repository,
    admitted: Admitted,
    package: &Package,
    suites: Vec<SuiteName>,
) -> Result<(Fetched, Ground), FlowError> {
    if package.name.as_str().starts_with(CLIENT_PREFIX) {
        repository.journal.note_client(admitted.identity(), package.digest, repository.now());
    }
    let opened = repository.pool.open(Kind::Blob, &package.digest)?;
    let lost = || FlowError::lost_blob(&package.digest);
    let fetched = Fetched {
        content_type: "application/vnd.debian.binary-package",
        size_bytes: package.size_bytes,
        last_modified: UNCHANGING.into(),
        digest: Some(package.digest),
        immutable: true,
        source: match opened.ok_or_else(lost)? {
            // Other packages may follow in the same file, and this host may not be allowed to read
            // them.
            Opened::File { size_bytes, .. } if size_bytes != package.size_bytes => {
                let text = format!("blob {} is of another size than recorded", package.digest);
                return Err(FlowError::Internal(text.into()));
            }
            Opened::File { file, offset, .. } => Source::File(file, offset),
            Opened::Memory(bytes) => Source::Text(bytes),
        },
    };
    Ok((fetched, Ground::reading(admitted, suites)))
}

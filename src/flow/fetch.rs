//! Fetch: from a path to bytes, for those who may read them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use bytes::Bytes;

use crate::catalogue::IndexRecord;
use crate::debian::{PackageName, SuiteName, framing};
use crate::digest::Digest;
use crate::domain::host::CLIENT_PREFIX;
use crate::domain::layout::{self, DistsFile, RepoPath};
use crate::domain::{Admitted, Encoding, Identity, Right, StoredChunk};
use crate::flow::admit::Ground;
use crate::flow::chunk::read_stored;
use crate::flow::served::{Served, Stamp};
use crate::flow::tracks::{gzip_tail, xz_tail};
use crate::flow::{FlowError, Repository, admit, blocking, lock, snapshot};
use crate::pool::{Kind, Opened, Pool};
use crate::time::Moment;
use crate::trust::Standing;

/// What a path named.
pub struct Fetched {
    /// The media type.
    pub content_type: &'static str,
    /// Size of the whole. Unit: bytes.
    pub size_bytes: u64,
    /// The same for the same bytes, always; of a head, its Date.
    pub last_modified: Stamp,
    /// The digest, where the path has it.
    pub digest: Option<Digest>,
    /// Whether the path can never name other bytes.
    pub immutable: bool,
    /// The bytes.
    pub source: Source,
}

/// Where the bytes come from.
pub enum Source {
    /// They are at hand.
    Text(Bytes),
    /// A file, from this offset on.
    File(std::fs::File, u64),
    /// An index, chunk by chunk.
    Rope(Vec<Segment>),
}

/// A piece of an index.
#[derive(Clone, Debug)]
pub enum Segment {
    /// Bytes at hand.
    Inline(Bytes),
    /// A chunk in an encoding.
    Chunk(Arc<StoredChunk>, Encoding),
}

/// What lies under a path that names its content says when it was made by none of our clocks: the same
/// moment for all, so that a resumed download always finds it unchanged.
pub(super) const UNCHANGING: Moment = Moment(1_000_000_000);
/// How long `Release.gpg` is answered with the signature of the `Release` that was given before it.
/// Unit: seconds.
const PAIRED_SECONDS: i64 = 600;
/// How many hosts between the two requests are remembered.
const PAIRED_MOST: usize = 20_000;

/// Which head each host was last given as `Release`, so that its `Release.gpg` matches even when a
/// publish falls between the two requests.
#[derive(Default)]
pub struct Releases(Mutex<HashMap<(Identity, SuiteName), Given>>);

/// A head, and when a host was given it.
type Given = (Arc<Served>, Moment);

/// Opens what a path names, and says by which right.
///
/// # Errors
/// [`FlowError::Denied`] below `dists/` when the suite may not be read or is not there, in the same
/// words; [`FlowError::Missing`] for everything else that is foreign or absent.
pub async fn fetch(
    repository: &Arc<Repository>,
    standing: &Standing,
    path: RepoPath,
) -> Result<(Fetched, Ground), FlowError> {
    match path {
        RepoPath::Dists(suite, file) => {
            let admitted = admit::admit(repository, standing, Right::Read(&suite))?;
            let fetched = dists(repository, &admitted, &suite, file).await?;
            Ok((fetched, Ground::reading(admitted, vec![suite])))
        }
        RepoPath::Snapshot(id, suite, file) => {
            let admitted = admit::admit(repository, standing, Right::Read(&suite))?;
            let fetched = snapshot::fetch(repository, &admitted, id, &suite, file).await?;
            Ok((fetched, Ground::reading(admitted, vec![suite])))
        }
        RepoPath::Pool { name, digest_prefix, file } => {
            let admitted = admit::admit(repository, standing, Right::Introspect)?;
            let shared = Arc::clone(repository);
            blocking(move || pool(&shared, admitted, &name, &digest_prefix, &file)).await
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
    let head = desk.served().ok_or_else(absent)?;
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
                let listed = shared.catalogue.find_index(&suite, head.generation, &path)?;
                // Patches are asked for by their names, by hosts that were given an earlier head.
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

/// Opens a `.deb` if some suite has taken it that may be read. Foreign and absent are told in the
/// same words.
fn pool(
    repository: &Repository,
    admitted: Admitted,
    name: &PackageName,
    digest_prefix: &str,
    file: &str,
) -> Result<(Fetched, Ground), FlowError> {
    let absent = || FlowError::Missing("such package for this host".into());
    let found = repository.catalogue.find_by_path(name, digest_prefix)?;
    let (package, mut suites) = found.ok_or_else(absent)?;
    suites.retain(|suite| admitted.entitled().reads(suite));
    if suites.is_empty() || layout::deb_file_name(&package) != file {
        return Err(absent());
    }
    if name.as_str().starts_with(CLIENT_PREFIX) {
        repository.journal.note_client(admitted.identity(), package.digest, repository.now());
    }
    let opened = repository.pool.open(Kind::Blob, &package.digest)?;
    let lost = || FlowError::Internal(format!("blob {} is recorded but not there", package.digest));
    let fetched = Fetched {
        content_type: "application/vnd.debian.binary-package",
        size_bytes: package.size_bytes,
        last_modified: UNCHANGING.into(),
        digest: Some(package.digest),
        immutable: true,
        source: match opened.ok_or_else(lost)? {
            // Others may lie behind it in the same file, and those are not for everybody who may have it.
            Opened::File { size_bytes, .. } if size_bytes != package.size_bytes => {
                let text = format!("blob {} is of another size than recorded", package.digest);
                return Err(FlowError::Internal(text));
            }
            Opened::File { file, offset, .. } => Source::File(file, offset),
            Opened::Memory(bytes) => Source::Text(bytes),
        },
    };
    Ok((fetched, Ground::reading(admitted, suites)))
}

/// An index, to be sent chunk by chunk.
pub(super) fn rope(
    record: IndexRecord,
    last_modified: impl Into<Stamp>,
    immutable: bool,
) -> Fetched {
    let encoding = record.file.encoding;
    let (header, tail): (&'static [u8], _) = match encoding {
        Encoding::Plain => (&[], Vec::new()),
        Encoding::Members if record.chunks.is_empty() => (&framing::EMPTY_GZIP, Vec::new()),
        Encoding::Members => (&[], Vec::new()),
        Encoding::Gz => {
            let runs = record.chunks.iter().filter_map(|one| Some((one.run?, one.plain_bytes)));
            (&framing::GZIP_HEADER, gzip_tail(runs))
        }
        Encoding::Xz => {
            let blocks = record.chunks.iter().filter_map(|one| Some((one.xz?, one.plain_bytes)));
            (&framing::XZ_HEADER, xz_tail(blocks))
        }
    };
    let inline = |bytes: Bytes| (!bytes.is_empty()).then_some(Segment::Inline(bytes));
    let chunks = record.chunks.into_iter().map(|chunk| Segment::Chunk(chunk, encoding));
    let segments = inline(Bytes::from_static(header)).into_iter().chain(chunks);
    let segments = segments.chain(inline(tail.into())).collect();
    let content_type = match encoding {
        Encoding::Plain => "text/plain; charset=utf-8",
        Encoding::Gz | Encoding::Members => "application/gzip",
        Encoding::Xz => "application/x-xz",
    };
    Fetched {
        content_type,
        size_bytes: record.file.size_bytes,
        last_modified: last_modified.into(),
        digest: Some(record.file.digest),
        immutable,
        source: Source::Rope(segments),
    }
}

impl Segment {
    /// Unit: bytes.
    pub fn size_bytes(&self) -> u64 {
        match self {
            Self::Inline(bytes) => bytes.len() as u64,
            Self::Chunk(chunk, encoding) => chunk.size_bytes(*encoding).unwrap_or(0),
        }
    }

    /// The bytes of the segment.
    ///
    /// # Errors
    /// [`FlowError`] when the pool cannot give them.
    pub async fn read(self, repository: &Arc<Repository>) -> Result<Bytes, FlowError> {
        match self {
            Self::Inline(bytes) => Ok(bytes),
            Self::Chunk(stored, encoding) => {
                let shared = Arc::clone(repository);
                blocking(move || read_chunk(shared.pool.as_ref(), &stored, encoding)).await
            }
        }
    }

    /// The same, for those who may wait.
    pub(super) fn read_now(self, pool: &dyn Pool) -> Result<Bytes, FlowError> {
        match self {
            Self::Inline(bytes) => Ok(bytes),
            Self::Chunk(stored, encoding) => read_chunk(pool, &stored, encoding),
        }
    }
}

fn read_chunk(
    pool: &dyn Pool,
    stored: &StoredChunk,
    encoding: Encoding,
) -> Result<Bytes, FlowError> {
    let mut bytes = Vec::new();
    read_stored(pool, stored, encoding, &mut bytes)?;
    Ok(bytes.into())
}

impl Releases {
    fn remember(&self, identity: &Identity, suite: &SuiteName, head: &Arc<Served>, now: Moment) {
        let mut given = lock(&self.0);
        if given.len() >= PAIRED_MOST {
            given.retain(|_, (_, at)| now.since(*at) < PAIRED_SECONDS);
        }
        if given.len() < PAIRED_MOST {
            given.insert((identity.clone(), suite.clone()), (Arc::clone(head), now));
        }
    }

    /// A host that begins anew gets what is live, whatever it was given before.
    fn forget(&self, identity: &Identity, suite: &SuiteName) {
        let mut given = lock(&self.0);
        if !given.is_empty() {
            given.remove(&(identity.clone(), suite.clone()));
        }
    }

    fn recall(&self, identity: &Identity, suite: &SuiteName, now: Moment) -> Option<Arc<Served>> {
        let given = lock(&self.0);
        let (head, at) = given.get(&(identity.clone(), suite.clone()))?;
        (now.since(*at) < PAIRED_SECONDS).then(|| Arc::clone(head))
    }
}

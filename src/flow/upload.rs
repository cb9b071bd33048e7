//! Upload: bytes are staged, hashed and verified in one pass, made durable, and recorded. Only then is
//! a package known; which suite lists it is a change of its own.

use std::collections::HashSet;
use std::io::{self, Read, Write};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use tokio::sync::mpsc;

use crate::debian::{Control, DebError, deb};
use crate::digest::Digest;
use crate::domain::{Admitted, Identity, Package, Role, layout};
use crate::flow::{FlowError, Repository, blocking};
use crate::pool::{Kind, PoolError, Staged, Staging};

/// What the sender says of the bytes beforehand.
#[derive(Clone, Copy, Debug, Default)]
pub struct Declared {
    /// Content-Length, when there is one. Unit: bytes.
    pub size_bytes: Option<u64>,
    /// The SHA-256 that the bytes must have, when the sender named one.
    pub digest: Option<Digest>,
}

/// Takes one `.deb` in. The same bytes again are success and change nothing.
///
/// # Errors
/// [`FlowError::Rejection`] with every reason, [`FlowError::TooLarge`], [`FlowError::Cut`],
/// [`FlowError::Full`]; nothing is kept then.
pub async fn upload<S, E>(
    repository: &Arc<Repository>,
    admitted: &Admitted,
    body: S,
    declared: Declared,
) -> Result<Package, FlowError>
where
    S: Stream<Item = Result<Bytes, E>> + Send,
    E: std::fmt::Display,
{
    let limit_bytes = repository.limits().package_bytes;
    if declared.size_bytes.is_some_and(|size| size > limit_bytes) {
        return Err(FlowError::TooLarge { limit_bytes });
    }
    let places = Arc::clone(&repository.uploads);
    let place = places.acquire_owned().await.map_err(|_| closing())?;
    let (to_reader, from_body) = mpsc::channel(4);
    let (shared, by) = (Arc::clone(repository), admitted.identity().clone());
    // The place goes with the reader: it is taken up until the reader is done, whoever has left.
    let reading = blocking(move || {
        let _place = place;
        take_in(&shared, &by, from_body, declared)
    });
    let sending = forward(body, to_reader);
    let ((), result) = tokio::join!(sending, reading);
    result
}

/// Which of these bytes `admitted` has to send. Only what the identity itself sent before, or may read in
/// a suite, counts as there: a digest is no ticket to somebody else's package.
///
/// # Errors
/// [`FlowError`] from the catalogue.
pub async fn missing(
    repository: &Arc<Repository>,
    admitted: &Admitted,
    digests: Vec<Digest>,
) -> Result<Vec<Digest>, FlowError> {
    let (shared, grant) = (Arc::clone(repository), admitted.grant().clone());
    blocking(move || {
        let sent = shared.catalogue.list_sent(&digests, &grant.identity)?;
        let mut there: HashSet<_> = sent.into_iter().collect();
        let others: Vec<_> =
            digests.iter().copied().filter(|digest| !there.contains(digest)).collect();
        for record in shared.catalogue.find_packages(&others)? {
            let digest = record.package.digest;
            let suites = shared.catalogue.list_suites_of(&digest)?;
            if grant.role == Role::Admin || suites.iter().any(|suite| grant.suites.covers(suite)) {
                there.insert(digest);
            }
        }
        Ok(digests.into_iter().filter(|digest| !there.contains(digest)).collect())
    })
    .await
}

fn closing() -> FlowError {
    FlowError::Unavailable("the server is shutting down".into())
}

/// Hands the body to the reader, piece by piece; an error of the connection as its last piece.
async fn forward<S, E>(body: S, to_reader: mpsc::Sender<Result<Bytes, String>>)
where
    S: Stream<Item = Result<Bytes, E>>,
    E: std::fmt::Display,
{
    let mut body = std::pin::pin!(body);
    while let Some(piece) = body.next().await {
        let piece = piece.map_err(|error| error.to_string());
        let last = piece.is_err();
        if to_reader.send(piece).await.is_err() || last {
            return;
        }
    }
}

fn take_in(
    repository: &Repository,
    by: &Identity,
    from_body: mpsc::Receiver<Result<Bytes, String>>,
    declared: Declared,
) -> Result<Package, FlowError> {
    let staging = repository.pool.stage(declared.size_bytes.unwrap_or(0))?;
    let mut incoming = Incoming {
        from_body,
        piece: Bytes::new(),
        staging: Some(staging),
        received_bytes: 0,
        limit_bytes: repository.limits().package_bytes,
        failure: None,
        handed_out: Instant::now(),
        worked: Duration::ZERO,
    };
    let parts = deb::read_deb(&mut incoming, &repository.limits().deb);
    if parts.is_err() {
        incoming.drain();
    }
    if let Some(failure) = incoming.failure.take() {
        return Err(failure);
    }
    // A connection that just ends looks like the end of the body.
    let received_bytes = incoming.received_bytes;
    if declared.size_bytes.is_some_and(|size| received_bytes < size) {
        let problem = "the connection was closed".into();
        return Err(FlowError::Cut { received_bytes, problem });
    }
    let parts = parts.map_err(|error| rejection(&error))?;
    let staged = incoming.finish()?;
    if let Some(named) = declared.digest.filter(|named| *named != staged.digest()) {
        return Err(FlowError::Mismatch { named, came: staged.digest() });
    }
    let control = Control::parse(&parts.control).map_err(|faults| {
        let reason = |fault: &crate::debian::Fault| match &fault.field {
            Some(field) => (Some(field.clone()), fault.problem.clone()),
            None => (None, format!("control file: {}", fault.problem)),
        };
        FlowError::Rejection(faults.iter().map(reason).collect())
    })?;
    keep(repository, by, &control, staged)
}

/// Durable bytes first, then the fact that they are there.
fn keep(
    repository: &Repository,
    by: &Identity,
    control: &Control,
    staged: Box<dyn Staged>,
) -> Result<Package, FlowError> {
    let (digest, size_bytes) = (staged.digest(), staged.size_bytes());
    let (name, version, architecture) =
        (control.package(), control.version(), control.architecture());
    let path =
        layout::pool_path(control.kind(), name, version.without_epoch(), architecture, &digest);
    let stanza = control.published(&path, size_bytes, &digest);
    let package = Package {
        digest,
        name: name.clone(),
        version: version.clone(),
        architecture: architecture.clone(),
        source: control.source().clone(),
        source_version: control.source_version().clone(),
        size_bytes,
        stanza_bytes: u32::try_from(stanza.len()).unwrap_or(u32::MAX),
        stanza_digest: Digest::of(stanza.as_bytes()),
        kind: control.kind(),
    };
    let _unswept = repository.sweeping.read();
    staged.commit(Kind::Blob)?;
    repository.catalogue.record_package(&package, &stanza, by, repository.now())?;
    Ok(package)
}

fn rejection(error: &DebError) -> FlowError {
    match error {
        DebError::Read(error) => FlowError::Internal(error.to_string()),
        other => FlowError::Rejection(vec![(None, other.to_string())]),
    }
}

/// The body as a reader that writes to staging what it hands out.
struct Incoming {
    from_body: mpsc::Receiver<Result<Bytes, String>>,
    piece: Bytes,
    staging: Option<Box<dyn Staging>>,
    received_bytes: u64,
    limit_bytes: u64,
    failure: Option<FlowError>,
    /// When the last piece was handed to the reader of the package.
    handed_out: Instant,
    /// How long that reader has worked, without the time spent waiting for the sender.
    worked: Duration,
}

/// How long a package may take to unpack, and how much longer for each byte that was sent: a few bytes
/// can unpack to gigabytes, and would hold a place that other uploads wait for.
const WORK: Duration = Duration::from_secs(60);
const WORK_BYTES_PER_SECOND: u64 = 1 << 20;

impl Incoming {
    /// Whether the reader has worked longer than what was sent can be worth.
    fn is_overworked(&mut self) -> bool {
        self.worked = self.worked.saturating_add(self.handed_out.elapsed());
        let more = Duration::from_secs(self.received_bytes / WORK_BYTES_PER_SECOND);
        self.worked > WORK.saturating_add(more)
    }

    /// The next piece of the body; empty at its end.
    fn next(&mut self) -> io::Result<Bytes> {
        let piece = match self.from_body.blocking_recv() {
            None => return Ok(Bytes::new()),
            Some(Ok(piece)) => piece,
            Some(Err(problem)) => {
                let received_bytes = self.received_bytes;
                return self.fail(FlowError::Cut { received_bytes, problem });
            }
        };
        self.received_bytes = self.received_bytes.saturating_add(piece.len() as u64);
        if self.received_bytes > self.limit_bytes {
            let limit_bytes = self.limit_bytes;
            return self.fail(FlowError::TooLarge { limit_bytes });
        }
        if let Some(staging) = &mut self.staging
            && let Err(error) = staging.write_all(&piece)
        {
            return self.fail(unwritten(error));
        }
        Ok(piece)
    }

    fn fail<T>(&mut self, failure: FlowError) -> io::Result<T> {
        let text = failure.to_string();
        self.failure.get_or_insert(failure);
        self.staging = None;
        Err(io::Error::other(text))
    }

    /// Reads on without keeping anything, so that the sender, who still sends, hears the reason.
    fn drain(&mut self) {
        self.staging = None;
        while self.failure.is_none() && self.next().is_ok_and(|piece| !piece.is_empty()) {}
    }

    fn finish(mut self) -> Result<Box<dyn Staged>, FlowError> {
        let staging = self.staging.take();
        let staging = staging.ok_or_else(|| FlowError::Internal("staging was lost".into()))?;
        Ok(staging.finish()?)
    }
}

impl Read for Incoming {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if self.is_overworked() {
            let problem =
                "it takes too long to unpack for its size; build it with less compression";
            return self.fail(FlowError::Rejection(vec![(None, problem.into())]));
        }
        while self.piece.is_empty() {
            self.piece = self.next()?;
            if self.piece.is_empty() {
                self.handed_out = Instant::now();
                return Ok(0);
            }
        }
        let count = out.len().min(self.piece.len());
        let taken = self.piece.split_to(count);
        if let Some(target) = out.get_mut(..count) {
            target.copy_from_slice(&taken);
        }
        self.handed_out = Instant::now();
        Ok(count)
    }
}

fn unwritten(error: io::Error) -> FlowError {
    PoolError::of_write(error).into()
}

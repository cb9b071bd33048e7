//! Upload: bytes are staged, hashed and verified in one pass, made durable, and recorded. Only then
//! is a package known. A separate change lists it in a suite.

use std::collections::HashSet;
use std::io::{self, Read, Write};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use tokio::sync::mpsc;

use crate::cause::Cause;
use crate::debian::SuiteName;
use crate::digest::Digest;
use crate::domain::{Admitted, Entitled, Identity, Package};
use crate::flow::error::FlowError;
use crate::flow::repository::Repository;
use crate::flow::threads::blocking;
use crate::flow::upload::body;
use crate::flow::upload::elsewhere;
use crate::flow::upload::recognise;
use crate::flow::upload::recognise::{Effort, Recognised};
use crate::pool::{Kind, PoolError, Staged, Staging};

/// What the sender announces of the bytes.
#[derive(Clone, Copy, Debug, Default)]
pub struct Declared {
    /// Content-Length, when there is one. Unit: bytes.
    pub size_bytes: Option<u64>,
    /// The SHA-256 that the bytes must have, when the sender named one.
    pub digest: Option<Digest>,
}

/// Uploads one `.deb`, once it has a place. Sending the same bytes again succeeds and changes
/// nothing. When the future is dropped, nothing is kept unless everything had come.
///
/// # Errors
/// [`FlowError::Rejection`] with every reason, [`FlowError::TooLarge`], [`FlowError::Cut`],
/// [`FlowError::Mismatch`], [`FlowError::Full`]; nothing is kept then.
pub async fn upload<S, E>(
    repository: &Arc<Repository>,
    admitted: &Admitted,
    pieces: S,
    declared: Declared,
) -> Result<Package, FlowError>
where
    S: Stream<Item = Result<Bytes, E>> + Send,
    E: std::error::Error + Send + Sync + 'static,
{
    fits(repository, declared)?;
    let seat = body::seat(repository, &Some(admitted.identity().clone())).await;
    let (to_reader, from_body) = mpsc::channel(4);
    let (shared, by) = (Arc::clone(repository), admitted.identity().clone());
    // The reader owns the place, so that it stays taken until the reader ends, even if the client
    // is gone.
    let reading = blocking(move || {
        let _seat = seat;
        take_in(&shared, &by, from_body, declared)
    });
    let sending = forward(pieces, to_reader);
    let ((), result) = tokio::join!(sending, reading);
    result
}

/// Whether a package of the announced size may come.
fn fits(repository: &Repository, declared: Declared) -> Result<(), FlowError> {
    let limit_bytes = repository.limits().package_bytes;
    match declared.size_bytes {
        Some(size) if size > limit_bytes => Err(FlowError::TooLarge { limit_bytes }),
        _ => Ok(()),
    }
}

/// Which of these packages `admitted` has to send: those that are unknown to it, and those that a
/// suite to which it may upload accepts only from their sender, because `admitted` reads them only
/// in other namespaces. The request names no suite, so that clients need to know nothing of
/// namespaces. A needless upload does no harm.
///
/// # Errors
/// [`FlowError`] from the catalogue.
pub async fn missing(
    repository: &Arc<Repository>,
    admitted: &Admitted,
    digests: Vec<Digest>,
) -> Result<Vec<Digest>, FlowError> {
    let unnamed = unknown(repository, admitted, digests.clone()).await?;
    let (shared, asker) = (Arc::clone(repository), admitted.clone());
    blocking(move || {
        let (identity, entitled) = (asker.identity(), asker.entitled());
        let to = elsewhere::of_uploads(&shared, entitled);
        let elsewhere = elsewhere::elsewhere(&shared, identity, Some(entitled), &to, &digests)?;
        let unnamed: HashSet<_> = unnamed.into_iter().collect();
        let missing = |digest: &Digest| unnamed.contains(digest) || elsewhere.contains_key(digest);
        Ok(digests.into_iter().filter(missing).collect())
    })
    .await
}

/// Which of these packages are unknown to `admitted`: those that do not exist here, and those that
/// it may not know of.
///
/// # Errors
/// [`FlowError`] from the catalogue.
pub async fn unknown(
    repository: &Arc<Repository>,
    admitted: &Admitted,
    digests: Vec<Digest>,
) -> Result<Vec<Digest>, FlowError> {
    let (shared, asker) = (Arc::clone(repository), admitted.clone());
    blocking(move || {
        let records = shared.catalogue.find_packages(&digests)?;
        // What a suite is about to remove stays when it is sent again.
        let stay = records.into_iter().filter(|record| !record.going);
        let there: HashSet<_> = stay.map(|record| record.package.digest).collect();
        let hidden = hidden_from(&shared, asker.identity(), Some(asker.entitled()), &digests)?;
        let begun = Instant::now();
        let unknown = |digest: &Digest| {
            !there.contains(digest) || hidden.contains(digest) || is_rotten(&shared, digest, begun)
        };
        Ok(digests.into_iter().filter(unknown).collect())
    })
    .await
}

/// How long stored packages are held against their digests before a client is answered; of the
/// rest, it counts that they are recorded.
const LOOK: Duration = Duration::from_secs(3);

/// Whether a stored package is damaged or gone, or may be after a crash, so that whoever has it should send it
/// again.
fn is_rotten(repository: &Repository, digest: &Digest, since: Instant) -> bool {
    let pool = &repository.pool;
    let rots =
        || matches!(pool.open(Kind::Blob, digest), Ok(None) | Err(PoolError::Damaged { .. }));
    pool.is_doubtful(Kind::Blob, digest) || (since.elapsed() < LOOK && rots())
}

/// Of which of these packages an identity may not know whether they exist. It may know of those
/// that it has sent itself or may read in a suite: a digest alone gives no access to another's
/// package.
///
/// The reads are the same whatever exists. For an admin there are none, because nothing is hidden.
pub(in crate::flow) fn hidden_from(
    repository: &Repository,
    identity: &Identity,
    entitled: Option<&Entitled>,
    digests: &[Digest],
) -> Result<HashSet<Digest>, FlowError> {
    if entitled.is_some_and(Entitled::is_admin) {
        return Ok(HashSet::new());
    }
    let sent: HashSet<_> = repository.catalogue.list_sent(digests, identity)?.into_iter().collect();
    let suites = repository.catalogue.list_suites_of(digests)?;
    let sees = |suites: &[SuiteName]| {
        entitled.is_some_and(|held| suites.iter().any(|suite| held.reads(suite)))
    };
    let hidden = digests
        .iter()
        .zip(suites)
        .filter(|(digest, suites)| !sees(suites) && !sent.contains(digest));
    Ok(hidden.map(|(digest, _)| *digest).collect())
}

/// Hands the body to the reader, piece by piece. An error of the connection is the last piece, or the
/// end, which is an empty one. Where neither comes, the sender was given up.
async fn forward<S, E>(body: S, to_reader: mpsc::Sender<Result<Bytes, Cause>>)
where
    S: Stream<Item = Result<Bytes, E>>,
    E: std::error::Error + Send + Sync + 'static,
{
    let mut body = std::pin::pin!(body);
    while let Some(piece) = body.next().await {
        let piece = piece.map_err(Cause::of);
        let last = piece.is_err();
        if piece.as_ref().is_ok_and(Bytes::is_empty) {
            continue;
        }
        if to_reader.send(piece).await.is_err() || last {
            return;
        }
    }
    // Nobody is there to be told when the reader is not.
    let _end = to_reader.send(Ok(Bytes::new())).await;
}

fn take_in(
    repository: &Repository,
    by: &Identity,
    from_body: mpsc::Receiver<Result<Bytes, Cause>>,
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
        ended: false,
        effort: Effort::begin(repository.limits().work),
    };
    let recognised = recognise::recognise(repository, Some(by.clone()), &mut incoming);
    if recognised.is_err() {
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
    let recognised = recognised?;
    let staged = incoming.finish()?;
    if let Some(named) = declared.digest.filter(|named| *named != staged.digest()) {
        return Err(FlowError::Mismatch { named, came: staged.digest() });
    }
    keep(repository, by, recognised, staged)
}

/// Makes the bytes durable first, and then records the package.
fn keep(
    repository: &Repository,
    by: &Identity,
    recognised: Recognised,
    staged: Box<dyn Staged>,
) -> Result<Package, FlowError> {
    let new = recognised.describe(staged.digest(), staged.size_bytes());
    let package = new.package.clone();
    let _unswept = repository.sweeping.read();
    staged.commit(Kind::Blob)?;
    repository.catalogue.record_packages(vec![new], by, repository.now())?;
    Ok(package)
}

/// The body as a reader that also writes to staging what it reads.
struct Incoming {
    from_body: mpsc::Receiver<Result<Bytes, Cause>>,
    piece: Bytes,
    staging: Option<Box<dyn Staging>>,
    received_bytes: u64,
    limit_bytes: u64,
    failure: Option<FlowError>,
    /// All of the body has come.
    ended: bool,
    /// The processor time of the package's reader.
    effort: Effort,
}

impl Incoming {
    /// The next piece of the body; empty at its end.
    fn next(&mut self) -> io::Result<Bytes> {
        if self.ended {
            return Ok(Bytes::new());
        }
        let piece = match self.from_body.blocking_recv() {
            None => {
                let received_bytes = self.received_bytes;
                let problem = "its sender was given up".into();
                return self.fail(FlowError::Cut { received_bytes, problem });
            }
            Some(Ok(piece)) => piece,
            Some(Err(problem)) => {
                let received_bytes = self.received_bytes;
                return self.fail(FlowError::Cut { received_bytes, problem });
            }
        };
        self.ended = piece.is_empty();
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

    /// Reads the rest without keeping it, so that a client that is still sending gets the reason.
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
        self.effort.pause();
        if self.effort.is_beyond(self.received_bytes) {
            return self.fail(self.effort.rejection(self.received_bytes));
        }
        while self.piece.is_empty() {
            self.piece = self.next()?;
            if self.piece.is_empty() {
                self.effort.resume();
                return Ok(0);
            }
        }
        let count = out.len().min(self.piece.len());
        let taken = self.piece.split_to(count);
        if let Some(target) = out.get_mut(..count) {
            target.copy_from_slice(&taken);
        }
        self.effort.resume();
        Ok(count)
    }
}

fn unwritten(error: io::Error) -> FlowError {
    PoolError::of_write(error).into()
}

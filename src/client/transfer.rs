//! Transfer: sending the bytes of a `.deb` from disk, with their length in the header.

use std::io::{self, SeekFrom};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures_util::{Stream, StreamExt, stream};
use reqwest::header::{CONTENT_LENGTH, CONTENT_TYPE};
use reqwest::{Body, Method, RequestBuilder};
use serde::de::DeserializeOwned;
use tokio::io::{AsyncReadExt, AsyncSeekExt};
use tokio_util::io::ReaderStream;

use super::{Client, ClientError, Effect};
use crate::api::{BATCH_TYPE, BlobOutcome, BlobOutcomes, BlobReceipt};
use crate::cause::Cause;
use crate::digest::Digest;

/// How long a transfer may stall. The server reads the whole package before it answers.
///
/// It takes nothing while the transfer waits for its place behind others of the same identity.
const STALL: Duration = Duration::from_secs(600);
const PIECE_BYTES: usize = 64 << 10;
const SLICE_BYTES: usize = 256 << 10;

/// How many bytes were passed to the network, and whether the server has all of a package. Clones share
/// the counts.
#[derive(Clone, Default, Debug)]
pub struct Sent(Arc<Counts>);

#[derive(Default, Debug)]
struct Counts {
    bytes: AtomicU64,
    /// Requests whose body is under way.
    sending: AtomicU64,
    /// Requests whose body is whole, and whose answer is not there.
    unanswered: AtomicU64,
}

impl Sent {
    /// The count. Unit: bytes.
    pub fn bytes(&self) -> u64 {
        self.0.bytes.load(Ordering::Relaxed)
    }

    /// Whether nothing more is sent for now, because the server checks what it was sent.
    pub fn is_awaited(&self) -> bool {
        let count = |of: &AtomicU64| of.load(Ordering::Relaxed);
        count(&self.0.sending) == 0 && count(&self.0.unanswered) > 0
    }

    fn add(&self, bytes: usize) {
        self.0.bytes.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    /// Counts bytes that need not be sent.
    pub fn skip(&self, bytes: u64) {
        self.0.bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    fn take_back(&self, bytes: u64) {
        self.0.bytes.fetch_sub(bytes, Ordering::Relaxed);
    }
}

/// A body on its way; counted in [`Counts`] until it is answered or given up.
struct Flight {
    counts: Arc<Counts>,
    sent_bytes: AtomicU64,
    size_bytes: u64,
    is_whole: AtomicBool,
}

impl Flight {
    fn begin(sent: &Sent, size_bytes: u64) -> Self {
        let counts = Arc::clone(&sent.0);
        counts.sending.fetch_add(1, Ordering::Relaxed);
        let (sent_bytes, is_whole) = (AtomicU64::new(0), AtomicBool::new(false));
        let flight = Self { counts, sent_bytes, size_bytes, is_whole };
        flight.passed(0);
        flight
    }

    fn passed(&self, bytes: usize) {
        let before = self.sent_bytes.fetch_add(bytes as u64, Ordering::Relaxed);
        let whole = before.saturating_add(bytes as u64) >= self.size_bytes;
        if whole && !self.is_whole.swap(true, Ordering::Relaxed) {
            self.counts.unanswered.fetch_add(1, Ordering::Relaxed);
            self.counts.sending.fetch_sub(1, Ordering::Relaxed);
        }
    }

    fn bytes(&self) -> u64 {
        self.sent_bytes.load(Ordering::Relaxed)
    }
}

impl Drop for Flight {
    fn drop(&mut self) {
        let counted = match self.is_whole.load(Ordering::Relaxed) {
            true => &self.counts.unanswered,
            false => &self.counts.sending,
        };
        counted.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Client {
    /// Sends a package: `PUT /blobs/{digest}`. The same package again is success.
    ///
    /// `sent` grows while bytes go out; a failure resets it to its earlier value. Limits: memory
    /// for a few pieces of 64 KiB, whatever the size of the file.
    ///
    /// # Errors
    /// [`ClientError::File`] when the file is not readable or not `size_bytes` long;
    /// [`ClientError::Problem`] when the package is rejected, with every reason;
    /// [`ClientError::Unreachable`] also when nothing is sent for ten minutes.
    pub async fn send_blob(
        &self,
        path: &Path,
        digest: &Digest,
        size_bytes: u64,
        sent: &Sent,
    ) -> Result<BlobReceipt, ClientError> {
        let file = open(path, size_bytes).await?;
        let pieces = ReaderStream::with_capacity(file.take(size_bytes), PIECE_BYTES);
        self.exchange(self.blob_request(digest, size_bytes)?, size_bytes, pieces, sent).await
    }

    /// Sends a package that is in memory, as [`Client::send_blob`] does.
    ///
    /// # Errors
    /// As there.
    pub async fn send_bytes(
        &self,
        bytes: &Bytes,
        digest: &Digest,
        sent: &Sent,
    ) -> Result<BlobReceipt, ClientError> {
        let size_bytes = bytes.len() as u64;
        let request = self.blob_request(digest, size_bytes)?;
        self.exchange(request, size_bytes, slices(bytes.clone()), sent).await
    }

    /// Sends many small packages in one request: `POST /blobs`. `body` is made by
    /// [`crate::api::push_blob`].
    ///
    /// Limits: [`crate::api::MOST_BATCH_BLOBS`] and [`crate::api::MOST_BATCH_BYTES`].
    ///
    /// # Errors
    /// [`ClientError::Problem`] when nothing of the batch was accepted. Refused packages of a batch
    /// are in the answer.
    pub async fn send_blobs(
        &self,
        body: &Bytes,
        sent: &Sent,
    ) -> Result<Vec<BlobOutcome>, ClientError> {
        let request = self
            .request(Method::POST, &["blobs"])?
            .header(CONTENT_TYPE, BATCH_TYPE)
            .header(CONTENT_LENGTH, body.len());
        let (size_bytes, pieces) = (body.len() as u64, slices(body.clone()));
        let answer: BlobOutcomes = self.exchange(request, size_bytes, pieces, sent).await?;
        Ok(answer.blobs)
    }

    fn blob_request(
        &self,
        digest: &Digest,
        size_bytes: u64,
    ) -> Result<RequestBuilder, ClientError> {
        let request = self.request(Method::PUT, &["blobs", &digest.to_string()])?;
        let request = request.header(CONTENT_TYPE, "application/vnd.debian.binary-package");
        Ok(request.header(CONTENT_LENGTH, size_bytes))
    }

    /// Sends a body piece by piece and reads the answer; a failure resets `sent`.
    async fn exchange<A: DeserializeOwned>(
        &self,
        request: RequestBuilder,
        size_bytes: u64,
        pieces: impl Stream<Item = io::Result<Bytes>> + Send + 'static,
        sent: &Sent,
    ) -> Result<A, ClientError> {
        let own = Arc::new(Flight::begin(sent, size_bytes));
        let (all, counted) = (sent.clone(), Arc::downgrade(&own));
        let pieces = pieces.inspect(move |piece| {
            // The connection may hold the body for longer than the request lasts.
            if let (Ok(bytes), Some(own)) = (piece, counted.upgrade()) {
                all.add(bytes.len());
                own.passed(bytes.len());
            }
        });
        let request = request.body(Body::wrap_stream(pieces));
        let exchange = async {
            self.answer(self.dispatch(request, Effect::Nothing).await?, Effect::Nothing).await
        };
        let outcome = tokio::select! {
            outcome = exchange => outcome,
            () = standstill(&own) => Err(ClientError::Unreachable {
                server: self.server().to_owned(),
                cause: "the transfer stood still for ten minutes".into(),
            }),
        };
        if outcome.is_err() {
            sent.take_back(own.bytes());
        }
        outcome
    }
}

/// Bytes in memory, sent in pieces so that progress is visible.
fn slices(mut bytes: Bytes) -> impl Stream<Item = io::Result<Bytes>> {
    let pieces = std::iter::from_fn(move || {
        let piece = bytes.split_to(bytes.len().min(SLICE_BYTES));
        (!piece.is_empty()).then_some(Ok(piece))
    });
    stream::iter(pieces)
}

async fn open(path: &Path, size_bytes: u64) -> Result<tokio::fs::File, ClientError> {
    let wrong = |cause: Cause| ClientError::File { path: path.display().to_string(), cause };
    let unreadable = |error: io::Error| wrong(Cause::while_doing("cannot be read", error));
    let mut file = tokio::fs::File::open(path).await.map_err(unreadable)?;
    let length = file.seek(SeekFrom::End(0)).await.map_err(unreadable)?;
    if length != size_bytes {
        return Err(wrong("changed while it was being sent; upload it again".into()));
    }
    file.seek(SeekFrom::Start(0)).await.map_err(unreadable)?;
    Ok(file)
}

/// Ends when `sent` has not grown for [`STALL`]. A timeout of reqwest would count from the start of
/// the request, and a large package on a slow line could never be sent.
async fn standstill(sent: &Flight) {
    let mut before = sent.bytes();
    loop {
        tokio::time::sleep(STALL).await;
        let now = sent.bytes();
        if now == before {
            return;
        }
        before = now;
    }
}

//! Requests: hyper must see the requests that the strict reader before it saw, and no others.

use std::convert::Infallible;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use http_body_util::{BodyExt as _, Empty};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use repod::http::listen::head::{self, BodyForm};
use repod::http::listen::strict::{Passed, Strict};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// The most that a head may have. Unit: bytes.
const HEADER_BYTES: usize = 8192;

/// What came of one request: its method, and how long its body was; `None` when that was not whole.
type Seen = (String, Option<u64>);

/// The bytes of a connection.
pub fn http_head(bytes: &[u8]) {
    let (whole, fault) = passed(bytes, bytes.len().max(1));
    for step in [1, 7] {
        // Of two faults of one line, the one that is told may be another.
        let (pieces, other) = passed(bytes, step);
        assert_eq!((&pieces, other.is_some()), (&whole, fault.is_some()), "in pieces of {step}");
    }
    // A head that is too long is left to hyper.
    let Some(expected) = requests(&whole) else { return };
    let seen = hyper_sees(&whole);
    for (at, (method, length)) in seen.iter().enumerate() {
        let Some((right, right_length)) = expected.get(at) else {
            panic!("hyper sees a request more, {method}, than {expected:?}");
        };
        assert_eq!(method, right, "request {at} of {expected:?}");
        assert!(
            length.is_none() || length == right_length,
            "{at}: {length:?}, not {right_length:?}"
        );
    }
}

/// What goes on to hyper of bytes that come in pieces of `step`, and the fault that ends it.
fn passed(bytes: &[u8], step: usize) -> (Vec<u8>, Option<&'static str>) {
    let (mut strict, mut held, mut through) = (Strict::new(HEADER_BYTES), Vec::new(), Vec::new());
    for piece in bytes.chunks(step) {
        held.extend_from_slice(piece);
        let (up, fault) = match strict.pass(&held) {
            Passed::Up(up) => (up, None),
            Passed::Head(up, fault) | Passed::Body(up, fault) => (up, Some(fault)),
        };
        through.extend(held.drain(..up));
        if fault.is_some() {
            return (through, fault);
        }
    }
    (through, None)
}

/// The requests in bytes that went on, by a framing of our own; `None` with a head that is too long.
fn requests(mut bytes: &[u8]) -> Option<Vec<Seen>> {
    let mut all = Vec::new();
    while !bytes.is_empty() {
        let blank = usize::from(bytes.starts_with(b"\r\n")) * 2;
        let Some(end) = find(&bytes[blank..], b"\r\n\r\n").map(|at| blank + at + 4) else {
            return (bytes.len() <= HEADER_BYTES).then_some(all);
        };
        if end > HEADER_BYTES {
            return None;
        }
        let (first, rest) = bytes.split_at(end);
        let method = first[blank..].split(|byte| *byte == b' ').next().unwrap_or_default();
        let method = String::from_utf8_lossy(method).into_owned();
        let form = head::read(first).expect("it went on");
        let (length, rest) = match form {
            BodyForm::Sized(size) => {
                match rest.split_at_checked(usize::try_from(size).unwrap_or(usize::MAX)) {
                    Some((_, rest)) => (Some(size), rest),
                    None => (None, &[][..]),
                }
            }
            BodyForm::Chunked => chunks(rest),
        };
        all.push((method, length));
        bytes = rest;
    }
    Some(all)
}

fn chunks(mut bytes: &[u8]) -> (Option<u64>, &[u8]) {
    let mut sum = 0;
    loop {
        let Some(end) = find(bytes, b"\r\n") else { return (None, &[]) };
        let line = String::from_utf8_lossy(&bytes[..end]);
        let size = line.split(';').next().unwrap_or_default();
        let size = u64::from_str_radix(size, 16).expect("a size that went on");
        bytes = &bytes[end + 2..];
        if size == 0 {
            break;
        }
        sum += size;
        let whole = usize::try_from(size).unwrap_or(usize::MAX).saturating_add(2);
        let Some((_, rest)) = bytes.split_at_checked(whole) else { return (None, &[]) };
        bytes = rest;
    }
    loop {
        let Some(end) = find(bytes, b"\r\n") else { return (None, &[]) };
        bytes = &bytes[end + 2..];
        if end == 0 {
            return (Some(sum), bytes);
        }
    }
}

fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).position(|window| window == what)
}

/// The requests that hyper makes of these bytes.
fn hyper_sees(bytes: &[u8]) -> Vec<Seen> {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    runtime.block_on(async {
        let wire = TokioIo::new(Wire { left: bytes.to_vec(), at: 0 });
        let service = service_fn(|request: Request<Incoming>| {
            let seen = Arc::clone(&seen);
            async move {
                let method = request.method().to_string();
                let body = request.into_body().collect().await;
                let length = body.ok().map(|body| body.to_bytes().len() as u64);
                seen.lock().expect("no panic before").push((method, length));
                Ok::<_, Infallible>(Response::new(Empty::<&[u8]>::new()))
            }
        });
        let mut http = hyper::server::conn::http1::Builder::new();
        http.max_header_size(HEADER_BYTES).max_buf_size(HEADER_BYTES);
        // What it refuses ends the connection.
        let _ = http.serve_connection(wire, service).await;
    });
    let seen = seen.lock().expect("no panic before");
    seen.clone()
}

/// Gives its bytes and then ends; takes everything.
struct Wire {
    left: Vec<u8>,
    at: usize,
}

impl AsyncRead for Wire {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let count = buffer.remaining().min(self.left.len() - self.at);
        buffer.put_slice(&self.left[self.at..self.at + count]);
        self.at += count;
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Wire {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

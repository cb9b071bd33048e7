//! One request on its way through the application: it carries its peer, its bodies are timed, and a
//! panic in its handler ends only this request.

use std::any::Any;
use std::convert::Infallible;
use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use axum::body::Body;
use bytes::Bytes;
use http::{HeaderValue, Request, Response, StatusCode, header};
use http_body::{Body as HttpBody, Frame, SizeHint};
use hyper::body::Incoming;
use hyper::ext::ReasonPhrase;
use tokio::time::Instant;
use tracing::{Instrument, Span};

use super::application::Application;
use super::counts::EdgeCounts;
use super::head::Fault;
use super::peer::Peer;
use super::request_id::{REQUEST_ID, RequestId};
use super::timed::{FaultSlot, REFUSED_METHOD};
use super::timers::ConnectionTimers;

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// What a client reads when a handler panicked. Not empty, because apt treats an error without a
/// body as permanent.
const PANIC_TEXT: &str = "internal error; the server's log has the reason\n";

/// Passes the requests of one connection to the application.
#[derive(Clone)]
pub(super) struct Answerer<A> {
    pub app: A,
    pub peer: Peer,
    pub timers: Arc<ConnectionTimers>,
    pub counts: Arc<EdgeCounts>,
    pub fault: FaultSlot,
}

impl<A: Application> hyper::service::Service<Request<Incoming>> for Answerer<A> {
    type Response = Response<TimedAnswerBody>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        self.timers.request_read();
        let id = RequestId::of(request.headers());
        if request.method().as_str().as_bytes() == REFUSED_METHOD
            && let Some(fault) = self.fault.get()
        {
            let response = self.timed(malformed(fault), &id, Span::none());
            return Box::pin(std::future::ready(Ok(response)));
        }
        let timers = Arc::clone(&self.timers);
        let mut request = request.map(|body| match body.is_end_stream() {
            true => Body::empty(),
            false => Body::new(TimedRequestBody { body, timers: Some(timers) }),
        });
        request.extensions_mut().insert(self.peer.clone());
        request.extensions_mut().insert(id.clone());
        let this = self.clone();
        let span = if self.app.is_quiet(&request) { Span::none() } else { id.span() };
        let whole = span.clone();
        let answering = async move {
            let mut run = pin!(this.app.answer(request));
            // After a panic the future is never polled again, so no broken state is seen.
            let unpanicked =
                poll_fn(|cx| match catch_unwind(AssertUnwindSafe(|| run.as_mut().poll(cx))) {
                    Ok(polled) => polled.map(Ok),
                    Err(panic) => Poll::Ready(Err(panic)),
                });
            let mut response = match unpanicked.await {
                Ok(response) => response,
                Err(panic) => {
                    id.here().in_scope(|| note_panic(&this.counts, &this.peer, &panic));
                    apology()
                }
            };
            // The handler only knows that the body has ended early.
            let early = response.status() == StatusCode::REQUEST_TIMEOUT;
            if let Some(fault) = this.fault.get().filter(|_| early) {
                response = malformed(fault);
            }
            let Peer { addr, connection, .. } = this.peer;
            let (id_text, status) = (id.as_str(), response.status().as_u16());
            tracing::trace!(id = id_text, %addr, connection, status, "answered");
            if this.timers.is_body_left() {
                // hyper will close the connection, and the client should know before its next
                // request.
                let close = HeaderValue::from_static("close");
                response.headers_mut().insert(header::CONNECTION, close);
            }
            Ok(this.timed(response, &id, whole))
        };
        Box::pin(answering.instrument(span))
    }
}

impl<A> Answerer<A> {
    fn timed(
        &self,
        mut response: Response<Body>,
        id: &RequestId,
        span: Span,
    ) -> Response<TimedAnswerBody> {
        self.timers.leased(response.extensions_mut().remove());
        response.headers_mut().insert(REQUEST_ID, id.header());
        let (timers, counts) = (Arc::clone(&self.timers), Arc::clone(&self.counts));
        let id = id.clone();
        response.map(|body| TimedAnswerBody { body, timers, counts, id, span })
    }
}

/// The answer to what is not as HTTP/1.1 has it; the connection ends with it.
fn malformed(fault: Fault) -> Response<Body> {
    let mut response = Response::new(Body::from(format!("{fault}\n")));
    *response.status_mut() = StatusCode::BAD_REQUEST;
    let plain = HeaderValue::from_static("text/plain; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, plain);
    response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    if let Ok(reason) = ReasonPhrase::try_from(fault.as_bytes()) {
        response.extensions_mut().insert(reason);
    }
    response
}

fn note_panic(counts: &EdgeCounts, peer: &Peer, panic: &(dyn Any + Send)) {
    counts.panics.rise();
    let (addr, connection) = (peer.addr, peer.connection);
    tracing::error!(%addr, connection, reason = panic_text(panic), "a request handler panicked");
}

fn panic_text(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no text")
}

fn apology() -> Response<Body> {
    let mut response = Response::new(Body::from(PANIC_TEXT));
    *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
    let plain = HeaderValue::from_static("text/plain; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, plain);
    response
}

/// The body of a request: the time that a handler waits for it is charged to the peer.
struct TimedRequestBody {
    body: Incoming,
    /// `None` from the body's end on, so that a late drop does not touch the next request's timers.
    timers: Option<Arc<ConnectionTimers>>,
}

impl TimedRequestBody {
    fn done(&mut self) {
        if let Some(timers) = self.timers.take() {
            timers.body_done();
        }
    }
}

impl HttpBody for TimedRequestBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let polled = Pin::new(&mut self.body).poll_frame(cx);
        match &polled {
            Poll::Pending => {
                if let Some(timers) = &self.timers {
                    timers.body_wanted(Instant::now());
                }
            }
            Poll::Ready(Some(Ok(frame))) => {
                let bytes = frame.data_ref().map_or(0, Bytes::len);
                if let Some(timers) = &self.timers {
                    timers.body_got(bytes, Instant::now());
                }
                if self.body.is_end_stream() {
                    self.done();
                }
            }
            Poll::Ready(_) => self.done(),
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for TimedRequestBody {
    fn drop(&mut self) {
        if let Some(timers) = self.timers.take() {
            timers.body_left();
        }
    }
}

/// The body of an answer: its drop means that the answer is complete or was aborted.
pub(super) struct TimedAnswerBody {
    body: Body,
    timers: Arc<ConnectionTimers>,
    counts: Arc<EdgeCounts>,
    id: RequestId,
    /// Of the request, for what is logged while the body is sent; none of a quiet one.
    span: Span,
}

impl HttpBody for TimedAnswerBody {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let this = &mut *self;
        let _within = this.span.enter();
        let polled = catch_unwind(AssertUnwindSafe(|| Pin::new(&mut this.body).poll_frame(cx)));
        match polled {
            Ok(polled) => Poll::Ready(ready!(polled).map(|frame| frame.map_err(Into::into))),
            Err(panic) => {
                this.counts.panics.rise();
                this.body = Body::empty();
                this.id.here().in_scope(|| {
                    tracing::error!(reason = panic_text(&*panic), "the body of an answer panicked");
                });
                Poll::Ready(Some(Err("the body could not be produced".into())))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for TimedAnswerBody {
    fn drop(&mut self) {
        self.timers.answered();
    }
}

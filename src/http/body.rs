//! Bodies: conditional requests, single ranges, and streams that never hold a whole file.

use std::sync::{Arc, Mutex, PoisonError};

use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::Response;
use bytes::Bytes;
use futures_util::stream;
use tracing::Span;

use crate::flow::admit::Ground;
use crate::flow::serve::source::{Fetched, Segment, Source};
use crate::flow::suite::served::Stamp;
use crate::flow::{FlowError, Repository};
use crate::http::listen::{Lease, RequestId};
use crate::http::pieces::Pieces;
use crate::time::Moment;
use crate::trust::Peer;

/// Longer bodies are cut off also while their client takes nothing. Unit: bytes.
const LEASED_BYTES: u64 = 128 << 10;

/// The most header fields that an answer has.
const FIELDS: usize = 8;

/// Answers a GET or HEAD with what was fetched.
///
/// The answer is 304 only when `If-Modified-Since` is exactly equal, so that a rollback reaches
/// hosts whatever their file times are. A single range is honoured when `If-Range` agrees. A body
/// is cut off when the watch says so.
pub fn respond(watch: Watch, method: &Method, headers: &HeaderMap, fetched: Fetched) -> Response {
    let etag = fetched.digest.map(|digest| format!("\"{digest}\""));
    let mut response = Response::new(Body::empty());
    let cache = if fetched.immutable {
        "private, max-age=31536000, immutable"
    } else {
        "private, no-cache"
    };
    let out = response.headers_mut();
    out.reserve(FIELDS);
    out.insert(header::CONTENT_TYPE, HeaderValue::from_static(fetched.content_type));
    out.insert(header::CACHE_CONTROL, HeaderValue::from_static(cache));
    out.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    if let Ok(modified) = HeaderValue::from_maybe_shared(fetched.last_modified.text.clone()) {
        out.insert(header::LAST_MODIFIED, modified);
    }
    if let Some(etag) = &etag {
        insert(out, header::ETAG, etag);
    }
    if unmodified(headers, &fetched.last_modified, etag.as_deref()) {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        return response;
    }
    let total = fetched.size_bytes;
    let range = match range(headers, &fetched.last_modified, etag.as_deref(), total) {
        Wanted::All => 0..total,
        Wanted::Part(part) => {
            *response.status_mut() = StatusCode::PARTIAL_CONTENT;
            let last = part.end.saturating_sub(1);
            let text = format!("bytes {}-{last}/{total}", part.start);
            insert(response.headers_mut(), header::CONTENT_RANGE, &text);
            part
        }
        Wanted::Nothing => {
            *response.status_mut() = StatusCode::RANGE_NOT_SATISFIABLE;
            insert(response.headers_mut(), header::CONTENT_RANGE, &format!("bytes */{total}"));
            return response;
        }
    };
    let length = range.end.saturating_sub(range.start);
    insert(response.headers_mut(), header::CONTENT_LENGTH, &length.to_string());
    if *method != Method::HEAD {
        if length > LEASED_BYTES {
            response.extensions_mut().insert(watch.lease());
        }
        *response.body_mut() = stream_of(watch, fetched.source, range.start, length);
    }
    response
}

fn insert(headers: &mut HeaderMap, name: header::HeaderName, text: &str) {
    if let Ok(value) = HeaderValue::from_str(text) {
        headers.insert(name, value);
    }
}

fn text_of(headers: &HeaderMap, name: header::HeaderName) -> Option<&str> {
    headers.get(name)?.to_str().ok()
}

fn unmodified(headers: &HeaderMap, modified: &Stamp, etag: Option<&str>) -> bool {
    if let Some(wanted) = text_of(headers, header::IF_NONE_MATCH) {
        let one =
            |tag: &str| Some(tag.trim().trim_start_matches("W/")) == etag || tag.trim() == "*";
        return etag.is_some() && wanted.split(',').any(one);
    }
    let Some(since) = headers.get(header::IF_MODIFIED_SINCE) else { return false };
    // Hosts send the text back as they got it, byte by byte.
    since.as_bytes() == modified.text
        || since.to_str().ok().and_then(Moment::parse_http_date) == Some(modified.at)
}

enum Wanted {
    All,
    Part(std::ops::Range<u64>),
    Nothing,
}

/// The single range of a request. Several ranges, other units and malformed ranges are answered
/// with the whole, as RFC 9110, section 14.2, allows.
fn range(headers: &HeaderMap, modified: &Stamp, etag: Option<&str>, total: u64) -> Wanted {
    if let Some(condition) = text_of(headers, header::IF_RANGE)
        && condition.as_bytes() != modified.text
        && Some(condition) != etag
    {
        return Wanted::All;
    }
    let spec = text_of(headers, header::RANGE).and_then(|text| text.strip_prefix("bytes="));
    let Some((first, last)) = spec.and_then(|spec| spec.split_once('-')) else {
        return Wanted::All;
    };
    let part = match (first.trim().parse::<u64>(), last.trim()) {
        (Ok(first), "") => first..total,
        (Ok(first), last) => match last.parse::<u64>() {
            Ok(last) if last >= first => first..last.saturating_add(1).min(total),
            _ => return Wanted::All,
        },
        (Err(_), last) if first.trim().is_empty() => match last.parse::<u64>() {
            Ok(count) if count > 0 => total.saturating_sub(count)..total,
            _ => return Wanted::All,
        },
        _ => return Wanted::All,
    };
    if part.start >= part.end { Wanted::Nothing } else { Wanted::Part(part) }
}

/// Checks again, while a body is being sent, that its client is still trusted and still has the
/// right that the body was allowed by.
pub struct Watch {
    repository: Arc<Repository>,
    peer: Arc<Peer>,
    ground: Ground,
    /// Of whom it is, in the log.
    id: Option<RequestId>,
    begun: bool,
}

impl Watch {
    /// A watch for a body that `peer` gets or sends, allowed by `ground`.
    pub fn new(repository: &Arc<Repository>, peer: &Arc<Peer>, ground: Ground) -> Self {
        let (repository, peer) = (Arc::clone(repository), Arc::clone(peer));
        Self { repository, peer, ground, id: None, begun: false }
    }

    /// The same of the request that has this id.
    pub fn of(self, id: Option<&RequestId>) -> Self {
        Self { id: id.cloned(), ..self }
    }

    /// The same for as long as no piece is asked for.
    fn lease(&self) -> Lease {
        let (repository, peer) = (Arc::clone(&self.repository), Arc::clone(&self.peer));
        let (ground, id) = (Mutex::new(self.ground.clone()), self.id.clone());
        Lease::new(move || {
            let mut ground = ground.lock().unwrap_or_else(PoisonError::into_inner);
            note(ground.still_holds(&repository, &peer), id.as_ref()).is_ok()
        })
    }

    /// Checks before every piece but the first, because the request was judged just before that.
    ///
    /// # Errors
    /// [`FlowError::Refused`] or [`FlowError::Denied`] with the reason.
    pub fn look(&mut self) -> Result<(), FlowError> {
        if !std::mem::replace(&mut self.begun, true) {
            return Ok(());
        }
        note(self.ground.still_holds(&self.repository, &self.peer), self.id.as_ref())
    }
}

fn note(still: Result<(), FlowError>, id: Option<&RequestId>) -> Result<(), FlowError> {
    still.inspect_err(|refusal| {
        span(id).in_scope(|| tracing::info!(%refusal, "a body under way was broken off"));
    })
}

fn span(id: Option<&RequestId>) -> Span {
    id.map_or_else(Span::current, RequestId::here)
}

fn stream_of(watch: Watch, source: Source, start: u64, length: u64) -> Body {
    match source {
        Source::Text(bytes) => Body::from(cut(&bytes, start, length)),
        Source::File(file, offset) => {
            file_stream(watch, file, offset.saturating_add(start), length)
        }
        Source::Rope(segments) => rope_stream(watch, segments, start, length),
    }
}

fn cut(bytes: &Bytes, start: u64, length: u64) -> Bytes {
    let start = usize::try_from(start).unwrap_or(usize::MAX).min(bytes.len());
    let rest = bytes.slice(start..);
    let length = usize::try_from(length).unwrap_or(usize::MAX).min(rest.len());
    rest.slice(..length)
}

fn file_stream(watch: Watch, file: std::fs::File, start: u64, length: u64) -> Body {
    let state = (watch, Pieces::new(file, start, length));
    Body::from_stream(stream::try_unfold(state, |(mut watch, mut pieces)| async move {
        if !pieces.is_done() {
            watch.look().map_err(std::io::Error::other)?;
        }
        let Some(piece) = pieces.next().await? else { return Ok(None) };
        Ok::<_, std::io::Error>(Some((piece, (watch, pieces))))
    }))
}

fn rope_stream(watch: Watch, segments: Vec<Segment>, start: u64, length: u64) -> Body {
    let state = (watch, segments.into_iter(), start, length);
    Body::from_stream(stream::try_unfold(state, |state| async move {
        let (mut watch, mut segments, mut skip, left) = state;
        if left == 0 {
            return Ok::<_, FlowError>(None);
        }
        watch.look()?;
        for segment in segments.by_ref() {
            let size = segment.size_bytes();
            if skip >= size {
                skip = skip.saturating_sub(size);
                continue;
            }
            let bytes = segment.read(&watch.repository).await;
            // The answer has begun, so nobody but the log hears of it.
            let bytes = bytes.inspect_err(|problem| {
                let _within = span(watch.id.as_ref()).entered();
                tracing::error!(%problem, "an index was not sent to its end");
            })?;
            let piece = cut(&bytes, skip, left);
            let left = left.saturating_sub(piece.len() as u64);
            return Ok(Some((piece, (watch, segments, 0, left))));
        }
        Err(FlowError::Internal("an index is shorter than recorded".into()))
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    const DATE: Moment = Moment(1_795_404_699);

    fn asked(range_text: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(header::RANGE, HeaderValue::from_str(range_text).unwrap());
        headers
    }

    fn part(range_text: &str, total: u64) -> Option<std::ops::Range<u64>> {
        match range(&asked(range_text), &Stamp::from(DATE), Some("\"tag\""), total) {
            Wanted::Part(part) => Some(part),
            Wanted::All => Some(0..total),
            Wanted::Nothing => None,
        }
    }

    #[test]
    fn ranges_as_apt_and_curl_send_them() {
        assert_eq!(part("bytes=10-", 100), Some(10..100));
        assert_eq!(part("bytes=10-19", 100), Some(10..20));
        assert_eq!(part("bytes=90-200", 100), Some(90..100));
        assert_eq!(part("bytes=-5", 100), Some(95..100));
        assert_eq!(part("bytes=100-", 100), None);
        assert_eq!(part("bytes=0-1,5-6", 100), Some(0..100));
        assert_eq!(part("lines=1-2", 100), Some(0..100));
        assert_eq!(part("bytes=9-3", 100), Some(0..100));
    }

    #[test]
    fn a_range_of_something_else_is_the_whole() {
        let mut headers = asked("bytes=10-");
        headers.insert(header::IF_RANGE, HeaderValue::from_static("other date"));
        assert!(matches!(range(&headers, &Stamp::from(DATE), None, 100), Wanted::All));
        headers.insert(header::IF_RANGE, HeaderValue::from_str(&DATE.http_date()).unwrap());
        assert!(matches!(range(&headers, &Stamp::from(DATE), None, 100), Wanted::Part(_)));
    }

    #[test]
    fn only_the_very_same_date_is_unmodified() {
        let mut headers = HeaderMap::new();
        let date = DATE;
        headers.insert(
            header::IF_MODIFIED_SINCE,
            HeaderValue::from_str(&date.plus(60).http_date()).unwrap(),
        );
        assert!(!unmodified(&headers, &Stamp::from(date), None));
        headers
            .insert(header::IF_MODIFIED_SINCE, HeaderValue::from_str(&date.http_date()).unwrap());
        assert!(unmodified(&headers, &Stamp::from(date), None));
    }
}

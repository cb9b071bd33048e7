//! Sent: the body of a request. Nobody reads it before its sender is known to have the right, nor without the
//! memory for it, and both are looked at again while it comes.

use std::convert::Infallible;
use std::time::Duration;

use axum::body::Body;
use axum::extract::rejection::JsonRejection;
use axum::extract::{FromRequest, Request};
use axum::http::HeaderMap;
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use bytes::Bytes;
use futures_util::{Stream, StreamExt, stream};
use serde::de::DeserializeOwned;

use crate::api::Code;
use crate::domain::Right;
use crate::flow::upload::body::{self, Holds, Meter, Room, RoomFor, SMALL_BYTES, Sender};
use crate::http::App;
use crate::http::admitted::Caller;
use crate::http::answer::Failure;
use crate::http::extract::refused;
use crate::http::route::Limit;

/// How often it is looked at whether a body may still come, whatever comes of it.
const LOOK: Duration = Duration::from_secs(1);

/// What a value of JSON takes once it is parsed: a short text in a list that has just grown. Unit: bytes.
const VALUE_BYTES: u64 = 64;
/// The least that a value has of the limit of its route, on average. What honest clients send has longer ones:
/// names, versions, digests. So what is parsed is not many times as long as what came. Unit: bytes.
const LEAST_VALUE_BYTES: u64 = 40;

/// The body of a request, unread.
pub struct Sent {
    body: Body,
    most_bytes: u64,
    /// Content-Length. Unit: bytes.
    length: Option<u64>,
    is_json: bool,
}

impl<S: Send + Sync> FromRequest<S> for Sent {
    type Rejection = Infallible;

    async fn from_request(request: Request, _: &S) -> Result<Self, Infallible> {
        let (parts, body) = request.into_parts();
        let most_bytes = match parts.extensions.get::<Limit>() {
            Some(Limit::Bytes(most)) => *most as u64,
            // Packages are counted by the flow that takes them.
            Some(Limit::Unread | Limit::Package) | None => 0,
        };
        let (length, is_json) = (length(&parts.headers), is_json(&parts.headers));
        Ok(Self { body, most_bytes, length, is_json })
    }
}

/// What has come, with its memory.
struct Came {
    bytes: Vec<u8>,
    /// How many values it has at most, if it is JSON.
    values: u64,
    room: Room,
}

impl Sent {
    /// The JSON of a caller that has `right`, now and when all of it has come, and the memory of it.
    ///
    /// # Errors
    /// [`Failure`] when the caller has not the right, the body is too long, late or malformed, or there is no
    /// memory for it.
    pub async fn json<T>(
        self,
        app: &App,
        caller: &Caller,
        right: Right<'_>,
    ) -> Result<(T, Room), Failure>
    where
        T: DeserializeOwned + Send + 'static,
    {
        let of = Some(caller.admit(app, right)?.identity().clone());
        self.expect_json()?;
        let still = || caller.admit_again(app, right).map(drop);
        let came = self.take(app, &of, still).await?;
        still()?;
        parse(app, &of, came).await
    }

    /// The JSON of somebody who is not identified, and the memory of it.
    ///
    /// # Errors
    /// As for [`Sent::json`].
    pub async fn json_of_stranger<T>(self, app: &App) -> Result<(T, Room), Failure>
    where
        T: DeserializeOwned + Send + 'static,
    {
        self.expect_json()?;
        let came = self.take(app, &None, || Ok(())).await?;
        parse(app, &None, came).await
    }

    /// The bytes of a caller that has `right`, now and when all have come, and their memory.
    ///
    /// # Errors
    /// As for [`Sent::json`].
    pub async fn bytes(
        self,
        app: &App,
        caller: &Caller,
        right: Right<'_>,
    ) -> Result<(Vec<u8>, Room), Failure> {
        let of = Some(caller.admit(app, right)?.identity().clone());
        let still = || caller.admit_again(app, right).map(drop);
        let came = self.take(app, &of, still).await?;
        still()?;
        Ok((came.bytes, came.room))
    }

    /// Content-Length. Unit: bytes.
    pub fn length(&self) -> Option<u64> {
        self.length
    }

    fn expect_json(&self) -> Result<(), Failure> {
        if self.is_json {
            return Ok(());
        }
        let detail = "the body has to be JSON; say so: Content-Type: application/json";
        Err(Failure::new(Code::InvalidRequest, detail))
    }

    async fn take(
        self,
        app: &App,
        of: &Sender,
        still: impl Fn() -> Result<(), Failure>,
    ) -> Result<Came, Failure> {
        let most_bytes = self.most_bytes;
        let most_values = most_bytes.div_ceil(LEAST_VALUE_BYTES);
        if let Some(bytes) = self.length.filter(|bytes| *bytes > most_bytes) {
            let detail = format!("the body has {bytes} bytes; at most {most_bytes} are taken here");
            return Err(Failure::new(Code::TooLarge, detail));
        }
        let expected_bytes = self.length.unwrap_or(most_bytes);
        let kind = if expected_bytes <= SMALL_BYTES { RoomFor::Small } else { RoomFor::Large };
        let (meter, repository) = (Meter::default(), &app.repository);
        let coming = async {
            let room = body::room(repository, kind, of, expected_bytes).await?;
            let capacity = self.length.and_then(|bytes| usize::try_from(bytes).ok()).unwrap_or(0);
            let mut came = Came { bytes: Vec::with_capacity(capacity), values: 1, room };
            let mut values = Values::default();
            let mut pieces = std::pin::pin!(metered(self.body, meter.clone()));
            while let Some(piece) = pieces.next().await {
                let piece = piece.map_err(|error| cut(&error, came.bytes.len()))?;
                if came.bytes.len().saturating_add(piece.len()) as u64 > most_bytes {
                    let detail =
                        format!("the body is longer than {most_bytes} bytes, the most taken here");
                    return Err(Failure::new(Code::TooLarge, detail));
                }
                came.bytes.extend_from_slice(&piece);
                values.count(&piece);
                if self.is_json && values.seen > most_values {
                    let detail =
                        format!("the body has more than {most_values} values, the most taken here");
                    return Err(Failure::new(Code::TooLarge, detail));
                }
            }
            came.values = came.values.saturating_add(values.seen);
            Ok(came)
        };
        attended(coming, || {
            still()?;
            Ok(body::keep_pace(repository, of, Holds::Room(kind), &meter)?)
        })
        .await
    }
}

/// Does `work` for as long as `look` has no objection, which is asked every second.
///
/// # Errors
/// Those of both.
pub async fn attended<T>(
    work: impl Future<Output = Result<T, Failure>>,
    mut look: impl FnMut() -> Result<(), Failure>,
) -> Result<T, Failure> {
    let mut work = std::pin::pin!(work);
    loop {
        match tokio::time::timeout(LOOK, work.as_mut()).await {
            Ok(done) => return done,
            Err(_) => look()?,
        }
    }
}

/// A body, with the time that it is waited for.
pub fn metered(body: Body, meter: Meter) -> impl Stream<Item = Result<Bytes, axum::Error>> {
    let mut pieces = body.into_data_stream();
    stream::poll_fn(move |cx| {
        let polled = pieces.poll_next_unpin(cx);
        match &polled {
            std::task::Poll::Pending => meter.wait(),
            std::task::Poll::Ready(piece) => {
                let bytes = piece.as_ref().and_then(|piece| piece.as_ref().ok());
                meter.came(bytes.map_or(0, Bytes::len));
            }
        }
        polled
    })
}

/// Content-Length. Unit: bytes.
pub fn length(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

fn is_json(headers: &HeaderMap) -> bool {
    let kind = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    kind == "application/json" || (kind.starts_with("application/") && kind.ends_with("+json"))
}

fn cut(error: &axum::Error, received_bytes: usize) -> Failure {
    let detail = format!(
        "the body ended after {received_bytes} bytes: {error}; nothing was done, send it again"
    );
    Failure::new(Code::Timeout, detail)
}

/// Reads JSON; large one where it keeps nobody waiting.
async fn parse<T>(app: &App, of: &Sender, came: Came) -> Result<(T, Room), Failure>
where
    T: DeserializeOwned + Send + 'static,
{
    let bytes = came.bytes.len() as u64;
    let is_small = bytes <= SMALL_BYTES;
    let kind = if is_small { RoomFor::SmallParsed } else { RoomFor::Parsed };
    let parsed_bytes = came.values.saturating_mul(VALUE_BYTES).saturating_add(bytes);
    let room = body::room(&app.repository, kind, of, parsed_bytes).await?;
    let read = move || {
        let Came { bytes, room: _until_read, .. } = came;
        let read = axum::Json::<T>::from_bytes(&bytes);
        let read = read.map_err(|fault: JsonRejection| refused(fault.status(), &fault.body_text()));
        read.map(|axum::Json(value)| (value, room))
    };
    if is_small {
        return read();
    }
    let stopped = |_| Failure::new(Code::Internal, "the reader of a body stopped");
    tokio::task::spawn_blocking(read).await.map_err(stopped)?
}

/// Counts the values of JSON as it comes, never too few.
#[derive(Default)]
struct Values {
    seen: u64,
    in_text: bool,
    escaped: bool,
}

impl Values {
    fn count(&mut self, piece: &[u8]) {
        for byte in piece {
            match byte {
                _ if self.escaped => self.escaped = false,
                b'\\' if self.in_text => self.escaped = true,
                b'"' => self.in_text = !self.in_text,
                b',' | b'[' | b'{' if !self.in_text => self.seen = self.seen.saturating_add(1),
                _ => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(pieces: &[&str]) -> u64 {
        let mut values = Values::default();
        pieces.iter().for_each(|piece| values.count(piece.as_bytes()));
        values.seen
    }

    #[test]
    fn values_are_counted_and_texts_are_one_each() {
        assert_eq!(values(&[r#"{"a":["b","c"],"d":{}}"#]), 5);
        assert_eq!(values(&[r#"{"message":"a, b, [c], {d}"}"#]), 1);
        assert_eq!(values(&[r#"{"message":"quoted \"#, r#"", still"#, r#"", "next":1}"#]), 2);
        assert_eq!(values(&[r#"["\\",1]"#]), 2);
        assert_eq!(values(&["[1,", "2,3", ",4]"]), 4);
    }

    #[test]
    fn json_is_known_by_its_media_type() {
        let said = |kind: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(CONTENT_TYPE, kind.parse().unwrap());
            is_json(&headers)
        };
        for kind in ["application/json", "Application/JSON; charset=utf-8", "application/x+json"] {
            assert!(said(kind), "{kind}");
        }
        for kind in ["", "text/json", "application/jsonx", "application/octet-stream"] {
            assert!(!said(kind), "{kind}");
        }
        assert!(!is_json(&HeaderMap::new()));
    }

    #[tokio::test]
    async fn what_is_attended_ends_when_there_is_an_objection_even_in_silence() {
        let mut looks = 0;
        let ended = attended(std::future::pending::<Result<(), Failure>>(), || {
            looks += 1;
            if looks < 2 { Ok(()) } else { Err(Failure::new(Code::Denied, "no more")) }
        });
        assert_eq!(ended.await.unwrap_err().0.detail, "no more");
        assert_eq!(looks, 2);
    }
}

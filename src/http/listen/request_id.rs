//! The id of a request: one word that is in the answer, in the lines of the log that the request
//! causes, and in what the client prints. It helps to find a request and proves nothing.

use http::{Extensions, HeaderMap, HeaderName, HeaderValue};
use tracing::Span;

/// The header that has it, in requests and answers.
pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The longest that is taken. Unit: bytes.
const LONGEST_BYTES: usize = 64;

/// Hexadecimal digits of one that is made here.
const DIGITS: usize = 16;

/// The id of a request; an extension of every request.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RequestId(Text);

#[derive(Clone, PartialEq, Eq, Debug)]
enum Text {
    Sent(HeaderValue),
    /// In place: nearly every request has one, and few ask for it.
    Made([u8; DIGITS]),
}

impl RequestId {
    /// The one in the headers, or a new one where there is none that is well formed.
    pub(super) fn of(headers: &HeaderMap) -> Self {
        let mut sent = headers.get_all(REQUEST_ID).iter();
        match (sent.next(), sent.next()) {
            (Some(one), None) if is_well_formed(one.as_bytes()) => Self(Text::Sent(one.clone())),
            _ => Self::new(),
        }
    }

    fn new() -> Self {
        let number = rand::random::<u64>();
        Self(Text::Made(std::array::from_fn(|at| {
            let digit = number >> (4 * at) & 0xf;
            char::from_digit(digit as u32, 16).map_or(b'0', |digit| digit as u8)
        })))
    }

    /// Its text.
    pub fn as_str(&self) -> &str {
        match &self.0 {
            Text::Sent(value) => value.to_str().unwrap_or_default(),
            Text::Made(digits) => std::str::from_utf8(digits).unwrap_or_default(),
        }
    }

    /// The same as a header.
    pub(super) fn header(&self) -> HeaderValue {
        match &self.0 {
            Text::Sent(value) => value.clone(),
            Text::Made(digits) => {
                HeaderValue::from_bytes(digits).unwrap_or_else(|_| HeaderValue::from_static("none"))
            }
        }
    }

    /// What puts it into every line of the log that is written within. It has the highest level, so
    /// that no filter which lets a line pass leaves the id out.
    pub(super) fn span(&self) -> Span {
        tracing::error_span!("request", id = %self.as_str())
    }

    /// The span that a line of this request is written in: the present one, or a new one for a request
    /// that has none because it is [quiet](super::Application::is_quiet).
    pub fn here(&self) -> Span {
        match Span::current() {
            none if none.is_none() => self.span(),
            present => present,
        }
    }

    /// The same for a request with these extensions.
    pub fn span_of(extensions: &Extensions) -> Span {
        extensions.get::<Self>().map_or_else(Span::current, Self::here)
    }
}

/// Letters, digits, and marks that separate nothing in a line of the log.
fn is_well_formed(id: &[u8]) -> bool {
    let fits = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._:".contains(byte);
    (1..=LONGEST_BYTES).contains(&id.len()) && id.iter().all(fits)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id_of(sent: &[&[u8]]) -> String {
        let mut headers = HeaderMap::new();
        for value in sent {
            headers.append(REQUEST_ID, HeaderValue::from_bytes(value).unwrap());
        }
        RequestId::of(&headers).as_str().to_owned()
    }

    #[test]
    fn a_well_formed_id_is_taken_and_any_other_is_replaced() {
        let longest = "x".repeat(LONGEST_BYTES);
        for good in ["3f2a", "3f2a9c-1", "0af7651916cd43dd8448eb211c80319c", "a.b_c:d", &longest] {
            assert_eq!(id_of(&[good.as_bytes()]), good);
        }
        let long = format!("{longest}x");
        let bad: [&[u8]; 9] = [
            b"",
            b"a b",
            b"a\tERROR",
            b"a}: forged",
            b"a=b",
            b"\"",
            b"\xc3\xa9",
            b"a\\n",
            long.as_bytes(),
        ];
        for bad in bad {
            let id = id_of(&[bad]);
            assert!(id.len() == 16 && id.bytes().all(|b| b.is_ascii_hexdigit()), "{bad:?}: {id}");
        }
        assert_eq!(id_of(&[]).len(), 16);
        assert_eq!(id_of(&[b"one", b"two"]).len(), 16, "of two nobody knows which is meant");
        assert_ne!(id_of(&[]), id_of(&[]));
    }
}

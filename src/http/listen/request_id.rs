//! The id of a request: one word that is in the answer, in every line of the log that the request
//! causes, and in what the client prints. It helps to find a request and proves nothing.

use http::{HeaderMap, HeaderName, HeaderValue};
use tracing::Span;

/// The header that has it, in requests and answers.
pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The longest that is taken. Unit: bytes.
const LONGEST_BYTES: usize = 64;

/// The id of a request; an extension of every request.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RequestId(HeaderValue);

impl RequestId {
    /// The one in the headers, or a new one where there is none that is well formed.
    pub(super) fn of(headers: &HeaderMap) -> Self {
        let mut sent = headers.get_all(REQUEST_ID).iter();
        match (sent.next(), sent.next()) {
            (Some(one), None) if is_well_formed(one.as_bytes()) => Self(one.clone()),
            _ => Self::new(),
        }
    }

    fn new() -> Self {
        let text = format!("{:016x}", rand::random::<u64>());
        Self(HeaderValue::from_str(&text).unwrap_or_else(|_| HeaderValue::from_static("none")))
    }

    /// Its text.
    pub fn as_str(&self) -> &str {
        self.0.to_str().unwrap_or_default()
    }

    /// The same as a header.
    pub(super) fn header(&self) -> HeaderValue {
        self.0.clone()
    }

    /// What puts it into every line of the log that is written within. It has the highest level, so
    /// that no filter which lets a line pass leaves the id out.
    pub(super) fn span(&self) -> Span {
        tracing::error_span!("request", id = %self.as_str())
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

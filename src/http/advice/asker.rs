//! Asker: the program that asks.

use axum::http::{HeaderMap, HeaderValue, header};

/// The program that asks, as its User-Agent says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Asker {
    /// apt's method for HTTP.
    Apt,
    /// curl.
    Curl,
    /// repoctl, which has words of its own for most problems.
    Repoctl,
    /// Anything else.
    Other,
}

impl Asker {
    /// As the head of a request says.
    pub fn of(headers: &HeaderMap) -> Self {
        let agent = headers.get(header::USER_AGENT).map_or(&b""[..], HeaderValue::as_bytes);
        let known: [(&[u8], Self); 3] =
            [(b"Debian APT-", Self::Apt), (b"curl/", Self::Curl), (b"repoctl/", Self::Repoctl)];
        let found = known.into_iter().find(|(start, _)| agent.starts_with(start));
        found.map_or(Self::Other, |(_, asker)| asker)
    }
}

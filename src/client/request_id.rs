//! Ids of requests: the server's log has each, so that somebody who is told the id finds the request
//! there.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use reqwest::header::HeaderMap;

/// The header that has it, in requests and answers.
pub(super) const REQUEST_ID: &str = "x-request-id";

/// The longest that is read from an answer. Unit: bytes.
const LONGEST_BYTES: usize = 64;

/// Gives each request of a client an id: a word that they have in common, and a number.
#[derive(Clone, Debug)]
pub(super) struct RequestIds {
    common: Arc<str>,
    next: Arc<AtomicU64>,
}

impl RequestIds {
    /// Ids that nobody else gives.
    pub fn new() -> Self {
        let common = format!("{:012x}", rand::random::<u64>() >> 16);
        Self { common: common.into(), next: Arc::new(AtomicU64::new(1)) }
    }

    /// The id of the next request: `3f2a9c11d0e4-1`.
    pub fn next(&self) -> String {
        format!("{}-{}", self.common, self.next.fetch_add(1, Ordering::Relaxed))
    }
}

/// The id that an answer has, if it is one that may be printed.
pub(super) fn answered(headers: &HeaderMap) -> Option<String> {
    let id = headers.get(REQUEST_ID)?.to_str().ok()?;
    is_printable(id).then(|| id.to_owned())
}

/// Whether it is a word that can be looked for.
pub(super) fn is_printable(id: &str) -> bool {
    (1..=LONGEST_BYTES).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_graphic())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_requests_of_a_command_have_a_word_in_common() {
        let ids = RequestIds::new();
        let (first, second) = (ids.next(), ids.clone().next());
        let (common, number) = first.split_once('-').unwrap();
        assert_eq!((common.len(), number), (12, "1"));
        assert_eq!(second, format!("{common}-2"));
        assert_ne!(RequestIds::new().next(), first);
    }

    #[test]
    fn only_a_word_of_an_answer_is_printed() {
        let of = |value: &'static str| {
            answered(
                &[(reqwest::header::HeaderName::from_static(REQUEST_ID), value.parse().unwrap())]
                    .into_iter()
                    .collect(),
            )
        };
        assert_eq!(of("3f2a-1").as_deref(), Some("3f2a-1"));
        assert_eq!(of("a b"), None);
        assert_eq!(of(""), None);
        assert_eq!(answered(&HeaderMap::new()), None);
    }
}

//! Cause: why something failed, as a text for people and with the error below it. Clones share
//! both, so that everybody who waited for the same work gets its failure.
//!
//! May name: nothing

use std::error::Error;
use std::fmt;
use std::sync::Arc;

/// Why something failed.
///
/// Shape: displays as its text, which has everything that people need; the error below it is for
/// programs and for logs.
#[derive(Clone, Debug)]
pub struct Cause {
    text: Arc<str>,
    below: Option<Arc<dyn Error + Send + Sync>>,
}

impl Cause {
    /// The text of `error`, with `error` below it.
    pub fn of(error: impl Error + Send + Sync + 'static) -> Self {
        Self::with(error.to_string(), error)
    }

    /// `text`, with `error` below it. The text has to include the message of `error`, as far as
    /// people need it.
    pub fn with(text: impl Into<String>, error: impl Error + Send + Sync + 'static) -> Self {
        Self { text: text.into().into(), below: Some(Arc::new(error)) }
    }

    /// What was being done and the message of `error`: `WHAT: ERROR`, with `error` below it.
    pub fn while_doing(what: impl fmt::Display, error: impl Error + Send + Sync + 'static) -> Self {
        Self::with(format!("{what}: {error}"), error)
    }
}

impl From<String> for Cause {
    fn from(text: String) -> Self {
        Self { text: text.into(), below: None }
    }
}

impl From<&str> for Cause {
    fn from(text: &str) -> Self {
        Self { text: text.into(), below: None }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Error for Cause {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.below.as_deref().map(|below| below as &(dyn Error + 'static))
    }
}

/// The error of this type among `error` and all errors below it.
///
/// Source: the `source` of an `io::Error` skips the error that it wraps, so that error is looked at
/// here.
pub fn find<'e, E: Error + 'static>(error: &'e (dyn Error + 'static)) -> Option<&'e E> {
    let mut next = Some(error);
    while let Some(current) = next {
        if let Some(found) = current.downcast_ref() {
            return Some(found);
        }
        let wrapped = current.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
        next = match wrapped {
            Some(inner) => Some(inner as &'e (dyn Error + 'static)),
            None => current.source(),
        };
    }
    None
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    #[test]
    fn the_text_is_for_people_and_the_error_below_it_is_kept_by_every_clone() {
        let full = || io::Error::from(io::ErrorKind::StorageFull);
        for (cause, text) in [
            (Cause::of(full()), full().to_string()),
            (Cause::with("make room", full()), "make room".into()),
            (Cause::while_doing("sync", full()), format!("sync: {}", full())),
        ] {
            assert_eq!(cause.to_string(), text);
            let clone = cause.clone();
            drop(cause);
            let found: &io::Error = find(&clone).unwrap();
            assert_eq!(found.kind(), io::ErrorKind::StorageFull);
        }
        assert!(Cause::from("a text").source().is_none());
        assert_eq!(Cause::from("a text".to_owned()).to_string(), "a text");
    }

    #[test]
    fn an_error_is_found_however_it_is_wrapped() {
        let wrapped = io::Error::other(Cause::while_doing("read", fmt::Error));
        assert!(find::<fmt::Error>(&io::Error::other(wrapped)).is_some());
        assert!(find::<std::num::ParseIntError>(&Cause::of(fmt::Error)).is_none());
    }
}

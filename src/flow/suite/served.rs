//! Served: a suite's head as hosts are given it, in memory. Answers share its bytes, so that the
//! file that every host requests again and again is neither read nor copied for a request.

use std::sync::Arc;

use bytes::Bytes;

use crate::domain::{Head, RingHead, RingId};
use crate::time::Moment;

/// `Last-Modified` of a file whose path names its content. It is the same for all of them, so that
/// a resumed download always finds the file unchanged.
pub(crate) const UNCHANGING: Moment = Moment(1_000_000_000);
/// [`UNCHANGING`] as HTTP writes it.
const UNCHANGING_TEXT: &[u8] = b"Sun, 09 Sep 2001 01:46:40 GMT";

/// A moment, and how HTTP writes it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Stamp {
    /// The moment.
    pub at: Moment,
    /// The text of the header.
    pub text: Bytes,
}

impl From<Moment> for Stamp {
    fn from(at: Moment) -> Self {
        let text = match at {
            UNCHANGING => Bytes::from_static(UNCHANGING_TEXT),
            at => at.http_date().into(),
        };
        Self { at, text }
    }
}

/// A head, ready to be sent.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Served {
    /// The generation that is served.
    pub generation: u64,
    /// Its Date.
    pub date: Stamp,
    /// `Release`.
    pub release: Bytes,
    /// `Release.gpg`.
    pub release_gpg: Bytes,
    /// `InRelease`.
    pub in_release: Bytes,
    /// What the rings are served that are offered something else.
    pub rings: Vec<(RingId, Arc<Served>)>,
}

impl Served {
    /// The head, ready to be sent.
    pub fn of(head: &Head) -> Self {
        let ready = |text: &str| Bytes::copy_from_slice(text.as_bytes());
        let ring = |ring: &RingHead| {
            let served = Self {
                generation: head.generation,
                date: head.date.into(),
                release: ready(&ring.release),
                release_gpg: ready(&ring.release_gpg),
                in_release: ready(&ring.in_release),
                rings: Vec::new(),
            };
            (ring.ring, Arc::new(served))
        };
        Self {
            generation: head.generation,
            date: head.date.into(),
            release: ready(&head.release),
            release_gpg: ready(&head.release_gpg),
            in_release: ready(&head.in_release),
            rings: head.rings.iter().map(ring).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_constant_stamp_is_written_like_any_other() {
        assert_eq!(Stamp::from(UNCHANGING).text, UNCHANGING.http_date());
    }

    #[test]
    fn a_head_is_sent_as_it_was_signed_and_no_copy_is_made_of_it() {
        let head = Head {
            generation: 7,
            date: Moment(1_795_404_699),
            valid_until: Moment(1_796_000_000),
            release: "release".into(),
            release_gpg: "signature".into(),
            in_release: "signed release".into(),
            rings: Vec::new(),
        };
        let served = Served::of(&head);
        assert_eq!((served.generation, served.date.at), (7, head.date));
        assert_eq!(served.date.text, "Mon, 23 Nov 2026 03:31:39 GMT");
        assert_eq!(served.in_release, head.in_release);
        assert_eq!(served.release, head.release);
        assert_eq!(served.release_gpg, head.release_gpg);
        let (first, second) = (served.in_release.clone(), served.in_release.clone());
        assert_eq!(first.as_ptr(), second.as_ptr());
    }
}

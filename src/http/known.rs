//! Known: certificates that proxies sent lately, each with the verdict on it.
//!
//! A proxy sends requests of many clients on one connection, so a verdict cannot be stored with the
//! connection. It is stored here instead, by the digest of the certificate. How long a verdict is
//! valid is its own affair ([`trust::Peer`]): one epoch, with a quick check at every request.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use rustls::pki_types::CertificateDer;

use crate::digest::Digest;
use crate::trust;

/// The limit of each of the two halves: certificates that were used since the halves were last
/// swapped, and those used before that. A verdict on a certificate of usual size takes about two
/// KiB, so ten thousand clients stay known. Unit: bytes.
const MOST_BYTES: usize = 24 << 20;
/// The memory of an entry beside the certificate itself. Unit: bytes.
const EACH_BYTES: usize = 1024;

/// A certificate, and the verdict on it.
type Judged = (Arc<[CertificateDer<'static>]>, Arc<trust::Peer>);

/// The certificates that proxies sent lately.
#[derive(Default)]
pub(super) struct Known(Mutex<Halves>);

/// Entries that were used lately, and older ones, which are forgotten when the halves are swapped.
#[derive(Default)]
struct Halves {
    now: HashMap<Digest, Judged>,
    before: HashMap<Digest, Judged>,
    now_bytes: usize,
}

impl Known {
    /// The verdict on `certificate`, or an empty entry when it is new.
    pub(super) fn find(&self, certificate: CertificateDer<'static>) -> Judged {
        let digest = Digest::of(&certificate);
        let mut halves = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(judged) = halves.now.get(&digest) {
            return judged.clone();
        }
        let bytes = certificate.len().saturating_add(EACH_BYTES);
        let kept = halves.before.remove(&digest);
        let judged = kept.unwrap_or_else(|| {
            let chain: Arc<[_]> = Arc::new([certificate]);
            (Arc::clone(&chain), Arc::new(trust::Peer::sharing(chain)))
        });
        if halves.now_bytes.saturating_add(bytes) > MOST_BYTES {
            halves.before = std::mem::take(&mut halves.now);
            halves.now_bytes = 0;
        }
        halves.now_bytes = halves.now_bytes.saturating_add(bytes);
        halves.now.insert(digest, judged.clone());
        judged
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn certificate(number: u32, bytes: usize) -> CertificateDer<'static> {
        let mut der = vec![0; bytes];
        der[..4].copy_from_slice(&number.to_be_bytes());
        der.into()
    }

    #[test]
    fn the_same_certificate_has_the_same_verdict_and_no_more_are_kept_than_there_is_room_for() {
        let known = Known::default();
        let (chain, first) = known.find(certificate(0, 1000));
        assert_eq!(chain.len(), 1);
        assert!(Arc::ptr_eq(&first, &known.find(certificate(0, 1000)).1));
        assert!(!Arc::ptr_eq(&first, &known.find(certificate(1, 1000)).1));
        // A flood of other certificates does not drive out one that is used now and then.
        for number in 2..20_000 {
            known.find(certificate(number, 8 << 10));
            if number % 1000 == 0 {
                assert!(Arc::ptr_eq(&first, &known.find(certificate(0, 1000)).1), "{number}");
            }
            let halves = known.0.lock().unwrap();
            let held = halves.now.len() + halves.before.len();
            assert!(held * (9 << 10) <= 2 * MOST_BYTES + (1 << 20), "{held}");
        }
        // And one that is not used is forgotten.
        assert_eq!(Arc::strong_count(&known.find(certificate(1, 1000)).1), 2);
        assert!(
            !known.0.lock().unwrap().before.contains_key(&Digest::of(&certificate(2, 8 << 10)))
        );
    }
}

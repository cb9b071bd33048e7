//! Certificates of clients, and requests for them.

use std::sync::LazyLock;

use repod::time::Moment;
use repod::trust::{Refusal, Trust, TrustFiles, request};
use rustls::pki_types::CertificateDer;
use x509_parser::prelude::{FromDer as _, GeneralName, X509Certificate};

use super::seeds;

/// The time at which everything is judged.
pub const NOW: Moment = Moment(1_795_404_800);

/// The CA of the seeds, with a list that revokes nothing.
static TRUST: LazyLock<Trust> = LazyLock::new(|| {
    let directory = tempfile::tempdir().expect("a directory");
    let at = |name: &str| directory.path().join(name);
    std::fs::write(at("ca.crt"), seeds::ca_certificate()).expect("it is written");
    let list = seeds::signed(include_bytes!("seeds/empty-list.der"));
    std::fs::write(at("crl.pem"), list).expect("it is written");
    let trust = Trust::load(TrustFiles::of_directory(directory.path()), NOW).expect("it is read");
    assert!(trust.current().crl_fault().is_none(), "{:?}", trust.current().crl_fault());
    trust
});

/// A certificate: as it is when the first byte is even, else its body, which the CA of the seeds signs.
///
/// Who is let in has exactly one name, which is in the certificate, and the answer is the same every time.
pub fn certificate(bytes: &[u8]) {
    let Some((which, bytes)) = bytes.split_first() else { return };
    let der = if which % 2 == 0 { bytes.to_vec() } else { seeds::signed(bytes) };
    let der = CertificateDer::from(der);
    let state = TRUST.current();
    let verdict = state.judge(std::slice::from_ref(&der), NOW);
    let again = state.judge(std::slice::from_ref(&der), NOW);
    let standing = match (verdict, again) {
        (Err(one), Err(other)) => {
            assert_eq!(one, other);
            return expect_line(&one);
        }
        (one, other) => {
            let (one, other) = (one.expect("twice the same"), other.expect("twice the same"));
            assert_eq!(one.identity(), other.identity());
            one
        }
    };
    let (rest, read) = X509Certificate::from_der(&der).expect("what was let in is read");
    assert_eq!(seeds::signed(read.tbs_certificate.as_ref()), *der, "the CA did not sign it");
    assert!(rest.is_empty() && !read.is_ca(), "there is more, or it is a CA");
    let names = read.subject_alternative_name().expect("sound").expect("there");
    match names.value.general_names.as_slice() {
        [GeneralName::DNSName(name)] => assert_eq!(*name, standing.identity().as_str()),
        other => panic!("{other:?} became {}", standing.identity()),
    }
    let (from, until) =
        (read.validity().not_before.timestamp(), read.validity().not_after.timestamp());
    assert!((from..=until).contains(&NOW.0), "{from}..{until}");
    assert!(standing.not_after().0 <= until);
    let usage = read.extended_key_usage().expect("sound").expect("there");
    assert!(usage.value.client_auth);
    assert_eq!(standing.links().len(), 1);
}

fn expect_line(refusal: &Refusal) {
    let line = refusal.to_string();
    assert!(line.len() <= 120 && line.bytes().all(|b| (b' '..=b'~').contains(&b)), "{line:?}");
}

/// A request for a certificate: PEM.
pub fn request(bytes: &[u8]) {
    let Some(text) = super::text(bytes) else { return };
    if let Ok(digest) = request::key_digest(text) {
        assert_eq!(request::key_digest(text).ok(), Some(digest));
    }
}

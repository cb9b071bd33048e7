//! The configured CAs: whose signatures are accepted, and who needs a revocation list.

use std::path::PathBuf;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, TrustAnchor};
use x509_parser::prelude::{FromDer, X509Certificate};

use super::signed::{Signed, is_der, sequence_in};
use super::{IssuerId, Serial, TrustError, crypto};
use crate::cause::Cause;
use crate::time::Moment;

/// One configured CA.
pub(super) struct Authority {
    id: IssuerId,
    name: String,
    anchor: TrustAnchor<'static>,
    public_key: Vec<u8>,
    not_before: Moment,
    not_after: Moment,
    certificates: Vec<CertificateDer<'static>>,
    is_anchor: bool,
    above: Option<(IssuerId, Serial)>,
}

impl Authority {
    /// Which one it is.
    pub(super) fn id(&self) -> IssuerId {
        self.id
    }

    /// Its subject, in printable ASCII for people.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Its subject as in certificates and lists: the content of the DER Name.
    pub(super) fn subject(&self) -> &[u8] {
        self.anchor.subject.as_ref()
    }

    /// Its SubjectPublicKeyInfo.
    pub(super) fn public_key(&self) -> &[u8] {
        &self.public_key
    }

    /// What webpki builds paths to.
    pub(super) fn anchor(&self) -> &TrustAnchor<'static> {
        &self.anchor
    }

    /// Whether it is a trust anchor: trusted by itself, and not only by a path to another CA.
    pub(super) fn is_anchor(&self) -> bool {
        self.is_anchor
    }

    /// Its certificates, the one that lasts longest first. There are several after a renewal.
    pub(super) fn certificates(&self) -> &[CertificateDer<'static>] {
        &self.certificates
    }

    /// From when on it may certify.
    pub(super) fn not_before(&self) -> Moment {
        self.not_before
    }

    /// Until when it may certify.
    pub(super) fn not_after(&self) -> Moment {
        self.not_after
    }

    /// The configured CA that certified this one, and under which serial.
    pub(super) fn above(&self) -> Option<&(IssuerId, Serial)> {
        self.above.as_ref()
    }

    fn from_certificate(der: CertificateDer<'static>, is_anchor: bool) -> Result<Self, Cause> {
        let anchor = webpki::anchor_from_trusted_cert(&der)
            .map_err(|error| Cause::while_doing("not a certificate", error))?;
        let public_key = webpki::spki_for_anchor(&anchor).to_vec();
        let (_, parsed) = X509Certificate::from_der(&der)
            .map_err(|error| Cause::with("not a certificate", error))?;
        check_usage(&parsed)?;
        Ok(Self {
            id: IssuerId::of(&anchor.subject, &public_key),
            name: printable(&parsed.subject().to_string()),
            public_key,
            not_before: Moment(parsed.validity().not_before.timestamp()),
            not_after: Moment(parsed.validity().not_after.timestamp()),
            above: None,
            anchor: anchor.to_owned(),
            is_anchor,
            certificates: vec![der],
        })
    }

    /// Whether the certificate of this CA was made by `other`, and its serial if so.
    fn serial_under(&self, other: &Self) -> Option<Serial> {
        let serial = |certificate: &CertificateDer<'_>| {
            let (_, parsed) = X509Certificate::from_der(certificate).ok()?;
            let issuer = sequence_in(parsed.issuer().as_raw()).ok()?;
            let signed = Signed::parse(certificate).ok()?;
            let made = issuer == other.subject()
                && signed.is_by(other.public_key(), &crypto::algorithms());
            made.then(|| Serial::from_integer(parsed.raw_serial()))
        };
        self.certificates.iter().find_map(serial)
    }

    /// Adds another certificate of the same CA.
    fn join(&mut self, other: Self) {
        if other.not_after > self.not_after {
            let older = std::mem::replace(self, other);
            self.is_anchor |= older.is_anchor;
            self.certificates.extend(older.certificates);
        } else {
            self.certificates.extend(other.certificates);
        }
    }
}

/// The CAs in PEM or DER files: trust anchors, and CAs between them and the clients. Several
/// certificates of one CA (same name and key, as after a renewal) count as one, which lasts as long
/// as the last of them.
///
/// # Errors
/// [`TrustError::File`] for a file without certificates, for a certificate that is not a CA's, and
/// for a CA between that no other CA certified; [`TrustError::Parameter`] when there is no trust
/// anchor.
pub(super) fn read_all(
    anchors: &[(PathBuf, Vec<u8>)],
    between: &[(PathBuf, Vec<u8>)],
) -> Result<Vec<Authority>, TrustError> {
    let mut found: Vec<Authority> = Vec::new();
    let all = anchors.iter().map(|file| (file, true)).chain(between.iter().map(|f| (f, false)));
    let mut sources = Vec::new();
    for ((path, bytes), is_anchor) in all {
        let certificates = certificates(bytes).map_err(|why| TrustError::file(path, why))?;
        for der in certificates {
            let new = Authority::from_certificate(der, is_anchor);
            let new = new.map_err(|why| TrustError::file(path, why))?;
            match found.iter_mut().find(|old| old.id == new.id) {
                Some(old) => old.join(new),
                None => {
                    found.push(new);
                    sources.push(path);
                }
            }
        }
    }
    if found.iter().all(|authority| !authority.is_anchor) {
        return Err(TrustError::Parameter("no CA is configured: name a CA certificate".into()));
    }
    let above: Vec<_> = found
        .iter()
        .map(|lower| {
            let mut others = found.iter().filter(|upper| upper.id != lower.id);
            others.find_map(|upper| Some((upper.id, lower.serial_under(upper)?)))
        })
        .collect();
    for ((authority, above), path) in found.iter_mut().zip(above).zip(sources) {
        if above.is_none() && !authority.is_anchor {
            let name = authority.name();
            let why = format!("{name} was issued by no configured CA: add that one to the anchors");
            return Err(TrustError::file(path, why));
        }
        authority.above = above;
    }
    Ok(found)
}

/// The certificates in a file that is one DER certificate or any number of PEM blocks.
pub(super) fn certificates(bytes: &[u8]) -> Result<Vec<CertificateDer<'static>>, Cause> {
    if is_der(bytes) {
        return Ok(vec![CertificateDer::from(bytes.to_vec())]);
    }
    let found: Vec<_> =
        CertificateDer::pem_slice_iter(bytes).collect::<Result<_, _>>().map_err(|error| {
            Cause::with("a PEM block is cut or damaged: copy the file again", error)
        })?;
    if found.is_empty() {
        Err("holds no certificate: put a PEM block CERTIFICATE there".into())
    } else {
        Ok(found)
    }
}

/// Accepts only a CA's certificate: one that may sign certificates and lists.
fn check_usage(parsed: &X509Certificate<'_>) -> Result<(), &'static str> {
    if !parsed.is_ca() {
        return Err("is not a CA certificate: configure the CA's own, not one that it issued");
    }
    let usage = parsed.key_usage().map_err(|_| "has a damaged keyUsage")?;
    match usage {
        Some(usage) if !usage.value.key_cert_sign() || !usage.value.crl_sign() => {
            Err("may not sign certificates and revocation lists: its keyUsage lacks one of them")
        }
        _ => Ok(()),
    }
}

/// `text` without anything that could disturb a log or a terminal, cut to 80 characters.
fn printable(text: &str) -> String {
    text.chars().map(|c| if (' '..='~').contains(&c) { c } else { '?' }).take(80).collect()
}

//! Certificate requests (PKCS #10): made for a client, and read only for their public key.

use ::der::Reader;
use ::der::asn1::UintRef;
use rcgen::{CertificateParams, KeyPair, PublicKeyData, SubjectPublicKeyInfo};
use rustls::pki_types::CertificateSigningRequestDer;
use rustls::pki_types::pem::PemObject;
use zeroize::Zeroizing;

use super::signed::{Signed, take_sequence, take_whole_sequence};
use super::{KeyFault, TrustError, crypto, key};
use crate::digest::Digest;

/// The most that is read of a request. Unit: bytes.
const REQUEST_LIMIT_BYTES: usize = 16 * 1024;

/// A new private key and the request that goes with it.
pub struct NewRequest {
    /// The private key, PKCS #8 in PEM; wiped when dropped.
    pub key_pem: Zeroizing<String>,
    /// The request, PEM. It names nothing: the authority decides every name.
    pub csr_pem: String,
}

impl NewRequest {
    /// Makes an ECDSA P-256 key and a request for it.
    ///
    /// # Errors
    /// [`TrustError::Library`] when no key can be made.
    pub fn make() -> Result<Self, TrustError> {
        let key = KeyPair::generate()?;
        let mut params = CertificateParams::default();
        params.distinguished_name = rcgen::DistinguishedName::new();
        let csr_pem = params.serialize_request(&key)?.pem()?;
        Ok(Self { key_pem: Zeroizing::new(key.serialize_pem()), csr_pem })
    }

    /// Makes an ECDSA P-256 key and a request for a server certificate of this name or address, for
    /// a CA that follows the names in a request.
    ///
    /// # Errors
    /// [`TrustError::Parameter`] for a bad name; [`TrustError::Library`].
    pub fn for_server(name: &str) -> Result<Self, TrustError> {
        let key = KeyPair::generate()?;
        let mut params = CertificateParams::default();
        params.distinguished_name = super::subject::subject(name);
        params.subject_alt_names = vec![super::subject::server_name(name)?];
        params.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::ServerAuth];
        let csr_pem = params.serialize_request(&key)?.pem()?;
        Ok(Self { key_pem: Zeroizing::new(key.serialize_pem()), csr_pem })
    }
}

/// SHA-256 of the public key of a request (its SubjectPublicKeyInfo), once its self-signature has
/// proven that the sender holds it.
///
/// # Errors
/// [`TrustError::Request`] (sender's fault).
pub fn key_digest(csr_pem: &str) -> Result<Digest, TrustError> {
    Ok(Digest::of(&public_key_of(csr_pem)?.subject_public_key_info()))
}

/// The public key of a request, once its self-signature has proven that the sender holds it.
/// Nothing else in the request (names, CA rights, usages) is read.
///
/// # Errors
/// [`TrustError::Request`] (sender's fault).
pub(super) fn public_key_of(csr_pem: &str) -> Result<SubjectPublicKeyInfo, TrustError> {
    if csr_pem.len() > REQUEST_LIMIT_BYTES {
        return Err(TrustError::Request("it is larger than 16 KiB"));
    }
    let der = CertificateSigningRequestDer::from_pem_slice(csr_pem.as_bytes())
        .map_err(|_| TrustError::Request("it is not a PEM block CERTIFICATE REQUEST"))?;
    let malformed = TrustError::Request("it is not a complete PKCS #10 request");
    let Ok((signed, public_key)) = take_apart(&der) else { return Err(malformed) };
    key::accept(public_key).map_err(|fault| match fault {
        KeyFault::ShortRsa => TrustError::Request("its RSA key has fewer than 2048 bits"),
        _ => TrustError::Request("its key is neither RSA, ECDSA (P-256, P-384, P-521) nor Ed25519"),
    })?;
    if !signed.is_by(public_key, &crypto::algorithms()) {
        return Err(TrustError::Request("its signature was not made with the key in it"));
    }
    SubjectPublicKeyInfo::from_der(public_key)
        .map_err(|_| TrustError::Request("its public key is encoded in an unusual way"))
}

/// The signed parts of a request and the SubjectPublicKeyInfo within (RFC 2986, section 4.1).
fn take_apart(der: &[u8]) -> ::der::Result<(Signed<'_>, &[u8])> {
    let signed = Signed::parse(der)?;
    let mut body = signed.body()?;
    let _version: UintRef<'_> = body.decode()?;
    let _subject = take_sequence(&mut body)?;
    let public_key = take_whole_sequence(&mut body)?;
    Ok((signed, public_key))
}

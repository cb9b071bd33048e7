//! The server's own certificate: issued once, loaded at the start and at a reload.

use std::path::Path;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::sign::CertifiedKey;
use x509_parser::prelude::{FromDer, X509Certificate, X509Version};
use zeroize::Zeroizing;

use super::files::{self, CERTIFICATE_LIMIT_BYTES, GROUP_READS, Readers};
use super::{TrustError, authority, crypto};
use crate::cause::Cause;
use crate::time::Moment;

/// A certificate that was issued, with its key when that was made here too.
pub struct Issued {
    /// The certificate, PEM.
    pub certificate_pem: String,
    /// The private key, PKCS #8 in PEM, wiped when dropped; `None` when it was made elsewhere.
    pub key_pem: Option<Zeroizing<String>>,
    /// The end of its validity.
    pub not_after: Moment,
}

impl Issued {
    /// Writes `server.crt` (mode 0644) and, if there is one, `server.key` (mode 0600), each whole.
    ///
    /// # Errors
    /// [`TrustError::Io`].
    pub fn write(&self, directory: &Path) -> Result<(), TrustError> {
        if let Some(key) = &self.key_pem {
            files::replace(&directory.join("server.key"), key.as_bytes(), Readers::Owner)?;
        }
        let certificate = self.certificate_pem.as_bytes();
        files::replace(&directory.join("server.crt"), certificate, Readers::All)
    }
}

/// The certificate chain and key that the server presents.
pub struct ServerIdentity {
    /// The server's certificate, then intermediates.
    pub chain: Vec<CertificateDer<'static>>,
    /// Its private key.
    pub key: PrivateKeyDer<'static>,
    /// The begin of the certificate's validity.
    pub not_before: Moment,
    /// The end of the certificate's validity.
    pub not_after: Moment,
}

/// Loads `server.crt` and `server.key` from `directory`.
///
/// # Errors
/// As for [`ServerIdentity::load`].
pub fn load_server(directory: &Path) -> Result<ServerIdentity, TrustError> {
    ServerIdentity::load(&directory.join("server.crt"), &directory.join("server.key"))
}

/// The CA certificates in `file`, PEM: what hosts recognise the server by.
///
/// # Errors
/// [`TrustError::File`] when it holds none, or is not PEM; [`TrustError::Io`].
pub fn read_ca(file: &Path) -> Result<String, TrustError> {
    let bytes = files::read(file, CERTIFICATE_LIMIT_BYTES)?;
    authority::certificates(&bytes).map_err(|why| TrustError::file(file, why))?;
    String::from_utf8(bytes)
        .map_err(|_| TrustError::file(file, "is not PEM: convert it with openssl x509"))
}

/// The private key of the server in `directory`, PEM: for a renewal that keeps it.
///
/// # Errors
/// [`TrustError::KeyExposed`]; [`TrustError::Io`].
pub fn existing_key(directory: &Path) -> Result<Zeroizing<String>, TrustError> {
    files::read_private(&directory.join("server.key"), GROUP_READS)
}

impl ServerIdentity {
    /// A text that changes when one of the two files changes.
    pub fn stamp(certificate: &Path, key: &Path) -> String {
        files::stamp(&[certificate.to_path_buf(), key.to_path_buf()])
    }

    /// Whether the certificate is for this name or address.
    pub fn is_for(&self, host: &str) -> bool {
        let own = self.chain.first().and_then(|der| webpki::EndEntityCert::try_from(der).ok());
        let name = ServerName::try_from(host).ok();
        own.zip(name).is_some_and(|(own, name)| own.verify_is_valid_for_subject_name(&name).is_ok())
    }

    /// Loads a certificate chain and its key, both PEM; a group, but nobody else, may read the key.
    ///
    /// # Errors
    /// [`TrustError::KeyExposed`]; [`TrustError::File`] for damaged files and for a key that
    /// belongs to another certificate; [`TrustError::Io`].
    pub fn load(certificate: &Path, key: &Path) -> Result<Self, TrustError> {
        let bytes = files::read(certificate, CERTIFICATE_LIMIT_BYTES)
            .map_err(|error| unsigned(certificate).unwrap_or(error))?;
        let chain =
            authority::certificates(&bytes).map_err(|why| TrustError::file(certificate, why))?;
        let pem = files::read_private(key, GROUP_READS)?;
        let key_der = PrivateKeyDer::from_pem_slice(pem.as_bytes())
            .map_err(|_| TrustError::file(key, "holds no unencrypted private key in PEM"))?;
        let own = chain.first().and_then(|der| X509Certificate::from_der(der).ok());
        let (_, own) = own.ok_or_else(|| TrustError::file(certificate, "not a certificate"))?;
        if own.version() != X509Version::V3 {
            // openssl x509 -req drops the extensions of a request unless -copy_extensions is given.
            let why =
                "has no extensions, so it names no host: have it signed again with subjectAltName";
            return Err(TrustError::file(certificate, why));
        }
        let not_before = Moment(own.validity().not_before.timestamp());
        let not_after = Moment(own.validity().not_after.timestamp());
        CertifiedKey::from_der(chain.clone(), key_der.clone_key(), &crypto::provider()).map_err(
            |error| {
                TrustError::file(key, Cause::while_doing("not the key of the certificate", error))
            },
        )?;
        Ok(Self { chain, key: key_der, not_before, not_after })
    }
}

/// What to do when there is a request beside the place of the certificate, but no certificate.
fn unsigned(certificate: &Path) -> Option<TrustError> {
    let request = certificate.with_extension("csr");
    (files::is_there(&request) && !files::is_there(certificate)).then(|| {
        let why = format!("is not there yet: have your CA sign {}", request.display());
        TrustError::file(certificate, why)
    })
}

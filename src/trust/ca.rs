//! The embedded CA: one key, one self-signed certificate, one revocation list, in one directory.

use std::path::{Path, PathBuf};

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyPair, KeyUsagePurpose, PublicKeyData, SanType, SerialNumber,
};
use rustls::pki_types::CertificateDer;
use x509_parser::prelude::{FromDer, X509Certificate};
use zeroize::Zeroizing;

use super::authority::{self, Authority};
use super::dates::{DAY_SECONDS, written};
use super::files::{self, CERTIFICATE_LIMIT_BYTES, OWNER_ONLY, Readers};
use super::{Issued, Serial, TrustError, locked, request, subject};
use crate::cause::Cause;
use crate::digest::Digest;
use crate::domain::Identity;
use crate::time::Moment;

/// How long the CA certificate lasts. Unit: days.
const CA_DAYS: u32 = 3650;
/// How long the first, empty revocation list lasts. Unit: seconds.
const FIRST_CRL_SECONDS: i64 = 7 * DAY_SECONDS;
/// How far `notBefore` is set back, for hosts whose clocks are behind. Unit: seconds.
const BACKDATE_SECONDS: i64 = 300;
/// Which key a server certificate is for.
pub enum ServerKey<'a> {
    /// A new one, made here.
    New,
    /// The one that is in use already: its private key in PEM.
    Existing(&'a str),
    /// A key that was made elsewhere: a request in PEM, of which only the key is used.
    Request(&'a str),
}

/// A client certificate that was issued.
#[derive(Debug, Clone)]
pub struct IssuedClient {
    /// The certificate, PEM.
    pub certificate_pem: String,
    /// Its serial as [`Serial`] displays it: what a revocation names.
    pub serial_hex: String,
    /// The end of its validity.
    pub not_after: Moment,
}

/// The embedded CA, with its private key in memory.
///
/// Shape: `ca.key` (PKCS #8 PEM, ECDSA P-256, mode 0600, perhaps locked with a passphrase),
/// `ca.crt`, `crl.pem` and `crl.number` in one directory.
pub struct CertificateAuthority {
    pub(super) directory: PathBuf,
    pub(super) issuer: Issuer<'static, KeyPair>,
    certificate: CertificateDer<'static>,
    pub(super) certificate_pem: String,
    not_before: Moment,
    not_after: Moment,
}

impl CertificateAuthority {
    /// Makes a new CA in `directory`: key, certificate for ten years, first empty revocation list
    /// for seven days.
    ///
    /// # Errors
    /// [`TrustError::Exists`] when there is one already; [`TrustError::Parameter`] for a name that
    /// is empty or not printable ASCII; [`TrustError::Io`].
    pub fn create(directory: &Path, name: &str, now: Moment) -> Result<Self, TrustError> {
        Self::create_locked(directory, name, None, now)
    }

    /// As [`CertificateAuthority::create`], with the private key locked by a passphrase where there
    /// is one.
    ///
    /// # Errors
    /// As for [`CertificateAuthority::create`].
    pub fn create_locked(
        directory: &Path,
        name: &str,
        passphrase: Option<&str>,
        now: Moment,
    ) -> Result<Self, TrustError> {
        if name.is_empty() || !name.chars().all(|c| (' '..='~').contains(&c)) {
            let why = "a CA name is printable ASCII, such as repo.example.org";
            return Err(TrustError::Parameter(why.into()));
        }
        let key = KeyPair::generate()?;
        let certificate = root_params(&common_name(name, &key), now)?.self_signed(&key)?;
        files::make_private_directory(directory)?;
        let pem = locked::write(&key, passphrase)?;
        files::create(&directory.join("ca.key"), pem.as_bytes(), Readers::Owner)?;
        files::create(&directory.join("ca.crt"), certificate.pem().as_bytes(), Readers::All)?;
        let authority = Self::load_locked(directory, passphrase)?;
        authority.publish_crl(&[], now, FIRST_CRL_SECONDS)?;
        Ok(authority)
    }

    /// Loads the CA in `directory`.
    ///
    /// # Errors
    /// [`TrustError::KeyExposed`] when others may read the key; [`TrustError::File`] when a file is
    /// damaged, or key and certificate do not belong together; [`TrustError::Io`].
    pub fn load(directory: &Path) -> Result<Self, TrustError> {
        Self::load_locked(directory, None)
    }

    /// As [`CertificateAuthority::load`], for a private key that may be locked: it is opened once,
    /// here.
    ///
    /// # Errors
    /// As for [`CertificateAuthority::load`]; also when the passphrase is missing or wrong.
    pub fn load_locked(directory: &Path, passphrase: Option<&str>) -> Result<Self, TrustError> {
        let key_path = directory.join("ca.key");
        let pem = files::read_private(&key_path, OWNER_ONLY)?;
        Self::of_key(directory, locked::read(&key_path, &pem, passphrase)?)
    }

    /// Locks the private key in `directory` with `new`, or removes the lock; `old` opens it if it
    /// is locked. The new file is read back before it replaces the old one whole.
    ///
    /// # Errors
    /// As for [`CertificateAuthority::load_locked`]; the old file is then unchanged.
    pub fn relock(
        directory: &Path,
        old: Option<&str>,
        new: Option<&str>,
    ) -> Result<(), TrustError> {
        let authority = Self::load_locked(directory, old)?;
        let (path, key) = (directory.join("ca.key"), authority.issuer.key());
        let pem = locked::write(key, new)?;
        if locked::read(&path, &pem, new)?.serialized_der() != key.serialized_der() {
            return Err(TrustError::Library("the key that was locked is not the key".into()));
        }
        files::replace(&path, pem.as_bytes(), Readers::Owner)
    }

    /// The CA of a key, with the certificate that lies in `directory`.
    fn of_key(directory: &Path, key: KeyPair) -> Result<Self, TrustError> {
        let path = directory.join("ca.crt");
        let bytes = files::read(&path, CERTIFICATE_LIMIT_BYTES)?;
        let found = authority::certificates(&bytes).map_err(|why| TrustError::file(&path, why))?;
        let [certificate] = found.as_slice() else {
            return Err(TrustError::file(
                &path,
                "holds more than one certificate: keep the newest",
            ));
        };
        let own = own_authority(&path, &bytes)?;
        if own.public_key() != key.subject_public_key_info() {
            let why = "is not the certificate of ca.key: restore the two together";
            return Err(TrustError::file(&path, why));
        }
        let certificate_pem = String::from_utf8(bytes)
            .map_err(|_| TrustError::file(&path, "is not PEM: convert it with openssl x509"))?;
        Ok(Self {
            directory: directory.to_path_buf(),
            issuer: Issuer::from_ca_cert_der(certificate, key)?,
            not_before: own.not_before(),
            not_after: own.not_after(),
            certificate: certificate.clone(),
            certificate_pem,
        })
    }

    /// The CA certificate, PEM: what hosts put into CAInfo.
    pub fn certificate_pem(&self) -> &str {
        &self.certificate_pem
    }

    /// The begin of the CA certificate's validity.
    pub fn not_before(&self) -> Moment {
        self.not_before
    }

    /// The end of the CA certificate's validity.
    pub fn not_after(&self) -> Moment {
        self.not_after
    }

    /// Issues a server certificate for `names`, DNS names or addresses.
    ///
    /// Units: days, from 1 to 3650; cut to the life of the CA.
    ///
    /// # Errors
    /// [`TrustError::Parameter`] for bad names or days; [`TrustError::Request`];
    /// [`TrustError::CaEnded`].
    pub fn issue_server(
        &self,
        names: &[String],
        key: &ServerKey<'_>,
        days: u32,
        now: Moment,
    ) -> Result<Issued, TrustError> {
        let (mut params, _, not_after) = self.leaf(days, now)?;
        params.subject_alt_names =
            names.iter().map(|name| subject::server_name(name)).collect::<Result<_, _>>()?;
        let Some(first) = names.first() else {
            return Err(TrustError::Parameter("a server certificate needs a name".into()));
        };
        params.distinguished_name = subject::subject(first);
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        let (certificate, key_pem) = match key {
            ServerKey::New => {
                let key = KeyPair::generate()?;
                let pem = Zeroizing::new(key.serialize_pem());
                (params.signed_by(&key, &self.issuer)?, Some(pem))
            }
            ServerKey::Existing(pem) => {
                (params.signed_by(&KeyPair::from_pem(pem)?, &self.issuer)?, None)
            }
            ServerKey::Request(csr) => {
                (params.signed_by(&request::public_key_of(csr)?, &self.issuer)?, None)
            }
        };
        Ok(Issued { certificate_pem: certificate.pem(), key_pem, not_after })
    }

    /// Issues a client certificate for `identity`. Only the public key of the request is used;
    /// name, usage and life are decided here.
    ///
    /// Units: days, from 1 to 3650; cut to the life of the CA.
    ///
    /// # Errors
    /// [`TrustError::Request`] for a request that is damaged, not signed by its own key, or whose
    /// key is weak (sender's fault); [`TrustError::Parameter`]; [`TrustError::CaEnded`].
    pub fn issue_client(
        &self,
        identity: &Identity,
        csr_pem: &str,
        days: u32,
        now: Moment,
    ) -> Result<IssuedClient, TrustError> {
        let public_key = request::public_key_of(csr_pem)?;
        let (mut params, serial, not_after) = self.leaf(days, now)?;
        params.subject_alt_names = vec![SanType::DnsName(identity.as_str().try_into()?)];
        params.distinguished_name = subject::subject(identity.as_str());
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        let certificate_pem = params.signed_by(&public_key, &self.issuer)?.pem();
        Ok(IssuedClient { certificate_pem, serial_hex: serial.to_string(), not_after })
    }

    /// Replaces the CA certificate with one of the same key and subject that lasts ten years from
    /// `now`. Certificates that were issued before stay valid; hosts need the new `ca.crt` before
    /// the old one ends.
    ///
    /// # Errors
    /// [`TrustError::File`] when the certificate was not made here; [`TrustError::Io`].
    pub fn renew(&mut self, now: Moment) -> Result<(), TrustError> {
        let path = self.directory.join("ca.crt");
        let (_, old) = X509Certificate::from_der(&self.certificate)
            .map_err(|error| TrustError::file(&path, Cause::with("is damaged", error)))?;
        let name = old.subject().iter_common_name().next().and_then(|name| name.as_str().ok());
        let new = root_params(name.unwrap_or_default(), now)?.self_signed(self.issuer.key())?;
        let same = X509Certificate::from_der(new.der())
            .is_ok_and(|(_, new)| new.subject().as_raw() == old.subject().as_raw());
        if !same {
            let why = "was not made by this program: renew it with the tool that made it";
            return Err(TrustError::file(&path, why));
        }
        files::replace(&path, new.pem().as_bytes(), Readers::All)?;
        // The key in memory is used: its file may be locked, and the passphrase is not kept.
        let key = KeyPair::try_from(self.issuer.key().serialized_der())?;
        *self = Self::of_key(&self.directory, key)?;
        Ok(())
    }

    /// The parts that all leaf certificates share, the serial, and the end of the validity.
    fn leaf(
        &self,
        days: u32,
        now: Moment,
    ) -> Result<(CertificateParams, Serial, Moment), TrustError> {
        if !(1..=CA_DAYS).contains(&days) {
            let why = format!("a certificate lasts from 1 to {CA_DAYS} days, not {days}");
            return Err(TrustError::Parameter(why));
        }
        if now >= self.not_after {
            return Err(TrustError::CaEnded(self.not_after));
        }
        let not_after = after_days(now, days).min(self.not_after);
        let (number, serial) = random_serial()?;
        let mut params = CertificateParams::default();
        params.not_before = written(now.plus(-BACKDATE_SECONDS))?.to_datetime();
        params.not_after = written(not_after)?.to_datetime();
        params.serial_number = Some(number);
        params.is_ca = IsCa::ExplicitNoCa;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.use_authority_key_identifier_extension = true;
        Ok((params, serial, not_after))
    }
}

/// The common name of a new CA. A part of the key's digest distinguishes two CAs of one name, and
/// the CA from a server certificate for that name.
fn common_name(name: &str, key: &KeyPair) -> String {
    let digest = Digest::of(&key.subject_public_key_info()).to_string();
    let mark: String = digest.chars().take(8).collect();
    let name: String = name.chars().take(48).collect();
    format!("{name} CA {mark}")
}

fn root_params(common_name: &str, now: Moment) -> Result<CertificateParams, TrustError> {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, common_name);
    params.not_before = written(now.plus(-BACKDATE_SECONDS))?.to_datetime();
    params.not_after = written(after_days(now, CA_DAYS))?.to_datetime();
    params.serial_number = Some(random_serial()?.0);
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    Ok(params)
}

pub(super) fn own_authority(path: &Path, pem: &[u8]) -> Result<Authority, TrustError> {
    let found = authority::read_all(&[(path.to_path_buf(), pem.to_vec())], &[])?;
    found.into_iter().next().ok_or_else(|| TrustError::file(path, "holds no CA certificate"))
}

fn after_days(now: Moment, days: u32) -> Moment {
    now.plus(i64::from(days).saturating_mul(DAY_SECONDS))
}

/// A positive number of exactly 128 bits, 126 of them random.
fn random_serial() -> Result<(SerialNumber, Serial), TrustError> {
    use rand::RngCore;
    let mut bytes = [0u8; 16];
    rand::rngs::OsRng
        .try_fill_bytes(&mut bytes)
        .map_err(|error| TrustError::Library(Cause::while_doing("no random bytes", error)))?;
    if let Some(first) = bytes.first_mut() {
        *first = (*first & 0x7f) | 0x40;
    }
    Ok((SerialNumber::from_slice(&bytes), Serial::from_integer(&bytes)))
}

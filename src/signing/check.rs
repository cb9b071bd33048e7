//! The independent check: Sequoia reads the finished files, with public certificates only.
//!
//! It knows nothing of private keys, so hosts' tools may use it too.

use std::io::Read as _;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use sequoia_openpgp::crypto::mpi::PublicKey;
use sequoia_openpgp::parse::Parse as _;
use sequoia_openpgp::parse::stream::{
    DetachedVerifierBuilder, MessageLayer, MessageStructure, VerificationError, VerificationHelper,
    VerifierBuilder,
};
use sequoia_openpgp::policy::{AsymmetricAlgorithm, StandardPolicy};
use sequoia_openpgp::serialize::Serialize as _;
use sequoia_openpgp::types::{Curve, HashAlgorithm, PublicKeyAlgorithm};
use sequoia_openpgp::{Cert, KeyHandle, armor};

use crate::time::Moment;

/// The largest InRelease that apt fetches. Source: `pkgAcqMetaBase`, apt-pkg/acquire-item.cc.
const IN_RELEASE_BYTES: usize = 10_000_000;

/// 2026-11-01: algorithms that were retired by then stay retired, whatever the clock says.
const PROFILE: Moment = Moment(1_793_491_200);

const END_OF_CERTIFICATE: &str = "-----END PGP PUBLIC KEY BLOCK-----";
const BEGIN_MESSAGE: &str = "-----BEGIN PGP SIGNED MESSAGE-----";
const BEGIN_SIGNATURE: &str = "-----BEGIN PGP SIGNATURE-----";
const END_SIGNATURE: &str = "-----END PGP SIGNATURE-----";

/// Why a signature was not accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CheckError {
    /// The public certificate cannot be used (the fault of its sender).
    #[error("the certificate is not usable: {0}")]
    Certificate(String),
    /// The file is not exactly one clear-signed text (the fault of the file's maker).
    #[error("this is no InRelease file: {0}")]
    Framing(&'static str),
    /// A signature is bad, or by none of the known keys (the fault of the file's maker).
    #[error("the signature does not hold: {0}")]
    Signature(String),
    /// The signed text is not the expected one (the fault of the file's maker).
    #[error("the signed text differs from {0}")]
    Content(&'static str),
}

/// The certificates to verify with.
#[derive(Clone, Debug)]
pub(super) struct Certificates(Vec<Cert>);

/// Who signed what: the signed text, and the fingerprints of the keys whose signatures hold.
#[derive(Debug)]
pub(super) struct Proof {
    pub(super) content: String,
    pub(super) signers: Vec<String>,
}

/// The signed text of an InRelease file, which at least one of the certificates signed.
///
/// A signature by an unknown key is ignored, as during a change of keys; a bad signature by a known
/// key refuses the file. Nothing may come before, after or between the signed parts.
/// `public_armored` holds one or more armored certificates; `at` is the present moment; a signature
/// dated later is refused.
///
/// # Errors
/// [`CheckError`], which says whose fault it is.
pub fn verify_in_release(
    in_release: &str,
    public_armored: &str,
    at: Moment,
) -> Result<String, CheckError> {
    Ok(Certificates::parse(public_armored)?.prove_in_release(in_release, at)?.content)
}

/// Accepts a Release file whose detached signature at least one of the certificates made.
///
/// # Errors
/// [`CheckError`], as for [`verify_in_release`].
pub fn verify_detached(
    release: &str,
    release_gpg: &str,
    public_armored: &str,
    at: Moment,
) -> Result<(), CheckError> {
    Certificates::parse(public_armored)?.prove_detached(release, release_gpg, at).map(|_| ())
}

/// Public keys that were read and written again: nothing of the text that they came in is left.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PublicKeys {
    /// The fingerprints of their primary keys, in order.
    pub fingerprints: Vec<String>,
    /// One armored block for each.
    pub armored: String,
}

/// Reads a text of one or more armored certificates.
///
/// # Errors
/// [`CheckError::Certificate`] when one cannot be read, or there is none.
pub fn read_public_keys(text: &str) -> Result<PublicKeys, CheckError> {
    let certificates = Certificates::parse(text)?.0;
    let mut keys = PublicKeys { fingerprints: Vec::new(), armored: String::new() };
    for cert in certificates {
        keys.fingerprints.push(cert.fingerprint().to_hex());
        keys.armored.push_str(&armored(&cert).map_err(|e| CheckError::Certificate(e.to_string()))?);
    }
    keys.fingerprints.sort();
    Ok(keys)
}

fn armored(cert: &Cert) -> sequoia_openpgp::Result<String> {
    let mut writer = armor::Writer::new(Vec::new(), armor::Kind::PublicKey)?;
    cert.export(&mut writer)?;
    Ok(String::from_utf8(writer.finalize()?)?)
}

/// Reads one certificate and checks that its primary key may sign, under the policy of apt.
///
/// It is judged at the date of its newest self-signature, because there is no clock here.
pub(super) fn read_signing_certificate(public_armored: &str) -> Result<Cert, CheckError> {
    let unusable = |e: &dyn std::fmt::Display| CheckError::Certificate(e.to_string());
    let cert = Cert::from_bytes(public_armored).map_err(|e| unusable(&e))?;
    let made = cert.primary_key().key().creation_time();
    let dates = cert.userids().flat_map(|user| {
        user.self_signatures().filter_map(|s| s.signature_creation_time()).collect::<Vec<_>>()
    });
    let newest = dates.chain([made]).max().unwrap_or(made);
    let policy = policy(newest);
    let valid = cert.with_policy(&policy, newest).map_err(|e| unusable(&e))?;
    valid.alive().map_err(|e| unusable(&e))?;
    if !valid.primary_key().for_signing() {
        return Err(unusable(&"its primary key is not meant for signing"));
    }
    if valid.primary_key().key_expiration_time().is_some() {
        return Err(unusable(
            &"it has an end, after which gpgv refuses all that it has signed; take it away: \
              `gpg --quick-set-expire FINGERPRINT 0`",
        ));
    }
    accepted_everywhere(&cert).map_err(|reason| unusable(&reason))?;
    Ok(cert)
}

/// What both gpgv 2.2 and sqv accept, now and in years.
///
/// Source: the shipped policies of apt 3, and tests of each kind with gpgv of Debian 12.
fn accepted_everywhere(cert: &Cert) -> Result<(), String> {
    let key = cert.primary_key().key();
    if key.version() != 4 {
        return Err(format!(
            "it is of version {}; gpgv of Debian 12 reads version 4",
            key.version()
        ));
    }
    let curve = match key.mpis() {
        PublicKey::EdDSA { curve, .. } | PublicKey::ECDSA { curve, .. } => Some(curve),
        _ => None,
    };
    match (key.pk_algo(), curve, key.mpis().bits()) {
        (PublicKeyAlgorithm::RSAEncryptSign, _, Some(bits)) if bits < 3072 => Err(format!(
            "it is RSA with {bits} bits; sqv takes less than 3072 until 2030 at most: make one of 4096"
        )),
        (PublicKeyAlgorithm::RSAEncryptSign, ..)
        | (PublicKeyAlgorithm::EdDSA, Some(Curve::Ed25519), _)
        | (
            PublicKeyAlgorithm::ECDSA,
            Some(Curve::NistP256 | Curve::NistP384 | Curve::NistP521),
            _,
        ) => Ok(()),
        (algorithm, ..) => Err(format!(
            "it is {algorithm}, which gpgv of Debian 12 or sqv refuses; use Ed25519, RSA with 3072 bits \
             or more, or ECDSA on a NIST curve"
        )),
    }
}

/// What a certificate says of itself.
pub(super) struct CertificateFacts {
    pub(super) fingerprint: String,
    pub(super) created: Moment,
    /// For people: `ed25519`, `rsa4096`.
    pub(super) algorithm: String,
}

/// What a certificate says of itself.
pub(super) fn describe_certificate(cert: &Cert) -> CertificateFacts {
    let key = cert.primary_key().key();
    let made = key.creation_time().duration_since(UNIX_EPOCH).unwrap_or_default();
    let bits = key.mpis().bits().unwrap_or_default();
    let algorithm = match key.mpis() {
        PublicKey::EdDSA { .. } => "ed25519".into(),
        PublicKey::RSA { .. } => format!("rsa{bits}"),
        PublicKey::ECDSA { .. } => format!("nistp{bits}"),
        _ => key.pk_algo().to_string(),
    };
    let created = Moment(i64::try_from(made.as_secs()).unwrap_or(i64::MAX));
    CertificateFacts { fingerprint: cert.fingerprint().to_hex(), created, algorithm }
}

impl Certificates {
    /// Certificates that were read one by one.
    pub(super) fn new(certificates: Vec<Cert>) -> Self {
        Self(certificates)
    }

    /// All certificates in a text of one or more armored blocks.
    fn parse(public_armored: &str) -> Result<Self, CheckError> {
        let unusable = |e: &dyn std::fmt::Display| CheckError::Certificate(e.to_string());
        let certificates = public_armored
            .split_inclusive(END_OF_CERTIFICATE)
            .filter(|block| !block.trim().is_empty())
            .map(|block| Cert::from_bytes(block).map_err(|e| unusable(&e)))
            .collect::<Result<Vec<_>, _>>()?;
        if certificates.is_empty() {
            return Err(unusable(&"there is none"));
        }
        Ok(Self(certificates))
    }

    /// What an InRelease file says and who signed it.
    pub(super) fn prove_in_release(&self, file: &str, at: Moment) -> Result<Proof, CheckError> {
        let content = unframe(file)?;
        let at = system_time(at)?;
        let policy = policy(at);
        let bad = |e: &dyn std::fmt::Display| CheckError::Signature(e.to_string());
        let mut verifier = VerifierBuilder::from_bytes(file)
            .and_then(|builder| builder.with_policy(&policy, at, Referee::new(self)))
            .map_err(|e| bad(&e))?;
        let mut signed = Vec::new();
        verifier.read_to_end(&mut signed).map_err(|e| bad(&e))?;
        // The newline before the signature belongs to the framing (RFC 9580, section 7.1).
        if content.strip_suffix('\n').map(str::as_bytes) != Some(&*signed) {
            return Err(CheckError::Content("what apt would read"));
        }
        Ok(Proof { content, signers: verifier.into_helper().signers })
    }

    /// Who made a detached signature over a Release file.
    pub(super) fn prove_detached(
        &self,
        release: &str,
        release_gpg: &str,
        at: Moment,
    ) -> Result<Vec<String>, CheckError> {
        let at = system_time(at)?;
        let policy = policy(at);
        let bad = |e: &dyn std::fmt::Display| CheckError::Signature(e.to_string());
        let mut verifier = DetachedVerifierBuilder::from_bytes(release_gpg)
            .and_then(|builder| builder.with_policy(&policy, at, Referee::new(self)))
            .map_err(|e| bad(&e))?;
        verifier.verify_bytes(release).map_err(|e| bad(&e))?;
        Ok(verifier.into_helper().signers)
    }
}

/// Gives Sequoia the certificates and judges what it found.
struct Referee<'c> {
    certificates: &'c Certificates,
    signers: Vec<String>,
}

impl<'c> Referee<'c> {
    fn new(certificates: &'c Certificates) -> Self {
        Self { certificates, signers: Vec::new() }
    }
}

impl VerificationHelper for Referee<'_> {
    fn get_certs(&mut self, _: &[KeyHandle]) -> sequoia_openpgp::Result<Vec<Cert>> {
        Ok(self.certificates.0.clone())
    }

    fn check(&mut self, structure: MessageStructure<'_>) -> sequoia_openpgp::Result<()> {
        let mut layers = structure.into_iter();
        let (Some(MessageLayer::SignatureGroup { results }), None) = (layers.next(), layers.next())
        else {
            return Err(anyhow::anyhow!("this is not one plain layer of signatures"));
        };
        for result in results {
            match result {
                Ok(good) => self.signers.push(good.ka.cert().fingerprint().to_hex()),
                Err(VerificationError::MissingKey { .. }) => {}
                Err(other) => return Err(anyhow::anyhow!("{other}")),
            }
        }
        if self.signers.is_empty() {
            return Err(anyhow::anyhow!("none of the signatures is by a known key"));
        }
        Ok(())
    }
}

/// Sequoia's standard policy, and what apt's verifiers refuse beyond it.
fn policy(at: SystemTime) -> StandardPolicy<'static> {
    let profile = system_time(PROFILE).map_or(at, |profile| profile.max(at));
    let mut policy = StandardPolicy::at(profile);
    policy.reject_hash(HashAlgorithm::SHA224);
    policy.reject_asymmetric_algo(AsymmetricAlgorithm::BrainpoolP256);
    policy.reject_asymmetric_algo(AsymmetricAlgorithm::BrainpoolP384);
    policy.reject_asymmetric_algo(AsymmetricAlgorithm::BrainpoolP512);
    policy
}

fn system_time(at: Moment) -> Result<SystemTime, CheckError> {
    u32::try_from(at.0)
        .ok()
        .and_then(|seconds| UNIX_EPOCH.checked_add(Duration::from_secs(seconds.into())))
        .ok_or_else(|| CheckError::Signature(format!("{at} is no time that OpenPGP can express")))
}

/// The text inside a clear-signed file, by a reading of our own that allows nothing around it.
///
/// Source: RFC 9580, section 7; as strict as apt's `SplitClearSignedFile`.
fn unframe(file: &str) -> Result<String, CheckError> {
    if file.len() > IN_RELEASE_BYTES {
        return Err(CheckError::Framing("it is larger than the 10,000,000 bytes that apt fetches"));
    }
    if !file.ends_with('\n') || file.contains('\r') {
        return Err(CheckError::Framing("each line must end with a newline alone"));
    }
    let mut lines = file.split_terminator('\n');
    if lines.next() != Some(BEGIN_MESSAGE) {
        return Err(CheckError::Framing("it does not begin with a signed message"));
    }
    if !lines.by_ref().take_while(|line| !line.is_empty()).all(|line| line.starts_with("Hash: ")) {
        return Err(CheckError::Framing("an unsigned line comes before the signed text"));
    }
    let mut content = String::with_capacity(file.len());
    loop {
        match lines.next() {
            Some(BEGIN_SIGNATURE) => break,
            Some(line) if !line.starts_with('-') => content.push_str(line),
            Some(line) => content.push_str(
                line.strip_prefix("- ")
                    .ok_or(CheckError::Framing("a signed line begins with a bare dash"))?,
            ),
            None => return Err(CheckError::Framing("the signature is missing")),
        }
        content.push('\n');
    }
    match lines.find(|line| line.starts_with('-')) {
        Some(END_SIGNATURE) if lines.next().is_none() => Ok(content),
        _ => Err(CheckError::Framing("something comes after the signature")),
    }
}

//! Private keys: made, written once, and read back only from a file that no one but its owner may
//! read.

use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use pgp::composed::{
    ArmorOptions, Deserializable as _, KeyType, SignedKeyDetails, SignedSecretKey,
};
use pgp::crypto::hash::HashAlgorithm;
use pgp::crypto::public_key::PublicKeyAlgorithm;
use pgp::packet::{
    KeyFlags, PacketTrait as _, PubKeyInner, PublicKey, Signature, SignatureConfig, SignatureType,
    Subpacket, SubpacketData, UserId,
};
use pgp::ser::Serialize as _;
use pgp::types::{KeyDetails as _, KeyVersion, Password, Timestamp};
use rand::rngs::OsRng;
use zeroize::Zeroizing;

use super::{SigningError, check, openpgp};
use crate::reading::{self, Secret};
use crate::time::Moment;

/// The longest key file that is read: an RSA-4096 key is about 7 KB, armored.
const KEY_FILE_BYTES: u64 = 256 * 1024;

/// Which kind of key to make.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyKind {
    /// EdDSA over Curve25519 in the form that gpgv 2.2 reads; quick and small. The usual choice.
    Ed25519,
    /// RSA with 4096 bits, for verifiers without elliptic curves. Takes seconds to make.
    Rsa4096,
}

/// An OpenPGP signing key with its private part.
///
/// Its private numbers are wiped from memory when it is dropped, as far as the libraries do so.
pub struct SecretKey {
    // Boxed, so that moving the key does not leave copies behind.
    inner: Box<SignedSecretKey>,
}

/// Makes a new key that does not expire: one primary key that certifies and signs, no subkeys.
///
/// `created` is also the date of its self-signature; nothing older can be signed with it.
/// Version 4 and EdDSA in its old form, because gpgv 2.2 and sqv 1.1 know nothing newer.
///
/// # Errors
/// [`SigningError::UserId`] and [`SigningError::OutOfRange`] for unusable arguments (operator's
/// fault), [`SigningError::OpenPgp`] or [`SigningError::Check`] when a library fails.
/// Source: RFC 9580, sections 5.5.2 and 5.2.1; draft-koch-eddsa-for-openpgp.
pub fn generate(kind: KeyKind, user_id: &str, created: Moment) -> Result<SecretKey, SigningError> {
    let usable =
        (1..=200).contains(&user_id.chars().count()) && !user_id.contains(char::is_control);
    if !usable {
        return Err(SigningError::UserId(user_id.chars().take(80).collect()));
    }
    let created = timestamp(created)?;
    let inner = openpgp("make a key", build(kind, user_id, created))?;
    let key = SecretKey { inner: Box::new(inner) };
    check::read_signing_certificate(&key.public_armored()?)?;
    Ok(key)
}

/// Puts a key together by hand: the library's own builder dates the self-signature by the machine's
/// clock, not by `created`.
fn build(kind: KeyKind, user_id: &str, created: Timestamp) -> pgp::errors::Result<SignedSecretKey> {
    let key_type = match kind {
        KeyKind::Ed25519 => KeyType::Ed25519Legacy,
        KeyKind::Rsa4096 => KeyType::Rsa(4096),
    };
    let (public, secret) = key_type.generate(OsRng)?;
    let public = PubKeyInner::new(KeyVersion::V4, key_type.to_alg(), created, None, public)?;
    let primary = pgp::packet::SecretKey::new(PublicKey::from_inner(public)?, secret)?;

    let mut flags = KeyFlags::default();
    flags.set_certify(true);
    flags.set_sign(true);
    let mut config = signature_config(&primary, SignatureType::CertPositive, created)?;
    config.hashed_subpackets.extend([
        Subpacket::regular(SubpacketData::KeyFlags(flags))?,
        Subpacket::regular(SubpacketData::PreferredHashAlgorithms(
            [HashAlgorithm::Sha512, HashAlgorithm::Sha256].into_iter().collect(),
        ))?,
        Subpacket::regular(SubpacketData::IsPrimary(true))?,
    ]);
    let user = UserId::from_str(Default::default(), user_id)?;
    let (public, none) = (primary.public_key(), Password::empty());
    let bound = config.sign_certification(&primary, public, &none, user.tag(), &user)?;
    let details = SignedKeyDetails::new(vec![], vec![], vec![user.into_signed(bound)], vec![]);
    Ok(SignedSecretKey::new(primary, details, vec![], vec![]))
}

/// The settings of every signature here: SHA-512, when it was made and by which key.
fn signature_config(
    key: &pgp::packet::SecretKey,
    kind: SignatureType,
    created: Timestamp,
) -> pgp::errors::Result<SignatureConfig> {
    let mut config = SignatureConfig::v4(kind, key.algorithm(), HashAlgorithm::Sha512);
    config.hashed_subpackets = vec![
        Subpacket::regular(SubpacketData::SignatureCreationTime(created))?,
        Subpacket::regular(SubpacketData::IssuerFingerprint(key.fingerprint()))?,
    ];
    config.unhashed_subpackets =
        vec![Subpacket::regular(SubpacketData::IssuerKeyId(key.legacy_key_id()))?];
    Ok(config)
}

impl SecretKey {
    /// Writes the key, armored, into a new file that only its owner may read, and syncs it.
    ///
    /// # Errors
    /// [`SigningError::KeyExists`] when there is a file already (operator's fault),
    /// [`SigningError::KeyFile`] when the disk fails; then no half file is left.
    pub fn write_new(&self, path: impl AsRef<Path>) -> Result<(), SigningError> {
        self.write_locked(path, None)
    }

    /// As [`SecretKey::write_new`], locked with a passphrase where there is one.
    ///
    /// # Errors
    /// As for [`SecretKey::write_new`].
    pub fn write_locked(
        &self,
        path: impl AsRef<Path>,
        passphrase: Option<&str>,
    ) -> Result<(), SigningError> {
        let path = path.as_ref();
        let mut inner = self.inner.clone();
        if let Some(passphrase) = passphrase {
            let locked = inner.primary_key.set_password(OsRng, &Password::from(passphrase));
            openpgp("lock the private key", locked)?;
        }
        // Large enough never to grow, because growing would leave copies of the key behind.
        let mut text = Zeroizing::new(Vec::with_capacity(KEY_FILE_BYTES as usize));
        let armored = inner.to_armored_writer(&mut *text, ArmorOptions::default());
        openpgp("write the private key", armored)?;
        let mut file =
            OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).map_err(
                |e| match e.kind() {
                    ErrorKind::AlreadyExists => SigningError::KeyExists { path: path.into() },
                    _ => failed("make", path)(e),
                },
            )?;
        file.write_all(&text)
            .and_then(|()| file.sync_all())
            .and_then(|()| sync_parent(path))
            .map_err(|error| {
                let _half_written = fs::remove_file(path);
                failed("write", path)(error)
            })
    }

    /// Reads a key from a file that nobody but its owner may read.
    ///
    /// Also takes keys made elsewhere, if they are of version 4, EdDSA or RSA, without passphrase,
    /// and if the primary key may sign.
    ///
    /// # Errors
    /// [`SigningError::KeyFile`], [`SigningError::KeyExposed`] or [`SigningError::KeyUnusable`]
    /// (all operator's fault), each naming the file.
    pub fn load(path: impl AsRef<Path>) -> Result<Self, SigningError> {
        Self::load_locked(path, None)
    }

    /// As [`SecretKey::load`], for a key that may be locked: it is unlocked once, here.
    ///
    /// # Errors
    /// As for [`SecretKey::load`].
    pub fn load_locked(
        path: impl AsRef<Path>,
        passphrase: Option<&str>,
    ) -> Result<Self, SigningError> {
        let path = path.as_ref();
        let text = read_private(path)?;
        let unusable = |reason: String| SigningError::KeyUnusable { path: path.into(), reason };
        let text = std::str::from_utf8(&text)
            .map_err(|_| unusable("it is not armored; export it with --armor".into()))?;
        let (mut keys, _headers) =
            SignedSecretKey::from_string_many(text).map_err(|e| unusable(e.to_string()))?;
        let mut inner = keys
            .next()
            .ok_or_else(|| unusable("it is empty".into()))?
            .map_err(|e| unusable(e.to_string()))?;
        if keys.next().is_some() {
            return Err(unusable("it holds several keys; put each into a file of its own".into()));
        }
        check_usable(&inner).map_err(|reason| unusable(reason.into()))?;
        unlock(&mut inner, passphrase).map_err(|reason| unusable(reason.into()))?;
        let key = Self { inner: Box::new(inner) };
        check::read_signing_certificate(&key.public_armored()?)
            .map_err(|e| unusable(e.to_string()))?;
        Ok(key)
    }

    /// The public certificate, armored: what hosts put into `Signed-By`.
    ///
    /// # Errors
    /// [`SigningError::OpenPgp`] when the library fails (our fault).
    pub fn public_armored(&self) -> Result<String, SigningError> {
        let public = self.inner.to_public_key();
        openpgp("write a certificate", public.to_armored_string(ArmorOptions::default()))
    }

    /// The public certificate in binary: a keyring for `gpgv` and for a `trusted.gpg.d` of old.
    ///
    /// # Errors
    /// [`SigningError::OpenPgp`] when the library fails (our fault).
    pub fn public_binary(&self) -> Result<Vec<u8>, SigningError> {
        openpgp("write a certificate", self.inner.to_public_key().to_bytes())
    }

    /// The fingerprint. Shape: 40 upper-case hexadecimal digits.
    pub fn fingerprint(&self) -> String {
        format!("{:X}", self.inner.primary_key.fingerprint())
    }

    /// When the key was made; it cannot sign an older Date.
    pub fn created(&self) -> Moment {
        Moment(i64::from(self.inner.primary_key.created_at().as_secs()))
    }

    /// A signature of `kind` over `data`, dated `created`.
    pub(super) fn signature(
        &self,
        kind: SignatureType,
        created: Timestamp,
        data: &[u8],
    ) -> pgp::errors::Result<Signature> {
        let key = &self.inner.primary_key;
        signature_config(key, kind, created)?.sign(key, &Password::empty(), data)
    }
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SecretKey({})", self.fingerprint())
    }
}

/// A moment as OpenPGP writes it.
pub(super) fn timestamp(moment: Moment) -> Result<Timestamp, SigningError> {
    let seconds = u32::try_from(moment.0).map_err(|_| SigningError::OutOfRange(moment))?;
    Ok(Timestamp::from_secs(seconds))
}

fn check_usable(key: &SignedSecretKey) -> Result<(), &'static str> {
    let primary = &key.primary_key;
    if primary.version() != KeyVersion::V4 {
        return Err("it is not of version 4, the only one that every apt verifies");
    }
    if !matches!(primary.algorithm(), PublicKeyAlgorithm::EdDSALegacy | PublicKeyAlgorithm::RSA) {
        return Err("it is neither EdDSA (Ed25519) nor RSA; make a new key");
    }
    if is_bound_weakly(key) {
        return Err(
            "its self-signatures are of SHA-1 or MD5, which apt's verifiers refuse; bind it again with \
                    `gpg --cert-digest-algo SHA512 --quick-set-expire FINGERPRINT 0`, and export it again",
        );
    }
    key.verify_bindings().map_err(|_| "its own signatures do not verify; export it again")
}

/// Whether every signature that binds a name to the key uses a digest that nobody accepts any more.
fn is_bound_weakly(key: &SignedSecretKey) -> bool {
    let weak =
        [Some(HashAlgorithm::Sha1), Some(HashAlgorithm::Md5), Some(HashAlgorithm::Ripemd160)];
    let users = key.details.users.iter().flat_map(|user| &user.signatures);
    let mut bindings = users.chain(&key.details.direct_signatures).peekable();
    bindings.peek().is_some() && bindings.all(|signature| weak.contains(&signature.hash_alg()))
}

/// Opens a key that is locked.
fn unlock(key: &mut SignedSecretKey, passphrase: Option<&str>) -> Result<(), &'static str> {
    if !key.primary_key.secret_params().is_encrypted() {
        return Ok(());
    }
    let passphrase = passphrase.ok_or(
        "it is locked with a passphrase; name a file with it, signing.passphrase_file in repod.toml, \
         or hand it over as the systemd credential repod-signing-passphrase",
    )?;
    let opened = key.primary_key.remove_password(&Password::from(passphrase));
    opened.map_err(|_| "the passphrase does not open it")
}

/// The bytes of a file that only its owner may read; the open handle is checked, not the name.
fn read_private(path: &Path) -> Result<Zeroizing<Vec<u8>>, SigningError> {
    let read = reading::read_secret(path, KEY_FILE_BYTES);
    let Secret { bytes, mode } = read.map_err(|error| failed("read", path)(error.into_io()))?;
    match mode & 0o077 {
        0 => Ok(bytes),
        _ => Err(SigningError::KeyExposed { path: path.into(), mode }),
    }
}

fn sync_parent(path: &Path) -> io::Result<()> {
    let parent = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(parent)?.sync_all()
}

fn failed<'p>(what: &'static str, path: &'p Path) -> impl FnOnce(io::Error) -> SigningError + 'p {
    move |source| SigningError::KeyFile { what, path: path.into(), source }
}

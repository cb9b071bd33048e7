//! The CA's private key as its file holds it: PKCS #8 in PEM, in the clear or locked with a
//! passphrase (RFC 5958, section 3; PBES2 of RFC 8018, section 6.2, with scrypt or PBKDF2 and AES
//! in CBC mode).

use std::path::Path;

use pkcs8::der::pem::PemLabel;
use pkcs8::pkcs5::{self, pbes2, scrypt};
use pkcs8::{EncryptedPrivateKeyInfo, LineEnding, PrivateKeyInfo, SecretDocument};
use rand::RngCore;
use rcgen::KeyPair;
use zeroize::Zeroizing;

use super::TrustError;

/// The cost of one guess with scrypt: 16 MiB, five times over. With more memory at once, OpenSSL
/// would refuse to open the file (its limit is 32 MiB).
const LOG_N: u8 = 14;
const BLOCK_SIZE: u32 = 8;
const PARALLEL: u32 = 5;
/// The longest key that scrypt derives here, that of AES-256. Unit: bytes.
const CIPHER_KEY_BYTES: usize = 32;
/// The most memory that a key file may ask for; the file says how much scrypt takes. Unit: bytes.
const MOST_MEMORY_BYTES: u64 = 1 << 30;
/// The most rounds that a key file may ask for: some ten seconds.
const MOST_ROUNDS: u32 = 20_000_000;

/// Why a locked key cannot be opened.
const NO_PASSPHRASE: &str = "is locked with a passphrase; name a file with it, ca.passphrase_file in \
                             repod.toml, or hand it over as the systemd credential repod-ca-passphrase";
const WRONG_PASSPHRASE: &str = "the passphrase does not open it: correct what --old-passphrase-file \
                                names or, without it, what ca.passphrase_file in repod.toml or the \
                                systemd credential repod-ca-passphrase holds";
const OTHER_LOCK: &str = "is locked in a way that is not read here: lock it with openssl pkcs8 -topk8 \
                          -v2 aes-256-cbc -v2prf hmacWithSHA256";
const NO_KEY: &str = "holds no private key in PKCS #8 PEM";

/// The text of a key file, locked where there is a passphrase.
///
/// # Errors
/// [`TrustError::Library`].
pub(super) fn write(
    key: &KeyPair,
    passphrase: Option<&str>,
) -> Result<Zeroizing<String>, TrustError> {
    let Some(passphrase) = passphrase else {
        return Ok(Zeroizing::new(key.serialize_pem()));
    };
    let library = |what: String| TrustError::Library(format!("cannot lock the key: {what}").into());
    let (mut salt, mut iv) = ([0u8; 16], [0u8; 16]);
    for bytes in [&mut salt, &mut iv] {
        let filled = rand::rngs::OsRng.try_fill_bytes(bytes);
        filled.map_err(|e| library(format!("no random bytes: {e}")))?;
    }
    let cost = scrypt::Params::new(LOG_N, BLOCK_SIZE, PARALLEL, CIPHER_KEY_BYTES);
    let cost = cost.map_err(|e| library(e.to_string()))?;
    let scheme = pbes2::Parameters::scrypt_aes256cbc(cost, &salt, &iv);
    let scheme = scheme.map_err(|e| library(e.to_string()))?;
    let plain = PrivateKeyInfo::try_from(key.serialized_der());
    let plain = plain.map_err(|e| library(e.to_string()))?;
    let locked = plain.encrypt_with_params(scheme, passphrase);
    locked
        .and_then(|locked| Ok(locked.to_pem(EncryptedPrivateKeyInfo::PEM_LABEL, LineEnding::LF)?))
        .map_err(|e| library(e.to_string()))
}

/// The key in the text of a file, opened with the passphrase if it is locked.
///
/// # Errors
/// [`TrustError::File`], naming `path` (operator's fault).
pub(super) fn read(
    path: &Path,
    pem: &str,
    passphrase: Option<&str>,
) -> Result<KeyPair, TrustError> {
    let wrong = |why: &str| TrustError::file(path, why);
    if pem.contains("Proc-Type: 4,ENCRYPTED") {
        return Err(wrong(OTHER_LOCK));
    }
    let (label, document) = SecretDocument::from_pem(pem).map_err(|_| wrong(NO_KEY))?;
    if label != EncryptedPrivateKeyInfo::PEM_LABEL {
        return KeyPair::try_from(document.as_bytes()).map_err(|_| wrong(NO_KEY));
    }
    let locked = EncryptedPrivateKeyInfo::try_from(document.as_bytes());
    let locked = locked.map_err(|_| wrong(OTHER_LOCK))?;
    if !is_affordable(&locked.encryption_algorithm) {
        return Err(wrong("asks for too much work to be opened: lock it again with less"));
    }
    let passphrase = passphrase.ok_or_else(|| wrong(NO_PASSPHRASE))?;
    let opened = locked.decrypt(passphrase).map_err(|error| match error {
        pkcs8::Error::EncryptedPrivateKey(
            pkcs5::Error::AlgorithmParametersInvalid { .. }
            | pkcs5::Error::UnsupportedAlgorithm { .. }
            | pkcs5::Error::NoPbes1CryptSupport,
        ) => wrong(OTHER_LOCK),
        _ => wrong(WRONG_PASSPHRASE),
    })?;
    // With a wrong passphrase, one file in some hundred still unpacks into something.
    KeyPair::try_from(opened.as_bytes()).map_err(|_| wrong(WRONG_PASSPHRASE))
}

/// Whether opening it takes bounded memory and time; the file itself says how much.
fn is_affordable(scheme: &pkcs5::EncryptionScheme<'_>) -> bool {
    match scheme.pbes2().map(|scheme| &scheme.kdf) {
        Some(pbes2::Kdf::Scrypt(cost)) => {
            let block_bytes = 128u64.saturating_mul(cost.block_size.into());
            let memory_bytes = block_bytes.saturating_mul(cost.cost_parameter);
            memory_bytes.saturating_mul(cost.parallelization.into()) <= MOST_MEMORY_BYTES
        }
        Some(pbes2::Kdf::Pbkdf2(cost)) => cost.iteration_count <= MOST_ROUNDS,
        _ => true,
    }
}

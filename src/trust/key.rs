//! Which public keys are strong enough to be certified and trusted.

use ::der::asn1::UintRef;
use ::der::{Reader, SliceReader};
use rustls::pki_types::alg_id;

use super::refusal::KeyFault;
use super::signed::{split_public_key, take_sequence};

/// The least length of an RSA modulus. Unit: bits.
const LEAST_RSA_BITS: usize = 2048;

/// Accepts the key in a SubjectPublicKeyInfo: RSA of at least 2048 bits, ECDSA on P-256, P-384 or
/// P-521, or Ed25519.
///
/// # Errors
/// [`KeyFault`] for every other key (sender's fault).
pub(super) fn accept(public_key: &[u8]) -> Result<(), KeyFault> {
    let (algorithm, bits) = split_public_key(public_key).map_err(|_| KeyFault::UnknownKind)?;
    if algorithm == alg_id::RSA_ENCRYPTION.as_ref() {
        let long = rsa_bits(bits).is_ok_and(|length| length >= LEAST_RSA_BITS);
        return if long { Ok(()) } else { Err(KeyFault::ShortRsa) };
    }
    let known = [alg_id::ECDSA_P256, alg_id::ECDSA_P384, alg_id::ECDSA_P521, alg_id::ED25519];
    let found = known.iter().any(|id| id.as_ref() == algorithm);
    if found { Ok(()) } else { Err(KeyFault::UnknownKind) }
}

/// The length of an RSA key's modulus (RFC 8017, appendix A.1.1). Unit: bits.
fn rsa_bits(key: &[u8]) -> ::der::Result<usize> {
    let pair = take_sequence(&mut SliceReader::new(key)?)?;
    let modulus: UintRef<'_> = SliceReader::new(pair)?.decode()?;
    let first = modulus.as_bytes().first().copied().unwrap_or_default();
    let unused = usize::try_from(first.leading_zeros()).unwrap_or_default();
    Ok(modulus.as_bytes().len().saturating_mul(8).saturating_sub(unused))
}

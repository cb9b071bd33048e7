//! Which public keys are strong enough to be certified and believed.

use rustls::pki_types::alg_id;

use super::der::{INTEGER, SEQUENCE, split_public_key, take_tagged};
use super::refusal::KeyFault;

/// The least length of an RSA modulus. Unit: bits.
const LEAST_RSA_BITS: usize = 2048;

/// Accepts the key in a SubjectPublicKeyInfo: RSA of at least 2048 bits, ECDSA on P-256, P-384 or
/// P-521, or Ed25519.
///
/// # Errors
/// [`KeyFault`] for every other key (sender's fault).
pub(super) fn accept(public_key: &[u8]) -> Result<(), KeyFault> {
    let (algorithm, bits) = split_public_key(public_key).ok_or(KeyFault::UnknownKind)?;
    if algorithm == alg_id::RSA_ENCRYPTION.as_ref() {
        let long = rsa_bits(bits).is_some_and(|length| length >= LEAST_RSA_BITS);
        return if long { Ok(()) } else { Err(KeyFault::ShortRsa) };
    }
    let known = [alg_id::ECDSA_P256, alg_id::ECDSA_P384, alg_id::ECDSA_P521, alg_id::ED25519];
    let found = known.iter().any(|id| id.as_ref() == algorithm);
    if found { Ok(()) } else { Err(KeyFault::UnknownKind) }
}

fn rsa_bits(key: &[u8]) -> Option<usize> {
    let (pair, _) = take_tagged(key, SEQUENCE)?;
    let (modulus, _) = take_tagged(pair.content, INTEGER)?;
    let zeros: usize = modulus.content.iter().take_while(|b| **b == 0).count();
    let first = modulus.content.get(zeros)?;
    let bytes = modulus.content.len().checked_sub(zeros)?;
    bytes.checked_mul(8)?.checked_sub(usize::try_from(first.leading_zeros()).ok()?)
}

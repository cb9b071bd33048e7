//! What the corpus was made with: a CA whose key everybody knows, and a signed file.

use rcgen::{
    BasicConstraints, CertificateParams, DnType, IsCa, KeyPair, KeyUsagePurpose, PKCS_ED25519,
    SerialNumber, date_time_ymd,
};

/// An InRelease, and the certificate of the key that signed it.
pub const IN_RELEASE: (&str, &str) =
    (include_str!("seeds/InRelease"), include_str!("seeds/archive-key.asc"));

/// The key of a CA that signs whatever the fuzzer makes. It is no secret, and certifies nothing else.
pub fn key() -> KeyPair {
    let pem = include_str!("seeds/ca.key");
    KeyPair::from_pem_and_sign_algo(pem, &PKCS_ED25519).expect("the key is read")
}

/// The certificate of that CA: PEM.
pub fn ca_certificate() -> String {
    let mut params = CertificateParams::default();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, "fuzz CA");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.serial_number = Some(SerialNumber::from(1_u64));
    params.not_before = date_time_ymd(2020, 1, 1);
    params.not_after = date_time_ymd(2045, 1, 1);
    params.self_signed(&key()).expect("it is made").pem()
}

/// `body` with a signature of that CA: a certificate, or a list, when the body is that of one.
pub fn signed(body: &[u8]) -> Vec<u8> {
    use rcgen::SigningKey as _;
    // Ed25519: 1.3.101.112.
    const ALGORITHM: [u8; 7] = [0x30, 5, 6, 3, 0x2b, 0x65, 0x70];
    let signature = key().sign(body).expect("it signs");
    let signature = der(0x03, &[&[0], &*signature].concat());
    der(0x30, &[body, &ALGORITHM, &signature].concat())
}

/// Tag, length and content.
fn der(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = content.len().to_be_bytes();
    let length = &length[length.iter().position(|byte| *byte != 0).unwrap_or(length.len() - 1)..];
    let mut out = vec![tag];
    match length {
        [short] if *short < 0x80 => out.push(*short),
        long => {
            out.push(0x80 | u8::try_from(long.len()).expect("a length of few bytes"));
            out.extend_from_slice(long);
        }
    }
    out.extend_from_slice(content);
    out
}

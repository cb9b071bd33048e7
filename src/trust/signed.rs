//! What certificates, revocation lists and requests share: signatures over raw bytes, serials,
//! issuers.

use ::der::asn1::{AnyRef, BitStringRef};
use ::der::{Decode, FixedTag, Reader, SliceReader, Tag, Tagged};
use rustls::crypto::WebPkiSupportedAlgorithms;

use crate::digest::{Digest, Hasher};

/// Whether `bytes` begin as DER does; PEM begins otherwise.
pub(super) fn is_der(bytes: &[u8]) -> bool {
    bytes.first() == Some(&Tag::Sequence.octet())
}

/// The content of the SEQUENCE that `bytes` are, all of them.
pub(super) fn sequence_in(bytes: &[u8]) -> ::der::Result<&[u8]> {
    let any = AnyRef::from_der(bytes)?;
    any.tag().assert_eq(Tag::Sequence)?;
    Ok(any.value())
}

/// Reads a SEQUENCE and returns its content unread.
pub(super) fn take_sequence<'a>(reader: &mut impl Reader<'a>) -> ::der::Result<&'a [u8]> {
    sequence_in(take_whole_sequence(reader)?)
}

/// Reads a SEQUENCE and returns its tag, length and content.
pub(super) fn take_whole_sequence<'a>(reader: &mut impl Reader<'a>) -> ::der::Result<&'a [u8]> {
    reader.peek_tag()?.assert_eq(Tag::Sequence)?;
    reader.tlv_bytes()
}

/// A body, the algorithm that signed it and the signature, as certificates, revocation lists and
/// requests share them.
pub(super) struct Signed<'a> {
    /// What was signed: tag, length and content of a SEQUENCE.
    whole: &'a [u8],
    algorithm: &'a [u8],
    signature: &'a [u8],
}

impl<'a> Signed<'a> {
    /// Takes `der` apart.
    ///
    /// # Errors
    /// Those of DER, for any other shape and for bytes after it (sender's fault).
    pub(super) fn parse(der: &'a [u8]) -> ::der::Result<Self> {
        let mut fields = SliceReader::new(sequence_in(der)?)?;
        let whole = take_whole_sequence(&mut fields)?;
        let algorithm = take_sequence(&mut fields)?;
        let signature = take_octets(&mut fields)?;
        fields.finish(Self { whole, algorithm, signature })
    }

    /// What was signed, field by field.
    pub(super) fn body(&self) -> ::der::Result<SliceReader<'a>> {
        SliceReader::new(sequence_in(self.whole)?)
    }

    /// Whether the key in `public_key` (a SubjectPublicKeyInfo) made the signature with one of
    /// `algorithms`.
    pub(super) fn is_by(&self, public_key: &[u8], algorithms: &WebPkiSupportedAlgorithms) -> bool {
        let Ok((key_algorithm, bits)) = split_public_key(public_key) else { return false };
        algorithms
            .all
            .iter()
            .filter(|known| known.signature_alg_id().as_ref() == self.algorithm)
            .filter(|known| known.public_key_alg_id().as_ref() == key_algorithm)
            .any(|known| known.verify_signature(bits, self.whole, self.signature).is_ok())
    }
}

/// The algorithm identifier (without its outer tag) and the key bits of a SubjectPublicKeyInfo.
///
/// # Errors
/// Those of DER, for any other shape and for bytes after it (sender's fault).
pub(super) fn split_public_key(der: &[u8]) -> ::der::Result<(&[u8], &[u8])> {
    let mut fields = SliceReader::new(sequence_in(der)?)?;
    let algorithm = take_sequence(&mut fields)?;
    let bits = take_octets(&mut fields)?;
    fields.finish((algorithm, bits))
}

/// The content of a BIT STRING of whole bytes.
fn take_octets<'a>(reader: &mut impl Reader<'a>) -> ::der::Result<&'a [u8]> {
    let bits: BitStringRef<'a> = reader.decode()?;
    bits.as_bytes().ok_or_else(|| BitStringRef::TAG.value_error())
}

/// The serial number of a certificate in the one form in which serials are compared.
///
/// Shape: big-endian bytes without leading zeros; written as lower-case hexadecimal digits, two for
/// each byte.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct Serial(Box<[u8]>);

impl Serial {
    /// The serial in the content of a DER INTEGER.
    pub(super) fn from_integer(content: &[u8]) -> Self {
        let zeros = content.iter().take_while(|b| **b == 0).count();
        Self(content.iter().skip(zeros).copied().collect())
    }

    /// Reads hexadecimal digits, of either case, with or without colons and a sign octet; `None`
    /// for any other text and for more than 20 bytes (RFC 5280, section 4.1.2.2).
    pub fn parse(text: &str) -> Option<Self> {
        let digits: String = text.chars().filter(|c| *c != ':').take(43).collect();
        let even = if digits.len().is_multiple_of(2) { digits } else { format!("0{digits}") };
        let bytes = hex::decode(even).ok()?;
        let serial = Self::from_integer(&bytes);
        ((1..=21).contains(&bytes.len()) && serial.0.len() <= 20).then_some(serial)
    }

    /// The bytes, big-endian, without leading zeros.
    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl std::fmt::Display for Serial {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.0.is_empty() { f.write_str("00") } else { f.write_str(&hex::encode(&self.0)) }
    }
}

/// Which certification authority: its subject and its key together, so that a renewed certificate
/// is the same authority and another key under the same name is not.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct IssuerId(Digest);

impl IssuerId {
    /// The authority with this subject (content of its Name) and this SubjectPublicKeyInfo.
    pub(super) fn of(subject: &[u8], public_key: &[u8]) -> Self {
        let mut hasher = Hasher::new();
        hasher.update(Digest::of(subject).as_bytes());
        hasher.update(Digest::of(public_key).as_bytes());
        Self(hasher.finish())
    }

    /// Reads what [`IssuerId`] displays as; `None` for any other text.
    pub(super) fn parse(text: &str) -> Option<Self> {
        text.parse().ok().map(Self)
    }
}

impl std::fmt::Display for IssuerId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A public key of one byte, with this length before it.
    fn key(length: &[u8]) -> Vec<u8> {
        let bits = [&[3][..], length, &[0, 7]].concat();
        let fields = [&[0x30, 2, 5, 0][..], &bits].concat();
        [&[0x30, fields.len() as u8][..], &fields].concat()
    }

    #[test]
    fn only_one_encoding_is_read() {
        assert_eq!(split_public_key(&key(&[2])), Ok((&[5, 0][..], &[7][..])));
        for length in [&[1][..], &[3], &[0x81, 2], &[0x82, 0, 2], &[0x84, 0, 0, 0, 2], &[0x80]] {
            assert!(split_public_key(&key(length)).is_err(), "{length:?}");
        }
        for length in [[0x84, 0xff, 0xff, 0xff, 0xff], [0x84, 0x7f, 0xff, 0xff, 0xff]] {
            assert!(split_public_key(&key(&length)).is_err(), "{length:?}");
        }
        let whole = key(&[2]);
        for end in 0..whole.len() {
            assert!(split_public_key(&whole[..end]).is_err(), "{end}");
        }
        assert!(split_public_key(&[&whole[..], &[0]].concat()).is_err(), "a byte behind it");
        // A BIT STRING of seven bits: no key and no signature is like that.
        let odd = [0x30, 8, 0x30, 2, 5, 0, 3, 2, 1, 6];
        assert!(split_public_key(&odd).is_err());
    }

    #[test]
    fn serials_have_one_form() {
        assert_eq!(Serial::parse("00:C8"), Some(Serial::from_integer(&[0, 0xc8])));
        assert_eq!(Serial::parse("0c8").map(|s| s.to_string()).as_deref(), Some("c8"));
        assert_eq!(Serial::parse("0").map(|s| s.to_string()).as_deref(), Some("00"));
        let longest = "f".repeat(40);
        assert_eq!(Serial::parse(&format!("00{longest}")), Serial::parse(&longest));
        for bad in ["", "xyz", "é", &"1".repeat(41), &"0".repeat(43)] {
            assert_eq!(Serial::parse(bad), None, "{bad}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
            if let Ok(content) = sequence_in(&bytes) {
                prop_assert!(bytes.ends_with(content) && bytes.len() - content.len() <= 6);
            }
            if let Ok(signed) = Signed::parse(&bytes) {
                let _ = signed.body();
            }
            let _ = split_public_key(&bytes);
        }

        #[test]
        fn no_change_of_a_key_makes_it_panic(at in 0..10_usize, to in any::<u8>()) {
            let mut bytes = key(&[2]);
            bytes[at] = to;
            let _ = split_public_key(&bytes);
        }
    }
}

//! Just enough DER to take signed things apart: elements, signatures over raw bytes, serials.

use rustls::crypto::WebPkiSupportedAlgorithms;

use crate::digest::{Digest, Hasher};

/// Tag of an INTEGER.
pub(super) const INTEGER: u8 = 0x02;
/// Tag of a BIT STRING.
pub(super) const BIT_STRING: u8 = 0x03;
/// Tag of an OCTET STRING.
pub(super) const OCTET_STRING: u8 = 0x04;
/// Tag of an OBJECT IDENTIFIER.
pub(super) const OBJECT_IDENTIFIER: u8 = 0x06;
/// Tag of a SEQUENCE.
pub(super) const SEQUENCE: u8 = 0x30;

/// One tag, length and content.
#[derive(Clone, Copy)]
pub(super) struct Element<'a> {
    /// The tag byte; tags of more than one byte do not occur here.
    pub(super) tag: u8,
    /// What is inside.
    pub(super) content: &'a [u8],
    /// Tag, length and content together.
    pub(super) whole: &'a [u8],
}

/// The first element of `input` and what follows it; `None` when it is cut or not DER.
pub(super) fn take(input: &[u8]) -> Option<(Element<'_>, &[u8])> {
    let (&tag, rest) = input.split_first()?;
    let (&first, rest) = rest.split_first()?;
    let (length, rest) = if first < 0x80 {
        (usize::from(first), rest)
    } else {
        let (digits, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
        if digits.len() > 4 || digits.first() == Some(&0) {
            return None;
        }
        let length = digits.iter().fold(0usize, |sum, b| (sum << 8) | usize::from(*b));
        if length < 0x80 {
            return None;
        }
        (length, rest)
    };
    let (content, rest) = rest.split_at_checked(length)?;
    let whole = input.get(..input.len().checked_sub(rest.len())?)?;
    Some((Element { tag, content, whole }, rest))
}

/// As [`take`], but the element must carry `tag`.
pub(super) fn take_tagged(input: &[u8], tag: u8) -> Option<(Element<'_>, &[u8])> {
    take(input).filter(|(element, _)| element.tag == tag)
}

/// A body, the algorithm that signed it and the signature, as certificates, revocation lists and
/// requests share them.
pub(super) struct Signed<'a> {
    /// What was signed.
    pub(super) body: Element<'a>,
    algorithm: &'a [u8],
    signature: &'a [u8],
}

impl<'a> Signed<'a> {
    /// Takes `der` apart; `None` for any other shape or for bytes behind it.
    pub(super) fn parse(der: &'a [u8]) -> Option<Self> {
        let (outer, behind) = take_tagged(der, SEQUENCE)?;
        let (body, rest) = take_tagged(outer.content, SEQUENCE)?;
        let (algorithm, rest) = take_tagged(rest, SEQUENCE)?;
        let (bits, rest) = take_tagged(rest, BIT_STRING)?;
        let signature = bits.content.strip_prefix(&[0])?;
        let complete = behind.is_empty() && rest.is_empty();
        complete.then_some(Self { body, algorithm: algorithm.content, signature })
    }

    /// Whether the key in `public_key` (a SubjectPublicKeyInfo) made the signature with one of
    /// `algorithms`.
    pub(super) fn is_by(&self, public_key: &[u8], algorithms: &WebPkiSupportedAlgorithms) -> bool {
        let Some((key_algorithm, bits)) = split_public_key(public_key) else { return false };
        algorithms
            .all
            .iter()
            .filter(|known| known.signature_alg_id().as_ref() == self.algorithm)
            .filter(|known| known.public_key_alg_id().as_ref() == key_algorithm)
            .any(|known| known.verify_signature(bits, self.body.whole, self.signature).is_ok())
    }
}

/// The algorithm identifier (without its outer tag) and the key bits of a SubjectPublicKeyInfo.
pub(super) fn split_public_key(der: &[u8]) -> Option<(&[u8], &[u8])> {
    let (outer, behind) = take_tagged(der, SEQUENCE)?;
    let (algorithm, rest) = take_tagged(outer.content, SEQUENCE)?;
    let (bits, rest) = take_tagged(rest, BIT_STRING)?;
    let complete = behind.is_empty() && rest.is_empty();
    complete.then_some((algorithm.content, bits.content.strip_prefix(&[0])?))
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

    /// Reads hexadecimal digits, of either case, with or without colons and a sign octet; `None` for
    /// any other text and for more than 20 bytes (RFC 5280, section 4.1.2.2).
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

    #[test]
    fn lengths_are_minimal_and_inside_the_input() {
        assert_eq!(take(&[0x04, 0x01, 0xaa, 0xbb]).map(|(e, rest)| (e.content, rest)), {
            Some((&[0xaa][..], &[0xbb][..]))
        });
        for bad in [&[0x04][..], &[4, 2, 1], &[4, 0x81, 1, 7], &[4, 0x80, 7], &[4, 0x82, 0, 200]] {
            assert!(take(bad).is_none(), "{bad:?}");
        }
        let mut long = vec![0x04, 0x81, 0x80];
        long.extend([7; 0x80]);
        assert_eq!(take(&long).map(|(e, _)| e.content.len()), Some(0x80));
        assert!(take(&[4, 0x84, 0xff, 0xff, 0xff, 0xff, 1]).is_none());
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
            if let Some((element, rest)) = take(&bytes) {
                prop_assert_eq!(element.whole.len() + rest.len(), bytes.len());
            }
            let _ = Signed::parse(&bytes);
            let _ = split_public_key(&bytes);
        }
    }
}

//! Percent-encoding, read strictly.

use std::borrow::Cow;

use percent_encoding::percent_decode;

/// Decodes percent-encoding, once; `None` when a percent sign is not followed by two hexadecimal
/// digits, which the library would leave unchanged. `+` means itself.
///
/// Source: RFC 3986, section 2.1.
pub fn unescape(text: &[u8]) -> Option<Cow<'_, [u8]>> {
    let is_escape = |behind: &[u8]| matches!(behind, [high, low, ..] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit());
    let are_escapes = text.split(|byte| *byte == b'%').skip(1).all(is_escape);
    are_escapes.then(|| percent_decode(text).into())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_percent_sign_begins_an_escape() {
        for (text, plain) in
            [("", ""), ("a+b", "a+b"), ("%41%2f%2F%25", "A//%"), ("%2541", "%41"), ("%c3%A9", "é")]
        {
            assert_eq!(unescape(text.as_bytes()).as_deref(), Some(plain.as_bytes()), "{text}");
        }
        for text in ["%", "a%", "%4", "%g0", "%0g", "%+1", "% 1", "%%41", "%4%31", "%é", "%41%"] {
            assert_eq!(unescape(text.as_bytes()), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_survive_being_escaped(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
            let _ = unescape(&bytes);
            let all: String = bytes.iter().map(|byte| format!("%{byte:02x}")).collect();
            let plain = unescape(all.as_bytes());
            prop_assert_eq!(plain.as_deref(), Some(&*bytes));
        }
    }
}

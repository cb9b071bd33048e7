//! Indices: what the proof lets through is read the same by the reader of control files.

use repod::debian::packages::{self, Form};
use repod::debian::stanza::{Stanza, StanzaLimits};
use repod::debian::{Dependencies, MentionedNames, translation};

/// Stanzas of a `Packages`; the first byte says of which form.
pub fn packages(bytes: &[u8]) {
    let Some((which, bytes)) = bytes.split_first() else { return };
    let form = [Form::Whole, Form::Short, Form::Installer][usize::from(*which) % 3];
    let proven = match packages::prove_as(bytes, form) {
        Ok(proven) => proven,
        Err(error) => return assert!(error.offset_bytes <= bytes.len(), "{error}"),
    };
    let text = super::text(bytes).expect("what is proven is UTF-8");
    let limits = StanzaLimits { size_bytes: 2 << 20, fields: 512, name_bytes: usize::MAX };
    let stanzas: Vec<_> = text.split_inclusive("\n\n").collect();
    assert_eq!(stanzas.len(), proven.len());
    for (stanza, proven) in stanzas.iter().zip(&proven) {
        let read = Stanza::parse(stanza.as_bytes(), limits);
        let read = read.unwrap_or_else(|faults| panic!("{faults:?}: {stanza}"));
        let line = |name| read.find(name).expect("the field is there").to_owned();
        assert_eq!(line("Package"), proven.name.as_str());
        assert_eq!(line("Version"), proven.version.as_str());
        assert_eq!(line("Architecture"), proven.architecture.as_str());
        assert_eq!(line("Filename"), proven.filename);
        assert_eq!(line("Size"), proven.size_bytes.to_string());
        assert_eq!(line("SHA256"), proven.digest.to_string());
        assert!(!proven.filename.split('/').any(|part| part.is_empty() || part.starts_with('.')));
        let mut again = String::new();
        read.write(&mut again);
        assert_eq!(again.trim_end(), stanza.trim_end(), "what is proven is in the one form");
        let _ = (Dependencies::of_stanza(stanza), MentionedNames::of_stanza(stanza));
    }
}

/// A `Translation-en`: proven or not; and any text may be asked to be split.
pub fn translation(bytes: &[u8]) {
    if let Ok(proven) = translation::prove(bytes) {
        let text = super::text(bytes).expect("what is proven is UTF-8");
        assert_eq!(text.split_inclusive("\n\n").count(), proven.len());
        for (stanza, proven) in text.split_inclusive("\n\n").zip(&proven) {
            assert!(stanza.starts_with(&format!("Package: {}\n", proven.package)));
            assert!(stanza.contains(&format!("\nDescription-md5: {}\n", proven.md5)));
        }
    }
    if let Some(split) = super::text(bytes).and_then(translation::split) {
        let (head, rest) = split.packages.rsplit_once("\nDescription-md5: ").expect("it has one");
        assert!(super::text(bytes).is_some_and(|text| text.starts_with(head)));
        assert_eq!(rest, format!("{}\n\n", split.md5));
        assert!(split.translation.contains(&split.md5.to_string()));
    }
}

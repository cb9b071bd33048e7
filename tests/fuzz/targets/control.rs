//! Control files: what is accepted is written so that every reader of ours reads the same again.

use repod::debian::control::CONTROL_LIMITS;
use repod::debian::packages::{self, Form, Proven};
use repod::debian::relation::{RelationField, Relations};
use repod::debian::stanza::{Stanza, StanzaLimits};
use repod::debian::{
    Control, Dependencies, LONGEST_STANZA_BYTES, MentionedNames, PackageKind, PackageName,
    translation,
};
use repod::digest::Digest;
use repod::domain::layout::{RepoPath, pool_path};

/// A stanza, with the bounds of a control file.
pub fn stanza(bytes: &[u8]) {
    let read = match Stanza::parse(bytes, CONTROL_LIMITS) {
        Ok(read) => read,
        Err(faults) => return assert!(!faults.is_empty() && faults.len() <= 64),
    };
    let mut text = String::new();
    read.write(&mut text);
    assert_eq!(text.len(), read.fields().map(|field| field.written_bytes()).sum::<usize>());
    assert!(text.len() <= bytes.len() + read.fields().count(), "it grows");
    // What follows from the text alone: no line that some reader takes for an end or for two.
    assert!(!text.contains("\n\n") && text.ends_with('\n') && !text.contains('\r'));
    assert!(text.lines().all(|line| line.trim_end_matches([' ', '\t']) == line));
    assert_eq!(Stanza::parse(text.as_bytes(), CONTROL_LIMITS).as_ref(), Ok(&read), "{text:?}");
}

/// A control file: it is published as a stanza that our other reader proves, and has the same fields.
pub fn control(bytes: &[u8]) {
    let control = match Control::parse(bytes) {
        Ok(control) => control,
        Err(faults) => {
            assert!(!faults.is_empty() && faults.len() <= 64 + 8, "{}", faults.len());
            let safe = |text: String| !text.chars().any(char::is_control);
            return assert!(faults.iter().all(|fault| safe(fault.to_string())), "{faults:?}");
        }
    };
    let mut normal = String::new();
    control.stanza().write(&mut normal);
    let again = Control::parse(normal.as_bytes());
    assert_eq!(again.as_ref(), Ok(&control), "what is normal is altered once more: {normal:?}");

    let (digest, kind) = (Digest::of(bytes), control.kind());
    let path = pool_path(
        kind,
        control.package(),
        control.version().without_epoch(),
        control.architecture(),
        &digest,
    );
    assert!(matches!(RepoPath::parse(&path), Some(RepoPath::Pool { .. })), "{path}");
    let published = control.published(&path, 1234, &digest);
    let form = if kind == PackageKind::Udeb { Form::Installer } else { Form::Whole };
    let proven = packages::prove_as(published.as_bytes(), form);
    let proven = proven.unwrap_or_else(|error| panic!("{error}: {published}"));
    let expected = Proven {
        name: control.package().clone(),
        version: control.version().clone(),
        architecture: control.architecture().clone(),
        filename: path,
        size_bytes: 1234,
        digest,
    };
    assert_eq!(proven, [expected]);
    assert!(published.len() <= LONGEST_STANZA_BYTES + 4096, "longer than uploads may be");
    fields_are_kept(&control, &published);
    names_agree(&published);
    if kind == PackageKind::Deb {
        parts_agree(&published);
    }
}

/// Every field of the control file is in the published stanza, with its value.
fn fields_are_kept(control: &Control, published: &str) {
    let limits = StanzaLimits { fields: 512, size_bytes: 2 << 20, name_bytes: 128 };
    let read = Stanza::parse(published.as_bytes(), limits).expect("the stanza is read");
    for field in control.stanza().fields() {
        assert_eq!(read.find(field.name()), Some(field.value()), "{}", field.name());
    }
    assert_eq!(read.fields().count(), control.stanza().fields().count() + 3);
}

fn names_agree(published: &str) {
    let read = Dependencies::of_stanza(published);
    let names = MentionedNames::of_stanza(published);
    let once = |names: &[PackageName]| {
        let mut names = names.to_vec();
        names.sort();
        names.dedup();
        names
    };
    let owned = |names: std::collections::BTreeSet<&PackageName>| {
        names.into_iter().cloned().collect::<Vec<_>>()
    };
    assert_eq!(once(&names.needed), owned(read.needed_names()), "{published}");
    assert_eq!(once(&names.avoided), owned(read.avoided_names()), "{published}");
    assert_eq!(once(&names.provided), owned(read.provided_names()), "{published}");
}

/// The two parts into which a stanza is split are proven, each by its own reader.
fn parts_agree(published: &str) {
    let Some(parts) = translation::split(published) else { return };
    let short = packages::prove_as(parts.packages.as_bytes(), Form::Short);
    assert_eq!(short.as_ref().map(Vec::len), Ok(1), "{}", parts.packages);
    let long = translation::prove(parts.translation.as_bytes());
    let long = long.unwrap_or_else(|error| panic!("{error}: {}", parts.translation));
    assert!(long.len() == 1 && long[0].md5 == parts.md5, "{}", parts.translation);
}

/// A value of a relation field; the first byte says of which.
pub fn relations(bytes: &[u8]) {
    let Some((which, bytes)) = bytes.split_first() else { return };
    let Some(value) = super::text(bytes) else { return };
    let field = RelationField::ALL[usize::from(*which) % RelationField::ALL.len()];
    let read = match Relations::parse(field, value) {
        Ok(read) => read,
        Err(faults) => return assert!(!faults.is_empty() && faults.len() <= 64),
    };
    let text = read.to_string();
    assert_eq!(Relations::parse(field, &text).as_ref(), Ok(&read), "{text:?}");
    for relation in read.entries().iter().flatten() {
        assert!(relation.accepts(relation.given_version()) || relation.version.is_some());
    }
    let name = field.name();
    let stanza = format!(
        "Package: aa\nVersion: 1\nArchitecture: all\n{name}: {text}\nFilename: pool/a/aa.deb\nSize: 1\nSHA256: {}\nDescription: x\n\n",
        Digest::of(b"")
    );
    if !read.entries().is_empty() {
        let proven = packages::prove(stanza.as_bytes());
        assert!(proven.is_ok(), "{proven:?}: {stanza}");
        names_agree(&stanza);
    }
}

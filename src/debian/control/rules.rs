//! The values that each known field of a binary control file may have, and their form in an index.
//!
//! Source: Policy 5.3 and 5.6; deb-control(5); the fields and the former names that dpkg knows.

use std::borrow::Cow;

use super::super::relation::{RelationField, Relations};
use super::super::stanza::{Fault, Field, quote};

/// What the value of a field must look like.
#[derive(Clone, Copy)]
enum Shape {
    /// One line of text.
    Line,
    /// Text, with continuation lines if need be.
    Text,
    /// Up to 32 letters and `-`, written in lower case.
    Word,
    /// Words joined by `/`, as in `non-free/libs`; other separators within a word are written as
    /// `-`.
    Path,
    /// `yes` or `no`, written in lower case.
    Flag,
    /// `no`, `same`, `foreign` or `allowed`, written in lower case: dpkg takes others, apt ignores
    /// them.
    MultiArch,
    /// Up to 15 digits, so that apt can count the bytes of so many KiB, and maybe a fraction, which
    /// apt ignores. It is unchanged: apt hashes it from the index and from dpkg's database.
    Number,
    /// A number from 0 to 100.
    Percentage,
    /// `deb`, `udeb` or `ddeb`.
    PackageType,
    /// A field of the repository or of the installed system: never allowed in a package.
    Ours,
    /// A former name, which dpkg reads as the field named here and apt ignores.
    Renamed(&'static str),
}

const KNOWN: [(&str, Shape); 47] = [
    ("Package", Shape::Line),
    ("Version", Shape::Line),
    ("Architecture", Shape::Line),
    ("Source", Shape::Line),
    ("Maintainer", Shape::Line),
    ("Original-Maintainer", Shape::Line),
    ("Homepage", Shape::Line),
    ("Origin", Shape::Line),
    ("Bugs", Shape::Line),
    ("Description", Shape::Text),
    ("Tag", Shape::Text),
    ("Built-Using", Shape::Text),
    ("Static-Built-Using", Shape::Text),
    ("Priority", Shape::Word),
    ("Section", Shape::Path),
    ("Essential", Shape::Flag),
    ("Protected", Shape::Flag),
    ("Important", Shape::Flag),
    ("Build-Essential", Shape::Flag),
    ("Rollback", Shape::Flag),
    ("Multi-Arch", Shape::MultiArch),
    ("Installed-Size", Shape::Number),
    ("Package-Type", Shape::PackageType),
    ("Phased-Update-Percentage", Shape::Percentage),
    ("Filename", Shape::Ours),
    ("MSDOS-Filename", Shape::Ours),
    ("Size", Shape::Ours),
    ("MD5sum", Shape::Ours),
    ("SHA1", Shape::Ours),
    ("SHA256", Shape::Ours),
    ("SHA512", Shape::Ours),
    ("Checksum-FileSize", Shape::Ours),
    ("Description-md5", Shape::Ours),
    ("Status", Shape::Ours),
    ("Config-Version", Shape::Ours),
    ("Conffiles", Shape::Ours),
    ("Triggers-Pending", Shape::Ours),
    ("Triggers-Awaited", Shape::Ours),
    ("Directory", Shape::Ours),
    ("Files", Shape::Ours),
    ("Checksums-Sha256", Shape::Ours),
    ("Optional", Shape::Renamed("Suggests")),
    ("Recommended", Shape::Renamed("Recommends")),
    ("Class", Shape::Renamed("Priority")),
    ("Revision", Shape::Renamed("Version")),
    ("Package-Revision", Shape::Renamed("Version")),
    ("Package_Revision", Shape::Renamed("Version")),
];

/// The field as an index shows it: known names in their usual spelling, relations on one line.
///
/// `None` for a field without a value, which is left out.
///
/// # Errors
/// Every [`Fault`] of the value (sender's fault).
pub(super) fn normal(field: &Field) -> Result<Option<Field>, Vec<Fault>> {
    let relations = RelationField::find(field.name());
    if field.value().is_empty() && relations.is_some() {
        return Ok(None);
    }
    if let Some(kind) = relations {
        let relations = Relations::parse(kind, field.value())?;
        return Ok(Some(Field::new(kind.name(), relations.to_string())));
    }
    if field.name().len() < 2 {
        let problem = "is a name of one character, which dpkg refuses; use a longer one";
        return Err(vec![Fault::of(field.name(), problem)]);
    }
    let known = KNOWN.iter().find(|(name, _)| field.is(name));
    let (name, shape) = known.map_or((field.name(), Shape::Text), |(name, shape)| (*name, *shape));
    if known.is_none() && name.get(..12).is_some_and(|b| b.eq_ignore_ascii_case("Description-")) {
        let problem = "hides the Description from hosts of that language; write Description alone";
        return Err(vec![Fault::of(name, problem)]);
    }
    let field = Field::new(name, tidy(shape, field.value()));
    match problem(shape, &field) {
        Some(problem) => Err(vec![Fault::of(name, problem)]),
        None if field.value().is_empty() => Ok(None),
        None => Ok(Some(field)),
    }
}

/// A value whose meaning is clear, in the one form that every reader understands.
fn tidy(shape: Shape, value: &str) -> Cow<'_, str> {
    match shape {
        Shape::Word | Shape::Flag | Shape::MultiArch => value.to_ascii_lowercase().into(),
        Shape::Path if value.contains(BETWEEN) && !value.contains('\n') => {
            let part = |part: &str| {
                let words = part.split(BETWEEN).filter(|word| !word.is_empty());
                words.collect::<Vec<_>>().join("-")
            };
            let parts: Vec<_> = value.split('/').map(part).collect();
            match parts.iter().any(String::is_empty) {
                true => value.into(),
                false => parts.join("/").into(),
            }
        }
        _ => value.into(),
    }
}

/// Separators that vendors write between the words of a section.
const BETWEEN: [char; 4] = [' ', '\t', '&', ','];

fn problem(shape: Shape, field: &Field) -> Option<String> {
    let value = field.value();
    match shape {
        Shape::Ours => {
            return Some("is set by the repository or by dpkg, not by a package; remove it".into());
        }
        Shape::Renamed(name) => return Some(format!("is a former name; use {name}")),
        Shape::Text => return None,
        _ if field.has_continuation() => return Some("is one line; join its lines".into()),
        _ if value.is_empty() => return None,
        _ => {}
    }
    let rule = match shape {
        Shape::Word if !word(value) => "is one word of at most 32 letters and '-'",
        Shape::Path if !path(value) => {
            "is one to three words of letters, digits and '-_+.' joined by '/', at most 64 bytes"
        }
        Shape::Flag if !matches!(value, "yes" | "no") => "is 'yes' or 'no'",
        Shape::MultiArch if !matches!(value, "no" | "same" | "foreign" | "allowed") => {
            "is 'no', 'same', 'foreign' or 'allowed'"
        }
        Shape::Number if !number(value) => "is a number of KiB in at most 15 digits",
        Shape::Percentage if !percentage(value) => "is a whole number from 0 to 100",
        Shape::PackageType if !matches!(value, "deb" | "udeb" | "ddeb") => {
            "is 'deb', 'udeb' for the installer, 'ddeb' for debug symbols, or is left out"
        }
        _ => return None,
    };
    Some(format!("{rule}; found {}", quote(value)))
}

fn word(value: &str) -> bool {
    value.len() <= 32 && value.bytes().all(|b| b.is_ascii_lowercase() || b == b'-')
}

fn path(value: &str) -> bool {
    let safe = |b: u8| b.is_ascii_alphanumeric() || b"-_+.".contains(&b);
    let part =
        |part: &str| !part.is_empty() && !part.starts_with(['.', '-']) && part.bytes().all(safe);
    value.len() <= 64 && value.split('/').count() <= 3 && value.split('/').all(part)
}

fn number(value: &str) -> bool {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let (whole, fraction) = value.split_once('.').unwrap_or((value, "0"));
    value.len() <= 15 && digits(whole) && digits(fraction)
}

fn percentage(value: &str) -> bool {
    value.bytes().all(|b| b.is_ascii_digit()) && value.parse::<u8>().is_ok_and(|of| of <= 100)
}

//! The values that single fields of an index may have.

use super::super::{Architecture, PackageName, Version};
use super::Form;

/// The rule that a value breaks.
pub(super) type Rule = &'static str;

/// Fields whose value is checked here: one line each, in their usual spelling.
pub(super) const EXACT: [&str; 20] = [
    "Package",
    "Version",
    "Architecture",
    "Filename",
    "Size",
    "SHA256",
    "Source",
    "Package-Type",
    "Section",
    "Description-md5",
    "Multi-Arch",
    "Pre-Depends",
    "Depends",
    "Recommends",
    "Suggests",
    "Enhances",
    "Breaks",
    "Conflicts",
    "Replaces",
    "Provides",
];

pub(super) const RELATIONS: [&str; 9] = [
    "Pre-Depends",
    "Depends",
    "Recommends",
    "Suggests",
    "Enhances",
    "Breaks",
    "Conflicts",
    "Replaces",
    "Provides",
];

/// Fields with which apt would expect another file, or dpkg read another package, than was proven.
pub(super) const ABSENT: [&str; 14] = [
    "MD5sum",
    "SHA1",
    "SHA512",
    "Checksum-FileSize",
    "Description-md5",
    "Status",
    "Config-Version",
    "Conffiles",
    "Optional",
    "Recommended",
    "Class",
    "Revision",
    "Package-Revision",
    "Package_Revision",
];

pub(super) fn plain(c: char) -> bool {
    match c {
        '\t' | ' '..='~' => true,
        '\u{0}'..='\u{9f}' => false,
        '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => false,
        _ => true,
    }
}

pub(super) fn md5(value: &str) -> Result<(), Rule> {
    let hex = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
    match value.len() == 32 && value.bytes().all(hex) {
        true => Ok(()),
        false => Err("Description-md5 is 32 lower-case digits"),
    }
}

pub(super) fn filename(value: &str, form: Form) -> Result<&str, Rule> {
    let safe = |b: u8| b.is_ascii_alphanumeric() || b"/._+~%:-".contains(&b);
    let suffix = if form == Form::Installer { ".udeb" } else { ".deb" };
    if !value.starts_with("pool/") || !value.ends_with(suffix) || value.len() > 1024 {
        return Err("Filename is pool/….deb, for the installer pool/….udeb, at most 1024 bytes");
    }
    if !value.bytes().all(safe) {
        return Err("Filename holds only letters, digits and /._+~%:-");
    }
    if value.split('/').any(|part| part.is_empty() || part.starts_with('.')) {
        return Err("no part of Filename is empty or begins with '.'");
    }
    Ok(value)
}

pub(super) fn size(value: &str) -> Result<u64, Rule> {
    const RULE: Rule = "Size is a number above 0 without leading zeros";
    let number: u64 = value.parse().map_err(|_| RULE)?;
    if number == 0 || number.to_string() != value { Err(RULE) } else { Ok(number) }
}

/// Checks relations in the one form in which they are written: `a (>= 1) | b:any, c`.
pub(super) fn relations(value: &str) -> Result<(), Rule> {
    let mut each = value.split(", ").flat_map(|entry| entry.split(" | "));
    if each.all(|relation| relates(relation).is_some()) {
        return Ok(());
    }
    Err("a relation is 'name', 'name:architecture' or 'name (>= version)', parted by ', ' or ' | '")
}

fn relates(relation: &str) -> Option<()> {
    let (target, version) = match relation.split_once(' ') {
        Some((target, version)) => (target, Some(version)),
        None => (relation, None),
    };
    let (name, qualifier) = match target.split_once(':') {
        Some((name, qualifier)) => (name, Some(qualifier)),
        None => (target, None),
    };
    PackageName::parse(name).ok()?;
    if let Some(qualifier) = qualifier.filter(|word| !["any", "native"].contains(word)) {
        Architecture::parse(qualifier).ok()?;
    }
    if let Some(version) = version {
        let (sign, version) = version.strip_prefix('(')?.strip_suffix(')')?.split_once(' ')?;
        ["<<", "<=", "=", ">=", ">>"].contains(&sign).then_some(())?;
        Version::parse(version).ok()?;
    }
    Some(())
}

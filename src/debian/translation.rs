//! Translations: long descriptions apart from `Packages`, so that hosts fetch them once.
//!
//! Source: [Repository Format](https://wiki.debian.org/DebianRepository/Format), "Translation"
//! indices; apt's `deblistparser.cc` and apt-ftparchive's `writer.cc` for Description-md5.

use super::PackageName;
use crate::digest::Md5;

/// The Description-md5 of a description: the MD5 of its text and a closing newline.
///
/// Shape: `description` is the field's value as it is written, with its continuation lines and
/// without the newline at its end.
pub fn description_md5(description: &str) -> Md5 {
    Md5::of(format!("{description}\n").as_bytes())
}

/// A published stanza, split into its parts for `Packages` and for `Translation-en`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Split {
    /// The stanza with the first line of its description and the Description-md5 of all of it, and
    /// its empty line.
    pub packages: String,
    /// Package, Description-md5 and Description-en, and an empty line.
    pub translation: String,
    /// The Description-md5, which both have.
    pub md5: Md5,
}

/// Splits a stanza as [`Control::published`](super::Control::published) returns it.
///
/// `None` when it is of another form, or has no first line of a description: such a stanza is
/// listed unchanged, and apt shows its own description.
pub fn split(published: &str) -> Option<Split> {
    const FIELD: &str = "\nDescription: ";
    let text = published.strip_suffix("\n\n")?;
    // Continuation lines begin with a blank, so none of them looks like this.
    let at = text.rfind(FIELD)?;
    let (head, description) = (text.get(..at)?, text.get(at.checked_add(FIELD.len())?..)?);
    let mut lines = description.split('\n');
    let short = lines.next().filter(|line| !line.trim().is_empty())?;
    if !lines.all(|line| line.starts_with([' ', '\t'])) {
        return None;
    }
    let package = head.strip_prefix("Package: ")?.split('\n').next()?;
    let package = PackageName::parse(package).ok()?;
    let md5 = description_md5(description);
    Some(Split {
        packages: format!("{head}{FIELD}{short}\nDescription-md5: {md5}\n\n"),
        translation: format!(
            "Package: {package}\nDescription-md5: {md5}\nDescription-en: {description}\n\n"
        ),
        md5,
    })
}

/// One proven stanza of a `Translation-en`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Translated {
    /// The package.
    pub package: PackageName,
    /// The MD5 of the description.
    pub md5: Md5,
}

/// Reads a run of whole `Translation-en` stanzas, and computes the MD5 of each again.
///
/// Shape: Package, Description-md5 and Description-en in this order and nothing else, one empty
/// line after each; sorted by package, then by Description-md5, each pair once.
///
/// # Errors
/// [`TranslationError`] for the first rule that is broken (our fault: the text is our own).
pub fn prove(bytes: &[u8]) -> Result<Vec<Translated>, TranslationError> {
    let failed = |stanza, rule| TranslationError { stanza, rule };
    let text = std::str::from_utf8(bytes).map_err(|_| failed(0, "the text is UTF-8"))?;
    let mut proven: Vec<Translated> = Vec::new();
    let mut rest = text;
    for number in 1_usize.. {
        if rest.is_empty() {
            break;
        }
        let closed = rest.split_once("\n\n");
        let (stanza, behind) =
            closed.ok_or_else(|| failed(number, "an empty line closes every stanza"))?;
        if stanza.len() > super::packages::LONGEST_PROVEN_BYTES {
            return Err(failed(number, "a stanza is short enough for apt"));
        }
        let read = read(stanza).map_err(|rule| failed(number, rule))?;
        let key = |one: &Translated| (one.package.as_str().to_owned(), one.md5);
        if proven.last().is_some_and(|last| key(last) >= key(&read)) {
            return Err(failed(number, "stanzas are sorted by package and MD5, each once"));
        }
        proven.push(read);
        rest = behind;
    }
    Ok(proven)
}

fn read(stanza: &str) -> Result<Translated, &'static str> {
    let (package, rest) = stanza
        .strip_prefix("Package: ")
        .and_then(|rest| rest.split_once("\nDescription-md5: "))
        .ok_or("a stanza is Package, Description-md5 and Description-en")?;
    let (md5, description) = rest
        .split_once("\nDescription-en: ")
        .ok_or("a stanza is Package, Description-md5 and Description-en")?;
    let package = PackageName::parse(package).map_err(|_| "Package is a package name")?;
    let mut lines = description.split('\n');
    let begins =
        lines.next().is_some_and(|line| !line.is_empty() && !line.starts_with([' ', '\t']));
    if !begins || !lines.all(|line| line.starts_with([' ', '\t']) && !line.trim().is_empty()) {
        return Err("a description begins with a line, and blanks begin the others");
    }
    if description.split('\n').any(|line| line.ends_with([' ', '\t']) || !line.chars().all(plain)) {
        return Err("no line ends with a blank or holds control characters");
    }
    let found = description_md5(description);
    match found.to_string() == md5 {
        true => Ok(Translated { package, md5: found }),
        false => Err("Description-md5 is that of the description"),
    }
}

fn plain(c: char) -> bool {
    c == '\t' || !c.is_control()
}

/// A `Translation-en` breaks a rule and must not be signed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("translation is unfit to be signed: stanza {stanza}: {rule}")]
pub struct TranslationError {
    /// Which stanza, counted from 1; 0 for the whole text.
    pub stanza: usize,
    /// Which rule.
    pub rule: &'static str,
}

#[cfg(test)]
mod tests;

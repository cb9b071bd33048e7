//! The proof of an index: before it is signed, `Packages` text is read back by other code than
//! wrote it.
//!
//! This file shares only the types of names, versions and digests with the code that reads and
//! writes control files. It accepts only the one form that this program writes: a stanza that apt
//! cannot read would hide every package of every repository from a host.

mod form;
mod values;

pub use form::Form;

use std::fmt;

use super::{Architecture, PackageName, Version};
use crate::digest::Digest;
use values::{ABSENT, EXACT, RELATIONS, Rule, filename, md5, plain, relations, size};

/// The fields of one proven stanza.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Proven {
    /// Package
    pub name: PackageName,
    /// Version
    pub version: Version,
    /// Architecture
    pub architecture: Architecture,
    /// Filename: where the `.deb` is, relative to the root of the repository.
    pub filename: String,
    /// Size. Unit: bytes.
    pub size_bytes: u64,
    /// SHA256
    pub digest: Digest,
}

/// An index breaks a rule and must not be signed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ProofError {
    /// Where the line that breaks it begins. Unit: bytes from the beginning of the text.
    pub offset_bytes: usize,
    /// Which stanza, counted from 1.
    pub stanza: usize,
    /// The package of that stanza, once it is known.
    pub package: Option<PackageName>,
    /// Which rule.
    pub rule: &'static str,
}

impl fmt::Display for ProofError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { offset_bytes, stanza, package, rule } = self;
        write!(f, "index is unfit to be signed: stanza {stanza}")?;
        if let Some(package) = package {
            write!(f, " ({package})")?;
        }
        write!(f, ", at byte {offset_bytes}: {rule}")
    }
}

impl std::error::Error for ProofError {}

const MOST_FIELDS: usize = 512;

/// The longest stanza that is signed. Unit: bytes. Uploads are refused from about half of it on
/// ([`LONGEST_STANZA_BYTES`](super::LONGEST_STANZA_BYTES)); earlier versions of this program took
/// longer ones, which apt reads up to 1,048,702.
pub const LONGEST_PROVEN_BYTES: usize = 1_040_000;

/// Reads a run of whole stanzas with whole descriptions; see [`prove_as`].
///
/// # Errors
/// [`ProofError`] for the first rule that is broken (our fault: the text is our own).
pub fn prove(bytes: &[u8]) -> Result<Vec<Proven>, ProofError> {
    prove_as(bytes, Form::Whole)
}

/// Reads a run of whole stanzas and returns their fields, in order.
///
/// Shape: every stanza begins with Package and ends with exactly one empty line; Version,
/// Architecture, Filename, Size and SHA256 once each; no name twice; no other digests; relations as
/// this program writes them. Empty text holds no stanza and is proven. The caller checks the order
/// and repeats of packages. Limits: 512 fields a stanza.
///
/// # Errors
/// [`ProofError`] for the first rule that is broken (our fault: the text is our own).
///
/// Source: Policy 5.1; [Repository Format](https://wiki.debian.org/DebianRepository/Format).
pub fn prove_as(bytes: &[u8], form: Form) -> Result<Vec<Proven>, ProofError> {
    let text = std::str::from_utf8(bytes).map_err(|error| ProofError {
        offset_bytes: error.valid_up_to(),
        stanza: 0,
        package: None,
        rule: "the text is UTF-8",
    })?;
    let mut proven = Vec::new();
    let fresh = || Draft { form, ..Draft::default() };
    let mut draft = fresh();
    let (mut offset_bytes, mut begin_bytes): (usize, usize) = (0, 0);
    for line in text.split_inclusive('\n') {
        let number = proven.len().saturating_add(1);
        let failed = |package: Option<PackageName>, rule| ProofError {
            offset_bytes,
            stanza: number,
            package,
            rule,
        };
        let Some(line_text) = line.strip_suffix('\n') else {
            return Err(failed(draft.name, "the last line ends with a newline"));
        };
        if line_text.is_empty() {
            let done = std::mem::replace(&mut draft, fresh());
            let package = done.name.clone();
            if offset_bytes.saturating_sub(begin_bytes) > LONGEST_PROVEN_BYTES {
                return Err(failed(package, "a stanza is short enough for apt"));
            }
            begin_bytes = offset_bytes.saturating_add(line.len());
            proven.push(done.close().map_err(|rule| failed(package, rule))?);
        } else if let Err(rule) = draft.take(line_text) {
            return Err(failed(draft.name, rule));
        }
        offset_bytes = offset_bytes.saturating_add(line.len());
    }
    if draft.names.is_empty() {
        return Ok(proven);
    }
    let stanza = proven.len().saturating_add(1);
    let rule = "the last stanza is closed by an empty line";
    Err(ProofError { offset_bytes, stanza, package: draft.name, rule })
}

/// A partly read stanza.
#[derive(Default)]
struct Draft<'a> {
    form: Form,
    kind: Option<&'a str>,
    section: Option<&'a str>,
    names: Vec<&'a str>,
    /// Whether the last field may, must, or must not continue.
    continuation: Continuation,
    /// Whether the last field has continuation lines.
    is_long: bool,
    name: Option<PackageName>,
    version: Option<Version>,
    architecture: Option<Architecture>,
    filename: Option<&'a str>,
    size_bytes: Option<u64>,
    digest: Option<Digest>,
}

#[derive(Default, Clone, Copy, PartialEq)]
enum Continuation {
    #[default]
    Refused,
    Allowed,
    Needed,
}

impl<'a> Draft<'a> {
    fn take(&mut self, line: &'a str) -> Result<(), Rule> {
        if !line.chars().all(plain) {
            return Err("no control, separator or direction characters");
        }
        if line.ends_with([' ', '\t']) {
            return Err("no line ends with a blank or holds only blanks");
        }
        if line.starts_with([' ', '\t']) {
            if self.continuation == Continuation::Refused {
                return Err("no line continues this field");
            }
            self.continuation = Continuation::Allowed;
            self.is_long = true;
            return Ok(());
        }
        if self.continuation == Continuation::Needed {
            return Err("a field has a value");
        }
        let (name, rest) = line.split_once(':').ok_or("a field has a colon after its name")?;
        self.name_is_new(name)?;
        let value = match rest.strip_prefix(' ') {
            Some(value) if !value.starts_with([' ', '\t']) => value,
            None if rest.is_empty() => "",
            _ => return Err("one space is between the colon and the value"),
        };
        self.names.push(name);
        self.field(name, value)?;
        self.is_long = false;
        Ok(())
    }

    fn name_is_new(&self, name: &str) -> Result<(), Rule> {
        let visible = name.bytes().all(|b| (0x21..0x7f).contains(&b));
        if name.is_empty() || !visible || name.starts_with(['#', '-']) {
            return Err("a field name is visible ASCII that begins with neither '#' nor '-'");
        }
        if self.names.is_empty() && name != "Package" {
            return Err("a stanza begins with Package");
        }
        if self.names.len() >= MOST_FIELDS {
            return Err("a stanza has at most 512 fields");
        }
        if self.names.iter().any(|earlier| earlier.eq_ignore_ascii_case(name)) {
            return Err("a field comes once in a stanza");
        }
        let parted = self.form == Form::Short && name == "Description-md5";
        if !parted && ABSENT.iter().any(|absent| absent.eq_ignore_ascii_case(name)) {
            return Err("a field that has no place in an index is absent");
        }
        if EXACT.iter().any(|exact| exact.eq_ignore_ascii_case(name) && *exact != name) {
            return Err("a field that is read has its usual spelling");
        }
        Ok(())
    }

    fn field(&mut self, name: &str, value: &'a str) -> Result<(), Rule> {
        self.continuation = match (EXACT.contains(&name), value.is_empty()) {
            (true, true) => return Err("a field that is read has its value on its own line"),
            (true, false) => Continuation::Refused,
            (false, true) => Continuation::Needed,
            (false, false) => Continuation::Allowed,
        };
        match name {
            "Package" => {
                self.name =
                    Some(PackageName::parse(value).map_err(|_| "Package is a package name")?)
            }
            "Version" => {
                self.version = Some(Version::parse(value).map_err(|_| "Version is a version")?)
            }
            "Architecture" => {
                let parsed = Architecture::parse(value);
                self.architecture = Some(parsed.map_err(|_| "Architecture is concrete or 'all'")?);
            }
            "Filename" => self.filename = Some(filename(value, self.form)?),
            "Package-Type" => self.kind = Some(value),
            "Section" => self.section = Some(value),
            "Description-md5" => {
                // It comes right after the one line that is left of the description.
                if self.names.iter().rev().nth(1) != Some(&"Description") || self.is_long {
                    return Err("Description-md5 follows a Description of one line");
                }
                md5(value)?;
            }
            "Size" => self.size_bytes = Some(size(value)?),
            "SHA256" => {
                self.digest = Some(value.parse().map_err(|_| "SHA256 is 64 lower-case digits")?)
            }
            "Multi-Arch" if !["no", "same", "foreign", "allowed"].contains(&value) => {
                return Err("Multi-Arch is no, same, foreign or allowed");
            }
            _ if RELATIONS.contains(&name) => relations(value)?,
            _ => {}
        }
        Ok(())
    }

    fn close(self) -> Result<Proven, Rule> {
        if self.names.is_empty() {
            return Err("exactly one empty line is between stanzas");
        }
        if self.continuation == Continuation::Needed {
            return Err("a field has a value");
        }
        let by_section = || {
            self.section
                .is_some_and(|section| section.split('/').any(|part| part == "debian-installer"))
        };
        let is_udeb = self.kind.map_or_else(by_section, |kind| kind == "udeb");
        if is_udeb != (self.form == Form::Installer) {
            return Err("an installer's package is in the index of the installer, and only there");
        }
        Ok(Proven {
            name: self.name.ok_or("a stanza has Package")?,
            version: self.version.ok_or("a stanza has Version")?,
            architecture: self.architecture.ok_or("a stanza has Architecture")?,
            filename: self.filename.ok_or("a stanza has Filename")?.to_owned(),
            size_bytes: self.size_bytes.ok_or("a stanza has Size")?,
            digest: self.digest.ok_or("a stanza has SHA256")?,
        })
    }
}

#[cfg(test)]
mod tests;

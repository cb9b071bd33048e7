//! Release text: the signed file of a suite, written, and read back by other code.
//!
//! Source: [Repository Format](https://wiki.debian.org/DebianRepository/Format), "Release" files;
//! apt-pkg/deb/debmetaindex.cc for what apt does with each field.

use std::fmt;

use jiff::fmt::strtime;

use super::{Architecture, Component, SuiteName};
use crate::digest::Digest;

/// The fields of a Release file, without its list of indices.
///
/// Shape: texts are one line without blanks at their ends.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ReleaseFields {
    /// Who publishes; hosts ask a person when it changes.
    pub origin: String,
    /// What is published; hosts ask a person when it changes.
    pub label: String,
    /// The suite.
    pub suite: SuiteName,
    /// The suite's lasting name; hosts ask a person when it changes.
    pub codename: SuiteName,
    /// When it was signed: `Mon, 23 Nov 2026 03:31:39 UTC`. A host ignores one that is older than
    /// its own.
    pub date: String,
    /// Until when hosts trust it, written like `date`; `None` for no end, as for a snapshot.
    pub valid_until: Option<String>,
    /// Whether hosts take a package from here only when a person names the suite (pin 1).
    pub not_automatic: bool,
    /// Whether hosts upgrade packages that they took from here (pin 100); only beside
    /// `not_automatic`.
    pub but_automatic_upgrades: bool,
    /// Where `apt changelog` looks; see [`template`] with [`CHANGELOGS_WORD`].
    pub changelogs: Option<String>,
    /// Where hosts find an earlier state; see [`template`] with [`SNAPSHOTS_WORD`].
    pub snapshots: Option<String>,
    /// Whether indices may be fetched by their digest.
    pub acquire_by_hash: bool,
    /// Concrete architectures in the order in which they are listed; packages of `all` are listed
    /// in the index of each of them.
    pub architectures: Vec<Architecture>,
    /// Components in the order in which they are listed.
    pub components: Vec<Component>,
    /// A line for people; empty for none.
    pub description: String,
}

/// One index that a Release file lists.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct ReleaseEntry {
    /// Below the suite's directory: `main/binary-amd64/Packages.gz`.
    pub path: String,
    /// Unit: bytes.
    pub size_bytes: u64,
    /// SHA-256 of the file.
    pub digest: Digest,
}

/// The text of a Release file, as it is signed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ReleaseText {
    /// Everything but the list.
    pub fields: ReleaseFields,
    /// The list; written in the order of its paths.
    pub entries: Vec<ReleaseEntry>,
}

impl ReleaseText {
    /// The text.
    ///
    /// Shape: no line ends with a blank, because signing and verifying programs disagree on such
    /// lines. Only SHA256 is listed: apt asks for the strongest digest it finds, and one is enough.
    /// Values are not checked, so the text must be read back with [`ReleaseText::parse`] and
    /// compared before it is signed.
    pub fn write(&self) -> String {
        let fields = &self.fields;
        let by_hash = if fields.acquire_by_hash { "yes" } else { "no" };
        let yes = |flag| if flag { "yes" } else { "" };
        let pairs = [
            ("Origin", fields.origin.trim()),
            ("Label", fields.label.trim()),
            ("Suite", fields.suite.as_str()),
            ("Codename", fields.codename.as_str()),
            ("Date", fields.date.trim()),
            ("Valid-Until", line(fields.valid_until.as_ref())),
            ("NotAutomatic", yes(fields.not_automatic)),
            ("ButAutomaticUpgrades", yes(fields.but_automatic_upgrades)),
            ("Acquire-By-Hash", by_hash),
            ("Architectures", &words(&fields.architectures)),
            ("Components", &words(&fields.components)),
            ("Description", fields.description.trim()),
            ("Changelogs", line(fields.changelogs.as_ref())),
            ("Snapshots", line(fields.snapshots.as_ref())),
        ];
        let mut out = String::new();
        for (name, value) in pairs.into_iter().filter(|(_, value)| !value.is_empty()) {
            out.push_str(&format!("{name}: {value}\n"));
        }
        out.push_str("SHA256:\n");
        let mut entries: Vec<_> = self.entries.iter().collect();
        entries.sort();
        for ReleaseEntry { path, size_bytes, digest } in entries {
            out.push_str(&format!(" {digest} {size_bytes:>16} {path}\n"));
        }
        out
    }

    /// Reads the text back.
    ///
    /// Shape: the fields that [`ReleaseText::write`] writes and no others, each once, the list last
    /// and sorted by path.
    /// Limits: 10 MB, as apt has for an `InRelease`.
    ///
    /// # Errors
    /// [`ReleaseError`] for the first rule that is broken (the fault of the text's writer).
    pub fn parse(bytes: &[u8]) -> Result<Self, ReleaseError> {
        if bytes.len() > LARGEST_BYTES {
            return Err(ReleaseError {
                line: 0,
                rule: "a Release file is at most 10,000,000 bytes",
            });
        }
        let text = std::str::from_utf8(bytes)
            .map_err(|_| ReleaseError { line: 0, rule: "a Release file is UTF-8" })?;
        let mut draft = Draft::default();
        let mut last: usize = 0;
        for (line, text) in (1..).zip(text.split_inclusive('\n')) {
            last = line;
            draft.take(text).map_err(|rule| ReleaseError { line, rule })?;
        }
        draft.close().map_err(|rule| ReleaseError { line: last, rule })
    }
}

/// The word of a Changelogs template, which apt replaces with the package's path in the pool.
pub const CHANGELOGS_WORD: &str = "@CHANGEPATH@";
/// The word of a Snapshots template, which apt replaces with the snapshot that a person names.
pub const SNAPSHOTS_WORD: &str = "@SNAPSHOTID@";

/// Checks an address with a word that apt replaces: `https://repo.example/snapshot/@SNAPSHOTID@/`.
///
/// Shape: `https://`, a host, a path; printable ASCII without blanks; `word` in it once.
/// Limits: 1024 bytes.
///
/// # Errors
/// The broken rule, in words that follow the name of the field.
pub fn template(value: &str, word: &str) -> Result<(), Rule> {
    if value.len() > 1024 || !value.bytes().all(|b| b.is_ascii_graphic()) {
        return Err("is at most 1024 printable ASCII characters without blanks");
    }
    let Some((host, path)) = value.strip_prefix("https://").and_then(|rest| rest.split_once('/'))
    else {
        return Err("is an address that begins with https:// and has a path");
    };
    if host.is_empty() || host.contains('@') {
        return Err("names a host between https:// and the path, and no user");
    }
    match path.matches(word).count() {
        1 => Ok(()),
        _ => {
            Err("needs the word that apt fills in, once in its path: @CHANGEPATH@ for changelogs, \
                  @SNAPSHOTID@ for snapshots")
        }
    }
}

fn line(text: Option<&String>) -> &str {
    text.map(|text| text.trim()).unwrap_or_default()
}

fn words<T: fmt::Display>(items: &[T]) -> String {
    let words: Vec<String> = items.iter().map(T::to_string).collect();
    words.join(" ")
}

/// A Release text breaks a rule.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("release text is not as it should be: line {line}: {rule}")]
pub struct ReleaseError {
    /// In which line, counted from 1; 0 for the whole text.
    pub line: usize,
    /// Which rule.
    pub rule: &'static str,
}

const LARGEST_BYTES: usize = 10_000_000;
const MOST_NAMES: usize = 256;

/// A rule, in words.
type Rule = &'static str;

/// A partly read Release text.
#[derive(Default)]
struct Draft {
    origin: Option<String>,
    label: Option<String>,
    suite: Option<SuiteName>,
    codename: Option<SuiteName>,
    date: Option<String>,
    valid_until: Option<String>,
    not_automatic: Option<()>,
    but_automatic_upgrades: Option<()>,
    changelogs: Option<String>,
    snapshots: Option<String>,
    acquire_by_hash: Option<bool>,
    architectures: Option<Vec<Architecture>>,
    components: Option<Vec<Component>>,
    description: Option<String>,
    entries: Option<Vec<ReleaseEntry>>,
}

impl Draft {
    fn take(&mut self, line: &str) -> Result<(), Rule> {
        let line = line.strip_suffix('\n').ok_or("the last line ends with a newline")?;
        if line.is_empty() || line.ends_with(' ') || !line.chars().all(plain) {
            return Err("no line is empty, ends with a blank or holds control characters");
        }
        if let Some(entries) = &mut self.entries {
            let entry = entry(line)?;
            if entries.last().is_some_and(|last| last.path >= entry.path) {
                return Err("indices are listed once each, sorted by path");
            }
            entries.push(entry);
            return Ok(());
        }
        if line == "SHA256:" {
            self.entries = Some(Vec::new());
            return Ok(());
        }
        let (name, value) = line.split_once(": ").ok_or("a field is 'Name: value'")?;
        if value.starts_with(' ') {
            return Err("one space is between the colon and the value");
        }
        self.field(name, value)
    }

    fn field(&mut self, name: &str, value: &str) -> Result<(), Rule> {
        let text = || Ok(value.to_owned());
        match name {
            "Origin" => once(&mut self.origin, text()),
            "Label" => once(&mut self.label, text()),
            "Description" => once(&mut self.description, text()),
            "Suite" => once(&mut self.suite, suite(value)),
            "Codename" => once(&mut self.codename, suite(value)),
            "Date" => once(&mut self.date, date(value)),
            "Valid-Until" => once(&mut self.valid_until, date(value)),
            "NotAutomatic" => once(&mut self.not_automatic, yes(value)),
            "ButAutomaticUpgrades" => once(&mut self.but_automatic_upgrades, yes(value)),
            "Changelogs" => once(&mut self.changelogs, address(value, CHANGELOGS_WORD)),
            "Snapshots" => once(&mut self.snapshots, address(value, SNAPSHOTS_WORD)),
            "Acquire-By-Hash" => once(&mut self.acquire_by_hash, yes_or_no(value)),
            "Architectures" => once(&mut self.architectures, architectures(value)),
            "Components" => once(&mut self.components, names(value, Component::parse)),
            _ => Err("a field is one of those that this program writes"),
        }
    }

    fn close(self) -> Result<ReleaseText, Rule> {
        if self.but_automatic_upgrades.is_some() && self.not_automatic.is_none() {
            return Err("ButAutomaticUpgrades needs NotAutomatic");
        }
        Ok(ReleaseText {
            fields: ReleaseFields {
                origin: self.origin.ok_or("Origin is there")?,
                label: self.label.ok_or("Label is there")?,
                suite: self.suite.ok_or("Suite is there")?,
                codename: self.codename.ok_or("Codename is there")?,
                date: self.date.ok_or("Date is there")?,
                valid_until: self.valid_until,
                not_automatic: self.not_automatic.is_some(),
                but_automatic_upgrades: self.but_automatic_upgrades.is_some(),
                changelogs: self.changelogs,
                snapshots: self.snapshots,
                acquire_by_hash: self.acquire_by_hash.ok_or("Acquire-By-Hash is there")?,
                architectures: self.architectures.ok_or("Architectures is there")?,
                components: self.components.ok_or("Components is there")?,
                description: self.description.unwrap_or_default(),
            },
            entries: self.entries.ok_or("SHA256 is there")?,
        })
    }
}

fn once<T>(slot: &mut Option<T>, value: Result<T, Rule>) -> Result<(), Rule> {
    if slot.is_some() {
        return Err("a field comes once");
    }
    *slot = Some(value?);
    Ok(())
}

fn suite(value: &str) -> Result<SuiteName, Rule> {
    SuiteName::parse(value).map_err(|_| "Suite and Codename are names of suites")
}

fn yes_or_no(value: &str) -> Result<bool, Rule> {
    match value {
        "yes" => Ok(true),
        "no" => Ok(false),
        _ => Err("Acquire-By-Hash is 'yes' or 'no'"),
    }
}

/// A flag that is written only when it is set.
fn yes(value: &str) -> Result<(), Rule> {
    if value == "yes" { Ok(()) } else { Err("NotAutomatic and its like are 'yes' or are left out") }
}

fn address(value: &str, word: &str) -> Result<String, Rule> {
    template(value, word).map(|()| value.to_owned())
}

fn architectures(value: &str) -> Result<Vec<Architecture>, Rule> {
    let listed = names(value, Architecture::parse)?;
    // apt would look for an index of 'all' of its own, and there is none.
    match listed.iter().any(Architecture::is_all) {
        true => Err("Architectures are concrete; 'all' is in the index of each"),
        false => Ok(listed),
    }
}

fn names<T: PartialEq, E>(value: &str, parse: fn(&str) -> Result<T, E>) -> Result<Vec<T>, Rule> {
    let mut names = Vec::new();
    for word in value.split(' ') {
        let name = parse(word).map_err(|_| "lists hold valid names with one space between them")?;
        if names.len() >= MOST_NAMES || names.contains(&name) {
            return Err("lists hold at most 256 names, each once");
        }
        names.push(name);
    }
    Ok(names)
}

/// Checks `Mon, 23 Nov 2026 03:31:39 UTC`: apt reads other zones too, but we write only this one.
fn date(value: &str) -> Result<String, Rule> {
    const RULE: Rule = "a date looks like 'Mon, 23 Nov 2026 03:31:39 UTC'";
    const FORM: &str = "%a, %d %b %Y %H:%M:%S UTC";
    let read = strtime::parse(FORM, value).and_then(|parsed| parsed.to_datetime());
    // The parser accepts other spellings too, so the date is written again and compared.
    let written = read.and_then(|read| strtime::format(FORM, read));
    if written.is_ok_and(|written| written == value) { Ok(value.to_owned()) } else { Err(RULE) }
}

fn entry(line: &str) -> Result<ReleaseEntry, Rule> {
    const RULE: Rule = "an index is ' digest size path'";
    let mut words = line.strip_prefix(' ').ok_or(RULE)?.split(' ').filter(|word| !word.is_empty());
    let (Some(digest), Some(size), Some(path), None) =
        (words.next(), words.next(), words.next(), words.next())
    else {
        return Err(RULE);
    };
    let digits = size.bytes().all(|b| b.is_ascii_digit());
    let size_bytes = size.parse().ok().filter(|_| digits).ok_or("a size is a number of bytes")?;
    let digest = digest.parse().map_err(|_| "a digest is 64 lower-case hexadecimal digits")?;
    let safe = |b: u8| b.is_ascii_alphanumeric() || b"/._+~-".contains(&b);
    let parts = path.split('/').all(|part| !part.is_empty() && !part.starts_with('.'));
    if !parts || !path.bytes().all(safe) {
        return Err("a path is relative, of letters, digits and /._+~-, and climbs nowhere");
    }
    Ok(ReleaseEntry { path: path.to_owned(), size_bytes, digest })
}

fn plain(c: char) -> bool {
    let separates = matches!(c, '\u{2028}'..='\u{202E}' | '\u{2066}'..='\u{2069}');
    !c.is_control() && !separates
}

#[cfg(test)]
mod tests;

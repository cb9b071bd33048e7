//! The Release file and what it promises of its indices.

use super::deb822::parse_stanzas;
use super::fetch::Answer;
use crate::harness::programs::program;
use std::collections::{BTreeMap, BTreeSet};

/// A file that the Release file lists.
pub struct ListedFile {
    /// Below `dists/SUITE/`.
    pub name: String,
    /// In bytes.
    pub size: u64,
    /// In lower-case hexadecimal.
    pub sha256: String,
}

impl ListedFile {
    /// Where it lies by its hash, below `dists/SUITE/`.
    pub fn by_hash(&self) -> String {
        let folder = self.name.rsplit_once('/').map_or("", |(folder, _)| folder);
        format!("{folder}/by-hash/SHA256/{}", self.sha256)
    }

    /// The file that this one is the compressed form of; `None` when it is not compressed.
    pub fn plain_name(&self) -> Option<&str> {
        self.name.strip_suffix(".gz").or_else(|| self.name.strip_suffix(".xz"))
    }
}

/// A Release file, as this checker reads it.
pub struct Release {
    pub fields: BTreeMap<String, String>,
    pub files: Vec<ListedFile>,
}

impl Release {
    /// Reads one.
    ///
    /// # Errors
    /// What cannot be read as one stanza with a list of files by SHA-256.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut stanzas = parse_stanzas(text).map_err(|fault| format!("Release: {fault}"))?;
        let (Some(mut fields), true) = (stanzas.pop(), stanzas.is_empty()) else {
            return Err("Release: it is not one stanza".to_owned());
        };
        let list = fields.remove("SHA256").ok_or("Release: it has no field SHA256")?;
        let mut files = Vec::new();
        for line in list.lines().filter(|line| !line.is_empty()) {
            let parts: Vec<_> = line.split_whitespace().collect();
            let [sha256, size, name] = parts[..] else {
                return Err(format!("Release: not a listed file: {line:?}"));
            };
            let hex = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
            let size = size.parse().map_err(|_| format!("Release: not a size: {line:?}"))?;
            if sha256.len() != 64 || !sha256.bytes().all(hex) || name.contains("..") {
                return Err(format!("Release: not a listed file: {line:?}"));
            }
            files.push(ListedFile { name: name.to_owned(), size, sha256: sha256.to_owned() });
        }
        Ok(Self { fields, files })
    }

    /// The words of a field.
    pub fn words(&self, field: &str) -> Vec<&str> {
        self.fields.get(field).map(|value| value.split_whitespace().collect()).unwrap_or_default()
    }

    /// What the Release file promises or lacks by itself.
    pub fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        for field in ["Origin", "Label", "Suite", "Codename", "Date", "Architectures", "Components"]
        {
            if self.fields.get(field).is_none_or(String::is_empty) {
                faults.push(format!("Release: field {field} is missing"));
            }
        }
        if self.fields.get("Acquire-By-Hash").map(String::as_str) != Some("yes") {
            faults.push("Release: Acquire-By-Hash is not yes".to_owned());
        }
        // apt asks by the strongest hash that is listed, and only SHA256 is served by hash.
        for field in ["MD5Sum", "SHA1", "SHA512"] {
            if self.fields.contains_key(field) {
                faults.push(format!("Release: field {field} is listed"));
            }
        }
        let names: BTreeSet<_> = self.files.iter().map(|file| file.name.as_str()).collect();
        if names.len() != self.files.len() {
            faults.push("Release: a file is listed twice".to_owned());
        }
        for component in self.words("Components") {
            for architecture in self.words("Architectures").iter().filter(|name| **name != "all") {
                // xz may follow later; plain and gz may not be missing.
                for suffix in ["", ".gz"] {
                    let name = format!("{component}/binary-{architecture}/Packages{suffix}");
                    if !names.contains(name.as_str()) {
                        faults.push(format!("Release: {name} is not listed"));
                    }
                }
            }
        }
        // Without the plain file's hash apt sees no packages and says nothing.
        let packed = self.files.iter().filter_map(ListedFile::plain_name);
        for plain in packed.filter(|plain| !names.contains(plain)) {
            faults.push(format!("Release: {plain} is listed in compressed form only"));
        }
        faults
    }

    /// Whether `Last-Modified`, where the source tells it, is another instant than `Date`: apt
    /// compares the one and asks with the other.
    pub fn date_fault(&self, in_release: &Answer) -> Option<String> {
        let modified = in_release.headers.get("last-modified")?;
        let date = self.fields.get("Date")?;
        let without_zone = |text: &str| text.rsplit_once(' ').map(|(rest, _)| rest.to_owned());
        (without_zone(modified) != without_zone(date))
            .then(|| format!("InRelease: Date is {date}, Last-Modified is {modified}"))
    }
}

/// What is wrong with a compressed index, compared with the plain one.
pub fn packing_fault(name: &str, packed: &[u8], plain: &[u8]) -> Option<String> {
    let tool = if name.ends_with(".xz") { "xz" } else { "gzip" };
    let unpacked = program(tool).args(["--decompress", "--stdout"]).input(packed).run();
    if !unpacked.succeeded() {
        return Some(format!("{name}: {tool} says {}", unpacked.stderr.trim()));
    }
    if unpacked.stdout_bytes != plain {
        return Some(format!("{name}: unpacked it differs from the plain file"));
    }
    if tool == "xz" {
        // apt reads the first stream alone, without a word about the others.
        let streams = xz_streams(packed);
        return (streams != 1).then(|| format!("{name}: it has {streams} xz streams"));
    }
    // Readers of one member stop after the first, without a word about the others.
    one_member_fault(name, packed)
}

/// Whether a gzip file has bytes behind its first member.
pub fn one_member_fault(name: &str, packed: &[u8]) -> Option<String> {
    let mut decoder = flate2::bufread::GzDecoder::new(packed);
    let read = std::io::copy(&mut decoder, &mut std::io::sink());
    let is_one = read.is_ok() && decoder.into_inner().is_empty();
    (!is_one).then(|| format!("{name}: it is not one gzip member"))
}

fn xz_streams(packed: &[u8]) -> usize {
    let dir = tempfile::tempdir().expect("a temporary directory can be made");
    let path = dir.path().join("index.xz");
    std::fs::write(&path, packed).expect("a temporary file can be written");
    let list = program("xz").args(["--robot", "--list"]).arg(path).run().expect_success();
    let totals = list.stdout.lines().find_map(|line| line.strip_prefix("totals\t"));
    let streams = totals.and_then(|line| line.split('\t').next()).and_then(|n| n.parse().ok());
    streams.expect("xz tells the number of streams")
}

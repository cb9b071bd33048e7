//! `Packages` files and the `.deb` files that they name.

use super::deb822::{Stanza, parse_stanzas};
use super::release::Release;
use crate::harness::programs::program;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;

/// What the indices say of one `.deb`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedDeb {
    /// In bytes.
    pub size: u64,
    /// In lower-case hexadecimal.
    pub sha256: String,
    /// `Package`, `Version` and `Architecture`.
    pub identity: (String, String, String),
}

const NEEDED: &[&str] =
    &["Package", "Version", "Architecture", "Maintainer", "Description", "Filename", "Size"];

/// `Package`, `Version` and `Architecture` of a stanza.
pub fn identity(stanza: &Stanza) -> (String, String, String) {
    let field = |name: &str| stanza.get(name).cloned().unwrap_or_default();
    (field("Package"), field("Version"), field("Architecture"))
}

/// Reads a `Packages` file, named as the Release file lists it.
///
/// # Errors
/// Everything that is wrong with it, a line each.
pub fn read(name: &str, bytes: &[u8], release: &Release) -> Result<Vec<Stanza>, Vec<String>> {
    let text = std::str::from_utf8(bytes).map_err(|_| vec![format!("{name}: not UTF-8")])?;
    let stanzas = parse_stanzas(text).map_err(|fault| vec![format!("{name}: {fault}")])?;
    let mut faults = Vec::new();
    let parts: Vec<_> = name.split('/').collect();
    let folder = parts.iter().rev().nth(1).copied().unwrap_or_default();
    let architecture = folder.strip_prefix("binary-").unwrap_or_default();
    if !release.words("Architectures").contains(&architecture) {
        faults.push(format!("{name}: the Release file has no architecture {architecture:?}"));
    }
    let mut seen = BTreeSet::new();
    for stanza in &stanzas {
        let identity = identity(stanza);
        let label = format!("{name}: {} {} {}", identity.0, identity.1, identity.2);
        for field in NEEDED.iter().filter(|field| !stanza.contains_key(**field)) {
            faults.push(format!("{label}: field {field} is missing"));
        }
        if identity.2 != architecture && identity.2 != "all" {
            faults.push(format!("{label}: it belongs to another architecture"));
        }
        if !seen.insert(identity) {
            faults.push(format!("{label}: it is there twice"));
        }
    }
    if faults.is_empty() { Ok(stanzas) } else { Err(faults) }
}

/// The `.deb` files that several `Packages` files name, and where these disagree.
pub fn files_named<'a>(
    indices: impl Iterator<Item = &'a [u8]>,
) -> (BTreeMap<String, NamedDeb>, Vec<String>) {
    let mut files: BTreeMap<String, NamedDeb> = BTreeMap::new();
    let mut faults = Vec::new();
    let text = |bytes| std::str::from_utf8(bytes).ok();
    // Indices that cannot be read have been reported when they were read first.
    for stanza in indices.filter_map(|bytes| parse_stanzas(text(bytes)?).ok()).flatten() {
        let field = |name: &str| stanza.get(name).cloned().unwrap_or_default();
        let path = field("Filename");
        let Ok(size) = field("Size").parse() else {
            faults.push(format!("{path}: not a size: {:?}", field("Size")));
            continue;
        };
        let odd = |part: &str| part.is_empty() || part == "." || part == "..";
        if path.split('/').any(odd) {
            faults.push(format!("{:?}: not a clean path to a package", path));
            continue;
        }
        let deb = NamedDeb { size, sha256: field("SHA256"), identity: identity(&stanza) };
        let known = files.entry(path.clone()).or_insert_with(|| deb.clone());
        if *known != deb {
            faults.push(format!("{path}: two stanzas disagree about it"));
        }
    }
    (files, faults)
}

impl NamedDeb {
    /// What dpkg reads in the file, whose bytes these are, other than what the index says of it.
    pub fn fault_inside(&self, path: &str, bytes: &[u8]) -> Option<String> {
        let held = match self.read_by_dpkg(bytes) {
            Ok(held) => held,
            Err(fault) => return Some(format!("{path}: {fault}")),
        };
        (held != self.identity)
            .then(|| format!("{path}: it holds {held:?}, not {:?}", self.identity))
    }

    /// What dpkg reads in these bytes: once for each digest, as tests look at the same packages many times.
    fn read_by_dpkg(&self, bytes: &[u8]) -> Read {
        static READ: Mutex<BTreeMap<String, Read>> = Mutex::new(BTreeMap::new());
        let known = READ.lock().unwrap().get(&self.sha256).cloned();
        known.unwrap_or_else(|| {
            let read = read_by_dpkg(bytes);
            READ.lock().unwrap().insert(self.sha256.clone(), read.clone());
            read
        })
    }
}

/// `Package`, `Version` and `Architecture`, or what is wrong.
type Read = Result<(String, String, String), String>;

fn read_by_dpkg(bytes: &[u8]) -> Read {
    let dir = tempfile::tempdir().expect("a temporary directory can be made");
    let file = dir.path().join("package.deb");
    std::fs::write(&file, bytes).expect("a temporary file can be written");
    let fields = ["Package", "Version", "Architecture"];
    let shown = program("dpkg-deb").arg("--field").arg(&file).args(fields).run();
    if !shown.succeeded() {
        return Err(format!("dpkg-deb says {}", shown.stderr.trim()));
    }
    Ok(identity(&parse_stanzas(&shown.stdout)?.into_iter().next().unwrap_or_default()))
}

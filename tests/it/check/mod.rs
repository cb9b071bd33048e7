//! The independent checker: walks everything that a suite names and says whether it is whole. It
//! shares nothing with the product: its own parsers, and Debian's programs for everything else.

pub mod deb822;
pub mod fetch;
mod packages;
mod patches;
mod release;
mod signatures;
mod translations;

use fetch::{Answer, Source};
use release::{ListedFile, Release};
use sha2::{Digest as _, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::Path;
use std::slice::from_ref;

/// What was found whole.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// The fields of the Release file, less its lists of files.
    pub release: BTreeMap<String, String>,
    /// `Packages` files that the Release file lists, in every encoding.
    pub indices: usize,
    /// The other files that it lists.
    pub beside: BTreeSet<String>,
    /// The digests of earlier `Packages` files that patches lead from.
    pub patched: Vec<String>,
    /// Stanzas in all `Packages` files.
    pub stanzas: usize,
    /// `.deb` files, each fetched once.
    pub debs: usize,
    /// Bytes of all of these files.
    pub bytes: u64,
    /// Every package that is listed: name, version and architecture of the package itself.
    pub packages: BTreeSet<(String, String, String)>,
}

impl Report {
    /// The versions of a package that are listed.
    pub fn versions(&self, package: &str) -> Vec<&str> {
        let of_package = self.packages.iter().filter(|(name, _, _)| name == package);
        of_package.map(|(_, version, _)| version.as_str()).collect()
    }
}

/// Everything that was found wrong.
#[derive(Clone, Default)]
pub struct Faults(pub Vec<String>);

impl Faults {
    /// Whether one of them says `text`.
    pub fn say(&self, text: &str) -> bool {
        self.0.iter().any(|fault| fault.contains(text))
    }
}

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} faults", self.0.len())?;
        self.0.iter().take(40).try_for_each(|fault| write!(f, "\n  {fault}"))
    }
}

// What `unwrap` prints.
impl fmt::Debug for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Checks one suite of a source, signed by the public key in `key` (armored or not).
///
/// The suite may be published to meanwhile: what a newer generation replaces under its plain name
/// is then looked at again, but whatever is named by its hash must be there at once and for good.
///
/// # Errors
/// Everything that is wrong, a line each.
pub fn check_suite(source: &dyn Source, suite: &str, key: &Path) -> Result<Report, Faults> {
    let mut lasting = Vec::new();
    for _ in 0..20 {
        let mut walk = Walk::new(source, suite);
        let report = walk.run(key);
        lasting.append(&mut walk.lasting);
        let moved = !walk.fleeting.is_empty() && walk.has_moved();
        if !moved {
            lasting.extend(walk.fleeting);
        }
        if !lasting.is_empty() || !moved {
            return if lasting.is_empty() { Ok(report) } else { Err(Faults(lasting)) };
        }
    }
    Err(Faults(vec![format!("{suite} moved on twenty times while it was looked at")]))
}

/// Checks the patches of a suite and nothing else; gives the digests that they lead from.
///
/// # Errors
/// Everything that is wrong with them, a line each.
pub fn check_patches(source: &dyn Source, suite: &str) -> Result<Vec<String>, Faults> {
    let base = format!("dists/{suite}");
    let text = |name: &str| source.fetch(&[format!("{base}/{name}")]).remove(0).body;
    let release = String::from_utf8_lossy(&text("Release")).into_owned();
    let release = Release::parse(&release).map_err(|fault| Faults(vec![fault]))?;
    let mut from = Vec::new();
    for file in &release.files {
        let Some(of) = file.name.strip_suffix(".diff/Index") else { continue };
        let found = patches::check(source, &base, &file.name, &text(&file.name), &text(of));
        from.extend(found.map_err(Faults)?);
    }
    Ok(from)
}

/// One pass over a suite.
struct Walk<'a> {
    source: &'a dyn Source,
    base: String,
    in_release: Vec<u8>,
    /// Faults that a publish in between can explain.
    fleeting: Vec<String>,
    /// Faults that nothing explains.
    lasting: Vec<String>,
}

impl<'a> Walk<'a> {
    fn new(source: &'a dyn Source, suite: &str) -> Self {
        let base = format!("dists/{suite}");
        Self { source, base, in_release: vec![], fleeting: vec![], lasting: vec![] }
    }

    fn run(&mut self, key: &Path) -> Report {
        let mut report = Report::default();
        let Some(release) = self.signed_release(key) else { return report };
        report.release = release.fields.clone();
        self.lasting.extend(release.faults());
        let plain = self.indices(&release, &mut report);
        for (file, bytes) in &plain {
            if file.name.ends_with("/Packages") {
                self.packages(&release, file, bytes, &mut report);
            }
        }
        self.lasting.extend(translations::faults(&plain));
        self.patches(&mut report, &plain);
        self.debs(&mut report, &plain);
        report
    }

    /// Whether another InRelease is served than the one this walk began with.
    fn has_moved(&self) -> bool {
        let answers = self.source.fetch(&[format!("{}/InRelease", self.base)]);
        answers.iter().any(|answer| answer.status == 200 && answer.body != self.in_release)
    }

    /// Fetches the three signed files, and gives the Release file when it can be trusted.
    fn signed_release(&mut self, key: &Path) -> Option<Release> {
        let names = ["InRelease", "Release", "Release.gpg"];
        let paths = names.map(|name| format!("{}/{name}", self.base));
        // One after the other, as apt does: the server gives the Release.gpg of the Release before it.
        let answers: Vec<_> =
            paths.iter().flat_map(|one| self.source.fetch(from_ref(one))).collect();
        for (path, answer) in paths.iter().zip(&answers) {
            self.lasting.extend(fault_of_answer(path, answer));
        }
        let [in_release, release, release_gpg] = answers.try_into().expect("three were asked");
        if !self.lasting.is_empty() {
            return None;
        }
        self.in_release.clone_from(&in_release.body);
        let parts = match signatures::take_apart(&in_release.body) {
            Ok(parts) => parts,
            Err(fault) => {
                self.lasting.push(fault);
                return None;
            }
        };
        if parts.text.as_bytes() != release.body {
            self.fleeting.push("InRelease and Release say different things".to_owned());
        }
        let verdict =
            signatures::verify(&in_release.body, &parts, &release.body, &release_gpg.body, key);
        for fault in verdict.err().unwrap_or_default() {
            let of_pair = fault.contains("Release.gpg");
            if of_pair { &mut self.fleeting } else { &mut self.lasting }.push(fault);
        }
        match Release::parse(&parts.text) {
            Ok(parsed) => {
                self.fleeting.extend(parsed.date_fault(&in_release));
                Some(parsed)
            }
            Err(fault) => {
                self.lasting.push(fault);
                None
            }
        }
    }

    /// Fetches every listed file by name and by hash, and gives those that are not compressed.
    fn indices<'r>(
        &mut self,
        release: &'r Release,
        report: &mut Report,
    ) -> Vec<(&'r ListedFile, Vec<u8>)> {
        let path = |below: &str| format!("{}/{below}", self.base);
        let names: Vec<_> = release.files.iter().map(|file| path(&file.name)).collect();
        let hashes: Vec<_> = release.files.iter().map(|file| path(&file.by_hash())).collect();
        let by_name = self.source.fetch(&names);
        let by_hash = self.source.fetch(&hashes);
        let mut bytes_of = BTreeMap::new();
        for (n, file) in release.files.iter().enumerate() {
            self.fleeting.extend(fault_of_body(&names[n], &by_name[n], file.size, &file.sha256));
            let fault = fault_of_body(&hashes[n], &by_hash[n], file.size, &file.sha256);
            report.bytes += file.size;
            match fault {
                Some(fault) => self.lasting.push(fault),
                None => drop(bytes_of.insert(file.name.as_str(), by_hash[n].body.clone())),
            }
        }
        let is_packages =
            |name: &str| name.rsplit('/').next().is_some_and(|name| name.starts_with("Packages"));
        let (indices, beside): (Vec<_>, Vec<_>) =
            release.files.iter().map(|file| file.name.clone()).partition(|name| is_packages(name));
        report.indices = indices.len();
        report.beside = beside.into_iter().collect();
        for file in &release.files {
            let plain = file.plain_name().and_then(|name| bytes_of.get(name));
            if let (Some(packed), Some(plain)) = (bytes_of.get(file.name.as_str()), plain) {
                self.lasting.extend(release::packing_fault(&file.name, packed, plain));
            }
        }
        let plain = release.files.iter().filter(|file| file.plain_name().is_none());
        plain.filter_map(|file| Some((file, bytes_of.remove(file.name.as_str())?))).collect()
    }

    fn packages(
        &mut self,
        release: &Release,
        file: &ListedFile,
        bytes: &[u8],
        report: &mut Report,
    ) {
        match packages::read(&file.name, bytes, release) {
            Ok(stanzas) => {
                report.stanzas += stanzas.len();
                // What is for the installer is not listed to hosts.
                if !file.name.contains("/debian-installer/") {
                    report.packages.extend(stanzas.iter().map(packages::identity));
                }
            }
            Err(faults) => self.lasting.extend(faults),
        }
    }

    fn patches(&mut self, report: &mut Report, plain: &[(&ListedFile, Vec<u8>)]) {
        for (file, text) in plain {
            let Some(of) = file.name.strip_suffix(".diff/Index") else { continue };
            let live = plain.iter().find(|(file, _)| file.name == of);
            let live = live.map_or(&[][..], |(_, bytes)| bytes);
            match patches::check(self.source, &self.base, &file.name, text, live) {
                Ok(from) => report.patched.extend(from),
                Err(faults) => self.lasting.extend(faults),
            }
        }
    }

    /// Fetches every `.deb` that is named, each once, and looks into it.
    fn debs(&mut self, report: &mut Report, plain: &[(&ListedFile, Vec<u8>)]) {
        let named = plain.iter().filter(|(file, _)| file.name.ends_with("/Packages"));
        let (files, faults) = packages::files_named(named.map(|(_, bytes)| bytes.as_slice()));
        self.lasting.extend(faults);
        let files: Vec<_> = files.into_iter().collect();
        for some in files.chunks(100) {
            let paths: Vec<_> = some.iter().map(|(path, _)| path.clone()).collect();
            for ((path, file), answer) in some.iter().zip(self.source.fetch(&paths)) {
                report.bytes += file.size;
                report.debs += 1;
                match fault_of_body(path, &answer, file.size, &file.sha256) {
                    Some(fault) => self.lasting.push(fault),
                    None => self.lasting.extend(file.fault_inside(path, &answer.body)),
                }
            }
        }
    }
}

/// What is wrong with an answer, whatever its body should be.
fn fault_of_answer(path: &str, answer: &Answer) -> Option<String> {
    if answer.status != 200 {
        let why = answer.headers.get("curl-says").map_or("", String::as_str);
        return Some(format!("{path}: status {} {why}", answer.status).trim_end().to_owned());
    }
    // apt does not undo it: it takes the encoded bytes for the file.
    let encoding = answer.headers.get("content-encoding")?;
    Some(format!("{path}: sent with Content-Encoding {encoding}"))
}

/// What is wrong with an answer that should be a file of that size and digest.
fn fault_of_body(path: &str, answer: &Answer, size: u64, sha256: &str) -> Option<String> {
    if let Some(fault) = fault_of_answer(path, answer) {
        return Some(fault);
    }
    let got = answer.body.len() as u64;
    if got != size {
        return Some(format!("{path}: {got} bytes where {size} are announced"));
    }
    let digest = hex::encode(Sha256::digest(&answer.body));
    (digest != sha256).then(|| format!("{path}: SHA-256 is {digest}, announced was {sha256}"))
}

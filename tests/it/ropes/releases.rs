//! What the signed texts of a history list, fetched by hash and held against a render from scratch.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use repod::domain::Package;
use sha2::{Digest as _, Sha256};

use super::decoders::Files;
use super::fabric::{Fabric, paths, section};
use super::history::{Generation, History, Members};
use crate::crash::house::House;
use crate::crash::signed::Keyring;

/// A Release file as this test reads it.
pub struct Release {
    fields: BTreeMap<String, String>,
    /// Path, size, SHA-256.
    files: Vec<(String, u64, String)>,
}

impl Release {
    pub fn parse(in_release: &[u8]) -> Self {
        let text = String::from_utf8(in_release.to_vec()).unwrap();
        let (mut fields, mut files) = (BTreeMap::new(), Vec::new());
        let lines = text.lines().take_while(|line| *line != "-----BEGIN PGP SIGNATURE-----");
        for line in lines {
            if let Some(listed) = line.strip_prefix(' ') {
                let words: Vec<_> = listed.split_whitespace().collect();
                files.push((words[2].to_owned(), words[1].parse().unwrap(), words[0].to_owned()));
            } else if let Some((name, value)) = line.split_once(": ") {
                fields.insert(name.to_owned(), value.to_owned());
            }
        }
        Self { fields, files }
    }

    /// The words of a field.
    pub fn words(&self, field: &str) -> Vec<String> {
        self.fields[field].split(' ').map(str::to_owned).collect()
    }

    /// The components and architectures whose indices it must list.
    pub fn places(&self) -> Vec<(String, String)> {
        let architectures = self.words("Architectures");
        let of = |component: String| {
            architectures.clone().into_iter().map(move |one| (component.clone(), one))
        };
        self.words("Components").into_iter().flat_map(of).collect()
    }

    fn lists(&self, path: &str) -> bool {
        self.find(path).is_some()
    }

    fn find(&self, path: &str) -> Option<&(String, u64, String)> {
        self.files.iter().find(|(listed, _, _)| listed == path)
    }
}

/// What the index of an architecture lists: its own packages and those of `all`, by name and version; of all
/// that both have of a name, the highest.
pub fn listing<'g>(
    generation: &'g Generation,
    component: &str,
    architecture: &str,
) -> Vec<&'g Arc<Package>> {
    let mut named: BTreeMap<&str, Vec<&Arc<Package>>> = BTreeMap::new();
    for (((of, name, built_for), _), package) in &generation.members {
        if of.as_str() == component && [architecture, "all"].contains(&built_for.as_str()) {
            named.entry(name.as_str()).or_default().push(package);
        }
    }
    for versions in named.values_mut() {
        versions.sort_by(|a, b| a.version.compare(&b.version));
        versions.drain(..versions.len().saturating_sub(generation.limit));
    }
    named.into_values().flatten().collect()
}

/// The same as the text of an index: what was listed later stands behind, what was listed at once by name.
fn render(
    house: &House<'_>,
    fabric: &mut Fabric,
    generation: &Generation,
    place: (&str, &str),
) -> Vec<u8> {
    let mut listed = listing(generation, place.0, place.1);
    let stanza = |package: &Arc<Package>| {
        let stanza = fabric.stanza(house, &package.digest);
        match generation.translations {
            true => {
                let (head, description) = described(stanza);
                let first = description.lines().next().unwrap();
                let md5 = md5_of(description);
                format!("{head}Description: {first}\nDescription-md5: {md5}\n\n")
            }
            false => stanza.to_owned(),
        }
    };
    let since = |package: &Arc<Package>| {
        let component = place.0.parse().unwrap();
        let place = (component, package.name.clone(), package.architecture.clone());
        generation.since[&(place, package.version.clone())]
    };
    listed.sort_by_key(|package| since(package));
    listed.into_iter().map(stanza).collect::<String>().into_bytes()
}

/// What stands before the last field of a stanza, and that field, which is its description.
fn described(stanza: &str) -> (&str, &str) {
    let (head, description) = stanza.trim_end().split_once("\nDescription: ").unwrap();
    (&stanza[..=head.len()], description)
}

fn md5_of(description: &str) -> String {
    repod::digest::Md5::of(format!("{description}\n").as_bytes()).to_string()
}

/// The `Translation-en` of a component: each description of each package once, by name and MD5.
fn render_translation(
    house: &House<'_>,
    fabric: &mut Fabric,
    members: &Members,
    component: &str,
) -> Vec<u8> {
    let mut texts = BTreeMap::new();
    for (((of, name, _), _), package) in members {
        if of.as_str() == component {
            let (_, description) = described(fabric.stanza(house, &package.digest));
            texts.insert((name.to_string(), md5_of(description)), description.to_owned());
        }
    }
    let stanza = |((name, md5), text): (&(String, String), &String)| {
        format!("Package: {name}\nDescription-md5: {md5}\nDescription-en: {text}\n\n")
    };
    texts.iter().map(stanza).collect::<String>().into_bytes()
}

/// The `Contents` of an architecture: each path once, and the packages that hold it.
fn render_contents(generation: &Generation, component: &str, architecture: &str) -> Vec<u8> {
    let mut lines = BTreeMap::<String, BTreeSet<String>>::new();
    for package in listing(generation, component, architecture) {
        let (name, section) = (&package.name, section(package.version.as_str()));
        for path in paths(name.as_str(), package.version.as_str()) {
            lines.entry(path).or_default().insert(format!("{section}/{name}"));
        }
    }
    let line = |(path, locations): (String, BTreeSet<String>)| {
        let locations: Vec<_> = locations.into_iter().collect();
        format!("{path} {}\n", locations.join(","))
    };
    lines.into_iter().map(line).collect::<String>().into_bytes()
}

/// How many stanzas its indices have together.
fn stanzas(generation: &Generation, release: &Release) -> usize {
    let places = release.places();
    let listed = |(component, architecture): &(String, String)| {
        listing(generation, component, architecture).len()
    };
    places.iter().map(listed).sum()
}

fn contents_of(component: &str, architecture: &str, suffix: &str) -> String {
    format!("{component}/Contents-{architecture}{suffix}")
}

fn sha256(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

fn path_of(component: &str, architecture: &str, suffix: &str) -> String {
    format!("{component}/binary-{architecture}/Packages{suffix}")
}

fn translation_of(component: &str, suffix: &str) -> String {
    format!("{component}/i18n/Translation-en{suffix}")
}

/// Checks every signed text of every generation, and gives its compressed files to `files`. Tells how
/// many chunks the largest xz file had, and how many patches there were at the end.
pub fn check(
    house: &House<'_>,
    fabric: &mut Fabric,
    history: &History,
    files: &mut Files,
) -> (usize, usize) {
    quiet(house, history);
    let suite = &history.suite;
    let mut check = Check { house, fabric, history, files, seen: HashSet::new(), chunks: 0 };
    for generation in &history.generations {
        let number = generation.number;
        let snapshot = house.served(&format!("snapshot/{number}/dists/{suite}/InRelease"));
        let snapshot = snapshot.unwrap_or_else(|error| panic!("history {}: {error}", history.seed));
        check.release(generation, &Release::parse(&generation.head));
        check.release(generation, &Release::parse(&snapshot.body));
    }
    let last = house.in_release(suite.as_str()).unwrap();
    let release = Release::parse(&last);
    check.release(history.last(), &release);
    let mut patches = 0;
    if history.beside {
        // Patches too, which are no files of their own here: the checker applies every one of them.
        let report = house.check(suite.as_str());
        assert_eq!(report.stanzas, stanzas(history.last(), &release));
        patches = report.patched.len();
    }
    let keyring = Keyring::read(&house.ground.key());
    keyring.expect_in_release(&last);
    (check.chunks, patches)
}

/// Waits until the last head lists every encoding, and Contents of what is live: some may follow a moment
/// after the generation.
pub fn quiet(house: &House<'_>, history: &History) {
    let begun = Instant::now();
    loop {
        let release = Release::parse(&house.in_release(history.suite.as_str()).unwrap());
        let whole = release.places().iter().all(|(component, architecture)| {
            ["", ".gz", ".xz"]
                .iter()
                .all(|end| release.lists(&path_of(component, architecture, end)))
        });
        let xz = |component: &String| release.lists(&translation_of(component, ".xz"));
        let whole =
            whole && (!history.last().translations || release.words("Components").iter().all(xz));
        let held = |(component, architecture): &(String, String)| {
            let afresh = render_contents(history.last(), component, architecture);
            let listed = release.find(&contents_of(component, architecture, ""));
            match afresh.is_empty() {
                true => listed.is_none(),
                false => listed.is_some_and(|(_, _, digest)| *digest == sha256(&afresh)),
            }
        };
        if whole && (!history.beside || release.places().iter().all(held)) {
            return;
        }
        let waited = begun.elapsed() < Duration::from_secs(60);
        assert!(waited, "history {}: not every encoding is listed", history.seed);
        // Another head needs another second.
        house.clock.advance(1);
        std::thread::sleep(Duration::from_millis(5));
    }
}

struct Check<'c, 'g> {
    house: &'c House<'g>,
    fabric: &'c mut Fabric,
    history: &'c History,
    files: &'c mut Files,
    /// Files that were fetched: directory and digest.
    seen: HashSet<(String, String)>,
    chunks: usize,
}

impl Check<'_, '_> {
    /// Every file that a Release lists is the one that a simple renderer writes.
    fn release(&mut self, generation: &Generation, release: &Release) {
        let what = format!("history {}, generation {}", self.history.seed, generation.number);
        let mut checked = 0;
        for (component, architecture) in release.places() {
            let place = (component.as_str(), architecture.as_str());
            let plain = render(self.house, self.fabric, generation, place);
            let plain = Arc::new(plain);
            for suffix in ["", ".gz"] {
                let path = path_of(&component, &architecture, suffix);
                assert!(release.lists(&path), "{what}: {path} is not listed");
            }
            for suffix in ["", ".gz", ".xz"] {
                let path = path_of(&component, &architecture, suffix);
                let listed = release.files.iter().find(|(listed, _, _)| *listed == path);
                let Some((_, size, digest)) = listed else { continue };
                self.file(&what, &path, *size, digest, &plain);
                checked += 1;
            }
        }
        self.translations(&what, generation, release);
        self.contents(&what, generation, release);
        // Whatever else is listed is there as it is announced.
        for (path, size, digest) in &release.files {
            let compared = ["/Packages", "/Translation-en", "/Contents-"];
            if path.contains(".diff/") || !compared.iter().any(|name| path.contains(name)) {
                self.fetch(&what, path, *size, digest);
            }
        }
        assert!(checked >= 2, "{what}");
    }

    /// What the `Packages` of the same Release refer to is there, and nothing of it when they do not.
    fn translations(&mut self, what: &str, generation: &Generation, release: &Release) {
        for component in release.words("Components") {
            let members = &generation.members;
            let plain = render_translation(self.house, self.fabric, members, &component);
            let plain = Arc::new(plain);
            for suffix in ["", ".gz", ".xz"] {
                let path = translation_of(&component, suffix);
                let listed = release.files.iter().find(|(listed, _, _)| *listed == path);
                let expected = generation.translations.then_some(suffix != ".xz");
                match expected {
                    Some(needed) => assert!(listed.is_some() || !needed, "{what}: {path}"),
                    None => assert!(listed.is_none(), "{what}: {path} is listed"),
                }
                let Some((_, size, digest)) = listed else { continue };
                self.file(what, &path, *size, digest, &plain);
            }
        }
    }

    /// `Contents` may lag: they are those of this generation or of an earlier one, all encodings alike.
    fn contents(&mut self, what: &str, generation: &Generation, release: &Release) {
        for (component, architecture) in release.places() {
            let path = contents_of(&component, &architecture, "");
            let Some((_, size, digest)) = release.find(&path) else { continue };
            assert!(self.history.beside, "{what}: {path} is listed");
            let upto =
                self.history.generations.iter().filter(|one| one.number <= generation.number);
            let mut made = upto.map(|of| render_contents(of, &component, &architecture));
            let plain = made.find(|plain| sha256(plain) == *digest);
            let plain = plain.unwrap_or_else(|| panic!("{what}: {path} is of no generation"));
            let plain = Arc::new(plain);
            self.file(what, &path, *size, digest, &plain);
            for suffix in [".gz", ".xz"] {
                let path = contents_of(&component, &architecture, suffix);
                if let Some((_, size, digest)) = release.find(&path) {
                    self.file(what, &path, *size, digest, &plain);
                }
            }
        }
    }

    fn file(&mut self, what: &str, path: &str, size: u64, digest: &str, plain: &Arc<Vec<u8>>) {
        if path.ends_with("/Packages") || path.ends_with("/Translation-en") {
            let rendered = hex::encode(Sha256::digest(plain.as_slice()));
            assert_eq!((size, digest), (plain.len() as u64, rendered.as_str()), "{what}: {path}");
        }
        // The same file may stand for another generation; then it unpacks to the same bytes.
        self.files.expect(what, digest, plain);
        let Some(bytes) = self.fetch(what, path, size, digest) else { return };
        match path.rsplit_once('.').map(|(_, end)| end) {
            Some("gz") => self.files.add("gz", digest, &bytes, plain),
            Some("xz") => {
                self.chunks = self.chunks.max(blocks(&bytes));
                self.files.add("xz", digest, &bytes, plain);
            }
            _ => assert!(bytes == **plain, "{what}: {path}"),
        }
    }

    /// The bytes of a file by its hash, the first time it is asked for.
    fn fetch(&mut self, what: &str, path: &str, size: u64, digest: &str) -> Option<Vec<u8>> {
        let directory = path.rsplit_once('/').map_or("", |(directory, _)| directory);
        if !self.seen.insert((directory.to_owned(), digest.to_owned())) {
            return None;
        }
        let suite = &self.history.suite;
        let by_hash = format!("dists/{suite}/{directory}/by-hash/SHA256/{digest}");
        let answer = self.house.served(&by_hash);
        let bytes = answer.unwrap_or_else(|error| panic!("{what}: {path}: {error}")).body;
        let found = (bytes.len() as u64, hex::encode(Sha256::digest(&bytes)));
        assert_eq!(found, (size, digest.to_owned()), "{what}: {path}");
        Some(bytes)
    }
}

/// How many blocks an xz file has. Source: the .xz file format, sections 2.1.2 and 4.
fn blocks(xz: &[u8]) -> usize {
    let footer = &xz[xz.len() - 12..];
    let units = u32::from_le_bytes(footer[4..8].try_into().unwrap()) as usize;
    let index = &xz[xz.len() - 12 - (units + 1) * 4..];
    assert_eq!(index[0], 0, "an index begins with 0");
    assert!(index[1] < 128, "fewer than 128 blocks");
    usize::from(index[1])
}

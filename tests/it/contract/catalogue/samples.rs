//! Packages, suites and publications to record.

use std::sync::Arc;

use repod::catalogue::{Catalogue, CertificateRecord};
use repod::debian::{Component, PackageKind, PackageName, SuiteName};
use repod::digest::Digest;
use repod::domain::{
    Acceptance, Actor, Encoding, Event, GenerationRecord, Grant, Head, Identity, IndexFile,
    NewGeneration, Package, Pin, PinKind, PinTarget, Publication, Role, StoredBlock, StoredChunk,
    StoredMember, StoredRun, SuiteScope, SuiteSpec, Text,
};
use repod::time::Moment;

pub fn name(text: &str) -> PackageName {
    PackageName::parse(text).unwrap()
}

pub fn suite(text: &str) -> SuiteName {
    SuiteName::parse(text).unwrap()
}

pub fn component(text: &str) -> Component {
    Component::parse(text).unwrap()
}

pub fn identity(text: &str) -> Identity {
    Identity::parse(text).unwrap()
}

pub fn spec(name: &str) -> SuiteSpec {
    let text = format!(
        r#"{{"name": "{name}", "origin": "Example", "label": "Example 'ü' \"x\"",
            "components": ["main", "contrib"], "architectures": ["amd64", "arm64"],
            "valid_seconds": 604800}}"#
    );
    serde_json::from_str(&text).unwrap()
}

/// What is named so is for the installer.
fn kind_of(package: &str) -> PackageKind {
    if package.ends_with("-udeb") { PackageKind::Udeb } else { PackageKind::Deb }
}

/// What a package's bytes would be: a function of all that tells it apart.
pub fn package(package: &str, version: &str, architecture: &str) -> Package {
    package_of(package, version, architecture, b"")
}

pub fn package_of(package: &str, version: &str, architecture: &str, bytes: &[u8]) -> Package {
    let told = [package.as_bytes(), b"_", version.as_bytes(), b"_", architecture.as_bytes(), bytes];
    let digest = Digest::of(&told.concat());
    let stanza = stanza_of(&digest);
    Package {
        digest,
        name: name(package),
        version: version.parse().unwrap(),
        architecture: architecture.parse().unwrap(),
        source: name(package.trim_end_matches("-bin")),
        source_version: version.parse().unwrap(),
        size_bytes: 5_000_000_000,
        stanza_bytes: stanza.len() as u32,
        stanza_digest: Digest::of(stanza.as_bytes()),
        kind: kind_of(package),
        // The installer's packages have none.
        text: (kind_of(package) == PackageKind::Deb).then(|| Text::of_stanza(&stanza)).flatten(),
    }
}

pub fn stanza_of(digest: &Digest) -> String {
    format!("SHA256: {digest}\nDescription: '); DROP TABLE package; -- $1 ü\n\n")
}

pub fn record(catalogue: &dyn Catalogue, package: &Package) {
    let by = identity("ci.example");
    catalogue.record_package(package, &stanza_of(&package.digest), &by, Moment(100)).unwrap();
}

/// A head of a generation, dated as given.
pub fn head(generation: u64, date: i64) -> Head {
    Head {
        generation,
        rings: Vec::new(),
        date: Moment(date),
        valid_until: Moment(date + 604_800),
        release: format!("Date: {date}\n"),
        release_gpg: format!("signature {date}\n"),
        in_release: format!("signed {date}\n"),
    }
}

/// A publication that changes nothing.
pub fn nothing(name: &str) -> Publication {
    Publication {
        alias_from: None,
        suite: suite(name),
        accepted: Vec::new(),
        pinned: Vec::new(),
        unpinned: Vec::new(),
        withdrawn: Vec::new(),
        restored: Vec::new(),
        hold: None,
        held_back: Vec::new(),
        rollouts: Vec::new(),
        yanks: Vec::new(),
        spec: None,
        generation: None,
        events: Vec::new(),
        sliced: 0,
    }
}

/// Something that was done, by whom and when.
pub fn event(by: &str, at: i64) -> Event {
    let actor = Actor { identity: by.into(), serial: "1a".into() };
    Event::done(actor, "test", Moment(at)).with("'); DROP TABLE audit; -- $1 ü")
}

pub fn acceptance(place: &str, package: &Package) -> Acceptance {
    Acceptance {
        component: component(place),
        digest: package.digest,
        author: identity("ci.example"),
        at: Moment(500),
    }
}

/// Generation `number` of a suite, dated 1000 seconds after the last, in which `entered` come into
/// `main`, taken as they come, and `left` go.
pub fn generation(name: &str, number: u64, entered: &[&Package], left: &[&Package]) -> Publication {
    let main = component("main");
    let at = 1_000 * number as i64;
    let record = GenerationRecord {
        generation: number,
        at: Moment(at),
        authors: vec![identity("ci.example"), identity("ops.example")],
        message: format!("number {number}\nand more"),
        same_as: number.checked_sub(2).filter(|n| *n > 0),
        entered: entered.len() as u64,
        left: left.len() as u64,
        dropped: None,
    };
    let new = NewGeneration {
        record,
        entered: entered.iter().map(|package| (main.clone(), package.digest)).collect(),
        left: left.iter().map(|package| (main.clone(), package.digest)).collect(),
        chunks: Vec::new(),
        rings: Vec::new(),
        indices: Vec::new(),
        head: head(number, at),
    };
    let accepted = entered.iter().map(|package| acceptance("main", package)).collect();
    Publication { accepted, generation: Some(new), ..nothing(name) }
}

pub fn chunk(text: &str) -> StoredChunk {
    StoredChunk {
        key: Digest::of(text.as_bytes()),
        pack: Digest::of(b"pack"),
        plain_offset: Some(1 << 33),
        plain_bytes: text.len() as u32,
        plain_lines: 3,
        member: Some(StoredMember { offset: 1 << 34, bytes: 20 }),
        run: Some(run(1 << 36)),
        xz: Some(block(1 << 35)),
    }
}

pub fn run(offset: u64) -> StoredRun {
    StoredRun { pack: Digest::of(b"pack of runs"), offset, bytes: 17, crc32: u32::MAX }
}

pub fn block(offset: u64) -> StoredBlock {
    StoredBlock { pack: Digest::of(b"pack of blocks"), offset, bytes: 24, unpadded_bytes: 23 }
}

/// One index in all its encodings, made of the chunks of these texts.
pub fn index(directory: &str, texts: &[&str]) -> Vec<IndexFile> {
    let chunks: Arc<[Digest]> = texts.iter().map(|text| chunk(text).key).collect();
    let of = |encoding: Encoding| {
        let suffix = encoding.suffix();
        IndexFile {
            path: format!("{directory}/Packages{suffix}"),
            encoding,
            size_bytes: texts.concat().len() as u64,
            digest: Digest::of(format!("{}{suffix}", texts.concat()).as_bytes()),
            chunks: chunks.clone(),
            listed: true,
            made_of: None,
        }
    };
    Encoding::ALL.into_iter().map(of).collect()
}

pub fn target(kind: PinKind, package: &str) -> PinTarget {
    PinTarget { kind, name: name(package) }
}

pub fn pin(target: PinTarget, version: Option<&str>) -> Pin {
    Pin {
        target,
        version: version.map(|version| version.parse().unwrap()),
        author: identity("ops.example"),
        message: "it's broken\n".into(),
        at: Moment(700),
        until: version.map(|_| Moment(900)),
    }
}

pub fn grant(to: &str, role: Role, suites: &[&str]) -> Grant {
    let suites = match suites {
        [] => SuiteScope::All,
        some => SuiteScope::Named(some.iter().map(|name| suite(name)).collect()),
    };
    Grant::whole(identity(to), role, suites)
}

pub fn certificate(serial: &str, of: &str, issued_at: i64) -> CertificateRecord {
    CertificateRecord {
        serial: serial.into(),
        identity: identity(of),
        issued_at: Moment(issued_at),
        issued_by: identity("ops.example"),
        not_after: Moment(issued_at + 1_000),
        revoked_at: None,
        reason: String::new(),
    }
}

//! What histories are made of: packages that are the same wherever they are named, sent once to each
//! repository.

use std::collections::HashMap;

use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use repod::digest::Digest;
use repod::domain::Change;

use crate::crash::house::House;
use crate::harness::deb::DebBuilder;

/// Versions for packages of an architecture, and for those of `all`: never the same, so that one of the
/// two is the higher.
const VERSIONS: [[&str; 4]; 2] =
    [["1.0-1", "1.2", "2.0~rc1", "2:0.5"], ["1.1", "1.3", "2.0", "2:0.6"]];

/// A package by what it is called.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Key {
    /// Names that differ in their last bit have one source.
    pub number: usize,
    pub version: usize,
    pub architecture: &'static str,
    /// Whether it has a description of several thousand characters.
    pub long: bool,
}

impl Key {
    pub fn name(&self) -> String {
        name(self.number, self.long)
    }

    pub fn version(&self) -> &'static str {
        VERSIONS[usize::from(self.architecture == "all")][self.version]
    }

    pub fn build(&self) -> Vec<u8> {
        let mut seed = [0; 32];
        // Of every other name, two versions and all architectures share a description.
        let (version, architecture) = match self.number % 2 {
            0 => (self.version / 2, ""),
            _ => (self.version, self.architecture),
        };
        let text = format!("{:04}{version}{:02}{architecture}", self.number, u8::from(self.long));
        seed[..text.len()].copy_from_slice(text.as_bytes());
        let mut random = StdRng::from_seed(seed);
        let words = if self.long { random.gen_range(700..900) } else { random.gen_range(0..40) };
        let mut description = String::from("made for a history");
        for word in 0..words {
            description.push_str(if word % 6 == 0 { "\n " } else { " " });
            description.push_str(&format!("{:x}", random.gen_range(0..1_u64 << 44)));
        }
        let source = format!("acme-src{} ({})", self.number / 2, self.version());
        let mut deb = DebBuilder::new(&self.name(), self.version(), self.architecture)
            .field("Source", &source)
            .field("Section", section(self.version()))
            .field("Description", &description);
        for path in paths(&self.name(), self.version()) {
            deb = deb.file(&path, b"");
        }
        deb.build()
    }
}

/// Some versions of a package stand in another section.
pub fn section(version: &str) -> &'static str {
    let first = VERSIONS.iter().any(|versions| versions[..2].contains(&version));
    if first { "net" } else { "contrib/web" }
}

/// What a package installs: for itself, in every version, with some others, with all.
pub fn paths(name: &str, version: &str) -> [String; 4] {
    let last = name.as_bytes().last().copied().unwrap_or_default();
    [
        format!("usr/share/doc/{name}/of {version}"),
        format!("usr/bin/{name}"),
        format!("usr/share/acme/{}", last % 4),
        "usr/share/of/everyone".to_owned(),
    ]
}

/// The name of a package.
pub fn name(number: usize, long: bool) -> String {
    // Both orders: by length and by letter.
    let kind = if long { "long" } else { "x" };
    format!("acme-{kind}{number}")
}

/// What was sent to one repository.
#[derive(Default)]
pub struct Fabric {
    sent: HashMap<Key, Digest>,
    stanzas: HashMap<Digest, String>,
}

impl Fabric {
    /// The digest of a package, sent if it was not.
    pub fn digest(&mut self, house: &House<'_>, key: Key) -> Digest {
        *self.sent.entry(key).or_insert_with(|| match house.send(&[key.build()]) {
            Ok(Change::Add(items)) => items[0].1,
            other => panic!("{key:?}: {other:?}"),
        })
    }

    /// The published stanza of a package, with its blank line.
    pub fn stanza(&mut self, house: &House<'_>, digest: &Digest) -> &str {
        self.stanzas.entry(*digest).or_insert_with(|| {
            let mut found = house.repository.catalogue.read_stanzas(&[*digest]).unwrap();
            found.pop().expect("one was asked for")
        })
    }
}

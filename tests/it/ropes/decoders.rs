//! The real decoders, each given many files at once.

use std::collections::{HashMap, HashSet};
use std::fmt::Write as _;
use std::io::Read as _;
use std::sync::Arc;

use sha2::{Digest as _, Sha256};

use crate::harness::programs::program;

/// Reads lines of encoding, file and SHA-256; prints what is wrong, and last how many it has read.
const PYTHON: &str = "
import gzip, hashlib, lzma, sys, zlib
count = 0
for line in sys.stdin:
    kind, name, wanted = line.split()
    data = open(name, 'rb').read()
    if kind == 'xz':
        # One stream: apt reads no further than the first.
        decoder = lzma.LZMADecompressor(lzma.FORMAT_XZ)
        first = decoder.decompress(data)
        if not decoder.eof or decoder.unused_data:
            print(name, 'is not one stream')
        plain = lzma.open(name).read()
        if plain != first:
            print(name, 'reads differently at once')
    elif kind == 'gz':
        # One member: many readers stop after the first, without a word.
        decoder = zlib.decompressobj(31)
        plain = decoder.decompress(data) + decoder.flush()
        if not decoder.eof or decoder.unused_data:
            print(name, 'is not one member')
        if gzip.open(name).read() != plain:
            print(name, 'reads differently at once')
    else:
        plain = gzip.open(name).read()
    if hashlib.sha256(plain).hexdigest() != wanted:
        print(name, 'reads differently')
    count += 1
print('read', count)
";

/// Perl's own reader, which stops after the first member.
const PERL: &str = "
use IO::Uncompress::Gunzip qw(gunzip $GunzipError);
binmode STDOUT;
for (@ARGV) { gunzip($_ => \\*STDOUT) or die \"$_: $GunzipError\" }
";

/// Compressed files, and what each unpacks to.
pub struct Files {
    dir: tempfile::TempDir,
    /// The gzip files that may have a member for each chunk, by their digests: those of the build before.
    members: HashSet<String>,
    /// By name: the encoding, and the plain bytes.
    listed: Vec<(&'static str, String, Arc<Vec<u8>>)>,
    /// By the digest of the compressed file: the digest of the plain one.
    expected: HashMap<String, [u8; 32]>,
}

impl Files {
    pub fn new() -> Self {
        let dir = tempfile::Builder::new().prefix("repod-ropes-").tempdir().unwrap();
        Self { dir, members: HashSet::new(), listed: Vec::new(), expected: HashMap::new() }
    }

    /// Says that the gzip file of this digest may have many members.
    pub fn allow_members(&mut self, digest: &str) {
        self.members.insert(digest.to_owned());
    }

    /// Says what a file unpacks to; fails when it was said to unpack to something else.
    pub fn expect(&mut self, what: &str, digest: &str, plain: &[u8]) {
        let plain: [u8; 32] = Sha256::digest(plain).into();
        let before = *self.expected.entry(digest.to_owned()).or_insert(plain);
        assert_eq!(before, plain, "{what}: {digest} stands for two different indices");
    }

    /// Takes a file in, for [`Files::read_all`].
    pub fn add(&mut self, kind: &'static str, digest: &str, bytes: &[u8], plain: &Arc<Vec<u8>>) {
        let kind = if self.members.contains(digest) { "members" } else { kind };
        let name = format!("{digest}.{kind}");
        if self.dir.path().join(&name).exists() {
            return;
        }
        std::fs::write(self.dir.path().join(&name), bytes).unwrap();
        self.listed.push((kind, name, Arc::clone(plain)));
    }

    /// Lets every decoder read every file.
    pub fn read_all(&self) {
        self.read_with("xz", "xz", &["-dc", "--"]);
        self.read_with("gz", "gzip", &["-dc", "--"]);
        self.read_with("gz", "perl", &["-e", PERL, "--"]);
        if !self.members.is_empty() {
            self.read_with("members", "gzip", &["-dcf", "--suffix=.members", "--"]);
        }
        for (_, name, plain) in self.listed.iter().filter(|(kind, _, _)| *kind == "gz") {
            let gz = std::fs::read(self.dir.path().join(name)).unwrap();
            assert!(one_member(&gz).as_ref() == Some(&**plain), "{name} is not one member");
        }
        let mut input = String::new();
        for (kind, name, plain) in &self.listed {
            let wanted = hex::encode(Sha256::digest(plain.as_slice()));
            writeln!(input, "{kind} {name} {wanted}").unwrap();
        }
        let python = program("python3").args(["-c", PYTHON]).dir(self.dir.path()).input(input);
        let told = python.run().expect_success().stdout;
        assert_eq!(told, format!("read {}\n", self.listed.len()));
    }

    /// One run over all files of an encoding: they come out one after the other.
    fn read_with(&self, kind: &str, decoder: &str, options: &[&str]) {
        let of_kind = self.listed.iter().filter(|(of, _, _)| *of == kind);
        let files: Vec<_> = of_kind.map(|(_, name, plain)| (name, plain)).collect();
        assert!(!files.is_empty(), "no {kind} file was listed");
        let names = files.iter().map(|(name, _)| name.as_str());
        let run = program(decoder).args(options).args(names).dir(self.dir.path()).run();
        let read = run.expect_success().stdout_bytes;
        let mut rest = read.as_slice();
        for (name, plain) in files {
            let own = rest.strip_prefix(plain.as_slice());
            rest = own.unwrap_or_else(|| panic!("{decoder} reads {name} differently"));
        }
        assert!(rest.is_empty(), "{decoder} reads more than there is");
    }
}

/// What a gzip file of one member unpacks to; `None` when it has more or is damaged.
pub fn one_member(gz: &[u8]) -> Option<Vec<u8>> {
    let mut decoder = flate2::bufread::GzDecoder::new(gz);
    let mut plain = Vec::new();
    decoder.read_to_end(&mut plain).ok()?;
    decoder.into_inner().is_empty().then_some(plain)
}

/// A decoder that read on where apt stops, or that took whatever it is given, would prove nothing.
#[test]
fn the_decoders_refuse_what_is_wrong() {
    use crate::harness::deb::Compression;
    use std::panic::{AssertUnwindSafe, catch_unwind};
    let refused = |kind: &'static str, bytes: &[u8], plain: &str| {
        let mut files = Files::new();
        // So that every decoder has something that it can read.
        for (kind, compression) in [("xz", Compression::Xz), ("gz", Compression::Gzip)] {
            files.add(kind, "whole", &compression.compress(b"whole"), &Arc::new(b"whole".to_vec()));
        }
        files.read_all();
        files.add(kind, "wrong", bytes, &Arc::new(plain.as_bytes().to_vec()));
        catch_unwind(AssertUnwindSafe(|| files.read_all())).is_err()
    };
    let (xz, gz) = (
        |text: &str| Compression::Xz.compress(text.as_bytes()),
        |text: &str| Compression::Gzip.compress(text.as_bytes()),
    );
    assert!(!refused("xz", &xz("ab"), "ab") && !refused("gz", &gz("ab"), "ab"));
    assert!(refused("xz", &xz("ab"), "ac") && refused("gz", &gz("ab"), "abc"));
    assert!(refused("gz", &[gz("a"), gz("b")].concat(), "ab"), "members are not");
    assert!(refused("xz", &[xz("a"), xz("b")].concat(), "ab"), "streams are not");
    assert!(refused("xz", &xz("ab")[..20], "ab") && refused("gz", &gz("ab")[..12], "ab"));
}

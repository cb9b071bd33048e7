//! Layout: where things lie below the repository's root, read and written in one place.

use crate::debian::{Architecture, Component, PackageKind, PackageName, SuiteName};
use crate::digest::Digest;
use crate::domain::{Encoding, Package};
use crate::time::Moment;

/// What a path below the root names.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum RepoPath {
    /// Something below `dists/SUITE/`.
    Dists(SuiteName, DistsFile),
    /// The same file of an earlier state: something below `snapshot/ID/dists/SUITE/`. (What lies
    /// below `snapshot/ID/pool/` is the pool, with what was withdrawn since.)
    Snapshot(SnapshotId, SuiteName, DistsFile),
    /// A `.deb` or `.udeb` in the pool.
    Pool {
        /// The binary package's name.
        name: PackageName,
        /// The first 16 hexadecimal digits of the digest.
        digest_prefix: String,
        /// `name_version_arch.deb` or `.udeb`, which has to agree with the package found.
        file: String,
        /// Whether it lies below `snapshot/ID/`, where what was withdrawn stays.
        in_snapshot: bool,
    },
}

/// Which earlier state of a suite is meant.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SnapshotId {
    /// The generation of this number.
    Generation(u64),
    /// The generation that was live at this time.
    Time(Moment),
}

impl SnapshotId {
    /// Reads `41` or `20261124T203000Z`; `None` for any other text.
    pub fn parse(text: &str) -> Option<Self> {
        if let Some(at) = Moment::parse_stamp(text) {
            return Some(Self::Time(at));
        }
        let number: u64 = text.parse().ok()?;
        (number > 0 && number.to_string() == text).then_some(Self::Generation(number))
    }
}

/// A file below `dists/SUITE/`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum DistsFile {
    /// The Release text, signed in clear.
    InRelease,
    /// The Release text alone.
    Release,
    /// Its detached signature.
    ReleaseGpg,
    /// An index by its name, as the Release lists it.
    Index(String),
    /// An index of any kept generation by its digest.
    ByHash {
        /// The directory that holds `by-hash/`: `main/binary-amd64`.
        directory: String,
        /// SHA-256 of the file.
        digest: Digest,
    },
}

impl RepoPath {
    /// Reads a path, already percent-decoded and without its leading slash.
    ///
    /// `None` for anything that the layout does not have.
    pub fn parse(path: &str) -> Option<Self> {
        match path.split_once('/')? {
            ("dists", rest) => {
                let (suite, file) = rest.split_once('/')?;
                Some(Self::Dists(SuiteName::parse(suite).ok()?, parse_dists(file)?))
            }
            ("pool", rest) => parse_pool(rest),
            ("snapshot", rest) => {
                let (id, below) = rest.split_once('/')?;
                let id = SnapshotId::parse(id)?;
                match Self::parse(below)? {
                    Self::Dists(suite, file) => Some(Self::Snapshot(id, suite, file)),
                    Self::Pool { name, digest_prefix, file, .. } => {
                        Some(Self::Pool { name, digest_prefix, file, in_snapshot: true })
                    }
                    Self::Snapshot(..) => None,
                }
            }
            _ => None,
        }
    }
}

fn parse_dists(file: &str) -> Option<DistsFile> {
    match file {
        "InRelease" => return Some(DistsFile::InRelease),
        "Release" => return Some(DistsFile::Release),
        "Release.gpg" => return Some(DistsFile::ReleaseGpg),
        _ => {}
    }
    if let Some((directory, digest)) = file.split_once("/by-hash/SHA256/") {
        let digest = digest.parse().ok()?;
        return Some(DistsFile::ByHash { directory: directory.into(), digest });
    }
    file.contains('/').then(|| DistsFile::Index(file.into()))
}

fn parse_pool(rest: &str) -> Option<RepoPath> {
    let mut parts = rest.split('/');
    let (prefix, name, digest, file) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let name = PackageName::parse(name).ok()?;
    let hex = digest.len() == 16 && digest.bytes().all(|b| b.is_ascii_hexdigit());
    if parts.next().is_some() || prefix != pool_prefix(&name) || !hex {
        return None;
    }
    let (digest_prefix, file) = (digest.into(), file.into());
    Some(RepoPath::Pool { name, digest_prefix, file, in_snapshot: false })
}

/// `lib` and the next letter for libraries, the first letter for all others; `lib` itself is no
/// library.
fn pool_prefix(name: &PackageName) -> &str {
    let text = name.as_str();
    let length = if text.starts_with("lib") && text.len() > 3 { 4 } else { 1 };
    text.get(..length).unwrap_or(text)
}

/// The last part of a package's pool path: what dpkg would call the file.
pub fn deb_file_name(package: &Package) -> String {
    let Package { kind, name, version, architecture, .. } = package;
    file_name(*kind, name, version.without_epoch(), architecture)
}

fn file_name(
    kind: PackageKind,
    name: &PackageName,
    version: &str,
    architecture: &Architecture,
) -> String {
    format!("{name}_{version}_{architecture}.{kind}")
}

/// The Filename field. It is unique to the bytes: a cache never has old bytes for a version that is
/// used again.
pub fn pool_path(
    kind: PackageKind,
    name: &PackageName,
    version_without_epoch: &str,
    architecture: &Architecture,
    digest: &Digest,
) -> String {
    let file = file_name(kind, name, version_without_epoch, architecture);
    format!("pool/{}/{name}/{}/{file}", pool_prefix(name), digest.short())
}

/// The path of a file below `dists/SUITE/`, from the root.
pub fn dists_path(suite: &SuiteName, file: &str) -> String {
    format!("dists/{suite}/{file}")
}

/// The by-hash path, from the root, of an index that the Release lists as `file`.
pub fn by_hash_path(suite: &SuiteName, file: &str, digest: &Digest) -> String {
    let directory = file.rsplit_once('/').map_or("", |(directory, _)| directory);
    let separator = if directory.is_empty() { "" } else { "/" };
    dists_path(suite, &format!("{directory}{separator}by-hash/SHA256/{digest}"))
}

/// The path of a `Packages` index below `dists/SUITE/`.
pub fn packages_path(
    component: &Component,
    architecture: &Architecture,
    encoding: Encoding,
) -> String {
    format!("{component}/binary-{architecture}/Packages{}", encoding.suffix())
}

/// The path of the installer's `Packages` below `dists/SUITE/`, which lists `.udeb` and nothing else.
pub fn installer_path(
    component: &Component,
    architecture: &Architecture,
    encoding: Encoding,
) -> String {
    format!("{component}/debian-installer/binary-{architecture}/Packages{}", encoding.suffix())
}

/// The path of a `Contents` index below `dists/SUITE/`.
pub fn contents_path(
    component: &Component,
    architecture: &Architecture,
    encoding: Encoding,
) -> String {
    format!("{component}/Contents-{architecture}{}", encoding.suffix())
}

/// The path of a `Translation-en` below `dists/SUITE/`.
pub fn translation_path(component: &Component, encoding: Encoding) -> String {
    format!("{component}/i18n/Translation-en{}", encoding.suffix())
}

/// What follows the name of an index in the name of its directory of patches.
pub const PATCHES_SUFFIX: &str = ".diff";

/// The directory below `dists/SUITE/` that holds the patches to a `Packages` and their `Index`.
pub fn patches_directory(component: &Component, architecture: &Architecture) -> String {
    format!("{component}/binary-{architecture}/Packages{PATCHES_SUFFIX}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pool_paths_read_back() {
        let digest = Digest::of(b"x");
        for (name, prefix) in [("lib", "l"), ("libc6", "libc"), ("zlib1g", "z"), ("0ad", "0")] {
            let name = PackageName::parse(name).unwrap();
            let amd64 = Architecture::parse("amd64").unwrap();
            let path = pool_path(PackageKind::Deb, &name, "1.0+b~1", &amd64, &digest);
            assert!(path.starts_with(&format!("pool/{prefix}/{name}/")), "{path}");
            let Some(RepoPath::Pool { name: read, digest_prefix, file, .. }) =
                RepoPath::parse(&path)
            else {
                panic!("{path} did not parse");
            };
            assert_eq!((read, digest_prefix), (name.clone(), digest.short()));
            assert_eq!(file, format!("{name}_1.0+b~1_amd64.deb"));
        }
    }

    #[test]
    fn other_indices_have_paths_of_their_own() {
        let (main, amd64) = ("main".parse().unwrap(), "amd64".parse().unwrap());
        let name = PackageName::parse("di-utils").unwrap();
        let digest = Digest::of(b"x");
        let path = pool_path(PackageKind::Udeb, &name, "1", &amd64, &digest);
        assert_eq!(path, format!("pool/d/di-utils/{}/di-utils_1_amd64.udeb", digest.short()));
        assert!(matches!(RepoPath::parse(&path), Some(RepoPath::Pool { .. })));
        let below = [
            installer_path(&main, &amd64, Encoding::Xz),
            contents_path(&main, &amd64, Encoding::Gz),
            translation_path(&main, Encoding::Plain),
            format!("{}/Index", patches_directory(&main, &amd64)),
        ];
        let expected = [
            "main/debian-installer/binary-amd64/Packages.xz",
            "main/Contents-amd64.gz",
            "main/i18n/Translation-en",
            "main/binary-amd64/Packages.diff/Index",
        ];
        assert_eq!(below, expected);
        for file in below {
            let suite = SuiteName::parse("stable").unwrap();
            let read = RepoPath::parse(&format!("dists/stable/{file}"));
            assert_eq!(read, Some(RepoPath::Dists(suite, DistsFile::Index(file))));
        }
    }

    #[test]
    fn snapshots_are_named_by_generation_or_time() {
        let suite = SuiteName::parse("stable").unwrap();
        let at = SnapshotId::Time(Moment(1_795_404_699));
        for (id, read) in [("41", SnapshotId::Generation(41)), ("20261123T033139Z", at)] {
            let path = RepoPath::parse(&format!("snapshot/{id}/dists/stable/InRelease"));
            assert_eq!(path, Some(RepoPath::Snapshot(read, suite.clone(), DistsFile::InRelease)));
            let digest = Digest::of(b"x");
            let path =
                format!("snapshot/{id}/dists/stable/main/binary-amd64/by-hash/SHA256/{digest}");
            let file = DistsFile::ByHash { directory: "main/binary-amd64".into(), digest };
            assert_eq!(RepoPath::parse(&path), Some(RepoPath::Snapshot(read, suite.clone(), file)));
            let pool = format!("pool/h/hello/{}/hello_1.0_amd64.deb", digest.short());
            let below = RepoPath::parse(&format!("snapshot/{id}/{pool}"));
            let Some(RepoPath::Pool { name, digest_prefix, file, in_snapshot }) = below else {
                panic!("{below:?}");
            };
            let plain = RepoPath::Pool { name, digest_prefix, file, in_snapshot: false };
            assert!(in_snapshot && RepoPath::parse(&pool) == Some(plain));
        }
        for id in ["", "0", "041", "+41", "-1", "4e1", "latest", "18446744073709551616", "20261123"]
        {
            let path = RepoPath::parse(&format!("snapshot/{id}/dists/stable/InRelease"));
            let number = id == "20261123";
            assert_eq!(path.is_some(), number, "{id}");
        }
        for path in [
            "snapshot",
            "snapshot/41",
            "snapshot/41/dists",
            "snapshot/1/snapshot/1/dists/s/Release",
        ] {
            assert_eq!(RepoPath::parse(path), None, "{path}");
        }
    }

    #[test]
    fn dists_paths_are_distinguished() {
        let suite = SuiteName::parse("stable").unwrap();
        let digest = Digest::of(b"x");
        let cases = [
            ("dists/stable/InRelease".to_string(), Some(DistsFile::InRelease)),
            ("dists/stable/Release".into(), Some(DistsFile::Release)),
            ("dists/stable/Release.gpg".into(), Some(DistsFile::ReleaseGpg)),
            (
                "dists/stable/main/binary-amd64/Packages.xz".into(),
                Some(DistsFile::Index("main/binary-amd64/Packages.xz".into())),
            ),
            (
                format!("dists/stable/main/binary-amd64/by-hash/SHA256/{digest}"),
                Some(DistsFile::ByHash { directory: "main/binary-amd64".into(), digest }),
            ),
            ("dists/stable/main/by-hash/SHA256/abc".into(), None),
            ("dists/stable".into(), None),
            ("dists/stable/secret".into(), None),
            ("dists/../x/InRelease".into(), None),
            ("pool/h/hello/../x".into(), None),
            ("etc/passwd".into(), None),
        ];
        for (path, file) in cases {
            let expected = file.map(|file| RepoPath::Dists(suite.clone(), file));
            assert_eq!(RepoPath::parse(&path), expected, "{path}");
        }
    }
}

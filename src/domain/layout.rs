//! Layout: where things lie below the repository's root, read and written in one place.

use crate::debian::{Architecture, Component, PackageKind, PackageName, SuiteName};
use crate::digest::Digest;
use crate::domain::{Encoding, Package};

/// What a path below the root names.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum RepoPath {
    /// Something below `dists/SUITE/`.
    Dists(SuiteName, DistsFile),
    /// A `.deb` or `.udeb` in the pool.
    Pool {
        /// The binary package's name.
        name: PackageName,
        /// The first 16 hexadecimal digits of the digest.
        digest_prefix: String,
        /// `name_version_arch.deb` or `.udeb`, which has to agree with the package found.
        file: String,
    },
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
    Some(RepoPath::Pool { name, digest_prefix: digest.into(), file: file.into() })
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

/// The Filename field: unique to the bytes, so that a re-used version can never meet an old cache.
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

/// What the directory of patches has behind the name of the index that they lead to.
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
            let Some(RepoPath::Pool { name: read, digest_prefix, file }) = RepoPath::parse(&path)
            else {
                panic!("{path} did not parse");
            };
            assert_eq!((read, digest_prefix), (name.clone(), digest.short()));
            assert_eq!(file, format!("{name}_1.0+b~1_amd64.deb"));
        }
    }

    #[test]
    fn what_is_beside_packages_has_its_place() {
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
    fn dists_paths_are_told_apart() {
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

//! System: what a host runs, and under which source a package is known to the security team.

use smol_str::SmolStr;

use crate::debian::advisory::release_key;
use crate::debian::{PackageName, Version};

/// What a host says that it runs. Empty texts are not known.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct System {
    /// `ID` of os-release: `debian`.
    pub os: String,
    /// `VERSION_ID` of os-release: `12`; testing and sid have none.
    pub version: String,
    /// `VERSION_CODENAME` of os-release: `bookworm`.
    pub codename: String,
}

impl System {
    /// The names of its release, if it is a Debian; none of them when it does not say which one.
    pub fn releases(&self) -> Option<Vec<SmolStr>> {
        let said = [&self.version, &self.codename].into_iter().filter(|text| !text.is_empty());
        let mut releases: Vec<_> = said.map(|text| release_key(text)).collect();
        releases.dedup();
        (self.os == "debian").then_some(releases)
    }

    /// Whether it is a Debian whose release is known: all records are held against it.
    pub fn is_known(&self) -> bool {
        self.releases().is_some_and(|releases| !releases.is_empty())
    }

    /// `debian 12`, for people.
    pub fn told(&self) -> String {
        let release = if self.version.is_empty() { &self.codename } else { &self.version };
        match (self.os.is_empty(), release.is_empty()) {
            (true, _) => "not known".into(),
            (false, true) => format!("{}, release not known", self.os),
            (false, false) => format!("{} {release}", self.os),
        }
    }
}

/// The source package and version under which flaws of a package are recorded. A signed kernel is built from
/// `linux-signed-amd64` 6.1.119+1, and is known as `linux` in the version of the package, 6.1.119-1.
pub fn source_of(
    version: &Version,
    source: &PackageName,
    source_version: &Version,
) -> (PackageName, Version) {
    let linux = source.as_str().starts_with("linux-signed-").then(|| PackageName::parse("linux"));
    match linux {
        Some(Ok(linux)) => (linux, version.clone()),
        _ => (source.clone(), source_version.clone()),
    }
}

//! dpkg's own record of what is installed: `/var/lib/dpkg/status`, and apt's of why: `extended_states`.
//!
//! Both were written by dpkg and apt, so they are read leniently: what this program has no name for is left out
//! and counted, and the rest is read.

use std::collections::BTreeSet;

use super::{Architecture, PackageName, Version};

/// A package of which files are on the machine.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct InstalledPackage {
    /// Its name.
    pub name: PackageName,
    /// Its architecture.
    pub architecture: Architecture,
    /// Its version.
    pub version: Version,
    /// The source package that it was built from; `None` when it has the same name.
    pub source: Option<PackageName>,
    /// The version of the source package; `None` when it is that of the package.
    pub source_version: Option<Version>,
    /// Whether it is on hold, as by `apt-mark hold`.
    pub is_held: bool,
    /// Whether it is unpacked and not configured, or its installation failed.
    pub is_broken: bool,
}

/// What is installed, by name and architecture.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Installed {
    /// The packages.
    pub packages: Vec<InstalledPackage>,
    /// How many were left out, because their name, version or architecture breaks the rules of Debian Policy.
    pub unreadable: usize,
}

/// Reads `/var/lib/dpkg/status`. Packages of which only configuration files are left are not installed.
pub fn read_status(text: &str) -> Installed {
    let mut installed = Installed::default();
    for stanza in text.split("\n\n") {
        let Some(status) = field(stanza, "Status") else { continue };
        let mut words = status.split_ascii_whitespace();
        let (want, _error, state) = (words.next(), words.next(), words.next());
        let is_broken = match state {
            Some("installed" | "triggers-awaited" | "triggers-pending") => false,
            Some("unpacked" | "half-configured" | "half-installed") => true,
            _ => continue,
        };
        match package(stanza) {
            Some(package) => installed.packages.push(InstalledPackage {
                is_held: want == Some("hold"),
                is_broken,
                ..package
            }),
            None => installed.unreadable = installed.unreadable.saturating_add(1),
        }
    }
    installed.packages.sort();
    installed.packages.dedup_by(|a, b| a.name == b.name && a.architecture == b.architecture);
    installed
}

/// Reads `/var/lib/apt/extended_states`: names and architectures of what came as a dependency.
pub fn read_automatic(text: &str) -> BTreeSet<(String, String)> {
    let automatic =
        text.split("\n\n").filter(|stanza| field(stanza, "Auto-Installed") == Some("1"));
    automatic
        .filter_map(|stanza| Some((field(stanza, "Package")?, field(stanza, "Architecture")?)))
        .map(|(name, architecture)| (name.to_owned(), architecture.to_owned()))
        .collect()
}

fn package(stanza: &str) -> Option<InstalledPackage> {
    let name = PackageName::parse(field(stanza, "Package")?).ok()?;
    let version = Version::parse(field(stanza, "Version")?).ok()?;
    let (source, source_version) = field(stanza, "Source").map_or((None, None), source);
    Some(InstalledPackage {
        architecture: Architecture::parse(field(stanza, "Architecture")?).ok()?,
        source: source.filter(|source| *source != name),
        source_version: source_version.filter(|found| *found != version),
        name,
        version,
        is_held: false,
        is_broken: false,
    })
}

/// `Source: NAME` or `Source: NAME (VERSION)`.
fn source(text: &str) -> (Option<PackageName>, Option<Version>) {
    let (name, version) = text.split_once('(').map_or((text, None), |(name, version)| {
        (name, version.trim_end().strip_suffix(')').and_then(|text| Version::parse(text).ok()))
    });
    (PackageName::parse(name.trim()).ok(), version)
}

/// The first line of a field, without blanks around it. Continuation lines begin with a blank, so that no line of
/// them is taken for a field.
fn field<'s>(stanza: &'s str, name: &str) -> Option<&'s str> {
    stanza.lines().find_map(|line| {
        let (found, value) = line.split_once(':')?;
        found.eq_ignore_ascii_case(name).then(|| value.trim())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const STATUS: &str = "\
Package: acme-web\nStatus: install ok installed\nArchitecture: amd64\nVersion: 2.0\nDescription: x\n Version: 9\n\n\
Package: acme-held\nStatus: hold ok installed\nArchitecture: all\nSource: acme (1.0-1)\nVersion: 1.0-1+b1\n\n\
Package: acme-gone\nStatus: deinstall ok config-files\nArchitecture: all\nVersion: 1.0\n\n\
Package: acme-half\nStatus: install reinstreq half-installed\nArchitecture: all\nVersion: 1.0\n\n\
Package: Odd_Name\nStatus: install ok installed\nArchitecture: all\nVersion: 1.0\n";

    #[test]
    fn what_is_installed_is_read_with_holds_and_sources() {
        let read = read_status(STATUS);
        assert_eq!(read.unreadable, 1);
        let said: Vec<_> = read
            .packages
            .iter()
            .map(|one| {
                let source = one.source.as_ref().map(ToString::to_string).unwrap_or_default();
                let version =
                    one.source_version.as_ref().map(ToString::to_string).unwrap_or_default();
                format!(
                    "{} {} {source} {version} {} {}",
                    one.name, one.version, one.is_held, one.is_broken
                )
            })
            .collect();
        assert_eq!(
            said,
            [
                "acme-half 1.0   false true",
                "acme-held 1.0-1+b1 acme 1.0-1 true false",
                "acme-web 2.0   false false",
            ]
        );
    }

    #[test]
    fn what_came_as_a_dependency_is_known() {
        let text = "Package: a1\nArchitecture: all\nAuto-Installed: 1\n\nPackage: b1\nArchitecture: all\nAuto-Installed: 0\n";
        assert_eq!(read_automatic(text), BTreeSet::from([("a1".into(), "all".into())]));
    }
}

//! Control: the control file of a binary package, and its stanza in an index.
//!
//! Source: Policy 5.3; deb-control(5).

mod bounds;
mod rules;

pub use bounds::LONGEST_STANZA_BYTES;

use super::stanza::{Fault, Field, MOST_FAULTS, Stanza, StanzaLimits, quote};
use super::{Architecture, PackageName, Version};
use crate::digest::Digest;

/// Bounds on a control file: 1 MiB, 256 fields, names of 128 bytes.
///
/// Debian's largest stanza is below 100 KB and has 29 fields.
pub const CONTROL_LIMITS: StanzaLimits =
    StanzaLimits { size_bytes: 1 << 20, fields: 256, name_bytes: 128 };

/// Which index a binary package belongs to.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub enum PackageKind {
    /// For hosts.
    #[default]
    Deb,
    /// For the installer: never in an index for hosts, because apt would install it.
    Udeb,
}

impl PackageKind {
    /// The word for it, which is the suffix of its files as well.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Deb => "deb",
            Self::Udeb => "udeb",
        }
    }
}

impl std::fmt::Display for PackageKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

impl std::str::FromStr for PackageKind {
    type Err = KindError;

    fn from_str(text: &str) -> Result<Self, KindError> {
        [Self::Deb, Self::Udeb].into_iter().find(|kind| kind.as_str() == text).ok_or(KindError)
    }
}

/// The text is no kind of package.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("a kind of package is 'deb' or 'udeb'")]
pub struct KindError;

/// The section of the installer's packages.
const INSTALLER_SECTION: &str = "debian-installer";

/// The control file of a binary package, checked field by field.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Control {
    package: PackageName,
    version: Version,
    architecture: Architecture,
    source: PackageName,
    source_version: Version,
    stanza: Stanza,
}

impl Control {
    /// Reads a control file.
    ///
    /// Shape: one stanza with Package, Version, Architecture, Maintainer and Description. Fields
    /// that the repository or dpkg sets are refused, and so are former field names. Limits:
    /// [`CONTROL_LIMITS`] and, for each relation field,
    /// [`MOST_RELATIONS`](super::relation::MOST_RELATIONS); at most 64 faults are listed.
    ///
    /// # Errors
    /// Every [`Fault`] found (sender's fault): those of the stanza's form and, when it has none,
    /// those of its fields.
    ///
    /// Source: Policy 5.3 and 5.6. Maintainer and Description are demanded because dpkg-deb warns
    /// when they are missing.
    pub fn parse(bytes: &[u8]) -> Result<Self, Vec<Fault>> {
        let given = Stanza::parse(bytes, CONTROL_LIMITS)?;
        let mut faults = Vec::new();
        let mut fields = Vec::new();
        for field in given.fields() {
            match rules::normal(field) {
                Ok(Some(field)) => fields.push(field),
                Ok(None) => {}
                Err(found) => faults.extend(found),
            }
        }
        faults.extend(missing(&given));
        // An empty or folded value has its fault already and is not reported twice.
        let line =
            |name| given.find(name).filter(|value| !value.is_empty() && !value.contains('\n'));
        let package = parsed("Package", line("Package"), PackageName::parse, &mut faults);
        let version = parsed("Version", line("Version"), Version::parse, &mut faults);
        let architecture =
            parsed("Architecture", line("Architecture"), Architecture::parse, &mut faults);
        let source = parsed("Source", line("Source"), Source::parse, &mut faults);
        if given.find("Multi-Arch").is_some_and(|value| value.eq_ignore_ascii_case("same"))
            && architecture.as_ref().is_some_and(Architecture::is_all)
        {
            let problem = "is 'same' in a package for all architectures; dpkg refuses that";
            faults.push(Fault::of("Multi-Arch", problem));
        }
        faults.extend(bounds::stanza(&fields));
        if let (Some(package), Some(version), Some(architecture)) =
            (&package, &version, &architecture)
        {
            faults.extend(bounds::file_name(package, version, architecture));
        }
        faults.truncate(MOST_FAULTS);
        match (package, version, architecture) {
            (Some(package), Some(version), Some(architecture)) if faults.is_empty() => {
                Ok(Self::of(package, version, architecture, source, fields))
            }
            _ => Err(faults),
        }
    }

    fn of(
        package: PackageName,
        version: Version,
        architecture: Architecture,
        source: Option<Source>,
        mut fields: Vec<Field>,
    ) -> Self {
        if let (Some(source), Some(field)) =
            (&source, fields.iter_mut().find(|field| field.is("Source")))
        {
            *field = Field::new("Source", source.to_string());
        }
        let (source, source_version) = match source {
            Some(Source { name, version: Some(version) }) => (name, version),
            Some(Source { name, version: None }) => (name, version.clone()),
            None => (package.clone(), version.clone()),
        };
        let stanza = Stanza::from_fields(fields);
        Self { package, version, architecture, source, source_version, stanza }
    }

    /// The binary package's name.
    pub fn package(&self) -> &PackageName {
        &self.package
    }

    /// The binary package's version.
    pub fn version(&self) -> &Version {
        &self.version
    }

    /// The architecture it was built for, or `all`.
    pub fn architecture(&self) -> &Architecture {
        &self.architecture
    }

    /// The source package it was built from; its own name when it has no Source field.
    pub fn source(&self) -> &PackageName {
        &self.source
    }

    /// The version of that source; its own version when the Source field names none.
    pub fn source_version(&self) -> &Version {
        &self.source_version
    }

    /// Which index it belongs to. One with debug symbols (`Package-Type: ddeb`) is installed as any
    /// other.
    ///
    /// dpkg-gencontrol removes Package-Type when it builds a package of the installer, so most of
    /// these are recognised only by their section.
    pub fn kind(&self) -> PackageKind {
        let section = self.stanza.find("Section").and_then(|section| section.rsplit('/').next());
        match self.stanza.find("Package-Type") {
            Some("udeb") => PackageKind::Udeb,
            None if section == Some(INSTALLER_SECTION) => PackageKind::Udeb,
            _ => PackageKind::Deb,
        }
    }

    /// All fields in their order, normalised: known names in their usual spelling, relations and
    /// Source in one form, fields without a value left out.
    pub fn stanza(&self) -> &Stanza {
        &self.stanza
    }

    /// The stanza of a `Packages` index for a `.deb` with this control file.
    ///
    /// Shape: Package first, the other fields in their order, then `Filename`, `Size` and `SHA256`,
    /// Description last, one empty line. `filename` is relative to the root of the repository and
    /// is written unchanged: [`prove`](super::packages::prove) checks it. Units: bytes.
    ///
    /// Source: [Repository Format](https://wiki.debian.org/DebianRepository/Format), "Packages"
    /// Indices; the same fields as `apt-ftparchive packages` writes, less MD5sum, SHA1 and SHA512.
    pub fn published(&self, filename: &str, size_bytes: u64, digest: &Digest) -> String {
        let fields: Vec<_> = self.stanza.fields().collect();
        let added = format!("Filename: {filename}\nSize: {size_bytes}\nSHA256: {digest}\n");
        let own: usize = fields.iter().map(|field| field.written_bytes()).sum();
        let mut text = String::with_capacity(own.saturating_add(added.len()).saturating_add(1));
        let place = |field: &Field| match field.name() {
            "Package" => 0,
            "Description" => 2,
            _ => 1,
        };
        for part in 0..3 {
            fields.iter().filter(|field| place(field) == part).for_each(|f| f.write(&mut text));
            if part == 1 {
                text.push_str(&added);
            }
        }
        text.push('\n');
        text
    }
}

const REQUIRED: [(&str, &str); 5] = [
    ("Package", "name the package"),
    ("Version", "give its version"),
    ("Architecture", "write the one it was built for, or 'all'"),
    ("Maintainer", "write 'Name <address>' of whom to ask"),
    ("Description", "say in a line what it is for"),
];

fn missing(stanza: &Stanza) -> impl Iterator<Item = Fault> {
    let absent = |name| stanza.find(name).is_none_or(str::is_empty);
    let faults = REQUIRED.into_iter().filter(move |(name, _)| absent(name));
    faults.map(|(name, cure)| Fault::of(name, format!("is missing or empty; {cure}")))
}

fn parsed<T, E: ToString>(
    field: &str,
    value: Option<&str>,
    parse: impl FnOnce(&str) -> Result<T, E>,
    faults: &mut Vec<Fault>,
) -> Option<T> {
    parse(value?).map_err(|error| faults.push(Fault::of(field, error.to_string()))).ok()
}

/// The Source field: `name` or `name (version)`. Policy 5.6.1.
struct Source {
    name: PackageName,
    version: Option<Version>,
}

impl Source {
    fn parse(text: &str) -> Result<Self, String> {
        let blank = [' ', '\t'];
        let Some((name, rest)) = text.split_once('(') else {
            let name = PackageName::parse(text).map_err(|error| error.to_string())?;
            return Ok(Self { name, version: None });
        };
        let Some(version) = rest.strip_suffix(')') else {
            return Err(format!("is 'name' or 'name (version)'; found {}", quote(text)));
        };
        let name = PackageName::parse(name.trim_end_matches(blank));
        let version = Version::parse(version.trim_matches(blank));
        Ok(Self {
            name: name.map_err(|error| error.to_string())?,
            version: Some(version.map_err(|error| error.to_string())?),
        })
    }
}

impl std::fmt::Display for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.version {
            Some(version) => write!(f, "{} ({version})", self.name),
            None => self.name.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests;

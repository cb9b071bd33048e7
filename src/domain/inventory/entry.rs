//! Entry: one installed package, as one line of text.

use std::fmt;

use crate::debian::{Architecture, PackageName, Version};

/// A package in a version, with its source. Every host that has it shares one stored line.
///
/// Shape: `NAME ARCHITECTURE VERSION [SOURCE [SOURCE_VERSION]]`. The source is left out where it has the package's
/// name and version; where only its version differs, its name is there.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Installed {
    /// Its name.
    pub name: PackageName,
    /// Its architecture.
    pub architecture: Architecture,
    /// Its version.
    pub version: Version,
    /// Its source package; `None` when that has the same name.
    pub source: Option<PackageName>,
    /// The version of its source package; `None` when it is that of the package.
    pub source_version: Option<Version>,
}

/// What a host says of a package beyond what it is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Marks {
    /// It is on hold.
    pub held: bool,
    /// It came as a dependency.
    pub auto: bool,
    /// It is not configured, or its installation failed.
    pub broken: bool,
}

/// A package on a host.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Entry {
    /// Which.
    pub package: Installed,
    /// How.
    pub marks: Marks,
}

/// A line is not that of an installed package.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{given:?}: {problem}")]
pub struct EntryError {
    /// The line, cut.
    pub given: String,
    /// What is wrong with it.
    pub problem: String,
}

const FORM: &str =
    "a package is NAME ARCHITECTURE VERSION MARKS [SOURCE [SOURCE_VERSION]], one blank between two";

impl Entry {
    /// Reads `NAME ARCHITECTURE VERSION MARKS [SOURCE [SOURCE_VERSION]]`. `MARKS` is `manual` or `auto`, then
    /// `,hold` and `,broken` where they apply.
    ///
    /// # Errors
    /// [`EntryError`] for anything that [`Entry`] would not be written as.
    pub fn parse(text: &str) -> Result<Self, EntryError> {
        let wrong =
            |problem: String| EntryError { given: text.chars().take(80).collect(), problem };
        let words: Vec<&str> = text.splitn(7, ' ').collect();
        let (name, architecture, version, marks, rest) = match words.as_slice() {
            [name, architecture, version, marks, rest @ ..] if rest.len() <= 2 => {
                (name, architecture, version, marks, rest)
            }
            _ => return Err(wrong(FORM.into())),
        };
        let marks = Marks::parse(marks).ok_or_else(|| {
            wrong("marks are manual or auto, then ,hold and ,broken where they apply".into())
        })?;
        let mut body = vec![*name, *architecture, *version];
        body.extend(rest);
        let package = Installed::of_words(&body).map_err(wrong)?;
        let entry = Self { package, marks };
        // One package is written in one way, so that equal sets have equal hashes.
        match entry.to_string() == text {
            true => Ok(entry),
            false => Err(wrong(
                "the source is left out where it has the package's name and version".into(),
            )),
        }
    }
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Installed { name, architecture, version, .. } = &self.package;
        write!(f, "{name} {architecture} {version} {}", self.marks)?;
        self.package.write_source(f)
    }
}

impl Marks {
    fn parse(text: &str) -> Option<Self> {
        let every = (0_u8..8).map(|bits| Self {
            held: bits & 1 != 0,
            auto: bits & 2 != 0,
            broken: bits & 4 != 0,
        });
        every.into_iter().find(|marks| marks.to_string() == text)
    }
}

impl fmt::Display for Marks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.auto { "auto" } else { "manual" })?;
        f.write_str(if self.held { ",hold" } else { "" })?;
        f.write_str(if self.broken { ",broken" } else { "" })
    }
}

impl Installed {
    /// Reads the stored line.
    ///
    /// # Errors
    /// [`EntryError`].
    pub fn parse(text: &str) -> Result<Self, EntryError> {
        let words: Vec<&str> = text.splitn(6, ' ').collect();
        Self::of_words(&words)
            .map_err(|problem| EntryError { given: text.chars().take(80).collect(), problem })
    }

    fn of_words(words: &[&str]) -> Result<Self, String> {
        let (name, architecture, version, source, source_version) = match words {
            [name, architecture, version] => (name, architecture, version, None, None),
            [name, architecture, version, source] => {
                (name, architecture, version, Some(source), None)
            }
            [name, architecture, version, source, of] => {
                (name, architecture, version, Some(source), Some(of))
            }
            _ => return Err(FORM.into()),
        };
        let text = |error: &dyn fmt::Display| error.to_string();
        let name = PackageName::parse(name).map_err(|error| text(&error))?;
        let source = source.map(|source| PackageName::parse(source)).transpose();
        let source = source.map_err(|error| text(&error))?.filter(|source| *source != name);
        let version = Version::parse(version).map_err(|error| text(&error))?;
        let of = source_version.map(|of| Version::parse(of)).transpose();
        let source_version = of.map_err(|error| text(&error))?.filter(|of| *of != version);
        let architecture = Architecture::parse(architecture).map_err(|error| text(&error))?;
        Ok(Self { name, architecture, version, source, source_version })
    }

    fn write_source(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.source, &self.source_version) {
            (None, None) => Ok(()),
            (source, None) => write!(f, " {}", source.as_ref().unwrap_or(&self.name)),
            (source, Some(of)) => write!(f, " {} {of}", source.as_ref().unwrap_or(&self.name)),
        }
    }
}

impl fmt::Display for Installed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.name, self.architecture, self.version)?;
        self.write_source(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_line_is_read_in_one_way_only() {
        for good in [
            "acme-web amd64 2.0 manual",
            "acme-web amd64 1:2.0-1 auto,hold,broken acme",
            "acme-web all 2.0-1+b1 auto acme-web 2.0-1",
            "acme-web all 2.0 manual,hold acme 1.9",
        ] {
            let entry = Entry::parse(good).unwrap();
            assert_eq!(entry.to_string(), good);
            assert_eq!(Installed::parse(&entry.package.to_string()), Ok(entry.package));
        }
        for bad in [
            "",
            "acme-web amd64 2.0",
            "acme-web amd64 2.0 hold",
            "acme-web amd64 2.0 auto,broken,hold",
            "acme-web  amd64 2.0 auto",
            "acme-web amd64 2.0 auto ",
            "acme-web amd64 2.0 auto acme-web",
            "acme-web amd64 2.0 auto acme 2.0",
            "acme-web amd64 2.0 auto acme 1.0 more",
            "Acme amd64 2.0 auto",
            "acme-web amd64 two auto",
            "acme-web \u{1b}[31m 2.0 auto",
            "acme-web amd64 2.0\nx auto",
        ] {
            assert!(Entry::parse(bad).is_err(), "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn whatever_is_read_is_written_alike(text in "[a-z0-9+. ,:~-]{0,60}|\\PC{0,40}") {
            if let Ok(entry) = Entry::parse(&text) {
                prop_assert_eq!(entry.to_string(), text);
            }
        }

        #[test]
        fn what_is_written_is_read(
            name in "[a-z0-9][a-z0-9+.-]{1,8}", version in "[0-9][0-9a-z.+~]{0,8}",
            source in proptest::option::of("[a-z0-9][a-z0-9+.-]{1,3}"), of in proptest::option::of("[0-9]{1,2}"),
            bits in 0_u8..8,
        ) {
            let name = PackageName::parse(&name).unwrap();
            let version = Version::parse(&version).unwrap();
            let source = source.map(|source| PackageName::parse(&source).unwrap());
            let of = of.map(|of| Version::parse(&of).unwrap());
            let entry = Entry {
                package: Installed {
                    source: source.filter(|source| *source != name),
                    source_version: of.filter(|of| *of != version),
                    architecture: Architecture::parse("amd64").unwrap(),
                    name, version,
                },
                marks: Marks { held: bits & 1 != 0, auto: bits & 2 != 0, broken: bits & 4 != 0 },
            };
            prop_assert_eq!(Entry::parse(&entry.to_string()), Ok(entry));
        }
    }
}

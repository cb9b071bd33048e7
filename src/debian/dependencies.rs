//! Dependencies: what a package needs, what it conflicts with, and what it provides, read back from
//! its published stanza.
//!
//! Source: Policy 7.2 and 7.5; the Multi-Arch specification as dpkg (`lib/dpkg/depcon.c`) and apt
//! (`apt-pkg/deb/deblistparser.cc`) implement it.

use std::collections::BTreeSet;

use super::PackageName;
use super::relation::{Relation, RelationField, Relations};

/// How builds of one package for several architectures go together.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum MultiArch {
    /// Only one of them is installed, and it counts only for its own architecture.
    #[default]
    No,
    /// Several are installed side by side, all of one version.
    Same,
    /// One of them is enough for packages of every architecture.
    Foreign,
    /// The same for packages that ask for `:any`.
    Allowed,
}

impl MultiArch {
    fn parse(text: &str) -> Self {
        match text.trim() {
            "same" => Self::Same,
            "foreign" => Self::Foreign,
            "allowed" => Self::Allowed,
            _ => Self::No,
        }
    }
}

/// The relations of a package that matter when it is installed.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Dependencies {
    /// Pre-Depends and Depends: all of the entries, one of the alternatives of each.
    pub needs: Vec<Vec<Relation>>,
    /// Recommends, in the same way: apt keeps an installed package back where one is not met.
    pub recommends: Vec<Vec<Relation>>,
    /// Breaks and Conflicts.
    pub avoids: Vec<Relation>,
    /// Provides.
    pub provides: Vec<Relation>,
    /// Multi-Arch.
    pub multi_arch: MultiArch,
}

impl Dependencies {
    /// Reads them from a published stanza. A malformed field is ignored.
    pub fn of_stanza(stanza: &str) -> Self {
        let mut read = Self::default();
        for (name, value) in fields(stanza) {
            let relations = |field| Relations::parse(field, value).map(Relations::into_entries);
            match name {
                "Pre-Depends" => {
                    read.needs.extend(relations(RelationField::PreDepends).unwrap_or_default())
                }
                "Depends" => {
                    read.needs.extend(relations(RelationField::Depends).unwrap_or_default());
                }
                "Recommends" => {
                    read.recommends = relations(RelationField::Recommends).unwrap_or_default();
                }
                "Breaks" => read.avoid(relations(RelationField::Breaks)),
                "Conflicts" => read.avoid(relations(RelationField::Conflicts)),
                "Provides" => {
                    let provided = relations(RelationField::Provides).unwrap_or_default();
                    read.provides = provided.into_iter().flatten().collect();
                }
                "Multi-Arch" => read.multi_arch = MultiArch::parse(value),
                _ => {}
            }
        }
        read
    }

    fn avoid<E>(&mut self, read: Result<Vec<Vec<Relation>>, E>) {
        self.avoids.extend(read.into_iter().flatten().flatten());
    }

    /// Every name that it breaks or conflicts with, each once.
    pub fn avoided_names(&self) -> BTreeSet<&PackageName> {
        self.avoids.iter().map(|relation| &relation.package).collect()
    }

    /// Every name that an alternative of its dependencies has, each once.
    pub fn needed_names(&self) -> BTreeSet<&PackageName> {
        self.needs.iter().flatten().map(|relation| &relation.package).collect()
    }

    /// What it provides under a name.
    pub fn provided(&self, name: &PackageName) -> impl Iterator<Item = &Relation> {
        self.provides.iter().filter(move |provided| provided.package == *name)
    }

    /// Every name that it provides beside its own, each once.
    pub fn provided_names(&self) -> BTreeSet<&PackageName> {
        self.provides.iter().map(|relation| &relation.package).collect()
    }
}

/// The names that a published stanza mentions, without what it says of them: to read only those takes a fraction of
/// the time that [`Dependencies::of_stanza`] takes. A name that is mentioned twice is there twice.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct MentionedNames {
    /// In Pre-Depends and Depends.
    pub needed: Vec<PackageName>,
    /// In Breaks and Conflicts.
    pub avoided: Vec<PackageName>,
    /// In Provides.
    pub provided: Vec<PackageName>,
}

impl MentionedNames {
    /// Reads them. A published stanza has each relation field on one line, in the one form of [`Relations`].
    pub fn of_stanza(stanza: &str) -> Self {
        let mut read = Self::default();
        for (field, value) in fields(stanza) {
            let names = match field {
                "Pre-Depends" | "Depends" => &mut read.needed,
                "Breaks" | "Conflicts" => &mut read.avoided,
                "Provides" => &mut read.provided,
                _ => continue,
            };
            let relations = value.split([',', '|']).map(str::trim_start);
            let name = |one: &str| {
                one.split([' ', ':']).next().and_then(|name| PackageName::parse(name).ok())
            };
            names.extend(relations.filter_map(name));
        }
        read
    }
}

/// The fields of a stanza in the spelling in which it was published, with their values.
fn fields(stanza: &str) -> impl Iterator<Item = (&str, &str)> {
    let mut rest = stanza;
    std::iter::from_fn(move || {
        if rest.is_empty() || rest.starts_with('\n') {
            return None;
        }
        let (field, more) = rest.split_at(end_of_field(rest));
        rest = more.get(1..).unwrap_or_default();
        Some(field.split_once(':').unwrap_or((field, "")))
    })
}

/// Where the first field ends: at the first line that has no continuation.
fn end_of_field(text: &str) -> usize {
    let goes_on = |at: usize| {
        text.get(at..).is_some_and(|more| more.starts_with("\n ") || more.starts_with("\n\t"))
    };
    let ends = text.match_indices('\n').map(|(at, _)| at);
    ends.into_iter().find(|at| !goes_on(*at)).unwrap_or(text.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stanza_tells_what_a_package_needs_and_is_taken_for() {
        let read = Dependencies::of_stanza(
            "Package: acme-app\nVersion: 1\nPre-Depends: acme-base:any\nMulti-Arch: foreign\n\
             Depends: acme-lib (>= 2) | acme-old,\n libc6\nProvides: acme-api (= 3), acme-web:i386\n\
             Recommends: acme-doc\nBreaks: acme-old (<< 2)\nConflicts: acme-x, acme-y\nDescription: x\n Depends: acme-no\n\nDepends: beyond\n",
        );
        let needs: Vec<Vec<String>> =
            read.needs.iter().map(|any| any.iter().map(ToString::to_string).collect()).collect();
        let wanted = [vec!["acme-base:any"], vec!["acme-lib (>= 2)", "acme-old"], vec!["libc6"]];
        assert_eq!(needs, wanted);
        let provides: Vec<_> = read.provides.iter().map(ToString::to_string).collect();
        assert_eq!(provides, ["acme-api (= 3)", "acme-web:i386"]);
        assert_eq!(read.multi_arch, MultiArch::Foreign);
        let names: Vec<_> = read.needed_names().into_iter().map(PackageName::as_str).collect();
        assert_eq!(names, ["acme-base", "acme-lib", "acme-old", "libc6"]);
        assert_eq!(read.provided_names().len(), 2);
        assert_eq!(read.avoided_names().len(), 3);
        assert_eq!(read.recommends.len(), 1);
    }

    #[test]
    fn the_names_that_a_stanza_mentions_are_those_of_its_relations() {
        let control = crate::debian::Control::parse(
            b"Package: acme-app\nVersion: 1\nArchitecture: amd64\nMaintainer: A <a@example.org>\n\
              Pre-Depends: acme-base:any\nDepends: acme-lib(>=2)|acme-old:native ,\n libc6 (<< 1:3~), zz+\n\
              Provides: acme-api (= 3) , acme-web\nRecommends: acme-doc\nBreaks: acme-old (<< 2)\n\
              Conflicts: acme-x,acme-y:any\nDescription: x\n Depends: acme-no\n",
        );
        let stanza = match control {
            Ok(control) => control.published("pool/a.deb", 1, &crate::digest::Digest::of(b"x")),
            Err(faults) => panic!("{faults:?}"),
        };
        let read = Dependencies::of_stanza(&stanza);
        let names = MentionedNames::of_stanza(&stanza);
        let once = |names: &[PackageName]| names.iter().cloned().collect::<BTreeSet<_>>();
        let owned =
            |names: BTreeSet<&PackageName>| names.into_iter().cloned().collect::<BTreeSet<_>>();
        assert_eq!(once(&names.needed), owned(read.needed_names()));
        assert_eq!(once(&names.avoided), owned(read.avoided_names()));
        assert_eq!(once(&names.provided), owned(read.provided_names()));
        assert_eq!((names.needed.len(), names.avoided.len(), names.provided.len()), (5, 3, 2));
    }

    #[test]
    fn what_says_nothing_needs_nothing() {
        for stanza in ["", "\n", "Package: x\n\n", "S", "Depends: (\n", "Provides:\nMulti-Arch:\n"]
        {
            assert_eq!(Dependencies::of_stanza(stanza), Dependencies::default(), "{stanza:?}");
        }
    }
}

//! Relations between packages: `Depends` and similar fields, read as in Policy and written in one
//! form.
//!
//! Source: Policy 7.1; what dpkg-deb refuses or warns of when it builds a package is refused here,
//! because one relation that apt cannot read hides every package of every repository from a host.

use std::cmp::Ordering;
use std::fmt;

use super::stanza::{Fault, MOST_FAULTS, quote};
use super::{Architecture, PackageName, Version};

/// The most relations that one field may hold; Debian's largest field holds 1603.
pub const MOST_RELATIONS: usize = 8192;

/// The fields of a binary package that hold relations which dpkg or apt read. Neither reads
/// `Built-Using` and `Static-Built-Using`, so those are text here.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum RelationField {
    /// `Pre-Depends`
    PreDepends,
    /// `Depends`
    Depends,
    /// `Recommends`
    Recommends,
    /// `Suggests`
    Suggests,
    /// `Enhances`
    Enhances,
    /// `Breaks`
    Breaks,
    /// `Conflicts`
    Conflicts,
    /// `Replaces`
    Replaces,
    /// `Provides`
    Provides,
}

impl RelationField {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::PreDepends,
        Self::Depends,
        Self::Recommends,
        Self::Suggests,
        Self::Enhances,
        Self::Breaks,
        Self::Conflicts,
        Self::Replaces,
        Self::Provides,
    ];

    /// The field's name as Policy spells it.
    pub fn name(self) -> &'static str {
        match self {
            Self::PreDepends => "Pre-Depends",
            Self::Depends => "Depends",
            Self::Recommends => "Recommends",
            Self::Suggests => "Suggests",
            Self::Enhances => "Enhances",
            Self::Breaks => "Breaks",
            Self::Conflicts => "Conflicts",
            Self::Replaces => "Replaces",
            Self::Provides => "Provides",
        }
    }

    /// The field of this name; case does not matter.
    pub fn find(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|field| field.name().eq_ignore_ascii_case(name))
    }

    /// Whether `a | b` has a meaning here: only where one of several packages is enough.
    fn takes_alternatives(self) -> bool {
        use RelationField::{Depends, Enhances, PreDepends, Recommends, Suggests};
        matches!(self, PreDepends | Depends | Recommends | Suggests | Enhances)
    }
}

/// How a version is compared.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Operator {
    /// `<<`
    Earlier,
    /// `<=`
    EarlierOrEqual,
    /// `=`
    Equal,
    /// `>=`
    LaterOrEqual,
    /// `>>`
    Later,
}

impl Operator {
    /// Two-letter signs come first, so that no sign is read as the beginning of another.
    const ALL: [Self; 5] =
        [Self::Earlier, Self::EarlierOrEqual, Self::LaterOrEqual, Self::Later, Self::Equal];

    /// The sign as Policy writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Earlier => "<<",
            Self::EarlierOrEqual => "<=",
            Self::Equal => "=",
            Self::LaterOrEqual => ">=",
            Self::Later => ">>",
        }
    }

    /// Whether a version is accepted that compares like this with the named one.
    pub fn accepts(self, found: Ordering) -> bool {
        match self {
            Self::Earlier => found.is_lt(),
            Self::EarlierOrEqual => found.is_le(),
            Self::Equal => found.is_eq(),
            Self::LaterOrEqual => found.is_ge(),
            Self::Later => found.is_gt(),
        }
    }
}

/// The architecture that a relation is restricted to.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Qualifier {
    /// `:any`: a build for any architecture is enough.
    Any,
    /// `:native`: the machine's own.
    Native,
    /// `:amd64` and the like.
    Concrete(Architecture),
}

impl fmt::Display for Qualifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => f.write_str("any"),
            Self::Native => f.write_str("native"),
            Self::Concrete(architecture) => architecture.fmt(f),
        }
    }
}

/// One package that a relation names. Written as `name:qualifier (>= version)`.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Relation {
    /// The package, which may be virtual.
    pub package: PackageName,
    /// For which architecture.
    pub qualifier: Option<Qualifier>,
    /// Which versions.
    pub version: Option<(Operator, Version)>,
}

impl Relation {
    /// Whether a version satisfies it. `None`, as for a Provides without a version, satisfies only
    /// a relation without one.
    pub fn accepts(&self, given: Option<&Version>) -> bool {
        match (&self.version, given) {
            (None, _) => true,
            (Some((is, wanted)), Some(given)) => is.accepts(given.compare(wanted)),
            (Some(_), None) => false,
        }
    }

    /// The version in it; in a Provides, the version that is provided.
    pub fn given_version(&self) -> Option<&Version> {
        self.version.as_ref().map(|(_, version)| version)
    }
}

impl fmt::Display for Relation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.package.fmt(f)?;
        if let Some(qualifier) = &self.qualifier {
            write!(f, ":{qualifier}")?;
        }
        match &self.version {
            Some((operator, version)) => write!(f, " ({} {})", operator.as_str(), version),
            None => Ok(()),
        }
    }
}

/// The value of a relation field: all of the entries, one of the alternatives of each.
///
/// Shape: `Display` writes it on one line, `, ` between entries and ` | ` between alternatives;
/// versions are as dpkg stores them.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Relations {
    entries: Vec<Vec<Relation>>,
}

impl Relations {
    /// Reads the value of `field`, which may be folded over several lines.
    ///
    /// Limits: [`MOST_RELATIONS`]; at least one relation.
    ///
    /// # Errors
    /// Every [`Fault`] found (sender's fault). Among them: empty entries, `<` and `>`, versions
    /// without an operator, `[amd64]` and `<!nocheck>` lists, which belong in source packages.
    ///
    /// Source: Policy 7.1 and 7.5.
    pub fn parse(field: RelationField, value: &str) -> Result<Self, Vec<Fault>> {
        let fault = |problem: String| Fault::of(field.name(), problem);
        if value.starts_with('\n') {
            let problem = "the first line is empty, which dpkg refuses; begin after the colon";
            return Err(vec![fault(problem.into())]);
        }
        if value.split([',', '|']).nth(MOST_RELATIONS).is_some() {
            return Err(vec![fault(format!("holds more than {MOST_RELATIONS} relations"))]);
        }
        let (mut entries, mut faults) = (Vec::new(), Vec::new());
        for entry in value.split(',') {
            match parse_entry(field, entry) {
                Ok(alternatives) => entries.push(alternatives),
                Err(problem) if faults.len() < MOST_FAULTS => faults.push(fault(problem)),
                Err(_) => break,
            }
        }
        if faults.is_empty() { Ok(Self { entries }) } else { Err(faults) }
    }

    /// The entries in order; each is a list of alternatives.
    pub fn entries(&self) -> &[Vec<Relation>] {
        &self.entries
    }

    /// The entries, owned.
    pub fn into_entries(self) -> Vec<Vec<Relation>> {
        self.entries
    }
}

impl fmt::Display for Relations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, entry) in self.entries.iter().enumerate() {
            f.write_str(if i == 0 { "" } else { ", " })?;
            for (j, relation) in entry.iter().enumerate() {
                f.write_str(if j == 0 { "" } else { " | " })?;
                relation.fmt(f)?;
            }
        }
        Ok(())
    }
}

fn parse_entry(field: RelationField, entry: &str) -> Result<Vec<Relation>, String> {
    if entry.contains('|') && !field.takes_alternatives() {
        return Err(format!(
            "{} offers alternatives, which mean nothing here; use ','",
            quote(trim(entry))
        ));
    }
    entry.split('|').map(|text| parse_relation(field, trim(text))).collect()
}

fn parse_relation(field: RelationField, text: &str) -> Result<Relation, String> {
    if text.is_empty() {
        return Err("an entry is empty; remove the ',' or '|' beside it".into());
    }
    let (name, rest) = split_word(text);
    let package = PackageName::parse(name).map_err(|error| error.to_string())?;
    let (qualifier, rest) = match rest.strip_prefix(':') {
        Some(rest) => {
            let (word, rest) = split_word(rest);
            (Some(parse_qualifier(word)?), rest)
        }
        None => (None, rest),
    };
    let version = parse_version(text, trim(rest))?;
    let relation = Relation { package, qualifier, version };
    match breach(field, &relation) {
        None => Ok(relation),
        Some(problem) => Err(format!("{} {problem}", quote(text))),
    }
}

/// The rule of this field that a relation breaks, although the grammar allows it.
fn breach(field: RelationField, relation: &Relation) -> Option<&'static str> {
    if field != RelationField::Provides {
        return None;
    }
    if let Some(Qualifier::Any | Qualifier::Native) = relation.qualifier {
        return Some("provides ':any' or ':native'; name an architecture or none");
    }
    let operator = relation.version.as_ref().map(|(operator, _)| *operator);
    let is_range = operator.is_some_and(|is| is != Operator::Equal);
    is_range.then_some("provides a range of versions; only '=' is allowed")
}

fn parse_qualifier(word: &str) -> Result<Qualifier, String> {
    match word {
        "any" => Ok(Qualifier::Any),
        "native" => Ok(Qualifier::Native),
        _ => Architecture::parse(word).map(Qualifier::Concrete).map_err(|error| error.to_string()),
    }
}

fn parse_version(text: &str, rest: &str) -> Result<Option<(Operator, Version)>, String> {
    if rest.is_empty() {
        return Ok(None);
    }
    let Some(inside) = rest.strip_prefix('(') else {
        return Err(after(text, rest));
    };
    let Some((inside, rest)) = inside.split_once(')') else {
        return Err(format!("{} lacks its ')'", quote(text)));
    };
    if !trim(rest).is_empty() {
        return Err(after(text, trim(rest)));
    }
    let inside = trim(inside);
    let end = inside.find(|c| !"<>=!~".contains(c)).unwrap_or(inside.len());
    let (signs, version) = inside.split_at_checked(end).unwrap_or_default();
    let Some(operator) = Operator::ALL.into_iter().find(|known| known.as_str() == signs) else {
        let problem = match signs {
            "<" | ">" => {
                "uses '<' or '>', which mean '<=' and '>='; write '<<', '<=', '>=' or '>>'"
            }
            "=>" => "uses '=>', which dpkg does not know; write '>='",
            "=<" => "uses '=<', which dpkg does not know; write '<='",
            "==" | "===" => "uses '==', which dpkg does not know; write '='",
            "" => "has a version without an operator; write '(= version)'",
            _ => {
                "uses an operator that dpkg does not know; there are '<<', '<=', '=', '>=' and '>>'"
            }
        };
        return Err(format!("{} {problem}", quote(text)));
    };
    let version = Version::parse(trim(version)).and_then(|version| version.stored());
    Ok(Some((operator, version.map_err(|error| error.to_string())?)))
}

/// What is wrong with `rest`, which comes after a complete relation.
fn after(text: &str, rest: &str) -> String {
    let problem = match rest.chars().next() {
        Some('[') => "has a list of architectures, which only a source package may have; remove it",
        Some('<') => {
            "has a list of build profiles, which only a source package may have; remove it"
        }
        _ => "goes on after a complete relation; is a ',' missing?",
    };
    format!("{} {problem}", quote(text))
}

/// Splits off the name or qualifier that `text` begins with.
fn split_word(text: &str) -> (&str, &str) {
    let end = text.find([':', '(', '[', '<', ')', ' ', '\t', '\n']).unwrap_or(text.len());
    text.split_at(end)
}

fn trim(text: &str) -> &str {
    text.trim_matches([' ', '\t', '\n'])
}

#[cfg(test)]
mod tests;

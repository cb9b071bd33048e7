//! VEX: what somebody has found out about a flaw in a package, as OpenVEX 0.2 and as CSAF 2.0 (profile VEX).
//!
//! Source: <https://github.com/openvex/spec>; <https://docs.oasis-open.org/csaf/csaf/v2.0/os/csaf-v2.0-os.html>, 4.5.

use jiff::Timestamp;
use serde::Deserialize;
use smol_str::SmolStr;

use super::advisory::{FieldError, at_most, fault, identifier};
use super::purl;
use crate::debian::{PackageName, Version};

mod csaf;

pub use csaf::parse as parse_csaf;

/// The most statements that a document may make.
pub const MOST_STATEMENTS: usize = 100_000;
/// The most products, or names of a flaw, of one statement.
pub const MOST_PRODUCTS: usize = 16_384;

/// What is said about one source package.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Statement {
    /// The names of the flaw.
    pub flaws: Vec<String>,
    /// The source package.
    pub source: PackageName,
    /// The version; `None` is every one.
    pub version: Option<Version>,
    /// The release; `None` is every one.
    pub release: Option<SmolStr>,
    /// When it was said: seconds since 1970. The last one counts.
    pub at: i64,
    /// Whether it is said to be not concerned, or not any more.
    pub clear: bool,
}

/// A document: what it says, and what of it is not understood.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Document {
    /// What it says about Debian's packages.
    pub statements: Vec<Statement>,
    /// What is left out: the flaw, and why.
    pub left_out: Vec<(String, FieldError)>,
    /// How many statements are about other products.
    pub foreign: usize,
}

#[derive(Deserialize)]
struct RawDocument {
    timestamp: Option<String>,
    last_updated: Option<String>,
    statements: Vec<serde_json::Value>,
}

#[derive(Deserialize)]
struct RawStatement {
    vulnerability: RawFlaw,
    #[serde(default)]
    products: Vec<RawProduct>,
    status: String,
    timestamp: Option<String>,
    last_updated: Option<String>,
}

/// 0.0 has a text, 0.2 an object.
#[derive(Deserialize)]
#[serde(untagged)]
enum RawFlaw {
    Name(String),
    Named {
        name: String,
        #[serde(default)]
        aliases: Vec<String>,
    },
}

#[derive(Deserialize)]
#[serde(untagged)]
enum RawProduct {
    Id(String),
    Full {
        #[serde(rename = "@id")]
        id: Option<String>,
        identifiers: Option<RawIdentifiers>,
        #[serde(default)]
        subcomponents: Vec<RawProduct>,
    },
}

#[derive(Deserialize)]
struct RawIdentifiers {
    purl: Option<String>,
}

/// Reads an OpenVEX document. One statement that is wrong does not stop the others.
///
/// # Errors
/// [`FieldError`] when the document itself is wrong, or too long.
pub fn parse_openvex(bytes: &[u8]) -> Result<Document, FieldError> {
    let raw = serde_json::from_slice::<RawDocument>(bytes);
    let raw = raw.map_err(|error| fault("OpenVEX document", &error))?;
    at_most("statements", raw.statements.len(), MOST_STATEMENTS)?;
    let at = said_at(raw.last_updated.or(raw.timestamp).as_deref())?;
    let mut document = Document::default();
    for (nth, value) in raw.statements.into_iter().enumerate() {
        let name = format!("statement {}", nth.saturating_add(1));
        if let Err(error) = read_statement(&mut document, value, at) {
            document.left_out.push((name, error));
        }
    }
    Ok(document)
}

fn read_statement(
    document: &mut Document,
    value: serde_json::Value,
    at: Option<i64>,
) -> Result<(), FieldError> {
    let raw = serde_json::from_value::<RawStatement>(value);
    let raw = raw.map_err(|error| fault("statements", &error))?;
    let (name, aliases) = match raw.vulnerability {
        RawFlaw::Name(name) => (name, Vec::new()),
        RawFlaw::Named { name, aliases } => (name, aliases),
    };
    let flaws: Vec<String> = std::iter::once(name).chain(aliases).collect();
    let flaws = read_flaws("vulnerability", &flaws)?;
    let clear = match raw.status.as_str() {
        "not_affected" | "fixed" => true,
        "affected" | "under_investigation" => false,
        _ => {
            let problem = "is none of not_affected, fixed, affected and under_investigation";
            return Err(fault("status", &problem));
        }
    };
    let own = said_at(raw.last_updated.or(raw.timestamp).as_deref())?;
    let at = own.or(at).ok_or_else(|| fault("timestamp", &"is missing"))?;
    at_most("products", raw.products.len(), MOST_PRODUCTS)?;
    let mut products = Vec::new();
    for product in raw.products {
        match product {
            // What is said of a part of something is about that part, there and nowhere else.
            RawProduct::Full { subcomponents, .. } if !subcomponents.is_empty() => {
                let problem = "is about one part of a product; name the package as the product";
                return Err(fault("products.subcomponents", &problem));
            }
            RawProduct::Full { id, identifiers, .. } => {
                products.extend(identifiers.and_then(|one| one.purl).or(id));
            }
            RawProduct::Id(id) => products.push(id),
        }
    }
    for product in products {
        document.say("products.@id", &product, (&flaws, at, clear));
    }
    Ok(())
}

impl Document {
    /// Adds what is said of a product.
    fn say(&mut self, field: &'static str, product: &str, said: (&[String], i64, bool)) {
        let (flaws, at, clear) = said;
        let read = purl::parse(field, product).and_then(|read| match read {
            Some(one) if one.binary => {
                let problem =
                    "names a binary package; flaws are those of sources: write arch=source";
                Err(fault(field, &problem))
            }
            read => Ok(read),
        });
        match read {
            Ok(Some(one)) => self.statements.push(Statement {
                flaws: flaws.to_vec(),
                source: one.name,
                version: one.version,
                release: one.release,
                at,
                clear,
            }),
            Ok(None) => self.foreign = self.foreign.saturating_add(1),
            Err(error) => {
                let flaw = flaws.first().cloned().unwrap_or_default();
                self.left_out.push((flaw, error));
            }
        }
    }
}

fn read_flaws(field: &'static str, names: &[String]) -> Result<Vec<String>, FieldError> {
    at_most(field, names.len(), MOST_PRODUCTS)?;
    names.iter().map(|name| identifier(field, name)).collect()
}

fn said_at(text: Option<&str>) -> Result<Option<i64>, FieldError> {
    let read = |text: &str| text.parse::<Timestamp>();
    let at = text.map(read).transpose().map_err(|error| fault("timestamp", &error))?;
    Ok(at.map(Timestamp::as_second))
}

#[cfg(test)]
mod tests;

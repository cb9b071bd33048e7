//! CSAF 2.0, as far as it says which flaws concern which packages.

use std::collections::HashMap;

use serde::Deserialize;

use super::{Document, MOST_PRODUCTS, MOST_STATEMENTS, read_flaws, said_at};
use crate::debian::advisory::{FieldError, at_most, fault};

/// How deep branches of products may lie in each other.
const DEEPEST: usize = 32;

#[derive(Deserialize)]
struct RawDocument {
    document: RawAbout,
    #[serde(default)]
    product_tree: RawTree,
    #[serde(default)]
    vulnerabilities: Vec<RawFlaw>,
}

#[derive(Deserialize)]
struct RawAbout {
    category: String,
    tracking: RawTracking,
}

#[derive(Deserialize)]
struct RawTracking {
    current_release_date: String,
}

#[derive(Deserialize, Default)]
struct RawTree {
    #[serde(default)]
    branches: Vec<RawBranch>,
    #[serde(default)]
    full_product_names: Vec<RawProduct>,
    #[serde(default)]
    relationships: Vec<RawRelationship>,
}

#[derive(Deserialize)]
struct RawBranch {
    #[serde(default)]
    branches: Vec<RawBranch>,
    product: Option<RawProduct>,
}

#[derive(Deserialize)]
struct RawProduct {
    product_id: String,
    product_identification_helper: Option<RawIdentification>,
}

#[derive(Deserialize)]
struct RawIdentification {
    purl: Option<String>,
}

#[derive(Deserialize)]
struct RawRelationship {
    product_reference: String,
    full_product_name: RawProduct,
}

#[derive(Deserialize)]
struct RawFlaw {
    cve: Option<String>,
    #[serde(default)]
    ids: Vec<RawId>,
    #[serde(default)]
    product_status: RawStatus,
}

#[derive(Deserialize)]
struct RawId {
    text: String,
}

#[derive(Deserialize, Default)]
struct RawStatus {
    #[serde(default)]
    known_not_affected: Vec<String>,
    #[serde(default)]
    fixed: Vec<String>,
    #[serde(default)]
    first_fixed: Vec<String>,
    #[serde(default)]
    known_affected: Vec<String>,
    #[serde(default)]
    under_investigation: Vec<String>,
}

/// Reads a document. What it says of a product is left out where that has no package URL.
///
/// # Errors
/// [`FieldError`] when the document itself is wrong, or too long.
pub fn parse(bytes: &[u8]) -> Result<Document, FieldError> {
    let raw = serde_json::from_slice::<RawDocument>(bytes);
    let raw = raw.map_err(|error| fault("CSAF document", &error))?;
    if raw.document.category != "csaf_vex" {
        return Err(fault("document.category", &"is not csaf_vex; other documents are no VEX"));
    }
    let date = said_at(Some(&raw.document.tracking.current_release_date))?.unwrap_or_default();
    let products = products(raw.product_tree)?;
    at_most("vulnerabilities", raw.vulnerabilities.len(), MOST_STATEMENTS)?;
    let mut document = Document::default();
    for (nth, flaw) in raw.vulnerabilities.into_iter().enumerate() {
        let names: Vec<_> =
            flaw.cve.into_iter().chain(flaw.ids.into_iter().map(|id| id.text)).collect();
        let name = names.first().cloned();
        let name = name.unwrap_or_else(|| format!("vulnerability {}", nth.saturating_add(1)));
        let said = read_flaws("vulnerabilities.cve", &names).and_then(|flaws| match flaws.len() {
            0 => Err(fault("vulnerabilities.cve", &"is missing")),
            _ => Ok(flaws),
        });
        let flaws = match said {
            Ok(flaws) => flaws,
            Err(error) => {
                document.left_out.push((name, error));
                continue;
            }
        };
        let status = flaw.product_status;
        let clear = [status.known_not_affected, status.fixed, status.first_fixed];
        let not = [status.known_affected, status.under_investigation];
        let all = clear.into_iter().flatten().map(|id| (id, true));
        for (id, clear) in all.chain(not.into_iter().flatten().map(|id| (id, false))) {
            match products.get(&id) {
                Some(Some(purl)) => {
                    document.say("product_identification_helper.purl", purl, (&flaws, date, clear))
                }
                Some(None) => document.foreign = document.foreign.saturating_add(1),
                None => {
                    let problem = "names a product that is not in product_tree";
                    document.left_out.push((name.clone(), fault("product_status", &problem)));
                }
            }
        }
    }
    Ok(document)
}

/// The package URL of each product, where it has one.
fn products(tree: RawTree) -> Result<HashMap<String, Option<String>>, FieldError> {
    let mut found = HashMap::new();
    let mut add = |product: RawProduct| {
        let purl = product.product_identification_helper.and_then(|helper| helper.purl);
        found.insert(product.product_id, purl);
    };
    tree.full_product_names.into_iter().for_each(&mut add);
    let mut level = tree.branches;
    for _ in 0..DEEPEST {
        let mut next = Vec::new();
        for branch in level {
            branch.product.into_iter().for_each(&mut add);
            next.extend(branch.branches);
        }
        level = next;
    }
    // A package in a release: what is said of it is said of the package there.
    for one in tree.relationships {
        let own = one.full_product_name.product_identification_helper.and_then(|one| one.purl);
        let purl = own.or_else(|| found.get(&one.product_reference).cloned().flatten());
        found.insert(one.full_product_name.product_id, purl);
    }
    at_most("product_tree", found.len(), MOST_PRODUCTS.saturating_mul(8))?;
    match level.is_empty() {
        true => Ok(found),
        false => Err(fault("product_tree.branches", &"lie too deep in each other")),
    }
}

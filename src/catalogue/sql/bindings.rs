//! Bindings: which package a name, version and architecture belong to within a namespace.

use super::rows::number_optional;
use super::{Answer, Tx, one};
use crate::catalogue::CatalogueError;
use crate::debian::Namespace;
use crate::digest::Digest;

const PACKAGE: &str = "\
    SELECT p.id, p.name, p.version, p.architecture, b.package_id FROM package AS p \
        LEFT JOIN binding AS b ON b.namespace = $1 AND b.name = p.name \
            AND b.version = p.version AND b.architecture = p.architecture \
    WHERE p.digest = $2";

// What was removed and came again gets its binding back, which counts as before. Adds no row when other bytes have the name, version and architecture in this namespace already.
const BIND: &str = "\
    INSERT INTO binding (name, version, architecture, namespace, digest, package_id, by_slice) \
    VALUES ($1, $2, $3, $4, $5, $6, $7) \
    ON CONFLICT (name, version, architecture, namespace) DO UPDATE SET package_id = excluded.package_id \
    WHERE binding.digest = excluded.digest";

const ACCEPT: &str = "UPDATE package SET accepted = $1 WHERE id = $2 AND accepted = 0";

// Another suite of the namespace may have taken the package meanwhile, in slices or not.
const NOT_BIND: &str = "\
    DELETE FROM binding WHERE package_id = $1 AND by_slice = 1 \
        AND namespace = (SELECT namespace FROM suite WHERE id = $2) \
        AND NOT EXISTS ( \
            SELECT 1 FROM acceptance AS a JOIN suite AS s ON s.id = a.suite_id \
            WHERE a.package_id = binding.package_id AND s.namespace = binding.namespace)";

/// What made a binding. A binding made by a slice counts once the acceptance recorded with it
/// counts.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum By {
    /// The generation that makes it visible.
    Generation,
    /// A slice of the next generation.
    Slice,
}

/// A package, and the package that its name, version and architecture are bound to in a namespace.
#[derive(Clone)]
pub struct Bound {
    /// The id of its row.
    pub id: i64,
    /// SHA-256 of its bytes.
    pub digest: Digest,
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Its architecture.
    pub architecture: String,
    /// The id of the package that has these three in the namespace.
    pub bound: Option<i64>,
}

/// Finds a package by its digest.
pub fn find(tx: &mut dyn Tx, namespace: &Namespace, digest: &Digest) -> Answer<Option<Bound>> {
    one(tx, PACKAGE, &[namespace.as_str().into(), digest.into()], |row| {
        let text = |column| row.text(column).map(str::to_owned);
        let (id, bound) = (row.integer(0)?, number_optional(row, 4)?);
        let (name, version, architecture) = (text(1)?, text(2)?, text(3)?);
        Ok(Bound { id, digest: *digest, name, version, architecture, bound })
    })
}

/// Makes a package's name, version and architecture its own in a namespace, for ever.
///
/// # Errors
/// [`CatalogueError::Taken`] when other bytes have them there.
pub fn bind(tx: &mut dyn Tx, namespace: &Namespace, package: &Bound, by: By) -> Answer<()> {
    let Bound { id, digest, name, version, architecture, .. } = package;
    let values = [
        name.as_str().into(),
        version.as_str().into(),
        architecture.as_str().into(),
        namespace.as_str().into(),
        digest.into(),
        (*id).into(),
        i64::from(by == By::Slice).into(),
    ];
    if tx.exec(BIND, &values)? == 0 {
        let [name, version, architecture] = [name, version, architecture].map(String::clone);
        return Err(CatalogueError::Taken { name, version, architecture });
    }
    let accepted = if by == By::Slice { 2 } else { 1 };
    tx.exec(ACCEPT, &[i64::from(accepted).into(), (*id).into()]).map(drop)
}

/// Deletes a binding that a slice made, after the acceptance recorded with it was deleted.
///
/// # Errors
/// [`CatalogueError`] of the database.
pub fn unbind(tx: &mut dyn Tx, package: i64, suite: i64) -> Answer<()> {
    tx.exec(NOT_BIND, &[package.into(), suite.into()]).map(drop)
}

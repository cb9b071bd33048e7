//! Packages: the `.deb` files and their stanzas.

use std::collections::BTreeSet;

use crate::catalogue::CatalogueError;
use crate::digest::Digest;
use crate::domain::Package;
use crate::flow::check::found::{Checked, Finding, Stores};
use crate::flow::error::{Damage, FlowError};
use crate::flow::threads::on_every_core;
use crate::pool::{Kind, PoolError};

/// How many are looked at in one go.
const AT_ONCE: u32 = 500;

/// Checks every package; leaves in `stored` what belongs to none.
pub(super) fn check(
    stores: Stores<'_>,
    checked: &mut Checked,
    stored: &mut BTreeSet<(Digest, u64)>,
    advance: &mut dyn FnMut(usize),
) -> Result<(), FlowError> {
    let mut last = None;
    loop {
        let digests = stores.catalogue.list_digests(last, AT_ONCE)?;
        let Some(end) = digests.last() else { return Ok(()) };
        last = Some(*end);
        let records = stores.catalogue.find_packages(&digests)?;
        let packages: Vec<_> = records.into_iter().map(|record| record.package).collect();
        let found = on_every_core(&packages, |package| of_package(stores, package))?;
        checked.findings.extend(found.into_iter().flatten().flatten());
        checked.packages = checked.packages.saturating_add(packages.len() as u64);
        for package in &packages {
            stored.remove(&(package.digest, package.size_bytes));
        }
        advance(packages.len());
    }
}

/// What is wrong with a package.
///
/// # Errors
/// [`FlowError`] when a store cannot be read at all.
pub(in crate::flow) fn of_package(
    stores: Stores<'_>,
    package: &Package,
) -> Result<[Option<Finding>; 2], FlowError> {
    Ok([blob(stores, package)?, stanza(stores, package)?])
}

fn named(package: &Package) -> String {
    let Package { name, version, architecture, digest, .. } = package;
    format!("{name} {version} {architecture} (SHA-256 {digest})")
}

fn blob(stores: Stores<'_>, package: &Package) -> Result<Option<Finding>, FlowError> {
    let problem = match stores.prove(Kind::Blob, &package.digest) {
        Ok(Some(size_bytes)) if size_bytes == package.size_bytes => return Ok(None),
        Ok(Some(_)) | Err(PoolError::Damaged { .. }) => "has another digest or size",
        Ok(None) => "is lost",
        Err(PoolError::Obstructed { .. }) => "is no file",
        Err(problem) => return Err(problem.into()),
    };
    let text = format!("the .deb of {} {problem}; upload the same file again", named(package));
    Ok(Some(Finding { text, damage: vec![Damage::Blob(package.digest)] }))
}

fn stanza(stores: Stores<'_>, package: &Package) -> Result<Option<Finding>, FlowError> {
    match stores.catalogue.read_stanzas(&[package.digest]) {
        Ok(read) => {
            stores.tell(read.iter().map(|stanza| stanza.len() as u64).sum())?;
            Ok(None)
        }
        Err(CatalogueError::Stanza(_)) => {
            let text = format!("the stanza of {} has another digest", named(package));
            Ok(Some(Finding { text, damage: vec![Damage::Stanza(package.digest)] }))
        }
        Err(problem @ (CatalogueError::Missing(_) | CatalogueError::Damaged(_))) => {
            let text = format!("the stanza of {} cannot be read: {problem}", named(package));
            Ok(Some(Finding { text, damage: vec![Damage::Stanza(package.digest)] }))
        }
        Err(problem) => Err(problem.into()),
    }
}

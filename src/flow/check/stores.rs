//! Stores: both of them, checked as a whole.

use std::collections::BTreeSet;

use crate::digest::Digest;
use crate::flow::check::found::{Checked, Finding, Stores};
use crate::flow::check::{files, packages};
use crate::flow::error::{Damage, FlowError};
use crate::flow::threads::on_every_core;
use crate::pool::{Kind, PoolError};

/// How many packs are looked at in one go.
const AT_ONCE: usize = 16;

/// Holds every `.deb`, pack, stanza and index file against its digest. `progress` is given how
/// many were looked at.
///
/// The time grows with all that is stored; the memory does not, but for some 100 bytes for each
/// stored file.
///
/// # Errors
/// [`FlowError`] when a store cannot be read at all.
pub fn check(stores: Stores<'_>, progress: &mut dyn FnMut(u64)) -> Result<Checked, FlowError> {
    let named = stores.catalogue.list_packs()?;
    let mut checked = Checked { packs: named.len() as u64, ..Checked::default() };
    let mut done = 0_u64;
    let mut advance = |more: usize| {
        done = done.saturating_add(more as u64);
        progress(done);
    };
    let mut bad = BTreeSet::new();
    for part in named.chunks(AT_ONCE) {
        let found = on_every_core(part, |pack| pack_of(stores, pack))?;
        for finding in found.into_iter().flatten() {
            bad.extend(finding.damage.iter().copied());
            checked.findings.push(finding);
        }
        advance(part.len());
    }
    let mut orphans: BTreeSet<_> = stored(stores, Kind::Pack)?;
    named.iter().for_each(|pack| orphans.retain(|(digest, _)| digest != pack));
    let mut blobs = stored(stores, Kind::Blob)?;
    packages::check(stores, &mut checked, &mut blobs, &mut advance)?;
    orphans.append(&mut blobs);
    files::check(stores, &mut checked, &bad, &mut advance)?;
    checked.orphans = orphans.len() as u64;
    checked.orphan_bytes = orphans.iter().map(|(_, bytes)| bytes).sum();
    Ok(checked)
}

fn stored(stores: Stores<'_>, kind: Kind) -> Result<BTreeSet<(Digest, u64)>, FlowError> {
    let listed = stores.pool.list(kind)?;
    Ok(listed.into_iter().map(|one| (one.digest, one.size_bytes)).collect())
}

/// What is wrong with a pack.
///
/// # Errors
/// [`FlowError`] when a store cannot be read at all.
pub(in crate::flow) fn pack_of(
    stores: Stores<'_>,
    pack: &Digest,
) -> Result<Option<Finding>, FlowError> {
    let problem = match stores.prove(Kind::Pack, pack) {
        Ok(Some(_)) => return Ok(None),
        Ok(None) => "is lost",
        Err(PoolError::Damaged { .. }) => "has another digest",
        Err(PoolError::Obstructed { .. }) => "is no file",
        Err(problem) => return Err(problem.into()),
    };
    let text = format!("pack {pack} of indices {problem}");
    Ok(Some(Finding { text, damage: vec![Damage::Pack(*pack)] }))
}

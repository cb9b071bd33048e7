//! Unreadable: packages that an earlier version of this program listed and that stop apt on every
//! host. An ordinary change leaves them out, with a reason that everybody finds in the history.

use crate::debian::packages::LONGEST_PROVEN_BYTES;
use crate::domain::Change;
use crate::domain::{Conflict, ConflictKind, ConflictReason, Draft, Package};

/// Removes newly listed packages that apt cannot read from a change; gives a note about each.
///
/// # Errors
/// [`Conflict`] when the change adds or pins such a package.
pub(crate) fn take_out(
    draft: &mut Draft<'_>,
    before: &Draft<'_>,
    change: &Change,
) -> Result<Vec<String>, Conflict> {
    let (mut notes, mut reasons) = (Vec::new(), Vec::new());
    for (place, now) in draft.since(before).0 {
        let Some(package) = now.filter(|package| is_long(package)) else { continue };
        let stanza_bytes = package.stanza_bytes;
        let problem = format!(
            "has a stanza of {stanza_bytes} bytes, which is more than apt reads: `apt-get update` would stop on every \
             host; build a version with shorter fields"
        );
        match change {
            Change::Add(_) | Change::Promote(_) | Change::Pin(..) => {
                reasons.push(ConflictReason::of(&package, problem));
            }
            _ => {
                let Package { name, version, architecture, .. } = &*package;
                notes.push(format!("{name} {version} {architecture} {problem}; it is left out"));
                draft.clear(&place);
            }
        }
    }
    match reasons.is_empty() {
        true => Ok(notes),
        false => Err(Conflict { kind: ConflictKind::Other, reasons }),
    }
}

pub(crate) fn is_long(package: &Package) -> bool {
    usize::try_from(package.stanza_bytes).unwrap_or(usize::MAX) > LONGEST_PROVEN_BYTES
}

//! Aliases in the file: what is altered, from whom one is taken, and which hosts stop.

use super::manifest::SuiteEntry;
use crate::api::{SuiteEdit, SuiteView};
use crate::cli::command::alias::{ends, holder, stops};
use crate::debian::SuiteName;

/// What a suite that is there, or is made before, gets another alias by; nothing when it has that one.
pub fn edit(
    name: &SuiteName,
    have: Option<&SuiteName>,
    entry: &SuiteEntry,
    there: &[SuiteView],
    (edit, lines): (&mut SuiteEdit, &mut Vec<String>),
) {
    let has = have.map(SuiteName::as_str).unwrap_or_default();
    let Some(alias) = entry.alias.as_ref().filter(|alias| *alias != has) else { return };
    lines.push(format!("alias {has:?} -> {alias:?}"));
    lines.extend(have.into_iter().flat_map(|lost| ends(name, lost)));
    edit.alias_from = holder(there, alias).filter(|from| from != name);
    lines.extend(edit.alias_from.iter().flat_map(|from| stops(alias, from, name)));
    edit.alias = Some(alias.clone());
}

/// The alias that a new suite has from the beginning: one that no suite has.
pub fn at_once(entry: &SuiteEntry, there: &[SuiteView]) -> Option<SuiteName> {
    let alias = entry.alias.as_ref()?;
    holder(there, alias).is_none().then(|| alias.parse().ok()).flatten()
}

//! Hold: a suite that is held offers nothing that it did not list when the hold began. What comes meanwhile is
//! taken and held back; the release judges it as if it came then.

use std::collections::{BTreeMap, BTreeSet};

use crate::debian::PackageName;
use crate::domain::add::{Standing, judge};
use crate::domain::draft::Draft;
use crate::domain::offering;
use crate::domain::{Conflict, Hold};

/// How many names a sentence has.
const MOST_NAMED: usize = 8;

/// Begins a hold; gives the sentence for people. A suite that is held stays held as it is.
pub fn begin(draft: &mut Draft<'_>, hold: Hold) -> String {
    let suite = draft.spec.name.clone();
    match draft.hold() {
        Some(held) => format!("suite {suite} is held already, {}", held.told()),
        None => {
            draft.holding.begin(hold);
            format!(
                "suite {suite} is held: what is uploaded waits until `repoctl release --suite {suite}`"
            )
        }
    }
}

/// Ends a hold: what was held back is listed, as far as nothing else keeps it out. Gives sentences about what
/// stays out.
///
/// # Errors
/// [`Conflict`] when the suite is not held.
pub fn release(draft: &mut Draft<'_>) -> Result<Vec<String>, Conflict> {
    let suite = &draft.spec.name;
    if draft.hold().is_none() {
        let problem = "is not held; `repoctl status` tells which suites are";
        return Err(Conflict::one(format!("suite {suite}"), problem));
    }
    let mut stays: BTreeMap<String, BTreeSet<PackageName>> = BTreeMap::new();
    for ((component, _), package) in &draft.holding.end() {
        match judge(draft, component, package, false) {
            (Standing::Published, _) => {
                offering::offer(draft, component, package);
            }
            (Standing::Already | Standing::RollingOut, _) => {}
            (Standing::Waiting | Standing::Withdrawn, why) => {
                stays.entry(why).or_default().insert(package.name.clone());
            }
        }
    }
    Ok(stays.into_iter().map(|(why, names)| told(&names, &why)).collect())
}

fn told(names: &BTreeSet<PackageName>, why: &str) -> String {
    let shown: Vec<_> = names.iter().take(MOST_NAMED).map(PackageName::as_str).collect();
    let more = match names.len().saturating_sub(MOST_NAMED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    format!("{}{more} still waits: {why}", shown.join(", "))
}

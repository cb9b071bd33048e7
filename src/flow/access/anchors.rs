//! Anchors: whoever changes the CAs that may certify clients does so in files. The audit log has a line
//! of each change: what was read is compared with what the log was told last.

use std::collections::BTreeMap;

use tracing::{error, warn};

use crate::digest::{Digest, Hasher};
use crate::domain::audit::Search;
use crate::domain::{Actor, Event};
use crate::flow::error::FlowError;
use crate::flow::repository::Repository;
use crate::flow::threads::lock;

/// The verb of such a line.
const VERB: &str = "trust";
/// The most CAs that a line names.
const MOST_NAMES: usize = 8;

/// CAs by their ids: the name of each, and a digest of its certificates.
type Authorities = BTreeMap<String, (String, Digest)>;

/// Tells the audit log which CAs came, went or were renewed since it was told last. Blocks. A failure is
/// logged, and the next look tries again.
pub fn tell(repository: &Repository) {
    let mut told = lock(&repository.told_authorities);
    let found = repository.trust.current().authorities();
    let found: Authorities =
        found.into_iter().map(|(id, name, digest)| (id.to_string(), (name, digest))).collect();
    if told.as_ref() == Some(&found) {
        return;
    }
    // The embedded CA is renewed by the server itself, with the same key and name.
    let external = repository.trust.is_external();
    let what = match &*told {
        Some(before) => Ok(changed(before, &found, external)),
        None if external => since_the_stop(repository, &found),
        None => Ok(None),
    };
    let recorded = what.and_then(|what| {
        let Some(what) = what else { return Ok(()) };
        let detail = format!("CAs {}: {what}", mark(&found));
        warn!(detail, "the CAs that may certify clients are others");
        let event = Event::done(Actor::server(), VERB, repository.now()).with(&detail);
        Ok(repository.catalogue.record_events(&[event])?)
    });
    match recorded {
        Ok(()) => *told = Some(found),
        Err(problem) => {
            error!(%problem, "a change of CAs has no line in the audit log yet; it is tried again");
        }
    }
}

/// What changed in the files; `None` when it is nothing that somebody did.
fn changed(before: &Authorities, after: &Authorities, external: bool) -> Option<String> {
    let lacks = |of: &Authorities, other: &Authorities| -> Vec<String> {
        let gone = of.iter().filter(|(id, _)| !other.contains_key(*id));
        gone.map(|(_, (name, _))| name.clone()).collect()
    };
    let renewed = after
        .iter()
        .filter(|(id, now)| external && before.get(*id).is_some_and(|then| then.1 != now.1));
    let renewed: Vec<_> = renewed.map(|(_, (name, _))| name.clone()).collect();
    let parts = [
        ("added", lacks(after, before)),
        ("removed", lacks(before, after)),
        ("other certificates of", renewed),
    ];
    let said = parts.iter().filter(|(_, names)| !names.is_empty());
    let said: Vec<_> = said.map(|(what, names)| format!("{what} {}", some_of(names))).collect();
    (!said.is_empty()).then(|| said.join("; "))
}

/// What a start finds that the log does not know.
fn since_the_stop(
    repository: &Repository,
    found: &Authorities,
) -> Result<Option<String>, FlowError> {
    let search = Search { verb: Some(VERB.into()), ..Search::default() };
    let last = repository.catalogue.list_last_entries(&search, None, 1)?;
    let names: Vec<_> = found.values().map(|(name, _)| name.clone()).collect();
    let mark = mark(found);
    Ok(match last.first() {
        Some(entry) if entry.event.detail.starts_with(&format!("CAs {mark}:")) => None,
        Some(_) => Some(format!("changed while the server was stopped, now {}", some_of(&names))),
        None => Some(format!("first seen, {}", some_of(&names))),
    })
}

/// A short digest of a set of CAs.
fn mark(authorities: &Authorities) -> String {
    let mut hasher = Hasher::new();
    for (id, (_, digest)) in authorities {
        hasher.update(id.as_bytes());
        hasher.update(digest.as_bytes());
    }
    hasher.finish().short()
}

fn some_of(names: &[String]) -> String {
    let some: Vec<_> = names.iter().take(MOST_NAMES).map(String::as_str).collect();
    match names.len().saturating_sub(MOST_NAMES) {
        0 => some.join(", "),
        more => format!("{} and {more} more", some.join(", ")),
    }
}

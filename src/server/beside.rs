//! Beside: whether the files beside the stores, and the audit log, are what they should be.

use super::audit::ARCHIVE_KEY_BYTES;
use super::{DataDirectory, ServerError, keys, part};
use crate::catalogue::Catalogue;
use crate::config::Config;
use crate::flow::audit::seal;
use crate::flow::check::found::Finding;
use crate::signing::DateFloor;
use crate::time::Moment;

/// How far ahead of the clock a Date may be. Unit: seconds.
const AHEAD_SECONDS: i64 = 3_600;

/// A finding that no repair begins with.
pub(super) fn text(text: String) -> Finding {
    Finding { text, damage: Vec::new() }
}

/// The last Date of each suite: it is noted beside the catalogue, and ahead of no clock.
pub(super) fn dates(
    catalogue: &dyn Catalogue,
    data: &DataDirectory,
    now: Moment,
) -> Result<Vec<Finding>, ServerError> {
    let floor = match DateFloor::open(data.floor()) {
        Ok(floor) => floor,
        Err(problem) => return Ok(vec![text(format!("the date floor: {problem}"))]),
    };
    let mut found = Vec::new();
    for spec in catalogue.list_suites().map_err(part("catalogue"))? {
        let suite = &spec.name;
        let state = catalogue.load_suite(suite).map_err(part("catalogue"))?;
        let Some(head) = state.and_then(|state| state.head) else { continue };
        match floor.read(suite) {
            Err(problem) => found.push(text(format!("the date floor of {suite}: {problem}"))),
            Ok(None) => found.push(text(format!("{suite} has no date floor"))),
            Ok(Some(date)) if date < head.date => found.push(text(format!(
                "the date floor of {suite} is {date}, before the Date of its head, {}",
                head.date
            ))),
            Ok(Some(_)) => {}
        }
        if head.date.since(now) > AHEAD_SECONDS {
            let ahead = format!("the head of {suite} is dated {}, ahead of the clock", head.date);
            found.push(text(ahead));
        }
    }
    Ok(found)
}

/// The keys that sign, their public file, and the log that they signed.
pub(super) fn keyring(
    config: &Config,
    data: &DataDirectory,
    catalogue: &dyn Catalogue,
    now: Moment,
) -> Vec<Finding> {
    let mut found = Vec::new();
    match keys::keyring(config, data).map(|keyring| keyring.list()) {
        Ok(Ok(_)) => {}
        Ok(Err(problem)) => found.push(text(format!("the keyring: {problem}"))),
        Err(problem) => found.push(text(format!("the keyring: {problem}"))),
    }
    match crate::reading::read_text(&data.archive_key(), ARCHIVE_KEY_BYTES) {
        Ok(public) => {
            let mut verdict = seal::verify(catalogue, &public, now);
            let kept = DateFloor::open(data.floor()).and_then(|floor| floor.read_statement());
            let compared = verdict.compare(catalogue, kept.unwrap_or_default().as_deref());
            found.extend(compared.err().map(|problem| text(format!("the audit log: {problem}"))));
            let faults = verdict.faults.into_iter();
            found.extend(faults.map(|fault| text(format!("the audit log: {fault}"))));
        }
        Err(problem) => {
            let path = data.archive_key();
            found.push(text(format!("the public keys, {}: {problem}", path.display())));
        }
    }
    found
}

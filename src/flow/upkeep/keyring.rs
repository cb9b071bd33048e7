//! Keyring: every change of the signing keys has its entry in the audit log.
//!
//! The keyring is a file, and the log is in the catalogue, so no transaction covers both. Therefore
//! a change is recorded before it is made, and afterwards the keyring is compared with what the log
//! says of it. If the server stops between the two, the next comparison writes the entry in the
//! name of the recorded asker. A change that was not recorded was made by hand, and its entry says
//! so.

use crate::catalogue::{Audit, AuditedKeyring, KeyringChange};
use crate::domain::{Actor, Event};
use crate::flow::error::FlowError;
use crate::signing::KeyringKey;
use crate::time::Moment;

/// Records who is about to change the keyring. Earlier changes that have no entry get theirs first.
///
/// # Errors
/// [`FlowError`] from the catalogue; nothing may be changed then.
pub fn begin<A: Audit + ?Sized>(
    audit: &A,
    keyring: &[KeyringKey],
    change: KeyringChange,
    now: Moment,
) -> Result<(), FlowError> {
    tell(audit, keyring, now)?;
    Ok(audit.record_keyring(&AuditedKeyring { keys: lines(keyring), change: Some(change) }, &[])?)
}

/// Writes an entry for every key that was added or retired since the last comparison. The first
/// comparison writes none.
///
/// # Errors
/// [`FlowError`] from the catalogue; the next comparison finds the same differences then.
pub fn tell<A: Audit + ?Sized>(
    audit: &A,
    keyring: &[KeyringKey],
    now: Moment,
) -> Result<(), FlowError> {
    let keys = lines(keyring);
    let events = match audit.find_keyring()? {
        Some(logged) if logged.keys == keys && logged.change.is_none() => return Ok(()),
        Some(logged) => differences(&logged, &keys, now),
        None => Vec::new(),
    };
    Ok(audit.record_keyring(&AuditedKeyring { keys, change: None }, &events)?)
}

fn differences(logged: &AuditedKeyring, keys: &[String], now: Moment) -> Vec<Event> {
    let by_hand = KeyringChange {
        actor: Actor::server(),
        message: String::new(),
        remark: "found so, changed by hand".into(),
    };
    let change = logged.change.as_ref().unwrap_or(&by_hand);
    let line = |verb: &str, key: &String| {
        let detail = match change.remark.is_empty() {
            true => key.clone(),
            false => format!("{key}; {}", change.remark),
        };
        Event::done(change.actor.clone(), verb, now).with(&detail).because(&change.message)
    };
    let came = keys.iter().filter(|key| !logged.keys.contains(key));
    let went = logged.keys.iter().filter(|key| !keys.contains(key));
    let came = came.map(|key| line("key-add", key));
    came.chain(went.map(|key| line("key-retire", key))).collect()
}

/// Each key as a short text, sorted.
fn lines(keyring: &[KeyringKey]) -> Vec<String> {
    let mut lines: Vec<_> = keyring.iter().map(line).collect();
    lines.sort();
    lines
}

fn line(key: &KeyringKey) -> String {
    let suites = key.suites.as_ref().map(|suites| suites.iter().map(ToString::to_string).collect());
    let suites = suites.map_or_else(|| "every suite".into(), |names: Vec<_>| names.join(" "));
    format!("{} {} for {suites}", key.algorithm, key.fingerprint)
}

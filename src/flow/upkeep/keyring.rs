//! Keyring: no change of the signing keys goes without its line in the audit log.
//!
//! The keyring is a file, and the log is in the catalogue: no transaction holds both. So who changes the keyring
//! says so first, and after the change the keyring is held against what the log has told of it. A stop
//! between the two is made good by the next look, in the name of who had begun; what nobody had begun
//! was done by hand, and is told as that.

use crate::catalogue::{Audit, AuditedKeyring, KeyringChange};
use crate::domain::{Actor, Event};
use crate::flow::error::FlowError;
use crate::signing::KeyringKey;
use crate::time::Moment;

/// Notes who is about to change the keyring. What was changed before and has no line gets it first.
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

/// Adds a line for every key that came or went since the log last told of the keyring. The first look takes
/// the keyring as it is.
///
/// # Errors
/// [`FlowError`] from the catalogue; the next look finds the same then.
pub fn tell<A: Audit + ?Sized>(
    audit: &A,
    keyring: &[KeyringKey],
    now: Moment,
) -> Result<(), FlowError> {
    let keys = lines(keyring);
    let events = match audit.find_keyring()? {
        Some(told) if told.keys == keys && told.change.is_none() => return Ok(()),
        Some(told) => differences(&told, &keys, now),
        None => Vec::new(),
    };
    Ok(audit.record_keyring(&AuditedKeyring { keys, change: None }, &events)?)
}

fn differences(told: &AuditedKeyring, keys: &[String], now: Moment) -> Vec<Event> {
    let by_hand = KeyringChange {
        actor: Actor::server(),
        message: String::new(),
        remark: "found so, changed by hand".into(),
    };
    let change = told.change.as_ref().unwrap_or(&by_hand);
    let line = |verb: &str, key: &String| {
        let detail = match change.remark.is_empty() {
            true => key.clone(),
            false => format!("{key}; {}", change.remark),
        };
        Event::done(change.actor.clone(), verb, now).with(&detail).because(&change.message)
    };
    let came = keys.iter().filter(|key| !told.keys.contains(key));
    let went = told.keys.iter().filter(|key| !keys.contains(key));
    let came = came.map(|key| line("key-add", key));
    came.chain(went.map(|key| line("key-retire", key))).collect()
}

/// Each key in short, in an order of their own.
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

//! The audit log: an entry is added in the transaction of the change that it reports.

use super::rows::{damaged, number, number_optional, parse};
use super::{Answer, Row, Store, Tx, Value, all, count, one};
use crate::catalogue::{
    Audit, AuditedKeyring, CatalogueError, Checkpoint, Delivery, KeyringChange,
};
use crate::digest::Digest;
use crate::domain::audit::{ChainEnd, Entry, Search, Statement};
use crate::domain::{Actor, Event};
use crate::time::Moment;

// Writing the row locks it against other writers until the transaction ends.
const LOCK_END: &str =
    "UPDATE audit_end SET entries = entries WHERE id = 1 RETURNING entries, hash";

const END: &str = "SELECT entries, hash FROM audit_end WHERE id = 1";

const MOVE_END: &str = "UPDATE audit_end SET entries = $1, hash = $2 WHERE id = 1";

const ADD: &str = "\
    INSERT INTO audit (number, at, identity, serial, verb, suite, detail, message, \
        generation_before, generation_after, outcome, times, hash) \
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)";

const COUNT: &str = "SELECT COUNT(*) FROM audit";

/// A query for a list of entries. A filter that is not set is NULL or 0, and a bound that is not
/// set is the lowest or highest value.
macro_rules! entries {
    ($bound:literal, $rest:literal) => {
        concat!(
            "SELECT number, at, identity, serial, verb, suite, detail, message, generation_before, \
                 generation_after, outcome, times, hash \
             FROM audit WHERE ",
            $bound,
            " AND at >= $2 AND at < $3 \
                 AND (CAST($4 AS TEXT) IS NULL OR identity = $4) \
                 AND (CAST($5 AS TEXT) IS NULL OR suite = $5) \
                 AND (CAST($6 AS TEXT) IS NULL OR verb = $6) \
                 AND (CAST($7 AS BIGINT) = 0 OR outcome <> 'done') ",
            $rest
        )
    };
}

const FORWARDS: &str = entries!("number > $1", "ORDER BY number LIMIT $8");

const BACKWARDS: &str = entries!("number < $1", "ORDER BY number DESC LIMIT $8");

const RECORD_CHECKPOINT: &str = "\
    INSERT INTO audit_checkpoint (entries, signed_at, text, digest) VALUES ($1, $2, $3, $4) \
    ON CONFLICT (entries) DO NOTHING";

const CHECKPOINTS: &str =
    "SELECT entries, signed_at, text, digest FROM audit_checkpoint ORDER BY entries";

const LAST_CHECKPOINT: &str = "\
    SELECT entries, signed_at, text, digest FROM audit_checkpoint ORDER BY entries DESC LIMIT 1";

const KEYRING: &str = "\
    SELECT key_lines, identity, serial, message, remark FROM audit_keyring WHERE id = 1";

const RECORD_KEYRING: &str = "\
    INSERT INTO audit_keyring (id, key_lines, identity, serial, message, remark) \
    VALUES (1, $1, $2, $3, $4, $5) \
    ON CONFLICT (id) DO UPDATE SET key_lines = excluded.key_lines, \
        identity = excluded.identity, serial = excluded.serial, message = excluded.message, \
        remark = excluded.remark";

const DELIVERY: &str =
    "SELECT list_lines, identity, serial, message FROM audit_delivery WHERE id = 1";

const RECORD_DELIVERY: &str = "\
    INSERT INTO audit_delivery (id, list_lines, identity, serial, message) \
    VALUES (1, $1, $2, $3, $4) \
    ON CONFLICT (id) DO UPDATE SET list_lines = excluded.list_lines, \
        identity = excluded.identity, serial = excluded.serial, message = excluded.message";

const FORGET_DELIVERY: &str = "DELETE FROM audit_delivery WHERE id = 1";

impl<S: Store> Audit for S {
    fn record_events(&self, events: &[Event]) -> Answer<()> {
        let events = events.to_vec();
        self.write(move |tx| add(tx, &events))
    }

    fn list_entries(&self, search: &Search, after: u64, limit: u32) -> Answer<Vec<Entry>> {
        list(self, FORWARDS, search, count(after)?, limit)
    }

    fn list_last_entries(
        &self,
        search: &Search,
        before: Option<u64>,
        limit: u32,
    ) -> Answer<Vec<Entry>> {
        let before = before.map(count).transpose()?.unwrap_or(i64::MAX);
        list(self, BACKWARDS, search, before, limit)
    }

    fn chain_end(&self) -> Answer<ChainEnd> {
        self.read(|tx| one(tx, END, &[], end)?.ok_or_else(missing_end))
    }

    fn count_entries(&self) -> Answer<u64> {
        self.read(|tx| Ok(one(tx, COUNT, &[], |row| number(row, 0))?.unwrap_or_default()))
    }

    fn record_checkpoint(&self, checkpoint: &Checkpoint) -> Answer<()> {
        let checkpoint = checkpoint.clone();
        self.write(move |tx| {
            let values = [
                count(checkpoint.statement.end.entries)?.into(),
                checkpoint.statement.at.0.into(),
                checkpoint.text.as_str().into(),
                (&Digest::of(checkpoint.text.as_bytes())).into(),
            ];
            tx.exec(RECORD_CHECKPOINT, &values).map(drop)
        })
    }

    fn last_checkpoint(&self) -> Answer<Option<Checkpoint>> {
        self.read(|tx| one(tx, LAST_CHECKPOINT, &[], checkpoint))
    }

    fn list_checkpoints(&self) -> Answer<Vec<Checkpoint>> {
        self.read(|tx| all(tx, CHECKPOINTS, &[], checkpoint))
    }

    fn find_keyring(&self) -> Answer<Option<AuditedKeyring>> {
        self.read(|tx| one(tx, KEYRING, &[], keyring))
    }

    fn record_keyring(&self, keyring: &AuditedKeyring, events: &[Event]) -> Answer<()> {
        let (keyring, events) = (keyring.clone(), events.to_vec());
        self.write(move |tx| {
            let change = keyring.change.as_ref();
            let text = |of: fn(&KeyringChange) -> &str| Value::from(change.map(of));
            let values = [
                keyring.keys.join("\n").into(),
                text(|change| &change.actor.identity),
                text(|change| &change.actor.serial),
                text(|change| &change.message),
                text(|change| &change.remark),
            ];
            tx.exec(RECORD_KEYRING, &values)?;
            add(tx, &events)
        })
    }

    fn find_delivery(&self) -> Answer<Option<Delivery>> {
        self.read(|tx| one(tx, DELIVERY, &[], delivery))
    }

    fn record_delivery(&self, delivery: Option<&Delivery>, events: &[Event]) -> Answer<()> {
        let (delivery, events) = (delivery.cloned(), events.to_vec());
        self.write_needed(move |tx| {
            match &delivery {
                Some(Delivery { lists, actor, message }) => {
                    let lists = lists.join("\n");
                    let texts = [&lists, &actor.identity, &actor.serial, message];
                    tx.exec(RECORD_DELIVERY, &texts.map(|text| text.as_str().into()))?;
                }
                None => drop(tx.exec(FORGET_DELIVERY, &[])?),
            }
            add(tx, &events)
        })
    }
}

fn delivery(row: &dyn Row) -> Answer<Delivery> {
    let text = |column| Ok::<_, CatalogueError>(row.text(column)?.to_owned());
    Ok(Delivery {
        lists: text(0)?.lines().map(str::to_owned).collect(),
        actor: Actor { identity: text(1)?, serial: text(2)? },
        message: text(3)?,
    })
}

fn keyring(row: &dyn Row) -> Answer<AuditedKeyring> {
    let text = |column| Ok::<_, CatalogueError>(row.text(column)?.to_owned());
    let change = match row.is_null(1)? {
        true => None,
        false => {
            let actor = Actor { identity: text(1)?, serial: text(2)? };
            Some(KeyringChange { actor, message: text(3)?, remark: text(4)? })
        }
    };
    Ok(AuditedKeyring { keys: text(0)?.lines().map(str::to_owned).collect(), change })
}

fn list<S: Store>(
    store: &S,
    sql: &'static str,
    search: &Search,
    bound: i64,
    limit: u32,
) -> Answer<Vec<Entry>> {
    let values = [
        bound.into(),
        search.since.map_or(i64::MIN, |since| since.0).into(),
        search.until.map_or(i64::MAX, |until| until.0).into(),
        search.identity.as_deref().into(),
        search.suite.as_deref().into(),
        search.verb.as_deref().into(),
        i64::from(search.refused).into(),
        i64::from(limit).into(),
    ];
    store.read(|tx| all(tx, sql, &values, entry))
}

/// Adds events to the log, in the transaction of the changes that they report.
///
/// # Errors
/// [`CatalogueError::Damaged`] when the row with the end of the log is missing.
pub fn add(tx: &mut dyn Tx, events: &[Event]) -> Answer<()> {
    if events.is_empty() {
        return Ok(());
    }
    let mut last = one(tx, LOCK_END, &[], end)?.ok_or_else(missing_end)?;
    for event in events {
        let number = last.entries.saturating_add(1);
        let entry = Entry::following(&last.hash, number, event.clone());
        insert(tx, &entry)?;
        last = ChainEnd { entries: number, hash: entry.hash };
    }
    tx.exec(MOVE_END, &[count(last.entries)?.into(), (&last.hash).into()]).map(drop)
}

fn insert(tx: &mut dyn Tx, entry: &Entry) -> Answer<()> {
    let Event { at, actor, verb, suite, detail, message, before, after, outcome, times } =
        &entry.event;
    let values = [
        count(entry.number)?.into(),
        at.0.into(),
        actor.identity.as_str().into(),
        actor.serial.as_str().into(),
        verb.as_str().into(),
        suite.as_str().into(),
        detail.as_str().into(),
        message.as_str().into(),
        before.map(count).transpose()?.into(),
        after.map(count).transpose()?.into(),
        outcome.as_str().into(),
        count(*times)?.into(),
        (&entry.hash).into(),
    ];
    tx.exec(ADD, &values).map(drop)
}

fn missing_end() -> CatalogueError {
    damaged("the row is gone that says where the audit log ends")
}

fn end(row: &dyn Row) -> Answer<ChainEnd> {
    Ok(ChainEnd { entries: number(row, 0)?, hash: parse(row, 1)? })
}

fn entry(row: &dyn Row) -> Answer<Entry> {
    let text = |column| row.text(column).map(str::to_owned);
    Ok(Entry {
        number: number(row, 0)?,
        event: Event {
            at: Moment(row.integer(1)?),
            actor: Actor { identity: text(2)?, serial: text(3)? },
            verb: text(4)?,
            suite: text(5)?,
            detail: text(6)?,
            message: text(7)?,
            before: number_optional(row, 8)?,
            after: number_optional(row, 9)?,
            outcome: text(10)?,
            times: number(row, 11)?,
        },
        hash: parse(row, 12)?,
    })
}

/// Reads a checkpoint. The columns repeat what the text says, so an altered column is found here.
/// Whether the text itself was altered, only its signature can show.
fn checkpoint(row: &dyn Row) -> Answer<Checkpoint> {
    let text = row.text(2)?;
    let entries: u64 = number(row, 0)?;
    let altered = || damaged(format!("the checkpoint of {entries} audit entries was altered"));
    if row.text(3)? != Digest::of(text.as_bytes()).to_string() {
        return Err(altered());
    }
    let begin = text.find("\n\n").and_then(|at| text.get(at.saturating_add(2)..));
    let signed = begin.and_then(|rest| rest.split_once("-----BEGIN")).map(|(signed, _)| signed);
    let statement = signed.and_then(Statement::parse).ok_or_else(altered)?;
    if statement.end.entries != entries || statement.at.0 != row.integer(1)? {
        return Err(altered());
    }
    Ok(Checkpoint { statement, text: text.to_owned() })
}

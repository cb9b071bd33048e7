//! A log on disk, altered in every way by somebody who may write to the file.

use std::path::Path;

use repod::catalogue::{Audit as _, Checkpoint, SqliteCatalogue};
use repod::domain::audit::{Search, Statement};
use repod::domain::{Actor, Event};
use repod::flow::audit::seal::{Verdict, verify};
use repod::signing::{DateFloor, KeyKind, Signer, generate};
use repod::time::Moment;
use rusqlite::types::Value;
use rusqlite::{Connection, params};
use tempfile::TempDir;

const BEGUN: Moment = Moment(1_795_400_000);

/// A log with a checkpoint after every third entry.
struct Log {
    room: TempDir,
    catalogue: SqliteCatalogue,
    raw: Connection,
    keys: String,
}

fn event(number: i64) -> Event {
    let actor = Actor { identity: "ops.example".into(), serial: "1a".into() };
    let event = Event::done(actor, "pin", BEGUN.plus(number)).within("stable");
    let event = event.with("web=1.0").because("broke");
    Event { before: (number > 2).then_some(4), after: Some(5), ..event }
}

impl Log {
    fn new() -> Self {
        Self::of(7)
    }

    fn of(entries: i64) -> Self {
        let room = TempDir::new().unwrap();
        let key = generate(KeyKind::Ed25519, "test archive key", BEGUN).unwrap();
        let floor = DateFloor::create(room.path().join("floor")).unwrap();
        let signer = Signer::new(vec![key], floor).unwrap();
        let path = room.path().join("catalogue.sqlite");
        let catalogue = SqliteCatalogue::open(&path).unwrap();
        for number in 1..=entries {
            catalogue.record_events(&[event(number)]).unwrap();
            if number % 3 == 0 {
                let end = catalogue.chain_end().unwrap();
                let statement = Statement { end, at: BEGUN.plus(number) };
                let text = signer.sign_statement(&statement.write(), statement.at).unwrap();
                catalogue.record_checkpoint(&Checkpoint { statement, text }).unwrap();
            }
        }
        let raw = Connection::open(&path).unwrap();
        raw.execute_batch("PRAGMA synchronous = OFF").unwrap();
        Self { keys: signer.public_armored().unwrap(), room, catalogue, raw }
    }

    fn verify(&self) -> Verdict {
        verify(&self.catalogue, &self.keys, BEGUN.plus(1_000))
    }

    /// As somebody does who means it: what guards against slips does not stop them.
    fn disarm(&self) {
        let guards = "DROP TRIGGER audit_stays; DROP TRIGGER audit_keeps; \
                      PRAGMA ignore_check_constraints = ON;";
        self.raw.execute_batch(guards).unwrap();
    }

    /// Alters the file, looks, and puts everything back.
    #[track_caller]
    fn expect_found(&self, what: &str, alter: impl FnOnce(&Connection)) {
        self.keep("main", "kept");
        alter(&self.raw);
        let verdict = self.verify();
        assert!(!verdict.faults.is_empty(), "{what} was not found");
        self.keep("kept", "main");
    }

    fn keep(&self, from: &str, to: &str) {
        let path = self.room.path().join("kept.sqlite");
        let name = |schema: &str, table: &str| match schema {
            "kept" => format!("kept.{table}"),
            _ => format!("main.{table}"),
        };
        self.raw
            .execute("ATTACH ?1 AS kept", [path.display().to_string()])
            .expect("it is attached once at a time");
        for table in TABLES {
            let (from, to) = (name(from, table), name(to, table));
            let copy = match to.starts_with("kept") {
                true => {
                    format!("DROP TABLE IF EXISTS {to}; CREATE TABLE {to} AS SELECT * FROM {from};")
                }
                false => format!("DELETE FROM {to}; INSERT INTO {to} SELECT * FROM {from};"),
            };
            self.raw.execute_batch(&copy).unwrap();
        }
        self.raw.execute_batch("DETACH kept").unwrap();
    }
}

const TABLES: [&str; 3] = ["audit", "audit_end", "audit_checkpoint"];

/// Everything that a value becomes when one byte of it is another.
fn flipped(value: &Value) -> Vec<Value> {
    match value {
        Value::Null => vec![Value::Integer(0), Value::Integer(1)],
        Value::Integer(number) => {
            let bytes = (0..8).map(|byte| Value::Integer(number ^ (0x40 << (8 * byte))));
            bytes.chain([Value::Null]).collect()
        }
        Value::Text(text) => {
            let flip = |(at, bits): (usize, u8)| {
                let mut bytes = text.clone().into_bytes();
                bytes[at] ^= bits;
                Value::Blob(bytes)
            };
            (0..text.len()).map(|at| (at, [0x01, 0x20, 0x80][at % 3])).map(flip).collect()
        }
        other => panic!("the log holds no {other:?}"),
    }
}

fn columns(raw: &Connection, table: &str) -> Vec<String> {
    let mut statement = raw.prepare(&format!("SELECT * FROM {table} LIMIT 0")).unwrap();
    let names = statement.column_names().into_iter().map(str::to_owned).collect();
    drop(statement.query([]).unwrap());
    names
}

#[test]
fn every_byte_of_every_value_counts() {
    let log = Log::of(4);
    assert_eq!(log.verify().faults, Vec::<String>::new());
    assert_eq!((log.verify().end.entries, log.verify().signed_entries), (4, 3));
    log.disarm();
    let mut flips = 0;
    for table in TABLES {
        let rows: Vec<i64> = {
            let mut statement = log.raw.prepare(&format!("SELECT rowid FROM {table}")).unwrap();
            let rows = statement.query_map([], |row| row.get(0)).unwrap();
            rows.map(Result::unwrap).collect()
        };
        for (row, column) in rows
            .iter()
            .flat_map(|row| columns(&log.raw, table).into_iter().map(move |column| (*row, column)))
        {
            let read = format!("SELECT {column} FROM {table} WHERE rowid = ?1");
            let value: Value = log.raw.query_row(&read, [row], |r| r.get(0)).unwrap();
            let cast = if matches!(value, Value::Text(_)) { "CAST(?1 AS TEXT)" } else { "?1" };
            let write = format!("UPDATE {table} SET {column} = {cast} WHERE rowid = ?2");
            let is_key = ["number", "entries", "id"].contains(&column.as_str());
            for other in flipped(&value) {
                match log.raw.execute(&write, params![other, row]) {
                    Ok(touched) => assert_eq!(touched, 1),
                    // Nothing is nothing where the schema demands a value.
                    Err(_) if matches!(other, Value::Null) => continue,
                    Err(error) => panic!("{table}.{column} of {row}: {error}"),
                }
                let verdict = log.verify();
                assert!(!verdict.faults.is_empty(), "{table}.{column} of {row} as {other:?}");
                let now = match &other {
                    Value::Integer(moved) if is_key && table != "audit_end" || column == "id" => {
                        *moved
                    }
                    _ => row,
                };
                let back = format!("UPDATE {table} SET {column} = ?1 WHERE rowid = ?2");
                assert_eq!(log.raw.execute(&back, params![value, now]).unwrap(), 1);
                flips += 1;
            }
        }
    }
    assert_eq!(log.verify().faults, Vec::<String>::new(), "everything is back");
    assert!(flips > 1_000, "only {flips} were tried");
}

#[test]
fn what_is_gone_swapped_or_put_in_is_found() {
    let log = Log::new();
    log.disarm();
    let run = |text: &str| {
        let text = text.to_owned();
        move |raw: &Connection| raw.execute_batch(&text).unwrap()
    };
    for number in 1..=7 {
        log.expect_found(
            "a line that is gone",
            run(&format!("DELETE FROM audit WHERE number = {number}")),
        );
        // Whoever removes one may also close the gap.
        let close = format!(
            "DELETE FROM audit WHERE number = {number}; \
             UPDATE audit SET number = -(number - 1) WHERE number > {number}; \
             UPDATE audit SET number = -number WHERE number < 0; \
             UPDATE audit_end SET entries = 6;"
        );
        log.expect_found("a line that is gone and its gap closed", run(&close));
        for other in 1..number {
            let swap = format!(
                "UPDATE audit SET number = 99 WHERE number = {number}; \
                 UPDATE audit SET number = {number} WHERE number = {other}; \
                 UPDATE audit SET number = {other} WHERE number = 99;"
            );
            log.expect_found("two lines that are swapped", run(&swap));
        }
        let columns = "at, identity, serial, verb, suite, detail, message, generation_before, \
                       generation_after, outcome, times, hash";
        let copy = |to: i64| {
            format!(
                "INSERT INTO audit (number, {columns}) \
                 SELECT {to}, {columns} FROM audit WHERE number = {number};"
            )
        };
        for to in [-1, 0, 8, 99] {
            log.expect_found("a line that is put in", run(&copy(to)));
        }
        log.expect_found("one at the end", run(&(copy(8) + "UPDATE audit_end SET entries = 8;")));
    }
    // The tail, with the end set back to where the chain holds, is found from under a checkpoint.
    for kept in 0..6 {
        let back = format!(
            "DELETE FROM audit WHERE number > {kept}; UPDATE audit_end SET entries = {kept}, \
             hash = COALESCE((SELECT hash FROM audit WHERE number = {kept}), printf('%064d', 0));"
        );
        log.expect_found("a tail that is gone", run(&back));
    }
    log.expect_found("everything gone", run("DELETE FROM audit; DELETE FROM audit_end;"));
    assert_eq!(log.verify().faults, Vec::<String>::new(), "everything is back");
}

#[test]
fn a_chain_that_was_written_anew_is_found_by_its_checkpoints() {
    let log = Log::new();
    log.disarm();
    // Somebody who may write anything, but has not the key: entries by another, all hashes right.
    log.raw
        .execute_batch(
            "DELETE FROM audit; UPDATE audit_end SET entries = 0, hash = printf('%064d', 0);",
        )
        .unwrap();
    let forged: Vec<_> = (1..=7)
        .map(|number| {
            let event = event(number);
            Event { actor: Actor { identity: "other.example".into(), ..event.actor }, ..event }
        })
        .collect();
    log.catalogue.record_events(&forged).unwrap();
    let verdict = log.verify();
    let names = |text: &str| verdict.faults.iter().filter(|fault| fault.contains(text)).count();
    assert_eq!(names("is not the one that a checkpoint names"), 2, "{:?}", verdict.faults);
    // Checkpoints by another key do not help.
    let key = generate(KeyKind::Ed25519, "their key", BEGUN).unwrap();
    let floor = DateFloor::create(log.room.path().join("their floor")).unwrap();
    let theirs = Signer::new(vec![key], floor).unwrap();
    log.raw.execute_batch("DELETE FROM audit_checkpoint").unwrap();
    let statement = Statement { end: log.catalogue.chain_end().unwrap(), at: BEGUN };
    let text = theirs.sign_statement(&statement.write(), statement.at).unwrap();
    log.catalogue.record_checkpoint(&Checkpoint { statement, text }).unwrap();
    let verdict = log.verify();
    assert_eq!((verdict.signed_entries, verdict.faults.len()), (0, 1), "{:?}", verdict.faults);
    // None at all: the log is only as whole as the file. That is why one is kept elsewhere.
    log.raw.execute_batch("DELETE FROM audit_checkpoint").unwrap();
    let verdict = log.verify();
    assert_eq!((verdict.signed_entries, verdict.faults.len()), (0, 0), "{:?}", verdict.faults);
}

#[test]
fn a_slip_cannot_alter_the_log() {
    let log = Log::new();
    for text in
        ["UPDATE audit SET verb = 'x' WHERE number = 2", "DELETE FROM audit WHERE number = 2"]
    {
        let error = log.raw.execute_batch(text).unwrap_err().to_string();
        assert!(error.contains("only ever added to"), "{error}");
    }
    let path: &Path = &log.room.path().join("catalogue.sqlite");
    let reading = SqliteCatalogue::open_reading(path).unwrap();
    assert_eq!(reading.list_entries(&Search::default(), 0, 100).unwrap().len(), 7);
    assert!(reading.record_events(&[event(8)]).is_err());
}

#[test]
fn only_statements_are_signed_as_statements() {
    let room = TempDir::new().unwrap();
    let key = generate(KeyKind::Ed25519, "test archive key", BEGUN).unwrap();
    let signer =
        Signer::new(vec![key], DateFloor::create(room.path().join("floor")).unwrap()).unwrap();
    for text in [
        "Date: Mon, 23 Nov 2026 03:31:39 UTC\n",
        "Audit-Checkpoint: 1\nSHA256: x\n",
        "Audit-Checkpoint: 1\nsuite: stable\n",
        "Audit-Checkpoint: 1\n\nEntries: 1\n",
        "Audit-Checkpoint: 1",
        "Audit-Checkpoint: 1 \n",
        "Audit-Checkpoint: ü\n",
        " x: y\n",
        "SHA256:\n 00 1 x\n",
    ] {
        assert!(signer.sign_statement(text, BEGUN).is_err(), "{text:?}");
    }
}

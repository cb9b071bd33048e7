//! The audit log.

use crate::api::{AuditEntry, AuditVerdict};
use crate::cli::sheet::Sheet;
use crate::cli::table::Table;
use crate::cli::text::{count, escape};
use crate::time::Moment;

/// Entries, as a table: one line each.
pub fn list(entries: &[AuditEntry], sheet: &Sheet) -> String {
    let headings = [">ENTRY", "TIME", "WHO", "VERB", "SUITE", "GENERATION", "OUTCOME", "WHAT"];
    let mut table = Table::new(&headings);
    for entry in entries {
        table.row([
            entry.number.to_string(),
            Moment(entry.at).iso(),
            entry.identity.clone(),
            entry.verb.clone(),
            entry.suite.clone(),
            moved(entry.before, entry.after),
            outcome(entry),
            what(entry),
        ]);
    }
    table.lines(0, sheet)
}

fn moved(before: Option<u64>, after: Option<u64>) -> String {
    match (before, after) {
        (Some(before), Some(after)) if before == after => before.to_string(),
        (Some(before), Some(after)) => format!("{before}->{after}"),
        (Some(only), None) | (None, Some(only)) => only.to_string(),
        (None, None) => String::new(),
    }
}

fn outcome(entry: &AuditEntry) -> String {
    match entry.times {
        1 => entry.outcome.clone(),
        times => format!("{} x{times}", entry.outcome),
    }
}

fn what(entry: &AuditEntry) -> String {
    match (entry.detail.is_empty(), entry.message.is_empty()) {
        (_, true) => entry.detail.clone(),
        (true, false) => format!("({})", entry.message),
        (false, false) => format!("{} ({})", entry.detail, entry.message),
    }
}

/// The verdict on a whole log, and up to which entry it is signed.
pub fn whole(verdict: &AuditVerdict) -> String {
    let entries = count(verdict.entries, "entry");
    let signed = match verdict.signed_entries {
        0 => "no signature was judged".to_owned(),
        signed => format!("signed up to entry {signed}"),
    };
    let hash = escape(&verdict.hash.to_string());
    let checkpoints = count(verdict.checkpoints, "checkpoint");
    format!("the audit log is whole: {entries}, {checkpoints}, {signed}\n  last hash  {hash}\n")
}

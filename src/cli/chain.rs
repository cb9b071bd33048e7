//! The chain of the audit log, computed only from its entries.

use crate::api::{AuditEntry, read_statement};
use crate::cli::text::escape_json;
use crate::digest::Digest;

/// The most faults that are reported.
const MOST_FAULTS: usize = 20;

/// A signed statement that the chain has to match.
struct Mark {
    entries: u64,
    hash: Digest,
    name: String,
}

/// A chain, as far as it was read.
pub struct Chain {
    entries: u64,
    hash: Digest,
    /// The nearest one last.
    marks: Vec<Mark>,
    faults: Vec<String>,
}

impl Chain {
    /// A chain without entries.
    pub fn new() -> Self {
        Self { entries: 0, hash: Digest::ZERO, marks: Vec::new(), faults: Vec::new() }
    }

    /// Demands that the chain matches a signed statement; must be called before any entry is added.
    pub fn demand(&mut self, name: &str, signed: &str) {
        match read_statement(signed) {
            Some((entries, hash)) => {
                self.marks.push(Mark { entries, hash, name: name.to_owned() });
                self.marks.sort_by_key(|mark| std::cmp::Reverse(mark.entries));
            }
            None => self.fault(format!("{name} is no checkpoint of an audit log")),
        }
    }

    /// Records a fault.
    pub fn fault(&mut self, text: String) {
        if self.faults.len() < MOST_FAULTS {
            self.faults.push(text);
        }
    }

    /// Adds the next entry.
    pub fn take(&mut self, entry: &AuditEntry) {
        let number = self.entries.saturating_add(1);
        if entry.number != number {
            let found = entry.number;
            self.fault(format!("entry {found} is where entry {number} must be"));
        } else if entry.hash != entry.chained(&self.hash) {
            self.fault(format!("entry {number} is not what was written, or not in its place"));
        }
        (self.entries, self.hash) = (entry.number, entry.hash);
        while let Some(mark) = self.marks.pop_if(|mark| mark.entries <= entry.number) {
            if (mark.entries, mark.hash) != (entry.number, entry.hash) {
                let Mark { entries, name, .. } = mark;
                self.fault(format!("entry {entries} is not the one that {name} names"));
            }
        }
    }

    /// Adds a line of an export.
    pub fn take_line(&mut self, line: &str) {
        let number = self.entries.saturating_add(1);
        match serde_json::from_str::<AuditEntry>(line) {
            // A line with the same content in another spelling was altered, too.
            Ok(entry) if self::line(&entry) == line => self.take(&entry),
            _ => {
                self.fault(format!("the line of entry {number} is not as it was written"));
                self.entries = number;
            }
        }
    }

    /// The last entry that a demanded statement names.
    pub fn farthest(&self) -> u64 {
        self.marks.first().map_or(0, |mark| mark.entries)
    }

    /// How many entries were added.
    pub fn entries(&self) -> u64 {
        self.entries
    }

    /// Ends the chain: how many entries, the hash of the last, and all faults.
    pub fn finish(mut self) -> (u64, Digest, Vec<String>) {
        while let Some(Mark { entries, hash, name }) = self.marks.pop() {
            // A statement from before the first entry matches any log.
            if entries > 0 || hash != Digest::ZERO {
                let end = self.entries;
                self.fault(format!("{name} names entry {entries}, and the log ends at {end}"));
            }
        }
        (self.entries, self.hash, self.faults)
    }
}

/// An entry as a line of an export, without its line end.
pub fn line(entry: &AuditEntry) -> String {
    escape_json(&serde_json::to_string(entry).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log() -> Vec<AuditEntry> {
        let mut previous = Digest::ZERO;
        let entry = |number: u64| {
            let mut entry = AuditEntry {
                number,
                at: 1_795_404_699 + number as i64,
                identity: "ops.example".into(),
                serial: "1a".into(),
                verb: "pin".into(),
                suite: "stable".into(),
                detail: "web=1.0".into(),
                message: "it \"broke\" \u{202e}ü".into(),
                before: (number > 1).then_some(number),
                after: Some(number + 1),
                outcome: "done".into(),
                times: 1,
                hash: Digest::ZERO,
            };
            entry.hash = entry.chained(&previous);
            previous = entry.hash;
            entry
        };
        (1..=5).map(entry).collect()
    }

    fn export() -> String {
        log().iter().map(|entry| format!("{}\n", line(entry))).collect()
    }

    fn checkpoint(entry: &AuditEntry) -> String {
        let (number, hash) = (entry.number, entry.hash);
        format!("Audit-Checkpoint: 1\nEntries: {number}\nHash: {hash}\n")
    }

    /// The same way as `repoctl audit verify FILE`.
    fn faults(export: &[u8], kept: &[String]) -> Vec<String> {
        let mut chain = Chain::new();
        kept.iter().for_each(|text| chain.demand("kept", text));
        super::super::command::audit::take_export(&mut chain, export);
        chain.finish().2
    }

    #[test]
    fn every_byte_of_an_export_counts() {
        let (whole, kept) = (export(), [checkpoint(&log()[4])]);
        assert_eq!(faults(whole.as_bytes(), &kept), Vec::<String>::new());
        for at in 0..whole.len() {
            for flip in [0x01, 0x20, 0x80] {
                let mut altered = whole.clone().into_bytes();
                altered[at] ^= flip;
                assert_ne!(faults(&altered, &kept), Vec::<String>::new(), "byte {at} ^ {flip}");
            }
            let mut shorter = whole.clone().into_bytes();
            shorter.remove(at);
            assert_ne!(faults(&shorter, &kept), Vec::<String>::new(), "without byte {at}");
        }
    }

    #[test]
    fn lines_that_are_gone_swapped_or_put_in_are_found() {
        let whole = export();
        let lines: Vec<_> = whole.split_inclusive('\n').collect();
        let kept = [checkpoint(&log()[4])];
        let altered = |alter: &dyn Fn(&mut Vec<&str>)| {
            let mut lines = lines.clone();
            alter(&mut lines);
            faults(lines.concat().as_bytes(), &kept)
        };
        for at in 0..5 {
            assert_ne!(
                altered(&|lines| {
                    let _gone = lines.remove(at);
                }),
                Vec::<String>::new(),
                "{at} gone"
            );
            let again = |lines: &mut Vec<&str>| lines.insert(at, lines[at]);
            assert_ne!(altered(&again), Vec::<String>::new(), "{at} twice");
            for other in 0..at {
                assert_ne!(altered(&|lines| lines.swap(at, other)), Vec::<String>::new());
            }
        }
        // A missing tail goes unnoticed, but not when a checkpoint that covers it was kept.
        assert_eq!(faults(lines[..4].concat().as_bytes(), &[]), Vec::<String>::new());
        assert_eq!(faults(lines[..4].concat().as_bytes(), &kept).len(), 1);
    }

    #[test]
    fn a_log_that_was_chained_anew_is_found_by_the_checkpoint_that_was_kept() {
        let kept = [checkpoint(&log()[2])];
        let mut previous = Digest::ZERO;
        let forged = log().into_iter().map(|mut entry| {
            entry.identity = "somebody.else".into();
            entry.hash = entry.chained(&previous);
            previous = entry.hash;
            format!("{}\n", line(&entry))
        });
        let forged: String = forged.collect();
        assert_eq!(faults(forged.as_bytes(), &[]), Vec::<String>::new());
        assert_eq!(faults(forged.as_bytes(), &kept).len(), 1);
    }
}

//! Document: one text with records of flaws, of whichever kind it is.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::value::RawValue;

use crate::cli::failure::Failure;
use crate::debian::vex::{self, Document};
use crate::debian::{osv, tracker};
use crate::domain::vulnerable::{Advisories, TooMany};

/// How many records that are left out are told in full. All are counted.
const MOST_TOLD: usize = 1_000;

/// What is a record, for who gave something else.
pub const KINDS: &str = "records are those of OSV (a folder, all.zip, .json, .jsonl), the JSON of Debian's security \
                         tracker, OpenVEX, or CSAF of the category csaf_vex";

/// A record that is left out.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct LeftOut {
    /// Where it is: the file, and what of it.
    pub place: String,
    /// The record, where that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub record: Option<String>,
    /// The field, and what is wrong with it.
    pub problem: String,
}

impl LeftOut {
    /// For people.
    pub fn told(&self) -> String {
        let record = self.record.as_ref().map(|one| format!("{one}: ")).unwrap_or_default();
        format!("{}: {record}{}", self.place, self.problem)
    }
}

/// The records that are left out.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Faults {
    /// The first thousand.
    pub told: Vec<LeftOut>,
    /// How many there are.
    pub count: u64,
}

/// Reads texts into what is known.
pub struct Reader {
    /// What is known.
    pub known: Advisories,
    /// What is left out.
    pub faults: Faults,
}

impl Reader {
    /// Nothing is known yet. With a name only what is known under it is kept.
    pub fn new(only: Option<String>) -> Self {
        Self { known: Advisories::new(only), faults: Faults::default() }
    }

    /// How many records and statements were read, of whatever they are.
    pub fn read(&self) -> u64 {
        let counts = self.known.counts();
        counts.records.saturating_add(counts.statements)
    }

    /// Names a record that is left out.
    pub fn leave_out(&mut self, place: &str, record: Option<String>, problem: String) {
        self.faults.count = self.faults.count.saturating_add(1);
        if self.faults.told.len() < MOST_TOLD {
            self.faults.told.push(LeftOut { place: place.to_owned(), record, problem });
        }
    }

    /// Reads a text: one document, a list of records, or a record in each line.
    ///
    /// # Errors
    /// A [`Failure`] when there is more than is kept. What is wrong in the text is left out, and named.
    pub fn text(&mut self, place: &str, bytes: &[u8]) -> Result<(), Failure> {
        let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes).trim_ascii();
        let in_lines = place.ends_with(".jsonl") || place.ends_with(".ndjson");
        if in_lines || begins_with_a_record(bytes) {
            for (line, number) in bytes.split(|byte| *byte == b'\n').zip(1_u64..) {
                if !line.trim_ascii().is_empty() {
                    self.value(&format!("{place}: line {number}"), line)?;
                }
            }
            return Ok(());
        }
        if bytes.first() != Some(&b'[') {
            return self.value(place, bytes);
        }
        match serde_json::from_slice::<Vec<&RawValue>>(bytes) {
            Ok(values) => {
                for (value, number) in values.into_iter().zip(1_u64..) {
                    self.value(&format!("{place}: entry {number}"), value.get().as_bytes())?;
                }
            }
            Err(error) => self.leave_out(place, None, format!("it is no JSON: {error}")),
        }
        Ok(())
    }

    fn value(&mut self, place: &str, bytes: &[u8]) -> Result<(), Failure> {
        let fields = match serde_json::from_slice::<BTreeMap<String, &RawValue>>(bytes) {
            Ok(fields) => fields,
            Err(error) => {
                self.leave_out(place, None, format!("it is no object in JSON: {error}"));
                return Ok(());
            }
        };
        let has = |name: &str| fields.contains_key(name);
        let told = if has("statements") {
            self.vex(place, vex::parse_openvex(bytes))
        } else if has("document") {
            self.vex(place, vex::parse_csaf(bytes))
        } else if ["id", "affected", "schema_version", "modified"].into_iter().any(has) {
            match osv::parse(bytes) {
                Ok(advisory) => self.known.add(advisory),
                Err(error) => {
                    let id = fields.get("id").and_then(|id| serde_json::from_str(id.get()).ok());
                    self.leave_out(place, id, error.to_string());
                    Ok(())
                }
            }
        } else if !fields.is_empty() && fields.values().all(|one| one.get().starts_with('{')) {
            self.tracker(place, bytes)
        } else {
            self.leave_out(place, None, format!("it is no record; {KINDS}"));
            Ok(())
        };
        told.map_err(|error| Failure::refused(format!("{place}: {error}")))
    }

    fn vex(
        &mut self,
        place: &str,
        read: Result<Document, crate::debian::advisory::FieldError>,
    ) -> Result<(), TooMany> {
        let document = match read {
            Ok(document) => document,
            Err(error) => {
                self.leave_out(place, None, error.to_string());
                return Ok(());
            }
        };
        for (record, error) in document.left_out {
            self.leave_out(place, Some(record), error.to_string());
        }
        document.statements.into_iter().try_for_each(|said| self.known.state(said))
    }

    fn tracker(&mut self, place: &str, bytes: &[u8]) -> Result<(), TooMany> {
        let mut outcome = Ok(());
        let mut take = |read| match read {
            Ok(advisory) if outcome.is_ok() => outcome = self.known.add(advisory),
            Ok(_) => {}
            Err((record, error)) => {
                let error: crate::debian::advisory::FieldError = error;
                self.faults.count = self.faults.count.saturating_add(1);
                if self.faults.told.len() < MOST_TOLD {
                    let (place, problem) = (place.to_owned(), error.to_string());
                    self.faults.told.push(LeftOut { place, record: Some(record), problem });
                }
            }
        };
        if let Err(error) = tracker::parse(bytes, &mut take) {
            self.leave_out(place, None, error.to_string());
        }
        outcome
    }
}

/// Whether the first line is a whole object, and not all of the text.
fn begins_with_a_record(bytes: &[u8]) -> bool {
    let first = bytes.split(|byte| *byte == b'\n').next().unwrap_or_default();
    first.len() < bytes.len()
        && first.first() == Some(&b'{')
        && serde_json::from_slice::<&RawValue>(first).is_ok()
}

#[cfg(test)]
mod tests;

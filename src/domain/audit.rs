//! Audit: the log entry of everything that was done or refused, and how entries are chained.
//!
//! The hash of an entry covers all that the entry says and the hash before it. So no entry can be
//! altered, removed, moved or inserted without changing every later hash. The encoding is in
//! `docs/FORMATS.md`.

use crate::digest::Digest;
use crate::domain::Identity;
use crate::time::Moment;

/// The beginning of every encoded entry. Another shape of entries needs another title.
pub const TITLE: &str = "repod audit entry 1";
/// The outcome of what was done.
pub const DONE: &str = "done";
/// The longest text of an entry. Unit: bytes.
pub const LONGEST_TEXT_BYTES: usize = 1_024;

/// Who did it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Actor {
    /// The identity that the certificate names; empty when no certificate proved one.
    pub identity: String,
    /// The serial of the certificate, in lower-case hexadecimal; empty where none was presented.
    pub serial: String,
}

impl Actor {
    /// An identity that presented no certificate.
    pub fn named(identity: &Identity) -> Self {
        Self { identity: identity.to_string(), serial: String::new() }
    }

    /// The server itself.
    pub fn server() -> Self {
        Self::named(&Identity::server())
    }
}

/// What was done or refused, not yet in the log.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Event {
    /// When.
    pub at: Moment,
    /// Who.
    pub actor: Actor,
    /// What: `add`, `pin`, `certificate-issue`, …
    pub verb: String,
    /// In which suite; empty where it concerns none.
    pub suite: String,
    /// The parameters, in short.
    pub detail: String,
    /// The reason that the actor gave.
    pub message: String,
    /// The suite's last generation before.
    pub before: Option<u64>,
    /// The suite's last generation after.
    pub after: Option<u64>,
    /// [`DONE`], or the code of the refusal.
    pub outcome: String,
    /// How many times: refusals of one kind are counted, everything else has an entry of its own.
    pub times: u64,
}

impl Event {
    /// Something that was done once.
    pub fn done(actor: Actor, verb: &str, at: Moment) -> Self {
        Self {
            at,
            actor,
            verb: verb.to_owned(),
            suite: String::new(),
            detail: String::new(),
            message: String::new(),
            before: None,
            after: None,
            outcome: DONE.to_owned(),
            times: 1,
        }
    }

    /// The same in a suite.
    pub fn within(self, suite: &str) -> Self {
        Self { suite: suite.to_owned(), ..self }
    }

    /// The same with these parameters, on one line and cut at [`LONGEST_TEXT_BYTES`].
    pub fn with(self, detail: &str) -> Self {
        Self { detail: one_line(detail), ..self }
    }

    /// The same with this reason, on one line and cut in the same way.
    pub fn because(self, message: &str) -> Self {
        Self { message: one_line(message), ..self }
    }
}

/// The text on one line, without characters that move a cursor, and cut at [`LONGEST_TEXT_BYTES`].
fn one_line(text: &str) -> String {
    let visible = |c: char| if c.is_control() { '\u{fffd}' } else { c };
    let mut line = String::new();
    for c in text.chars().map(visible) {
        if line.len().saturating_add(c.len_utf8()) > LONGEST_TEXT_BYTES.saturating_sub(3) {
            line.push('…');
            break;
        }
        line.push(c);
    }
    line
}

/// One entry of the log.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Entry {
    /// Its number: 1, 2, 3, …
    pub number: u64,
    /// What it reports.
    pub event: Event,
    /// Its link in the chain.
    pub hash: Digest,
}

impl Entry {
    /// The entry that follows an entry with this hash.
    pub fn following(previous: &Digest, number: u64, event: Event) -> Self {
        let hash = chained(previous, number, &event);
        Self { number, event, hash }
    }

    /// Whether it is the entry of this number after an entry with this hash, and was not altered.
    pub fn follows(&self, previous: &Digest, number: u64) -> bool {
        self.number == number && self.hash == chained(previous, number, &self.event)
    }
}

fn chained(previous: &Digest, number: u64, event: &Event) -> Digest {
    let optional = |number: Option<u64>| number.map(|number| number.to_string());
    Digest::of_fields(&[
        TITLE,
        &previous.to_string(),
        &number.to_string(),
        &event.at.0.to_string(),
        &event.actor.identity,
        &event.actor.serial,
        &event.verb,
        &event.suite,
        &event.detail,
        &event.message,
        &optional(event.before).unwrap_or_default(),
        &optional(event.after).unwrap_or_default(),
        &event.outcome,
        &event.times.to_string(),
    ])
}

/// The end of the chain.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ChainEnd {
    /// How many entries it has, which is the number of the last entry.
    pub entries: u64,
    /// The hash of the last entry; zeros when there is none.
    pub hash: Digest,
}

impl ChainEnd {
    /// A chain without entries.
    pub const START: Self = Self { entries: 0, hash: Digest::ZERO };
}

/// What a checkpoint says: where the chain ended at some time.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Statement {
    /// Where the chain ended.
    pub end: ChainEnd,
    /// When it was signed.
    pub at: Moment,
}

impl Statement {
    /// The text that is signed.
    ///
    /// It lacks the fields that a Release file must have, so that apt does not take it for one.
    pub fn write(&self) -> String {
        let ChainEnd { entries, hash } = self.end;
        format!(
            "Audit-Checkpoint: 1\nEntries: {entries}\nHash: {hash}\nTime: {}\n",
            self.at.stamp()
        )
    }

    /// Reads what [`Statement::write`] writes; `None` for any other text.
    pub fn parse(text: &str) -> Option<Self> {
        let mut lines = text.lines();
        let mut value = |name: &str| lines.next()?.strip_prefix(name);
        value("Audit-Checkpoint: 1")?;
        let entries = value("Entries: ")?.parse().ok()?;
        let hash = value("Hash: ")?.parse().ok()?;
        let at = Moment::parse_stamp(value("Time: ")?)?;
        let read = Self { end: ChainEnd { entries, hash }, at };
        (read.write() == text).then_some(read)
    }
}

/// Which entries are searched for.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Search {
    /// Not before this moment.
    pub since: Option<Moment>,
    /// Before this moment.
    pub until: Option<Moment>,
    /// Only by this identity.
    pub identity: Option<String>,
    /// Only in this suite.
    pub suite: Option<String>,
    /// Only this verb.
    pub verb: Option<String>,
    /// Only what was refused.
    pub refused: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event() -> Event {
        let actor = Actor { identity: "ops.example".into(), serial: "1a".into() };
        let event = Event::done(actor, "pin", Moment(7)).within("stable").with("web=1");
        Event { before: Some(1), after: Some(2), ..event.because("it broke") }
    }

    #[test]
    fn every_field_is_in_the_hash() {
        let entry = Entry::following(&Digest::ZERO, 1, event());
        assert!(entry.follows(&Digest::ZERO, 1));
        assert!(!entry.follows(&Digest::of(b"x"), 1) && !entry.follows(&Digest::ZERO, 2));
        let other = |alter: &dyn Fn(&mut Event)| {
            let mut entry = entry.clone();
            alter(&mut entry.event);
            entry
        };
        let altered = [
            other(&|e| e.at = Moment(8)),
            other(&|e| e.actor.identity.push('x')),
            other(&|e| e.actor.serial.push('x')),
            other(&|e| e.verb.push('x')),
            other(&|e| e.suite.push('x')),
            other(&|e| e.detail.push('x')),
            other(&|e| e.message.push('x')),
            other(&|e| e.before = None),
            other(&|e| e.after = Some(3)),
            other(&|e| e.outcome.push('x')),
            other(&|e| e.times = 2),
            // A text that leaves one field and enters the next.
            other(&|e| (e.detail, e.message) = ("web=1i".into(), "t broke".into())),
        ];
        for altered in altered {
            assert!(!altered.follows(&Digest::ZERO, 1), "{altered:?}");
        }
    }

    #[test]
    fn texts_are_one_line_and_not_too_long() {
        let event = event().with("a\nb\u{1b}[2J").because(&"ü".repeat(2_000));
        assert_eq!(event.detail, "a\u{fffd}b\u{fffd}[2J");
        assert!(event.message.len() <= LONGEST_TEXT_BYTES && event.message.ends_with('…'));
    }

    #[test]
    fn a_statement_reads_back_and_nothing_else_does() {
        let end = ChainEnd { entries: 42, hash: Digest::of(b"x") };
        let statement = Statement { end, at: Moment(1_795_404_699) };
        let text = statement.write();
        assert_eq!(Statement::parse(&text), Some(statement));
        for wrong in [
            text.replace("42", "042"),
            text.replace("42", "+42"),
            text.replace("Time", "time"),
            text.replace('\n', "\r\n"),
            format!("{text}\n"),
            text.trim_end().to_owned(),
        ] {
            assert_eq!(Statement::parse(&wrong), None, "{wrong:?}");
        }
    }
}

//! TOML TEXT: where a file of ours is wrong: the line, the column, the line itself, and the field by its path.
//!
//! May name: nearest

mod plain;

use std::fmt::Write as _;
use std::ops::Range;

use toml::de::{DeTable, DeValue};
use unicode_width::UnicodeWidthStr;

/// How much of a line is shown. Unit: characters.
const MOST_SHOWN: usize = 120;

/// What some editors write before the first line.
const BYTE_ORDER_MARK: char = '\u{feff}';

/// The text of a file, with the place of every key and value.
pub struct TomlText<'t> {
    text: &'t str,
    entries: Vec<Entry>,
    is_toml: bool,
}

/// A key or a value.
struct Entry {
    path: String,
    span: Range<usize>,
    is_key: bool,
    word: Option<String>,
}

/// What is wrong in a file, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The field by its whole path, such as `suite.stable.components[1]`; empty where it is none.
    pub field: String,
    /// What is wrong, and the cure.
    pub problem: String,
    place: Option<Place>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Place {
    line: usize,
    column: usize,
    shown: String,
    caret: String,
}

impl<'t> TomlText<'t> {
    /// The places in a text. One that is no TOML has none.
    pub fn new(text: &'t str) -> Self {
        let mut entries = Vec::new();
        let table = DeTable::parse(text);
        if let Ok(table) = &table {
            note_table(&mut entries, "", table.get_ref());
        }
        Self { text, entries, is_toml: table.is_ok() }
    }

    /// What a reader of the text found.
    pub fn fault(&self, error: &toml::de::Error) -> Fault {
        let span = error.span();
        let of_list = span.as_ref().and_then(|span| self.quoted_in(span, error.message()));
        let entry = of_list.or_else(|| span.as_ref().and_then(|span| self.entry_at(span.start)));
        let field = entry.map(|entry| entry.path.clone()).unwrap_or_default();
        let problem = match self.is_toml {
            true => plain::words(error.message()),
            false => format!("is not TOML: {}", plain::words(error.message())),
        };
        let span = of_list.map(|one| one.span.clone()).or(span);
        Fault { field, problem, place: span.map(|span| self.place(span)) }
    }

    /// What is wrong with the value of a field, of a list with the one that is quoted. Of a field that is left out
    /// the table is shown.
    pub fn at(&self, field: &str, problem: impl Into<String>) -> Fault {
        let problem = problem.into();
        let of = |path: &str| self.entries.iter().find(|entry| entry.path == path && !entry.is_key);
        let value = of(field).map(|value| self.quoted_in(&value.span, &problem).unwrap_or(value));
        let above = || field.rsplit_once('.').and_then(|(above, _)| of(above));
        let field = value.map_or(field, |value| value.path.as_str()).to_owned();
        let place = value.or_else(above).map(|entry| self.place(entry.span.clone()));
        Fault { field, problem, place }
    }

    /// What is wrong with the key or text that reads so, if there is one.
    pub fn at_word(&self, word: &str, problem: impl Into<String>) -> Option<Fault> {
        let entry = self.entries.iter().find(|entry| entry.word.as_deref() == Some(word))?;
        let place = Some(self.place(entry.span.clone()));
        Some(Fault { field: entry.path.clone(), problem: problem.into(), place })
    }

    /// The value in a list that is refused by a rule of ours: the reader gives the place of the list, and the rule
    /// quotes the value.
    fn quoted_in(&self, list: &Range<usize>, message: &str) -> Option<&Entry> {
        let word = message.split('"').nth(1)?;
        let inside = |one: &&Entry| list.start < one.span.start && one.span.end < list.end;
        self.entries.iter().filter(inside).find(|one| one.word.as_deref() == Some(word))
    }

    /// The innermost key or value around a place.
    fn entry_at(&self, at: usize) -> Option<&Entry> {
        let around = self.entries.iter().filter(|entry| entry.span.contains(&at));
        around.min_by_key(|entry| entry.span.len())
    }

    fn place(&self, span: Range<usize>) -> Place {
        let before = self.text.get(..span.start).unwrap_or(self.text);
        let begin = before.rfind('\n').map_or(0, |at| at.saturating_add(1));
        let line = self.text.get(begin..).and_then(|rest| rest.lines().next()).unwrap_or_default();
        let lead = self.text.get(begin..before.len()).unwrap_or_default();
        let marked: String = self.text.get(span).unwrap_or_default().lines().take(1).collect();
        // A mark of the byte order is no character of the line.
        let lead = lead.trim_start_matches(BYTE_ORDER_MARK);
        let line = line.trim_start_matches(BYTE_ORDER_MARK);
        let column = lead.chars().count();
        // Of a long line the part around the fault.
        let skipped = column.saturating_sub(MOST_SHOWN / 2);
        let clean = |text: &str| -> String {
            let part = text.chars().skip(skipped).take(MOST_SHOWN);
            part.map(|c| if c.is_control() { ' ' } else { c }).collect()
        };
        let room = clean(line).width().saturating_sub(clean(lead).width()).max(1);
        let carets = "^".repeat(marked.width().clamp(1, room));
        Place {
            line: before.matches('\n').count().saturating_add(1),
            column: column.saturating_add(1),
            shown: clean(line),
            caret: format!("{}{carets}", " ".repeat(clean(lead).width())),
        }
    }
}

impl Fault {
    /// The first line for people: `FILE:LINE:COLUMN: FIELD: PROBLEM`, as compilers write it.
    pub fn head(&self, file: &str) -> String {
        let mut head = file.to_owned();
        if let Some(place) = &self.place {
            let _ = write!(head, ":{}:{}", place.line, place.column);
        }
        if !self.field.is_empty() {
            let _ = write!(head, ": {}", self.field);
        }
        format!("{head}: {}", visible(&self.problem))
    }

    /// The line of the file and the carets below it.
    pub fn excerpt(&self) -> Vec<String> {
        let Some(place) = &self.place else { return Vec::new() };
        let number = place.line.to_string();
        let blank = " ".repeat(number.len());
        vec![format!("{number} | {}", place.shown), format!("{blank} | {}", place.caret)]
    }

    /// All of it.
    pub fn told(&self, file: &str) -> String {
        let mut told = self.head(file);
        for line in self.excerpt() {
            let _ = write!(told, "\n  {line}");
        }
        told
    }
}

/// A text in which no control character reaches a terminal: a key or a value of the file may be quoted in it.
fn visible(text: &str) -> String {
    let shown = |c: char| match c.is_control() && c != '\n' {
        true => c.escape_unicode().to_string(),
        false => c.to_string(),
    };
    text.chars().map(shown).collect()
}

/// A key as a part of a path: in quotes where it has other characters than a bare key.
pub fn step(key: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_".contains(c);
    if !key.is_empty() && key.chars().all(plain) { key.to_owned() } else { format!("{key:?}") }
}

fn note_table(entries: &mut Vec<Entry>, above: &str, table: &DeTable<'_>) {
    for (key, value) in table.iter() {
        let name: &str = key.get_ref();
        let path = if above.is_empty() { step(name) } else { format!("{above}.{}", step(name)) };
        let word = Some(name.to_owned());
        entries.push(Entry { path: path.clone(), span: key.span(), is_key: true, word });
        note_value(entries, path, value);
    }
}

fn note_value(entries: &mut Vec<Entry>, path: String, value: &toml::Spanned<DeValue<'_>>) {
    let word = value.get_ref().as_str().map(str::to_owned);
    entries.push(Entry { path: path.clone(), span: value.span(), is_key: false, word });
    match value.get_ref() {
        DeValue::Table(table) => note_table(entries, &path, table),
        DeValue::Array(array) => {
            for (at, one) in array.iter().enumerate() {
                note_value(entries, format!("{path}[{at}]"), one);
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests;

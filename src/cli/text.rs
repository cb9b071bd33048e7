//! Text for people: text from the network is escaped, times are UTC with an age, sizes short.

use crate::amount::span;
use crate::time::Moment;

pub use crate::amount::{count, size};

/// The text with everything escaped that could move a cursor, hide or reorder what is shown.
///
/// Shape: control characters, line ends included, and Unicode's invisible and directional marks
/// become `\n`, `\t` or `\u{…}`; everything else is unchanged.
pub fn escape(text: &str) -> String {
    if !text.chars().any(is_hostile) {
        return text.to_owned();
    }
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if is_hostile(c) { out.extend(c.escape_default()) } else { out.push(c) }
    }
    out
}

/// JSON text with the same characters written as `\uXXXX`, which means the same to a program.
///
/// Limits: line ends are left alone, because they only come between the values.
pub fn escape_json(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    for c in json.chars() {
        if is_hostile(c) && c != '\n' {
            for unit in c.encode_utf16(&mut [0; 2]) {
                out.push_str(&format!("\\u{unit:04x}"));
            }
        } else {
            out.push(c);
        }
    }
    out
}

fn is_hostile(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// A moment and how long ago it was: `2026-11-23 03:31:39Z (3 min ago)`.
pub fn when(at: i64, now: Moment) -> String {
    format!("{} ({})", Moment(at).iso(), age(at, now))
}

/// How long ago a moment was, or how far off it is: `3 min ago`, `in 5 days`.
pub fn age(at: i64, now: Moment) -> String {
    let seconds = now.since(Moment(at));
    let span = span(seconds.unsigned_abs());
    match seconds {
        // A live Release may be dated a second ahead, because dates of a suite never repeat.
        -1..=0 => "now".into(),
        1.. => format!("{span} ago"),
        _ => format!("in {span}"),
    }
}

/// Text as one word of a POSIX shell command line, quoted where it has to be.
pub fn shell_word(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:+@%,=".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

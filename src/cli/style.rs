//! Style: what is coloured on a terminal, and when.
//!
//! A colour follows from a text that is there without it, so it never is the only carrier of a meaning.

use anstyle::{AnsiColor, Style};

/// What a text is to its reader.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Tone {
    /// As everything else.
    Plain,
    /// As it should be: green.
    Good,
    /// To be looked at: yellow.
    Wary,
    /// Failed, refused, revoked or gone: red.
    Bad,
    /// The head of an error: red and bold.
    Alarm,
    /// Advice: cyan.
    Advice,
}

impl Tone {
    /// The text in the colour of the tone, or as it is.
    pub fn paint(self, text: &str, colours: bool) -> String {
        let style = self.style();
        match colours && style != Style::new() && !text.trim().is_empty() {
            true => format!("{style}{text}{style:#}"),
            false => text.to_owned(),
        }
    }

    fn style(self) -> Style {
        let of = |colour: AnsiColor| Style::new().fg_color(Some(colour.into()));
        match self {
            Self::Plain => Style::new(),
            Self::Good => of(AnsiColor::Green),
            Self::Wary => of(AnsiColor::Yellow),
            Self::Bad => of(AnsiColor::Red),
            Self::Alarm => of(AnsiColor::Red).bold(),
            Self::Advice => of(AnsiColor::Cyan),
        }
    }

    /// The tone of a cell of a table, from what it says below which heading.
    pub fn of_cell(heading: &str, cell: &str) -> Self {
        if cell == "-" {
            return Self::Plain;
        }
        let first = cell.split([' ', ',']).next().unwrap_or_default();
        match (heading, first) {
            ("" | "STATE", "live" | "used") => Self::Good,
            ("STATE", "expired" | "revoked") => Self::Bad,
            ("STATE", "waiting" | "withdrawn" | "pending") => Self::Wary,
            ("CERTIFICATE", "ended" | "revoked") => Self::Bad,
            ("CLOSES", "closed") | ("NUMBER", "none") => Self::Bad,
            // When a certificate was revoked; with CAs it is how many were.
            ("REVOKED", day) if day.contains('-') => Self::Bad,
            ("OFFERED", _) if cell.contains(" of ") || first == "nothing" => Self::Wary,
            ("OUTCOME", "done") => Self::Plain,
            ("OUTCOME" | "FROM", _) => Self::Bad,
            ("TO", _) => Self::Good,
            _ => Self::Plain,
        }
    }

    /// The tone of a line of a difference, from its first character.
    pub fn of_change(line: &str) -> Self {
        match line.chars().next() {
            Some('+') => Self::Good,
            Some('-') => Self::Bad,
            Some('~') => Self::Wary,
            _ => Self::Plain,
        }
    }
}

/// The words that begin a line of a message, and their tones.
const HEADS: [(&str, Tone); 6] = [
    ("error:", Tone::Alarm),
    ("warning:", Tone::Wary),
    ("WARNING", Tone::Wary),
    ("note:", Tone::Advice),
    ("hint:", Tone::Advice),
    ("!", Tone::Wary),
];

/// Lines of messages, each with its first word in colour where that says what the line is.
pub fn heads(text: &str, colours: bool) -> String {
    let paint = |line: &str| {
        let head = HEADS.iter().find(|(head, _)| {
            line.strip_prefix(head).is_some_and(|rest| rest.starts_with([' ', '\n']))
        });
        match head {
            Some((head, tone)) => {
                let rest = line.strip_prefix(head).unwrap_or_default();
                format!("{}{rest}", tone.paint(head, true))
            }
            None => line.to_owned(),
        }
    };
    match colours {
        true => text.split_inclusive('\n').map(paint).collect(),
        false => text.to_owned(),
    }
}

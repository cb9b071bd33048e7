//! Tokens.

use crate::api::{SuiteChoice, TokenView};
use crate::cli::sheet::Sheet;
use crate::cli::table::Table;
use crate::cli::text::{age, escape};

use super::access::choice;

/// Tokens, as a table: one line each, the newest first.
pub fn tokens(tokens: &[TokenView], sheet: &Sheet) -> String {
    let headings = ["HOST", "SUITES", "STATE", "MADE", "BY", "ENDS", "CERTIFICATE", "WHY"];
    let mut table = Table::new(&headings);
    for one in tokens {
        table.row([
            one.name.clone(),
            suites(&one.suites),
            one.state.as_str().to_owned(),
            age(one.made_at, sheet.now),
            one.made_by.clone(),
            age(one.ends_at, sheet.now),
            one.serial.clone().unwrap_or_default(),
            one.message.clone(),
        ]);
    }
    table.lines(0, sheet)
}

/// The suites that a token names, or that it leaves them to others.
fn suites(named: &SuiteChoice) -> String {
    match named {
        SuiteChoice::Named(names) if names.is_empty() => "by its groups".into(),
        named => choice(named),
    }
}

/// The result of an enrolment.
pub fn enrolled(name: &str, server: &str, files: &[String], notes: &[String]) -> String {
    let mut out = format!("{} is a host of {}\n", escape(name), escape(server));
    for file in files {
        out.push_str(&format!("  {}\n", escape(file)));
    }
    for note in notes {
        out.push_str(&format!("note: {}\n", escape(note)));
    }
    out.push_str("next: apt-get update\n");
    out
}

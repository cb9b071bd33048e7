//! Yanks, and what became of suites by one.

use super::change;
use crate::api::{ChangeOutcome, YankView};
use crate::cli::sheet::Sheet;
use crate::cli::table::Table;
use crate::cli::text::age;

/// What became of each suite.
pub fn outcomes(outcomes: &[ChangeOutcome], sheet: &Sheet) -> String {
    let told: Vec<_> = outcomes.iter().map(|outcome| change::moved(outcome, sheet)).collect();
    told.join("\n")
}

/// What is yanked, as a table.
pub fn list(yanks: &[YankView], sheet: &Sheet) -> String {
    let mut table =
        Table::new(&["PACKAGE", "VERSION", "KIND", "NAMESPACE", "SUITES", "SINCE", "BY", "WHY"]);
    for yank in yanks {
        let suites: Vec<_> = yank.suites.iter().map(ToString::to_string).collect();
        table.row([
            yank.package.to_string(),
            yank.version.to_string(),
            yank.kind.as_str().to_owned(),
            yank.namespace.to_string(),
            suites.join(","),
            age(yank.at, sheet.now),
            yank.author.clone(),
            yank.message.clone(),
        ]);
    }
    table.lines(0, sheet)
}

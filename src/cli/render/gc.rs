//! What suites do not keep.

use super::suite::kept;
use crate::api::{GcPackage, GcSuite, GcView};
use crate::cli::sheet::Sheet;
use crate::cli::table::Table;
use crate::cli::text::{age, count, size, when};

/// What would go.
pub fn plan(view: &GcView, sheet: &Sheet) -> String {
    if view.suites.is_empty() {
        return "Every suite keeps everything.\n".to_owned();
    }
    let mut text = String::new();
    for suite in &view.suites {
        text.push_str(&of_suite(suite, "would be dropped", sheet));
        text.push('\n');
    }
    text.push_str(&format!(
        "{} would go for good: {}.\n",
        count(view.packages, "package"),
        size(view.size_bytes)
    ));
    text
}

/// What was done, and what goes.
pub fn done(view: &GcView, sheet: &Sheet) -> String {
    let mut text = String::new();
    for suite in &view.suites {
        text.push_str(&of_suite(suite, "dropped", sheet));
        text.push('\n');
    }
    let freed = view.freed_bytes.unwrap_or_default();
    text.push_str(&format!("{} freed.\n", size(freed)));
    let last = view.suites.iter().flat_map(|suite| &suite.packages).filter_map(|one| one.goes_at);
    if let Some(at) = last.max() {
        text.push_str(&format!(
            "{} more, of {}, are served until {} to whoever fetched a list before, and go then.\n",
            size(view.size_bytes),
            count(view.packages, "package"),
            when(at, sheet.now)
        ));
    }
    text
}

fn of_suite(suite: &GcSuite, dropped: &str, sheet: &Sheet) -> String {
    let mut text = format!("{} (keeps {})\n", suite.suite, kept(suite.keep));
    if suite.removed > 0 {
        text.push_str(&format!("  {} removed\n", count(suite.removed, "package")));
    }
    if suite.generation_count > 0 {
        let many = count(suite.generation_count, "generation");
        text.push_str(&format!("  {many} {dropped}: {}\n", runs(&suite.generations)));
    }
    if suite.packages.is_empty() {
        text.push_str("  nothing goes\n");
        return text;
    }
    let headings = ["PACKAGE", "VERSION", "ARCHITECTURE", "NEWER", "LISTED UNTIL", ">SIZE", "GOES"];
    let mut table = Table::new(&headings);
    for one in &suite.packages {
        table.row([
            one.package.to_string(),
            one.version.to_string(),
            one.architecture.to_string(),
            one.newer.to_string(),
            one.left.map(|at| age(at, sheet.now)).unwrap_or_else(|| "never".to_owned()),
            size(one.size_bytes),
            goes(one, sheet),
        ]);
    }
    text.push_str(&table.lines(2, sheet));
    let shown = suite.packages.len() as u64;
    if suite.package_count > shown {
        text.push_str(&format!("  and {} more\n", suite.package_count.saturating_sub(shown)));
    }
    text
}

/// When a package goes, or for which suites its bytes stay.
fn goes(one: &GcPackage, sheet: &Sheet) -> String {
    let at = one.goes_at.map_or_else(|| "not marked yet".to_owned(), |at| when(at, sheet.now));
    match one.elsewhere {
        0 => at,
        others => format!("{at}, stays in {}", count(others, "other suite")),
    }
}

/// Numbers with those that follow each other put together.
fn runs(numbers: &[u64]) -> String {
    let mut runs: Vec<(u64, u64)> = Vec::new();
    for number in numbers {
        match runs.last_mut().filter(|(_, end)| end.checked_add(1) == Some(*number)) {
            Some((_, end)) => *end = *number,
            None => runs.push((*number, *number)),
        }
    }
    let text = |(from, to): (u64, u64)| match from == to {
        true => from.to_string(),
        false => format!("{from}-{to}"),
    };
    runs.into_iter().map(text).collect::<Vec<_>>().join(", ")
}

//! Every table that there is, on terminals of three widths: no line is longer than the terminal.

use unicode_width::UnicodeWidthStr;

use super::every::scenes;
use super::{Held, World};
use crate::cli::terminal::Screen;

/// Unit: columns.
pub const WIDTHS: [usize; 3] = [60, 80, 200];

/// The lines of a page that belong to tables: from a line of headings to the next empty line, without sentences.
fn of_tables(page: &str) -> Vec<&str> {
    let is_heading = |line: &str| {
        let capital = |c: char| c.is_ascii_uppercase() || " …".contains(c);
        line.contains("  ") && line.trim().len() > 3 && line.chars().all(capital)
    };
    let begins_block = |line: &str| {
        let heading = line.trim().split_once("  ").map_or("", |(heading, _)| heading);
        let capital = |c: char| c.is_ascii_uppercase() || c == ' ';
        heading.len() > 1 && heading.chars().all(capital)
    };
    let sentence = |line: &&str| {
        ["2> ", "= ", "$ "].iter().any(|begin| line.starts_with(begin))
            || line.ends_with(':')
            || line.contains(" beside, given with")
            || line.contains(" was revoked: ")
    };
    let mut inside = false;
    let mut found = Vec::new();
    for line in page.lines() {
        inside = match line.is_empty() {
            true => false,
            false => inside || is_heading(line) || begins_block(line),
        };
        if inside && !sentence(&line) {
            found.push(line);
        }
    }
    found
}

#[tokio::test]
async fn no_line_of_a_table_is_longer_than_the_terminal() {
    let mut held = Held::default();
    for columns in WIDTHS {
        let mut page = String::new();
        let mut tables = 0;
        for (_, runs) in scenes() {
            let world = World::begin().await;
            for run in runs.iter().filter(|run| !run.line.ends_with("--json")) {
                let one = world.run_on(*run, Some(Screen { columns, rows: 50 })).await;
                let lines = of_tables(&one);
                for line in &lines {
                    let width = UnicodeWidthStr::width(*line);
                    assert!(width <= columns, "{}: {width} of {columns}: {line}", run.line);
                }
                if lines.len() > 1 {
                    tables += 1;
                    page.push_str(&format!("$ repoctl {}\n{}\n\n", run.line, lines.join("\n")));
                }
            }
        }
        assert!(tables > 20, "only {tables}");
        held.hold("tables", &columns.to_string(), &page);
    }
    held.finish();
}

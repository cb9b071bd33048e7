//! Tables: aligned columns that programs can split, without lines drawn around them.
//!
//! On a terminal no line is longer than it is wide: what is too long is cut in the middle or goes on in the next
//! line, and where not even the least of every column has room, each row becomes a block of lines. Elsewhere
//! nothing is cut.

mod fit;
mod width;

#[cfg(test)]
mod tests;

use super::sheet::Sheet;
use super::style::Tone;
use super::text::escape;
use fit::Need;
use width::{cut_end, longest_piece, shape, wrap};

pub use width::width;

/// Blanks between two columns.
const GAP: usize = 2;
/// How much of a word is always shown, if it is so long. Unit: columns.
const LEAST_WORD: usize = 8;
/// How much of a name is shown before texts get more than their least: a host's with its domain.
const READABLE_NAME: usize = 20;
/// The same of a text that goes on in the next line: an ISO date and more than most words.
const LEAST_TEXT: usize = 12;
/// How much of a heading is always shown.
const LEAST_HEADING: usize = 5;
/// Beside a heading there is at least so much room for the value, or it begins in the next line.
const LEAST_VALUE: usize = 12;

/// A table. Cells are escaped when they are added.
pub struct Table {
    columns: Vec<Column>,
    rows: Vec<Vec<String>>,
}

struct Column {
    heading: String,
    right: bool,
    whole: bool,
}

impl Table {
    /// A table with these headings. The column of a heading that begins with `>` is right-aligned; of one that
    /// begins with `=` every cell is shown whole and in one line, because people copy it.
    pub fn new(headings: &[&str]) -> Self {
        let column = |heading: &&str| Column {
            heading: heading.trim_start_matches(['>', '=']).to_owned(),
            right: heading.starts_with('>'),
            whole: heading.starts_with(['>', '=']),
        };
        Self { columns: headings.iter().map(column).collect(), rows: Vec::new() }
    }

    /// Adds a row. An empty cell is shown as `-`, so that columns can be counted.
    pub fn row<const N: usize>(&mut self, cells: [String; N]) {
        let shown = |cell: String| if cell.is_empty() { "-".into() } else { escape(&cell) };
        self.rows.push(cells.into_iter().map(shown).collect());
    }

    /// Whether there is no row below the headings.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The table as lines, each indented by `indent` blanks; empty when it has no rows.
    pub fn lines(&self, indent: usize, sheet: &Sheet) -> String {
        if self.is_empty() {
            return String::new();
        }
        let needs: Vec<Need> = (0..self.columns.len()).map(|at| self.need(at)).collect();
        let gaps = self.columns.len().saturating_sub(1).saturating_mul(GAP).saturating_add(indent);
        let widths = match sheet.columns {
            None => Some(needs.iter().map(|need| need.whole).collect()),
            Some(columns) => fit::fit(&needs, columns.saturating_sub(gaps)),
        };
        match widths {
            Some(widths) => self.grid(indent, &widths, sheet),
            None => self.blocks(indent, sheet),
        }
    }

    fn cells(&self, at: usize) -> impl Iterator<Item = &str> {
        self.rows.iter().filter_map(move |row| row.get(at)).map(String::as_str)
    }

    fn heading(&self, at: usize) -> &str {
        self.columns.get(at).map_or("", |column| &column.heading)
    }

    /// The tone of a cell. What something goes to is good only where it comes from something, as versions do.
    fn tone(&self, heading: &str, cell: &str) -> Tone {
        let moves = || self.columns.iter().any(|column| column.heading == "FROM");
        match heading {
            "TO" if !moves() => Tone::Plain,
            _ => Tone::of_cell(heading, cell),
        }
    }

    /// How wide the column has to be.
    fn need(&self, at: usize) -> Need {
        let is_whole = self.columns.get(at).is_some_and(|column| column.whole);
        let least = |cell: &str| match (is_whole, longest_piece(cell)) {
            (true, _) => width(cell),
            (false, Some(piece)) => piece.min(LEAST_TEXT),
            (false, None) => width(cell).min(LEAST_WORD),
        };
        let heading = width(self.heading(at));
        let least = self.cells(at).map(least).max().unwrap_or_default();
        let least = least.max(heading.min(LEAST_HEADING));
        let cells = self.cells(at).map(width).max().unwrap_or_default().max(least);
        let names = self.cells(at).filter(|cell| longest_piece(cell).is_none()).map(width);
        let names = names.max().unwrap_or_default().min(READABLE_NAME).max(least);
        Need { least, names, cells, whole: cells.max(heading) }
    }

    /// Rows below one another, and cells side by side.
    fn grid(&self, indent: usize, widths: &[usize], sheet: &Sheet) -> String {
        let shaped: Vec<Vec<Vec<String>>> = widths
            .iter()
            .enumerate()
            .map(|(at, width)| shape(&self.cells(at).collect::<Vec<_>>(), *width))
            .collect();
        let headings =
            widths.iter().enumerate().map(|(at, width)| cut_end(self.heading(at), *width));
        let mut out = String::new();
        self.line(&mut out, indent, widths, headings.map(|cell| (cell, Tone::Plain)), sheet);
        for (at, row) in self.rows.iter().enumerate() {
            let parts = |column: usize| shaped.get(column).and_then(|cells| cells.get(at));
            let height = (0..widths.len()).filter_map(parts).map(Vec::len).max().unwrap_or(1);
            for line in 0..height {
                let cells = row.iter().enumerate().map(|(column, cell)| {
                    let part = parts(column).and_then(|parts| parts.get(line)).cloned();
                    (part.unwrap_or_default(), self.tone(self.heading(column), cell))
                });
                self.line(&mut out, indent, widths, cells, sheet);
            }
        }
        out
    }

    fn line(
        &self,
        out: &mut String,
        indent: usize,
        widths: &[usize],
        cells: impl Iterator<Item = (String, Tone)>,
        sheet: &Sheet,
    ) {
        out.push_str(&" ".repeat(indent));
        // Blanks are written before what follows them, so that no line ends with one.
        let mut owed = 0_usize;
        for (((cell, tone), room), column) in cells.zip(widths).zip(&self.columns) {
            let blanks = room.saturating_sub(width(&cell));
            let (before, after) = if column.right { (blanks, 0) } else { (0, blanks) };
            owed = owed.saturating_add(before);
            if !cell.trim().is_empty() {
                out.push_str(&" ".repeat(owed));
                out.push_str(&sheet.paint(tone, cell.trim_end()));
                owed = width(&cell).saturating_sub(width(cell.trim_end()));
            } else {
                owed = owed.saturating_add(width(&cell));
            }
            owed = owed.saturating_add(after).saturating_add(GAP);
        }
        out.push('\n');
    }

    /// Each row as lines of a heading and a value, for a terminal in which no row has room.
    fn blocks(&self, indent: usize, sheet: &Sheet) -> String {
        let columns = sheet.columns.unwrap_or(usize::MAX).saturating_sub(indent).max(1);
        let margin = " ".repeat(indent);
        let widest = self.columns.iter().map(|column| width(&column.heading)).max();
        let beside = widest.unwrap_or_default().saturating_add(GAP);
        let is_beside = columns.saturating_sub(beside) >= LEAST_VALUE;
        let hang = if is_beside { beside } else { GAP.min(columns / 2) };
        let mut blocks = Vec::new();
        for row in &self.rows {
            let mut block = String::new();
            for (column, cell) in self.columns.iter().zip(row) {
                let (heading, tone) = (&column.heading, self.tone(&column.heading, cell));
                if cell.trim().is_empty() {
                    continue;
                }
                let mut parts = wrap(cell, columns.saturating_sub(hang));
                if is_beside {
                    let first = if parts.is_empty() { String::new() } else { parts.remove(0) };
                    let blanks = " ".repeat(beside.saturating_sub(width(heading)));
                    let first = sheet.paint(tone, &first);
                    block.push_str(&format!("{margin}{heading}{blanks}{first}\n"));
                } else {
                    let heading = cut_end(heading, columns);
                    block.push_str(&format!("{margin}{heading}\n"));
                }
                let hang = " ".repeat(hang);
                for part in parts {
                    block.push_str(&format!("{margin}{hang}{}\n", sheet.paint(tone, &part)));
                }
            }
            blocks.push(block);
        }
        blocks.join("\n")
    }
}

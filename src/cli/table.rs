//! Tables: aligned columns that programs can split, without lines drawn around them.

use super::text::escape;

/// A table. Cells are escaped when they are added.
pub struct Table {
    right: Vec<bool>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table with these headings; the column of a heading that begins with `>` is right-aligned.
    pub fn new(headings: &[&str]) -> Self {
        let right = headings.iter().map(|heading| heading.starts_with('>')).collect();
        let first = headings.iter().map(|heading| heading.trim_start_matches('>').into()).collect();
        Self { right, rows: vec![first] }
    }

    /// Adds a row. An empty cell is shown as `-`, so that columns can be counted.
    pub fn row<const N: usize>(&mut self, cells: [String; N]) {
        let shown = |cell: String| if cell.is_empty() { "-".into() } else { escape(&cell) };
        self.rows.push(cells.into_iter().map(shown).collect());
    }

    /// Whether there is no row below the headings.
    pub fn is_empty(&self) -> bool {
        self.rows.len() < 2
    }

    /// The table as lines, each indented by `indent` blanks; empty when it has no rows.
    pub fn lines(&self, indent: usize) -> String {
        if self.is_empty() {
            return String::new();
        }
        let widths: Vec<usize> = (0..self.right.len()).map(|column| self.width(column)).collect();
        let mut out = String::new();
        for row in &self.rows {
            let mut line = " ".repeat(indent);
            for ((cell, width), right) in row.iter().zip(&widths).zip(&self.right) {
                let blanks = " ".repeat(width.saturating_sub(cell.chars().count()));
                let (before, after) = if *right { (&*blanks, "") } else { ("", &*blanks) };
                line.extend([before, cell, after, "  "]);
            }
            out.push_str(line.trim_end());
            out.push('\n');
        }
        out
    }

    fn width(&self, column: usize) -> usize {
        let cells = self.rows.iter().filter_map(|row| row.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or_default()
    }
}

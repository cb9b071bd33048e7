//! Width: how many columns of a terminal a text takes, and how it is made to take fewer.

use std::collections::BTreeSet;

use unicode_width::UnicodeWidthStr;

/// What stands for what was cut out.
const CUT: &str = "…";

/// How many columns of a terminal the text takes: two for `漢`, none for an accent that combines.
pub fn width(text: &str) -> usize {
    UnicodeWidthStr::width(text)
}

/// Characters, each with what combines with it.
fn clusters(text: &str) -> impl DoubleEndedIterator<Item = &str> {
    let mut parts: Vec<&str> = Vec::new();
    let mut begin = 0;
    for (at, c) in text.char_indices() {
        let combines = width(c.encode_utf8(&mut [0; 4])) == 0;
        if at > begin && !combines {
            parts.extend(text.get(begin..at));
            begin = at;
        }
    }
    parts.extend(text.get(begin..).filter(|last| !last.is_empty()));
    parts.into_iter()
}

/// The text, or its beginning and `…`.
pub fn cut_end(text: &str, room: usize) -> String {
    if width(text) <= room {
        return text.to_owned();
    }
    format!("{}{CUT}", take(clusters(text), room.saturating_sub(1)).concat())
}

/// The text, or its beginning and its end with `…` between.
pub fn cut_middle(text: &str, room: usize) -> String {
    if width(text) <= room {
        return text.to_owned();
    }
    let rest = room.saturating_sub(1);
    let begin = take(clusters(text), rest.div_ceil(2)).concat();
    let mut end = take(clusters(text).rev(), rest / 2);
    end.reverse();
    format!("{begin}{CUT}{}", end.concat())
}

/// As many as have room.
fn take<'t>(parts: impl Iterator<Item = &'t str>, room: usize) -> Vec<&'t str> {
    let mut left = room;
    let fits = |part: &&str| match left.checked_sub(width(part)) {
        Some(rest) => {
            left = rest;
            true
        }
        None => false,
    };
    parts.take_while(fits).collect()
}

/// The longest part of a text that may be broken; `None` for one word.
pub fn longest_piece(text: &str) -> Option<usize> {
    let mut widths = pieces(text).map(|piece| width(piece.trim_end()));
    let first = widths.next()?;
    widths.next().map(|second| widths.fold(first.max(second), usize::max))
}

/// The parts of a text after which a line may end: at blanks, and at the commas of lists.
fn pieces(text: &str) -> impl Iterator<Item = &str> {
    text.split_inclusive([' ', ','])
}

/// The cells of one column, each as the lines that it takes in it. A word is cut in the middle, unless two words of
/// the column would then read the same: then they go on in the next line, as texts do.
pub fn shape(cells: &[&str], room: usize) -> Vec<Vec<String>> {
    let is_text = |cell: &str| longest_piece(cell).is_some();
    let cut: Vec<String> = cells
        .iter()
        .map(|cell| if is_text(cell) { (*cell).to_owned() } else { cut_middle(cell, room) })
        .collect();
    let (all, told): (BTreeSet<_>, BTreeSet<_>) = (cells.iter().collect(), cut.iter().collect());
    let are_told_apart = told.len() == all.len();
    let shaped = |(cell, cut): (&&str, &String)| match width(cell) <= room {
        true => vec![(*cell).to_owned()],
        false if are_told_apart && !is_text(cell) => vec![cut.clone()],
        false => wrap(cell, room),
    };
    cells.iter().zip(&cut).map(shaped).collect()
}

/// The text as lines of at most so many columns. A word that is longer goes on a column further in.
pub fn wrap(text: &str, room: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = String::new();
    for piece in pieces(text) {
        if width(&line).saturating_add(width(piece.trim_end())) <= room {
            line.push_str(piece);
            continue;
        }
        if !line.trim().is_empty() {
            lines.push(line.trim_end().to_owned());
        }
        line.clear();
        for cluster in clusters(piece) {
            let longer = width(&line).saturating_add(width(cluster)) > room;
            if longer && !line.trim().is_empty() && cluster != " " {
                lines.push(std::mem::replace(
                    &mut line,
                    if room > 2 { " ".into() } else { String::new() },
                ));
            }
            line.push_str(cluster);
        }
    }
    if !line.trim().is_empty() {
        lines.push(line.trim_end().to_owned());
    }
    lines
}

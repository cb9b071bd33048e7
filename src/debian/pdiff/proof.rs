//! Scripts are read back and applied as a reader would, before they are published.

use std::cmp::Ordering;

use super::{Hunk, PdiffError, count, shared, stanzas};

/// Reads a script back: its commands in the order of the file.
///
/// Shape: what [`ed_script`](super::ed_script) writes and nothing else.
///
/// # Errors
/// [`PdiffError`] for the first rule that is broken (our fault: the script is our own).
pub fn read_script(script: &[u8]) -> Result<Vec<Hunk<'_>>, PdiffError> {
    let mut hunks: Vec<Hunk<'_>> = Vec::new();
    let mut rest = script;
    while !rest.is_empty() {
        let (line, behind) = line_of(rest)?;
        let (first, removed, adds) = read_command(line)?;
        let (lines, behind) = if adds { text_of(behind)? } else { (&[][..], behind) };
        let end = first.checked_add(removed).ok_or(PdiffError("a line number fits"))?;
        if hunks.last().is_some_and(|later| end >= later.first) {
            return Err(PdiffError("commands go from the end to the beginning and do not touch"));
        }
        hunks.push(Hunk { first, removed, lines });
        rest = behind;
    }
    hunks.reverse();
    Ok(hunks)
}

fn line_of(text: &[u8]) -> Result<(&[u8], &[u8]), PdiffError> {
    let end = text.iter().position(|byte| *byte == b'\n');
    let end = end.ok_or(PdiffError("every line ends with a newline"))?;
    let (line, behind) = text.split_at_checked(end).unwrap_or_default();
    Ok((line, behind.get(1..).unwrap_or_default()))
}

/// The text of a command, up to its lone dot, and what comes after that.
fn text_of(behind: &[u8]) -> Result<(&[u8], &[u8]), PdiffError> {
    let mut end = 0_usize;
    for line in behind.split_inclusive(|byte| *byte == b'\n') {
        if line == b".\n" {
            let (lines, dot) = behind.split_at_checked(end).unwrap_or_default();
            return match lines.is_empty() {
                true => Err(PdiffError("a command that adds has lines")),
                false => Ok((lines, dot.get(2..).unwrap_or_default())),
            };
        }
        end = end.saturating_add(line.len());
    }
    Err(PdiffError("a lone dot ends the lines of a command"))
}

/// The first line, how many lines are removed, and whether lines are added.
fn read_command(line: &[u8]) -> Result<(u64, u64, bool), PdiffError> {
    const RULE: PdiffError = PdiffError("a command is 'Na', 'Nc', 'N,Mc', 'Nd' or 'N,Md'");
    let text = std::str::from_utf8(line).map_err(|_| RULE)?;
    let number = |text: &str| match text.parse::<u64>() {
        Ok(number) if number.to_string() == text => Ok(number),
        _ => Err(RULE),
    };
    if let Some(after) = text.strip_suffix('a') {
        return Ok((number(after)?.checked_add(1).ok_or(RULE)?, 0, true));
    }
    let changed = text.strip_suffix('c');
    let range = changed.or_else(|| text.strip_suffix('d')).ok_or(RULE)?;
    let (first, last) = match range.split_once(',') {
        Some((first, last)) => (number(first)?, number(last)?),
        None => (number(range)?, number(range)?),
    };
    let is_pair = range.contains(',');
    match first.cmp(&last) {
        Ordering::Less if first > 0 && is_pair => {}
        Ordering::Equal if first > 0 && !is_pair => {}
        _ => return Err(RULE),
    }
    Ok((first, last.saturating_sub(first).saturating_add(1), changed.is_some()))
}

/// Applies hunks to lines, the first of which has the number `first`; `None` when a hunk is out of
/// order or beyond the lines.
pub fn apply(first: u64, old: &[u8], hunks: &[Hunk<'_>]) -> Option<Vec<u8>> {
    let mut new = Vec::with_capacity(old.len());
    let mut lines = old.split_inclusive(|byte| *byte == b'\n');
    let mut at = first;
    for hunk in hunks {
        let kept = hunk.first.checked_sub(at)?;
        for _ in 0..kept {
            new.extend_from_slice(lines.next()?);
        }
        new.extend_from_slice(hunk.lines);
        for _ in 0..hunk.removed {
            lines.next()?;
        }
        at = hunk.first.checked_add(hunk.removed)?;
    }
    lines.for_each(|line| new.extend_from_slice(line));
    Some(new)
}

/// How much of the beginnings of two texts can be compared without what follows: up to and
/// including the last stanza that both have in the same order.
///
/// Shape: both are whole stanzas, and more of each may follow. (0, 0) when they share no stanza.
/// Unit: bytes.
pub fn in_step(old: &[u8], new: &[u8]) -> (usize, usize) {
    let (olds, news): (Vec<_>, Vec<_>) = (stanzas(old).collect(), stanzas(new).collect());
    let front = |stanzas: &[&[u8]], last: usize| {
        let within = stanzas.iter().take(last.saturating_add(1));
        within.map(|stanza| stanza.len()).fold(0, usize::saturating_add)
    };
    match shared(&olds, &news).last() {
        Some((of_old, of_new)) => (front(&olds, *of_old), front(&news, *of_new)),
        None => (0, 0),
    }
}

/// How many lines a text has.
pub fn lines_in(text: &[u8]) -> u64 {
    count(text)
}

//! PDiffs: patches from an index that a host has to the published one, and the `Index` that lists
//! them. Only merged patches: each leads directly to the current file.
//!
//! Source: [Repository Format](https://wiki.debian.org/DebianRepository/Format), "indices diffs";
//! apt's `methods/rred.cc` and `apt-pkg/acquire-item.cc` (2.6.1) for what apt reads of them.

use std::cmp::Ordering;
use std::collections::{BTreeSet, HashMap};

use crate::digest::Digest;

mod proof;

pub use proof::{apply, in_step, lines_in, read_script};

/// Consecutive lines of a file that are replaced.
///
/// Shape: `lines` is empty or ends with a newline.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Hunk<'a> {
    /// The first removed line, counted from 1. Without removed lines, `lines` are inserted before
    /// it.
    pub first: u64,
    /// How many lines are removed.
    pub removed: u64,
    /// The lines in their place.
    pub lines: &'a [u8],
}

/// The ed script that makes a new version of a file out of the old one.
///
/// Shape: the commands `Na`, `Nc`, `N,Mc`, `Nd`, `N,Md`, from the end of the file to its beginning,
/// so that no command moves the lines of the next. Adjacent hunks become one command. The script is
/// empty when no hunk changes anything.
///
/// # Errors
/// [`PdiffError`] when hunks are out of order or overlap, or when a new line cannot be in a script
/// (our fault).
pub fn ed_script(hunks: &[Hunk<'_>]) -> Result<Vec<u8>, PdiffError> {
    let mut commands: Vec<(u64, u64, Vec<u8>)> = Vec::new();
    for hunk in hunks.iter().filter(|hunk| hunk.removed > 0 || !hunk.lines.is_empty()) {
        can_be_inserted(hunk.lines)?;
        if hunk.first == 0 {
            return Err(PdiffError("lines are counted from 1"));
        }
        let end = hunk.first.checked_add(hunk.removed).ok_or(PdiffError("a line number fits"))?;
        match commands.last_mut() {
            Some((_, last, _)) if hunk.first < *last => {
                return Err(PdiffError("hunks are in the order of the file and do not overlap"));
            }
            Some((_, last, lines)) if hunk.first == *last => {
                *last = end;
                lines.extend_from_slice(hunk.lines);
            }
            _ => commands.push((hunk.first, end, hunk.lines.to_vec())),
        }
    }
    let mut script = Vec::new();
    for (first, end, lines) in commands.iter().rev() {
        script.extend_from_slice(command(*first, *end, lines.is_empty()).as_bytes());
        if !lines.is_empty() {
            script.extend_from_slice(lines);
            script.extend_from_slice(b".\n");
        }
    }
    Ok(script)
}

/// `end` is the line after the last removed one.
fn command(first: u64, end: u64, adds_nothing: bool) -> String {
    let last = end.saturating_sub(1);
    let letter = if adds_nothing { 'd' } else { 'c' };
    match first.cmp(&last) {
        Ordering::Greater => format!("{last}a\n"),
        Ordering::Equal => format!("{first}{letter}\n"),
        Ordering::Less => format!("{first},{last}{letter}\n"),
    }
}

/// A line that is a lone dot ends the text of a command. No index has one, so it is not escaped;
/// readers differ on how to do so.
fn can_be_inserted(lines: &[u8]) -> Result<(), PdiffError> {
    let Some(text) = lines.strip_suffix(b"\n") else {
        return match lines.is_empty() {
            true => Ok(()),
            false => Err(PdiffError("new lines end with a newline")),
        };
    };
    match text.split(|byte| *byte == b'\n').any(|line| line == b".") {
        true => Err(PdiffError("no new line is a lone dot")),
        false => Ok(()),
    }
}

/// The differences between two runs of whole stanzas.
///
/// Shape: `first` is the line of the old file with which `old` begins, counted from 1. Stanzas that
/// both have in the same order are kept. Between those, a stanza that begins with the same line in
/// both is changed line by line. The hunks lead from `old` to `new` for any content.
pub fn stanza_hunks<'a>(first: u64, old: &[u8], new: &'a [u8]) -> Vec<Hunk<'a>> {
    let (olds, news): (Vec<_>, Vec<_>) = (stanzas(old).collect(), stanzas(new).collect());
    let (mut line, mut hunks) = (first, Vec::new());
    let (mut from_old, mut from_new) = (0, 0);
    let ends = (olds.len(), news.len());
    for (of_old, of_new) in shared(&olds, &news).into_iter().chain([ends]) {
        let before = olds.get(from_old..of_old).unwrap_or_default();
        let after = news.get(from_new..of_new).unwrap_or_default();
        line = merge(line, before, after, &mut hunks);
        line = line.saturating_add(olds.get(of_old).map_or(0, |same| count(same)));
        (from_old, from_new) = (of_old.saturating_add(1), of_new.saturating_add(1));
    }
    hunks
}

/// Replaces stanzas by others. Where both are sorted by their first lines, stanzas with the same
/// first line are compared with each other. Returns the line after them.
fn merge<'a>(first: u64, old: &[&[u8]], new: &[&'a [u8]], hunks: &mut Vec<Hunk<'a>>) -> u64 {
    let (mut old, mut new) = (old.iter().peekable(), new.iter().peekable());
    let mut line = first;
    loop {
        let order = match (old.peek(), new.peek()) {
            (Some(before), Some(after)) => first_line(before).cmp(first_line(after)),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (None, None) => return line,
        };
        let before = if order.is_le() { old.next().copied().unwrap_or_default() } else { &[] };
        let after = if order.is_ge() { new.next().copied().unwrap_or_default() } else { &[] };
        line_hunks(line, before, after, hunks);
        line = line.saturating_add(count(before));
    }
}

/// The longest list of stanzas that both have in the same order.
///
/// Shape: their places in `old` and in `new`, both rising.
fn shared(old: &[&[u8]], new: &[&[u8]]) -> Vec<(usize, usize)> {
    let places: HashMap<&[u8], usize> =
        new.iter().enumerate().map(|(at, one)| (*one, at)).collect();
    let pairs = old.iter().enumerate();
    let pairs: Vec<_> = pairs.filter_map(|(at, one)| Some((at, *places.get(one)?))).collect();
    // For every length of a rising run so far: the lowest pair that ends one, and for each pair its
    // predecessor.
    let mut ends: Vec<usize> = Vec::new();
    let mut before: Vec<Option<usize>> = Vec::new();
    let place = |at: &usize| pairs.get(*at).map(|(_, place)| *place);
    for (at, (_, met)) in pairs.iter().enumerate() {
        let length = ends.partition_point(|end| place(end) < Some(*met));
        before.push(length.checked_sub(1).and_then(|last| ends.get(last).copied()));
        match ends.get_mut(length) {
            Some(end) => *end = at,
            None => ends.push(at),
        }
    }
    let last = ends.last().copied();
    let back = |at: &usize| before.get(*at).copied().flatten();
    let mut run: Vec<_> = std::iter::successors(last, back).collect();
    run.reverse();
    run.into_iter().filter_map(|at| pairs.get(at).copied()).collect()
}

/// Replaces what is between the common first and last lines of two texts. With equally many lines
/// on both sides this is done line by line, because a new version changes few fields.
fn line_hunks<'a>(first: u64, old: &[u8], new: &'a [u8], hunks: &mut Vec<Hunk<'a>>) {
    let before: Vec<_> = old.split_inclusive(|byte| *byte == b'\n').collect();
    let after: Vec<_> = new.split_inclusive(|byte| *byte == b'\n').collect();
    let pairs = || before.iter().zip(&after);
    if before.len() == after.len() {
        for (line, (_, lines)) in (first..).zip(pairs()).filter(|(_, (a, b))| a != b) {
            hunks.push(Hunk { first: line, removed: 1, lines });
        }
        return;
    }
    let head = pairs().take_while(|(a, b)| a == b).count();
    let most = before.len().min(after.len()).saturating_sub(head);
    let ends = before.iter().rev().zip(after.iter().rev());
    let tail = ends.take(most).take_while(|(a, b)| a == b).count();
    let size = |lines: &[&[u8]]| lines.iter().map(|line| line.len()).sum::<usize>();
    let from = size(after.get(..head).unwrap_or_default());
    let to = new.len().saturating_sub(size(after.get(after.len() - tail..).unwrap_or_default()));
    hunks.push(Hunk {
        first: first.saturating_add(wide(head)),
        removed: wide(before.len().saturating_sub(head).saturating_sub(tail)),
        lines: new.get(from..to).unwrap_or_default(),
    });
}

/// Splits after every empty line.
fn stanzas(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let end = rest.windows(2).position(|pair| pair == b"\n\n").map_or(rest.len(), |at| at + 2);
        let (stanza, behind) = rest.split_at_checked(end)?;
        rest = behind;
        (!stanza.is_empty()).then_some(stanza)
    })
}

fn first_line(stanza: &[u8]) -> &[u8] {
    stanza.split(|byte| *byte == b'\n').next().unwrap_or_default()
}

fn count(text: &[u8]) -> u64 {
    wide(text.split_inclusive(|byte| *byte == b'\n').count())
}

fn wide(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}

/// Identifies a file: its digest and its size.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FileMark {
    /// SHA-256
    pub digest: Digest,
    /// Unit: bytes.
    pub size_bytes: u64,
}

impl FileMark {
    /// The mark of these bytes.
    pub fn of(bytes: &[u8]) -> Self {
        Self { digest: Digest::of(bytes), size_bytes: wide(bytes.len()) }
    }
}

/// One patch.
///
/// Shape: `name` is letters, digits, `.` and `-`, at most 64 bytes, and is never reused for other
/// bytes: patches are fetched by name.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Patch {
    /// `NAME.gz` is beside the `Index`.
    pub name: String,
    /// The file that it is applied to.
    pub from: FileMark,
    /// The ed script.
    pub script: FileMark,
    /// The ed script as it is fetched, compressed by gzip.
    pub download: FileMark,
}

/// The text of `Packages.diff/Index`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PdiffIndex {
    /// The file that every patch leads to.
    pub current: FileMark,
    /// Oldest first. apt takes the last one that starts from its file.
    pub patches: Vec<Patch>,
}

const PRECEDENCE: &str = "X-Patch-Precedence: merged";
const MOST_PATCHES: usize = 256;

/// A list of patches: its field, the file that it has of each, and the suffix of its names.
type List = (&'static str, fn(&Patch) -> FileMark, &'static str);

const LISTS: [List; 3] = [
    ("SHA256-History:", |patch| patch.from, ""),
    ("SHA256-Patches:", |patch| patch.script, ""),
    ("SHA256-Download:", |patch| patch.download, ".gz"),
];

impl PdiffIndex {
    /// The text.
    ///
    /// Shape: what [`PdiffIndex::parse`] takes; names are not checked, so a text has to be read
    /// back before it is published.
    pub fn write(&self) -> String {
        let FileMark { digest, size_bytes } = self.current;
        let mut out = format!("SHA256-Current: {digest} {size_bytes}\n");
        for (label, mark, suffix) in LISTS {
            out.push_str(&format!("{label}\n"));
            for patch in &self.patches {
                let FileMark { digest, size_bytes } = mark(patch);
                out.push_str(&format!(" {digest} {size_bytes} {}{suffix}\n", patch.name));
            }
        }
        out.push_str(PRECEDENCE);
        out.push('\n');
        out
    }

    /// Reads the text back.
    ///
    /// Shape: what [`PdiffIndex::write`] writes and nothing else: the three lists name the same
    /// patches in the same order, each name once, none empty, nothing leads from the current file.
    /// Limits: 256 patches.
    ///
    /// # Errors
    /// [`PdiffError`] for the first rule that is broken (our fault: the text is our own).
    pub fn parse(text: &str) -> Result<Self, PdiffError> {
        let text =
            text.strip_suffix('\n').ok_or(PdiffError("the last line ends with a newline"))?;
        let mut lines = text.split('\n').peekable();
        let current = lines.next().and_then(|line| line.strip_prefix("SHA256-Current: "));
        let current = mark(current.ok_or(PdiffError("SHA256-Current comes first"))?)?;
        let mut lists: Vec<Vec<(FileMark, &str)>> = Vec::new();
        for (label, _, suffix) in LISTS {
            if lines.next() != Some(label) {
                return Err(PdiffError("History, Patches and Download follow in this order"));
            }
            let mut list = Vec::new();
            while let Some(line) = lines.next_if(|line| line.starts_with(' ')) {
                list.push(listed(line, suffix)?);
            }
            lists.push(list);
        }
        if lines.next() != Some(PRECEDENCE) || lines.next().is_some() {
            return Err(PdiffError("X-Patch-Precedence: merged comes last"));
        }
        let patches = joined(&lists)?;
        if patches.iter().any(|patch| patch.from.digest == current.digest) {
            return Err(PdiffError("no patch starts from the current file"));
        }
        Ok(Self { current, patches })
    }
}

fn joined(lists: &[Vec<(FileMark, &str)>]) -> Result<Vec<Patch>, PdiffError> {
    let [history, scripts, downloads] = lists else {
        return Err(PdiffError("there are three lists"));
    };
    if history.len() != scripts.len() || history.len() != downloads.len() {
        return Err(PdiffError("the lists are of the same length"));
    }
    if history.len() > MOST_PATCHES {
        return Err(PdiffError("there are at most 256 patches"));
    }
    let mut names = BTreeSet::new();
    let mut patches = Vec::new();
    for (((from, name), (script, second)), (download, third)) in
        history.iter().zip(scripts).zip(downloads)
    {
        if name != second || name != third || !names.insert(*name) {
            return Err(PdiffError("the lists name the same patches, each once, in one order"));
        }
        let name = (*name).to_owned();
        patches.push(Patch { name, from: *from, script: *script, download: *download });
    }
    Ok(patches)
}

fn listed<'a>(line: &'a str, suffix: &str) -> Result<(FileMark, &'a str), PdiffError> {
    const RULE: PdiffError = PdiffError("a patch is ' digest size name'");
    let (rest, name) = line.strip_prefix(' ').and_then(|rest| rest.rsplit_once(' ')).ok_or(RULE)?;
    let name = name.strip_suffix(suffix).ok_or(PdiffError("what is fetched ends with .gz"))?;
    let safe = |b: u8| b.is_ascii_alphanumeric() || b".-".contains(&b);
    let first = name.bytes().next().is_some_and(|b| b.is_ascii_alphanumeric());
    if !first || name.len() > 64 || name == "Index" || !name.bytes().all(safe) {
        return Err(PdiffError("a name is letters, digits, '.' and '-', at most 64 of them"));
    }
    Ok((mark(rest)?, name))
}

fn mark(text: &str) -> Result<FileMark, PdiffError> {
    let (digest, size) = text.split_once(' ').ok_or(PdiffError("a file is 'digest size'"))?;
    let digest = digest.parse().map_err(|_| PdiffError("a digest is 64 lower-case digits"))?;
    match size.parse::<u64>() {
        Ok(size_bytes) if size_bytes.to_string() == size => Ok(FileMark { digest, size_bytes }),
        _ => Err(PdiffError("a size is a number of bytes without leading zeros")),
    }
}

/// A script or an index of patches breaks a rule.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("patches are not as they should be: {0}")]
pub struct PdiffError(pub &'static str);

#[cfg(test)]
mod tests;

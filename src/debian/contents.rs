//! `Contents-ARCH`: which packages hold a path, a line a path, sorted by the bytes of the path.
//!
//! Source: [Repository Format](https://wiki.debian.org/DebianRepository/Format), "Contents"
//! indices; apt-file(1), which reads them.

use super::PackageName;

/// The longest line, its newline included. The longest path that dpkg unpacks has 4096 bytes. Unit:
/// bytes.
pub const LINE_MAX_BYTES: usize = 64 * 1024;

/// One line: a path, and the packages that hold it.
///
/// Shape: the path is bytes, not always UTF-8, relative to the root and without `./`; it may hold
/// blanks. Locations are `section/package`, sorted, each once, at least one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ContentsLine<'a> {
    /// `usr/bin/hello`
    pub path: &'a [u8],
    /// `utils/hello`
    pub locations: Vec<&'a str>,
}

/// A change of one line in a run of lines.
///
/// Shape: edits are sorted by path, and those of one path are applied one after the other. They
/// sort removals before additions: when one version replaces another, sorting the edits of both
/// keeps the paths that both have.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct ContentsEdit<'a> {
    /// The path.
    pub path: &'a [u8],
    /// See [`location`].
    pub location: &'a str,
    /// Whether the package holds the path from now on, or no longer.
    pub is_held: bool,
}

/// A run of lines breaks a rule, or an edit does not fit it.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("contents are not as they should be, at \"{}\": {rule}", path.escape_ascii())]
pub struct ContentsError {
    /// The path or line with the fault, cut at 128 bytes.
    pub path: Vec<u8>,
    /// Which rule.
    pub rule: &'static str,
}

impl ContentsError {
    fn at(path: &[u8], rule: &'static str) -> Self {
        Self { path: path.iter().take(128).copied().collect(), rule }
    }
}

/// How a line names a package: qualified by its section, if it has one.
pub fn location(section: Option<&str>, package: &PackageName) -> String {
    match section {
        Some(section) => format!("{section}/{package}"),
        None => package.to_string(),
    }
}

impl<'a> ContentsLine<'a> {
    /// Reads a line, given without its newline.
    ///
    /// Shape: the path, one space, the locations with commas between. The last space separates
    /// them, because paths may hold spaces and locations do not. Limits: [`LINE_MAX_BYTES`].
    ///
    /// # Errors
    /// [`ContentsError`] for the first rule that is broken (our fault: the text is our own).
    pub fn parse(line: &'a [u8]) -> Result<Self, ContentsError> {
        let failed = |rule| ContentsError::at(line, rule);
        if line.len() >= LINE_MAX_BYTES {
            return Err(failed("a line is at most 64 KiB"));
        }
        let space = line.iter().rposition(|byte| *byte == b' ');
        let (path, locations) = space
            .and_then(|at| Some((line.get(..at)?, line.get(at.saturating_add(1)..)?)))
            .ok_or_else(|| failed("a line is 'path section/package'"))?;
        is_path(path).map_err(failed)?;
        let text = std::str::from_utf8(locations).map_err(|_| failed("a location is ASCII"))?;
        let locations: Vec<&str> = text.split(',').collect();
        if !locations.iter().all(|location| is_location(location)) {
            return Err(failed("a location is 'package' or 'section/package'"));
        }
        if !locations.is_sorted_by(|a, b| a < b) {
            return Err(failed("locations are sorted, each once"));
        }
        Ok(Self { path, locations })
    }

    /// Adds the line and its newline.
    pub fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.path);
        for (number, location) in self.locations.iter().enumerate() {
            out.push(if number == 0 { b' ' } else { b',' });
            out.extend_from_slice(location.as_bytes());
        }
        out.push(b'\n');
    }
}

/// The path of a line, given with or without its newline; all of `line` where it is not a valid
/// line.
pub fn path_of(line: &[u8]) -> &[u8] {
    let end = line.iter().rposition(|byte| *byte == b' ').unwrap_or(line.len());
    line.get(..end).unwrap_or(line)
}

/// A run of lines after edits.
///
/// Shape: `run` is whole lines sorted by path, and so is the result. An edit that is already true
/// changes nothing, so it may be applied twice. A path that no package holds any more has no line.
///
/// # Errors
/// [`ContentsError`] when the run or the edits are not sorted, or hold something that cannot be
/// written.
pub fn merge(run: &[u8], edits: &[ContentsEdit<'_>]) -> Result<Vec<u8>, ContentsError> {
    if let Some(pair) = edits.windows(2).find(|pair| !pair.is_sorted_by_key(|edit| edit.path)) {
        let path = pair.last().map(|edit| edit.path).unwrap_or_default();
        return Err(ContentsError::at(path, "edits are sorted by path"));
    }
    let mut out = Vec::with_capacity(run.len());
    let mut rest = edits;
    let mut last: &[u8] = b"";
    for line in run.split_inclusive(|byte| *byte == b'\n') {
        let line = line.strip_suffix(b"\n");
        let line = line.ok_or_else(|| ContentsError::at(last, "every line ends with a newline"))?;
        let line = ContentsLine::parse(line)?;
        if line.path <= last {
            return Err(ContentsError::at(line.path, "lines are sorted by path, each path once"));
        }
        last = line.path;
        while let Some(edit) = rest.first().filter(|edit| edit.path < line.path) {
            rest = edited(ContentsLine { path: edit.path, locations: Vec::new() }, rest, &mut out)?;
        }
        rest = edited(line, rest, &mut out)?;
    }
    while let Some(edit) = rest.first() {
        rest = edited(ContentsLine { path: edit.path, locations: Vec::new() }, rest, &mut out)?;
    }
    Ok(out)
}

/// Writes a line after the edits of its path; returns the remaining edits.
fn edited<'e>(
    mut line: ContentsLine<'e>,
    edits: &'e [ContentsEdit<'e>],
    out: &mut Vec<u8>,
) -> Result<&'e [ContentsEdit<'e>], ContentsError> {
    let mut rest = edits;
    while let Some((edit, behind)) = rest.split_first().filter(|(edit, _)| edit.path == line.path) {
        rest = behind;
        match (line.locations.binary_search(&edit.location), edit.is_held) {
            (Err(at), true) => line.locations.insert(at, edit.location),
            (Ok(at), false) => drop(line.locations.remove(at)),
            _ => {}
        }
    }
    if line.locations.is_empty() {
        return Ok(rest);
    }
    let start = out.len();
    line.write(out);
    // Unchanged lines were read and are valid; changed ones are read back.
    if rest.len() < edits.len() {
        let written = out.get(start..).and_then(|text| text.strip_suffix(b"\n"));
        if ContentsLine::parse(written.unwrap_or_default())? != line {
            return Err(ContentsError::at(line.path, "a line reads back as it was written"));
        }
    }
    Ok(rest)
}

/// Whether a path can be in a line: not empty, relative, no newline, and no blank at its end, which
/// other readers would take for a part of the gap.
pub fn is_path(path: &[u8]) -> Result<(), &'static str> {
    if path.is_empty() || path.starts_with(b"/") || path.iter().any(|b| matches!(b, b'\n' | 0)) {
        return Err("a path is not empty, relative, and holds neither newline nor NUL");
    }
    match path.last() {
        Some(b' ' | b'\t' | b'\r' | 0x0b | 0x0c) => Err("a path does not end with a blank"),
        _ => Ok(()),
    }
}

/// Paths, a line each, with characters that a terminal would interpret written in octal as `ls -b`
/// does: control characters, and blanks at the end, which readers strip. `None` when there are
/// none.
///
/// A backslash is unchanged: systemd's units have them in their names.
pub fn escape(paths: &[u8]) -> Option<Vec<u8>> {
    let odd = |at: usize| -> bool {
        let Some(byte) = paths.get(at).copied() else { return false };
        let before = at.checked_sub(1).and_then(|at| paths.get(at)).copied();
        let behind = paths.get(at.saturating_add(1)).copied();
        match byte {
            b'\n' => false,
            b' ' => matches!(behind, None | Some(b'\n')),
            0..=0x1f | 0x7f => true,
            // U+0080 to U+009F, which some terminals interpret as well.
            0xc2 => behind.is_some_and(|behind| (0x80..=0x9f).contains(&behind)),
            0x80..=0x9f => before == Some(0xc2),
            _ => false,
        }
    };
    let first = (0..paths.len()).find(|at| odd(*at))?;
    let mut out = paths.get(..first)?.to_vec();
    for (at, byte) in paths.iter().enumerate().skip(first) {
        match odd(at) {
            true => out.extend_from_slice(format!("\\{byte:03o}").as_bytes()),
            false => out.push(*byte),
        }
    }
    Some(out)
}

fn is_location(location: &str) -> bool {
    let safe = |b: u8| b.is_ascii_alphanumeric() || b"-_+.".contains(&b);
    let (section, package) = match location.rsplit_once('/') {
        Some((section, package)) => (section, package),
        None => ("none", location),
    };
    let parts = section.split('/').all(|part| !part.is_empty() && part.bytes().all(safe));
    parts && PackageName::parse(package).is_ok()
}

#[cfg(test)]
mod tests;

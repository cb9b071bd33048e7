//! The files beside `control` that dpkg reads or runs when it installs.
//!
//! Source: deb-conffiles(5), deb-triggers(5); dpkg's `src/main/unpack.c`,
//! `lib/dpkg/trigdeferred.c`.

use std::collections::HashSet;

use super::path_hash::PathHash;

/// The longest line of conffiles that dpkg reads, its line feed included. Unit: bytes.
const CONFFILE_LINE_MAX_BYTES: usize = 997;
/// The longest line of triggers that dpkg reads, its line feed included. Unit: bytes.
const TRIGGER_LINE_MAX_BYTES: usize = 255;
/// How much of a script is checked. Unit: bytes.
pub(super) const SCRIPT_FRONT_BYTES: usize = 256;

/// How much of a file in control.tar has to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Looks {
    /// All of it.
    Whole,
    /// [`SCRIPT_FRONT_BYTES`].
    Front,
    /// Nothing: dpkg only stores it.
    Nothing,
}

/// How much of the file `name` dpkg looks at.
pub(super) fn looks(name: &str) -> Looks {
    match name {
        "conffiles" | "triggers" => Looks::Whole,
        "preinst" | "postinst" | "prerm" | "postrm" => Looks::Front,
        _ => Looks::Nothing,
    }
}

/// The paths in conffiles, as hashes, without the leading slash.
#[derive(Debug, Default)]
pub(super) struct Conffiles {
    /// Paths that keep the administrator's changes.
    pub kept: HashSet<u64>,
    /// Paths that an upgrade removes.
    pub removed: HashSet<u64>,
}

/// Reads `conffiles`.
///
/// # Errors
/// The line at which dpkg stops, and what to write.
pub(super) fn parse_conffiles(bytes: &[u8]) -> Result<Conffiles, String> {
    const FLAG: &[u8] = b"remove-on-upgrade ";
    let mut found = Conffiles::default();
    for line in lines(bytes, CONFFILE_LINE_MAX_BYTES)? {
        let line = line.trim_ascii_end();
        if line.is_empty() {
            continue;
        }
        let (paths, path) = match line.strip_prefix(FLAG) {
            Some(path) => (&mut found.removed, path),
            None => (&mut found.kept, line),
        };
        let Some(path) = path.strip_prefix(b"/") else {
            let shown = shown(line);
            return Err(format!(
                "{shown} is no absolute path; begin the line with '/', or with \
                 'remove-on-upgrade /'"
            ));
        };
        let start = path.iter().position(|byte| *byte != b'/').unwrap_or(path.len());
        if let Some(path) = path.get(start..).filter(|path| !path.is_empty()) {
            paths.insert(PathHash::of(path));
        }
    }
    Ok(found)
}

/// Reads `triggers`.
///
/// # Errors
/// The line at which dpkg stops, and what to write.
pub(super) fn check_triggers(bytes: &[u8]) -> Result<(), String> {
    for line in lines(bytes, TRIGGER_LINE_MAX_BYTES)? {
        let line = trim_blanks(line);
        if line.is_empty() || line.starts_with(b"#") {
            continue;
        }
        let blank = line.iter().position(is_blank).unwrap_or(line.len());
        let (directive, name) = line.split_at(blank);
        let name = trim_blanks(name);
        let is_interest = match directive {
            b"interest" | b"interest-await" | b"interest-noawait" => true,
            b"activate" | b"activate-await" | b"activate-noawait" => false,
            _ => {
                let shown = shown(line);
                return Err(format!(
                    "{shown} begins with no directive that dpkg knows; write 'interest NAME' or \
                     'activate NAME', each with -await or -noawait if need be"
                ));
            }
        };
        let visible = !name.is_empty() && name.iter().all(u8::is_ascii_graphic);
        if !visible || (is_interest && !is_trigger(name)) {
            let shown = shown(line);
            return Err(format!(
                "{shown} names no trigger; that is an absolute path, or a name as packages have"
            ));
        }
    }
    Ok(())
}

/// Checks the beginning of a script that dpkg runs.
///
/// # Errors
/// Why the kernel cannot run it.
pub(super) fn check_script(front: &[u8]) -> Result<(), String> {
    let first = front.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let Some(interpreter) = first.strip_prefix(b"#!").and_then(|line| line.strip_suffix(b"\r"))
    else {
        return Ok(());
    };
    // The kernel makes the CR part of the name, or of the one argument, which only perl tolerates.
    let has_argument = interpreter.trim_ascii().contains(&b' ');
    if has_argument && interpreter.windows(4).any(|part| part == b"perl") {
        return Ok(());
    }
    let problem = "its first line ends with a carriage return, so that its interpreter is not found; \
                   save it with Unix line ends";
    Err(problem.into())
}

fn is_blank(byte: &u8) -> bool {
    matches!(byte, b' ' | b'\t')
}

/// The line without the white space that dpkg skips in triggers; a carriage return is not skipped.
fn trim_blanks(line: &[u8]) -> &[u8] {
    let start = line.iter().position(|byte| !is_blank(byte)).unwrap_or(line.len());
    let end =
        line.iter().rposition(|byte| !is_blank(byte)).map_or(start, |at| at.saturating_add(1));
    line.get(start..end).unwrap_or_default()
}

/// The lines of a file, of at most `most_bytes` each with their line feeds.
fn lines(bytes: &[u8], most_bytes: usize) -> Result<impl Iterator<Item = &[u8]>, String> {
    if bytes.contains(&0) {
        return Err("it has a NUL in it, at which dpkg stops; take it out".into());
    }
    let whole = match bytes.split_last() {
        Some((b'\n', whole)) => whole,
        None => bytes,
        Some(_) => {
            return Err(
                "its last line does not end with a line feed, which dpkg demands; add one".into()
            );
        }
    };
    let lines = || whole.split(|byte| *byte == b'\n');
    match lines().find(|line| line.len() >= most_bytes) {
        Some(line) => Err(format!(
            "{} is longer than the {most_bytes} bytes that dpkg reads; shorten it",
            shown(line)
        )),
        None => Ok(lines()),
    }
}

/// Whether dpkg accepts the name of a trigger: a path without empty parts, or a package's name.
fn is_trigger(name: &[u8]) -> bool {
    if let Some(path) = name.strip_prefix(b"/") {
        return path.split(|byte| *byte == b'/').all(|part| !part.is_empty());
    }
    name.first().is_some_and(u8::is_ascii_alphanumeric)
        && name.iter().all(|byte| byte.is_ascii_alphanumeric() || b"-+.".contains(byte))
}

/// The beginning of a line or path, as it may be shown.
pub(super) fn shown(line: &[u8]) -> String {
    const SHOWN_BYTES: usize = 80;
    let cut = line.get(..SHOWN_BYTES);
    let dots = if cut.is_some() { "…" } else { "" };
    format!("\"{}{dots}\"", cut.unwrap_or(line).escape_ascii())
}

//! Contents: lines, edits of them, and the lists of paths that packages install.

use repod::debian::contents::{self, ContentsEdit, ContentsLine, merge};
use repod::debian::{FileList, read_file_list};

/// A run of lines; and behind a NUL, edits of it: `+location path` or `-location path`, a line each.
pub fn contents(bytes: &[u8]) {
    let (run, behind) = match bytes.iter().position(|byte| *byte == 0) {
        Some(at) => (&bytes[..at], &bytes[at + 1..]),
        None => (bytes, &[][..]),
    };
    for line in run.split(|byte| *byte == b'\n') {
        let Ok(read) = ContentsLine::parse(line) else { continue };
        let mut out = Vec::new();
        read.write(&mut out);
        assert_eq!(out.strip_suffix(b"\n"), Some(line), "a line has one form");
        assert_eq!(contents::path_of(line), read.path);
    }
    let mut edits: Vec<_> = behind.split(|byte| *byte == b'\n').filter_map(edit).collect();
    edits.sort();
    let Ok(merged) = merge(run, &edits) else { return };
    assert_eq!(merge(&merged, &edits).as_deref(), Ok(&*merged), "edits that are true alter it");
    assert_eq!(merge(&merged, &[]).as_deref(), Ok(&*merged));
    let paths = |run: &[u8]| -> Vec<Vec<u8>> {
        let lines = run.split_inclusive(|byte| *byte == b'\n');
        lines.map(|line| contents::path_of(line).to_vec()).collect()
    };
    assert!(paths(&merged).is_sorted_by(|a, b| a < b));
    // The last edit of a path and location says whether it is there.
    for (at, edit) in edits.iter().enumerate() {
        let same =
            |other: &ContentsEdit<'_>| (other.path, other.location) == (edit.path, edit.location);
        if edits[at + 1..].iter().any(same) {
            continue;
        }
        let held = merged.split(|byte| *byte == b'\n').any(|line| {
            ContentsLine::parse(line)
                .is_ok_and(|line| line.path == edit.path && line.locations.contains(&edit.location))
        });
        assert_eq!(held, edit.is_held, "{edit:?}");
    }
}

fn edit(line: &[u8]) -> Option<ContentsEdit<'_>> {
    let (sign, rest) = line.split_first()?;
    let at = rest.iter().position(|byte| *byte == b' ')?;
    let location = std::str::from_utf8(&rest[..at]).ok()?;
    Some(ContentsEdit { path: &rest[at + 1..], location, is_held: *sign == b'+' })
}

/// A packed list as it is stored, and the same bytes as paths, a line each.
pub fn file_list(bytes: &[u8]) {
    if let Some(plain) = read_file_list(bytes) {
        assert!(plain.is_empty() || plain.ends_with(b"\n"));
        assert!(plain.split_inclusive(|byte| *byte == b'\n').is_sorted());
    }
    let mut paths: Vec<_> = bytes.split(|byte| *byte == b'\n').collect();
    let mut list = FileList::new(u64::MAX);
    paths.iter().for_each(|path| list.push(path));
    let packed = list.finish().expect("there is no limit");
    paths.sort_by(|a, b| [a, &b"\n"[..]].concat().cmp(&[b, &b"\n"[..]].concat()));
    let sorted: Vec<u8> = paths.iter().flat_map(|path| [path, &b"\n"[..]].concat()).collect();
    assert_eq!(read_file_list(&packed), Some(sorted));
    let mut small = FileList::new(16);
    paths.iter().for_each(|path| small.push(path));
    assert_eq!(small.finish().is_some(), bytes.len() < 16);
    if let Some(escaped) = contents::escape(bytes) {
        let plain = |byte: &u8| *byte == b'\n' || !byte.is_ascii_control();
        assert!(escaped.iter().all(plain));
    }
}

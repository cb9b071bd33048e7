//! Lines come back as they were written; merged runs equal what sorting everything again would
//! give.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;

fn line(text: &[u8]) -> Result<ContentsLine<'_>, ContentsError> {
    ContentsLine::parse(text)
}

#[test]
fn a_line_is_a_path_and_the_packages_that_hold_it() {
    let read = line(b"usr/share/a file\xff utils/hello,web/acme-web").unwrap();
    assert_eq!(read.path, b"usr/share/a file\xff");
    assert_eq!(read.locations, ["utils/hello", "web/acme-web"]);
    let mut out = Vec::new();
    read.write(&mut out);
    assert_eq!(out, b"usr/share/a file\xff utils/hello,web/acme-web\n");
    assert_eq!(path_of(&out), read.path);
    let hello = PackageName::parse("hello").unwrap();
    assert_eq!(location(Some("non-free/utils"), &hello), "non-free/utils/hello");
    assert_eq!(line(b"a hello").unwrap().locations, [location(None, &hello)]);
}

#[test]
fn a_line_that_could_be_read_otherwise_is_refused() {
    let cases: [(&[u8], &str); 13] = [
        (b"", "'path section/package'"),
        (b"usr/bin/hello", "'path section/package'"),
        (b" utils/hello", "not empty"),
        (b"/usr/bin/hello utils/hello", "relative"),
        (b"usr/bin/hello  utils/hello", "end with a blank"),
        (b"usr/bin/hello\t utils/hello", "end with a blank"),
        (b"usr/bin/hello\0 utils/hello", "NUL"),
        (b"usr/bin/hello utils/hello,", "a location is"),
        (b"usr/bin/hello utils//hello", "a location is"),
        (b"usr/bin/hello ut\xc3\xa9ls/hello", "a location is"),
        (b"usr/bin/hello utils/h\xff", "ASCII"),
        (b"usr/bin/hello web/b,utils/ab", "a location is"),
        (b"usr/bin/hello web/bc,utils/ab", "sorted"),
    ];
    for (text, part) in cases {
        let error = line(text).expect_err(part).to_string();
        assert!(error.contains(part), "{}: {error}", text.escape_ascii());
    }
    assert!(line(&[b'x'; LINE_MAX_BYTES]).is_err());
}

fn edit<'a>(path: &'a str, location: &'a str, is_held: bool) -> ContentsEdit<'a> {
    ContentsEdit { path: path.as_bytes(), location, is_held }
}

#[test]
fn edits_change_their_own_lines_only() {
    let run = b"b web/bb\nb c web/bb,web/cc\nd web/bb\n";
    let edits = [
        edit("a", "web/new", true),
        edit("b", "web/aa", true),
        edit("b", "web/bb", true),
        edit("b c", "web/bb", false),
        edit("c", "web/bb", false),
        edit("d", "web/bb", false),
        edit("e", "web/bb", true),
    ];
    let merged = merge(run, &edits).unwrap();
    let expected = "a web/new\nb web/aa,web/bb\nb c web/cc\ne web/bb\n";
    assert_eq!(String::from_utf8(merged.clone()).unwrap(), expected);
    assert_eq!(merge(&merged, &edits).unwrap(), merged, "applied twice");
    assert_eq!(merge(run, &[]).unwrap(), run);
    assert_eq!(merge(b"", &[]).unwrap(), b"");
}

#[test]
fn a_new_version_keeps_the_paths_that_both_hold() {
    let run = b"a web/ww\nb web/ww\n";
    let old = ["a", "b"].map(|path| edit(path, "web/ww", false));
    let new = ["b", "c"].map(|path| edit(path, "web/ww", true));
    let mut edits = [new, old].concat();
    edits.sort();
    assert_eq!(merge(run, &edits).unwrap(), b"b web/ww\nc web/ww\n");
}

#[test]
fn what_is_out_of_order_is_refused() {
    let cases: [(&[u8], &[ContentsEdit<'_>], &str); 6] = [
        (b"b web/bb\na web/bb\n", &[], "lines are sorted"),
        (b"b web/bb\nb web/cc\n", &[], "each path once"),
        (b"b web/bb", &[], "ends with a newline"),
        (b"", &[edit("b", "web/bb", true), edit("a", "web/bb", true)], "edits are sorted"),
        (b"", &[edit("b\nc", "web/bb", true)], "newline"),
        (b"", &[edit("b", "web/bb,web/cc", true)], "as it was written"),
    ];
    for (run, edits, part) in cases {
        let error = merge(run, edits).expect_err(part).to_string();
        assert!(error.contains(part), "{error}");
    }
}

type Model = BTreeMap<Vec<u8>, BTreeSet<String>>;

fn written(model: &Model) -> Vec<u8> {
    let mut out = Vec::new();
    for (path, locations) in model.iter().filter(|(_, locations)| !locations.is_empty()) {
        let locations = locations.iter().map(String::as_str).collect();
        ContentsLine { path, locations }.write(&mut out);
    }
    out
}

fn path() -> impl Strategy<Value = Vec<u8>> {
    let byte = prop_oneof![3 => Just(b'/'), 3 => Just(b' '), 9 => b'a'..b'e', 1 => 1u8..];
    let path = prop::collection::vec(byte, 1..5);
    path.prop_filter("no path", |path| is_path(path).is_ok())
}

fn changes(count: usize) -> impl Strategy<Value = Vec<(Vec<u8>, String, bool)>> {
    prop::collection::vec((path(), "(web/)?[a-c]{2}", prop::bool::weighted(0.7)), 0..count)
}

proptest! {
    #[test]
    fn merging_gives_what_writing_everything_afresh_gives(
        first in changes(40), mut second in changes(20),
    ) {
        let mut model = Model::new();
        let mut make = |changes: &[(Vec<u8>, String, bool)]| {
            for (path, location, is_held) in changes {
                let locations = model.entry(path.clone()).or_default();
                match is_held {
                    true => locations.insert(location.clone()),
                    false => locations.remove(location),
                };
            }
            written(&model)
        };
        let run = make(&first);
        // Of the same path, the order of the edits counts.
        second.sort_by(|a, b| a.0.cmp(&b.0));
        let expected = make(&second);
        let edits: Vec<_> = second
            .iter()
            .map(|(path, location, is_held)| ContentsEdit { path, location, is_held: *is_held })
            .collect();
        prop_assert_eq!(merge(&run, &edits).unwrap(), expected);
    }
}

#[test]
fn what_a_terminal_would_obey_is_escaped() {
    let cases: [(&[u8], &[u8]); 7] = [
        (b"a\x1b[2Jb\nc\n", b"a\\033[2Jb\nc\n"),
        (b"etc/x\r\n", b"etc/x\\015\n"),
        (b"a b \nc", b"a b\\040\nc"),
        (b"a \n", b"a\\040\n"),
        (b"a\tb\x7f", b"a\\011b\\177"),
        (b"\xc2\x9b2J", b"\\302\\2332J"),
        (b"a\xff\x9b\x01", b"a\xff\x9b\\001"),
    ];
    for (paths, escaped) in cases {
        assert_eq!(escape(paths).as_deref(), Some(escaped), "{}", paths.escape_ascii());
        for path in escaped.split(|byte| *byte == b'\n').filter(|path| !path.is_empty()) {
            assert_eq!(is_path(path), Ok(()));
        }
    }
    for plain in [&b"usr/lib/systemd/system/a\\x2db.service\ncaf\xc3\xa9 au lait\n"[..], b""] {
        assert_eq!(escape(plain), None);
    }
}

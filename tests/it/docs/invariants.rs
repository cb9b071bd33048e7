//! The table of invariants: each test that it names is there, and no other page names one.

use std::collections::BTreeSet;
use std::path::Path;

use super::pages::root;

/// The names of all tests, of the library and of the programs.
fn tests() -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    let mut next = vec![root().join("src"), root().join("tests")];
    while let Some(path) = next.pop() {
        if path.is_dir() {
            next.extend(std::fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        } else if path.extension().is_some_and(|end| end == "rs") {
            // The contracts of stores are run by one test for each back end.
            let is_contract = path.components().any(|part| part.as_os_str() == "contract");
            names.extend(tests_in(&std::fs::read_to_string(&path).unwrap(), is_contract));
        }
    }
    names
}

/// The functions of a file that a test attribute stands above, or that `proptest!` runs.
fn tests_in(source: &str, all: bool) -> Vec<String> {
    let mut found = Vec::new();
    let mut is_test = false;
    for line in source.lines().map(str::trim) {
        let word = line.trim_start_matches("pub ").trim_start_matches("async ");
        if let Some(rest) = word.strip_prefix("fn ") {
            let name: String =
                rest.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
            found.extend((is_test || all).then_some(name));
            is_test = false;
        } else if line.starts_with("#[") {
            is_test |= line == "#[test]" || line.starts_with("#[tokio::test");
        } else if !line.starts_with("//") && !line.starts_with(')') && !line.is_empty() {
            is_test &= line.ends_with(',') || line.ends_with("]");
        }
    }
    found
}

fn spans(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

/// A name that could be that of a test: words, and none of a metric or a field.
fn is_name(span: &str) -> bool {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    span.matches('_').count() >= 3 && span.chars().all(plain)
}

#[test]
fn each_invariant_names_tests_that_are_there() {
    let tests = tests();
    assert!(tests.len() > 700, "only {} tests were found", tests.len());
    let page = std::fs::read_to_string(root().join("docs/invariants.md")).unwrap();
    let rows: Vec<_> = page.lines().filter(|line| line.starts_with("| ")).collect();
    let rows: Vec<_> = rows.into_iter().filter(|row| !row.ends_with("| tests |")).collect();
    assert!(rows.len() > 100, "only {} rows were found", rows.len());
    for row in rows {
        let cell = row.trim_end_matches(" |").rsplit(" | ").next().unwrap();
        let named: Vec<_> = spans(cell).collect();
        assert!(!named.is_empty(), "no test holds: {row}");
        let gone: Vec<_> = named.iter().filter(|name| !tests.contains(**name)).collect();
        assert!(gone.is_empty(), "there is no test {gone:?}: {row}");
    }
}

#[test]
fn no_other_page_names_a_test() {
    let tests = tests();
    let decisions = std::fs::read_dir(root().join("docs/adr")).unwrap();
    let decisions = decisions.map(|entry| entry.unwrap().path());
    let others = ["docs", "."].map(|dir| std::fs::read_dir(root().join(dir)).unwrap());
    let others = others.into_iter().flatten().map(|entry| entry.unwrap().path());
    let is_page = |path: &Path| path.extension().is_some_and(|end| end == "md");
    let pages: Vec<_> = decisions.chain(others).filter(|path| is_page(path)).collect();
    assert!(pages.len() > 30, "only {} pages were found", pages.len());
    for path in pages.iter().filter(|path| !path.ends_with("invariants.md")) {
        let text = std::fs::read_to_string(path).unwrap();
        let named: Vec<_> =
            spans(&text).filter(|span| is_name(span) && tests.contains(*span)).collect();
        assert!(named.is_empty(), "{}: {named:?} belong to invariants.md", path.display());
    }
}

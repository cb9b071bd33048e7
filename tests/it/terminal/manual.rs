//! Manual pages: `man` shows each without a complaint, and each has what a page has.

use std::path::{Path, PathBuf};

use crate::harness::programs::program;

/// The pages that a program writes.
fn pages(room: &Path, built: &str) -> Vec<PathBuf> {
    let man1 = room.join("man1");
    program(built).args(["man", man1.to_str().unwrap()]).run().expect_success();
    let files = walkdir::WalkDir::new(room).into_iter().map(|entry| entry.unwrap().into_path());
    let mut pages: Vec<_> = files.filter(|path| path.is_file()).collect();
    pages.sort();
    pages
}

/// As a person reads it, 80 columns wide.
fn shown(page: &Path) -> String {
    let shown = program("man")
        .args(["--warnings", "-E", "UTF-8", "-P", "cat", "-l", page.to_str().unwrap()])
        .env("MANWIDTH", "80")
        .env("MANROFFOPT", "-ww")
        .run()
        .expect_success();
    assert_eq!(shown.stderr, "", "{}", page.display());
    shown.stdout
}

#[test]
fn man_shows_every_page_without_a_complaint() {
    let room = tempfile::tempdir().unwrap();
    for (program, least) in [(env!("CARGO_BIN_EXE_repoctl"), 50), (env!("CARGO_BIN_EXE_repod"), 15)]
    {
        let room = room.path().join(Path::new(program).file_name().unwrap());
        let pages = pages(&room, program);
        assert!(pages.len() > least, "{pages:?}");
        for page in pages.iter().filter(|page| page.extension().is_some_and(|end| end == "1")) {
            let text = shown(page);
            let mut sections = vec![
                "NAME",
                "SYNOPSIS",
                "DESCRIPTION",
                "EXIT STATUS",
                "ENVIRONMENT",
                "FILES",
                "SEE ALSO",
            ];
            let source = std::fs::read_to_string(page).unwrap();
            // A page of commands alone has the examples of each on its own page.
            if !source.contains(".SH COMMANDS") {
                sections.push("EXAMPLES");
            }
            for section in sections {
                let heading = format!("\n{section}\n");
                assert!(text.contains(&heading), "{}: no {section}\n{text}", page.display());
            }
        }
    }
}

#[test]
fn a_page_says_what_options_take_and_the_file_has_a_page_of_its_own() {
    let room = tempfile::tempdir().unwrap();
    let pages = pages(room.path(), env!("CARGO_BIN_EXE_repoctl"));
    let pin = pages.iter().find(|page| page.ends_with("repoctl-pin.1")).unwrap();
    let words: String = shown(pin).split_whitespace().collect::<Vec<_>>().join(" ");
    for part in ["[--suite SUITE]", "[--message WHY]", "[--rollback]", "repoctl pin", "repoctl(1)"]
    {
        assert!(words.contains(part), "no {part} in {words}");
    }
    let room = tempfile::tempdir().unwrap();
    self::pages(room.path(), env!("CARGO_BIN_EXE_repod"));
    let page = shown(&room.path().join("man5/repod.toml.5"));
    for text in ["limits", "package_bytes", "in bytes", "default 4294967296", "from a reload on"] {
        assert!(page.contains(text), "no {text} in {page}");
    }
}

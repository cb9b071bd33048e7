//! Tables as wide as the terminal, and whole where there is none.

use super::{Desk, NAMES};
use crate::harness::pty::columns;

const COMMANDS: [&str; 8] = [
    "list",
    "search acme",
    "history",
    "suite list",
    "host list",
    "host token --list",
    "audit",
    "access list --all",
];

#[test]
fn no_line_of_a_table_is_wider_than_the_terminal_and_rows_are_told_apart() {
    let desk = Desk::new();
    for width in [60, 80, 200] {
        for command in COMMANDS {
            let seen = desk.seen(width, &format!("repoctl {command} --color never"));
            for line in seen.shown.lines() {
                assert!(columns(line) <= width, "{command} at {width}: {line}\n{}", seen.shown);
            }
            assert!(seen.shown.lines().count() > 1, "{command}: {}", seen.shown);
        }
        // They are told apart by what they end with, or by what is in their middle: none of it is cut out.
        let list = desk.seen(width, "repoctl list --color never").shown;
        let words: Vec<_> = list.lines().map(|line| line.split("  ").next().unwrap()).collect();
        let joined: String = words.concat().split_whitespace().collect();
        let blocks: String = list.split_whitespace().collect();
        for name in NAMES {
            assert!(joined.contains(name) || blocks.contains(name), "{width}: {list}");
        }
    }
    let wide = desk.seen(200, "repoctl list --color never").shown;
    assert!(NAMES.iter().all(|name| wide.contains(name)) && !wide.contains('…'), "{wide}");
}

#[test]
fn columns_goes_before_what_the_terminal_says_and_programs_read_everything() {
    let desk = Desk::new();
    let seen = desk.seen(200, "env COLUMNS=60 repoctl history --color never");
    assert!(seen.shown.lines().all(|line| columns(line) <= 60), "{}", seen.shown);
    let piped = desk.server.repoctl_program(&["list", "--suite", "stable"]).env("COLUMNS", "40");
    let piped = piped.run().expect_success();
    assert!(NAMES.iter().all(|name| piped.says(name)) && !piped.says("…"), "{piped}");
    // A terminal that is narrower than any table still shows all of it.
    let narrow = desk.seen(30, "repoctl list --color never").shown;
    assert!(narrow.lines().all(|line| columns(line) <= 30), "{narrow}");
    let joined: String = narrow.split_whitespace().collect();
    assert!(joined.contains(NAMES[0]), "{narrow}");
}

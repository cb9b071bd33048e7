//! Colours: on a terminal, and nowhere that they are not wanted.

use super::{Desk, NAMES};

const GREEN: &str = "\u{1b}[32mlive\u{1b}[0m";

#[test]
fn colours_are_for_terminals_that_want_them() {
    let desk = Desk::new();
    let has = |line: &str| desk.seen(200, line).says("\u{1b}[");
    assert!(desk.seen(200, "repoctl list").says(GREEN));
    for line in [
        "env NO_COLOR=1 repoctl list",
        "env TERM=dumb repoctl list",
        "repoctl list --color never",
        "repoctl list --json",
        "repoctl list --json --color always",
        "sh -c 'repoctl list | cat'",
        "sh -c 'repoctl list --color=auto | cat'",
    ] {
        // --no-pager is the shell's own argument there.
        assert!(!has(line), "{line}");
    }
    // The variable counts when it is not empty; the option goes before it.
    assert!(has("env NO_COLOR= repoctl list"));
    assert!(has("env NO_COLOR=1 repoctl list --color always"));
    assert!(has("sh -c 'repoctl list --color always | cat'"));
    let piped = desk.server.repoctl(&["list", "--suite", "stable"]).expect_success();
    assert!(!piped.says("\u{1b}"), "{piped}");
    let always = desk.server.repoctl(&["list", "--suite", "stable", "--color=always"]);
    // Without colours it is the same text: no colour says what the text does not.
    let plain = always.stdout.replace("\u{1b}[32m", "").replace("\u{1b}[0m", "");
    assert_eq!(plain, piped.stdout);
}

#[test]
fn errors_and_help_have_colours_as_well() {
    let desk = Desk::new();
    let red = desk.server.repoctl(&["show", "absent-package", "--color", "always"]).expect_code(1);
    assert!(red.stderr.starts_with("\u{1b}[1m\u{1b}[31merror:\u{1b}[0m "), "{red}");
    let plain = desk.server.repoctl(&["show", "absent-package"]).expect_code(1);
    assert!(plain.stderr.starts_with("error: "), "{plain}");
    let wrong = desk.server.repoctl(&["lst", "--color=always"]).expect_code(2);
    assert!(wrong.stderr.contains("\u{1b}["), "{wrong}");
    assert!(!desk.server.repoctl(&["lst"]).expect_code(2).says("\u{1b}"));
    let json = desk.server.repoctl(&["show", "absent-package", "--json", "--color=always"]);
    assert!(!json.expect_code(1).says("\u{1b}"));
    // What a change would bring is green, what it would take red.
    let file = format!("{}/repo.toml", desk.room.display());
    std::fs::write(&file, "[group.web]\nmembers = [\"web-*.example.org\"]\n").unwrap();
    let told = desk.server.repoctl(&["apply", "-f", &file, "-n", "--color=always"]);
    assert!(told.expect_success().says("\u{1b}[32m+ group web\u{1b}[0m"));
    let diff = desk.server.repoctl(&["diff", "--suite", "stable", "1", "2", "--color=always"]);
    let diff = diff.expect_success();
    assert!(diff.says(NAMES[0]) && diff.says("\u{1b}[32m1.0\u{1b}[0m"), "{diff}");
}

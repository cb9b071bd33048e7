//! The pager: for what is longer than the screen, as git does.

use super::Desk;
use crate::harness::pty::{Seen, Size, Step};

const SMALL: Size = Size { columns: 100, rows: 12 };
/// What less shows where more is to come.
const MORE: &str = ":\u{1b}[K";
const BELL: &str = "\u{7}";

#[test]
fn a_long_answer_is_paged_by_less_and_leaving_it_early_is_no_error() {
    let desk = Desk::long();
    let list = desk.at(SMALL, "repoctl list", &[Step::at(MORE, "q")]).run();
    let seen = Seen::of(list).expect_ended(0);
    assert!(seen.says("PACKAGE") && !seen.says("zulu-39"), "{seen:?}");
    // To the end, and out.
    let list = desk.at(SMALL, "repoctl list", &[Step::at(MORE, "G"), Step::at("(END)", "q")]).run();
    assert!(Seen::of(list).expect_ended(0).says("zulu-39"));
    // Ctrl-C is for the pager, which rings and goes on. Where it came before less waits for a key, the next key
    // only ends that wait: hence two.
    let steps = [Step::at(MORE, "\u{3}"), Step::at(BELL, "qq")];
    Seen::of(desk.at(SMALL, "repoctl list", &steps).run()).expect_ended(0);
    // One that is killed leaves the terminal and the exit code as they are.
    let raw = "env REPOCTL_PAGER='stty raw -echo </dev/tty; echo PAGED; kill -9 $$' repoctl list";
    let seen = Seen::of(desk.at(SMALL, raw, &[]).run()).expect_ended(0);
    assert!(seen.says("PAGED"), "{seen:?}");
}

#[test]
fn a_pager_is_named_by_variables_and_one_that_is_absent_is_no_error() {
    let desk = Desk::long();
    let shown = |line: &str| Seen::of(desk.at(SMALL, line, &[]).run()).expect_ended(0).shown;
    let paged = "sed s/^/PAGED:/";
    assert!(shown(&format!("env REPOCTL_PAGER='{paged}' repoctl list")).contains("PAGED:zulu-39"));
    assert!(!shown(&format!("env PAGER='{paged}' repoctl whoami")).contains("PAGED:"));
    assert!(shown(&format!("env PAGER='{paged}' repoctl list")).contains("PAGED:zulu-39"));
    let both = format!("env REPOCTL_PAGER='cat' PAGER='{paged}' repoctl list");
    let words = format!("env REPOCTL_PAGER='{paged}' repoctl list");
    for line in [
        both.as_str(),
        &both.replace("'cat'", ""),
        &format!("{words} --no-pager"),
        &format!("{words} --json"),
        &format!("env TERM=dumb {words}"),
        "env PAGER=no-such-pager repoctl list",
        "env PAGER='no-such-pager | no-such-either' repoctl list",
        "env PAGER= repoctl list",
        "env PAGER='cat | no-such-pager' repoctl list",
    ] {
        let shown = shown(line);
        assert!(shown.contains("zulu-39") && !shown.contains("PAGED:"), "{line}: {shown}");
    }
    // What a pager has shown is not printed again, whatever it ends with.
    for code in [126, 127] {
        let once = shown(&format!("env PAGER='cat; exit {code}' repoctl list"));
        assert_eq!(once.matches("zulu-39").count(), 1, "{once}");
    }
    // What has room is not paged.
    let large = Size { columns: 200, rows: 60 };
    let seen = Seen::of(desk.at(large, &words, &[]).run()).expect_ended(0);
    assert!(seen.says("zulu-39") && !seen.says("PAGED:"), "{seen:?}");
}

#[test]
fn a_question_is_not_paged() {
    let desk = Desk::long();
    let line = "env REPOCTL_PAGER='sed s/^/PAGED:/' repoctl pin --rollback --all --to 1";
    let steps = [Step::at("Go ahead? [y/N] ", "n\n")];
    let seen = Seen::of(desk.at(SMALL, line, &steps).run()).expect_ended(1);
    assert!(seen.says("zulu-39") && !seen.says("PAGED:"), "{seen:?}");
}

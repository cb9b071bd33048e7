//! What is said of files that are wrong: where, the line itself, and the cure.

use std::path::Path;

use super::Desk;
use crate::harness::programs::program;

fn write(path: &Path, text: &str) -> String {
    std::fs::write(path, text).unwrap();
    path.display().to_string()
}

#[test]
fn a_wrong_file_is_shown_with_its_line_by_every_program() {
    let desk = Desk::new();
    // repod.toml: a syntax error, a mistyped key, a wrong type, a value that is refused.
    for (line, head, caret) in [
        ("days = 3 4", "3:8: is not TOML: ", "^^^"),
        ("dasy = 3", "3:1: scrub.dasy: there is no field `dasy`; did you mean `days`?", "^^^^"),
        (
            "days = \"a\"",
            "3:8: scrub.days: invalid type: string \"a\", expected a whole number",
            "^^^",
        ),
        ("days = 9999", "3:8: scrub.days is 9999; it lies between 0 (no scrub) and 3650", "^^^^"),
    ] {
        let text = format!("public_url = \"https://repo.example.org:8443/\"\n[scrub]\n{line}\n");
        let file = write(&desk.room.join("repod.toml"), &text);
        let said = desk.server.repod(&["serve", "--config", &file]).run().expect_code(1);
        assert!(said.stderr.contains(&format!("{file}:{head}")), "{said}");
        assert!(said.stderr.contains(&format!("\n  3 | {line}\n    | ")), "{said}");
        assert!(said.stderr.trim_end().ends_with(&format!(" {caret}")), "{said}");
    }
    // config.toml of repoctl.
    let file = write(&desk.room.join("config.toml"), "server = \"a\"\nsutie = \"stable\"\n");
    let said = desk.server.repoctl(&["whoami", "--config", &file]).expect_code(2);
    assert!(said.stderr.starts_with(&format!("error: {file}:2:1: ")), "{said}");
    assert!(
        said.says("\n  2 | sutie = \"stable\"\n    | ^^^^^\nhint: did you mean \"suite\"?"),
        "{said}"
    );
}

#[test]
fn what_the_server_refuses_of_a_file_is_shown_with_its_line() {
    let desk = Desk::new();
    let apply = |text: &str| {
        let file = write(&desk.room.join("repo.toml"), text);
        let told = desk.server.repoctl(&["apply", "-f", &file, "--yes"]);
        assert_ne!(told.code, 0, "{told}");
        told.stderr.replace(&file, "repo.toml")
    };
    let said = apply("[suite.stable]\n[suite.\"no name\"]\ncomponents = [\"main\"]\n");
    assert!(said.contains("repo.toml:2:8: suite.\"no name\": "), "{said}");
    assert!(said.contains("\n  2 | [suite.\"no name\"]\n    |        ^^^^^^^^^"), "{said}");
    // By rules that the server has.
    let said = apply("[group.web]\nmembers = [\"web-01.example.org\", \"Not A Name\"]\n");
    assert!(said.contains("repo.toml:2:34: group.web.members[1]: "), "{said}");
    // What no edit can make.
    let said = apply("[suite.stable]\norigin = \"Another\"\n");
    assert!(
        said.contains("repo.toml:2:10: suite.stable.origin: suite stable: origin cannot"),
        "{said}"
    );
    assert!(said.contains("  2 | origin = \"Another\"\n    |          ^^^^^^^^^"), "{said}");
}

/// What was made before a refusal stays, and is told: exit code 2 would say that nothing was changed.
#[test]
fn a_file_that_is_applied_in_part_says_what_was_made() {
    let desk = Desk::new();
    let text = "[suite.aaa]\narchitectures = [\"amd64\"]\n\n[suite.bbb]\narchitectures = [\"amd64\"]\n\
                description = \" x\"\n\n[suite.ccc]\narchitectures = [\"amd64\"]\n";
    let file = write(&desk.room.join("repo.toml"), text);
    let told = desk.server.repoctl(&["apply", "-f", &file, "--yes"]).expect_code(1);
    assert!(told.stderr.contains(&format!("error: {file}:4:")), "{told}");
    assert!(told.stderr.contains("suite.bbb: description: is one line"), "{told}");
    assert!(told.stderr.contains("; the file was applied in part\n"), "{told}");
    assert!(told.stderr.contains("\n  suite aaa was made\n"), "{told}");
    let suites = desk.server.repoctl(&["suite", "list"]).expect_success().stdout;
    assert!(
        suites.contains("aaa") && !suites.contains("bbb") && !suites.contains("ccc"),
        "{suites}"
    );
    let file = write(&desk.room.join("repo.toml"), &text.replace(" x", "x"));
    desk.server
        .repoctl(&["apply", "-f", &file, "--yes"])
        .expect_success()
        .expect_says("+ suite bbb");
}

/// Whoever keeps what is printed is told when it could not be.
#[test]
fn output_that_cannot_be_written_is_a_failure() {
    let desk = Desk::new();
    let line = ["-c", "\"$0\" access export >/dev/full", env!("CARGO_BIN_EXE_repoctl")];
    let said =
        program("sh").args(line).env("REPOCTL_CONFIG", desk.server.at("data/operator/config.toml"));
    let said = said.run().expect_code(1);
    assert!(said.stderr.starts_with("error: cannot write the output: No space left"), "{said}");
}

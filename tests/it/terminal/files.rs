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
        ("days = \"a\"", "3:8: scrub.days: is the text \"a\", expected a whole number", "^^^"),
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

/// A dry run finds what the real one would be refused, all of it, and nothing is made before.
#[test]
fn everything_that_would_be_refused_of_a_file_is_told_before_anything_is_made() {
    let desk = Desk::new();
    let text = "[suite.aaa]\narchitectures = [\"amd64\"]\n\n[suite.bbb]\narchitectures = [\"amd64\", \"amd46\"]\n\n\
                [suite.ccc]\nvalid_days = 9999\n\n[suite.stable]\nowns = [\"acme-*\", \"*\"]\n\n\
                [suite.ddd]\nalias = \"No Name\"\n\n[[grant]]\nto = \"@nobody\"\nrole = \"uploader\"\n\
                suites = [\"aaa\"]\npackages = [\"web\", \"UP\"]\n\n[[grant]]\nto = \"@nobody\"\nrole = \"host\"\n\
                suites = [\"aaa\"]\ncomponents = [\"main\"]\n";
    let file = write(&desk.room.join("repo.toml"), text);
    for more in [&["--dry-run"][..], &["--yes"], &["--dry-run", "--json"]] {
        let told = desk.server.repoctl(&[&["apply", "-f", &file], more].concat());
        let told = told.expect_code(1);
        for said in [
            ":5:27: suite.bbb.architectures: dpkg knows no architecture amd46",
            ":8:14: suite.ccc.valid_days: a signature is valid for 1 to 366 days",
            ":11:19: suite.stable.owns[1]: ",
            ":14:9: suite.ddd.alias: ",
            ":20:20: grant[0].packages[1]: ",
            ":23:6: grant[1].to: there is no group nobody; ",
            ":26:14: grant[1].components: limits who uploads or operates",
        ] {
            let said = said.replace(":5:27: ", ":5:17: ");
            assert!(told.says(&format!("{file}{said}")), "{said}\n{told}");
        }
    }
    let suites = desk.server.repoctl(&["suite", "list"]).expect_success().stdout;
    assert!(!suites.contains("aaa"), "{suites}");
    // One alone is told as a fault of the file, and what the server knows alone with its line as well.
    let file = write(&desk.room.join("repo.toml"), "[suite.stable]\nvalid_days = 0\n");
    let told = desk.server.repoctl(&["apply", "-f", &file, "-n"]).expect_code(2);
    assert!(
        told.stderr.starts_with(&format!("error: {file}:2:14: suite.stable.valid_days: ")),
        "{told}"
    );
    let file = write(&desk.room.join("repo.toml"), "[suite.aaa]\nalias = \"stable\"\n");
    let told = desk.server.repoctl(&["apply", "-f", &file, "-n"]).expect_code(1);
    assert!(
        told.says(&format!("{file}:2:9: suite.aaa.alias: stable: is the name of a suite")),
        "{told}"
    );
    // What is sound is made, and a dry run of it makes nothing.
    let file = write(
        &desk.room.join("repo.toml"),
        "[suite.aaa]\nalias = \"next\"\n[suite.stable]\nvalid_days = 9\n",
    );
    desk.server.repoctl(&["apply", "-f", &file, "-n"]).expect_success().expect_says("+ suite aaa");
    let suites = desk.server.repoctl(&["suite", "list", "--json"]).expect_success().stdout;
    assert!(!suites.contains("aaa") && !suites.contains("\"valid_days\": 9,"), "{suites}");
    desk.server.repoctl(&["apply", "-f", &file, "--yes"]).expect_success().expect_says("applied");
    desk.server
        .repoctl(&["apply", "-f", &file, "-n"])
        .expect_success()
        .expect_says("nothing to do");
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

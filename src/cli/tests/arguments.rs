//! The argument tree, and everything that needs no server.

use clap::{CommandFactory, Parser};

use super::Stage;
use crate::cli::args::{Cli, parse_minutes};

pub(super) fn every_command(
    command: &clap::Command,
    path: &str,
    seen: &mut Vec<(String, clap::Command)>,
) {
    for one in command.get_subcommands() {
        let path = format!("{path} {}", one.get_name());
        every_command(one, &path, seen);
        seen.push((path, one.clone()));
    }
}

/// The words of the first line of a command's example.
pub(super) fn example(command: &clap::Command) -> Vec<String> {
    let after = command.get_after_help().unwrap().to_string();
    let line = after.lines().nth(1).unwrap().trim();
    let line = line.split(['|', '>']).next().unwrap().replace('\'', "\"");
    let mut words = Vec::new();
    for (at, part) in line.split('"').enumerate() {
        match at % 2 {
            0 => words.extend(part.split_whitespace().map(str::to_owned)),
            _ => words.push(part.to_owned()),
        }
    }
    words
}

#[test]
fn the_tree_is_sound() {
    Cli::command().debug_assert();
}

#[test]
fn who_wants_to_move_a_suite_is_told_that_it_stays_where_it_is() {
    let words = ["repoctl", "suite", "edit", "stable", "--namespace", "deb12"];
    let error = Cli::try_parse_from(words).unwrap_err().to_string();
    assert!(
        error.contains("a suite stays in its namespace; make another one in the other"),
        "{error}"
    );
}

#[test]
fn every_command_ends_its_help_with_an_example_that_can_be_typed() {
    let mut commands = vec![("repoctl".to_owned(), Cli::command())];
    every_command(&Cli::command(), "repoctl", &mut commands);
    assert!(commands.len() > 25, "{}", commands.len());
    for (path, command) in commands {
        let after = command.get_after_help().map(ToString::to_string).unwrap_or_default();
        let example =
            after.strip_prefix("EXAMPLE:\n  ").unwrap_or_else(|| panic!("{path}: {after}"));
        assert!(example.lines().next().unwrap().contains(&path), "{path}: {example}");
        assert!(command.get_about().is_some(), "{path}");
    }
}

#[test]
fn the_first_line_of_every_example_is_understood() {
    let mut commands = Vec::new();
    every_command(&Cli::command(), "repoctl", &mut commands);
    for (path, command) in commands {
        let words = example(&command);
        let parsed = Cli::command().try_get_matches_from(&words);
        assert!(parsed.is_ok(), "{path}: {words:?}: {}", parsed.unwrap_err());
    }
}

/// Commands that change nothing on the server. A new command is either listed here or takes `-m`,
/// which [`Command::why`] has to return.
const ASKING: &str = "suite list; suite show; list; search; show; history; diff; pins; yanks; rollout status; host setup; \
    host refresh; host report; host list; host show; who-has; fleet; fleet diff; health run; identity list; key list; key status; crl show; audit; audit verify; \
    audit checkpoint; access list; access group list; access group show; access explain; \
    access export; status; whoami; completions; man";

#[test]
fn every_command_that_alters_something_takes_a_reason() {
    let mut commands = Vec::new();
    every_command(&Cli::command(), "repoctl", &mut commands);
    let asking: Vec<_> = ASKING.split("; ").map(|name| format!("repoctl {name}")).collect();
    let mut altering = 0;
    for name in &asking {
        assert!(commands.iter().any(|(path, _)| path == name), "there is no {name}");
    }
    for (path, command) in &commands {
        let own = command.get_arguments().find(|one| one.get_id() == "message");
        if asking.contains(path) {
            assert!(own.is_none(), "{path} alters nothing, and takes a reason");
            continue;
        }
        if command.has_subcommands() {
            continue;
        }
        let own = own.unwrap_or_else(|| panic!("{path} takes no -m; does it alter nothing?"));
        assert_eq!((own.get_short(), own.get_long()), (Some('m'), Some("message")), "{path}");
        // The reason arrives where the client reads it.
        let mut words = example(command);
        if let Some(at) = words.iter().position(|word| word == "-m") {
            words.drain(at..at + 2);
        }
        words.extend(["-m".to_owned(), "a reason".to_owned()]);
        let cli = Cli::try_parse_from(&words).unwrap_or_else(|error| panic!("{path}: {error}"));
        let why = cli.command.why().unwrap_or_else(|| panic!("{path}: why() knows nothing of it"));
        assert_eq!(why.message, "a reason", "{path}");
        altering += 1;
    }
    assert!(altering >= 25, "only {altering}");
}

#[tokio::test]
async fn help_and_version_are_answers_and_errors_are_not() {
    let stage = Stage::default();
    for arguments in [&["--help"][..], &["pin", "--help"], &["--version"]] {
        let output = stage.run(arguments).await;
        assert_eq!((output.exit, output.err.as_str()), (0, ""), "{arguments:?}");
        assert!(!output.out.is_empty());
        assert!(!output.out.contains('\u{1b}'));
    }
    let wrong = [
        &["uplaod"][..],
        &[],
        &["pin"],
        &["pin", "hello=1", "--to", "3"],
        &["pin", "--rollback", "--for", "24h"],
        &["unpin", "hello", "--all"],
        &["unpin"],
        &["upload", "--suite", "../x", "a.deb"],
        &["upload"],
        &["identity", "issue", "ci", "--role", "king"],
        &["host", "issue", "../x", "--suite", "stable"],
    ];
    for arguments in wrong {
        let output = stage.run(arguments).await;
        assert_eq!((output.exit, output.out.as_str()), (2, ""), "{arguments:?}");
        assert!(output.err.contains("error:") || output.err.contains("Usage:"), "{}", output.err);
    }
}

#[tokio::test]
async fn completions_and_pages_need_no_server() {
    let stage = Stage::default();
    for shell in ["bash", "zsh", "fish"] {
        let output = stage.run(&["completions", shell]).await;
        assert_eq!(output.exit, 0);
        assert!(
            output.out.contains("repoctl") && output.out.contains("_REPOCTL_COMPLETE"),
            "{shell}"
        );
    }
    let directory = tempfile::tempdir().unwrap();
    let pages = directory.path().join("man1");
    let output = stage.run(&["man", pages.to_str().unwrap()]).await;
    assert_eq!((output.exit, output.err.as_str()), (0, ""));
    let page = std::fs::read_to_string(pages.join("repoctl-pin.1")).unwrap();
    assert!(page.contains("rollback") && page.contains("EXAMPLE"));
}

#[test]
fn times_of_pins_are_whole_hours_within_a_year() {
    let read = crate::cli::args::parse_hours;
    assert_eq!([read("24h"), read("3d"), read("1w")], [Ok(24), Ok(72), Ok(168)]);
    let wrong =
        ["", "h", "24", "0h", "30m", "-1h", "1h2d", "1hh", "53w", "99999999999h", "1é", "²h"];
    for text in wrong {
        assert!(read(text).is_err(), "{text}");
    }
}

#[test]
fn how_often_a_host_upgrades_lies_between_a_minute_and_a_week() {
    for (text, minutes) in [("1m", 1), ("15m", 15), ("2h", 120), ("1d", 1_440), ("1w", 10_080)] {
        assert_eq!(parse_minutes(text), Ok(minutes), "{text}");
    }
    for text in [
        "",
        "m",
        "0m",
        "15",
        "30s",
        "8d",
        "2w",
        "10081m",
        "-1m",
        "1.5h",
        "1hm",
        "99999999999w",
        "é",
    ] {
        let said = parse_minutes(text).unwrap_err();
        assert_eq!(said, "write 15m, 2h, 1d or 1w: from 1m to 1w", "{text}");
    }
}

#[test]
fn the_manual_page_has_every_variable_that_is_read() {
    let told = crate::cli::command::manual::ENVIRONMENT.map(|(name, _)| name);
    for name in crate::cli::terminal::VARIABLES {
        assert!(told.contains(&name), "{name} is read, and on no page");
    }
    // less reads that one.
    let read = told.iter().filter(|name| **name != "LESS");
    assert_eq!(read.count(), crate::cli::terminal::VARIABLES.len());
}

#[test]
fn n_is_a_dry_run_where_there_is_one() {
    let mut commands = Vec::new();
    every_command(&Cli::command(), "repoctl", &mut commands);
    let mut dry = Vec::new();
    for (path, command) in commands {
        let of = |id: &str| command.get_arguments().find(|one| one.get_id() == id).cloned();
        let short = command.get_arguments().find(|one| one.get_short() == Some('n'));
        if let Some(dry_run) = of("dry_run") {
            assert_eq!(dry_run.get_short(), Some('n'), "{path}");
            dry.push(path);
        } else if let Some(short) = short {
            assert_eq!(short.get_id(), "limit", "{path}");
        }
    }
    dry.sort();
    let known = [
        "apply",
        "gc",
        "host refresh",
        "pin",
        "promote",
        "release",
        "remove",
        "rollout abort",
        "rollout advance",
        "rollout start",
        "unpin",
        "upload",
        "yank",
    ]
    .map(|one| format!("repoctl {one}"));
    assert_eq!(dry, known);
}

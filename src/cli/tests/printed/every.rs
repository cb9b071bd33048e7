//! Each command has its snapshots, and each snapshot its command.

use std::collections::BTreeSet;

use super::{
    Scene, access, changes, failures, file_name, folder, help, keys, suites, tables, uploads,
};
use crate::cli::tests::arguments::every_command;
use clap::CommandFactory;

pub fn scenes() -> Vec<&'static Scene> {
    let plain = [suites::SCENES, uploads::SCENES, changes::SCENES, keys::SCENES];
    plain.into_iter().flatten().chain(access::scenes()).collect()
}

/// The commands without subcommands.
fn verbs() -> Vec<String> {
    let mut commands = Vec::new();
    every_command(&crate::cli::args::Cli::command(), "", &mut commands);
    let does = |command: &clap::Command| !command.is_subcommand_required_set();
    let verbs = commands.into_iter().filter(|(_, command)| does(command));
    verbs.map(|(path, _)| path.trim_start().to_owned()).collect()
}

/// clap_complete writes their output and has its own tests.
const WITHOUT: [&str; 1] = ["completions"];
/// Commands without JSON output.
const WITHOUT_JSON: [&str; 1] = ["man"];

#[test]
fn every_command_has_a_snapshot_of_its_answer_for_people_and_for_programs() {
    let (scenes, verbs) = (scenes(), verbs());
    assert!(verbs.len() > 40, "{verbs:?}");
    for verb in verbs.iter().filter(|verb| !WITHOUT.contains(&verb.as_str())) {
        let found: Vec<_> = scenes.iter().filter(|(command, _)| command == verb).collect();
        let [(_, runs)] = found.as_slice() else {
            panic!("{verb}: {} scenes in src/cli/tests/printed/", found.len());
        };
        let begins = |line: &str| line == verb || line.starts_with(&format!("{verb} "));
        assert!(runs.iter().all(|run| begins(run.line)), "{verb}: another command's runs");
        let json = runs.iter().any(|run| run.line.ends_with("--json"));
        assert!(json || WITHOUT_JSON.contains(&verb.as_str()), "{verb}: no run with --json");
        assert!(runs.iter().any(|run| !run.line.ends_with("--json")), "{verb}: no text");
    }
    for (command, _) in scenes {
        assert!(verbs.iter().any(|verb| verb == command), "there is no command {command}");
    }
}

#[test]
fn every_snapshot_is_of_something() {
    let answers =
        scenes().into_iter().map(|(command, _)| format!("answers/{}", file_name(command)));
    let help_of = help::commands().into_iter().map(|path| format!("help/{}", file_name(&path)));
    let wide = help::ALSO_WIDE.iter().map(|path| format!("help/{}-wide", file_name(path)));
    let failures = failures::NAMES.iter().map(|name| format!("failures/{name}"));
    let tables = tables::WIDTHS.iter().map(|width| format!("tables/{width}"));
    let named: BTreeSet<_> =
        answers.chain(help_of).chain(wide).chain(failures).chain(tables).collect();
    let mut lie = BTreeSet::new();
    let top = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    for entry in ["src", "tests"].into_iter().flat_map(|one| walkdir::WalkDir::new(top.join(one))) {
        let path = entry.unwrap().into_path();
        if path.extension().is_some_and(|end| end == "snap") {
            let below = path.strip_prefix(folder()).unwrap_or(&path).with_extension("");
            lie.insert(below.display().to_string());
        }
    }
    let over: Vec<_> = lie.difference(&named).collect();
    assert!(over.is_empty(), "no test names these snapshots: remove them: {over:?}");
}

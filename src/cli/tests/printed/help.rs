//! Help of every command, as a terminal of 80 columns shows it; of the longest also as a wide one does.

use clap::CommandFactory;

use super::{Held, file_name, page};
use crate::cli::args::Cli;
use crate::cli::tests::Stage;
use crate::cli::tests::arguments::every_command;

/// The least that a terminal has. Unit: columns.
const NARROW: usize = 80;
/// What a wide one has. Unit: columns.
const WIDE: usize = 140;
/// Those whose lines are broken most.
pub const ALSO_WIDE: [&str; 3] = ["repoctl", "repoctl suite create", "repoctl host token"];

/// Every command by the words that lead to it, `repoctl` itself first.
pub fn commands() -> Vec<String> {
    let mut commands = Vec::new();
    every_command(&Cli::command(), "repoctl", &mut commands);
    let paths = commands.into_iter().map(|(path, _)| path);
    std::iter::once("repoctl".to_owned()).chain(paths).collect()
}

/// What `--help` prints on a terminal that is so wide.
async fn help(path: &str, columns: usize) -> String {
    let mut stage = Stage::default();
    stage.environment.insert("COLUMNS".into(), columns.to_string());
    let line = format!("{path} --help");
    let line = line.trim_start_matches("repoctl ");
    let told = stage.run(&line.split(' ').collect::<Vec<_>>()).await;
    let long = told.out.lines().find(|line| line.chars().count() > columns);
    assert_eq!(long, None, "{path}: a line is too long");
    page(line, None, &told)
}

#[tokio::test]
async fn the_help_of_every_command_is_as_it_was_seen() {
    let mut held = Held::default();
    for path in commands() {
        held.hold("help", &file_name(&path), &help(&path, NARROW).await);
        if ALSO_WIDE.contains(&path.as_str()) {
            held.hold("help", &format!("{}-wide", file_name(&path)), &help(&path, WIDE).await);
        }
    }
    held.finish();
}

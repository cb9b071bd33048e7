//! Help of every command, as a terminal of 80 columns shows it; the longest ones also on a wide
//! terminal.

use clap::CommandFactory;

use super::{Held, file_name, page};
use crate::cli::args::Cli;
use crate::cli::tests::Stage;
use crate::cli::tests::arguments::every_command;

/// The width of a narrow terminal. Unit: columns.
const NARROW: usize = 80;
/// The width of a wide terminal. Unit: columns.
const WIDE: usize = 140;
/// The commands with the longest lines.
pub const ALSO_WIDE: [&str; 3] = ["repoctl", "repoctl suite create", "repoctl host token"];

/// Every command by its words, `repoctl` itself first.
pub fn commands() -> Vec<String> {
    let mut commands = Vec::new();
    every_command(&Cli::command(), "repoctl", &mut commands);
    let paths = commands.into_iter().map(|(path, _)| path);
    std::iter::once("repoctl".to_owned()).chain(paths).collect()
}

/// The output of `--help` on a terminal of this width.
async fn help(path: &str, columns: usize) -> String {
    let mut stage = Stage::default();
    stage.environment.insert("COLUMNS".into(), columns.to_string());
    let line = format!("{path} --help");
    let line = line.trim_start_matches("repoctl ");
    let output = stage.run(&line.split(' ').collect::<Vec<_>>()).await;
    let long = output.out.lines().find(|line| line.chars().count() > columns);
    assert_eq!(long, None, "{path}: a line is too long");
    page(line, None, &output)
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

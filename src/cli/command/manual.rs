//! `repoctl completions` and `repoctl man`: they need no server.

use std::path::Path;

use clap::CommandFactory;

use crate::cli::args::Cli;
use crate::cli::failure::Failure;
use crate::cli::terminal::Terminal;

/// Prints the completion script of a shell.
///
/// # Errors
/// A [`Failure`] when there is none for it.
pub fn completions(around: &mut Terminal, script: Option<String>) -> Result<(), Failure> {
    let script =
        script.ok_or_else(|| Failure::usage("there is no script for this shell".to_owned()))?;
    around.print(&script);
    Ok(())
}

/// Writes a manual page for every command.
///
/// # Errors
/// A [`Failure`] when the directory cannot be made or written.
pub fn pages(around: &mut Terminal, directory: &Path) -> Result<(), Failure> {
    let write = || {
        std::fs::create_dir_all(directory)?;
        clap_mangen::generate_to(Cli::command(), directory)
    };
    write().map_err(|error: std::io::Error| {
        Failure::refused(format!("{}: cannot be written: {error}", directory.display()))
    })?;
    around.print(&format!("the manual pages are in {}\n", directory.display()));
    Ok(())
}

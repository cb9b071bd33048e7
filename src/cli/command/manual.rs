//! `repoctl completions` and `repoctl man`: they need no server.

use std::path::Path;

use clap::CommandFactory;

use crate::cli::args::Cli;
use crate::cli::failure::Failure;
use crate::cli::man::{self, Program};
use crate::cli::terminal::Terminal;

/// What the pages of `repoctl` say beside its arguments.
const REPOCTL: Program = Program {
    exit: &[
        ("0", "Done, or already so."),
        (
            "1",
            "Refused: the message says what, and how to mend it. Also where a question was answered with no.",
        ),
        (
            "2",
            "The command line or the configuration is wrong, or what has to be confirmed was not. Nothing was changed.",
        ),
        ("3", "Not allowed: the certificate is missing, revoked or expired, or there is no right."),
        (
            "4",
            "The server is out of reach, busy or failing. Try again, unless the message says to look first.",
        ),
        (
            "130",
            "Ended by Ctrl-C, as a shell says it. Nothing was half done; what was asked of the server may be done.",
        ),
    ],
    environment: &ENVIRONMENT,
    files: &[
        (
            "~/.config/repoctl/config.toml",
            "The server, the certificate, its key, the authority and the usual suite.",
        ),
        ("/etc/apt/repod/", "On a host: its certificate and its key, which host enroll writes."),
    ],
    see_also: &["repod(1)", "apt-get(8)", "less(1)"],
};

/// What the environment variables do, in the order of the page.
pub(in crate::cli) const ENVIRONMENT: [(&str, &str); 14] = [
    ("REPOCTL_SERVER", "Where the server is; --server goes before it."),
    ("REPOCTL_CERT", "The client certificate: a file, or the text in PEM; --cert goes before it."),
    ("REPOCTL_KEY", "Its private key: a file, or the text in PEM; --key goes before it."),
    ("REPOCTL_CA", "The authority of the server: a file, or the text in PEM; --ca goes before it."),
    ("REPOCTL_CONFIG", "The file with all of these; --config goes before it."),
    ("REPOCTL_SUITE", "The suite, where --suite names none."),
    (
        "REPOCTL_PAGER",
        "What shows an answer that is longer than the screen; empty or cat for nothing.",
    ),
    ("PAGER", "The same, where REPOCTL_PAGER is not set. Without either it is less."),
    ("LESS", "Options of less. Where it is not set, it is FRX."),
    ("NO_COLOR", "Where it is set and not empty, there are no colours, unless --color says so."),
    ("TERM", "Where it is dumb, there are neither colours nor a pager."),
    ("COLUMNS", "How wide the terminal is; it goes before what the terminal says."),
    ("XDG_CONFIG_HOME", "Where the directory repoctl with config.toml is, in place of ~/.config."),
    ("HOME", "Where .config is."),
];

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
    man::write(Cli::command(), directory, &REPOCTL).map_err(|error| {
        Failure::refused(format!("{}: cannot be written: {error}", directory.display()))
    })?;
    around.print(&format!("the manual pages are in {}\n", directory.display()));
    Ok(())
}

//! Terminal: the input, output and environment of a command.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, IsTerminal, Write};
use std::sync::Arc;

use crate::time::{Clock, Moment, SystemClock};

/// The environment variables that `repoctl` uses.
const VARIABLES: [&str; 11] = [
    "REPOCTL_SERVER",
    "REPOCTL_CERT",
    "REPOCTL_KEY",
    "REPOCTL_CA",
    "REPOCTL_CONFIG",
    "REPOCTL_SUITE",
    "XDG_CONFIG_HOME",
    "HOME",
    "NO_COLOR",
    "TERM",
    "COLUMNS",
];

/// Longer lines are hard to read. Unit: columns; clap has the same.
const MOST_COLUMNS: usize = 100;

/// Everything around a command, so that a test or a demonstration can replace the terminal.
pub struct Terminal {
    /// Standard output.
    pub out: Box<dyn Write + Send>,
    /// Standard error.
    pub err: Box<dyn Write + Send>,
    /// Standard input.
    pub input: Box<dyn BufRead + Send>,
    /// Whether standard output and standard input are a terminal, so that questions may be asked.
    pub may_ask: bool,
    /// Whether standard error is a terminal, so that progress may be shown there.
    pub may_show_progress: bool,
    /// Environment variables.
    pub environment: BTreeMap<String, String>,
    /// The clock.
    pub clock: Arc<dyn Clock>,
}

impl Terminal {
    /// The terminal of this process.
    pub fn of_process() -> Self {
        let read = |name: &str| std::env::var(name).ok().map(|value| (name.to_owned(), value));
        Self {
            out: Box::new(std::io::stdout()),
            err: Box::new(std::io::stderr()),
            input: Box::new(BufReader::new(std::io::stdin())),
            may_ask: std::io::stdout().is_terminal() && std::io::stdin().is_terminal(),
            may_show_progress: std::io::stderr().is_terminal(),
            environment: VARIABLES.into_iter().filter_map(read).collect(),
            clock: Arc::new(SystemClock),
        }
    }

    /// The present moment.
    pub fn now(&self) -> Moment {
        self.clock.now()
    }

    /// A variable that is set and not empty.
    pub fn variable(&self, name: &str) -> Option<&str> {
        self.environment.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// The width of help texts where `COLUMNS` gives that of the terminal; otherwise clap asks the
    /// terminal.
    pub fn columns(&self) -> Option<usize> {
        let columns = self.variable("COLUMNS")?.parse::<usize>().ok()?;
        (columns > 0).then_some(columns.min(MOST_COLUMNS))
    }

    /// Whether standard error may be coloured. Source: no-color.org.
    pub fn may_colour(&self) -> bool {
        self.may_show_progress
            && self.variable("NO_COLOR").is_none()
            && self.variable("TERM") != Some("dumb")
    }

    /// Writes to standard output. A closed reader, such as `head`, is no failure.
    pub fn print(&mut self, text: &str) {
        let written = self.out.write_all(text.as_bytes()).and_then(|()| self.out.flush());
        if let Err(error) = written
            && error.kind() != std::io::ErrorKind::BrokenPipe
        {
            self.complain(&format!("warning: cannot write the output: {error}\n"));
        }
    }

    /// Writes to standard error; a failure there cannot be reported to anybody.
    pub fn complain(&mut self, text: &str) {
        let _ = self.err.write_all(text.as_bytes()).and_then(|()| self.err.flush());
    }

    /// Asks a question that is answered with yes or no; no is the default.
    pub fn ask(&mut self, question: &str) -> bool {
        self.print(&format!("{question} [y/N] "));
        let mut answer = String::new();
        let read = self.input.read_line(&mut answer);
        if !answer.ends_with('\n') {
            self.print("\n");
        }
        if read.is_err() {
            return false;
        }
        matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes")
    }
}

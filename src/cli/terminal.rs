//! Terminal: the input, output and environment of a command.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, IsTerminal, Write};
use std::sync::Arc;

use clap::ColorChoice;

use super::pager;
use super::sheet::Sheet;
use super::style::heads;
use super::table::width;
use crate::time::{Clock, Moment, SystemClock};

/// The environment variables that `repoctl` uses.
pub const VARIABLES: [&str; 13] = [
    "REPOCTL_SERVER",
    "REPOCTL_CERT",
    "REPOCTL_KEY",
    "REPOCTL_CA",
    "REPOCTL_CONFIG",
    "REPOCTL_SUITE",
    "REPOCTL_PAGER",
    "PAGER",
    "XDG_CONFIG_HOME",
    "HOME",
    "NO_COLOR",
    "TERM",
    "COLUMNS",
];

/// Longer lines of help are hard to read. Unit: columns; clap has the same.
const MOST_COLUMNS: usize = 100;
/// The width of a terminal that does not say how wide it is. Unit: columns; git has the same.
const USUAL_COLUMNS: usize = 80;
/// What is laid out for a narrower one would be a column of letters. Unit: columns.
const LEAST_COLUMNS: usize = 20;

/// The size of a terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Screen {
    /// How wide it is.
    pub columns: usize,
    /// How many lines it has.
    pub rows: usize,
}

/// Everything around a command, so that a test or a demonstration can replace the terminal.
pub struct Terminal {
    /// Standard output.
    pub out: Box<dyn Write + Send>,
    /// Standard error.
    pub err: Box<dyn Write + Send>,
    /// Standard input.
    pub input: Box<dyn BufRead + Send>,
    /// The terminal that standard output is; `None` where it is none, and programs read it.
    pub screen: Option<Screen>,
    /// Whether standard output and standard input are a terminal, so that questions may be asked.
    pub may_ask: bool,
    /// Whether standard error is a terminal, so that progress may be shown there.
    pub may_show_progress: bool,
    /// Whether a long answer may be shown by a pager.
    pub may_page: bool,
    /// Whether something that was to be printed is lost.
    pub has_lost: bool,
    /// Whether there are colours: `--color`.
    pub color: ColorChoice,
    /// Environment variables.
    pub environment: BTreeMap<String, String>,
    /// The clock.
    pub clock: Arc<dyn Clock>,
}

impl Terminal {
    /// The terminal of this process.
    pub fn of_process() -> Self {
        let read = |name: &str| std::env::var(name).ok().map(|value| (name.to_owned(), value));
        let may_ask = std::io::stdout().is_terminal() && std::io::stdin().is_terminal();
        Self {
            out: Box::new(std::io::stdout()),
            err: Box::new(std::io::stderr()),
            input: Box::new(BufReader::new(std::io::stdin())),
            screen: screen(),
            may_ask,
            may_show_progress: std::io::stderr().is_terminal(),
            may_page: true,
            has_lost: false,
            color: ColorChoice::Auto,
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

    /// What `COLUMNS` says of the width. As with git, it goes before what the terminal says.
    fn told_columns(&self) -> Option<usize> {
        self.variable("COLUMNS")?.parse::<usize>().ok().filter(|columns| *columns > 0)
    }

    /// The width of help texts where `COLUMNS` gives that of the terminal; otherwise clap asks the
    /// terminal.
    pub fn columns(&self) -> Option<usize> {
        self.told_columns().map(|columns| columns.min(MOST_COLUMNS))
    }

    /// What texts on standard output are laid out for. Without a terminal nothing is cut.
    pub fn sheet(&self) -> Sheet {
        let told =
            |screen: Screen| self.told_columns().unwrap_or(screen.columns).max(LEAST_COLUMNS);
        let colours = self.colours(self.screen.is_some());
        Sheet { now: self.now(), columns: self.screen.map(told), colours }
    }

    /// Whether standard error may be coloured.
    pub fn may_colour(&self) -> bool {
        self.colours(self.may_show_progress)
    }

    /// Whether a stream has colours. Source: no-color.org; `--color` goes before it.
    fn colours(&self, is_terminal: bool) -> bool {
        let plain = || self.variable("NO_COLOR").is_some() || self.variable("TERM") == Some("dumb");
        match self.color {
            ColorChoice::Always => true,
            ColorChoice::Never => false,
            ColorChoice::Auto => is_terminal && !plain(),
        }
    }

    /// Writes to standard output. A closed reader, such as `head`, is no failure.
    pub fn print(&mut self, text: &str) {
        let written = self.out.write_all(text.as_bytes()).and_then(|()| self.out.flush());
        if let Err(error) = written
            && error.kind() != std::io::ErrorKind::BrokenPipe
        {
            self.has_lost = true;
            self.complain(&format!("error: cannot write the output: {error}\n"));
        }
    }

    /// Writes to standard output, on a terminal with a pager when the text is longer than the screen.
    pub fn print_long(&mut self, text: &str) {
        let long =
            self.may_page && self.screen.is_some_and(|screen| lines(text, screen) >= screen.rows);
        let pager = if long { pager::named(&self.environment) } else { None };
        if !pager.is_some_and(|pager| pager::show(&pager, text)) {
            self.print(text);
        }
    }

    /// Writes to standard error; a failure there cannot be reported to anybody.
    pub fn complain(&mut self, text: &str) {
        let text = heads(text, self.may_colour());
        self.complain_exactly(&text);
    }

    /// The same without colours of its own, for what programs read.
    pub fn complain_exactly(&mut self, text: &str) {
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

/// The terminal that standard output of this process is.
fn screen() -> Option<Screen> {
    let out = std::io::stdout();
    if !out.is_terminal() {
        return None;
    }
    let size = rustix::termios::tcgetwinsize(&out).ok();
    let or = |size: Option<u16>, usual| size.filter(|size| *size > 0).map_or(usual, usize::from);
    Some(Screen {
        columns: or(size.map(|size| size.ws_col), USUAL_COLUMNS),
        // Of a terminal that does not say it, nothing is longer than the screen.
        rows: or(size.map(|size| size.ws_row), usize::MAX),
    })
}

/// How many lines the text takes, with those that are longer than the screen is wide.
fn lines(text: &str, screen: Screen) -> usize {
    let lines = text.lines().map(|line| width(line).div_ceil(screen.columns).max(1));
    lines.fold(0, usize::saturating_add)
}

//! Commands: each calls the server and has the answer rendered.

pub mod access;
pub mod alias;
pub mod audit;
pub mod crl;
pub mod enrol;
pub mod fleet;
pub mod gc;
pub mod health;
mod holder;
mod host_client;
mod listing;
pub mod manual;
pub mod package;
pub mod pin;
pub mod promote;
pub mod refresh;
pub mod report;
pub mod restored;
pub mod rights;
pub mod rollout;
pub mod signing;
pub mod suite;
pub mod vulnerable;
pub mod yank;

use serde::Serialize;

use super::args::Consent;
use super::failure::Failure;
use super::sheet::Sheet;
use super::terminal::Terminal;
use super::text::escape_json;
use crate::client::Client;
use crate::debian::SuiteName;
use crate::time::Moment;

/// The context of every command.
pub struct Session<'a> {
    /// The server.
    pub client: Client,
    /// The default suite.
    pub suite: Option<SuiteName>,
    /// Whether to print JSON for programs.
    pub json: bool,
    /// Whether it may have to ask, and whether `--yes` was given.
    pub consent: Consent,
    /// The terminal.
    pub around: &'a mut Terminal,
}

impl Session<'_> {
    /// The named suite, or the default one.
    ///
    /// # Errors
    /// A usage [`Failure`] when there is neither.
    pub fn suite(&self, named: Option<&SuiteName>) -> Result<SuiteName, Failure> {
        named.or(self.suite.as_ref()).cloned().ok_or_else(|| {
            Failure::usage("no suite is named")
                .with_hint("give --suite, set REPOCTL_SUITE, or write suite = \"…\" in config.toml")
        })
    }

    /// What texts are laid out for.
    pub fn sheet(&self) -> Sheet {
        self.around.sheet()
    }

    /// The present moment.
    pub fn now(&self) -> Moment {
        self.around.now()
    }

    /// Prints an answer: the value for programs, the text for people.
    pub fn show<T: Serialize + ?Sized>(&mut self, value: &T, text: impl FnOnce(&Sheet) -> String) {
        if !self.json {
            let text = text(&self.sheet());
            match self.consent {
                Consent::Reads => self.around.print_long(&text),
                Consent::Plain | Consent::Asks { .. } => self.around.print(&text),
            }
            return;
        }
        let json = serde_json::to_string_pretty(value).unwrap_or_default();
        self.around.print(&format!("{}\n", escape_json(&json)));
    }

    /// Prints on standard error that a list is empty, unless programs read the output.
    pub fn say_if_empty<T>(&mut self, list: &[T], sentence: &str) {
        if list.is_empty() && !self.json {
            self.around.complain(&format!("{sentence}\n"));
        }
    }
}

//! Consent: the one rule by which a command asks before it changes something.
//!
//! A change that moves only what it names, and that one command can undo, is made at once. Every
//! other change is a question. On a terminal the command shows what would happen and asks.
//! Elsewhere `--yes` answers; without it nothing is changed, and the exit code is 2. `--yes` only
//! answers the question: a command that needs `--all` or `--force` still needs it.
//! docs/questions.md lists the commands.

use clap::{ArgMatches, Command};

use super::args::Consent;
use super::command::Session;
use super::failure::Failure;
use super::text::escape;

/// The most names in a sentence; of the others only the number is given.
const MOST_NAMES: usize = 8;

/// A question before something is changed.
#[derive(Clone, Default, Debug)]
pub struct Question {
    /// What would happen, for a person to read.
    pub shown: String,
    /// The reasons to ask; without a reason nobody is asked.
    pub because: Vec<String>,
}

/// How a question was settled.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Settled {
    /// There was nothing to ask.
    Plain,
    /// `--yes` was given.
    Beforehand,
    /// A person has seen `shown` and said yes.
    Shown,
}

impl Question {
    /// A question for this reason, with nothing to show yet.
    pub fn because(why: impl Into<String>) -> Self {
        Self { shown: String::new(), because: vec![why.into()] }
    }
}

impl Session<'_> {
    /// Whether `--yes` was given, so that no dry run is needed.
    pub fn said_yes(&self) -> bool {
        self.consent == Consent::Asks { yes: true }
    }

    /// Whether somebody can be asked.
    pub fn may_ask(&self) -> bool {
        self.around.may_ask && !self.json
    }

    /// Settles a question.
    ///
    /// # Errors
    /// A [`Failure`] when the answer is no, and a usage one when nobody can be asked. Callers must
    /// not have changed anything before.
    pub fn settle(&mut self, question: &Question) -> Result<Settled, Failure> {
        if question.because.is_empty() {
            return Ok(Settled::Plain);
        }
        if self.said_yes() {
            return Ok(Settled::Beforehand);
        }
        if !self.may_ask() {
            let failure = Failure::usage("this has to be confirmed; nothing was changed");
            return Err(failure.with_reasons(question.because.clone()).with_hint(
                "on a terminal it shows what it would do and asks; elsewhere say --yes",
            ));
        }
        self.around.print(&question.shown);
        let because = question.because.iter().map(|why| format!("! {}\n", escape(why)));
        let because = self.sheet().heads(&because.collect::<String>());
        self.around.print(&format!("\n{because}"));
        if self.around.ask("Go ahead?") {
            return Ok(Settled::Shown);
        }
        Err(Failure::declined("not done; nothing was changed"))
    }

    /// Prints that the confirmed state has changed, before the question is asked again.
    pub fn say_moved(&mut self, what: &str) {
        self.around.print(&format!("\n{what} has moved on meanwhile; nothing was changed.\n\n"));
    }
}

/// Names as a part of a sentence: a few are all listed, of many the first ones and the number of
/// the others.
pub fn names<T: ToString>(all: &[T]) -> String {
    let some: Vec<_> = all.iter().take(MOST_NAMES).map(ToString::to_string).collect();
    match all.len().saturating_sub(MOST_NAMES) {
        0 => some.join(", "),
        more => format!("{} and {more} more", some.join(", ")),
    }
}

/// Arguments that may be empty: texts. Names and patterns may not, because an empty variable of a
/// script would then mean everything.
const MAY_BE_EMPTY: [&str; 4] = ["message", "description", "changelogs", "snapshots"];

/// The first argument that is given but empty, as the usage writes it.
pub fn find_empty(command: &Command, matches: &ArgMatches) -> Option<String> {
    for argument in command.get_arguments() {
        let id = argument.get_id().as_str();
        if MAY_BE_EMPTY.contains(&id) {
            continue;
        }
        let mut given = matches.try_get_raw(id).ok().flatten().into_iter().flatten();
        if given.any(|value| value.is_empty()) {
            let plain = argument.get_value_names().and_then(<[_]>::first);
            let positional = plain.filter(|_| argument.is_positional());
            return Some(positional.map_or_else(|| argument.to_string(), ToString::to_string));
        }
    }
    let (name, matches) = matches.subcommand()?;
    find_empty(command.find_subcommand(name)?, matches)
}

//! Everything that `repoctl` prints, held by snapshots. CONTRIBUTING.md says how a changed one is
//! accepted.
//!
//! Commands run as a whole, against a server whose answers are fixed in `printed/world.json`. Other
//! tests do not repeat what a snapshot holds.

mod access;
mod changes;
mod every;
mod failures;
mod help;
mod keys;
mod suites;
mod tables;
mod uploads;
mod world;

use std::path::{Path, PathBuf};

use super::Output;
use world::World;

/// A command line, on a terminal or not.
#[derive(Clone, Copy)]
pub struct Run {
    /// What follows `repoctl`, as in a shell. `DIR` is a directory for the test, `TOKEN` a valid
    /// token.
    line: &'static str,
    /// The answer typed on a terminal; `None` without a terminal.
    answer: Option<&'static str>,
}

/// Run without a terminal.
pub const fn typed(line: &'static str) -> Run {
    Run { line, answer: None }
}

/// Run on a terminal, with this answer.
pub const fn asked(line: &'static str, answer: &'static str) -> Run {
    Run { line, answer: Some(answer) }
}

/// A command, by its words, and the runs in its snapshot.
pub type Scene = (&'static str, &'static [Run]);

/// The name of the snapshot of a command.
pub fn file_name(command: &str) -> String {
    command.replace(' ', "-")
}

/// Runs the scenes one after the other, each with a server and a directory of its own, and compares
/// their output.
pub async fn play(scenes: &[Scene]) {
    let mut held = Held::default();
    for (command, runs) in scenes {
        let world = World::begin().await;
        let mut page = String::new();
        for run in *runs {
            page.push_str(&world.run(*run).await);
        }
        held.hold("answers", &file_name(command), &page);
    }
    held.finish();
}

/// Snapshots that are compared one after the other, so that one run shows all that differ.
#[derive(Default)]
pub struct Held {
    differ: Vec<String>,
}

impl Held {
    /// Compares a text with the snapshot of this name.
    pub fn hold(&mut self, folder: &str, name: &str, text: &str) {
        let mut settings = insta::Settings::clone_current();
        settings.set_snapshot_path(Path::new("snapshots").join(folder));
        settings.set_prepend_module_to_snapshot(false);
        settings.set_omit_expression(true);
        let compare = || settings.bind(|| insta::assert_snapshot!(name, text));
        if std::panic::catch_unwind(std::panic::AssertUnwindSafe(compare)).is_err() {
            self.differ.push(format!("{folder}/{name}"));
        }
    }

    /// Fails when one differed.
    #[track_caller]
    pub fn finish(self) {
        let differ = self.differ;
        assert!(differ.is_empty(), "other than the snapshots, see CONTRIBUTING.md: {differ:?}");
    }
}

/// The directory of the snapshots.
pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src/cli/tests/snapshots")
}

/// Splits a command line like a shell, as far as these pages need: `'…'` is one word.
pub fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    for (at, part) in line.split('\'').enumerate() {
        match at % 2 {
            0 => words.extend(part.split_whitespace().map(str::to_owned)),
            _ => words.push(part.to_owned()),
        }
    }
    words
}

/// The page of a run: standard output unchanged, lines of standard error after `2> `.
pub fn page(line: &str, answer: Option<&str>, output: &Output) -> String {
    let mut page = format!("$ repoctl {line}").trim_end().to_owned();
    if let Some(answer) = answer {
        page.push_str(&format!("   # on a terminal, answered {answer:?}"));
    }
    page.push('\n');
    page.push_str(&output.out);
    if !output.out.is_empty() && !output.out.ends_with('\n') {
        page.push_str("(no line end)\n");
    }
    page.extend(output.err.lines().map(|line| format!("{}\n", format!("2> {line}").trim_end())));
    page.push_str(&format!("= {}\n\n", output.exit));
    page
}

//! Why the demonstration failed.

use std::io;

/// The demonstration failed.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// A program is not installed.
    #[error(
        "{program} is missing; it is part of the package {package} of Debian and its relatives, \
         and the demo needs a machine that has it"
    )]
    Program {
        /// Which program.
        program: &'static str,
        /// The package that has it.
        package: &'static str,
    },
    /// The directory cannot be used.
    #[error("{path}: {problem}")]
    Directory {
        /// Which directory.
        path: String,
        /// Why not.
        problem: String,
    },
    /// A step did not do what it announced.
    #[error("step {number} ({title}): {problem}")]
    Step {
        /// Which step.
        number: usize,
        /// Its title.
        title: &'static str,
        /// What happened instead.
        problem: String,
    },
    /// A signal came before the end of the story.
    #[error("stopped during step {number} ({title})")]
    Stopped {
        /// The step under way.
        number: usize,
        /// Its title.
        title: &'static str,
    },
    /// The server ended on its own after the story.
    #[error("{0}")]
    Server(String),
    /// Signals cannot be listened to.
    #[error("cannot wait for signals: {0}")]
    Signals(io::Error),
}

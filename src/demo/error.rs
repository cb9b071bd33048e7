//! Why the demonstration broke off.

use std::io;

/// The demonstration did not go as it should.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// A program of the machine is not there.
    #[error(
        "{program} is missing; it is part of the package {package} of Debian and its relatives, \
         and the demo needs a machine that has it"
    )]
    Program {
        /// Which program.
        program: &'static str,
        /// Where it comes from.
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
    /// A step did not do what it says.
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
    /// The server ended by itself after the story.
    #[error("{0}")]
    Server(String),
    /// Signals cannot be listened to.
    #[error("cannot wait for signals: {0}")]
    Signals(io::Error),
}

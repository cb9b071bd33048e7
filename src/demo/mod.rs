//! DEMO: the whole story on this machine, in one directory that is removed again: a server, uploads
//! by a build job, a host with the machine's own apt-get, a rollback that it obeys, and refused
//! clients.
//!
//! Every step checks that what it says has happened. This is the only room that starts programs.
//!
//! May name: server, init, client, cli, config, domain, signing, time, telemetry

#![expect(
    clippy::disallowed_methods,
    reason = "the demonstration lies in a directory of its own and runs apt-get"
)]

mod afterwards;
mod error;
mod host;
mod package;
mod place;
mod program;
mod serving;
mod stage;
mod story;
mod telling;

use std::io;
use std::path::PathBuf;

pub use error::DemoError;

use stage::Stage;

/// Options of the demonstration.
#[derive(Clone, Debug, Default)]
pub struct DemoOptions {
    /// End after the story instead of serving on.
    pub exit: bool,
    /// A directory to use and to keep; `None` for a temporary one, which is removed.
    pub dir: Option<PathBuf>,
}

/// Runs the story and then serves until SIGINT, SIGTERM or SIGHUP, unless `exit` is set.
///
/// The server is stopped and a temporary directory removed in any case.
///
/// # Errors
/// [`DemoError`] naming the step.
pub async fn run(options: DemoOptions) -> Result<(), DemoError> {
    // A second start changes nothing, and a level that is a plain word is always understood.
    let _ = crate::telemetry::start("warn", false);
    program::require_all()?;
    let mut signals = Signals::new().map_err(DemoError::Signals)?;
    let mut stage = Stage::new(options.dir.as_deref())?;
    let outcome = tell(&mut stage, &mut signals, options.exit).await;
    stage.close().await;
    outcome
}

async fn tell(stage: &mut Stage, signals: &mut Signals, exit: bool) -> Result<(), DemoError> {
    let outcome = tokio::select! {
        biased;
        () = signals.recv() => None,
        outcome = play(stage, exit) => Some(outcome),
    };
    let (number, title) = stage.telling.step();
    match outcome {
        None => return Err(DemoError::Stopped { number, title }),
        Some(Err(problem)) => return Err(DemoError::Step { number, title, problem }),
        Some(Ok(())) if exit => return Ok(()),
        Some(Ok(())) => {}
    }
    tokio::select! {
        () = signals.recv() => Ok(()),
        problem = stage.server_end() => Err(DemoError::Server(problem)),
    }
}

async fn play(stage: &mut Stage, exit: bool) -> Result<(), String> {
    story::tell(stage).await?;
    if exit { Ok(()) } else { afterwards::tell(stage).await }
}

/// The signals that end the demonstration.
struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
    hangup: tokio::signal::unix::Signal,
}

impl Signals {
    fn new() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hangup: signal(SignalKind::hangup())?,
        })
    }

    async fn recv(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
            _ = self.hangup.recv() => {}
        }
    }
}

//! The stage: the directory, the output, the server, and how a command is shown and run.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::{self, Write};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use super::DemoError;
use super::place::Place;
use super::program;
use super::serving::Serving;
use super::telling::{Telling, command_line, harmless};
use crate::cli::{self, Terminal};
use crate::time::SystemClock;

/// Everything that the steps share.
pub struct Stage {
    /// The directory.
    pub place: Place,
    /// The output.
    pub telling: Telling,
    /// The server, once it runs.
    pub serving: Option<Serving>,
    /// The server's port.
    pub port: u16,
    /// The port for health checks.
    pub local_port: u16,
    /// The machine's architecture, as dpkg calls it.
    pub architecture: String,
}

impl Stage {
    /// A new stage.
    ///
    /// # Errors
    /// [`DemoError::Directory`].
    pub fn new(dir: Option<&Path>) -> Result<Self, DemoError> {
        Ok(Self {
            place: Place::make(dir)?,
            telling: Telling::new(),
            serving: None,
            port: 0,
            local_port: 0,
            architecture: String::new(),
        })
    }

    /// Runs a program that has to succeed; shows it and what it printed.
    ///
    /// # Errors
    /// When it does not end with 0.
    pub async fn run(
        &mut self,
        program: &str,
        arguments: &[&str],
        environment: &[(&str, &str)],
    ) -> Result<String, String> {
        self.run_to(program, arguments, environment, 0).await
    }

    /// Runs a program that has to end with `code`; shows it and what it printed.
    ///
    /// # Errors
    /// When it ends otherwise.
    pub async fn run_to(
        &mut self,
        program: &str,
        arguments: &[&str],
        environment: &[(&str, &str)],
        code: i32,
    ) -> Result<String, String> {
        let line = self.show(environment, program, arguments);
        let outcome = program::run(&self.place, program, arguments, environment).await?;
        let text = self.place.as_seen(&outcome.text);
        self.telling.output(&text);
        match outcome.code {
            Some(ended) if ended == code => Ok(text),
            Some(ended) => Err(format!("`{line}` ended with {ended} instead of {code}")),
            None => Err(format!("`{line}` was ended by a signal")),
        }
    }

    /// Runs a command of `repoctl` as the operator; shows it and what it printed.
    ///
    /// # Errors
    /// When it does not end with 0.
    pub async fn repoctl(&mut self, arguments: &[&str]) -> Result<String, String> {
        let profile = self.place.at("data/operator/config.toml");
        self.repoctl_with(&profile, &[], arguments).await
    }

    /// The same with the profile of another identity.
    ///
    /// # Errors
    /// When it does not end with 0.
    pub async fn repoctl_as(
        &mut self,
        directory: &str,
        arguments: &[&str],
    ) -> Result<String, String> {
        let profile = self.place.at(&format!("{directory}/config.toml"));
        self.repoctl_with(&profile, &[("REPOCTL_CONFIG", &profile)], arguments).await
    }

    async fn repoctl_with(
        &mut self,
        profile: &str,
        shown: &[(&str, &str)],
        arguments: &[&str],
    ) -> Result<String, String> {
        let line = self.show(shown, "repoctl", arguments);
        let printed = Printed::default();
        let mut around = Terminal {
            has_lost: false,
            out: Box::new(printed.clone()),
            err: Box::new(printed.clone()),
            input: Box::new(io::empty()),
            screen: None,
            may_ask: false,
            may_show_progress: false,
            may_page: false,
            color: clap::ColorChoice::Never,
            environment: BTreeMap::from([("REPOCTL_CONFIG".into(), profile.into())]),
            clock: Arc::new(SystemClock),
        };
        let words = ["repoctl"].iter().chain(arguments).map(OsString::from);
        let ended = cli::run_in(words, &mut around).await;
        let text = self.place.as_seen(&printed.text());
        self.telling.output(&text);
        match ended {
            0 => Ok(text),
            _ => Err(format!("`{line}` ended with {ended}")),
        }
    }

    fn show(&mut self, environment: &[(&str, &str)], program: &str, arguments: &[&str]) -> String {
        let set: String =
            environment.iter().map(|(name, value)| format!("{name}={value} ")).collect();
        let words = [program].into_iter().chain(arguments.iter().copied());
        let line = self.place.as_seen(&(set + &command_line(words)));
        self.telling.command(&line);
        line
    }

    /// Waits until the server ends on its own, and returns why.
    pub async fn server_end(&mut self) -> String {
        match &mut self.serving {
            Some(serving) => serving.end().await,
            None => "there is no server".into(),
        }
    }

    /// Stops the server and removes the directory.
    pub async fn close(mut self) {
        if let Some(serving) = self.serving.take() {
            serving.stop().await;
        }
        let root = self.place.root().to_owned();
        let kept = !self.place.is_temporary();
        match self.place.clear() {
            Ok(()) if kept => self.telling.say(&format!("{root} is kept.")),
            Ok(()) => {}
            Err(error) => self.telling.say(&format!("{root} could not be removed: {error}")),
        }
    }
}

/// What a command in this process printed.
#[derive(Clone, Default)]
struct Printed(Arc<Mutex<Vec<u8>>>);

impl Printed {
    fn text(&self) -> String {
        let bytes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        harmless(&String::from_utf8_lossy(&bytes))
    }
}

impl Write for Printed {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

//! `repoctl` as a whole: arguments in, text and exit code out.

mod access;
mod arguments;
mod audit;
mod consent;
mod enrol;
mod layers;
mod plans;
mod printed;
mod refresh;
mod rights;
mod uploads;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::{Cursor, Write};
use std::path::Path;
use std::sync::{Arc, Mutex};

use axum::extract::Query;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

use serde_json::Value;

use super::terminal::Screen;
use super::{Terminal, run_in};
use crate::api::{MessageQuery, Problem};
use crate::client::tests::fake::Fake;
use crate::time::{HandClock, Moment};

/// The time of every test.
pub const NOW: Moment = Moment(1_795_404_699);

/// An output that tests read afterwards.
#[derive(Clone, Default)]
struct Paper(Arc<Mutex<Vec<u8>>>);

impl Write for Paper {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Paper {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

/// The output and exit code of a command.
#[derive(Debug, PartialEq, Eq)]
pub struct Output {
    pub exit: u8,
    pub out: String,
    pub err: String,
}

/// Where a test runs commands.
#[derive(Default)]
pub struct Stage {
    pub environment: BTreeMap<String, String>,
    pub input: String,
    pub terminal: bool,
    /// The size of the terminal that standard output and standard error are.
    pub screen: Option<Screen>,
}

impl Stage {
    /// A stage whose configuration names the server.
    pub fn before(fake: &Fake, directory: &Path) -> Self {
        fake.write_config(directory);
        let config = directory.join("config.toml").display().to_string();
        Self { environment: [("REPOCTL_CONFIG".into(), config)].into(), ..Self::default() }
    }

    pub async fn run(&self, arguments: &[&str]) -> Output {
        let (out, err) = (Paper::default(), Paper::default());
        let mut around = Terminal {
            has_lost: false,
            out: Box::new(out.clone()),
            err: Box::new(err.clone()),
            input: Box::new(Cursor::new(self.input.clone().into_bytes())),
            screen: self.screen,
            may_ask: self.terminal,
            may_show_progress: self.screen.is_some(),
            may_page: false,
            color: clap::ColorChoice::Auto,
            environment: self.environment.clone(),
            clock: Arc::new(HandClock::at(NOW)),
        };
        let arguments = ["repoctl"].iter().chain(arguments).map(OsString::from);
        let exit = run_in(arguments, &mut around).await;
        Output { exit, out: out.text(), err: err.text() }
    }
}

/// A body with the reason from the query, as the server reads it.
pub fn because(Query(query): Query<MessageQuery>, mut body: Value) -> Value {
    if !query.message.is_empty() {
        body["message"] = query.message.into();
    }
    body
}

pub fn answer(problem: &Problem) -> Response {
    let status = StatusCode::from_u16(problem.status).unwrap();
    (status, serde_json::to_string(problem).unwrap()).into_response()
}

#[test]
fn a_command_may_be_spawned() {
    fn may_be_sent<T: Send>(_: &T) {}
    may_be_sent(&super::run(Vec::new()));
}

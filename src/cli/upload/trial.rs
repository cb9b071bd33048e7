//! Trial: the retries of one upload, which are announced once.

use std::future::Future;
use std::sync::Mutex;
use std::time::Duration;

use crate::cli::command::Session;
use crate::cli::terminal::Terminal;
use crate::client::{ClientError, Patience};

/// The retries of one upload, which are announced once.
pub(super) struct Trial<'a> {
    patience: Patience,
    seconds: u64,
    /// Where to announce it; `None` once that is done.
    listener: Mutex<Option<&'a mut Terminal>>,
    /// Text before the announcement: clears a progress bar in the line.
    before: &'static str,
}

impl<'a> Trial<'a> {
    pub(super) fn of(session: &'a mut Session<'_>, seconds: u64, shows: bool) -> Self {
        let listener = if session.json { None } else { Some(&mut *session.around) };
        Self {
            patience: Patience::lasting(Duration::from_secs(seconds)),
            seconds,
            listener: Mutex::new(listener),
            before: if shows { "\r\u{1b}[K" } else { "" },
        }
    }

    pub(super) async fn keep<A, F>(&self, request: impl FnMut() -> F) -> Result<A, ClientError>
    where
        F: Future<Output = Result<A, ClientError>>,
    {
        self.patience.keep_telling(request, |error| self.tell(error)).await
    }

    fn tell(&self, error: &ClientError) {
        let listener = self.listener.lock().ok().and_then(|mut listener| listener.take());
        let Some(around) = listener else {
            return;
        };
        let state = match error {
            ClientError::Problem { .. } => "busy",
            _ => "out of reach",
        };
        let (before, seconds) = (self.before, self.seconds);
        around.complain(&format!("{before}server {state}, trying again for {seconds} s\n"));
    }
}

//! The server of the story, which runs in this process.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::config::Config;
use crate::server::{Server, ServerError};
use crate::time::SystemClock;

/// The reserve of free space: small, so that a small temporary file system is enough. Unit: bytes.
const RESERVE_BYTES: u64 = 16 << 20;
/// How long the server may take to stop. Unit: seconds.
const STOP_SECONDS: u64 = 10;

/// A server that serves until it is stopped.
pub struct Serving {
    stop: CancellationToken,
    task: JoinHandle<Result<(), ServerError>>,
    // The sender is kept so that the channel of reloads stays open.
    _reload: tokio::sync::mpsc::Sender<()>,
}

impl Serving {
    /// Starts a server; it listens when this returns.
    ///
    /// # Errors
    /// The error of the configuration or of the server.
    pub fn start(config: &Path) -> Result<Self, String> {
        let mut config = Config::load(config).map_err(|error| error.to_string())?;
        config.limits.reserve_bytes = RESERVE_BYTES;
        let server =
            Server::open(config, Arc::new(SystemClock)).map_err(|error| error.to_string())?;
        let stop = CancellationToken::new();
        let (_reload, reload) = tokio::sync::mpsc::channel(1);
        let task = tokio::spawn(server.serve(stop.clone().cancelled_owned(), reload));
        Ok(Self { stop, task, _reload })
    }

    /// Waits until the server ends on its own, and returns why.
    pub async fn end(&mut self) -> String {
        match (&mut self.task).await {
            Ok(Ok(())) => "the server ended".into(),
            Ok(Err(error)) => error.to_string(),
            Err(error) => format!("the server broke off: {error}"),
        }
    }

    /// Lets the present answers finish, and stops.
    pub async fn stop(mut self) {
        self.stop.cancel();
        if self.task.is_finished() {
            return;
        }
        let limit = Duration::from_secs(STOP_SECONDS);
        if tokio::time::timeout(limit, &mut self.task).await.is_err() {
            self.task.abort();
        }
    }
}

//! Trial: the retries of one upload, which are announced once.

use std::future::Future;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::progress::Progress;
use crate::client::{ClientError, Patience};

/// The retries of one upload, which are announced once.
pub(super) struct Trial<'t, 'a> {
    patience: Patience,
    seconds: u64,
    progress: &'t Progress<'a>,
    announced: AtomicBool,
}

impl<'t, 'a> Trial<'t, 'a> {
    pub(super) fn of(progress: &'t Progress<'a>, seconds: u64) -> Self {
        let patience = Patience::lasting(Duration::from_secs(seconds));
        Self { patience, seconds, progress, announced: AtomicBool::new(false) }
    }

    pub(super) async fn keep<A, F>(&self, request: impl FnMut() -> F) -> Result<A, ClientError>
    where
        F: Future<Output = Result<A, ClientError>>,
    {
        self.patience.keep_telling(request, |error| self.tell(error)).await
    }

    fn tell(&self, error: &ClientError) {
        if self.announced.swap(true, Ordering::Relaxed) {
            return;
        }
        let state = match error {
            ClientError::Problem { .. } => "busy",
            _ => "out of reach",
        };
        self.progress.say(&format!("server {state}, trying again for {} s", self.seconds));
    }
}

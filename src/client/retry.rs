//! Patience: trying again what may well succeed in a moment.

use std::future::Future;
use std::time::Duration;

use rand::Rng;
use reqwest::header::{HeaderMap, RETRY_AFTER};
use tokio::time::Instant;

use super::ClientError;

const FIRST_WAIT: Duration = Duration::from_millis(250);
const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// For how long a request is tried again. Only for requests that may be repeated without harm.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Patience {
    until: Option<Instant>,
}

impl Patience {
    /// One attempt, no more.
    pub fn none() -> Self {
        Self { until: None }
    }

    /// Attempts until so much time has gone by, counted from now and over all requests together.
    pub fn lasting(time: Duration) -> Self {
        Self { until: Instant::now().checked_add(time) }
    }

    /// Makes the request until it succeeds, fails for good, or patience ends.
    ///
    /// # Errors
    /// The last error.
    pub async fn keep<A, F>(&self, request: impl FnMut() -> F) -> Result<A, ClientError>
    where
        F: Future<Output = Result<A, ClientError>>,
    {
        self.keep_telling(request, |_| ()).await
    }

    /// As [`Patience::keep`], and tells of every failure after which the request is made again.
    ///
    /// # Errors
    /// The last error.
    pub async fn keep_telling<A, F>(
        &self,
        mut request: impl FnMut() -> F,
        tell: impl Fn(&ClientError),
    ) -> Result<A, ClientError>
    where
        F: Future<Output = Result<A, ClientError>>,
    {
        let mut wait = FIRST_WAIT;
        loop {
            let error = match request().await {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            let pause = asked(&error).unwrap_or_else(|| with_jitter(wait));
            let in_time = self.until.is_some_and(|until| {
                Instant::now().checked_add(pause).is_some_and(|next| next < until)
            });
            if !error.is_passing() || !in_time {
                return Err(error);
            }
            tell(&error);
            tokio::time::sleep(pause).await;
            wait = wait.saturating_mul(2).min(LONGEST_WAIT);
        }
    }
}

/// Between half of it and all of it, so that many clients do not come back at the same moment.
fn with_jitter(wait: Duration) -> Duration {
    wait.mul_f64(rand::thread_rng().gen_range(0.5..=1.0))
}

fn asked(error: &ClientError) -> Option<Duration> {
    match error {
        ClientError::Problem { wait, .. } => *wait,
        _ => None,
    }
}

/// What `Retry-After` says, when it says it in seconds. Source: RFC 9110, section 10.2.3.
pub(super) fn asked_wait(headers: &HeaderMap) -> Option<Duration> {
    let seconds: u64 = headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds))
}

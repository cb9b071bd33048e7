//! Patience: repeats requests that may soon succeed.

use std::future::Future;
use std::time::Duration;

use rand::Rng;
use reqwest::header::{HeaderMap, RETRY_AFTER};
use tokio::time::Instant;

use super::ClientError;

const FIRST_WAIT: Duration = Duration::from_millis(250);
const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// For how long a request is repeated. Only for requests that may be repeated without harm.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Patience {
    until: Option<Instant>,
}

impl Patience {
    /// One attempt only.
    pub fn none() -> Self {
        Self { until: None }
    }

    /// Attempts until `time` has passed, counted from now and over all requests together.
    pub fn lasting(time: Duration) -> Self {
        Self { until: Instant::now().checked_add(time) }
    }

    /// Makes the request until it succeeds, fails permanently, or the time is over.
    ///
    /// # Errors
    /// The last error.
    pub async fn keep<A, F>(&self, request: impl FnMut() -> F) -> Result<A, ClientError>
    where
        F: Future<Output = Result<A, ClientError>>,
    {
        self.keep_telling(request, |_| ()).await
    }

    /// As [`Patience::keep`]; also reports every failure after which the request is repeated.
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

/// Between half of `wait` and all of it, so that many clients do not come back at the same moment.
fn with_jitter(wait: Duration) -> Duration {
    wait.mul_f64(rand::thread_rng().gen_range(0.5..=1.0))
}

fn asked(error: &ClientError) -> Option<Duration> {
    match error {
        ClientError::Problem { wait, .. } => *wait,
        _ => None,
    }
}

/// The value of `Retry-After`, when it is in seconds. Source: RFC 9110, section 10.2.3.
pub(super) fn asked_wait(headers: &HeaderMap) -> Option<Duration> {
    let seconds: u64 = headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds))
}

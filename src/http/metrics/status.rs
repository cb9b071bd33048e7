//! The state of the server on the page: what is read from disks and from the catalogue. It is read at
//! most so often, and when it cannot be read in time, the page has what was read before.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::page::{Page, label};
use crate::flow::Repository;
use crate::flow::report::gauges::{self, Summary};
use crate::time::Moment;

/// How old what is shown may be before it is read again.
const FRESH: Duration = Duration::from_secs(10);
/// How long a page waits for it.
const PATIENCE: Duration = Duration::from_secs(3);

/// What was read last.
#[derive(Default)]
pub(super) struct LastStatus {
    read: Mutex<Option<(Instant, Summary)>>,
    /// Held while it is read again: one page does, and the others show what there is.
    reading: tokio::sync::Mutex<()>,
}

impl LastStatus {
    /// The summary, read again when it is old; `None` before the first could be read.
    pub async fn summary(
        &self,
        repository: &Arc<Repository>,
        certificate_not_after: Option<Moment>,
    ) -> Option<Summary> {
        let kept = || self.read.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some((_, summary)) = kept().filter(|(at, _)| at.elapsed() < FRESH) {
            return Some(summary);
        }
        if let Ok(_alone) = self.reading.try_lock() {
            let reading = gauges::summary(repository, certificate_not_after);
            match tokio::time::timeout(PATIENCE, reading).await {
                Ok(Ok(summary)) => {
                    let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
                    *read = Some((Instant::now(), summary));
                }
                Ok(Err(problem)) => tracing::warn!(%problem, "metrics have no news of the state"),
                Err(_) => {
                    tracing::warn!("metrics have no news of the state: it is not read in time")
                }
            }
        }
        kept().map(|(_, summary)| summary)
    }
}

/// Writes it.
pub(super) fn write(summary: &Summary, page: &mut Page) {
    let name = "repod_status_last_success_timestamp_seconds";
    page.gauge(name, "when the metrics below were read; they are read every 10 s", summary.at.0);
    let name = "repod_warnings";
    page.head(name, "gauge", "warnings of repoctl status, by code");
    for (code, count) in &summary.warnings {
        page.line(name, &label("code", code.as_str()), count);
    }
    let help = "1 while it is known how much can still be stored";
    page.flag("repod_disk_readable", help, summary.room_bytes.is_some());
    if let Some(room) = summary.room_bytes {
        page.gauge("repod_disk_room_bytes", "how much can still be stored", room);
    }
    let name = "repod_suite_last_signed_timestamp_seconds";
    page.head(
        name,
        "gauge",
        "the last Date that was ever signed; ahead of the clock, hosts refuse it",
    );
    for (suite, date) in &summary.dates {
        page.line(name, &label("suite", suite), date.0);
    }
    let name = "repod_client_certificates_ending_soon";
    let help = "clients whose last certificate ends within 30 days";
    page.gauge(name, help, summary.ending_soon);
    let name = "repod_hosts";
    page.head(name, "gauge", "hosts that read something within two days, or not any more");
    page.line(name, &label("state", "reading"), summary.reading);
    page.line(name, &label("state", "silent"), summary.silent);
    let help = "1 while a restoration of an earlier state is not acknowledged";
    page.flag("repod_restored", help, summary.is_restored);
}

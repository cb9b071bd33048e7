//! The state of the server on the page: what is read from disks and from the catalogue. It is read at
//! most so often, and when it cannot be read in time, the page has what was read before.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tracing::Instrument;

use super::page::{Page, label};
use crate::flow::inventory::{self, Tally};
use crate::flow::report::gauges::{self, Summary};
use crate::flow::{FlowError, Repository};
use crate::time::Moment;

/// How old what is shown may be before it is read again.
const FRESH: Duration = Duration::from_secs(10);
/// How long a page waits for it.
const PATIENCE: Duration = Duration::from_secs(3);

/// What was read last.
#[derive(Default)]
pub(super) struct LastStatus {
    read: Arc<Mutex<Option<(Instant, Summary)>>>,
    /// Held while it is read again, also when no page waits for it any more: a disk that hangs holds one
    /// reading, and not one for each page.
    reading: Arc<tokio::sync::Mutex<()>>,
}

impl LastStatus {
    /// The summary, read again when it is old; `None` before the first could be read.
    pub async fn summary(
        &self,
        repository: &Arc<Repository>,
        certificate_not_after: Option<Moment>,
    ) -> Option<Summary> {
        let repository = Arc::clone(repository);
        self.read_by(async move {
            let summary = gauges::summary(&repository, certificate_not_after).await?;
            let Tally { behind, held, reboot, unhealthy, unreported } =
                inventory::tally(&repository).await?;
            let hosts = vec![
                ("behind", behind),
                ("held", held),
                ("reboot", reboot),
                ("unhealthy", unhealthy),
                ("unreported", unreported),
            ];
            Ok(Summary { hosts, ..summary })
        })
        .await
    }

    /// The same, by what reads it.
    async fn read_by(
        &self,
        reading: impl Future<Output = Result<Summary, FlowError>> + Send + 'static,
    ) -> Option<Summary> {
        let kept = || self.read.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some((_, summary)) = kept().filter(|(at, _)| at.elapsed() < FRESH) {
            return Some(summary);
        }
        if let Ok(alone) = Arc::clone(&self.reading).try_lock_owned() {
            let read = Arc::clone(&self.read);
            let whole = async move {
                let _alone = alone;
                match reading.await {
                    Ok(summary) => {
                        let mut read = read.lock().unwrap_or_else(PoisonError::into_inner);
                        *read = Some((Instant::now(), summary));
                    }
                    Err(problem) => tracing::warn!(%problem, "metrics have no news of the state"),
                }
            };
            let task = tokio::spawn(whole.in_current_span());
            if tokio::time::timeout(PATIENCE, task).await.is_err() {
                tracing::warn!("metrics have no news of the state: it is not read in time");
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
    let name = "repod_hosts_state";
    page.head(name, "gauge", "hosts by what is to be done about them; a host may be in several");
    for (state, count) in &summary.hosts {
        page.line(name, &label("state", state), count);
    }
    let name = "repod_rollouts";
    page.head(name, "gauge", "rollouts on their way through the rings of suites");
    for (state, count) in &summary.rollouts {
        page.line(name, &label("state", state), count);
    }
    let help = "1 while a restoration of an earlier state is not acknowledged";
    page.flag("repod_restored", help, summary.is_restored);
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tokio::sync::Notify;

    use super::*;

    fn summary(at: i64) -> Summary {
        Summary {
            at: Moment(at),
            warnings: BTreeMap::new(),
            room_bytes: None,
            dates: Vec::new(),
            ending_soon: 0,
            reading: 0,
            silent: 0,
            hosts: Vec::new(),
            rollouts: Vec::new(),
            is_restored: false,
        }
    }

    #[tokio::test]
    async fn a_reading_that_hangs_is_the_only_one_and_is_shown_when_it_ends() {
        let (last, begun) = (LastStatus::default(), Arc::new(AtomicUsize::new(0)));
        let disk = Arc::new(Notify::new());
        let hangs = || {
            let (begun, disk) = (Arc::clone(&begun), Arc::clone(&disk));
            async move {
                begun.fetch_add(1, Ordering::Relaxed);
                disk.notified().await;
                Ok(summary(7))
            }
        };
        for page in 0..5 {
            let asked = Instant::now();
            assert!(last.read_by(hangs()).await.is_none());
            assert!(asked.elapsed() < PATIENCE + Duration::from_secs(2), "page {page}");
            assert_eq!(begun.load(Ordering::Relaxed), 1, "page {page}");
        }
        disk.notify_one();
        drop(last.reading.lock().await);
        let shown = last.read_by(async { panic!("it is fresh") }).await;
        assert_eq!(shown.map(|summary| summary.at), Some(Moment(7)));
    }

    #[tokio::test]
    async fn what_was_read_before_is_shown_while_it_cannot_be_read() {
        let last = LastStatus::default();
        assert!(last.read_by(async { Ok(summary(1)) }).await.is_some());
        last.read.lock().unwrap().as_mut().unwrap().0 = Instant::now().checked_sub(FRESH).unwrap();
        let failed = last.read_by(async { Err(FlowError::Internal("no disk".into())) }).await;
        assert_eq!(failed.map(|summary| summary.at), Some(Moment(1)));
        let news = last.read_by(async { Ok(summary(2)) }).await;
        assert_eq!(news.map(|summary| summary.at), Some(Moment(2)));
    }
}

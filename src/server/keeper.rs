//! Keeper: periodic work while the server runs, and the reload.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use super::certificate::renew_server_certificate;
use super::limits::flow_limits;
use super::scrub::Scrub;
use super::watch::Watch;
use crate::config::Config;
use crate::flow::{self, Mishap};
use crate::http::listen::Notifier;

/// How often unreferenced bytes are swept. Unit: seconds.
const TIDY_SECONDS: u64 = 3_600;
/// How often renewals are checked. Unit: seconds.
const REFRESH_SECONDS: u64 = 20;
/// How often files that others may change are checked. Unit: seconds.
const LOOK_SECONDS: u64 = 2;

/// How long the end of the server waits for files that are read again.
const PATIENCE: Duration = Duration::from_secs(10);

/// Periodic work in the background, never twice at once.
#[derive(Default)]
struct BackgroundTask(Option<tokio::task::JoinHandle<()>>);

impl BackgroundTask {
    /// Starts it, unless the last one still runs.
    fn start(&mut self, work: impl Future<Output = ()> + Send + 'static) {
        if self.is_over() {
            self.0 = Some(tokio::spawn(work));
        }
    }

    fn is_over(&self) -> bool {
        self.0.as_ref().is_none_or(tokio::task::JoinHandle::is_finished)
    }

    /// Waits until the last one is done, but not for ever for one that changes nothing.
    async fn end_soon(self) {
        if tokio::time::timeout(PATIENCE, self.end()).await.is_err() {
            warn!("a file that is read again hangs; the server ends without it");
        }
    }

    /// Waits until the last one is done.
    async fn end(self) {
        let Some(running) = self.0 else { return };
        if let Err(error) = running.await {
            error!(%error, "what runs beside the server stopped");
        }
    }
}

/// Notifies the watchdog of systemd until it is aborted.
async fn feed_watchdog(notifier: Arc<Notifier>) {
    let watchdog = crate::config::watchdog_microseconds().unwrap_or(60_000_000);
    let mut feed_watchdog = tokio::time::interval(Duration::from_micros((watchdog / 2).max(1)));
    loop {
        feed_watchdog.tick().await;
        notifier.watchdog();
    }
}

/// The periodic work while the server runs.
pub(super) struct Keeper {
    pub(super) watch: Arc<Watch>,
    pub(super) notifier: Arc<Notifier>,
}

impl Keeper {
    /// Does the work until `stop`, and then until the last change is done.
    pub(super) async fn keep(
        self: Arc<Self>,
        mut reload: tokio::sync::mpsc::Receiver<()>,
        stop: CancellationToken,
    ) {
        let feed_watchdog = tokio::spawn(feed_watchdog(Arc::clone(&self.notifier)));
        let rollouts = Arc::clone(&self.watch.repository);
        let rollouts = tokio::spawn(flow::upkeep::rollouts::keep(rollouts));
        let scrub = Scrub::start(Arc::clone(&self.watch));
        let mut refresh = tokio::time::interval(Duration::from_secs(REFRESH_SECONDS));
        let mut tidy = tokio::time::interval(Duration::from_secs(TIDY_SECONDS));
        let mut look = tokio::time::interval(Duration::from_secs(LOOK_SECONDS));
        let (mut refreshing, mut tidying) = (BackgroundTask::default(), BackgroundTask::default());
        let (mut looking, mut reloading) = (BackgroundTask::default(), BackgroundTask::default());
        loop {
            tokio::select! {
                () = stop.cancelled() => break,
                _ = refresh.tick() => {
                    let keeper = Arc::clone(&self);
                    refreshing.start(async move {
                        flow::upkeep::refresh::refresh(&keeper.watch.repository).await;
                        keeper.renew_aside().await;
                    });
                }
                _ = look.tick() => {
                    let keeper = Arc::clone(&self);
                    looking.start(async move { keeper.look_aside().await });
                }
                _ = tidy.tick() => {
                    let repository = Arc::clone(&self.watch.repository);
                    tidying.start(async move { flow::upkeep::refresh::tidy(&repository).await });
                }
                Some(()) = reload.recv(), if reloading.is_over() => {
                    let keeper = Arc::clone(&self);
                    self.notifier.reloading();
                    reloading.start(async move { keeper.reload_aside().await });
                }
            }
        }
        rollouts.abort();
        if let Err(error) = tokio::task::spawn_blocking(move || scrub.end()).await {
            error!(%error, "the scrub could not be ended");
        }
        reloading.end_soon().await;
        looking.end_soon().await;
        refreshing.end().await;
        tidying.end().await;
        if let Err(problem) = flow::sightings::write(&self.watch.repository) {
            warn!(%problem, "the last sightings were not kept");
        }
        flow::upkeep::writer::finished(&self.watch.repository).await;
        super::steady::keep(&self.watch.repository);
        if let Err(problem) = flow::audit::seal::close(&self.watch.repository) {
            warn!(%problem, "the end of the audit log is not signed; the next start does it");
        }
        feed_watchdog.abort();
    }

    async fn look_aside(self: Arc<Self>) {
        let looked = tokio::task::spawn_blocking(move || self.watch.look());
        if let Err(error) = looked.await {
            error!(%error, "a look at certificates and lists stopped");
        }
    }

    /// Off the async threads: files may be on a file system that is slow.
    async fn reload_aside(self: Arc<Self>) {
        let keeper = Arc::clone(&self);
        if let Err(error) = tokio::task::spawn_blocking(move || keeper.reload()).await {
            error!(%error, "a reload stopped");
        }
        self.notifier.ready();
    }

    async fn renew_aside(self: Arc<Self>) {
        if let Err(error) = tokio::task::spawn_blocking(move || self.renew()).await {
            error!(%error, "a renewal of the server certificate stopped");
        }
    }

    fn renew(&self) {
        let Watch { config, data, repository, .. } = &*self.watch;
        match renew_server_certificate(config, data, repository, repository.now()) {
            Ok(true) => self.watch.take_certificate(),
            Ok(false) => {}
            Err(problem) => error!(%problem, "the server certificate could not be renewed"),
        }
    }

    /// Reads certificates and lists again; open connections stay, and are judged by the new lists.
    fn reload(&self) {
        let Watch { config: current, data, repository, .. } = &*self.watch;
        self.watch.take_certificate();
        self.watch.reload_trust();
        let read = Config::load(&data.config());
        let problem = read.as_ref().err().map(ToString::to_string);
        repository.mishaps.note(Mishap::Configuration, problem);
        match read {
            Ok(config) => {
                // Also where it is as it was at the start: it may have been another one meanwhile.
                repository.set_limits(flow_limits(&config));
                if (Config { data: current.data.clone(), ..config }) == *current {
                    return;
                }
                info!(
                    "limits and lifetimes reloaded; listeners, log and public_url change with a restart"
                );
            }
            Err(problem) => error!(%problem, "the old configuration stays in use"),
        }
    }
}

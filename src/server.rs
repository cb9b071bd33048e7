//! SERVER: the composition root. It names the concrete back ends, wires them, runs, and shuts down.
//!
//! May name: http, flow, catalogue, pool, signing, trust, config, domain, debian, digest, time, telemetry, reading, reserve

use std::future::Future;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicI64;

use arc_swap::ArcSwap;
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use crate::catalogue::SqliteCatalogue;
use crate::config::{Config, LogFormat};
use crate::flow::access::certificates::may_renew_now;
use crate::flow::{self, Parts, Repository};
use crate::http::listen::{Edge, Notifier};
use crate::http::metrics::Metrics;
use crate::http::{self, App, Handover, Site};
use crate::pool::DiskPool;
use crate::reserve::Reserve;
use crate::signing::{DateFloor, Signer};
use crate::time::{Clock, SystemClock};
use crate::trust::Trust;

pub mod admin;
pub mod audit;
pub mod backup;
mod beside;
pub mod ca;
mod certificate;
pub mod check;
pub mod data;
mod descriptors;
mod error;
pub mod export;
mod front;
mod keeper;
pub mod keys;
mod limits;
pub mod passphrase;
mod scrub;
mod steady;
mod watch;

pub use certificate::server_names;
pub use data::{DataDirectory, DataError};
pub use error::ServerError;

use self::certificate::{
    load_identity, renew_server_certificate, server_ca, tell_of_name, tls_config,
};
use self::error::part;
use self::keeper::Keeper;
use self::limits::flow_limits;
use self::watch::{Seen, Watch, trust_files};

/// A server that is open but not yet serving.
pub struct Server {
    config: Config,
    data: DataDirectory,
    repository: Arc<Repository>,
    edge: Edge,
    tls: Arc<ArcSwap<rustls::ServerConfig>>,
    site: Arc<Site>,
    certificate_not_after: Arc<AtomicI64>,
    handover: Handover,
    seen: Seen,
}

impl Server {
    /// Opens everything and binds the listeners; serves nothing yet. Must be called within a tokio
    /// runtime.
    ///
    /// # Errors
    /// [`ServerError`] naming the part and the remedy; then nothing was changed.
    pub fn open(config: Config, clock: Arc<dyn Clock>) -> Result<Self, ServerError> {
        let data = DataDirectory::open(&config.data)?;
        data.expect_own_keys(&config.listen.addresses)?;
        let handover = front::handover(&config)?;
        let now = clock.now();
        let repository = open_repository(&config, &data, &clock)?;
        let renewed = renew_server_certificate(&config, &data, &repository, now);
        let seen = Seen::of(&config);
        let identity = load_identity(&config, &data).map_err(part("server certificate"))?;
        match renewed {
            Ok(_) => {}
            Err(problem) if now < identity.not_after => error!(
                %problem,
                "the server certificate could not be renewed; it stays in use, and it is tried again"
            ),
            Err(problem) => return Err(problem),
        }
        tell_of_name(&config, &identity);
        let tls = Arc::new(ArcSwap::new(tls_config(&identity)?));
        let certificate_not_after = Arc::new(AtomicI64::new(identity.not_after.0));
        let edge = front::bind(&config, &data)?;
        let host = config.host().map_err(part("repod.toml"))?;
        let site = Arc::new(Site {
            public_url: config.public_url.clone(),
            host,
            error_mode: limits::error_mode(&config),
            server_ca: server_ca(&config)?,
            certificate_not_after: Arc::clone(&certificate_not_after),
        });
        repository.set_address(site.address());
        flow::upkeep::suite::warn_of_names(&repository);
        Ok(Self {
            config,
            data,
            repository,
            edge,
            tls,
            site,
            certificate_not_after,
            handover,
            seen,
        })
    }

    /// The addresses that the server listens on.
    ///
    /// # Errors
    /// The system's.
    pub fn local_addrs(&self) -> std::io::Result<Vec<SocketAddr>> {
        self.edge.local_addrs()
    }

    /// The flows, for code in the same process.
    pub fn repository(&self) -> Arc<Repository> {
        Arc::clone(&self.repository)
    }

    /// Serves until `shutdown` ends, then lets present answers and changes finish.
    ///
    /// # Errors
    /// [`ServerError::Stopped`].
    pub async fn serve(
        self,
        shutdown: impl Future<Output = ()> + Send + 'static,
        reload: tokio::sync::mpsc::Receiver<()>,
    ) -> Result<(), ServerError> {
        let notifier = Arc::new(
            Notifier::new(crate::config::notify_socket().as_deref())
                .map_err(part("NOTIFY_SOCKET"))?,
        );
        let stop = CancellationToken::new();
        let app = App {
            repository: Arc::clone(&self.repository),
            site: self.site,
            metrics: Arc::new(Metrics::new(self.edge.counts())),
        };
        let local = bind_local(&self.config.listen.local)?;
        for listener in local {
            let stopped = stop.clone().cancelled_owned();
            tokio::spawn(http::local::serve(listener, http::local_router(app.clone()), stopped));
        }
        let app = http::Tree::new(app).behind(self.handover);
        let watch = Watch {
            config: self.config,
            data: self.data,
            repository: Arc::clone(&self.repository),
            tls: Arc::clone(&self.tls),
            certificate_not_after: self.certificate_not_after,
            seen: self.seen.into(),
        };
        let keeper = Keeper { watch: Arc::new(watch), notifier: Arc::clone(&notifier) };
        let keeping = tokio::spawn(Arc::new(keeper).keep(reload, stop.clone()));
        info!(addresses = ?self.edge.local_addrs().unwrap_or_default(), "serving");
        notifier.ready();
        let until = {
            let (stop, notifier) = (stop.clone(), Arc::clone(&notifier));
            async move {
                shutdown.await;
                info!("shutting down");
                notifier.stopping();
                stop.cancel();
            }
        };
        // A spawned task, so that connections begin on the thread that accepted them.
        let serving = tokio::spawn(self.edge.serve(self.tls, app, until));
        let served = serving.await.unwrap_or_else(|error| Err(std::io::Error::other(error)));
        let served = served.map_err(ServerError::Stopped);
        stop.cancel();
        flow::upkeep::writer::close_all(&self.repository).await;
        // The keeper holds the lock of the data directory until the last change is made.
        if let Err(error) = keeping.await {
            error!(%error, "the keeper stopped");
        }
        info!("stopped");
        served
    }
}

fn bind_local(addresses: &[SocketAddr]) -> Result<Vec<tokio::net::TcpListener>, ServerError> {
    let bind = |address: &SocketAddr| {
        let named = |error: std::io::Error| {
            std::io::Error::new(error.kind(), format!("cannot listen on {address}: {error}"))
        };
        let listener = std::net::TcpListener::bind(address).map_err(named)?;
        listener.set_nonblocking(true)?;
        tokio::net::TcpListener::from_std(listener)
    };
    addresses.iter().map(bind).collect::<Result<_, _>>().map_err(ServerError::Listen)
}

fn open_repository(
    config: &Config,
    data: &DataDirectory,
    clock: &Arc<dyn Clock>,
) -> Result<Arc<Repository>, ServerError> {
    let now = clock.now();
    let floor = DateFloor::open(data.floor()).map_err(part("date floor"))?;
    let keyring = keys::keyring(config, data)?;
    let signer = Signer::of_keyring(keyring, floor).map_err(part("signing key"))?;
    let pool = DiskPool::open(&data.pool(), config.limits.reserve_bytes).map_err(part("pool"))?;
    let reserve = Arc::new(Reserve::open(data.reserve()));
    let catalogue = SqliteCatalogue::open_with(&data.catalogue(), Arc::clone(&reserve))
        .map_err(part("catalogue"))?;
    let trust = trust_files(config, data, &reserve);
    let trust = Trust::load(trust, now).map_err(part("trust"))?;
    let authority = ca::load(config, data)?;
    let repository = Repository::open(Parts {
        catalogue: Arc::new(catalogue),
        pool: Arc::new(pool),
        signer: Arc::new(signer),
        trust: Arc::new(trust),
        authority,
        clock: Arc::clone(clock),
        limits: flow_limits(config),
    })
    .map_err(part("catalogue"))?;
    if repository.trust.is_external() {
        // Without lists in date the server starts all the same, but the gate stays closed, so that
        // an operator can deliver lists.
        if let Some(fault) = repository.trust.current().crl_fault() {
            error!(%fault, "not every revocation list can be used");
        }
    } else if repository.authority.is_some() && !may_renew_now(&repository, now) {
        warn!("the clock is in doubt since before the start: the revocation list stays as it is");
    } else if repository.authority.is_some() {
        // Makes good a stop between a revocation and its list, and a list that ran out while the
        // server was down.
        match flow::access::certificates::publish_crl(&repository) {
            Ok(_) => {}
            Err(problem) if repository.trust.current().gate(now).is_ok() => error!(
                %problem,
                "the revocation list could not be published anew; the last one stays in use, and it is tried again"
            ),
            Err(problem) => return Err(part("revocation list")(problem)),
        }
    }
    Ok(repository)
}

/// Runs a server until SIGTERM or SIGINT; SIGHUP reloads.
///
/// # Errors
/// [`ServerError`].
pub async fn run(path: &Path) -> Result<(), ServerError> {
    let config = Config::load(path).map_err(part("configuration"))?;
    let json = config.log.format == LogFormat::Json;
    crate::telemetry::start(&config.log.level, json).map_err(part("configuration"))?;
    descriptors::raise();
    // First of all: a signal ends a process that does not wait for it, and from the moment that the
    // server listens somebody may send one.
    let (send, reload) = tokio::sync::mpsc::channel(1);
    let signals = signals(send).map_err(part("signals"))?;
    let server = Server::open(config, Arc::new(SystemClock))?;
    server.serve(signals, reload).await
}

/// Ends at SIGTERM or SIGINT; sends on SIGHUP.
fn signals(
    reload: tokio::sync::mpsc::Sender<()>,
) -> std::io::Result<impl Future<Output = ()> + Send + 'static> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut hangup = signal(SignalKind::hangup())?;
    Ok(async move {
        loop {
            tokio::select! {
                _ = terminate.recv() => return,
                _ = interrupt.recv() => return,
                // A reload that is already waiting covers this one.
                _ = hangup.recv() => drop(reload.try_send(())),
            }
        }
    })
}

pub use crate::config::reference::Key as ConfigKey;

/// Every key of `repod.toml`, for its manual page.
pub fn config_keys() -> &'static [ConfigKey] {
    &crate::config::reference::KEYS
}

/// The configuration file that `repod serve` would read.
pub fn config_path(named: Option<PathBuf>) -> PathBuf {
    crate::config::find(named)
}

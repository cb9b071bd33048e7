//! SERVER: the composition root. Names the concrete back ends, wires them, runs, and shuts down.
//!
//! May name: http, flow, catalogue, pool, signing, trust, config, domain, debian, time, telemetry

use std::future::Future;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicI64;

use arc_swap::ArcSwap;
use tokio_util::sync::CancellationToken;
use tracing::{error, info};

use crate::catalogue::SqliteCatalogue;
use crate::config::{Config, LogFormat};
use crate::flow::{self, Address, FlowLimits, Parts, Repository};
use crate::http::listen::{Edge, EdgeLimits, Notifier, harden};
use crate::http::metrics::Metrics;
use crate::http::{self, App, Handover, Site};
use crate::pool::DiskPool;
use crate::signing::{DateFloor, Signer};
use crate::time::{Clock, Moment, SystemClock};
use crate::trust::{
    AnyProvenClient, ServerIdentity, ServerKey, Trust, existing_key, load_server, server_config,
};

pub mod admin;
pub mod audit;
pub mod ca;
pub mod data;
pub mod export;
mod front;
mod keeper;
pub mod keys;
pub mod passphrase;
mod watch;

pub use data::{DataDirectory, DataError};

use self::keeper::Keeper;
use self::watch::{load_identity, server_ca, trust_files};

/// The server could not start or run.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// The data directory cannot be used.
    #[error(transparent)]
    Data(#[from] DataError),
    /// A part of it cannot be opened.
    #[error("{what}: {problem}")]
    Part {
        /// Which part.
        what: &'static str,
        /// What it said.
        problem: String,
    },
    /// An address cannot be listened on.
    #[error("{0}; stop what listens there, or change [listen] in repod.toml")]
    Listen(std::io::Error),
    /// The listener failed.
    #[error("the listener stopped: {0}")]
    Stopped(std::io::Error),
}

/// Makes an error of a part.
fn part<E: std::fmt::Display>(what: &'static str) -> impl FnOnce(E) -> ServerError {
    move |problem| ServerError::Part { what, problem: problem.to_string() }
}

/// Days that are written in the configuration, as the flows count.
const DAY_SECONDS: i64 = 86_400;

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
}

impl Server {
    /// Opens everything and binds the listeners; serves nothing yet. Must be called within a tokio
    /// runtime.
    ///
    /// # Errors
    /// [`ServerError`] naming the part and the cure; nothing was changed then.
    pub fn open(config: Config, clock: Arc<dyn Clock>) -> Result<Self, ServerError> {
        let data = DataDirectory::open(&config.data)?;
        data.expect_own_keys(&config.listen.addresses)?;
        let handover = front::handover(&config)?;
        let now = clock.now();
        let repository = open_repository(&config, &data, &clock)?;
        let renewed = renew_server_certificate(&config, &data, &repository, now);
        let identity = load_identity(&config, &data).map_err(part("server certificate"))?;
        match renewed {
            Ok(_) => {}
            Err(problem) if now < identity.not_after => error!(
                %problem,
                "the server certificate could not be renewed; it stays in use, and it is tried again"
            ),
            Err(problem) => return Err(problem),
        }
        watch::tell_of_name(&config, &identity);
        let tls = Arc::new(ArcSwap::new(tls_config(&identity)?));
        let certificate_not_after = Arc::new(AtomicI64::new(identity.not_after.0));
        let edge = front::bind(&config, &data)?;
        let host = config.host().map_err(part("repod.toml"))?;
        let (public_url, server) = (config.public_url.clone(), host.clone());
        repository.set_address(Address { public_url, server });
        flow::upkeep::suite::warn_of_names(&repository);
        let site = Arc::new(Site {
            public_url: config.public_url.clone(),
            host,
            server_ca: server_ca(&config)?,
            certificate_not_after: Arc::clone(&certificate_not_after),
        });
        Ok(Self { config, data, repository, edge, tls, site, certificate_not_after, handover })
    }

    /// The addresses that are listened on.
    ///
    /// # Errors
    /// The system's.
    pub fn local_addrs(&self) -> std::io::Result<Vec<SocketAddr>> {
        self.edge.local_addrs()
    }

    /// The flows, for those who run in the same process.
    pub fn repository(&self) -> Arc<Repository> {
        Arc::clone(&self.repository)
    }

    /// Serves until `shutdown` ends, then lets answers and changes under way finish.
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
        let metrics = Arc::new(Metrics::new(self.edge.counts()));
        let app = App {
            repository: Arc::clone(&self.repository),
            site: self.site,
            metrics: Arc::clone(&metrics),
        };
        let app = http::Tree::new(app).behind(self.handover);
        let local = bind_local(&self.config.listen.local)?;
        for listener in local {
            let stopped = stop.clone().cancelled_owned();
            let told = (Arc::clone(&self.repository), Arc::clone(&metrics));
            tokio::spawn(http::local::serve(listener, told, stopped));
        }
        let keeper = Keeper {
            config: self.config,
            data: self.data,
            repository: Arc::clone(&self.repository),
            tls: Arc::clone(&self.tls),
            certificate_not_after: self.certificate_not_after,
            notifier: Arc::clone(&notifier),
            seen: std::sync::Mutex::default(),
        };
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
        // A task of the runtime: connections then begin on the thread that accepted them.
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
    let ring = keys::ring(config, data)?;
    let signer = Signer::of_ring(ring, floor).map_err(part("signing key"))?;
    let pool = DiskPool::open(&data.pool(), config.limits.reserve_bytes).map_err(part("pool"))?;
    let catalogue = SqliteCatalogue::open(&data.catalogue()).map_err(part("catalogue"))?;
    let trust = Trust::load(trust_files(config, data), now).map_err(part("trust"))?;
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
        // Without lists in date it starts all the same, and stays closed: it can be mended then.
        if let Some(fault) = repository.trust.current().crl_fault() {
            error!(%fault, "not every revocation list can be used");
        }
    } else if repository.authority.is_some() {
        // A stop between a revocation and its list, or a list that ran out while the server was down.
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

fn flow_limits(config: &Config) -> FlowLimits {
    FlowLimits {
        package_bytes: config.limits.package_bytes,
        uploads: config.limits.uploads.max(1),
        memory_bytes: config.limits.memory_bytes,
        certificate_days: config.certificates.client_days,
        crl_seconds: i64::from(config.certificates.crl_days).saturating_mul(DAY_SECONDS),
        ..FlowLimits::default()
    }
}

fn edge_limits(config: &Config) -> EdgeLimits {
    EdgeLimits {
        max_connections: config.limits.connections,
        max_connections_per_address: config.limits.connections_per_address,
        ..EdgeLimits::default()
    }
}

fn tls_config(identity: &ServerIdentity) -> Result<Arc<rustls::ServerConfig>, ServerError> {
    let config = server_config(Arc::new(AnyProvenClient), identity).map_err(part("TLS"))?;
    Ok(Arc::new(harden((*config).clone())))
}

/// The names under which the server is reached: hosts by the public one, its own machine by loopback.
pub fn server_names(host: &str) -> Vec<String> {
    let mut names = vec![host.to_string()];
    for local in ["localhost", "127.0.0.1", "::1"] {
        if local != host {
            names.push(local.into());
        }
    }
    names
}

/// Renews the server's own certificate when less than a third of its life is left.
fn renew_server_certificate(
    config: &Config,
    data: &DataDirectory,
    repository: &Repository,
    now: Moment,
) -> Result<bool, ServerError> {
    let Some(authority) = repository.authority.as_ref().filter(|_| !config.tls.is_external())
    else {
        return Ok(false);
    };
    let life = i64::from(config.certificates.server_days).saturating_mul(DAY_SECONDS);
    let current = load_server(&data.tls()).map_err(part("server certificate"))?;
    if current.not_after.since(now) > life / 3 {
        return Ok(false);
    }
    let host = config.host().map_err(part("repod.toml"))?;
    let authority = authority.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let days = config.certificates.server_days;
    // The key stays, so that only one file changes and no crash can leave a pair that does not match.
    let key = existing_key(&data.tls()).map_err(part("server certificate"))?;
    let issued = authority
        .issue_server(&server_names(&host), &ServerKey::Existing(&key), days, now)
        .map_err(part("server certificate"))?;
    issued.write(&data.tls()).map_err(part("server certificate"))?;
    info!(not_after = %issued.not_after, "server certificate renewed");
    Ok(true)
}

/// Runs a server until SIGTERM or SIGINT; SIGHUP reloads.
///
/// # Errors
/// [`ServerError`].
pub async fn run(path: &Path) -> Result<(), ServerError> {
    let config = Config::load(path).map_err(part("configuration"))?;
    let json = config.log.format == LogFormat::Json;
    crate::telemetry::start(&config.log.level, json).map_err(part("configuration"))?;
    let server = Server::open(config, Arc::new(SystemClock))?;
    let (send, reload) = tokio::sync::mpsc::channel(1);
    let signals = signals(send).map_err(part("signals"))?;
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
                // A reload that waits already covers this one.
                _ = hangup.recv() => drop(reload.try_send(())),
            }
        }
    })
}

/// The configuration file that `repod serve` would read.
pub fn config_path(named: Option<PathBuf>) -> PathBuf {
    crate::config::find(named)
}

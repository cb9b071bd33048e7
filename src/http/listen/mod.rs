//! The listener: sockets, TLS, HTTP/1.1, and time limits for unknown peers. It gives every request
//! a [`Peer`] and passes it to the application; it judges nobody.
//!
//! Every peer that completes a handshake reaches the HTTP parser, whatever its certificate says, so
//! that it can be refused with a reason; what it can cost us before that is bounded by
//! [`EdgeLimits`]. HTTP/2 is absent on purpose: apt does not speak it.
//!
//! May name: nothing

use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use arc_swap::ArcSwap;
use rustls::ServerConfig;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::task::{JoinError, JoinSet};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

mod accept;
mod answer;
mod application;
mod counts;
mod drive;
mod escapes;
mod gauge;
pub mod head;
mod lease;
mod limits;
mod network;
mod networks;
mod path;
mod peer;
pub mod proxy_header;
mod request_id;
mod slots;
mod sparing;
pub mod strict;
mod systemd;
#[cfg(test)]
mod tests;
mod timed;
mod timers;
mod tls;
mod wire;

pub use application::Application;
pub use counts::{Counter, EdgeCounts};
pub use escapes::unescape;
pub use lease::Lease;
pub use limits::EdgeLimits;
pub use network::{WIDE_BITS, network_of, prefix_of};
pub use networks::Networks;
pub use path::{PathFault, clean_path};
pub use peer::{Peer, PeerSlot};
pub use request_id::{REQUEST_ID, RequestId};
pub use sparing::Sparing;
pub use systemd::Notifier;
pub use tls::harden;

use accept::{AcceptedSocket, Failures, ListenerContext};
use slots::ConnectionSlots;

/// Connections the kernel may hold for us before they are accepted.
const BACKLOG: u32 = 4096;

/// Pause after an accept failed for want of descriptors or memory, to avoid a busy loop.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// The bound sockets of the server.
pub struct Edge {
    listeners: Vec<BoundSocket>,
    proxies: Networks,
    limits: EdgeLimits,
    counts: Arc<EdgeCounts>,
}

/// One bound socket.
struct BoundSocket {
    listener: TcpListener,
    /// Only proxies connect here, and begin with a PROXY header.
    is_proxied: bool,
}

impl Edge {
    /// Binds every address; must be called within a tokio runtime.
    ///
    /// Shape: `[::]:443` takes IPv6 only, so `0.0.0.0:443` can be listed beside it. Port 0 lets the
    /// system choose; see [`local_addrs`](Self::local_addrs).
    ///
    /// # Errors
    /// The system's, with the address in the message (the operator's fault);
    /// [`io::ErrorKind::InvalidInput`] without an address.
    pub fn bind(addrs: &[SocketAddr], limits: EdgeLimits) -> io::Result<Self> {
        if addrs.is_empty() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "no address to listen on"));
        }
        let listeners = bind_all(addrs, false)?;
        Ok(Self { listeners, proxies: Networks::default(), limits, counts: Arc::default() })
    }

    /// Adds `addrs`, where only `proxies` may connect, and only with a header of the PROXY protocol
    /// (version 2): the address in it is the peer's. No other socket reads such a header.
    ///
    /// Connections from `proxies` are not limited per address on any socket.
    ///
    /// # Errors
    /// As for [`bind`](Self::bind).
    pub fn behind(mut self, addrs: &[SocketAddr], proxies: Networks) -> io::Result<Self> {
        self.listeners.extend(bind_all(addrs, true)?);
        self.proxies = proxies;
        Ok(self)
    }

    /// The addresses of the sockets, in the order in which they were given.
    ///
    /// # Errors
    /// The system's.
    pub fn local_addrs(&self) -> io::Result<Vec<SocketAddr>> {
        self.listeners.iter().map(|socket| socket.listener.local_addr()).collect()
    }

    /// The counters; they remain valid while and after the edge serves.
    pub fn counts(&self) -> Arc<EdgeCounts> {
        Arc::clone(&self.counts)
    }

    /// Serves `app` until `shutdown`, then lets the present answers finish.
    ///
    /// Shape: the configuration in `tls` is looked up for each new connection, so a swap changes
    /// new connections and leaves open ones alone. A handler's future is dropped when its client
    /// leaves or the drain ends: work that must be finished belongs in a task of its own.
    /// Limits: [`EdgeLimits`]; the drain takes `drain_seconds` at most.
    ///
    /// # Errors
    /// [`io::ErrorKind::InvalidInput`] when the first configuration did not pass [`harden`] (ours).
    /// A later one that did not is answered by closing new sockets, and is logged.
    pub async fn serve(
        self,
        tls: Arc<ArcSwap<ServerConfig>>,
        app: impl Application,
        shutdown: impl Future<Output = ()>,
    ) -> io::Result<()> {
        if !tls::is_hard(&tls.load()) {
            let problem = "the TLS configuration must pass through `harden`";
            return Err(io::Error::new(io::ErrorKind::InvalidInput, problem));
        }
        let Self { listeners, proxies, limits, counts } = self;
        let slots =
            ConnectionSlots::new(limits.max_connections, limits.max_connections_per_address);
        let drain = Duration::from_secs(limits.drain_seconds);
        let stop = CancellationToken::new();
        let context = Arc::new(ListenerContext {
            limits,
            proxies,
            counts,
            failures: Failures::default(),
            app,
            stop,
        });
        let mut live = JoinSet::new();
        let mut connection = 0_u64;
        let mut shutdown = pin!(shutdown);
        loop {
            tokio::select! {
                () = &mut shutdown => break,
                Some(ended) = live.join_next() => note_broken(ended),
                accepted = next_socket(&listeners) => {
                    connection = connection.wrapping_add(1);
                    let tls = tls.load_full();
                    if let Some(socket) = admit(&context, &slots, accepted, connection).await
                        && is_usable(&tls)
                    {
                        live.spawn(accept::serve(Arc::clone(&context), tls, socket));
                    }
                }
            }
        }
        drop(listeners);
        drain_all(&context, live, drain).await;
        Ok(())
    }
}

fn bind_all(addrs: &[SocketAddr], is_proxied: bool) -> io::Result<Vec<BoundSocket>> {
    let bind = |addr: &SocketAddr| Ok(BoundSocket { listener: bind_one(*addr)?, is_proxied });
    addrs.iter().map(bind).collect()
}

fn bind_one(addr: SocketAddr) -> io::Result<TcpListener> {
    let bind = || {
        let socket = if addr.is_ipv6() { TcpSocket::new_v6() } else { TcpSocket::new_v4() }?;
        socket.set_reuseaddr(true)?;
        if addr.is_ipv6() {
            rustix::net::sockopt::set_ipv6_v6only(&socket, true)?;
        }
        socket.bind(addr)?;
        socket.listen(BACKLOG)
    };
    bind()
        .map_err(|error| io::Error::new(error.kind(), format!("cannot listen on {addr}: {error}")))
}

/// An accepted socket, its peer's address, and whether its listener is for proxies.
type Arrival = (TcpStream, SocketAddr, bool);

/// The next socket of any listener.
async fn next_socket(listeners: &[BoundSocket]) -> io::Result<Arrival> {
    std::future::poll_fn(|cx| {
        let accept = |socket: &BoundSocket| {
            let accepted = socket.listener.poll_accept(cx);
            accepted.map_ok(|(tcp, addr)| (tcp, addr, socket.is_proxied))
        };
        listeners.iter().map(accept).find(Poll::is_ready).unwrap_or(Poll::Pending)
    })
    .await
}

/// Gives a slot to a socket, or closes it at once. A failed accept causes a pause and never ends
/// the loop.
async fn admit(
    context: &ListenerContext<impl Application>,
    slots: &Arc<ConnectionSlots>,
    accepted: io::Result<Arrival>,
    connection: u64,
) -> Option<AcceptedSocket> {
    let (tcp, addr, is_proxied) = match accepted {
        Ok(accepted) => accepted,
        Err(error) if is_about_one_socket(&error) => return None,
        Err(error) => {
            tracing::warn!(%error, "no connection can be accepted for now");
            tokio::time::sleep(ACCEPT_PAUSE).await;
            return None;
        }
    };
    let is_proxy = context.proxies.holds(addr.ip());
    if is_proxied && !is_proxy {
        context.counts.refused_proxy.rise();
        context.failures.proxies.note(addr.ip(), std::time::Instant::now(), || {
            tracing::info!(%addr, "closed at once: it is none of listen.proxies");
        });
        return None;
    }
    let slot = if is_proxy { slots.take_unnamed() } else { slots.take(addr.ip()) };
    match slot {
        Ok(slot) => {
            context.counts.accepted.rise();
            // Small answers should leave at once; large ones fill their packets anyway.
            let _ = tcp.set_nodelay(true);
            Some(AcceptedSocket { tcp, addr, connection, slot, is_proxied })
        }
        Err(why) => {
            accept::note_no_slot(&context.counts, addr, why);
            None
        }
    }
}

/// Errors of accept(2) about a connection that is already closed.
fn is_about_one_socket(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionReset, HostUnreachable, NetworkUnreachable};
    matches!(
        error.kind(),
        ConnectionAborted | ConnectionReset | HostUnreachable | NetworkUnreachable
    )
}

fn is_usable(tls: &ServerConfig) -> bool {
    let usable = tls::is_hard(tls);
    if !usable {
        tracing::error!("the TLS configuration allows resumption: new connections are closed");
    }
    usable
}

fn note_broken(ended: Result<(), JoinError>) {
    if let Err(error) = ended
        && error.is_panic()
    {
        tracing::error!(%error, "a connection's task panicked");
    }
}

/// Lets every connection finish its answer, then cuts the rest.
async fn drain_all(
    context: &ListenerContext<impl Application>,
    mut live: JoinSet<()>,
    patience: Duration,
) {
    context.stop.cancel();
    context.failures.flush();
    let finished = timeout(patience, async {
        while let Some(ended) = live.join_next().await {
            note_broken(ended);
        }
    });
    if finished.await.is_err() {
        let left = live.len();
        tracing::info!(left, "connections cut at the end of the drain");
        (0..left).for_each(|_| context.counts.cut_drain.rise());
        live.shutdown().await;
    }
}

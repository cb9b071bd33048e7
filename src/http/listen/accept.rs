//! From an accepted socket to the end of its connection.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use rustls::ServerConfig;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout, timeout_at};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_util::sync::CancellationToken;

use super::answer::Answerer;
use super::application::Application;
use super::counts::EdgeCounts;
use super::drive::{Drive, End};
use super::limits::EdgeLimits;
use super::networks::Networks;
use super::peer::{Peer, PeerSlot};
use super::proxy_header::{self, ProxySource};
use super::slots::{ConnectionSlot, NoSlot};
use super::sparing::Sparing;
use super::timed::FaultSlot;
use super::timers::{ConnectionTimers, Due};
use super::wire::Wire;

/// First byte of a TLS record that begins a handshake (RFC 8446, section 5.1).
const TLS_HANDSHAKE: u8 = 22;

/// The answer to a client that speaks plain HTTP. apt shows the words after the status number.
const PLAIN_HTTP: &[u8] = b"HTTP/1.1 400 this port speaks https\r\n\
    Content-Type: text/plain; charset=utf-8\r\nContent-Length: 29\r\nConnection: close\r\n\r\n\
    this port speaks https, only\n";

/// How long the sender of plain HTTP may take to read that.
const PLAIN_HTTP_PATIENCE: Duration = Duration::from_secs(1);

/// What all connections of one listener share.
pub(super) struct ListenerContext<A> {
    pub limits: EdgeLimits,
    pub proxies: Networks,
    pub counts: Arc<EdgeCounts>,
    pub failures: Failures,
    pub app: A,
    pub stop: CancellationToken,
}

/// What peers cause in the log without being known.
pub(super) struct Failures {
    pub handshakes: Sparing,
    pub proxies: Sparing,
}

impl Default for Failures {
    fn default() -> Self {
        let handshakes = Sparing::of("handshakes that failed");
        Self {
            handshakes,
            proxies: Sparing::of("connections that were closed where proxies connect"),
        }
    }
}

impl Failures {
    /// Tells what was counted and not told yet.
    pub fn flush(&self) {
        self.handshakes.flush();
        self.proxies.flush();
    }
}

/// An accepted socket with its slot.
pub(super) struct AcceptedSocket {
    pub tcp: TcpStream,
    pub addr: SocketAddr,
    pub connection: u64,
    pub slot: ConnectionSlot,
    /// It comes from a proxy, and begins with a PROXY header.
    pub is_proxied: bool,
}

/// An open connection. It leaves the count and returns its slot whichever way it ends.
struct OpenConnection {
    counts: Arc<EdgeCounts>,
    slot: Option<ConnectionSlot>,
}

impl OpenConnection {
    /// Counts it for `address` from now on, if that address may have another.
    fn name(&mut self, address: IpAddr) -> Result<(), NoSlot> {
        let slot = self.slot.take().ok_or(NoSlot::Full)?;
        self.slot = Some(slot.name(address)?);
        Ok(())
    }
}

impl Drop for OpenConnection {
    fn drop(&mut self) {
        self.counts.open.fall();
    }
}

/// Serves one connection: handshake, requests, end. `tls` is the configuration at its accept.
pub(super) async fn serve<A: Application>(
    context: Arc<ListenerContext<A>>,
    tls: Arc<ServerConfig>,
    accepted: AcceptedSocket,
) {
    let AcceptedSocket { mut tcp, mut addr, connection, slot, is_proxied } = accepted;
    context.counts.open.rise();
    let mut open = OpenConnection { counts: Arc::clone(&context.counts), slot: Some(slot) };
    let begun = Instant::now();
    let patience = Duration::from_secs(context.limits.handshake_seconds);
    let until = begun.checked_add(patience).unwrap_or(begun);
    if is_proxied {
        let client = tokio::select! {
            client = read_client_address(&context, &mut tcp, addr, &mut open, until) => client,
            () = context.stop.cancelled() => return,
        };
        let Some(behind) = client else { return };
        addr = behind;
    }
    let timers = Arc::new(ConnectionTimers::new(context.limits.pace(), Instant::now()));
    let handshake = shake_hands(&context.limits, tls, tcp, Arc::clone(&timers));
    let outcome = tokio::select! {
        outcome = timeout_at(until, handshake) => outcome,
        () = context.stop.cancelled() => return,
    };
    let stream = match outcome {
        Ok(Ok(stream)) => stream,
        Ok(Err(error)) => return note_failed_handshake(&context, addr, &error),
        Err(_) => {
            let late = io::Error::new(io::ErrorKind::TimedOut, "the handshake took too long");
            return note_failed_handshake(&context, addr, &late);
        }
    };
    timers.handshake_done(Instant::now());
    let certificates = stream.get_ref().1.peer_certificates().unwrap_or_default();
    let chain = certificates.iter().map(|one| one.clone().into_owned()).collect();
    let seat = open.slot.as_ref().map(|slot| slot.seat(addr.ip()));
    let slot = Arc::new(seat.map(PeerSlot::seated).unwrap_or_default());
    let peer = Peer { addr, chain, slot, connection };
    let (app, counts) = (context.app.clone(), Arc::clone(&context.counts));
    let answerer = Answerer { app, peer, timers, counts, fault: FaultSlot::default() };
    let end = Drive::new(stream, answerer, &context.limits, context.stop.clone()).await;
    note_end(&context.counts, addr, connection, &end);
}

/// Reads the PROXY header, and returns the address of the client once it has its slot.
async fn read_client_address(
    context: &ListenerContext<impl Application>,
    tcp: &mut TcpStream,
    proxy: SocketAddr,
    open: &mut OpenConnection,
    until: Instant,
) -> Option<SocketAddr> {
    let heard = timeout_at(until, proxy_header::read(tcp)).await;
    let late = |_| Err(io::Error::new(io::ErrorKind::TimedOut, "its PROXY header came too late"));
    match heard.unwrap_or_else(late) {
        Ok(ProxySource::Local) => Some(proxy),
        Ok(ProxySource::Client(addr)) => match open.name(addr.ip()) {
            Ok(()) => Some(addr),
            Err(why) => {
                note_no_slot(&context.counts, addr, why);
                None
            }
        },
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
            tracing::debug!(%proxy, "a proxy looked whether the port is open");
            None
        }
        Err(error) => {
            context.counts.refused_proxy.rise();
            context.failures.proxies.note(proxy.ip(), std::time::Instant::now(), || {
                tracing::warn!(%proxy, reason = %error, "a connection of a proxy was closed");
            });
            None
        }
    }
}

/// Counts a connection that is closed for want of a slot.
pub(super) fn note_no_slot(counts: &EdgeCounts, addr: SocketAddr, why: NoSlot) {
    match why {
        NoSlot::Full => {
            counts.refused_full.rise();
            tracing::debug!(%addr, "closed at once: the server is full");
        }
        NoSlot::Address => {
            counts.refused_address.rise();
            tracing::debug!(%addr, "closed at once: its address has all its connections");
        }
    }
}

/// Makes the TLS connection, or answers a client of plain HTTP why there is none.
async fn shake_hands(
    limits: &EdgeLimits,
    tls: Arc<ServerConfig>,
    mut tcp: TcpStream,
    timers: Arc<ConnectionTimers>,
) -> io::Result<TlsStream<Wire>> {
    let mut first = [0_u8; 1];
    if tcp.peek(&mut first).await? == 0 {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    if first != [TLS_HANDSHAKE] {
        if first.iter().all(u8::is_ascii_uppercase) {
            // It does not matter whether the client reads the answer.
            let _ = timeout(PLAIN_HTTP_PATIENCE, tell_plain_http(&mut tcp)).await;
        }
        return Err(io::Error::other("the client does not speak TLS"));
    }
    let wire = Wire::new(tcp, timers, limits.handshake_bytes);
    let mut stream = TlsAcceptor::from(tls).accept(wire).await?;
    stream.get_mut().0.handshake_done();
    Ok(stream)
}

async fn tell_plain_http(tcp: &mut TcpStream) -> io::Result<()> {
    tcp.write_all(PLAIN_HTTP).await?;
    tcp.shutdown().await?;
    // Unread input would turn our close into a reset, and the answer would be lost.
    let mut scratch = [0_u8; 1024];
    while tcp.read(&mut scratch).await? > 0 {}
    Ok(())
}

/// A failed handshake is the client's affair: it is no error of the server. The reason is only in
/// this log line, because apt shows nothing but "Connection failed". Anybody can cause it, so of each
/// network the first is written and the others are counted.
fn note_failed_handshake(
    context: &ListenerContext<impl Application>,
    addr: SocketAddr,
    error: &io::Error,
) {
    context.counts.handshake_failed.rise();
    match error.kind() {
        io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset => {
            tracing::debug!(%addr, reason = %error, "the client left during the handshake");
        }
        _ => context.failures.handshakes.note(addr.ip(), std::time::Instant::now(), || {
            tracing::info!(%addr, reason = %error, "the handshake failed");
        }),
    }
}

fn note_end(counts: &EdgeCounts, addr: SocketAddr, connection: u64, end: &End) {
    match end {
        End::Closed(Ok(())) => tracing::trace!(%addr, connection, "closed"),
        End::Closed(Err(error)) => {
            tracing::debug!(%addr, connection, reason = %error, "the connection broke");
        }
        End::Cut(due) => {
            match due {
                Due::Header => counts.cut_header.rise(),
                Due::Taking | Due::Giving => counts.cut_slow.rise(),
                Due::Idle | Due::Linger | Due::Lease => {}
            }
            tracing::debug!(%addr, connection, reason = ?due, "patience ended");
        }
    }
}

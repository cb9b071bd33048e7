//! The listener as its clients see it: real sockets, real TLS, over loopback.

mod bounds;
mod handshake;
mod lifecycle;
mod patience;
mod proxied;
mod quiet;

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use axum::Router;
use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer, ServerName, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, ServerConfig, SignatureScheme};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::*;

/// Nothing here takes that long unless it hangs.
const PATIENCE: Duration = Duration::from_secs(30);

/// Waits for something that must happen.
async fn soon<T>(what: impl Future<Output = T>) -> T {
    timeout(PATIENCE, what).await.expect("it should have happened long ago")
}

/// Waits until a counter shows a value.
async fn until(counter: &Counter, value: u64) {
    let reached = async {
        while counter.value() != value {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let shown = timeout(PATIENCE, reached).await;
    assert!(shown.is_ok(), "the counter is {} instead of {value}", counter.value());
}

/// A certificate of its own with its key.
struct Pair {
    chain: Vec<CertificateDer<'static>>,
    pem: String,
    key_pem: String,
    key: Vec<u8>,
}

fn pair(name: &str) -> Pair {
    let made = rcgen::generate_simple_self_signed(vec![name.to_owned()]).unwrap();
    Pair {
        chain: vec![made.cert.der().clone()],
        pem: made.cert.pem(),
        key_pem: made.signing_key.serialize_pem(),
        key: made.signing_key.serialize_der(),
    }
}

/// Accepts any certificate whose key is proven, and clients without one.
#[derive(Debug)]
struct Anyone(Arc<CryptoProvider>);

impl ClientCertVerifier for Anyone {
    fn root_hint_subjects(&self) -> &[rustls::DistinguishedName] {
        &[]
    }

    fn client_auth_mandatory(&self) -> bool {
        false
    }

    fn verify_client_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _now: UnixTime,
    ) -> Result<ClientCertVerified, rustls::Error> {
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let known = &self.0.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, cert, dss, known)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let known = &self.0.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, cert, dss, known)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(aws_lc_rs::default_provider())
}

fn soft_config(server: &Pair) -> ServerConfig {
    ServerConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_client_cert_verifier(Arc::new(Anyone(provider())))
        .with_single_cert(server.chain.clone(), PrivatePkcs8KeyDer::from(server.key.clone()).into())
        .unwrap()
}

/// A client that trusts `servers` and presents `own`, if any.
fn client_config(servers: &[&Pair], own: Option<&Pair>) -> ClientConfig {
    let mut roots = RootCertStore::empty();
    for server in servers {
        roots.add(server.chain[0].clone()).unwrap();
    }
    let builder = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots);
    match own {
        None => builder.with_no_client_auth(),
        Some(own) => builder
            .with_client_auth_cert(
                own.chain.clone(),
                PrivatePkcs8KeyDer::from(own.key.clone()).into(),
            )
            .unwrap(),
    }
}

/// A running edge on loopback.
struct Running {
    addr: SocketAddr,
    server: Pair,
    tls: Arc<ArcSwap<ServerConfig>>,
    counts: Arc<EdgeCounts>,
    stop: oneshot::Sender<()>,
    task: JoinHandle<io::Result<()>>,
}

impl Running {
    fn start(limits: EdgeLimits, app: impl Application) -> Self {
        Self::start_at("127.0.0.1:0", limits, app)
    }

    fn start_at(addr: &str, limits: EdgeLimits, app: impl Application) -> Self {
        let edge = Edge::bind(&[addr.parse().unwrap()], limits).unwrap();
        Self::start_edge(edge, 0, app)
    }

    /// Starts a listener where only `proxy` may connect, with a PROXY header.
    fn start_behind(proxy: &str, limits: EdgeLimits, app: Router) -> Self {
        let any = ["127.0.0.1:0".parse().unwrap()];
        let proxies = Networks::new([(proxy.parse().unwrap(), 32)]);
        let edge = Edge::bind(&any, limits).unwrap().behind(&any, proxies).unwrap();
        Self::start_edge(edge, 1, app)
    }

    /// Starts it, for connections to the listener of this number.
    fn start_edge(edge: Edge, listener: usize, app: impl Application) -> Self {
        let server = pair("localhost");
        let tls = Arc::new(ArcSwap::from_pointee(harden(soft_config(&server))));
        let (stop, stopped) = oneshot::channel();
        let (addr, counts) = (edge.local_addrs().unwrap()[listener], edge.counts());
        let shutdown = async { drop(stopped.await) };
        let task = tokio::spawn(edge.serve(Arc::clone(&tls), app, shutdown));
        Self { addr, server, tls, counts, stop, task }
    }

    async fn connect(&self) -> TlsStream<TcpStream> {
        self.connect_with(client_config(&[&self.server], None)).await.unwrap()
    }

    async fn connect_with(&self, config: ClientConfig) -> io::Result<TlsStream<TcpStream>> {
        let tcp = TcpStream::connect(self.addr).await?;
        shake(tcp, config).await
    }

    async fn connect_from(&self, from: &str) -> io::Result<TlsStream<TcpStream>> {
        let socket = TcpSocket::new_v4()?;
        socket.bind(SocketAddr::new(from.parse::<IpAddr>().unwrap(), 0))?;
        let tcp = socket.connect(self.addr).await?;
        shake(tcp, client_config(&[&self.server], None)).await
    }

    async fn stop(self) -> io::Result<()> {
        self.stop.send(()).unwrap();
        soon(self.task).await.unwrap()
    }
}

async fn shake(tcp: TcpStream, config: ClientConfig) -> io::Result<TlsStream<TcpStream>> {
    let name = ServerName::try_from("localhost").unwrap();
    let stream = soon(TlsConnector::from(Arc::new(config)).connect(name, tcp)).await?;
    Ok(stream)
}

/// One answer as it came: head without its blank line, and body.
struct Got {
    head: String,
    body: String,
}

impl Got {
    fn status(&self) -> u16 {
        self.head.split(' ').nth(1).unwrap().parse().unwrap()
    }

    fn has(&self, line: &str) -> bool {
        self.head.lines().any(|one| one.eq_ignore_ascii_case(line))
    }
}

async fn send(stream: &mut TlsStream<TcpStream>, text: &str) {
    stream.write_all(text.as_bytes()).await.unwrap();
    stream.flush().await.unwrap();
}

/// Reads one answer with a `Content-Length`.
async fn receive(stream: &mut TlsStream<TcpStream>) -> io::Result<Got> {
    let read = async {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(stream.read_u8().await?);
        }
        let head = String::from_utf8(head).unwrap().trim_end().to_owned();
        let length = head.lines().find_map(|line| {
            let (name, value) = line.split_once(": ")?;
            name.eq_ignore_ascii_case("content-length").then(|| value.parse::<usize>().unwrap())
        });
        let mut body = vec![0; length.unwrap_or(0)];
        stream.read_exact(&mut body).await?;
        Ok(Got { head, body: String::from_utf8(body).unwrap() })
    };
    soon(read).await
}

/// Asks for a path and reads the answer.
async fn ask(stream: &mut TlsStream<TcpStream>, path: &str) -> Got {
    send(stream, &format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n")).await;
    receive(stream).await.unwrap()
}

/// Reads to the end of the connection, however it ends: what came, and whether TLS was closed
/// properly.
async fn rest(stream: &mut TlsStream<TcpStream>) -> (Vec<u8>, bool) {
    let mut all = Vec::new();
    let outcome = soon(stream.read_to_end(&mut all)).await;
    (all, outcome.is_ok())
}

/// Limits of a second where the defaults are longer.
fn short() -> EdgeLimits {
    EdgeLimits {
        handshake_seconds: 1,
        header_seconds: 1,
        stall_seconds: 1,
        rate_grace_seconds: 1,
        linger_seconds: 1,
        ..EdgeLimits::default()
    }
}

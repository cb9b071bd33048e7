//! Load for `benches/serve.py`: one client program for every server that is measured. It speaks
//! HTTP/1.1 over TLS 1.3 with a client certificate, as apt does: X25519, no resumption, one request
//! at a time on a connection. It says what it did as one line of JSON.
//!
//! Bounds: loopback addresses only, at most 20,000 connections and two minutes.

use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use rustls::client::Resumption;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

type Fault = Box<dyn std::error::Error + Send + Sync>;

const USAGE: &str = "load new|keep|bulk|idle ADDRESS DIR PATH CONNECTIONS REQUESTS 200|304\n\
    DIR holds ca.crt, client.crt and client.key";
const MOST_CONNECTIONS: u64 = 20_000;
const LONGEST: Duration = Duration::from_secs(120);
/// How many handshakes of idle connections are under way at once.
const OPENING: usize = 16;

struct Task {
    mode: String,
    addr: SocketAddr,
    tls: TlsConnector,
    name: ServerName<'static>,
    path: String,
    connections: u64,
    status: u16,
    /// The request, once it is known since when nothing changed.
    request: String,
    left: AtomicU64,
    bytes: AtomicU64,
}

fn main() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let done = runtime.map_err(Fault::from).and_then(|runtime| {
        runtime.block_on(async { tokio::time::timeout(LONGEST, run()).await? })
    });
    if let Err(fault) = done {
        eprintln!("load: {fault}");
        std::process::exit(1);
    }
}

async fn run() -> Result<(), Fault> {
    let mut task = task()?;
    let (first, _) = one(&task, &mut connect(&task).await?, true).await?;
    if task.status == 304 {
        let at = first.modified.ok_or("the answer has no Last-Modified")?;
        task.request = request(&task.path, &format!("If-Modified-Since: {at}\r\n"));
    }
    let task = Arc::new(task);
    let begun = Instant::now();
    let (seconds, mut took) = if task.mode == "idle" {
        let open = idle(&task).await?;
        println!("{{\"open\": {}}}", open.len());
        // Held until the driver has looked at the server.
        std::io::read_to_string(std::io::stdin())?;
        return Ok(());
    } else {
        let mut crew = tokio::task::JoinSet::new();
        for _ in 0..task.connections {
            crew.spawn(work(Arc::clone(&task)));
        }
        let mut took = Vec::new();
        while let Some(ended) = crew.join_next().await {
            took.extend(ended??);
        }
        (begun.elapsed().as_secs_f64(), took)
    };
    took.sort();
    let at = |share: usize| {
        let place = took.len().saturating_mul(share) / 100;
        took.get(place.min(took.len().saturating_sub(1))).map_or(0.0, Duration::as_secs_f64)
    };
    println!(
        "{{\"requests\": {}, \"bytes\": {}, \"seconds\": {seconds:.4}, \"p50_ms\": {:.3}, \"p99_ms\": {:.3}}}",
        took.len(),
        task.bytes.load(Ordering::Relaxed),
        at(50) * 1e3,
        at(99) * 1e3,
    );
    Ok(())
}

fn task() -> Result<Task, Fault> {
    let words: Vec<String> = std::env::args().skip(1).filter(|word| word != "--bench").collect();
    let [mode, addr, dir, path, connections, requests, status] = words.as_slice() else {
        return Err(USAGE.into());
    };
    let addr: SocketAddr = addr.parse()?;
    if !matches!(addr.ip(), IpAddr::V4(ip) if ip.is_loopback()) {
        return Err("load goes to 127.0.0.0/8 only".into());
    }
    let (connections, requests): (u64, u64) = (connections.parse()?, requests.parse()?);
    if connections > MOST_CONNECTIONS {
        return Err("too many connections".into());
    }
    Ok(Task {
        mode: mode.clone(),
        addr,
        tls: TlsConnector::from(Arc::new(tls(Path::new(dir))?)),
        name: ServerName::try_from("localhost")?,
        path: path.clone(),
        connections,

        status: status.parse()?,
        request: request(path, ""),
        left: AtomicU64::new(requests),
        bytes: AtomicU64::new(0),
    })
}

fn tls(dir: &Path) -> Result<ClientConfig, Fault> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(dir.join("ca.crt"))? {
        roots.add(certificate?)?;
    }
    let chain = CertificateDer::pem_file_iter(dir.join("client.crt"))?.collect::<Result<_, _>>()?;
    let key = PrivateKeyDer::from_pem_file(dir.join("client.key"))?;
    let mut provider = aws_lc_rs::default_provider();
    provider.kx_groups = vec![aws_lc_rs::kx_group::X25519];
    let mut config = ClientConfig::builder_with_provider(Arc::new(provider))
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .with_root_certificates(roots)
        .with_client_auth_cert(chain, key)?;
    config.resumption = Resumption::disabled();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

fn request(path: &str, more: &str) -> String {
    format!(
        "GET {path} HTTP/1.1\r\nHost: localhost\r\nCache-Control: max-age=0\r\nAccept: text/*\r\n\
         User-Agent: Debian APT-HTTP/1.3 (2.6.1)\r\n{more}\r\n"
    )
}

async fn connect(task: &Task) -> Result<TlsStream<TcpStream>, Fault> {
    let tcp = TcpStream::connect(task.addr).await?;
    tcp.set_nodelay(true)?;
    Ok(task.tls.connect(task.name.clone(), tcp).await?)
}

/// One connection's share: a connection for each request, or one for all.
async fn work(task: Arc<Task>) -> Result<Vec<Duration>, Fault> {
    let mut took = Vec::new();
    let mut kept = if task.mode == "new" { None } else { Some(connect(&task).await?) };
    while take(&task.left) {
        let begun = Instant::now();
        match &mut kept {
            Some(stream) => {
                one(&task, stream, false).await?;
            }
            None => {
                let mut stream = connect(&task).await?;
                one(&task, &mut stream, false).await?;
                stream.shutdown().await?;
            }
        }
        took.push(begun.elapsed());
    }
    Ok(took)
}

fn take(left: &AtomicU64) -> bool {
    left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok()
}

async fn idle(task: &Arc<Task>) -> Result<Vec<TlsStream<TcpStream>>, Fault> {
    let mut crew = tokio::task::JoinSet::new();
    for _ in 0..OPENING {
        let task = Arc::clone(task);
        crew.spawn(async move {
            let mut open = Vec::new();
            while take(&task.left) {
                let mut stream = connect(&task).await?;
                one(&task, &mut stream, false).await?;
                open.push(stream);
            }
            Ok::<_, Fault>(open)
        });
    }
    let mut open = Vec::new();
    while let Some(ended) = crew.join_next().await {
        open.extend(ended??);
    }
    Ok(open)
}

struct Answer {
    status: u16,
    modified: Option<String>,
    length: u64,
}

/// Asks once and reads the answer to its end.
async fn one(
    task: &Task,
    stream: &mut TlsStream<TcpStream>,
    first: bool,
) -> Result<(Answer, u64), Fault> {
    stream.write_all(task.request.as_bytes()).await?;
    stream.flush().await?;
    let mut buffer = vec![0_u8; if task.mode == "bulk" { 64 * 1024 } else { 4096 }];
    let mut held = 0;
    let (answer, head) = loop {
        let read = stream.read(buffer.get_mut(held..).unwrap_or_default()).await?;
        if read == 0 {
            return Err("the connection ended in a header".into());
        }
        held += read;
        if let Some(parsed) = parse(buffer.get(..held).unwrap_or_default())? {
            break parsed;
        }
    };
    let wanted = if first { 200 } else { task.status };
    if answer.status != wanted {
        return Err(format!("status {} instead of {wanted}", answer.status).into());
    }
    let mut body = (held - head) as u64;
    while body < answer.length {
        let read = stream.read(&mut buffer).await?;
        if read == 0 {
            return Err("the connection ended in a body".into());
        }
        body += read as u64;
    }
    if !first {
        task.bytes.fetch_add(body, Ordering::Relaxed);
    }
    Ok((answer, body))
}

/// The header, once it is whole, and its length.
fn parse(bytes: &[u8]) -> Result<Option<(Answer, usize)>, Fault> {
    let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") else { return Ok(None) };
    let text = std::str::from_utf8(bytes.get(..end).unwrap_or_default())?;
    let status = text.split(' ').nth(1).ok_or("no status")?.parse()?;
    let mut answer = Answer { status, modified: None, length: 0 };
    for line in text.lines().skip(1) {
        let Some((name, value)) = line.split_once(": ") else { continue };
        if name.eq_ignore_ascii_case("last-modified") {
            answer.modified = Some(value.to_owned());
        } else if name.eq_ignore_ascii_case("content-length") && status != 304 {
            answer.length = value.parse()?;
        }
    }
    Ok(Some((answer, end + 4)))
}

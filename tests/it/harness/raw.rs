//! A connection on which anything can be sent: TLS by rustls, and bytes as they are.

use std::io::{self, Read as _, Write as _};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use super::server::{NAME, TestServer};

/// A connection of a client with a certificate.
pub struct Raw {
    stream: StreamOwned<ClientConnection, TcpStream>,
}

/// An answer, interim ones included.
#[derive(Debug)]
pub struct RawAnswer {
    /// `HTTP/1.1 400 Host is missing`
    pub status_line: String,
    pub status: u16,
    /// In lower case, with the status line.
    pub head: String,
    pub body: String,
}

impl Raw {
    /// Connects with `OWN.crt` and `OWN.key`.
    pub fn open(server: &TestServer, own: &str) -> Self {
        let mut roots = RootCertStore::empty();
        let read = |path: &str| {
            let pem = std::fs::read(path).unwrap_or_else(|error| panic!("{path}: {error}"));
            CertificateDer::pem_slice_iter(&pem).collect::<Result<Vec<_>, _>>().unwrap()
        };
        roots.add_parsable_certificates(read(&server.at("data/ca/ca.crt")));
        let key = PrivateKeyDer::from_pem_file(format!("{own}.key")).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_client_auth_cert(read(&format!("{own}.crt")), key)
            .unwrap();
        let tcp = TcpStream::connect(("127.0.0.1", server.port())).unwrap();
        tcp.set_nodelay(true).unwrap();
        tcp.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        let name = NAME.try_into().unwrap();
        let connection = ClientConnection::new(Arc::new(config), name).unwrap();
        Self { stream: StreamOwned::new(connection, tcp) }
    }

    /// Sends bytes.
    pub fn try_send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes)?;
        self.stream.flush()
    }

    /// Sends text, which has to go out.
    #[track_caller]
    pub fn send(&mut self, text: &str) -> &mut Self {
        self.try_send(text.as_bytes()).unwrap();
        self
    }

    /// The next answer.
    #[track_caller]
    pub fn answer(&mut self) -> RawAnswer {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            let read = self.stream.read(&mut byte);
            let said = || String::from_utf8_lossy(&head).into_owned();
            assert!(matches!(read, Ok(1)), "no answer: {read:?} behind {:?}", said());
            head.push(byte[0]);
        }
        let head = String::from_utf8(head).unwrap();
        let status_line = head.lines().next().unwrap().to_owned();
        let status = status_line.split(' ').nth(1).unwrap().parse().unwrap();
        let head = head.to_ascii_lowercase();
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
        let mut body = vec![0; length.map_or(0, |length| length.parse().unwrap())];
        self.stream.read_exact(&mut body).unwrap();
        let body = String::from_utf8_lossy(&body).into_owned();
        RawAnswer { status_line, status, head, body }
    }

    /// Whether something comes within so long.
    pub fn has_answer(&mut self, within: Duration) -> bool {
        self.stream.sock.set_read_timeout(Some(within)).unwrap();
        let peeked = self.stream.sock.peek(&mut [0]);
        self.stream.sock.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        peeked.is_ok_and(|count| count > 0)
    }

    /// How long it takes until the server has closed, and how many bytes came before that.
    pub fn closed(&mut self) -> (Duration, u64) {
        let (begun, mut came, mut buffer) = (Instant::now(), 0, vec![0; 1 << 20]);
        loop {
            match self.stream.read(&mut buffer) {
                Ok(0) => break,
                Ok(count) => came += count as u64,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    panic!("still open after {:?}", begun.elapsed())
                }
                Err(_) => break,
            }
        }
        (begun.elapsed(), came)
    }
}

//! A server for tests: real TLS that demands a client certificate, and the routes of a test.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::serve::Listener;
use rcgen::{CertificateParams, Issuer, KeyPair};
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use zeroize::Zeroizing;

use crate::client::{Client, Credentials};

/// A certificate authority with one certificate for a server and one for a client.
pub struct Authority {
    pub ca_pem: String,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    pub fn new() -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        params.distinguished_name.push(rcgen::DnType::CommonName, format!("test {:p}", &params));
        let ca_pem = params.self_signed(&key).unwrap().pem();
        Self { ca_pem, issuer: Issuer::new(params, key) }
    }

    /// A certificate and its key, both PEM.
    pub fn issue(&self, name: &str) -> (String, String) {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        (params.signed_by(&key, &self.issuer).unwrap().pem(), key.serialize_pem())
    }

    /// A certificate for a request, PEM.
    pub fn sign(&self, csr_pem: &str) -> String {
        let request = rcgen::CertificateSigningRequestParams::from_pem(csr_pem).unwrap();
        request.signed_by(&self.issuer).unwrap().pem()
    }
}

pub struct Fake {
    pub server: String,
    pub authority: Arc<Authority>,
    pub accepted: Arc<AtomicUsize>,
}

struct Tls {
    tcp: TcpListener,
    acceptor: TlsAcceptor,
    accepted: Arc<AtomicUsize>,
    drop_first: usize,
}

impl Listener for Tls {
    type Io = TlsStream<TcpStream>;
    type Addr = std::net::SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        loop {
            let (stream, address) = self.tcp.accept().await.unwrap();
            if self.accepted.fetch_add(1, Ordering::SeqCst) < self.drop_first {
                continue;
            }
            if let Ok(stream) = self.acceptor.accept(stream).await {
                return (stream, address);
            }
        }
    }

    fn local_addr(&self) -> std::io::Result<Self::Addr> {
        self.tcp.local_addr()
    }
}

impl Fake {
    /// A server on a free port that closes the first `drop_first` connections without an answer.
    pub async fn start(routes: Router, drop_first: usize) -> Self {
        Self::under(Arc::new(Authority::new()), routes, drop_first, true).await
    }

    /// The same under this authority. Unless it `demands` a certificate, it accepts clients without
    /// one, too.
    pub async fn under(
        authority: Arc<Authority>,
        routes: Router,
        drop_first: usize,
        demands: bool,
    ) -> Self {
        let (certificate, key) = authority.issue("localhost");
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut roots = rustls::RootCertStore::empty();
        roots.add(der(&authority.ca_pem)).unwrap();
        let verifier = rustls::server::WebPkiClientVerifier::builder_with_provider(
            Arc::new(roots),
            Arc::clone(&provider),
        );
        let verifier = if demands { verifier } else { verifier.allow_unauthenticated() };
        let config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_client_cert_verifier(verifier.build().unwrap())
            .with_single_cert(
                vec![der(&certificate)],
                PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap(),
            )
            .unwrap();
        let tcp = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let server = format!("https://localhost:{}", tcp.local_addr().unwrap().port());
        let accepted = Arc::new(AtomicUsize::new(0));
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let tls = Tls { tcp, acceptor, accepted: Arc::clone(&accepted), drop_first };
        let routes = Router::new().nest(crate::api::BASE, routes);
        tokio::spawn(async move { axum::serve(tls, routes).await });
        Self { server, authority, accepted }
    }

    pub fn credentials(&self) -> Credentials {
        let (certificate, key) = self.authority.issue("ci.example.org");
        Credentials {
            server: self.server.clone(),
            certificate_pem: certificate.into_bytes(),
            key_pem: Zeroizing::new(key.into_bytes()),
            ca_pem: self.authority.ca_pem.clone().into_bytes(),
        }
    }

    pub fn client(&self) -> Client {
        Client::new(&self.credentials()).unwrap()
    }

    /// Writes a configuration for `repoctl` and the files it names.
    pub fn write_config(&self, directory: &Path) {
        use std::os::unix::fs::PermissionsExt;
        let credentials = self.credentials();
        let write = |name: &str, bytes: &[u8]| std::fs::write(directory.join(name), bytes).unwrap();
        write("client.crt", &credentials.certificate_pem);
        write("client.key", &credentials.key_pem);
        write("ca.crt", &credentials.ca_pem);
        let closed = std::fs::Permissions::from_mode(0o600);
        std::fs::set_permissions(directory.join("client.key"), closed).unwrap();
        let server = &self.server;
        let text = format!(
            "server = '{server}'\ncertificate = 'client.crt'\nkey = 'client.key'\nca = 'ca.crt'\nsuite = 'stable'\n"
        );
        write("config.toml", text.as_bytes());
    }
}

fn der(pem: &str) -> rustls::pki_types::CertificateDer<'static> {
    rustls::pki_types::CertificateDer::from_pem_slice(pem.as_bytes()).unwrap()
}

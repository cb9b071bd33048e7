//! Real handshakes in memory: who gets in, and that no session is resumed.

use std::sync::Arc;

use rustls::client::ResolvesClientCert;
use rustls::pki_types::{PrivateKeyDer, ServerName};
use rustls::sign::CertifiedKey;
use rustls::{
    ClientConfig, ClientConnection, HandshakeKind, RootCertStore, ServerConfig, ServerConnection,
    SignatureScheme,
};

use super::*;
use crate::time::{Clock, SystemClock};

/// A client's choice of certificate without the check that key and certificate belong together.
#[derive(Debug)]
struct Shows(Arc<CertifiedKey>);

impl ResolvesClientCert for Shows {
    fn resolve(&self, hints: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        assert!(hints.is_empty(), "the server must not name CAs");
        Some(Arc::clone(&self.0))
    }

    fn has_certs(&self) -> bool {
        true
    }
}

fn server(bench: &Bench, now: Moment) -> Arc<ServerConfig> {
    let names = ["repo.example.org".to_owned()];
    let issued = bench.ca.issue_server(&names, &ServerKey::New, 90, now).unwrap();
    issued.write(bench.directory.path()).unwrap();
    let identity = load_server(bench.directory.path()).unwrap();
    server_config(Arc::new(AnyProvenClient), &identity).unwrap()
}

fn certified(chain: Vec<CertificateDer<'static>>, key_pem: &str) -> Arc<CertifiedKey> {
    let key = PrivateKeyDer::from_pem_slice(key_pem.as_bytes()).unwrap();
    let signer = rustls::crypto::aws_lc_rs::sign::any_supported_type(&key).unwrap();
    Arc::new(CertifiedKey::new(chain, signer))
}

fn client(
    bench: &Bench,
    shows: Option<Arc<CertifiedKey>>,
    version: &'static rustls::SupportedProtocolVersion,
) -> ClientConfig {
    let mut roots = RootCertStore::empty();
    roots.add(der(bench.ca.certificate_pem())).unwrap();
    let builder = ClientConfig::builder_with_provider(crypto::provider())
        .with_protocol_versions(&[version])
        .unwrap()
        .with_root_certificates(roots);
    match shows {
        Some(key) => builder.with_client_cert_resolver(Arc::new(Shows(key))),
        None => builder.with_no_client_auth(),
    }
}

/// Does a handshake and sends a word each way, so that tickets would have arrived.
fn connect(
    client: &Arc<ClientConfig>,
    server: &Arc<ServerConfig>,
) -> Result<(ClientConnection, ServerConnection), rustls::Error> {
    use std::io::Write;
    let name = ServerName::try_from("repo.example.org").unwrap();
    let mut client = ClientConnection::new(Arc::clone(client), name)?;
    let mut server = ServerConnection::new(Arc::clone(server))?;
    for round in 0..8 {
        if round == 5 {
            client.writer().write_all(b"ping").unwrap();
            server.writer().write_all(b"pong").unwrap();
        }
        let mut wire = Vec::new();
        while client.wants_write() {
            client.write_tls(&mut wire).unwrap();
        }
        while !wire.is_empty() {
            let read = server.read_tls(&mut wire.as_slice()).unwrap();
            wire.drain(..read);
            server.process_new_packets()?;
        }
        while server.wants_write() {
            server.write_tls(&mut wire).unwrap();
        }
        while !wire.is_empty() {
            let read = client.read_tls(&mut wire.as_slice()).unwrap();
            wire.drain(..read);
            client.process_new_packets()?;
        }
    }
    assert!(!client.is_handshaking() && !server.is_handshaking());
    Ok((client, server))
}

static VERSIONS: [&rustls::SupportedProtocolVersion; 2] =
    [&rustls::version::TLS13, &rustls::version::TLS12];

#[test]
fn whoever_proves_a_key_gets_as_far_as_the_verdict() {
    let now = SystemClock.now();
    let bench = Bench::at(now);
    let server = server(&bench, now);
    let trust = bench.load(now);
    let stranger = Bench::at(now);
    let verdict = |connection: &ServerConnection| {
        let chain = connection.peer_certificates().map(<[_]>::to_vec).unwrap_or_default();
        let peer = Peer::new(chain.into_iter().map(CertificateDer::into_owned).collect());
        peer.standing(&trust, now).map(|s| s.identity().to_string()).map_err(|r| r.code())
    };
    for version in VERSIONS {
        let (good, request) = bench.client("web-01.example.org", 90, now);
        let key = certified(vec![der(&good.certificate_pem)], &request.key_pem);
        let (_, connection) =
            connect(&Arc::new(client(&bench, Some(key), version)), &server).unwrap();
        assert_eq!(verdict(&connection), Ok("web-01.example.org".to_owned()));

        let (foreign, request) = stranger.client("web-01.example.org", 90, now);
        let key = certified(vec![der(&foreign.certificate_pem)], &request.key_pem);
        let (_, connection) =
            connect(&Arc::new(client(&bench, Some(key), version)), &server).unwrap();
        assert_eq!(verdict(&connection), Err("unknown_issuer"));

        let (_, connection) = connect(&Arc::new(client(&bench, None, version)), &server).unwrap();
        assert_eq!(verdict(&connection), Err("no_certificate"));
    }
}

#[test]
fn a_certificate_without_its_key_ends_the_handshake() {
    let now = SystemClock.now();
    let bench = Bench::at(now);
    let server = server(&bench, now);
    for version in VERSIONS {
        let (stolen, _) = bench.client("web-01.example.org", 90, now);
        let own = NewRequest::make().unwrap();
        let key = certified(vec![der(&stolen.certificate_pem)], &own.key_pem);
        let outcome = connect(&Arc::new(client(&bench, Some(key), version)), &server);
        assert!(outcome.is_err(), "{version:?}");
    }
}

#[test]
fn other_kinds_of_keys_shake_hands_too() {
    let now = SystemClock.now();
    let bench = Bench::at(now);
    let server = server(&bench, now);
    for algorithm in [&rcgen::PKCS_ED25519, &rcgen::PKCS_RSA_SHA256] {
        let key = KeyPair::generate_for(algorithm).unwrap();
        let csr = CertificateParams::default().serialize_request(&key).unwrap().pem().unwrap();
        let host = Identity::parse("web-01.example.org").unwrap();
        let issued = bench.ca.issue_client(&host, &csr, 90, now).unwrap();
        let shows = certified(vec![der(&issued.certificate_pem)], &key.serialize_pem());
        for version in VERSIONS {
            let config = Arc::new(client(&bench, Some(Arc::clone(&shows)), version));
            assert!(connect(&config, &server).is_ok(), "{algorithm:?} {version:?}");
        }
    }
}

#[test]
fn no_session_is_ever_resumed() {
    let now = SystemClock.now();
    let bench = Bench::at(now);
    let server = server(&bench, now);
    for version in VERSIONS {
        let config = Arc::new(client(&bench, None, version));
        for _ in 0..3 {
            let (_, connection) = connect(&config, &server).unwrap();
            let kind = connection.handshake_kind();
            assert!(
                matches!(
                    kind,
                    Some(HandshakeKind::Full | HandshakeKind::FullWithHelloRetryRequest)
                ),
                "{version:?}: {kind:?}"
            );
        }
    }
    assert_eq!((server.send_tls13_tickets, server.max_early_data_size), (0, 0));
    assert!(!server.session_storage.can_cache() && !server.ticketer.enabled());
}

#[test]
fn http_1_1_is_chosen_and_silence_is_fine() {
    let now = SystemClock.now();
    let bench = Bench::at(now);
    let server = server(&bench, now);
    for (offered, chosen) in [(vec!["h2", "http/1.1"], Some(&b"http/1.1"[..])), (vec![], None)] {
        let mut config = client(&bench, None, &rustls::version::TLS13);
        config.alpn_protocols = offered.iter().map(|name| name.as_bytes().to_vec()).collect();
        let (_, connection) = connect(&Arc::new(config), &server).unwrap();
        assert_eq!(connection.alpn_protocol(), chosen);
    }
}

#[test]
fn an_oversized_chain_ends_the_handshake() {
    let now = SystemClock.now();
    let bench = Bench::at(now);
    let server = server(&bench, now);
    let (good, request) = bench.client("web-01.example.org", 90, now);
    let leaf = der(&good.certificate_pem);
    let shake = |chain| {
        let key = certified(chain, &request.key_pem);
        connect(&Arc::new(client(&bench, Some(key), &rustls::version::TLS13)), &server)
    };
    assert!(shake(vec![leaf.clone(); 4]).is_ok());
    assert!(shake(vec![leaf; 5]).is_err());
}

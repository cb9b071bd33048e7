//! What is agreed before the first request, and what the application learns of it.

use axum::Extension;
use axum::routing::get;

use super::*;

/// Answers with the number of certificates, the size of the first, and the number of earlier
/// requests on this connection.
async fn who(Extension(peer): Extension<Peer>) -> String {
    let before = peer.slot.find::<u32>().map_or(0, |count| *count);
    peer.slot.keep(Arc::new(before + 1));
    let first = peer.chain.first().map_or(0, |one| one.len());
    format!("{} {first} {before} {} {}", peer.chain.len(), peer.addr.ip(), peer.connection)
}

fn app() -> Router {
    Router::new().route("/who", get(who))
}

#[tokio::test]
async fn the_chain_and_a_slot_of_the_connection_reach_the_handler() {
    let running = Running::start(EdgeLimits::default(), app());
    let mut host = pair("host.example");
    host.chain.push(pair("issuer.example").chain[0].clone());
    let config = client_config(&[&running.server], Some(&host));
    let mut first = running.connect_with(config).await.unwrap();
    let length = host.chain[0].len();
    assert_eq!(ask(&mut first, "/who").await.body, format!("2 {length} 0 127.0.0.1 1"));
    assert_eq!(ask(&mut first, "/who").await.body, format!("2 {length} 1 127.0.0.1 1"));
    let mut second = running.connect().await;
    assert_eq!(ask(&mut second, "/who").await.body, "0 0 0 127.0.0.1 2");
}

#[tokio::test]
async fn a_client_that_prefers_http2_gets_http11_and_one_that_insists_gets_nothing() {
    let running = Running::start(EdgeLimits::default(), app());
    let mut config = client_config(&[&running.server], None);
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    let mut stream = running.connect_with(config.clone()).await.unwrap();
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"http/1.1"[..]));
    assert!(ask(&mut stream, "/who").await.head.starts_with("HTTP/1.1 200 OK"));
    config.alpn_protocols = vec![b"h2".to_vec()];
    assert!(running.connect_with(config).await.is_err());
    until(&running.counts.handshake_failed, 1).await;
}

#[tokio::test]
async fn every_handshake_is_a_full_one() {
    let running = Running::start(EdgeLimits::default(), app());
    for version in [&rustls::version::TLS13, &rustls::version::TLS12] {
        let mut roots = RootCertStore::empty();
        roots.add(running.server.chain[0].clone()).unwrap();
        let config = ClientConfig::builder_with_provider(provider())
            .with_protocol_versions(&[version])
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        for _ in 0..2 {
            // The clone shares its session cache, so a ticket would be used.
            let mut stream = running.connect_with(config.clone()).await.unwrap();
            assert_eq!(ask(&mut stream, "/who").await.status(), 200);
            let kind = stream.get_ref().1.handshake_kind();
            assert_eq!(kind, Some(rustls::HandshakeKind::Full), "{version:?}");
        }
    }
}

#[tokio::test]
async fn a_configuration_that_resumes_is_not_served() {
    let soft = || soft_config(&pair("localhost"));
    let edge = Edge::bind(&["127.0.0.1:0".parse().unwrap()], EdgeLimits::default()).unwrap();
    let tls = Arc::new(ArcSwap::from_pointee(soft()));
    let refused = edge.serve(tls, app(), std::future::pending()).await;
    assert_eq!(refused.unwrap_err().kind(), io::ErrorKind::InvalidInput);

    let running = Running::start(EdgeLimits::default(), app());
    assert_eq!(ask(&mut running.connect().await, "/who").await.status(), 200);
    running.tls.store(Arc::new(soft()));
    assert!(running.connect_with(client_config(&[&running.server], None)).await.is_err());
    running.tls.store(Arc::new(harden(soft_config(&running.server))));
    assert_eq!(ask(&mut running.connect().await, "/who").await.status(), 200);
}

#[tokio::test]
async fn a_new_configuration_is_for_new_connections() {
    let running = Running::start(EdgeLimits::default(), app());
    let renewed = pair("localhost");
    let both = client_config(&[&running.server, &renewed], None);
    let seen = |stream: &TlsStream<TcpStream>| {
        stream.get_ref().1.peer_certificates().unwrap()[0].clone().into_owned()
    };
    let mut old = running.connect_with(both.clone()).await.unwrap();
    assert_eq!(ask(&mut old, "/who").await.status(), 200);
    running.tls.store(Arc::new(harden(soft_config(&renewed))));
    let mut new = running.connect_with(both).await.unwrap();
    assert_eq!(seen(&new), renewed.chain[0]);
    assert_eq!(seen(&old), running.server.chain[0]);
    assert_eq!(ask(&mut new, "/who").await.status(), 200);
    assert_eq!(ask(&mut old, "/who").await.body, "0 0 1 127.0.0.1 1");
}

#[tokio::test]
async fn plain_http_is_told_so_and_noise_is_not_answered() {
    let running = Running::start(EdgeLimits::default(), app());
    let mut plain = TcpStream::connect(running.addr).await.unwrap();
    plain.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").await.unwrap();
    let mut text = String::new();
    soon(plain.read_to_string(&mut text)).await.unwrap();
    assert!(text.starts_with("HTTP/1.1 400 this port speaks https\r\n"), "{text}");
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    assert!(head.contains(&format!("Content-Length: {}\r\n", body.len())), "{text}");
    drop(plain);
    let mut noise = TcpStream::connect(running.addr).await.unwrap();
    noise.write_all(b"\x00").await.unwrap();
    assert!(matches!(soon(noise.read(&mut [0; 8])).await, Ok(0) | Err(_)));
    until(&running.counts.handshake_failed, 2).await;
    until(&running.counts.open, 0).await;
}

#[tokio::test]
async fn a_handshake_has_a_time_and_a_size() {
    let running = Running::start(short(), app());
    let mut silent = TcpStream::connect(running.addr).await.unwrap();
    assert_eq!(soon(silent.read(&mut [0; 8])).await.unwrap(), 0);
    let mut half = TcpStream::connect(running.addr).await.unwrap();
    half.write_all(&[22, 3, 1, 2, 0, 1]).await.unwrap();
    assert!(matches!(soon(half.read(&mut [0; 8])).await, Ok(0) | Err(_)));
    until(&running.counts.handshake_failed, 2).await;

    let limits = EdgeLimits { handshake_bytes: 100, ..EdgeLimits::default() };
    let running = Running::start(limits, app());
    assert!(running.connect_with(client_config(&[&running.server], None)).await.is_err());
    until(&running.counts.handshake_failed, 1).await;
}

/// curl reads its own files and brings its own TLS library, so it is an independent witness.
#[tokio::test]
#[expect(clippy::disallowed_methods, reason = "the client here is an outside program")]
async fn curl_with_a_certificate_is_served_over_http11() {
    use std::process::Command;
    let there = Command::new("curl").arg("--version").output();
    assert!(there.is_ok(), "curl is missing: apt-get install curl, or run tests/run");
    let running = Running::start(EdgeLimits::default(), app());
    let host = pair("host.example");
    let folder = tempfile::tempdir().unwrap();
    let files = [("ca", &running.server.pem), ("cert", &host.pem), ("key", &host.key_pem)];
    for (name, text) in files {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    let mut curl = Command::new("curl");
    curl.current_dir(folder.path()).args(["--cacert", "ca", "--cert", "cert", "--key", "key"]);
    curl.args(["--silent", "--show-error", "--http2", "--noproxy", "*"]);
    curl.args(["--write-out", "%{http_version}"]);
    let to = format!("localhost:443:127.0.0.1:{}", running.addr.port());
    curl.args(["--connect-to", &to]);
    curl.arg("https://localhost/who");
    let output = soon(tokio::task::spawn_blocking(move || curl.output())).await.unwrap().unwrap();
    let answer = String::from_utf8(output.stdout).unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(answer, format!("1 {} 0 127.0.0.1 11.1", host.chain[0].len()), "{said}");
}

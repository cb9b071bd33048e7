//! Behind a proxy that passes TCP on: the address in its header is the peer's.

use axum::Extension;
use axum::routing::get;

use super::*;

async fn who(Extension(peer): Extension<Peer>) -> String {
    peer.addr.to_string()
}

fn app() -> Router {
    Router::new().route("/who", get(who))
}

fn header(command: u8, source: [u8; 4]) -> Vec<u8> {
    let mut bytes = b"\r\n\r\n\0\r\nQUIT\n".to_vec();
    bytes.extend([command, 0x11, 0, 12]);
    bytes.extend(source);
    bytes.extend([10, 0, 0, 1, 0xd4, 0x31, 0x20, 0xfb]);
    bytes
}

/// Connects from `from`, and sends `bytes` in pieces before the handshake.
async fn connect(
    running: &Running,
    from: &str,
    bytes: &[u8],
    step: usize,
) -> io::Result<TlsStream<TcpStream>> {
    let socket = TcpSocket::new_v4()?;
    socket.bind(SocketAddr::new(from.parse::<IpAddr>().unwrap(), 0))?;
    let mut tcp = socket.connect(running.addr).await?;
    tcp.set_nodelay(true)?;
    for piece in bytes.chunks(step) {
        tcp.write_all(piece).await?;
        tokio::task::yield_now().await;
    }
    shake(tcp, client_config(&[&running.server], None)).await
}

#[tokio::test]
async fn who_is_named_is_the_peer_and_has_its_own_slots() {
    let limits = EdgeLimits { max_connections_per_address: 1, ..EdgeLimits::default() };
    let running = Running::start_behind("127.0.0.1", limits, app());
    let one = header(0x21, [192, 0, 2, 7]);
    let mut first = connect(&running, "127.0.0.1", &one, 1).await.unwrap();
    assert_eq!(ask(&mut first, "/who").await.body, "192.0.2.7:54321");
    assert!(connect(&running, "127.0.0.1", &one, 100).await.is_err(), "it has its one");
    until(&running.counts.refused_address, 1).await;
    let other = header(0x21, [192, 0, 2, 8]);
    let mut second = connect(&running, "127.0.0.1", &other, 5).await.unwrap();
    assert_eq!(ask(&mut second, "/who").await.body, "192.0.2.8:54321");
    drop(first);
    until(&running.counts.open, 1).await;
    let mut again = connect(&running, "127.0.0.1", &one, 100).await.unwrap();
    assert_eq!(ask(&mut again, "/who").await.body, "192.0.2.7:54321");
    // The proxy's own connections are not limited.
    for _ in 0..3 {
        let mut own = connect(&running, "127.0.0.1", &header(0x20, [9; 4]), 100).await.unwrap();
        assert!(ask(&mut own, "/who").await.body.starts_with("127.0.0.1:"));
    }
    assert_eq!(running.counts.refused_proxy.value(), 0);
}

#[tokio::test]
async fn nobody_else_comes_in_and_nothing_is_waited_for_without_end() {
    let running = Running::start_behind("127.0.0.1", short(), app());
    let one = header(0x21, [192, 0, 2, 7]);
    assert!(connect(&running, "127.0.0.9", &one, 100).await.is_err());
    until(&running.counts.refused_proxy, 1).await;
    assert!(connect(&running, "127.0.0.1", b"", 1).await.is_err(), "TLS without a header");
    until(&running.counts.refused_proxy, 2).await;
    let mut half = TcpStream::connect(running.addr).await.unwrap();
    half.write_all(&one[..20]).await.unwrap();
    assert!(matches!(soon(half.read(&mut [0; 8])).await, Ok(0) | Err(_)));
    until(&running.counts.refused_proxy, 3).await;
    let mut silent = TcpStream::connect(running.addr).await.unwrap();
    assert!(matches!(soon(silent.read(&mut [0; 8])).await, Ok(0) | Err(_)));
    until(&running.counts.refused_proxy, 4).await;
    // A probe whether the port is open is no fault.
    drop(TcpStream::connect(running.addr).await.unwrap());
    until(&running.counts.open, 0).await;
    assert_eq!(running.counts.refused_proxy.value(), 4);
    assert_eq!(running.counts.handshake_failed.value(), 0);
    // A second header is not read as one.
    let twice = [one.clone(), one].concat();
    assert!(connect(&running, "127.0.0.1", &twice, 100).await.is_err());
    until(&running.counts.handshake_failed, 1).await;
}

#[tokio::test]
async fn a_header_at_an_ordinary_listener_is_noise() {
    let running = Running::start(EdgeLimits::default(), app());
    assert!(connect(&running, "127.0.0.1", &header(0x21, [192, 0, 2, 7]), 100).await.is_err());
    until(&running.counts.handshake_failed, 1).await;
}

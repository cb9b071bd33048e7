//! Sizes and numbers: headers, fields, connections in all and per address.

use axum::routing::get;

use super::*;

fn app() -> Router {
    Router::new().route("/", get(async || "here\n"))
}

async fn refused(outcome: io::Result<TlsStream<TcpStream>>) -> bool {
    match outcome {
        Err(_) => true,
        Ok(mut stream) => rest(&mut stream).await.0.is_empty(),
    }
}

#[tokio::test]
async fn a_header_of_a_mebibyte_is_refused_with_431() {
    let running = Running::start(EdgeLimits::default(), app());
    let mut stream = running.connect().await;
    let header = format!("GET / HTTP/1.1\r\nX: {}\r\n\r\n", "a".repeat(1 << 20));
    send(&mut stream, &header).await;
    let answer = receive(&mut stream).await.unwrap();
    assert_eq!(answer.status(), 431);
    assert!(rest(&mut stream).await.0.is_empty());
    assert_eq!(ask(&mut running.connect().await, "/").await.status(), 200);
}

#[tokio::test]
async fn header_bytes_and_fields_are_bounded_just_there() {
    let running = Running::start(EdgeLimits::default(), app());
    let fields = |count: usize| {
        let lines: String = (1..count).map(|n| format!("X-{n}: 1\r\n")).collect();
        format!("GET / HTTP/1.1\r\nHost: localhost\r\n{lines}\r\n")
    };
    let sized = |bytes: usize| {
        let frame = "GET / HTTP/1.1\r\nHost: localhost\r\nX: \r\n\r\n".len();
        format!("GET / HTTP/1.1\r\nHost: localhost\r\nX: {}\r\n\r\n", "a".repeat(bytes - frame))
    };
    for (request, status) in [
        (fields(100), 200),
        (fields(101), 431),
        (sized(32 * 1024), 200),
        (sized(32 * 1024 + 1), 431),
    ] {
        let mut stream = running.connect().await;
        send(&mut stream, &request).await;
        assert_eq!(receive(&mut stream).await.unwrap().status(), status, "{}", request.len());
    }
}

#[tokio::test]
async fn the_server_is_full_at_its_cap_and_a_freed_place_is_given_again() {
    let limits = EdgeLimits { max_connections: 2, ..EdgeLimits::default() };
    let running = Running::start(limits, app());
    let config = client_config(&[&running.server], None);
    let mut first = running.connect().await;
    let mut second = running.connect().await;
    assert_eq!(ask(&mut first, "/").await.status(), 200);
    assert!(refused(running.connect_with(config).await).await);
    assert_eq!(running.counts.refused_full.value(), 1);
    assert_eq!(ask(&mut second, "/").await.status(), 200, "those inside are not touched");
    drop(first);
    until(&running.counts.open, 1).await;
    assert_eq!(ask(&mut running.connect().await, "/").await.status(), 200);
    assert_eq!(running.counts.accepted.value(), 3);
}

#[tokio::test]
async fn one_address_cannot_take_the_places_of_the_others() {
    let limits = EdgeLimits { max_connections_per_address: 2, ..EdgeLimits::default() };
    let running = Running::start(limits, app());
    let _first = running.connect_from("127.0.0.1").await.unwrap();
    let _second = running.connect_from("127.0.0.1").await.unwrap();
    assert!(refused(running.connect_from("127.0.0.1").await).await);
    assert_eq!(running.counts.refused_address.value(), 1);
    let mut other = running.connect_from("127.0.0.2").await.unwrap();
    assert_eq!(ask(&mut other, "/").await.body, "here\n");
}

#[tokio::test]
async fn ipv6_is_served_and_both_families_share_a_port() {
    let running = Running::start_at("[::1]:0", EdgeLimits::default(), app());
    assert!(running.addr.is_ipv6());
    assert_eq!(ask(&mut running.connect().await, "/").await.body, "here\n");

    let v4 = Edge::bind(&["0.0.0.0:0".parse().unwrap()], EdgeLimits::default()).unwrap();
    let port = v4.local_addrs().unwrap()[0].port();
    let v6: SocketAddr = format!("[::]:{port}").parse().unwrap();
    let v6 = Edge::bind(&[v6], EdgeLimits::default()).unwrap();
    assert_eq!(v6.local_addrs().unwrap()[0].port(), port);

    let taken = SocketAddr::from(([0, 0, 0, 0], port));
    let Err(error) = Edge::bind(&[taken], EdgeLimits::default()) else { panic!("bound twice") };
    assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
    assert!(error.to_string().contains(&taken.to_string()), "{error}");
}

#[tokio::test]
async fn a_thousand_idle_clients_are_served_and_let_go() {
    const CLIENTS: usize = 1000;
    raise_descriptor_limit();
    let limits = EdgeLimits { max_connections_per_address: CLIENTS, ..EdgeLimits::default() };
    let running = Running::start(limits, app());
    let config = client_config(&[&running.server], None);
    let mut clients = Vec::new();
    for _ in 0..CLIENTS {
        let mut client = running.connect_with(config.clone()).await.unwrap();
        assert_eq!(ask(&mut client, "/").await.status(), 200);
        clients.push(client);
    }
    assert_eq!(running.counts.open.value(), 1000);
    for client in &mut clients {
        assert_eq!(ask(client, "/").await.status(), 200);
    }
    drop(clients);
    until(&running.counts.open, 0).await;
}

/// Both ends of all connections are in this process.
fn raise_descriptor_limit() {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let mut limit = getrlimit(Resource::Nofile);
    let enough = limit.maximum.is_none_or(|most| most >= 4096);
    assert!(enough, "4096 descriptors are needed");
    if limit.current.is_some_and(|now| now < 4096) {
        limit.current = Some(4096);
        setrlimit(Resource::Nofile, limit).unwrap();
    }
}

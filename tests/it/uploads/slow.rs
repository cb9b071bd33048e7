//! Slow uploads: what is shown meanwhile, on a terminal and in the log of a build job.

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::{large, upload};
use crate::harness::programs::require;
use crate::harness::server::{NAME, TestServer, free_port};
use crate::harness::terminal::on_terminal;

/// Passes bytes on between a client and the server. Arguments: its port, that of the server, the bytes a
/// second that it takes of the client, how many bytes it is until the server's answers are held, and for
/// how many seconds each is.
const RELAY: &str = r#"
import socket, sys, threading, time
port, server, rate, after = (int(word) for word in sys.argv[1:5])
hold = float(sys.argv[5])
listener = socket.socket()
# What the system takes in advance is not much, so that the client sees the pace.
listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
listener.bind(("127.0.0.1", port))
listener.listen()
def up(client, to, seen):
    while piece := client.recv(16384):
        to.sendall(piece)
        seen[0] += len(piece)
        time.sleep(len(piece) / rate)
    to.shutdown(socket.SHUT_WR)
def down(client, to, seen):
    while piece := to.recv(65536):
        if seen[0] > after:
            time.sleep(hold)
        client.sendall(piece)
    client.close()
while True:
    client, _ = listener.accept()
    to, seen = socket.create_connection(("127.0.0.1", server)), [0]
    for way in (up, down):
        threading.Thread(target=way, args=(client, to, seen), daemon=True).start()
"#;

/// A way to the server that is slow; ends with the test.
struct Relay {
    port: u16,
    child: Child,
}

impl Relay {
    fn to(server: &TestServer, rate: u32, after: u32, hold: &str) -> Self {
        let port = free_port();
        let words = [port.to_string(), server.port().to_string(), rate.to_string()];
        let child = Command::new(require("python3"))
            .args(["-c", RELAY])
            .args(words)
            .args([&after.to_string(), hold])
            .stdin(Stdio::null())
            .spawn()
            .unwrap();
        let begun = Instant::now();
        while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(begun.elapsed() < Duration::from_secs(30), "the relay does not listen");
            std::thread::sleep(Duration::from_millis(20));
        }
        Self { port, child }
    }

    fn url(&self) -> String {
        format!("https://{NAME}:{}", self.port)
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

const MEBIBYTE: u32 = 1 << 20;

#[test]
fn the_log_of_a_build_job_shows_that_a_long_upload_goes_on() {
    let server = TestServer::start();
    let deb = server.deb(&large("acme-data", "1.0", 20 * MEBIBYTE));
    let relay = Relay::to(&server, MEBIBYTE, 20 * MEBIBYTE, "11");
    let told = upload(&server, &["--server", &relay.url(), &deb]).expect_success();
    let lines: Vec<_> = told.stderr.lines().collect();
    let sending = lines.iter().filter(|line| line.starts_with("sending: ")).count();
    assert!(sending >= 1, "{told}");
    assert!(lines[0].contains(" MiB of 20.0 MiB, ") && lines[0].ends_with(" MiB/s"), "{told}");
    let waits = |line: &&&str| line.starts_with("waiting until the server has checked it, ");
    assert!(lines.iter().any(|line| waits(&line)), "{told}");
    assert_eq!(lines.last(), Some(&"waiting until the server has published it, 10 s"), "{told}");
    assert!(lines.len() <= 6, "a line now and then: {told}");
    assert!(!told.stderr.contains(['\u{1b}', '\r']), "{told:?}");
    let again = upload(&server, &["--server", &relay.url(), "--json", &deb]).expect_success();
    assert_eq!(again.stderr, "", "programs are told nothing");
}

#[test]
fn nothing_is_said_of_an_upload_that_is_soon_done() {
    let server = TestServer::start();
    let deb = server.deb(&large("acme-data", "1.0", 4 * MEBIBYTE));
    assert_eq!(upload(&server, &[&deb]).expect_success().stderr, "");
}

#[test]
fn a_person_sees_the_bar_of_one_file_move_and_then_what_the_server_does() {
    let server = TestServer::start();
    let deb = server.deb(&large("acme-data", "1.0", 24 * MEBIBYTE));
    let relay = Relay::to(&server, 5 * MEBIBYTE, 24 * MEBIBYTE, "1.5");
    let repoctl = env!("CARGO_BIN_EXE_repoctl");
    let command = ["upload", "--suite", "stable", "--server", &relay.url(), &deb];
    let command = [&[repoctl], &command[..]].concat();
    let seen = on_terminal(&command, std::path::Path::new("/"), &[])
        .env("REPOCTL_CONFIG", server.at("data/operator/config.toml"))
        .run()
        .expect_success();
    let shown: Vec<_> = seen.stdout.split(['\r', '\n']).collect();
    let mut amounts: Vec<_> = shown
        .iter()
        .filter(|line| line.contains("sending ") && line.contains(" MiB/24."))
        .filter_map(|line| line.split(" MiB/24.").next()?.rsplit(' ').next())
        .collect();
    amounts.dedup();
    assert!(amounts.len() >= 5, "the bar moves: {amounts:?}\n{:?}", seen.stdout);
    let at = |text: &str| shown.iter().position(|line| line.contains(text));
    let order = [
        "sending ",
        "waiting until the server has checked it, ",
        "waiting until the server has published it, ",
        "published  acme-data",
    ];
    let order = order.map(|text| at(text).unwrap_or_else(|| panic!("{text}: {:?}", seen.stdout)));
    assert!(order.is_sorted(), "{order:?} {:?}", seen.stdout);
    let last = seen.stdout.rsplit("\u{1b}[2K").next().unwrap();
    assert!(last.contains("published  acme-data 1.0 amd64"), "the bar is gone: {:?}", seen.stdout);
}

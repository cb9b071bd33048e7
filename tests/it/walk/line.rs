//! One connection that stays open, by `openssl s_client`, and answers as they came over the wire.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use crate::harness::programs::require;
use crate::harness::server::TestServer;

/// An answer, whole.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Answer {
    /// With the reason.
    pub status: String,
    /// Every header but the time of day, as sent, in order.
    pub headers: Vec<String>,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn code(&self) -> &str {
        self.status.split(' ').next().unwrap_or_default()
    }

    /// All of it as text.
    pub fn text(&self) -> String {
        let body = String::from_utf8_lossy(&self.body);
        format!("{}\n{}\n\n{body}", self.status, self.headers.join("\n"))
    }
}

pub struct Line<'s> {
    server: &'s TestServer,
    folder: String,
    /// Whether the server has said that it closes.
    ends: bool,
    child: Child,
    to: ChildStdin,
    from: BufReader<ChildStdout>,
}

impl<'s> Line<'s> {
    /// Connects with the certificate and key in `client.crt` and `client.key` below `folder`.
    pub fn open(server: &'s TestServer, folder: &str) -> Self {
        let address = format!("repo.example.org:{}", server.port());
        let mut child = Command::new(require("openssl"))
            .args(["s_client", "-quiet", "-no_ign_eof", "-connect", &address])
            .args(["-CAfile", &server.at("data/ca/ca.crt")])
            .args(["-cert", &format!("{folder}/client.crt")])
            .args(["-key", &format!("{folder}/client.key")])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let (to, from) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        let folder = folder.to_owned();
        Self { server, folder, ends: false, child, to, from: BufReader::new(from) }
    }

    /// Asks on this same connection, and on another once the server has ended it.
    pub fn ask(&mut self, method: &str, path: &str, headers: &[&str], body: &str) -> Answer {
        if self.ends {
            let (server, folder) = (self.server, self.folder.clone());
            *self = Self::open(server, &folder);
        }
        let mut text = format!("{method} /{path} HTTP/1.1\r\nHost: repo.example.org\r\n");
        // Answers are compared, byte by byte.
        text.push_str("X-Request-Id: the-same\r\n");
        for header in headers {
            text.push_str(&format!("{header}\r\n"));
        }
        if !body.is_empty() {
            let length = body.len();
            let json = "Content-Type: application/json";
            text.push_str(&format!("{json}\r\nContent-Length: {length}\r\n"));
        }
        text.push_str(&format!("\r\n{body}"));
        self.to.write_all(text.as_bytes()).unwrap();
        self.to.flush().unwrap();
        self.read(method)
    }

    pub fn get(&mut self, path: &str) -> Answer {
        self.ask("GET", path, &[], "")
    }

    fn read(&mut self, method: &str) -> Answer {
        let mut status = String::new();
        self.from.read_line(&mut status).unwrap();
        let (mut headers, mut line) = (Vec::new(), String::new());
        let mut length = 0_u64;
        while self.from.read_line(&mut line).unwrap() > 2 {
            let lower = line.trim_end().to_ascii_lowercase();
            if let Some(value) = lower.strip_prefix("content-length:") {
                length = value.trim().parse().unwrap();
            }
            self.ends |= lower == "connection: close";
            if !lower.starts_with("date:") {
                headers.push(line.trim_end().to_owned());
            }
            line.clear();
        }
        if method == "HEAD" {
            length = 0;
        }
        let mut body = Vec::new();
        self.from.by_ref().take(length).read_to_end(&mut body).unwrap();
        assert_eq!(body.len() as u64, length, "the connection was dropped: {status}");
        let status = status.trim_end().strip_prefix("HTTP/1.1 ").unwrap_or(&status).to_owned();
        Answer { status, headers, body }
    }
}

impl Drop for Line<'_> {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

//! A plain web server over a directory: python's own, on a port of this machine. Stopped, by its own
//! pid, when dropped.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use super::programs::require;

/// Serves on a free port, which it prints; says nothing else. HTTP/1.1, as clients expect by now.
const SCRIPT: &str = "
import functools, http.server, sys
class Quiet(http.server.SimpleHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'
    def log_message(self, *_):
        pass
handler = functools.partial(Quiet, directory=sys.argv[1])
server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), handler)
print(server.server_address[1], flush=True)
server.serve_forever()
";

/// A running server.
pub struct Loopback {
    child: Child,
    port: u16,
}

impl Loopback {
    /// Serves what lies below `dir`.
    pub fn over(dir: &Path) -> Self {
        let mut child = Command::new(require("python3"))
            .args(["-c", SCRIPT])
            .arg(dir)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .expect("python starts");
        let mut line = String::new();
        let stdout = child.stdout.take().expect("it is piped");
        BufReader::new(stdout).read_line(&mut line).expect("it prints its port");
        Self { port: line.trim().parse().expect("a port is a number"), child }
    }

    /// `127.0.0.1:PORT`.
    pub fn authority(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// `http://127.0.0.1:PORT`.
    pub fn url(&self) -> String {
        format!("http://{}", self.authority())
    }
}

impl Drop for Loopback {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

//! A proxy that hands over certificates and writes down every request with its answer.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use serde::Deserialize;

use crate::harness::programs::{Program, program, require};
use crate::harness::server::{TestServer, free_port};

/// Arguments: its port, that of the server, a directory with its pair, a file for what it sees.
const PROXY: &str = r#"
import base64, http.client, http.server, json, ssl, sys, urllib.parse
port, server, own, seen = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], open(sys.argv[4], "a")
upstream = ssl.create_default_context(cafile=own + "/ca.crt")
upstream.load_cert_chain(own + "/proxy.crt", own + "/proxy.key")
class Between(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def forward(self):
        # HTTP's own chunks: a package that is sent as it is read.
        body = b""
        if self.headers.get("transfer-encoding") == "chunked":
            while size := int(self.rfile.readline(), 16):
                body += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
        else:
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
        kept = ("content-type", "if-match", "accept", "user-agent")
        headers = {name: value for name, value in self.headers.items() if name.lower() in kept}
        if shown := self.connection.getpeercert(True):
            headers["x-client-cert"] = urllib.parse.quote(ssl.DER_cert_to_PEM_cert(shown), safe="")
        connection = http.client.HTTPSConnection("repo.example.org", server, context=upstream)
        connection.request(self.command, self.path, body or None, headers)
        answer = connection.getresponse()
        told = answer.read()
        text = lambda kind, data: data.decode() if "json" in kind else ""
        sent_type = self.headers.get("content-type") or ""
        told_type = answer.getheader("content-type") or ""
        print(json.dumps({
            "method": self.command, "target": self.path, "sent_type": sent_type,
            "sent": text(sent_type, body), "status": answer.status, "answered_type": told_type,
            "answered": text(told_type, told),
        }), file=seen, flush=True)
        self.send_response(answer.status, answer.reason)
        for name in ("content-type", "retry-after"):
            if value := answer.getheader(name):
                self.send_header(name, value)
        if answer.status != 204:
            self.send_header("content-length", str(len(told)))
        self.end_headers()
        self.wfile.write(told)
    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = forward
    def log_message(self, *_): pass
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(own + "/server.crt", own + "/server.key")
context.load_verify_locations(own + "/ca.crt")
context.verify_mode = ssl.CERT_OPTIONAL
proxy = http.server.ThreadingHTTPServer(("127.0.0.1", port), Between)
proxy.socket = context.wrap_socket(proxy.socket, server_side=True)
print("ready", flush=True)
proxy.serve_forever()
"#;

/// A request that was made, and its answer.
#[derive(Deserialize, Debug)]
pub struct Exchange {
    pub method: String,
    /// Path and query.
    pub target: String,
    pub sent_type: String,
    /// The body, where it is JSON.
    pub sent: String,
    pub status: u16,
    pub answered_type: String,
    /// The body, where it is JSON.
    pub answered: String,
}

/// A server that is known by the address of a proxy in front of it.
pub struct Between {
    pub server: TestServer,
    child: Child,
    port: u16,
}

impl Between {
    /// A server without a suite.
    pub fn start() -> Self {
        let mut server = TestServer::init();
        let port = free_port();
        let config = server.data().join("repod.toml");
        let text = std::fs::read_to_string(&config).unwrap();
        let (own, its) = (server.port().to_string(), port.to_string());
        let text = text.replace(
            &format!("public_url = \"https://repo.example.org:{own}/\""),
            &format!("public_url = \"https://repo.example.org:{its}/\""),
        );
        assert!(text.contains(&format!(":{its}/")), "{text}");
        let handover = "[listen]\nhandover = [\"proxy.example.org\"]\n";
        std::fs::write(&config, text.replace("[listen]\n", handover)).unwrap();
        server.serve();

        let folder = server.at("proxy");
        let issue = ["identity", "issue", "proxy.example.org", "--role", "uploader"];
        let issue = [&issue[..], &["--all-suites", "--out", &folder]].concat();
        server.repoctl(&issue).expect_success();
        for (from, to) in [
            ("proxy/client.crt", "proxy.crt"),
            ("proxy/client.key", "proxy.key"),
            ("data/ca/ca.crt", "ca.crt"),
            ("data/tls/server.crt", "server.crt"),
            ("data/tls/server.key", "server.key"),
        ] {
            std::fs::copy(server.at(from), format!("{folder}/{to}")).unwrap();
        }
        let mut child = Command::new(require("python3"))
            .args(["-c", PROXY, &its, &own, &folder, &server.at("seen")])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert_eq!(line, "ready\n");
        Self { server, child, port }
    }

    /// Where the proxy is.
    pub fn url(&self) -> String {
        format!("https://repo.example.org:{}", self.port)
    }

    /// `repoctl ARGS` as the first operator, through the proxy, not yet run.
    pub fn repoctl(&self, args: &[&str]) -> Program {
        self.server.repoctl_program(args).env("REPOCTL_SERVER", self.url())
    }

    /// `curl` as the first operator, through the proxy.
    pub fn curl(&self, path: &str) -> Program {
        let own = self.server.at("data/operator");
        program("curl")
            .args(["-sS", "--http1.1", "--max-time", "60", "--cacert", &format!("{own}/ca.crt")])
            .args(["--cert", &format!("{own}/client.crt"), "--key", &format!("{own}/client.key")])
            .arg(format!("{}/{path}", self.url()))
    }

    /// Everything so far.
    pub fn seen(&self) -> Vec<Exchange> {
        let text = std::fs::read_to_string(self.server.at("seen")).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

impl Drop for Between {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

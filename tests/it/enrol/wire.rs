//! What goes over the wire before anybody is known: who the server is, what a request asks for.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};

use repod::api::TokenText;

use super::{NAME, empty_root, enroll, parts, serial, token};
use crate::harness::programs::{self, require};
use crate::harness::server::TestServer;

/// Somebody between: answers every GET with a CA, and writes down what it is sent.
const BETWEEN: &str = r#"
import http.server, json, ssl, sys
ca = open(sys.argv[3]).read()
class Between(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        length = int(self.headers.get("content-length") or 0)
        print(self.requestline, self.rfile.read(length), flush=True)
        body = json.dumps({"ca_pem": ca}).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    do_POST = do_GET
    def log_message(self, *_): pass
server = http.server.HTTPServer(("127.0.0.1", 0), Between)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(sys.argv[1], sys.argv[2])
server.socket = context.wrap_socket(server.socket, server_side=True)
print(server.server_port, flush=True)
server.serve_forever()
"#;

struct Between {
    child: Child,
    port: u16,
}

impl Between {
    fn start(server: &TestServer, ca: &str) -> Self {
        let (key, certificate) = (server.at("between.key"), server.at("between.crt"));
        programs::program("openssl")
            .args([
                "req",
                "-x509",
                "-newkey",
                "ec",
                "-pkeyopt",
                "ec_paramgen_curve:P-256",
                "-nodes",
            ])
            .args([
                "-subj",
                "/CN=repo.example.org",
                "-addext",
                "subjectAltName=DNS:repo.example.org",
            ])
            .args(["-keyout", &key, "-out", &certificate])
            .run()
            .expect_success();
        let ca = if ca.is_empty() { certificate.clone() } else { ca.to_owned() };
        let mut child = Command::new(require("python3"))
            .args(["-c", BETWEEN, &certificate, &key, &ca])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::with_capacity(1, child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        Self { child, port: line.trim().parse().unwrap() }
    }

    /// Everything that it was sent.
    fn end(mut self) -> String {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        let mut text = String::new();
        self.child.stdout.take().unwrap().read_to_string(&mut text).unwrap();
        text
    }
}

#[test]
fn a_server_with_another_ca_is_told_nothing() {
    let server = TestServer::start();
    let root = empty_root();
    let token = token(&server, NAME, &[]);
    let own_ca = server.data().join("ca/ca.crt").display().to_string();
    // With a CA of its own, and with the true one, which everybody may fetch.
    for (ca, code, why) in [("", 1, "another CA than the token was made for"), (&own_ca, 2, "")] {
        let between = Between::start(&server, ca);
        let there = format!("https://repo.example.org:{}/", between.port);
        let led_astray = TokenText { server: there, ..parts(&token) };
        enroll(root.path(), &led_astray.write().0).expect_code(code).expect_says(why);
        let heard = between.end();
        assert_eq!(heard.trim(), "GET /api/v1/enroll HTTP/1.1 b''", "more was said");
    }
    enroll(root.path(), &token).expect_success();
}

#[test]
fn of_a_request_only_the_key_counts() {
    let server = TestServer::start();
    let token = parts(&token(&server, NAME, &[]));
    let (key, csr) = (server.at("evil.key"), server.at("evil.csr"));
    let names = "subjectAltName=DNS:db-01.example.org,DNS:operator,IP:127.0.0.1";
    programs::program("openssl")
        .args(["req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"])
        .args(["-subj", "/O=Evil/CN=operator", "-addext", names])
        .args(["-addext", "basicConstraints=critical,CA:TRUE"])
        .args(["-addext", "keyUsage=keyCertSign,cRLSign", "-addext", "extendedKeyUsage=serverAuth"])
        .args(["-keyout", &key, "-out", &csr])
        .run()
        .expect_success();
    let ask = |body: &serde_json::Value| {
        programs::program("curl")
            .args(["-sS", "--cacert", &server.at("data/ca/ca.crt"), "-w", "\n%{http_code}"])
            .args(["-H", "content-type: application/json", "-d", &body.to_string()])
            .arg(format!("{}/api/v1/enroll", server.url()))
            .run()
            .expect_success()
            .stdout
    };
    let csr_pem = std::fs::read_to_string(&csr).unwrap();
    let body = |csr_pem: &str| serde_json::json!({ "name": NAME, "secret": token.secret, "csr_pem": csr_pem });
    // Nothing that is refused uses the token up.
    let broken = csr_pem.replacen("MI", "MJ", 1);
    assert!(ask(&body(&broken)).ends_with("\n400"));
    let mut strange = body(&csr_pem);
    strange["role"] = "admin".into();
    assert!(ask(&strange).ends_with("\n400"));
    assert!(ask(&body(&"A".repeat(40_000))).ends_with("\n413"));

    let answer = ask(&body(&csr_pem));
    let (answer, code) = answer.rsplit_once('\n').unwrap();
    assert_eq!(code, "200", "{answer}");
    let answer: serde_json::Value = serde_json::from_str(answer).unwrap();
    let text = programs::program("openssl")
        .args(["x509", "-noout", "-text"])
        .input(answer["certificate_pem"].as_str().unwrap())
        .run()
        .expect_success()
        .stdout;
    for wanted in [
        &format!("Subject: CN = {NAME}\n"),
        &format!("X509v3 Subject Alternative Name: \n                DNS:{NAME}\n"),
        "CA:FALSE",
        "X509v3 Extended Key Usage: \n                TLS Web Client Authentication\n",
    ] {
        assert!(text.contains(wanted), "{wanted} is not in {text}");
    }
    for foreign in ["db-01", "Evil", "operator", "CA:TRUE", "Certificate Sign", "127.0.0.1"] {
        assert!(!text.contains(foreign), "{foreign} came in: {text}");
    }
}

#[test]
fn who_asks_without_a_token_again_and_again_is_put_off() {
    let server = TestServer::start();
    let codes = |method: &str, count: u32| {
        let url = format!("{}/api/v1/enroll#[1-{count}]", server.url());
        let told = programs::program("curl")
            .args(["-sS", "--cacert", &server.at("data/ca/ca.crt"), "-X", method])
            .args(["-H", "content-type: application/json", "-d"])
            .arg(r#"{"name":"web-01","secret":"x","csr_pem":"x"}"#)
            .args(["-o", "/dev/null", "-w", "%{http_code}\n", &url])
            .run()
            .expect_success();
        told.stdout
    };
    let first = codes("POST", 400);
    assert!(first.lines().all(|code| code == "403"), "{first}");
    // So many that they are more than what is regained meanwhile, on a slow machine, too.
    let second = codes("POST", 1_000);
    assert!(second.lines().any(|code| code == "403"), "{second}");
    assert!(second.lines().filter(|code| *code == "429").count() > 50, "{second}");
    // Who has a certificate is not counted.
    server.repoctl(&["whoami"]).expect_success();
    // The audit log says from where they come, and so does the server's own log, now and then.
    let refused = ["audit", "--refused", "--verb", "enrol", "--json"];
    let told = server.repoctl(&refused).expect_success();
    let entry = told.stdout.lines().next().unwrap();
    let detail = serde_json::from_str::<serde_json::Value>(entry).unwrap();
    let detail = detail["detail"].as_str().unwrap_or(entry).to_owned();
    let from = |text: &str| ["127.0.0.1", "::1"].iter().any(|own| text.contains(own));
    assert!(detail.starts_with("POST /api/v1/enroll from ") && from(&detail), "{detail}");
    let log = server.log();
    let lines: Vec<_> =
        log.lines().filter(|line| line.contains("an enrolment was refused")).collect();
    assert!((1..4).contains(&lines.len()), "{lines:?}");
    assert!(lines.iter().all(|line| from(line) && line.contains("web-01")), "{lines:?}");
}

#[test]
fn a_token_comes_on_standard_input_too() {
    let server = TestServer::start();
    let root = empty_root();
    let token = token(&server, NAME, &[]);
    let enroll = super::on_host(root.path(), &["enroll", "-"]).input(format!("{token}\n"));
    let told = enroll.arg("--json").run().expect_success();
    let told: serde_json::Value = serde_json::from_str(&told.stdout).unwrap();
    assert_eq!(told["identity"], NAME);
    assert_eq!(told["serial"], serial(root.path()));
}

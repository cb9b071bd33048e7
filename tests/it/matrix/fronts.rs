//! The same server asked directly, through haproxy and through nginx, each with the configuration that
//! stands in docs/load-balancers.md.

mod addresses;
mod handover;
mod megabytes;
mod revocation;

use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use super::gate::Line;
use super::pki::Pki;
use super::{Outside, PATH};
use crate::audit::served::serial;
use crate::harness::programs::{Outcome, Program, program, require};
use crate::harness::server::{SAME_ID, free_port, package};

const GOOD: &str = "by the CA at the top";

/// A CA that has also certified a proxy.
static OWN: LazyLock<Pki> = LazyLock::new(with_proxy);

fn with_proxy() -> Pki {
    let pki = Pki::whole();
    pki.client("proxy", "root", "proxy.example.org");
    pki.client("other-host", "root", "web-02.example.org");
    pki
}

/// The block on the page behind the marker of this name.
fn on_the_page(name: &str) -> String {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/load-balancers.md");
    let page = std::fs::read_to_string(page).unwrap();
    let (_, behind) = page.split_once(&format!("<!-- config: {name} -->\n```")).unwrap();
    let (_, block) = behind.split_once('\n').unwrap();
    block.split_once("```").unwrap().0.to_owned()
}

/// A proxy of the page. Ended, by its own pid, when dropped.
struct Proxy {
    child: Child,
    port: u16,
    log: String,
}

impl Proxy {
    fn start(name: &str, arguments: &[&str], port: u16, log: String) -> Self {
        let errors = std::fs::File::create(&log).unwrap();
        let child = Command::new(require(name))
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(errors.try_clone().unwrap())
            .stderr(errors)
            .spawn()
            .unwrap();
        let mut proxy = Self { child, port, log };
        let begun = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            let ended = proxy.child.try_wait().unwrap();
            assert!(
                ended.is_none() && begun.elapsed() < Duration::from_secs(60),
                "{}",
                proxy.log()
            );
            std::thread::sleep(Duration::from_millis(10));
        }
        proxy
    }

    fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            eprintln!("--- the proxy at {} said\n{}", self.port, self.log());
        }
    }
}

/// A server, and both proxies in front of it.
struct Fronts {
    haproxy: Proxy,
    nginx: Proxy,
    outside: Outside,
    /// Where the server expects haproxy.
    proxied: u16,
}

impl Fronts {
    fn start(pki: &'static Pki, limits: &str) -> Self {
        let mut outside = Outside::stopped("", pki);
        let proxied = free_port();
        let config = outside.server.data().join("repod.toml");
        let text = std::fs::read_to_string(&config).unwrap();
        let mut lines = on_the_page("repod.toml for haproxy");
        for line in on_the_page("repod.toml for nginx").lines() {
            if !lines.contains(line) {
                lines.push_str(&format!("{line}\n"));
            }
        }
        let lines = lines.replace("10.0.0.5:8444", &format!("127.0.0.1:{proxied}"));
        let lines = lines.replace("10.0.0.2", "127.0.0.1");
        let text = text.replace("[listen]\n", &format!("[listen]\n{lines}"));
        std::fs::write(&config, text.replace("[limits]\n", &format!("[limits]\n{limits}\n")))
            .unwrap();
        outside.begin();
        let haproxy = Self::haproxy(&outside, proxied);
        let nginx = Self::nginx(&outside);
        Self { haproxy, nginx, outside, proxied }
    }

    fn haproxy(outside: &Outside, proxied: u16) -> Proxy {
        let port = free_port();
        let text = on_the_page("haproxy")
            .replace("192.0.2.10:8443", &format!("127.0.0.1:{port}"))
            .replace("10.0.0.5:8444", &format!("127.0.0.1:{proxied}"));
        let path = outside.server.at("haproxy.cfg");
        std::fs::write(&path, text).unwrap();
        program("haproxy").args(["-c", "-f", &path]).run().expect_success();
        Proxy::start("haproxy", &["-db", "-f", &path], port, outside.server.at("haproxy.log"))
    }

    fn nginx(outside: &Outside) -> Proxy {
        let (port, server) = (free_port(), &outside.server);
        let folder = server.at("nginx");
        std::fs::create_dir(&folder).unwrap();
        let [certificate, key] = outside.pair("proxy");
        let data = |name: &str| server.data().join(name).display().to_string();
        for (from, to) in [
            (certificate, "proxy.crt"),
            (key, "proxy.key"),
            (data("ca/ca.crt"), "ca.crt"),
            (data("tls/server.crt"), "server.crt"),
            (data("tls/server.key"), "server.key"),
        ] {
            std::fs::copy(from, format!("{folder}/{to}")).unwrap();
        }
        let site = on_the_page("nginx")
            .replace("192.0.2.10:8443", &format!("127.0.0.1:{port}"))
            .replace("10.0.0.5:8443", &format!("127.0.0.1:{}", server.port()))
            .replace("/etc/nginx/repod", &folder);
        std::fs::write(format!("{folder}/repod.conf"), site).unwrap();
        let temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
        let temporary: String =
            temporary.iter().map(|one| format!("{one}_temp_path {folder}/{one};\n")).collect();
        let text = format!(
            "daemon off;\nmaster_process off;\npid {folder}/pid;\nerror_log stderr warn;\n\
             events {{}}\nhttp {{\naccess_log off;\n{temporary}include {folder}/repod.conf;\n}}\n"
        );
        let path = format!("{folder}/nginx.conf");
        std::fs::write(&path, text).unwrap();
        let arguments = ["-e", "stderr", "-p", &folder, "-c", &path];
        Proxy::start("nginx", &arguments, port, server.at("nginx.log"))
    }

    /// Directly, and through each.
    fn ways(&self) -> [(&'static str, u16); 3] {
        let direct = self.outside.server.port();
        [("direct", direct), ("haproxy", self.haproxy.port), ("nginx", self.nginx.port)]
    }

    fn fronts(&self) -> [(&'static str, u16); 2] {
        [("haproxy", self.haproxy.port), ("nginx", self.nginx.port)]
    }

    fn curl(&self, port: u16, who: Option<&str>, path: &str) -> Program {
        let mut curl = program("curl").args(["-sS", "-i", "--http1.1", "--max-time", "60"]);
        curl = curl.args(SAME_ID);
        curl = curl.args(["--cacert", &self.outside.server.at("data/ca/ca.crt")]);
        if let Some(who) = who {
            let [certificate, key] = self.outside.pair(who);
            curl = curl.args(["--cert", &certificate, "--key", &key]);
        }
        curl.arg(format!("https://repo.example.org:{port}/{path}"))
    }

    fn repoctl(&self, port: u16, who: &str, args: &[&str]) -> Outcome {
        let [certificate, key] = self.outside.pair(who);
        let (server, ca) =
            (format!("https://repo.example.org:{port}"), self.outside.server.at("data/ca/ca.crt"));
        program(env!("CARGO_BIN_EXE_repoctl"))
            .args(["--server", &server, "--ca", &ca, "--cert", &certificate, "--key", &key])
            .args(args)
            .run()
    }

    fn line(&self, port: u16, who: Option<&str>, more: &[&str]) -> Line {
        Line::open_at(&self.outside, who, &format!("127.0.0.1:{port}"), more)
    }
}

/// The status line and the body of what curl has printed.
fn essence(outcome: &Outcome) -> (String, String) {
    let text = outcome.stdout.replace("HTTP/1.1 100 Continue\r\n\r\n", "");
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or_else(|| panic!("{outcome}"));
    (head.lines().next().unwrap().to_owned(), body.to_owned())
}

#[test]
fn every_certificate_is_answered_alike_directly_and_through_both() {
    let fronts = Fronts::start(&OWN, "");
    fronts
        .outside
        .boss(&["identity", "grant", "ci.example.org", "--role", "uploader", "--suite", "stable"])
        .expect_success();
    let rows = [
        (None, "403 no client certificate"),
        (Some(GOOD), "200"),
        (Some("by a CA below, sent along"), "200"),
        (Some("by a CA below, not sent along"), "200"),
        (Some("by a CA below that is revoked"), "403 the CA that issued the certificate was"),
        (Some("revoked"), "403 certificate was revoked"),
        (Some("expired"), "403 certificate expired"),
        (Some("not yet valid"), "403 certificate is not valid before"),
        (Some("by another CA"), "403 certificate was issued by another CA"),
        (Some("by another CA of the same name"), "403 certificate was issued by another CA"),
        (Some("self-signed"), "403 certificate was issued by another CA"),
        (Some("for servers only"), "403 certificate is not for clients"),
        (Some("for no stated purpose"), "403 certificate is not for clients"),
        (Some("common name only"), "403 certificate"),
        (Some("wildcard"), "403 certificate"),
        (Some("two names"), "403 certificate"),
        (Some("RSA-2048"), "200"),
        (Some("P-384"), "200"),
        (Some("a CA's own"), "403"),
        (Some("a name without rights here"), "403 stranger.example.org has a valid certificate"),
    ];
    for (who, wanted) in rows {
        for path in [PATH, "dists/foreign/InRelease", "pool/none.deb", "api/v1/whoami"] {
            let answers = fronts.ways().map(|(way, port)| {
                let outcome = fronts.curl(port, who, path).run();
                (way, essence(&outcome))
            });
            let [(_, direct), others @ ..] = &answers;
            for (way, answer) in others {
                assert_eq!(answer, direct, "{who:?} {path} through {way}");
            }
            if path == PATH {
                let told = direct.0.strip_prefix("HTTP/1.1 ").unwrap();
                assert!(told.starts_with(wanted), "{who:?}: {told}");
            }
        }
    }
    // Ranges, conditions and HEAD as well.
    for more in [&["-r", "5-20"][..], &["-I"], &["-H", "If-None-Match: *"]] {
        let answers = fronts
            .ways()
            .map(|(_, port)| essence(&fronts.curl(port, Some(GOOD), PATH).args(more).run()));
        assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
    }
    // What is recorded names the client.
    for (at, (_, port)) in fronts.ways().into_iter().enumerate() {
        let deb = fronts.outside.server.deb(&package("acme-by-ci", &format!("1.{at}")));
        let upload = ["upload", "--suite", "stable", &deb];
        fronts.repoctl(port, "ci", &upload).expect_success();
    }
    let history = fronts.outside.boss(&["history", "--suite", "stable"]).expect_success();
    assert_eq!(history.stdout.matches("ci.example.org").count(), 3, "{history}");
    assert!(!history.says("proxy.example.org"), "{history}");
}

/// What is done and refused through a front is noted with the client's own name and serial.
#[test]
fn the_audit_log_names_the_client_behind_a_proxy() {
    let fronts = Fronts::start(&OWN, "");
    let grant = ["identity", "grant", "ci.example.org", "--role", "uploader", "--suite", "stable"];
    fronts.outside.boss(&grant).expect_success();
    let mut serials = Vec::new();
    // Each refused through one alone: what is the same again is only counted.
    for ((_, port), who) in fronts.fronts().into_iter().zip(["revoked", "expired"]) {
        assert!(fronts.curl(port, Some(who), PATH).run().says("403 "), "{who}");
        serials.push((who, serial(Path::new(&fronts.outside.pair(who)[0]))));
    }
    let ci = serial(Path::new(&fronts.outside.pair("ci")[0]));
    for (at, (_, port)) in fronts.ways().into_iter().enumerate() {
        let deb = fronts.outside.server.deb(&package("acme-by-ci", &format!("1.{at}")));
        fronts.repoctl(port, "ci", &["upload", "--suite", "stable", &deb]).expect_success();
    }
    let log = fronts.outside.boss(&["audit", "--all", "--json"]).expect_success();
    let lines: Vec<serde_json::Value> =
        log.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let of = |serial: &str, verb: &str| -> Vec<_> {
        lines.iter().filter(|one| one["serial"] == serial && one["verb"] == verb).collect()
    };
    for (who, serial) in &serials {
        let found = of(serial, "read");
        assert_eq!(found.len(), 1, "{who} {serial}: {log}");
        assert!(found[0]["outcome"] != "done" && found[0]["identity"] != "", "{found:?}");
    }
    let added = of(&ci, "add");
    assert_eq!(added.len(), 3, "{log}");
    assert!(added.iter().all(|one| one["identity"] == "ci.example.org"), "{added:?}");
    assert!(!log.says("proxy.example.org"), "{log}");
}

/// Bytes that no compression makes fewer.
fn noise(bytes: usize) -> Vec<u8> {
    use rand::RngCore as _;
    let mut noise = vec![0; bytes];
    rand::thread_rng().fill_bytes(&mut noise);
    noise
}

//! The same server asked directly, through haproxy and through nginx, each with the configuration that
//! stands in docs/load-balancers.md.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::gate::{Line, replace, until};
use super::pki::{HOST, Pki, file};
use super::{Outside, PATH};
use crate::audit::served::serial;
use crate::harness::apt::{AptRoot, HostFile};
use crate::harness::deb::{Compression, DebBuilder};
use crate::harness::programs::{Outcome, Program, program, require};
use crate::harness::server::{free_port, package};

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

/// A certificate as nginx writes it into a header.
fn escaped(pki: &Pki, who: &str) -> String {
    let pem = std::fs::read_to_string(pki.pair(who).0).unwrap();
    let first = format!("{}-----END CERTIFICATE-----\n", pem.split("-----END").next().unwrap());
    let first = &first[first.find("-----BEGIN").unwrap()..];
    first.bytes().map(|byte| format!("%{byte:02X}")).collect()
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

#[test]
fn nobody_hands_over_a_certificate_but_a_named_proxy() {
    let fronts = Fronts::start(&OWN, "");
    let [(_, direct), _, (_, nginx)] = fronts.ways();
    let boss = format!("X-Client-Cert: {}", escaped(&OWN, "boss"));
    let host = format!("X-Client-Cert: {}", escaped(&OWN, GOOD));
    let whoami = |port: u16, who: Option<&str>, headers: &[&str]| {
        let headers = headers.iter().flat_map(|header| ["-H", header]);
        essence(&fronts.curl(port, who, "api/v1/whoami").args(headers).run())
    };
    // Whoever it is, and whatever is in it.
    for who in [None, Some(GOOD), Some("boss"), Some("revoked"), Some("by another CA")] {
        for header in [boss.as_str(), "X-Client-Cert: x", "X-Client-Cert;", "x-client-cert: %41"] {
            let (status, body) = whoami(direct, who, &[header]);
            assert!(status.starts_with("HTTP/1.1 400 X-Client-Cert is taken from"), "{status}");
            assert!(body.contains("invalid-request"), "{body}");
        }
        // Other headers are nothing that is read.
        let plain = whoami(direct, who, &[]);
        let others =
            ["X-Forwarded-For: 10.9.9.9", "X-SSL-Client-Cert: x", "Forwarded: for=10.9.9.9"];
        assert_eq!(whoami(direct, who, &others), plain);
    }
    // Through nginx a client's own header is replaced by what it has proved.
    for who in [None, Some(GOOD), Some("revoked")] {
        let plain = whoami(nginx, who, &[]);
        for headers in [&[boss.as_str()][..], &[&boss, &host], &["X-Client-Cert: x"]] {
            assert_eq!(whoami(nginx, who, headers), plain, "{who:?}");
        }
    }
    let named = |status: &(String, String), name: &str| {
        status.0 == "HTTP/1.1 200 OK" && status.1.contains(name)
    };
    assert!(named(&whoami(nginx, Some(GOOD), &[]), HOST));

    // The proxy itself: it is whom it names, and nobody without a name, whatever it was granted.
    fronts
        .outside
        .boss(&["identity", "grant", "proxy.example.org", "--role", "admin", "--all-suites"])
        .expect_success();
    let nobody = whoami(direct, None, &[]);
    assert!(nobody.0.starts_with("HTTP/1.1 403 no client certificate"));
    for headers in [&[][..], &["X-Client-Cert;"], &["X-Forwarded-For: 10.9.9.9"]] {
        assert_eq!(whoami(direct, Some("proxy"), headers), nobody, "{headers:?}");
    }
    assert!(named(&whoami(direct, Some("proxy"), &[&host]), HOST));
    for (headers, told) in [
        (&[host.as_str(), &boss][..], "400 X-Client-Cert is there more than once"),
        (&[host.as_str(), "X-Client-Cert;"], "400 X-Client-Cert is there more than once"),
        (&["X-Client-Cert: x"], "400 X-Client-Cert is not one certificate"),
        (&[host.as_str(), "X-Forwarded-For: unknown"], "400 X-Forwarded-For does not end"),
    ] {
        let (status, _) = whoami(direct, Some("proxy"), headers);
        assert!(status.contains(told), "{headers:?}: {status}");
    }
    // Of a chain, its first certificate would do; a chain is not one certificate.
    let two = format!("{}{}", boss, escaped(&OWN, GOOD));
    let (status, _) = whoami(direct, Some("proxy"), &[&two]);
    assert!(status.contains("400 X-Client-Cert is not one certificate"), "{status}");
    assert!(fronts.outside.server.log().contains("was handed over by no named proxy"));
    told_of_handovers(&fronts);
}

/// Everybody who tried has a line, by the name that a CA vouches for, and none has more than one a minute.
fn told_of_handovers(fronts: &Fronts) {
    let lines = fronts.outside.boss(&["audit", "--verb", "handover", "--all", "--json"]);
    let lines: Vec<serde_json::Value> =
        lines.expect_success().stdout.lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    let of = |who: &str| lines.iter().filter(|line| line["identity"] == who).collect::<Vec<_>>();
    // Without a certificate, and with another CA's, it is nobody.
    for who in ["", "boss.example.org", "proxy.example.org"] {
        assert!((1..=2).contains(&of(who).len()), "{who}: {lines:?}");
    }
    // The host has a certificate that is good and one that is revoked.
    let serials: std::collections::BTreeSet<_> =
        of(HOST).iter().map(|line| line["serial"].to_string()).collect();
    assert_eq!(serials.len(), 2, "{lines:?}");
    for line in &lines {
        assert_eq!(line["outcome"], "invalid-request");
        let detail = line["detail"].as_str().unwrap();
        let told = match line["identity"].as_str() {
            Some("proxy.example.org") => "X-Client-Cert is there more than once",
            _ => "X-Client-Cert is taken from proxies alone",
        };
        assert!(detail.starts_with("GET /api/v1/whoami: ") && detail.contains(told), "{line}");
    }
}

#[test]
fn revocation_reaches_an_open_connection_through_both() {
    static REVOKING: LazyLock<Pki> = LazyLock::new(with_proxy);
    let fronts = Fronts::start(&REVOKING, "");
    let outside = &fronts.outside;
    outside.boss(&["host", "grant", "web-02.example.org", "--suite", "stable"]).expect_success();
    let big = DebBuilder::new("acme-big", "1.0", "amd64")
        .data_compression(Compression::None)
        .file("usr/share/acme-big/noise", &noise(32 << 20));
    let big = outside.server.deb(&big);
    for (way, port) in fronts.fronts() {
        let name = format!("acme-by-{way}");
        let deb = outside.server.deb(&package(&name, "1.0"));
        fronts.repoctl(port, "boss", &["upload", "--suite", "stable", &deb]).expect_success();
    }
    outside.boss(&["upload", "--suite", "stable", &big]).expect_success();
    let pool = pool_path(&fronts, "acme-big");
    let mut lines = fronts.fronts().map(|(_, port)| fronts.line(port, Some(GOOD), &[]));
    let mut others = fronts.fronts().map(|(_, port)| fronts.line(port, Some("other-host"), &[]));
    for line in lines.iter_mut().chain(&mut others) {
        assert!(line.ask(PATH).starts_with("200"));
        assert!(line.ask(PATH).starts_with("200"), "a connection that is kept");
    }
    // Bodies that are under way, slowly.
    let bodies = fronts.fronts().map(|(way, port)| {
        let to = outside.server.at(&format!("{way}.deb"));
        let curl = fronts.curl(port, Some(GOOD), &pool).args(["--limit-rate", "2M", "-o", &to]);
        let running = std::thread::spawn(move || curl.run());
        until("the body", || std::fs::metadata(&to).is_ok_and(|file| file.len() > 1 << 20));
        running
    });
    REVOKING.revoke("root", &file(GOOD));
    REVOKING.list("root", "root-2", "");
    replace(outside, "root.crl", REVOKING.read("root-2.crl"));
    outside.server.signal("HUP");
    for (line, (way, _)) in lines.iter_mut().zip(fronts.fronts()) {
        until("the refusal", || line.ask(PATH).starts_with("403"));
        let told = line.ask(PATH);
        assert!(told.starts_with("403 certificate was revoked TIME"), "{way}: {told}");
    }
    for line in &mut others {
        assert!(line.ask(PATH).starts_with("200"), "others go on, on their own connections");
    }
    for body in bodies {
        let outcome = body.join().unwrap();
        assert!(!outcome.succeeded(), "the body came whole: {outcome}");
    }

    // The gate closes through both, and is mended through both.
    for (at, (way, port)) in fronts.fronts().into_iter().enumerate() {
        REVOKING.list("root", &format!("short-{way}"), "-crlsec 2");
        replace(outside, "root.crl", REVOKING.read(&format!("short-{way}.crl")));
        outside.server.signal("HUP");
        until("the gate to close", || {
            others
                .iter_mut()
                .all(|line| line.ask(PATH).starts_with("403 revocation list is out of"))
        });
        let fresh = format!("fresh-{at}");
        REVOKING.list("root", &fresh, "");
        let path = REVOKING.path(&format!("{fresh}.crl")).display().to_string();
        fronts.repoctl(port, GOOD, &["crl", "put", &path]).expect_code(3);
        fronts.repoctl(port, "boss", &["crl", "put", &path]).expect_success();
        for line in &mut others {
            assert!(line.ask(PATH).starts_with("200"), "{way}");
        }
    }

    // A proxy that is revoked hands over nothing any more, on connections that it has open.
    REVOKING.revoke("root", "proxy");
    REVOKING.list("root", "root-3", "");
    replace(outside, "root.crl", REVOKING.read("root-3.crl"));
    outside.server.signal("HUP");
    let [through_haproxy, through_nginx] = &mut others;
    until("the refusal", || {
        through_nginx.ask(PATH).starts_with("400 X-Client-Cert is taken from proxies alone")
    });
    assert!(through_haproxy.ask(PATH).starts_with("200"));
    assert!(outside.server.log().contains("certificate was revoked"));
}

/// Bytes that no compression makes fewer.
fn noise(bytes: usize) -> Vec<u8> {
    use rand::RngCore as _;
    let mut noise = vec![0; bytes];
    rand::thread_rng().fill_bytes(&mut noise);
    noise
}

/// Where the pool has a package.
fn pool_path(fronts: &Fronts, name: &str) -> String {
    let path = "dists/stable/main/binary-amd64/Packages";
    let packages = fronts.outside.curl(Some(GOOD), path).run().expect_success().stdout;
    let field = packages.lines().filter_map(|line| line.strip_prefix("Filename: "));
    let found = field.into_iter().find(|path| path.contains(name));
    found.unwrap_or_else(|| panic!("{packages}")).trim().to_owned()
}

#[test]
fn apt_and_uploads_of_megabytes_go_through_both() {
    let fronts = Fronts::start(&OWN, "");
    let outside = &fronts.outside;
    let out = outside.server.at("host");
    outside.boss(&["host", "setup", HOST, "--out", &out]).expect_success();
    for (way, port) in fronts.fronts() {
        let name = format!("acme-{way}");
        let large = DebBuilder::new(&name, "1.0", "amd64")
            .data_compression(Compression::None)
            .file(&format!("usr/share/{name}/noise"), &noise(9 << 20));
        let small: Vec<_> = (0..5)
            .map(|at| outside.server.deb(&package(&format!("{name}-small-{at}"), "1.0")))
            .collect();
        let large = outside.server.deb(&large);
        let mut upload = vec!["upload", "--suite", "stable", &large];
        upload.extend(small.iter().map(String::as_str));
        fronts.repoctl(port, "boss", &upload).expect_success().expect_says("published");
        // The same with curl, which waits to be asked for the body.
        let deb = outside.server.deb(
            &DebBuilder::new(&format!("{name}-curl"), "1.0", "amd64")
                .data_compression(Compression::None)
                .file(&format!("usr/share/{name}-curl/noise"), &noise(3 << 20)),
        );
        let to = format!("api/v1/suites/stable/main/{name}-curl_1.0_amd64.deb");
        let put = fronts.curl(port, Some("boss"), &to).args(["-T", &deb]).run().expect_success();
        assert_eq!(essence(&put).0, "HTTP/1.1 200 OK", "{put}");
        let denied = fronts.curl(port, Some(GOOD), &to).args(["-T", &deb]).run();
        assert!(essence(&denied).0.contains("403 "), "{denied}");

        let root = AptRoot::new();
        let script = std::fs::read_to_string(format!("{out}/install.sh")).unwrap();
        let here = format!("repo.example.org:{}", outside.server.port());
        let files = script.lines().filter(|line| line.starts_with("put ")).map(|line| {
            let words: Vec<_> = line.split_whitespace().collect();
            let content = std::fs::read_to_string(Path::new(&out).join(words[3])).unwrap();
            let content = content.replace(&here, &format!("repo.example.org:{port}"));
            HostFile::new(words[4], u32::from_str_radix(words[2], 8).unwrap(), content)
        });
        root.place(&files.collect::<Vec<_>>());
        for (file, from) in ["client.crt", "client.key"].iter().zip(outside.pair(GOOD)) {
            let path = format!("/etc/apt/repod/repo.example.org/{file}");
            root.place(&[HostFile::new(&path, 0o600, std::fs::read(from).unwrap())]);
        }
        let updated = root.update().expect_success();
        assert!(updated.says(&format!("repo.example.org:{port}")), "{updated}");
        root.install(&[&name, &format!("{name}-small-3")]).expect_success();
        assert_eq!(root.installed(&name).as_deref(), Some("1.0"));
        assert!(root.path(&format!("usr/share/{name}/noise")).exists());
    }
}

#[test]
fn what_is_counted_by_address_is_counted_for_the_client() {
    let fronts = Fronts::start(&OWN, "connections_per_address = 2");
    let (haproxy, nginx) = (fronts.haproxy.port, fronts.nginx.port);
    // Two of one address, and no third; another address has its own two.
    let mut held: Vec<_> =
        (0..2).map(|_| fronts.line(haproxy, Some(GOOD), &["-bind", "127.0.0.7:0"])).collect();
    for line in &mut held {
        assert!(line.ask(PATH).starts_with("200"));
    }
    let from = |port: u16, address: &str, who: Option<&str>| {
        fronts.curl(port, who, PATH).args(["--interface", address]).run()
    };
    assert!(!from(haproxy, "127.0.0.7", Some(GOOD)).succeeded());
    assert!(from(haproxy, "127.0.0.8", Some(GOOD)).succeeded());
    assert!(fronts.outside.metric("repod_connections_refused_address_total") >= 1.0);
    drop(held);
    until("its places", || from(haproxy, "127.0.0.7", Some(GOOD)).succeeded());
    // Nginx comes from one address, for many.
    let mut lines: Vec<_> = (0..5).map(|_| fronts.line(nginx, Some(GOOD), &[])).collect();
    for line in &mut lines {
        assert!(line.ask(PATH).starts_with("200"));
    }

    // In the log it is the client.
    let plain = format!("http://127.0.0.1:{haproxy}/");
    let plain = program("curl").args(["-sS", "-i", "--interface", "127.0.0.7", &plain]).run();
    assert!(plain.says("400 this port speaks https"), "{plain}");
    until("the log line", || {
        let log = fronts.outside.server.log();
        log.lines().any(|line| line.contains("handshake failed") && line.contains("127.0.0.7:"))
    });

    // Who is refused again and again is told to wait, and nobody else behind the same proxy.
    for port in [haproxy, nginx] {
        let line = || fronts.line(port, None, &["-bind", "127.0.0.9:0"]);
        let mut first = line();
        let hears = |line: &mut Line| line.ask(PATH).starts_with("403 no client certificate");
        let asked = (1..20_000).find(|_| !hears(&mut first));
        // The second front finds an address that has heard enough already.
        assert!(asked.is_some_and(|asked| (port == nginx) == (asked < 600)), "{asked:?}");
        // It earns a word again every 50 ms, so another of its address uses them up meanwhile, however long curl
        // takes to ask: two of one address, and no third.
        drop(first);
        let told = AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                while !told.load(Ordering::Relaxed) {
                    let mut line = line();
                    let goes_on = |_: &usize| !told.load(Ordering::Relaxed);
                    for _ in (0..300).take_while(goes_on) {
                        hears(&mut line);
                        std::thread::sleep(Duration::from_millis(5));
                    }
                }
            });
            let hears = || from(port, "127.0.0.9", None).says("429 too many refused requests");
            let heard = (0..200).any(|_| hears());
            told.store(true, Ordering::Relaxed);
            assert!(heard, "it was never told to wait");
        });
        assert!(from(port, "127.0.0.8", None).says("403 no client certificate"));
        assert!(from(port, "127.0.0.9", Some(GOOD)).says("200 OK"));
    }
}

#[test]
fn a_proxy_header_counts_where_it_is_expected_and_from_proxies_alone() {
    let fronts = Fronts::start(&OWN, "");
    let header =
        b"\r\n\r\n\0\r\nQUIT\n\x21\x11\x00\x0c\xc0\x00\x02\x07\x0a\x00\x00\x01\xd4\x31\x20\xfb";
    let sent = |port: u16, bytes: &[u8]| {
        let mut tcp = TcpStream::connect(("127.0.0.1", port)).unwrap();
        tcp.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        tcp.write_all(bytes).unwrap();
        let mut answer = Vec::new();
        let read = tcp.read_to_end(&mut answer);
        let closed = match read {
            Ok(_) => true,
            Err(error) => error.kind() == std::io::ErrorKind::ConnectionReset,
        };
        assert!(closed, "it was not closed");
        answer
    };
    let refused = || fronts.outside.metric("repod_connections_refused_proxy_total");
    // To an ordinary listener: noise, of which nothing is read.
    let failed = fronts.outside.metric("repod_connections_handshake_failed_total");
    assert_eq!(sent(fronts.outside.server.port(), header), b"");
    until("the count", || {
        fronts.outside.metric("repod_connections_handshake_failed_total") > failed
    });
    assert!(!fronts.outside.server.log().contains("192.0.2.7"));
    assert!(refused() < 0.5);

    // Where a proxy is expected: no header, the old text form, one that is cut, a plain request.
    for (at, bytes) in [
        &b"\x16\x03\x01\x00\x05hello"[..],
        b"PROXY TCP4 192.0.2.7 10.0.0.1 1 2\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        b"\r\n\r\n\0\r\nQUIT\n\x21\x11\x10\x00",
    ]
    .into_iter()
    .enumerate()
    {
        assert_eq!(sent(fronts.proxied, bytes), b"", "{at}");
        until("the count", || refused() > at as f64);
    }
    let through = fronts.curl(fronts.proxied, Some(GOOD), PATH).run();
    assert!(!through.succeeded(), "{through}");
    // From another address, whatever it says.
    let before = refused();
    let other = ["--interface", "127.0.0.9"];
    let curl = fronts.curl(fronts.proxied, Some(GOOD), PATH).args(other).run();
    assert!(!curl.succeeded(), "{curl}");
    until("the count", || refused() > before);
    assert!(fronts.outside.server.log().contains("it is none of listen.proxies"));
    // A good one: the plain answer of whom the header names.
    let told = sent(fronts.proxied, &[&header[..], b"GET / HTTP/1.1\r\n\r\n"].concat());
    assert!(told.starts_with(b"HTTP/1.1 400 this port speaks https"));
    until("the log line", || fronts.outside.server.log().contains("192.0.2.7:54321"));
    // Checks of haproxy's own have not been counted as anything bad.
    assert!(!fronts.outside.server.log().contains("came too late"));
}

#[test]
fn proxies_that_cannot_be_meant_are_refused_at_the_start() {
    let outside = Outside::stopped("", &OWN);
    let config = outside.server.data().join("repod.toml");
    let text = std::fs::read_to_string(&config).unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    for (lines, told) in [
        (format!("proxy_protocol = [\"{taken}\"]"), "listen.proxies is empty"),
        ("proxies = [\"0.0.0.0/0\"]".to_owned(), "listen.proxies has \"0.0.0.0/0\""),
        ("proxies = [\"balancer\"]".to_owned(), "listen.proxies has \"balancer\""),
        ("handover = [\"*.example.org\"]".to_owned(), "listen.handover has \"*.example.org\""),
        ("handovers = []".to_owned(), "did you mean `handover`?"),
    ] {
        std::fs::write(&config, text.replace("[listen]\n", &format!("[listen]\n{lines}\n")))
            .unwrap();
        let path = config.display().to_string();
        outside.server.repod(&["serve", "--config", &path]).run().expect_code(1).expect_says(told);
    }
}

//! The table of routes against a real server: for each row, who may not, what is too long, which methods
//! there are, and what the audit log says of it.

use std::collections::{BTreeMap, BTreeSet};

use rcgen::{CertificateParams, Issuer, KeyPair};
use repod::api::BASE;
use repod::domain::Role;
use repod::http::route::{Limit, Needs, Route};
use repod::http::table;

use crate::audit::served::{log, serial};
use crate::harness::programs::program;
use crate::harness::server::TestServer;

/// What is asked, and whose certificate is shown.
struct Request<'r> {
    method: &'r str,
    path: String,
    certificate: Option<String>,
    /// A file that is sent.
    body: Option<String>,
}

/// Status, `Allow`, and the code of the problem.
#[derive(Debug, PartialEq, Eq)]
struct Answer {
    status: u16,
    allow: String,
    code: String,
}

fn ask(server: &TestServer, request: &Request<'_>) -> Answer {
    let mut curl = program("curl")
        .args(["-sS", "--http1.1", "--max-time", "60", "--cacert", &server.at("data/ca/ca.crt")])
        .args(["-w", "\n%{http_code} %header{allow}", "-X", request.method])
        .arg(format!("{}{}", server.url(), request.path));
    if let Some(own) = &request.certificate {
        curl = curl.args(["--cert", &format!("{own}.crt"), "--key", &format!("{own}.key")]);
    }
    if let Some(body) = &request.body {
        curl = curl.args(["-H", "Content-Type: application/json", "-H", "Expect: 100-continue"]);
        curl = curl.args(["--data-binary", &format!("@{body}")]);
    }
    let text = curl.run().expect_success().stdout;
    let (body, last) = text.rsplit_once('\n').unwrap();
    let (status, allow) = last.split_once(' ').unwrap();
    let problem: serde_json::Value = serde_json::from_str(body).unwrap_or_default();
    Answer {
        status: status.parse().unwrap(),
        allow: allow.to_owned(),
        code: problem["code"].as_str().unwrap_or_default().to_owned(),
    }
}

/// Certificates of the server's CA, each with a serial of its own: of one certificate, the log tells the
/// first refusal of each kind.
pub struct Certificates<'s> {
    server: &'s TestServer,
    issuer: Issuer<'static, KeyPair>,
    made: usize,
}

impl<'s> Certificates<'s> {
    pub fn of(server: &'s TestServer) -> Self {
        let ca = |name: &str| std::fs::read_to_string(server.data().join("ca").join(name)).unwrap();
        let key = KeyPair::from_pem(&ca("ca.key")).unwrap();
        let issuer = Issuer::from_ca_cert_pem(&ca("ca.crt"), key).unwrap();
        Self { server, issuer, made: 0 }
    }

    /// The path of a new pair, without its ends.
    pub fn make(&mut self, name: &str) -> String {
        self.made += 1;
        let place = self.server.at(&format!("made-{}", self.made));
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        params.use_authority_key_identifier_extension = true;
        params.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::ClientAuth];
        let now = repod::time::Clock::now(&repod::time::SystemClock).0;
        let time = |at: i64| x509_parser::time::ASN1Time::from_timestamp(at).unwrap().to_datetime();
        (params.not_before, params.not_after) = (time(now - 3_600), time(now + 86_400));
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        std::fs::write(format!("{place}.crt"), certificate.pem()).unwrap();
        std::fs::write(format!("{place}.key"), key.serialize_pem()).unwrap();
        place
    }
}

/// Who has all roles below this one, and not this one.
fn lacks(role: Role) -> &'static str {
    match role {
        Role::Host => "nobody.example.org",
        Role::Uploader => "host.example.org",
        Role::Operator => "uploader.example.org",
        Role::Admin => "operator.example.org",
    }
}

/// A server that knows one of each role but the highest.
fn peopled() -> TestServer {
    let server = TestServer::start();
    server.repoctl(&["host", "grant", lacks(Role::Uploader), "--suite", "stable"]).expect_success();
    for role in ["uploader", "operator"] {
        let name = format!("{role}.example.org");
        let grant = ["identity", "grant", &name, "--role", role, "--suite", "stable", "--yes"];
        server.repoctl(&grant).expect_success();
    }
    server
}

/// A path that comes to the row.
fn path_of(route: &Route) -> String {
    let mut path = route.path.to_owned();
    for (part, value) in [
        ("{suite}", "stable"),
        ("{component}", "main"),
        ("{file}", "x.deb"),
        ("{name}", "web-01.example.org"),
        ("{digest}", "00"),
        ("{fingerprint}", "00"),
        ("{id}", "1"),
        ("{*file}", "Release"),
    ] {
        path = path.replace(part, value);
    }
    assert!(!path.contains('{'), "{path}");
    path
}

/// A file that is longer than the row takes, and no memory of anybody's.
fn too_long(server: &TestServer, route: &Route) -> Option<String> {
    let Limit::Bytes(most) = route.limit else { return None };
    let path = server.at(&format!("{most}-and-one"));
    let file = std::fs::File::create(&path).unwrap();
    file.set_len(most as u64 + 1).unwrap();
    Some(path)
}

/// Every row that is served to clients, with its path.
fn rows() -> Vec<(&'static Route, String)> {
    let api = table::api().map(|route| (route, format!("{BASE}{}", path_of(route))));
    let rows: Vec<_> =
        api.chain(table::FILES.iter().map(|route| (route, path_of(route)))).collect();
    assert!(rows.len() > 45, "{}", rows.len());
    rows
}

#[test]
fn who_lacks_the_right_of_a_route_is_refused_before_its_body_and_the_log_has_the_verb_of_the_row() {
    let server = peopled();
    let mut certificates = Certificates::of(&server);
    let mut expected = BTreeMap::new();
    for (route, path) in rows() {
        let Some(role) = route.needs.role() else { continue };
        let own = certificates.make(lacks(role));
        let serial = serial(format!("{own}.crt").as_ref());
        let body = too_long(&server, route);
        let request = Request { method: route.method, path, certificate: Some(own), body };
        let answer = ask(&server, &request);
        let told = format!("{} {}", route.method, request.path);
        assert_eq!((answer.status, answer.code.as_str()), (403, "denied"), "{told}");
        expected.insert(serial, (route, told));
    }
    // openssl leaves the first zero out.
    let serial_of = |entry: &serde_json::Value| {
        entry["serial"].as_str().unwrap().trim_start_matches('0').to_owned()
    };
    let mut entries = log(&server, &["--refused"]);
    entries.retain(|entry| expected.contains_key(&serial_of(entry)));
    let told: BTreeSet<_> = entries.iter().map(serial_of).collect();
    let silent = expected.iter().filter(|(serial, _)| !told.contains(*serial));
    let silent: Vec<_> = silent.map(|(serial, (_, told))| (serial, told)).collect();
    assert!(silent.is_empty(), "without a line: {silent:?}");
    assert_eq!(entries.len(), expected.len(), "each has one line");
    for entry in entries {
        let (route, told) = &expected[&serial_of(&entry)];
        assert_eq!((&entry["verb"], &entry["outcome"]), (&route.verb.into(), &"denied".into()));
        assert_eq!(entry["identity"], lacks(route.needs.role().unwrap()), "{told}");
        let suite = if route.path.contains("{suite}") { "stable" } else { "" };
        assert_eq!(entry["suite"], suite, "{told}");
        let detail = entry["detail"].as_str().unwrap();
        assert!(detail.starts_with(&format!("{told}: ")), "{told}: {detail}");
    }
}

#[test]
fn who_shows_no_certificate_is_refused_at_every_route_but_two() {
    let server = TestServer::start();
    let mut verbs = BTreeSet::new();
    for (route, path) in rows() {
        let told = format!("{} {path}", route.method);
        let body = too_long(&server, route);
        let request = Request { method: route.method, path, certificate: None, body };
        let answer = ask(&server, &request);
        if route.needs == Needs::Nothing {
            let expected = if route.reads() { (200, "") } else { (413, "too-large") };
            assert_eq!((answer.status, answer.code.as_str()), expected, "{told}");
            continue;
        }
        assert_eq!((answer.status, answer.code.as_str()), (403, "certificate-missing"), "{told}");
        verbs.insert(route.verb);
    }
    // Of who is not known the log tells the first refusal of each verb.
    let entries = log(&server, &["--refused"]);
    let missing = entries.iter().filter(|entry| entry["outcome"] == "certificate-missing");
    let told: BTreeSet<_> = missing
        .map(|entry| {
            assert_eq!((&entry["identity"], &entry["serial"]), (&"".into(), &"".into()));
            entry["verb"].as_str().unwrap()
        })
        .collect();
    assert_eq!(told, verbs);
}

#[test]
fn a_body_over_the_limit_of_its_route_is_refused_to_who_has_the_right() {
    let server = TestServer::start();
    let own = Some(server.at("data/operator/client"));
    // A host alone speaks of what it has installed.
    drop(server.host("web-01.example.org"));
    let host = Some(server.at("hosts/web-01.example.org/etc/apt/repod/repo.example.org/client"));
    let mut limits = BTreeSet::new();
    for (route, path) in rows() {
        let Some(body) = too_long(&server, route) else { continue };
        let told = format!("{} {path}", route.method);
        let certificate = if route.name == "report" { host.clone() } else { own.clone() };
        let request = Request { method: route.method, path, certificate, body: Some(body) };
        let answer = ask(&server, &request);
        assert_eq!((answer.status, answer.code.as_str()), (413, "too-large"), "{told}");
        limits.insert(format!("{:?}", route.limit));
    }
    assert_eq!(limits.len(), 8, "{limits:?}");
}

#[test]
fn a_path_has_the_methods_of_its_rows_and_no_others() {
    let server = TestServer::start();
    let own = Some(server.at("data/operator/client"));
    let mut paths: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
    for (route, path) in rows() {
        let methods = paths.entry(path).or_default();
        methods.insert(route.method);
        methods.extend(route.reads().then_some("HEAD"));
    }
    for (path, methods) in &paths {
        let all = ["GET", "POST", "PUT", "PATCH", "DELETE", "BREW"];
        let other = all.into_iter().find(|method| !methods.contains(method)).unwrap();
        for method in [other, "BREW"] {
            let path = path.clone();
            let request = Request { method, path, certificate: own.clone(), body: None };
            let answer = ask(&server, &request);
            let told = format!("{method} {}", request.path);
            assert_eq!((answer.status, answer.code.as_str()), (405, "method-refused"), "{told}");
            let allowed: BTreeSet<_> = answer.allow.split(',').map(str::trim).collect();
            assert_eq!(&allowed, methods, "{told}");
        }
    }
    for path in ["/api/v1/nothing", "/api/v1/suites/stable/main", "/api/v2/whoami", "/", "/dists"] {
        let path = path.to_owned();
        let request = Request { method: "GET", path, certificate: own.clone(), body: None };
        let answer = ask(&server, &request);
        assert_eq!((answer.status, answer.code.as_str()), (404, "missing"), "{}", request.path);
    }
}

#[test]
fn the_machine_itself_is_answered_by_the_rows_of_its_listener() {
    let server = TestServer::start();
    let config = std::fs::read_to_string(server.data().join("repod.toml")).unwrap();
    let line = config.lines().find(|line| line.starts_with("local = ")).unwrap();
    let place = line.split('"').nth(1).unwrap();
    let status = |method: &str, path: &str| {
        let curl = program("curl").args(["-sS", "-o", "/dev/null", "-X", method]);
        let curl = curl.args(["-w", "%{http_code} %header{allow}"]);
        curl.arg(format!("http://{place}{path}")).run().expect_success().stdout
    };
    for route in table::LOCAL {
        assert_eq!(status("GET", route.path), "200 ", "{}", route.path);
        assert_eq!(status("POST", route.path), "405 GET,HEAD", "{}", route.path);
    }
    assert_eq!(status("GET", "/api/v1/whoami"), "404 ");
}

//! Certificates × revocation lists at the gate: the tables in docs/certificates.md, line by line, with
//! certificates made by openssl, asked for with curl and with the real apt-get.

mod begun;
mod fronts;
mod full;
pub mod gate;
mod lists;
pub mod pki;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::harness::apt::{AptRoot, HostFile};
use crate::harness::programs::{Outcome, Program, program};
use crate::harness::server::TestServer;
use pki::{ADMIN, HOST, Pki, pki, place};

/// What a host asks for.
const PATH: &str = "dists/stable/InRelease";

/// A line of a table: what is answered, and with what apt-get ends, where that is tried.
#[derive(Debug)]
struct Row {
    name: String,
    answer: String,
    apt: Option<i32>,
}

/// The lines of the table on the page behind the marker of this name.
fn table(name: &str) -> Vec<Row> {
    let page =
        std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/certificates.md"));
    let page = page.unwrap();
    let (_, behind) =
        page.split_once(&format!("<!-- matrix: {name} -->")).expect("the page has the table");
    let lines = behind.trim_start().lines().take_while(|line| line.starts_with('|')).skip(2);
    let rows: Vec<_> = lines
        .map(|line| {
            let cells: Vec<_> = line.trim_matches('|').split('|').map(str::trim).collect();
            let [name, answer, apt] = cells[..] else { panic!("three columns: {line}") };
            let apt = (!apt.is_empty()).then(|| apt.parse().unwrap());
            Row { name: name.to_owned(), answer: answer.trim_matches('`').to_owned(), apt }
        })
        .collect();
    let names: BTreeSet<_> = rows.iter().map(|row| &row.name).collect();
    assert_eq!(names.len(), rows.len(), "a line is there twice");
    rows
}

/// A server whose clients have their certificates from the CAs of `pki`.
pub struct Outside {
    pub server: TestServer,
    pki: &'static Pki,
}

impl Outside {
    /// With good lists of every CA, a suite, a package and a host that may read.
    fn start(more: &str) -> Self {
        Self::start_with(more, pki())
    }

    pub fn start_with(more: &str, pki: &'static Pki) -> Self {
        let mut outside = Self::stopped(more, pki);
        outside.begin();
        outside
    }

    /// Starts the server, with a suite, a package and a host that may read.
    fn begin(&mut self) {
        self.server.serve();
        self.boss(&["suite", "create", "stable", "--architecture", "amd64"]).expect_success();
        let deb = self.server.deb(&crate::harness::server::package("acme-web", "1.0"));
        self.boss(&["upload", "--suite", "stable", &deb]).expect_success();
        self.boss(&["host", "grant", HOST, "--suite", "stable"]).expect_success();
    }

    fn stopped(more: &str, pki: &'static Pki) -> Self {
        let server = TestServer::init();
        let outside = Self { server, pki };
        for (folder, names) in [
            ("anchors", &["root.crt"][..]),
            ("between", &["issuing.crt", "lost.crt"]),
            ("crls", &["root.crl", "issuing.crl", "lost.crl"]),
        ] {
            place(pki, names, Path::new(&outside.server.at(folder)));
        }
        let config = outside.server.data().join("repod.toml");
        let text = std::fs::read_to_string(&config).unwrap();
        let trust = format!(
            "[trust]\nanchors = [\"../anchors\"]\nintermediates = [\"../between\"]\n\
             crls = [\"../crls\"]\n{more}\n"
        );
        std::fs::write(&config, text.replace("[trust]\n", &trust)).unwrap();
        let config = config.display().to_string();
        outside.server.repod(&["admin", ADMIN, "--config", &config]).run().expect_success();
        outside
    }

    fn pair(&self, who: &str) -> [String; 2] {
        let (certificate, key) = self.pki.pair(who);
        [certificate, key].map(|path| path.display().to_string())
    }

    /// `repoctl` as whoever holds this certificate.
    fn repoctl(&self, who: &str, args: &[&str]) -> Outcome {
        let [certificate, key] = self.pair(who);
        let ca = self.server.at("data/operator/ca.crt");
        program(env!("CARGO_BIN_EXE_repoctl"))
            .args([
                "--server",
                &self.server.url(),
                "--ca",
                &ca,
                "--cert",
                &certificate,
                "--key",
                &key,
            ])
            .args(args)
            .run()
    }

    fn boss(&self, args: &[&str]) -> Outcome {
        self.repoctl("boss", args)
    }

    /// curl with this certificate, or none; it prints the head of the answer.
    fn curl(&self, who: Option<&str>, path: &str) -> Program {
        let mut curl = program("curl").args(["-sS", "-i", "--http1.1", "--max-time", "20"]);
        curl = curl.args(["--cacert", &self.server.at("data/operator/ca.crt")]);
        if let Some(who) = who {
            let [certificate, key] = self.pair(who);
            // Else curl itself would refuse to show what is weak.
            curl = curl.env("OPENSSL_CONF", self.pki.path("weak.cnf"));
            curl = curl.args(["--cert", &certificate, "--key", &key]);
        }
        curl.arg(format!("{}/{path}", self.server.url()))
    }

    /// What is answered, in the words of the tables.
    fn answer(&self, who: Option<&str>) -> String {
        told(&self.curl(who, PATH).run())
    }

    /// What the gate's own page says of `name`.
    fn metric(&self, name: &str) -> f64 {
        let page = self.local("metrics");
        let line = page.lines().find_map(|line| line.strip_prefix(&format!("{name} ")));
        line.unwrap_or_else(|| panic!("no {name} in {page}")).parse().unwrap()
    }

    fn local(&self, path: &str) -> String {
        let config = std::fs::read_to_string(self.server.data().join("repod.toml")).unwrap();
        let local = config.lines().find_map(|line| line.strip_prefix("local = [\""));
        let address = local.unwrap().trim_end_matches("\"]");
        program("curl")
            .args(["-sS", &format!("http://{address}/{path}")])
            .run()
            .expect_success()
            .stdout
    }
}

/// `200`, `403 REASON` with every moment as TIME, or `handshake`.
fn told(outcome: &Outcome) -> String {
    let Some(line) = outcome.stdout.lines().next() else {
        assert_ne!(outcome.code, 0, "{outcome}");
        // What is refused with TLS, not what could not be tried.
        assert!(outcome.says("alert") || outcome.says("reset") || outcome.says("SSL"), "{outcome}");
        return "handshake".to_owned();
    };
    let rest = line.trim_end().strip_prefix("HTTP/1.1 ").unwrap_or_else(|| panic!("{outcome}"));
    match rest.strip_prefix("200") {
        Some(_) => "200".to_owned(),
        None => timeless(rest),
    }
}

/// The text with TIME for every moment such as `2026-11-24 20:30:00Z`.
fn timeless(text: &str) -> String {
    let is_day = |word: &str| word.len() == 10 && word.as_bytes()[4] == b'-';
    let mut out: Vec<String> = Vec::new();
    for word in text.split(' ') {
        match word.split_once('Z') {
            Some((hour, end)) if hour.len() == 8 && out.last().is_some_and(|day| is_day(day)) => {
                out.pop();
                out.push(format!("TIME{end}"));
            }
            _ => out.push(word.to_owned()),
        }
    }
    out.join(" ")
}

/// A host that apt is run on with one certificate after the other.
struct Host {
    root: AptRoot,
}

impl Host {
    fn of(outside: &Outside) -> Self {
        let out = outside.server.at("host");
        outside.boss(&["host", "setup", HOST, "--out", &out]).expect_success();
        let root = AptRoot::new();
        let mut files = Vec::new();
        let script = std::fs::read_to_string(format!("{out}/install.sh")).unwrap();
        for line in script.lines().filter(|line| line.starts_with("put ")) {
            let words: Vec<_> = line.split_whitespace().collect();
            let mode = u32::from_str_radix(words[2], 8).unwrap();
            let content = std::fs::read(Path::new(&out).join(words[3])).unwrap();
            files.push(HostFile::new(words[4], mode, content));
        }
        root.place(&files);
        Self { root }
    }

    /// `apt-get update` as whoever holds this certificate, from the beginning.
    fn update(&self, outside: &Outside, who: Option<&str>) -> Outcome {
        for (file, at) in ["client.crt", "client.key"].into_iter().zip([0, 1]) {
            let path = format!("/etc/apt/repod/repo.example.org/{file}");
            let _ = std::fs::remove_file(self.root.path(&path));
            if let Some(who) = who {
                let content = std::fs::read(&outside.pair(who)[at]).unwrap();
                self.root.place(&[HostFile::new(&path, 0o600, content)]);
            }
        }
        self.root.forget_lists();
        self.root.update()
    }
}

/// What apt says of an answer: the status line, with two blanks in it.
fn assert_apt_says(outcome: &Outcome, row: &Row) {
    let said = timeless(&outcome.stderr.replace('\n', " "));
    match row.answer.split_once(' ') {
        Some((status, reason)) => {
            assert!(said.contains(&format!("{status}  {reason}")), "{row:?}: {outcome}");
        }
        None if row.answer == "200" => {}
        None => assert!(
            outcome.says("Could not handshake")
                || outcome.says("Connection failed")
                || outcome.says("SSL")
                || outcome.says("TLS")
                || outcome.says("failed"),
            "{row:?}: {outcome}"
        ),
    }
}

#[test]
fn each_certificate_is_answered_as_the_page_says() {
    let outside = Outside::start("");
    outside
        .boss(&["identity", "grant", "ci.example.org", "--role", "uploader", "--suite", "stable"])
        .expect_success();
    let rows = table("certificates");
    assert!(rows.len() >= 40, "{}", rows.len());
    let mut wrong = BTreeMap::new();
    for row in &rows {
        let who = (row.name != "none").then_some(row.name.as_str());
        let failed = || outside.metric("repod_connections_handshake_failed_total");
        let before = failed();
        let answer = outside.answer(who);
        // Refused by the server's side, and told there.
        let here = failed() > before;
        if answer != row.answer || here != (answer == "handshake") {
            wrong.insert(&row.name, format!("{answer}, not {}", row.answer));
        }
    }
    assert_eq!(wrong, BTreeMap::new());
    let host = Host::of(&outside);
    let mut tried = 0;
    for row in rows.iter().filter(|row| row.apt.is_some()) {
        let who = (row.name != "none").then_some(row.name.as_str());
        let outcome = host.update(&outside, who);
        assert_eq!(Some(outcome.code), row.apt, "{row:?}: {outcome}");
        assert_apt_says(&outcome, row);
        tried += 1;
    }
    assert!(tried * 3 >= rows.len(), "apt was tried with {tried} of {}", rows.len());
    assert!(outside.metric("repod_refusals_total{reason=\"certificate_expired\"}") >= 1.0);
    assert!(outside.metric("repod_connections_handshake_failed_total") >= 3.0);
}

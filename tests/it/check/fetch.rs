//! Where the checker gets files from: a directory tree, a closure, or a server through real curl.

use crate::harness::programs::program;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// An answer to a request.
#[derive(Clone, Debug, Default)]
pub struct Answer {
    /// The HTTP status; 200 and 404 for trees; 0 when no answer came.
    pub status: u16,
    /// Those headers that say something about the body, names in lower case.
    pub headers: BTreeMap<String, String>,
    pub body: Vec<u8>,
}

/// Something that files can be asked of, by path: `dists/stable/InRelease`.
pub trait Source {
    /// One answer per path, in their order.
    fn fetch(&self, paths: &[String]) -> Vec<Answer>;
}

impl<F: Fn(&str) -> Answer> Source for F {
    fn fetch(&self, paths: &[String]) -> Vec<Answer> {
        paths.iter().map(|path| self(path)).collect()
    }
}

/// A directory that holds the files as a server would show them.
pub struct Tree(pub PathBuf);

impl Source for Tree {
    fn fetch(&self, paths: &[String]) -> Vec<Answer> {
        let read = |path: &String| match std::fs::read(self.0.join(path)) {
            Ok(body) => Answer { status: 200, body, ..Answer::default() },
            Err(_) => Answer { status: 404, ..Answer::default() },
        };
        paths.iter().map(read).collect()
    }
}

/// A server, through curl: eight requests at a time over kept connections.
pub struct Curl {
    base: String,
    options: Vec<(String, String)>,
}

/// The headers that are looked at.
const HEADERS: &[&str] =
    &["content-type", "content-length", "content-encoding", "last-modified", "cache-control"];

/// So many requests go to one run of curl.
const REQUESTS_PER_RUN: usize = 200;

impl Curl {
    /// A server at `base` (`https://localhost:8443`), which is asked without a certificate.
    pub fn new(base: &str) -> Self {
        Self { base: base.trim_end_matches('/').to_owned(), options: Vec::new() }
    }

    /// Trusts servers that this CA vouches for, and no others.
    pub fn ca(self, file: &Path) -> Self {
        self.option("cacert", &file.display().to_string())
    }

    /// Shows this certificate.
    pub fn certificate(self, certificate: &Path, key: &Path) -> Self {
        self.option("cert", &certificate.display().to_string())
            .option("key", &key.display().to_string())
    }

    /// Any other option of curl, by its long name.
    pub fn option(mut self, name: &str, value: &str) -> Self {
        self.options.push((name.to_owned(), value.to_owned()));
        self
    }

    fn fetch_some(&self, paths: &[String]) -> Vec<Answer> {
        let dir = tempfile::tempdir().expect("a temporary directory can be made");
        let file = |n: usize| dir.path().join(n.to_string());
        let headers: String = HEADERS.iter().map(|name| format!("\\t%header{{{name}}}")).collect();
        let mut config = format!(
            "silent\nshow-error\nno-progress-meter\nparallel\nparallel-max = 8\ngloboff\npath-as-is\nmax-time = 120\n\
             http1.1\nnoproxy = \"*\"\nwrite-out = \"%{{urlnum}}\\t%{{http_code}}{headers}\\n\"\n"
        );
        for (name, value) in &self.options {
            writeln!(config, "{name} = \"{}\"", quoted(value)).expect("a string takes it");
        }
        for (n, path) in paths.iter().enumerate() {
            let url = quoted(&format!("{}/{}", self.base, encoded(path)));
            let output = quoted(&file(n).display().to_string());
            writeln!(config, "url = \"{url}\"\noutput = \"{output}\"").expect("a string takes it");
        }
        // Its exit code speaks of one of many transfers; the status of each is what counts.
        let outcome = program("curl").args(["--disable", "--config", "-"]).input(config).run();
        let mut answers = vec![Answer::default(); paths.len()];
        for line in outcome.stdout.lines() {
            let mut parts = line.split('\t');
            let number = |part: Option<&str>| part.and_then(|text| text.parse::<usize>().ok());
            let (Some(n), Some(status)) = (number(parts.next()), number(parts.next())) else {
                panic!("curl prints what it is asked to: {outcome}");
            };
            answers[n].status = u16::try_from(status).expect("a status has three digits");
            let shown = HEADERS.iter().zip(parts).filter(|(_, value)| !value.is_empty());
            answers[n].headers =
                shown.map(|(name, value)| ((*name).to_owned(), value.to_owned())).collect();
            answers[n].body = std::fs::read(file(n)).unwrap_or_default();
        }
        // Where no answer came, only curl can tell why.
        for answer in answers.iter_mut().filter(|answer| answer.status == 0) {
            answer.headers.insert("curl-says".to_owned(), outcome.stderr.trim().to_owned());
        }
        answers
    }
}

impl Source for Curl {
    fn fetch(&self, paths: &[String]) -> Vec<Answer> {
        paths.chunks(REQUESTS_PER_RUN).flat_map(|some| self.fetch_some(some)).collect()
    }
}

/// For a double-quoted value in curl's configuration.
fn quoted(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"")
}

/// A path as apt writes it into a request. Source: apt, `QuoteString`, as seen on the wire.
fn encoded(path: &str) -> String {
    let mut text = String::new();
    for byte in path.bytes() {
        match byte {
            b'+' | b'~' | b' ' | b'%' | b'?' | b'#' => write!(text, "%{byte:02x}"),
            33..=126 => write!(text, "{}", char::from(byte)),
            _ => write!(text, "%{byte:02x}"),
        }
        .expect("a string takes it");
    }
    text
}

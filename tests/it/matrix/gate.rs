//! The gate over time: it closes to the second, is mended while it is closed, and reaches who is
//! connected already.

mod authorities;
mod pages;

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::LazyLock;
use std::time::{Duration, Instant, SystemTime};

use repod::catalogue::{Audit as _, Delivery, SqliteCatalogue};
use repod::domain::Actor;

use super::pki::Pki;
use super::{Outside, PATH, timeless};
use crate::harness::programs::require;

/// How long something that is looked at every two seconds may take. Unit: seconds.
const PATIENCE: u64 = 20;

/// One connection that stays open, by `openssl s_client`.
pub(super) struct Line {
    child: Child,
    to: ChildStdin,
    from: BufReader<ChildStdout>,
}

impl Line {
    fn open(outside: &Outside, who: Option<&str>) -> Self {
        Self::open_at(outside, who, &format!("repo.example.org:{}", outside.server.port()), &[])
    }

    /// The same to another address, with more arguments.
    pub(super) fn open_at(
        outside: &Outside,
        who: Option<&str>,
        address: &str,
        more: &[&str],
    ) -> Self {
        let mut command = Command::new(require("openssl"));
        command.args(["s_client", "-quiet", "-no_ign_eof", "-connect", address]).args(more);
        command.args(["-CAfile", &outside.server.at("data/ca/ca.crt")]);
        if let Some(who) = who {
            let [certificate, key] = outside.pair(who);
            command.args(["-cert", &certificate, "-key", &key, "-cert_chain", &certificate]);
        }
        let streams = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = streams.spawn().unwrap();
        let (to, from) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        Self { child, to, from: BufReader::new(from) }
    }

    /// Asks on this same connection; gives the status line, without the version.
    pub(super) fn ask(&mut self, path: &str) -> String {
        write!(self.to, "GET /{path} HTTP/1.1\r\nHost: repo.example.org\r\n\r\n").unwrap();
        self.to.flush().unwrap();
        let mut status = String::new();
        self.from.read_line(&mut status).unwrap();
        let (mut length, mut line) = (0_u64, String::new());
        while self.from.read_line(&mut line).unwrap() > 2 {
            let lower = line.to_ascii_lowercase();
            if let Some(value) = lower.strip_prefix("content-length:") {
                length = value.trim().parse().unwrap();
            }
            line.clear();
        }
        let mut body = Vec::new();
        self.from.by_ref().take(length).read_to_end(&mut body).unwrap();
        assert_eq!(body.len() as u64, length, "the connection was dropped: {status}");
        timeless(status.trim_end().strip_prefix("HTTP/1.1 ").unwrap_or(&status))
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Waits until `done`, and says what was waited for when it does not come.
#[track_caller]
pub(super) fn until(what: &str, mut done: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !done() {
        assert!(begun.elapsed() < Duration::from_secs(PATIENCE), "{what} never came");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Replaces a file whole, as a timer that fetches lists does.
pub fn replace(outside: &Outside, name: &str, content: impl AsRef<[u8]>) {
    let folder = outside.server.at("crls");
    let temporary = Path::new(&folder).join(".new");
    std::fs::write(&temporary, content).unwrap();
    std::fs::rename(temporary, Path::new(&folder).join(name)).unwrap();
}

const GOOD: &str = "by the CA at the top";
const BELOW: &str = "by a CA below, sent along";

#[test]
fn a_list_in_a_file_reaches_an_open_connection_and_drops_none() {
    static OWN: LazyLock<Pki> = LazyLock::new(Pki::whole);
    let outside = Outside::start_with("", &OWN);
    let mut good = Line::open(&outside, Some(GOOD));
    let mut below = Line::open(&outside, Some(BELOW));
    assert!(good.ask(PATH).starts_with("200"));
    assert!(below.ask(PATH).starts_with("200"));
    OWN.revoke("root", &super::pki::file(GOOD));
    OWN.list("root", "root-2", "");
    replace(&outside, "root.crl", OWN.read("root-2.crl"));
    until("the refusal", || good.ask(PATH).starts_with("403"));
    assert_eq!(
        good.ask(PATH),
        "403 certificate was revoked TIME: issue a new one if that was a mistake"
    );
    assert!(below.ask(PATH).starts_with("200"), "and the other goes on, on its own connection");

    // On SIGHUP at once, and the intermediate with all below it.
    OWN.revoke("root", "issuing");
    OWN.list("root", "root-3", "");
    replace(&outside, "root.crl", OWN.read("root-3.crl"));
    outside.server.signal("HUP");
    until("the refusal", || below.ask(PATH).starts_with("403 the CA that issued"));

    // What is no list changes nothing; it is told.
    replace(&outside, "root.crl", "<html>");
    until("the warning", || outside.server.log().contains("not every revocation list was taken"));
    assert!(outside.boss(&["status"]).expect_success().says("WARNING crl-unusable"));
    assert!(outside.metric("repod_crl_troubles") >= 1.0);

    // A list of a CA that is not configured lies beside good ones: that is told once, and is no trouble.
    replace(&outside, "root.crl", OWN.read("root-3.crl"));
    replace(&outside, "other.crl", OWN.read("other.crl"));
    let beside = "CAs that are not configured lie beside the others";
    until("that it is told", || outside.server.log().contains(beside));
    replace(&outside, "again.crl", OWN.read("root-3.crl"));
    until("that it is read", || outside.metric("repod_crl_troubles") < 0.5);
    assert!(!outside.boss(&["status"]).expect_success().says("crl-unusable"));
    outside.server.signal("HUP");
    until("the reload", || outside.server.log().matches("revocation list reloaded").count() == 2);
    assert_eq!(outside.server.log().matches(beside).count(), 1);
}

#[test]
fn the_gate_closes_on_time_and_a_delivered_list_opens_it() {
    static OWN: LazyLock<Pki> = LazyLock::new(Pki::whole);
    let mut outside = Outside::start_with("", &OWN);
    let grant = ["identity", "grant", "ci.example.org", "--role", "uploader", "--suite", "stable"];
    outside.boss(&grant).expect_success();
    let mut line = Line::open(&outside, Some(GOOD));
    assert!(line.ask(PATH).starts_with("200"));
    OWN.list("root", "short", "-crlsec 6");
    let ends = OWN.ends("short");
    replace(&outside, "root.crl", OWN.read("short.crl"));
    until("the short list", || {
        outside.local("metrics").contains("repod_gate_open 1")
            && outside.boss(&["crl", "show", "--json"]).says(&format!("\"next_update\": {ends}"))
    });
    // A third of its life before, it is told.
    until("the warning", || outside.server.log().contains("is about to end"));

    let now = || SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs_f64();
    let mut refused = false;
    while !refused {
        let before = now();
        let answer = line.ask(PATH);
        refused = answer.starts_with("403 revocation list is out of date since TIME");
        assert!(refused || answer.starts_with("200"), "{answer}");
        // The clock counts whole seconds, so the second of nextUpdate is the first that is refused.
        assert!(refused || before < ends as f64, "asked {before}, served: {answer}");
        assert!(!refused || now() >= ends as f64, "refused too early");
        std::thread::sleep(Duration::from_millis(20));
    }
    until("the log line", || outside.server.log().contains("the gate is closed"));
    assert!(outside.metric("repod_gate_open") < 0.5);
    assert!(outside.metric("repod_gate_closed_reason{reason=\"crl_stale\"}") > 0.5);
    assert!(outside.metric("repod_crl_seconds_until_closed{issuer=\"CN=Root\"}") <= 0.0);
    assert!(outside.metric("repod_refusals_total{reason=\"crl_stale\"}") >= 1.0);
    assert!(outside.local("readyz").contains("revocation list is out of date"));

    // Everything else is refused, to the admin too.
    outside.boss(&["status"]).expect_code(4).expect_says("revocation list is out of date");
    outside.boss(&["suite", "list"]).expect_code(4).expect_says("repoctl crl put");
    outside.boss(&["crl", "show"]).expect_code(4).expect_says("revocation list is out of date");
    mend(&outside, &mut line);

    // The file is older than what was delivered: the newer number counts, after a restart too.
    assert_eq!(outside.server.stop(), 0);
    outside.server.serve();
    assert_eq!(outside.answer(Some(GOOD)), "200");
    let status = outside.boss(&["status"]).expect_success();
    assert!(!status.says("WARNING"), "an older file is no trouble: {status}");
    // Once the file is the newer one, it counts.
    OWN.revoke("root", &super::pki::file(GOOD));
    OWN.list("root", "root-later", "");
    replace(&outside, "root.crl", OWN.read("root-later.crl"));
    until("the refusal", || outside.answer(Some(GOOD)).starts_with("403 certificate was revoked"));
}

/// Delivers lists to a gate that is closed: only good ones, only by who may, and then it is open.
fn mend(outside: &Outside, line: &mut Line) {
    let pki = outside.pki;
    let file = |name: &str| pki.path(name).display().to_string();
    pki.list("root", "fresh", "");
    let fresh = file("fresh.crl");
    let put = |who: &str, path: &str| outside.repoctl(who, &["crl", "put", path]);
    // Who may not: a host, an uploader, a certificate that the last list revokes, another CA's, nobody.
    put(GOOD, &fresh).expect_code(3).expect_says("needs the role");
    put("ci", &fresh).expect_code(3).expect_says("needs the role");
    put("ex-operator", &fresh).expect_code(3).expect_says("was revoked");
    put("by another CA", &fresh).expect_code(3);
    put("expired", &fresh).expect_code(3).expect_says("expired");
    let nobody = outside.curl(None, "api/v1/crl").args(["-T", &fresh]).run();
    assert!(nobody.stdout.starts_with("HTTP/1.1 403 no client certificate"), "{nobody}");

    // What may not: out of date, forged, another CA's, lower, half of a pair.
    let told = |name: &str, text: &str| {
        put("boss", &file(name)).expect_code(2).expect_says(text);
        assert!(outside.metric("repod_gate_open") < 0.5, "{name}");
    };
    told("short.crl", "it ran out");
    told("twin.crl", "its signature was not made by");
    told("other.crl", "its issuer is none of the configured CAs");
    told("root.crl", "is lower than");
    told("root.crt", "the file holds none");
    std::fs::write(pki.path("both.crl"), [pki.read("fresh.crl"), pki.read("twin.crl")].concat())
        .unwrap();
    told("both.crl", "its signature was not made by");
    assert!(line.ask(PATH).starts_with("403 revocation list is out of date"));

    put("boss", &fresh).expect_success().expect_says("CN=Root");
    assert!(line.ask(PATH).starts_with("200"), "at once, on the connection that was refused");
    outside.repoctl("boss", &["crl", "put", &fresh, "-m", "weekly"]).expect_success();
    let line = outside.boss(&["audit", "--verb", "crl"]).expect_success();
    assert!(line.says("CN=Root") && line.says("(weekly)"), "{line}");
    assert!(outside.server.log().contains("revocation list delivered"));
    until("the log line", || outside.server.log().contains("the gate is open again"));
}

/// A list is a file, which no transaction holds: whoever delivers it is noted before.
#[test]
fn a_delivery_that_is_cut_off_before_its_line_gets_it_with_the_next_start() {
    static OWN: LazyLock<Pki> = LazyLock::new(Pki::whole);
    let mut outside = Outside::start_with("", &OWN);
    OWN.list("root", "fresh", "");
    let fresh = OWN.path("fresh.crl").display().to_string();
    outside.boss(&["crl", "put", &fresh, "-m", "weekly"]).expect_success();
    let data = outside.server.data();
    let delivered = walkdir::WalkDir::new(data.join("trust")).into_iter().map(Result::unwrap);
    let delivered: Vec<_> = delivered
        .filter_map(|file| Some(file.file_name().to_str()?.strip_suffix(".crl")?.to_owned()))
        .collect();
    let [issuer] = <[String; 1]>::try_from(delivered).unwrap();
    let lines = |outside: &Outside| {
        let told = outside.boss(&["audit", "--verb", "crl", "--json"]).expect_success().stdout;
        let told = told.lines().map(|line| serde_json::from_str(line).unwrap());
        told.collect::<Vec<serde_json::Value>>()
    };
    assert_eq!(lines(&outside).len(), 1);
    let cut_off = |outside: &mut Outside, number: &str| {
        outside.server.kill();
        let catalogue = SqliteCatalogue::open(&data.join("catalogue.sqlite")).unwrap();
        assert_eq!(catalogue.find_delivery().unwrap(), None, "the last one is over");
        let actor = Actor { identity: "night@example.org".into(), serial: "1a".into() };
        let lists = vec![format!("{issuer} {number}")];
        let delivery = Delivery { lists, actor, message: "by night".into() };
        catalogue.record_delivery(Some(&delivery), &[]).unwrap();
        drop(catalogue);
        outside.server.serve();
        lines(outside)
    };
    // Before the list was there: nothing was done, and nothing is told.
    assert_eq!(cut_off(&mut outside, "7fffffff").len(), 1);
    // After it: who and why are known.
    let told = cut_off(&mut outside, "01");
    assert_eq!(told.len(), 2, "{told:?}");
    let text = |field: &str| told[0][field].as_str().unwrap();
    assert_eq!((text("identity"), text("message")), ("night@example.org", "by night"));
    assert!(text("detail").contains("CN=Root"), "{told:?}");
    outside.boss(&["audit", "verify"]).expect_success();
    assert_eq!(cut_off(&mut outside, "7fffffff").len(), 2, "once is enough");
}

#[test]
fn a_list_counts_for_the_grace_that_is_configured_and_no_longer() {
    static OWN: LazyLock<Pki> = LazyLock::new(Pki::whole);
    let outside = Outside::start_with("grace_seconds = 4", &OWN);
    OWN.list("root", "short", "-crlsec 2");
    let ends = OWN.ends("short");
    replace(&outside, "root.crl", OWN.read("short.crl"));
    outside.server.signal("HUP");
    let now = || SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs_f64();
    let mut line = Line::open(&outside, Some(GOOD));
    let (mut in_grace, mut warned) = (0, false);
    while line.ask(PATH).starts_with("200") {
        in_grace += u32::from(now() > ends as f64 + 1.0);
        warned |= outside.server.log().contains("crl-in-grace");
        assert!(now() < ends as f64 + 5.5, "served beyond the grace");
        std::thread::sleep(Duration::from_millis(50));
    }
    assert!(now() >= ends as f64 + 4.0, "the grace was not given");
    assert!(in_grace > 0 && (warned || outside.server.log().contains("out of date since")));
}

#[test]
fn who_shows_no_certificate_reaches_nothing_and_is_put_off_in_time() {
    let outside = Outside::start("");
    let api = repod::http::table::api().map(|route| route.path);
    let mut paths: Vec<_> =
        api.map(|path| format!("api/v1{}", path.replace(['{', '}'], "x"))).collect();
    paths.extend(
        ["", "dists/stable/InRelease", "pool/x", "snapshot/1/", "metrics", "healthz"]
            .map(str::to_owned),
    );
    assert!(paths.len() > 20);
    for path in &paths {
        for method in ["GET", "PUT", "POST", "DELETE", "PATCH"] {
            let asked = outside.curl(None, path).args(["-X", method, "--data", "{}"]).run();
            let line = asked.stdout.lines().next().unwrap_or_default();
            assert!(
                line.starts_with("HTTP/1.1 403 no client certificate"),
                "{method} {path}: {asked}"
            );
        }
    }
    // A body is not read for who may not send it.
    let big =
        outside.curl(None, "api/v1/crl").args(["-X", "PUT", "-H", "Content-Length: 33554432"]);
    let big = big.args(["--data", "x"]).run();
    assert!(big.stdout.starts_with("HTTP/1.1 403 no client certificate"), "{big}");

    // The same address, again and again: it hears why six hundred times, then that it should wait.
    let mut line = Line::open(&outside, None);
    let (mut asked, mut put_off) = (0, String::new());
    while asked < 3_000 && put_off.is_empty() {
        asked += 1;
        let answer = line.ask(PATH);
        if !answer.starts_with("403 no client certificate") {
            put_off = answer;
        }
    }
    assert!(put_off.starts_with("429 too many refused requests"), "{asked}: {put_off}");
    assert!(outside.metric("repod_refusals_put_off_total") >= 1.0);
    assert!(outside.metric("repod_refusals_total{reason=\"no_certificate\"}") >= 600.0);
    // Who is trusted is served from that same address.
    assert_eq!(outside.answer(Some(GOOD)), "200");
}

//! Metrics: counters since the start and the state of the gate, as Prometheus reads them.

use std::fmt::Write as _;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use crate::api::Code;
use crate::flow::report::writing;
use crate::flow::{FlowError, Repository};
use crate::http::answer::Failure;
use crate::http::listen::{EdgeCounts, Peer, Sparing};
use crate::http::strangers::Strangers;
use crate::trust::Refusal;

/// The counters since the start.
pub struct Metrics {
    edge: Arc<EdgeCounts>,
    requests: AtomicU64,
    refusals: [AtomicU64; Refusal::CODES.len()],
    put_off: AtomicU64,
    strangers: Strangers,
    enrolments: Sparing,
}

impl Metrics {
    /// Metrics of a listener, at zero.
    pub fn new(edge: Arc<EdgeCounts>) -> Self {
        let refusals = std::array::from_fn(|_| AtomicU64::new(0));
        let (requests, put_off) = (AtomicU64::new(0), AtomicU64::new(0));
        let enrolments = Sparing::of("enrolments that were refused");
        Self { edge, requests, refusals, put_off, strangers: Strangers::default(), enrolments }
    }

    /// Counts a request.
    pub fn count_request(&self) {
        self.requests.fetch_add(1, Ordering::Relaxed);
    }

    /// The answer to a peer that was not identified: the reason, or 429 when its address has had
    /// too many such answers.
    pub fn refuse(&self, peer: &Peer, error: FlowError) -> Failure {
        let FlowError::Refused(refusal) = &error else { return error.into() };
        let known = Refusal::CODES.iter().position(|code| *code == refusal.code());
        if let Some(count) = known.and_then(|at| self.refusals.get(at)) {
            count.fetch_add(1, Ordering::Relaxed);
        }
        let put_off = self.put_off(peer, refusal);
        put_off.unwrap_or_else(|| error.into())
    }

    /// The 429 in place of `reason`, when the address of the peer has had too many refusals.
    pub fn put_off(&self, peer: &Peer, reason: &dyn std::fmt::Display) -> Option<Failure> {
        if self.strangers.allow(peer.addr.ip(), Instant::now()) {
            return None;
        }
        self.put_off.fetch_add(1, Ordering::Relaxed);
        let detail = format!("too many refused requests from this address; the last one: {reason}");
        Some(Failure::new(Code::TooManyRequests, detail))
    }

    /// Whether a peer that is not identified may make one of the few requests that are open to it.
    /// It is counted like a refusal.
    ///
    /// # Errors
    /// [`Failure`] with status 429.
    pub fn allow_unidentified(&self, peer: &Peer) -> Result<(), Failure> {
        if self.strangers.allow(peer.addr.ip(), Instant::now()) {
            return Ok(());
        }
        self.put_off.fetch_add(1, Ordering::Relaxed);
        let detail = "too many requests from this address without a certificate";
        Err(Failure::new(Code::TooManyRequests, detail))
    }

    /// Writes to the server's own log from where a refused enrolment came: of each network the first
    /// in a minute, and the number of the others.
    pub fn note_refused_enrolment(&self, address: IpAddr, name: &str, reason: &FlowError) {
        self.enrolments.note(address, Instant::now(), || {
            tracing::info!(%address, name, %reason, "an enrolment was refused");
        });
    }

    /// All metrics, in the text format of Prometheus.
    pub fn page(&self, repository: &Repository) -> String {
        let mut page = Page::default();
        self.write_gate(repository, &mut page);
        write_stores(repository, &mut page);
        let kind = "counter";
        page.head("repod_requests_total", kind, "requests that came");
        page.line("repod_requests_total", "", self.requests.load(Ordering::Relaxed));
        page.head(
            "repod_refusals_total",
            kind,
            "requests refused by certificate or list, by reason",
        );
        for (code, count) in Refusal::CODES.iter().zip(&self.refusals) {
            let label = format!("{{reason=\"{code}\"}}");
            page.line("repod_refusals_total", &label, count.load(Ordering::Relaxed));
        }
        page.head("repod_refusals_put_off_total", kind, "of those, answered 429 instead");
        page.line("repod_refusals_put_off_total", "", self.put_off.load(Ordering::Relaxed));
        write_scrub(repository, &mut page);
        page.head("repod_connections_open", "gauge", "open connections, handshakes included");
        page.line("repod_connections_open", "", self.edge.open.value());
        for (name, help, count) in [
            ("accepted", "connections that got a slot", &self.edge.accepted),
            ("refused_full", "closed at once: the server was full", &self.edge.refused_full),
            (
                "refused_address",
                "closed at once: too many of one address",
                &self.edge.refused_address,
            ),
            (
                "refused_proxy",
                "closed: not from a proxy, or without its PROXY header",
                &self.edge.refused_proxy,
            ),
            ("handshake_failed", "handshakes that failed", &self.edge.handshake_failed),
        ] {
            let name = format!("repod_connections_{name}_total");
            page.head(&name, kind, help);
            page.line(&name, "", count.value());
        }
        page.text
    }

    fn write_gate(&self, repository: &Repository, page: &mut Page) {
        let (state, now) = (repository.trust.current(), repository.now());
        let gate = state.gate(now);
        page.head("repod_gate_open", "gauge", "1 while anybody is served");
        page.line("repod_gate_open", "", u64::from(gate.is_ok()));
        page.head("repod_gate_closed_reason", "gauge", "1 for why nobody is served");
        for code in ["crl_stale", "crl_missing", "crl_refused", "clock_behind"] {
            let closed = gate.as_ref().is_err_and(|refusal| refusal.code() == code);
            page.line(
                "repod_gate_closed_reason",
                &format!("{{reason=\"{code}\"}}"),
                u64::from(closed),
            );
        }
        let issuers = state.issuers();
        let name = "repod_crl_seconds_until_closed";
        page.head(
            name,
            "gauge",
            "until the list of a CA no longer opens the gate; negative after that",
        );
        for issuer in &issuers {
            if let Some(list) = &issuer.list {
                page.line(name, &label(&issuer.name), list.closes.since(now));
            }
        }
        page.head("repod_crl_revoked", "gauge", "certificates that the list of a CA revokes");
        for issuer in &issuers {
            if let Some(list) = &issuer.list {
                page.line("repod_crl_revoked", &label(&issuer.name), list.revoked);
            }
        }
        page.head("repod_ca_seconds_until_end", "gauge", "until the certificate of a CA ends");
        for issuer in &issuers {
            let left = issuer.not_after.since(now);
            page.line("repod_ca_seconds_until_end", &label(&issuer.name), left);
        }
        page.head("repod_crl_troubles", "gauge", "lists that were found and not taken");
        page.line("repod_crl_troubles", "", state.troubles().len());
    }
}

/// Whether changes are recorded, and whether what has to be is on the disk.
fn write_stores(repository: &Repository, page: &mut Page) {
    let stopped = writing::stopped(repository);
    page.head("repod_writable", "gauge", "1 while a store is written to; 0 after a failed sync");
    for store in writing::STORES {
        let is_written = stopped.iter().all(|one| one.store != store);
        page.line("repod_writable", &format!("{{store=\"{store}\"}}"), u64::from(is_written));
    }
    let (whole, unstored) =
        (repository.trust.reserve().is_whole(), repository.trust.unstored().is_some());
    let help = "1 while the room for revocations on a full disk is there";
    page.head("repod_reserve_whole", "gauge", help);
    page.line("repod_reserve_whole", "", u64::from(whole));
    let help = "1 while a revocation list is in force and not on the disk";
    page.head("repod_crl_unstored", "gauge", help);
    page.line("repod_crl_unstored", "", u64::from(unstored));
}

fn write_scrub(repository: &Repository, page: &mut Page) {
    let (scrubbing, limits) = (&repository.scrubbing, repository.limits().scrub);
    let report = scrubbing.report();
    let mut one = |name: &str, kind: &str, help: &str, value: u64| {
        page.head(name, kind, help);
        page.line(name, "", value);
    };
    let ended = report.last.and_then(|last| u64::try_from(last.ended_at.0).ok());
    one(
        "repod_scrub_last_completed_timestamp_seconds",
        "gauge",
        "when the last whole pass of the scrub ended; 0 before the first",
        ended.unwrap_or_default(),
    );
    let period = u64::from(limits.days).saturating_mul(86_400);
    one("repod_scrub_period_seconds", "gauge", "how long a pass may take; 0 for no scrub", period);
    let findings = report.last.map_or(0, |last| last.findings);
    one("repod_scrub_last_findings", "gauge", "what the last whole pass found", findings);
    one(
        "repod_scrub_running",
        "gauge",
        "1 while a pass is under way",
        report.present.is_some().into(),
    );
    let failing = u64::from(report.failure.is_some());
    one("repod_scrub_failing", "gauge", "1 while the scrub cannot go on", failing);
    let open = report.warnings.len() as u64;
    one("repod_scrub_warnings", "gauge", "findings that are not repaired by themselves", open);
    let (read, expected) =
        report.present.map_or((0, 0), |present| (present.read_bytes, present.expected_bytes));
    one("repod_scrub_pass_read_bytes", "gauge", "read by the present pass", read);
    one("repod_scrub_pass_expected_bytes", "gauge", "what a whole pass reads, about", expected);
    one("repod_scrub_passes_total", "counter", "passes that ended", scrubbing.passes());
    one(
        "repod_scrub_bytes_read_total",
        "counter",
        "bytes that the scrub read",
        scrubbing.read_bytes(),
    );
    let name = "repod_scrub_findings_total";
    page.head(name, "counter", "what the scrub found damaged or lost, by kind");
    for (kind, count) in scrubbing.findings() {
        page.line(name, &format!("{{kind=\"{kind}\"}}"), count);
    }
}

/// The name of a CA as a label; it is printable ASCII.
fn label(issuer: &str) -> String {
    format!("{{issuer=\"{}\"}}", issuer.replace('\\', "\\\\").replace('"', "\\\""))
}

#[derive(Default)]
struct Page {
    text: String,
}

impl Page {
    fn head(&mut self, name: &str, kind: &str, help: &str) {
        // Writing into a string does not fail.
        let _ = writeln!(self.text, "# HELP {name} {help}\n# TYPE {name} {kind}");
    }

    fn line(&mut self, name: &str, label: &str, value: impl std::fmt::Display) {
        let _ = writeln!(self.text, "{name}{label} {value}");
    }
}

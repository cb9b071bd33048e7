//! Metrics: counters since the start and the state of the server, as Prometheus reads them.

mod answers;
mod hosts;
mod page;
mod state;
mod status;
mod uploads;

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use crate::api::Code;
use crate::flow::report::gauges;
use crate::flow::{FlowError, Repository};
use crate::http::answer::Failure;
use crate::http::listen::{EdgeCounts, Peer, Sparing};
use crate::http::strangers::Strangers;
use crate::time::Moment;
use crate::trust::Refusal;

pub use answers::{Answers, Kind};
pub use hosts::RefusedHosts;
use page::{Page, label};
use status::LastStatus;
pub use uploads::Uploads;

/// The counters since the start.
pub struct Metrics {
    edge: Arc<EdgeCounts>,
    requests: AtomicU64,
    refusals: [AtomicU64; Refusal::CODES.len()],
    put_off: AtomicU64,
    strangers: Strangers,
    enrolments: Sparing,
    refused_lines: Sparing,
    /// Answers by kind.
    pub(super) answers: Answers,
    /// Hosts that are refused.
    pub(super) hosts: RefusedHosts,
    /// Packages that were sent.
    pub(super) uploads: Uploads,
    status: LastStatus,
}

impl Metrics {
    /// Metrics of a listener, at zero.
    pub fn new(edge: Arc<EdgeCounts>) -> Self {
        let refusals = std::array::from_fn(|_| AtomicU64::new(0));
        let (requests, put_off) = (AtomicU64::new(0), AtomicU64::new(0));
        let enrolments = Sparing::of("enrolments that were refused");
        Self {
            edge,
            requests,
            refusals,
            put_off,
            strangers: Strangers::default(),
            enrolments,
            refused_lines: Sparing::of("requests that were refused"),
            answers: Answers::default(),
            hosts: RefusedHosts::default(),
            uploads: Uploads::default(),
            status: LastStatus::default(),
        }
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

    /// Writes a line of the log that `address` causes: of each network the first in a minute, and the
    /// number of the others.
    pub fn spare(&self, address: IpAddr, now: Instant, line: impl FnOnce()) {
        self.refused_lines.note(address, now, line);
    }

    /// All metrics, in the text format of Prometheus. `certificate_not_after` is when the server's own
    /// certificate ends.
    pub async fn page(
        &self,
        repository: &Arc<Repository>,
        certificate_not_after: Option<Moment>,
    ) -> String {
        let summary = self.status.summary(repository, certificate_not_after).await;
        let present = gauges::present(repository);
        let mut page = Page::default();
        page.head("repod_build_info", "gauge", "1; the label has the version");
        page.line("repod_build_info", &label("version", env!("CARGO_PKG_VERSION")), 1);
        state::write_gate(repository, &mut page);
        state::write_ends(repository, certificate_not_after, &mut page);
        state::write_stores(repository, &present, &mut page);
        state::write_clock(&present, &mut page);
        state::write_suites(&present, &mut page);
        self.write_changes(repository, &mut page);
        self.write_requests(&mut page);
        state::write_scrub(repository, &mut page);
        self.write_connections(&mut page);
        if let Some(summary) = &summary {
            status::write(summary, &mut page);
        }
        page.text()
    }

    fn write_changes(&self, repository: &Repository, page: &mut Page) {
        let name = "repod_queue_wait_seconds";
        page.head(name, "histogram", "how long changes waited until a publish batch took them");
        page.durations(name, "", &repository.timings.waits.read());
        let name = "repod_publish_duration_seconds";
        page.head(name, "histogram", "how long a publish batch took until its generation was live");
        page.durations(name, "", &repository.timings.publishes.read());
        self.uploads.write(page);
    }

    fn write_requests(&self, page: &mut Page) {
        let count = self.requests.load(Ordering::Relaxed);
        page.counter("repod_requests_total", "requests that came", count);
        let name = "repod_refusals_total";
        page.head(name, "counter", "requests refused by certificate or list, by reason");
        for (code, count) in Refusal::CODES.iter().zip(&self.refusals) {
            page.line(name, &label("reason", code), count.load(Ordering::Relaxed));
        }
        let put_off = self.put_off.load(Ordering::Relaxed);
        page.counter("repod_refusals_put_off_total", "of those, answered 429 instead", put_off);
        self.answers.write(page);
        let help = "hosts that were refused a file within the last quarter of an hour";
        page.gauge("repod_hosts_failing", help, self.hosts.count());
        let panics = self.edge.panics.value();
        page.counter("repod_panics_total", "requests that ended by a fault of the program", panics);
    }

    fn write_connections(&self, page: &mut Page) {
        let open = self.edge.open.value();
        page.gauge("repod_connections_open", "open connections, handshakes included", open);
        let edge = &self.edge;
        for (name, help, count) in [
            ("accepted", "connections that got a slot", &edge.accepted),
            ("refused_full", "closed at once: the server was full", &edge.refused_full),
            ("refused_address", "closed at once: too many of one address", &edge.refused_address),
            (
                "refused_proxy",
                "closed: not from a proxy, or without its PROXY header",
                &edge.refused_proxy,
            ),
            ("handshake_failed", "handshakes that failed", &edge.handshake_failed),
        ] {
            page.counter(&format!("repod_connections_{name}_total"), help, count.value());
        }
    }
}

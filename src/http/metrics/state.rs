//! The state of the server on the page: what is in memory.

use super::page::{Page, label};
use crate::flow::report::gauges::{self, Gauges};
use crate::flow::report::writing;
use crate::flow::{Mishap, Repository};
use crate::time::Moment;
use crate::trust::IssuerReport;

pub(super) fn write_gate(repository: &Repository, page: &mut Page) {
    let (state, now) = (repository.trust.current(), repository.now());
    let gate = state.gate(now);
    page.head("repod_gate_open", "gauge", "1 while anybody is served");
    page.line("repod_gate_open", "", u64::from(gate.is_ok()));
    page.head("repod_gate_closed_reason", "gauge", "1 for why nobody is served");
    for code in ["crl_stale", "crl_missing", "crl_refused", "clock_behind"] {
        let closed = gate.as_ref().is_err_and(|refusal| refusal.code() == code);
        page.line("repod_gate_closed_reason", &format!("{{reason=\"{code}\"}}"), u64::from(closed));
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
            page.line(name, &label("issuer", &issuer.name), list.closes.since(now));
        }
    }
    page.head("repod_crl_revoked", "gauge", "certificates that the list of a CA revokes");
    for issuer in &issuers {
        if let Some(list) = &issuer.list {
            page.line("repod_crl_revoked", &label("issuer", &issuer.name), list.revoked);
        }
    }
    page.head("repod_ca_seconds_until_end", "gauge", "until the certificate of a CA ends");
    for issuer in &issuers {
        let left = issuer.not_after.since(now);
        page.line("repod_ca_seconds_until_end", &label("issuer", &issuer.name), left);
    }
    page.head("repod_crl_troubles", "gauge", "lists that were found and not taken");
    page.line("repod_crl_troubles", "", state.troubles().len());
}

/// When lists and certificates end.
pub(super) fn write_ends(repository: &Repository, server: Option<Moment>, page: &mut Page) {
    let issuers = repository.trust.current().issuers();
    let mut each = |name: &str, help: &str, at: fn(&IssuerReport) -> Option<Moment>| {
        page.head(name, "gauge", help);
        for issuer in &issuers {
            if let Some(at) = at(issuer) {
                page.line(name, &label("issuer", &issuer.name), at.0);
            }
        }
    };
    each("repod_crl_this_update_timestamp_seconds", "when the list of a CA was made", |issuer| {
        issuer.list.as_ref().map(|list| list.this_update)
    });
    each("repod_crl_next_update_timestamp_seconds", "when the list of a CA ends", |issuer| {
        issuer.list.as_ref().map(|list| list.next_update)
    });
    let help = "when the list of a CA ends with its grace, and the gate closes";
    each("repod_crl_closes_timestamp_seconds", help, |issuer| {
        issuer.list.as_ref().map(|list| list.closes)
    });
    let help = "when the certificate of a CA ends";
    each("repod_ca_not_after_timestamp_seconds", help, |issuer| Some(issuer.not_after));
    if let Some(end) = server {
        let name = "repod_server_certificate_not_after_timestamp_seconds";
        page.gauge(name, "when the server's own certificate ends", end.0);
    }
}

/// Whether the clock is trusted.
pub(super) fn write_clock(present: &Gauges, page: &mut Page) {
    let help = "1 while the clock is in doubt, because it jumped";
    page.flag("repod_clock_in_doubt", help, present.doubt.is_some());
    let help = "1 for an hour after a jump of the clock was over";
    page.flag("repod_clock_jumped", help, present.has_jumped);
    let name = "repod_clock_off_seconds";
    page.head(name, "gauge", "how far a clock in doubt is ahead of where it was expected");
    if let Some(off) = present.doubt.and_then(|doubt| doubt.off_seconds) {
        page.line(name, "", off);
    }
}

/// Each suite and its queue.
pub(super) fn write_suites(present: &Gauges, page: &mut Page) {
    let name = "repod_suite_generation";
    page.head(name, "gauge", "the live generation; 0 before the first");
    for one in &present.suites {
        page.line(name, &label("suite", &one.suite), one.generation);
    }
    let name = "repod_suite_date_timestamp_seconds";
    page.head(name, "gauge", "the Date of what is served");
    let signed = || present.suites.iter().filter_map(|one| Some((&one.suite, one.signed?)));
    for (suite, (date, _)) in signed() {
        page.line(name, &label("suite", suite), date.0);
    }
    let name = "repod_suite_valid_until_timestamp_seconds";
    page.head(name, "gauge", "the Valid-Until of what is served: hosts refuse the suite after it");
    for (suite, (_, until)) in signed() {
        page.line(name, &label("suite", suite), until.0);
    }
    let name = "repod_queue_jobs";
    page.head(name, "gauge", "changes that are not made yet: waiting, or being made");
    for one in &present.suites {
        for (state, count) in [("waiting", one.queue.waiting), ("making", one.queue.making)] {
            page.line(name, &format!("{{suite=\"{}\",state=\"{state}\"}}", one.suite), count);
        }
    }
    let name = "repod_queue_oldest_age_seconds";
    page.head(name, "gauge", "how long the oldest of them has been there; 0 when there is none");
    for one in &present.suites {
        page.line(name, &label("suite", &one.suite), one.queue.oldest.as_secs_f64());
    }
}

/// Whether changes are recorded, and whether what has to be is on the disk.
pub(super) fn write_stores(repository: &Repository, present: &Gauges, page: &mut Page) {
    let stopped = writing::stopped(repository);
    page.head("repod_writable", "gauge", "1 while a store is written to; 0 after a failed sync");
    for store in writing::STORES {
        let is_written = stopped.iter().all(|one| one.store != store);
        page.line("repod_writable", &format!("{{store=\"{store}\"}}"), u64::from(is_written));
    }
    let help = "1 while the room for revocations on a full disk is there";
    page.flag("repod_reserve_whole", help, repository.trust.reserve().is_whole());
    let help = "1 while a revocation list is in force and not on the disk";
    page.flag("repod_crl_unstored", help, repository.trust.unstored().is_some());
    let help = "1 while the revocation list has to be made anew and could not be";
    page.flag("repod_crl_owed", help, present.is_crl_owed);
    let help = "1 while rights are recorded that are not in force";
    page.flag("repod_rights_owed", help, present.are_rights_owed);
    page.flag("repod_audit_broken", "1 after the audit log was altered", present.is_audit_broken);
    let name = "repod_files_unreadable";
    page.head(name, "gauge", "1 while a configured file could not be read again");
    for (mishap, word) in Mishap::ALL {
        let is_so = present.unreadable.contains(&mishap);
        page.line(name, &label("file", word), u64::from(is_so));
    }
    let name = "repod_damage";
    page.head(name, "gauge", "what was found damaged since the start, by what became of it");
    for word in gauges::FATES {
        let count = present.damage.get(word).copied().unwrap_or_default();
        page.line(name, &label("fate", word), count);
    }
    let help = "the largest package that is taken, limits.package_bytes";
    page.gauge("repod_package_limit_bytes", help, present.package_bytes);
    let help = "what goes by what suites keep, and is not freed yet; looked at every hour";
    page.gauge("repod_gc_reclaimable_bytes", help, present.reclaimable_bytes);
}

pub(super) fn write_scrub(repository: &Repository, page: &mut Page) {
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

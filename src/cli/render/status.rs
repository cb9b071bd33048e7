//! The state of the server.

use super::pairs;
use crate::api::{ScrubPass, ScrubStatus, Status, TrustStatus};
use crate::cli::table::Table;
use crate::cli::text::{age, escape, size, when};
use crate::time::Moment;

/// A clock that is off by more than this gets a line. Unit: seconds.
const CLOCKS_MAY_DIFFER_SECONDS: u64 = 5;

/// The state of the server and its suites. Concerns come last, where they are noticed.
pub fn status(status: &Status, now: Moment) -> String {
    let server_now = Moment(status.now);
    let ends = |at: Option<i64>| at.map_or("unknown".into(), |at| when(at, server_now));
    let trust = &status.trust;
    let mut lines = vec![
        ("server", format!("{} (repod {})", status.name, status.version)),
        ("room", status.room_bytes.map_or("unknown".into(), size)),
        ("revocation list ends", ends(trust.crl_next_update)),
        ("authority ends", ends(trust.ca_not_after)),
        ("server certificate ends", ends(trust.server_certificate_not_after)),
        ("client certificates ending soon", ending_soon(trust, server_now)),
    ];
    if let Some(scrub) = &status.scrub {
        lines.push(("last scrub", last_scrub(scrub, server_now)));
        if let Some(pass) = &scrub.present {
            lines.push(("present scrub", present_scrub(pass, server_now)));
        }
    }
    let off = server_now.since(now);
    if off.unsigned_abs() > CLOCKS_MAY_DIFFER_SECONDS {
        let way = if off > 0 { "ahead of" } else { "behind" };
        lines.push(("clock", format!("{} s {way} this machine", off.unsigned_abs())));
    }
    let mut out = pairs(0, &lines);
    let suites = suites(status, server_now);
    if !suites.is_empty() {
        out.push_str(&format!("\n{suites}"));
    }
    if !status.warnings.is_empty() {
        out.push('\n');
    }
    for warning in &status.warnings {
        out.push_str(&format!("WARNING {}: {}\n", escape(&warning.code), escape(&warning.text)));
    }
    out
}

/// How many of them are named; `repoctl host list` has the rest.
const NAMED: usize = 4;

/// `2: web-01.example.org in 3 days, ci.example.org in 12 days`.
fn ending_soon(trust: &TrustStatus, now: Moment) -> String {
    let first = trust.first_to_expire.iter().take(NAMED);
    let named: Vec<_> =
        first.map(|one| format!("{} {}", escape(&one.identity), age(one.not_after, now))).collect();
    let count = trust.certificates_expiring_soon;
    match named.is_empty() {
        true => count.to_string(),
        false if count > named.len() as u64 => format!("{count}: {}, …", named.join(", ")),
        false => format!("{count}: {}", named.join(", ")),
    }
}

fn last_scrub(scrub: &ScrubStatus, now: Moment) -> String {
    let Some(pass) = &scrub.last else { return "none has ended yet".into() };
    let ended = pass.ended_at.map_or("unknown".into(), |at| when(at, now));
    format!("{ended}, {} read, {}", size(pass.read_bytes), findings(pass.findings))
}

fn present_scrub(pass: &ScrubPass, now: Moment) -> String {
    let expected = pass.expected_bytes.unwrap_or_default().max(1);
    let percent = u128::from(pass.read_bytes) * 100 / u128::from(expected);
    let begun = age(pass.began_at, now);
    format!("begun {begun}, {percent} % of {}, {}", size(expected), findings(pass.findings))
}

fn findings(count: u64) -> String {
    match count {
        0 => "no findings".into(),
        1 => "1 finding".into(),
        count => format!("{count} findings"),
    }
}

fn suites(status: &Status, now: Moment) -> String {
    let headings =
        ["SUITE", ">GENERATION", "PUBLISHED", "VALID UNTIL", ">PACKAGES", ">WAITING", ">PINS"];
    let mut table = Table::new(&headings);
    for suite in &status.suites {
        table.row([
            suite.suite.to_string(),
            suite.generation.to_string(),
            suite.date.map(|date| age(date, now)).unwrap_or_default(),
            suite.valid_until.map(|until| age(until, now)).unwrap_or_default(),
            suite.packages.to_string(),
            suite.waiting.to_string(),
            suite.pins.to_string(),
        ]);
    }
    table.lines(0)
}

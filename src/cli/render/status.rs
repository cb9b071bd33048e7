//! The state of the server.

use super::suite::held;
use super::{pairs, rollout};
use crate::api::{ScrubPass, ScrubStatus, Status, SuiteStatus, TrustStatus};
use crate::cli::sheet::Sheet;
use crate::cli::table::Table;
use crate::cli::text::{age, count, escape, size, when};
use crate::time::Moment;

/// A clock that is off by more than this gets a line. Unit: seconds.
const CLOCKS_MAY_DIFFER_SECONDS: u64 = 5;

/// The state of the server and its suites. Concerns come last, where they are noticed.
pub fn status(status: &Status, sheet: &Sheet) -> String {
    let server_now = Moment(status.now);
    let ends = |at: Option<i64>| at.map_or("unknown".into(), |at| when(at, server_now));
    let trust = &status.trust;
    let mut lines = vec![
        ("server", format!("{} (repod {})", status.name, status.version)),
        ("free space", status.room_bytes.map_or("unknown".into(), size)),
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
    let off = server_now.since(sheet.now);
    if off.unsigned_abs() > CLOCKS_MAY_DIFFER_SECONDS {
        let way = if off > 0 { "ahead of" } else { "behind" };
        lines.push(("clock", format!("{} s {way} this machine", off.unsigned_abs())));
    }
    let mut out = pairs(0, &lines);
    let suites = suites(status, &Sheet { now: server_now, ..*sheet });
    if !suites.is_empty() {
        out.push_str(&format!("\n{suites}"));
    }
    if !status.warnings.is_empty() {
        out.push('\n');
    }
    for warning in &status.warnings {
        let line = format!("WARNING {}: {}\n", escape(&warning.code), escape(&warning.text));
        out.push_str(&sheet.heads(&line));
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
    let all = trust.certificates_expiring_soon;
    match named.is_empty() {
        true => all.to_string(),
        false if all > named.len() as u64 => format!("{all}: {}, …", named.join(", ")),
        false => format!("{all}: {}", named.join(", ")),
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

fn findings(found: u64) -> String {
    match found {
        0 => "no findings".into(),
        some => count(some, "finding"),
    }
}

fn suites(status: &Status, sheet: &Sheet) -> String {
    let headings =
        ["SUITE", ">GENERATION", "PUBLISHED", "VALID UNTIL", ">PACKAGES", ">WAITING", ">PINS"];
    let mut table = Table::new(&headings);
    for suite in &status.suites {
        table.row([
            suite.suite.to_string(),
            suite.generation.to_string(),
            suite.date.map(|date| age(date, sheet.now)).unwrap_or_default(),
            suite.valid_until.map(|until| age(until, sheet.now)).unwrap_or_default(),
            suite.packages.to_string(),
            suite.waiting.to_string(),
            suite.pins.to_string(),
        ]);
    }
    let held = |suite: &SuiteStatus| {
        let hold = suite.hold.as_ref()?;
        Some(format!("suite {} offers nothing new: held {}\n", suite.suite, held(hold, sheet.now)))
    };
    let rollouts = |suite: &SuiteStatus| {
        let line = |one| format!("suite {}: {}", suite.suite, rollout::line(one));
        suite.rollouts.iter().map(line).collect::<String>()
    };
    let held: String = status.suites.iter().filter_map(held).collect();
    let held = held + &status.suites.iter().map(rollouts).collect::<String>();
    let apart = if held.is_empty() { "" } else { "\n" };
    format!("{}{apart}{held}", table.lines(0, sheet))
}
